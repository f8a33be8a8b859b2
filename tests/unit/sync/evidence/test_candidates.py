"""The places that the evidence allows: which one the reported call end picks, and how probable each is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from talkers import RATE, burst, place, talk

from komorebi_qc.sync.evidence.alternative_offsets import AlternativeOffset
from komorebi_qc.sync.evidence.candidates import (
    MOST,
    Candidate,
    Followed,
    Place,
    best_candidate,
    distance_s,
    find_candidates,
    follow_at,
)
from komorebi_qc.sync.lags.windows import Chain, Windows
from komorebi_qc.sync.vad import of_call

CALL_S = 60.0
NOTHING = np.zeros((0, 1))
EMPTY = Chain(
    Windows(0, 1.0, np.zeros(0), np.zeros(0), NOTHING, NOTHING, np.zeros(0, bool)), np.zeros(0, bool), np.zeros(0, int)
)


def near(offset_s: float, agreed_s: float) -> Followed:
    """The place near the reported end."""
    return Followed(Place(offset_s, 0.0, agreed_s), (EMPTY, EMPTY), [True, True])


def loop(*offsets_s: float, score: float = 0.8) -> tuple[AlternativeOffset, ...]:
    """Other places at which most of the call agrees."""
    return tuple(AlternativeOffset(offset_s, abs(offset_s), score) for offset_s in offsets_s)


def test_each_place_is_a_candidate_with_its_call_end() -> None:
    """The best place, the others, and the one near the reported end; each ends a call's length later."""
    found = find_candidates(CALL_S, Place(3.0, 0.0, 40.0), loop(11.0), near(20.0, 10.0), None, 1.0)
    assert {c.offset_s for c in found} == {3.0, 11.0, 20.0}
    assert all(c.call_end_s == c.offset_s + CALL_S for c in found)
    assert {c.offset_s: c.score for c in found} == {3.0: 1.0, 11.0: 0.8, 20.0: 0.25}
    assert {c.offset_s: c.agreed_s for c in found} == pytest.approx({3.0: 40.0, 11.0: 32.0, 20.0: 10.0})


def test_one_place_found_twice_is_one_candidate() -> None:
    """The place near the reported end is often the best one, apart from a rounding."""
    assert len(find_candidates(CALL_S, Place(3.0, 0.0, 40.0), loop(3.0004, 11.0), near(2.9996, 40.0), 63.0, 1.0)) == 2


def test_without_evidence_there_is_no_candidate() -> None:
    """Nothing agrees anywhere."""
    assert find_candidates(CALL_S, None, (), None, 63.0, 1.0) == ()
    assert best_candidate((), 63.0, 1.0) is None
    assert best_candidate((), None, 1.0) is None


def test_a_place_near_the_reported_end_may_be_the_only_one() -> None:
    """It is certain among the candidates, and has its own speech."""
    assert find_candidates(CALL_S, None, (), near(3.0, 7.0), 63.0, 1.0) == (Candidate(3.0, 63.0, 1.0, 7.0, 1.0),)


@pytest.mark.parametrize(
    ("reported_s", "offset_s"), [(63.0, 3.0), (62.4, 3.0), (71.0, 11.0), (55.0, -5.0), (62.0, 3.0)]
)
def test_a_loop_is_placed_by_its_reported_end(reported_s: float, offset_s: float) -> None:
    """Of places that are equally good, the reported second picks one, and it is the most probable one."""
    found = find_candidates(CALL_S, Place(3.0, 0.0, 40.0), loop(-5.0, 11.0, 19.0, score=0.9), None, reported_s, 1.0)
    chosen = best_candidate(found, reported_s, 1.0)
    assert chosen is not None
    assert chosen.offset_s == offset_s
    assert found[0] is chosen
    assert chosen.probability > 0.5


def test_the_reported_end_can_not_pick_a_place_of_little_agreement() -> None:
    """A place that has a small share of the best one's evidence isn't used, though it fits the reported second."""
    found = find_candidates(CALL_S, Place(3.0, 0.0, 40.0), loop(30.0, score=0.05), None, 90.0, 1.0)
    chosen = best_candidate(found, 90.0, 1.0)
    assert chosen is not None
    assert chosen.offset_s == 3.0


def test_a_chance_far_from_the_reported_end_is_not_used() -> None:
    """Half a second of agreement counts at the reported end only; a conversation's worth counts anywhere."""
    chance = find_candidates(CALL_S, Place(3.0, 0.0, 0.5), (), None, 133.0, 1.0)
    assert best_candidate(chance, 133.0, 1.0) is None
    assert best_candidate(chance, 62.5, 1.0) is chance[0]
    assert best_candidate(chance, None, 1.0) is chance[0]
    part = find_candidates(CALL_S, Place(3.0, 0.0, 30.0), (), None, 133.0, 1.0)
    assert best_candidate(part, 133.0, 1.0) is part[0]


@pytest.mark.parametrize(
    ("call_end_s", "off_s"), [(63.0, 0.0), (63.4, 0.0), (64.0, 0.0), (64.5, 0.5), (62.75, 0.25), (0.0, 63.0)]
)
def test_a_whole_second_allows_a_second(call_end_s: float, off_s: float) -> None:
    """A reported time may be early by its unit, and is never late by it."""
    assert distance_s(call_end_s, 63.0, 1.0) == off_s


