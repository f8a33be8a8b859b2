"""The whole measurement on clocks that bend, on parts of a call, and on recordings that hold more than the call."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mapped_clocks import place_by_map, rates, to_recording, warming
from talkers import RATE, burst, place, talk

from komorebi_qc.sync import SyncResult, measure
from komorebi_qc.sync.evidence.candidates import best_candidate

if TYPE_CHECKING:
    from komorebi_qc.core.timebase import Alignment

NEAR_S = 3.0
"""A turn and its pause: an agent who leaves in it could have left at any moment of it."""


def numbers(value: object) -> list[float]:
    """Every number with a fraction in a nested result."""
    parts: Any = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    return [float(value)] if isinstance(value, float) else [n for part in parts for n in numbers(part)]


def measured(call: np.ndarray, recording: np.ndarray, reported_call_end_s: float | None = None) -> SyncResult:
    """A result in which all numbers are numbers, the stretches cover the call, and the parts agree with each other."""
    r = measure(call, recording, reported_call_end_s)
    assert all(math.isfinite(n) for n in numbers(asdict(r)))
    assert r.reason
    assert (r.alignment is not None) is (r.status == "aligned")
    assert (r.belongs is not None and r.belongs.answer == "yes") is (r.status == "aligned")
    assert (r.belongs is not None and r.belongs.answer == "no") is (r.status == "wrong_pair")
    if r.spans:
        assert r.spans[0].from_s == 0.0
        assert r.spans[-1].to_s == pytest.approx(len(call) / RATE)
    if r.status == "aligned":
        assert r.candidates == ()
    else:
        assert r.agent_part is None
    return r


def aligned(r: SyncResult) -> Alignment:
    """The map of a pair that is aligned."""
    assert r.status == "aligned", r.reason
    assert r.alignment is not None
    return r.alignment


def off_ms(alignment: Alignment, points: tuple[tuple[float, float], ...]) -> np.ndarray:
    """How far the map is from the true one, every half second of the call, in ms."""
    call_s = np.arange(0.5, points[-1][0], 0.5)
    found = np.array([alignment.to_recording(t) for t in call_s])
    off: np.ndarray = np.abs(found - to_recording(points, call_s)) * 1e3
    return off


def hidden(recording: np.ndarray, *spans_s: tuple[float, float]) -> np.ndarray:
    """The recording with a faint noise in place of some spans."""
    out = recording.copy()
    for from_s, to_s in spans_s:
        first, last = int(from_s * RATE), min(int(to_s * RATE), len(out))
        out[first:last] = np.random.default_rng(3).normal(0, 10, last - first)
    return out


def of_another_call(seconds: float, seed: int = 900) -> np.ndarray:
    """Speech that isn't the call's."""
    return place(talk(seed, seconds), 0.0, after_s=0.0)


@pytest.mark.parametrize(
    ("parts", "bends_s"),
    [
        (((55.0, 40.0), (110.0, -70.0)), [55.0]),
        (((40.0, 0.0), (80.0, 140.0), (120.0, 10.0)), [40.0, 80.0]),
    ],
    ids=["two rates", "three rates"],
)
def test_a_change_of_rate_is_followed(parts: tuple[tuple[float, float], ...], bends_s: list[float]) -> None:
    """Another sound device at half-time: the map bends there, right to a tenth of a millisecond, and nothing jumps."""
    points = rates(1.5, *parts)
    call = talk(101, points[-1][0])
    r = measured(call, place_by_map(call, points, customer_delay=400))
    assert off_ms(aligned(r), points).max() < 0.1
    assert (r.jumps, r.customer_steps) == ((), ())
    assert [k.call_s for k in r.knots[1:-1]] == pytest.approx(bends_s, abs=3.0)
    assert r.drift_ppm == pytest.approx(((points[-1][1] - points[0][1]) / points[-1][0] - 1) * 1e6, abs=2.0)


def test_a_clock_that_warms_up_is_followed() -> None:
    """A rate that falls from 120 to 5 ppm within minutes: the map is right to half a millisecond everywhere."""
    points = warming(1.0, 180.0, 120.0, 5.0, 60.0)
    call = talk(103, 180)
    r = measured(call, place_by_map(call, points))
    assert off_ms(aligned(r), points).max() < 0.5
    assert r.jumps == ()


def test_a_bend_beside_a_jump() -> None:
    """Both are found, each as what it is."""
    call = talk(107, 120)
    before, after = rates(1.5, (80.0, 60.0)), rates(0.0, (40.0, -60.0))
    points = (*before, *((t + 80.0, before[-1][1] + 0.35 + r) for t, r in after))
    r = measured(call, place_by_map(call, points))
    assert [j.size_s for j in r.jumps] == pytest.approx([0.35], abs=2e-4)
    assert abs(r.jumps[0].call_s - 80.0) < NEAR_S
    for call_s in (1.0, 40.0, 76.0, 84.0, 119.0):
        expected_s = 1.5 + call_s + 60e-6 * min(call_s, 80.0) + (0.35 - 60e-6 * (call_s - 80.0)) * (call_s > 80.0)
        assert aligned(r).to_recording(call_s) == pytest.approx(expected_s, abs=5e-4)


def test_a_constant_rate_has_no_knot() -> None:
    """Nor has a clock that jumps, or a customer whose delay changes."""
    call = talk(101, 100)
    assert measured(call, place(call, 2.0, -20.0, ((40.0, 0.02), (70.0, -0.5)))).knots == ()
    recording = place(call, 2.0)
    call[60 * RATE :, 0] = np.roll(call[60 * RATE :, 0], 160)
    assert measured(call, recording).knots == ()


@pytest.mark.parametrize(("reported_s", "is_other_speech"), [(62.0, False), (120.0, True)])
def test_a_transferred_call(reported_s: float, *, is_other_speech: bool) -> None:
    """The agent leaves after a minute; the rest of the call is another agent's, whatever the recording has by then."""
    call = talk(104, 120)
    recording = hidden(place(call, 2.0, after_s=15.0), (62.0, 200.0))
    if is_other_speech:
        recording[70 * RATE : 90 * RATE] = of_another_call(20.0)
    r = measured(call, recording, reported_s)
    assert aligned(r).offset_s == pytest.approx(2.0, abs=1e-4)
    assert r.jumps == ()
    assert r.agent_part is not None
    assert r.agent_part.start_s == 0.0
    assert r.agent_part.end_s == pytest.approx(60.0, abs=NEAR_S)
    assert aligned(r).part == r.agent_part
    assert [s.state for s in r.spans] == ["agrees", "absent"]
    assert [s.part for s in r.recording_spans] == (["during"] if is_other_speech else [])


