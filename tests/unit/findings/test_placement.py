"""Findings about the call's position: which there are by its source, and their numbers."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sentences import numbers
from sync_results import sync_result

from komorebi_qc.core.finding import At, Finding
from komorebi_qc.core.limits import DEFAULT, Limits
from komorebi_qc.core.media_info import AudioInfo, MediaInfo
from komorebi_qc.core.splice import Splice, splice
from komorebi_qc.core.timebase import Alignment, CallEnd, Jump, Span
from komorebi_qc.findings.evidence import PairEvidence, Placement
from komorebi_qc.findings.placement import placement_findings

CALL_S, RECORDING_S = 60.0, 75.0
CALL = MediaInfo("call.wav", "wav", None, AudioInfo("pcm_s16le", 8000, 2, None, Span(0.0, CALL_S)), 0.0, 0, 0.0)
RECORDING = MediaInfo("a.mp4", "mp4", None, AudioInfo("opus", 48000, 1, 9, Span(0.0, RECORDING_S)), 0.0, 0, 0.0)


def pair(offset_s: float = 2.0, source: str = "measured", splice: Splice | None = None) -> PairEvidence:
    """A call of a minute in a recording of 75 s."""
    placement = Placement(Alignment(offset_s), source, sync_result())  # type: ignore[arg-type]
    return PairEvidence(CALL, RECORDING, CallEnd(62.0, 1.0), placement, None, splice, None, None)


def found(evidence: PairEvidence, limits: Limits = DEFAULT) -> dict[str, Finding]:
    """The findings by name."""
    return {f.name: f for f in placement_findings(evidence, limits)}


def test_a_measured_placement() -> None:
    """A call within its recording passes, and 13 s follow it."""
    all_of_it = found(pair())
    assert list(all_of_it) == ["call_before_recording", "call_end_past_recording", "after_call_audio"]
    assert all(f.status == "pass" for f in all_of_it.values())
    assert all_of_it["call_before_recording"].value == 0.0
    assert all_of_it["call_end_past_recording"].at == At("recording", 62.0)
    assert all_of_it["after_call_audio"].value == 13.0
    assert numbers(all_of_it["after_call_audio"].text) == ["13.000"]


def test_a_manual_placement_is_compared_with_the_reported_end() -> None:
    """The error is that of the alignment that the caller gave."""
    error = found(pair(1.5, "manual"))["call_end_error"]
    assert (error.value, error.status) == (0.5, "warn")
    assert "before the one by the given offset" in found(pair(500.0, "manual"))["call_end_error"].text
    assert all("measured" not in found(pair(s, "manual"))["call_end_error"].text for s in (1.5, 2.0, 500.0))
    assert "reported time is wrong" not in found(pair(500.0, "manual"))["call_end_error"].text
    assert "call_end_error" not in found(pair(1.5, "call_end"))
    assert "call_end_error" not in found(pair(1.5))


@pytest.mark.parametrize(("resolution_s", "status"), [(1.0, "warn"), (0.045, "pass"), (0.001, "pass")])
def test_a_placement_by_the_reported_end_has_its_resolution(resolution_s: float, status: str) -> None:
    """A whole-second time may be off by a second."""
    evidence = replace(pair(source="call_end"), call_end=CallEnd(62.0, resolution_s))
    resolution = found(evidence)["alignment_resolution"]
    assert (resolution.value, resolution.status, resolution.limit) == (resolution_s, status, 0.045)
    assert f"{resolution_s:g}" in numbers(resolution.text)
    assert "alignment_resolution" not in found(pair())
    assert "alignment_resolution" not in found(pair(source="manual"))


@pytest.mark.parametrize(
    ("offset_s", "value", "status"),
    [(-1.0, 1.0, "pass"), (-1.5, 1.5, "warn"), (-59.99, 59.99, "warn"), (-60.0, 60.0, "fail"), (-700.0, 700.0, "fail")],
)
def test_a_call_that_began_before_the_recording(offset_s: float, value: float, status: str) -> None:
    """More than a second warns; a call that also ended before the recording fails."""
    before = found(pair(offset_s))["call_before_recording"]
    assert (before.value, before.status, before.limit) == (value, status, 1.0)
    assert (numbers(before.text) == [f"{value:.3f}"]) is (offset_s > -60)
    assert ("whole call" in before.text) is (offset_s <= -60)


def test_a_limit_that_is_off_fails_nothing() -> None:
    """A call outside of the recording passes where the limit is switched off."""
    limits = DEFAULT.changed_by("call_before_recording=off")
    assert found(pair(-60.0), limits)["call_before_recording"].status == "pass"


@pytest.mark.parametrize(
    ("offset_s", "value", "status"), [(15.0, 0.0, "pass"), (15.5, 0.5, "warn"), (16.5, 1.5, "fail")]
)
def test_a_call_that_ends_after_the_recording(offset_s: float, value: float, status: str) -> None:
    """Up to a second warns, more fails; the sentence has both ends."""
    past = found(pair(offset_s))["call_end_past_recording"]
    assert (past.value, past.status) == (value, status)
    assert past.at == At("recording", offset_s + CALL_S)
    if value:
        assert numbers(past.text) == [f"00:01:{offset_s:06.3f}", f"{value:.3f}", "00:01:15.000"]
        assert found(pair(offset_s))["after_call_audio"].status == "warn"


def test_no_audio_after_the_call() -> None:
    """A recording that ends with the call, or has no audio, has no after-call audio."""
    for evidence in (pair(15.0), replace(pair(), recording=replace(RECORDING, audio=None))):
        after = found(evidence)["after_call_audio"]
        assert (after.value, after.status, after.limit) == (0.0, "warn", 0.001)
        assert numbers(after.text) == []


def test_a_pair_that_is_not_placed() -> None:
    """Only the reported call end is compared with the recording's end."""
    unplaced = replace(pair(), placement=None, call_end=CallEnd(76.5, 1.0))
    (past,) = placement_findings(unplaced)
    assert (past.name, past.value, past.status) == ("call_end_past_recording", 1.5, "fail")
    assert past.at == At("recording", 76.5)


def test_a_call_without_audio_has_no_length() -> None:
    """Its end is its beginning."""
    silent = replace(pair(), call=replace(CALL, audio=None))
    assert found(silent)["after_call_audio"].value == 73.0
    assert found(silent)["call_end_past_recording"].at == At("recording", 2.0)


def test_call_audio_without_a_place() -> None:
    """Audio left out by a backward jump is a warning; without a splice it isn't known."""
    whole = splice(Alignment(2.0), call_s=CALL_S, recording_audio=Span(0.0, RECORDING_S))
    assert found(pair(splice=whole))["call_audio_left_out"].status == "pass"
    lost = splice(Alignment(2.0, 0.0, (Jump(30.0, -0.35),)), call_s=CALL_S, recording_audio=Span(0.0, RECORDING_S))
    left_out = found(pair(splice=lost))["call_audio_left_out"]
    assert (left_out.value, left_out.status) == (0.35, "warn")
    assert numbers(left_out.text) == ["0.350"]
    assert "call_audio_left_out" not in found(pair())
