"""The engine on small signals of known truth, and on what is no pair at all."""

from __future__ import annotations

import math
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from talkers import RATE, burst, place, talk

from komorebi_qc.sync import FoundJump, SyncResult, measure
from komorebi_qc.sync.evidence.classify import Channel, Evidence, classify
from komorebi_qc.sync.fit.model import Points
from komorebi_qc.sync.fit.piecewise import fit
from komorebi_qc.sync.jumps import in_order
from komorebi_qc.sync.lags.windows import Chain, Windows, widen_gate


def all_numbers(value: object) -> list[float]:
    """Every float in a nested result."""
    if isinstance(value, dict):
        return [n for v in value.values() for n in all_numbers(v)]
    if isinstance(value, list | tuple):
        return [n for v in value for n in all_numbers(v)]
    return [value] if isinstance(value, float) else []


def sane(r: SyncResult) -> SyncResult:
    """No NaN anywhere, and a sentence."""
    assert all(math.isfinite(n) for n in all_numbers(asdict(r)))
    assert r.status in ("aligned", "ambiguous", "wrong_pair", "insufficient")
    assert r.reason
    return r


@pytest.mark.parametrize("offset", [0.0, 1.23456, -6.4, 75.3])
def test_offset(offset: float) -> None:
    """For any start of the call, even before the recording, the offset is right to 0.05 ms."""
    call = talk(1, 60)
    r = sane(measure(call, place(call, offset)))
    assert r.status == "aligned"
    assert r.offset_s == pytest.approx(offset, abs=5e-5)
    assert r.sides == "both"
    assert r.jumps == ()


@pytest.mark.parametrize("drift", [-100.0, 80.0])
def test_drift(drift: float) -> None:
    """A clock 100 ppm off is drift and never a jump."""
    call = talk(2, 120)
    r = sane(measure(call, place(call, 0.8, drift)))
    assert r.drift_ppm == pytest.approx(drift, abs=0.1)
    assert r.jumps == ()
    assert r.drift_ci_ppm is not None
    assert r.drift_ci_ppm[0] < drift < r.drift_ci_ppm[1]


@pytest.mark.parametrize("sizes", [(0.01,), (-0.35,), (2.0,), (0.02, -0.5, 0.9)])
def test_jumps(sizes: tuple[float, ...]) -> None:
    """Each jump is found, its size to 0.1 ms, its place within half a second of its pause."""
    call = talk(3, 150)
    jumps = tuple((150 * (i + 1) / (len(sizes) + 1), s) for i, s in enumerate(sizes))
    r = sane(measure(call, place(call, 2.0, 40.0, jumps)))
    assert [j.size_s for j in r.jumps] == pytest.approx(list(sizes), abs=1e-4)
    for found, (at, _) in zip(r.jumps, jumps, strict=True):
        assert found.between_s[0] - 0.5 <= at <= found.between_s[1] + abs(found.size_s) + 0.5
    assert r.measured_call_end_s == pytest.approx(2.0 + 150 * (1 + 40e-6) + sum(sizes), abs=1e-3)


def test_two_lags() -> None:
    """The customer's voice comes 180 ms later: the agent's sets the offset."""
    call = talk(4, 80)
    r = sane(measure(call, place(call, 1.0, customer_delay=1440)))
    assert r.lag_agent_s == pytest.approx(1.0, abs=1e-4)
    assert r.lag_customer_s == pytest.approx(1.18, abs=2e-4)
    assert r.offset_s == r.lag_agent_s


@pytest.mark.parametrize(("gains", "sides"), [((0.0, 1.0), "agent"), ((1.0, 0.0), "customer"), ((0.05, 1.0), "both")])
def test_sides(gains: tuple[float, float], sides: str) -> None:
    """One voice only, or a faint leak of the other."""
    call = talk(5, 80)
    r = sane(measure(call, place(call, 1.0, gains=gains)))
    assert (r.status, r.sides) == ("aligned", sides)


@pytest.mark.parametrize("into_s", [0.01, 0.03])
def test_jump_in_the_first_sound_after_a_silence(into_s: float) -> None:
    """A jump in a word's faint onset after 9 s of silence: the interval holds it, its place is at that word."""
    call, at = talk(21, 120), 49.0 + into_s
    word = burst(np.random.default_rng(5), 3.0)
    word[:800] *= np.linspace(0, 1, 800) ** 2
    call[40 * RATE : 49 * RATE, 1] = 0
    call[49 * RATE : 52 * RATE, 1] = (word * 32767).astype(np.int16)
    recording = place(call, 2.0, jumps=((at, 0.7),), gains=(0.0, 1.0))
    noisy = (recording + np.random.default_rng(2).normal(0, 150, len(recording))).astype(np.int16)
    r = sane(measure(call, noisy))
    assert [j.size_s for j in r.jumps] == pytest.approx([0.7], abs=1e-4)
    assert r.jumps[0].between_s[0] <= at <= r.jumps[0].between_s[1]
    assert abs(r.jumps[0].call_s - at) <= 0.52


