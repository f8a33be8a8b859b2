"""Levels against their limits, and counts."""

from __future__ import annotations

from figures import drawn
from plot_cases import draw, level_rows

from komorebi_qc.desk.plots.figure import new_figure
from komorebi_qc.desk.plots.levels import LevelRow, plot_levels


def test_levels_are_marked_by_their_status() -> None:
    """Marker and word follow the limit, and a level without a value is named."""
    _, ax, _ = draw("levels")
    assert drawn(ax, "agent pass")
    assert drawn(ax, "customer warn")
    texts = [text.get_text().strip() for text in ax.texts]
    assert "not measured" in texts
    assert any(text.endswith("warn") for text in texts)


def test_a_level_far_outside_is_within_the_axis() -> None:
    """The axis covers every value."""
    _, (ax,) = new_figure(6, 2)
    plot_levels(ax, [LevelRow("agent", -60.0, level_rows()[0].limit)], unit="dBFS")
    low, high = ax.get_xlim()
    assert low < -60.0 < high
    assert drawn(ax, f"agent {level_rows()[0].limit.status(-60.0)}")


def test_counts_are_bars_in_order() -> None:
    """Each cause has a bar of its length, the first on top."""
    _, ax, _ = draw("counts")
    (first,), (second,) = drawn(ax, "one cause"), drawn(ax, "another")
    assert (first.get_width(), second.get_width()) == (12, 3)
    assert first.get_y() > second.get_y()
