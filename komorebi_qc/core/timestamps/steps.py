"""Which timestamps of an audio track are steps, and which only tremble around samples that go on.

A browser stamps its audio when it gets to it: the stamps may be several milliseconds off, in turn early and late, while
no sample is missing. A step lasts; a tremble and a single late stamp don't. A stamp's offset is its distance from the
count of the samples before it. Offsets are followed as levels: each is constant until the next step.
"""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from komorebi_qc.core.samples import Doubles

STEP_S = 0.005
"""A timestamp this far from the end of the previous packet is a gap or an overlap, in seconds."""
AHEAD = 16
"""Stamps from a step on that show its size. Chromium's tremble repeats every 6 or 8."""
WINDOW = AHEAD + 8
"""Stamps that are looked at together; the last `AHEAD` of them are looked at again with the next ones."""
STEADY_S = 0.0012
"""A stamp this near the level, in a track that doesn't tremble, is on it for certain: rounding is up to 1 ms."""
_LASTING_S = 0.003
"""A shift of the mean by this much is followed if it lasts for `_MANY` stamps."""
_DRIFT_S = 0.001
"""The samples' own clock may drift this far from that of the stamps, by the mean of many; then it is followed."""
_MANY = 8
_APART_S = 0.012
"""Stamps of one level are closer together."""
_QUIET_S, _LOUD_S = 0.001, 0.005
"""The least and the largest tremble that is assumed (standard deviation); a millisecond is rounding."""
_TREMBLE_S = 0.001
_COST = 16.0
"""A step has to explain as much as this many stamps that tremble."""


class StampFollower:
    """Follows the offsets of one track's stamps, a window at a time.

    Attributes:
        level_s: the present level.
    """

    def __init__(self, step_s: float = STEP_S) -> None:
        """Begin a track; shifts up to `step_s` that don't last for several stamps are ignored."""
        self._brief_s, self._lasting_s, self._drift_s = step_s, min(step_s, _LASTING_S), min(step_s, _DRIFT_S)
        self._recent: deque[float] = deque(maxlen=WINDOW)  # how far off the last stamps were
        self._drifted_s, self._noise_s = 0.0, _QUIET_S  # their mean and standard deviation
        self.level_s = 0.0

    @property
    def trembles(self) -> bool:
        """Whether the stamps differ by more than rounding."""
        return self._noise_s > _TREMBLE_S

    def begin(self, offsets_s: Sequence[float]) -> float:
        """Take the first offsets, or the first ones after a break; the level with which they begin."""
        known = _known(offsets_s)[:AHEAD]
        if not len(known):
            return self.level_s
        if not self._recent:
            half = len(known) // 2
            calm = _calmed(known - known[0], _APART_S)
            least = min(float(np.std(calm[:half])), float(np.std(calm[half:]))) if half >= 4 else 0.0
            self._noise_s = min(max(least, _QUIET_S), _LOUD_S)
        self._recent = deque((one - self._drifted_s for one in self._recent), self._recent.maxlen)
        self._drifted_s = 0.0
        self.level_s = level_of(known) if self.trembles else float(np.median(known))
        return self.level_s

    def levels(self, offsets_s: Sequence[float], count: int) -> list[float]:
        """The levels of the next `count` stamps.

        Args:
            offsets_s: their offsets and those of the stamps behind them; NaN for a frame without a stamp.
            count: how many are settled now; the others are given again next time.
        """
        level_s = self.level_s
        known = [offset - level_s for offset in offsets_s if offset == offset]  # noqa: PLR0124  NaN differs from itself
        if not known:
            return [level_s] * count
        furthest = max(abs(max(known)), abs(min(known)))
        is_final = count == len(offsets_s)
        if furthest > self._drift_s:
            late = known[-AHEAD:]
            mean_s = sum(late) / len(late)
            # A step among the next `count` stamps that lasts would move the mean of those behind them.
            is_even = abs(mean_s) < self._drift_s and abs(mean_s - self._drifted_s) < self._lasting_s / 2
            room_s = 2.0 * self._lasting_s if self.trembles and not is_final else self._lasting_s
            if not is_even or furthest >= room_s:
                return self._stepped(offsets_s, count)
        self._note([offset - level_s for offset in offsets_s[:count]])
        return [level_s] * count

    def _note(self, deviations_s: Sequence[float] | Doubles) -> None:
        """Take the settled stamps' distances from their levels into account."""
        recent = self._recent
        recent.extend(max(min(one, _APART_S), -_APART_S) for one in deviations_s if not math.isnan(one))
        if len(recent) >= _MANY:
            self._drifted_s = mean_s = sum(recent) / len(recent)
            noise_s = math.sqrt(sum((one - mean_s) * (one - mean_s) for one in recent) / len(recent))
            self._noise_s = min(max(noise_s, _QUIET_S), _LOUD_S)

    def _stepped(self, offsets_s: Sequence[float], count: int) -> list[float]:
        """The levels of the next stamps, of which some are far from the present level."""
        offsets = np.array(offsets_s)
        where = np.flatnonzero(~np.isnan(offsets))
        base_s = now_s = self.level_s + self._drifted_s
        calm = _calmed(offsets[where] - base_s, max(STEP_S, 3.0 * self._noise_s))
        levels = np.full(count, self.level_s)
        noted = 0
        for number, (low, high) in enumerate(_segments(calm, _COST * self._noise_s**2)):
            at = 0 if low == 0 else int(where[low])
            if at >= count:
                break
            if number == 0:
                now_s = found_s = self._base_s(calm[low:high])
                is_step, is_off = False, abs(found_s - self.level_s) > self._drift_s
            else:
                found_s = base_s + level_of(calm[low:high])
                is_step = abs(found_s - now_s) > (self._lasting_s if high - low >= _MANY else self._brief_s)
                is_off = is_step
            if is_off:
                self._note(offsets[noted:at] - levels[noted:at])
                # The tremble goes on around the new level; the stamps before a drift are as far off it as they were.
                shift_s = self._drifted_s if is_step else found_s - self.level_s
                self._recent = deque((one - shift_s for one in self._recent), self._recent.maxlen)
                noted, now_s, self.level_s = at, found_s, found_s
                levels[at:] = found_s
        self._note(offsets[noted:count] - levels[noted:])
        return [float(level) for level in levels]

    def _base_s(self, next_s: Doubles) -> float:
        """The mean of the stamps before the next step: of the last ones, and of the next ones, relative to the last."""
        count = len(self._recent)
        if count + len(next_s) < _MANY:
            return self.level_s + self._drifted_s
        return self.level_s + self._drifted_s + float(np.sum(next_s)) / (count + len(next_s))


