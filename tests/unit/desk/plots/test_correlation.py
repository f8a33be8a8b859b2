"""The plots of a window's correlation and of each channel's lags."""

from __future__ import annotations

import pytest
from figures import drawn, empty_axes, texts
from plot_cases import draw

from komorebi_qc.desk.plots.correlation import plot_side_lags


def test_the_peak_is_at_zero_and_the_fit_at_its_distance() -> None:
    """Lags are relative to the peak, in ms."""
    _, ax, _ = draw("correlation")
    (peak,) = drawn(ax, "peak")
    assert float(peak.get_xdata()[0]) == 0.0
    (fit,) = drawn(ax, "fit")
    assert float(fit.get_xdata()[0]) == pytest.approx(0.0, abs=0.05)
    assert "best fit: lag 1.2500 s" in texts(ax)


def test_each_channel_has_its_median() -> None:
    """The median of each channel is a line at its place."""
    _, ax, _ = draw("side_lags")
    (agent,), (customer,) = drawn(ax, "agent median"), drawn(ax, "customer median")
    assert float(agent.get_xdata()[0]) == pytest.approx(0.0, abs=0.1)
    assert float(customer.get_xdata()[0]) == pytest.approx(3.0, abs=0.1)


def test_no_accepted_window_is_stated() -> None:
    """Without windows the axes hold a note instead of bars."""
    ax = empty_axes()
    plot_side_lags(ax, {"agent": [], "customer": []})
    assert texts(ax) == "No window was accepted"
