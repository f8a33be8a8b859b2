"""The pictures that are decoded: five codecs, and a bounded size."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import av
from av.codec.codec import Codec, UnknownCodecError

from komorebi_qc.core.errors import MediaError
from komorebi_qc.core.media_info import codec_text
from komorebi_qc.media.bounds.table import (
    FRAME_BYTES,
    LONGEST_SIDE,
    MOST_PIXELS,
    PICTURE_CODECS,
    PROBED_PIXELS,
    check_size,
    refused,
)
from komorebi_qc.media.opening.sounds import is_sound_codec
from komorebi_qc.media.opening.tracks import codec_name, video_stream, video_streams

if TYPE_CHECKING:
    from av.container import InputContainer

_PADDING = 64
"""Pixels by which the sides of a picture are padded at most."""


@cache
def allowed_decoders() -> str:
    """FFmpeg's list of the decoders that may run while a file is opened: of sound, and of `PICTURE_CODECS`."""
    return ",".join(sorted(name for name in av.codecs_available if _is_allowed(name)))


def _is_allowed(name: str) -> bool:
    try:
        codec = Codec(name, "r")
    except UnknownCodecError:  # an encoder
        return False
    if codec.type == "audio":
        return is_sound_codec(codec.canonical_name)
    return codec.type == "video" and codec.canonical_name in PICTURE_CODECS


def is_large(container: InputContainer) -> bool:
    """Whether FFmpeg left the size of one of a file's pictures away, because it is larger than what it may decode."""
    return any(codec_name(one) in PICTURE_CODECS and not one.codec_context.width for one in video_streams(container))


def check_picture(name: str, container: InputContainer) -> None:
    """Check codec and size of a file's video track, and bound the size of what its decoder decodes.

    Args:
        name: the file's name in messages.
        container: the file.

    Raises:
        MediaError: the codec isn't one of `PICTURE_CODECS`, or the picture is too large.
    """
    stream = video_stream(container)
    if stream is None:
        return
    codec, context = codec_name(stream), stream.codec_context
    if codec not in PICTURE_CODECS:
        *others, last = map(codec_text, PICTURE_CODECS)
        raise MediaError(
            f"{name} has a video track in {codec_text(codec)}, and only {', '.join(others)} and {last} are decoded: "
            "record or convert it to one of them"
        )
    check_size(name, context.width, context.height)
    if not context.width:
        found, bound = (
            "has a picture without a size, or with another one inside",
            f"{MOST_PIXELS >> 20} megapixels are the most",
        )
        raise refused(name, found, bound)
    pixel_bits = max(1, context.format.padded_bits_per_pixel) if context.format is not None else 12
    size = context.width * context.height * pixel_bits // 8
    if size > FRAME_BYTES:
        found = f"has pictures of {size:,} bytes ({context.width} x {context.height} in {context.format.name})"
        raise refused(name, found, f"a decoded picture has at most {FRAME_BYTES:,}")
    # A picture may become larger within the file. Codecs pad its sides.
    most = max(context.width * context.height, PROBED_PIXELS) + _PADDING * (2 * LONGEST_SIDE + _PADDING)
    context.options = {**context.options, "max_pixels": str(min(MOST_PIXELS, most))}
