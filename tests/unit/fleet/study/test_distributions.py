"""Distributions: the quantiles and the histogram that numpy makes of the same values."""

from __future__ import annotations

import numpy as np
import pytest
from fleet_rows import fleet, row

from komorebi_qc.fleet.study.distributions import distribution


@pytest.mark.parametrize("measure", ["offset_s", "coverage", "call_end_error_s"])
def test_a_distribution_is_numpys(measure: str) -> None:
    """Outliers are counted beside the chart, and a share never goes beyond 1."""
    rng = np.random.default_rng(1)
    values = 0.9 + rng.normal(0, 0.02, 3_000)
    values[:40] = 9.0
    values[40:45] = -9.0
    found = distribution(fleet(*(row(n, **{measure: float(v)}) for n, v in enumerate(values))), measure)
    low, p05, middle, p95, high = np.quantile(values, (0.005, 0.05, 0.5, 0.95, 0.995))
    assert (found.low, found.p05, found.middle) == pytest.approx((low, p05, middle))
    assert (found.p95, found.high) == pytest.approx((p95, high))
    counts, _ = np.histogram(values, found.edges)
    assert found.counts.tolist() == counts.tolist()
    assert found.edges[-1] == pytest.approx(1.0 if measure == "coverage" else high + 0.02 * (high - low))
    assert found.below == (values < found.edges[0]).sum() > 0
    assert found.above == (values > found.edges[-1]).sum()
    assert found.count == 3_000 == found.below + found.counts.sum() + found.above


def test_equal_values_have_a_histogram() -> None:
    """A measure that never varies still has bins."""
    found = distribution(fleet(*(row(n, drift_ppm=2.0) for n in range(9))), "drift_ppm")
    assert (found.count, found.middle, found.counts.sum()) == (9, 2.0, 9)


def test_without_values_nothing_is_counted() -> None:
    """As in a dataset in which no recording is aligned."""
    found = distribution(fleet(row(0, sync_status="ambiguous")), "offset_s")
    assert (found.count, len(found.counts)) == (0, 0)
