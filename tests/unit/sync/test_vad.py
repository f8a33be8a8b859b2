"""Frame levels, activity and turns, on signals whose levels are set."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from komorebi_qc.core.samples import RATE
from komorebi_qc.sync import vad

FRAME = 320
LOUD_DB, FAINT_DB = -20.0, -50.0


def alternating(level_db: float, frames: int) -> np.ndarray:
    """A square wave at half the rate: its first difference has exactly `level_db`, apart from the first sample."""
    half = 10 ** (level_db / 20) / 2
    return np.tile(np.array([half, -half], np.float32), frames * FRAME // 2)


def pieces(*parts: tuple[float, int]) -> np.ndarray:
    """Stretches of (level in dB, frames) one after the other."""
    return np.concatenate([alternating(level, frames) for level, frames in parts])


def test_levels_are_those_of_the_first_difference() -> None:
    """Each whole frame has its own level in dB; a partial frame at the end has no level."""
    track = np.concatenate([pieces((-20.0, 2), (-40.0, 1)), np.zeros(FRAME - 1, np.float32)])
    found = vad.levels(track)
    assert found.shape == (3,)
    # the first sample has no difference: 1 of 320 is missing
    assert found[0] == pytest.approx(-20.0 + 10 * np.log10(319 / 320), abs=1e-3)
    assert found[1] == pytest.approx(-20.0, abs=1e-3)
    step = (10 ** (-20 / 20) / 2 + 10 ** (-40 / 20) / 2) ** 2 / 10 ** (-40 / 10)
    assert found[2] == pytest.approx(-40.0 + 10 * np.log10((319 + step) / 320), abs=1e-3)


def test_silence_has_the_least_level() -> None:
    """Digital silence is -120 dB, and a constant has no level either."""
    assert list(vad.levels(np.zeros(2 * FRAME, np.float32))) == pytest.approx([-120.0, -120.0])
    assert vad.levels(np.full(2 * FRAME, 0.5, np.float32))[1] == pytest.approx(-120.0)


def test_blocks_change_no_level() -> None:
    """Beyond one block of 1500 frames every frame has the same level, but for a block's first sample."""
    found = vad.levels(alternating(-30.0, 3002))
    assert found.shape == (3002,)
    short = -30.0 + 10 * np.log10(319 / 320)
    assert found[[0, 1500, 3000]] == pytest.approx([short] * 3, abs=1e-3)
    assert np.delete(found, [0, 1500, 3000]) == pytest.approx(np.full(2999, -30.0), abs=1e-3)


def test_levels_of_one_channel() -> None:
    """The channel is the one asked for."""
    both = np.stack([alternating(-20.0, 2), alternating(-40.0, 2)], axis=1)
    assert vad.levels(both, 0)[1] == pytest.approx(-20.0, abs=1e-3)
    assert vad.levels(both, 1)[1] == pytest.approx(-40.0, abs=1e-3)


@pytest.mark.parametrize(
    ("floor", "loud", "under", "expected"),
    [
        (-50.0, -20.0, 15.0, -43.0),
        (-30.0, -20.0, 15.0, -35.0),
        (-30.0, -20.0, 4.0, -24.0),
        (-70.0, -10.0, 15.0, -45.0),
        (-90.0, -50.0, 15.0, -58.0),
    ],
    ids=["above the floor", "below the loud", "music", "a range of 35 dB", "never speech"],
)
def test_threshold(floor: float, loud: float, under: float, expected: float) -> None:
    """The threshold is 7 dB over the floor, but within a range below the loud parts, and never under -58 dB."""
    levels = np.array([floor] * 50 + [loud] * 50, np.float32)
    assert vad.threshold(levels, under) == pytest.approx(expected, abs=1e-4)


def test_threshold_counts_no_silence() -> None:
    """Frames at -100 dB and below are no floor; with nothing else the threshold is -58 dB."""
    levels = np.array([-100.0] * 500 + [-50.0] * 50 + [-20.0] * 50, np.float32)
    assert vad.threshold(levels) == pytest.approx(-43.0, abs=1e-4)
    assert vad.threshold(np.full(10, -100.0, np.float32)) == -58.0
    assert vad.threshold(np.zeros(0, np.float32)) == -58.0


