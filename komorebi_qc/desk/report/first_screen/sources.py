"""The strip above the waveforms: the source of each second's sound, and the call audio that was left out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from komorebi_qc.core.splice import SHORTEST_S
from komorebi_qc.desk.report.left_out import left_out_spans
from komorebi_qc.desk.words.stretches import left_out_label

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from komorebi_qc.pipeline.examine import Examined

SOURCE_LABELS = {"call": "Connect", "recording": "Recording", "silence": "Silence", "masked": "Masked"}


@dataclass(frozen=True, slots=True)
class SourceSpan:
    """A stretch of one source.

    Attributes:
        from_s: output clock.
        to_s: output clock.
        kind: a key of `SOURCE_LABELS`, or ``left_out`` for a moment at which call audio is missing.
        label: its name.
        audio: address of left-out audio; empty without it.
    """

    from_s: float
    to_s: float
    kind: str
    label: str
    audio: str = ""


def sources_of(examined: Examined, left_out: Sequence[str]) -> Iterator[SourceSpan]:
    """The sources in time's order, then the masks over them, then the left-out audio.

    A page without a unified recording has no strip.

    Args:
        examined: the examination.
        left_out: addresses of the left-out audio, one for each of its spans.
    """
    if examined.refused is not None:
        return
    for piece in examined.timeline.pieces:
        if not piece.continues:
            end_s = _end(examined, piece.output.end_s)
            yield SourceSpan(piece.output.start_s, end_s, piece.source, SOURCE_LABELS[piece.source])
    for mask in examined.timeline.masked:
        yield SourceSpan(mask.start_s, mask.end_s, "masked", SOURCE_LABELS["masked"])
    for number, (span, audio) in enumerate(zip(left_out_spans(examined), left_out, strict=True), 1):
        at_s = max(0.0, examined.alignment.to_output(span.end_s))
        yield SourceSpan(at_s, at_s, "left_out", left_out_label(number, span.start_s, span.end_s), audio)


def _end(examined: Examined, end_s: float) -> float:
    """The end of a stretch, with the pieces after it that only go on at another rate."""
    for piece in examined.timeline.pieces:
        if piece.continues and abs(piece.output.start_s - end_s) < SHORTEST_S:
            end_s = piece.output.end_s
    return end_s
