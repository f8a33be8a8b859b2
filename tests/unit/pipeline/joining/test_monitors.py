"""A recording with all of its monitors in one picture, if that was chosen."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from captures import CAPTURES
from monitor_tracks import Track, write_tracks

from komorebi_qc.core.errors import MediaError
from komorebi_qc.core.joining.part import Part
from komorebi_qc.core.media_info import VideoTracks
from komorebi_qc.core.source import Source
from komorebi_qc.core.timebase import Span
from komorebi_qc.media.probe import probe_recording
from komorebi_qc.pipeline.joining.monitors import all_monitors

if TYPE_CHECKING:
    from pathlib import Path

ONE = Track((64, 48), ((0.0, 50), (0.2, 90)))


def source_of(path: Path) -> Source:
    """A file in memory."""
    return Source(path.name, io.BytesIO(path.read_bytes()), path.stat().st_size, etag="e", version=("1",))


def test_one_picture_has_all_of_them(tmp_path: Path) -> None:
    """It is read as the recording: its name and version stay, and its tracks are known."""
    source = source_of(write_tracks(tmp_path / "two.mp4", (ONE, ONE)))
    with all_monitors(source, "side-by-side") as found:
        info = probe_recording(found)
    assert (found.name, found.etag, found.version) == ("two.mp4", "e", ("1",))
    assert info.video is not None
    assert (info.video.width, info.video.height) == (128, 48)
    assert info.video_tracks == VideoTracks(((64, 48), (64, 48)), is_side_by_side=True)


def test_nothing_changes_without_the_choice_or_without_several_tracks(tmp_path: Path) -> None:
    """The very same file is read; so is one that was joined of several."""
    two, single = source_of(write_tracks(tmp_path / "two.mp4", (ONE, ONE))), source_of(CAPTURES["sample"].recording)
    joined = replace(two, parts=(Part("a", 0.0, Span(0.0, 1.0), 1.0, "sound", 0.0),))
    with (
        all_monitors(two, "first") as first,
        all_monitors(single, "side-by-side") as only,
        all_monitors(joined, "side-by-side") as parts,
    ):
        assert (first, only, parts) == (two, single, joined)


def test_more_monitors_than_three_are_refused(tmp_path: Path) -> None:
    """The text says how to use one of them."""
    source = source_of(write_tracks(tmp_path / "four.mp4", (ONE,) * 4))
    with (
        pytest.raises(MediaError, match=r"four\.mp4: 4 video tracks, and at most 3 .* KOMOREBI_VIDEO_TRACK"),
        all_monitors(source, "side-by-side"),
    ):
        pass
