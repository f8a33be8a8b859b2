"""A conversation of two voices that differ, with parts of it that the call audio lacks."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from talkers import RATE

from komorebi_qc.core.timebase import Alignment

LEAD_S = 3.0


@dataclass(frozen=True, slots=True, eq=False)
class Conversation:
    """Both voices on the conversation's clock, and the recording of all of it.

    Attributes:
        voices: customer and agent, shape ``(n, 2)``.
        recording: both voices and some noise; the conversation begins in it at `LEAD_S`.
    """

    voices: np.ndarray
    recording: np.ndarray

    def call(self, from_s: float = 0.0, to_s: float | None = None) -> np.ndarray:
        """A part of it, as Connect's own file."""
        stop = None if to_s is None else round(to_s * RATE)
        return self.voices[round(from_s * RATE) : stop].copy()

    def at(self, from_s: float = 0.0) -> Alignment:
        """The place of such a part."""
        return Alignment(LEAD_S + from_s)


def voice(rng: np.random.Generator, seconds: float, low_hz: float, high_hz: float) -> np.ndarray:
    """Syllables in a band of their own."""
    n = int(seconds * RATE)
    spectrum = np.fft.rfft(rng.normal(0, 1, n))
    f = np.fft.rfftfreq(n, 1 / RATE)
    spectrum *= 1.0 / (1.0 + (np.minimum(np.abs(f - low_hz), np.abs(f - high_hz)) / 400.0)) * ((f > 200) & (f < 3500))
    x = np.fft.irfft(spectrum, n)
    knots = rng.uniform(0.2, 1.0, max(int(seconds * 8), 2))
    return x / np.std(x) * np.interp(np.arange(n), np.linspace(0, n, len(knots)), knots) * 0.08


@cache
def conversation(seconds: float = 60.0, seed: int = 5, *, customer: bool = True, after_s: float = 0.0) -> Conversation:
    """Turns of one to three seconds, and the agent alone for `after_s` behind them.

    Args:
        seconds: of both voices.
        seed: draws it.
        customer: whether the recording has the customer.
        after_s: of the agent alone, after the conversation.
    """
    rng = np.random.default_rng(seed)
    out = np.zeros((int(seconds * RATE), 2))
    t, turn = 0.2, 1
    while t < seconds - 3.5:
        long = float(rng.uniform(1.0, 3.0))
        x = voice(rng, long, *((400.0, 700.0) if turn else (1600.0, 2600.0)))
        out[int(t * RATE) : int(t * RATE) + len(x), turn] += x
        t += long + float(rng.uniform(0.2, 0.7))
        turn ^= 1
    out += rng.normal(0, 3e-4, out.shape)
    track = np.zeros(int((LEAD_S + seconds + max(after_s, 1.0)) * RATE))
    first = int(LEAD_S * RATE)
    track[first : first + len(out)] = out[:, 1] + 0.7 * out[:, 0] * customer
    t = seconds + 0.5
    while t < seconds + after_s - 3.0:
        x = voice(rng, 2.0, 400.0, 700.0)
        track[first + int(t * RATE) : first + int(t * RATE) + len(x)] += x
        t += 2.6
    track += rng.normal(0, 1e-3, len(track))
    voices = np.clip(out * 32767, -32768, 32767).astype(np.int16)
    return Conversation(voices, np.clip(track * 32767, -32768, 32767).astype(np.int16))