def test_an_agent_who_joins_late() -> None:
    """The first minute is another agent's, while this one speaks to somebody else."""
    call = talk(104, 120)
    recording = hidden(place(call, 2.0), (0.0, 62.0))
    recording[20 * RATE : 40 * RATE] = of_another_call(20.0)
    r = measured(call, recording, 122.0)
    assert aligned(r).offset_s == pytest.approx(2.0, abs=1e-4)
    assert r.agent_part is not None
    assert r.agent_part.start_s == pytest.approx(60.0, abs=NEAR_S)
    assert r.agent_part.end_s == 120.0
    assert [s.state for s in r.spans] == ["absent", "agrees"]


def test_a_muted_agent_is_part_of_the_call() -> None:
    """A microphone that is off for half a minute is no absence, and no evidence against the pair."""
    call = talk(104, 120)
    r = measured(call, hidden(place(call, 2.0), (40.0, 70.0)), 122.0)
    assert aligned(r).part is None
    assert [s.state for s in r.spans] == ["agrees", "silent", "agrees"]
    assert r.belongs is not None
    assert r.belongs.against_s == 0.0


@pytest.mark.parametrize("muted_s", [20.0, 60.0])
def test_a_microphone_that_is_muted_for_good(muted_s: float) -> None:
    """The recording has the customer to the end of the call: the agent only turned the microphone off."""
    call = talk(60, 100)
    recording, customer = place(call, 3.0, 10.0), place(call, 3.0, 10.0, gains=(0.7, 0.0))
    muted_from = int((muted_s + 3.0) * RATE)
    recording[muted_from:] = customer[muted_from:]
    r = measured(call, recording, 103.0)
    assert aligned(r).part is None
    assert "absent" not in {s.state for s in r.spans}
    spoken = [w for w in r.windows if w.channel == "customer" and w.call_s > muted_s + 5.0]
    assert sum(w.accepted for w in spoken) > 0.8 * len(spoken)


def music() -> np.ndarray:
    """A call of 70 s that is a loop of 8 s for the customer, and nothing else."""
    loop = np.tile(burst(np.random.default_rng(8), 8.0), 9)[: 70 * RATE]
    return np.stack([loop * 32767, np.random.default_rng(9).normal(0, 5, len(loop))], 1).astype(np.int16)


@pytest.mark.parametrize(("reported_s", "offset_s"), [(72.3, 3.0), (81.0, 11.0)])
def test_music_alone_is_placed_by_its_reported_end(reported_s: float, offset_s: float) -> None:
    """The loop fits at each of its periods. The reported second picks one of them, and its place is exact."""
    call = music()
    r = measured(call, place(call, 3.0), reported_s)
    assert r.status == "ambiguous"
    assert r.belongs is not None
    assert r.belongs.answer == "unknown"
    chosen = best_candidate(r.candidates, reported_s, 1.0)
    assert chosen is not None
    assert chosen.offset_s == pytest.approx(offset_s, abs=1e-3)
    assert chosen == r.candidates[0]
    assert chosen.probability > 0.5


def test_music_without_a_reported_end_has_several_candidates() -> None:
    """All of them a whole number of loops apart."""
    call = music()
    found = measured(call, place(call, 3.0)).candidates
    assert len(found) > 2
    loops = [(c.offset_s - 3.0) / 8.0 for c in found]
    assert loops == pytest.approx([round(n) for n in loops], abs=1e-3)


