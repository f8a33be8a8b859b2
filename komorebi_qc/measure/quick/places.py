"""The places of a call that a quick look listens to: dense at both ends, sparse between."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from komorebi_qc.core.samples import RATE, Track, length
from komorebi_qc.core.timebase import Span
from komorebi_qc.measure.quick.sparse import Condensed, SparseTrack, busiest, only_within
from komorebi_qc.sync.vad import FRAME_S, Activity, of_call

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

BLOCK_S = 8.0
"""The call audio is read in blocks: turns of speech show in them, and music shows that it isn't speech."""
PIECE_S = 3.0
"""The part of a block that is looked for in the recording."""
APART_S, LEAST_BETWEEN, MOST_BETWEEN = 45.0, 4, 32
"""The distance of the blocks between the ends, and their number."""
AT_AN_END = 2
"""Blocks at each end."""
LEAST_SPEECH_S = 0.8
"""Speech of a piece. In a block with less, the next block is read."""
EDGE_SPEECH_S = 1.5
"""Speech of the first and the last words that are worth a piece of their own: no other one shows a jump behind them."""
_TRIES = 3


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of the call with speech, on the call clock, and the block that it is from."""

    span: Span
    speech_s: float
    block: Span

    @property
    def middle_s(self) -> float:
        """Its middle."""
        return (self.span.start_s + self.span.end_s) / 2


class CallView:
    """The call audio as far as it was read, and its speech there."""

    def __init__(self, call: Track) -> None:
        self._call = call
        self.track = SparseTrack(length(call), 2)
        self.call_s = length(call) / RATE
        self._activities: tuple[Activity, Activity] | None = None

    @property
    def activities(self) -> tuple[Activity, Activity]:
        """The speech of customer and agent in all blocks."""
        if self._activities is None:
            view = Condensed(self.track)
            customer, agent = of_call(view.samples)
            self._activities = view.spread(customer), view.spread(agent)
        return self._activities

    def within(self, pieces: Sequence[Piece]) -> tuple[Activity, Activity]:
        """The speech of customer and agent in some pieces."""
        spans = [piece.span for piece in pieces]
        customer, agent = self.activities
        return only_within(customer, spans), only_within(agent, spans)

    def pieces(self) -> list[Piece]:
        """Read blocks all over the call, and return the piece with the most speech of each, in order.

        The first and the last block have two.
        """
        wanted = _block_starts(self.call_s)
        found: dict[int, Piece] = {}
        for attempt in range(_TRIES):
            spans = {k: self._block(at_s + attempt * BLOCK_S) for k, at_s in enumerate(wanted) if k not in found}
            if not spans:
                break
            self.read(spans.values())
            for k, span in spans.items():
                piece = self.best_in(span, prefers=k % 2)
                taken = any(piece.span.overlap_s(other.span) > 0 for other in found.values())
                if piece.speech_s >= LEAST_SPEECH_S and not taken:
                    found[k] = piece
        return self._with_first_and_last_words(sorted(found.values(), key=lambda piece: piece.span.start_s))

    def _with_first_and_last_words(self, pieces: list[Piece]) -> list[Piece]:
        """Divide the first and the last block between the words at their outer edge and the best of their rest."""
        if len(pieces) < 2:
            return pieces
        between = pieces[1:-1]
        edges = [*self._edge(pieces[0], at_start=True), *self._edge(pieces[-1], at_start=False)]
        free = [one for one in edges if not any(one.span.overlap_s(other.span) > 0 for other in between)]
        return sorted([*between, *free], key=lambda piece: piece.span.start_s)

    def _edge(self, piece: Piece, *, at_start: bool) -> list[Piece]:
        block, prefers = piece.block, 0 if at_start else 1
        low, high = round(block.start_s / FRAME_S), round(block.end_s / FRAME_S)
        customer, agent = self.activities
        spoken = np.flatnonzero(customer.active[low:high] | agent.active[low:high])
        # A block needn't begin or end with a frame.
        if at_start:
            at_s = max((low + int(spoken[0])) * FRAME_S, block.start_s)
            words = Span(at_s, max(min(at_s + PIECE_S, block.end_s), at_s))
            rest_s = (words.end_s, block.end_s)
        else:
            at_s = min((low + int(spoken[-1]) + 1) * FRAME_S, block.end_s)
            words = Span(min(max(at_s - PIECE_S, block.start_s), at_s), at_s)
            rest_s = (block.start_s, words.start_s)
        edge = self.best_in(words, prefers) if words.length_s >= EDGE_SPEECH_S else None
        if edge is None or edge.speech_s < EDGE_SPEECH_S:
            return [piece]
        other = self.best_in(Span(*rest_s), prefers) if rest_s[1] - rest_s[0] >= LEAST_SPEECH_S else None
        both = [edge, *([other] if other is not None and other.speech_s >= LEAST_SPEECH_S else [])]
        return both if at_start else both[::-1]

    def between(self, from_s: float, to_s: float) -> Piece | None:
        """Read a block in the middle of a stretch, and return its piece; None without speech there."""
        span = self._block((from_s + to_s - BLOCK_S) / 2)
        self.read([span])
        piece = self.best_in(Span(max(span.start_s, from_s), min(span.end_s, to_s)), prefers=1)
        return piece if piece.speech_s >= LEAST_SPEECH_S else None

    def read(self, spans: Iterable[Span]) -> None:
        """Read blocks of the call audio."""
        todo = self.track.missing(spans)
        for span in todo:
            first, last = round(span.start_s * RATE), round(span.end_s * RATE)
            self.track.fill([span], [(first, self._call[first:last])])
        if todo:
            self._activities = None

    def best_in(self, span: Span, prefers: int, *, alone: bool = False) -> Piece:
        """Return the piece of a block with the most speech.

        Args:
            span: the block.
            prefers: the channel whose speech counts twice.
            alone: whether the other channel's speech doesn't count at all.
        """
        first, last = round(span.start_s / FRAME_S), round(span.end_s / FRAME_S)
        weights = np.zeros(last - first, np.float32)
        for channel, activity in enumerate(self.activities):
            part = activity.active[first:last]
            weights[: len(part)] += part * (2.0 if channel == prefers else 0.0 if alone else 1.0)
        at, most = busiest(weights, round(PIECE_S / FRAME_S))
        start_s = (first + at) * FRAME_S
        end_s = min(start_s + PIECE_S, span.end_s)
        frames = slice(first + at, round(end_s / FRAME_S))
        speech = self.activities[0].active[frames] | self.activities[1].active[frames]
        speech_s = most / 2 * FRAME_S if alone else float(np.count_nonzero(speech)) * FRAME_S
        return Piece(Span(start_s, end_s), speech_s, span)

    def _block(self, at_s: float) -> Span:
        start_s = min(max(at_s, 0.0), max(self.call_s - BLOCK_S, 0.0))
        return Span(start_s, min(start_s + BLOCK_S, self.call_s))


def _block_starts(call_s: float) -> list[float]:
    """The starts of the blocks, in order of their importance: the ends first."""
    ends = AT_AN_END * BLOCK_S
    inner_s = max(call_s - 2 * ends, 0.0)
    count = int(np.clip(inner_s / APART_S, LEAST_BETWEEN, MOST_BETWEEN))
    first = [k * BLOCK_S for k in range(AT_AN_END)]
    last = [call_s - (k + 1) * BLOCK_S for k in range(AT_AN_END)]
    between = [ends + inner_s * (k + 0.5) / count - BLOCK_S / 2 for k in range(count)]
    return [*first, *last, *between]
