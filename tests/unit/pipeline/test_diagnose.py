"""A diagnosis measures a pair and writes nothing."""

from __future__ import annotations

import json
import wave
from typing import TYPE_CHECKING

import numpy as np
import pytest
from captures import CAPTURES, Capture
from made import Shape, noise, recording, wav

from komorebi_qc.core.errors import InputError, MediaError
from komorebi_qc.core.limits import DEFAULT
from komorebi_qc.core.timebase import CallEnd, parse_call_end
from komorebi_qc.findings.qc_document import SCHEMA
from komorebi_qc.pipeline.diagnose import Diagnosis, diagnose
from komorebi_qc.storage.input_file import opened_file

if TYPE_CHECKING:
    from pathlib import Path

    from komorebi_qc.core.finding import Finding


def diagnosed(call: Path, own: Path, call_end: str) -> Diagnosis:
    """A diagnosis of two files."""
    with opened_file(call) as audio, opened_file(own) as video:
        return diagnose(audio, video, parse_call_end(call_end))


def by_name(found: Diagnosis) -> dict[str, Finding]:
    """The findings of a diagnosis."""
    return {finding.name: finding for finding in found.findings}


def two_voices(folder: Path, seconds: float) -> Path:
    """A call of noise on both channels."""
    return wav(folder / "call.wav", np.stack([noise(seconds, 8000, 3), noise(seconds, 8000, 4)], axis=1))


def test_every_capture_is_aligned_to_its_truth(capture: Capture) -> None:
    """Real recordings by Chromium: offset and call end are within the truth's tolerance, and no jump is found."""
    found = json.loads(json.dumps(diagnosed(capture.call, capture.recording, capture.call_end).to_dict()))
    assert found["verdict"] == "pass", [f for f in found["findings"] if f["status"] != "pass"]
    assert found["schema"] == SCHEMA
    assert found["sync"]["status"] == "aligned"
    assert found["sync"]["offset_s"] == pytest.approx(capture.offset_s, abs=0.0015)
    low, high = found["sync"]["offset_ci_s"]
    assert low < found["sync"]["offset_s"] < high
    assert found["sync"]["jumps"] == []
    assert found["sync"]["sides"] == "both"
    assert found["call_end"]["reported_s"] == parse_call_end(capture.call_end).recording_s
    assert found["call_end"]["measured_s"] == pytest.approx(capture.call_end_s, abs=0.005)
    assert set(found["levels"]["call"]) == {"customer", "agent"}
    assert set(found["levels"]["recording"]) == {"mixed"}


def test_the_levels_keep_their_keys(sample: Capture) -> None:
    """Datasets and other programs read the levels of `diagnose --json` by these names."""
    levels = diagnosed(sample.call, sample.recording, sample.call_end).to_dict()["levels"]
    channels = [*levels["call"].values(), *levels["recording"].values()]
    assert {frozenset(channel) for channel in channels} == {
        frozenset(
            {
                "activity",
                "bandwidth_hz",
                "clipped_runs",
                "clipped_samples",
                "dc_offset",
                "digital_silence_s",
                "dropout_count",
                "dropouts",
                "hold_music",
                "invalid_samples",
                "is_dead",
                "length_s",
                "loudness_lufs",
                "noise_floor_dbfs",
                "peak_dbfs",
                "rms_dbfs",
                "samples",
                "silences",
                "snr_db",
                "speech_dbfs",
                "true_peak_dbtp",
            }
        )
    }


def test_another_call_is_a_wrong_pair(sample: Capture, tmp_path: Path) -> None:
    """The sample's call backwards: the same voices, another conversation. No number is given that could be used."""
    with wave.open(str(sample.call), "rb") as file:
        pcm = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)[::-1]
    found = diagnosed(wav(tmp_path / "call.wav", (pcm / 32768).astype(np.float32)), sample.recording, sample.call_end)
    document = found.to_dict()
    assert found.verdict == "fail"
    assert document["sync"]["status"] == "wrong_pair"
    assert document["sync"]["offset_s"] is None
    assert document["call_end"]["measured_s"] is None
    findings = by_name(found)
    assert findings["call_end_past_recording"].status == "pass"
    assert {"call_before_recording", "call_audio_left_out", "after_call_audio"}.isdisjoint(findings)


