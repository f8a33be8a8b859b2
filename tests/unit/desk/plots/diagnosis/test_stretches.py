"""The band under the waveforms."""

from __future__ import annotations

from dataclasses import replace

import pytest
from figures import drawn, empty_axes
from sync_results import part_result, placed, suspended_result, sync_result

from komorebi_qc.core.timebase import Alignment
from komorebi_qc.desk.plots.diagnosis.stretches import BOTTOM, BOTTOM_WITH_BAND, draw_stretches


def test_each_stretch_is_at_its_place() -> None:
    """The stretches of the call are on the recording clock, with a legend in words."""
    ax = empty_axes()
    assert draw_stretches(ax, part_result(), placed(part_result())) == BOTTOM_WITH_BAND
    found = {gid: [(bar.get_x(), bar.get_width()) for bar in drawn(ax, gid)] for gid in ("agrees", "absent")}
    assert found == {"agrees": [pytest.approx((2.0, 40.0))], "absent": [pytest.approx((42.0, 20.0))]}
    (only,) = drawn(ax, "only in the recording")
    assert (only.get_x(), only.get_width()) == (64.0, 6.0)
    legend = ax.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == [
        "agrees: both have the same audio",
        "absent: the agent isn't part of the call",
        "only in the recording: speech that the call audio doesn't have",
    ]


def test_without_a_comparison_at_this_place_there_is_no_band() -> None:
    """A band at wrong times would be a false statement about the video."""
    for result in (sync_result(), replace(part_result(), spans_alignment=Alignment(9.0))):
        ax = empty_axes()
        assert draw_stretches(ax, result, placed(result)) == BOTTOM
        assert not ax.patches


def test_a_suspension_has_a_pattern_of_its_own() -> None:
    """On the recording clock, between the stretches that agree."""
    ax = empty_axes()
    draw_stretches(ax, suspended_result(), placed(suspended_result()))
    (bar,) = drawn(ax, "suspended")
    assert (bar.get_x(), bar.get_width()) == pytest.approx((22.0, 12.0))
    assert bar.get_hatch() not in {other.get_hatch() for other in drawn(ax, "agrees")}
