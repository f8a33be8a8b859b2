"""Segments of the call far from the rest: a recorder that paused, or inserted sound, of any length.

The main course follows jumps of a few seconds. A stretch of speech that doesn't agree near its neighbours is searched
once more, alone, in the recording between them: calls and recordings run in the same order. It becomes a segment if it
agrees sharply, without a break, over several turns, and at no other offset. Any other stretch stays in the result as
unmatched.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from komorebi_qc.core.samples import RATE, Track, length
from komorebi_qc.sync.evidence.agreement import LEAST_SPEECH_S, NEAR_S, MergedWindows, gaps, merged_windows, solid
from komorebi_qc.sync.lags import coarse
from komorebi_qc.sync.lags import windows as fine
from komorebi_qc.sync.lags.gcc_phat import lag_peaks
from komorebi_qc.sync.lags.windows import Chain
from komorebi_qc.sync.vad import FRAME_S, Activity

LEAST_TURNS = 3
NARROW_S, LEAST_SPEECH_BETWEEN_S = 20.0, 2.0
"""Between neighbours this near to each other in the recording, one turn of this length isn't chance."""
EDGE_TURNS = 2
"""Before the first neighbour or after the last one, if the recorder paused so near to the call's start or end."""
LEAST_SHARE = 0.7
"""Least share of a segment's windows that agree."""
MOST_ELSEWHERE = 0.3
"""Largest score of the next best offset, as a share of the segment's score."""
LEAST_LOST_S = 3.0
"""Between two pauses the recorder lost at least this much."""
MOST_SEGMENTS = 6
_WIDTH, _MOST_WINDOWS = 8192, 16
ORDER_S = 0.5
"""Largest overlap of neighbours in the recording: half a window, or the customer's delay."""


def extend(
    call: Track,
    activities: tuple[Activity, Activity],
    recording: Track,
    course: coarse.Course,
    chains: tuple[Chain, Chain],
    is_present: list[bool],
    reach: int,
) -> tuple[tuple[Chain, Chain], coarse.Course]:
    """Return the chains and the course, extended by distant segments."""
    tried: set[tuple[int, int]] = set()
    found = 0
    while any(is_present) and found < MOST_SEGMENTS:
        m = merged_windows(chains, is_present)
        todo = [g for g in gaps(m) if g not in tried and float(m.weight_s[g[0] : g[1]].sum()) >= LEAST_SPEECH_S]
        if not todo or (0, len(m.on)) in todo:
            break
        # The longest first: it narrows the room for the others most.
        gap = max(todo, key=lambda g: float(m.weight_s[g[0] : g[1]].sum()))
        segment = _segment(call, activities, recording, chains, is_present, m, gap, reach)
        if segment is None:
            tried.add(gap)
            continue
        found += 1
        tried.clear()
        chains = segment[0]
        t = np.concatenate([course.time_s, segment[1].time_s])
        order = np.argsort(t, kind="stable")
        lags = np.concatenate([course.lag_s, segment[1].lag_s])[order]
        course = coarse.Course(t[order], lags, course.score + segment[1].score)
    return chains, course


