"""The position of a seekable file that is put together from parts."""

from __future__ import annotations

import io


class SeekableFile(io.RawIOBase):
    """A file that can be read and sought; a subclass adds `read`.

    Attributes:
        size: its length in bytes.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._at = 0

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
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self.size}[whence]
        self._at = max(0, base + offset)
        return self._at
