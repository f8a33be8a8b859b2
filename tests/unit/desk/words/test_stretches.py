"""The stretches of both files, in words."""

from __future__ import annotations

from dataclasses import replace

from sync_results import CALL_S, empty_result, part_result, suspended_result

from komorebi_qc.core.timebase import Alignment
from komorebi_qc.desk.words.stretches import (
    call_span_row,
    is_at_place,
    recording_span_row,
    shown_spans,
    stretches_sentence,
)
from komorebi_qc.sync import CallSpan

AT = Alignment(2.0)


def test_the_totals_are_a_sentence() -> None:
    """Each state with its seconds, and the recording's own speech."""
    assert stretches_sentence(part_result(), AT, CALL_S) == (
        "Of 45.0 s of speech in the call, 31.0 s agree and 14.0 s are without the agent. "
        "The recording has 5.0 s of speech that the call audio doesn't have."
    )


def test_a_comparison_at_another_place_is_named() -> None:
    """Stretches that were found at another place aren't at the times of the place in use."""
    assert is_at_place(part_result(), AT, CALL_S)
    assert not is_at_place(part_result(), Alignment(2.1), CALL_S)
    words = stretches_sentence(part_result(), Alignment(5.0), CALL_S)
    assert words.endswith("This holds with the call's start at 00:00:02.000 of the recording, where most of it agrees.")


def test_without_a_comparison_nothing_is_stated() -> None:
    """Neither a total nor a zero."""
    assert stretches_sentence(None, AT, CALL_S) == "The stretches of the call were not measured."
    words = stretches_sentence(empty_result(), AT, CALL_S)
    assert words == "Nothing agrees, so the stretches of the call were not measured."


def test_only_an_aligned_pair_shows_an_absent_agent() -> None:
    """For another pair, other speech in the recording contradicts."""
    span = CallSpan(10.0, 20.0, "absent", 8.0, has_other_speech=True)
    other = replace(span, has_other_speech=False)
    result = replace(part_result(), spans=(span, other))
    assert [one.state for one in shown_spans(result)] == ["absent", "absent"]
    assert [one.state for one in shown_spans(replace(result, status="wrong_pair"))] == ["contradicts", "silent"]


def test_a_row_has_clock_meaning_and_speech() -> None:
    """Call and recording have a clock each."""
    assert call_span_row(part_result().spans[1]) == (
        "call, 00:00:40.000 to 00:01:00.000",
        "absent: the agent isn't part of the call",
        "14.0 s",
    )
    span, meaning, speech = recording_span_row(part_result().recording_spans[0])
    assert span == "recording, 00:01:04.000 to 00:01:10.000"
    assert meaning.startswith("only in the recording, after the call: ")
    assert speech == "5.0 s"


def test_a_suspension_is_named_with_its_length() -> None:
    """It has no speech to count."""
    assert stretches_sentence(suspended_result(), AT, CALL_S) == (
        "Of 36.0 s of speech in the call, 36.0 s agree. Recording was suspended in Connect for 12.0 s."
    )
    assert call_span_row(suspended_result().spans[1])[1] == "suspended: recording was suspended in Connect"
