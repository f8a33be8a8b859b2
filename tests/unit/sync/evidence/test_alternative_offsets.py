"""Other offsets that fit the evidence: loops and repeats, on signals whose period is set."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from talkers import RATE, burst

from komorebi_qc.sync.evidence.alternative_offsets import AlternativeOffset, find_alternative_offsets
from komorebi_qc.sync.lags.coarse import CANDIDATES, Course, Hits
from komorebi_qc.sync.lags.windows import Chain, Windows

if TYPE_CHECKING:
    from komorebi_qc.core.samples import Flags

SIZE = 8192
PERIOD_S = 8.0
LAG_S = 1.0


def signal(loop_s: tuple[float, float], seconds: float = 60.0) -> np.ndarray:
    """Noise that repeats itself every 8 s within a span, and nowhere else."""
    out = burst(np.random.default_rng(1), seconds)
    a, b = (int(t * RATE) for t in loop_s)
    loop = burst(np.random.default_rng(2), PERIOD_S)
    out[a:b] = np.tile(loop, int(seconds // PERIOD_S) + 1)[: b - a]
    return out.astype(np.float32)


def chain(channel: int, starts_s: np.ndarray, on: np.ndarray | None = None) -> Chain:
    """Windows that agree at one lag."""
    n = len(starts_s)
    w = Windows(
        channel, SIZE / RATE, starts_s, np.full(n, 0.5), np.full((n, 1), LAG_S), np.full((n, 1), 60.0), np.ones(n, bool)
    )
    return Chain(w, np.ones(n, bool) if on is None else on, np.zeros(n, np.intp))


def hits(*shifts_s: float) -> Hits:
    """Ten blocks that are as similar at the shifts as at the offset."""
    lag, score = np.zeros((10, CANDIDATES)), np.zeros((10, CANDIDATES))
    lag[:, : len(shifts_s) + 1] = [LAG_S, *(LAG_S + s for s in shifts_s)]
    score[:, : len(shifts_s) + 1] = [0.9, *(0.8 for _ in shifts_s)]
    return Hits(6.0 * np.arange(10.0), np.zeros(10, np.intp), lag, score)


COURSE = Course(np.array([0.0, 60.0]), np.array([LAG_S, LAG_S]), 1.0)
STARTS = 2.0 * np.arange(28.0) + 1.0


def search(
    mono: np.ndarray, *shifts_s: float, present: tuple[bool, bool] = (False, True), on: np.ndarray | None = None
) -> tuple[tuple[Flags, Flags], tuple[AlternativeOffset, ...]]:
    """The repeated windows of the agent, and the other offsets; the customer is silent unless present."""
    call = np.stack([mono, mono], axis=1)
    recording = np.concatenate([np.zeros(int(LAG_S * RATE), np.float32), mono, np.zeros(RATE, np.float32)])
    pair = chain(0, STARTS), chain(1, STARTS, on)
    return find_alternative_offsets(call, recording, pair, list(present), hits(*shifts_s), COURSE, LAG_S, SIZE)


def test_a_call_without_repeats_has_no_other_offset() -> None:
    """A place that looked similar fits no window."""
    repeated, others = search(signal((0.0, 0.0)), PERIOD_S)
    assert others == ()
    assert not repeated[0].any()
    assert not repeated[1].any()


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_loop_fits_a_period_away(sign: float) -> None:
    """All windows but those at its end agree there too; the offset is exact though the place was coarse."""
    repeated, (other,) = search(signal((0.0, 60.0)), sign * PERIOD_S + 0.03)
    assert other.offset_s == pytest.approx(LAG_S + sign * PERIOD_S, abs=1e-4)
    assert other.period_s == pytest.approx(PERIOD_S, abs=1e-4)
    inside = (STARTS + sign * PERIOD_S >= 0) & (STARTS + sign * PERIOD_S + SIZE / RATE <= 60)
    assert other.score == pytest.approx(inside.mean(), abs=0.04)
    assert np.array_equal(repeated[1][inside], np.ones(inside.sum(), bool))
    assert not repeated[0].any()


def test_a_repeat_of_a_part() -> None:
    """Only the windows whose audio repeats are repeated; their share is the score."""
    repeated, others = search(signal((20.0, 48.5)), PERIOD_S)
    again = (STARTS >= 20) & (STARTS + PERIOD_S + SIZE / RATE <= 48.5)
    assert np.array_equal(repeated[1], again)
    (other,) = others
    assert other.score == pytest.approx(again.mean())


def test_few_windows_are_no_other_offset() -> None:
    """Two windows that agree elsewhere are repeated, and no offset."""
    repeated, others = search(signal((20.0, 33.0)), PERIOD_S)
    assert repeated[1].sum() in (1, 2)
    assert others == ()


def test_the_best_offset_comes_first() -> None:
    """One period away more windows agree than two periods away."""
    _, others = search(signal((0.0, 60.0)), 2 * PERIOD_S, PERIOD_S)
    assert [round(o.period_s) for o in others] == [8, 16]
    assert others[0].score > others[1].score


def test_absent_channels_and_rejected_windows_are_not_asked() -> None:
    """Windows of an absent channel, and those that don't agree, are never repeated."""
    mono = signal((0.0, 60.0))
    on = np.arange(28) >= 14
    repeated, (other,) = search(mono, -PERIOD_S, on=on)
    assert not repeated[1][~on].any()
    assert repeated[1][on].all()
    assert other.score == pytest.approx(1.0)
    assert search(mono, PERIOD_S, present=(False, False))[1] == ()
    both, (other,) = search(mono, PERIOD_S, present=(True, True))
    assert np.array_equal(both[0], both[1])
    assert other.score < 1.0
