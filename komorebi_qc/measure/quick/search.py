"""The pieces of a call, looked for in the recording one after the other."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from komorebi_qc.core.samples import RATE, length
from komorebi_qc.core.timebase import Span
from komorebi_qc.measure.quick.places import LEAST_SPEECH_S
from komorebi_qc.measure.quick.sparse import SparseTrack
from komorebi_qc.sync.lags import windows
from komorebi_qc.sync.lags.gcc_phat import lag_peaks

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from komorebi_qc.core.samples import Doubles
    from komorebi_qc.measure.quick.places import CallView, Piece
    from komorebi_qc.measure.quick.sparse import SpanReader

_WIDTH = 12288
_REACHES = {"wide": 26624, "near": 10240, "narrow": 2048}
"""Samples to either side of the expected lag: 3.3 s, 1.3 s and 0.26 s. Each makes a window of a power of two."""
_MARGIN_S = 0.12
_AUDIBLE = 0.6
"""Share of a window that must be in the recording."""
_LEAST_GAIN = 3.0
"""The gain of a piece's windows at one lag (`windows.gains`) that isn't chance."""
_SURE_GAIN = 6.0
"""The gain of a first piece beside its reported place that needs no wider search."""
_SAME_S = 0.5
"""The other voice may be later by this much."""
_TOGETHER_S = 0.1
"""Between two pieces whose lags are this near, a piece is expected on the line; otherwise beside the nearer one."""
_FAR_S = 8.0
"""Two agreeing pieces with a jump between them are brought this near to each other."""
_MOST_JUMPS, _ROUNDS, _AT_ONCE = 4, 5, 3
FAR_CALL_S, FAR_STEPS = 900.0, 6
"""A long call is searched so many times 6.7 s to either side of its reported place."""
_STARTS, _LEAST_FOUND, _LEAST_FOLLOW = 3, 3, 0.25
"""The search begins again from another piece, so many times, if fewer pieces than this, or than this share, follow. The
starts of a long call are followed by as many far around."""
_BESIDE = 2
"""Neighbours on either side."""
_ALONE = 0.1
"""A voice with less than this share of the other one's gain isn't in the recording."""


class PieceSearch:
    """The search for a call's pieces.

    Attributes:
        own: the recording as far as it was read.
        lags_s: the lag of each piece that was found.
        missing: pieces that aren't in the recording, although it covers their place and has their voice.
        silent: pieces of a voice that isn't in the recording at all.
    """

    def __init__(self, view: CallView, recording: SpanReader) -> None:
        self._view, self._reader = view, recording
        self.own = SparseTrack(round(recording.length_s * RATE))
        self.lags_s: dict[Piece, float] = {}
        self.missing: list[Piece] = []
        self.silent: list[Piece] = []
        self._gains: dict[Piece, list[float]] = {}
        self._tried: set[Piece] = set()

    def find(self, pieces: Sequence[Piece], reported_s: float) -> bool:
        """Find the pieces, the first one widely around the reported offset; return whether any is there."""
        best: tuple[dict[Piece, float], list[Piece]] = ({}, [])
        for first in self._starts(pieces, reported_s):
            # A recording may begin after the call, or end before it.
            within = [piece for piece in pieces if self._is_recorded(piece, self.lags_s[first])]
            self._follow(within, first)
            self._drop_strays()
            if len(self.lags_s) > len(best[0]):
                best = dict(self.lags_s), self.missing
            if len(self.lags_s) >= max(_LEAST_FOUND, _LEAST_FOLLOW * len(within)) or len(within) < 2 * _LEAST_FOUND:
                break
            # The first piece agreed by chance, as one of noise does, or its words are repeated.
            self._tried.add(first)
            self.lags_s.clear()
        self.lags_s, self.missing = best
        if not self.lags_s:
            return False
        lone = self._lone_voice()
        if self.missing and lone is not None:
            self._replace(lone)
        self._bisect()
        return True

    def _starts(self, pieces: Sequence[Piece], lag_s: float) -> Iterator[Piece]:
        """Yield pieces that are found near their reported place; for a long call, then pieces that are far from it."""
        best = sorted(pieces, key=lambda piece: -piece.speech_s)
        for _ in range(_STARTS):
            first = self._first(pieces, best, lag_s)
            if first is None:
                break
            yield first
        for _ in range(_STARTS if self._view.call_s >= FAR_CALL_S else 0):
            first = self._far(best, lag_s)
            if first is None:
                break
            yield first

    def _first(self, pieces: Sequence[Piece], best: Sequence[Piece], lag_s: float) -> Piece | None:
        tried = dict.fromkeys([*[piece for piece in pieces[:3] if piece.speech_s >= 1.5][:2], *best[:5]])
        usable = [piece for piece in tried if piece not in self._tried and self._is_recorded(piece, lag_s)]
        for piece in usable[:3]:
            if self._is_surely_near(piece, lag_s) or self._search([piece], [lag_s], "wide"):
                return piece
        return None

    def _is_surely_near(self, piece: Piece, lag_s: float) -> bool:
        """Whether a piece is beyond doubt near its reported place. Most are, and the wide search costs more."""
        if self._search([piece], [lag_s], "near") and max(self._gains[piece]) >= _SURE_GAIN:
            return True
        self.lags_s.pop(piece, None)
        return False

    def _far(self, best: Sequence[Piece], lag_s: float) -> Piece | None:
        """Search the best pieces of a long call, for which a wrong reported end costs the most, far around."""
        step_s = 2 * _REACHES["wide"] / RATE
        for piece in [piece for piece in best if piece not in self._tried][:2]:
            for k in sorted(range(-FAR_STEPS, FAR_STEPS + 1), key=abs)[1:]:
                at_s = lag_s + k * step_s
                if self._is_recorded(piece, at_s) and self._search([piece], [at_s], "wide"):
                    return piece
        return None

    def _follow(self, pieces: Sequence[Piece], first: Piece) -> None:
        """Find all pieces from the first one on, and again from each piece that is found behind a jump."""
        for piece in [p for p in (pieces[-1], pieces[-2], pieces[0]) if p != first] if len(pieces) > 1 else []:
            if self._search([piece], [self.lags_s[first]], "near"):
                break
        self.missing = [piece for piece in pieces if piece not in self.lags_s]
        for _ in range(_ROUNDS):
            self._search(self.missing, [self._expected_s(piece) for piece in self.missing], "narrow")
            self._forget_found()
            known = [piece.middle_s for piece in self.lags_s]
            nearest = sorted(self.missing, key=lambda p: min(abs(p.middle_s - at_s) for at_s in known))[:_AT_ONCE]
            if not nearest or not self._search(nearest, [self._expected_s(piece) for piece in nearest], "near"):
                break
            self._forget_found()

    def _forget_found(self) -> None:
        self.missing = [piece for piece in self.missing if piece not in self.lags_s]

    def _lone_voice(self) -> int | None:
        """The channel that alone is in the recording, as behind a headset; None if both are."""
        total = [sum(self._gains[piece][channel] for piece in self.lags_s) for channel in (0, 1)]
        least, most = sorted((0, 1), key=lambda channel: total[channel])
        return most if total[least] < _ALONE * total[most] else None

    def _drop_strays(self) -> None:
        """Drop pieces that are alone at their lag among their neighbours: they agree by chance."""
        known = sorted(self.lags_s, key=lambda piece: piece.middle_s)
        lags = np.array([self.lags_s[piece] for piece in known])
        strays = [
            piece
            for k, piece in enumerate(known)
            if len(known) > 2
            and np.count_nonzero(np.abs(lags[max(k - _BESIDE, 0) : k + _BESIDE + 1] - lags[k]) <= _SAME_S) < 2
        ]
        for piece in strays:
            del self.lags_s[piece]
        self.missing += strays

    def _replace(self, channel: int) -> None:
        """Look for other pieces of the same blocks instead of the missing ones: those of the voice that is there."""
        self.silent = self.missing
        others = [self._view.best_in(piece.block, prefers=channel, alone=True) for piece in self.missing]
        self.missing = [piece for piece in others if piece.speech_s >= LEAST_SPEECH_S]
        self._search(self.missing, [self._expected_s(piece) for piece in self.missing], "narrow")
        self._forget_found()

    def _is_recorded(self, piece: Piece, lag_s: float) -> bool:
        return piece.span.start_s + lag_s >= 0.0 and piece.span.end_s + lag_s <= self._reader.length_s

    def _expected_s(self, piece: Piece) -> float:
        known = sorted((other.middle_s, lag_s) for other, lag_s in self.lags_s.items())
        before = [one for one in known if one[0] <= piece.middle_s][-1:]
        after = [one for one in known if one[0] > piece.middle_s][:1]
        near = [*before, *after]
        if len(near) == 2 and abs(near[1][1] - near[0][1]) <= _TOGETHER_S:
            return float(np.interp(piece.middle_s, [t for t, _ in near], [lag_s for _, lag_s in near]))
        return min(near, key=lambda one: abs(one[0] - piece.middle_s))[1]

    def _search(self, pieces: Sequence[Piece], lags_s: Sequence[float], how: str) -> bool:
        """Look for pieces around their expected lags; return whether any is there."""
        reach = _REACHES[how]
        room_s = reach / RATE + _MARGIN_S
        self._read(
            Span(max(p.span.start_s + lag_s - room_s, 0.0), max(p.span.end_s + lag_s + room_s, 0.0))
            for p, lag_s in zip(pieces, lags_s, strict=True)
        )
        found = [self._look_at(piece, lag_s, reach) for piece, lag_s in zip(pieces, lags_s, strict=True)]
        return any(found)

    def _look_at(self, piece: Piece, lag_s: float, reach: int) -> bool:
        lags: list[Doubles] = []
        heights: list[Doubles] = []
        voices: list[tuple[int, float, float]] = []
        for channel, activity in enumerate(self._view.within([piece])):
            starts, _ = windows.plan(activity, length(self._view.track), _WIDTH)
            if len(starts):
                centres = np.full(len(starts), round(lag_s * RATE), np.intp)
                peaks = lag_peaks(self._view.track, channel, self.own, starts, centres, _WIDTH, reach)
                lags.append(peaks.lag_s)
                heights.append(np.where(peaks.audible[:, None] > _AUDIBLE, peaks.z, 0.0))
                voices.append((channel, *windows.most_credible(lags[-1], heights[-1])))
        if not lags:
            return False
        at_s, gain = windows.most_credible(np.concatenate(lags), np.concatenate(heights))
        if gain < _LEAST_GAIN:
            return False
        self.lags_s[piece] = _sharpest(np.concatenate(lags), np.concatenate(heights), at_s)
        gains = [0.0, 0.0]
        for channel, own_s, own_gain in voices:
            gains[channel] = own_gain if abs(own_s - at_s) <= _SAME_S and own_gain >= _LEAST_GAIN / 2 else 0.0
        self._gains[piece] = gains
        return True

    def _read(self, spans: Iterable[Span]) -> None:
        todo = self.own.missing(spans)
        if todo:
            self.own.fill(todo, self._reader.read(todo))

    def _bisect(self) -> None:
        """Read more pieces between two that are at different places."""
        for _ in range(_ROUNDS):
            known = sorted(self.lags_s.items(), key=lambda one: one[0].middle_s)
            apart = [
                (a, b)
                for a, b in pairwise(known)
                if b[0].span.start_s - a[0].span.end_s > _FAR_S
                and abs(b[1] - a[1]) > 0.012 + 150e-6 * (b[0].middle_s - a[0].middle_s)
            ]
            if not apart or len(apart) > _MOST_JUMPS:
                return
            added = False
            for (a, lag_a), (b, lag_b) in apart:
                piece = self._view.between(a.span.end_s, b.span.start_s)
                if piece is None or piece in self.lags_s:
                    continue
                how = "narrow" if abs(lag_a - lag_b) < 0.2 else "near"
                added |= self._search([piece], [(lag_a + lag_b) / 2], how)
            if not added:
                return


def _sharpest(lags_s: Doubles, heights: Doubles, at_s: float) -> float:
    """Return the lag of the sharpest peak near the place that most windows agree on, which is its lower edge."""
    near = np.where((lags_s >= at_s - 1e-9) & (lags_s <= at_s + windows.SAME_PLACE_S), heights, 0.0)
    return float(lags_s.ravel()[int(np.argmax(near))])