def test_threshold_reads_percentiles() -> None:
    """The floor is the 8th percentile and the loud level the 98th."""
    levels = np.linspace(-60.0, 0.0, 101).astype(np.float32)
    assert vad.threshold(levels, 60.0) == pytest.approx(-35.0 - 1.2, abs=1e-3)
    narrow = np.linspace(-30.0, 0.0, 101).astype(np.float32)
    assert vad.threshold(narrow, 1.0) == pytest.approx(-30.0 + 2.4 + 7.0, abs=1e-3)


@given(st.lists(st.booleans(), max_size=40))
def test_spans_are_the_runs(flags: list[bool]) -> None:
    """The spans cover what is set and nothing else, in order, and never touch."""
    found = vad.spans(np.array(flags, bool))
    assert [i for a, b in found for i in range(a, b)] == [i for i, f in enumerate(flags) if f]
    assert all(b < c for (_, b), (c, _) in itertools.pairwise(found))
    assert all(a < b for a, b in found)


@given(st.lists(st.booleans(), max_size=40), st.integers(0, 5))
def test_gaps_are_closed_up_to_their_length(flags: list[bool], frames: int) -> None:
    """Every pause between two spans of up to `frames` is filled; longer ones, and both ends, stay."""
    active = np.array(flags, bool)
    before = active.copy()
    closed = vad.close_gaps(active, frames)
    assert np.array_equal(active, before)
    expected = active.copy()
    for (_, a), (b, _) in zip(vad.spans(active), vad.spans(active)[1:], strict=False):
        expected[a:b] |= b - a <= frames
    assert np.array_equal(closed, expected)


def test_turns_of_a_recording() -> None:
    """A pause of 0.12 s is speech, one of 0.6 s is part of a turn, a longer one ends it; 8 frames are a turn."""
    silence = -70.0
    track = pieces(
        (silence, 20), (LOUD_DB, 10), (silence, 3), (LOUD_DB, 10), (silence, 15), (LOUD_DB, 8), (silence, 17),
        (LOUD_DB, 9), (silence, 30), (LOUD_DB, 4), (silence, 30),
    )  # fmt: skip
    found = vad.of_recording(track)
    # the frame after speech holds the step down
    assert vad.spans(found.active) == [(20, 44), (58, 67), (83, 93), (122, 127)]
    assert found.turns == ((20, 67), (83, 93))
    assert found.active_s == pytest.approx((24 + 9 + 10 + 5) * 0.04)
    assert len(found.level_db) == 156


def test_crosstalk_is_no_activity() -> None:
    """A channel 12 dB below the other is its echo; 11 dB below, or while the other pauses, it is a voice."""
    silence = -75.0
    loud = pieces((silence, 10), (-20.0, 20), (-20.0, 20), (silence, 30), (silence, 20), (silence, 20))
    faint = pieces((silence, 10), (-32.5, 20), (-31.0, 20), (silence, 30), (-32.5, 20), (silence, 20))
    customer, agent = vad.of_call(np.stack([loud, faint], axis=1))
    assert vad.spans(customer.active) == [(10, 50)]
    assert vad.spans(agent.active) == [(30, 50), (80, 100)]
    agent, customer = vad.of_call(np.stack([faint, loud], axis=1))
    assert vad.spans(customer.active) == [(10, 50)]
    assert vad.spans(agent.active) == [(30, 50), (80, 100)]


def test_crosstalk_may_trail_by_a_frame() -> None:
    """The echo's frame before and after the voice is no activity either."""
    silence = -75.0
    voice = pieces((silence, 20), (-20.0, 20), (silence, 40))
    echo = pieces((silence, 19), (-40.0, 22), (silence, 39))
    _, agent = vad.of_call(np.stack([voice, echo], axis=1))
    assert not agent.active[:41].any()


def test_share() -> None:
    """The share of a span that is active, with places outside of the track not active."""
    active = np.array([False] * 25 + [True] * 25)
    found = vad.share(active, np.array([0.0, 0.4, 1.0, 1.4, -1.0, 2.5]), 1.0)
    assert list(found) == pytest.approx([0.0, 0.4, 1.0, 0.6, 0.0, 0.0])
    assert vad.share(active, np.array([1.0]), 2.0)[0] == pytest.approx(0.5)


def test_the_frame_is_40_ms() -> None:
    """Frames are 320 samples of 8 kHz."""
    assert vad.FRAME == FRAME
    assert vad.FRAME_S == pytest.approx(FRAME / RATE) == pytest.approx(0.04)
