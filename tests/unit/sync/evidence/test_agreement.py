"""Stretches that agree and stretches that don't, on windows whose agreement is set."""

from __future__ import annotations

import numpy as np
import pytest
from talkers import RATE, burst, place

from komorebi_qc.sync import measure
from komorebi_qc.sync.evidence import agreement
from komorebi_qc.sync.lags.windows import Chain, Windows

HALF_S = 0.5


def chain(
    channel: int, time_s: np.ndarray, on: np.ndarray, lag_s: float = 1.0, audible: np.ndarray | None = None
) -> Chain:
    """Windows of one second around the times, each worth one second of speech."""
    n = len(time_s)
    sounding = np.ones(n, bool) if audible is None else audible
    windows = Windows(channel, 1.0, time_s - 0.5, np.ones(n), np.full((n, 1), lag_s), np.full((n, 1), 50.0), sounding)
    return Chain(windows, on, np.zeros(n, np.intp))


def alternating(count: int) -> tuple[np.ndarray, np.ndarray]:
    """The customer's windows at even seconds, the agent's at odd ones."""
    at = np.arange(count, dtype=float)
    return at[::2], at[1::2]


def pair(
    on: np.ndarray, lags: tuple[float, float] = (1.1, 1.0), audible: np.ndarray | None = None
) -> tuple[Chain, Chain]:
    """Both channels' chains for one row of agreement, a window each second in turn."""
    customer, agent = alternating(len(on))
    sounding = np.ones(len(on), bool) if audible is None else audible
    return chain(0, customer, on[::2], lags[0], sounding[::2]), chain(1, agent, on[1::2], lags[1], sounding[1::2])


BOTH = [True, True]


def flags(count: int, *off: tuple[int, int]) -> np.ndarray:
    """True but for spans."""
    out = np.ones(count, bool)
    for a, b in off:
        out[a:b] = False
    return out


def test_windows_of_both_channels_in_one_order() -> None:
    """The merged windows are in time order, with their channel and row; an absent channel has no windows."""
    both = pair(flags(6, (2, 3)))
    m = agreement.merged_windows(both, BOTH)
    assert list(m.time_s) == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    assert list(m.channel) == [0, 1, 0, 1, 0, 1]
    assert list(m.row) == [0, 0, 1, 1, 2, 2]
    assert list(m.on) == [True, True, False, True, True, True]
    assert list(m.lag_s) == [1.1, 1.0] * 3
    assert list(m.weight_s) == [1.0] * 6
    assert list(m.z) == [50.0] * 6
    assert m.audible.all()
    alone = agreement.merged_windows(both, [False, True])
    assert list(alone.time_s) == [1.0, 3.0, 5.0]
    assert list(alone.channel) == [1, 1, 1]


@pytest.mark.parametrize(
    ("on", "expected"),
    [
        ([1, 1, 1], [1, 1, 1]),
        ([1, 1], [1, 1]),
        ([0, 1], [0, 1]),
        ([1, 0, 0, 0, 1], [0, 0, 0, 0, 0]),
        ([1, 0, 1, 1], [0, 0, 1, 0]),
        ([1, 0, 0, 1], [0, 0, 0, 0]),
        ([1, 0, 1, 0, 1], [0, 0, 1, 0, 0]),
        ([0, 0, 1, 1, 0, 0], [0] * 6),
        ([0, 0, 1, 1, 1, 0, 0], [0, 0, 1, 1, 1, 0, 0]),
        ([1, 1, 0, 0, 1, 1], [0] * 6),
    ],
)
def test_solid_windows_have_neighbours(on: list[int], expected: list[int]) -> None:
    """A window counts with three agreeing ones among five, itself among them; of one or two each counts."""
    assert list(agreement.solid(np.array(on, bool))) == [bool(e) for e in expected]


def test_gaps_are_between_solid_windows() -> None:
    """The spans of windows between two solid ones, before the first and after the last."""
    m = agreement.merged_windows(pair(flags(20, (0, 2), (8, 11), (18, 20))), BOTH)
    assert agreement.gaps(m) == [(0, 2), (8, 11), (18, 20)]
    whole = agreement.merged_windows(pair(flags(6)), BOTH)
    assert agreement.gaps(whole) == []
    nothing = agreement.merged_windows(pair(np.zeros(6, bool)), BOTH)
    assert agreement.gaps(nothing) == [(0, 6)]


