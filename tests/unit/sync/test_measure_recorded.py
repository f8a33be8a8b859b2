"""The whole result on simulated calls against results recorded before: a measurement that changes shows here."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sync_cases import CASES, STATES, record

from komorebi_qc.sync import measure

RECORDED = json.loads((Path(__file__).parents[2] / "golden" / "sync.json").read_text())
# Times to a microsecond, except in the outermost digits of a peak, which libraries may compute in another order.
TIME_S, PEAK = 1e-6, 2e-3


def test_every_case_is_recorded() -> None:
    """The cases and the records have the same names."""
    assert list(RECORDED) == list(CASES)


def test_the_cases_show_every_outcome() -> None:
    """Among the records are all statuses and sides, jumps of every kind, bends, parts and candidates."""
    results = RECORDED.values()
    assert {r["status"] for r in results} == {"aligned", "ambiguous", "wrong_pair", "insufficient"}
    assert {r["sides"] for r in results} == {"agent", "both", "customer"}
    jumps = [j for r in results for j in r["jumps"]]
    assert {j[6] for j in jumps} == {j[7] for j in jumps} == {True, False}
    for field in ("own_steps", "knots", "part", "unexplained", "candidates"):
        assert any(r[field] for r in results), field
    assert {span[2] for r in results for span in r["spans"]} == set(range(len(STATES)))
    assert max(abs(j[1]) for j in jumps) == pytest.approx(20.0, abs=0.01)


@pytest.mark.parametrize("name", CASES)
def test_the_result_is_the_recorded_one(name: str) -> None:
    """Every number of the result is the recorded one; each window has the recorded lag and is accepted as before."""
    expected: dict[str, Any] = RECORDED[name]
    found = record(measure(*CASES[name]()))
    windows, expected_windows = np.array(found.pop("windows"), float), np.array(expected["windows"], float)
    assert [*found, "windows"] == list(expected)
    for key in ("status", "sides"):
        assert found.pop(key) == expected[key]
    for key, value in found.items():
        flat, wanted = _numbers(value), _numbers(expected[key])
        assert flat == pytest.approx(wanted, abs=TIME_S, rel=1e-6, nan_ok=True), key
    assert windows.shape == expected_windows.shape
    assert np.array_equal(windows[:, [3, 4]], expected_windows[:, [3, 4]])
    assert windows[:, 0] == pytest.approx(expected_windows[:, 0], abs=TIME_S)
    assert windows[:, 2] == pytest.approx(expected_windows[:, 2], rel=PEAK)
    # by chance two faint peaks of a window that shows nothing may change places
    sure = expected_windows[:, 4] == 1
    assert windows[sure, 1] == pytest.approx(expected_windows[sure, 1], abs=TIME_S)


def _numbers(value: object) -> list[Any]:
    """A nested list's values in one list; NaN for an undetermined value."""
    if isinstance(value, list):
        return [n for part in value for n in _numbers(part)]
    return [math.nan if value is None else value]
