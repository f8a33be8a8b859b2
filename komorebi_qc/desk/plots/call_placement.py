"""The call's position on the recording clock, as a plot draws it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from komorebi_qc.core.splice import SHORTEST_S
from komorebi_qc.core.timebase import Alignment, CallEnd
from komorebi_qc.desk.words.rates import rate_changes
from komorebi_qc.pipeline.placement import place as choose

if TYPE_CHECKING:
    from collections.abc import Sequence

    from komorebi_qc.core.timebase import Span
    from komorebi_qc.desk.words.rates import RateChange
    from komorebi_qc.findings.evidence import AlignmentSource, Placement
    from komorebi_qc.sync.result import FoundJump, SyncResult

_ASSUMPTIONS = {
    "measured": "",
    "candidate": "at the candidate that fits the reported call end",
    "call_end": "by the reported call end",
    "manual": "by a given offset",
    "start": "at the recording's start",
}


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a track without a jump, from its own clock to the recording clock."""

    from_s: float
    to_s: float
    recording_s: float
    rate: float = 1.0

    @property
    def recording_end_s(self) -> float:
        """Recording time of its end."""
        return self.recording_s + (self.to_s - self.from_s) * self.rate


@dataclass(frozen=True, slots=True)
class CallPlacement:
    """The call's position in a plot.

    Attributes:
        alignment: maps call time to recording time.
        source: as `komorebi_qc.findings.evidence.Placement` has it; ``start`` if nothing places the call.
        call_s: the call's length.
    """

    alignment: Alignment
    source: AlignmentSource | Literal["start"]
    call_s: float

    @property
    def assumption(self) -> str:
        """Basis of the position if it wasn't measured; empty if it was."""
        return _ASSUMPTIONS[self.source]

    @property
    def start_s(self) -> float:
        """Recording time of the call's start."""
        return self.alignment.offset_s

    @property
    def end_s(self) -> float:
        """Recording time of the call's end."""
        return self.alignment.to_recording(self.call_s)

    @property
    def part_end_s(self) -> float:
        """Recording time at which the call, or the agent's part of it, ends."""
        return self.alignment.end_s(self.call_s)

    @property
    def leaves_early(self) -> bool:
        """Whether the agent's part ends before the call: the reported call end may be either moment."""
        return self.part_end_s < self.end_s

    def pieces(self) -> list[Piece]:
        """The call's straight parts, between its jumps and changes of rate, without the audio that has no place."""
        return placed_pieces(self.alignment, self.call_s)

    def part_pieces(self) -> list[Piece]:
        """The straight parts within the agent's part of the call."""
        part = self.alignment.part
        return self.pieces() if part is None else cut_pieces(self.pieces(), part)

    def rate_changes(self) -> tuple[RateChange, ...]:
        """The moments at which the clock's rate changes."""
        return rate_changes(self.alignment, self.call_s)

    def _at(self, jumps: int, call_s: float) -> float:
        """Recording time of a call moment after a number of jumps, even if the moment is before them."""
        before = sum(j.size_s for j in self.alignment.jumps if j.call_s <= call_s)
        moved = sum(j.size_s for j in self.alignment.jumps[:jumps])
        return self.alignment.to_recording(call_s) - before + moved

    def bracket(self, index: int, jump: FoundJump) -> tuple[float, float]:
        """Earliest and latest recording time of a jump: of lost time, by the clock after it."""
        first = index if jump.size_s > 0 else index + 1
        low, high = self._at(first, jump.between_s[0]), self._at(index + 1, jump.between_s[1])
        return min(low, high), max(low, high)


def placed_pieces(alignment: Alignment, call_s: float) -> list[Piece]:
    """The straight parts of a call that have a place in the recording.

    A part ends at the latest where the next one begins: the recording lost the time of the audio in between.
    """
    out: list[Piece] = []
    next_s = math.inf
    for segment in reversed(alignment.segments(call_s)):
        to_s = min(segment.call.end_s, segment.call.start_s + (next_s - segment.recording_s) / segment.rate)
        if to_s > segment.call.start_s:
            out.append(Piece(segment.call.start_s, to_s, segment.recording_s, segment.rate))
        next_s = min(next_s, segment.recording_s)
    return out[::-1]


def cut_pieces(pieces: Sequence[Piece], span: Span) -> list[Piece]:
    """The parts of pieces within a span of their own clock."""
    out = []
    for piece in pieces:
        from_s, to_s = max(piece.from_s, span.start_s), min(piece.to_s, span.end_s)
        if to_s - from_s > SHORTEST_S:
            out.append(Piece(from_s, to_s, piece.recording_s + (from_s - piece.from_s) * piece.rate, piece.rate))
    return out


def place(
    result: SyncResult, call_s: float, reported: CallEnd | None, placement: Placement | None = None
) -> CallPlacement:
    """The position of the run, or the one that a run would use: measured, a candidate's, or by the reported call end.

    Args:
        result: the sync measurement.
        call_s: the call's length.
        reported: the reported call end; None for that of the measurement, if it has one.
        placement: of the run; None if nothing was processed.
    """
    if placement is not None:
        return CallPlacement(placement.alignment, placement.source, call_s)
    if reported is None and result.reported_call_end_s is not None:
        reported = CallEnd(result.reported_call_end_s, 1.0)
    if result.alignment is not None:
        return CallPlacement(result.alignment, "measured", call_s)
    if reported is None:
        return CallPlacement(Alignment(0.0), "start", call_s)
    chosen = choose(reported, call_s, manual=None, measured=result, force=True)
    return CallPlacement(chosen.alignment, chosen.source, call_s)
