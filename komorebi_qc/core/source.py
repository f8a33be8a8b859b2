"""An input that can be read from any place, several times side by side."""

from __future__ import annotations

import io
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, BinaryIO, cast

if TYPE_CHECKING:
    from collections.abc import Callable

    from komorebi_qc.core.contact.screen import ScreenRecording
    from komorebi_qc.core.joining.monitors import Monitors
    from komorebi_qc.core.joining.part import Part


@dataclass(slots=True)
class Structure:
    """Knowledge of a file's structure. All readers of the file share it.

    Attributes:
        is_checked: whether all of its declarations were compared with the bounds.
    """

    is_checked: bool = False


@dataclass(frozen=True, slots=True)
class Source:
    """An input, ready to be read.

    Attributes:
        name: its name in messages: a path, or ``s3://bucket/key``.
        file: seekable, open for reading.
        size: in bytes.
        open_again: opens one more file with the same bytes; None if one file serves many readers.
        version: identifies its content (`MediaStore.input_versions`); empty if the store has no versions.
        etag: of the object; empty for a file on disk.
        version_id: of the object in a bucket with versions; empty without one.
        structure: of the content.
        parts: the files that were joined into this one, in order; empty for a file as it was recorded.
        screen: how Amazon Connect's screen recording was found; None for any other file.
        monitors: those whose pictures were put into this file's one, side by side; None for a file as it was recorded.
        video_track: the number of the video track to use, from 1 on; 0 for the first, if nobody named one.
    """

    name: str
    file: BinaryIO
    size: int
    open_again: Callable[[], BinaryIO] | None = None
    version: tuple[str, ...] = ()
    etag: str = ""
    version_id: str = ""
    structure: Structure = field(default_factory=Structure, compare=False, repr=False)
    parts: tuple[Part, ...] = ()
    screen: ScreenRecording | None = None
    video_track: int = 0
    monitors: Monitors | None = None

    @property
    def is_remote(self) -> bool:
        """Whether every read crosses a network, and a second read crosses it again."""
        return self.open_again is not None

    def content(self) -> bytes:
        """Return all of a small file."""
        file = self.reopen().file
        file.seek(0)
        pieces: list[bytes] = []
        while piece := file.read(1 << 20):
            pieces.append(piece)
        return b"".join(pieces)

    def reopen(self) -> Source:
        """Return the same source with its own reading position, so that several readers can share it."""
        file = cast("BinaryIO", _View(self.file)) if self.open_again is None else self.open_again()
        return replace(self, file=file)


class _View(io.RawIOBase):
    """A separate reading position in a shared file."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if whence == io.SEEK_END:
            offset += self._file.seek(0, io.SEEK_END)
        elif whence == io.SEEK_CUR:
            offset += self._at
        self._at = offset
        return offset

    def tell(self) -> int:
        return self._at

    def read(self, size: int = -1) -> bytes:
        self._file.seek(self._at)
        data = self._file.read(size)
        self._at += len(data)
        return data
