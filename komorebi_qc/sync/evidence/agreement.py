"""Agreement over the call: the windows of both voices in time order, their gaps, and the parts without a break."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from komorebi_qc.core.samples import Doubles, Flags, Ints
    from komorebi_qc.sync.lags.windows import Chain

LEAST_SPEECH_S = 5.0
"""Least speech of a stretch without agreement. Less is an overlap of voices, a noise, or a word."""
LEAST_BREAK_S = 2.0
"""Disagreeing speech of this length ends an unbroken part."""
LAST_PAUSE_S = 10.0
"""Longest pause between the agent's last word and the end of the agent's part."""
NEAR_S = 0.01
"""Tolerance for a window's lag in a run: drift over minutes."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of the call, on the call clock, in which no present voice agrees with the recording."""

    from_s: float
    to_s: float
    speech_s: float


@dataclass(frozen=True, slots=True)
class MergedWindows:
    """The windows of the present voices, in time order."""

    channel: Ints
    row: Ints
    time_s: Doubles
    weight_s: Doubles
    lag_s: Doubles
    z: Doubles
    on: Flags
    audible: Flags


def merged_windows(chains: tuple[Chain, Chain], is_present: list[bool]) -> MergedWindows:
    """Merge the windows of the channels that are present, in time order."""
    which = [k for k in (0, 1) if is_present[k]]
    time_s = np.concatenate([chains[k].windows.centre_s for k in which])
    order = np.argsort(time_s, kind="stable")

    def of(parts: list[np.ndarray]) -> np.ndarray:
        joined: np.ndarray = np.concatenate(parts)[order]
        return joined

    return MergedWindows(
        of([np.full(len(chains[k].on), k) for k in which]),
        of([np.arange(len(chains[k].on)) for k in which]),
        time_s[order],
        of([chains[k].windows.weight_s for k in which]),
        of([chains[k].lag_s for k in which]),
        of([chains[k].z for k in which]),
        of([chains[k].on for k in which]),
        of([chains[k].windows.audible for k in which]),
    )


def solid(on: Flags) -> Flags:
    """Return the agreeing windows with agreeing neighbours; a single one is chance."""
    if len(on) < 3:
        return on.copy()
    # "same" would return five values for three or four windows
    near = np.convolve(on.astype(int), np.ones(5, int))[2:-2]
    return on & (near >= 3)


def gaps(m: MergedWindows) -> list[tuple[int, int]]:
    """Return [first, last) of the windows between two solid ones, before the first, and after the last."""
    at = np.flatnonzero(solid(m.on))
    edges = np.concatenate([[-1], at, [len(m.on)]])
    return [(int(a) + 1, int(b)) for a, b in pairwise(edges) if b - a > 1]


def unmatched(chains: tuple[Chain, Chain], is_present: list[bool], half_s: float, call_s: float) -> tuple[Stretch, ...]:
    """Return the stretches with `LEAST_SPEECH_S` of speech or more that don't agree with the recording's audio."""
    if not any(is_present):
        return ()
    m = merged_windows(chains, is_present)
    out = []
    for a, b in gaps(m):
        speech = float(m.weight_s[a:b][m.audible[a:b] & ~m.on[a:b]].sum())
        if speech >= LEAST_SPEECH_S:
            first = 0.0 if a == 0 else float(m.time_s[a - 1]) + half_s
            last = call_s if b == len(m.on) else float(m.time_s[b]) - half_s
            out.append(Stretch(first, max(last, first), speech))
    return tuple(out)


def unbroken(
    chains: tuple[Chain, Chain], is_present: list[bool], half_s: float, call_s: float
) -> tuple[float, float] | None:
    """Return the longest part of the call (call_s) in which the present voices agree at one lag without a break."""
    if not any(is_present):
        return None
    m = merged_windows(chains, is_present)
    at = np.flatnonzero(solid(m.on))
    if len(at) == 0:
        return None
    failed = np.concatenate([[0.0], np.cumsum(np.where(m.audible & ~m.on, m.weight_s, 0.0))])
    apart = np.diff(failed[at]) >= LEAST_BREAK_S
    # Compare a voice with its own last lag: the other voice is later by the network delay.
    for channel in (0, 1):
        own = np.flatnonzero(m.channel[at] == channel)
        if len(own) > 1:
            apart[own[1:][np.abs(np.diff(m.lag_s[at[own]])) > NEAR_S] - 1] = True
    parts = np.split(at, np.flatnonzero(apart) + 1)
    part = max(parts, key=lambda p: float(m.time_s[p[-1]] - m.time_s[p[0]]))
    return max(float(m.time_s[part[0]]) - half_s, 0.0), min(float(m.time_s[part[-1]]) + half_s, call_s)


def ends_as_reported(
    chains: tuple[Chain, Chain], part: tuple[float, float] | None, reported_call_s: float | None, resolution_s: float
) -> bool:
    """Return whether an unbroken part ends at the reported call end: nobody speaks in the call between the two.

    Args:
        chains: of the customer and the agent.
        part: as `unbroken` returns it.
        reported_call_s: the reported call end on the call clock; None if it isn't known.
        resolution_s: its unit; it may be early by that much.
    """
    if part is None or reported_call_s is None:
        return False
    # The last agreeing window may reach beyond the last word by half of its length.
    half_s = max(c.windows.size_s for c in chains) / 2
    if not -resolution_s - half_s <= reported_call_s - part[1] <= LAST_PAUSE_S:
        return False
    spoken_s = np.concatenate([c.windows.centre_s for c in chains])
    return not np.any((spoken_s > part[1] + half_s) & (spoken_s < reported_call_s - half_s))
