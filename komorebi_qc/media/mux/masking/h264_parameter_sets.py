"""Two encoders in one H.264 track: the parameter sets of both are in its header, under different numbers.

Each slice names its picture parameter set (PPS), and each PPS its sequence parameter set (SPS). A second encoder's sets
with numbers of their own leave the first one's valid, so that packets of both decode without any set in between.
The header is an ``avcC`` record (ISO/IEC 14496-15, 5.3.3.1) or, in Matroska, may be units with start codes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from komorebi_qc.media.mux.masking.coded_frames import H264_PPS, H264_SPS, nal_units

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_NUMBER = 31
"""Of an SPS."""
_PROFILES = {66: "baseline", 77: "main", 100: "high", 122: "high422", 244: "high444"}
"""x264's names by ``profile_idc``."""


def length_size(header: bytes | None) -> int | None:
    """Bytes of the length before each unit in a packet; None if packets have start codes."""
    return (header[4] & 3) + 1 if _is_record(header) and header is not None else None


def free_numbers(header: bytes | None) -> tuple[int, int]:
    """Two numbers that no parameter set of a header has.

    Raises:
        ValueError: all numbers are in use.
    """
    used = {_number(unit) for unit in parameter_sets(header)}
    free = [number for number in range(MOST_NUMBER, -1, -1) if number not in used]
    if len(free) < 2:
        raise ValueError("its header has every number of a parameter set")
    return free[0], free[1]


def profile(header: bytes | None) -> str | None:
    """x264's name of a header's profile; None for another one."""
    sps = next((unit for unit in parameter_sets(header) if unit[0] & 31 == H264_SPS), b"")
    return _PROFILES.get(sps[1]) if len(sps) > 1 else None


def parameter_sets(header: bytes | None) -> list[bytes]:
    """The SPS and PPS of a header."""
    if not header:
        return []
    if not _is_record(header):
        return [unit for unit in nal_units(header, None) if unit[0] & 31 in (H264_SPS, H264_PPS)]
    sps, at = _listed(header, 6, header[5] & 31)
    pps, _ = _listed(header, at + 1, header[at] if at < len(header) else 0)
    return [*sps, *pps]


def with_parameter_sets(header: bytes | None, added: Sequence[bytes]) -> bytes:
    """The header with more SPS and PPS, and with a level that covers them."""
    if header is None or not _is_record(header):
        return (header or b"") + b"".join(b"\0\0\0\1" + unit for unit in added)
    sps, at = _listed(header, 6, header[5] & 31)
    pps, end = _listed(header, at + 1, header[at] if at < len(header) else 0)
    sps += [unit for unit in added if unit[0] & 31 == H264_SPS]
    pps += [unit for unit in added if unit[0] & 31 == H264_PPS]
    level = max([header[3], *(unit[3] for unit in sps if len(unit) > 3)])
    parts = [header[:3], bytes([level, header[4], 0xE0 | len(sps)])]
    parts += [len(unit).to_bytes(2, "big") + unit for unit in sps]
    parts += [bytes([len(pps)]), *(len(unit).to_bytes(2, "big") + unit for unit in pps), header[end:]]
    return b"".join(parts)


def framed(units: Sequence[bytes], size: int | None) -> bytes:
    """NAL units as a packet, each with a length of `size` bytes, or a start code."""
    return b"".join((b"\0\0\0\1" if size is None else len(unit).to_bytes(size, "big")) + unit for unit in units)


def _is_record(header: bytes | None) -> bool:
    return header is not None and len(header) > 6 and header[0] == 1


def _listed(header: bytes, at: int, count: int) -> tuple[list[bytes], int]:
    """Units with a length of two bytes each, and the position of their end."""
    units = []
    for _ in range(count):
        length = int.from_bytes(header[at : at + 2], "big")
        if header[at + 2 : at + 2 + length]:
            units.append(header[at + 2 : at + 2 + length])
        at += 2 + length
    return units, at


def _number(unit: bytes) -> int:
    """The number of a parameter set: an Exp-Golomb code (ITU-T H.264, 9.1), after three more bytes in an SPS."""
    start = 4 if unit[0] & 31 == H264_SPS else 1
    bits = int.from_bytes(unit[start : start + 8].ljust(8, b"\0"), "big")
    zeros = 64 - bits.bit_length()
    return (bits >> max(0, 64 - 2 * zeros - 1)) - 1
