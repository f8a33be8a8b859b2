"""The doubts that a measurement of pieces leaves."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from made_sync import evidence, jump, result
from spans_in_memory import ArrayReader

from komorebi_qc.core.timebase import Span
from komorebi_qc.measure.quick.doubts import clock_doubts, place_doubts
from komorebi_qc.measure.quick.places import CallView, Piece
from komorebi_qc.measure.quick.search import PieceSearch
from komorebi_qc.sync import Window

if TYPE_CHECKING:
    from komorebi_qc.sync import SyncResult

STARTS = (10.0, 50.0, 90.0, 130.0, 170.0)


def _piece(start_s: float) -> Piece:
    span = Span(start_s, start_s + 3.0)
    return Piece(span, 2.0, span)


def _search(*missing_at_s: float) -> PieceSearch:
    """Five pieces that were found, and some that weren't."""
    search = PieceSearch(CallView(np.zeros((200, 2), np.int16)), ArrayReader(np.zeros(200, np.int16)))
    search.lags_s = {_piece(at_s): 2.5 for at_s in STARTS}
    search.missing = [_piece(at_s) for at_s in missing_at_s]
    return search


def _clean(**changes: Any) -> SyncResult:
    """A conversation of six turns a voice, which speak in turn."""
    found = evidence(6, 6)
    customer, agent = (
        replace(side, distinct_at_s=tuple(first_s + 20.0 * k for k in range(6)))
        for side, first_s in ((found.customer, 0.0), (found.agent, 10.0))
    )
    return result(evidence=replace(found, customer=customer, agent=agent), **changes)


def test_a_conversation_at_one_place_leaves_no_doubt() -> None:
    """Six turns, changes of the speaker, and all pieces there."""
    assert list(place_doubts(_clean(), _search())) == []
    assert list(clock_doubts(_clean(), _search())) == []


@pytest.mark.parametrize(
    ("found", "missing", "words"),
    [
        (result("ambiguous"), (), "a reason"),
        (result(evidence=evidence(2, 3)), (), "only 5 turns agree"),
        (result(evidence=evidence(6, 6)), (), "the speaker changes too seldom"),
        (_clean(sides="agent"), (70.0, 110.0), "2 of 7 pieces"),
        (result(evidence=evidence(0, 8), sides="agent"), (), "only 8 turns agree"),
        (_clean(), (195.0,), "first or last words"),
    ],
)
def test_doubts_about_the_place(found: SyncResult, missing: tuple[float, ...], words: str) -> None:
    """Each is a few words, and one missing piece between others is no doubt."""
    assert words in "; ".join(place_doubts(found, _search(*missing)))
    assert list(place_doubts(_clean(), _search(70.0))) == []


def _windows(deviation_s: float) -> tuple[Window, ...]:
    """Windows of the agent whose lag is off the map by turns."""
    return tuple(
        Window(start_s + k, 2.5 + deviation_s * (-1) ** number + 1e-6 * k, "agent", 50.0, accepted=True)
        for number, start_s in enumerate(STARTS)
        for k in range(4)
    )


def test_doubts_about_the_clock() -> None:
    """A jump, a large drift, and a rate that changes; a scatter of a few microseconds isn't one."""
    assert list(clock_doubts(_clean(jumps=(jump(0.1),)), _search())) == ["1 jump of the clock"]
    assert list(clock_doubts(_clean(drift_ppm=-300.0), _search())) == ["a drift of -300 ppm"]
    assert list(clock_doubts(_clean(windows=_windows(5e-5)), _search())) == ["the clock's rate changes"]
    assert list(clock_doubts(_clean(windows=_windows(3e-6)), _search())) == []
