"""One frame of the recording as a PNG."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import av
import numpy as np
from av.codec.context import CodecContext
from av.error import FFmpegError

from komorebi_qc.core.errors import MediaError
from komorebi_qc.core.privacy.masked_time import MaskedTime
from komorebi_qc.media.demux import RECORDING_FORMATS, open_container, packets, video_stream
from komorebi_qc.media.plain_picture import plain_picture

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from av.container import InputContainer

    from komorebi_qc.core.source import Source
    from komorebi_qc.core.timebase import Span


def png_at(source: Source, at_s: float, origin_s: float = 0.0, masked: Sequence[Span] = ()) -> bytes:
    """The frame at `at_s` on the recording clock (the last one of a shorter video), upright, as PNG.

    Args:
        source: the recording.
        at_s: the moment.
        origin_s: subtracted from the timestamps.
        masked: spans of the recording clock. A frame that is on show in one of them, if only for a moment, is replaced
            by a plain picture of its size.

    Raises:
        MediaError: No frame can be decoded.
    """
    with open_container(source, RECORDING_FORMATS, is_read_through=True) as container:
        shown, shown_s, until_s = None, 0.0, math.inf
        for frame_s, frame in _frames(container, origin_s):
            if shown is not None and frame_s > at_s:
                until_s = frame_s
                break
            shown, shown_s = frame, frame_s
        if shown is None:
            raise MediaError(f"no video frame of {source.name} can be decoded: the file is damaged, or was cut off")
        picture = shown.to_ndarray(format="rgb24")
        turned = np.ascontiguousarray(np.rot90(picture, k=round((shown.rotation or 0) / 90) % 4))
        if MaskedTime(masked).is_shown(shown_s, until_s):
            turned = plain_picture(turned.shape[1], turned.shape[0])
        return _png(av.VideoFrame.from_ndarray(turned, format="rgb24"))


def _frames(container: InputContainer, origin_s: float) -> Iterator[tuple[float, Any]]:
    """Yield ``(time, frame)`` in presentation order. Packets that can't be decoded are skipped."""
    stream = video_stream(container)
    for packet in _ended(packets(container, [stream])):
        try:
            frames = stream.codec_context.decode(packet)
        except FFmpegError:
            continue
        for frame in frames:
            yield float((frame.pts or 0) * stream.time_base) - origin_s, frame


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
