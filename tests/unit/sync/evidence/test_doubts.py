"""The evidence against a pair: other speech, and words that should be there."""

from __future__ import annotations

from dataclasses import replace

import pytest

from komorebi_qc.sync.evidence.classify import Channel, Evidence
from komorebi_qc.sync.evidence.doubts import against, with_doubts
from komorebi_qc.sync.evidence.spans import CallSpan

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
