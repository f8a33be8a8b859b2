"""Two properties of a coded video packet: whether decoding can begin with it, and whether it holds hidden frames.

A container's mark of a keyframe isn't enough: H.264 marks pictures at which only a player may begin (open groups), and
AV1 needs its sequence header in the same packet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

H264_SLICE, H264_IDR, H264_SPS, H264_PPS = 1, 5, 7, 8
"""Types of H.264's NAL units (ITU-T H.264, table 7-1)."""
_OBU_SEQUENCE_HEADER, _OBU_FRAME_HEADER, _OBU_FRAME = 1, 3, 6
_START_CODE = b"\0\0\1"


def opens_group(codec: str, data: bytes, length_size: int | None) -> bool:
    """Whether a decoder without any earlier packet decodes this keyframe and all later packets.

    Args:
        codec: FFmpeg's name.
        data: a packet that the container marks as a keyframe.
        length_size: bytes of the length before each NAL unit of H.264; None for start codes.
    """
    if codec == "vp8":
        return bool(data) and not data[0] & 1
    if codec == "vp9":
        return _vp9_header(data)[:2] == (False, True)
    if codec == "av1":
        return any(kind == _OBU_SEQUENCE_HEADER for kind in _obus(data))
    return any(nal[0] & 31 == H264_IDR for nal in nal_units(data, length_size))


def is_hidden(codec: str, data: bytes | memoryview) -> bool:
    """Whether a packet is one frame that is never shown itself: an alternate reference of VP8."""
    return codec == "vp8" and bool(data) and not data[0] & 16


def looks_ahead(codec: str, data: bytes) -> bool:
    """Whether a packet holds a frame that isn't shown with it: it may be of a picture that is shown later."""
    if codec == "vp9":
        return _vp9_frames(data) > 1 or _vp9_header(data) in ((False, False, False), (False, True, False))
    if codec == "av1":
        return sum(kind in (_OBU_FRAME, _OBU_FRAME_HEADER) for kind in _obus(data)) > 1
    return is_hidden(codec, data)


def nal_units(data: bytes, length_size: int | None) -> Iterator[bytes]:
    """Yield H.264's NAL units, each without its length or start code."""
    if length_size is None:
        # A unit never contains three zero bytes in a row, and a zero before a start code belongs to the start code.
        yield from (unit.rstrip(b"\0") for unit in data.split(_START_CODE)[1:] if unit.rstrip(b"\0"))
        return
    at = 0
    while at + length_size < len(data):
        length = int.from_bytes(data[at : at + length_size], "big")
        unit = data[at + length_size : at + length_size + length]
        if unit:
            yield unit
        at += length_size + length


def _vp9_header(data: bytes) -> tuple[bool, bool, bool]:
    """Whether the first frame repeats an earlier one, is a keyframe, and is shown (VP9 specification, 6.2)."""
    if not data:
        return True, False, True
    first = data[0] << 1 if data[0] & 0x30 == 0x30 else data[0]  # profile 3 has one reserved bit more
    return bool(first & 8), not first & 4, bool(first & 2)


def _vp9_frames(data: bytes) -> int:
    """How many frames a packet holds, from its superframe index (VP9 specification, annex B)."""
    if not data or data[-1] & 0xE0 != 0xC0:
        return 1
    frames = (data[-1] & 7) + 1
    size = 2 + frames * ((data[-1] >> 3 & 3) + 1)
    return frames if len(data) >= size and data[-size] == data[-1] else 1


def _obus(data: bytes) -> Iterator[int]:
    """Yield the types of AV1's units in a packet (AV1 specification, 5.3)."""
    at = 0
    while at < len(data):
        head = data[at]
        yield head >> 3 & 15
        at += 2 if head & 4 else 1
        if not head & 2:  # no size: it goes on to the end
            return
        size = shift = 0
        while at < len(data) and shift < 56:
            byte = data[at]
            at += 1
            size |= (byte & 127) << shift
            shift += 7
            if not byte & 128:
                break
        at += size
