"""Recordings on a clock that bends, and calls whose agent takes part in a part of them."""

from __future__ import annotations

import numpy as np
from talkers import RATE, between_samples

Points = tuple[tuple[float, float], ...]


def place_by_map(
    call: np.ndarray,
    points: Points,
    *,
    after_s: float = 5.0,
    gains: tuple[float, float] = (0.7, 1.0),
    customer_delay: int = 0,
    seed: int = 1,
) -> np.ndarray:
    """The recording of a call whose moments are at `points`, (call time, recording time), straight in between."""
    mono = np.roll(call[:, 0], customer_delay) * gains[0] + call[:, 1] * gains[1]
    call_s, recording_s = (np.array(column) for column in zip(*points, strict=True))
    time_s = np.arange(int((recording_s[-1] + after_s) * RATE)) / RATE
    inside = (time_s >= recording_s[0]) & (time_s < recording_s[-1])
    out = np.zeros(len(time_s))
    out[inside] = between_samples(mono, np.interp(time_s[inside], recording_s, call_s) * RATE)
    out += np.random.default_rng(seed).normal(0, 10, len(out))
    return np.clip(out, -32768, 32767).astype(np.int16)


def rates(offset_s: float, *parts: tuple[float, float]) -> Points:
    """The points of a clock with one rate after the other: (until call time, parts per million)."""
    points = [(0.0, offset_s)]
    for until_s, ppm in parts:
        from_s, at_s = points[-1]
        points.append((until_s, at_s + (until_s - from_s) * (1 + ppm * 1e-6)))
    return tuple(points)


def warming(offset_s: float, call_s: float, from_ppm: float, to_ppm: float, scale_s: float) -> Points:
    """The points of a clock whose rate approaches `to_ppm` on an exponential curve."""
    time_s = np.linspace(0.0, call_s, 65)
    bend_s = (from_ppm - to_ppm) * 1e-6 * scale_s * (1 - np.exp(-time_s / scale_s))
    recording_s = offset_s + time_s * (1 + to_ppm * 1e-6) + bend_s
    return tuple(zip(time_s.tolist(), recording_s.tolist(), strict=True))


def to_recording(points: Points, call_s: np.ndarray) -> np.ndarray:
    """The recording times of moments of the call."""
    known, placed = zip(*points, strict=True)
    out: np.ndarray = np.interp(call_s, known, placed)
    return out
