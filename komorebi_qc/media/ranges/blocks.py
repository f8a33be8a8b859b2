"""A file that is fetched block by block. Nothing is fetched ahead, and recent blocks are kept."""

from __future__ import annotations

from collections import OrderedDict
from contextlib import closing
from typing import TYPE_CHECKING, BinaryIO, Protocol, runtime_checkable

from komorebi_qc.media.ranges.seekable import SeekableFile

if TYPE_CHECKING:
    from komorebi_qc.core.source import Source

BLOCK_BYTES = 64 << 10
_KEPT_BLOCKS = 192
_MOST_AT_ONCE = 32
"""Blocks of one request."""


@runtime_checkable
class ReadsRanges(Protocol):
    """A remote file that can be read without fetching more than is asked for."""

    def read_range(self, start: int, count: int) -> bytes:
        """Return bytes from a place on, fewer only at the end."""
        ...


class BlockFile(SeekableFile):
    """A seekable file over a source.

    Attributes:
        fetched_bytes: the bytes that were read of the source.
        fetches: the number of reads of the source.
    """

    def __init__(self, source: Source) -> None:
        super().__init__(source.size)
        self._source = source
        self._blocks: OrderedDict[int, bytes] = OrderedDict()
        self.fetched_bytes = self.fetches = 0

    def read(self, size: int = -1, /) -> bytes:
        """Return the next bytes, fewer only at the file's end; all of the rest if `size` is negative."""
        left = max(self.size - self._at, 0)
        data = self.read_at(self._at, left if size < 0 else min(size, left))
        self._at += len(data)
        return data

    def read_at(self, start: int, count: int) -> bytes:
        """Return so many bytes from a place on, fewer only at the file's end. The position stays."""
        parts, at, stop = [], start, min(start + count, self.size)
        if stop - start > BLOCK_BYTES:
            self.prefetch(start, min(stop, start + _MOST_AT_ONCE * BLOCK_BYTES))
        while at < stop:
            number, low = divmod(at, BLOCK_BYTES)
            part = self._block(number)[low : low + stop - at]
            if not part:
                break
            parts.append(part)
            at += len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def prefetch(self, start: int, stop: int) -> None:
        """Fetch the missing blocks of a stretch that is read next, by one request for those in a row."""
        first, last = start // BLOCK_BYTES, (min(stop, self.size) - 1) // BLOCK_BYTES
        run: list[int] = []
        for number in range(first, last + 2):
            if number <= last and number not in self._blocks and len(run) < _MOST_AT_ONCE:
                run.append(number)
                continue
            if run:
                self._fetch(run[0], len(run))
            run = [number] if number <= last and number not in self._blocks else []

    def _block(self, number: int) -> bytes:
        if number in self._blocks:
            self._blocks.move_to_end(number)
        else:
            self._fetch(number, 1)
        return self._blocks[number]

    def _fetch(self, number: int, count: int) -> None:
        start = number * BLOCK_BYTES
        size = min(count * BLOCK_BYTES, self.size - start)
        source = self._source
        if source.is_remote:
            # A reader of its own: one that goes on would fetch more and more ahead.
            with closing(source.reopen().file) as file:
                data = _read(file, start, size)
        else:
            data = _read(source.file, start, size)
        self.fetched_bytes += len(data)
        self.fetches += 1
        for k in range(count):
            self._blocks[number + k] = data[k * BLOCK_BYTES : (k + 1) * BLOCK_BYTES]
        while len(self._blocks) > _KEPT_BLOCKS:
            self._blocks.popitem(last=False)


def _read(file: BinaryIO, start: int, size: int) -> bytes:
    if isinstance(file, ReadsRanges):
        return file.read_range(start, size)
    file.seek(start)
    return file.read(size)
