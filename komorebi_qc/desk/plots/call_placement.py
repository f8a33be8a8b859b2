"""The call's position on the recording clock, as a plot draws it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from komorebi_qc.core.timebase import Alignment

if TYPE_CHECKING:
    from komorebi_qc.sync.result import FoundJump, SyncResult


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a track without a jump, from its own clock to the recording clock."""

    from_s: float
    to_s: float
    recording_s: float
    rate: float = 1.0


@dataclass(frozen=True, slots=True)
class CallPlacement:
    """The call's position in a plot.

    Attributes:
        alignment: maps call time to recording time.
        assumption: basis of the position if it wasn't measured; empty if it was.
        call_s: the call's length.
    """

    alignment: Alignment
    assumption: str
    call_s: float

    @property
    def start_s(self) -> float:
        """Recording time of the call's start."""
        return self.alignment.offset_s

    @property
    def end_s(self) -> float:
        """Recording time of the call's end."""
        return self.alignment.to_recording(self.call_s)

    def pieces(self) -> list[Piece]:
        """The call's straight parts, between its jumps and changes of rate."""
        return [
            Piece(s.call.start_s, s.call.end_s, s.recording_s, s.rate) for s in self.alignment.segments(self.call_s)
        ]

    def _at(self, jumps: int, call_s: float) -> float:
        """Recording time of a call moment after a number of jumps, even if the moment is before them."""
        before = sum(j.size_s for j in self.alignment.jumps if j.call_s <= call_s)
        moved = sum(j.size_s for j in self.alignment.jumps[:jumps])
        return self.alignment.to_recording(call_s) - before + moved

    def bracket(self, index: int, jump: FoundJump) -> tuple[float, float]:
        """Earliest and latest recording time of a jump."""
        low, high = self._at(index, jump.between_s[0]), self._at(index + 1, jump.between_s[1])
        return min(low, high), max(low, high)


def place(result: SyncResult, call_s: float, reported_call_end_s: float | None) -> CallPlacement:
    """The measured position, else the one by the reported call end, else the recording's start."""
    reported_s = result.reported_call_end_s if reported_call_end_s is None else reported_call_end_s
    alignment = result.alignment
    if alignment is not None:
        return CallPlacement(alignment, "", call_s)
    if reported_s is not None:
        return CallPlacement(Alignment(reported_s - call_s), "by the reported call end", call_s)
    return CallPlacement(Alignment(0.0), "at the recording's start", call_s)
