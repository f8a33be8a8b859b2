"""An examination makes what is to be shown, and changes nothing else."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

import av
import made
import numpy as np
import pytest
import soxr
from captures import CAPTURES
from report_pages import examined, noise

from komorebi_qc.core.timebase import CallEnd
from komorebi_qc.desk.report.audio_tracks import embedded_tracks, listen_tracks, write_track
from komorebi_qc.media.thumbnail import png_at
from komorebi_qc.pipeline.examine import Examined, Lanes
from komorebi_qc.storage.local import opened_file

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

RATE = 8000


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Examined:
    """The sample call, examined."""
    sample = CAPTURES["sample"]
    return examined(sample.call, sample.recording, sample.call_end, tmp_path_factory.mktemp("examined"))


def lag(one: NDArray[np.int16], other: NDArray[np.int16]) -> int:
    """By how many samples the second is late, to half a second."""
    size = 1 << (2 * len(one) - 1).bit_length()
    a, b = np.fft.rfft(one.astype(float), size), np.fft.rfft(other.astype(float), size)
    found = np.fft.irfft(b * a.conj(), size)
    near = np.concatenate([found[-RATE // 2 :], found[: RATE // 2]])
    return int(near.argmax()) - RATE // 2


def test_lanes_lie_where_they_are_heard(shown: Examined) -> None:
    """Both sides of the call lie in their lanes where the unified recording plays them, to a sample."""
    lanes = shown.lanes
    assert lanes.output is not None
    first, last = (round(at_s * RATE) for at_s in (shown.laid.call.start_s, shown.laid.call.end_s))
    both = ((lanes.customer.astype(np.int32) + lanes.agent) // 2).astype(np.int16)
    assert abs(lag(both[first:last], lanes.output[first:last])) <= 1
    assert abs(lag(lanes.recording[first:last], both[first:last])) <= 2
    assert not lanes.customer[: first - RATE // 50].any()


def test_the_document_is_the_one_on_disk(shown: Examined) -> None:
    """What is shown is what lies in qc.json beside the video."""
    assert json.loads((shown.folder / "recording.qc.json").read_text()) == json.loads(json.dumps(shown.document))
    assert shown.video.exists()
    assert shown.refused is None


def test_the_sound_outlives_the_inputs(shown: Examined) -> None:
    """The diagnosis can be drawn after the inputs were closed."""
    assert shown.diagnosis.heard.call[0:8000].shape == (8000, 2)


def test_wrong_pair_is_shown_all_the_same(tmp_path: Path) -> None:
    """Two that don't belong together make nothing, and are shown: a picture, and the call where it was told to lie."""
    call = np.stack([made.noise(60, RATE, seed) for seed in (1, 2)], axis=1)
    sound = soxr.resample(made.noise(70, RATE, 9) + made.noise(70, RATE, 10), RATE, made.RATE).astype(np.float32)
    recording = made.recording(tmp_path / "in.webm", made.Shape(seconds=70, fps=2), sound)
    found = examined(made.wav(tmp_path / "call.wav", call), recording, CallEnd(58.0, 1.0), tmp_path / "out")
    assert found.refused is not None
    assert "different calls" in found.refused
    assert found.outcome is None
    assert found.lanes.output is None
    assert found.video.read_bytes() == recording.read_bytes()
    with opened_file(recording) as source:
        assert (tmp_path / "out" / "thumbnail.png").read_bytes() == png_at(source, 1.0)
    assert found.alignment.offset_s == pytest.approx(-2.0)
    assert len(found.lanes.recording) >= 72 * RATE - RATE // 10
    assert not found.lanes.recording[: 2 * RATE - 100].any()


def test_recording_without_sound_is_shown(tmp_path: Path) -> None:
    """A recording with no audio track is examined as well: its lane is silent, and there is nothing to hear of it."""
    call = np.stack([made.noise(8, RATE, seed) for seed in (1, 2)], axis=1)
    recording = made.recording(tmp_path / "in.webm", made.Shape(seconds=10, audio=None))
    found = examined(made.wav(tmp_path / "call.wav", call), recording, CallEnd(9.0, 1.0), tmp_path / "out")
    assert not found.lanes.recording.any()
    assert set(listen_tracks(found.lanes, tmp_path / "out")) == {"customer", "agent"}


def decoded(file: Path) -> NDArray[np.float32]:
    """A track from second 0 on, as a player places it, ``(channels, n)``."""
    with av.open(str(file)) as container:
        frames = list(container.decode(audio=0))
    assert frames[0].pts == 0
    return np.concatenate([frame.to_ndarray() for frame in frames], axis=1)


def test_tracks_run_on_the_videos_clock(tmp_path: Path) -> None:
    """Every track to listen to is where its lane is, to a sample: AAC's priming is cut off by the edit list."""
    lanes = Lanes(noise(20, 1), noise(20, 2), noise(20, 3), None)
    found = listen_tracks(lanes, tmp_path)
    assert found == {name: f"audio/{name}.m4a" for name in ("customer", "agent", "recording", "both")}
    call = ((lanes.customer.astype(np.int32) + lanes.agent) // 2).astype(np.int16)
    wanted = {"customer": [lanes.customer], "agent": [lanes.agent], "recording": [lanes.recording]}
    wanted["both"] = [call, lanes.recording]
    for name, sides in wanted.items():
        heard = decoded(tmp_path / found[name])
        assert len(heard) == len(sides)
        for side, channel in zip(sides, heard, strict=True):
            assert 0 <= len(channel) - len(side) < 1024
            assert lag(side, (channel[: len(side)] * 32767).astype(np.int16)) == 0


def test_quiet_sides_are_raised(tmp_path: Path) -> None:
    """A side as quiet as -50 dBFS is made loud enough to be heard, and a loud one is left as it is."""
    loud, quiet = noise(5, 1), (noise(5, 1) // 100).astype(np.int16)
    for name, side in (("loud", loud), ("quiet", quiet)):
        write_track(str(tmp_path / f"{name}.m4a"), (side,), 64_000)
    rms = {name: float(np.sqrt(np.mean(decoded(tmp_path / f"{name}.m4a") ** 2))) for name in ("loud", "quiet")}
    assert rms["loud"] == pytest.approx(float(np.sqrt(np.mean((loud / 32768.0) ** 2))), rel=0.15)
    assert rms["quiet"] > rms["loud"] / 10


def test_embedded_tracks_begin_at_their_stretch(tmp_path: Path) -> None:
    """What a page holds itself counts from the start of its stretch."""
    lanes = Lanes(noise(20, 1), noise(20, 2), np.zeros(20 * RATE, np.int16), None)
    found = embedded_tracks(lanes, 5.0, 8.0, 32_000)
    assert set(found) == {"customer", "agent"}
    file = tmp_path / "customer.m4a"
    file.write_bytes(base64.b64decode(found["customer"].partition(",")[2]))
    heard = decoded(file)[0][: 8 * RATE]
    assert lag(lanes.customer[5 * RATE : 13 * RATE], (heard * 32767).astype(np.int16)) == 0
