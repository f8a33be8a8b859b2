"""Keyframes that open groups, and packets with hidden frames."""

from __future__ import annotations

import pytest
from captures import CAPTURES
from masked_video import packets

from komorebi_qc.media.mux.masking.coded_frames import is_hidden, looks_ahead, nal_units, opens_group


@pytest.mark.parametrize(
    ("name", "codec", "length_size"),
    [
        ("vp8.webm", "vp8", None),
        ("vp9.mp4", "vp9", None),
        ("av1.webm", "av1", None),
        ("h264.mkv", "h264", None),
        ("sample", "h264", 4),
    ],
)
def test_chromiums_keyframes_open_groups(name: str, codec: str, length_size: int | None) -> None:
    """Every keyframe of a capture does, no other packet does, and MediaRecorder's encoders never look ahead."""
    found = packets(CAPTURES[name].recording)
    assert [opens_group(codec, p.data, length_size) for p in found] == [p.is_keyframe for p in found]
    assert sum(p.is_keyframe for p in found) >= 1
    assert not any(looks_ahead(codec, p.data) or is_hidden(codec, p.data) for p in found)


def test_a_vp9_packet_of_two_frames_looks_ahead() -> None:
    """Its superframe index counts them. The same last byte without an index is data."""
    frame = bytes([0x86, *range(1, 9)])
    index = bytes([0xC1, 9, 9, 0xC1])
    assert looks_ahead("vp9", frame + frame + index)
    assert not looks_ahead("vp9", frame + b"\xc1")
    assert not looks_ahead("vp9", frame + b"\x86")


def test_a_vp9_frame_that_isnt_shown_looks_ahead() -> None:
    """The bit is in the first byte, one further in profile 3."""
    hidden, shown, repeated = 0b10000100, 0b10000110, 0b10001000
    assert looks_ahead("vp9", bytes([hidden, 1]))
    assert not looks_ahead("vp9", bytes([shown, 1]))
    assert not looks_ahead("vp9", bytes([repeated, 1]))
    assert opens_group("vp9", bytes([0b10000010, 1]), None)
    assert opens_group("vp9", bytes([0b10110001, 1]), None)
    assert not opens_group("vp9", bytes([shown, 1]), None)
    assert not opens_group("vp9", bytes([repeated, 1]), None)


def test_an_av1_keyframe_without_its_sequence_header_opens_nothing() -> None:
    """A decoder would take the header of the new group before it."""
    header, frame = bytes([0x0A, 2, 1, 2]), bytes([0x32, 3, 1, 2, 3])
    assert opens_group("av1", b"\x12\0" + header + frame, None)
    assert not opens_group("av1", b"\x12\0" + frame, None)
    assert not looks_ahead("av1", b"\x12\0" + header + frame)
    assert looks_ahead("av1", b"\x12\0" + frame + frame)
    assert looks_ahead("av1", frame + bytes([0x1A, 1, 0]))


def test_an_h264_keyframe_of_an_open_group_opens_nothing() -> None:
    """Only an IDR picture does (type 5), however the units are framed."""
    idr, other = b"\x65\x88", b"\x61\x88"
    assert opens_group("h264", b"\0\0\0\2" + idr, 4)
    assert not opens_group("h264", b"\0\0\0\2" + other, 4)
    assert opens_group("h264", b"\0\0\1\x06\5\0\0\0\1" + idr, None)
    assert not opens_group("h264", b"\0\0\1" + other, None)


def test_only_vp8_has_packets_that_are_never_shown() -> None:
    """The bit is in the first byte."""
    assert is_hidden("vp8", b"\x01")
    assert not is_hidden("vp8", b"\x11")
    assert not is_hidden("vp9", b"\x01")


@pytest.mark.parametrize("data", [b"", b"\0", b"\0\0\0\x09\x65", b"\xff" * 7])
@pytest.mark.parametrize("codec", ["vp8", "vp9", "av1", "h264"])
def test_damaged_packets_are_read_without_an_error(codec: str, data: bytes) -> None:
    """Cut-off lengths and empty packets."""
    assert opens_group(codec, data, 4) in (True, False)
    assert looks_ahead(codec, data) in (True, False)
    assert list(nal_units(data, None)) == []
