"""Speech-like noise bursts: two speakers who take turns, without any file."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

RATE = 8000
MARGIN = 16
BLOCK = 16_384
"""Samples that are interpolated at once: they stay in the processor's cache."""
EXACT = 1e-8
"""Places that differ by less are the same: the error of a float hours into a recording is smaller."""


def burst(rng: np.random.Generator, seconds: float) -> np.ndarray:
    """Syllables: band-limited noise under a 4 Hz envelope."""
    n = int(seconds * RATE)
    spectrum = np.fft.rfft(rng.normal(0, 1, n))
    f = np.fft.rfftfreq(n, 1 / RATE)
    spectrum[(f < 300) | (f > 3400)] = 0
    x = np.fft.irfft(spectrum, n)
    knots = rng.uniform(0.05, 1.0, max(int(seconds * 8), 2))
    return x * np.interp(np.arange(n), np.linspace(0, n, len(knots)), knots) * 0.1


def talk(seed: int, seconds: float) -> np.ndarray:
    """(n, 2) int16: customer and agent take turns."""
    rng = np.random.default_rng(seed)
    out = np.zeros((int(seconds * RATE), 2))
    t, turn = 0.3, 1
    while True:
        length = float(rng.uniform(1.0, 3.5))
        i = int(t * RATE)
        if i + int(length * RATE) > len(out) - 2000:
            break
        b = burst(rng, length)
        out[i : i + len(b), turn] += b
        t += length + float(rng.uniform(0.7, 1.5))
        turn ^= 1
    out += rng.normal(0, 2e-4, out.shape)
    return (np.clip(out, -1, 1) * 32767).astype(np.int16)


def place(
    call: np.ndarray,
    offset_s: float,
    drift_ppm: float = 0.0,
    jumps: tuple[tuple[float, float], ...] = (),
    after_s: float = 5.0,
    gains: tuple[float, float] = (0.7, 1.0),
    customer_delay: int = 0,
    seed: int = 1,
) -> np.ndarray:
    """The recording of a call, by windowed-sinc interpolation at every recording sample."""
    mono = np.roll(call[:, 0], customer_delay) * gains[0] + call[:, 1] * gains[1]
    k = 1 + drift_ppm * 1e-6
    total = offset_s + len(call) / RATE * k + sum(s for _, s in jumps) + after_s
    out = np.zeros(int(total * RATE))
    shift, edges = offset_s, [0.0] + [a for a, _ in jumps] + [len(call) / RATE]
    for i, (a, b) in enumerate(pairwise(edges)):
        shift += jumps[i - 1][1] if i else 0.0
        first, last = max(int(np.ceil((shift + a * k) * RATE)), 0), min(int(np.ceil((shift + b * k) * RATE)), len(out))
        at = (np.arange(first, last) / RATE - shift) / k * RATE
        out[first:last] = between_samples(mono, at)
    out += np.random.default_rng(seed).normal(0, 10, len(out))
    return np.clip(out, -32768, 32767).astype(np.int16)


def between_samples(mono: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Samples at fractional places, by 32 taps of a windowed sinc; the first and the last sample go on outside."""
    padded = np.concatenate([np.full(MARGIN, mono[0]), mono, np.full(MARGIN, mono[-1])])
    parts = [_interpolated(padded, at[first : first + BLOCK]) for first in range(0, len(at), BLOCK)]
    return np.concatenate([np.zeros(0), *parts])


def _interpolated(padded: np.ndarray, at: np.ndarray) -> np.ndarray:
    """A block of these samples. A clock that keeps its rate needs one filter, or none if it hits the samples."""
    near = np.rint(at)
    if np.abs(at - near).max() < EXACT:
        hit: np.ndarray = padded[np.clip(near.astype(int) + MARGIN, 0, len(padded) - 1)]
        return hit
    whole = np.floor(at).astype(int)
    part = np.clip(at - whole, 1e-12, 1 - 1e-12)  # a tap at either end would divide by 0
    first, count = int(whole[0]) + MARGIN - 15, len(at) + 31
    if np.ptp(at - np.arange(len(at))) < EXACT and first >= 0 and first + count <= len(padded):
        filtered: np.ndarray = np.correlate(
            padded[first : first + count], np.concatenate(list(_taps(part[:1]))), "valid"
        )
        return filtered
    whole = np.clip(whole, -1, len(padded) - 2 * MARGIN - 1) + MARGIN
    value = np.zeros(len(at))
    for tap, weight in enumerate(_taps(part), -15):
        value += padded[whole + tap] * weight
    return value


def _taps(part: np.ndarray) -> Iterator[np.ndarray]:
    """The weights of the 32 samples around a place, which is a `part` behind the 16th of them."""
    # sinc(tap - part) and cos(pi (tap - part) / 34)^2, with one sine and two cosines for all taps
    sine, turn = np.sin(np.pi * np.minimum(part, 1 - part)) / np.pi, 2 * np.pi * part / 34
    cosine, other = np.cos(turn), np.sin(turn)
    for tap in range(-15, 17):
        angle = 2 * np.pi * tap / 34
        window = 0.5 + 0.5 * (np.cos(angle) * cosine + np.sin(angle) * other)
        sign = 1.0 if tap % 2 else -1.0
        yield (sign * sine / (tap - part)) * window