def test_jump_of_the_agents_channel_alone() -> None:
    """Connect moves only the agent's voice: the jump is marked so, and the alignment keeps the customer's voice."""
    call = talk(22, 120)
    recording = place(call, 2.0)
    call[:, 1] = np.concatenate([call[: 30 * RATE, 1], np.zeros(240, np.int16), call[30 * RATE : -240, 1]])
    r = sane(measure(call, recording))
    assert [(j.agent_only, round(j.size_s, 4)) for j in r.jumps] == [(True, -0.03)]
    assert r.customer_steps == ()
    assert r.alignment is not None
    assert r.alignment.jumps == ()
    # most of the agent's speech comes after it
    assert r.alignment.offset_s == pytest.approx(1.97, abs=1e-4)
    assert r.offset_s == pytest.approx(2.0, abs=1e-4)


def test_jump_of_both_is_nobodys_alone() -> None:
    """If both voices jump it is the clock, and the alignment follows."""
    call = talk(23, 120)
    r = sane(measure(call, place(call, 2.0, jumps=((60.0, 0.03),))))
    assert [j.agent_only for j in r.jumps] == [False]
    assert r.alignment is not None
    assert len(r.alignment.jumps) == 1


def test_window_on_the_wrong_side() -> None:
    """With one window on the wrong side of a jump, sizes are still right to 0.01 ms, in the next segment too."""
    time_s, rng = np.arange(0.0, 240.0, 0.75), np.random.default_rng(1)
    noise = rng.normal(0, 5e-6, (2, len(time_s)))
    small = np.where(time_s >= 100.5, 0.03, 0.0)
    customer = 1.1 + small + np.where(time_s >= 112.5, 0.2, 0.0) + noise[0]
    agent = 1.0 + small + np.where(time_s > 112.5, 0.2, 0.0) + noise[1]
    trust = np.full(len(time_s), 3e-5)
    found = fit(Points(time_s, customer, trust, 0.375), Points(time_s, agent, trust, 0.375))
    assert found is not None
    assert [s.size_s for s in found.steps] == pytest.approx([0.03, 0.2], abs=1e-5)


@pytest.mark.parametrize("sizes", [(-0.303, 0.186), (-0.303, 0.303), (1.5, -1.4)])
def test_two_jumps_in_one_silence_of_the_agent(sizes: tuple[float, float]) -> None:
    """The customer alone speaks between two jumps: both are found, not their sum, and all of that speech agrees."""
    call = talk(26, 120)
    call[40 * RATE : 64 * RATE, 1] = 0
    jumps = tuple(zip((44.0, 60.0), sizes, strict=True))
    r = sane(measure(call, place(call, 2.0, 30.0, jumps)))
    assert r.status == "aligned"
    assert [j.size_s for j in r.jumps] == pytest.approx(list(sizes), abs=1e-4)
    for found, (at, _) in zip(r.jumps, jumps, strict=True):
        assert found.between_s[0] - 0.5 <= at <= found.between_s[1] + abs(found.size_s) + 0.5
    assert r.customer_steps == ()
    assert r.coverage > 0.97


def test_a_recorder_that_paused_half_a_minute() -> None:
    """Half a minute that was never recorded is a jump of that size at that time, and the offset is the first part's."""
    call = talk(31, 130)
    whole = place(call, 1.5)
    recording = np.concatenate([whole[: int(26.5 * RATE)], whole[int(56.5 * RATE) :]])
    r = sane(measure(call, recording))
    assert r.status == "aligned"
    assert r.offset_s == pytest.approx(1.5, abs=5e-4)
    assert [j.size_s for j in r.jumps] == pytest.approx([-30.0], abs=1e-3)
    assert abs(r.jumps[0].call_s - 55.0) < 2.0
    assert r.unmatched == ()