@pytest.mark.parametrize(
    "shape",
    [
        Shape(seconds=6.0, audio=None),
        Shape(seconds=0.5),
        Shape(seconds=6.0, audio_s=0.3),
        Shape(seconds=6.0, start_s=7200.0),
    ],
    ids=["no audio", "half a second", "short audio", "two hours late"],
)
def test_too_little_audio_gives_no_number(shape: Shape, tmp_path: Path) -> None:
    """The status and a sentence say that nothing could be measured."""
    found = diagnosed(two_voices(tmp_path, 1.5), recording(tmp_path / "a.webm", shape), "2")
    document = found.to_dict()
    assert document["sync"]["status"] in ("insufficient", "wrong_pair")
    assert document["sync"]["offset_s"] is None
    assert document["sync"]["jumps"] is None


def test_an_unaligned_pair_is_placed_by_its_reported_end(tmp_path: Path) -> None:
    """It has the findings that `process` has about such a placement."""
    found = diagnosed(two_voices(tmp_path, 1.5), recording(tmp_path / "a.webm", Shape(seconds=6.0, audio=None)), "2")
    findings = by_name(found)
    assert found.pair.result.status == "insufficient"
    assert findings["alignment_resolution"].value == 1.3
    assert findings["call_before_recording"].value == 0.0
    assert findings["call_audio_left_out"].value == 0.0
    assert findings["after_call_audio"].value == 0.0


def test_a_recording_that_ends_before_the_call_fails(tmp_path: Path) -> None:
    """Half a recording still gives the call's position, and a finding reports that the rest is missing."""
    capture = CAPTURES["vp8.webm"]
    whole = capture.recording.read_bytes()
    half = tmp_path / "half.webm"
    half.write_bytes(whole[: len(whole) * 6 // 10])
    found = diagnosed(capture.call, half, capture.call_end)
    assert found.pair.result.status == "aligned"
    assert by_name(found)["call_end_past_recording"].status == "fail"
    assert found.verdict == "fail"


def test_a_recording_without_audio_has_video_findings(tmp_path: Path) -> None:
    """Nothing is decoded, but the video's timestamps are checked, and no level of the recording is given."""
    found = diagnosed(two_voices(tmp_path, 1.5), recording(tmp_path / "a.webm", Shape(audio=None)), "2")
    assert found.pair.timing.audio is None
    findings = by_name(found)
    assert "video_freeze" in findings
    assert "audio_gaps" not in findings
    assert "call_agent_sound" in findings
    assert "recording_sound" not in findings


def test_defects_of_the_inputs_are_findings(tmp_path: Path, sample: Capture) -> None:
    """A call that was cut off fails, and the recording's own checks are there."""
    cut = tmp_path / "cut.wav"
    cut.write_bytes(sample.call.read_bytes()[:-40_000])
    found = by_name(diagnosed(cut, sample.recording, sample.call_end))
    assert found["call_audio_missing"].status == "fail"
    assert found["call_audio_missing"].value == pytest.approx(40_000 / 32_000)
    assert found["recording_missing"].status == "pass"
    assert found["recording_audio_channels"].status == "pass"
    assert found["video_dts_non_monotonic"].value == 0


def test_limits_decide_the_verdict(sample: Capture) -> None:
    """The same measurement passes by one limit and fails by another, and the document has the changed one."""
    with opened_file(sample.call) as call, opened_file(sample.recording) as own:
        limits = DEFAULT.changed_by("offset_uncertainty=0:0")
        found = diagnose(call, own, parse_call_end(sample.call_end), limits)
    assert by_name(found)["offset_uncertainty"].status == "fail"
    assert found.verdict == "fail"
    assert found.to_dict()["limits"]["offset_uncertainty"]["changed"] is True


def test_a_file_is_not_compared_with_itself(sample: Capture) -> None:
    """A file agrees with itself in every sample, which would look like a perfect pair."""
    with (
        opened_file(sample.recording) as one,
        opened_file(sample.recording) as other,
        pytest.raises(InputError) as caught,
    ):
        diagnose(one, other, CallEnd(22.0, 1.0))
    assert "the same file" in str(caught.value)


def test_a_file_without_media_is_refused(tmp_path: Path, sample: Capture) -> None:
    """The error names the file."""
    path = tmp_path / "notes.txt"
    path.write_text("hello, this is text\n" * 100)
    with pytest.raises(MediaError, match=r"notes\.txt"):
        diagnosed(sample.call, path, "22")
