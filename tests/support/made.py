"""Small media made on the spot: for what no browser records, or no longer than a test needs."""

from __future__ import annotations

import wave
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import av
import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

RATE = 48_000


@dataclass(frozen=True, slots=True)
class Shape:
    """How a made recording is.

    Attributes:
        seconds: of video.
        fps: frames a second.
        size: width and height in pixels.
        video: encoder, or None.
        audio: encoder, or None.
        audio_s: seconds of audio; None for as many as of video.
        start_s: the first timestamp.
        gap: audio left out, from and to in seconds.
        leap: from which second on everything is how much later.
        channels: of the audio.
        options: for the muxer.
        encoding: options of the video's encoder.
    """

    seconds: float = 3.0
    fps: int = 10
    size: tuple[int, int] = (160, 90)
    video: str | None = "libvpx"
    audio: str | None = "libopus"
    audio_s: float | None = None
    start_s: float = 0.0
    gap: tuple[float, float] | None = None
    leap: tuple[float, float] | None = None
    channels: int = 1
    options: tuple[tuple[str, str], ...] = ()
    encoding: tuple[tuple[str, str], ...] = ()


def noise(seconds: float, rate: int, seed: int = 7) -> NDArray[np.float32]:
    """Speech-like noise: bursts of a third of a second, in no regular order; shape ``(n,)``, peak under 0.5."""
    rng = np.random.default_rng(seed)
    count = round(seconds * rate)
    loud = np.repeat(rng.random(int(seconds * 3) + 2) > 0.4, rate // 3 + 1)[:count]
    smooth = np.convolve(rng.normal(size=count), np.ones(4) / 4, mode="same")
    return (np.clip(smooth, -3, 3) / 6 * loud).astype(np.float32)


def wav(path: Path, pcm: NDArray[np.float32], rate: int = 8000, width: int = 2) -> Path:
    """Write a WAV; `pcm` is ``(n,)`` or ``(n, channels)``, full scale +-1; 2 or 3 bytes a sample."""
    samples = pcm[:, None] if pcm.ndim == 1 else pcm
    whole = np.round(samples * ((1 << (8 * width - 1)) - 1)).astype("<i4")
    data = whole.astype("<i2").tobytes() if width == 2 else whole.view("u1").reshape(-1, 4)[:, :3].tobytes()
    with wave.open(str(path), "wb") as file:
        file.setnchannels(samples.shape[1])
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(data)
    return path


def encoded(path: Path, pcm: NDArray[np.float32], encoder: str, rate: int, format_name: str) -> Path:
    """Write audio with any of FFmpeg's encoders; `pcm` is ``(n, 2)``."""
    with av.open(str(path), "w", format=format_name) as out:
        stream: Any = out.add_stream(encoder, rate=rate)
        stream.layout = "stereo"
        _encode_audio(out, stream, pcm, rate, 0.0, None, None)
    return path


def recording(path: Path, shape: Shape, pcm: NDArray[np.float32] | None = None) -> Path:
    """Write a recording; its audio is `pcm` (``(n,)`` at 48 kHz) or noise.

    The brightness of the video counts its frames, so that a test can distinguish them.
    """
    kind = {".webm": "webm", ".mkv": "matroska", ".mp4": "mp4"}[path.suffix]
    with av.open(str(path), "w", format=kind, options=dict(shape.options)) as out:
        video: Any = None
        if shape.video is not None:
            video = out.add_stream(shape.video, rate=shape.fps, options=dict(shape.encoding))
            video.width, video.height, video.pix_fmt = *shape.size, "yuv420p"
            video.codec_context.time_base = Fraction(1, 1000)
            video.codec_context.gop_size = shape.fps
            video.codec_context.thread_count = 1  # libvpx's threads wait for each other in busy loops
        audio: Any = None
        if shape.audio is not None:
            audio = out.add_stream(shape.audio, rate=RATE)
            audio.layout = {1: "mono", 2: "stereo", 6: "5.1"}[shape.channels]
        if audio is not None:
            seconds = shape.audio_s if shape.audio_s is not None else shape.seconds
            sound = pcm if pcm is not None else noise(seconds, RATE)
            wide = np.repeat(sound[:, None], shape.channels, axis=1)
            _encode_audio(out, audio, wide, RATE, shape.start_s, shape.gap, shape.leap)
        if video is not None:
            _encode_video(out, video, shape)
    return path


def _encode_video(out: Any, stream: Any, shape: Shape) -> None:
    for number in range(round(shape.seconds * shape.fps)):
        at_s = number / shape.fps
        plane = np.full((shape.size[1], shape.size[0], 3), (number * 8) % 256, np.uint8)
        frame = av.VideoFrame.from_ndarray(plane, format="rgb24").reformat(format="yuv420p")
        frame.pts = round((at_s + shape.start_s + _leap_s(shape.leap, at_s)) * 1000)
        frame.time_base = Fraction(1, 1000)
        out.mux(stream.encode(frame))
    out.mux(stream.encode(None))


def _encode_audio(
    out: Any,
    stream: Any,
    pcm: NDArray[np.float32],
    rate: int,
    start_s: float,
    gap: tuple[float, float] | None,
    leap: tuple[float, float] | None,
) -> None:
    size = stream.codec_context.frame_size or 1024
    kind = stream.codec_context.format.name
    resampler = av.AudioResampler(format=kind, layout=stream.codec_context.layout, rate=rate)
    for low in range(0, len(pcm), size):
        at_s = low / rate
        if gap is not None and gap[0] <= at_s < gap[1]:
            continue
        data = np.ascontiguousarray(pcm[low : low + size].T)
        frame = av.AudioFrame.from_ndarray(data, format="fltp", layout=stream.codec_context.layout.name)
        frame.sample_rate, frame.time_base = rate, Fraction(1, rate)
        frame.pts = round((start_s + at_s + _leap_s(leap, at_s)) * rate)
        for ready in resampler.resample(frame):
            out.mux(stream.encode(ready))
    out.mux(stream.encode(None))


def _leap_s(leap: tuple[float, float] | None, at_s: float) -> float:
    return leap[1] if leap is not None and at_s >= leap[0] else 0.0
