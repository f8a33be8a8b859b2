"""A transcript is compared with the speech of each channel: its zero, its speakers, and its completeness show."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from transcripts import call_of, conversation, transcript_of

from komorebi_qc.core.timebase import Span
from komorebi_qc.measure.transcript_timing import compare_with_speech

CALL_S = 120.0
SAID = conversation(3, CALL_S)
CALL = call_of(SAID, CALL_S)


def test_the_right_transcript_correlates_and_its_starts_are_exact() -> None:
    """Frames have 40 ms."""
    found = compare_with_speech(transcript_of(SAID), CALL)
    assert (found.shift_s, found.turns) == (0.0, len(SAID))
    assert found.correlation > 0.85
    assert found.covered > 0.95
    median_s = found.start_error_s(50)
    assert median_s is not None
    assert median_s < 0.06


@pytest.mark.parametrize("shift_s", [3.0, -2.0, 0.6])
def test_another_zero_is_measured(shift_s: float) -> None:
    """Late is positive."""
    late = [one for one in SAID if one[1] + shift_s > 0.5]
    found = compare_with_speech(transcript_of(late, shift_s=shift_s), CALL)
    median_s = found.start_error_s(50)
    assert found.shift_s == pytest.approx(shift_s, abs=0.05)
    assert median_s is not None
    assert median_s == pytest.approx(abs(shift_s), abs=0.08)


def test_exchanged_speakers_correlate_when_they_are_exchanged_again() -> None:
    """The other channel order."""
    other = [("agent" if who == "customer" else "customer", a, b) for who, a, b in SAID]
    found = compare_with_speech(transcript_of(other), CALL)  # type: ignore[arg-type]
    assert found.correlation < 0.0
    assert found.swapped_correlation is not None
    assert found.swapped_correlation > max(0.85, found.best_correlation + 0.2)


def test_half_of_it_leaves_half_of_the_speech_without_words() -> None:
    """The first half."""
    found = compare_with_speech(transcript_of(SAID[: len(SAID) // 2]), CALL)
    assert found.covered == pytest.approx(0.5, abs=0.1)


def test_turns_after_the_end_of_the_call_are_counted() -> None:
    """Times are rounded, so one that begins just there isn't."""
    more = [*SAID, ("agent", CALL_S + 0.5, CALL_S + 1.0), ("agent", CALL_S + 900.0, CALL_S + 905.0)]
    assert compare_with_speech(transcript_of(SAID), CALL).beyond == 0
    assert compare_with_speech(transcript_of(more), CALL).beyond == 1


def test_another_call_correlates_with_nothing() -> None:
    """At no shift."""
    assert compare_with_speech(transcript_of(conversation(4, CALL_S)), CALL).best_correlation < 0.4


def test_unknown_speakers_are_compared_with_both_channels() -> None:
    """Most files don't name a speaker."""
    said = transcript_of(SAID)
    unknown = replace(said, turns=tuple(replace(turn, speaker="unknown") for turn in said.turns))
    found = compare_with_speech(unknown, CALL)
    assert found.correlation > 0.6
    assert found.swapped_correlation is None


def test_music_on_hold_needs_no_words() -> None:
    """It isn't speech."""
    call = CALL.copy()
    tone = 6000 * np.sin(2 * np.pi * 440 * np.arange(30 * 8000) / 8000)
    call[: 30 * 8000, 0] = tone.astype(np.int16)
    said = [one for one in SAID if one[1] > 30]
    music = Span(0.0, 30.0)
    without = compare_with_speech(transcript_of(said), call).covered
    assert compare_with_speech(transcript_of(said), call, music=([music], [music])).covered > without


def test_a_silent_call_and_turns_beyond_its_end_are_no_error() -> None:
    """There is nothing to compare."""
    silent = np.zeros((8000, 2), np.int16)
    found = compare_with_speech(transcript_of([("agent", 500.0, 501.0)]), silent)
    assert (found.speech_s, found.start_errors_s, found.covered) == (0.0, (), 0.0)
