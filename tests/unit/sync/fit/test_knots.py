"""Knots: a bend of the lags is found at its place, and noise, outliers and small steps bend nothing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from komorebi_qc.sync.fit import knots
from komorebi_qc.sync.fit.model import Points


def quick(examples: int) -> settings:
    """Settings of a property whose examples are slow: a failing one isn't shrunk."""
    return settings(max_examples=examples, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))


NOISE_S = 1e-5
TRUST_S = 3e-5


def problem(time_s: np.ndarray, lag_s: np.ndarray, member: np.ndarray | None = None) -> knots.Problem:
    """The windows of one channel, in one run unless `member` says otherwise."""
    points = Points(time_s, lag_s, np.full(len(time_s), TRUST_S), 0.5)
    return knots.by_run(points, np.zeros(len(time_s), np.intp) if member is None else member)


def noise(count: int, seed: int = 1) -> np.ndarray:
    """Independent errors of the windows."""
    return np.random.default_rng(seed).normal(0, NOISE_S, count)


def bend(time_s: np.ndarray, *parts: tuple[float, float]) -> np.ndarray:
    """Lags that change their rate: (from that time on, by so many parts per million)."""
    out = np.zeros(len(time_s))
    for from_s, ppm in parts:
        out += ppm * 1e-6 * np.maximum(time_s - from_s, 0.0)
    return out


def fitted(found: np.ndarray, rest: knots.Problem) -> np.ndarray:
    """The deviation at the windows."""
    return knots.deviation(rest.time_s, found, knots.bends_of(rest, found))


def off_s(time_s: np.ndarray, one: np.ndarray, other: np.ndarray) -> float:
    """The largest difference of two curves, apart from a straight line."""
    apart = one - other
    return float(np.abs(apart - np.polyval(np.polyfit(time_s, apart, 1), time_s)).max())


def test_a_hinge_is_zero_before_its_knot_and_straight_after_it() -> None:
    """One column a knot, one row a window."""
    assert knots.hinges(np.array([0.0, 2.0, 5.0]), np.array([2.0, 4.0])).tolist() == [[0, 0], [0, 0], [3, 1]]
    assert knots.hinges(np.array([1.0]), np.zeros(0)).shape == (1, 0)


def test_each_run_has_an_offset_of_its_own() -> None:
    """The columns are the time and one flag for each run, so that a jump between two runs explains no bend."""
    columns = problem(np.array([0.0, 1.0, 2.0]), np.zeros(3), np.array([0, 0, 1])).columns
    assert columns.tolist() == [[0, 1, 0], [1, 1, 0], [2, 0, 1]]


@pytest.mark.parametrize(("at_s", "ppm"), [(150.0, 110.0), (70.0, -40.0), (240.0, 60.0), (150.0, -10.0)])
def test_a_change_of_rate_is_one_knot_at_its_place(at_s: float, ppm: float) -> None:
    """Its time is found to 2 s, its change of rate to a hundredth, and the bend to a few microseconds."""
    time_s = np.arange(0.0, 300.0, 1.0)
    truth = bend(time_s, (at_s, ppm))
    found, rest = knots.find_knots(problem(time_s, 1.0 + 2e-5 * time_s + truth + noise(len(time_s))))
    assert found == pytest.approx([at_s], abs=2.0)
    assert knots.bends_of(rest, found) == pytest.approx([ppm * 1e-6], rel=0.05, abs=2e-7)
    assert off_s(time_s, fitted(found, rest), truth) < 2e-5


def test_three_rates_are_two_knots() -> None:
    """Both places are found, though the second bend undoes the first."""
    time_s = np.arange(0.0, 400.0, 1.0)
    truth = bend(time_s, (120.0, 80.0), (260.0, -80.0))
    found, rest = knots.find_knots(problem(time_s, 1.0 + truth + noise(len(time_s))))
    assert found == pytest.approx([120.0, 260.0], abs=2.0)
    assert off_s(time_s, fitted(found, rest), truth) < 2e-5


