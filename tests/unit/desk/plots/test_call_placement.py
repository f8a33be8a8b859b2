"""The call's position in a plot."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sync_results import CALL_S, candidates_result, empty_result, part_result, sync_result

from komorebi_qc.core.timebase import Alignment, CallEnd, Jump, Span
from komorebi_qc.desk.plots.call_placement import cut_pieces, place, placed_pieces
from komorebi_qc.findings.evidence import Placement
from komorebi_qc.sync import FoundJump


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


def test_the_candidate_that_fits_the_reported_end_is_used() -> None:
    """It isn't the one with most of the evidence, and the plot names the basis."""
    placed = place(candidates_result(), CALL_S, CallEnd(62.0, 1.0))
    assert (placed.source, placed.start_s) == ("candidate", 2.0)
    assert placed.assumption == "at the candidate that fits the reported call end"
    assert place(candidates_result(), CALL_S, CallEnd(70.0, 1.0)).start_s == 10.0


def test_the_placement_of_the_run_is_used() -> None:
    """A plot of a processed recording shows the place in its video, whatever the measurement found."""
    run = Placement(Alignment(5.0), "manual", sync_result())
    placed = place(sync_result(), CALL_S, CallEnd(62.0, 1.0), run)
    assert (placed.start_s, placed.assumption) == (5.0, "by a given offset")


def test_lost_audio_has_no_place() -> None:
    """A part ends where the next one begins, also over several jumps."""
    alignment = Alignment(2.0, 0.0, (Jump(20.0, -5.0), Jump(23.0, -4.0)))
    pieces = placed_pieces(alignment, 60.0)
    assert [(piece.from_s, piece.to_s) for piece in pieces] == [(0.0, pytest.approx(14.0)), (23.0, 60.0)]
    assert pieces[0].recording_end_s == pytest.approx(pieces[1].recording_s)
    assert cut_pieces(pieces, Span(14.5, 22.0)) == []
    (cut,) = cut_pieces(pieces, Span(20.0, 30.0))
    assert (cut.from_s, cut.to_s, cut.recording_s) == pytest.approx((23.0, 30.0, 16.0))


def test_the_bracket_of_lost_time_is_short() -> None:
    """The recording has one moment for a pause, however long the pause was."""
    jump = FoundJump(30.0, -10.0, (-10.0, -10.0), (29.5, 30.5))
    placed = place(sync_result(jumps=(jump,)), CALL_S, CallEnd(52.0, 1.0))
    assert placed.bracket(0, jump) == pytest.approx((21.5, 22.5))


def test_the_agents_part_ends_before_the_call() -> None:
    """The call's straight part is cut at the agent's last moment."""
    placed = place(part_result(), CALL_S, CallEnd(62.0, 1.0))
    assert placed.leaves_early
    assert placed.part_end_s == pytest.approx(42.0)
    assert [(piece.from_s, piece.to_s) for piece in placed.part_pieces()] == [(0.0, 40.0)]
