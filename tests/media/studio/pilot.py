"""A pilot in each side of the call, and its place in a recording.

A pilot is noise of a known seed that never repeats, 25 dB and more below the voices, in a band above telephony: the
agent's at 4.5 to 5.9 kHz, the customer's at 6.1 to 7.5 kHz. It lasts as long as the call and is part of the very
buffers that the browser plays, so each of its moments has a known call time. Connect's 8 kHz file can't have it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from media.studio.signals import FULL, Baseband, Signal, gain

if TYPE_CHECKING:
    from collections.abc import Iterator

BANDS = {"agent": (4500.0, 5900.0), "customer": (6100.0, 7500.0)}
SEEDS = {"agent": 4711, "customer": 4712}
LEVEL_DB = -46.0
BASE = 4800  # Hz: the rate at which a band is searched; a peak is then 0.7 ms wide
COARSE_S, FINE_S, STEP_S = 1.0, 0.4, 0.1
REACH_S = 0.008  # how far from a coarse lag a fine one is searched
COARSE_SURE, FINE_SURE = 0.22, 0.25
"""Correlation coefficients from which a window counts. Chance gives 0.1 to 0.15 in windows of these lengths."""


def pilot(side: str, seconds: float) -> Signal:
    """The pilot of one side, at FULL."""
    count = round(seconds * FULL)
    noise = np.random.default_rng(SEEDS[side]).normal(0, 1, count)
    spectrum = np.fft.rfft(noise)
    f = np.fft.rfftfreq(count, 1 / FULL)
    low, high = BANDS[side]
    spectrum[(f < low) | (f > high)] = 0
    shaped = np.fft.irfft(spectrum, count)
    return shaped * (gain(LEVEL_DB) / float(np.sqrt(np.mean(shaped**2))))


def baseband(x: Signal, side: str) -> Baseband:
    """The side's band around 0 Hz, at BASE; by Fourier, so without any delay."""
    x = np.concatenate([x, np.zeros(-len(x) % FULL)])  # whole seconds: every rate fits
    spectrum = np.fft.rfft(x)
    per_hz, count = len(x) // FULL, len(x) * BASE // FULL
    low, high = BANDS[side]
    middle = round((low + high) / 2) * per_hz
    half = round((high - low) / 2) * per_hz
    out = np.zeros(count, np.complex128)
    out[:half] = spectrum[middle : middle + half]
    out[-half:] = spectrum[middle - half : middle]
    return np.fft.ifft(out) * (count / len(x))


@dataclass(frozen=True)
class Sighting:
    """A window of the call that was found: its middle on the call's clock, and by how much later it is recorded."""

    call_s: float
    lag_s: float
    sure: float


def coefficients(part: Baseband, x: Baseband) -> Signal:
    """The correlation coefficient of `part` at every lag of `x`."""
    n = 1 << int(np.ceil(np.log2(len(part) + len(x))))
    r = np.abs(np.fft.ifft(np.fft.fft(x, n) * np.conj(np.fft.fft(part, n))))[: len(x) - len(part) + 1]
    power = np.concatenate([[0.0], np.cumsum(np.abs(x) ** 2)])
    energy = power[len(part) :] - power[: -len(part)]
    floor = float(np.mean(np.abs(x) ** 2)) * len(part) * 1e-4 + 1e-30
    own = float(np.sum(np.abs(part) ** 2))
    return np.asarray(r / np.sqrt(np.maximum(energy, floor) * own))


def peak(r: Signal) -> tuple[float, float]:
    """The place of the highest value, between samples, and its height."""
    k = int(np.argmax(r))
    if not 0 < k < len(r) - 1:
        return float(k), 0.0
    left, mid, right = r[k - 1 : k + 2]
    return k + 0.5 * float((left - right) / (left - 2 * mid + right)), float(mid)


def windows(length: int, size_s: float, step_s: float) -> Iterator[tuple[int, int]]:
    """First and last sample of every window that fits."""
    size = round(size_s * BASE)
    for i in range(0, length - size + 1, round(step_s * BASE)):
        yield i, i + size


def coarse_lags(code: Baseband, x: Baseband) -> list[float]:
    """Every lag at which a second of the pilot is found anywhere in `x`, in seconds; alike ones once."""
    lags: list[float] = []
    for i, j in windows(len(code), COARSE_S, COARSE_S / 2):
        at, sure = peak(coefficients(code[i:j], x))
        lag = (at - i) / BASE
        if sure >= COARSE_SURE and all(abs(lag - known) > REACH_S / 2 for known in lags):
            lags.append(lag)
    return lags


def near(code: Baseband, x: Baseband, i: int, j: int, lag: float, reach_s: float = REACH_S) -> tuple[float, float]:
    """The lag close to `lag` at which samples `i` to `j` of the pilot fit best, and how well."""
    reach = round(reach_s * BASE)
    first = i + round(lag * BASE) - reach
    last = first + (j - i) + 2 * reach
    if first < 0 or last > len(x):
        return lag, 0.0
    at, sure = peak(coefficients(code[i:j], x[first:last]))
    return (first + at - i) / BASE, sure


def sightings(x: Signal, side: str, call_s: float) -> list[Sighting]:
    """The places of the side's pilot in `x` (FULL), window by window."""
    code, recorded = baseband(pilot(side, call_s), side), baseband(x, side)
    code = code[: round(call_s * BASE)]
    lags, found = coarse_lags(code, recorded), []
    for i, j in windows(len(code), FINE_S, STEP_S):
        best = max((near(code, recorded, i, j, lag) for lag in lags), key=lambda one: one[1], default=(0.0, 0.0))
        if best[1] >= FINE_SURE:
            found.append(Sighting((i + j) / 2 / BASE, best[0], best[1]))
    return found
