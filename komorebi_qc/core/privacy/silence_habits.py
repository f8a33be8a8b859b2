"""A channel's own digital silence: its number, its lengths, and the sound at its edges.

A telephone that sends nothing between words is silent by itself: while the other side speaks, for as long as its pauses
are, from one packet to another, and never in the middle of a word. A suspension cuts it at any moment.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from komorebi_qc.core.privacy.digital_silence import SilentRun, steps
from komorebi_qc.core.samples import RATE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from komorebi_qc.core.samples import Track

PACKET = RATE // 50
"""Samples: telephones send a packet every 20 ms."""
NEAR = 300 * RATE
"""Samples: habits are those of the minutes around a silence."""
_GRID_SLACK = 8
"""The first samples of a packet may be 0 as well."""
_LEAST_EDGES, _ON_GRID = 5, 0.7
"""Edges that a habit needs, and the share of them that is on one grid of packets."""
_BESIDE = RATE // 100
"""Samples beside an edge whose level counts."""
_LOUDER = 2.0
"""A word that was cut is this much louder than the loudest edge that the channel makes by itself."""
_ALONE_S = 0.4


def alone(mine: Sequence[SilentRun], others: Sequence[SilentRun], without: Sequence[SilentRun]) -> list[SilentRun]:
    """Return a channel's silence of its own: runs in which the other channel sounds for a while.

    Args:
        mine: the runs of the channel.
        others: the runs of the other channel, in order.
        without: suspensions; only what is left of a run beside them counts.
    """
    pieces = [piece for run in mine for piece in _left_of(run, without)]
    edges = np.array([0, *(edge for run in others for edge in (run.start, run.stop))])
    silent = np.array([0, *(n for run in others for n in (0, run.stop - run.start))]).cumsum()
    starts, stops = [piece.start for piece in pieces], [piece.stop for piece in pieces]
    shared = np.interp(stops, edges, silent) - np.interp(starts, edges, silent)
    is_alone = np.subtract(stops, starts) - shared >= _ALONE_S * RATE
    return [piece for piece, kept in zip(pieces, is_alone, strict=True) if kept]


def _left_of(run: SilentRun, without: Sequence[SilentRun]) -> list[SilentRun]:
    pieces = [run]
    for cut in without:
        pieces = [
            SilentRun(start, stop)
            for p in pieces
            for start, stop in ((p.start, min(p.stop, cut.start)), (max(p.start, cut.stop), p.stop))
            if stop > start
        ]
    return pieces


def near(runs: Sequence[SilentRun], run: SilentRun) -> Sequence[SilentRun]:
    """Return the runs within some minutes of `run`: habits change, and a long call has thousands of runs."""
    first = bisect_left(runs, run.start - NEAR, key=lambda r: r.stop)
    return runs[first : bisect_right(runs, run.stop + NEAR, key=lambda r: r.start)]


def silent_share(runs: Sequence[SilentRun], length: int, samples: int) -> float:
    """Return the share of a call's stretches of `length` samples that are silent from end to end."""
    places = max(samples - length, 1)
    return min(sum(max(run.stop - run.start - length, 0) for run in runs) / places, 1.0)


@dataclass(frozen=True, slots=True)
class EdgeHabits:
    """The edges of a channel's own silence.

    Attributes:
        call: the call audio.
        channel: the channel.
        runs: its own silence.
        is_exact: whether no codec moved the edges.
    """

    call: Track
    channel: int
    runs: Sequence[SilentRun]
    is_exact: bool

    def is_unlike_starts(self, run: SilentRun) -> bool:
        """Return whether the channel wouldn't begin this silence by itself."""
        starts = [r.start for r in self.runs]
        is_off = self.is_exact and _is_off_grid(run.start, starts, sign=-1)
        return is_off or self._is_louder(run.start, starts, -_BESIDE)

    def is_unlike_stops(self, run: SilentRun) -> bool:
        """Return whether the channel wouldn't end this silence by itself."""
        stops = [r.stop for r in self.runs]
        is_off = self.is_exact and _is_off_grid(run.stop, stops, sign=1)
        return is_off or self._is_louder(run.stop, stops, _BESIDE)

    def _is_louder(self, edge: int, usual: Sequence[int], beside: int) -> bool:
        if len(usual) < _LEAST_EDGES:
            return False
        return self._level(edge, beside) > _LOUDER * max(self._level(other, beside) for other in usual)

    def _level(self, edge: int, beside: int) -> float:
        first, last = sorted((edge, edge + beside))
        block = steps(self.call[max(first, 0) : max(last, 0)])
        return float(np.sqrt(np.mean(block[:, self.channel].astype(np.float64) ** 2))) if len(block) else 0.0


def _is_off_grid(edge: int, usual: Sequence[int], sign: int) -> bool:
    """Return whether the usual edges are on one grid of packets, and this one isn't.

    Args:
        edge: in samples.
        usual: the other edges.
        sign: 1 if the first samples of a packet that are 0 move an edge to later, -1 if to earlier.
    """
    if len(usual) < _LEAST_EDGES:
        return False
    behind = (sign * (np.array(usual)[:, None] - np.arange(PACKET))) % PACKET
    on = np.count_nonzero(behind <= _GRID_SLACK, axis=0)
    phase = int(np.argmax(on))
    if on[phase] < _ON_GRID * len(usual):
        return False
    off = (sign * (edge - phase)) % PACKET
    return bool(2 * _GRID_SLACK < off < PACKET - _GRID_SLACK)
