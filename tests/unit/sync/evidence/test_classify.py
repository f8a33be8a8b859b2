"""From evidence to a status: each condition from both of its sides."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from komorebi_qc.sync.evidence.classify import Channel, Evidence, classify

# A good pair: both voices agree in most of their turns.
VOICE = Channel(30.0, 27.0, 27.0, 10, 9, 9, 0.9, is_present=True)
GOOD = Evidence(VOICE, VOICE, 55.0, 0.95, 0.0, 0, call_s=100.0)
ABSENT = Channel(30.0, 0.0, 0.0, 10, 0, 0, 0.0, is_present=False)
SILENT = Channel(0.0, 0.0, 0.0, 0, 0, 0, 0.0, is_present=False)


def status(e: Evidence) -> str:
    """The status alone."""
    return classify(e).status


def both(e: Evidence, **changes: Any) -> Evidence:
    """The evidence with both channels changed in the same way."""
    return replace(e, customer=replace(e.customer, **changes), agent=replace(e.agent, **changes))


def test_a_good_pair_is_aligned() -> None:
    """The sentence counts seconds and turns of both voices."""
    found = classify(GOOD)
    assert found.status == "aligned"
    assert found.reason == "54 s of 60 s of speech agree, in 18 turns"


def test_shares_of_a_channel() -> None:
    """Support is the agreeing share of the activity, turn support that of the turns; 0 without any."""
    assert VOICE.support == pytest.approx(0.9)
    assert VOICE.turn_support == pytest.approx(0.9)
    assert (SILENT.support, SILENT.turn_support) == (0.0, 0.0)
    assert Channel(0.5, 0.25, 0.0, 1, 1, 0, 0.0, is_present=True).support == pytest.approx(0.5)


@pytest.mark.parametrize(("active_s", "expected"), [(0.99, "insufficient"), (1.0, "aligned")])
def test_two_seconds_of_speech_are_needed(active_s: float, expected: str) -> None:
    """Below two seconds of both voices there is too little to align."""
    e = both(GOOD, active_s=active_s, agreed_s=active_s)
    assert status(e) == expected
    if expected == "insufficient":
        assert f"{2 * active_s:.1f} s" in classify(e).reason


@pytest.mark.parametrize(
    ("recording_s", "speech_s", "expected", "reason"),
    [
        (1.9, 30.0, "insufficient", "1.9 s"),
        (2.0, 30.0, "insufficient", ""),
        (9.9, 30.0, "insufficient", ""),
        (10.0, 30.0, "wrong_pair", "60 s"),
        (55.0, 5.0, "wrong_pair", "10 s"),
        (55.0, 4.9, "insufficient", ""),
    ],
)
def test_without_a_voice(recording_s: float, speech_s: float, expected: str, reason: str) -> None:
    """If no voice agrees, it is a wrong pair with ten seconds of sound in both, else too little evidence."""
    absent = replace(ABSENT, active_s=speech_s)
    found = classify(replace(GOOD, customer=absent, agent=absent, recording_active_s=recording_s))
    assert found.status == expected
    assert reason in found.reason


@pytest.mark.parametrize(
    ("alternatives", "distinct_s", "expected"),
    [(0, 6.7, "aligned"), (1, 6.74, "ambiguous"), (1, 6.75, "aligned")],
)
def test_a_loop_is_ambiguous(alternatives: int, distinct_s: float, expected: str) -> None:
    """If less than a quarter of the agreement is distinct, and the rest fits elsewhere too, it is ambiguous."""
    assert status(both(replace(GOOD, alternative_offsets=alternatives), distinct_s=distinct_s)) == expected


def test_a_loop_says_how_much_fits_elsewhere() -> None:
    """The sentence has the agreed seconds and those that fit elsewhere."""
    found = classify(both(replace(GOOD, alternative_offsets=2), distinct_s=2.0))
    assert "54 s agree, but 50 s of it fit elsewhere" in found.reason


@pytest.mark.parametrize(("agreed_s", "expected"), [(15.0, "ambiguous"), (14.9, "insufficient")])
def test_a_faint_loop_is_not_even_ambiguous(agreed_s: float, expected: str) -> None:
    """Half of one present voice has to agree."""
    e = both(replace(GOOD, alternative_offsets=1), agreed_s=agreed_s, distinct_s=0.0, distinct_turns=0, span_support=0)
    assert status(e) == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"agreed_s": 21.0, "agreed_turns": 6}, "aligned"),
        ({"agreed_s": 20.9, "agreed_turns": 6}, "insufficient"),
        ({"agreed_s": 21.0, "agreed_turns": 5}, "insufficient"),
    ],
)
def test_full_agreement(changes: dict[str, float], expected: str) -> None:
    """70 % of a voice and 60 % of its turns agree."""
    assert status(both(GOOD, span_support=0.0, **changes)) == expected


def test_one_voice_is_enough() -> None:
    """The other one may agree less, but the agent's at least by half."""
    weak = replace(VOICE, agreed_s=15.0, agreed_turns=3)
    assert status(replace(GOOD, customer=replace(weak, agreed_s=1.0))) == "aligned"
    assert status(replace(GOOD, agent=weak)) == "aligned"
    assert status(replace(GOOD, agent=replace(weak, agreed_s=14.9))) == "insufficient"
    assert status(replace(GOOD, agent=ABSENT)) == "aligned"
    assert status(replace(GOOD, customer=ABSENT)) == "aligned"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "aligned"),
        ({"span_support": 0.69}, "insufficient"),
        ({"agreed_turns": 3}, "insufficient"),
        ({"agreed_s": 8.9}, "insufficient"),
    ],
)
def test_a_part_of_the_call(changes: dict[str, float], expected: str) -> None:
    """Both voices agree on a stretch of 30 % in which 70 % agrees, in four turns each."""
    stretch = {"agreed_s": 9.0, "distinct_s": 9.0, "agreed_turns": 4, "span_support": 0.7} | changes
    # with nine seconds of sound it is no wrong pair, whatever agrees
    assert status(both(replace(GOOD, recording_active_s=9.0), **stretch)) == expected


