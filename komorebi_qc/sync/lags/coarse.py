"""The call's rough place: blocks of each channel, searched in the whole recording by their features.

Blocks, not one global correlation: drift and jumps flatten a global peak. Each block's best places are candidates, and
the course with the most agreement is followed. Other courses stay as hypotheses: a loop (hold music) or a repeated
prompt may look as good at this stage.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from komorebi_qc.sync.lags.features import Haystack, band_levels, floored
from komorebi_qc.sync.lags.lag_path import beam_search
from komorebi_qc.sync.vad import FRAME_S, Activity

if TYPE_CHECKING:
    from komorebi_qc.core.samples import Doubles, Ints, Track

CANDIDATES = 6
MOST_BLOCKS = 16
"""Per channel: an hour is sampled every 2 minutes by each, and jumps up to `JUMP_S` are followed between."""
JUMP_S = 2.6
LEAST_SCORE = 0.22
_APART = 6
STEEPEST = 250e-6
MOST_DRIFT = 1500e-6
DRIFT_STEP = 50e-6
LEAST_BLOCKS = 6
SAME_COURSE_S = 0.05
NEAR_LAGS_S = 0.25
"""Lags of two blocks this near to each other need one search between them."""
CLEARLY_MORE = 2.0
"""A large drift must explain this many times more than the usual ones. A jump isn't one."""


@dataclass(frozen=True, slots=True)
class Hits:
    """Every block's candidate lags. Arrays of shape (blocks,) and (blocks, CANDIDATES)."""

    time_s: Doubles
    channel: Ints
    lag_s: Doubles
    score: Doubles


@dataclass(frozen=True, slots=True)
class Course:
    """One hypothesis: the lag at the centres of the blocks that agree on it."""

    time_s: Doubles
    lag_s: Doubles
    score: float

    def around(self, time_s: Doubles) -> tuple[Ints, Doubles]:
        """Return the lags to try at each moment: (its index, once or twice in a row; the lag).

        They are those of the block before and of the block after, or their mean if they are near to each other.
        """
        at = np.searchsorted(self.time_s, time_s)
        before, after = self.lag_s[np.maximum(at - 1, 0)], self.lag_s[np.minimum(at, len(self.lag_s) - 1)]
        is_twice = np.abs(after - before) > NEAR_LAGS_S
        which = np.repeat(np.arange(len(time_s)), np.where(is_twice, 2, 1))
        lags = np.where(is_twice, before, (before + after) / 2)[which]
        second = np.flatnonzero(which[1:] == which[:-1]) + 1
        lags[second] = after[which[second]]
        return which.astype(np.intp), lags


