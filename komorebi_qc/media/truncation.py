"""Detects files that were cut off, from the lengths in their own structure. Pure byte reading.

A WAV is a sequence of RIFF chunks with lengths, an MP4 a sequence of boxes (ISO/IEC 14496-12, 4.2). A WebM is a tree of
EBML elements (RFC 8794). Its Segment and Clusters may have no length if it was written live; they are then parsed down
to their blocks (RFC 9559).
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import BinaryIO

    _Steps = Generator[int, bytes, int]

_EBML, _SEGMENT, _CLUSTER = 0x1A45DFA3, 0x18538067, 0x1F43B675
_ENTERED = {_SEGMENT, _CLUSTER}
_LONGEST_INDEX = 32 << 20
_HEAD_BYTES = 16
"""The longest header: that of a box with a 64-bit length."""
_TOP_BOXES = {
    b"ftyp",
    b"moov",
    b"mdat",
    b"moof",
    b"free",
    b"skip",
    b"wide",
    b"styp",
    b"sidx",
    b"mfra",
    b"uuid",
    b"meta",
}


def missing_bytes(file: BinaryIO) -> int:
    """How many bytes the file lacks according to its structure; 0 if it is complete, or if the structure is unknown.

    The file's position is restored.
    """
    place = file.tell()
    try:
        return _Walk(file.seek(0, 2)).finished(file)
    finally:
        file.seek(place)


class TruncationScanner:
    """A file whose structure is followed while another reader reads it, so that it needn't be read again.

    A WebM that was written live has no lengths above its blocks, and a fragmented MP4 has a box every second: alone,
    `missing_bytes` would read all of either.
    """

    def __init__(self, file: BinaryIO) -> None:
        """Follow a file from here on."""
        self._file = file
        place = file.tell()
        self._walk = _Walk(file.seek(0, 2))
        file.seek(place)

    def read(self, size: int = -1, /) -> bytes:
        """As for the file."""
        at = self._file.tell()
        data = self._file.read(size)
        self._walk.see(at, data)
        return data

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """As for the file."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """As for the file."""
        return self._file.tell()

    def missing_bytes(self) -> int:
        """The result of `missing_bytes`. Only headers that weren't read yet are read now. The position is restored."""
        place = self._file.tell()
        try:
            return self._walk.finished(self._file)
        finally:
            self._file.seek(place)