def test_a_part_needs_both_voices() -> None:
    """A stretch that one voice alone agrees on is not enough."""
    part = replace(VOICE, agreed_s=20.0, agreed_turns=5, span_support=0.9)
    assert status(replace(GOOD, customer=part, agent=part)) == "aligned"
    assert status(replace(GOOD, customer=ABSENT, agent=replace(part, agreed_s=22.0))) == "insufficient"


@pytest.mark.parametrize(("explained", "expected"), [(0.8, "aligned"), (0.79, "insufficient")])
def test_the_recording_is_explained(explained: float, expected: str) -> None:
    """80 % of the recording's activity is covered."""
    assert status(replace(GOOD, explained=explained)) == expected


@pytest.mark.parametrize(
    ("active_s", "contradicted", "expected"),
    [(4.0, 0.24, "aligned"), (4.0, 0.25, "insufficient"), (3.9, 0.25, "aligned"), (4.0, 0.0, "aligned")],
)
def test_a_missing_voice_is_missing(active_s: float, contradicted: float, expected: str) -> None:
    """Sound in a quarter of the absent voice's seconds is somebody else's, if that voice has four seconds."""
    absent = replace(ABSENT, active_s=active_s)
    assert status(replace(GOOD, customer=absent, contradicted=contradicted)) == expected
    assert status(replace(GOOD, contradicted=contradicted)) == "aligned"


@pytest.mark.parametrize(
    ("turns", "jumps", "overlap", "expected"),
    [
        ((1, 1), 0, 1.0, "aligned"),
        ((1, 0), 0, 1.0, "insufficient"),
        ((1, 2), 1, 1.0, "insufficient"),
        ((2, 2), 1, 1.0, "aligned"),
        ((3, 2), 0, 0.49, "insufficient"),
        ((3, 3), 0, 0.49, "aligned"),
        ((1, 1), 0, 0.5, "aligned"),
        ((3, 3), 1, 0.49, "insufficient"),
    ],
)
def test_enough_distinct_turns(turns: tuple[int, int], jumps: int, overlap: float, expected: str) -> None:
    """Three turns, one more for each jump, three more where half of the call isn't recorded; two of two voices do."""
    e = replace(
        GOOD,
        customer=replace(VOICE, distinct_turns=turns[0]),
        agent=replace(VOICE, distinct_turns=turns[1]),
        jumps=jumps,
        overlap=overlap,
    )
    assert status(e) == expected


