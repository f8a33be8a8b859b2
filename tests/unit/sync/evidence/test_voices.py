"""Whose voice it is in the recording."""

from __future__ import annotations

import numpy as np
import pytest
from talkers import RATE, talk
from two_voices import LEAD_S, conversation

from komorebi_qc.core.timebase import Alignment, Span
from komorebi_qc.sync.evidence.spans import speech_frames
from komorebi_qc.sync.evidence.voices import has_customer, learn, on_call_clock, speaking_frames
from komorebi_qc.sync.vad import FRAME, FRAME_S, of_call, of_recording


def shares(call: np.ndarray, recording: np.ndarray, alignment: Alignment) -> list[float]:
    """The share of each voice's frames that are given to the customer: of the customer, and of the agent."""
    speaking = speaking_frames(recording)
    voices = learn(call, recording, alignment, speaking, 30.0)
    assert voices is not None
    customer = voices.customer_frames(recording, speaking)
    found = []
    for activity in of_call(conversation().call()):
        frames = np.flatnonzero(activity.active) + round(LEAD_S / FRAME_S)
        frames = frames[speaking[frames]]
        found.append(float(np.mean(customer[frames])))
    return found


def test_two_voices_are_told_apart() -> None:
    """Nearly every frame is given to its speaker."""
    made = conversation()
    of_customer, of_agent = shares(made.call(), made.recording, made.at())
    assert of_customer > 0.95
    assert of_agent < 0.05


def test_a_dead_channel_has_a_voice_in_the_recording() -> None:
    """Connect has nothing of the customer: the speech that the recording has besides the agent's is the customer's."""
    made = conversation()
    call = made.call()
    call[:, 0] = 0
    of_customer, of_agent = shares(call, made.recording, made.at())
    assert of_customer > 0.9
    assert of_agent < 0.1


def test_voices_that_sound_alike_are_not_guessed() -> None:
    """Noise of one band on both sides: no answer instead of a wrong one."""
    call = talk(3, 60.0)
    recording = np.concatenate([np.zeros(2 * RATE, np.int16), (call[:, 0] // 2 + call[:, 1] // 2)])
    recording = recording + np.random.default_rng(1).integers(-20, 20, len(recording)).astype(np.int16)
    assert learn(call, recording, Alignment(2.0), speaking_frames(recording), 30.0) is None


def test_a_recording_without_the_customer_teaches_nothing() -> None:
    """A headset keeps the customer out of it."""
    made = conversation(customer=False)
    assert learn(made.call(), made.recording, made.at(), speaking_frames(made.recording), 30.0) is None


def test_few_words_of_each_voice_teach_enough() -> None:
    """Some seconds of a short call, wherever they are: the words of both folds weigh the same."""
    made = conversation()
    call = made.call()
    call[round(16.0 * RATE) :] = 0
    assert learn(call, made.recording, made.at(), speaking_frames(made.recording), 30.0) is not None


def test_a_headset_keeps_the_customer_out() -> None:
    """The recording has speech in the agent's turns only. A call without a customer shows nothing."""
    both, alone = conversation(), conversation(customer=False)
    assert has_customer(both.call(), both.at(), speaking_frames(both.recording))
    assert not has_customer(alone.call(), alone.at(), speaking_frames(alone.recording))
    silent = alone.call()
    silent[:, 0] = 0
    assert has_customer(silent, alone.at(), speaking_frames(alone.recording))


def test_noise_between_words_is_no_speech() -> None:
    """If noise is near the speech, all of it is above the threshold of speech. A second of noise alone is nobody's."""
    made = conversation()
    noise = np.random.default_rng(3).normal(0, 450, len(made.recording))
    quiet = slice(round((LEAD_S - 2.6) * RATE), round((LEAD_S - 0.2) * RATE))
    noisy = np.clip(made.recording + noise, -32768, 32767).astype(np.int16)
    assert speech_frames(of_recording(noisy).level_db)[quiet.start // FRAME : quiet.stop // FRAME].mean() > 0.9
    speaking = speaking_frames(noisy)
    assert speaking[quiet.start // FRAME : quiet.stop // FRAME].mean() < 0.1
    for activity in of_call(made.call()):
        assert speaking[np.flatnonzero(activity.active) + round(LEAD_S / FRAME_S)].mean() > 0.9


def test_a_word_must_be_as_clear_as_is_asked_for() -> None:
    """Nearly all of the customer's words are nearer to the voice's mean than to the other voice; a mixture isn't."""
    made = conversation()
    speaking = speaking_frames(made.recording)
    voices = learn(made.call(), made.recording, made.at(), speaking, 30.0)
    assert voices is not None
    shares = [float(voices.customer_frames(made.recording, speaking, least=least).mean()) for least in (0.0, 0.5, 3.0)]
    assert shares[1] == pytest.approx(shares[0], rel=0.1)
    assert shares[2] == 0.0
    customer, agent = (made.voices[:, side].astype(np.float64) for side in (0, 1))
    mixed = np.concatenate([np.zeros(round(LEAD_S * RATE)), 0.7 * customer + np.roll(agent, RATE)]).astype(np.int16)
    between = [float(voices.customer_frames(mixed, speaking, least=least).mean()) for least in (0.0, 0.5)]
    assert between[1] < between[0]


def test_frames_become_spans_of_the_call() -> None:
    """On the call clock, by the alignment."""
    frames = np.zeros(200, bool)
    frames[50:75] = True
    assert on_call_clock(frames, Alignment(1.0), 10.0) == (Span(50 * FRAME_S - 1.0, 75 * FRAME_S - 1.0),)