@pytest.mark.parametrize("at_s", [25.0, 90.0])
def test_sound_put_in_for_twenty_seconds(at_s: float) -> None:
    """Twenty seconds of other sound inside a call are a jump of twenty seconds, whichever part is the longer."""
    call = talk(32, 120)
    recording = place(call, 1.5, jumps=((at_s, 20.0),), customer_delay=1440)
    r = sane(measure(call, recording))
    assert r.status == "aligned"
    assert r.offset_s == pytest.approx(1.5, abs=5e-4)
    assert [j.size_s for j in r.jumps] == pytest.approx([20.0], abs=1e-3)


def test_an_unmatched_stretch_is_reported() -> None:
    """If another call's sound replaces the first part, the result names the part of the call that wasn't measured."""
    call, other = talk(33, 120), talk(34, 120)
    recording = place(call, 2.0)
    recording[: 27 * RATE] = place(other, 2.0)[: 27 * RATE]
    r = sane(measure(call, recording))
    assert r.offset_s == pytest.approx(2.0, abs=5e-4)
    assert r.jumps == ()
    assert [round(s.from_s) for s in r.unmatched] == [0]
    assert 23 < r.unmatched[0].to_s < 29
    assert r.unmatched[0].speech_s > 5


def test_a_call_that_went_on_without_the_agent() -> None:
    """Both voices for most of a minute, and then another call: the agent's part ends there, and the rest isn't used."""
    call, other = talk(35, 200), talk(36, 200)
    recording = place(call, 1.5)
    recording[56 * RATE :] = place(other, 1.5)[56 * RATE : len(recording)]
    r = sane(measure(call, recording))
    assert r.status == "aligned"
    assert r.offset_s == pytest.approx(1.5, abs=1e-4)
    assert r.agent_part is not None
    assert r.agent_part.start_s == 0.0
    assert r.agent_part.end_s == pytest.approx(54.5, abs=4.0)


@pytest.mark.parametrize(("reported_s", "status"), [(0.0, "insufficient"), (3.0, "insufficient"), (60.0, "wrong_pair")])
def test_a_recording_of_what_followed_the_call(reported_s: float, status: str) -> None:
    """By the reported end none of the call is recorded: there is no evidence for or against the pair."""
    assert sane(measure(talk(37, 60), place(talk(38, 60), 1.0), reported_s)).status == status


def own_chain(on: list[bool]) -> Chain:
    """A channel's windows every 0.75 s at lag 1.0 s, the fifth to the eighth at 0.5 s; sharp if they are on."""
    flags = np.array(on)
    time_s = 0.75 * np.arange(len(on), dtype=np.float64)
    lag = np.where((time_s >= 3.0) & (time_s < 6.0), 0.5, 1.0)[:, None]
    z = np.where(flags, 80.0, 7.0)[:, None]
    weight = np.full(len(on), 0.75)
    audible = np.ones(len(on), bool)
    return Chain(Windows(0, 1.5, time_s - 0.75, weight, lag, z, audible), flags, np.zeros(len(on), np.intp))


@pytest.mark.parametrize(
    ("off", "lead_s", "passes"),
    [((), (0.0, 9.0), True), ((), (0.0, 4.0, 9.0), False), ((5, 6), (0.0, 9.0), False), ((), (7.0, 9.0), False)],
    ids=["silence", "the lead speaks among them", "most disagree", "before the lead's first"],
)
def test_the_gate_opens_for_a_segment_alone(off: tuple[int, ...], lead_s: tuple[float, ...], *, passes: bool) -> None:
    """Four windows in a row under a lag of their own pass where the leading channel is silent, and only there."""
    chain = own_chain([i not in off for i in range(12)])
    gate = np.tile([[0.9, 2.0]], (12, 1))
    wide = widen_gate(gate, chain, np.array(lead_s))
    lag = chain.lag_s
    inside = (wide[:, 0] <= lag) & (lag <= wide[:, 1])
    assert list(inside[4:8]) == [passes] * 4
    assert np.array_equal(wide[lag == 1.0], gate[lag == 1.0])


@pytest.mark.parametrize(
    ("earlier", "last", "private"),
    [((0.02, -0.03), 0.04, True), ((), 0.04, False), ((0.02, -0.03), -0.3, False), ((0.02, -0.03), 0.5, False)],
    ids=["as before", "the first", "earlier than spoken", "far larger"],
)
def test_step_after_the_agents_last_word(earlier: tuple[float, ...], last: float, *, private: bool) -> None:
    """Only the customer shows a last step: a leg's change if its delay changed so before, else an unsure jump."""
    time_s, rng = np.arange(0.0, 120.0, 0.75), np.random.default_rng(2)
    lag_s = 1.1 + rng.normal(0, 5e-6, len(time_s))
    for at_s, size_s in (*zip((30.0, 60.0), earlier, strict=False), (100.0, last)):
        lag_s += np.where(time_s > at_s, size_s, 0.0)
    trust = np.full(len(time_s), 3e-5)
    speaks = time_s < 97
    agent = Points(time_s[speaks], 1.0 + rng.normal(0, 5e-6, len(time_s))[speaks], trust[speaks], 0.375)
    found = fit(Points(time_s, lag_s, trust, 0.375), agent)
    assert found is not None
    steps = [*found.private, *found.steps]
    assert [s.size_s for s in steps] == pytest.approx([*earlier, last], abs=1e-5)
    assert [s.customer_evidence_only for s in steps] == [False] * len(earlier) + [True]
    assert len(found.private) == len(earlier) + private


