"""A wrong transcript is refused with the reason, and a right one passes with its exactness."""

from __future__ import annotations

import pytest
from transcripts import transcript_of

from komorebi_qc.core.limits import DEFAULT
from komorebi_qc.findings.words.transcript import ComparedTranscript, is_believed, transcript_dict, transcript_findings
from komorebi_qc.measure.transcript_timing import TranscriptTiming
from komorebi_qc.transcript.placed import PlacedTranscript

SAID = [("agent", 1.0, 2.0), ("customer", 3.0, 4.0)]


def compared(
    *,
    shift_s: float = 0.0,
    best: float = 0.9,
    zero: float | None = None,
    swapped: float | None = -0.5,
    errors: tuple[float, ...] = (0.02, -0.04, 0.06, 0.3),
    turns: int = 20,
    covered: float = 0.97,
    speech_s: float = 60.0,
    beyond: int = 0,
) -> ComparedTranscript:
    """A comparison."""
    own = best if zero is None else zero
    timing = TranscriptTiming(shift_s, own, best, swapped, errors, turns, covered, speech_s, beyond)
    return ComparedTranscript(transcript_of(SAID), timing)  # type: ignore[arg-type]


def test_a_right_transcript_passes_and_is_believed() -> None:
    """With the median and the 95th percentile of its start errors."""
    found = compared()
    assert [(one.name, one.status) for one in transcript_findings(found)] == [
        ("transcript_foreign", "pass"),
        ("transcript_coverage", "pass"),
        ("transcript_offset", "pass"),
    ]
    assert transcript_findings(found)[2].value == pytest.approx(0.05)
    assert is_believed(found)


@pytest.mark.parametrize(
    ("beyond", "text"),
    [(0, ""), (1, " 1 turn begins after the end of the call, and is left out."), (2, " 2 turns begin after ")],
)
def test_turns_after_the_end_of_the_call_are_counted_in_a_sentence(beyond: int, text: str) -> None:
    """They don't refuse the rest of it."""
    found = compared(beyond=beyond)
    assert is_believed(found)
    assert f"has words in the transcript.{text}" in transcript_findings(found)[1].text


@pytest.mark.parametrize(
    ("wrong", "name", "reason"),
    [
        (compared(best=0.2), "transcript_foreign", "correlate by 0.20 at best"),
        (compared(best=0.2, swapped=0.9), "transcript_foreign", "its speakers are exchanged"),
        (compared(best=0.6, zero=-0.5, swapped=0.9), "transcript_foreign", "its speakers are exchanged"),
        (compared(covered=0.5), "transcript_coverage", "50% of the call's speech has words"),
        (compared(shift_s=3.0, errors=(3.0, 3.0, 3.1)), "transcript_offset", "all of it is 3.00 s late"),
        (compared(errors=(0.3, -0.3, 0.4)), "transcript_offset", "begin 0.30 s from their speech"),
        (compared(errors=(0.0,)), "transcript_offset", "speech begins near 1 turn"),
        (compared(speech_s=1.0), "transcript_foreign", "1.0 s of speech"),
        (compared(turns=2), "transcript_foreign", "2 turns"),
    ],
)
def test_a_wrong_transcript_warns_with_the_reason_and_the_remedy(
    wrong: ComparedTranscript, name: str, reason: str
) -> None:
    """Its file is named, and it isn't used."""
    (found,) = (one for one in transcript_findings(wrong) if one.status != "pass")
    assert (found.name, found.status) == (name, "warn")
    assert reason in found.text
    assert found.text.startswith("words.json ")
    assert "It isn't used." in found.text
    assert not is_believed(wrong)


def test_a_limit_that_is_switched_off_lets_a_transcript_pass() -> None:
    """A person decides."""
    limits = DEFAULT.changed_by("transcript_offset=off")
    assert is_believed(compared(errors=(0.3, 0.3, 0.4)), limits)
    assert is_believed(compared(errors=(0.0,)), limits)


def test_the_document_holds_the_comparison_and_no_words() -> None:
    """Words are in the captions alone."""
    found = transcript_dict(compared(), PlacedTranscript((), "en-US", "contact_lens", 1), DEFAULT)
    assert found is not None
    assert (found["is_used"], found["turns"], found["turns_left_out"]) == (True, 2, 1)
    assert "some words" not in str(found)
    assert transcript_dict(None, None, DEFAULT) is None
