"""The cells of the notebook about dead letters, on the embedded AWS with sample letters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from komorebi_qc.core.errors import InputError
from komorebi_qc.desk.notebooks import dead_letters

if TYPE_CHECKING:
    from komorebi_qc.desk.notebooks.dead_letters import DeadLetterReview


@pytest.fixture(scope="module")
def letters() -> DeadLetterReview:
    """The sample letters."""
    return dead_letters.open_dead_letters()


def test_causes_are_grouped(letters: DeadLetterReview) -> None:
    """Reasons that differ only in IDs and numbers are one cause."""
    assert "7 messages are in the dead-letter queue" in dead_letters.overview(letters).text
    causes = dead_letters.causes(letters).text
    assert "MissingMediaError: 2 dead letters, retrying won't help" in causes
    assert causes.count("isn't there") == 1
    assert "7 message bodies" in dead_letters.bodies(letters).text


def test_held_recordings_are_apart(letters: DeadLetterReview) -> None:
    """They come last, with their candidates and the command that publishes one; a redrive of all leaves them out."""
    causes = dead_letters.causes(letters).text
    heading = "Held: 1 dead letter, an operator has to decide"
    assert heading in causes
    assert causes.index(heading) > causes.index("StorageError")
    assert "-9.250 s, 98%; -1.290 s, 2%" in causes
    assert "komorebi-qc dlq release RECORDING_ID" in causes
    (held,) = letters.found.held
    assert held.recording_id not in dead_letters.redrive_plan(letters).text
    assert "is held again" in dead_letters.redrive_plan(letters, only=held.recording_id).text


def test_a_plan_sends_nothing(letters: DeadLetterReview) -> None:
    """The expected result of each letter, by its kind and the state of its item."""
    plan = dead_letters.redrive_plan(letters).text
    assert "would send 6 messages" in plan
    assert "processed since" in plan
    assert "the table has no usable item" in plan
    assert "would send 1 message to" in dead_letters.redrive_plan(letters, only=first_id(letters)).text
    assert dead_letters.redrive_plan(letters, only=12345).text == "There is nothing to send again."
    assert "Nothing was sent" in dead_letters.redrive(letters).text
    assert letters.dead_letter_queue.counts().visible == 7


def test_a_redrive_moves_the_chosen_letters() -> None:
    """The chosen letter, then all others; a misspelt switch is refused."""
    letters = dead_letters.open_dead_letters()
    assert letters.queue is not None
    with pytest.raises(InputError, match="must be True or False"):
        dead_letters.redrive(letters, really="yes")  # type: ignore[arg-type]
    sent = dead_letters.redrive(letters, really=True, only=f"{first_id(letters)}, nobody").text
    assert "Sent again: 1 message" in sent
    assert "no dead letter for nobody" in sent
    assert (letters.dead_letter_queue.counts().visible, letters.queue.counts().visible) == (6, 1)
    assert "1 held recording stays" in dead_letters.redrive(letters, really=True).text
    assert (letters.dead_letter_queue.counts().visible, letters.queue.counts().visible) == (1, 6)


def first_id(letters: DeadLetterReview) -> str:
    """The recording ID of the oldest letter."""
    return letters.found.letters[0].recording_id


@pytest.mark.parametrize("queue", ["dead", "", 3])
def test_an_unknown_queue_is_refused(queue: Any) -> None:
    """Neither a word nor an address."""
    with pytest.raises(InputError, match="the address of a dead-letter queue"):
        dead_letters.open_dead_letters(queue)
