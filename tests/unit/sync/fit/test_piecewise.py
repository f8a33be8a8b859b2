"""The fit of both channels on windows whose drift, steps and noise are known."""

from __future__ import annotations

import numpy as np
import pytest

from komorebi_qc.sync.fit.model import Fit, LagStep, Points
from komorebi_qc.sync.fit.piecewise import fit
from komorebi_qc.sync.fit.solve import solve

SIGMA_S = 3e-5
Steps = tuple[tuple[float, float], ...]
NONE = Points(np.zeros(0), np.zeros(0), np.zeros(0), 0.375)


def channel(
    base_s: float,
    *,
    drift: float = 0.0,
    steps: Steps = (),
    speaks: tuple[tuple[float, float], ...] = ((0.0, 120.0),),
    noise_s: float = 5e-6,
    seed: int = 1,
) -> Points:
    """Windows every 0.75 s where the channel speaks, with steps of (time, size)."""
    time_s = np.arange(0.0, 120.0, 0.75)
    time_s = time_s[np.any([(time_s >= a) & (time_s <= b) for a, b in speaks], axis=0)]
    lag_s = base_s + drift * time_s + np.random.default_rng(seed).normal(0, noise_s, len(time_s))
    for at_s, size_s in steps:
        lag_s += np.where(time_s > at_s, size_s, 0.0)
    return Points(time_s, lag_s, np.full(len(time_s), SIGMA_S), 0.375)


def found(customer: Points, agent: Points) -> Fit:
    """The fit, which exists."""
    result = fit(customer, agent)
    assert result is not None
    return result


def test_nothing_has_no_fit() -> None:
    """Without windows nothing is fitted."""
    assert fit(NONE, NONE) is None


@pytest.mark.parametrize("drift", [0.0, 80e-6, -150e-6])
def test_offset_and_drift(drift: float) -> None:
    """Both channels share the drift; each has its own lag, and the agent's is the offset."""
    result = found(channel(1.18, drift=drift, seed=1), channel(1.0, drift=drift, seed=2))
    assert result.offset_s == pytest.approx(1.0, abs=3e-6)
    assert result.drift_ppm == pytest.approx(drift * 1e6, abs=0.05)
    assert result.lag_s == pytest.approx((1.18, 1.0), abs=3e-6)
    assert result.steps == result.private == ()
    assert result.kept[0].all()
    assert result.kept[1].all()


def test_uncertainties() -> None:
    """They follow from the scatter of the windows, their number, and the least that is never known better."""
    result = found(channel(1.18, seed=1, noise_s=2e-5), channel(1.0, seed=2, noise_s=2e-5))
    assert result.scatter_s == pytest.approx(2e-5, rel=0.15)
    assert result.offset_sigma_s == pytest.approx(np.hypot(1.3e-5, 2 * 2e-5 / np.sqrt(160)), rel=0.1)
    # by two channels of 160 windows over 120 s
    slope = 2e-5 / np.sqrt(2 * 160 * 120**2 / 12)
    assert result.drift_sigma_ppm == pytest.approx(1e6 * np.hypot(np.sqrt(0.4) * slope, 2e-6 / 119.25), rel=0.15)
    sharp = found(channel(1.18, seed=1, noise_s=1e-7), channel(1.0, seed=2, noise_s=1e-7))
    assert sharp.offset_sigma_s == pytest.approx(1.3e-5, rel=0.05)


def test_one_channel_alone() -> None:
    """Either channel alone sets the offset; the other one's lag is unknown."""
    agent = found(NONE, channel(1.0))
    assert agent.lag_s[0] is None
    assert agent.offset_s == agent.lag_s[1] == pytest.approx(1.0, abs=3e-6)
    customer = found(channel(1.18, steps=((60.0, 0.2),)), NONE)
    assert customer.lag_s[1] is None
    assert customer.offset_s == pytest.approx(1.18, abs=3e-6)
    (step,) = customer.steps
    assert step.size_s == pytest.approx(0.2, abs=1e-5)
    assert customer.private == ()


@pytest.mark.parametrize("size_s", [0.0045, 0.03, -0.5, 2.0])
def test_a_jump_of_both(size_s: float) -> None:
    """Its size is exact, its interval holds it, and it lies between the windows beside it."""
    steps = ((60.2, size_s),)
    result = found(channel(1.18, drift=40e-6, steps=steps, seed=1), channel(1.0, drift=40e-6, steps=steps, seed=2))
    (step,) = result.steps
    assert step.size_s == pytest.approx(size_s, abs=8e-6)
    assert 5e-7 <= step.sigma_s < 5e-6
    assert (step.after_s, step.before_s) == (60.0, 60.75)
    assert result.offset_s == pytest.approx(1.0, abs=3e-6)
    assert result.drift_ppm == pytest.approx(40.0, abs=0.3)
    assert not step.agent_only


def test_a_step_below_4_ms_is_not_a_jump() -> None:
    """3.5 ms are a clock's wander, not a jump."""
    steps = ((60.2, 0.0035),)
    assert found(channel(1.18, steps=steps, seed=1), channel(1.0, steps=steps, seed=2)).steps == ()


