"""Windows of a source, chosen and found in the output, on made samples."""

from __future__ import annotations

import numpy as np
import pytest
from made import noise

from komorebi_qc.core.samples import RATE, Pcm
from komorebi_qc.core.splice import Splice, splice
from komorebi_qc.core.timebase import Alignment, Span
from komorebi_qc.measure.residual_lag import (
    BLOCK,
    SURE_Z,
    Block,
    Lag,
    Residual,
    activity_db,
    choose_windows,
    measure_lags,
    plays,
    window,
)

CALL_S, OFFSET_S = 20.0, 6.0


@pytest.fixture(scope="module")
def planned() -> Splice:
    """A call of 20 s from the sixth second on, in a recording of 34 s."""
    return splice(Alignment(OFFSET_S), call_s=CALL_S, recording_audio=Span(0.0, 34.0))


@pytest.fixture(scope="module")
def call() -> Pcm:
    """Both sides of a call."""
    return np.stack([noise(CALL_S, RATE, 1), noise(CALL_S, RATE, 2)], axis=1)


def blocks_of(pcm: Pcm) -> list[Block]:
    """Blocks of a track, one behind the other."""
    return [Block(pcm[at : at + BLOCK], RATE, at / RATE) for at in range(0, len(pcm) - BLOCK, BLOCK)]


@pytest.mark.parametrize("late_ms", [0.0, 5.0, -40.0, 200.0])
def test_a_lag_is_found(call: Pcm, planned: Splice, late_ms: float) -> None:
    """An output that plays the call later, or earlier, by this much: each window has this lag to 0.1 ms."""
    windows = choose_windows(blocks_of(call), planned, "call", (0, 1))
    assert {w.channel for w in windows} == {0, 1}
    output = np.zeros((34 * RATE, 2), np.float32)
    start = round((OFFSET_S + late_ms / 1000) * RATE)
    output[start : start + len(call)] = call
    around = []
    for w in windows:
        first = round(w.output_s * RATE) - BLOCK // 2
        around.append(Block(output[first : first + BLOCK], RATE, first / RATE))
    residual = Residual(measure_lags(windows, around))
    assert residual.missing == 0.0
    assert residual.median_s == pytest.approx(late_ms / 1000, abs=1e-4)
    assert residual.p95_s == pytest.approx(abs(late_ms) / 1000, abs=1e-4)


def test_another_call_is_missing(call: Pcm, planned: Splice) -> None:
    """Windows of one call aren't found in another one."""
    windows = choose_windows(blocks_of(call), planned, "call", (0,))
    other = np.stack([noise(2.0, RATE, seed) for seed in (8, 9)], axis=1)[:BLOCK]
    residual = Residual(measure_lags(windows, [Block(other, RATE, w.output_s - BLOCK / RATE / 2) for w in windows]))
    assert residual.missing == 1.0
    assert residual.median_s is residual.p95_s is None


def test_silence_has_no_windows(planned: Splice) -> None:
    """Of a silent source nothing is chosen, and nothing is missing."""
    assert choose_windows(blocks_of(np.zeros((20 * RATE, 2), np.float32)), planned, "call", (0, 1)) == []
    assert measure_lags([], []) == ()
    assert Residual(()).missing == 0.0


def test_a_window_is_silent_outside_its_piece(planned: Splice) -> None:
    """A block across the call's start holds only what the piece plays."""
    piece = planned.pieces[1]
    assert (piece.source, piece.output.start_s) == ("call", OFFSET_S)
    ones = Block(np.ones((BLOCK, 2), np.float32), RATE, -0.5)
    samples = window(ones, piece, 0).samples
    assert not samples[: RATE // 2].any()
    assert (samples[RATE // 2 :] == 1.0).all()
    assert plays(piece, 0.0)
    assert not plays(piece, CALL_S)


def test_short_pauses_do_not_lower_the_activity() -> None:
    """Silence in a third of the frames leaves the level as it is; silence in two thirds halves the power."""
    noise_like = np.random.default_rng(1).normal(0, 0.01, 160 * 60).astype(np.float32)
    third, most = noise_like.copy(), noise_like.copy()
    third[: 160 * 20] = 0.0
    most[: 160 * 40] = 0.0
    assert activity_db(third) == pytest.approx(activity_db(noise_like), abs=0.3)
    assert activity_db(most) == pytest.approx(activity_db(noise_like) - 3.0, abs=0.3)


def test_a_residual_counts_only_sure_windows() -> None:
    """A window below the threshold is missing, and its lag doesn't count."""
    residual = Residual((Lag(1.0, 0.002, SURE_Z), Lag(2.0, 0.1, SURE_Z - 0.1)))
    assert residual.missing == 0.5
    assert residual.median_s == residual.p95_s == 0.002


def test_a_block_keeps_its_place_at_another_rate() -> None:
    """Resampled to 8 kHz, a tone of 48 kHz is the same tone of the same length."""
    at_s = np.arange(48_000) / 48_000
    tone = np.sin(2 * np.pi * 440 * at_s).astype(np.float32)
    low = Block(np.stack([tone, tone], axis=1), 48_000, 3.0).at_rate(RATE)
    assert (low.rate, low.start_s, len(low.pcm)) == (RATE, 3.0, RATE)
    assert low.pcm[400:-400, 0] == pytest.approx(np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE)[400:-400], abs=0.01)
