"""Where a media file's own structure says that it ends: how a file that was cut off is told. Pure byte reading.

WAV is a row of RIFF chunks with their lengths, MP4 one of boxes (ISO/IEC 14496-12, 4.2). WebM is a tree of EBML
elements (RFC 8794), whose Segment and Clusters may have no length when they were written live: those are read down to
their blocks (RFC 9559).
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import BinaryIO

_EBML, _SEGMENT, _CLUSTER = 0x1A45DFA3, 0x18538067, 0x1F43B675
_MOVED_INTO = {_SEGMENT, _CLUSTER}
_LONGEST_INDEX = 32 << 20
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
    """How many bytes the file lacks by its own account; 0 where it is whole, or where its structure can't tell.

    The file's position is restored.
    """
    place = file.tell()
    try:
        size = file.seek(0, 2)
        file.seek(0)
        head = file.read(12)
        if head[4:8] in _TOP_BOXES:
            return _missing_in_mp4(file, size)
        if head[:4] == _EBML.to_bytes(4, "big"):
            return _missing_in_webm(file, size)
        if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
            return _missing_in_wav(file, size)
        return 0
    finally:
        file.seek(place)


def is_encrypted(file: BinaryIO) -> bool:
    """Whether an MP4's index names a track under a DRM scheme (ISO/IEC 14496-12, 8.12): copied, it would never play.

    The file's position is restored.
    """
    place, at = file.tell(), 0
    try:
        size = file.seek(0, 2)
        while at + 8 <= size:
            file.seek(at)
            length, kind = struct.unpack(">I4s", file.read(8))
            if kind == b"moov":
                index = file.read(min(length, _LONGEST_INDEX))
                return b"encv" in index or b"enca" in index
            if kind not in _TOP_BOXES or length < 8:
                return False
            at += length
        return False
    finally:
        file.seek(place)


def _missing_in_wav(file: BinaryIO, size: int) -> int:
    at = 12
    while at + 8 <= size:
        file.seek(at)
        name, length = struct.unpack("<4sI", file.read(8))
        if name == b"data":
            # A writer that couldn't go back left 0 or the largest number: it promised nothing.
            return max(0, at + 8 + length - size) if length < 0xFFFFFF00 else 0
        at += 8 + length + length % 2
    return 0


def wav_sample_bytes(file: BinaryIO) -> int | None:
    """How many bytes of samples a WAV has, by its header and its size; None where only reading it through can tell.

    The file's position is restored.
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
                # Samples in several chunks, or behind a header that was never finished, are a demuxer's business.
                if found is not None or not 0 < length < 0xFFFFFF00:
                    return None
                found = min(length, size - at - 8)
            at += 8 + length + length % 2
        return found
    finally:
        file.seek(place)


def _missing_in_mp4(file: BinaryIO, size: int) -> int:
    at = 0
    while at < size:
        file.seek(at)
        head = file.read(16)
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


def _missing_in_webm(file: BinaryIO, size: int) -> int:
    at = 0
    while at < size:
        file.seek(at)
        head = file.read(12)
        element = _vint(head, keep_marker=True)
        length = _vint(head[element[1] :], keep_marker=False) if element is not None else None
        if element is None or length is None:
            # Fewer bytes than a head has: cut inside it. Otherwise no EBML: nothing can be said.
            return 1 if size - at < 12 and head[:1] != b"\0" else 0
        body = at + element[1] + length[1]
        unknown = length[0] == (1 << 7 * length[1]) - 1
        if unknown and element[0] not in _MOVED_INTO:
            return 0
        if not unknown and body + length[0] > size:
            return body + length[0] - size
        at = body if unknown else body + length[0]
    return 0


def _vint(data: bytes, *, keep_marker: bool) -> tuple[int, int] | None:
    """An EBML number and its length in bytes (RFC 8794, section 4); None where `data` is too short for it."""
    if not data or data[0] == 0:
        return None
    length = 9 - data[0].bit_length()
    if len(data) < length:
        return None
    value = int.from_bytes(data[:length], "big")
    return (value if keep_marker else value & ((1 << 7 * length) - 1)), length
