"""Suspensions of a measured pair."""

from __future__ import annotations

import numpy as np
import pytest
from talkers import RATE
from two_voices import LEAD_S, conversation

from komorebi_qc.core.timebase import Span
from komorebi_qc.sync import measure
from komorebi_qc.sync.suspended import find_suspensions


def suspended(*spans: tuple[float, float], seconds: float = 60.0) -> np.ndarray:
    """A call with digital silence on both channels."""
    call = conversation(seconds).call()
    for from_s, to_s in spans:
        call[round(from_s * RATE) : round(to_s * RATE)] = 0
    return call


def test_a_suspended_pair_is_aligned_and_nothing_speaks_against_it() -> None:
    """The recording's speech during a suspension contradicts nothing, and isn't unexplained."""
    result = measure(suspended((20.0, 32.0)), conversation().recording, LEAD_S + 60.0)
    assert result.status == "aligned"
    assert [span.call for span in result.suspended] == [Span(20.0, 32.0)]
    assert [(s.state, round(s.from_s, 3), round(s.to_s, 3)) for s in result.spans] == [
        ("agrees", 0.0, 20.0),
        ("suspended", 20.0, 32.0),
        ("agrees", 32.0, 60.0),
    ]
    assert result.recording_spans == ()
    assert result.belongs is not None
    assert (result.belongs.answer, result.belongs.against_s) == ("yes", 0.0)


def test_the_speech_of_a_cut_stretch_stays_where_it_was() -> None:
    """The parts beside a suspension have all of the agreeing speech, and the suspension has no speech."""
    result = measure(suspended((20.0, 32.0)), conversation().recording)
    before, during, behind = result.spans
    assert during.speech_s == 0.0
    assert before.speech_s + behind.speech_s == pytest.approx(result.coverage * 48.0, rel=0.35)
    assert behind.speech_s > before.speech_s > 5.0


def test_a_silence_of_which_nobody_knows_the_reason_stays_unexplained() -> None:
    """Only the agent's channel is silent: the recording's speech is missing in the call."""
    made = conversation()
    call = made.call()
    call[20 * RATE : 32 * RATE, 1] = 0
    result = measure(call, made.recording)
    assert result.suspended == ()
    assert "suspended" not in {s.state for s in result.spans}
    assert sum(s.speech_s for s in result.recording_spans) > 2.0


def test_a_silent_recording_decides_by_the_edges() -> None:
    """Nothing is aligned, and the cut on both channels still is a suspension."""
    result = measure(suspended((20.0, 32.0)), np.zeros(70 * RATE, np.int16), 63.0)
    assert result.status == "insufficient"
    assert [span.call for span in result.suspended] == [Span(20.0, 32.0)]


def test_a_shorter_suspension_can_be_asked_for() -> None:
    """The shortest one is the caller's."""
    call = suspended((20.0, 21.5))
    recording = conversation().recording
    assert measure(call, recording).suspended == ()
    assert len(measure(call, recording, suspended_min_s=1.0).suspended) == 1


def test_a_recording_that_was_never_resumed_needs_both_voices() -> None:
    """The call's file is silent to its end, and the customer goes on in the recording."""
    made = conversation()
    call = suspended((45.0, 60.0))
    assert [p.call for p in find_suspensions(call, made.recording, made.at())] == [Span(45.0, 60.0)]
    assert find_suspensions(call, made.recording, None) == ()
    quiet = made.recording.copy()
    quiet[int((LEAD_S + 45.0) * RATE) :] //= 2000
    assert find_suspensions(call, quiet, made.at()) == ()
