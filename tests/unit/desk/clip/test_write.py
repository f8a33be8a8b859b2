"""A clip as a file: audio and video at the right time, complete or missing."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import pytest
from desk import RATE, clicking, sample_session, wrong_session

from komorebi_qc.core.errors import InputError
from komorebi_qc.desk.clip import ClipJob, refuse_output, write_clip

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

AT_S = 7.25
AUDIO_RATE = 48_000


def audio_of(path: Path) -> NDArray[np.float32]:
    """A clip's audio, each sample at its presentation time."""
    with av.open(str(path)) as container:
        out = np.zeros((AUDIO_RATE * 8, 2), np.float32)
        for frame in container.decode(audio=0):
            block = np.asarray(frame.to_ndarray()).T
            first = round(float(frame.time or 0.0) * AUDIO_RATE)
            block, first = block[max(-first, 0) :], max(first, 0)
            out[first : first + len(block)] = block
    return out


@pytest.mark.parametrize(("sound", "from_middle_s"), [("output", 0.9), ("sides", -0.7)])
def test_a_click_is_at_its_time(sound: Any, from_middle_s: float, tmp_path: Path) -> None:
    """A click in every track is within 1 ms of its time in the decoded clip, left and right."""
    job = ClipJob(AT_S + from_middle_s, 2.0, sound=sound, width=320, height=240)
    start_s, end_s = write_clip(clicking(AT_S), job, tmp_path / "clip.mp4")
    assert end_s - start_s == pytest.approx(2.0)
    for side in audio_of(tmp_path / "clip.mp4").T:
        at_s = int(np.abs(side).argmax()) / AUDIO_RATE + start_s
        assert abs(at_s - AT_S) < 0.001
        assert np.abs(side).max() > 0.1


def test_the_sides_are_left_and_right(tmp_path: Path) -> None:
    """With `sides`, the call audio is left only, and the recording is right only."""
    found = clicking(AT_S)
    found.tracks.recording[:] = 0  # the same array as the customer's and the output's
    track = np.zeros_like(found.tracks.recording)
    track[round(AT_S * RATE)] = 30_000
    object.__setattr__(found.tracks, "customer", track)
    write_clip(found, ClipJob(AT_S, 1.0, sound="sides", width=320, height=240), tmp_path / "clip.mp4")
    left, right = audio_of(tmp_path / "clip.mp4").T
    assert np.abs(left).max() > 0.1
    assert np.abs(right).max() < 0.001


def test_a_clip_is_h264_and_aac(tmp_path: Path) -> None:
    """An MP4 of the requested size and length, and no other file in the folder."""
    write_clip(sample_session().examined, ClipJob(AT_S, 2.0, width=640, height=360), tmp_path / "clip.mp4")
    with av.open(str(tmp_path / "clip.mp4")) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        assert (video.codec_context.name, audio.codec_context.name) == ("h264", "aac")
        assert (video.codec_context.width, video.codec_context.height) == (640, 360)
        assert float(container.duration or 0) / av.time_base == pytest.approx(2.0, abs=0.05)
        assert sum(1 for _ in container.decode(video)) == 50
    assert [path.name for path in tmp_path.iterdir()] == ["clip.mp4"]


def test_a_clip_stays_inside_the_recording(tmp_path: Path) -> None:
    """Near an end the clip moves, and keeps its length."""
    found = sample_session().examined
    length_s = len(found.tracks.recording) / RATE
    small = {"width": 320, "height": 240}
    assert write_clip(found, ClipJob(0.1, 1.0, **small), tmp_path / "a.mp4")[0] == 0.0  # type: ignore[arg-type]
    start_s, end_s = write_clip(found, ClipJob(length_s, 1.0, **small), tmp_path / "b.mp4")  # type: ignore[arg-type]
    assert end_s == pytest.approx(length_s, abs=0.001)
    assert end_s - start_s == pytest.approx(1.0)


def test_a_wrong_pair_has_a_clip(tmp_path: Path) -> None:
    """Without a unified recording, the clip shows the agent recording, with the audio of both sides."""
    found = wrong_session().examined
    assert found.outcome is None
    write_clip(found, ClipJob(5.0, 1.0, sound="sides", width=320, height=240), tmp_path / "clip.mp4")
    assert np.abs(audio_of(tmp_path / "clip.mp4")).max() > 0.01


@pytest.mark.parametrize(
    ("at_s", "name", "words"),
    [
        (-1.0, "clip.mp4", "is outside the unified recording"),
        (1e6, "clip.mp4", "is outside the unified recording, which lasts 00:00:3"),
        (AT_S, "clip.avi", "must be named .mp4"),
        (AT_S, "nowhere/clip.mp4", "nowhere doesn't exist; make it first"),
    ],
)
def test_a_clip_that_cant_be_written_is_refused(at_s: float, name: str, words: str, tmp_path: Path) -> None:
    """One sentence, before any file is written."""
    with pytest.raises(InputError, match=words):
        write_clip(sample_session().examined, ClipJob(at_s), tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_without_the_right_to_write(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Found before any work."""
    monkeypatch.setattr(os, "access", lambda _path, _mode: False)
    with pytest.raises(InputError, match="no permission to write in"):
        refuse_output(tmp_path / "clip.mp4")


def test_an_input_is_never_overwritten(tmp_path: Path) -> None:
    """A clip with the name of the recording is refused."""
    (tmp_path / "own.mp4").write_bytes(b"own")
    with pytest.raises(InputError, match="is the input"):
        refuse_output(tmp_path / "own.mp4", tmp_path / "own.mp4")


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without moviepy, the error has the line that installs it."""
    monkeypatch.setattr("komorebi_qc.desk.clip.write.find_spec", lambda _name: None)
    with pytest.raises(InputError, match=r"a clip needs moviepy.*\[desk\]"):
        refuse_output(tmp_path / "clip.mp4")
