"""What was read of an object of S3, kept on disk for the next reading of it."""

from __future__ import annotations

import os
import tempfile
import threading
from bisect import bisect_right
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence


class LocalCache:
    """What was fetched of one object, in a file without a name: a second pass asks only for what is missing.

    Where the object is larger than the limit, or the disk is full, nothing is kept and nobody notices. It is safe to
    use from several threads.
    """

    def __init__(self, limit_bytes: int) -> None:
        """Keep objects of up to `limit_bytes`; the file is made with the first block."""
        self._limit_bytes = limit_bytes
        self._lock = threading.Lock()
        self._file: Any = None
        self._has_begun = False
        self._is_used = False
        # Where each stretch that is kept begins and ends, in order; no two touch.
        self._starts: list[int] = []
        self._ends: list[int] = []

    @property
    def held_bytes(self) -> int:
        """How much is kept."""
        with self._lock:
            return sum(self._ends) - sum(self._starts)

    def begin(self, size: int) -> None:
        """Serve an object of that many bytes.

        Raises:
            ValueError: where it serves one already.
        """
        with self._lock:
            if self._has_begun:
                raise ValueError("a cache keeps one object: make another for this one")
            self._has_begun, self._is_used = True, 0 < size <= self._limit_bytes

    def read(self, start: int, count: int) -> bytes:
        """Up to `count` bytes from `start` on, as far as they are kept; empty where they aren't."""
        with self._lock:
            n = bisect_right(self._starts, start) - 1
            if n < 0 or start >= self._ends[n]:
                return b""
            wanted = min(count, self._ends[n] - start)
            try:
                found = os.pread(self._file.fileno(), wanted, start)
            except OSError:
                found = b""
            if len(found) != wanted:
                self._drop()
                return b""
            return found

    def missing_until(self, start: int, end: int) -> int:
        """Where what is missing from `start` on ends, `end` at the latest; `start` itself where that is kept."""
        with self._lock:
            n = bisect_right(self._starts, start)
            if n and start < self._ends[n - 1]:
                return start
            return min(end, self._starts[n]) if n < len(self._starts) else end

    def write(self, start: int, pieces: Sequence[bytes]) -> None:
        """Keep what was fetched from `start` on, where there is room."""
        at = start
        for piece in pieces:
            # The lock isn't held for long: readers wait for it.
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
        """Let go of all that is kept; what comes after is not."""
        with self._lock:
            self._drop()

    def _write(self, at: int, piece: bytes) -> None:
        if self._file is None:
            self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115  it lives as long as the cache
        rest, place = memoryview(piece), at
        while rest:
            written = os.pwrite(self._file.fileno(), rest, place)
            rest, place = rest[written:], place + written
        # What touches the new stretch becomes one with it.
        low, high = bisect_right(self._ends, at - 1), bisect_right(self._starts, place)
        start, end = min([at, *self._starts[low:high]]), max([place, *self._ends[low:high]])
        self._starts[low:high], self._ends[low:high] = [start], [end]

    def _drop(self) -> None:
        self._is_used, self._starts, self._ends = False, [], []
        if self._file is not None:
            self._file.close()
            self._file = None
