"""Fetched blocks of an S3 object, kept in memory or on disk for the next reading."""

from __future__ import annotations

import mmap
import os
import tempfile
import threading
from bisect import bisect_right
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence


class LocalCache:
    """Fetched blocks of one object: a second pass fetches only missing ones.

    A small object is kept in memory, a larger one in an unnamed temporary file. If it is larger than both limits, or
    the disk is full, nothing is kept and reading still works. Several threads can share a cache.
    """

    def __init__(self, limit_bytes: int, memory_bytes: int = 0) -> None:
        """Keep objects of up to `memory_bytes` in memory, and of up to `limit_bytes` in a file.

        Both are created with the first block.
        """
        self._limit_bytes = limit_bytes
        self._memory_bytes = memory_bytes
        self._lock = threading.Lock()
        self._kept: _Kept | None = None
        self._size = 0
        self._has_begun = False
        self._is_used = False
        # Start and end of each kept stretch, in order; no two touch.
        self._starts: list[int] = []
        self._ends: list[int] = []

    @property
    def held_bytes(self) -> int:
        """Bytes kept."""
        with self._lock:
            return sum(self._ends) - sum(self._starts)

    def begin(self, size: int) -> None:
        """Serve an object of this size, in bytes.

        Raises:
            ValueError: the cache already serves one.
        """
        with self._lock:
            if self._has_begun:
                raise ValueError("a cache keeps one object: make another for this one")
            self._has_begun, self._size = True, size
            self._is_used = 0 < size <= max(self._limit_bytes, self._memory_bytes)

    def read(self, start: int, count: int) -> bytes:
        """Return up to `count` kept bytes from `start` on; empty if there aren't any."""
        with self._lock:
            n = bisect_right(self._starts, start) - 1
            if n < 0 or start >= self._ends[n]:
                return b""
            wanted = min(count, self._ends[n] - start)
            try:
                found = b"" if self._kept is None else self._kept.read(start, wanted)
            except OSError:
                found = b""
            if len(found) != wanted:
                self._drop()
                return b""
            return found

    def missing_until(self, start: int, end: int) -> int:
        """Return the end of the missing bytes from `start` on, at most `end`; `start` itself if that byte is kept."""
        with self._lock:
            n = bisect_right(self._starts, start)
            if n and start < self._ends[n - 1]:
                return start
            return min(end, self._starts[n]) if n < len(self._starts) else end

    def write(self, start: int, pieces: Sequence[bytes]) -> None:
        """Keep pieces fetched from `start` on, if there is room."""
        at = start
        for piece in pieces:
            # Hold the lock only briefly: readers wait for it.
            with self._lock:
                if not self._is_used:
                    return
                try:
                    self._write(at, piece)
                except OSError:
                    self._drop()
                    return
            at += len(piece)

    def close(self) -> None:
        """Drop everything, and keep nothing more."""
        with self._lock:
            self._drop()

    def _write(self, at: int, piece: bytes) -> None:
        if self._kept is None:
            self._kept = _Memory(self._size) if self._size <= self._memory_bytes else _File()
        self._kept.write(at, piece)
        place = at + len(piece)
        # Merge the new stretch with those it touches.
        low, high = bisect_right(self._ends, at - 1), bisect_right(self._starts, place)
        start, end = min([at, *self._starts[low:high]]), max([place, *self._ends[low:high]])
        self._starts[low:high], self._ends[low:high] = [start], [end]

    def _drop(self) -> None:
        self._is_used, self._starts, self._ends = False, [], []
        if self._kept is not None:
            self._kept.close()
            self._kept = None


class _Kept(Protocol):
    """Storage of the bytes. An OSError means that it failed."""

    def read(self, start: int, count: int) -> bytes: ...

    def write(self, at: int, piece: bytes) -> None: ...

    def close(self) -> None: ...


class _File:
    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115  it lives as long as the cache

    def read(self, start: int, count: int) -> bytes:
        return os.pread(self._file.fileno(), count, start)

    def write(self, at: int, piece: bytes) -> None:
        rest = memoryview(piece)
        while rest:
            written = os.pwrite(self._file.fileno(), rest, at)
            rest, at = rest[written:], at + written

    def close(self) -> None:
        self._file.close()


class _Memory:
    """Anonymous memory pages: allocated when written, freed at once."""

    def __init__(self, size: int) -> None:
        self._pages = mmap.mmap(-1, size)

    def read(self, start: int, count: int) -> bytes:
        return self._pages[start : start + count]

    def write(self, at: int, piece: bytes) -> None:
        self._pages[at : at + len(piece)] = piece

    def close(self) -> None:
        self._pages.close()
