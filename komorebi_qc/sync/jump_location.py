"""Where between two windows a jump happened: the change point of agreement under the lag before against the lag after.

In frames of 20 ms the call's waveform is compared with the recording's under either lag. Speech before the jump
agrees under the first, speech after it under the second; a pause agrees with neither, and all that can be said
is that the jump lies in it: the interval.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from komorebi_qc.core.samples import RATE, Doubles, Floats, Track, piece

_FRAME = 160
_MARGIN_S = 4
_MOST = 4.0
"""Nats: what a single frame can say at most."""
_NOISE_SPREAD = 1 / 60
"""Variance of the likeness of a frame of noise: a frame of sharpened speech has about 60 degrees of freedom."""
_SPEECH_SPREAD = 0.06
_ABOVE = 2.0
"""Times the channel's idle power: what is fainter is its noise, which the recording doesn't hold."""
_TAIL = 0.002
"""Of the probability, left out on either side: in a long pause 2.5 % would be a word's length."""
_EARLY = 25
"""Frames: half a second before its end a jump in a pause is placed, or in the middle of a short one."""
_LONGEST_S = 240.0


@dataclass(frozen=True, slots=True)
class Voice:
    """One channel's lags before and after the jump, both as they would be at call_s = 0; the drift comes on top."""

    channel: int
    before_s: float
    after_s: float
    later_s: float = 0.0
    """By how much later than the other channel's it is heard: the recording's jump meets an earlier word of it."""


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
    """Sums over each frame of 20 ms."""
    sums: Doubles = x[: len(x) // _FRAME * _FRAME].reshape(-1, _FRAME).sum(axis=1, dtype=np.float64)
    return sums


def _likelihoods(call: Track, recording: Track, voice: Voice, drift: float, start: int, n: int) -> Doubles:
    """(2, frames) log-likelihood of each frame under the lag before and the lag after, against being at neither.

    0 where the channel is silent. A faint frame weighs little and yet counts: a word's onset is often all that tells
    on which side of it the jump lies. A loud one must not decide alone: what it can say has a limit.
    """
    # noise levels come from a wider neighbourhood: within the bracket there may be nothing but speech
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
    # a microphone may turn the phase over
    better = np.where(np.abs(products[0]) > np.abs(products[1]), products[0], products[1])
    gain = float(better.sum() / xx.sum())
    signal = gain**2 * np.maximum(xx - _ABOVE * idle, 0.0)
    inside = slice(margin // _FRAME, (margin + n) // _FRAME)
    out = []
    for product, power in zip(products, powers, strict=True):
        likeness = np.sign(gain) * product / np.sqrt(xx * power)
        # what the frame looks like where it is at this lag, given all else that sounds there
        ideal = np.sqrt(np.minimum(signal / np.maximum(power, signal + max(noise)), 1.0))
        # how far a frame looks alike by chance: noise little, another piece of speech more
        spread = _NOISE_SPREAD + _SPEECH_SPREAD * np.maximum(1.0 - max(noise) / power, 0.0)
        out.append(np.clip(ideal * (likeness - ideal / 2) / spread, -_MOST, _MOST)[inside])
    found: Doubles = np.stack(out)
    return found


def locate(
    call: Track, recording: Track, voices: list[Voice], drift: float, size_s: float, from_s: float, to_s: float
) -> tuple[float, float, float]:
    """(call_s of the jump, and the interval it lies in: 95 % at the least).

    A negative jump lost audio: the frames of the last `-size_s` before it match neither lag. In a long pause any
    place is as likely, and `call_s` is a little before the word that shows the new lag: jitter buffers move there, and
    it is near where the jump took the word's first sound with it.
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
