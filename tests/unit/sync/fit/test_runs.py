"""Runs of windows, their statistics, the drift within them and the steps between them."""

from __future__ import annotations

import numpy as np
import pytest

from komorebi_qc.sync.fit import runs
from komorebi_qc.sync.fit.model import Points


def points(time_s: list[float], lag_s: list[float], sigma_s: float = 3e-5) -> Points:
    """Windows of one channel."""
    return Points(np.array(time_s), np.array(lag_s), np.full(len(time_s), sigma_s), 0.5)


def test_statistics_of_each_run() -> None:
    """First, last, weight, means and second moments are the weighted ones of the run's own windows."""
    p = Points(np.array([0.0, 1, 2, 10, 12]), np.array([1.0, 2, 4, 7, 9]), np.array([1.0, 0.5, 1, 2, 1]), 0.5)
    found = runs.statistics(p, np.array([0, 0, 0, 1, 1]))
    assert list(found.first) == [0.0, 10.0]
    assert list(found.last) == [2.0, 12.0]
    assert found.weight == pytest.approx([6.0, 1.25])
    assert found.mean_t == pytest.approx([(0 + 4 + 2) / 6, (10 / 4 + 12) / 1.25])
    assert found.mean_lag == pytest.approx([(1 + 8 + 4) / 6, (7 / 4 + 9) / 1.25])
    for k, rows in enumerate(([0, 1, 2], [3, 4])):
        w = 1 / p.sigma_s[rows] ** 2
        dt, dl = p.time_s[rows] - found.mean_t[k], p.lag_s[rows] - found.mean_lag[k]
        assert found.tt[k] == pytest.approx((w * dt * dt).sum())
        assert found.tl[k] == pytest.approx((w * dt * dl).sum())
    assert len(runs.statistics(points([], []), np.zeros(0, int)).weight) == 0


def test_a_new_run_begins_after_a_step_or_a_long_pause() -> None:
    """A step of 1.5 ms and 250 us a second more, or a pause of over 12 s, begins a run."""
    times = [0.0, 1.0, 2.0, 14.0, 26.1, 27.1, 28.1]
    lags = [1.0, 1.0017, 1.0017, 1.0062, 1.0062, 1.0044, 1.00265]
    assert list(runs.initial_runs(points(times, lags))) == [0, 0, 0, 0, 1, 2, 2]
    assert list(runs.initial_runs(points([], []))) == []
    assert list(runs.initial_runs(points([5.0], [1.0]))) == [0]


@pytest.mark.parametrize(
    ("lags", "kept"),
    [
        ([1.0, 1.0, 1.01, 1.0, 1.0], [True, True, False, True, True]),
        ([1.0, 1.01, 1.01, 1.0, 1.0], [False, True, True, True, True]),
        ([1.0, 1.0, 1.0, 1.0, 1.01], [True, True, True, True, False]),
        ([1.01, 1.0, 1.0, 1.0, 1.0], [False, True, True, True, True]),
        ([1.0, 1.0, 1.004, 1.0, 1.0], [True] * 5),
        ([1.0, 1.0, 1.0042, 1.0, 1.0], [True, True, False, True, True]),
    ],
    ids=["alone", "a pair", "the last", "the first", "4 ms", "more than 4 ms and the drift"],
)
def test_a_window_alone_between_two_steps_is_a_stray(lags: list[float], kept: list[bool]) -> None:
    """One window with its own lag is left out; two are a segment."""
    p = points([0.0, 1.0, 2.0, 3.0, 4.0], lags)
    assert list(runs.without_strays(p, runs.initial_runs(p))) == kept


def test_a_window_that_only_a_pause_separates_is_no_stray() -> None:
    """A single window after a long pause stays where its lag continues on one side; a lone window stays."""
    p = points([0.0, 1.0, 20.0, 40.0, 41.0], [1.0, 1.0, 1.0005, 1.03, 1.03])
    assert list(runs.initial_runs(p)) == [0, 0, 1, 2, 2]
    assert list(runs.without_strays(p, runs.initial_runs(p))) == [True] * 5
    alone = points([3.0], [1.0])
    assert list(runs.without_strays(alone, np.zeros(1, int))) == [True]
    assert len(runs.without_strays(points([], []), np.zeros(0, int))) == 0


