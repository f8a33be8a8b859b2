"""Following a file's structure while FFmpeg reads it, so that a declaration is checked before FFmpeg acts on it.

FFmpeg can only act on bytes that it was given. So the walk over the structure goes first over each piece.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from komorebi_qc.media.bounds.mp4_index import walk_mp4
from komorebi_qc.media.bounds.riff_chunks import walk_riff
from komorebi_qc.media.bounds.webm_index import EBML_MAGIC, walk_webm

if TYPE_CHECKING:
    from typing import BinaryIO

    from komorebi_qc.core.source import Source
    from komorebi_qc.media.bounds.walk import Walk

_BEHIND_BYTES = 1 << 16
"""If FFmpeg has skipped the walk's place, so much is read there at once."""


class IndexGuard:
    """Checks a file's declarations as its bytes are read. A structure that was checked to its end isn't checked again.

    Raises:
        MediaError: a declaration exceeds its bound.
    """

    def __init__(self, source: Source, head: bytes) -> None:
        """Begin a walk.

        Args:
            source: the file.
            head: its first bytes.
        """
        self._source = source
        self._file: BinaryIO = source.file
        self._walk: Walk | None = None
        if not source.structure.is_checked:
            self._walk = _walk_for(source, head)
            self._ask(next(self._walk, None))

    @property
    def is_active(self) -> bool:
        """Whether a part of the structure is still to be checked."""
        return self._walk is not None

    def see(self, start: int, data: bytes) -> None:
        """Check the bytes that were read at `start`. The file's position is at their end, and stays there."""
        end = start + len(data)
        while self._walk is not None and self._at < end:
            low = self._at - start
            if low >= 0 and self._at + self._count <= end:
                given = memoryview(data)[low:]
            else:
                self._file.seek(self._at)
                given = memoryview(self._file.read(max(self._count, min(end - self._at, _BEHIND_BYTES))))
                self._file.seek(end)
            try:
                self._ask(self._walk.send(given))
            except StopIteration:
                self._ask(None)

    def _ask(self, wish: tuple[int, int] | None) -> None:
        if wish is None:
            self._walk = None
            self._source.structure.is_checked = True
        else:
            self._at, self._count = wish


def _walk_for(source: Source, head: bytes) -> Walk:
    if head.startswith(EBML_MAGIC):
        return walk_webm(source.name, source.size)
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
        return walk_riff(source.name, source.size)
    return walk_mp4(source.name, source.size)