def _blocks(activity: Activity, call_frames: int) -> tuple[list[int], int]:
    """Return (start frames, frames a block) of one channel's blocks with enough activity."""
    size = int(np.clip(call_frames / 8, 8 / FRAME_S, 30 / FRAME_S))
    size = min(size, call_frames)
    starts = np.arange(0, max(call_frames - size // 2, 1), size)
    total = np.concatenate([[0], np.cumsum(activity.active)])
    stops = np.minimum(starts + size, call_frames)
    busy = total[stops] - total[starts]
    enough = starts[busy >= min(1.5 / FRAME_S, max(size // 4, 1))]
    if len(enough) <= MOST_BLOCKS:
        return [int(s) for s in enough], size
    # Spread over the call: the busiest block of each stretch.
    parts = np.array_split(enough, MOST_BLOCKS)
    return [int(part[np.argmax(total[np.minimum(part + size, call_frames)] - total[part])]) for part in parts], size


def _blocks_within(activity: Activity, from_frame: int, to_frame: int) -> tuple[list[int], int]:
    """Return the same for a stretch [from, to): shorter blocks, all of those with speech."""
    size = int(np.clip((to_frame - from_frame) / 4, 5 / FRAME_S, 15 / FRAME_S))
    size = min(size, max(to_frame - from_frame, 1))
    total = np.concatenate([[0], np.cumsum(activity.active)])
    starts = np.arange(from_frame, max(to_frame - size // 2, from_frame + 1), size)
    busy = total[np.minimum(starts + size, to_frame)] - total[starts]
    enough = starts[busy >= min(1.5 / FRAME_S, size // 4)]
    if len(enough) > MOST_BLOCKS:
        enough = enough[np.unique(np.rint(np.linspace(0, len(enough) - 1, MOST_BLOCKS)).astype(int))]
    return [int(s) for s in enough], size


def search(
    call: Track,
    activities: tuple[Activity, Activity],
    recording: Track,
    stretch_s: tuple[float, float] | None = None,
    room_s: tuple[float, float] | None = None,
) -> Hits:
    """Return every block's best places in the recording, in time order.

    Args:
        call: at 8 kHz, shape ``(n, 2)``.
        activities: of the customer and the agent.
        recording: at 8 kHz, shape ``(m,)``.
        stretch_s: the part of the call to search for (call_s); None for the whole call.
        room_s: the part of the recording for the middle of a block (recording_s); None for the whole recording.
    """
    call_frames = min(len(a.active) for a in activities)
    if stretch_s is None:
        plans = [_blocks(a, call_frames) for a in activities]
    else:
        first, last = (int(np.clip(t / FRAME_S, 0, call_frames)) for t in stretch_s)
        plans = [_blocks_within(a, first, last) for a in activities]
    hay = Haystack(recording, max(size for _, size in plans))
    rows: list[tuple[float, int, list[float], list[float]]] = []
    for channel, (starts, size) in enumerate(plans):
        if not starts:
            continue
        parts = [band_levels(call, s, min(size, call_frames - s), channel) for s in starts]
        whole = floored(np.concatenate(parts, axis=1))
        at = 0
        for start, part in zip(starts, parts, strict=True):
            n = part.shape[1]
            block = whole[:, at : at + n]
            at += n
            mask = activities[channel].active[start : start + n]
            places, score = hay.search(block, mask)
            if room_s is not None:
                middle_s = (places + n / 2) * FRAME_S
                inside = (middle_s >= room_s[0]) & (middle_s <= room_s[1])
                places, score = places[inside], score[inside]
            lags, scores = _best(places, score)
            rows.append(((start + n / 2) * FRAME_S, channel, [(p - start) * FRAME_S for p in lags], scores))
    rows.sort(key=lambda row: row[0])
    if not rows:
        empty = np.zeros((0, CANDIDATES))
        return Hits(np.zeros(0), np.zeros(0, np.intp), empty, empty)
    return Hits(
        np.array([r[0] for r in rows]),
        np.array([r[1] for r in rows], np.intp),
        np.array([r[2] for r in rows]),
        np.array([r[3] for r in rows]),
    )


def _best(places: Ints, score: np.ndarray[tuple[int], np.dtype[np.float32]]) -> tuple[list[float], list[float]]:
    """Return the best places (fractional frames) of a block, `_APART` frames from each other."""
    work = score.copy()
    lags, scores = [0.0] * CANDIDATES, [0.0] * CANDIDATES
    for k in range(CANDIDATES):
        if len(work) == 0:
            break
        i = int(np.argmax(work))
        top = float(work[i])
        if top <= 0.0:
            break
        part = 0.0
        if 0 < i < len(score) - 1:
            bend = float(score[i - 1] - 2 * score[i] + score[i + 1])
            if bend < 0:
                part = float(np.clip(0.5 * float(score[i - 1] - score[i + 1]) / bend, -0.5, 0.5))
        lags[k], scores[k] = float(places[i]) + part, top
        work[max(i - _APART, 0) : i + _APART + 1] = 0.0
    return lags, scores


def courses(hits: Hits, best: int = 4) -> list[Course]:
    """Return the most credible courses, best first."""
    gain = np.maximum(hits.score - LEAST_SCORE, 0.0) * 10.0
    out = []
    for chain in beam_search(
        hits.time_s, hits.lag_s, gain, slack_s=0.06, jump_price=1.5, jump_s=JUMP_S, best=best, apart_s=0.5
    ):
        lag = hits.lag_s[chain.windows, chain.choices]
        out.append(Course(hits.time_s[chain.windows], lag, chain.score))
    return out


def large_drift(hits: Hits) -> float:
    """Return the drift, as a plain ratio, of a recording whose clock is far off; 0 for the usual clocks.

    The fine stages follow drift up to `STEEPEST` between neighbours. A larger one must be known before.
    """
    lag_s, score = hits.lag_s, np.maximum(hits.score - LEAST_SCORE, 0.0)
    if len(hits.time_s) < LEAST_BLOCKS:
        return 0.0
    drifts = np.arange(-MOST_DRIFT, MOST_DRIFT + 1e-9, DRIFT_STEP)
    support = np.zeros(len(drifts))
    for k, drift in enumerate(drifts):
        level = np.sort_complex((lag_s - drift * hits.time_s[:, None]).ravel() + 1j * score.ravel())
        total = np.concatenate([[0.0], np.cumsum(level.imag)])
        high = np.searchsorted(level.real, level.real + SAME_COURSE_S, side="right")
        support[k] = float((total[high] - total[:-1]).max())
    usual = np.abs(drifts) <= STEEPEST
    best = int(np.argmax(support))
    if usual[best] or support[best] < CLEARLY_MORE * support[usual].max():
        return 0.0
    return float(drifts[best])


def offsets_elsewhere(hits: Hits, course: Course) -> list[tuple[float, float]]:
    """Return (shift in s, share of the blocks) of places at which blocks are nearly as similar as on the course."""
    shifts, weights = [], []
    on_course = np.interp(hits.time_s, course.time_s, course.lag_s)
    for i in range(len(hits.time_s)):
        here = np.abs(hits.lag_s[i] - on_course[i]) < 0.6
        reference = float(hits.score[i][here].max()) if here.any() else LEAST_SCORE
        for lag, score in zip(hits.lag_s[i], hits.score[i], strict=True):
            if abs(lag - on_course[i]) > 0.6 and score > max(0.6 * reference, LEAST_SCORE):
                shifts.append(float(lag - on_course[i]))
                weights.append(float(score))
    out: list[tuple[float, float]] = []
    left = np.array(shifts)
    mass = np.array(weights)
    while len(left) and len(out) < 8:
        support = np.array([mass[np.abs(left - s) < 0.08].sum() for s in left])
        top = int(np.argmax(support))
        near = np.abs(left - left[top]) < 0.08
        out.append(
            (
                float(np.average(left[near], weights=mass[near])),
                float(np.count_nonzero(near)) / max(len(hits.time_s), 1),
            )
        )
        far = np.abs(left - left[top]) >= 0.3
        left, mass = left[far], mass[far]
    return out
