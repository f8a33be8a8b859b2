"""The file that FFmpeg writes into."""

from __future__ import annotations

import io

import pytest

from komorebi_qc.media.mux.sink import OutputSink
from komorebi_qc.media.mux.webm_timestamps import BlockStamps


class BrokenFile(io.BytesIO):
    """A file that refuses every write and every seek, and counts them."""

    refused = 0

    def write(self, data: object) -> int:  # noqa: ARG002  the interface of a file
        """Refuse."""
        self.refused += 1
        raise OSError(28, "No space left on device")

    def seek(self, offset: int, whence: int = 0, /) -> int:  # noqa: ARG002  the interface of a file
        """Refuse."""
        self.refused += 1
        raise OSError(5, "Input/output error")


def test_writes_and_seeks_reach_the_file() -> None:
    """The index at the front is written again; the size is that of the file."""
    file = io.BytesIO()
    sink = OutputSink(file)
    assert sink.write(b"head....") == 8
    assert sink.write(b"body") == 4
    assert sink.seek(4) == 4
    sink.write(b"over")
    assert (sink.tell(), sink.size) == (8, 12)
    assert sink.seek(-2, io.SEEK_END) == 10
    assert sink.seek(-1, io.SEEK_CUR) == 9
    sink.raise_error()
    assert file.getvalue() == b"headoverbody"
    assert sink.writable()
    assert sink.seekable()


@pytest.mark.parametrize("first", ["write", "seek"])
def test_an_error_is_raised_later_and_the_file_is_left_alone(first: str) -> None:
    """FFmpeg continues as if the file took everything; the first error is the one that is raised."""
    file = BrokenFile()
    sink = OutputSink(file)
    if first == "seek":
        sink.seek(3)
    assert sink.write(b"12345") == 5
    assert sink.seek(0) == 0
    sink.write(b"12")
    assert file.refused == 1
    with pytest.raises(OSError, match="No space left" if first == "write" else "Input/output"):
        sink.raise_error()


def test_only_new_bytes_are_scanned_for_blocks() -> None:
    """Bytes that are written again at the front aren't taken for new blocks."""
    cluster = b"\x1f\x43\xb6\x75\xff\xe7\x81\x05\xa3\x85\x81\x00\x02\x80\x00"
    sink = OutputSink(io.BytesIO(), BlockStamps())
    sink.write(cluster)
    assert sink.blocks is not None
    assert sink.blocks.seconds(1).tolist() == [0.007]
    sink.seek(0)
    sink.write(cluster)
    assert sink.blocks.seconds(1).tolist() == [0.007]
