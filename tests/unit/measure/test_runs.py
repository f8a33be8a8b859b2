"""Runs of marked elements."""

from __future__ import annotations

import numpy as np
import pytest

from komorebi_qc.measure.runs import runs


@pytest.mark.parametrize(
    ("marks", "found"),
    [
        ("", []),
        ("...", []),
        ("###", [(0, 3)]),
        (".##.#", [(1, 3), (4, 5)]),
        ("#..##", [(0, 1), (3, 5)]),
    ],
)
def test_runs_are_half_open(marks: str, found: list[tuple[int, int]]) -> None:
    """Each run has the index of its first element and the one behind its last."""
    starts, ends = runs(np.array([mark == "#" for mark in marks], bool))
    assert list(zip(starts.tolist(), ends.tolist(), strict=True)) == found