def _segment(
    call: Track,
    activities: tuple[Activity, Activity],
    recording: Track,
    chains: tuple[Chain, Chain],
    is_present: list[bool],
    m: MergedWindows,
    gap: tuple[int, int],
    reach: int,
) -> tuple[tuple[Chain, Chain], coarse.Course] | None:
    a, b = gap
    size = round(chains[0].windows.size_s * RATE)
    half_s = size / RATE / 2
    from_s, to_s = float(m.time_s[a]) - half_s, float(m.time_s[b - 1]) + half_s
    # The recording between the neighbours.
    low_s = 0.0 if a == 0 else float(m.time_s[a - 1] + m.lag_s[a - 1]) - ORDER_S
    high_s = length(recording) / RATE if b == len(m.on) else float(m.time_s[b] + m.lag_s[b]) + ORDER_S
    if high_s - low_s < LEAST_SPEECH_S:
        return None
    hits = coarse.search(call, activities, recording, (from_s, to_s), (low_s, high_s))
    has_lost = a > 0 and b < len(m.on) and float(m.lag_s[a - 1] - m.lag_s[b]) >= LEAST_LOST_S
    is_narrow = has_lost and high_s - low_s <= NARROW_S
    options = coarse.courses(hits)
    if is_narrow:
        options += _exhaustive(call, recording, chains, is_present, m, gap, (low_s, high_s))
    looks = [_look(call, recording, chains, is_present, m, gap, o, (low_s, high_s), size, reach) for o in options]
    if not looks:
        return None
    first = int(np.argmax([sum(c.score for c in look.values()) for look in looks]))
    best, chosen = looks[first], options[first]
    least = (1, LEAST_SPEECH_BETWEEN_S) if is_narrow else (LEAST_TURNS, LEAST_SPEECH_S)
    if _has_paused(m, gap, best) and to_s - from_s <= NARROW_S:
        least = (EDGE_TURNS, LEAST_SPEECH_S)
    run = _run(best, activities, float(np.median(m.z[solid(m.on)])), *least)
    if run is None:
        return None
    # Other offsets are searched only for a stretch that agrees at the best one.
    for shift, _ in coarse.offsets_elsewhere(hits, chosen):
        moved = coarse.Course(chosen.time_s, chosen.lag_s + shift, 0.0)
        looks.append(_look(call, recording, chains, is_present, m, gap, moved, (low_s, high_s), size, reach))
    score = sum(c.score for c in best.values())
    if max(_elsewhere(look, best) for look in looks) > MOST_ELSEWHERE * score:
        return None
    joined = tuple(_joined(chains[k], best.get(k), from_s, to_s, run) for k in (0, 1))
    inside = (chosen.time_s >= run[0]) & (chosen.time_s <= run[1])
    if not inside.any():  # a run between two blocks: the nearest one
        inside = np.arange(len(chosen.time_s)) == np.argmin(np.abs(chosen.time_s - (run[0] + run[1]) / 2))
    kept = coarse.Course(chosen.time_s[inside], chosen.lag_s[inside], chosen.score)
    pair = (joined[0], joined[1])
    for outwards in (-1, 1):
        pair = _settled(call, recording, pair, is_present, run, outwards, reach)
    return _without_lost(pair, is_present, run), kept


def _has_paused(m: MergedWindows, gap: tuple[int, int], look: dict[int, Chain]) -> bool:
    """Return whether a stretch at the call's start or end agrees as after a pause of the recorder.

    Then it is where the call would be in the recording anyway. Other calls, and other work, are further away.
    """
    a, b = gap
    lags = np.concatenate([chain.lag_s[chain.on] for chain in look.values()])
    if len(lags) == 0 or (a == 0) == (b == len(m.on)):
        return False
    lag_s = float(np.median(lags))
    lost_s = lag_s - float(m.lag_s[b]) if a == 0 else float(m.lag_s[a - 1]) - lag_s
    return LEAST_LOST_S <= lost_s <= NARROW_S


