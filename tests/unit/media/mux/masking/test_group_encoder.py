"""New groups of pictures in a track's own format."""

from __future__ import annotations

from typing import Any

import av
import pytest
from masked_video import texture

from komorebi_qc.core.errors import MaskError
from komorebi_qc.media.mux.masking.group_encoder import CodedFormat, GroupEncoder

COLOURS = (2, 1, 1, 1)
"""Full range, BT.709."""


def track(codec: str, pixel_format: str = "yuv420p") -> CodedFormat:
    """A track of 160 by 96 pixels."""
    return CodedFormat(codec, 160, 96, pixel_format, COLOURS, None)


def frame(number: int, size: tuple[int, int] = (160, 96)) -> Any:
    """One frame of a moving video."""
    return av.VideoFrame.from_ndarray(texture(number, size), format="gray").reformat(format="yuv420p")


@pytest.mark.parametrize("codec", ["h264", "vp8", "vp9", "av1"])
def test_packets_have_the_given_timestamps_in_order(codec: str) -> None:
    """However they are spaced; only the first is a keyframe, and each frame has its packet."""
    stamps = [5, 6, 90, 91, 5000, 5001, 5002, 90_000]
    encoder = GroupEncoder(track(codec))
    made = [packet for n, pts in enumerate(stamps) for packet in encoder.encode(frame(n), pts, n)] + encoder.flush()
    assert [packet.pts for packet in made] == stamps
    assert [packet.duration for packet in made] == list(range(len(stamps)))
    assert [packet.is_keyframe for packet in made] == [True] + [False] * 7


@pytest.mark.parametrize("codec", ["h264", "vp8", "vp9"])
def test_another_size_begins_a_new_group(codec: str) -> None:
    """As a tab does that is made smaller. No frame is lost."""
    encoder = GroupEncoder(track(codec))
    made = [p for n in range(4) for p in encoder.encode(frame(n, (160, 96) if n < 2 else (96, 64)), n, 1)]
    made += encoder.flush()
    assert [packet.pts for packet in made] == [0, 1, 2, 3]
    assert [packet.is_keyframe for packet in made] == [True, False, True, False]


def test_a_flush_ends_the_group() -> None:
    """The next frame is a keyframe again, and a second flush has nothing left."""
    encoder = GroupEncoder(track("vp8"))
    made = [*encoder.encode(frame(0), 0, 1), *encoder.flush(), *encoder.flush(), *encoder.encode(frame(1), 1, 1)]
    assert [packet.is_keyframe for packet in [*made, *encoder.flush()]] == [True, True]


def test_a_frame_may_be_encoded_twice() -> None:
    """The plain picture is one object."""
    encoder, plain = GroupEncoder(track("vp9")), frame(0)
    made = [p for n in range(5) for p in encoder.encode(plain, n, 1)] + encoder.flush()
    assert [packet.pts for packet in made] == [0, 1, 2, 3, 4]


def test_colours_are_the_tracks() -> None:
    """A decoder finds the range and matrix of the source."""
    encoder = GroupEncoder(track("h264"))
    decoder: Any = av.CodecContext.create("h264", "r")
    decoder.extradata = encoder.header
    made = [*encoder.encode(frame(0), 0, 1), *encoder.flush()]
    shown = next(f for packet in [*made, None] for f in decoder.decode(packet))
    assert (int(shown.color_range), int(shown.colorspace)) == (2, 1)


def test_a_format_without_an_encoder_is_refused() -> None:
    """The sentence has the codec, the size and the format."""
    encoder = GroupEncoder(track("vp8", "yuv422p"))
    wrong = frame(0).reformat(format="yuv422p")
    with pytest.raises(MaskError, match=r"vp8 of 160 x 96 pixels, yuv422p \(.*Nothing was published"):
        encoder.encode(wrong, 0, 1)
