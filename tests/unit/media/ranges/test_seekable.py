"""A file put together from parts has a position like any other."""

from __future__ import annotations

import io

import pytest

from komorebi_qc.media.ranges.seekable import SeekableFile


@pytest.mark.parametrize(
    ("offset", "whence", "expected"),
    [
        (3, io.SEEK_SET, 3),
        (2, io.SEEK_CUR, 6),
        (-1, io.SEEK_END, 9),
        (5, io.SEEK_END, 15),
        (-99, io.SEEK_CUR, 0),
    ],
)
def test_a_position_counts_from_the_start_the_place_or_the_end(offset: int, whence: int, expected: int) -> None:
    """It may be behind the end, and never before the start."""
    file = SeekableFile(10)
    file.seek(4)
    assert file.seek(offset, whence) == file.tell() == expected
    assert file.readable()
    assert file.seekable()
