"""The tracks of a file that are used."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from native_screens import NativeCase, make

from komorebi_qc.core.errors import InputError
from komorebi_qc.core.media_info import VideoTracks
from komorebi_qc.core.source import Source
from komorebi_qc.media.opening import RECORDING_FORMATS, open_container, video_stream
from komorebi_qc.media.packet_timing import measure_timing
from komorebi_qc.media.probe import probe_recording

if TYPE_CHECKING:
    from pathlib import Path

SIZES = ((320, 180), (640, 360), (480, 270))


@pytest.fixture(scope="module")
def monitors(tmp_path_factory: pytest.TempPathFactory) -> Source:
    """A silent screen recording of three monitors, each in a track of its own."""
    folder: Path = tmp_path_factory.mktemp("monitors")
    content = make(folder, NativeCase("three", 1, "none", sizes=SIZES, voice=2)).recording.read_bytes()
    return Source("screen.mp4", io.BytesIO(content), len(content))


@pytest.mark.parametrize("number", [0, 1, 2, 3])
def test_a_named_track_is_used_everywhere(monitors: Source, number: int) -> None:
    """Without a number it is the first one; all readers of the file agree."""
    source, used = replace(monitors, video_track=number), max(number, 1)
    info = probe_recording(source)
    assert info.video_tracks == VideoTracks(SIZES, used, number > 0)
    assert info.video is not None
    assert (info.video.width, info.video.height) == SIZES[used - 1]
    with open_container(source.reopen(), RECORDING_FORMATS) as container:
        assert video_stream(container).index == container.streams.video[used - 1].index
    timing = measure_timing(source)
    assert timing.video is not None
    assert timing.video.median_fps == pytest.approx(5.0)


def test_a_track_that_isnt_there_is_an_error(monitors: Source) -> None:
    """The text says how many there are."""
    with pytest.raises(InputError, match=r"screen\.mp4 has 3 video tracks, and track 4 was named"):
        probe_recording(replace(monitors, video_track=4))
