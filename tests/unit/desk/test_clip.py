"""The clip: sound and picture where they belong, to the millisecond, fast enough, whole or not at all."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import pytest
from desk import RATE, clicking, sample_case, wrong_case

from komorebi_qc.core.errors import InputError
from komorebi_qc.desk import clip as clips
from komorebi_qc.desk.clip import ClipJob, Painter, write_clip

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

AT_S = 7.25
AUDIO_RATE = 48_000


def heard(path: Path) -> NDArray[np.float32]:
    """A clip's sound, each sample at its presentation time."""
    with av.open(str(path)) as container:
        out = np.zeros((AUDIO_RATE * 8, 2), np.float32)
        for frame in container.decode(audio=0):
            block = np.asarray(frame.to_ndarray()).T
            first = round(float(frame.time or 0.0) * AUDIO_RATE)
            block, first = block[max(-first, 0) :], max(first, 0)
            out[first : first + len(block)] = block
    return out


@pytest.mark.parametrize("sound", ["output", "sides"])
@pytest.mark.parametrize("from_middle_s", [0.0, 0.9, -0.7])
def test_a_click_is_heard_where_it_was_made(sound: Any, from_middle_s: float, tmp_path: Path) -> None:
    """A click in every track lies within 1 ms of its place in the decoded clip, in both ears."""
    job = ClipJob(AT_S + from_middle_s, 2.0, sound=sound, width=320, height=240)
    start_s, end_s = write_clip(clicking(AT_S), job, tmp_path / "clip.mp4")
    assert end_s - start_s == pytest.approx(2.0)
    for ear in heard(tmp_path / "clip.mp4").T:
        at_s = int(np.abs(ear).argmax()) / AUDIO_RATE + start_s
        assert abs(at_s - AT_S) < 0.001
        assert np.abs(ear).max() > 0.1


def test_both_sides_are_in_their_ears(tmp_path: Path) -> None:
    """With `sides`, the left ear has Connect's audio alone and the right one the recording's alone."""
    found = clicking(AT_S)
    found.lanes.recording[:] = 0  # the same array as the customer's and the output's
    lane = np.zeros_like(found.lanes.recording)
    lane[round(AT_S * RATE)] = 30_000
    object.__setattr__(found.lanes, "customer", lane)
    write_clip(found, ClipJob(AT_S, 1.0, sound="sides", width=320, height=240), tmp_path / "clip.mp4")
    left, right = heard(tmp_path / "clip.mp4").T
    assert np.abs(left).max() > 0.1
    assert np.abs(right).max() < 0.001


def test_the_file_is_what_was_asked_for(tmp_path: Path) -> None:
    """H.264 and AAC in MP4, of the size and length asked for, and nothing else is left in the folder."""
    write_clip(sample_case().examined, ClipJob(AT_S, 2.0, width=640, height=360), tmp_path / "clip.mp4")
    with av.open(str(tmp_path / "clip.mp4")) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        assert (video.codec_context.name, audio.codec_context.name) == ("h264", "aac")
        assert (video.codec_context.width, video.codec_context.height) == (640, 360)
        assert float(container.duration or 0) / av.time_base == pytest.approx(2.0, abs=0.05)
        assert sum(1 for _ in container.decode(video)) == 50
    assert [path.name for path in tmp_path.iterdir()] == ["clip.mp4"]


def test_it_keeps_inside_the_recording(tmp_path: Path) -> None:
    """Near an end the clip is moved, not cut; one longer than the recording has all of it."""
    found = sample_case().examined
    length_s = len(found.lanes.recording) / RATE
    small = {"width": 320, "height": 240}
    assert write_clip(found, ClipJob(0.1, 1.0, **small), tmp_path / "a.mp4")[0] == 0.0  # type: ignore[arg-type]
    start_s, end_s = write_clip(found, ClipJob(length_s, 1.0, **small), tmp_path / "b.mp4")  # type: ignore[arg-type]
    assert end_s == pytest.approx(length_s, abs=0.001)
    assert end_s - start_s == pytest.approx(1.0)


