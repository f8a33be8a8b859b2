"""The audio plan as a timeline."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from figures import drawn, empty_axes, line_positions
from plot_cases import audio_plan, draw

from komorebi_qc.core.splice import splice
from komorebi_qc.core.timebase import Alignment, Knot, Span
from komorebi_qc.desk.plots.splice import is_masked, plot_splice


def test_bars_are_at_the_pieces_times() -> None:
    """The output's row has every piece in order, without a gap, and a marker for each seam."""
    _, ax, _ = draw("splice")
    bars: list[Any] = list(ax.patches)
    output = [bar for bar in bars if str(bar.get_gid() or "").endswith(" 0")]
    found = [(bar.get_x(), bar.get_x() + bar.get_width()) for bar in output]
    assert found == [pytest.approx((piece.output.start_s, piece.output.end_s)) for piece in audio_plan().pieces]
    assert all(a[1] == pytest.approx(b[0]) for a, b in pairwise(found))
    assert len(drawn(ax, "seam")) == len(audio_plan().seams_s)
    assert [bar.get_gid() for bar in output] == ["recording 0", "call 0", "recording 0", "call 0", "recording 0"]


def test_a_change_of_rate_is_no_seam() -> None:
    """The call is one bar over the bend, which has a diamond."""
    alignment = Alignment(2.0, -5.0, knots=(Knot(0.0, 0.0), Knot(30.0, 0.00165), Knot(60.0, 0.0)))
    plan = splice(alignment, call_s=60.0, recording_audio=Span(0.0, 75.0))
    assert len(plan.pieces) == 4
    ax = empty_axes()
    plot_splice(ax, plan, call_s=60.0, recording_s=75.0)
    output = [bar for bar in ax.patches if str(bar.get_gid() or "").endswith(" 0")]
    assert [bar.get_gid() for bar in output] == ["recording 0", "call 0", "recording 0"]
    assert len(drawn(ax, "seam")) == 2
    assert line_positions(ax, "rate change") == pytest.approx([32.0015])


def test_masked_silence_is_named() -> None:
    """The silence before the call isn't a mask."""
    own, mask = Span(0.0, 95.0), Span(40.0, 60.0)
    plan = splice(Alignment(20.0), call_s=60.0, recording_audio=own, outside_call="after", masked=(mask,))
    silent = [piece.output for piece in plan.pieces if piece.source == "silence"]
    assert [is_masked(plan, output) for output in silent] == [False, True]
    ax = empty_axes()
    plot_splice(ax, plan, call_s=60.0, recording_s=95.0)
    (covered,) = drawn(ax, "masked")
    assert covered.get_bbox().extents == pytest.approx((40.0, -0.25, 60.0, 0.25))
    written = [text.get_text() for text in ax.texts]
    assert written.count("masked") == 1
    assert written.count("00:20.0") == 3  # the silence before the call, and the call on both sides of the mask