def test_a_slow_bend_is_followed_by_few_knots() -> None:
    """A quartz that warms from 60 to 5 ppm: a handful of knots follows it to a millisecond."""
    time_s = np.arange(0.0, 1800.0, 4.0)
    truth = 55e-6 * 300.0 * (1 - np.exp(-time_s / 300.0))
    found, rest = knots.find_knots(problem(time_s, 1.0 + 5e-6 * time_s + truth + noise(len(time_s))))
    assert 2 <= len(found) <= 8
    assert off_s(time_s, fitted(found, rest), truth) < 1e-3


@quick(12)
@given(st.integers(0, 10_000), st.integers(2, 300), st.floats(10.0, 2000.0), st.floats(-2e-4, 2e-4), st.floats(-6, -4))
def test_straight_noisy_lags_have_no_knot(seed: int, count: int, length_s: float, drift: float, level: float) -> None:
    """For any drift, number of windows and level of noise."""
    rng = np.random.default_rng(seed)
    time_s = np.sort(rng.uniform(0.0, length_s, count))
    lag_s = 1.0 + drift * time_s + rng.normal(0, 10**level, count)
    assert knots.find_knots(problem(time_s, lag_s))[0].tolist() == []


def test_errors_of_neighbours_that_resemble_each_other_bend_nothing() -> None:
    """A person who moves in a room changes the lag slowly, by some 20 microseconds."""
    for seed in range(5):
        steps, moved = noise(300, seed), np.zeros(300)
        for k in range(1, 300):
            moved[k] = 0.9 * moved[k - 1] + steps[k]
        time_s = np.arange(300.0)
        assert knots.find_knots(problem(time_s, 1.0 + 2e-5 * time_s + moved))[0].tolist() == []


@pytest.mark.parametrize("size_s", [2e-4, -5e-4, 1.4e-3])
@pytest.mark.parametrize("until_s", [200.0, 1e9])
def test_small_steps_are_steps_and_no_bend(size_s: float, until_s: float) -> None:
    """A jitter buffer moves the lag by less than a jump: each step gets its own column, and no knot imitates it."""
    time_s = np.arange(0.0, 300.0, 1.0)
    moved = np.where((time_s > 100.0) & (time_s <= until_s), size_s, 0.0)
    asked = problem(time_s, 1.0 + 2e-5 * time_s + moved + noise(len(time_s)))
    found, rest = knots.find_knots(asked)
    assert found.tolist() == []
    assert rest.columns.shape[1] - asked.columns.shape[1] == 1 + (until_s < 300.0)


def test_a_bend_beside_a_small_step_is_found() -> None:
    """The step doesn't move the knot."""
    time_s = np.arange(0.0, 300.0, 1.0)
    truth = bend(time_s, (200.0, 60.0))
    lag_s = 1.0 + truth + np.where(time_s > 80.0, 8e-4, 0.0) + noise(len(time_s))
    found, rest = knots.find_knots(problem(time_s, lag_s))
    assert found == pytest.approx([200.0], abs=2.0)
    assert off_s(time_s, fitted(found, rest), truth) < 3e-5


def test_a_jump_between_two_runs_is_no_bend() -> None:
    """Each run has its own offset, so neither a jump nor the silence before it looks like a change of rate."""
    time_s = np.concatenate([np.arange(0.0, 140.0), np.arange(160.0, 300.0)])
    after = (time_s > 150.0).astype(np.intp)
    lag_s = 1.0 + 4e-5 * time_s + 0.35 * after + noise(len(time_s))
    assert knots.find_knots(problem(time_s, lag_s, after))[0].tolist() == []


@pytest.mark.parametrize("parts", [((392.72, 76.9), (425.35, -91.7)), ((130.0, 75.0), (160.0, -82.0))])
def test_opposite_bends_near_each_other_are_no_steps(parts: tuple[tuple[float, float], ...]) -> None:
    """Two or three steps explain them nearly as well, and the first hinge alone explains little."""
    time_s = np.arange(0.0, 600.0, 2.0)
    truth = bend(time_s, *parts)
    asked = problem(time_s, 2.0 + truth + noise(len(time_s), 0))
    found, rest = knots.find_knots(asked)
    assert len(found) == 2
    assert rest is asked
    assert off_s(time_s, fitted(found, rest), truth) < 5e-4


