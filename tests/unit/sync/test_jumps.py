"""Jumps in order, the agent's shift, and the interval of a jump."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from talkers import RATE, place, talk

from komorebi_qc.sync.fit.model import Fit, LagStep
from komorebi_qc.sync.jumps import agent_shift, in_order, interval, locate_jump
from komorebi_qc.sync.lags.windows import Chain, Windows
from komorebi_qc.sync.result import FoundJump


def jump(call_s: float, size_s: float = 0.1, *, agent_only: bool = False) -> FoundJump:
    """A jump a second wide."""
    return FoundJump(call_s, size_s, (size_s, size_s), (call_s - 0.5, call_s + 0.5), agent_only)


@given(st.lists(st.floats(0.0, 100.0), max_size=6))
def test_jumps_come_in_order(times: list[float]) -> None:
    """Each is at or after the one before, within its own interval; those already in order stay."""
    found = in_order([jump(t, k) for k, t in enumerate(times)])
    assert [j.size_s for j in found] == list(range(len(times)))
    assert [j.call_s for j in found] == list(np.maximum.accumulate(times)) if times else not found
    for j, t in zip(found, times, strict=True):
        assert j.between_s[0] == pytest.approx(min(t - 0.5, j.call_s))
        assert j.between_s[1] == pytest.approx(max(t + 0.5, j.call_s))


def agent(weights: list[float], on: list[int] | None = None) -> Chain:
    """The agent's windows with centres at 0, 10, 20 ... s."""
    n = len(weights)
    w = Windows(
        1,
        1.0,
        10.0 * np.arange(n, dtype=np.float64) - 0.5,
        np.array(weights),
        np.ones((n, 1)),
        np.ones((n, 1)),
        np.ones(n, bool),
    )
    return Chain(w, np.ones(n, bool) if on is None else np.array(on, bool), np.zeros(n, np.intp))


def test_the_shift_is_that_of_most_of_the_speech() -> None:
    """The agent-only jumps before the longest part of the agreeing speech add up; clock jumps don't count."""
    alone = (jump(15, 0.1, agent_only=True), jump(18, 5.0), jump(35, 0.2, agent_only=True))
    assert agent_shift((jump(15),), agent([1, 1, 1])) == 0.0
    assert agent_shift((), agent([1, 1, 1])) == 0.0
    assert agent_shift(alone, agent([3, 3, 1, 1, 1])) == 0.0
    assert agent_shift(alone, agent([1, 1, 3, 1, 1])) == pytest.approx(0.1)
    assert agent_shift(alone, agent([1, 1, 1, 1, 3])) == pytest.approx(0.3)
    assert agent_shift(alone, agent([9, 1, 1, 1, 3], [0, 1, 1, 1, 1])) == pytest.approx(0.3)


def test_the_interval_is_of_95_percent() -> None:
    """1.96 sigma to either side."""
    assert interval(1.0, 0.1) == pytest.approx((0.804, 1.196))


CALL = talk(65, 60)


def fit_of(*steps: LagStep, private: tuple[LagStep, ...] = (), customer_s: float | None = 2.1) -> Fit:
    """A fit at 2 s with steps."""
    none = np.zeros(0, bool)
    return Fit(2.0, 1e-5, 0.0, 0.1, steps, private, (customer_s, 2.0), (none, none), 1e-5)


def windows_of(size_s: float) -> tuple[Chain, Chain]:
    """Chains of no windows of a size."""
    empty = np.zeros(0)
    w = [Windows(k, size_s, empty, empty, np.zeros((0, 1)), np.zeros((0, 1)), empty.astype(bool)) for k in (0, 1)]
    return tuple(Chain(each, empty.astype(bool), empty.astype(int)) for each in w)  # type: ignore[return-value]


@pytest.mark.parametrize("present", [[True, True], [False, True], [True, False]])
def test_a_jump_is_located(present: list[bool]) -> None:
    """The second of two jumps is found by both voices, and by either alone, after the first one's size."""
    recording = place(CALL, 2.0, jumps=((18.0, 0.4), (40.0, -0.3)), customer_delay=800)
    steps = LagStep(16.0, 20.0, 0.4, 1e-5), LagStep(38.0, 42.0, -0.3, 1e-5, customer_evidence_only=True)
    found = locate_jump(CALL, recording, steps[1], fit_of(*steps), present, windows_of(1.0), 1)
    first, last = found.between_s
    assert first - 0.3 <= 40.0 <= last + 0.3
    assert 37.0 <= first <= found.call_s <= last <= 43.0
    assert last - first < 4.0
    assert found.size_s == -0.3
    assert found.size_ci_s == pytest.approx((-0.3 - 1.96e-5, -0.3 + 1.96e-5))
    assert found.customer_evidence_only
    assert not found.agent_only


def test_the_search_reaches_half_a_window_further() -> None:
    """Without audio to say where, the interval is that of the windows and half a window more; never before 0."""
    silent = np.zeros((60 * RATE, 2), np.int16)
    step = LagStep(20.0, 30.0, 0.3, 1e-5)
    found = locate_jump(silent, silent[:, 0], step, fit_of(step), [False, True], windows_of(3.0), 0)
    assert found.between_s == pytest.approx((18.5, 31.5), abs=0.06)
    early = LagStep(0.5, 30.0, 0.3, 1e-5)
    found = locate_jump(silent, silent[:, 0], early, fit_of(early), [False, True], windows_of(3.0), 0)
    assert found.between_s[0] == pytest.approx(0.0, abs=0.1)
    # The customer is 0.5 s later: the jump may meet an earlier word.
    late = locate_jump(silent, silent[:, 0], step, fit_of(step, customer_s=2.5), [True, True], windows_of(3.0), 0)
    assert late.between_s == pytest.approx((18.5, 32.0), abs=0.06)
    soon = locate_jump(silent, silent[:, 0], step, fit_of(step, customer_s=1.5), [True, True], windows_of(3.0), 0)
    assert soon.between_s == pytest.approx((18.0, 31.5), abs=0.06)


def test_the_customers_own_changes_count_up_to_the_jump() -> None:
    """A change of the delay before the jump moves the customer's lag there; one after it doesn't."""
    silent = np.zeros((60 * RATE, 2), np.int16)
    step = LagStep(20.0, 30.0, 0.3, 1e-5)
    before, after = LagStep(5.0, 8.0, 0.4, 1e-5), LagStep(40.0, 45.0, 7.0, 1e-5)
    result = fit_of(step, private=(before, after), customer_s=2.0)
    found = locate_jump(silent, silent[:, 0], step, result, [True, True], windows_of(3.0), 0)
    assert found.between_s == pytest.approx((18.5, 31.9), abs=0.06)


def test_an_agent_only_jump_asks_the_agent_alone() -> None:
    """The customer's late voice doesn't widen the search for a jump of the agent's channel."""
    silent = np.zeros((60 * RATE, 2), np.int16)
    step = LagStep(20.0, 30.0, 0.3, 1e-5, agent_only=True)
    found = locate_jump(silent, silent[:, 0], step, fit_of(step, customer_s=2.9), [True, True], windows_of(3.0), 0)
    assert found.between_s == pytest.approx((18.5, 31.5), abs=0.06)
    assert found.agent_only
