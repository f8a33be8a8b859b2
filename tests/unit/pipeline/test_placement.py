"""Which alignment a call gets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_sync import result

from komorebi_qc.core.errors import HeldError, InputError, NotThereYetError, WrongPairError
from komorebi_qc.core.media_info import MediaInfo
from komorebi_qc.core.timebase import Alignment, CallEnd, Span
from komorebi_qc.pipeline.placement import FAR_AWAY_S, place, refuse_far_away
from komorebi_qc.sync import Belonging, Candidate, SyncResult

if TYPE_CHECKING:
    from komorebi_qc.findings.evidence import Placement
    from komorebi_qc.pipeline.options import Unconfirmed

REPORTED = CallEnd(62.0, 1.0)
CALL_S = 60.0
SAFE_S = 0.2
"""A place that is only known to worse than this fails."""


def candidate(offset_s: float, score: float = 1.0, agreed_s: float = 40.0, probability: float = 0.5) -> Candidate:
    """A place of the call, with 40 s of agreeing speech."""
    return Candidate(offset_s, offset_s + CALL_S, score, agreed_s, probability)


def unsure(*candidates: Candidate, status: str = "ambiguous", against_s: float | None = 0.0) -> SyncResult:
    """A measurement that isn't sure; `against_s` of the call's speech speaks against it, None: nothing was asked."""
    belongs = None if against_s is None else Belonging("unknown", 0.5, 0.0, 0, against_s, 1)
    return result(status=status, candidates=candidates, belongs=belongs)


def placed(measured: SyncResult | None, **changes: Any) -> Placement:
    """The placement by a measurement, with the options in `changes` replaced."""
    arguments: dict[str, Any] = {"manual": None, "measured": measured, "force": False, **changes}
    return place(REPORTED, CALL_S, **arguments)


def bound(placement: Placement) -> float:
    """How far off the place can be."""
    assert placement.bound_s is not None
    return placement.bound_s


def test_a_measured_alignment_is_used() -> None:
    """An aligned pair is placed by its measurement."""
    placement = place(REPORTED, CALL_S, manual=None, measured=result(offset_s=2.5, drift_ppm=40.0), force=False)
    assert placement.source == "measured"
    assert (placement.alignment.offset_s, placement.alignment.drift_ppm) == (2.5, 40.0)


def test_a_manual_alignment_comes_first() -> None:
    """The caller's alignment replaces a measured one."""
    placement = place(REPORTED, CALL_S, manual=Alignment(1.0), measured=result(offset_s=2.5), force=False)
    assert (placement.source, placement.alignment.offset_s) == ("manual", 1.0)


@pytest.mark.parametrize("status", ["insufficient", "ambiguous", None])
def test_an_unmeasured_call_is_placed_by_its_reported_end(status: str | None) -> None:
    """Its last sample is at the reported call end."""
    measured = None if status is None else result(status=status)
    placement = place(REPORTED, CALL_S, manual=None, measured=measured, force=False)
    assert placement.source == "call_end"
    assert placement.alignment.to_recording(CALL_S) == REPORTED.recording_s
    assert placement.measured is measured


def test_without_a_call_end_only_a_certain_place_will_do() -> None:
    """Anything else waits for the end, also a pair of different calls: it may hold only what followed the call."""
    assert place(None, CALL_S, manual=None, measured=result(offset_s=2.5), force=False).source == "measured"
    assert place(None, CALL_S, manual=Alignment(1.0), measured=None, force=False).source == "manual"
    for measured in (None, result(status="wrong_pair"), unsure(candidate(2.0))):
        for force in (False, True):
            with pytest.raises(NotThereYetError, match="isn't certain without its end"):
                place(None, CALL_S, manual=None, measured=measured, force=force)
    with pytest.raises(WrongPairError):
        place(None, CALL_S, manual=Alignment(1.0), measured=result(status="wrong_pair"), force=False)


def test_only_force_places_a_wrong_pair() -> None:
    """Two different calls are a permanent error; forced, the reported call end places the call."""
    wrong = result(status="wrong_pair")
    remedy = (
        r"\)\. Nothing was published\. Check that both files belong to the same call, or join them anyway with --force$"
    )
    with pytest.raises(WrongPairError, match=rf"different calls .*{remedy}"):
        place(REPORTED, CALL_S, manual=None, measured=wrong, force=False)
    assert place(REPORTED, CALL_S, manual=None, measured=wrong, force=True).source == "call_end"
    with pytest.raises(WrongPairError):
        place(REPORTED, CALL_S, manual=Alignment(1.0), measured=wrong, force=False)