def test_outliers_bend_nothing_and_hide_no_bend() -> None:
    """One window in fifteen is a millisecond off."""
    time_s = np.arange(0.0, 300.0, 1.0)
    rng = np.random.default_rng(3)
    wrong = np.zeros(300)
    wrong[rng.choice(300, 20, replace=False)] = rng.choice([-1e-3, 1e-3], 20)
    assert knots.find_knots(problem(time_s, 1.0 + wrong + noise(300)))[0].tolist() == []
    bent = 1.0 + bend(time_s, (130.0, 70.0)) + wrong + noise(300)
    assert knots.find_knots(problem(time_s, bent))[0] == pytest.approx([130.0], abs=2.0)


@pytest.mark.parametrize("count", [0, 1, 2, 11])
def test_a_few_windows_have_no_knot(count: int) -> None:
    """Too few windows carry no bend, however large it is; the problem comes back as it was."""
    time_s = np.linspace(0.0, 200.0, count)
    lag_s = 1.0 + bend(time_s, (100.0, 500.0))
    columns = np.hstack([time_s[:, None], np.ones((count, 1))])
    asked = knots.Problem(time_s, lag_s, np.full(count, TRUST_S), columns)
    found, rest = knots.find_knots(asked)
    assert found.tolist() == []
    assert rest is asked
    assert knots.bends_of(rest, found).tolist() == []
    assert knots.deviation(time_s, found, np.zeros(0)).tolist() == [0.0] * count


def test_windows_at_one_moment_have_no_knot() -> None:
    """No time passes, so no rate can change."""
    time_s = np.full(50, 7.0)
    assert knots.find_knots(problem(time_s, 1.0 + noise(50)))[0].tolist() == []


lines = st.lists(st.tuples(st.floats(0.0, 600.0), st.floats(-150.0, 150.0)), max_size=30)


@quick(10)
@given(lines, st.integers(0, 10_000), st.integers(12, 150))
def test_the_knots_are_few_apart_and_inside(parts: list[tuple[float, float]], seed: int, count: int) -> None:
    """In order, inside of the windows' time, never more than allowed, and never nearer than the least distance."""
    rng = np.random.default_rng(seed)
    time_s = np.sort(rng.uniform(0.0, 600.0, count))
    found, rest = knots.find_knots(problem(time_s, 1.0 + bend(time_s, *parts) + rng.normal(0, NOISE_S, count)))
    assert len(found) <= knots.MOST_KNOTS
    assert np.all(np.isfinite(found))
    assert np.all(np.diff(found) >= knots.LEAST_APART_S - 1e-6)
    assert np.all((found > time_s[0]) & (found < time_s[-1]))
    assert np.all(np.isfinite(knots.bends_of(rest, found)))


@quick(10)
@given(
    st.lists(st.tuples(st.floats(80.0, 520.0), st.floats(-120.0, 120.0)), min_size=1, max_size=3),
    st.floats(-1e-4, 1e-4),
    st.integers(0, 10_000),
)
def test_the_fitted_deviation_follows_the_truth(parts: list[tuple[float, float]], drift: float, seed: int) -> None:
    """With up to three changes of rate anywhere, no window is further from the fitted bend than 1 ms."""
    time_s = np.arange(0.0, 600.0, 2.0)
    truth = bend(time_s, *parts)
    found, rest = knots.find_knots(problem(time_s, 2.0 + drift * time_s + truth + noise(len(time_s), seed)))
    assert off_s(time_s, fitted(found, rest), truth) < 1e-3


def test_refined_knots_stay_in_order() -> None:
    """From a start that is 20 s off, each knot moves to its place; the number of knots doesn't change."""
    time_s = np.arange(0.0, 400.0, 1.0)
    asked = problem(time_s, 1.0 + bend(time_s, (120.0, 80.0), (260.0, -60.0)) + noise(len(time_s)))
    assert knots.refined(asked, np.array([100.0, 280.0])) == pytest.approx([120.0, 260.0], abs=2.0)
    assert knots.refined(asked, np.zeros(0)).tolist() == []
