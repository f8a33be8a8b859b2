"""Whose voice it is in the recording."""

from __future__ import annotations

import numpy as np
from talkers import RATE, talk
from two_voices import LEAD_S, conversation

from komorebi_qc.core.timebase import Alignment, Span
from komorebi_qc.sync.evidence.voices import has_customer, learn, on_call_clock, speaking_frames
from komorebi_qc.sync.vad import FRAME_S, of_call


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


def test_frames_become_spans_of_the_call() -> None:
    """On the call clock, by the alignment."""
    frames = np.zeros(200, bool)
    frames[50:75] = True
    assert on_call_clock(frames, Alignment(1.0), 10.0) == (Span(50 * FRAME_S - 1.0, 75 * FRAME_S - 1.0),)
