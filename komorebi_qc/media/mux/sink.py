"""The output file as FFmpeg writes it."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    from komorebi_qc.media.mux.webm_timestamps import BlockStamps


class OutputSink(io.RawIOBase):
    """Passes writes on to a file. After an error it swallows them: FFmpeg may lose an exception raised in a call.

    Attributes:
        size: size of the file so far, in bytes.
        blocks: reads the timestamps of the blocks that pass; None if they aren't needed.
    """

    def __init__(self, file: BinaryIO, blocks: BlockStamps | None = None) -> None:
        self.size = 0
        self.blocks = blocks
        self._file = file
        self._error: BaseException | None = None
        self._position = 0

    def writable(self) -> bool:
        """True."""
        return True

    def seekable(self) -> bool:
        """True."""
        return True

    def write(self, data: Any) -> int:
        """Write all of `data`."""
        if self._error is None:
            try:
                self._file.write(data)
                if self.blocks is not None and self._position == self.size:
                    self.blocks.feed(data)
            except BaseException as error:  # noqa: BLE001  an interrupt must not be lost in C either
                self._error = error
        self._position += len(data)
        self.size = max(self.size, self._position)
        return len(data)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to a position, and return it."""
        position = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.size}[whence]
        if self._error is None:
            try:
                self._file.seek(position)
            except BaseException as error:  # noqa: BLE001  an interrupt must not be lost in C either
                self._error = error
        self._position = position
        return position

    def tell(self) -> int:
        """The position."""
        return self._position

    def raise_error(self) -> None:
        """Raise the error that a write or a seek met, if there was one."""
        if self._error is not None:
            raise self._error