def test_jumps_that_share_a_pause_stayin_order() -> None:
    """Two jumps placed in one pause never trade places, and each stays within its own interval."""
    first = FoundJump(60.4, 0.1, (0.1, 0.1), (58.0, 61.0))
    second = FoundJump(59.9, 0.2, (0.2, 0.2), (58.5, 60.1))
    out = in_order([first, second])
    assert [j.size_s for j in out] == [0.1, 0.2]
    assert out[0].call_s <= out[1].call_s
    assert all(j.between_s[0] <= j.call_s <= j.between_s[1] for j in out)


def test_an_absent_voice_is_no_evidence() -> None:
    """Only the agent is recorded: none of the customer's windows is accepted, and half of all speech agrees."""
    call = talk(5, 80)
    r = sane(measure(call, place(call, 1.0, gains=(0.0, 1.0))))
    assert {w.channel for w in r.windows} == {"agent", "customer"}
    assert {w.channel for w in r.windows if w.accepted} == {"agent"}
    assert r.coverage > 0.95
    assert r.evidence is not None
    assert r.evidence.customer.agreed_s < 0.05 * r.evidence.customer.active_s


def test_intervals_are_no_wider_than_they_need_be() -> None:
    """The intervals of offset, drift and a jump's size hold the truth and are narrow."""
    call = talk(24, 150)
    r = sane(measure(call, place(call, 2.0, 40.0, ((70.0, 0.35),))))
    assert r.offset_ci_s is not None
    assert r.drift_ci_ppm is not None
    for (low, high), truth, widest in (
        (r.offset_ci_s, 2.0, 8e-5),
        (r.drift_ci_ppm, 40.0, 0.3),
        (r.jumps[0].size_ci_s, 0.35, 5e-5),
    ):
        assert low < truth < high
        assert high - low < widest


def test_one_turn_is_one_turn() -> None:
    """A sentence counts one turn in the singular."""
    silent = Channel(0.0, 0.0, 0.0, 0, 0, 0, 0.0, is_present=False)
    verdict = classify(Evidence(silent, Channel(3.0, 3.0, 2.0, 1, 1, 1, 1.0, is_present=True), 3.0, 1.0, 0.0, 0))
    assert "1 turn and" in verdict.reason


