"""Samples: decoding, WAV files, levels, rates and bands, and G.711's loss."""

from __future__ import annotations

import subprocess
import wave
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from pathlib import Path

Signal = npt.NDArray[np.float64]
Baseband = npt.NDArray[np.complex128]

WIDE, NARROW, FULL = 16000, 8000, 48000  # Hz: the prompts, the telephone, the browser
BAND = (300.0, 3400.0)  # Hz: shared by telephone and browser


def decode(args: list[str], rate: int, channels: int = 1) -> Signal:
    """Samples in -1..1, shape (n,) or (n, channels), of what ffmpeg reads with `args`."""
    raw = subprocess.run(
        ["ffmpeg", "-v", "error", *args, "-f", "s16le", "-ac", str(channels), "-ar", str(rate), "-"],
        capture_output=True,
        check=True,
    ).stdout
    samples = np.frombuffer(raw, "<i2").astype(np.float64) / 32768
    return samples if channels == 1 else samples.reshape(-1, channels)


def write_wav(path: Path, samples: Signal, rate: int) -> None:
    """16-bit PCM; one column per channel."""
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1 if samples.ndim == 1 else samples.shape[1])
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(np.round(np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())


def gain(decibel: float) -> float:
    """A level as a factor."""
    return float(10 ** (decibel / 20))


def resampled(x: Signal, old: int, new: int, band: tuple[float, float] | None = None) -> Signal:
    """`x` at another rate and, if asked for, in a band with soft edges; by Fourier, so without any delay."""
    pad = old // 2  # keeps the wrap-around out of the signal
    padded = np.concatenate([np.zeros(pad), x, np.zeros(pad + (-len(x)) % old)])
    spectrum = np.fft.rfft(padded)
    if band:
        f = np.fft.rfftfreq(len(padded), 1 / old)
        rise = np.clip((f - band[0] + 50) / 100, 0, 1)  # Hz: each edge is 100 Hz or 200 Hz wide
        fall = np.clip((band[1] + 100 - f) / 200, 0, 1)
        spectrum = spectrum * np.sin(rise * np.pi / 2) ** 2 * np.sin(fall * np.pi / 2) ** 2
    n = len(padded) * new // old
    y = np.fft.irfft(spectrum[: n // 2 + 1], n) * (new / old)
    start = pad * new // old
    return y[start : start + round(len(x) * new / old)]


def through_mulaw(x: Signal) -> Signal:
    """Every column of `x` (NARROW) through G.711 and back."""
    raw = np.round(np.clip(x, -1, 1) * 32767).astype("<i2").tobytes()
    form = ["-ar", str(NARROW), "-ac", str(x.shape[1])]
    law = subprocess.run(
        ["ffmpeg", "-v", "error", "-f", "s16le", *form, "-i", "-", "-f", "mulaw", "-"],
        input=raw,
        capture_output=True,
        check=True,
    ).stdout
    back = subprocess.run(
        ["ffmpeg", "-v", "error", "-f", "mulaw", *form, "-i", "-", "-f", "s16le", "-"],
        input=law,
        capture_output=True,
        check=True,
    ).stdout
    return np.frombuffer(back, "<i2").astype(np.float64).reshape(x.shape) / 32768
