"""Masked spans on a plot."""

from __future__ import annotations

import pytest
from figures import drawn, empty_axes

from komorebi_qc.core.timebase import Span
from komorebi_qc.desk.plots.masks import MASKED, draw_masks


def test_a_mask_covers_its_span_within_the_view() -> None:
    """In its rows, with the word if there is room for it."""
    ax = empty_axes()
    ax.set_xlim(1.0, 10.0)
    ax.set_ylim(-1.0, 3.0)
    draw_masks(ax, (Span(-3.0, -1.0), Span(0.0, 4.0), Span(8.0, 8.01)), (-0.5, 0.5))
    boxes = [patch.get_bbox().extents for patch in drawn(ax, MASKED)]
    assert boxes == [pytest.approx((1.0, -0.5, 4.0, 0.5)), pytest.approx((8.0, -0.5, 8.01, 0.5))]
    ((text, at),) = [(text.get_text(), text.get_position()) for text in ax.texts]
    assert text == MASKED
    assert at == pytest.approx((2.5, 0.0))


def test_another_text_may_say_why() -> None:
    """Such as the reason for which a whole recording isn't shown."""
    ax = empty_axes()
    ax.set_xlim(0.0, 10.0)
    draw_masks(ax, (Span(0.0, 10.0),), (-0.5, 0.5), text="Not shown")
    assert [text.get_text() for text in ax.texts] == ["Not shown"]
