"""The map of a capture from the call's clock to the recording's, by the pilots alone.

`pilot.py` finds each 0.4 s of the call among the decoded samples, to 0.1 ms, and `clock.py` gives a sample's
presentation time. Joined, they are the map. No part of `komorebi_qc` takes part in it, and no speech: the pilots'
bands are above those that the product can see. Between neighbouring windows that are apart there is a jump. Its
place, and the edges of missing parts, are found by pieces of 40 to 60 ms.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from media.studio import pilot
from media.studio.clock import Sound, sound
from media.studio.signals import FULL

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from media.studio.pilot import Sighting

APART_S, LAG_APART_S = 0.003, 0.0005
"""The differences that part two windows: of the presentation, whose timestamps jitter, and of the samples."""
KNOT_S = 2.0
PIECE_S, EDGE_S, SURROUND_S = 0.04, 0.06, 0.4
PRESENT = 0.4
ABSENT_S = 1.0
"""From here up, a part of the call without sightings is taken as missing from the recording."""
GOOD_S = 0.0015
"""A window further away from the map is unsteady."""
FEWEST = 2


@dataclass(frozen=True)
class Stretch:
    """A part of the call that is recorded without a jump: sightings on both clocks."""

    call_s: list[float]
    recording_s: list[float]
    lag_s: float

    def at(self, call_s: float) -> float:
        """The place of a moment of the call by the stretch, beyond its ends too."""
        offsets = np.subtract(self.recording_s, self.call_s)
        weight = np.abs(np.subtract(self.call_s, call_s)) <= KNOT_S / 2
        if not weight.any():
            weight = np.abs(np.subtract(self.call_s, call_s)) == np.min(np.abs(np.subtract(self.call_s, call_s)))
        return call_s + float(np.mean(offsets[weight]))


@dataclass(frozen=True)
class Truth:
    """The call's place in a capture.

    `map` has a call_s twice at a jump. `absent`: never recorded. `unsteady` is recorded, but jumps too often
    for the map to be good to 2 ms.
    """

    map: list[tuple[float, float]]
    absent: list[tuple[float, float]]
    unsteady: list[tuple[float, float]]
    jumps: list[tuple[float, float]]
    customer_lag_s: float | None
    windows: int
    windows_of: int
    worst_ms: float
    time_stamp_steps: int
    sides: list[str] = field(default_factory=list)


def stretches(x: Sound, found: Sequence[Sighting]) -> list[Stretch]:
    """The sightings, cut where the lag or the timestamps step."""
    out: list[Stretch] = []
    open_one: Stretch | None = None
    for one in found:
        recording_s = x.presented_s((one.call_s + one.lag_s) * FULL)
        offset = recording_s - one.call_s
        if open_one and one.call_s - open_one.call_s[-1] < ABSENT_S:
            last = open_one.recording_s[-1] - open_one.call_s[-1]
            if abs(offset - last) < APART_S and abs(one.lag_s - open_one.lag_s) < LAG_APART_S:
                open_one.call_s.append(one.call_s)
                open_one.recording_s.append(recording_s)
                continue
        open_one = Stretch([one.call_s], [recording_s], one.lag_s)
        out.append(open_one)
    return [one for one in out if len(one.call_s) >= FEWEST]


def boundary(x: Sound, side: str, call_s: float, a: Stretch, b: Stretch) -> float:
    """The call time at which `a` ends and `b` begins."""
    if abs(a.lag_s - b.lag_s) < LAG_APART_S:  # the samples go on: only the timestamps step
        moments = np.arange(a.call_s[-1], b.call_s[0], 0.005)
        places = [x.presented_s((c + a.lag_s) * FULL) - c for c in moments]
        middle = (places[0] + places[-1]) / 2 if places else 0.0
        past = [abs(p - places[0]) > abs(middle - places[0]) for p in places]
        return float(moments[past.index(True)]) if any(past) else (a.call_s[-1] + b.call_s[0]) / 2
    code = pilot.baseband(pilot.pilot(side, call_s), side)
    recorded = pilot.baseband(x.samples, side)
    low, high = max(0.0, a.call_s[-1] - SURROUND_S), min(call_s, b.call_s[0] + SURROUND_S)
    edges = np.arange(low, high, PIECE_S / 2)
    size = round(PIECE_S * pilot.BASE)
    gain = [
        pilot.near(code, recorded, i, i + size, a.lag_s, LAG_APART_S)[1]
        - pilot.near(code, recorded, i, i + size, b.lag_s, LAG_APART_S)[1]
        for i in (round(e * pilot.BASE) for e in edges)
        if i + size <= len(code)
    ]
    total = np.concatenate([[0.0], np.cumsum(gain)])
    return float(low + int(np.argmax(total)) * PIECE_S / 2 + PIECE_S / 4)


def edge(x: Sound, side: str, call_s: float, one: Stretch, *, is_end: bool) -> float:
    """The call time at which a stretch beside a missing part ends or starts."""
    code = pilot.baseband(pilot.pilot(side, call_s), side)
    recorded = pilot.baseband(x.samples, side)
    middle = one.call_s[-1] if is_end else one.call_s[0]
    size, last = round(EDGE_S * pilot.BASE), round(call_s * pilot.BASE)
    firsts = np.arange(max(0.0, middle - SURROUND_S), min(call_s, middle + SURROUND_S), PIECE_S / 2)
    starts = [i for i in (round(c * pilot.BASE) for c in firsts) if i + size <= last]
    score = np.array([pilot.near(code, recorded, i, i + size, one.lag_s)[1] for i in starts]) - PRESENT
    total = np.concatenate([[0.0], np.cumsum(score if is_end else score[::-1])])
    count = int(np.argmax(total))
    here = min(count if is_end else len(starts) - count, len(starts) - 1)
    return float(starts[here] / pilot.BASE + EDGE_S / 2 - PIECE_S / 4)


def knots(one: Stretch, start: float, stop: float) -> list[tuple[float, float]]:
    """Points of the map from `start` to `stop`."""
    between = np.arange(start + KNOT_S, stop - KNOT_S / 2, KNOT_S)
    return [(round(float(c), 4), round(one.at(float(c)), 5)) for c in (start, *between, stop)]


def truth(path: Path, call_s: float) -> Truth:
    """The map of a capture; the agent's, or the customer's where the agent's pilot is nowhere.

    Raises:
        RuntimeError: if no pilot is found.
    """
    x = sound(path)
    seen = {side: pilot.sightings(x.samples, side, call_s) for side in pilot.BANDS}
    side = "agent" if len(seen["agent"]) >= FEWEST else "customer"
    parts = stretches(x, seen[side])
    if not parts:
        raise RuntimeError(f"{path.name}: the pilots are not found")
    points, jumps, gaps = [], [], []
    start = 0.0 if parts[0].call_s[0] < ABSENT_S else edge(x, side, call_s, parts[0], is_end=False)
    if start:
        gaps.append((0.0, start))
    for a, b in zip(parts, [*parts[1:], None], strict=True):
        if b is None:
            stop = call_s if a.call_s[-1] > call_s - ABSENT_S else edge(x, side, call_s, a, is_end=True)
            points += knots(a, start, stop)
            gaps += [(stop, call_s)] if stop < call_s else []
        elif b.call_s[0] - a.call_s[-1] > ABSENT_S:
            stop = edge(x, side, call_s, a, is_end=True)
            points += knots(a, start, stop)
            start = edge(x, side, call_s, b, is_end=False)
            gaps.append((stop, start))
            jumps.append((start, b.at(start) - a.at(start)))
        else:
            stop = boundary(x, side, call_s, a, b)
            points += knots(a, start, stop)
            start = stop
            jumps.append((stop, b.at(stop) - a.at(stop)))
    spans = [(round(a, 3), round(b, 3)) for a, b in gaps]
    off = [(c, abs(r - one.at(c))) for one in parts for c, r in zip(one.call_s, one.recording_s, strict=True)]
    doubtful = [one.call_s for one in seen[side] if x.doubt_s((one.call_s + one.lag_s) * FULL) > GOOD_S]
    bad = [*doubtful, *(c for c, size in off if size > GOOD_S)]
    rough = [(round(c - pilot.FINE_S / 2, 3), round(c + pilot.FINE_S / 2, 3)) for c in bad]
    return Truth(
        map=points,
        absent=[span for span in spans if not is_seen(span, seen[side])],
        unsteady=joined([*(span for span in spans if is_seen(span, seen[side])), *rough]),
        jumps=[(round(at, 3), round(size, 5)) for at, size in jumps if abs(size) >= LAG_APART_S],
        customer_lag_s=customer_lag(seen["agent"], seen["customer"]) if side == "agent" else None,
        windows=len(seen[side]),
        windows_of=sum(1 for _ in pilot.windows(round(call_s * pilot.BASE), pilot.FINE_S, pilot.STEP_S)),
        worst_ms=round(max(size for _, size in off if size <= GOOD_S) * 1e3, 3),
        time_stamp_steps=len(x.steps()),
        sides=[name for name, one in seen.items() if len(one) >= FEWEST],
    )


def joined(spans: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """The spans in order; those that touch become one."""
    out: list[tuple[float, float]] = []
    for start, stop in sorted(spans):
        if out and start <= out[-1][1]:
            out[-1] = (out[-1][0], max(stop, out[-1][1]))
        else:
            out.append((start, stop))
    return out


def is_seen(span: tuple[float, float], found: Sequence[Sighting]) -> bool:
    """Whether the pilot is there in at least half of a span."""
    count = sum(span[0] <= one.call_s <= span[1] for one in found)
    return count * pilot.STEP_S >= (span[1] - span[0]) / 2


def customer_lag(agent: Sequence[Sighting], customer: Sequence[Sighting]) -> float | None:
    """By how much later the customer is recorded than the agent, by the median over common windows."""
    at = {round(one.call_s, 2): one.lag_s for one in agent}
    both = [one.lag_s - at[round(one.call_s, 2)] for one in customer if round(one.call_s, 2) in at]
    return round(float(np.median(both)), 5) if both else None
