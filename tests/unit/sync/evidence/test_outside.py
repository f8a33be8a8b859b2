"""The same conversation before and after the call audio, and talk that only looks like it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from talkers import RATE
from two_voices import LEAD_S, conversation

from komorebi_qc.sync import measure

if TYPE_CHECKING:
    from komorebi_qc.sync import SyncResult


def measured(call: np.ndarray, recording: np.ndarray, reported_s: float | None = None) -> SyncResult:
    """The measurement of an aligned pair."""
    result = measure(call, recording, reported_s)
    assert result.status == "aligned"
    return result


def test_connect_stopped_within_the_conversation() -> None:
    """The talk after the call audio is found, with the customer's part of it."""
    made = conversation(90.0)
    (found,) = measured(made.call(0.0, 60.0), made.recording).outside
    assert found.part == "after"
    assert found.from_s == pytest.approx(LEAD_S + 60.0, abs=1.0)
    assert found.to_s == pytest.approx(LEAD_S + 87.0, abs=2.0)
    assert found.customer_s is not None
    assert 5.0 < found.customer_s < found.speech_s - 5.0


def test_connect_began_within_the_conversation() -> None:
    """So is the talk before it."""
    made = conversation(90.0)
    (found,) = measured(made.call(25.0), made.recording).outside
    assert found.part == "before"
    assert found.from_s == pytest.approx(LEAD_S + 0.2, abs=0.3)
    assert found.to_s == pytest.approx(LEAD_S + 25.0, abs=1.0)


@pytest.mark.parametrize("began_s", [17.0, 20.0])
def test_a_short_rest_of_the_call_has_its_conversation_before_it(began_s: float) -> None:
    """The rest is too short to learn both voices from. Talk after such a call may be the agent's own."""
    made = conversation(28.0, after_s=12.0)
    (found,) = measured(made.call(began_s), made.recording).outside
    assert (found.part, found.customer_s) == ("before", None)
    assert found.from_s == pytest.approx(LEAD_S + 0.2, abs=0.3)
    assert found.to_s == pytest.approx(LEAD_S + began_s, abs=2.5)


def test_an_agent_who_speaks_after_the_call_is_no_conversation() -> None:
    """The after-call work, with a dictation that begins half a second after the call."""
    made = conversation(60.0, after_s=20.0)
    assert measured(made.call(), made.recording, LEAD_S + 60.0).outside == ()


def test_another_call_after_a_pause_is_another_conversation() -> None:
    """Both voices speak again after eight seconds."""
    made, other = conversation(60.0), conversation(30.0, 9)
    pause = np.random.default_rng(2).integers(-30, 30, 8 * RATE).astype(np.int16)
    recording = np.concatenate([made.recording, pause, other.recording[int(LEAD_S * RATE) :]])
    assert measured(made.call(), recording).outside == ()


@pytest.mark.parametrize(("reported_s", "parts"), [(LEAD_S + 88.0, ["after"]), (LEAD_S + 60.0, []), (None, [])])
def test_without_the_customers_voice_the_reported_end_counts(reported_s: float | None, parts: list[str]) -> None:
    """A recording of the agent alone: the talk up to a reported end that is much later belongs to the call."""
    made = conversation(90.0, customer=False)
    found = measured(made.call(0.0, 60.0), made.recording, reported_s).outside
    assert [span.part for span in found] == parts
    assert all(span.customer_s is None for span in found)


def test_a_call_that_is_complete_has_nothing_outside() -> None:
    """The recording is quiet before it and after it."""
    made = conversation(60.0)
    assert measured(made.call(), made.recording).outside == ()
