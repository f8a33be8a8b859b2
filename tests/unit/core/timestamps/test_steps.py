"""Levels of timestamps: a step lasts, a tremble and a single late stamp don't, and a slow clock is followed."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trembling import CHROMIUM_MS, TREMBLES, trembling

from komorebi_qc.core.timestamps.steps import AHEAD, WINDOW, StampFollower, follow, level_of
from komorebi_qc.core.timestamps.timing import discontinuities

if TYPE_CHECKING:
    from komorebi_qc.core.samples import Doubles

LENGTHS_S = st.sampled_from([0.02, 0.0213, 0.06])


@settings(max_examples=150, deadline=None)
@given(TREMBLES, st.integers(WINDOW, 400), LENGTHS_S, st.sampled_from([3, 9]))
def test_a_tremble_of_any_period_is_no_step(tremble: list[float], count: int, length_s: float, digits: int) -> None:
    """Stamps up to 5 ms early and late around samples without a gap give no discontinuity, and one level."""
    offsets = trembling(tremble, count)
    stamps = np.round(offsets + np.arange(count) * length_s, digits).astype(np.float64)
    assert discontinuities(stamps, np.full(count, length_s)) == ()
    levels = follow(stamps - np.arange(count) * length_s)
    assert np.ptp(levels) < 0.0035
    assert np.abs(levels[WINDOW:] - np.mean(offsets)).max(initial=0.0) < 0.0035


@settings(max_examples=150, deadline=None)
@given(
    TREMBLES,
    LENGTHS_S,
    st.lists(
        st.tuples(st.integers(64, 100), st.floats(0.020, 0.500), st.sampled_from([-1, 1])), min_size=1, max_size=3
    ),
)
def test_a_lasting_step_is_found_once(
    tremble: list[float], length_s: float, steps: list[tuple[int, float, int]]
) -> None:
    """Steps of 20 to 500 ms in a tremble of 5 ms: each has its size within 5 ms, and its place within two packets."""
    places = np.cumsum([after for after, _, _ in steps])
    sizes = [sign * size_s for _, size_s, sign in steps]
    count = int(places[-1]) + 40
    offsets = trembling(tremble, count)
    for at, size_s in zip(places, sizes, strict=True):
        offsets[at:] += size_s
    stamps = offsets + np.arange(count) * length_s
    found = discontinuities(stamps, np.full(count, length_s))
    assert len(found) == len(sizes)
    for one, at, size_s in zip(found, places, sizes, strict=True):
        assert one.size_s == pytest.approx(size_s, abs=0.005)
        assert np.min(np.abs(np.flatnonzero(stamps == one.at_s) - at)) <= 2
    changes = np.flatnonzero(np.abs(np.diff(follow(offsets))) > 0.0035) + 1
    assert len(changes) >= len(sizes)
    assert all(np.min(np.abs(places - at)) <= 2 for at in changes)


@settings(max_examples=100, deadline=None)
@given(
    TREMBLES,
    st.lists(st.tuples(st.integers(20, 50), st.floats(0.006, 0.500), st.sampled_from([-1, 1])), min_size=1, max_size=8),
)
def test_a_single_stamp_is_no_step(tremble: list[float], single: list[tuple[int, float, int]]) -> None:
    """One late or early stamp among others that agree moves nothing, whatever its size."""
    places = np.cumsum([after for after, _, _ in single])
    count = int(places[-1]) + 20
    offsets = trembling(tremble, count)
    for at, (_, size_s, sign) in zip(places, single, strict=True):
        offsets[at] += sign * size_s
    assert discontinuities(offsets + np.arange(count) * 0.06, np.full(count, 0.06)) == ()
    assert np.ptp(follow(offsets)) < 0.0035


@pytest.mark.parametrize("size_s", [0.004, -0.004, 0.02, -0.5])
def test_even_stamps_step_at_their_packet(size_s: float) -> None:
    """Without a tremble, a step of over 3 ms that lasts is followed at its very packet."""
    offsets = np.zeros(100)
    offsets[40:] += size_s
    assert follow(offsets) == pytest.approx(offsets)


def test_steps_soon_after_one_another() -> None:
    """Three stamps on a level are enough between two large steps; a pair is not."""
    offsets = np.zeros(80)
    offsets[30:33], offsets[33:] = 0.1, 0.25
    assert follow(offsets) == pytest.approx(offsets)
    excursion = np.zeros(80)
    excursion[30:32] = 0.1
    assert not follow(excursion).any()


@pytest.mark.parametrize("tremble_ms", [[0.0], CHROMIUM_MS])
@pytest.mark.parametrize("ppm", [-300.0, -100.0, 100.0, 300.0])
def test_a_slow_clock_is_followed(tremble_ms: list[float], ppm: float) -> None:
    """A sample clock that drifts stays within 3 ms of its stamps on average, and no drift is a discontinuity."""
    count = 5000
    drift_s = np.arange(count) * 0.06 * ppm * 1e-6
    offsets = trembling([one * 1e-3 for one in tremble_ms], count) + drift_s
    errors = np.abs(follow(offsets) - np.mean(tremble_ms) * 1e-3 - drift_s)
    assert np.mean(errors) < 0.002
    assert np.max(errors[AHEAD:]) < 0.0035
    assert discontinuities(offsets + np.arange(count) * 0.06, np.full(count, 0.06)) == ()


def test_a_step_on_a_slow_clock_has_its_own_size() -> None:
    """The drift of the clock before it isn't counted."""
    offsets = trembling([one * 1e-3 for one in CHROMIUM_MS], 600) - np.arange(600) * 0.06 * 200e-6
    offsets[333:] += 0.010
    (step,) = discontinuities(offsets + np.arange(600) * 0.06, np.full(600, 0.06))
    assert step.size_s == pytest.approx(0.010, abs=0.001)


