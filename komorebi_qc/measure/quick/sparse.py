"""Long signals of which only some spans were read. The rest is silence, which speaks neither for nor against."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING, Protocol

import numpy as np

from komorebi_qc.core.samples import RATE, Flags, Floats
from komorebi_qc.core.timebase import Span, merged
from komorebi_qc.sync.vad import FRAME, FRAME_S, Activity

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

_SILENT_DB = -120.0
_BETWEEN = 20
"""Frames of silence between two spans: more than the longest pause within a turn."""
LONGEST_PART_S = 6.0
"""Sound that goes on for this long up to the edge of a span may be music, so it isn't counted as a turn."""


class SpanReader(Protocol):
    """A recording whose audio is read span by span."""

    @property
    def length_s(self) -> float:
        """The length of its audio; samples behind it are never asked for."""
        ...

    def read(self, spans: Sequence[Span]) -> Iterable[tuple[int, NDArray[np.int16]]]:
        """Yield the first sample at 8 kHz and the samples of each uninterrupted run, for spans in order."""
        ...


class SparseTrack:
    """A track at 8 kHz that is filled span by span, and takes memory for these only.

    Attributes:
        shape: ``(n,)`` or ``(n, channels)``.
        spans: those that were read, in order.
    """

    def __init__(self, length: int, channels: int = 0) -> None:
        self.shape = (length, channels) if channels else (length,)
        self.spans: list[Span] = []
        self._starts: list[int] = []
        self._parts: list[NDArray[np.int16]] = []

    def __getitem__(self, key: slice, /) -> NDArray[np.int16]:
        """Samples from start to stop. Samples that weren't read are zero."""
        start, stop, _ = key.indices(self.shape[0])
        out = np.zeros((max(stop - start, 0), *self.shape[1:]), np.int16)
        for k in range(max(bisect_right(self._starts, start) - 1, 0), bisect_left(self._starts, stop)):
            first, part = self._starts[k], self._parts[k]
            low, high = max(first, start), min(first + len(part), stop)
            if low < high:
                out[low - start : high - start] = part[low - first : high - first]
        return out

    @property
    def read_s(self) -> float:
        """The seconds that were read."""
        return sum(span.length_s for span in self.spans)

    def missing(self, wanted: Iterable[Span]) -> list[Span]:
        """Return the parts of these spans that weren't read yet, in order."""
        end_s = self.shape[0] / RATE
        todo = merged(Span(max(s.start_s, 0.0), min(s.end_s, end_s)) for s in wanted if s.start_s < end_s)
        out = []
        for span in todo:
            at_s = span.start_s
            for known in self.spans:
                if known.end_s <= at_s or known.start_s >= span.end_s:
                    continue
                if known.start_s > at_s:
                    out.append(Span(at_s, known.start_s))
                at_s = max(at_s, known.end_s)
            if at_s < span.end_s:
                out.append(Span(at_s, span.end_s))
        return [span for span in out if span.length_s > 1.0 / RATE]

    def fill(self, spans: Sequence[Span], runs: Iterable[tuple[int, NDArray[np.int16]]]) -> None:
        """Take in what was read of spans that were missing."""
        starts = [round(span.start_s * RATE) for span in spans]
        parts = [
            np.zeros((round(span.end_s * RATE) - first, *self.shape[1:]), np.int16)
            for first, span in zip(starts, spans, strict=True)
        ]
        for start, run in runs:
            for k in range(max(bisect_right(starts, start) - 1, 0), bisect_left(starts, start + len(run))):
                first, part = starts[k], parts[k]
                low, high = max(start, first), min(start + len(run), first + len(part))
                if low < high:
                    part[low - first : high - first] = run[low - start : high - start]
        for first, part in zip(starts, parts, strict=True):
            at = bisect_left(self._starts, first)
            self._starts.insert(at, first)
            self._parts.insert(at, part)
        self.spans = merged([*self.spans, *spans])

    def frames(self) -> list[tuple[int, int]]:
        """Return the whole frames that were read, as [start, stop) of each span."""
        last = self.shape[0] // FRAME
        found = [(round(s.start_s / FRAME_S + 0.49), min(int(s.end_s / FRAME_S), last)) for s in self.spans]
        return [(a, b) for a, b in found if b > a]


class Condensed:
    """The read frames of a track in a row, with a little silence between its spans."""

    def __init__(self, track: SparseTrack) -> None:
        self._count = track.shape[0] // FRAME
        self._parts = track.frames()
        gap = np.zeros((_BETWEEN * FRAME, *track.shape[1:]), np.int16)
        pieces: list[NDArray[np.int16]] = []
        self._starts: list[int] = []
        at = 0
        for a, b in self._parts:
            pieces += [track[a * FRAME : b * FRAME], gap]
            self._starts.append(at)
            at += b - a + _BETWEEN
        self.samples: NDArray[np.int16] = np.concatenate(pieces) if pieces else gap[:0]

    def spread(self, activity: Activity) -> Activity:
        """Return an activity of the condensed track at its places in the whole one."""
        level = np.full(self._count, _SILENT_DB, np.float32)
        active: Flags = np.zeros(self._count, bool)
        for (a, b), at in zip(self._parts, self._starts, strict=True):
            level[a:b] = activity.level_db[at : at + b - a]
            active[a:b] = activity.active[at : at + b - a]
        return Activity(level, active, tuple(self._turns(activity)))

    def _turns(self, activity: Activity) -> Iterable[tuple[int, int]]:
        starts = np.array(self._starts, np.intp)
        for first, stop in activity.turns:
            k = int(np.searchsorted(starts, first, side="right")) - 1
            (a, b), at = self._parts[k], self._starts[k]
            low, high = first - at, min(stop - at, b - a)
            edges = (low <= 1) + (high >= b - a - 1)
            if edges == 2 or (edges and (high - low) * FRAME_S >= LONGEST_PART_S):
                continue
            yield a + low, a + high


def only_within(activity: Activity, spans: Sequence[Span]) -> Activity:
    """Return an activity that is active in the given spans only. Its turns stay whole."""
    inside: Flags = np.zeros(len(activity.active), bool)
    for span in spans:
        inside[max(round(span.start_s / FRAME_S), 0) : max(round(span.end_s / FRAME_S), 0)] = True
    return Activity(activity.level_db, activity.active & inside, activity.turns)


def busiest(weights: Floats, frames: int) -> tuple[int, float]:
    """Return the start of the run of so many frames with the largest sum, and that sum."""
    total = np.concatenate([[0.0], np.cumsum(weights)])
    if len(weights) <= frames:
        return 0, float(total[-1])
    sums = total[frames:] - total[:-frames]
    best = int(np.argmax(sums))
    return best, float(sums[best])