class _Walk:
    """Walks from header to header through a file's structure, on bytes that arrive in any pieces."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._steps = _lacking(size)
        self._lacking: int | None = None
        self._at = next(self._steps)
        self._partial_head = b""
        """The start of the next header, if a read ended in the middle of it."""

    def see(self, start: int, data: bytes) -> None:
        """Walk as far as these bytes, which begin at `start`, allow."""
        if self._partial_head and start == self._at + len(self._partial_head):
            start, data = self._at, self._partial_head + data
        self._partial_head = b""
        end = start + len(data)
        while self._lacking is None and start <= self._at < end:
            head = data[self._at - start : self._at - start + _HEAD_BYTES]
            if len(head) < _HEAD_BYTES and end < self._size:
                self._partial_head = head
                return
            self._step(head)

    def finished(self, file: BinaryIO) -> int:
        """Read the remaining headers, and return the number of missing bytes."""
        while self._lacking is None:
            file.seek(self._at)
            self._step(file.read(_HEAD_BYTES))
        return self._lacking

    def _step(self, head: bytes) -> None:
        try:
            self._at = self._steps.send(head)
        except StopIteration as result:
            self._lacking = result.value


def _lacking(size: int) -> _Steps:
    """Ask for the bytes at one position after another; return how many bytes a file of that size lacks."""
    head = yield 0
    if head[4:8] in _TOP_BOXES:
        return (yield from _missing_in_mp4(size))
    if head[:4] == _EBML.to_bytes(4, "big"):
        return (yield from _missing_in_webm(size))
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
        return (yield from _missing_in_wav(size))
    return 0


def mp4_index(file: BinaryIO) -> bytes:
    """An MP4's index (ISO/IEC 14496-12, ``moov``), or the start of a very large one; empty if it has no index.

    The file's position is restored.
    """
    place, at = file.tell(), 0
    try:
        size = file.seek(0, 2)
        while at + 8 <= size:
            file.seek(at)
            head = file.read(_HEAD_BYTES)
            length, kind = struct.unpack(">I4s", head[:8])
            if length == 1 and len(head) == _HEAD_BYTES:  # a 64-bit length follows the name
                (length,) = struct.unpack(">Q", head[8:])
            if kind == b"moov":
                file.seek(at)
                return file.read(min(length or size, _LONGEST_INDEX))
            if kind not in _TOP_BOXES or length < 8:
                return b""
            at += length
        return b""
    finally:
        file.seek(place)


def is_encrypted(index: bytes) -> bool:
    """Whether an index has a track under a DRM scheme (ISO/IEC 14496-12, 8.12): a copy would never play."""
    return b"encv" in index or b"enca" in index


def encrypted(name: str) -> str:
    """The sentence for a file under a DRM scheme.

    Args:
        name: the file's name in messages.
    """
    return f"{name} is encrypted (DRM): get the recording without it"


def is_fragmented(index: bytes) -> bool:
    """Whether fragments follow an index (ISO/IEC 14496-12, 8.8.1); it then lists the first fragment at most."""
    return b"mvex" in index


def cut_off(name: str, missing: int) -> str:
    """The sentence for a file that lacks its index, or a part of it.

    Args:
        name: the file's name in messages.
        missing: the bytes that it lacks.
    """
    return (
        f"{name} is cut off before its index ({missing} bytes are missing). Nothing in it can be played; get the whole "
        "file again"
    )


def _missing_in_wav(size: int) -> _Steps:
    at = 12
    while at + 8 <= size:
        name, length = struct.unpack("<4sI", (yield at)[:8])
        if name == b"data":
            # A writer that couldn't seek back left 0 or the largest number, which is no promise.
            return max(0, at + 8 + length - size) if length < 0xFFFFFF00 else 0
        at += 8 + length + length % 2
    return 0


def wav_sample_bytes(file: BinaryIO) -> int | None:
    """How many bytes of samples a WAV has, from its header and its size; None if only a demuxer can count them.

    The file's position is restored.
    """
    found = wav_samples(file)
    return None if found is None else found[1]


def wav_samples(file: BinaryIO) -> tuple[int, int] | None:
    """The place of a WAV's samples, and how many bytes they have; None if only a demuxer can find them.

    The length of the whole, which a writer may not have filled in, doesn't count. The file's position is restored.
    """
    place = file.tell()
    try:
        size = file.seek(0, 2)
        file.seek(0)
        head = file.read(12)
        if head[:4] != b"RIFF" or head[8:12] != b"WAVE":
            return None
        at, found = 12, None
        while at + 8 <= size:
            file.seek(at)
            name, length = struct.unpack("<4sI", file.read(8))
            if name == b"data":
                # Samples in several chunks, or behind an unfinished header, are left to a demuxer.
                if found is not None or not 0 < length < 0xFFFFFF00:
                    return None
                found = at + 8, min(length, size - at - 8)
            at += 8 + length + length % 2
        return found
    finally:
        file.seek(place)


def _missing_in_mp4(size: int) -> _Steps:
    at = 0
    while at < size:
        head = yield at
        if len(head) < 8:
            return 8 - len(head)
        length = struct.unpack(">I", head[:4])[0]
        if length == 0:
            return 0
        if length == 1:
            if len(head) < 16:
                return 16 - len(head)
            length = struct.unpack(">Q", head[8:16])[0]
        if length < 8:
            return 0
        at += length
    return at - size


def _missing_in_webm(size: int) -> _Steps:
    at = 0
    while at < size:
        head = (yield at)[:12]
        element = vint(head, keep_marker=True)
        length = vint(head[element[1] :], keep_marker=False) if element is not None else None
        if element is None or length is None:
            # Fewer bytes than a header has: the file was cut inside it. Otherwise it isn't EBML.
            return 1 if size - at < 12 and head[:1] != b"\0" else 0
        body = at + element[1] + length[1]
        unknown = length[0] == (1 << 7 * length[1]) - 1
        if unknown and element[0] not in _ENTERED:
            return 0
        if not unknown and body + length[0] > size:
            return body + length[0] - size
        at = body if unknown else body + length[0]
    return 0


def vint(data: bytes, *, keep_marker: bool) -> tuple[int, int] | None:
    """An EBML number and its length in bytes (RFC 8794, section 4); None if `data` is too short for it."""
    if not data or data[0] == 0:
        return None
    length = 9 - data[0].bit_length()
    if len(data) < length:
        return None
    value = int.from_bytes(data[:length], "big")
    return (value if keep_marker else value & ((1 << 7 * length) - 1)), length