offsets = st.floats(-3600.0, 3600.0)
scores = st.floats(0.001, 1.0)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.none() | st.tuples(offsets, st.floats(0.0, 3600.0)),
    st.lists(st.tuples(offsets, scores), max_size=12),
    st.none() | st.tuples(offsets, st.floats(0.01, 3600.0)),
    st.none() | st.floats(-10.0, 172_800.0),
    st.sampled_from([0.001, 1.0, 60.0]),
)
def test_probabilities_are_shares_of_one(
    best: tuple[float, float] | None,
    elsewhere: list[tuple[float, float]],
    close: tuple[float, float] | None,
    reported_s: float | None,
    resolution_s: float,
) -> None:
    """The most probable one first; all of them together are certain, unless some were left out; a chosen one is one."""
    others = tuple(AlternativeOffset(o, abs(o), s) for o, s in elsewhere) if best is not None else ()
    followed = None if close is None else near(*close)
    first = None if best is None else Place(best[0], 0.0, best[1])
    found = find_candidates(CALL_S, first, others, followed, reported_s, resolution_s)
    assert len(found) <= MOST
    assert bool(found) is (best is not None or close is not None)
    probabilities = [c.probability for c in found]
    assert probabilities == sorted(probabilities, reverse=True)
    assert all(0.0 <= p <= 1.0 for p in probabilities)
    assert sum(probabilities) <= 1.0 + 1e-9
    if 0 < len(found) < MOST:
        assert sum(probabilities) == pytest.approx(1.0)
    chosen = best_candidate(found, reported_s, resolution_s)
    assert chosen is None or chosen in found


def test_a_call_is_followed_near_an_offset() -> None:
    """Within reach of the true offset it is found exactly, with both voices and most of their speech."""
    call = talk(61, 30)
    found = follow_at(call, of_call(call), place(call, 4.0), 5.1)
    assert found is not None
    assert found.place.offset_s == pytest.approx(4.0, abs=1e-3)
    assert found.is_present == [True, True]
    assert found.place.agreed_s > 10.0


@pytest.mark.parametrize(
    ("agreed_s", "peak", "clear"), [(2.4, 54.0, False), (2.4, 56.0, True), (2.6, 10.0, True)], ids=str
)
def test_a_word_is_clear_if_it_is_sharp(agreed_s: float, peak: float, *, clear: bool) -> None:
    """A word agrees clearly if its peaks are those of the same word, not of a hum; a sentence always does."""
    peaks = np.full((3, 1), peak)
    windows = Windows(1, 1.0, np.arange(3.0), np.ones(3), np.ones((3, 1)), peaks, np.ones(3, bool))
    chain = Chain(windows, np.ones(3, bool), np.zeros(3, np.intp))
    assert Followed(Place(1.0, 0.0, agreed_s), (EMPTY, chain), [False, True]).is_clear is clear


def test_a_drifting_candidate_ends_later() -> None:
    """A candidate keeps the drift that was measured: at 100 ppm, ten minutes end 60 ms later."""
    (found,) = find_candidates(600.0, Place(3.0, 100.0, 40.0), (), None, None, 1.0)
    assert found.drift_ppm == 100.0
    assert found.call_end_s == pytest.approx(603.06)


@pytest.mark.parametrize("delay", [0, 240, 800, 1600])
def test_a_late_customer_is_followed_beside_the_agent(delay: int) -> None:
    """The customer may reach the agent up to 0.2 s later: both voices agree, and the agent's sets the place."""
    call = talk(61, 30)
    call[15 * RATE :, 1] = 0
    found = follow_at(call, of_call(call), place(call, 4.0, customer_delay=delay), 4.5)
    assert found is not None
    assert found.is_present == [True, True]
    assert found.place.offset_s == pytest.approx(4.0, abs=2e-3)


def test_out_of_reach_nothing_agrees() -> None:
    """Neither a place far away nor one outside of the recording is credible; silence agrees with nothing."""
    call = talk(61, 30)
    recording, activities = place(call, 4.0), of_call(call)
    for offset_s in (15.0, -25.0, 5000.0, -5000.0):
        found = follow_at(call, activities, recording, offset_s)
        assert found is None or not any(found.is_present) or found.place.agreed_s < 3.0
    silence = np.zeros(40 * RATE, np.int16)
    assert follow_at(call, activities, silence, 4.0) is None
    assert follow_at(np.zeros_like(call), of_call(np.zeros_like(call)), recording, 4.0) is None


@pytest.mark.parametrize("is_same", [True, False], ids=["the same", "another"])
def test_a_word_in_silence_agrees_with_itself_alone(*, is_same: bool) -> None:
    """Any two words overlap somewhere. Beside a recording's silence that stands out, and yet it is chance."""
    rng = np.random.default_rng(7)
    word, other = burst(rng, 1.3), burst(rng, 1.2)
    call, recording = rng.normal(0, 2e-4, (10 * RATE, 2)), rng.normal(0, 2e-4, 17 * RATE)
    call[3000 : 3000 + len(word), 1] += word
    sound = word if is_same else other
    recording[32000 : 32000 + len(sound)] += sound
    spoken, own = (call * 32767).astype(np.int16), (recording * 32767).astype(np.int16)
    found = follow_at(spoken, of_call(spoken), own, 3.5)
    assert (found is not None and any(found.is_present) and found.is_clear) is is_same
