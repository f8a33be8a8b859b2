"""Results without an alignment: every number is undetermined, and the reported call end comes back."""

from __future__ import annotations

import numpy as np
import pytest
from talkers import RATE, place, talk

from komorebi_qc.sync import FoundJump, measure

CALL = talk(37, 60)
OTHER = place(talk(38, 60), 1.0)
SILENCE = np.zeros(70 * RATE, np.int16)


@pytest.mark.parametrize(
    ("call", "recording"),
    [(CALL[: RATE // 4], OTHER), (CALL, OTHER[: RATE // 4]), (np.zeros_like(CALL), OTHER), (CALL, SILENCE)],
    ids=["short call", "short recording", "silent call", "silent recording"],
)
def test_too_little_audio_has_no_numbers(call: np.ndarray, recording: np.ndarray) -> None:
    """Nothing is measured and nothing is counted as agreement."""
    result = measure(call, recording, 42.5)
    assert (result.status, result.sides) == ("insufficient", "none")
    assert result.reported_call_end_s == 42.5
    assert (result.offset_s, result.offset_ci_s, result.drift_ppm, result.drift_ci_ppm) == (None,) * 4
    assert (result.lag_agent_s, result.lag_customer_s, result.measured_call_end_s) == (None,) * 3
    assert (result.jumps, result.customer_steps, result.windows, result.unmatched) == ((),) * 4
    assert (result.coverage, result.alternative_offsets, result.agent_shift_s) == (0.0, (), 0.0)
    assert result.evidence is None or result.evidence.agent.agreed_s + result.evidence.customer.agreed_s == 0
    assert result.alignment is None


@pytest.mark.parametrize(
    ("reported_s", "said"), [(-1.0, "before the recording"), (0.0, "before the recording"), (3.0, "3.0 s into")]
)
def test_a_call_that_ended_at_the_recordings_start(reported_s: float, said: str) -> None:
    """By the reported end hardly any of the call is recorded: the reason has its place, the evidence no agreement."""
    result = measure(CALL, OTHER, reported_s)
    assert (result.status, result.sides) == ("insufficient", "none")
    assert result.reported_call_end_s == reported_s
    assert said in result.reason
    assert result.evidence is not None
    for channel in (result.evidence.customer, result.evidence.agent):
        assert channel.active_s > 10
        assert channel.turns > 5
        assert (channel.agreed_s, channel.distinct_s, channel.agreed_turns, channel.distinct_turns) == (0, 0, 0, 0)
        assert (channel.span_support, channel.is_present) == (0.0, False)
    assert result.evidence.recording_active_s > 10
    assert (result.evidence.explained, result.evidence.contradicted) == (0.0, 0.0)
    assert result.evidence.alternative_offsets == 0


def test_a_word_that_the_recording_lacks_speaks_against_the_pair() -> None:
    """A microphone that works records the call's words. Two seconds of them are enough to miss them."""
    few_words = np.zeros((8 * RATE, 2), np.int16)
    first = int(np.argmax(np.abs(CALL[:, 1]) > 500))
    few_words[3 * RATE : 5 * RATE, 1] = CALL[first : first + 2 * RATE, 1]
    missing = measure(few_words, OTHER, 30.0)
    assert missing.status != "aligned"
    assert missing.belongs is not None
    assert missing.belongs.speaks_against
    muted = np.where(np.arange(len(OTHER)) < 0, OTHER, 0).astype(np.int16)
    silent = measure(few_words, muted, 30.0)
    assert silent.belongs is None or not silent.belongs.speaks_against


def test_a_jump_is_of_both_channels_by_default() -> None:
    """Neither flag is set unless a channel shows the jump alone."""
    jump = FoundJump(1.0, 0.1, (0.1, 0.1), (0.5, 1.5))
    assert (jump.agent_only, jump.customer_evidence_only) == (False, False)
