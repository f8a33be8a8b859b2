"""The numbers behind the status: agreement, disagreement, and the explained share of the recording."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from komorebi_qc.sync.evidence.classify import Channel, Evidence
from komorebi_qc.sync.vad import FRAME_S, Activity

if TYPE_CHECKING:
    from komorebi_qc.core.samples import Flags
    from komorebi_qc.sync.fit.model import Fit
    from komorebi_qc.sync.lags.windows import Chain

CUSTOMER, AGENT = 0, 1
LONGEST_TURN_S = 15.0
LARGE_JUMP_S = 0.05


def gather(
    call_s: float,
    activities: tuple[Activity, Activity],
    recording_activity: Activity,
    chains: tuple[Chain, Chain],
    is_present: list[bool],
    result: Fit,
    repeated: tuple[Flags, Flags],
    alternative_offsets: int,
) -> Evidence:
    """Return the evidence for a fit. `repeated`: the windows that also agree at another offset."""
    channels = [
        _channel(activity, chain, ok, again)
        for activity, chain, ok, again in zip(activities, chains, is_present, repeated, strict=True)
    ]
    active, explained, contradicted = _explained(call_s, activities, recording_activity, chains, is_present, result)
    spoken = sum(a.active_s for a in activities)
    overlap = sum(c.active_s for c in channels) / spoken if spoken > 0 else 0.0
    large = sum(abs(s.size_s) > LARGE_JUMP_S for s in result.steps)
    return Evidence(
        channels[CUSTOMER],
        channels[AGENT],
        active,
        explained,
        contradicted,
        alternative_offsets,
        large,
        min(overlap, 1.0),
    )


def _channel(activity: Activity, chain: Chain, ok: bool, again: Flags) -> Channel:
    w = chain.windows
    on = chain.on & ok
    usable = w.audible
    active = float(w.weight_s[usable].sum())
    agreed = on & usable
    inside = np.zeros(len(on), bool)
    if agreed.any():
        first, last = np.flatnonzero(agreed)[[0, -1]]
        inside[first : last + 1] = True
    inside &= usable
    within = float(w.weight_s[inside].sum())
    turns = agreed_turns = 0
    missing_turns_s = 0.0
    distinct_at_s = []
    in_turns = np.zeros(len(on), bool)
    for a, b in activity.turns:
        here = usable & (w.centre_s >= a * FRAME_S - 0.25 * w.size_s) & (w.centre_s <= b * FRAME_S + 0.25 * w.size_s)
        if not here.any():
            continue
        turns += 1
        if (b - a) * FRAME_S > LONGEST_TURN_S:
            continue  # nobody speaks that long without a breath: it is music, which two calls may share
        share = np.count_nonzero(agreed & here) / np.count_nonzero(here)
        agreed_turns += int(share >= 0.4)
        missing_turns_s += float(w.weight_s[here].sum()) if share == 0.0 else 0.0
        if np.count_nonzero(agreed & here & ~again) >= 0.4 * np.count_nonzero(here):
            distinct_at_s.append(a * FRAME_S)
            in_turns |= agreed & here & ~again
    return Channel(
        active,
        float(w.weight_s[agreed].sum()),
        float(w.weight_s[agreed & ~again].sum()),
        turns,
        agreed_turns,
        len(distinct_at_s),
        float(w.weight_s[agreed].sum()) / within if within > 0 else 0.0,
        ok,
        tuple(distinct_at_s),
        float(w.weight_s[in_turns].sum()),
        missing_turns_s,
    )


def _explained(
    call_s: float,
    activities: tuple[Activity, Activity],
    recording_activity: Activity,
    chains: tuple[Chain, Chain],
    is_present: list[bool],
    result: Fit,
) -> tuple[float, float, float]:
    """Return three numbers about the recording during the call.

    Its activity in seconds; the share of it that agreeing windows cover while the call speaks; and the share of seconds
    with sound in it while only an absent channel speaks.
    """
    n = len(recording_activity.active)
    voiced, unheard = np.zeros(n, bool), np.zeros(n, bool)
    speaking, covered = np.zeros(n, bool), np.zeros(n, bool)
    moved = sum(s.size_s for s in result.steps)
    first = int(np.clip((result.offset_s + min(moved, 0.0)) / FRAME_S, 0, n))
    last = int(np.clip((result.offset_s + call_s + max(moved, 0.0)) / FRAME_S, 0, n))
    for activity, chain, ok in zip(activities, chains, is_present, strict=True):
        w = chain.windows
        if len(w.start_s) == 0:
            continue
        if ok and chain.on.any():
            p = chain.points()
            lag = np.interp(np.arange(len(activity.active)) * FRAME_S, p.time_s, p.lag_s)
            half = w.size_s * 0.5 + 0.5
            for t, delay in zip(p.time_s, p.lag_s, strict=True):
                a, b = int((t - half + delay) / FRAME_S), int((t + half + delay) / FRAME_S) + 1
                covered[max(a, 0) : max(b, 0)] = True
            # of a long call only a part is measured: speech between counts by the nearest window that was
            frames = np.flatnonzero(activity.active)
            t = frames * FRAME_S
            right = np.clip(np.searchsorted(w.centre_s, t), 0, len(w.centre_s) - 1)
            left = np.maximum(right - 1, 0)
            nearest = np.where(t - w.centre_s[left] < w.centre_s[right] - t, left, right)
            agreed = frames[chain.on[nearest]]
            there = np.rint(agreed + lag[agreed] / FRAME_S).astype(int)
            covered[there[(there >= 0) & (there < n)]] = True
        else:
            lag = np.full(len(activity.active), result.offset_s)
        at = np.rint(np.arange(len(activity.active)) + lag / FRAME_S).astype(int)
        at = at[activity.active & (at >= 0) & (at < n)]
        speaking[at] = True
        (voiced if ok else unheard)[at] = True
    inside = np.zeros(n, bool)
    inside[first:last] = True
    active = recording_activity.active & inside
    both = active & speaking
    total = int(np.count_nonzero(both))
    spoken = voiced & inside
    if total < 0.2 * np.count_nonzero(spoken):
        # The recording's activity is unreliable (steady music counts as noise): use the call's.
        both, total = spoken, int(np.count_nonzero(spoken))
    share = float(np.count_nonzero(both & covered)) / total if total else 0.0
    alone = unheard & ~voiced & ~covered & inside
    foreign = np.count_nonzero(alone & recording_activity.active) / max(int(np.count_nonzero(alone)), 1)
    return float(np.count_nonzero(active)) * FRAME_S, share, float(foreign)