def odd_calls() -> dict[str, tuple[np.ndarray, str]]:
    """Calls with wrong channels, and the side that is then present."""
    call = talk(25, 60)
    dead = np.zeros(len(call), np.int16)
    mono = (call.astype(int).sum(axis=1) // 2).astype(np.int16)
    return {
        "customer dead": (np.stack([dead, call[:, 1]], 1), "agent"),
        "agent dead": (np.stack([call[:, 0], dead], 1), "customer"),
        "swapped": (call[:, ::-1].copy(), "both"),
        "mono in both": (np.stack([mono, mono], 1), "both"),
    }


@pytest.mark.parametrize("name", ["customer dead", "agent dead", "swapped", "mono in both"])
def test_odd_channels(name: str) -> None:
    """A dead channel, swapped ones, a mono call in both: the offset is still right."""
    call, sides = odd_calls()[name]
    r = sane(measure(call, place(talk(25, 60), 3.0)))
    assert (r.status, r.sides) == ("aligned", sides)
    assert r.offset_s == pytest.approx(3.0, abs=1e-4)
    assert r.jumps == ()


def test_wrong_pair() -> None:
    """Another call, plenty of speech, no agreement."""
    r = sane(measure(talk(6, 80), place(talk(7, 80), 1.0)))
    assert r.status == "wrong_pair"
    assert r.alignment is None


def test_loop_is_ambiguous() -> None:
    """Only a loop of 8 s: several answers, with the loop's period."""
    loop = np.tile(burst(np.random.default_rng(8), 8.0), 9)[: 70 * RATE]
    call = np.stack([loop * 32767, np.random.default_rng(9).normal(0, 5, len(loop))], 1).astype(np.int16)
    r = sane(measure(call, place(call, 3.0)))
    assert r.status == "ambiguous"
    assert any(v.period_s == pytest.approx(8.0, abs=1e-3) for v in r.alternative_offsets)


def test_identical() -> None:
    """The call against itself: offset 0."""
    call = talk(10, 60)
    r = sane(measure(call, (call.astype(int).sum(axis=1) // 2).astype(np.int16)))
    assert r.status == "aligned"
    assert r.offset_s == pytest.approx(0.0, abs=2e-5)


def test_only_after_call_work() -> None:
    """A recording that begins after the call."""
    call = talk(11, 60)
    assert sane(measure(call, place(talk(12, 40), 0.0))).status in ("wrong_pair", "insufficient")


def test_recording_ends_early() -> None:
    """Half a recording still gives the offset."""
    call = talk(13, 100)
    r = sane(measure(call, place(call, 2.0)[: 50 * RATE]))
    assert r.status == "aligned"
    assert r.offset_s == pytest.approx(2.0, abs=1e-4)


DEGENERATE = {
    "empty": (np.zeros((0, 2), np.int16), np.zeros(0, np.int16)),
    "no recording": (talk(14, 20), np.zeros(0, np.int16)),
    "one sample": (talk(14, 20), np.ones(1, np.int16)),
    "silence": (np.zeros((RATE * 30, 2), np.int16), np.zeros(RATE * 30, np.int16)),
    "silent call": (np.zeros((RATE * 30, 2), np.int16), place(talk(15, 30), 1.0)),
    "silent recording": (talk(16, 30), np.zeros(RATE * 40, np.int16)),
    "constant": (np.full((RATE * 30, 2), 9000, np.int16), np.full(RATE * 40, -32768, np.int16)),
    "full scale": (np.tile(np.array([[32767, -32768]], np.int16), (RATE * 20, 1)), np.full(RATE * 20, 32767, np.int16)),
    "nan": (np.full((RATE * 20, 2), np.nan, np.float32), np.full(RATE * 20, np.nan, np.float32)),
    "infinite": (np.full((RATE * 20, 2), np.inf, np.float32), np.full(RATE * 20, -np.inf, np.float32)),
    "noise": (
        np.random.default_rng(1).normal(0, 3000, (RATE * 60, 2)).astype(np.int16),
        np.random.default_rng(2).normal(0, 3000, RATE * 60).astype(np.int16),
    ),
    "tone": (
        np.tile((np.sin(np.arange(RATE * 40) * 2 * np.pi * 440 / RATE) * 9000).astype(np.int16)[:, None], (1, 2)),
        (np.sin(np.arange(RATE * 50) * 2 * np.pi * 440 / RATE) * 9000).astype(np.int16),
    ),
    "two seconds of call": (talk(17, 60)[: 2 * RATE], place(talk(17, 60), 3.0)),
    "two seconds of recording": (talk(18, 60), place(talk(18, 60), 0.0)[: 2 * RATE]),
}


@pytest.mark.parametrize("name", DEGENERATE)
def test_degenerate(name: str) -> None:
    """A status and a sentence, never an exception, never a confident answer."""
    call, recording = DEGENERATE[name]
    r = sane(measure(call, recording))
    assert r.status != "aligned"


def test_float_and_int_agree() -> None:
    """float32 within -1..1 gives what int16 gives."""
    call = talk(19, 40)
    recording = place(call, 1.5)
    a = measure(call, recording)
    b = measure((call / 32768).astype(np.float32), (recording / 32768).astype(np.float32))
    assert a.offset_s is not None
    assert b.offset_s == pytest.approx(a.offset_s, abs=1e-6)


@settings(max_examples=12, deadline=None)
@given(
    seed=st.integers(0, 10_000), call_s=st.floats(0.0, 25.0), start_s=st.floats(0.0, 30.0), stop_s=st.floats(0.0, 40.0)
)
def test_any_cut(seed: int, call_s: float, start_s: float, stop_s: float) -> None:
    """Any piece of a call against any piece of its recording: if it is aligned, it is right."""
    call = talk(seed, 40)
    recording = place(call, 5.0)[int(start_s * RATE) : int(stop_s * RATE)]
    r = sane(measure(call[: int(call_s * RATE)], recording))
    if r.status == "aligned":
        assert r.offset_s == pytest.approx(5.0 - int(start_s * RATE) / RATE, abs=5e-4)
