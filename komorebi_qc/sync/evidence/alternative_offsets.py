"""Other offsets that fit the evidence: loops, hold music, repeated prompts.

Repetition misleads windowed agreement: in a loop, every window agrees at an offset that is one loop off. So each
offset at which blocks look similar is tested like the chosen one. A window that agrees there too is no evidence for
the call's place.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from komorebi_qc.core.samples import RATE, Doubles, Flags, Ints, Track
from komorebi_qc.sync.lags.coarse import Course, Hits, offsets_elsewhere
from komorebi_qc.sync.lags.gcc_phat import lag_peaks

if TYPE_CHECKING:
    from komorebi_qc.sync.lags.windows import Chain


@dataclass(frozen=True, slots=True)
class AlternativeOffset:
    """Another offset that fits part of the evidence."""

    offset_s: float
    period_s: float
    """Distance from the chosen offset."""
    score: float
    """Share of the agreeing windows that agree there too, 0..1."""


def find_alternative_offsets(
    call: Track,
    recording: Track,
    chains: tuple[Chain, Chain],
    is_present: list[bool],
    hits: Hits,
    course: Course,
    offset_s: float,
    size: int,
) -> tuple[tuple[Flags, Flags], tuple[AlternativeOffset, ...]]:
    """Return the windows that also agree at another offset, and the offsets that many of them share."""
    repeated = (np.zeros(len(chains[0].on), bool), np.zeros(len(chains[1].on), bool))
    alternative_offsets: list[AlternativeOffset] = []
    asked = sum(int(np.count_nonzero(c.on)) for c, h in zip(chains, is_present, strict=True) if h)
    for shift, share in offsets_elsewhere(hits, course):
        if share < 0.02 and len(alternative_offsets) > 2:
            continue
        agreeing = 0.0
        lags: list[Doubles] = []
        for chain, flags, ok in zip(chains, repeated, is_present, strict=True):
            which = np.flatnonzero(chain.on)
            if not ok or len(which) == 0:
                continue
            stride = max(len(which) // 120, 1)
            # Test a few windows first: most offsets fail at once.
            few = which[:: max(len(which) // 10, 1)]
            if len(few) >= 10 and not _again(call, recording, chain, few, shift, size)[0].any():
                continue
            sample = which[::stride]
            again, moved = _again(call, recording, chain, sample, shift, size)
            lags.append(moved[again])
            agreeing += float(np.count_nonzero(again)) * stride
            for at in np.flatnonzero(again):
                k = at * stride
                flags[which[k : k + stride]] = True
        if agreeing >= max(3.0, 0.1 * asked):
            exact = float(np.median(np.concatenate(lags)))
            alternative_offsets.append(
                AlternativeOffset(offset_s + exact, abs(exact), min(agreeing / max(asked, 1), 1.0))
            )
    alternative_offsets.sort(key=lambda r: -r.score)
    return repeated, tuple(alternative_offsets)


def _again(
    call: Track, recording: Track, chain: Chain, which: Ints, shift_s: float, size: int
) -> tuple[Flags, Doubles]:
    """Return the windows that also agree `shift_s` away from their lag, and the exact distance."""
    starts = np.rint(chain.windows.start_s[which] * RATE).astype(np.intp)
    centres = np.rint((chain.lag_s[which] + shift_s) * RATE).astype(np.intp)
    found = lag_peaks(call, chain.windows.channel, recording, starts, centres, size, 1024)
    return (found.z[:, 0] > 9.0) & (found.z[:, 0] > 0.3 * chain.z[which]), found.lag_s[:, 0] - chain.lag_s[which]
