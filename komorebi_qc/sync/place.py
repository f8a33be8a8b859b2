"""Where between two windows a jump happened: the change point of agreement under the lag before against the lag after.

In frames of 20 ms the call's waveform is compared with the recording's under either lag. Speech before the jump
agrees under the first, speech after it under the second; a pause agrees with neither, and all that can be said
is that the jump lies in it: the interval.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from komorebi_qc.sync.samples import RATE, Doubles, Floats, Track, piece

_FRAME = 160
_MARGIN_S = 4
_FLOOR = np.exp(-4.0)
_LOST = -2.0
"""Speech that matches neither lag is better explained by loss, speech that matches is not."""
_LONGEST_S = 240.0


@dataclass(frozen=True, slots=True)
class Voice:
    """One channel's lags before and after the jump, both as they would be at call_s = 0; the drift comes on top."""

    channel: int
    before_s: float
    after_s: float


def _shifted(recording: Track, start: int, n: int, lag_s: float) -> Floats:
    """Recording samples under call samples start..start+n at a fractional lag (windowed sinc, 16 taps)."""
    whole = int(np.floor(lag_s * RATE))
    part = lag_s * RATE - whole
    x = piece(recording, start + whole - 7, start + whole + n + 8)
    k = np.arange(-7, 9)
    h = np.sinc(k - part) * np.cos(np.pi * (k - part) / 18.0) ** 2
    return np.convolve(x, h[::-1].astype(np.float32), "valid")[:n].astype(np.float32)


def _along(recording: Track, start: int, n: int, lag_s: float, drift: float) -> Floats:
    """The same under a lag that drifts, two seconds at a time.

    Over a long pause a drift is more than a wave's length.
    """
    parts = []
    for a in range(start, start + n, 2 * RATE):
        m = min(2 * RATE, start + n - a)
        parts.append(_shifted(recording, a, m, lag_s + drift * (a + m / 2) / RATE))
    return np.concatenate(parts)


def _sharpened(x: Floats) -> Floats:
    """A first difference: flattens speech, so that the comparison does not rest on the loudest formant alone."""
    out = np.empty_like(x)
    out[0] = 0.0
    np.subtract(x[1:], np.float32(0.9) * x[:-1], out=out[1:])
    return out


def _frame_sums(x: Floats) -> Doubles:
    """Sums over 60 ms round each frame of 20 ms."""
    sums = x[: len(x) // _FRAME * _FRAME].reshape(-1, _FRAME).sum(axis=1, dtype=np.float64)
    padded = np.concatenate([[0.0], sums, [0.0]])
    smooth: Doubles = padded[:-2] + padded[1:-1] + padded[2:]
    return smooth


def _likelihoods(call: Track, recording: Track, voice: Voice, drift: float, start: int, n: int) -> Doubles:
    """(3, frames) log-likelihood of each frame under the lag before, the lag after, and lost.

    0 where the channel is silent.

    A frame that matches neither (lost audio, double talk) must not decide by the accident of which speech it resembles
    more: each likelihood has a floor.
    """
    # noise levels come from a wider neighbourhood: within the bracket there may be nothing but speech
    margin = _MARGIN_S * RATE // _FRAME * _FRAME
    wide = _sharpened(piece(call, start - margin, start + n + margin, voice.channel))
    power = _frame_sums(wide * wide)
    idle = float(np.percentile(power, 10)) + 1e-9
    inside, frames = slice(margin, margin + n), slice(margin // _FRAME, (margin + n) // _FRAME)
    x, xx = wide[inside], power[frames] + 1e-12
    products, likeness, noise = [], [], []
    for lag in (voice.before_s, voice.after_s):
        y = _sharpened(_along(recording, start - margin, n + 2 * margin, lag, drift))
        yy = _frame_sums(y * y)
        noise.append(float(np.percentile(yy, 10)))
        products.append(_frame_sums(x * y[inside]))
        likeness.append(products[-1] / np.sqrt(xx * (yy[frames] + 1e-12)))
    gain = float(np.maximum(np.maximum(products[0], products[1]), 0.0).sum() / xx.sum())
    signal = gain**2 * np.maximum(xx - idle, 0.0)
    voiced = signal / (signal + max(noise) + gain**2 * idle + 1e-12)
    # what a frame under the right lag looks like, given its noise
    ideal = np.sqrt(voiced) + 1e-3
    fit = [np.log(np.exp(-np.maximum(1.0 - rho / ideal, 0.0) / 0.15) + _FLOOR) for rho in likeness]
    weight = np.clip(2.0 * voiced - 0.4, 0.0, 1.0)
    out: Doubles = np.stack([fit[0] * weight, fit[1] * weight, _LOST * weight])
    return out


def change(
    call: Track, recording: Track, voices: list[Voice], drift: float, size_s: float, from_s: float, to_s: float
) -> tuple[float, float, float]:
    """(median call_s of the jump, and the 95 % interval round it).

    A negative jump lost audio: the frames of the last `-size_s` before it match neither lag.
    """
    if to_s - from_s > _LONGEST_S:
        return (from_s + to_s) / 2, from_s, to_s
    start = int(from_s * RATE)
    n = max(int((to_s - from_s) * RATE), _FRAME * 4) // _FRAME * _FRAME
    likelihood = np.zeros((3, n // _FRAME))
    for voice in voices:
        likelihood += _likelihoods(call, recording, voice, drift, start, n)
    before, after, lost = np.concatenate([np.zeros((3, 1)), np.cumsum(likelihood, axis=1)], axis=1)
    at = np.arange(n // _FRAME + 1)
    gone = np.maximum(at - round(max(-size_s, 0.0) * RATE / _FRAME), 0)
    score = before[gone] + lost[at] - lost[gone] + after[-1] - after[at]
    chance = np.exp(score - score.max())
    total = np.cumsum(chance) / chance.sum()
    low, middle, high = (int(np.searchsorted(total, q)) for q in (0.025, 0.5, 0.975))
    return (
        (start + middle * _FRAME) / RATE,
        (start + low * _FRAME) / RATE,
        (start + min(high, n // _FRAME) * _FRAME) / RATE,
    )
