"""A quick look at a pair: the place of a few pieces of the call in the recording, by the measures of sync.

The reported call end says where to listen first. The first and the last piece are searched widely, the others near the
line between their neighbours. A piece that isn't there is searched widely, too. Between two pieces at different places,
more pieces are read until the jump is near. Then the same chains, fit and status are made as of the whole call, of
these pieces alone.

A call is clean if it is aligned with room to spare. Any other needs more than a quick look, and says why.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from komorebi_qc.measure.quick.doubts import LEAST_TURNS, clock_doubts, place_doubts
from komorebi_qc.measure.quick.places import CallView
from komorebi_qc.measure.quick.search import PieceSearch
from komorebi_qc.measure.quick.sparse import Condensed
from komorebi_qc.sync.lags import coarse
from komorebi_qc.sync.measure import measure_along
from komorebi_qc.sync.vad import of_recording

if TYPE_CHECKING:
    from komorebi_qc.core.samples import Track
    from komorebi_qc.core.timebase import CallEnd
    from komorebi_qc.measure.quick.sparse import SpanReader
    from komorebi_qc.sync import SyncResult

LEAST_CALL_S = 120.0
"""A shorter call has so few pieces that all of it is measured."""


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
    view = CallView(call)
    search = PieceSearch(view, recording)

    def unplaced(doubt: str) -> QuickLook:
        return QuickLook(None, (doubt,), (), view.track.read_s, search.own.read_s)

    if view.call_s < LEAST_CALL_S:
        return unplaced(f"the call of {view.call_s:.0f} s is too short for a quick look")
    pieces = view.pieces()
    if len(pieces) < LEAST_TURNS:
        return unplaced(f"only {len(pieces)} pieces of the call have speech")
    if not search.find(pieces, call_end.recording_s + call_end.resolution_s / 2 - view.call_s):
        return unplaced("nothing agrees at the reported call end")
    result = _measured(view, search, call_end)
    doubts = tuple(place_doubts(result, search))
    clock = () if doubts else tuple(clock_doubts(result, search))
    return QuickLook(replace(result, recording_spans=()), doubts, clock, view.track.read_s, search.own.read_s)


def _measured(view: CallView, search: PieceSearch, call_end: CallEnd) -> SyncResult:
    """Measure the pieces along the lags at which they were found."""
    pieces = sorted(search.lags_s, key=lambda piece: piece.middle_s)
    times, lags = np.array([p.middle_s for p in pieces]), np.array([search.lags_s[p] for p in pieces])
    condensed = Condensed(search.own)
    own_activity = condensed.spread(of_recording(condensed.samples))
    nothing = np.zeros((0, coarse.CANDIDATES))
    return measure_along(
        coarse.Course(times, lags, 1.0),
        coarse.Hits(np.zeros(0), np.zeros(0, np.intp), nothing, nothing),
        view.track,
        search.own,
        (view.within([*pieces, *search.missing, *search.silent]), own_activity),
        call_end.recording_s,
        call_end.resolution_s,
        may_stretch=False,
    )
