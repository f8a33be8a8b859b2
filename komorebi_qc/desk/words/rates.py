"""Changes of the recording clock in words: of its rate, and jumps."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from komorebi_qc.core.timebase import clock_text

if TYPE_CHECKING:
    from komorebi_qc.core.timebase import Alignment

MOST_SHOWN = 5
LEAST_PPM = 0.05
"""A smaller change is a rounding error: texts have one decimal."""


@dataclass(frozen=True, slots=True)
class RateChange:
    """A moment at which the recording clock's rate changes.

    Attributes:
        call_s: the moment, call clock.
        before_ppm: the rate before it, in parts per million beyond that of the call clock.
        after_ppm: the rate after it.
    """

    call_s: float
    before_ppm: float
    after_ppm: float


def rate_changes(alignment: Alignment, call_s: float) -> tuple[RateChange, ...]:
    """Return the changes of the rate within a call of ``call_s`` seconds, in order."""
    found = [
        RateChange(after.call.start_s, _ppm(before.rate), _ppm(after.rate))
        for before, after in pairwise(alignment.segments(call_s))
        if after.continues
    ]
    return tuple(change for change in found if abs(change.after_ppm - change.before_ppm) >= LEAST_PPM)


def rates_text(changes: tuple[RateChange, ...]) -> str:
    """Return the changes in words, such as "from +50.0 to -60.0 ppm at 00:02:20 of the call"; empty without any."""
    shown = [
        f"from {change.before_ppm:+.1f} to {change.after_ppm:+.1f} ppm at {clock_text(change.call_s)[:-4]} of the call"
        for change in changes[:MOST_SHOWN]
    ]
    more = [f"and {len(changes) - MOST_SHOWN} more"] if len(changes) > MOST_SHOWN else []
    return "; ".join([*shown, *more])


def rates_sentence(changes: tuple[RateChange, ...]) -> str:
    """Return the changes as a sentence; empty without any."""
    if not changes:
        return ""
    times = "" if len(changes) == 1 else f" {len(changes)} times"
    return f"The clock's rate changes{times}: {rates_text(changes)}."


def size_text(size_s: float) -> str:
    """Return the size of a jump with its sign: in milliseconds, from 1 s on in seconds."""
    return f"{size_s:+.2f} s" if abs(size_s) >= 1.0 else f"{size_s * 1000:+.0f} ms"


def _ppm(rate: float) -> float:
    return (rate - 1.0) * 1e6
