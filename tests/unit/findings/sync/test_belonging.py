"""Findings about belonging, and about speech that only the recording has."""

from __future__ import annotations

import pytest
from made_sync import absent_from, by_name, result

from komorebi_qc.core.finding import At
from komorebi_qc.core.limits import DEFAULT
from komorebi_qc.core.timebase import CallEnd, Span
from komorebi_qc.findings.sync.belonging import belonging_finding, unexplained_speech_finding
from komorebi_qc.sync import Belonging, RecordingSpan

REPORTED = CallEnd(62.0, 1.0)
BEFORE = RecordingSpan(0.5, 2.4, "before", 1.8)
DURING = RecordingSpan(20.0, 41.0, "during", 12.5)
AFTER = RecordingSpan(63.0, 70.0, "after", 5.5)


@pytest.mark.parametrize(
    ("answer", "probability", "status", "word"),
    [
        ("yes", 0.9999, "pass", "belong together (probability over 99.9 %)"),
        ("yes", 0.987, "pass", "belong together (probability 98.7 %)"),
        ("unknown", 0.7, "warn", "doesn't show whether"),
        ("unknown", 0.0001, "warn", "(probability under 0.1 %)"),
        ("no", 0.01, "fail", "belong to different calls. For it"),
    ],
)
def test_the_answer_decides(answer: str, probability: float, status: str, word: str) -> None:
    """Yes passes, unknown warns, no fails; the value is the probability, and the sentence has the evidence."""
    belongs = Belonging(answer, probability, 54.3, 20, 6.2, 1)  # type: ignore[arg-type]
    found = belonging_finding(result(belongs=belongs))
    assert (found.value, found.status, found.unit) == (probability, status, "probability")
    assert word in found.text
    assert "For it: 54 s of speech in 20 turns agree at one place only." in found.text
    assert "Against it: 6 s of speech that only one of the files has" in found.text
    assert belonging_finding(result(belongs=belongs), DEFAULT.changed_by("belonging=off")).status == "pass"


def test_evidence_of_nothing() -> None:
    """A side without evidence is named as such; a wrong pair has its reason instead."""
    found = belonging_finding(result("ambiguous", belongs=Belonging("unknown", 0.4, 0.0, 0, 0.0, 0)))
    assert found.text.endswith("For it: no speech agrees at one place only. Against it: no speech disagrees.")
    found = belonging_finding(result("wrong_pair", belongs=Belonging("no", 0.1, 8.0, 1, 0.0, 0)))
    assert found.text.endswith("For it: 8 s of speech in 1 turn agree at one place only. Against it: a reason.")


@pytest.mark.parametrize(
    ("status", "expected"), [("aligned", "pass"), ("insufficient", "warn"), ("wrong_pair", "fail")]
)
def test_too_little_to_weigh(status: str, expected: str) -> None:
    """A measurement without evidence has no probability; its status answers."""
    found = belonging_finding(result(status, belongs=None))
    assert (found.value, found.status) == ("undetermined", expected)
    assert found.text.endswith(". A reason.")


def test_a_changed_limit_adds_to_the_answer() -> None:
    """An operator may ask for more than the answer."""
    belongs = Belonging("yes", 0.97, 5.0, 3, 0.0, 0)
    strict = DEFAULT.changed_by("belonging=0.99:0.98")
    assert belonging_finding(result(belongs=belongs), strict).status == "fail"
    assert belonging_finding(result(belongs=belongs)).status == "pass"


def test_speech_before_and_during_the_call_is_unexplained() -> None:
    """Both count, with their places; speech after the call is usual."""
    found = by_name(result(recording_spans=(BEFORE, DURING, AFTER)))["unexplained_speech"]
    assert (found.value, found.status, found.at) == (14.3, "warn", At("recording", 20.0))
    assert "14.3 s" in found.text
    assert "1.8 s from 00:00:00.500 to 00:00:02.400 of the recording, before the call;" in found.text
    assert "12.5 s from 00:00:20.000 to 00:00:41.000 of the recording, during the call." in found.text
    assert found.text.endswith("5.5 s of speech follow the call, which is usual.")


def test_speech_after_the_call_passes() -> None:
    """The after-call work isn't part of the call."""
    found = by_name(result(recording_spans=(AFTER,)))["unexplained_speech"]
    assert (found.value, found.status, found.at) == (0.0, "pass", None)
    assert found.text == (
        "No stretch of the recording's speech before or during the call is missing in the call audio. 5.5 s of speech "
        "follow the call, which is usual."
    )


@pytest.mark.parametrize(("reported_s", "value"), [(63.4, 0.0), (64.0, 5.5), (62.9, 0.0)])
def test_a_late_reported_end_makes_the_speech_before_it_unexplained(reported_s: float, value: float) -> None:
    """Connect's audio ended, and the conversation may have gone on to the reported end."""
    found = unexplained_speech_finding(result(recording_spans=(AFTER,)), CallEnd(reported_s, 1.0))
    assert found.value == value
    assert ("begun between the end of the call audio and the reported call end" in found.text) is (value > 0)


def test_many_stretches_are_cut_short() -> None:
    """The sentence names five, the value has all."""
    spans = tuple(RecordingSpan(10.0 + k, 10.5 + k, "during", 1.25) for k in range(7))
    found = by_name(result(recording_spans=spans))["unexplained_speech"]
    assert found.value == 8.75
    assert found.text.count("during the call") == 5
    assert "; and more." in found.text


def test_speech_outside_of_the_agents_part() -> None:
    """Speech before an agent joined counts; other work after the agent left is usual."""
    left = result(recording_spans=(DURING,), agent_part=Span(0.0, 10.0), spans=absent_from(10.0))
    found = by_name(left)["unexplained_speech"]
    assert (found.value, found.status) == (0.0, "pass")
    assert found.text.endswith("12.5 s of speech follow the agent's part of the call, which is usual.")
    joined = result(recording_spans=(DURING,), agent_part=Span(30.0, 60.0))
    found = by_name(joined)["unexplained_speech"]
    assert found.value == 12.5
    assert "before the agent's part of the call" in found.text
    during = result(recording_spans=(DURING,), agent_part=Span(0.0, 40.0), spans=absent_from(40.0))
    assert "during the agent's part of the call" in by_name(during)["unexplained_speech"].text
