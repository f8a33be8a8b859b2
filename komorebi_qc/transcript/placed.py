"""A transcript on the output clock, along the pieces of call audio that the output plays.

Masked spans have no words. Words that have their own times are left out one by one. Without them, a turn that a mask
touches has no text at all: nobody knows which of its words are masked. Text that Contact Lens has redacted is kept in
masks of redactions, because placeholders replace the masked words already.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from komorebi_qc.core.timebase import Span
from komorebi_qc.transcript.checked import clean

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from komorebi_qc.core.privacy.masks import PrivateSpan
    from komorebi_qc.core.splice import Piece, Splice
    from komorebi_qc.transcript.turns import Speaker, Transcript, TranscriptSource, Turn

LEAST_PLAYED = 0.5
"""A turn without word times is shown if the output plays at least this share of it."""
NEAR_S = 1.0
"""Times are rounded: a suspension this near a turn may be in it."""
_TINY_S = 1e-3


@dataclass(frozen=True, slots=True)
class PlacedTurn:
    """A turn on the output clock.

    Attributes:
        speaker: ``agent``, ``customer`` or ``unknown``.
        from_s: its start on the output clock.
        to_s: its end.
        text: plain text; empty if the words are masked.
        is_redacted: whether words are missing in the text: redacted by Contact Lens, or masked in the output.
    """

    speaker: Speaker
    from_s: float
    to_s: float
    text: str
    is_redacted: bool = False


@dataclass(frozen=True, slots=True)
class PlacedTranscript:
    """A transcript on the output clock.

    Attributes:
        turns: in the order of their starts; they may overlap.
        language: a language tag, such as ``en-US``; empty if it isn't known.
        source: the format it was read from.
        left_out: turns of the call that the output doesn't play.
    """

    turns: tuple[PlacedTurn, ...]
    language: str
    source: TranscriptSource
    left_out: int = 0


def place_transcript(transcript: Transcript, splice: Splice, private: Iterable[PrivateSpan] = ()) -> PlacedTranscript:
    """Put a transcript on the output clock.

    Args:
        transcript: of the call.
        splice: which source plays when.
        private: the spans that were not to be recorded, on the call clock.
    """
    pieces = [_PlayedPiece(piece, _source_span(piece)) for piece in splice.pieces if piece.source == "call"]
    suspended = [one.call for one in private if one.reason == "suspended"]
    placed: list[PlacedTurn] = []
    left_out = 0
    for turn in transcript.turns:
        found = list(_placed(turn, splice, pieces, suspended))
        placed += found
        left_out += not found
    placed.sort(key=lambda one: (one.from_s, one.to_s))
    return PlacedTranscript(tuple(placed), transcript.language, transcript.source, left_out)


@dataclass(frozen=True, slots=True)
class _PlayedPiece:
    """A piece of call audio, and its span on the call clock."""

    piece: Piece
    call: Span

    def of(self, from_s: float, to_s: float) -> Span | None:
        """The part of a span of the call that this piece plays, on the output clock; None if it plays nothing of it."""
        start_s, end_s = max(from_s, self.call.start_s), min(to_s, self.call.end_s)
        return Span(self.piece.output_s(start_s), self.piece.output_s(end_s)) if start_s < end_s else None


def _source_span(piece: Piece) -> Span:
    return Span(piece.source_start_s, piece.source_s(piece.output.end_s))


def _placed(
    turn: Turn, splice: Splice, pieces: Sequence[_PlayedPiece], suspended: Sequence[Span]
) -> Iterator[PlacedTurn]:
    """The turn on the output clock: one, several around masks, or nothing if the output doesn't play it."""
    # Recognisers let words begin before their segment, and end after it: a mask may hide only these.
    from_s = min(turn.from_s, *(word.from_s for word in turn.words)) if turn.words else turn.from_s
    to_s = max(turn.to_s, from_s + _TINY_S, *(word.to_s for word in turn.words))
    played = [span for piece in pieces if (span := piece.of(from_s, to_s)) is not None]
    whole = Span(*sorted((splice.alignment.to_output(from_s), splice.alignment.to_output(to_s))))
    is_masked = any(mask.overlap_s(whole) > 0.0 for mask in splice.masked)
    played_s = sum(span.length_s for span in played)
    is_whole = played_s >= whole.length_s - 2 * _TINY_S
    if turn.words and (is_masked or not is_whole):
        yield from _by_words(turn, pieces)
        if is_masked and not played:
            yield PlacedTurn(turn.speaker, max(whole.start_s, 0.0), max(whole.end_s, 0.0), "", is_redacted=True)
        return
    if is_masked:
        at = Span(played[0].start_s, played[-1].end_s) if played else whole
        near = Span(max(0.0, from_s - NEAR_S), to_s + NEAR_S)
        keeps_text = turn.is_redacted and not any(span.overlap_s(near) > 0.0 for span in suspended)
        shown = turn.text if keeps_text else ""
        yield PlacedTurn(turn.speaker, max(at.start_s, 0.0), max(at.end_s, 0.0), shown, is_redacted=True)
    elif played and played_s >= LEAST_PLAYED * (to_s - from_s):
        yield PlacedTurn(turn.speaker, played[0].start_s, played[-1].end_s, turn.text, turn.is_redacted)


def _by_words(turn: Turn, pieces: Sequence[_PlayedPiece]) -> Iterator[PlacedTurn]:
    """The words that the output plays whole, one turn for each run of them."""
    run: list[tuple[Span, str]] = []
    for word in turn.words:
        to_s = max(word.to_s, word.from_s + _TINY_S)
        spans = [span for piece in pieces if (span := piece.of(word.from_s, to_s)) is not None]
        is_whole = sum(span.length_s for span in spans) >= (to_s - word.from_s) - _TINY_S / 2
        if is_whole:
            run.append((Span(spans[0].start_s, spans[-1].end_s), word.text))
        elif run:
            yield _of_run(turn, run)
            run = []
    if run:
        yield _of_run(turn, run)


def _of_run(turn: Turn, run: Sequence[tuple[Span, str]]) -> PlacedTurn:
    # Whisper writes the space before a word; others leave it out.
    glue = "" if any(text[:1].isspace() for _, text in run) else " "
    end_s = max(span.end_s for span, _ in run)
    return PlacedTurn(turn.speaker, run[0][0].start_s, end_s, clean(glue.join(t for _, t in run)), is_redacted=True)
