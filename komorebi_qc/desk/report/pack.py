"""The outline of tracks, packed for the page: extremes of each bin in 8 bits, deflated, as text.

Extremes are companded by their square root, so that quiet speech keeps its shape: ``q = sign * round(127 * sqrt|x|)``.
All tracks of a part have the same bins: its bytes are, track after track, every bin's lowest, then every bin's highest.
"""

from __future__ import annotations

import base64
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_STEPS_S = (0.001, 0.002, 0.005, 0.010, 0.020, 0.050, 0.100, 0.200, 0.500, 1.0)
_FINE_STEP_S, _FINE_EACH_S = 0.001, 1.5
_SAMPLES_EACH_S = 0.060


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of all tracks at one bin length, as the page's script reads it."""

    start_s: float
    step_s: float
    bins: int
    data: str

    def holds(self, from_s: float, to_s: float) -> bool:
        """Whether a stretch lies in it, but for a bin at either end."""
        return self.start_s - self.step_s <= from_s and to_s <= self.start_s + self.step_s * (self.bins + 1)

    def to_dict(self) -> dict[str, Any]:
        """For the page."""
        return {"start_s": self.start_s, "step_s": self.step_s, "bins": self.bins, "data": self.data}


def pack(
    tracks: Sequence[NDArray[np.int16]], rate: int, moments_s: Sequence[float], budget: int
) -> tuple[Part, tuple[Part, ...]]:
    """The whole at one bin length, and round the moments finer, within a budget of characters.

    Args:
        tracks: each ``(n,)``, on one clock that begins at 0; of different lengths, perhaps.
        rate: samples a second.
        moments_s: what somebody will want to look at closely, the most important first.
        budget: characters in all; what is finer takes a third at most, the whole all that is left.
    """
    fine: list[Part] = []
    left = budget // 3
    longest_s = max((len(track) for track in tracks), default=0) / rate
    for each_s, step_s in ((_SAMPLES_EACH_S, 1 / rate), (_FINE_EACH_S, _FINE_STEP_S)):
        for moment_s in moments_s:
            near_s = min(each_s / 2, longest_s / 2)
            inside_s = min(max(moment_s, near_s), longest_s - near_s)
            if any(p.step_s == step_s and p.holds(inside_s - near_s, inside_s + near_s) for p in fine):
                continue
            part = _part(tracks, rate, moment_s - each_s, moment_s + each_s, step_s)
            if part.bins and len(part.data) <= left:
                fine.append(part)
                left -= len(part.data)
    left += budget - budget // 3
    # Bins too short to fit whatever the sound is aren't tried: deflate makes a quarter of them at best.
    worst = longest_s * 8 * len(tracks) / 3
    steps = [step_s for step_s in _STEPS_S if worst / step_s <= 4 * left] or [_STEPS_S[-1]]
    for step_s in steps:
        whole = _part(tracks, rate, 0.0, None, step_s)
        if len(whole.data) <= left:
            break
    return whole, tuple(part for part in fine if part.step_s < whole.step_s)


def _part(tracks: Sequence[NDArray[np.int16]], rate: int, from_s: float, to_s: float | None, step_s: float) -> Part:
    size = max(1, round(rate * step_s))
    longest = max((len(track) for track in tracks), default=0)
    begin = max(0, int(from_s * rate)) // size * size
    stop = longest if to_s is None else min(longest, int(to_s * rate))
    bins = max(0, -(-(stop - begin) // size))
    rows = [row for track in tracks for row in _extremes(track[begin:stop], size, bins)]
    raw = np.concatenate(rows).tobytes() if rows else b""
    squeezed = zlib.compressobj(9, zlib.DEFLATED, -15)
    data = base64.b64encode(squeezed.compress(raw) + squeezed.flush()).decode()
    return Part(begin / rate, size / rate, bins, data)


def _extremes(samples: NDArray[np.int16], size: int, bins: int) -> tuple[NDArray[np.int8], NDArray[np.int8]]:
    padded = np.zeros(bins * size, np.int16)
    padded[: len(samples)] = samples
    binned = padded.reshape(bins, size)
    return _companded(binned.min(axis=1)), _companded(binned.max(axis=1))


def _companded(values: NDArray[np.int16]) -> NDArray[np.int8]:
    x = values.astype(np.float32) / np.float32(32768)
    companded: NDArray[np.int8] = (np.sign(x) * np.round(127 * np.sqrt(np.abs(x)))).astype(np.int8)
    return companded