def test_a_wrong_pair_has_no_candidate() -> None:
    """Two different calls agree by chance alone: forced, the pair is still placed by its reported end."""
    wrong = unsure(candidate(2.5), status="wrong_pair", against_s=30.0)
    placement = placed(wrong, force=True)
    assert placement.source == "call_end"
    assert not placement.is_confirmed
    for unconfirmed in ("auto", "publish", "hold"):
        with pytest.raises(WrongPairError):
            placed(wrong, unconfirmed=unconfirmed)


@pytest.mark.parametrize(
    ("offsets_s", "used_s"),
    [
        ((2.5, 10.5, -5.5), 2.5),
        ((10.5, -5.5, 2.9), 2.9),
        ((1.5, 40.0), 1.5),
        ((3.5, -70.0), 3.5),
        ((72.0,), 72.0),
    ],
    ids=["first", "last", "before it", "after it", "the only one"],
)
def test_the_candidate_nearest_to_the_reported_end_is_used(offsets_s: tuple[float, ...], used_s: float) -> None:
    """Of several possible places; the audio alone doesn't confirm it, and its clock is taken as right."""
    placement = placed(unsure(*(candidate(offset_s) for offset_s in offsets_s)))
    assert (placement.source, placement.is_confirmed) == ("candidate", False)
    assert placement.alignment == Alignment(used_s)


def test_within_the_reported_second_the_better_candidate_is_used() -> None:
    """A time in whole seconds doesn't say which of its milliseconds is nearer."""
    placement = placed(unsure(candidate(2.1, score=0.7), candidate(2.9, score=1.0)))
    assert placement.alignment.offset_s == 2.9


def test_a_chance_agreement_far_away_is_not_used() -> None:
    """Half a second of agreement a minute away from the reported end is no evidence: the reported end places it."""
    placement = placed(unsure(candidate(70.0, agreed_s=0.5), status="insufficient"))
    assert placement.source == "call_end"
    assert placement.alignment.to_recording(CALL_S) == REPORTED.recording_s


def test_a_candidate_that_stands_alone_is_near() -> None:
    """If no other place fits the reported second, the place is known well enough to use."""
    assert 0.0 < bound(placed(unsure(candidate(2.5), candidate(10.5)))) < SAFE_S


def test_a_rival_in_the_same_second_widens_the_bound() -> None:
    """A loop of half a second fits twice: the call may be half a second off."""
    assert bound(placed(unsure(candidate(2.2), candidate(2.7), candidate(10.0)))) >= 0.5


def test_a_candidate_that_the_reported_end_contradicts_is_bounded_by_that() -> None:
    """Either the place or the reported end is wrong, by as much as they differ, or another candidate is right."""
    assert bound(placed(unsure(candidate(72.0)))) >= 69.0
    assert bound(placed(unsure(candidate(72.0), candidate(-30.0)))) >= 32.0


offsets = st.floats(-300.0, 300.0)
candidates_found = st.lists(st.builds(candidate, offsets, st.floats(0.01, 1.0), st.floats(0.0, 60.0)), max_size=8)


@settings(max_examples=60, deadline=None)
@given(candidates_found, st.floats(0.0, 400.0), st.sampled_from([0.001, 0.1, 1.0]))
def test_the_bound_holds_for_all_that_fits(candidates: list[Candidate], reported_s: float, resolution_s: float) -> None:
    """Any candidate within the reported time may be the right one, or the reported end itself."""
    call_end = CallEnd(reported_s, resolution_s)
    placement = place(call_end, CALL_S, manual=None, measured=unsure(*candidates), force=False)
    used_s = placement.alignment.offset_s
    assert placement.source == "call_end" or used_s in {c.offset_s for c in candidates}
    for c in candidates:
        is_right = reported_s <= c.call_end_s <= reported_s + resolution_s
        if placement.source == "candidate" and is_right:
            assert abs(c.offset_s - used_s) <= bound(placement)
    if placement.source == "call_end" or not any(
        reported_s - 0.3 <= c.call_end_s <= reported_s + resolution_s + 0.3 for c in candidates
    ):
        assert bound(placement) >= abs(used_s + CALL_S - reported_s) - resolution_s


def test_a_place_by_the_reported_end_is_off_by_more_than_its_unit() -> None:
    """A backend notes the end late, too: the bound is wider than the unit, also if sync wasn't measured."""
    for measured in (None, unsure(status="insufficient")):
        placement = placed(measured)
        assert placement.source == "call_end"
        assert bound(placement) > REPORTED.resolution_s
        assert placement.is_confirmed is (measured is None)


def test_a_measured_place_is_bounded_by_its_interval() -> None:
    """Half of the interval of the offset, and the audio confirms the pair."""
    placement = placed(result(offset_ci_s=(2.49, 2.51)))
    assert bound(placement) == pytest.approx(0.01)
    assert placement.is_confirmed


