"""Findings about the call's position: which there are by its source, and their numbers."""

from __future__ import annotations

from dataclasses import replace

import pytest
from made_sync import absent_from
from sentences import numbers
from sync_results import sync_result

from komorebi_qc.core.finding import At, Finding
from komorebi_qc.core.limits import DEFAULT, Limits
from komorebi_qc.core.media_info import AudioInfo, MediaInfo
from komorebi_qc.core.splice import Splice, splice
from komorebi_qc.core.timebase import Alignment, CallEnd, Jump, Span
from komorebi_qc.findings.evidence import PairEvidence, Placement
from komorebi_qc.findings.placement import placement_findings
from komorebi_qc.sync import Candidate, SyncResult

CALL_S, RECORDING_S = 60.0, 75.0
CALL = MediaInfo("call.wav", "wav", None, AudioInfo("pcm_s16le", 8000, 2, None, Span(0.0, CALL_S)), 0.0, 0, 0.0)
RECORDING = MediaInfo("a.mp4", "mp4", None, AudioInfo("opus", 48000, 1, 9, Span(0.0, RECORDING_S)), 0.0, 0, 0.0)


def pair(
    offset_s: float = 2.0,
    source: str = "measured",
    splice: Splice | None = None,
    bound_s: float | None = None,
    measured: SyncResult | None = None,
) -> PairEvidence:
    """A call of a minute in a recording of 75 s."""
    placement = Placement(Alignment(offset_s), source, measured or sync_result(), bound_s)  # type: ignore[arg-type]
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


def test_a_manual_placement_is_compared_with_nothing() -> None:
    """Neither the given offset nor the reported end was measured, so neither proves the other wrong."""
    given = pair(1.5, "manual")
    assert given.placement is not None
    unmeasured = replace(given, placement=replace(given.placement, measured=None))
    all_of_it = found(unmeasured)
    assert "call_end_error" not in all_of_it
    place = all_of_it["alignment_resolution"]
    assert (place.value, place.status) == ("undetermined", "pass")
    assert "its place wasn't measured" in place.text
    assert numbers(place.text) == ["1.500", "00:01:01.500", "00:01:02.000"]


@pytest.mark.parametrize(
    ("later_s", "drift_ppm", "jumps", "away_s", "status"),
    [
        (0.0, 0.0, (), 0.0, "pass"),
        (0.04, 0.0, (), 0.04, "pass"),
        (-0.1, 0.0, (), 0.1, "warn"),
        (0.0, 0.0, (Jump(59.0, 0.5),), 0.5, "fail"),
        (0.0, 5000.0, (), 0.3, "fail"),
    ],
)
def test_a_given_alignment_is_compared_with_a_sure_measurement(
    later_s: float, drift_ppm: float, jumps: tuple[Jump, ...], away_s: float, status: str
) -> None:
    """The value is the largest distance over the whole call, with drift and jumps."""
    measured = sync_result(jumps=())
    sure = measured.alignment
    assert sure is not None
    given = pair(2.0, "manual", measured=measured)
    assert given.placement is not None
    alignment = Alignment(sure.offset_s + later_s, sure.drift_ppm + drift_ppm, jumps)
    place = found(replace(given, placement=replace(given.placement, alignment=alignment)))["alignment_resolution"]
    assert place.value == pytest.approx(away_s, abs=1e-6)
    assert place.status == status


def test_a_given_alignment_isnt_compared_with_an_unsure_measurement() -> None:
    """Nothing proves it wrong."""
    place = found(pair(1.5, "manual", measured=sync_result("ambiguous")))["alignment_resolution"]
    assert (place.value, place.status) == ("undetermined", "pass")
    assert "the audio alone isn't sure of its place" in place.text


@pytest.mark.parametrize(("bound_s", "status"), [(1.3, "fail"), (0.201, "fail"), (0.2, "warn"), (0.045, "pass")])
def test_a_placement_by_the_reported_end_has_its_bound(bound_s: float, status: str) -> None:
    """A place that is known to worse than 0.2 s is of no use."""
    resolution = found(pair(source="call_end", bound_s=bound_s))["alignment_resolution"]
    assert (resolution.value, resolution.status, resolution.limit) == (bound_s, status, 0.045)
    assert "placed by its reported end alone, which has a resolution of 1 s" in resolution.text
    assert (f"{bound_s:.1f} s apart" if bound_s >= 0.1 else "45 ms apart") in resolution.text
    assert "alignment_resolution" not in found(pair())
    assert "call_end_error" not in found(pair(source="call_end"))


