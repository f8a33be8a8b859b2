"""A quick look at a pair: the place of a few pieces of the call in the recording, by the measures of sync.

The reported call end says where to listen first. The first and the last piece are searched widely, the others near the
line between their neighbours. A piece that isn't there is searched widely, too. Between two pieces at different places,
more pieces are read until the jump is near. Then the same chains, fit and status are made as of the whole call, of
these pieces alone.

A call is clean if it is aligned with room to spare. Any other needs more than a quick look, and says why.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from komorebi_qc.core.finding import counted
from komorebi_qc.core.samples import RATE, Doubles, length
from komorebi_qc.core.timebase import Span
from komorebi_qc.measure.quick.places import CallView, Piece
from komorebi_qc.measure.quick.sparse import Condensed, SparseTrack
from komorebi_qc.sync.lags import coarse, windows
from komorebi_qc.sync.lags.gcc_phat import lag_peaks
from komorebi_qc.sync.measure import measure_along
from komorebi_qc.sync.vad import of_recording

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from komorebi_qc.core.samples import Track
    from komorebi_qc.core.timebase import CallEnd
    from komorebi_qc.measure.quick.sparse import SpanReader
    from komorebi_qc.sync import SyncResult
    from komorebi_qc.sync.evidence.classify import Evidence

LEAST_CALL_S = 120.0
"""A shorter call has so few pieces that all of it is measured."""
_WIDTH = 12288
_REACHES = {"wide": 26624, "near": 10240, "narrow": 2048}
"""Samples to either side of the expected lag: 3.3 s, 1.3 s and 0.26 s. Each makes a window of a power of two."""
_MARGIN_S = 0.12
_AUDIBLE = 0.6
"""Share of a window that must be in the recording."""
_LEAST_GAIN = 3.0
"""The gain of a piece's windows at one lag (`windows.gains`) that isn't chance."""
_FAR_S = 8.0
"""Two agreeing pieces with a jump between them are brought this near to each other."""
_MOST_JUMPS, _ROUNDS = 4, 5
FAR_CALL_S, FAR_STEPS = 900.0, 6
"""A long call is searched so many times 6.7 s to either side of its reported place."""
LEAST_TURNS, LEAST_ALTERNATIONS = 6, 3
"""Turns at one place, and changes of the speaker, of a conversation that two calls never share."""
LEAST_TURNS_ALONE = 9
"""The same if only one voice is in the recording."""
LEAST_COVERAGE, LEAST_PIECES = 0.8, 0.85
"""Shares of the speech and of the pieces that agree."""
MOST_DRIFT_PPM = 150.0


@dataclass(frozen=True, slots=True)
class QuickLook:
    """The result of a quick look.

    Attributes:
        result: the sync measurement of the pieces; None if nothing was found where the reported end places the call.
        doubts: why the place needs more than a quick look; empty if it is sure.
        clock_doubts: why the clock's jumps and drift need more, although the place is sure.
        call_read_s: seconds of the call audio that were read.
        recording_read_s: seconds of the recording's audio that were read.
    """

    result: SyncResult | None
    doubts: tuple[str, ...]
    clock_doubts: tuple[str, ...]
    call_read_s: float
    recording_read_s: float

    @property
    def is_clean(self) -> bool:
        """Whether the call is aligned with room to spare."""
        return not self.doubts and not self.clock_doubts


def look(call: Track, recording: SpanReader, call_end: CallEnd) -> QuickLook:
    """Look at a few pieces of a call and their places in the recording.

    Args:
        call: Connect's audio at 8 kHz, shape ``(n, 2)``.
        recording: the recording's audio.
        call_end: the reported call end.
    """
    return _Look(call, recording, call_end).found()


class _Look:
    def __init__(self, call: Track, recording: SpanReader, call_end: CallEnd) -> None:
        self._view = CallView(call)
        self._reader = recording
        self._end = call_end
        self._own = SparseTrack(round(recording.length_s * RATE))
        self._lags: dict[Piece, float] = {}
        """The lag of each piece that was found."""

    def found(self) -> QuickLook:
        call_s = self._view.call_s
        if call_s < LEAST_CALL_S:
            return self._with(None, f"the call of {call_s:.0f} s is too short for a quick look")
        pieces = self._view.pieces()
        if len(pieces) < LEAST_TURNS:
            return self._with(None, f"only {len(pieces)} pieces of the call have speech")
        reported_s = self._end.recording_s + self._end.resolution_s / 2 - call_s
        first = self._first(pieces, reported_s)
        if first is None:
            return self._with(None, "nothing agrees at the reported call end")
        missing = self._follow(pieces, first)
        self._bisect()
        result = self._measured(missing)
        doubts = [*_doubts(result), *self._missing_doubts(missing)]
        return self._with(replace(result, recording_spans=()), *doubts)

    def _with(self, result: SyncResult | None, *doubts: str) -> QuickLook:
        clock = () if result is None or doubts else tuple(_clock_doubts(result))
        return QuickLook(result, doubts, clock, self._view.track.read_s, self._own.read_s)

    def _first(self, pieces: Sequence[Piece], lag_s: float) -> Piece | None:
        """Find the first piece, then the last one, widely; return the first that is there."""
        best = sorted(pieces, key=lambda piece: -piece.speech_s)
        tried = dict.fromkeys([*[p for p in pieces[:3] if p.speech_s >= 1.5][:2], *best[:3]])
        for piece in [p for p in tried if self._is_recorded(p, lag_s)][:3]:
            if self._search([piece], [lag_s], "wide"):
                return piece
        return self._far(best, lag_s) if self._view.call_s >= FAR_CALL_S else None

    def _far(self, best: Sequence[Piece], lag_s: float) -> Piece | None:
        """Search the best pieces of a long call, for which a wrong reported end costs the most, far around."""
        step_s = 2 * _REACHES["wide"] / RATE
        for piece in best[:2]:
            for k in sorted(range(-FAR_STEPS, FAR_STEPS + 1), key=abs)[1:]:
                at_s = lag_s + k * step_s
                if self._is_recorded(piece, at_s) and self._search([piece], [at_s], "wide"):
                    return piece
        return None

    def _follow(self, pieces: Sequence[Piece], first: Piece) -> list[Piece]:
        """Find all pieces from the first one on; return those that aren't there."""
        # A recording may begin after the call, or end before it.
        pieces = [p for p in pieces if self._is_recorded(p, self._lags[first])]
        ends = [p for p in (pieces[-1], pieces[-2], pieces[0]) if p not in self._lags] if len(pieces) > 1 else []
        for piece in ends:
            if self._search([piece], [self._lags[first]], "near"):
                break
        rest = [piece for piece in pieces if piece not in self._lags]
        self._search(rest, [self._expected_s(piece) for piece in rest], "narrow")
        missing = [piece for piece in rest if piece not in self._lags]
        if missing and len(missing) <= max(3, len(pieces) // 3):
            self._search(missing, [self._expected_s(piece) for piece in missing], "near")
        return [piece for piece in missing if piece not in self._lags]

    def _is_recorded(self, piece: Piece, lag_s: float) -> bool:
        return piece.span.start_s + lag_s >= 0.0 and piece.span.end_s + lag_s <= self._reader.length_s

    def _expected_s(self, piece: Piece) -> float:
        known = sorted((other.middle_s, lag_s) for other, lag_s in self._lags.items())
        return float(np.interp(piece.middle_s, [t for t, _ in known], [lag_s for _, lag_s in known]))

    def _search(self, pieces: Sequence[Piece], lags_s: Sequence[float], how: str) -> bool:
        """Look for pieces around their expected lags; return whether any is there."""
        reach = _REACHES[how]
        room_s = reach / RATE + _MARGIN_S
        self._read(
            Span(max(p.span.start_s + lag_s - room_s, 0.0), max(p.span.end_s + lag_s + room_s, 0.0))
            for p, lag_s in zip(pieces, lags_s, strict=True)
        )
        call, own = self._view.track, self._own
        is_found = False
        for piece, lag_s in zip(pieces, lags_s, strict=True):
            lags: list[Doubles] = []
            heights: list[Doubles] = []
            for channel, activity in enumerate(self._view.within([piece])):
                starts, _ = windows.plan(activity, length(call), _WIDTH)
                if len(starts):
                    centres = np.full(len(starts), round(lag_s * RATE), np.intp)
                    peaks = lag_peaks(call, channel, own, starts, centres, _WIDTH, reach)
                    lags.append(peaks.lag_s)
                    heights.append(np.where(peaks.audible[:, None] > _AUDIBLE, peaks.z, 0.0))
            if not lags:
                continue
            at_s, gain = windows.most_credible(np.concatenate(lags), np.concatenate(heights))
            if gain >= _LEAST_GAIN:
                self._lags[piece] = at_s
                is_found = True
        return is_found

    def _read(self, spans: object) -> None:
        todo = self._own.missing(spans)  # type: ignore[arg-type]
        if todo:
            self._own.fill(todo, self._reader.read(todo))

    def _bisect(self) -> None:
        """Read more pieces between two that are at different places."""
        for _ in range(_ROUNDS):
            known = sorted(self._lags.items(), key=lambda one: one[0].middle_s)
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
                if piece is None or piece in self._lags:
                    continue
                how = "narrow" if abs(lag_a - lag_b) < 0.2 else "near"
                added |= self._search([piece], [(lag_a + lag_b) / 2], how)
            if not added:
                return

    def _measured(self, missing: Sequence[Piece]) -> SyncResult:
        pieces = sorted(self._lags, key=lambda piece: piece.middle_s)
        times, lags = (np.array(v) for v in ([p.middle_s for p in pieces], [self._lags[p] for p in pieces]))
        view = Condensed(self._own)
        own_activity = view.spread(of_recording(view.samples))
        nothing = np.zeros((0, coarse.CANDIDATES))
        return measure_along(
            coarse.Course(times, lags, 1.0),
            coarse.Hits(np.zeros(0), np.zeros(0, np.intp), nothing, nothing),
            self._view.track,
            self._own,
            (self._view.within([*pieces, *missing]), own_activity),
            self._end.recording_s,
            self._end.resolution_s,
            may_stretch=False,
        )

    def _missing_doubts(self, missing: Sequence[Piece]) -> list[str]:
        total = len(self._lags) + len(missing)
        if len(missing) > max(1.0, (1.0 - LEAST_PIECES) * total):
            return [f"{len(missing)} of {total} pieces of the call aren't in the recording"]
        ends = {min(p.middle_s for p in self._lags), max(p.middle_s for p in self._lags)}
        if any(not min(ends) <= p.middle_s <= max(ends) for p in missing):
            return ["the call's first or last words aren't in the recording"]
        return []


def _doubts(result: SyncResult) -> list[str]:
    """Why a measurement of pieces isn't enough to be sure of the place."""
    e = result.evidence
    if result.status != "aligned" or e is None:
        return [result.reason]
    out = []
    turns = e.customer.distinct_turns + e.agent.distinct_turns
    is_alone = result.sides != "both"
    least = LEAST_TURNS_ALONE if is_alone else LEAST_TURNS
    if turns < least:
        out.append(f"only {turns} turns agree")
    if not is_alone and _alternations(e) < LEAST_ALTERNATIONS:
        out.append("the speaker changes too seldom")
    if e.coverage < LEAST_COVERAGE:
        out.append(f"{e.coverage:.0%} of the speech agrees")
    return out


def _clock_doubts(result: SyncResult) -> Iterator[str]:
    """Why it isn't enough for the clock: whose jump it is, for one, needs more of both voices."""
    if result.jumps:
        yield f"{counted(len(result.jumps), 'jump')} of the clock"
    if abs(result.drift_ppm or 0.0) > MOST_DRIFT_PPM:
        yield f"a drift of {result.drift_ppm:.0f} ppm"


def _alternations(e: Evidence) -> int:
    """Return how often the speaker changes from one agreeing turn to the next."""
    turns = sorted((t, k) for k, c in enumerate((e.customer, e.agent)) for t in c.distinct_at_s)
    return sum(a[1] != b[1] for a, b in pairwise(turns))