def follow(offsets_s: Doubles, step_s: float = STEP_S) -> Doubles:
    """The level of each stamp of a whole track."""
    levels = np.empty(len(offsets_s))
    follower = StampFollower(step_s)
    follower.begin(offsets_s[:WINDOW].tolist())
    if not follower.trembles and not math.isnan(offsets_s[0]):
        follower.level_s = float(offsets_s[0])
    at = 0
    while at < len(offsets_s):
        part = offsets_s[at : at + WINDOW].tolist()
        count = len(part) if at + len(part) == len(offsets_s) else len(part) - AHEAD
        levels[at : at + count] = follower.levels(part, count)
        at += count
    return levels


def level_of(offsets_s: Doubles) -> float:
    """The mean of those offsets that are near their median."""
    middle = float(np.median(offsets_s))
    near = offsets_s[np.abs(offsets_s - middle) < _APART_S]
    return float(np.mean(near)) if len(near) else middle


def _known(offsets_s: Sequence[float]) -> Doubles:
    offsets = np.array(offsets_s, np.float64)
    return offsets[~np.isnan(offsets)]


def _calmed(deviations: Doubles, apart_s: float) -> Doubles:
    """The same with single stamps, or two in turn, that are far from their neighbours put back among them.

    The stamps before the first one are on the level; the last one is right.
    """
    padded = np.concatenate([[0.0, 0.0], deviations, np.repeat(deviations[-1:], 2)])
    middle = np.median(np.stack([padded[i : i + len(deviations)] for i in range(5)]), axis=0)
    return np.where(np.abs(deviations - middle) > apart_s, middle, deviations)


def _segments(deviations: Doubles, cost: float) -> list[tuple[int, int]]:
    """Split the deviations into segments of one level each, by least squares and a cost for each new one.

    Segments of no stamp or of all are possible for the first one, which stays on level 0 and costs nothing.
    """
    count = len(deviations)
    sums = np.concatenate([[0.0], np.cumsum(deviations)])
    squares = np.concatenate([[0.0], np.cumsum(deviations**2)])
    lengths = np.arange(1, count + 1)
    best = squares.copy()
    begins = np.full(count + 1, -1)
    for end in range(1, count + 1):
        own = squares[end] - squares[:end] - (sums[end] - sums[:end]) ** 2 / lengths[:end][::-1]
        totals = best[:end] + own + cost
        begin = int(np.argmin(totals))
        if totals[begin] < best[end]:
            best[end], begins[end] = totals[begin], begin
    found: list[tuple[int, int]] = []
    end = count
    while end > 0 and begins[end] >= 0:
        found.append((int(begins[end]), end))
        end = int(begins[end])
    return [(0, end), *found[::-1]]
