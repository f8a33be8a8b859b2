"""Whether both files belong to the same call: the answer, its probability, and the evidence that it names."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from komorebi_qc.sync.evidence.belonging import Belonging, belonging
from komorebi_qc.sync.evidence.classify import Channel, Evidence

STATUSES = ["aligned", "ambiguous", "wrong_pair", "insufficient"]


def channel(distinct_s: float, distinct_turns: int) -> Channel:
    """The evidence of one voice; all of it fits at one place only."""
    turns = distinct_turns + 1
    counts = (distinct_s + 1.0, distinct_s, distinct_s, turns, turns, distinct_turns)
    return Channel(*counts, 1.0, is_present=True, distinct_turns_s=distinct_s)


def evidence(
    customer: tuple[float, int] = (0.0, 0),
    agent: tuple[float, int] = (0.0, 0),
    against_s: float = 0.0,
    against_turns: int = 0,
) -> Evidence:
    """Seconds and turns of each voice that agree, and of speech that disagrees."""
    against = {"against_s": against_s, "against_turns": against_turns}
    return Evidence(channel(*customer), channel(*agent), 60.0, 1.0, 0.0, 0, call_s=120.0, **against)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("status", "answer"),
    [("aligned", "yes"), ("wrong_pair", "no"), ("ambiguous", "unknown"), ("insufficient", "unknown")],
)
def test_the_answer_follows_the_status(status: str, answer: str) -> None:
    """Only a pair that is sure of its place belongs together, and only a refused one doesn't."""
    assert belonging(status, evidence((5.0, 3), (6.0, 3))).answer == answer


def test_it_names_the_evidence_of_both_voices() -> None:
    """Seconds and turns that agree at this place only, and those of the recording's other speech."""
    found = belonging("ambiguous", evidence((5.0, 3), (6.5, 4), 2.5, 1))
    assert (found.for_s, found.for_turns, found.against_s, found.against_turns) == (11.5, 7, 2.5, 1)


@settings(max_examples=60)
@given(
    st.sampled_from(STATUSES),
    st.tuples(st.floats(0, 4000), st.integers(0, 900)),
    st.tuples(st.floats(0, 4000), st.integers(0, 900)),
    st.floats(0, 4000),
    st.integers(0, 900),
)
def test_a_probability_is_one_for_any_evidence(
    status: str, customer: tuple[float, int], agent: tuple[float, int], against_s: float, against_turns: int
) -> None:
    """Hours of agreement and of disagreement give a number between 0 and 1, never an overflow."""
    found = belonging(status, evidence(customer, agent, against_s, against_turns))
    assert math.isfinite(found.probability)
    assert 0.0 <= found.probability <= 1.0


@settings(max_examples=60)
@given(st.floats(0, 60), st.integers(0, 20), st.floats(0, 60), st.floats(0.1, 60), st.integers(1, 20))
def test_evidence_for_it_never_makes_it_less_probable(
    for_s: float, turns: int, against_s: float, more_s: float, more_turns: int
) -> None:
    """More agreeing speech or turns can't lower the probability; more disagreeing speech can't raise it."""

    def probability(for_s: float, turns: int, against_s: float) -> float:
        return belonging("insufficient", evidence(agent=(for_s, turns), against_s=against_s)).probability

    now = probability(for_s, turns, against_s)
    assert probability(for_s + more_s, turns, against_s) >= now
    assert probability(for_s, turns + more_turns, against_s) >= now
    assert probability(for_s, turns, against_s + more_s) <= now


def test_a_conversation_is_near_certain_and_another_call_is_not() -> None:
    """Three turns of each voice say far more than half a minute of other speech."""
    same = belonging("aligned", evidence((12.0, 5), (12.0, 5)))
    other = belonging("wrong_pair", evidence((0.5, 0), (0.0, 0), 30.0, 8))
    assert same.probability > 0.99
    assert other.probability < 0.01


def test_no_evidence_is_near_even_odds() -> None:
    """Silence, a muted microphone and a missing track say nothing for or against a pair."""
    assert 0.2 < belonging("insufficient", evidence()).probability < 0.8


@pytest.mark.parametrize(
    ("answer", "against_s", "speaks"),
    [("unknown", 0.0, False), ("unknown", 0.5, False), ("unknown", 20.0, True), ("no", 0.0, True)],
)
def test_other_speech_speaks_against_a_pair(answer: str, against_s: float, *, speaks: bool) -> None:
    """So does a refusal. An overlap of voices or a noise of half a second doesn't."""
    assert Belonging(answer, 0.5, 0.0, 0, against_s, 1).speaks_against is speaks  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("for_s", "against_s", "missing_s", "speaks"),
    [
        (0.0, 0.6, 0.0, False),
        (0.0, 0.8, 0.0, True),
        (0.0, 0.6, 0.8, True),
        (60.0, 2.4, 0.0, False),
        (60.0, 2.6, 0, True),
    ],
)
def test_music_excuses_no_word(for_s: float, against_s: float, missing_s: float, *, speaks: bool) -> None:
    """Some noise is allowed in minutes of speech that agrees. Music shows nothing, however much of it agrees."""
    music = Channel(170.0, 170.0, 100.0, 2, 0, 0, 1.0, is_present=True)
    e = replace(evidence(agent=(for_s, 0), against_s=against_s), customer=music, missing_s=missing_s)
    assert belonging("insufficient", e).speaks_against is speaks
