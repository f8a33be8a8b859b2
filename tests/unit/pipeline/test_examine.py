"""An examination writes what an analyst looks at, and changes nothing else."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import made
import numpy as np
import pytest
import soxr
from captures import CAPTURES
from suspended import kept_of, suspended_call

from komorebi_qc.core.errors import MaskError
from komorebi_qc.core.timebase import CallEnd, parse_call_end
from komorebi_qc.media.thumbnail import png_at
from komorebi_qc.pipeline.diagnose import diagnose
from komorebi_qc.pipeline.examine import Examined, examine
from komorebi_qc.pipeline.options import Options
from komorebi_qc.storage.input_file import opened_file

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

RATE = 8000


def examined(call: Path, recording: Path, call_end: CallEnd, folder: Path, **options: object) -> Examined:
    """Two files, examined."""
    folder.mkdir(exist_ok=True)
    chosen = Options(**options)  # type: ignore[arg-type]
    with opened_file(call) as audio, opened_file(recording) as video:
        return examine(audio, video, call_end, folder, options=chosen)


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Examined:
    """The sample call, examined."""
    sample = CAPTURES["sample"]
    folder = tmp_path_factory.mktemp("examined")
    return examined(sample.call, sample.recording, parse_call_end(sample.call_end), folder)


def lag(one: NDArray[np.int16], other: NDArray[np.int16]) -> int:
    """The delay of the second against the first in samples, up to half a second."""
    size = 1 << (2 * len(one) - 1).bit_length()
    a, b = np.fft.rfft(one.astype(float), size), np.fft.rfft(other.astype(float), size)
    found = np.fft.irfft(b * a.conj(), size)
    near = np.concatenate([found[-RATE // 2 :], found[: RATE // 2]])
    return int(near.argmax()) - RATE // 2


def test_lanes_are_on_the_output_clock(shown: Examined) -> None:
    """Both sides of the call are in their tracks where the unified recording plays them, to a sample."""
    tracks = shown.tracks
    assert tracks.output is not None
    first, last = (round(at_s * RATE) for at_s in (shown.timeline.call.start_s, shown.timeline.call.end_s))
    both = ((tracks.customer.astype(np.int32) + tracks.agent) // 2).astype(np.int16)
    assert abs(lag(both[first:last], tracks.output[first:last])) <= 1
    assert abs(lag(tracks.recording[first:last], both[first:last])) <= 2
    assert not tracks.customer[: first - RATE // 50].any()


def test_the_document_equals_qc_json(shown: Examined) -> None:
    """The findings in memory are those in the file beside the video."""
    assert json.loads((shown.folder / "recording.qc.json").read_text()) == json.loads(json.dumps(shown.document))
    assert shown.video.exists()
    assert shown.refused is None


def test_the_audio_outlives_the_inputs(shown: Examined) -> None:
    """The diagnosis can be drawn after the inputs were closed."""
    assert shown.diagnosis.pair.call[0:8000].shape == (8000, 2)


def test_a_diagnosis_and_a_run_have_the_same_findings(shown: Examined) -> None:
    """Every finding of the diagnosis is in the run's document with the same value; the others are the output's."""
    sample = CAPTURES["sample"]
    with opened_file(sample.call) as call, opened_file(sample.recording) as recording:
        alone = diagnose(call, recording, parse_call_end(sample.call_end))
    assert shown.outcome is not None
    of_run = {finding.name: finding for finding in shown.outcome.findings}
    assert len(of_run) == len(shown.outcome.findings)
    assert {finding.name for finding in alone.findings} < set(of_run)
    for finding in alone.findings:
        assert of_run[finding.name] == finding
    assert shown.diagnosis.findings == alone.findings
    assert set(of_run) - {finding.name for finding in alone.findings} == {
        "recording_audio_damage",
        "video_reencoded",
        "video_frames_lost",
        "seam_gap",
        "seam_level_step",
        "seam_level_added",
        "seam_click",
        "seam_bandwidth",
        "call_residual",
        "call_missing",
        "own_audio_residual",
        "own_audio_missing",
        "output_audio_discontinuities",
        "alignment_residual",
    }


def test_a_wrong_pair_is_shown_side_by_side(tmp_path: Path) -> None:
    """Nothing is written but a copy and a thumbnail; the call is shown by its reported end."""
    call = np.stack([made.noise(60, RATE, seed) for seed in (1, 2)], axis=1)
    sound = soxr.resample(made.noise(70, RATE, 9) + made.noise(70, RATE, 10), RATE, made.RATE).astype(np.float32)
    recording = made.recording(tmp_path / "in.webm", made.Shape(seconds=70, fps=2), sound)
    found = examined(made.wav(tmp_path / "call.wav", call), recording, CallEnd(58.0, 1.0), tmp_path / "out")
    assert found.refused is not None
    assert "different calls" in found.refused
    assert found.outcome is None
    assert found.tracks.output is None
    assert found.video.read_bytes() == recording.read_bytes()
    with opened_file(recording) as source:
        assert (tmp_path / "out" / "thumbnail.png").read_bytes() == png_at(source, 1.0)
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"agent-recording.webm", "thumbnail.png"}
    assert found.alignment.offset_s == pytest.approx(-2.0)
    assert len(found.tracks.recording) >= 72 * RATE - RATE // 10
    assert not found.tracks.recording[: 2 * RATE - 100].any()
    assert "call_before_recording" not in {finding.name for finding in found.diagnosis.findings}


def test_a_held_pair_is_shown_where_a_release_would_place_it(tmp_path: Path) -> None:
    """A silent recording confirms nothing. Held, it is shown like a refused pair, by the reported call end."""
    call = np.stack([made.noise(20, RATE, seed) for seed in (1, 2)], axis=1)
    recording = made.recording(tmp_path / "in.webm", made.Shape(seconds=30, audio=None))
    wav = made.wav(tmp_path / "call.wav", call)
    found = examined(wav, recording, CallEnd(25.0, 1.0), tmp_path / "out", unconfirmed="hold")
    assert found.refused is not None
    assert "doesn't confirm" in found.refused
    assert found.diagnosis.sync.status == "insufficient"
    assert (found.placement.source, found.placement.is_confirmed) == ("call_end", False)
    assert found.alignment.offset_s == pytest.approx(5.0)
    assert found.outcome is None
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"agent-recording.webm", "thumbnail.png"}


def test_a_recording_without_audio_has_a_silent_lane(tmp_path: Path) -> None:
    """A recording with no audio track is examined too."""
    call = np.stack([made.noise(8, RATE, seed) for seed in (1, 2)], axis=1)
    recording = made.recording(tmp_path / "in.webm", made.Shape(seconds=10, audio=None))
    found = examined(made.wav(tmp_path / "call.wav", call), recording, CallEnd(9.0, 1.0), tmp_path / "out")
    assert not found.tracks.recording.any()
    assert "recording_speech_level" not in {finding.name for finding in found.diagnosis.findings}


def test_an_unmeasured_run_is_diagnosed_for_the_analyst(tmp_path: Path) -> None:
    """By the reported call end nothing is measured, so the diagnosis decodes both inputs itself."""
    sample = CAPTURES["sample"]
    call_end = parse_call_end(sample.call_end)
    found = examined(sample.call, sample.recording, call_end, tmp_path / "out", align="call-end")
    assert found.outcome is not None
    assert found.outcome.placement.source == "call_end"
    assert found.diagnosis.pair.result.status == "aligned"


def suspended(folder: Path, *spans: tuple[float, float]) -> Path:
    """The sample's call audio, suspended in these spans."""
    path = folder / "suspended.wav"
    path.write_bytes(suspended_call(CAPTURES["sample"].call.read_bytes(), *spans))
    return path


