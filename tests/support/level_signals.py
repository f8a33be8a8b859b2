"""Signals with known levels, and their measurement."""

from __future__ import annotations

import wave
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import av
import numpy as np
from av.error import BlockingIOError as AvBlocks
from av.error import EOFError as AvEndOfFile

from komorebi_qc.measure.levels import ChannelLevels, LevelMeter

if TYPE_CHECKING:
    from pathlib import Path

    from komorebi_qc.core.samples import Floats, Pcm

RATES = [8000, 16000, 48000]


def read_wav(path: Path) -> tuple[Pcm, int]:
    """A WAV's samples, shape ``(n, channels)``, and its rate."""
    with wave.open(str(path)) as file:
        data = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float32)
        return data.reshape(-1, file.getnchannels()) / np.float32(32768), file.getframerate()


def metered(pcm: Floats, rate: int = 8000, step: int = 1600) -> LevelMeter:
    """A meter that was given `pcm` in blocks of `step` samples. Below 100 ms it measures every hop by itself."""
    wide = pcm[:, None] if pcm.ndim == 1 else pcm
    meter = LevelMeter(rate, wide.shape[1], chunk=1 if step < rate / 10 else 1 << 17)
    for low in range(0, len(wide), step):
        meter.add(wide[low : low + step])
    return meter


def levels(pcm: Floats, rate: int = 8000, step: int = 1600) -> ChannelLevels:
    """The levels of the first channel."""
    return metered(pcm, rate, step).result()[0]


def sine(dbfs_peak: float, seconds: float, rate: int = 8000, hertz: float = 1000.0, phase: float = 0.0) -> Floats:
    """A sine with this peak, shape ``(n,)``."""
    turns = np.arange(round(seconds * rate)) * hertz / rate
    return (10 ** (dbfs_peak / 20) * np.sin(2 * np.pi * turns + phase)).astype(np.float32)


def white(dbfs_rms: float, seconds: float, rate: int = 8000, seed: int = 1) -> Floats:
    """White noise with this RMS level, shape ``(n,)``."""
    values = np.random.default_rng(seed).normal(size=round(seconds * rate))
    return (values * 10 ** (dbfs_rms / 20)).astype(np.float32)


def at_rate(pcm: Floats, rate_in: int, rate: int) -> Floats:
    """The same audio at another sample rate."""
    import soxr  # noqa: PLC0415  few tests need it

    out: Floats = soxr.resample(pcm, rate_in, rate).astype(np.float32)
    return out


def ebur128(pcm: Floats, rate: int) -> dict[str, float]:
    """The metadata of FFmpeg's ebur128 filter after the last frame; true peaks are magnitudes."""
    wide = pcm[:, None] if pcm.ndim == 1 else pcm
    layout = {1: "mono", 2: "stereo"}[wide.shape[1]]
    graph = av.filter.Graph()
    source = graph.add_abuffer(sample_rate=rate, format="flt", layout=layout, time_base=Fraction(1, rate))
    meter: Any = graph.add("ebur128", "metadata=1:peak=true:framelog=quiet")
    sink: Any = graph.add("abuffersink")
    source.link_to(meter)
    meter.link_to(sink)
    graph.configure()
    found: dict[str, str] = {}

    def drain() -> None:
        while True:
            try:
                frame: Any = graph.pull()
            except (AvBlocks, AvEndOfFile):
                return
            found.update(frame.metadata)

    for low in range(0, len(wide), rate // 10):
        data = np.ascontiguousarray(wide[low : low + rate // 10].reshape(1, -1))
        frame = av.AudioFrame.from_ndarray(data, format="flt", layout=layout)
        frame.sample_rate, frame.pts, frame.time_base = rate, low, Fraction(1, rate)
        source.push(frame)
        drain()
    source.push(None)
    drain()
    return {key.removeprefix("lavfi.r128."): float(value) for key, value in found.items()}
