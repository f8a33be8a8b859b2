"""Parameter sets of two encoders in one header."""

from __future__ import annotations

from fractions import Fraction

import av
import pytest
from av.codec.context import CodecContext, Flags

from komorebi_qc.media.mux.masking import h264_parameter_sets as h264


def encoder_header(number: int, profile: str = "high") -> bytes:
    """SPS and PPS with start codes, as x264 makes them."""
    context = CodecContext.create("libx264", "w")
    assert isinstance(context, av.VideoCodecContext)
    context.width, context.height, context.pix_fmt = 64, 32, "yuv420p"
    context.time_base = Fraction(1, 30)
    context.flags |= Flags.global_header
    context.options = {"profile": profile, "x264-params": f"sps-id={number}"}
    context.open()
    assert context.extradata is not None
    return context.extradata


def record(sps: bytes, pps: bytes, more: bytes = b"") -> bytes:
    """An ``avcC`` with lengths of four bytes."""
    parts = [b"\1", sps[1:4], b"\xff\xe1", len(sps).to_bytes(2, "big"), sps]
    return b"".join([*parts, b"\1", len(pps).to_bytes(2, "big"), pps, more])


@pytest.mark.parametrize("number", [0, 1, 7, 30, 31])
def test_numbers_are_read_from_real_sets(number: int) -> None:
    """The number that x264 was asked for is in use, in its SPS and its PPS."""
    sets = h264.parameter_sets(encoder_header(number))
    assert [unit[0] & 31 for unit in sets] == [7, 8]
    assert number not in h264.free_numbers(encoder_header(number))
    assert [h264._number(unit) for unit in sets] == [number, number]


def test_a_record_keeps_its_sets_and_gets_more() -> None:
    """The added sets come after the source's, and the rest of the record is kept."""
    sps, pps = h264.parameter_sets(encoder_header(0))
    added = h264.parameter_sets(encoder_header(31))
    before = record(sps, pps, b"\xfd\xf8\xf8\x00")
    after = h264.with_parameter_sets(before, added)
    assert h264.parameter_sets(after) == [sps, added[0], pps, added[1]]
    assert after.endswith(b"\xfd\xf8\xf8\x00")
    assert h264.length_size(after) == h264.length_size(before) == 4
    assert h264.free_numbers(before) == (31, 30)
    assert h264.free_numbers(after) == (30, 29)


def test_the_level_covers_both() -> None:
    """A record's level is the higher one."""
    sps, pps = h264.parameter_sets(encoder_header(0))
    added = h264.parameter_sets(encoder_header(31))
    higher = added[0][:3] + bytes([200]) + added[0][4:]
    assert h264.with_parameter_sets(record(sps, pps), [higher, added[1]])[3] == 200
    assert h264.with_parameter_sets(record(sps, pps), added)[3] == sps[3]


def test_a_header_with_start_codes_is_lengthened() -> None:
    """As Chromium's Matroska has it."""
    header = encoder_header(0)
    added = h264.parameter_sets(encoder_header(31))
    after = h264.with_parameter_sets(header, added)
    assert after.startswith(header)
    assert h264.length_size(after) is None
    assert {h264._number(unit) for unit in h264.parameter_sets(after)} == {0, 31}


@pytest.mark.parametrize("header", [None, b"", b"\1", b"\1\x64\0\x0a\xff\xe1\xff", b"\0\0\1"])
def test_a_missing_or_damaged_header_has_no_sets(header: bytes | None) -> None:
    """It is read without an error."""
    assert h264.parameter_sets(header) == []
    assert h264.free_numbers(header) == (31, 30)
    assert h264.profile(header) is None


def test_a_header_with_every_number_is_refused() -> None:
    """A new group needs numbers of its own."""
    sets = [unit for number in range(1, 32) for unit in h264.parameter_sets(encoder_header(number))]
    full = b"".join(b"\0\0\0\1" + unit for unit in sets)
    with pytest.raises(ValueError, match="every number"):
        h264.free_numbers(full)


@pytest.mark.parametrize("profile", ["baseline", "main", "high"])
def test_the_profile_is_the_sources(profile: str) -> None:
    """New groups need no more of a player than the source."""
    assert h264.profile(encoder_header(0, profile)) == profile


def test_units_are_framed_as_the_source_has_them() -> None:
    """With lengths, or with start codes."""
    assert h264.framed([b"\x65ab", b"\x01c"], 2) == b"\0\3\x65ab\0\2\x01c"
    assert h264.framed([b"\x65ab"], None) == b"\0\0\0\1\x65ab"
