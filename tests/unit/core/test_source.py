"""A source read by several readers, each with its own position."""

from __future__ import annotations

import io

import pytest

from komorebi_qc.core.source import Source


def test_two_readers_share_a_file() -> None:
    """Each reads on from its own place, whatever the other does."""
    source = Source("a.wav", io.BytesIO(b"abcdefghij"), 10, version=("a", "1"))
    assert not source.is_remote
    first, second = source.reopen(), source.reopen()
    assert (first.name, first.size, first.version) == ("a.wav", 10, ("a", "1"))
    assert first.file.read(3) == b"abc"
    assert second.file.read(2) == b"ab"
    assert first.file.read(2) == b"de"
    assert first.file.tell() == 5
    assert second.file.read() == b"cdefghij"


@pytest.mark.parametrize(
    ("offset", "whence", "at"), [(2, io.SEEK_SET, 2), (3, io.SEEK_CUR, 7), (-1, io.SEEK_CUR, 3), (-4, io.SEEK_END, 6)]
)
def test_a_view_seeks_in_every_way(offset: int, whence: int, at: int) -> None:
    """From the start, from its own place, and from the end."""
    view = Source("a.wav", io.BytesIO(b"abcdefghij"), 10).reopen().file
    assert view.readable()
    assert view.seekable()
    view.seek(4)
    assert view.seek(offset, whence) == at
    assert view.tell() == at
    assert view.read(1) == b"abcdefghij"[at : at + 1]


def test_a_remote_source_is_opened_again() -> None:
    """It opens one more file with the same bytes, and the new one can be opened again as well."""
    opened = []

    def again() -> io.BytesIO:
        opened.append(io.BytesIO(b"xyz"))
        return opened[-1]

    source = Source("s3://bucket/key", io.BytesIO(b"xyz"), 3, again)
    assert source.is_remote
    twice = source.reopen().reopen()
    assert twice.is_remote
    assert twice.file is opened[1]
    assert twice.file.read() == b"xyz"
