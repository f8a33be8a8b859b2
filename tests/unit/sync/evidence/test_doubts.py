"""The evidence against a pair: other speech, and words that should be there."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from komorebi_qc.sync.evidence.candidates import Followed, Place
from komorebi_qc.sync.evidence.classify import Channel, Evidence
from komorebi_qc.sync.evidence.doubts import against, at_place, with_doubts
from komorebi_qc.sync.evidence.spans import CallSpan
from komorebi_qc.sync.lags.windows import Chain, Windows
from komorebi_qc.sync.vad import FRAME_S, Activity

ABSENT = Channel(10.0, 0.0, 0.0, 3, 0, 0, 0.0, is_present=False)
MUSIC = Channel(60.0, 57.0, 0.0, 2, 0, 0, 0.95, is_present=True, missing_turns_s=3.0)
SENTENCE = Channel(
    20.0, 4.0, 4.0, 6, 1, 1, 0.9, is_present=True, distinct_at_s=(3.0,), distinct_turns_s=4.0, missing_turns_s=16.0
)
TURNS = Channel(
    20.0, 8.0, 8.0, 6, 2, 2, 0.9, is_present=True, distinct_at_s=(3.0, 9.0), distinct_turns_s=8.0, missing_turns_s=12.0
)


def evidence(customer: Channel, agent: Channel) -> Evidence:
    """Evidence with nothing but two channels."""
    return Evidence(customer, agent, 30.0, 0.9, 0.0, 0)


def test_other_speech_counts_and_an_absent_agent_may_have_it() -> None:
    """Speech of the call while the recording has other speech counts; of an absent agent only if there is no part."""
    stretches = (
        CallSpan(0.0, 10.0, "agrees", 6.0),
        CallSpan(10.0, 15.0, "contradicts", 3.0, has_other_speech=True),
        CallSpan(15.0, 20.0, "silent", 4.0),
        CallSpan(20.0, 40.0, "absent", 9.0, has_other_speech=True),
        CallSpan(40.0, 50.0, "absent", 5.0),
    )
    assert against(stretches) == {"against_s": 3.0, "against_turns": 1}
    assert against(stretches, is_part=False) == {"against_s": 12.0, "against_turns": 2}


@pytest.mark.parametrize(
    ("customer", "agent", "missing_s"),
    [
        (MUSIC, ABSENT, 3.0),
        (ABSENT, SENTENCE, 16.0),
        (ABSENT, TURNS, 0.0),
        (replace(MUSIC, agreed_s=30.0), TURNS, 0.0),
        (MUSIC, TURNS, 3.0),
        (replace(ABSENT, missing_turns_s=9.0), replace(ABSENT, missing_turns_s=2.0), 11.0),
        (replace(ABSENT, missing_turns_s=9.0), SENTENCE, 16.0),
    ],
    ids=["words in music", "one sentence", "turns", "little music", "music and turns", "nothing", "a headset"],
)
def test_words_that_should_be_there(customer: Channel, agent: Channel, missing_s: float) -> None:
    """Words count if that side's music or sentence is there, or if no words are; a headset keeps the customer out."""
    found = with_doubts(evidence(customer, agent), (), None)
    assert (found.against_s, found.missing_s) == pytest.approx((missing_s, missing_s))


def test_the_agents_overlap_and_a_contradicted_voice_count() -> None:
    """The agent's speech over other speech is added, and the share of an absent voice that is contradicted."""
    found = with_doubts(replace(evidence(ABSENT, TURNS), contradicted=0.5), (), 2.0)
    assert found.against_s == pytest.approx(2.0 + 0.5 * 10.0)
    assert found.missing_s == pytest.approx(2.0)


@pytest.mark.parametrize(("agent", "against_s"), [(ABSENT, 4.5), (SENTENCE, 16.0)], ids=["music", "a sentence"])
def test_the_recordings_own_words_count_beside_music_alone(agent: Channel, against_s: float) -> None:
    """If no words agree, words that only the recording has are another call's; else they may be a muted agent's."""
    found = with_doubts(evidence(replace(MUSIC, missing_turns_s=0.0), agent), (), None, 4.5)
    assert found.against_s == pytest.approx(against_s)


def speech(*turns_s: tuple[float, float]) -> Activity:
    """A channel with these turns."""
    turns = tuple((round(a / FRAME_S), round(b / FRAME_S)) for a, b in turns_s)
    active = np.zeros(1000, bool)
    for a, b in turns:
        active[a:b] = True
    return Activity(active, np.zeros(1000, np.float32), turns)


def chain(channel: int, *agreed_s: tuple[float, float]) -> Chain:
    """A window each second of 40 s; those in the spans agree."""
    at = np.arange(40.0)
    on = np.array([any(a <= t < b for a, b in agreed_s) for t in at], bool)
    w = Windows(channel, 1.0, at - 0.5, np.ones(40), np.full((40, 1), 3.0), np.full((40, 1), 50.0), np.ones(40, bool))
    return Chain(w, on, np.zeros(40, np.intp))


def test_the_evidence_is_that_of_the_place_that_would_be_used() -> None:
    """Turns that agree there count for it, and those that agree at the best place alone count against it."""
    customer = replace(TURNS, distinct_at_s=(4.0, 12.0))
    best = replace(evidence(customer, ABSENT), against_s=1.0)
    activities = speech((4.0, 8.0), (12.0, 15.0), (20.0, 26.0)), speech((30.0, 33.0))
    used = Followed(Place(-50.0, 0.0, 6.0), (chain(0, (20.0, 26.0)), chain(1, (30.0, 33.0))), [True, False])
    found = at_place(best, activities, used, 3.0)
    assert (found.customer.distinct_turns, found.customer.distinct_at_s) == (1, (20.0,))
    assert (found.agent.distinct_turns, found.agent.distinct_turns_s) == (0, 0.0)
    assert found.customer.distinct_turns_s == pytest.approx(6.0)
    assert found.against_s == pytest.approx(1.0 + 4.0 + 3.0)
    assert found.against_turns == 2


def test_the_best_place_keeps_its_evidence() -> None:
    """There is no other place, or it is the best one."""
    best = evidence(TURNS, ABSENT)
    activities = speech((3.0, 8.0)), speech()
    assert at_place(best, activities, None, 3.0) is best
    assert at_place(best, activities, Followed(Place(3.01, 0.0, 6.0), (chain(0), chain(1)), [True, False]), 3.0) is best
