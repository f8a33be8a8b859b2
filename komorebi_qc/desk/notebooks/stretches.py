"""The call against the recording in a notebook: its stretches, the candidates for its place, and audio left out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from komorebi_qc.core.finding import counted
from komorebi_qc.core.samples import RATE
from komorebi_qc.desk.notebooks.notebook_output import (
    NotebookOutput,
    audio_player,
    collapsed,
    combined,
    heading,
    paragraph,
    table,
)
from komorebi_qc.desk.report.left_out import left_out_samples, left_out_spans
from komorebi_qc.desk.words.placement import CANDIDATE_HEAD, candidate_rows, candidates_caption, shown_candidates
from komorebi_qc.desk.words.stretches import (
    LEFT_OUT,
    call_span_row,
    left_out_label,
    recording_span_row,
    shown_spans,
    stretches_sentence,
)

if TYPE_CHECKING:
    from komorebi_qc.desk.session import AuditSession

_MOST_ROWS = 12
_LONGEST_S = 60.0
"""Of the audio of one span in a notebook."""
_HEAD = ("Stretch", "Meaning", "Speech")


def stretches(session: AuditSession) -> NotebookOutput:
    """The stretches of the call that agree or don't, and the speech that only the recording has."""
    examined = session.examined
    result = examined.placement.measured
    parts = [paragraph(stretches_sentence(result, examined.alignment, examined.call_s))]
    if result is None:
        return combined(parts)
    rows = [*map(call_span_row, shown_spans(result)), *map(recording_span_row, result.recording_spans)]
    if rows:
        parts.append(table(_HEAD, rows[:_MOST_ROWS]))
    if len(rows) > _MOST_ROWS:
        rest = rows[_MOST_ROWS:]
        parts.append(collapsed(counted(len(rest), "more stretch", "more stretches"), table(_HEAD, rest)))
    return combined(parts)


def candidates(session: AuditSession) -> NotebookOutput | None:
    """The places that the evidence allows; None if there is only one."""
    result = session.examined.placement.measured
    if result is None or not shown_candidates(result):
        return None
    rows = candidate_rows(result, session.examined.alignment)
    return combined([paragraph(candidates_caption(result)), table(CANDIDATE_HEAD, rows)])


def left_out(session: AuditSession) -> NotebookOutput:
    """The spans of the call that aren't in the video, each with its audio."""
    examined = session.examined
    spans = left_out_spans(examined)
    if examined.outcome is None:
        return paragraph("No recording was written, so no audio was left out.")
    if not spans:
        return paragraph("No audio of the call was left out.")
    parts = [heading(f"{LEFT_OUT[:1].upper()}{LEFT_OUT[1:]}")]
    for number, span in enumerate(spans, 1):
        label = left_out_label(number, span.start_s, span.end_s)
        if span.length_s > _LONGEST_S:
            label += f", its first {_LONGEST_S:g} s"
        samples = left_out_samples(examined, span)[: round(_LONGEST_S * RATE)]
        parts.append(audio_player(f"{label}: customer left, agent right", samples))
    return combined(parts)