@pytest.mark.parametrize(("turns", "expected"), [(3, "aligned"), (2, "insufficient")])
def test_one_voice_needs_three_turns(turns: int, expected: str) -> None:
    """With one voice two turns are too few."""
    e = replace(GOOD, agent=replace(VOICE, distinct_turns=turns), customer=ABSENT)
    assert status(e) == expected


@pytest.mark.parametrize(
    ("distinct_s", "alternatives", "expected"),
    [(1.25, 0, "aligned"), (1.24, 0, "insufficient"), (1.24, 1, "ambiguous")],
)
def test_enough_distinct_seconds(distinct_s: float, alternatives: int, expected: str) -> None:
    """2.5 s have to fit nowhere else; with less, and another offset, it is ambiguous."""
    e = both(replace(GOOD, alternative_offsets=alternatives), agreed_s=4.0, active_s=5.0, distinct_s=distinct_s)
    assert status(e) == expected


def test_too_few_turns_are_counted() -> None:
    """The sentence has the turns and the seconds."""
    e = replace(GOOD, agent=replace(VOICE, distinct_turns=1, distinct_s=2.2), customer=replace(ABSENT, distinct_s=0.0))
    assert "1 turn and 2.2 s" in classify(e).reason
    assert "2 turns and" in classify(replace(e, agent=replace(e.agent, distinct_turns=2))).reason


# Little agrees: 20 of 60 s of speech.
LITTLE = both(GOOD, agreed_s=10.0, agreed_turns=3, distinct_s=9.0, distinct_turns=0, span_support=0.5)


@pytest.mark.parametrize(
    ("agreed_s", "recording_s", "expected"),
    [
        (10.4, 55.0, "wrong_pair"),
        (10.5, 55.0, "insufficient"),
        (10.4, 30.7, "insufficient"),
        (10.4, 30.9, "wrong_pair"),
    ],
)
def test_little_agreement_is_a_wrong_pair(agreed_s: float, recording_s: float, expected: str) -> None:
    """Under 35 % of the speech agrees, and the recording holds ten seconds of other sound."""
    assert status(replace(both(LITTLE, agreed_s=agreed_s), recording_active_s=recording_s)) == expected


@pytest.mark.parametrize(("active_s", "expected"), [(7.5, "wrong_pair"), (7.4, "insufficient")])
def test_a_wrong_pair_has_ten_seconds_that_disagree(active_s: float, expected: str) -> None:
    """Less than ten seconds of disagreement prove nothing."""
    assert status(both(LITTLE, active_s=active_s, agreed_s=2.5)) == expected


def conversation(from_s: float, to_s: float) -> Evidence:
    """Little of the call agrees, but in one part the speakers take turns, and nothing there fits elsewhere."""
    starts = tuple(from_s + 1 + 4 * k for k in range(int((to_s - from_s) / 4)))
    voices = [
        replace(LITTLE.customer, distinct_turns=len(own), distinct_at_s=own, distinct_turns_s=9.0)
        for own in (starts[::2], starts[1::2])
    ]
    return replace(LITTLE, customer=voices[0], agent=voices[1], unbroken_s=(from_s, to_s))


@pytest.mark.parametrize("span_s", [(0.0, 30.0), (1.9, 31.9), (30.0, 68.0), (62.0, 100.0)])
def test_a_conversation_is_a_part_of_the_call(span_s: tuple[float, float]) -> None:
    """A third of the speech agrees, in one part: the agent left early, joined late, or both."""
    found = classify(conversation(*span_s))
    assert found.status == "aligned"
    assert "in one part of the call" in found.reason


def test_a_conversation_has_two_voices_in_turn() -> None:
    """A script of one voice, turns that fit elsewhere, and turns that are apart, are no conversation."""
    whole = conversation(0.0, 40.0)
    one_voice = replace(whole, customer=LITTLE.customer)
    one_after_the_other = replace(whole, agent=replace(whole.agent, distinct_at_s=(36.0, 37.0, 38.0, 39.0, 39.5)))
    repeated = both(whole, distinct_turns=0, distinct_at_s=(), distinct_s=0.0)
    for e in (one_voice, one_after_the_other, repeated, replace(whole, unbroken_s=None)):
        assert status(e) != "aligned"


