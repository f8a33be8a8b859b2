"""The engine on small signals of known truth, and on what is no pair at all."""

from __future__ import annotations

import math
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from talkers import RATE, burst, place, talk

from komorebi_qc.sync import SyncResult, measure


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
    """Wherever the call begins, before the recording too, the offset is right to 0.05 ms."""
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
    """Each jump is found, its size to 0.1 ms, its place within half a second of the pause it lies in."""
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


def test_wrong_pair() -> None:
    """Another call, plenty of speech, no agreement."""
    r = sane(measure(talk(6, 80), place(talk(7, 80), 1.0)))
    assert r.status == "wrong_pair"
    assert r.alignment is None


def test_loop_is_ambiguous() -> None:
    """Nothing but a loop of 8 s: several answers, and the period says so."""
    loop = np.tile(burst(np.random.default_rng(8), 8.0), 9)[: 70 * RATE]
    call = np.stack([loop * 32767, np.random.default_rng(9).normal(0, 5, len(loop))], 1).astype(np.int16)
    r = sane(measure(call, place(call, 3.0)))
    assert r.status == "ambiguous"
    assert any(v.period_s == pytest.approx(8.0, abs=1e-3) for v in r.rivals)


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
    """Half a recording still tells the offset."""
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
    """Any piece of a call against any piece of its recording: where it is called aligned, it is right."""
    call = talk(seed, 40)
    recording = place(call, 5.0)[int(start_s * RATE) : int(stop_s * RATE)]
    r = sane(measure(call[: int(call_s * RATE)], recording))
    if r.status == "aligned":
        assert r.offset_s == pytest.approx(5.0 - int(start_s * RATE) / RATE, abs=5e-4)