def _exhaustive(
    call: Track,
    recording: Track,
    chains: tuple[Chain, Chain],
    is_present: list[bool],
    m: MergedWindows,
    gap: tuple[int, int],
    room_s: tuple[float, float],
) -> list[coarse.Course]:
    """Search all of a little room for each window: a few words are too short for the coarse features."""
    reach = 1
    while reach * 2 + _WIDTH < (room_s[1] - room_s[0]) * RATE + 2 * _WIDTH:
        reach *= 2
    best = (0.0, 0.0)
    for channel in (0, 1):
        rows = m.row[gap[0] : gap[1]][m.channel[gap[0] : gap[1]] == channel]
        if not is_present[channel] or len(rows) == 0:
            continue
        rows = rows[:: -(-len(rows) // _MOST_WINDOWS)]
        w = chains[channel].windows
        starts = np.rint(w.start_s[rows] * RATE).astype(np.intp)
        centres = np.rint(((room_s[0] + room_s[1]) / 2 - w.centre_s[rows]) * RATE).astype(np.intp)
        found = lag_peaks(call, channel, recording, starts, centres, _WIDTH, reach)
        place = w.centre_s[rows][:, None] + found.lag_s
        z = np.where((place >= room_s[0]) & (place <= room_s[1]), found.z, 0.0)
        best = max(best, fine.most_credible(found.lag_s, z)[::-1])
    at_s = float(m.time_s[gap[0]] + m.time_s[gap[1] - 1]) / 2
    return [coarse.Course(np.array([at_s]), np.array([best[1]]), best[0])] if best[0] > 0 else []


def _look(
    call: Track,
    recording: Track,
    chains: tuple[Chain, Chain],
    is_present: list[bool],
    m: MergedWindows,
    gap: tuple[int, int],
    course: coarse.Course,
    room_s: tuple[float, float],
    size: int,
    reach: int,
) -> dict[int, Chain]:
    """Measure the stretch's windows along a course: a chain for each present channel, of these rows only."""
    out = {}
    for channel in (0, 1):
        rows = m.row[gap[0] : gap[1]][m.channel[gap[0] : gap[1]] == channel]
        if not is_present[channel] or len(rows) == 0:
            continue
        w = chains[channel].windows
        starts = np.rint(w.start_s[rows] * RATE).astype(np.intp)
        found = fine.measure(call, channel, recording, course, starts, w.weight_s[rows], size, reach)
        place = found.centre_s[:, None] + found.lag_s
        found = replace(found, z=np.where((place >= room_s[0]) & (place <= room_s[1]), found.z, 0.0))
        out[channel] = Chain(found, *fine.follow(found))
    return out


def _elsewhere(look: dict[int, Chain], best: dict[int, Chain]) -> float:
    """Return the score of the windows that agree at another offset, too; others may be a segment of their own."""
    total = 0.0
    for channel, chain in look.items():
        apart = np.abs(chain.lag_s - best[channel].lag_s) > ORDER_S
        total += float(fine.gains(chain.z)[chain.on & apart & best[channel].on].sum())
    return total


def _run(
    look: dict[int, Chain],
    activities: tuple[Activity, Activity],
    usual_z: float,
    least_turns: int,
    least_speech_s: float,
) -> tuple[float, float] | None:
    """Return the (first, last) centre of the windows that agree without a break; None if they prove nothing."""
    time_s = np.concatenate([c.windows.centre_s for c in look.values()])
    order = np.argsort(time_s, kind="stable")
    time_s = time_s[order]
    on = np.concatenate([c.on for c in look.values()])[order]
    z = np.concatenate([c.z for c in look.values()])[order]
    weight = np.concatenate([c.windows.weight_s for c in look.values()])[order]
    usable = np.concatenate([c.windows.audible for c in look.values()])[order] | on
    runs = np.flatnonzero(solid(on))
    if len(runs) == 0:
        return None
    # The longest part without a disagreeing stretch.
    failed = np.concatenate([[0.0], np.cumsum(np.where(usable & ~on, weight, 0.0))])
    parts = np.split(runs, np.flatnonzero(np.diff(failed[runs]) >= LEAST_SPEECH_S) + 1)
    part = max(parts, key=lambda p: float(weight[p].sum()))
    inside = slice(int(part[0]), int(part[-1]) + 1)
    agreed = on[inside]
    speech = float(weight[inside][agreed].sum())
    share = np.count_nonzero(agreed) / max(int(np.count_nonzero(usable[inside])), 1)
    sharp = float(np.median(z[inside][agreed])) >= 0.5 * usual_z
    first, last = float(time_s[part[0]]), float(time_s[part[-1]])
    turns = 0
    for channel, chain in look.items():
        w = chain.windows
        for start, stop in activities[channel].turns:
            from_s, to_s = start * FRAME_S - 0.25 * w.size_s, stop * FRAME_S + 0.25 * w.size_s
            here = (w.centre_s >= max(from_s, first)) & (w.centre_s <= min(to_s, last))
            turns += int(here.any() and np.count_nonzero(chain.on & here) >= 0.4 * np.count_nonzero(here))
    if speech < least_speech_s or share < LEAST_SHARE or not sharp or turns < least_turns:
        return None
    return first, last


def _joined(chain: Chain, part: Chain | None, from_s: float, to_s: float, run: tuple[float, float]) -> Chain:
    """Return the chain with the segment, and without windows of the stretch that agree by chance."""
    w = chain.windows
    on, choice, lag, z, audible = chain.on.copy(), chain.choice.copy(), w.lag_s.copy(), w.z.copy(), w.audible.copy()
    stretch = (w.start_s >= from_s - 1e-6) & (w.start_s + w.size_s <= to_s + 1e-6)
    if part is None:
        return chain
    rows = np.flatnonzero(stretch)
    at = np.searchsorted(w.start_s, part.windows.start_s - 1e-6)
    on[rows] = False
    mine = (part.windows.centre_s >= run[0]) & (part.windows.centre_s <= run[1])
    to = at[mine]
    on[to], choice[to] = part.on[mine], part.choice[mine]
    lag[to], z[to], audible[to] = part.windows.lag_s[mine], part.windows.z[mine], part.windows.audible[mine]
    return Chain(replace(w, lag_s=lag, z=z, audible=audible), on, choice)


def _settled(
    call: Track,
    recording: Track,
    chains: tuple[Chain, Chain],
    is_present: list[bool],
    run: tuple[float, float],
    outwards: int,
    reach: int,
) -> tuple[Chain, Chain]:
    """Assign the windows beside the run: a music loop fits both the run's lag and its neighbour's.

    A window that fits only the run's lag, and all windows before it, belong to the run. Windows beyond it that fit both
    lags don't locate the jump, and are ignored.
    """
    m = merged_windows(chains, is_present)
    own = np.flatnonzero(m.on & (m.time_s >= run[0]) & (m.time_s <= run[1]))
    lag_s: dict[int, float] = {}
    for channel in (0, 1):
        mine = own[m.channel[own] == channel]
        if len(mine):
            lag_s[channel] = float(np.median(m.lag_s[mine[-5:] if outwards > 0 else mine[:5]]))
    beside = np.flatnonzero(m.time_s > run[1]) if outwards > 0 else np.flatnonzero(m.time_s < run[0])[::-1]
    size = round(chains[0].windows.size_s * RATE)
    asked: list[int] = []
    fits: list[tuple[float, float] | None] = []
    missed = 0
    for i in beside:
        channel = int(m.channel[i])
        if channel not in lag_s:
            continue
        fits.append(_fit_at(call, recording, chains[channel], int(m.row[i]), lag_s[channel], size, reach))
        asked.append(int(i))
        missed = 0 if fits[-1] is not None else missed + 1
        if missed >= LEAST_TURNS:
            break
    # The last window that only the run's lag explains.
    alone = [k for k, i in enumerate(asked) if fits[k] is not None and not m.on[i]]
    border = alone[-1] if alone else -1
    parts = [
        (c.on.copy(), c.choice.copy(), c.windows.lag_s.copy(), c.windows.z.copy(), c.windows.audible.copy())
        for c in chains
    ]
    for k, i in enumerate(asked):
        on, choice, lags, z, audible = parts[m.channel[i]]
        row, found = m.row[i], fits[k]
        if found is None:
            continue
        if k <= border:
            on[row], choice[row], audible[row] = True, 0, True
            lags[row, 0], z[row, 0] = found
        else:
            on[row] = audible[row] = False
    out = [
        Chain(replace(c.windows, lag_s=p[2], z=p[3], audible=p[4]), p[0], p[1])
        for c, p in zip(chains, parts, strict=True)
    ]
    return out[0], out[1]


def _fit_at(
    call: Track, recording: Track, chain: Chain, row: int, lag_s: float, size: int, reach: int
) -> tuple[float, float] | None:
    """Return (lag, z) of a window that agrees at a lag; None if it doesn't."""
    w = chain.windows
    start = np.array([round(w.start_s[row] * RATE)], np.intp)
    course = coarse.Course(np.zeros(1), np.array([lag_s]), 0.0)
    found = fine.measure(call, w.channel, recording, course, start, w.weight_s[row : row + 1], size, reach)
    best = int(np.argmax(found.z[0]))
    z, lag = float(found.z[0, best]), float(found.lag_s[0, best])
    usual = float(chain.z[row]) if chain.on[row] else 0.0
    if not found.audible[0] or z < fine.SURE_Z or z < 0.3 * usual or abs(lag - lag_s) > NEAR_S:
        return None
    return lag, z


def _without_lost(chains: tuple[Chain, Chain], is_present: list[bool], run: tuple[float, float]) -> tuple[Chain, Chain]:
    """Exclude the part of the call next to the segment that was never recorded: a falling lag is lost audio."""
    m = merged_windows(chains, is_present)
    at = np.flatnonzero(m.on)
    spans = []
    for edge in run:
        after = int(np.searchsorted(m.time_s[at], edge + 1e-6 if edge == run[1] else edge - 1e-6))
        if 0 < after < len(at):
            before, behind = at[after - 1], at[after]
            lost = float(m.lag_s[before] - m.lag_s[behind])
            if lost > 0:
                spans.append((float(m.time_s[behind]) - lost - chains[0].windows.size_s, float(m.time_s[behind])))
    out = []
    for chain in chains:
        audible = chain.windows.audible.copy()
        for first, last in spans:
            audible &= ~((chain.windows.centre_s > first) & (chain.windows.centre_s < last) & ~chain.on)
        out.append(Chain(replace(chain.windows, audible=audible), chain.on, chain.choice))
    return out[0], out[1]
