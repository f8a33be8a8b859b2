"""The guard checks bytes before FFmpeg has them, in whatever order they are read."""

from __future__ import annotations

import io

import bombs
import pytest
from captures import CAPTURES

from komorebi_qc.core.errors import MediaError
from komorebi_qc.core.source import Source
from komorebi_qc.media.bounds.guard import IndexGuard


def test_bytes_that_were_skipped_are_read_by_the_guard() -> None:
    """A reader that jumps over a declaration doesn't hide it, and the file's position stays."""
    content = bombs.declared_samples(6_000_000) + bytes(5000)
    source = Source("a.mp4", io.BytesIO(content), len(content))
    guard = IndexGuard(source, content[:512])
    source.file.seek(4000)
    data = source.file.read(100)
    with pytest.raises(MediaError, match="6,000,000 samples"):
        guard.see(4000, data)


def test_the_position_stays() -> None:
    """Also after the guard has read on by itself."""
    content = CAPTURES["sample"].recording.read_bytes()
    source = Source("a.mp4", io.BytesIO(content), len(content))
    guard = IndexGuard(source, content[:512])
    while data := source.file.read(701):
        at = source.file.tell()
        guard.see(at - len(data), data)
        assert source.file.tell() == at
    assert not guard.is_active


def test_nothing_is_checked_twice() -> None:
    """All readers of a source share what is known of it."""
    content = CAPTURES["vp8.webm"].recording.read_bytes()
    source = Source("a.webm", io.BytesIO(content), len(content))
    assert IndexGuard(source, content[:512]).is_active
    source.structure.is_checked = True
    assert not IndexGuard(source.reopen(), content[:512]).is_active


def test_any_other_file_is_left_to_ffmpeg() -> None:
    """Bytes without a structure end the walk."""
    content = bytes(range(256)) * 100
    source = Source("a", io.BytesIO(content), len(content))
    guard = IndexGuard(source, content[:512])
    guard.see(0, content)
