"""Where the picture puts the call on the recording's clock, and by whose word."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from komorebi_qc.core.timebase import Alignment

if TYPE_CHECKING:
    from komorebi_qc.sync.measure import FoundJump, SyncResult


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a track that plays without a leap: from call (or own) time to recording time."""

    from_s: float
    to_s: float
    recording_s: float
    rate: float = 1.0


@dataclass(frozen=True, slots=True)
class CallPlacement:
    """Where the picture puts the call, and by whose word."""

    alignment: Alignment
    word: str
    """Empty where it was measured; else how the picture has to excuse itself."""
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
        """The call's parts between its jumps."""
        edges = [0.0, *(min(max(j.call_s, 0.0), self.call_s) for j in self.alignment.jumps), self.call_s]
        return [Piece(a, b, self._at(k, a), self.alignment.rate) for k, (a, b) in enumerate(pairwise(edges)) if b > a]

    def _at(self, leaps: int, call_s: float) -> float:
        """Recording time of a moment of the call after so many jumps, whether or not they came before it."""
        moved = sum(j.size_s for j in self.alignment.jumps[:leaps])
        return self.alignment.offset_s + call_s * self.alignment.rate + moved

    def bracket(self, index: int, jump: FoundJump) -> tuple[float, float]:
        """The recording times between which a jump may lie."""
        low, high = self._at(index, jump.between_s[0]), self._at(index + 1, jump.between_s[1])
        return min(low, high), max(low, high)


def place(result: SyncResult, call_s: float, told_call_end_s: float | None) -> CallPlacement:
    """As measured; else as told; else at the recording's start."""
    told_s = result.told_call_end_s if told_call_end_s is None else told_call_end_s
    alignment = result.alignment
    if alignment is not None:
        return CallPlacement(alignment, "", call_s)
    if told_s is not None:
        return CallPlacement(Alignment(told_s - call_s), "as told", call_s)
    return CallPlacement(Alignment(0.0), "from the recording's start", call_s)
