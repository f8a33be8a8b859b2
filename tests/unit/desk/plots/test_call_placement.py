"""The call's position in a plot."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sync_results import empty_result, sync_result

from komorebi_qc.core.timebase import CallEnd
from komorebi_qc.desk.plots.call_placement import place


def test_a_measured_alignment_is_used() -> None:
    """The call starts at the offset, and a jump moves its end."""
    placed = place(sync_result(), 60.0, CallEnd(50.0, 1.0))
    assert placed.assumption == ""
    assert placed.start_s == 2.0
    assert placed.end_s == pytest.approx(62.35)
    pieces = [(piece.from_s, piece.recording_s) for piece in placed.pieces()]
    assert pieces == [(0.0, 2.0), (30.0, pytest.approx(32.35))]


def test_without_an_alignment_the_reported_end_decides() -> None:
    """The call ends at the reported end; without one it starts with the recording."""
    assert place(empty_result(), 60.0, CallEnd(62.0, 1.0)).start_s == 2.0
    assert place(replace(empty_result(), reported_call_end_s=61.0), 60.0, None).start_s == 1.0
    placed = place(empty_result(), 60.0, None)
    assert (placed.start_s, placed.assumption) == (0.0, "at the recording's start")