LATE = Evidence(
    replace(VOICE, agreed_s=14.0, distinct_s=14.0, agreed_turns=2, distinct_turns=2, distinct_at_s=(72.0, 80.0)),
    replace(VOICE, agreed_s=1.0, distinct_s=1.0, agreed_turns=1, distinct_turns=1, distinct_at_s=(77.6,)),
    55.0,
    0.33,
    0.0,
    0,
    unbroken_s=(71.6, 89.6),
    call_s=90.0,
    against_s=68.0,
    ends_as_reported=True,
)
"""An agent who joined for the last 20 s of a call, and said a word between two of the customer's turns."""


def test_a_short_part_that_ends_as_reported_is_aligned() -> None:
    """Three turns of both voices are enough for a late agent if the reported call end confirms where they end."""
    assert status(LATE) == "aligned"
    assert status(replace(LATE, ends_as_reported=False)) == "wrong_pair"
    two = replace(LATE.customer, distinct_turns=1, distinct_at_s=(72.0,))
    assert status(replace(LATE, customer=two)) == "wrong_pair"
    short = replace(LATE.customer, distinct_s=6.9)
    assert status(replace(LATE, customer=short)) == "wrong_pair"
    after = replace(LATE.agent, distinct_at_s=(88.0,))
    assert status(replace(LATE, agent=after)) == "wrong_pair"
    early = replace(LATE, unbroken_s=(7.9, 89.6))
    assert status(early) == "wrong_pair"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, False),
        ({"ends_as_reported": True}, True),
        ({"unbroken_s": (8.0, 40.0)}, False),
        ({"unbroken_s": (8.0, 40.0), "customer_at_s": (8.5, 20.0, 31.0)}, True),
        ({"unbroken_s": (7.9, 40.0), "customer_at_s": (8.5, 20.0, 31.0)}, False),
        ({"agent_at_s": (14.0, 30.0, 32.0), "customer_at_s": (8.5, 20.0, 31.0)}, True),
        ({"distinct_s": 10.0}, True),
        ({"distinct_s": 9.9}, False),
        ({"active_s": 8.0}, True),
    ],
    ids=[
        *("no witness", "the reported end", "not from the start", "four changes, not from the start", "four changes"),
        *("five changes", "long", "not long enough", "most of the call"),
    ],
)
def test_a_short_conversation_needs_a_witness(changes: dict[str, Any], *, expected: bool) -> None:
    """An announcement and a script, with a stray word between them, look like four turns of a conversation."""
    own = {k: v for k, v in changes.items() if k in {"distinct_s", "active_s"}}
    starts = {"customer_at_s": (8.5, 20.0), "agent_at_s": (14.0, 30.0), **changes}
    turns = {"agreed_s": 4.0, "distinct_s": 4.0, "agreed_turns": 2, "distinct_turns": 2, **own}
    e = both(replace(GOOD, unbroken_s=(0.0, 40.0), explained=0.1), **turns)
    e = replace(
        e,
        customer=replace(e.customer, distinct_at_s=starts["customer_at_s"]),
        agent=replace(e.agent, distinct_at_s=starts["agent_at_s"]),
        **{k: v for k, v in changes.items() if k in {"ends_as_reported", "unbroken_s"}},
    )
    assert (status(e) == "aligned") is expected


@pytest.mark.parametrize(
    ("missing_s", "explained", "turns", "expected"),
    [
        (0.9, 0.8, (2, 1), "aligned"),
        (1.0, 0.8, (2, 1), "insufficient"),
        (1.0, 1.0, (2, 1), "aligned"),
        (1.0, 0.8, (2, 2), "aligned"),
    ],
    ids=["too short", "something else", "silence", "four turns"],
)
def test_three_turns_and_one_that_is_missing_are_too_few(
    missing_s: float, explained: float, turns: tuple[int, int], expected: str
) -> None:
    """Two short calls may share three sentences, but then others differ. A muted voice leaves silence."""
    voices = [replace(VOICE, distinct_turns=count, missing_turns_s=missing_s / 2) for count in turns]
    assert status(replace(GOOD, customer=voices[0], agent=voices[1], explained=explained)) == expected