def test_a_step_of_the_customer_alone() -> None:
    """It is private, and the offset and the agent's lag don't move."""
    result = found(channel(1.18, steps=((60.2, 0.05),), seed=1), channel(1.0, seed=2))
    assert result.steps == ()
    (step,) = result.private
    assert step.size_s == pytest.approx(0.05, abs=1e-5)
    assert result.lag_s == pytest.approx((1.18, 1.0), abs=3e-6)


def test_a_step_of_the_agent_alone() -> None:
    """The customer's windows have no part in it."""
    result = found(channel(1.18, seed=1), channel(1.0, steps=((60.2, 0.05),), seed=2))
    (step,) = result.steps
    assert step.agent_only
    assert step.size_s == pytest.approx(0.05, abs=1e-5)
    assert result.lag_s == pytest.approx((1.18, 1.0), abs=3e-6)
    assert result.private == ()


def test_several_steps_of_either_kind() -> None:
    """Two jumps of the clock and two changes of the delay keep their own sizes and order."""
    clock = ((30.2, 0.1), (90.2, -0.3))
    agent = channel(1.0, steps=clock, seed=2)
    customer = channel(1.18, steps=(*clock, (45.2, 0.02), (75.2, -0.04)), seed=1)
    result = found(customer, agent)
    assert [s.size_s for s in result.steps] == pytest.approx([0.1, -0.3], abs=1e-5)
    assert [s.size_s for s in result.private] == pytest.approx([0.02, -0.04], abs=1e-5)
    assert result.lag_s == pytest.approx((1.18, 1.0), abs=4e-6)


def test_outliers_have_no_weight() -> None:
    """Every eighth window 2 ms off moves nothing, and the fit doesn't rest on it."""
    agent = channel(1.0, seed=2)
    lag_s = agent.lag_s.copy()
    lag_s[4::8] += 0.0012
    result = found(channel(1.18, seed=1), Points(agent.time_s, lag_s, agent.sigma_s, agent.half_s))
    assert result.offset_s == pytest.approx(1.0, abs=5e-6)
    assert not result.kept[1][4::8].any()
    assert np.delete(result.kept[1], np.arange(4, 160, 8)).all()
    assert result.kept[0].all()


def test_strays_are_not_kept() -> None:
    """A window alone between two steps is left out of the fit, and the flags keep their places."""
    agent = channel(1.0, seed=2)
    lag_s = agent.lag_s.copy()
    lag_s[50] += 0.3
    result = found(channel(1.18, seed=1), Points(agent.time_s, lag_s, agent.sigma_s, agent.half_s))
    assert result.steps == ()
    assert np.flatnonzero(~result.kept[1]).tolist() == [50]


def test_a_trusted_window_counts_more() -> None:
    """Windows of half the sigma have four times the weight."""
    time_s = np.arange(0.0, 120.0, 0.75)
    lag_s = np.where(np.arange(160) % 2, 1.0, 1.00002)
    sigma_s = np.where(np.arange(160) % 2, 1.5e-5, 3e-5)
    result = found(NONE, Points(time_s, lag_s, sigma_s, 0.375))
    assert result.offset_s == pytest.approx(1.0 + 2e-5 / 5, abs=1.5e-6)


def test_solve_with_given_steps() -> None:
    """Least squares of two steps that are given, one of them the agent's alone."""
    points = [channel(1.18, steps=((40.2, 0.1),), seed=1), channel(1.0, steps=((40.2, 0.1), (80.2, 0.2)), seed=2)]
    all_of_them = [np.ones(160, bool)] * 2
    shared = [LagStep(39.75, 40.5, 0.1, 1e-5), LagStep(79.5, 81.0, 0.2, 1e-5, agent_only=True)]
    result = solve(points, all_of_them, shared, [], 0.3)
    assert result is not None
    assert [s.size_s for s in result.steps] == pytest.approx([0.1, 0.2], abs=1e-5)
    # the clock's jump is known by both channels, the agent's by one
    assert result.steps[0].sigma_s < result.steps[1].sigma_s
    assert [s.agent_only for s in result.steps] == [False, True]
    assert result.lag_s == pytest.approx((1.18, 1.0), abs=4e-6)


def test_windows_that_agree_by_chance_bend_nothing() -> None:
    """Before the agent joins, a few windows agree by chance. No clock changes its rate as they would have it."""
    customer = Points(
        np.array([14.8, 27.1, 27.6, *np.arange(31.7, 60.0, 0.5)]),
        np.array([4.5187, 4.51863, 4.21084, *np.full(57, 4.20952)]),
        np.full(60, SIGMA_S),
        0.5,
    )
    agent = Points(
        np.array([11.3, 12.3, 16.9, 17.4, *np.arange(34.3, 56.0, 0.5)]),
        np.array([3.90188, 3.70913, 3.70969, 3.70998, *np.full(44, 4.20952)]),
        np.full(48, SIGMA_S),
        0.5,
    )
    result = found(customer, agent)
    assert result.knots_s == ()
    assert abs(result.drift_ppm) < 300
    assert len(result.steps) < 5
