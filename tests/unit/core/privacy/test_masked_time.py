"""Moments and frames in masked spans."""

from __future__ import annotations

import math

import pytest

from komorebi_qc.core.privacy.masked_time import MaskedTime
from komorebi_qc.core.timebase import Span

TIME = MaskedTime((Span(1.0, 2.0), Span(5.0, 6.0)))


@pytest.mark.parametrize(
    ("at_s", "is_masked"), [(0.9, False), (1.0, True), (1.9, True), (2.0, False), (5.5, True), (6.0, False)]
)
def test_a_span_includes_its_start_and_not_its_end(at_s: float, is_masked: bool) -> None:  # noqa: FBT001  a parameter
    """Spans are half open."""
    assert TIME.is_masked(at_s) == is_masked


@pytest.mark.parametrize(
    ("from_s", "until_s", "is_shown"),
    [
        pytest.param(0.5, 1.0, False, id="until the span"),
        pytest.param(0.5, 1.01, True, id="into the span"),
        pytest.param(1.2, 1.3, True, id="inside"),
        pytest.param(1.2, 1.2, True, id="for no time, inside"),
        pytest.param(0.5, 0.5, False, id="for no time, outside"),
        pytest.param(2.0, 5.0, False, id="between two"),
        pytest.param(1.9, 2.1, True, id="out of the span"),
        pytest.param(0.0, 9.0, True, id="across all"),
        pytest.param(5.9, math.inf, True, id="the last frame, inside"),
        pytest.param(3.0, math.inf, True, id="the last frame, before a span"),
        pytest.param(6.0, math.inf, False, id="the last frame, after all"),
    ],
)
def test_a_frame_is_masked_if_it_is_on_show_in_a_span(from_s: float, until_s: float, is_shown: bool) -> None:  # noqa: FBT001
    """Even for a moment."""
    assert TIME.is_shown(from_s, until_s) == is_shown


def test_spans_to_come_are_known() -> None:
    """A span that is on counts, and one that is over doesn't."""
    assert TIME.starts_within(0.0, 1.5)
    assert not TIME.starts_within(0.0, 0.5)
    assert TIME.starts_within(1.5, 0.1)
    assert not TIME.starts_within(2.0, 2.9)
    assert not TIME.starts_within(6.0, math.inf)


def test_without_a_span_nothing_is_masked() -> None:
    """It is falsy, so that callers can skip their work."""
    assert not MaskedTime(())
    assert not MaskedTime(()).is_masked(0.0)
    assert not MaskedTime(()).is_shown(0.0, math.inf)
    assert TIME
