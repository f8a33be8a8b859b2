"""The places of a call at which a quick look listens."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from talkers import RATE, talk

from komorebi_qc.measure.quick.places import BLOCK_S, LEAST_SPEECH_S, PIECE_S, CallView
from komorebi_qc.sync.vad import FRAME_S


@pytest.mark.parametrize("call_s", [150.0, 900.0])
def test_both_ends_are_dense_and_a_long_call_is_read_in_part(call_s: float) -> None:
    """The first and last seconds have a piece, and the more there is of a call, the smaller the share that is read."""
    view = CallView(talk(7, call_s))
    pieces = view.pieces()
    assert sum(piece.span.end_s <= 2 * BLOCK_S for piece in pieces) in (2, 3)
    assert sum(piece.span.start_s >= call_s - 2 * BLOCK_S for piece in pieces) in (2, 3)
    assert all(piece.span.length_s <= PIECE_S + 1e-9 for piece in pieces)
    assert all(piece.speech_s >= LEAST_SPEECH_S for piece in pieces)
    assert view.track.read_s <= (0.6 if call_s < 200 else 0.25) * call_s


@pytest.mark.parametrize("seed", [1, 8, 9, 13])
def test_the_first_and_the_last_words_have_a_piece_of_their_own(seed: int) -> None:
    """They are beside the busiest part of their block."""
    view = CallView(talk(seed, 200))
    pieces = view.pieces()
    spoken = np.flatnonzero(view.activities[0].active | view.activities[1].active) * FRAME_S
    assert pieces[0].span.start_s == pytest.approx(spoken[0], abs=0.05)
    assert pieces[-1].span.end_s == pytest.approx(spoken[-1], abs=0.05)
    assert all(a.span.end_s <= b.span.start_s + 1e-9 for a, b in pairwise(pieces))


TALK = talk(5, 140.0)


@given(st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_words_at_the_edge_of_their_block(seed: int) -> None:
    """At any place, also if the call has no whole number of frames."""
    samples, first, last = np.random.default_rng(seed).integers([121 * RATE, 0, 0], [140 * RATE, 8 * RATE, 8 * RATE])
    call = TALK[:samples].copy()
    call[:first] = 0
    call[samples - last :] = 0
    pieces = CallView(call).pieces()
    assert all(a.span.end_s <= b.span.start_s + 1e-9 for a, b in pairwise(pieces))
    for piece in pieces:
        assert piece.block.start_s - FRAME_S <= piece.span.start_s < piece.span.end_s <= piece.block.end_s + FRAME_S


def test_a_silent_block_is_replaced_by_the_next_one() -> None:
    """If nobody speaks in a block, the next seconds are read."""
    call = talk(8, 200)
    call[: 9 * RATE] = 0
    pieces = CallView(call).pieces()
    assert 9.0 - PIECE_S < pieces[0].span.start_s < 2 * BLOCK_S


def test_a_silent_call_has_no_pieces() -> None:
    """Silence has no place to listen to, and isn't read to its end."""
    view = CallView(np.zeros((600 * RATE, 2), np.int16))
    assert view.pieces() == []
    assert view.track.read_s < 400


def test_a_piece_between_two_others() -> None:
    """It is within the stretch; a stretch without speech has no piece."""
    call = talk(9, 200)
    call[100 * RATE : 120 * RATE] = 0
    view = CallView(call)
    view.pieces()
    piece = view.between(40.0, 60.0)
    assert piece is not None
    assert piece.span.start_s >= 40.0
    assert piece.span.end_s <= 60.0
    assert view.between(102.0, 118.0) is None
