"""A short excerpt of the video in low quality, embedded in a page that is sent alone."""

from __future__ import annotations

import base64
import io
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import av
import numpy as np

from komorebi_qc.core.privacy.masked_time import MaskedTime
from komorebi_qc.core.samples import RATE
from komorebi_qc.core.timebase import Span
from komorebi_qc.media.opening import RECORDING_FORMATS, open_container
from komorebi_qc.storage.input_file import opened_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

_WIDEST, _LEAST_STEP_S = 640, 0.1
_AUDIO_BIT_RATE, _SLACK = 24_000, 0.85
_LEAST_BIT_RATE, _MOST_BIT_RATE = 20_000, 600_000
_TICKS = 1000


def embedded_video(
    video: Path,
    audio: NDArray[np.int16],
    *,
    start_s: float,
    video_start_s: float,
    size: int,
    masked: Sequence[Span] = (),
) -> str:
    """A data URI with H.264 and AAC in MP4; its time 0 is `start_s`.

    Args:
        video: the recording.
        audio: audio of the excerpt, ``(n,)`` at 8 kHz; its length is the excerpt's.
        start_s: the excerpt's start, on the page's clock.
        video_start_s: the video's own time 0, on the page's clock.
        size: size of the excerpt in bytes, approximately.
        masked: spans of the page's clock in which the video is masked: every frame before and in them is kept, so that
            no frame from before a mask stays on show in it.

    Raises:
        MediaError: The video can't be opened.
    """
    length_s = len(audio) / RATE
    bit_rate = int(min(max(size * 8 * _SLACK / length_s - _AUDIO_BIT_RATE, _LEAST_BIT_RATE), _MOST_BIT_RATE))
    file = io.BytesIO()
    with opened_file(video) as source, open_container(source, RECORDING_FORMATS) as container:
        frames = _frames(container, start_s - video_start_s, length_s, MaskedTime(_moved(masked, -start_s)))
        _encode(file, container, audio, frames, bit_rate)
    return f"data:video/mp4;base64,{base64.b64encode(file.getvalue()).decode()}"


def _moved(spans: Sequence[Span], by_s: float) -> list[Span]:
    return [Span(span.start_s + by_s, span.end_s + by_s) for span in spans]


def _encode(
    file: io.BytesIO, container: Any, audio: NDArray[np.int16], frames: Iterator[tuple[float, Any]], bit_rate: int
) -> None:
    with av.open(file, "w", format="mp4") as out:
        size = container.streams.video[0].codec_context
        shrink = max(1.0, size.width / _WIDEST)
        options = {"preset": "veryfast", "maxrate": str(bit_rate), "bufsize": str(2 * bit_rate), "g": "50"}
        video: Any = out.add_stream("libx264", rate=round(1 / _LEAST_STEP_S), options=options)
        video.width, video.height = (max(2, round(side / shrink / 2) * 2) for side in (size.width, size.height))
        video.pix_fmt, video.bit_rate = "yuv420p", bit_rate
        video.codec_context.time_base = Fraction(1, _TICKS)
        stream: Any = out.add_stream("aac", rate=RATE, options={"aac_coder": "fast"})
        stream.layout, stream.bit_rate = "mono", _AUDIO_BIT_RATE
        for at_s, frame in frames:
            small = frame.reformat(video.width, video.height, "yuv420p")
            small.pts, small.time_base = round(at_s * _TICKS), Fraction(1, _TICKS)
            small.pict_type = av.video.frame.PictureType.NONE
            out.mux(video.encode(small))
        out.mux(video.encode(None))
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(audio[None, :]), "s16", "mono")
        frame.sample_rate, frame.pts, frame.time_base = RATE, 0, Fraction(1, RATE)
        resampler = av.AudioResampler(format=stream.codec_context.format, layout="mono", rate=RATE)
        for ready in (*resampler.resample(frame), *resampler.resample(None)):
            out.mux(stream.encode(ready))
        out.mux(stream.encode(None))


def _frames(container: Any, start_s: float, length_s: float, masked: MaskedTime) -> Iterator[tuple[float, Any]]:
    """Frames at least 0.1 s apart, from the frame that is visible at the start; times count from there.

    A frame within 0.1 s of the last one is dropped, and the last one stays on show. Near a mask all frames are kept.
    """
    container.seek(max(0, round(start_s * av.time_base)), backward=True)
    waiting, last_s = None, -_LEAST_STEP_S
    for frame in container.decode(video=0):
        if frame.time is None:
            continue
        at_s = frame.time - start_s
        if at_s > length_s:
            break
        if at_s <= 0:
            waiting = frame
            continue
        if waiting is not None:
            yield 0.0, waiting
            waiting, last_s = None, 0.0
        if at_s - last_s >= _LEAST_STEP_S * 0.99 or masked.starts_within(at_s, 2 * _LEAST_STEP_S):
            yield at_s, frame
            last_s = at_s
    if waiting is not None:
        yield 0.0, waiting