def test_stamps_in_whole_milliseconds_of_packets_that_are_not() -> None:
    """AAC's packets of 21.3 ms, whose usual step is 21 ms: a lost one is one gap of its own length."""
    stamps = np.delete(np.round(np.arange(1000) * 1024 / 48_000, 3), 400)
    (gap,) = discontinuities(stamps, np.full(999, 0.021))
    assert gap.at_s == stamps[400]
    assert gap.size_s == pytest.approx(1024 / 48_000, abs=0.001)


def test_the_last_stamps_of_a_track() -> None:
    """There is nothing behind them that could confirm a step: beyond the tremble, they are believed."""
    even = np.zeros(60)
    even[-1] = 0.0051
    assert follow(even)[-1] == pytest.approx(0.0051)
    trembles = trembling([one * 1e-3 for one in CHROMIUM_MS], 60)
    trembles[-1] += 0.002
    assert np.ptp(follow(trembles)) == 0.0
    trembles[-3:] += 0.040
    assert follow(trembles)[-1] > 0.030


def windows(offsets: Doubles, follower: StampFollower, sizes: list[int]) -> list[float]:
    """The levels, with windows of these lengths beyond what is looked at again."""
    levels, at = [follower.begin(offsets[:WINDOW].tolist())], 0
    for size in sizes:
        part = offsets[at : at + size + AHEAD].tolist()
        levels += follower.levels(part, min(size, len(part)))
        at += size
    return levels[1:]


@settings(max_examples=50, deadline=None)
@given(TREMBLES, st.lists(st.integers(1, 8), min_size=28, max_size=40), st.floats(0.015, 0.3))
def test_windows_of_any_length_give_the_same_step(tremble: list[float], sizes: list[int], size_s: float) -> None:
    """The ends of the windows don't move a step that lasts."""
    count = sum(sizes)
    offsets = trembling(tremble, count + AHEAD)
    at = 24
    offsets[at:] += size_s
    levels = windows(offsets, StampFollower(), sizes)
    assert len(levels) == count
    (jump,) = [i for i, (one, other) in enumerate(pairwise(levels), 1) if abs(other - one) > 0.0035]
    assert abs(jump - at) <= 2


def test_frames_without_a_stamp_count_on() -> None:
    """They take the level of their neighbours; a track without any stamp stays on one level."""
    offsets = np.zeros(60)
    offsets[30:] = 0.05
    offsets[[10, 11, 40]] = math.nan
    expected = np.where(np.arange(60) < 30, 0.0, 0.05)
    assert follow(offsets) == pytest.approx(expected)
    follower = StampFollower()
    assert follower.begin([math.nan] * 4) == 0.0
    assert follower.levels([math.nan] * 4, 2) == [0.0, 0.0]


def test_a_level_leaves_out_what_is_far_off() -> None:
    """The mean of the stamps around the median."""
    assert level_of(np.array([0.001, 0.003, 0.5, 0.002])) == pytest.approx(0.002)