def painter(seconds: float = 4.0, *, width: int = 1280, height: int = 720) -> tuple[Painter, Any]:
    """Draws the sample from `AT_S` on, and the container that it reads."""
    found = clicking(AT_S + 1.0)
    container = av.open(str(found.video))
    pictures = clips._Pictures(container, AT_S, 0.0)
    return Painter(found, ClipJob(AT_S, seconds, width=width, height=height), AT_S, seconds, pictures), container


@pytest.mark.parametrize("t", [0.0, 0.5, 0.96])
def test_the_click_comes_to_the_playhead_as_it_is_heard(t: float) -> None:
    """In each frame the click's line stands as far right of the playhead as it is still to come, to a pixel."""
    drawn, container = painter()
    with container:
        frame = drawn.frame(t).astype(int)
    lane = frame[720 - 288 : 720 - 288 + 60]
    yellow = (lane[:, :, 0] > 200) & (lane[:, :, 1] > 140) & (lane[:, :, 2] < 90)
    columns = np.flatnonzero(yellow[:, 600:].sum(axis=0) > 12) + 600
    assert columns.tolist() == [pytest.approx(640 + (1.0 - t) * 160, abs=1.01)]
    assert frame[700, 640].tolist() == [255, 94, 58]


def test_the_picture_is_the_one_of_the_moment() -> None:
    """Each frame shows the video frame that is seen at its time, whatever the order of frame rates."""
    found = sample_case().examined
    with av.open(str(found.video)) as container:
        times = [float(frame.time or 0.0) for frame in container.decode(video=0)]
    with av.open(str(found.video)) as container:
        pictures = clips._Pictures(container, 3.0, 0.0)
        for at_s in np.arange(3.0, 9.0, 0.04):
            shown = pictures.at(float(at_s))
            expected = max(t for t in times if t <= at_s + 1e-4)
            assert float(shown.time) == pytest.approx(expected, abs=1e-4)


def test_the_time_code_runs() -> None:
    """Two moments differ in the time code's corner, and each is drawn alike twice."""
    drawn, container = painter()
    with container:
        first = drawn.frame(0.0)[:40, :300].copy()
        later = drawn.frame(0.04)[:40, :300].copy()
    assert (first != later).any()
    assert first.max() > 200


def test_frames_are_drawn_faster_than_they_play() -> None:
    """At 720p a frame costs less CPU than a third of its share of real time, decoding included."""
    drawn, container = painter(seconds=4.0)
    with container:
        drawn.frame(0.0)
        began = time.process_time()
        for k in range(1, 100):
            drawn.frame(k / 25)
        each_s = (time.process_time() - began) / 99
    assert each_s < 0.04 / 3  # 2 to 3 ms on an idle core


def test_a_pair_that_does_not_match_can_be_looked_at(tmp_path: Path) -> None:
    """Where nothing was made, the clip shows the agent recording, and both sides are heard."""
    found = wrong_case().examined
    assert found.outcome is None
    write_clip(found, ClipJob(5.0, 1.0, sound="sides", width=320, height=240), tmp_path / "clip.mp4")
    assert np.abs(heard(tmp_path / "clip.mp4")).max() > 0.01


@pytest.mark.parametrize(
    ("changes", "name", "words"),
    [
        ({"at_s": -1.0}, "clip.mp4", "lies outside"),
        ({"at_s": 1e6}, "clip.mp4", "lies outside"),
        ({"seconds": 0.0}, "clip.mp4", "it takes from 0.2"),
        ({"seconds": 1e6}, "clip.mp4", "to 600 s"),
        ({"sound": "left"}, "clip.mp4", "none of output, sides"),
        ({"width": 641}, "clip.mp4", "even numbers"),
        ({}, "clip.avi", "isn't named .mp4"),
        ({}, "nowhere/clip.mp4", "can't be written"),
    ],
)
def test_bad_wishes_are_refused_in_a_sentence(changes: dict[str, Any], name: str, words: str, tmp_path: Path) -> None:
    """Each slip is answered by what was found, before anything is written."""
    with pytest.raises(InputError, match=words):
        write_clip(sample_case().examined, ClipJob(**{"at_s": AT_S, **changes}), tmp_path / name)
    assert list(tmp_path.iterdir()) == []
