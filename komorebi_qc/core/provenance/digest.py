"""SHA-256 of an input while it is read, in whatever order its bytes come.

A demuxer reads an index at the file's end first, and jumps back. SHA-256 needs the bytes in order. So bytes ahead of
the hashed part wait in a buffer of limited size, short gaps are read at once, and bytes that are missing at the end are
read then. A second reading of the file continues the first one's digest.
"""

from __future__ import annotations

import hashlib
import io
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from komorebi_qc.core.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from _typeshed import WriteableBuffer

    from komorebi_qc.core.source import Source

HELD_BYTES = 512 << 10
"""The index of an MP4 of 10 minutes. It is held until all other bytes have passed; a longer one is read again."""
GAP_BYTES = 1 << 20
"""A reader over a network fetches such a gap anyway."""
_READ_BYTES = 1 << 20


class InOrderDigest:
    """SHA-256 of a file of a known size. Several threads can share it.

    Attributes:
        size: of the file in bytes.
    """

    def __init__(self, size: int, held_bytes: int = HELD_BYTES) -> None:
        self.size = size
        self._sha256 = hashlib.sha256()
        self._at = 0
        self._ahead: dict[int, bytes] = {}
        self._room = held_bytes
        self._lock = threading.Lock()

    @property
    def done_bytes(self) -> int:
        """Bytes hashed so far, from the file's start on."""
        return self._at

    @property
    def is_complete(self) -> bool:
        """Whether all bytes are hashed, so that later readings don't matter."""
        return self._at >= self.size

    def gap_before(self, start: int) -> int:
        """Return the number of bytes before `start` that aren't hashed and should be read at once; 0 for a long gap."""
        gap = start - self._at
        return gap if 0 < gap <= GAP_BYTES else 0

    def take(self, start: int, data: bytes) -> None:
        """Hash bytes that were read at `start`, or hold them until the bytes before them were read."""
        data = data[: max(0, self.size - start)]  # a file that grows meanwhile has its first size
        if start + len(data) <= self._at:
            return
        with self._lock:
            if start > self._at:
                self._hold(start, data)
                return
            self._hash(start, data)
            while self._ahead and (first := min(self._ahead)) <= self._at:
                held = self._ahead.pop(first)
                self._room += len(held)
                self._hash(first, held)

    def finish(self, file: BinaryIO, check_cancelled: Callable[[], None] = lambda: None) -> str:
        """Read what wasn't hashed yet, and return the digest in hexadecimal.

        Args:
            file: the same file.
            check_cancelled: called between two blocks; its exception ends the reading.

        Raises:
            StorageError: the file is shorter than it was.
        """
        while self._at < self.size:
            check_cancelled()
            at = self._at
            file.seek(at)
            piece = file.read(min(_READ_BYTES, self._missing_until() - at))
            if not piece:
                raise StorageError(f"an input has {at} bytes and had {self.size}: it was changed while it was read")
            self.take(at, piece)
        return self._sha256.hexdigest()

    def _missing_until(self) -> int:
        return min(self._ahead, default=self.size)

    def _hash(self, start: int, data: bytes) -> None:
        if start + len(data) > self._at:
            self._sha256.update(data if start == self._at else memoryview(data)[self._at - start :])
            self._at = start + len(data)

    def _hold(self, start: int, data: bytes) -> None:
        before = self._ahead.get(start, b"")
        if len(before) < len(data) <= self._room + len(before):
            self._ahead[start] = bytes(data)
            self._room += len(before) - len(data)


class DigestedFile(io.RawIOBase):
    """A seekable file whose bytes pass into a digest as they are read. Closing it leaves the file open.

    It keeps its own position, so nobody else may move the file meanwhile. A file on disk has to ask the system for its
    own, at each of tens of thousands of reads.
    """

    def __init__(self, file: BinaryIO, digest: InOrderDigest) -> None:
        self._file = file
        self._digest = digest
        self._at = file.tell()

    def readable(self) -> bool:
        """True."""
        return True

    def seekable(self) -> bool:
        """True."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to a position, and return it."""
        self._at = self._file.seek(offset, whence)
        return self._at

    def tell(self) -> int:
        """The position."""
        return self._at

    def read(self, size: int | None = -1) -> bytes:
        """Read as the file does."""
        at, digest = self._at, self._digest
        if not digest.is_complete and (gap := digest.gap_before(at)):
            self._file.seek(at - gap)
            digest.take(at - gap, self._file.read(gap))
            self._file.seek(at)
        data = self._file.read(-1 if size is None else size)
        if not digest.is_complete:
            digest.take(at, data)
        self._at = at + len(data)
        return data

    def readall(self) -> bytes:
        """Return the rest."""
        return self.read()

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Fill the buffer; fewer bytes only at the end."""
        view = memoryview(buffer).cast("B")
        data = self.read(len(view))
        view[: len(data)] = data
        return len(data)


def digested(source: Source) -> tuple[Source, InOrderDigest]:
    """Return the same source with a digest of all that any of its readers reads."""
    digest = InOrderDigest(source.size)

    def with_digest(file: Any) -> BinaryIO:
        return cast("BinaryIO", DigestedFile(file, digest))

    again = source.open_again
    reopen = None if again is None else lambda: with_digest(again())
    return replace(source, file=with_digest(source.file), open_again=reopen), digest