def test_the_drift_is_that_within_the_runs() -> None:
    """The slope is the weighted one of the runs' own windows, drawn to 0 by a prior of 60 ppm."""
    time_s = np.arange(0.0, 60.0, 1.0)
    lag_s = 1.0 + 50e-6 * time_s + np.where(time_s >= 30, 0.5, 0.0)
    p = Points(time_s, lag_s, np.full(60, 3e-5), 0.5)
    found = runs.statistics(p, (time_s >= 30).astype(int))
    tt = found.tt.sum()
    for scale in (1.0, 2.0):
        slope, sigma = runs.common_slope([found], scale)
        information = tt / scale**2 + 60e-6**-2
        assert slope == pytest.approx(50e-6 * (tt / scale**2) / information)
        assert sigma == pytest.approx(information**-0.5)
    nothing = runs.statistics(points([], []), np.zeros(0, int))
    assert runs.common_slope([nothing], 1.0) == pytest.approx((0.0, 60e-6))


def noisy(seed: int, drift: float, steps: list[tuple[float, float]], sigma_s: float = 1e-5) -> Points:
    """Two minutes of windows with a drift and steps, and noise of `sigma_s` instead of the stated 3e-5."""
    time_s = np.arange(0.0, 120.0, 0.75)
    lag_s = 1.0 + drift * time_s + np.random.default_rng(seed).normal(0, sigma_s, len(time_s))
    for at_s, size_s in steps:
        lag_s += np.where(time_s > at_s, size_s, 0.0)
    return Points(time_s, lag_s, np.full(len(time_s), 3e-5), 0.375)


def test_runs_that_need_no_jump_are_merged() -> None:
    """A pause ends no run; a step of 6 ms does, in the channel that shows it."""
    paused = noisy(1, 80e-6, [])
    paused = paused.take((paused.time_s < 50) | (paused.time_s > 70))
    jumps = noisy(2, 80e-6, [(40.0, 0.006), (80.0, -0.2)])
    (first, second), scale = runs.merged_runs([paused, jumps])
    assert set(first) == {0}
    assert [int((second == k).sum()) for k in range(3)] == [54, 53, 53]
    assert 0.3 <= scale <= 0.5


def test_a_step_below_4_ms_is_no_jump() -> None:
    """However sure it is, a step of 3.5 ms is merged."""
    (member,), _ = runs.merged_runs([noisy(1, 0.0, [(40.0, 0.0035)])])
    assert set(member) == {0}


@pytest.mark.parametrize(("sigma_s", "scale"), [(3e-5, 1.0), (9e-5, 3.0), (1e-6, 0.3)])
def test_the_scale_is_that_of_the_scatter(sigma_s: float, scale: float) -> None:
    """The residuals' scale is 1 where the sigmas are right, and at least 0.3."""
    _, found = runs.merged_runs([noisy(3, 20e-6, [], sigma_s)])
    assert found == pytest.approx(scale, rel=0.15)


def test_without_windows_the_scale_is_one() -> None:
    """Nothing, and runs of two windows, don't show the scatter."""
    members, scale = runs.merged_runs([points([], []), points([0.0, 1.0], [1.0, 1.001])])
    assert [list(m) for m in members] == [[], [0, 0]]
    assert scale == 1.0


def test_the_drift_may_explain_a_step() -> None:
    """After a pause of minutes 5 ms may be drift when the runs are too short to say; after a second they are a jump."""
    near = points([0.0, 0.75, 1.5, 2.25, 3.0, 3.75], [1.0] * 3 + [1.006] * 3)
    far = points([0.0, 0.75, 1.5, 400.0, 400.75, 401.5], [1.0] * 3 + [1.006] * 3)
    assert list(runs.merged_runs([near])[0][0]) == [0, 0, 0, 1, 1, 1]
    assert list(runs.merged_runs([far])[0][0]) == [0] * 6


def test_steps_between_runs() -> None:
    """A step has the neighbouring windows' times, the difference of the runs' levels less the drift, and its sigma."""
    p = points([0.0, 2.0, 10.0, 12.0], [1.0, 1.002, 1.51, 1.512], 1e-3)
    (step,) = runs.steps_between(p, np.array([0, 0, 1, 1]), 1e-3, 1e-4, 2.0)
    assert (step.after_s, step.before_s) == (2.0, 10.0)
    assert step.size_s == pytest.approx(0.51 - 0.01)
    assert step.sigma_s == pytest.approx(np.sqrt(4 * (1e-6 / 2 + 1e-6 / 2) + 4e-10 + (10 * 1e-4) ** 2))
    assert (step.agent_only, step.customer_evidence_only) == (False, False)
    assert runs.steps_between(points([], []), np.zeros(0, int), 0.0, 0.0, 1.0) == []
    assert runs.steps_between(p, np.zeros(4, int), 0.0, 0.0, 1.0) == []
