"""The time of a jump between two windows: the change point from agreement at the lag before to the lag after.

In frames of 20 ms the call's waveform is compared with the recording's at either lag. Speech before the jump agrees at
the first lag, speech after it at the second. A pause agrees at neither, so the jump is somewhere in it: the interval.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from komorebi_qc.core.samples import RATE, Doubles, Floats, Track, piece

_FRAME = 160
_MARGIN_S = 4
_MOST = 4.0
"""Nats: the largest weight of a single frame."""
_NOISE_SPREAD = 1 / 60
"""Variance of a noise frame's similarity: a frame of sharpened speech has about 60 degrees of freedom."""
_SPEECH_SPREAD = 0.06
_ABOVE = 2.0
"""Multiple of the channel's idle power. Fainter sound is channel noise, which isn't in the recording."""
_TAIL = 0.002
"""Probability left out on either side. In a long pause 2.5 % would be a word's length."""
_EARLY = 25
"""Frames: a jump in a pause is placed half a second before its end, or in the middle of a short one."""
_LONGEST_S = 240.0


@dataclass(frozen=True, slots=True)
class Voice:
    """One channel's lags before and after the jump, both at call_s = 0, without drift."""

    channel: int
    before_s: float
    after_s: float
    later_s: float = 0.0
    """Delay against the other channel: a jump of the recording meets an earlier word of this one."""


def _shifted(recording: Track, start: int, n: int, lag_s: float) -> Floats:
    """Return recording samples for call samples start..start+n at a fractional lag (windowed sinc, 16 taps)."""
    whole = int(np.floor(lag_s * RATE))
    part = lag_s * RATE - whole
    x = piece(recording, start + whole - 7, start + whole + n + 8)
    k = np.arange(-7, 9)
    h = np.sinc(k - part) * np.cos(np.pi * (k - part) / 18.0) ** 2
    return np.convolve(x, h[::-1].astype(np.float32), "valid")[:n].astype(np.float32)


def _along(recording: Track, start: int, n: int, lag_s: float, drift: float) -> Floats:
    """Return the same at a drifting lag, two seconds at a time.

    Over a long pause, drift exceeds a wave's length.
    """
    parts = []
    for a in range(start, start + n, 2 * RATE):
        m = min(2 * RATE, start + n - a)
        parts.append(_shifted(recording, a, m, lag_s + drift * (a + m / 2) / RATE))
    return np.concatenate(parts)


def _sharpened(x: Floats) -> Floats:
    """Return a first difference. It flattens speech, so that the loudest formant doesn't dominate."""
    out = np.empty_like(x)
    out[0] = 0.0
    np.subtract(x[1:], np.float32(0.9) * x[:-1], out=out[1:])
    return out


def _frame_sums(x: Floats) -> Doubles:
    """Return sums over each frame of 20 ms."""
    sums: Doubles = x[: len(x) // _FRAME * _FRAME].reshape(-1, _FRAME).sum(axis=1, dtype=np.float64)
    return sums


def _likelihoods(call: Track, recording: Track, voice: Voice, drift: float, start: int, n: int) -> Doubles:
    """Return the log-likelihood ``(2, frames)`` of each frame at the lag before and the lag after, against neither.

    It is 0 for silence. A faint frame has little weight, but counts: often only a word's onset shows the side of the
    jump. The weight of a loud frame is limited.
    """
    # Noise levels come from a wider neighbourhood: within the interval there may be only speech.
    margin = _MARGIN_S * RATE // _FRAME * _FRAME
    start -= round(voice.later_s * RATE)
    x = _sharpened(piece(call, start - margin, start + n + margin, voice.channel))
    xx = _frame_sums(x * x) + 1e-12
    idle = float(np.percentile(xx, 10))
    products, powers, noise = [], [], []
    for lag in (voice.before_s, voice.after_s):
        y = _sharpened(_along(recording, start - margin, n + 2 * margin, lag, drift))
        products.append(_frame_sums(x * y))
        powers.append(_frame_sums(y * y) + 1e-12)
        noise.append(float(np.percentile(powers[-1], 10)))
    # A microphone may invert the phase.
    better = np.where(np.abs(products[0]) > np.abs(products[1]), products[0], products[1])
    gain = float(better.sum() / xx.sum())
    signal = gain**2 * np.maximum(xx - _ABOVE * idle, 0.0)
    inside = slice(margin // _FRAME, (margin + n) // _FRAME)
    out = []
    for product, power in zip(products, powers, strict=True):
        likeness = np.sign(gain) * product / np.sqrt(xx * power)
        # The expected similarity of the frame at this lag, given the other sound.
        ideal = np.sqrt(np.minimum(signal / np.maximum(power, signal + max(noise)), 1.0))
        # The similarity by chance: little for noise, more for other speech.
        spread = _NOISE_SPREAD + _SPEECH_SPREAD * np.maximum(1.0 - max(noise) / power, 0.0)
        out.append(np.clip(ideal * (likeness - ideal / 2) / spread, -_MOST, _MOST)[inside])
    found: Doubles = np.stack(out)
    return found


def locate(
    call: Track, recording: Track, voices: list[Voice], drift: float, size_s: float, from_s: float, to_s: float
) -> tuple[float, float, float]:
    """Return call_s of the jump, and an interval that contains it with at least 95 %.

    A negative jump lost audio: the frames of the last `-size_s` before it match neither lag. In a long pause any place
    is equally likely, so `call_s` is just before the word that shows the new lag: jitter buffers adjust there.
    """
    if to_s - from_s > _LONGEST_S:
        return (from_s + to_s) / 2, from_s, to_s
    start = int(from_s * RATE)
    n = max(int((to_s - from_s) * RATE), _FRAME * 4) // _FRAME * _FRAME
    likelihood = np.zeros((2, n // _FRAME))
    for voice in voices:
        likelihood += _likelihoods(call, recording, voice, drift, start, n)
    before, after = np.concatenate([np.zeros((2, 1)), np.cumsum(likelihood, axis=1)], axis=1)
    at = np.arange(n // _FRAME + 1)
    gone = np.maximum(at - round(max(-size_s, 0.0) * RATE / _FRAME), 0)
    score = before[gone] + after[-1] - after[at]
    chance = np.exp(score - score.max())
    total = np.cumsum(chance) / chance.sum()
    low, middle, high = (int(np.searchsorted(total, q)) for q in (_TAIL, 0.5, 1.0 - _TAIL))
    first, last = max(low - 1, 0), min(high + 1, n // _FRAME)
    place = max(middle, last - _EARLY)
    return (start + place * _FRAME) / RATE, (start + first * _FRAME) / RATE, (start + last * _FRAME) / RATE
