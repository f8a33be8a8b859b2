"""Synthetic rows."""

from __future__ import annotations

from komorebi_qc.batch.dataset.schema import WITH_DAY
from komorebi_qc.fleet.synthetic import (
    seeds,
    synthetic_rows,
)


def test_seeds_have_columns_of_the_dataset() -> None:
    """And every verdict."""
    assert all(set(one) - {"case"} <= set(WITH_DAY.names) for one in seeds())
    assert {one["verdict"] for one in seeds()} == {"pass", "warn", "fail"}


def test_the_same_arguments_give_the_same_rows() -> None:
    """Another seed gives other rows."""
    assert synthetic_rows(200).equals(synthetic_rows(200))
    assert not synthetic_rows(200).equals(synthetic_rows(200, seed=2))
