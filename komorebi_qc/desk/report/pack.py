"""Waveform envelopes of tracks, packed for the page: the extremes of each bin in 8 bits, deflated, as text.

The extremes are companded by their square root, so that quiet speech keeps its shape:
``q = sign * round(127 * sqrt|x|)``. All tracks of a part have the same bins. Its bytes are, track after
track, the lowest values of all bins, then the highest ones.
"""

from __future__ import annotations

import base64
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from komorebi_qc.measure.envelope import waveform_envelope

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from komorebi_qc.core.samples import Doubles


_STEPS_S = (0.001, 0.002, 0.005, 0.010, 0.020, 0.050, 0.100, 0.200, 0.500, 1.0)
_FINE_STEP_S, _FINE_EACH_S = 0.001, 1.5
_SAMPLES_EACH_S = 0.060


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of all tracks at one bin length, in the form that the page's script reads."""

    start_s: float
    step_s: float
    bins: int
    data: str

    def holds(self, from_s: float, to_s: float) -> bool:
        """Whether a stretch is in it, except for one bin at each end."""
        return self.start_s - self.step_s <= from_s and to_s <= self.start_s + self.step_s * (self.bins + 1)

    def to_dict(self) -> dict[str, Any]:
        """The part for JSON."""
        return {"start_s": self.start_s, "step_s": self.step_s, "bins": self.bins, "data": self.data}


def pack(
    tracks: Sequence[NDArray[np.int16]], rate: int, moments_s: Sequence[float], budget: int
) -> tuple[Part, tuple[Part, ...]]:
    """Pack the whole at one bin length, and the neighbourhoods of moments in more detail, within a budget.

    Args:
        tracks: each ``(n,)``, on one clock that begins at 0; lengths may differ.
        rate: samples a second.
        moments_s: moments that need detail, the most important first.
        budget: characters of all parts together. The details take a third at most.
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
    # Bins that can't fit are skipped: deflate shrinks them to a quarter at best.
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
    found = waveform_envelope(samples, None, [np.arange(bins + 1) * size])
    return _companded(found.low), _companded(found.high)


def _companded(values: Doubles) -> NDArray[np.int8]:
    """Values of full scale 1 in 8 bits."""
    companded: NDArray[np.int8] = (np.sign(values) * np.round(127 * np.sqrt(np.abs(values)))).astype(np.int8)
    return companded
