"""A file on a network whose front stays in memory between two readings, and is released as the second one passes."""

from __future__ import annotations

import io
import mmap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from komorebi_qc.core.source import Source

_STEP_BYTES = 1 << 20
"""Memory is released in such steps."""
_BEHIND_BYTES = 1 << 20
"""A reader may go back by as much."""


class HeldFront(io.RawIOBase):
    """A seekable file for one thread. Bytes that it doesn't hold come from the source.

    It holds what the first reading in order passes. Memory is anonymous pages, which go back to the system at once.
    """

    def __init__(self, source: Source, most_bytes: int) -> None:
        """Hold nothing yet.

        Args:
            source: the file.
            most_bytes: the most that is held of it, from its start on.
        """
        self._source = source
        self._file = source.reopen().file
        self._at = 0
        self._room = min(source.size, most_bytes)
        self._pages = mmap.mmap(-1, max(self._room, 1))
        self._held_to = self._released_to = 0
        self._is_last_reading = False

    def release(self) -> None:
        """Release what is passed from now on: this reading is the last one."""
        self._is_last_reading = True

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to a position, and return it."""
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._source.size}[whence]
        return self._at

    def tell(self) -> int:
        """Return the position."""
        return self._at

    def read(self, size: int | None = -1) -> bytes:
        """Return the next `size` bytes, or all of the rest; fewer only at the end."""
        rest = max(0, self._source.size - self._at)
        count = rest if size is None or size < 0 else min(size, rest)
        data = self._held(count)
        if len(data) < count:
            self._file.seek(self._at + len(data))
            data += (more := self._file.read(count - len(data)))
            self._hold(self._at + len(data) - len(more), more)
        self._at += len(data)
        if self._is_last_reading:
            self._release_to(self._at - _BEHIND_BYTES)
        return data

    def close(self) -> None:
        """Release everything."""
        self._pages.close()
        super().close()

    def _held(self, count: int) -> bytes:
        is_held = self._released_to <= self._at < self._held_to
        return self._pages[self._at : min(self._at + count, self._held_to)] if is_held else b""

    def _hold(self, start: int, data: bytes) -> None:
        if start == self._held_to and not self._is_last_reading:
            stop = min(start + len(data), self._room)
            self._pages[start:stop] = data[: stop - start]
            self._held_to = stop

    def _release_to(self, place: int) -> None:
        stop = min(place, self._held_to) // _STEP_BYTES * _STEP_BYTES
        if stop > self._released_to:
            if hasattr(self._pages, "madvise"):  # not on Windows
                self._pages.madvise(mmap.MADV_DONTNEED, self._released_to, stop - self._released_to)
            self._released_to = stop
