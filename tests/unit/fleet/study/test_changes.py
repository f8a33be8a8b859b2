"""The days of changes: found on their day, and independent of the scale."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from komorebi_qc.fleet.study.changes import LEAST_DAYS, Series, find_changes


def series(values: Any) -> Series:
    """A series of daily values."""
    array = np.asarray(values, float)
    days = np.datetime64("2026-01-01") + np.arange(len(array))
    return Series("all", "offset_s", days, array)


@given(st.integers(LEAST_DAYS + 3, 40), st.integers(LEAST_DAYS + 3, 40), st.integers(0, 99))
@example(35, 8, 50)
@settings(max_examples=20, deadline=None)
def test_a_step_is_found_on_its_day(before: int, after: int, seed: int) -> None:
    """The day of a change is the first day of the new level."""
    noise = np.random.default_rng(seed).normal(0, 0.01, before + after)
    stepped = series(noise + np.repeat([1.0, 2.0], [before, after]))
    days = [change.day for change in find_changes([stepped], least=0.5)]
    assert days == [stepped.days[before].item()]


@given(st.lists(st.integers(-50, 50), min_size=12, max_size=60), st.integers(20, 40))
@settings(max_examples=20, deadline=None)
def test_only_the_order_of_values_decides_about_a_change(values: list[int], step: int) -> None:
    """A monotonic scale neither makes a change nor hides one."""
    stepped = [value + step * (k >= len(values) // 2) for k, value in enumerate(values)]
    bent = [(value + 60) ** 3 for value in stepped]
    assert bool(find_changes([series(stepped)])) == bool(find_changes([series(bent)]))
