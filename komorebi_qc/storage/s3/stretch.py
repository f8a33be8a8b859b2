"""The bytes that a reader holds around its position."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from komorebi_qc.storage.s3.fetch import RangeFetch

FIRST_BYTES = 256 << 10
"""The first request after a seek, as large as FFmpeg's own reads."""
MOST_BYTES = 4 << 20
"""The largest request."""
_BEHIND_BYTES = 2 << 20


class Stretch:
    """A contiguous stretch in memory: its pieces, and the fetches behind them."""

    def __init__(self, start: int, blocks: int = 0) -> None:
        self.pieces: deque[tuple[int, bytes]] = deque()
        self.ahead: deque[RangeFetch] = deque()
        self.start = start
        self.end = start
        self.at = start
        self.blocks = blocks

    @property
    def block_bytes(self) -> int:
        """Size of the next request."""
        return min(FIRST_BYTES << min(self.blocks, 30), MOST_BYTES)

    @property
    def planned_end(self) -> int:
        """End of the stretch, with its fetches."""
        return self.ahead[-1].end if self.ahead else self.end

    @property
    def held_bytes(self) -> int:
        """Bytes in memory, or being fetched."""
        return sum(len(piece) for _, piece in self.pieces) + sum(f.end - f.start for f in self.ahead)

    def covers(self, at: int) -> bool:
        """Return whether the position is in the stretch, or being fetched."""
        return self.start <= at <= self.planned_end

    def find(self, at: int) -> tuple[int, bytes] | None:
        """Return the piece with the position, and its start; None if no piece has it."""
        return next(((s, p) for s, p in self.pieces if s <= at < s + len(p)), None)

    def append(self, pieces: Sequence[bytes]) -> None:
        """Append fetched pieces."""
        for piece in pieces:
            self.pieces.append((self.end, piece))
            self.end += len(piece)

    def prune(self, at: int) -> None:
        """Drop pieces too far behind the position to be read again."""
        while self.pieces and self.pieces[0][0] + len(self.pieces[0][1]) <= at - _BEHIND_BYTES:
            self.pieces.popleft()
            self.start = self.pieces[0][0] if self.pieces else self.end

    def trim(self, keep: int) -> None:
        """Keep at most `keep` bytes around the position, and cancel its fetches."""
        self.cancel()
        self.blocks = 0
        low = max(self.start, min(self.at - keep // 4, self.end - keep))
        high = min(low + keep, self.end)
        kept: deque[tuple[int, bytes]] = deque()
        for start, piece in self.pieces:
            first, last = max(low - start, 0), min(high - start, len(piece))
            if first < last:
                kept.append((start + first, piece[first:last]))
        self.pieces, self.start, self.end = kept, low, high

    def cancel(self) -> None:
        """Cancel all fetches."""
        while self.ahead:
            self.ahead.popleft().cancel()

    def drop(self) -> None:
        """Drop everything."""
        self.cancel()
        self.pieces.clear()
        self.start = self.end
