"""The spans of all three tracks that the result check decodes, chosen from the splice alone. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from komorebi_qc.core.output import CaptureSpans
from komorebi_qc.core.samples import RATE
from komorebi_qc.core.timebase import Span
from komorebi_qc.measure.residual_lag import BLOCK, WIDTH, plays
from komorebi_qc.measure.seam import SIDE_S

if TYPE_CHECKING:
    from komorebi_qc.core.splice import SourceName, Splice

CHECKED_SOURCES: tuple[SourceName, ...] = ("call", "recording")
_CANDIDATES: dict[SourceName, int] = {"call": 60, "recording": 24}
"""Candidates for windows of active audio. The recording's packets cost ten times as much to decode."""
_SHORTEST_PIECE_S = 0.5
_PAST_SEAM_S = 0.3
"""How far a seam's side reaches beyond the seam, and how far a captured span beyond its window."""
_FROM_SEAM_S = 0.25
"""A jump is found to within a pause, so sound this close to a seam may be on either side of it."""


@dataclass(frozen=True, slots=True)
class CheckSpans:
    """The spans to decode for the result check.

    Attributes:
        call: of the call audio, on the call clock: candidates for windows, then the sides of the seams.
        recording: the same of the recording's own audio, on the recording clock.
        candidates: how many of `call` and of `recording` are candidates.
        sides: for each seam the indices of its two sides, within the spans of their sources.
        seams: of the output around each seam, on the output clock.
    """

    call: tuple[Span, ...]
    recording: tuple[Span, ...]
    candidates: tuple[int, int]
    sides: tuple[tuple[int, int], ...]
    seams: tuple[Span, ...]


def check_spans(splice: Splice) -> CheckSpans:
    """Choose the spans to decode: candidates spread evenly over each source, and both sides of each seam."""
    spans: dict[SourceName, list[Span]] = {name: _candidates(splice, name) for name in CHECKED_SOURCES}
    candidates = (len(spans["call"]), len(spans["recording"]))
    sides: list[tuple[int, int]] = []
    seams: list[Span] = []
    for before, after in splice.seams:
        first = len(spans.get(before.source, ()))
        second = len(spans.get(after.source, ())) + (before.source == after.source)
        sides.append((first, second))
        seam_s = after.output.start_s
        seams.append(Span(seam_s - SIDE_S - _PAST_SEAM_S, seam_s + SIDE_S + _PAST_SEAM_S))
        for piece, side in (
            (before, Span(seam_s - SIDE_S, seam_s + _PAST_SEAM_S)),
            (after, Span(seam_s - _PAST_SEAM_S, seam_s + SIDE_S)),
        ):
            if piece.source in spans:
                spans[piece.source].append(Span(piece.source_s(side.start_s), piece.source_s(side.end_s)))
    return CheckSpans(tuple(spans["call"]), tuple(spans["recording"]), candidates, tuple(sides), tuple(seams))


def capture_spans(splice: Splice) -> CaptureSpans:
    """The spans to capture while the output is written, so that it can be checked."""
    spans = check_spans(splice)
    windows = []
    for name, candidates, count in zip(CHECKED_SOURCES, (spans.call, spans.recording), spans.candidates, strict=True):
        for span in candidates[:count]:
            middle_s = (span.start_s + span.end_s) / 2
            piece = next((p for p in splice.pieces if p.source == name and plays(p, middle_s)), None)
            if piece is not None:
                at_s = piece.output_s(middle_s)
                reach_s = BLOCK / RATE / 2 + _PAST_SEAM_S
                windows.append(Span(at_s - reach_s, at_s + reach_s))
    return CaptureSpans(spans.recording, (*windows, *splice.masked, *spans.seams))


def followed_windows(splice: Splice) -> tuple[tuple[float, float], ...]:
    """The windows of the call to compare with the recording's own sound: on the output clock and on the call clock.

    They are those of the candidates that are away from every seam and mask. `capture_spans` has them all.
    """
    spans = check_spans(splice)
    reach_s = WIDTH / RATE / 2 + _FROM_SEAM_S
    windows = []
    for span in spans.call[: spans.candidates[0]]:
        middle_s = (span.start_s + span.end_s) / 2
        piece = next((p for p in splice.pieces if p.source == "call" and plays(p, middle_s)), None)
        if piece is not None:
            at_s = piece.output_s(middle_s)
            if all(abs(at_s - after.output.start_s) >= reach_s for _, after in splice.edges):
                windows.append((at_s, middle_s))
    return tuple(windows)


def _candidates(splice: Splice, name: SourceName) -> list[Span]:
    """Spans of one block each, on the source's clock, spread evenly over all that plays of it."""
    pieces = [p for p in splice.pieces if p.source == name and p.output.length_s >= _SHORTEST_PIECE_S]
    total_s = sum(p.output.length_s for p in pieces)
    spans = []
    for piece in pieces:
        length_s = piece.output.length_s
        # Each piece gets its share; the windows of a short piece may overlap.
        room_s = max(0.0, length_s - WIDTH / RATE)
        count = max(1, min(round(_CANDIDATES[name] * length_s / total_s), math.ceil(2 * length_s)))
        for at_s in np.linspace(0.0, room_s, count) if count > 1 else [room_s / 2]:
            middle_s = piece.source_s(piece.output.start_s + float(at_s) + min(WIDTH / RATE, length_s) / 2)
            spans.append(Span(middle_s - BLOCK / RATE / 2, middle_s + BLOCK / RATE / 2))
    return spans
