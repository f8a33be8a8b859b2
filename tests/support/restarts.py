"""A call of real voices, and the files of a recorder that was restarted in it, with drift and a visible counter."""

from __future__ import annotations

import wave
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import soxr
from captures import MEDIA, SAMPLE
from talkers import RATE, place

from komorebi_qc.core.samples import RATE as CALL_RATE

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    Call = NDArray[np.int16]

BITS, FPS, SOUND_RATE = 12, 10, 48_000
_CALLS = (SAMPLE / "call.wav", MEDIA / "softphone" / "call.wav", MEDIA / "call.wav")
_VIDEO = {
    "vp8": ("libvpx", {"deadline": "realtime", "cpu-used": "8", "b": "400k"}),
    "vp9": ("libvpx-vp9", {"deadline": "realtime", "cpu-used": "8", "b": "400k"}),
    "h264": ("libx264", {"preset": "ultrafast", "tune": "zerolatency", "bf": "0"}),
}


@dataclass(frozen=True, slots=True)
class Restart:
    """One file of the recorder.

    Attributes:
        from_s: when it begins, on the call clock.
        to_s: when it ends, on the call clock.
        drift_ppm: of the recorder's clock.
        codec: of the picture: ``vp8``, ``vp9`` or ``h264``.
        size: width and height of the picture.
    """

    from_s: float
    to_s: float
    drift_ppm: float = 0.0
    codec: str = "vp8"
    size: tuple[int, int] = (320, 180)

    @property
    def offset_s(self) -> float:
        """The call's first sample on the file's own clock."""
        return -self.from_s * (1 + self.drift_ppm * 1e-6)

    def own_s(self, call_s: float) -> float:
        """A moment of the call on the file's own clock."""
        return self.offset_s + call_s * (1 + self.drift_ppm * 1e-6)


def real_call(seconds: float | None = None) -> Call:
    """Three conversations of real voices, one after the other; shape ``(n, 2)``, 54 s at 8 kHz."""
    pause = np.zeros((CALL_RATE // 2, 2), np.int16)
    parts: list[Call] = []
    for path in _CALLS:
        with wave.open(str(path)) as file:
            parts += [np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2), pause]
    whole = np.concatenate(parts)
    return whole if seconds is None else whole[: round(seconds * CALL_RATE)]


def write_call(path: Path, call: Call) -> Path:
    """Write a call as Connect does."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(CALL_RATE)
        file.writeframes(call.astype("<i2").tobytes())
    return path


def write_restart(path: Path, call: Call, one: Restart) -> Path:
    """Write a file of the recorder: WebM with Opus, or MP4 with AAC if its name ends in .mp4.

    Its picture shows the time of the call in tenths of a second, plus 1000, as black and white bars.
    """
    length_s = one.own_s(one.to_s)
    sound = place(call, one.offset_s, one.drift_ppm, after_s=max(5.0, one.to_s - len(call) / RATE + 1.0))
    sound = sound[: round(length_s * RATE)]
    loud = soxr.resample(sound.astype(np.float32) / 32768, RATE, SOUND_RATE)
    encoder, options = _VIDEO[one.codec]
    is_mp4 = path.suffix == ".mp4"
    with av.open(str(path), "w", format="mp4" if is_mp4 else "matroska") as out:
        video: Any = out.add_stream(encoder, rate=FPS, options=options)
        video.width, video.height, video.pix_fmt = *one.size, "yuv420p"
        video.codec_context.time_base = Fraction(1, 1000)
        video.codec_context.gop_size = 5 * FPS
        video.codec_context.thread_count = 1
        audio: Any = out.add_stream("aac" if is_mp4 else "libopus", rate=SOUND_RATE)
        audio.layout = "mono"
        size = 960
        for number in range(int(length_s * FPS)):
            at_s = number / FPS
            call_s = one.from_s + at_s / (1 + one.drift_ppm * 1e-6)
            frame = av.VideoFrame.from_ndarray(counter(round(call_s * 10) + 1000, one.size), format="gray")
            frame = frame.reformat(format="yuv420p")
            frame.pts, frame.time_base = round(at_s * 1000), Fraction(1, 1000)
            out.mux(video.encode(frame))
            for low in range(round(at_s * SOUND_RATE), round((number + 1) / FPS * SOUND_RATE), size):
                out.mux(audio.encode(_sound(loud[low : low + size], low)))
        out.mux(video.encode(None))
        out.mux(audio.encode(None))
    return path


def _sound(samples: NDArray[np.float32], at: int) -> av.AudioFrame:
    data = np.ascontiguousarray(samples.reshape(1, -1), np.float32)
    frame = av.AudioFrame.from_ndarray(data, format="fltp", layout="mono")
    frame.sample_rate, frame.pts, frame.time_base = SOUND_RATE, at, Fraction(1, SOUND_RATE)
    return frame


def counter(number: int, size: tuple[int, int]) -> NDArray[np.uint8]:
    """A picture of a number: its bits as bars, white for 1, over a grey edge."""
    width, height = size
    bits = [(number >> (BITS - 1 - bit)) & 1 for bit in range(BITS)]
    edges = np.linspace(0, width, BITS + 1).astype(int)
    picture = np.full((height, width), 128, np.uint8)
    for bit, (left, right) in zip(bits, pairwise(edges), strict=True):
        picture[height // 4 : -height // 4, left:right] = 235 if bit else 16
    return picture


def shown(picture: NDArray[np.uint8]) -> int | None:
    """The number of a picture; None for a picture without a counter."""
    height, width = picture.shape
    edges = np.linspace(0, width, BITS + 1).astype(int)
    number = 0
    for left, right in pairwise(edges):
        quarter = (right - left) // 4
        level = float(picture[height * 3 // 8 : height * 5 // 8, left + quarter : right - quarter].mean())
        if 70 < level < 180 or not (level <= 40 or level >= 210):
            return None
        number = number << 1 | (level > 128)
    return number


def pictures(path: Path) -> list[tuple[float, NDArray[np.uint8]]]:
    """All pictures of a video, grey, with their times."""
    with av.open(str(path)) as file:
        (stream,) = file.streams.video
        return [
            (float((frame.pts or 0) * (frame.time_base or 0)), np.asarray(frame.to_ndarray(format="gray"), np.uint8))
            for frame in file.decode(stream)
        ]
