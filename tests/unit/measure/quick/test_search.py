"""The search for a call's pieces in a recording."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from spans_in_memory import ArrayReader
from talkers import place, talk

from komorebi_qc.measure.quick import search as module
from komorebi_qc.measure.quick.places import CallView
from komorebi_qc.measure.quick.search import PieceSearch

CALL_S, OFFSET_S = 200.0, 2.0


@cache
def call() -> np.ndarray:
    """A conversation."""
    return talk(51, CALL_S)


def searched(recording: np.ndarray, reported_s: float = OFFSET_S) -> tuple[PieceSearch, bool]:
    """A search, and whether anything was found."""
    view = CallView(call())
    search = PieceSearch(view, ArrayReader(recording))
    return search, search.find(view.pieces(), reported_s)


def test_every_piece_of_a_plain_call_is_found() -> None:
    """Each at its place, to a tenth of a millisecond, although the reported end is a second off."""
    search, is_found = searched(place(call(), OFFSET_S), OFFSET_S + 1.0)
    assert is_found
    assert (search.missing, search.silent) == ([], [])
    assert len(search.lags_s) >= 7
    assert max(abs(lag_s - OFFSET_S) for lag_s in search.lags_s.values()) < 1e-4


def test_pieces_behind_a_large_jump_are_found_beside_each_other() -> None:
    """A jump beyond the narrow search is followed, and its place is bisected."""
    at_s, size_s = 88.0, 0.9
    search, _ = searched(place(call(), OFFSET_S, jumps=((at_s, size_s),)))
    assert search.missing == []
    before = [piece for piece, lag_s in search.lags_s.items() if lag_s == pytest.approx(OFFSET_S, abs=1e-3)]
    after = [piece for piece, lag_s in search.lags_s.items() if lag_s == pytest.approx(OFFSET_S + size_s, abs=1e-3)]
    assert len(before) + len(after) == len(search.lags_s)
    first, last = max(p.span.end_s for p in before), min(p.span.start_s for p in after)
    assert first <= at_s + 1.5
    assert last >= at_s - 1.5
    assert last - first < 9.0


def test_behind_a_headset_pieces_of_the_agent_are_found() -> None:
    """The customer's words aren't in the recording, so other pieces of the same blocks are looked for."""
    search, is_found = searched(place(call(), OFFSET_S, gains=(0.0, 1.0)))
    assert is_found
    assert search.missing == []
    assert max(abs(lag_s - OFFSET_S) for lag_s in search.lags_s.values()) < 1e-3


def test_another_call_is_not_there() -> None:
    """No piece is found, or hardly one by chance."""
    search, is_found = searched(place(talk(52, CALL_S), OFFSET_S))
    assert not is_found or len(search.missing) > len(search.lags_s)


def test_a_long_call_is_searched_far_around(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reported end that is 25 s off isn't enough to lose it."""
    recording = place(call(), OFFSET_S)
    assert not searched(recording, OFFSET_S + 25.0)[1]
    monkeypatch.setattr(module, "FAR_CALL_S", 100.0)
    search, is_found = searched(recording, OFFSET_S + 25.0)
    assert is_found
    assert search.missing == []
    assert np.median(list(search.lags_s.values())) == pytest.approx(OFFSET_S, abs=1e-4)
