"""Captures whose call was suspended or began late, and how much of a sound another sound holds."""

from __future__ import annotations

import io
import wave
from typing import TYPE_CHECKING

import av
import numpy as np
import soxr

if TYPE_CHECKING:
    from collections.abc import Sequence

    from captures import Capture
    from numpy.typing import NDArray

    Mono = NDArray[np.float32]

RATE = 16_000
_LAG_S = 0.5
_FLOOR = 1e-3
"""Sound that is 60 dB fainter than the wanted one counts as silence: its shape says nothing."""


def _read(call: bytes) -> tuple[NDArray[np.int16], wave._wave_params]:
    with wave.open(io.BytesIO(call), "rb") as file:
        parameters, data = file.getparams(), file.readframes(file.getnframes())
    return np.frombuffer(data, "<i2").reshape(-1, 2).copy(), parameters


def _written(samples: NDArray[np.int16], parameters: wave._wave_params) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setparams(parameters)
        file.writeframes(samples.astype("<i2").tobytes())
    return out.getvalue()


def suspended_call(call: bytes, *spans: tuple[float, float]) -> bytes:
    """The call audio with digital silence on both channels in these spans, as Connect writes a suspension."""
    samples, parameters = _read(call)
    for from_s, to_s in spans:
        samples[round(from_s * parameters.framerate) : round(to_s * parameters.framerate)] = 0
    return _written(samples, parameters)


def late_call(call: bytes, from_s: float) -> bytes:
    """The call audio of a recording that Connect began late."""
    samples, parameters = _read(call)
    return _written(samples[round(from_s * parameters.framerate) :], parameters)


def sound_of(content: bytes) -> Mono:
    """A file's sound, both channels mixed, on its clock at 16 kHz; silence between packets."""
    with av.open(io.BytesIO(content), "r") as file:
        (stream,) = file.streams.audio
        rate = int(stream.rate or 0)
        resampler = av.AudioResampler("fltp", "mono", rate)
        parts: list[tuple[int, Mono]] = []
        for frame in file.decode(stream):
            for mono in resampler.resample(frame):
                at = round(float((frame.pts or 0) * (frame.time_base or 0)) * rate)
                parts.append((at, mono.to_ndarray()[0]))
    out = np.zeros(max(at + len(pcm) for at, pcm in parts), np.float32)
    for at, pcm in parts:
        out[max(at, 0) : at + len(pcm)] = pcm[max(-at, 0) :]
    resampled: Mono = soxr.resample(out, rate, RATE)
    return resampled


def part_of(sound: Mono, from_s: float, to_s: float) -> Mono:
    """A part of a sound, silent beyond its end."""
    first, last = round(from_s * RATE), round(to_s * RATE)
    part = sound[max(first, 0) : last]
    return np.pad(part, (max(-first, 0), last - first - max(-first, 0) - len(part)))


def correlation(wanted: Sequence[float] | Mono, found: Sequence[float] | Mono) -> float:
    """How much of a sound is in another one, 0 to 1: their correlation at the best lag of up to half a second."""
    one, other = np.asarray(wanted, np.float64), np.asarray(found, np.float64)
    size = 1 << (len(one) + len(other)).bit_length()
    product = np.fft.irfft(np.fft.rfft(other, size) * np.conj(np.fft.rfft(one, size)), size)
    reach = round(_LAG_S * RATE)
    peak = np.abs(np.concatenate([product[:reach], product[-reach:]])).max()
    norm = float(np.linalg.norm(one))
    return float(peak) / (norm * max(float(np.linalg.norm(other)), _FLOOR * norm))


def kept_of(capture: Capture, content: bytes, from_s: float, to_s: float, shift_s: float = 0.0) -> float:
    """How much of the recording's own sound between two of its moments is in a video.

    Args:
        capture: the recording.
        content: of the video.
        from_s: on the recording clock.
        to_s: on the recording clock.
        shift_s: of the video's clock against the recording's.
    """
    own = part_of(sound_of(capture.recording.read_bytes()), from_s, to_s)
    return correlation(own, part_of(sound_of(content), from_s + shift_s, to_s + shift_s))
