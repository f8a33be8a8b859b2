"""Measurements on the samples around a seam: speech level, bandwidth, hole, click. Pure.

All samples have the shape ``(n, 2)``, full scale +-1.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, cast

import numpy as np

from komorebi_qc.measure.residual_lag import QUIET_DB
from komorebi_qc.measure.runs import runs

if TYPE_CHECKING:
    from komorebi_qc.core.samples import Floats, Ints, Pcm

NEAR_S = 0.15
"""A hole or a step of the timestamps this near to a seam belongs to it."""
_FRAME_S = 0.020
_SPEECH_S = 1.0
_LEAST_SPEECH_S = 0.2
_SPEECH_RANGE_DB = 8.0
"""Speech rises and falls by far more in any second. Audio that keeps one level is noise."""
_BELOW_LOUDEST_DB = 15.0
_HOLE_POWER = 0.01
"""20 dB below the expected power."""
_SHORTEST_HOLE_S = 0.008
"""Longer than a voice rests between two strokes of the vocal folds."""
_BEND_FLOOR = 10.0 ** (-50.0 / 20.0)
"""A smaller bend is inaudible even in silence."""


def speech_frames(pcm: Pcm, rate: int) -> Ints:
    """Indices of the 20 ms frames of speech, up to a second of them from the front; empty if there is only noise."""
    size = round(_FRAME_S * rate)
    count = len(pcm) // size
    empty = np.zeros(0, np.intp)
    if count < 5:
        return empty
    frames = pcm[: count * size].reshape(count, size * 2)
    level = 10.0 * np.log10(2.0 * np.mean(np.square(frames), axis=1) + 1e-12)
    loud = float(np.percentile(level, 95))
    if loud < QUIET_DB or loud - float(np.percentile(level, 10)) < _SPEECH_RANGE_DB:
        return empty
    active = np.flatnonzero(level >= max(loud - _BELOW_LOUDEST_DB, QUIET_DB))[: round(_SPEECH_S / _FRAME_S)]
    return active if len(active) * _FRAME_S >= _LEAST_SPEECH_S else empty


def level_db(pcm: Pcm, frames: Ints, rate: int) -> float | None:
    """Level of these frames, the powers of both channels added; None without frames."""
    if not len(frames):
        return None
    size = round(_FRAME_S * rate)
    cut = pcm[: len(pcm) // size * size].reshape(-1, size, 2)[frames]
    return 10.0 * math.log10(2.0 * float(np.mean(np.square(cut, dtype=np.float64))) + 1e-12)


def bandwidth_hz(pcm: Pcm, frames: Ints, rate: int) -> float | None:
    """Highest frequency at most 50 dB below the strongest 250 Hz band of these frames; None without frames."""
    if not len(frames):
        return None
    size = round(_FRAME_S * rate)
    cut = pcm[: len(pcm) // size * size].reshape(-1, size, 2)[frames] * np.hanning(size)[None, :, None]
    power = np.mean(np.square(np.abs(np.fft.rfft(cut, axis=1))), axis=(0, 2))
    bins = max(1, round(250.0 * _FRAME_S))
    smooth = np.convolve(power, np.ones(bins) / bins, mode="same")
    above = np.flatnonzero(smooth >= smooth.max() * 1e-5)
    return float(above[-1]) / _FRAME_S if len(above) else None


def hole_s(output: Pcm, first: Pcm, second: Pcm, inside: slice, rate: int) -> float | None:
    """The longest silence within 150 ms of a seam that its sources don't have.

    Silence is a peak 20 dB below the sources' level there, for 8 ms or more.

    Args:
        output: the output.
        first: the source before the fade, at its place in the output.
        second: the source after the fade, likewise.
        inside: the samples of the fade.
        rate: samples a second.

    Returns:
        Seconds, 0 without a hole; None if the sources are silent there.
    """
    near = round(NEAR_S * rate)
    low, high = max(0, inside.start - near), min(len(output), inside.stop + near)
    mean_size, peak_size = max(1, round(0.005 * rate)), max(1, round(0.001 * rate))
    levels = [_moving_mean(np.square(pcm[low:high]).sum(axis=1), mean_size) for pcm in (first, second)]
    expected = np.where(np.arange(low, high) < inside.start, levels[0], levels[1])
    fade = slice(max(0, inside.start - low), max(0, inside.stop - low))
    expected[fade] = np.minimum(levels[0], levels[1])[fade]
    peak = _moving_max(np.square(output[low:high]).sum(axis=1), peak_size)
    # A quieter copy isn't a hole: each side is compared at its own gain.
    middle = (inside.start + inside.stop) // 2 - low
    for side in (slice(0, middle), slice(middle, None)):
        planned = float(np.median(np.sort(expected[side])[::-1][: near // 2]))
        loud = np.sort(peak[side])[::-1][: near // 2]
        played = float(np.median(loud)) if len(loud) else 0.0
        if planned > 0.0:
            expected[side] *= min(1.0, max(played / planned, 1e-3))
    is_expected = expected >= 10.0 ** (QUIET_DB / 10.0)
    if np.count_nonzero(is_expected) < 0.02 * rate:
        return None
    holes: list[tuple[int, int]] = []
    for begin, end in zip(*runs(is_expected & (peak < expected * _HOLE_POWER)), strict=True):
        if holes and begin - holes[-1][1] <= 2 * peak_size:
            holes[-1] = (holes[-1][0], int(end))
        else:
            holes.append((int(begin), int(end)))
    longest_s = max((end - begin for begin, end in holes), default=0) / rate
    # The moving maximum reaches half its window into the hole from either side.
    return longest_s + peak_size / rate if longest_s >= _SHORTEST_HOLE_S else 0.0


def _moving_mean(power: Floats, size: int) -> Floats:
    return np.convolve(power, np.ones(size, np.float32) / np.float32(size), mode="same").astype(np.float32)


def _moving_max(power: Floats, size: int) -> Floats:
    padded = np.pad(power, (size // 2, size - 1 - size // 2), mode="edge")
    return cast("Floats", np.lib.stride_tricks.sliding_window_view(padded, size).max(axis=1))


def click_db(output: Pcm, first: Pcm, second: Pcm, inside: slice, rate: int) -> float:
    """How far the sharpest bend of the wave near a seam exceeds the usual bends around it and in the sources.

    A bend is a second difference: a jump from one sample to the next has a large one, a voice at telephone bandwidth
    doesn't. Usual is the bend that one sample in a thousand exceeds within a quarter of a second on either side; audio
    masks other audio for no longer than about 0.2 s.

    Args:
        output: the output.
        first: the source before the fade, at its place in the output.
        second: the source after the fade, likewise.
        inside: the samples of the fade.
        rate: samples a second.
    """
    near, far, skirt = round(0.025 * rate), round(0.250 * rate), round(0.035 * rate)
    bends = _bends(output)
    low, high = max(0, inside.start - near), min(len(bends), inside.stop + near)
    around = np.concatenate([bends[max(0, low - far) : max(0, low - skirt)], bends[high + skirt : high + far]])
    usual = float(np.percentile(around, 99.9)) if len(around) else 0.0
    # Each source only while it plays: the end of the call is a bend of its own, because silence follows.
    own = [_bends(first)[low : max(low, inside.start - 4)], _bends(second)[inside.stop + 4 : high]]
    most = max(float(part.max(initial=0.0)) for part in own)
    peak = float(bends[low:high].max(initial=0.0))
    return 20.0 * math.log10(max(peak, 1e-9) / max(usual, most, _BEND_FLOOR))


def _bends(pcm: Pcm) -> Floats:
    out = np.zeros(len(pcm), np.float32)
    if len(pcm) > 2:
        out[1:-1] = np.abs(np.diff(pcm, n=2, axis=0)).max(axis=1)
    return out