@pytest.mark.parametrize(
    ("count", "text"), [(3, "The audio fits at 3 places."), (1, "Too little of the audio agrees to be sure")]
)
def test_a_candidate_has_the_distance_to_the_others(count: int, text: str) -> None:
    """The sentence has the number of places, and says when it doesn't hold."""
    candidates = tuple(Candidate(8.0 * k, 8.0 * k + CALL_S, 1.0, 20.0, 1 / count) for k in range(count))
    measured = replace(sync_result("ambiguous"), candidates=candidates)
    evidence = pair(source="candidate", bound_s=0.005, measured=measured)
    resolution = found(evidence)["alignment_resolution"]
    assert (resolution.value, resolution.status) == (0.005, "pass")
    assert resolution.text.startswith(text)
    assert resolution.text.endswith("Audio and video may be 5 ms apart, or more if the reported end is wrong.")


def part_pair(part: Span, offset_s: float = 2.0, *, whole_call: bool = False) -> PairEvidence:
    """A call of which the agent takes part in a part."""
    measured = replace(sync_result(), agent_part=part, spans=absent_from(part.end_s))
    alignment = Alignment(offset_s, part=None if whole_call else part)
    timeline = splice(alignment, call_s=CALL_S, recording_audio=Span(0.0, RECORDING_S))
    evidence = pair(offset_s, splice=timeline)
    return replace(evidence, placement=Placement(alignment, "measured", measured, 0.0001))


def test_an_agent_who_left_early() -> None:
    """The part is reported with both clocks, and the recording's own audio follows it."""
    all_of_it = found(part_pair(Span(0.0, 40.0)))
    part = all_of_it["agent_part"]
    assert (part.value, part.status, part.limit, part.at) == (40.0, "pass", None, At("recording", 42.0))
    assert numbers(part.text)[:5] == ["00:00:00.000", "00:00:40.000", "00:01:00.000", "00:00:02.000", "00:00:42.000"]
    assert "The part ends in a pause between two words" in part.text
    assert "15 s of speech aren't in the recording" in part.text
    assert "and the recording's own audio before and after it" in part.text
    assert all_of_it["after_call_audio"].value == 33.0
    assert "follow the agent's part of the call" in all_of_it["after_call_audio"].text
    assert all_of_it["call_audio_left_out"].value == 0
    assert all_of_it["call_audio_left_out"].text == "All of the call audio in the agent's part of the call is used."
    assert "agent_part" not in found(pair())


def test_the_whole_call_of_an_agent_who_left() -> None:
    """The caller asked for the call audio to its end."""
    all_of_it = found(part_pair(Span(0.0, 40.0), whole_call=True))
    assert all_of_it["agent_part"].text.endswith("The video has the call audio to its end.")
    assert all_of_it["after_call_audio"].value == 13.0


def test_an_agent_who_joined_late_did_not_miss_the_start() -> None:
    """The call began minutes before the recording, and the agent's part with it: nothing is missing."""
    late = found(part_pair(Span(20.0, 60.0), -20.0))
    assert (late["call_before_recording"].value, late["call_before_recording"].status) == (0.0, "pass")
    assert "The part begins in a pause" in late["agent_part"].text
    assert late["agent_part"].at == At("recording", 0.0)


def test_an_agent_whose_recording_ends_before_the_call() -> None:
    """The call goes on without the agent, past the recording's end, which is no fault."""
    left = found(part_pair(Span(0.0, 40.0), 30.0))
    assert left["call_end_past_recording"].status == "pass"
    assert found(pair(30.0))["call_end_past_recording"].status == "fail"


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
    assert numbers(left_out.text) == ["0.350", "00:00:29.650", "00:00:30.000"]
    assert left_out.at is not None
    assert left_out.at.clock == "call"
    assert left_out.at.s == pytest.approx(29.65)
    assert "call_audio_left_out" not in found(pair())


def test_many_stretches_without_a_place_are_cut_short() -> None:
    """The sentence names five, and the number of the others."""
    jumps = tuple(Jump(8.0 * k, -0.5) for k in range(1, 8))
    lost = splice(Alignment(2.0, 0.0, jumps), call_s=CALL_S, recording_audio=Span(0.0, RECORDING_S))
    left_out = found(pair(splice=lost))["call_audio_left_out"]
    assert left_out.value == 3.5
    assert left_out.text.count("of the call") == 6
    assert left_out.text.endswith("; and 2 stretches more.")
