"""A file as FFmpeg reads it."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from komorebi_qc.core.errors import MediaError, StorageError
from komorebi_qc.media.bounds.guard import IndexGuard

if TYPE_CHECKING:
    from komorebi_qc.core.source import Source

_HEAD_BYTES = 512


def read_head(source: Source) -> bytes:
    """Read a file's first bytes. Its position is its start before and after.

    Raises:
        MediaError: the file is empty, or can't be read at any position.
    """
    file = source.file
    try:
        file.seek(0, io.SEEK_END)
        file.seek(0)
        head = file.read(_HEAD_BYTES)
        file.seek(0)
    except OSError as error:
        raise MediaError(
            f"{source.name} can be opened, but not read at every position ({_reason(error)}): "
            "give a regular file on a disk without faults"
        ) from error
    if source.size == 0:
        raise MediaError(f"{source.name} is empty (0 bytes). Its upload or recording failed; get it again")
    return head


class InputFile:
    """Reads a source for FFmpeg, and checks each piece before.

    An error is kept and raised later, because FFmpeg takes it for the end of the file.

    Attributes:
        source: the file.
    """

    def __init__(self, source: Source, head: bytes) -> None:
        """Begin to read.

        Args:
            source: the file, at its start.
            head: the result of `read_head`.
        """
        self.source = source
        self._file = source.file
        self._guard = IndexGuard(source, head)
        self._error: BaseException | None = None

    def read(self, size: int) -> bytes:
        """Return the next bytes; no bytes at the end, or after an error."""
        if self._error is not None:
            return b""
        try:
            if not self._guard.is_active:
                return self._file.read(size)
            start = self._file.tell()
            data = self._file.read(size)
            self._guard.see(start, data)
        except BaseException as error:  # noqa: BLE001  an interrupt must not be lost in C either
            self._error = error
            return b""
        return data

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to a position, and return it; -1 after an error."""
        if self._error is None:
            try:
                return self._file.seek(offset, whence)
            except BaseException as error:  # noqa: BLE001  an interrupt must not be lost in C either
                self._error = error
        return -1

    def tell(self) -> int:
        """The position."""
        return self._file.tell()

    def raise_error(self) -> None:
        """Raise the error that a read or a seek met, if there was one.

        Raises:
            StorageError: the system couldn't read the file.
        """
        if isinstance(self._error, OSError):
            raise StorageError(
                f"{self.source.name} can't be read on ({_reason(self._error)}): its disk or connection has a fault; "
                "copy the file to another disk, or get it again"
            ) from self._error
        if self._error is not None:
            raise self._error


def _reason(error: OSError) -> str:
    return (error.strerror or type(error).__name__).lower()
