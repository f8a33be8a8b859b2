"""The call against the recording, for a report page: belonging, stretches, candidates, and the audio left out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from komorebi_qc.core.timebase import Span
from komorebi_qc.desk.plots.call_placement import cut_pieces, placed_pieces
from komorebi_qc.desk.report.content import Band, Comparison, LeftOut, StretchRow
from komorebi_qc.desk.report.left_out import left_out_spans
from komorebi_qc.desk.words.placement import candidate_rows, candidates_caption
from komorebi_qc.desk.words.stretches import (
    ONLY_RECORDING,
    STATES,
    call_span_row,
    is_at_place,
    left_out_label,
    recording_span_row,
    shown_spans,
    state_text,
    stretches_sentence,
)
from komorebi_qc.desk.words.verdict import belonging

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from komorebi_qc.desk.plots.call_placement import Piece
    from komorebi_qc.pipeline.examine import Examined
    from komorebi_qc.sync import SyncResult


def comparison_of(examined: Examined, left_out: Sequence[str]) -> Comparison:
    """The comparison of an examination.

    Args:
        examined: the examination.
        left_out: addresses of the audio that isn't in the video, one for each of its spans.
    """
    result, alignment = examined.placement.measured, examined.alignment
    call_s = examined.call_s
    spans = left_out_spans(examined)
    named = tuple(
        LeftOut(left_out_label(number, span.start_s, span.end_s), audio)
        for number, (span, audio) in enumerate(zip(spans, left_out, strict=True), 1)
    )
    belongs, summary = belonging(examined), stretches_sentence(result, alignment, call_s)
    if result is None:
        return Comparison(belongs, summary, left_out=named)
    bands = tuple(_bands(examined, result)) if is_at_place(result, alignment, call_s) else ()
    return Comparison(
        belonging=belongs,
        summary=summary,
        rows=tuple(_rows(examined, result, is_placed=bool(bands))),
        bands=bands,
        legend=tuple(_legend(result, bands)),
        candidates=tuple(candidate_rows(result, alignment)),
        candidates_caption=candidates_caption(result),
        left_out=named,
    )


def _pieces(examined: Examined) -> list[Piece]:
    return placed_pieces(examined.alignment, examined.call_s)


def _rows(examined: Examined, result: SyncResult, *, is_placed: bool) -> Iterator[StretchRow]:
    shift_s, pieces = examined.alignment.output_shift_s, _pieces(examined)
    for span in shown_spans(result):
        parts = cut_pieces(pieces, Span(span.from_s, span.to_s)) if is_placed else []
        at_s = max(0.0, parts[0].recording_s + shift_s) if parts else None
        yield StretchRow(*call_span_row(span), at_s, "not in the video" if is_placed else "")
    for only in result.recording_spans:
        yield StretchRow(*recording_span_row(only), only.from_s + shift_s)


def _bands(examined: Examined, result: SyncResult) -> Iterator[Band]:
    shift_s, pieces = examined.alignment.output_shift_s, _pieces(examined)
    for span in shown_spans(result):
        kind = span.state if span.state in STATES else "other"
        for part in cut_pieces(pieces, Span(span.from_s, span.to_s)):
            yield Band(part.recording_s + shift_s, part.recording_end_s + shift_s, "call", kind)
    for only in result.recording_spans:
        yield Band(only.from_s + shift_s, only.to_s + shift_s, "recording", "only")


def _legend(result: SyncResult, bands: Sequence[Band]) -> Iterator[tuple[str, str]]:
    kinds = {band.kind for band in bands}
    yield from ((state, state_text(state)) for state in STATES if state in kinds)
    if "other" in kinds:
        yield "other", ", ".join(sorted({span.state for span in result.spans} - set(STATES)))
    if "only" in kinds:
        yield "only", f"only in the recording: {ONLY_RECORDING}"
