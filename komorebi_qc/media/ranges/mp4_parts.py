"""The fragments of a fragmented MP4, as places where reading may begin (ISO/IEC 14496-12, 8.8)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from komorebi_qc.media.ranges.sync_points import SyncPoint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_HEAD = (b"ftyp", b"moov")
_BASE_OFFSET = 1
"""The flag of a fragment whose data has an absolute place, which a part of the file changes."""
_MOST_HEAD_BYTES = 4 << 20


@dataclass(frozen=True, slots=True)
class Fragments:
    """Finds fragments with audio, and their timestamps.

    Attributes:
        head: all that a reader needs before the fragments.
        begin: the first byte behind it.
        track: the audio track's ID.
        scale_s: the unit of its timestamps.
        read_at: reads some bytes of the file at a place.
    """

    head: bytes
    begin: int
    track: int
    scale_s: float
    read_at: Callable[[int, int], bytes]

    def find(self, data: bytes, start: int) -> SyncPoint | None:
        """Return the first fragment of a piece of the file that begins at `start`; None without one."""
        at = data.find(b"moof")
        while at >= 0:
            if at >= 4 and data[at + 8 : at + 12] in (b"mfhd", b""):
                found = self._fragment(start + at - 4)
                if found is not None:
                    return found
            at = data.find(b"moof", at + 1)
        return None

    def _fragment(self, at: int) -> SyncPoint | None:
        head = self.read_at(at, 16)
        if len(head) < 16 or head[12:16] != b"mfhd":
            return None
        (size,) = struct.unpack(">I", head[:4])
        content = self.read_at(at, size) if 16 <= size <= _MOST_HEAD_BYTES else b""
        if len(content) < size or not content:
            return None
        for name, first, end in _boxes(content, 8, size):
            if name == b"traf":
                time = self._time(content, first, end)
                if time is not None:
                    return SyncPoint(at, time * self.scale_s)
        return None

    def _time(self, data: bytes, first: int, end: int) -> int | None:
        track, time = 0, None
        for name, at, stop in _boxes(data, first, end):
            if name == b"tfhd" and stop - at >= 8:
                flags, track = struct.unpack(">II", data[at : at + 8])
                if flags & _BASE_OFFSET:
                    return None
            elif name == b"tfdt" and stop - at >= 8:
                wide = data[at] == 1 and stop - at >= 12
                time = int.from_bytes(data[at + 4 : at + (12 if wide else 8)], "big")
        return time if track == self.track else None


def read_head(front: bytes) -> tuple[bytes, int] | None:
    """Return the head of a fragmented MP4 from its first bytes, and the place behind it; None for any other file."""
    head = b""
    for name, first, end in _boxes(front, 0, len(front)):
        if name == b"moof":
            return (head, first - 8) if b"moov" in head else None
        if end > len(front):
            return None
        if name in _HEAD:
            head += front[first - 8 : end]
    return None


def _boxes(data: bytes, at: int, stop: int) -> Iterator[tuple[bytes, int, int]]:
    while at + 8 <= stop:
        size, name = struct.unpack(">I4s", data[at : at + 8])
        if size < 8:
            return
        yield name, at + 8, at + size
        at += size
