"""A channel's own digital silence: its number, its lengths, and its packets."""

from __future__ import annotations

import numpy as np
import pytest

from komorebi_qc.core.privacy.digital_silence import SilentRun
from komorebi_qc.core.privacy.silence_habits import NEAR, PACKET, EdgeHabits, alone, near, silent_share

RATE = 8000
PHASE = 37


def run(start_s: float, stop_s: float) -> SilentRun:
    """A run, in seconds."""
    return SilentRun(round(start_s * RATE), round(stop_s * RATE))


def on_packets(count: int = 8) -> list[SilentRun]:
    """Silence of a second every four seconds, on packets; a packet's first samples may be 0 as well."""
    first = [PHASE + PACKET * 200 * k for k in range(count)]
    return [SilentRun(start - k % 3, start + 50 * PACKET + k % 2) for k, start in enumerate(first)]


def habits(runs: list[SilentRun], *, is_exact: bool = True, beside: int = 40) -> EdgeHabits:
    """A channel with noise of this level beside its silence."""
    rng = np.random.default_rng(4)
    call = rng.normal(0, beside, (40 * RATE, 2)).astype(np.int16)
    for silent in runs:
        call[silent.start : silent.stop, 1] = 0
    return EdgeHabits(call, 1, runs, is_exact)


def test_silence_of_both_channels_is_no_habit_of_one() -> None:
    """A run counts if the other channel sounds for a part of it."""
    mine = [run(1, 3), run(10, 20), run(30, 33)]
    others = [run(0.9, 2.8), run(10, 12), run(29, 34)]
    assert alone(mine, others, []) == [run(10, 20)]
    assert alone(mine, others, [run(19, 25)]) == [run(10, 19)]
    assert alone(mine, others, [run(11, 25)]) == []
    assert alone(mine, [], [run(10, 20)]) == [run(1, 3), run(30, 33)]


def test_habits_are_those_of_the_minutes_around_a_silence() -> None:
    """A run that reaches into them counts."""
    minutes = NEAR / RATE
    runs = [run(10, 20), run(30, 40), run(1000, 1010), run(2000, 2010)]
    assert near(runs, run(35 + minutes, 37 + minutes)) == [run(30, 40)]
    assert near(runs, run(2000 - minutes, 2005 - minutes)) == [run(2000, 2010)]
    assert near(runs, run(500, 501)) == []


def test_the_share_of_the_calls_stretches_that_are_silent() -> None:
    """A stretch of 4 s fits into a silence of 6 s at places of 2 s, of 36 s that a call of 40 s has."""
    silent = [run(5, 11), run(20, 22)]
    assert silent_share(silent, 4 * RATE, 40 * RATE) == pytest.approx(2 / 36)
    assert silent_share(silent, 7 * RATE, 40 * RATE) == 0.0
    assert silent_share([run(0, 40)], RATE, 40 * RATE) == 1.0


@pytest.mark.parametrize(("samples", "is_unlike"), [(0, False), (-2, False), (60, True), (-60, True)])
def test_an_edge_beside_the_grid_of_packets(samples: int, is_unlike: bool) -> None:  # noqa: FBT001
    """The telephone begins and ends its silence with a packet."""
    known = habits(on_packets())
    edge = PHASE + PACKET * 73
    assert known.is_unlike_starts(SilentRun(edge + samples, edge + 9000)) is is_unlike
    assert known.is_unlike_stops(SilentRun(edge - 9000, edge - samples)) is is_unlike


@pytest.mark.parametrize("few", [True, False], ids=["few", "anywhere"])
def test_without_a_grid_no_edge_is_beside_it(few: bool) -> None:  # noqa: FBT001
    """Four edges are no habit, and neither are edges at any moment."""
    rng = np.random.default_rng(1)
    anywhere = [SilentRun(at, at + int(rng.integers(2000, 9000))) for at in rng.integers(0, 300_000, 20).tolist()]
    known = habits(on_packets(4) if few else anywhere)
    assert not known.is_unlike_starts(SilentRun(PHASE + 73 * PACKET + 60, 200_000))
    assert not known.is_unlike_stops(SilentRun(0, PHASE + 73 * PACKET + 60))


def test_a_codec_moves_edges_off_the_grid() -> None:
    """After it only their level counts."""
    known = habits(on_packets(), is_exact=False)
    assert not known.is_unlike_starts(SilentRun(PHASE + 73 * PACKET + 60, 200_000))


@pytest.mark.parametrize(("level", "is_unlike"), [(40, False), (3000, True)])
def test_a_word_that_was_cut(level: int, is_unlike: bool) -> None:  # noqa: FBT001
    """The telephone sends for a while after each word, so its silence begins and ends quietly."""
    known = habits(on_packets(), is_exact=False)
    cut = SilentRun(PHASE + 73 * PACKET, PHASE + 173 * PACKET)
    loud = np.random.default_rng(2).normal(0, level, (len(np.asarray(known.call)), 2)).astype(np.int16)
    call = np.array(known.call)
    for first, last in ((cut.start - 400, cut.start), (cut.stop, cut.stop + 400)):
        call[first:last] = loud[first:last]
    known = EdgeHabits(call, 1, known.runs, is_exact=False)
    assert known.is_unlike_starts(cut) is is_unlike
    assert known.is_unlike_stops(cut) is is_unlike