@pytest.mark.parametrize(
    ("off", "expected"),
    [
        ((10, 15), [(9.5, 14.5, 5.0)]),
        ((10, 14), []),
        ((0, 6), [(0.0, 5.5, 6.0)]),
        ((24, 30), [(23.5, 40.0, 6.0)]),
        ((0, 30), [(0.0, 40.0, 30.0)]),
    ],
    ids=["inside", "too short", "at the beginning", "at the end", "all"],
)
def test_unmatched_stretches(off: tuple[int, int], expected: list[tuple[float, float, float]]) -> None:
    """Five seconds of speech that agree with nothing are a stretch, from the windows beside it or the call's ends."""
    found = agreement.unmatched(pair(flags(30, off)), BOTH, HALF_S, 40.0)
    assert [(s.from_s, s.to_s, s.speech_s) for s in found] == expected


def test_a_stretch_counts_what_could_agree() -> None:
    """Without audio in the recording nothing could agree, and single agreeing windows don't count as speech."""
    off = flags(30, (10, 20))
    audible = flags(30, (10, 16))
    assert agreement.unmatched(pair(off, audible=audible), BOTH, HALF_S, 40.0) == ()
    off[14] = True
    found = agreement.unmatched(pair(off), BOTH, HALF_S, 40.0)
    assert [(s.from_s, s.to_s, s.speech_s) for s in found] == [(9.5, 19.5, 9.0)]
    assert agreement.unmatched(pair(off), [False, False], HALF_S, 40.0) == ()


@pytest.mark.parametrize(
    ("off", "expected"),
    [
        ((), (0.0, 30.0)),
        (((10, 12),), (11.5, 30.0)),
        (((10, 11),), (0.0, 30.0)),
        (((20, 22),), (0.0, 19.5 + 0.0)),
        (((5, 8), (20, 23)), (7.5, 19.5)),
    ],
    ids=["whole", "a break of 2 s", "a break of 1 s", "the first part", "the middle"],
)
def test_the_longest_unbroken_part(off: tuple[tuple[int, int], ...], expected: tuple[float, float]) -> None:
    """Two seconds of speech that disagree end a part; the longest one counts, to the windows' ends."""
    found = agreement.unbroken(pair(flags(31, *off)), BOTH, HALF_S, 30.0)
    assert found == pytest.approx(expected)


def test_a_part_ends_where_a_voice_changes_its_lag() -> None:
    """A lag of 10 ms off its channel's last one ends the part; the other channel's own lag doesn't."""
    on = flags(30)
    customer, agent = pair(on)
    assert agreement.unbroken((customer, agent), BOTH, HALF_S, 40.0) == (0.0, 29.5)
    for size_s, expected in ((0.0099, (0.0, 29.5)), (0.0101, (10.5, 29.5))):
        lag_s = agent.windows.lag_s.copy()
        lag_s[5:] += size_s
        moved = Windows(
            1, 1.0, agent.windows.start_s, agent.windows.weight_s, lag_s, agent.windows.z, agent.windows.audible
        )
        found = agreement.unbroken((customer, Chain(moved, agent.on, agent.choice)), BOTH, HALF_S, 40.0)
        assert found == pytest.approx(expected)


def test_nothing_unbroken() -> None:
    """Without a voice, and without solid agreement, there is no part."""
    assert agreement.unbroken(pair(flags(30)), [False, False], HALF_S, 40.0) is None
    assert agreement.unbroken(pair(np.zeros(30, bool)), BOTH, HALF_S, 40.0) is None
    assert agreement.unbroken(pair(flags(30)), BOTH, HALF_S, 20.0) == (0.0, 20.0)


def test_a_call_of_four_windows() -> None:
    """A call of two words, of which one is found, has a status: so few windows are no error."""
    rng, call = np.random.default_rng(34), np.zeros((8 * RATE, 2))
    for at_s, channel, length_s in ((1, 1, 1.6), (5, 0, 0.6)):
        word = burst(rng, length_s)
        call[at_s * RATE : at_s * RATE + len(word), channel] = word
    call = (call * 32767).astype(np.int16)
    result = measure(call, place(call, 2.0))
    assert [w.channel for w in result.windows].count("agent") == 4
    assert result.status == "insufficient"


@pytest.mark.parametrize(
    ("part", "reported_s", "expected"),
    [
        ((20.0, 40.0), 40.5, True),
        ((20.0, 40.0), 38.5, True),
        ((20.0, 40.0), 38.4, False),
        ((20.0, 40.0), 50.0, True),
        ((20.0, 40.0), 50.1, False),
        ((20.0, 30.0), 32.0, False),
        ((20.0, 30.0), 31.4, True),
        (None, 40.0, False),
        ((20.0, 40.0), None, False),
    ],
)
def test_a_part_that_ends_as_reported(
    part: tuple[float, float] | None, reported_s: float | None, *, expected: bool
) -> None:
    """From the report's unit and half a window before the last word to a pause after it, in which nobody speaks."""
    spoken = pair(flags(40))
    assert agreement.ends_as_reported(spoken, part, reported_s, 1.0) is expected
