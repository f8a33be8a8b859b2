"""The truth of a case: its map, the agent's part, the speech that both files hold, and the call end as reported."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from bench.sync.paths import CALL_RATE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.sync.paths import Floats
    from bench.sync.spec import Case, Spec
    from numpy.typing import NDArray

    Points = tuple[tuple[float, float], ...]
    Times = NDArray[np.float64]

FRAME_S = 0.1
LOUD = 0.01
"""Mean amplitude of a frame with speech, as share of full scale."""
NEAR_JUMP_S = 1.0
"""A jump is in a pause around it. Errors nearer to a jump than this count as the jump's place, not as the map's."""
NEAR_EDGE_S = 0.5
"""Errors nearer than this to the start or the end of the agent's part don't count."""
TURN_GAP_S = 0.6
LEAST_TURN_S = 0.4
MISREPORTED = 0.05
"""Share of right pairs whose reported call end is wrong by `MISREPORTED_S`."""
MISREPORTED_S = (2.0, 30.0)
LATE_S = 0.3
"""Most by which a backend is early or late, before it rounds."""


def true_points(spec: Spec) -> Points:
    """The map of the spoken call: (call_s, recording_s), straight in between."""
    if spec.points:
        return spec.points
    speed = 1 + spec.drift_ppm * 1e-6
    shift, start = spec.offset_s, 0.0
    out = []
    for at, size in (*spec.jumps, (spec.call_s, 0.0)):
        out += [(start, shift + start * speed), (at, shift + at * speed)]
        start, shift = at, shift + size
    return tuple(out)


def to_recording(points: Points, call_s: Times) -> Times:
    """The recording time at each call time; the later one at a jump."""
    calls, recordings = np.array(points, float).T
    i = np.clip(np.searchsorted(calls, call_s, side="right") - 1, 0, len(calls) - 2)
    i = np.where(calls[i + 1] == calls[i], np.minimum(i + 1, len(calls) - 2), i)
    slope = (recordings[i + 1] - recordings[i]) / np.maximum(calls[i + 1] - calls[i], 1e-12)
    return np.asarray(recordings[i] + (call_s - calls[i]) * slope)


def on_file(spec: Spec, points: Points) -> tuple[Points, tuple[float, float]]:
    """The map and the agent's part on the clock of Connect's file, which may hold a part of the call alone."""
    first, last = (int(t * CALL_RATE) / CALL_RATE for t in spec.file_part or (0.0, spec.call_s))
    low, high = spec.agent_part or (0.0, spec.transfer_at_s or spec.call_s)
    part = (max(low - first, 0.0), min(high, last) - first)
    if not spec.file_part:
        return points, part
    inside = [(c - first, r) for c, r in points if first < c < last]
    ends = to_recording(points, np.array([first, last - 1e-9], np.float64))
    return ((0.0, float(ends[0])), *inside, (last - first, float(ends[1]))), part


def jump_times(points: Points) -> list[float]:
    """Call times of the jumps."""
    return [a for (a, _), (b, _) in pairwise(points) if a == b]


def _level(sound: NDArray[np.float32], rate: int) -> NDArray[np.float32]:
    frame = round(rate * FRAME_S)
    return np.asarray(np.abs(sound[: len(sound) // frame * frame]).reshape(-1, frame).mean(1), np.float32)


def moments(case: Case, channels: Sequence[int] = (0, 1)) -> Times:
    """Call times with speech in both files: in the agent's part, while the recording runs, away from jumps."""
    level = _level((case.call[:, list(channels)].astype(np.float32) / 32768).sum(1), CALL_RATE)
    times = np.asarray((np.flatnonzero(level > LOUD) + 0.5) * FRAME_S, np.float64)
    low, high = case.part
    margin = NEAR_EDGE_S if case.spec.agent_part or case.spec.transfer_at_s else 0.0
    edges = np.array(jump_times(case.points))
    far = np.all(np.abs(times[:, None] - edges) > NEAR_JUMP_S, axis=1) if len(edges) else np.ones(len(times), bool)
    there = to_recording(case.points, times)
    end_s = len(case.recording) / CALL_RATE
    inside = (times > low + margin) & (times < high - margin) & far & (there > 0) & (there < end_s)
    for start, end in (*case.spec.hold, *case.spec.muted):
        inside &= (times < start) | (times > end)
    return np.asarray(times[inside])


def turns(case: Case) -> int:
    """Turns that both files hold, of the voices that the recording holds."""
    if case.spec.hold_only:
        return 0
    sides = {"customer": (0,), "agent": (1,), "leak_only": (0,)}.get(case.spec.sides, (0, 1))
    found = 0
    for channel in sides:
        times = moments(case, (channel,))
        parts = np.split(times, np.flatnonzero(np.diff(times) > TURN_GAP_S) + 1)
        found += sum(len(part) * FRAME_S >= LEAST_TURN_S for part in parts)
    return found


def speech_s(spec: Spec, call: Floats, track: Floats, rate: int, points: Points) -> tuple[float, float]:
    """Seconds with speech in the call (16 kHz) and in the recording's track before noise and codec, music left out."""
    if spec.hold_only:
        return 0.0, 0.0
    found = []
    held = np.array(spec.hold, float).reshape(-1, 2)
    first, last = spec.file_part or (0.0, spec.call_s)
    for sound, its_rate, spans in (
        (call[int(first * 2 * CALL_RATE) : int(last * 2 * CALL_RATE)], 2 * CALL_RATE, held - first),
        (track, rate, to_recording(points, held.ravel()).reshape(-1, 2)),
    ):
        times = (np.flatnonzero(_level(sound, its_rate) > LOUD / 2) + 0.5) * FRAME_S
        for start, end in spans:
            times = times[(times < start) | (times > end)]
        found.append(len(times) * FRAME_S)
    return found[0], found[1]


def reported_end(spec: Spec, points: Points, part: tuple[float, float], recording_s: float) -> tuple[float, float]:
    """The call end as the backend reports it, and its resolution: mostly whole seconds, cut off.

    Of a right pair it is the end of the agent's part, or the conversation's if Connect's file ends earlier. Of a wrong
    pair it is that of the recording's own call, that of the call in its own recording, or any time.
    """
    rng = np.random.default_rng(spec.seed + 300_000)
    resolution = 1.0 if rng.random() < 0.8 else 0.001
    end = float(to_recording(points, np.array([part[1] - 1e-9]))[0])
    if spec.file_part:
        end += max(spec.call_s - spec.file_part[1], 0.0)
    if not spec.matches:
        own = rng.random()
        if own >= 0.8:
            end = float(rng.uniform(1.0, max(recording_s, 2.0)))
        elif own >= 0.6:
            end = part[1] + float(rng.uniform(-3, 20))
    elif spec.reported != "near":
        if rng.random() < MISREPORTED:
            end += float(rng.uniform(*MISREPORTED_S) * rng.choice([-1, 1]))
        elif rng.random() < 0.2:
            end += float(rng.uniform(-LATE_S, LATE_S))
    return max(float(np.floor(end / resolution + 1e-9) * resolution), 0.0), resolution