def test_a_suspended_call_is_silent_in_every_track(tmp_path: Path) -> None:
    """All samples that an analyst can see or play are masked: aligned tracks, both inputs, and the output."""
    sample = CAPTURES["sample"]
    found = examined(
        suspended(tmp_path, (8.0, 12.0)), sample.recording, parse_call_end(sample.call_end), tmp_path / "out"
    )
    (mask,), (on_recording,), (on_call,) = found.masks.output, found.masks.recording, found.masks.call
    assert (mask.start_s, mask.end_s) == pytest.approx((7.5 + sample.offset_s, 12.5 + sample.offset_s), abs=0.1)
    inside = slice(round(mask.start_s * RATE) + 1, round(mask.end_s * RATE) - 1)
    tracks, pair = found.tracks, found.diagnosis.pair
    assert tracks.output is not None
    for samples in (tracks.customer, tracks.agent, tracks.recording):
        assert not samples[inside].any()
        assert samples[inside.stop + RATE :].any()
    assert not tracks.output[inside.start + RATE // 5 : inside.stop - RATE // 5].any()
    assert not pair.recording[round(on_recording.start_s * RATE) : round(on_recording.end_s * RATE)].any()
    assert not np.asarray(pair.call)[round(on_call.start_s * RATE) : round(on_call.end_s * RATE)].any()
    assert [span.reason for span in found.private] == ["suspended"]


def test_the_copy_of_a_held_recording_is_masked(tmp_path: Path) -> None:
    """A release would mask it, so its examination does as well."""
    sample = CAPTURES["sample"]
    call = suspended(tmp_path, (2.0, 20.1))
    found = examined(call, sample.recording, parse_call_end(sample.call_end), tmp_path / "out", unconfirmed="hold")
    assert found.refused is not None
    assert found.masks.masks_picture
    assert kept_of(sample, found.video.read_bytes(), 2.0 + sample.offset_s, sample.call_end_s) < 0.02
    first, last = (round((at_s + sample.offset_s) * RATE) for at_s in (2.0, 20.0))
    assert not found.diagnosis.pair.recording[first:last].any()


def test_a_wrong_pair_with_a_suspension_is_not_copied(tmp_path: Path) -> None:
    """Nothing says where the span is in the recording, so nothing is written unless nothing is to be masked."""
    sample = CAPTURES["sample"]
    call = suspended(tmp_path, (8.0, 12.0))
    data = call.read_bytes()
    call.write_bytes(data[:44] + np.frombuffer(data[44:], "<i2").reshape(-1, 2)[::-1].tobytes())
    end = parse_call_end(sample.call_end)
    with pytest.raises(MaskError, match="belongs to different calls"):
        examined(call, sample.recording, end, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []
    found = examined(call, sample.recording, end, tmp_path / "out", mask="none")
    assert found.video.read_bytes() == sample.recording.read_bytes()