@pytest.mark.parametrize(
    ("seed", "at_s", "until_s", "size_s"),
    [(210, 39.3, 43.7, 0.844), (202, 51.9, 56.6, 0.743), (203, 30.1, 36.4, 0.079)],
    ids=["the agent's word", "the customer's word", "a small one"],
)
def test_opposite_jumps_with_a_word_between(seed: int, at_s: float, until_s: float, size_s: float) -> None:
    """The clock jumps there and back again, and one word between shows it: that word has its own place."""
    call = talk(seed, 80)
    r = measured(call, place(call, 2.0, 10.0, ((at_s, size_s), (until_s, -size_s))))
    assert [j.size_s for j in r.jumps] == pytest.approx([size_s, -size_s], abs=2e-4)
    middle_s = (at_s + until_s) / 2
    assert aligned(r).to_recording(middle_s) == pytest.approx(2.0 + middle_s * (1 + 1e-5) + size_s, abs=1e-3)
    for call_s in (at_s - 10.0, until_s + 10.0):
        assert aligned(r).to_recording(call_s) == pytest.approx(2.0 + call_s * (1 + 1e-5), abs=1e-3)


@pytest.mark.parametrize("which", [0, 1])
def test_a_recording_of_three_calls(which: int) -> None:
    """The right one is found, whatever end was reported; the speech of the others is named, before it and after it."""
    calls = [talk(seed, 45) for seed in (301, 302, 303)]
    recording = np.concatenate([place(call, 1.0, seed=n) for n, call in enumerate(calls)])
    r = measured(calls[which], recording, 46.0)
    assert aligned(r).offset_s == pytest.approx(1.0 + 51.0 * which, abs=1e-4)
    assert r.agent_part is None
    sides = {s.part for s in r.recording_spans}
    assert sides == ({"after"}, {"before", "after"})[which]
    assert sum(s.speech_s for s in r.recording_spans) > 40.0


@pytest.mark.parametrize("seconds", [8, 20])
def test_another_call_speaks_against_the_pair(seconds: int) -> None:
    """Even a few seconds of speech in both files that disagree: refused, or nothing that may be used unseen."""
    r = measured(talk(1, seconds), place(talk(2, seconds), 1.0), 1.0 + seconds)
    assert r.status in ("wrong_pair", "insufficient")
    assert r.belongs is not None
    assert r.belongs.speaks_against
    assert r.belongs.probability < 0.5


def test_a_muted_recording_is_no_evidence_against_the_pair() -> None:
    """Nothing agrees, but the recording holds noise alone."""
    recording = np.random.default_rng(5).normal(0, 10, 70 * RATE).astype(np.int16)
    r = measured(talk(1, 60), recording, 61.0)
    assert r.status == "insufficient"
    assert r.belongs is None or not r.belongs.speaks_against


ODD = {
    "two seconds": (talk(17, 60)[RATE : 3 * RATE], place(talk(17, 60), 3.0), 6.0),
    "one turn": (talk(17, 60)[: 4 * RATE], place(talk(17, 60), 3.0), 7.0),
    "a recording shorter than the call": (talk(17, 60), place(talk(17, 60), -20.0)[: 10 * RATE], 40.0),
    "reported long before the recording": (talk(17, 30), place(talk(17, 30), 3.0), -500.0),
    "reported two days later": (talk(17, 30)[: 8 * RATE], place(talk(17, 30), 3.0), 172_800.0),
    "only the customer": (talk(17, 30) * np.array([1, 0], np.int16), place(talk(17, 30), 3.0), 33.0),
    "a few samples of recording": (talk(17, 30), place(talk(17, 30), 3.0)[: int(0.6 * RATE)], 33.0),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_input_has_a_status_and_no_wrong_number(name: str) -> None:
    """If it is aligned, it is right; else its candidates share one certainty."""
    call, recording, reported_s = ODD[name]
    r = measured(call, recording, reported_s)
    if r.status == "aligned":
        assert r.offset_s == pytest.approx(-20.0 if "shorter" in name else 3.0, abs=1e-3)
    elif r.candidates:
        assert sum(c.probability for c in r.candidates) <= 1.0 + 1e-9
        assert max(c.probability for c in r.candidates) > 0.0


def test_one_person_on_both_sides() -> None:
    """The same sound in both channels is aligned once."""
    mono = talk(17, 40).sum(axis=1).astype(np.int16)
    r = measured(np.stack([mono, mono], axis=1), place(talk(17, 40), 3.0, gains=(1.0, 1.0)))
    assert aligned(r).offset_s == pytest.approx(3.0, abs=1e-4)
    assert r.jumps == ()


@settings(max_examples=4, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    bend_s=st.floats(35.0, 65.0),
    ppm=st.tuples(st.floats(-120.0, 120.0), st.floats(-120.0, 120.0)),
    offset_s=st.floats(-10.0, 20.0),
)
def test_any_two_rates(seed: int, bend_s: float, ppm: tuple[float, float], offset_s: float) -> None:
    """For any two rates and any moment between them the map is right to a millisecond, and no jump is invented."""
    call = talk(seed, 100)
    points = rates(offset_s, (bend_s, ppm[0]), (100.0, ppm[1]))
    r = measured(call, place_by_map(call, points))
    assert off_ms(aligned(r), points).max() < 1.0
    assert r.jumps == ()
