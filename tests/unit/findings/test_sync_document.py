"""The sync measurement and the call end as JSON."""

from __future__ import annotations

import json

import pytest
from made_sync import absent_from, result

from komorebi_qc.core.timebase import CallEnd, Knot, Span
from komorebi_qc.findings.sync_document import call_end_dict, sync_dict
from komorebi_qc.sync import Belonging, CallSpan, Candidate, FoundJump, RecordingSpan, Stretch


def test_an_aligned_pair_gives_its_numbers() -> None:
    """Each value has its key, rounded to microseconds and to 0.0001 ppm."""
    step = FoundJump(30.12345678, 0.2, (0.199, 0.201), (29.0, 31.0), agent_only=False, customer_evidence_only=True)
    found = sync_dict(
        result(
            offset_s=2.12345678,
            drift_ppm=1.23456,
            jumps=(step,),
            customer_steps=(step,),
            unmatched=(Stretch(0.0, 20.0, 12.34567),),
        ),
        60.0,
    )
    assert found["offset_s"] == 2.123457
    assert found["drift_ppm"] == 1.2346
    assert found["offset_ci_s"] == [2.499, 2.501]
    assert found["drift_ci_ppm"] == [-1.0, 1.0]
    assert (found["lag_agent_s"], found["lag_customer_s"]) == (2.5, 2.5)
    expected = {
        "call_s": 30.123457,
        "size_s": 0.2,
        "size_ci_s": [0.199, 0.201],
        "between_s": [29.0, 31.0],
        "customer_evidence_only": True,
    }
    assert found["customer_leg_delay_changes"] == [expected]
    assert found["jumps"] == [{**expected, "agent_only": False}]
    assert found["unmatched"] == [{"from_s": 0.0, "to_s": 20.0, "speech_s": 12.346}]
    assert json.loads(json.dumps(found, allow_nan=False)) == found


@pytest.mark.parametrize("status", ["wrong_pair", "ambiguous", "insufficient"])
def test_an_unaligned_pair_gives_no_number_to_use(status: str) -> None:
    """A number without an alignment would be taken for one, so it is null."""
    found = sync_dict(
        result(
            status=status,
            offset_s=1.0,
            offset_ci_s=(0.0, 2.0),
            drift_ppm=3.0,
            drift_ci_ppm=(1.0, 5.0),
            lag_agent_s=1.0,
            lag_customer_s=1.0,
            jumps=(FoundJump(1.0, 2.0, (1.0, 3.0), (0.0, 2.0)),),
            customer_steps=(FoundJump(1.0, 2.0, (1.0, 3.0), (0.0, 2.0)),),
        ),
        60.0,
    )
    numbers = ("offset_s", "offset_ci_s", "drift_ppm", "drift_ci_ppm", "lag_agent_s", "lag_customer_s")
    assert [found[name] for name in numbers] == [None] * len(numbers)
    assert (found["jumps"], found["customer_leg_delay_changes"]) == (None, None)
    assert (found["segments"], found["agent_part"]) == ([], None)
    assert found["status"] == status


def test_the_error_is_reported_minus_measured() -> None:
    """A call end that was reported late has a positive error; without a measurement the error is null."""
    assert call_end_dict(CallEnd(62.0, 1.0), result(measured_call_end_s=61.25)) == {
        "reported_s": 62.0,
        "reported_resolution_s": 1.0,
        "source": "reported",
        "measured_s": 61.25,
        "error_s": 0.75,
    }
    for measured in (None, result("ambiguous", measured_call_end_s=61.25)):
        unmeasured = call_end_dict(CallEnd(62.0, 1.0), measured)
        assert (unmeasured["measured_s"], unmeasured["error_s"]) == (None, None)


def test_without_a_reported_end_there_is_the_measured_one() -> None:
    """A record's end has its source, and an unknown one no values."""
    by_record = call_end_dict(CallEnd(61.0, 2.0, "record"), result(measured_call_end_s=61.25))
    assert (by_record["source"], by_record["error_s"]) == ("record", -0.25)
    assert call_end_dict(None, result(measured_call_end_s=61.25)) == {
        "reported_s": None,
        "reported_resolution_s": None,
        "source": None,
        "measured_s": 61.25,
        "error_s": None,
    }


def test_an_agent_who_left_has_no_error_of_the_call_end() -> None:
    """The reported end may be the end of the agent's part or of the call, so neither difference is an error."""
    left = result(agent_part=Span(0.0, 40.0), spans=absent_from(40.0))
    found = call_end_dict(CallEnd(42.0, 1.0), left)
    assert (found["measured_s"], found["error_s"]) == (62.5, None)
    assert sync_dict(left, 60.0)["agent_part"] == {"call_from_s": 0.0, "call_to_s": 40.0}
    assert sync_dict(left, 60.0)["coverage"] == 1.0


def test_the_map_is_straight_between_its_points() -> None:
    """A jump has its call time twice, a knot once."""
    jump = FoundJump(30.0, 0.2, (0.199, 0.201), (29.0, 31.0))
    jumped = sync_dict(result(jumps=(jump,)), 60.0)["segments"]
    assert [(p["call_s"], p["recording_s"]) for p in jumped] == [(0.0, 2.5), (30.0, 32.5), (30.0, 32.7), (60.0, 62.7)]
    knots = (Knot(0.0, 0.0), Knot(30.0, 0.003), Knot(60.0, 0.0))
    bent = sync_dict(result(knots=knots), 60.0)["segments"]
    assert [(p["call_s"], p["recording_s"]) for p in bent] == [(0.0, 2.5), (30.0, 32.503), (60.0, 62.5)]


def test_stretches_and_candidates_have_their_clock() -> None:
    """Every time of a stretch names its clock, and every candidate has its probability."""
    found = sync_dict(
        result(
            "ambiguous",
            belongs=Belonging("unknown", 0.43218, 3.21, 2, 0.5, 1),
            spans=(CallSpan(0.0, 60.0, "silent", 12.3456, has_other_speech=True),),
            recording_spans=(RecordingSpan(1.0, 4.0, "before", 2.5),),
            candidates=(Candidate(1.5, 61.5, 0.75, 9.0, 0.98765),),
        ),
        60.0,
    )
    assert found["belongs"] == {
        "answer": "unknown",
        "probability": 0.4322,
        "for_s": 3.21,
        "for_turns": 2,
        "against_s": 0.5,
        "against_turns": 1,
    }
    assert found["spans"] == [
        {"call_from_s": 0.0, "call_to_s": 60.0, "state": "silent", "speech_s": 12.346, "has_other_speech": True}
    ]
    assert found["recording_spans"] == [
        {"recording_from_s": 1.0, "recording_to_s": 4.0, "part": "before", "speech_s": 2.5}
    ]
    assert found["candidates"] == [
        {"offset_s": 1.5, "call_end_s": 61.5, "score": 0.75, "agreed_s": 9.0, "probability": 0.9877}
    ]


@pytest.mark.parametrize(("status", "answer"), [("aligned", "yes"), ("wrong_pair", "no"), ("insufficient", "unknown")])
def test_belonging_without_evidence_has_its_answer_only(status: str, answer: str) -> None:
    """No probability is given for something that wasn't weighed."""
    found = sync_dict(result(status, belongs=None), 60.0)["belongs"]
    assert found.pop("answer") == answer
    assert set(found.values()) == {None}
