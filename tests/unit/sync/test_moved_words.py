"""A word between two opposite jumps: found, or left alone, on recordings with a known place of every word."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from talkers import RATE, burst, place

from komorebi_qc.sync.channels import follow_channels, is_present
from komorebi_qc.sync.lags.coarse import Course
from komorebi_qc.sync.measure import measure
from komorebi_qc.sync.moved_words import with_moved_words
from komorebi_qc.sync.vad import of_call

if TYPE_CHECKING:
    from komorebi_qc.sync.lags.windows import Chain

LAG_S = 1.5
SIZE, REACH = 12288, 2048
"""As in a call of more than 150 s."""
COURSE = Course(np.array([0.0]), np.array([LAG_S]), 1.0)
WORD_S = (20.0, 20.9)
CUSTOMER, AGENT = 0, 1


def spoken(word: int = AGENT) -> np.ndarray:
    """A call in which both take turns of two seconds; one of them says a word of 0.9 s at 20 s, between two pauses."""
    rng = np.random.default_rng(11)
    out = rng.normal(0, 2e-4, (50 * RATE, 2))
    starts = [t for t in np.arange(0.5, 47.0, 3.0) if not 16.5 < t < 23.0]
    for k, start_s in enumerate(starts):
        sound = burst(rng, 2.0)
        first = int(start_s * RATE)
        out[first : first + len(sound), k % 2] += sound
    sound = burst(rng, WORD_S[1] - WORD_S[0])
    out[int(WORD_S[0] * RATE) : int(WORD_S[0] * RATE) + len(sound), word] += sound
    return (out * 32767).astype(np.int16)


def around(size_s: float) -> tuple[tuple[float, float], ...]:
    """The jumps before and after the word."""
    return (19.5, size_s), (21.8, -size_s)


def found(call: np.ndarray, recording: np.ndarray) -> tuple[tuple[Chain, Chain], tuple[Chain, Chain]]:
    """The chains without the word, and with it."""
    activities = of_call(call)
    chains = follow_channels(call, activities, recording, COURSE, SIZE, REACH)
    present = [is_present(chain) for chain in chains]
    return chains, with_moved_words(call, activities, recording, chains, present)


def moved_s(chain: Chain) -> np.ndarray:
    """How far the agreeing windows on the word are from the call's lag."""
    time_s = chain.windows.centre_s
    moved: np.ndarray = chain.lag_s[chain.on & (time_s > WORD_S[0]) & (time_s < WORD_S[1])] - LAG_S
    return moved


@pytest.mark.parametrize("size_s", [0.03, -0.07, 0.35, -0.35], ids=str)
@pytest.mark.parametrize("word", [CUSTOMER, AGENT], ids=["customer", "agent"])
def test_a_word_between_opposite_jumps_is_found(word: int, size_s: float) -> None:
    """One window holds it, too little for two jumps of a chain; the short windows are exact, and in time order."""
    call = spoken(word)
    _, after = found(call, place(call, LAG_S, jumps=around(size_s)))
    moved = moved_s(after[word])
    assert len(moved) >= 3
    assert moved == pytest.approx(np.full(len(moved), size_s), abs=2e-4)
    assert np.all(np.diff(after[word].windows.start_s) >= 0)
    assert len(after[word].on) == len(after[word].choice) == len(after[word].windows.weight_s)


@pytest.mark.parametrize("word", [CUSTOMER, AGENT], ids=["customer", "agent"])
def test_both_jumps_are_measured(word: int) -> None:
    """Each one's pause is known, with its size; only of the customer's word a leg's delay could be the cause."""
    call = spoken(word)
    result = measure(call, place(call, LAG_S, jumps=around(0.06)), LAG_S + 50.0)
    assert [j.size_s for j in result.jumps] == pytest.approx([0.06, -0.06], abs=2e-4)
    assert all(j.between_s[0] <= at <= j.between_s[1] for j, at in zip(result.jumps, (19.5, 21.8), strict=True))
    assert [j.customer_evidence_only for j in result.jumps] == [word == CUSTOMER] * 2
    assert not any(j.agent_only for j in result.jumps)


def test_without_jumps_nothing_changes() -> None:
    """A recording in order keeps its windows."""
    call = spoken()
    before, after = found(call, place(call, LAG_S))
    assert [c.on.tolist() for c in after] == [c.on.tolist() for c in before]


def test_a_lost_word_that_recurs_is_not_found_at_its_other_place() -> None:
    """A recording runs in the call's order: a word can't be where the words before it are."""
    call = spoken()
    first, last = (int(t * RATE) for t in WORD_S)
    again = int(18.0 * RATE)
    call[again : again + last - first, AGENT] = call[first:last, AGENT]
    recording = place(call, LAG_S)
    lag = int(LAG_S * RATE)
    recording[first + lag - 800 : last + lag + 800] = 0
    recording[first + lag - 800 : last + lag + 800] += (
        np.random.default_rng(3).normal(0, 10, last - first + 1600).astype(np.int16)
    )
    before, after = found(call, recording)
    assert moved_s(after[AGENT]).tolist() == moved_s(before[AGENT]).tolist()


def test_another_voice_at_the_usual_lag_rules_it_out() -> None:
    """The customer speaks meanwhile and is where the call is: Connect moved the agent's word, not the clock."""
    call = spoken()
    recording = place(call, LAG_S, jumps=around(0.2))
    sound = (burst(np.random.default_rng(5), 3.4) * 32767).astype(np.int16)
    first = int(18.8 * RATE)
    call[first : first + len(sound), CUSTOMER] += sound
    recording[first + int(LAG_S * RATE) :][: len(sound)] += sound
    _, after = found(call, recording)
    assert len(moved_s(after[AGENT])) == 0
