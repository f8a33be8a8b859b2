"""The charts: chance isn't drawn large, and long times are drawn by week."""

from __future__ import annotations

import numpy as np
import pytest
from fleet_rows import NOWHERE, fleet, row

from komorebi_qc.fleet.dataset import fleet_of
from komorebi_qc.fleet.page import charts
from komorebi_qc.fleet.study.queries import MEASURES
from komorebi_qc.fleet.study.study import LEAST, study_of
from komorebi_qc.fleet.synthetic import (
    synthetic_rows,
)


def test_axes_have_a_least_length() -> None:
    """An axis of medians spans ten times the smallest reported change, and an axis of shares ends at 1."""
    study = study_of(fleet(*(row(n, coverage=0.999 + n % 2 / 1000) for n in range(400))))
    figure, _ = charts.medians(study)
    assert len(figure.axes) == len(MEASURES)
    for ax, measure in zip(figure.axes, MEASURES, strict=True):
        low, high = ax.get_ylim()
        assert high - low >= 10 * LEAST[measure] * (1 - 1e-9)
    assert figure.axes[-1].get_ylim()[1] == pytest.approx(1.0)
    assert charts.distributions(study)[0].axes[-1].get_xlim()[1] <= 1.0


def test_years_are_drawn_by_week() -> None:
    """Two years are about a hundred weeks, and the chart's title has the unit; three months are drawn by day."""
    years, months = (study_of(fleet_of(synthetic_rows(8_000, days=n), NOWHERE, "x")) for n in (730, 92))
    for study, each, least, most in ((years, "week", 90, 110), (months, "day", 80, 92)):
        figure, text = charts.medians(study)
        assert f"{'weekly' if each == 'week' else 'daily'} medians" in text
        assert least <= np.size(figure.axes[0].lines[0].get_xdata()) <= most
        assert f"by {each}" in charts.over_time(study)[0].axes[0].get_title(loc="left")


def test_charts_by_day_count_recordings_without_a_day() -> None:
    """The caption has the number of those that are left out, and a share of 0 % is that of the others."""
    dated = [row(n, day="2026-11-26") for n in range(2)]
    dayless = [row(n, day="unknown", status="failed", verdict=None) for n in range(2, 4)]
    figure, text = charts.over_time(study_of(fleet(*dated, *dayless)))
    assert text.endswith("2 recordings without a day are left out.")
    titles = [ax.get_title(loc="left") for ax in figure.axes]
    assert "Share that couldn't be examined, by day: 0 % of those with a day" in titles
    figure, text = charts.over_time(study_of(fleet(*dated)))
    assert "without a day" not in text
    assert figure.axes[0].get_title(loc="left").endswith("by day: 0 %")
