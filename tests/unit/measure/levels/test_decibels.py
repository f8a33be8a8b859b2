"""Powers as levels."""

from __future__ import annotations

import numpy as np
import pytest

from komorebi_qc.measure.levels.decibels import FLOOR_DBFS, level_dbfs, levels_dbfs


def test_a_full_scale_sine_is_3_db_below_full_scale() -> None:
    """Its mean square is a half."""
    assert level_dbfs(0.5) == pytest.approx(-3.01, abs=0.01)
    assert levels_dbfs(np.array([0.5, 1.0], np.float32)) == pytest.approx([-3.01, 0.0], abs=0.01)


def test_zero_power_has_no_level_alone_and_the_floor_in_an_array() -> None:
    """An array of levels never has an infinity."""
    assert level_dbfs(0.0) is None
    assert levels_dbfs(np.zeros(2, np.float32)) == pytest.approx([FLOOR_DBFS] * 2)
