"""The places at which reading may begin in a file without an index, found by interpolation and bisection."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from komorebi_qc.media.ranges.blocks import BlockFile

_MOST_PROBES, _MOST_GUESSES = 60, 6
_SCAN_BYTES = 64 << 10
_LEAD_S = 0.4
"""A guess is so much early: the point before the wanted time is wanted."""


@dataclass(frozen=True, slots=True)
class SyncPoint:
    """A place in a file from which on it can be read, and the time there.

    Attributes:
        at: its first byte.
        time_s: the first timestamp there.
        end: the first byte behind it, if it has a length; 0 if that isn't known.
    """

    at: int
    time_s: float
    end: int = 0


class Finder(Protocol):
    """Finds the points of one kind of file."""

    def find(self, data: bytes, start: int) -> SyncPoint | None:
        """Return the first point of a piece of the file that begins at `start`; None without one."""
        ...


class SyncPoints:
    """The points of a file that are known so far, and the search for more."""

    def __init__(self, file: BlockFile, size: int, finder: Finder, first: SyncPoint) -> None:
        self._file, self._size, self._finder = file, size, finder
        self._places = [first.at]
        self._points = [first]
        self._followed: set[int] = set()
        """Places of points, or the file's end, with no unknown point between them and the point before."""

    @property
    def first(self) -> SyncPoint:
        """The first point of the file."""
        return self._points[0]

    def last(self) -> SyncPoint:
        """The last point of the file."""
        step = _SCAN_BYTES
        while True:
            start = max(self._size - step, self._points[0].at)
            found = None
            at = start
            while (point := self.find_from(at, self._size)) is not None:
                found, at = point, max(point.at + 1, min(point.end, self._size))
            if found is not None or start == self._points[0].at:
                return found or self._points[0]
            step *= 4

    def before(self, time_s: float) -> SyncPoint:
        """Return the last point at or before a time; the first point if all are later."""
        return self._around(time_s)[0]

    def after(self, time_s: float) -> SyncPoint | None:
        """Return the first point later than a time; None if all are earlier."""
        return self._around(time_s)[1]

    def find_from(self, start: int, stop: int) -> SyncPoint | None:
        """Return the first point from a byte on and before another one; it is known from then on."""
        at, tail = start, b""
        while at < stop:
            # A point needs its first bytes in one piece.
            data = tail + self._file.read_at(at, min(_SCAN_BYTES, self._size - at))
            begin = at - len(tail)
            point = self._finder.find(data, begin)
            if point is not None:
                if point.at >= stop:
                    return None
                self._note(point)
                return point
            at += _SCAN_BYTES
            tail = data[-64:]
        return None

    def _note(self, point: SyncPoint) -> None:
        k = bisect_right(self._places, point.at)
        if k and self._places[k - 1] == point.at:
            return
        self._places.insert(k, point.at)
        self._points.insert(k, point)

    def _around(self, time_s: float) -> tuple[SyncPoint, SyncPoint | None]:
        for probe in range(_MOST_PROBES):
            low, high = self._known(time_s)
            end = self._size if high is None else high.at
            if end in self._followed:
                return low, high
            begin = low.end if low.at < low.end < end else low.at + 1
            # Interpolation alone comes near from one side, step by step.
            halves = probe >= _MOST_GUESSES and probe % 2 == 1
            self._probe((begin + end) // 2 if halves else self._guess(time_s, low, high, begin, end), begin, end)
        return self._known(time_s)

    def _probe(self, guess: int, begin: int, end: int) -> None:
        """Find a point between two places, near a guess; or note that there is no other one."""
        stop = end
        while self.find_from(guess, stop) is None:
            if guess <= begin:
                self._followed.add(end)
                return
            stop, guess = guess, (begin + guess) // 2 if guess - begin > 2 * _SCAN_BYTES else begin

    def _known(self, time_s: float) -> tuple[SyncPoint, SyncPoint | None]:
        k = bisect_right(self._points, time_s, key=lambda point: point.time_s)
        return self._points[max(k - 1, 0)], (self._points[max(k, 1)] if max(k, 1) < len(self._points) else None)

    def _guess(self, time_s: float, low: SyncPoint, high: SyncPoint | None, begin: int, end: int) -> int:
        last = high or self._points[-1]
        if last.time_s <= low.time_s or end - begin <= 4 * _SCAN_BYTES:
            return begin
        rate = (last.at - low.at) / (last.time_s - low.time_s)
        guess = low.at + round((time_s - _LEAD_S - low.time_s) * rate)
        return begin if guess <= begin else min(guess, end - _SCAN_BYTES)
