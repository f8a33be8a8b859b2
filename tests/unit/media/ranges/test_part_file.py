"""Parts of a file in a row."""

from __future__ import annotations

import io

from komorebi_qc.core.source import Source
from komorebi_qc.media.ranges.blocks import BlockFile
from komorebi_qc.media.ranges.part_file import PartFile

CONTENT = bytes(range(200))


def _parts() -> PartFile:
    return PartFile(BlockFile(Source("a", io.BytesIO(CONTENT), 200)), b"head", [(10, 20), (50, 53)])


def test_the_head_and_the_stretches_follow_each_other() -> None:
    """Reads over their borders are one text, and a seek works from every place."""
    whole = b"head" + CONTENT[10:20] + CONTENT[50:53]
    file = _parts()
    assert file.size == len(whole)
    assert file.read() == whole
    for at in range(len(whole) + 2):
        for size in (1, 5, 99):
            file.seek(at)
            assert file.read(size) == whole[at : at + size]
    assert file.seek(-2, io.SEEK_END) == len(whole) - 2
    assert file.read() == whole[-2:]
    file.seek(4)
    file.seek(3, io.SEEK_CUR)
    assert file.read(1) == whole[7:8]


def test_a_head_alone() -> None:
    """Without stretches, the head is the file."""
    file = PartFile(BlockFile(Source("a", io.BytesIO(CONTENT), 200)), b"head", [])
    assert (file.size, file.read(), file.read(4)) == (4, b"head", b"")
