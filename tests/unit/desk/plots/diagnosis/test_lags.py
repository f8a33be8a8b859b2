"""The lag of each window over time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from figures import empty_axes, line_positions, texts
from sync_results import bent_result, candidates_result, part_result, placed, sync_result

from komorebi_qc.desk.plots.diagnosis.lags import plot_lags


def test_the_lag_axis_ignores_outliers() -> None:
    """A window 500 s off is a tick on the edge, and the fit fills the axis."""
    ax = empty_axes()
    assert plot_lags(ax, sync_result(), placed(sync_result()), reported_call_end_s=62.0) is ax
    low, high = ax.get_ylim()
    assert -200 < low < 0
    assert 530 < high < 800
    assert ax.get_ylabel() == "Lag minus 2.000 s (ms)"
    fits = [np.asarray(line.get_ydata(), float) for line in ax.lines if line.get_gid() == "fit"]
    assert [fit.tolist() for fit in fits] == [pytest.approx([v, v], abs=1e-6) for v in (0.0, 350.0, 180.0, 530.0)]
    assert line_positions(ax, "beyond") == [12.0]
    assert "1 window outside" in texts(ax)
    assert len(line_positions(ax, "agent accepted")) == len(line_positions(ax, "customer accepted")) == 1


def test_windows_of_a_missing_channel_are_rejected() -> None:
    """Chance agreement of a channel that isn't in the recording is no evidence."""
    ax = empty_axes()
    result = replace(sync_result(), sides="agent")
    plot_lags(ax, result, placed(result))
    assert not line_positions(ax, "customer accepted")
    assert line_positions(ax, "customer rejected")


def test_a_wrong_pair_has_a_warning_and_no_fit() -> None:
    """The note names chance as the reason for agreement, and no line is fitted."""
    ax = empty_axes()
    result = sync_result("wrong_pair")
    plot_lags(ax, result, placed(result), reported_call_end_s=62.0)
    assert "No common lag" in texts(ax)
    assert not [line for line in ax.lines if line.get_gid() == "fit"]


def test_a_bent_clock_is_a_bent_line() -> None:
    """The fit has two straight parts that meet, and a diamond at the bend with both rates."""
    ax = empty_axes()
    result = bent_result()
    plot_lags(ax, result, placed(result))
    fits = [line for line in ax.lines if line.get_gid() == "fit" and line.get_linestyle() == "-"]
    ends = [(np.asarray(line.get_xdata(), float), np.asarray(line.get_ydata(), float)) for line in fits]
    assert len(ends) == 2
    assert ends[0][1][1] == pytest.approx(ends[1][1][0], abs=1e-6)
    assert ends[0][1][1] - ends[0][1][0] == pytest.approx(1.5, abs=1e-3)
    assert line_positions(ax, "rate change") == pytest.approx([32.0015])
    assert "rate +50 \N{RIGHTWARDS ARROW} \N{MINUS SIGN}60 ppm" in texts(ax)


def test_the_candidates_are_levels() -> None:
    """The one in use is the zero of the axis; the others have their probability."""
    ax = empty_axes()
    result = candidates_result()
    plot_lags(ax, result, placed(result), reported_call_end_s=62.0)
    levels = [float(np.asarray(line.get_ydata())[0]) for line in ax.lines if line.get_gid() == "alternative"]
    assert levels == pytest.approx([8.0, -8.0])
    assert "+8 s: probability 20.0%" in texts(ax)
    (fit,) = [line for line in ax.lines if line.get_gid() == "fit"]
    assert fit.get_label() == "candidate in use"


def test_the_fit_ends_with_the_agents_part() -> None:
    """The rest of the call isn't in the recording, so no line is fitted there."""
    ax = empty_axes()
    result = part_result()
    plot_lags(ax, result, placed(result))
    ends = [float(np.asarray(line.get_xdata())[-1]) for line in ax.lines if line.get_gid() == "fit"]
    assert set(ends) == {42.0}
