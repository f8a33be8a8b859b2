"""A file that is fetched block by block."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, BinaryIO, cast

from komorebi_qc.core.source import Source
from komorebi_qc.media.ranges.blocks import BLOCK_BYTES, BlockFile

if TYPE_CHECKING:
    from collections.abc import Callable

CONTENT = bytes(range(256)) * (3 * BLOCK_BYTES // 256) + b"the end"


class _Remote(io.BytesIO):
    """A reader that notes what is read."""

    def __init__(self, reads: list[tuple[int, int]]) -> None:
        super().__init__(CONTENT)
        self.reads = reads

    def read(self, size: int | None = -1, /) -> bytes:
        self.reads.append((self.tell(), -1 if size is None else size))
        return super().read(size)


def _blocks() -> tuple[BlockFile, list[tuple[int, int]]]:
    reads: list[tuple[int, int]] = []
    again = cast("Callable[[], BinaryIO]", lambda: _Remote(reads))
    return BlockFile(Source("s3://bucket/key", again(), len(CONTENT), again)), reads


def test_it_reads_as_the_file_does() -> None:
    """Reads within a block, over its end, of all of it, and behind the end are those of the source."""
    file, _ = _blocks()
    whole = io.BytesIO(CONTENT)
    for at, size in ((0, 16), (BLOCK_BYTES - 3, 10), (5, 2 * BLOCK_BYTES), (len(CONTENT) - 3, 99), (len(CONTENT), 1)):
        assert file.seek(at) == whole.seek(at)
        assert file.read(size) == whole.read(size)
        assert file.tell() == whole.tell()
    file.seek(-7, io.SEEK_END)
    assert file.read() == b"the end"
    assert file.read_at(256, 4) == bytes(range(4))


def test_each_block_is_fetched_once_by_one_request() -> None:
    """Only the blocks that are read are fetched, and nothing ahead of them."""
    file, reads = _blocks()
    for at in (10, 2 * BLOCK_BYTES + 5, 20):
        file.seek(at)
        file.read(100)
    assert reads == [(0, BLOCK_BYTES), (2 * BLOCK_BYTES, BLOCK_BYTES)]
    assert (file.fetches, file.fetched_bytes) == (2, 2 * BLOCK_BYTES)


def test_a_file_on_disk_is_read_in_place() -> None:
    """A source that isn't remote has one reader."""
    file = BlockFile(Source("a.mp4", io.BytesIO(CONTENT), len(CONTENT)))
    file.seek(3 * BLOCK_BYTES)
    assert file.read(100) == b"the end"
    assert file.fetched_bytes == 7


def test_a_stretch_is_fetched_by_one_request() -> None:
    """Blocks that are known already split it; a long read is such a stretch, too."""
    file, reads = _blocks()
    file.read_at(BLOCK_BYTES + 9, 1)
    file.prefetch(5, len(CONTENT))
    assert reads == [(BLOCK_BYTES, BLOCK_BYTES), (0, BLOCK_BYTES), (2 * BLOCK_BYTES, BLOCK_BYTES + 7)]
    assert file.read_at(0, len(CONTENT)) == CONTENT
    assert file.fetches == 3
    other, reads = _blocks()
    assert other.read_at(0, len(CONTENT)) == CONTENT
    assert reads == [(0, len(CONTENT))]


class _Ranged(io.BytesIO):
    """A remote reader that can read a range alone."""

    def __init__(self, ranges: list[tuple[int, int]]) -> None:
        super().__init__()
        self.ranges = ranges

    def read_range(self, start: int, count: int) -> bytes:
        """Return the bytes, and note the range."""
        self.ranges.append((start, count))
        return CONTENT[start : start + count]


def test_a_range_is_asked_for_alone() -> None:
    """A reader that can read a range without more is asked for it."""
    ranges: list[tuple[int, int]] = []
    again = cast("Callable[[], BinaryIO]", lambda: _Ranged(ranges))
    file = BlockFile(Source("s3://bucket/key", again(), len(CONTENT), again))
    assert file.read_at(BLOCK_BYTES + 1, 4) == CONTENT[BLOCK_BYTES + 1 : BLOCK_BYTES + 5]
    assert ranges == [(BLOCK_BYTES, BLOCK_BYTES)]
