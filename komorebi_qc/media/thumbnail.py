"""One frame of the recording as a PNG."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import islice, takewhile
from typing import TYPE_CHECKING, Any

import av
import numpy as np
from av.codec.context import CodecContext
from av.error import FFmpegError

from komorebi_qc.core.errors import MediaError
from komorebi_qc.core.privacy.masked_time import MaskedTime
from komorebi_qc.media.bounds.table import (
    PROBED_PIXELS,
    THUMBNAIL_BYTES,
    THUMBNAIL_FRAMES,
    THUMBNAIL_PACKETS,
    THUMBNAIL_PIXELS,
    THUMBNAIL_SIDE,
)
from komorebi_qc.media.demux import packets
from komorebi_qc.media.malloc import resident_bytes
from komorebi_qc.media.opening import RECORDING_FORMATS, open_container, video_stream
from komorebi_qc.media.plain_picture import plain_picture

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from av.container import InputContainer

    from komorebi_qc.core.source import Source
    from komorebi_qc.core.timebase import Span


def png_at(
    source: Source,
    at_s: float,
    origin_s: float = 0.0,
    masked: Sequence[Span] = (),
    check_cancelled: Callable[[], None] = lambda: None,
) -> bytes:
    """The frame at `at_s` on the recording clock (the last one of a shorter video), upright, as PNG.

    At most `THUMBNAIL_FRAMES` frames of `THUMBNAIL_PIXELS` together are decoded. Decoding also ends once the process
    has taken `THUMBNAIL_BYTES` more. If the frames end before `at_s`, the last one is taken. A side is at most
    `THUMBNAIL_SIDE` pixels.

    Args:
        source: the recording.
        at_s: the moment.
        origin_s: subtracted from the timestamps.
        masked: spans of the recording clock. A frame that is on show in one of them, if only for a moment, is replaced
            by a plain picture of its size.
        check_cancelled: called before each packet; its exception ends the decoding.

    Raises:
        MediaError: No frame can be decoded.
    """
    with open_container(source, RECORDING_FORMATS, is_read_through=True) as container:
        if video_stream(container) is None:
            raise MediaError(f"{source.name} has no video track: it isn't an agent recording")
        shown, shown_s, until_s, rotation = None, 0.0, math.inf, 0
        for frame_s, frame in _frames(container, origin_s, check_cancelled):
            if shown is not None and frame_s > at_s:
                until_s = frame_s
                break
            is_large = frame.width * frame.height > PROBED_PIXELS
            shown, shown_s, rotation = _scaled(frame) if is_large else frame, frame_s, frame.rotation or 0
        if shown is None:
            raise MediaError(f"no video frame of {source.name} can be decoded: the file is damaged, or was cut off")
        picture = _scaled(shown).to_ndarray(format="rgb24")
        turned = np.ascontiguousarray(np.rot90(picture, k=round(rotation / 90) % 4))
        if MaskedTime(masked).is_shown(shown_s, until_s):
            turned = plain_picture(turned.shape[1], turned.shape[0])
        return _png(av.VideoFrame.from_ndarray(turned, format="rgb24"))


def _scaled(frame: Any) -> Any:
    """The frame, or a smaller one: the pixels of a large frame and their copies take hundreds of megabytes."""
    shrink = max(frame.width, frame.height) / THUMBNAIL_SIDE
    if shrink <= 1.0:
        return frame
    return frame.reformat(max(1, round(frame.width / shrink)), max(1, round(frame.height / shrink)), format="rgb24")


def _frames(
    container: InputContainer, origin_s: float, check_cancelled: Callable[[], None]
) -> Iterator[tuple[float, Any]]:
    """Yield ``(time, frame)`` in presentation order, within the bounds. Packets that can't be decoded are skipped."""
    stream = video_stream(container)
    count = pixels = 0
    most_bytes = resident_bytes() + THUMBNAIL_BYTES
    within = takewhile(
        lambda _: resident_bytes() <= most_bytes, islice(packets(container, [stream]), THUMBNAIL_PACKETS)
    )
    for packet in _ended(within):
        check_cancelled()
        try:
            frames = stream.codec_context.decode(packet)
        except FFmpegError:
            continue
        for frame in frames:
            yield float((frame.pts or 0) * stream.time_base) - origin_s, frame
            count, pixels = count + 1, pixels + frame.width * frame.height
            if count >= THUMBNAIL_FRAMES or pixels >= THUMBNAIL_PIXELS:
                return


def _ended(items: Iterator[Any]) -> Iterator[Any]:
    """Yield the items, then None, which flushes a decoder."""
    yield from items
    yield None


def _png(frame: av.VideoFrame) -> bytes:
    encoder: Any = CodecContext.create("png", "w")
    encoder.width, encoder.height, encoder.pix_fmt = frame.width, frame.height, "rgb24"
    encoder.time_base = Fraction(1, 1)
    frame.pts = 0
    return b"".join(bytes(packet) for packet in [*encoder.encode(frame), *encoder.encode(None)])
