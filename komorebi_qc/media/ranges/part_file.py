"""Parts of a file in a row, as one file: a head, and the stretches that are wanted."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from komorebi_qc.media.ranges.seekable import SeekableFile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from komorebi_qc.media.ranges.blocks import BlockFile


class PartFile(SeekableFile):
    """A seekable file of some stretches of another one."""

    def __init__(self, file: BlockFile, head: bytes, stretches: Sequence[tuple[int, int]]) -> None:
        self._file, self._head = file, head
        self._stretches = list(stretches)
        self._starts = [len(head)]
        for first, stop in stretches:
            self._starts.append(self._starts[-1] + stop - first)
        super().__init__(self._starts[-1])

    def read(self, size: int = -1, /) -> bytes:
        """Return the next bytes, fewer only at the end; all of the rest if `size` is negative."""
        stop = self.size if size < 0 else min(self._at + size, self.size)
        parts = []
        while self._at < stop:
            part = self._part(stop - self._at)
            if not part:
                break
            parts.append(part)
            self._at += len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _part(self, count: int) -> bytes:
        if self._at < len(self._head):
            return self._head[self._at : self._at + count]
        k = bisect_right(self._starts, self._at) - 1
        first, stop = self._stretches[k]
        begin = first + self._at - self._starts[k]
        if begin == first:
            self._file.prefetch(first, stop)
        return self._file.read_at(begin, min(count, stop - begin))