def test_a_manual_place_has_no_bound_and_is_not_held() -> None:
    """How far off it is wasn't measured, and an operator who gives it has seen the pair."""
    placement = placed(unsure(candidate(2.5), against_s=30.0), manual=Alignment(1.0), unconfirmed="hold")
    assert (placement.source, placement.bound_s) == ("manual", None)


@pytest.mark.parametrize(
    ("unconfirmed", "against_s", "is_held"),
    [
        ("auto", None, False),
        ("auto", 0.0, False),
        ("auto", 30.0, True),
        ("publish", 30.0, False),
        ("publish", 0.0, False),
        ("hold", 0.0, True),
        ("hold", None, True),
        ("hold", 30.0, True),
    ],
)
@pytest.mark.parametrize("candidates", [(), (candidate(2.5), candidate(10.5))], ids=["none", "two"])
def test_the_operator_says_what_is_held(
    candidates: tuple[Candidate, ...], unconfirmed: Unconfirmed, against_s: float | None, *, is_held: bool
) -> None:
    """By default a pair is held if something speaks against it; the error has the reason and the candidates."""
    measured = unsure(*candidates, against_s=against_s)
    if not is_held:
        expected = "candidate" if candidates else "call_end"
        assert placed(measured, unconfirmed=unconfirmed).source == expected
        return
    with pytest.raises(HeldError, match=r"a reason.*Nothing was published") as caught:
        placed(measured, unconfirmed=unconfirmed)
    assert caught.value.reason == measured.reason
    assert caught.value.candidates == tuple((c.offset_s, c.probability) for c in candidates)
    assert placed(measured, unconfirmed=unconfirmed, force=True).source in ("candidate", "call_end")


@pytest.mark.parametrize(("others", "is_held"), [((), False), ((9.5,), True)], ids=["one place", "a loop"])
def test_a_loop_that_misses_the_reported_end_is_held(others: tuple[float, ...], *, is_held: bool) -> None:
    """The reported end alone could pick one of several places. If it fits none of them, nothing confirms the pair."""
    measured = unsure(candidate(1.5), *(candidate(offset_s) for offset_s in others))
    if not is_held:
        assert placed(measured, unconfirmed="auto").source == "candidate"
        return
    with pytest.raises(HeldError, match="at 2 places, and the reported call end fits none of them"):
        placed(measured, unconfirmed="auto")
    assert placed(measured, unconfirmed="publish").source == "candidate"


def test_two_places_far_from_the_reported_end_are_held_however_much_agrees_at_each() -> None:
    """Only one of them can be the call's. A single place needs no reported end if the pair surely belongs together."""
    sure = Belonging("unknown", 0.97, 17.0, 4, 0.0, 0)
    alone = result(status="insufficient", candidates=(candidate(-86.7),), belongs=sure)
    assert placed(alone, unconfirmed="auto").source == "candidate"
    two = result(status="insufficient", candidates=(candidate(-86.7, score=0.56), candidate(6.2)), belongs=sure)
    with pytest.raises(HeldError, match="at 2 places, and the reported call end fits none of them"):
        placed(two, unconfirmed="auto")


@pytest.mark.parametrize("unconfirmed", ["auto", "publish", "hold"])
def test_a_confirmed_pair_is_never_held(unconfirmed: Unconfirmed) -> None:
    """Nor is a call whose sync wasn't measured."""
    belongs = Belonging("yes", 1.0, 30.0, 12, 30.0, 4)
    assert placed(result(belongs=belongs), unconfirmed=unconfirmed).source == "measured"
    assert placed(None, unconfirmed=unconfirmed).source == "call_end"


def test_the_whole_call_is_kept_on_demand() -> None:
    """By default the call audio is used in the agent's part alone; the place is the same either way."""
    measured = result(agent_part=Span(0.0, 40.0))
    part, whole = placed(measured), placed(measured, whole_call=True)
    assert part.alignment.part == Span(0.0, 40.0)
    assert whole.alignment.part is None
    assert part.alignment.to_recording(50.0) == whole.alignment.to_recording(50.0)


@pytest.mark.parametrize(
    ("offset_s", "is_refused"),
    [
        (0.0, False),
        (FAR_AWAY_S, False),
        (FAR_AWAY_S + 0.001, True),
        (-CALL_S - FAR_AWAY_S, False),
        (-CALL_S - FAR_AWAY_S - 0.001, True),
    ],
)
def test_a_call_over_an_hour_away_is_refused(offset_s: float, *, is_refused: bool) -> None:
    """A typing error in a time would otherwise cost hours of silence; the limit itself is allowed."""
    empty = MediaInfo("recording", "mp4", None, None, 0.0, 0, None)
    if is_refused:
        with pytest.raises(InputError, match="over an hour away"):
            refuse_far_away(Alignment(offset_s), CALL_S, empty)
    else:
        refuse_far_away(Alignment(offset_s), CALL_S, empty)
