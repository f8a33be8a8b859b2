"""A 16-bit track in memory, its quiet stretches in eight bits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from komorebi_qc.media.packed import BLOCK, Packed

if TYPE_CHECKING:
    from numpy.typing import NDArray

QUIET, LOUD = 127, 32_767


def packed(pieces: list[NDArray[np.int16]], channels: int) -> Packed:
    """A track that was given piece after piece."""
    track = Packed(channels)
    for piece in pieces:
        track.append(piece)
    return track


def samples(sizes: list[int], channels: int, seed: int) -> list[NDArray[np.int16]]:
    """Pieces of noise, of which some are quiet, some loud, and some reach both ends of either width."""
    rng = np.random.default_rng(seed)
    pieces = []
    for size in sizes:
        peak = rng.choice([0, 1, QUIET, QUIET + 1, LOUD])
        piece = rng.integers(-peak - 1, peak, (size, channels), np.int16, endpoint=True)
        pieces.append(piece)
    return pieces


@example(sizes=[BLOCK], channels=1, seed=0, slices=[(0, BLOCK), (BLOCK, BLOCK + 1), (-1, BLOCK)])
@given(
    sizes=st.lists(st.sampled_from([0, 1, 7, 100, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 5]), max_size=6),
    channels=st.integers(1, 3),
    seed=st.integers(0, 1000),
    slices=st.lists(st.tuples(*[st.none() | st.integers(-30_000, 30_000)] * 2), max_size=8),
)
def test_every_slice_is_as_of_the_plain_array(
    sizes: list[int], channels: int, seed: int, slices: list[tuple[int | None, int | None]]
) -> None:
    """However the samples came in, whatever their level: any slice, and the whole, is what was put in."""
    pieces = samples(sizes, channels, seed)
    plain = np.concatenate([np.zeros((0, channels), np.int16), *pieces])
    track = packed(pieces, channels)
    assert track.shape == plain.shape
    for start, stop in slices:
        found = track[start:stop]
        assert found.dtype == np.int16
        np.testing.assert_array_equal(found, plain[start:stop])
    np.testing.assert_array_equal(np.asarray(track), plain)


@pytest.mark.parametrize("value", [-129, -128, -1, 0, 127, 128, -32_768, 32_767])
def test_the_ends_of_both_widths_are_kept(value: int) -> None:
    """One sample beyond eight bits, anywhere in a block, and the block keeps sixteen."""
    plain = np.zeros((BLOCK, 2), np.int16)
    plain[BLOCK // 3, 1] = value
    track = packed([plain], 2)
    np.testing.assert_array_equal(track[:], plain)
    assert track.nbytes == BLOCK * (2 if -128 <= value <= 127 else 3)


def test_a_quiet_track_takes_half() -> None:
    """A channel that is quiet takes a byte a sample, beside one that isn't; what fills no block takes two."""
    quiet = np.full((10 * BLOCK, 1), QUIET, np.int16)
    loud = np.full((10 * BLOCK, 1), -LOUD, np.int16)
    assert packed([np.hstack([quiet, quiet])], 2).nbytes == 20 * BLOCK
    assert packed([np.hstack([quiet, loud])], 2).nbytes == 30 * BLOCK
    assert packed([np.hstack([quiet, quiet])[: BLOCK - 1]], 2).nbytes == 4 * (BLOCK - 1)


def test_what_was_lentcan_be_used_again() -> None:
    """The track keeps its own copy, of loud blocks and of the rest behind them too, and hands out copies."""
    lent = np.full((BLOCK + 10, 2), LOUD, np.int16)
    track = packed([lent], 2)
    lent[:] = 5
    track[0 : BLOCK + 10][:] = 6
    assert set(track[:].ravel().tolist()) == {LOUD}


def test_steps_are_refused() -> None:
    """Every other sample, or all of them backwards, is nothing that it does."""
    track = packed([np.zeros((10, 2), np.int16)], 2)
    for step in (2, -1):
        with pytest.raises(ValueError, match="steps of one sample"):
            track[::step]
