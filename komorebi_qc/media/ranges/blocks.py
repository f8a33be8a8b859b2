"""A file that is fetched block by block. Nothing is fetched ahead, and recent blocks are kept."""

from __future__ import annotations

import io
from collections import OrderedDict
from contextlib import closing
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from komorebi_qc.core.source import Source

BLOCK_BYTES = 128 << 10
_KEPT_BLOCKS = 96


class BlockFile(io.RawIOBase):
    """A seekable file over a source.

    Attributes:
        fetched_bytes: the bytes that were read of the source.
        fetches: the number of reads of the source.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._size = source.size
        self._at = 0
        self._blocks: OrderedDict[int, bytes] = OrderedDict()
        self.fetched_bytes = self.fetches = 0

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the position in bytes."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Move to a position; behind the end is allowed."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def read(self, size: int = -1, /) -> bytes:
        """Return the next bytes, fewer only at the file's end; all of the rest if `size` is negative."""
        left = max(self._size - self._at, 0)
        data = self.read_at(self._at, left if size < 0 else min(size, left))
        self._at += len(data)
        return data

    def read_at(self, start: int, count: int) -> bytes:
        """Return so many bytes from a place on, fewer only at the file's end. The position stays."""
        parts, at, stop = [], start, min(start + count, self._size)
        while at < stop:
            number, low = divmod(at, BLOCK_BYTES)
            part = self._block(number)[low : low + stop - at]
            if not part:
                break
            parts.append(part)
            at += len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _block(self, number: int) -> bytes:
        found = self._blocks.get(number)
        if found is not None:
            self._blocks.move_to_end(number)
            return found
        start = number * BLOCK_BYTES
        count = min(BLOCK_BYTES, self._size - start)
        source = self._source
        if source.is_remote:
            # A reader of its own: one that goes on would fetch more and more ahead.
            with closing(source.reopen().file) as file:
                file.seek(start)
                data = file.read(count)
        else:
            source.file.seek(start)
            data = source.file.read(count)
        self.fetched_bytes += len(data)
        self.fetches += 1
        self._blocks[number] = data
        if len(self._blocks) > _KEPT_BLOCKS:
            self._blocks.popitem(last=False)
        return data
