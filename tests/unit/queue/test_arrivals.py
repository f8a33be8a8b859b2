"""Events as messages of the queue."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from arriving import PLACES, SWEEP, call_came, contact_ended, recording_came, screen

from komorebi_qc.core.errors import MessageError, MissingMediaError, NotThereYetError, StorageError
from komorebi_qc.core.timebase import CallEnd
from komorebi_qc.queue.arrivals import Arrivals, Taken
from komorebi_qc.queue.handler import handle_record
from komorebi_qc.storage.contact.dynamodb_join import Joined

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import timedelta

    from komorebi_qc.pipeline.options import Order
    from komorebi_qc.queue.dead_letter import DeadLetter
    from komorebi_qc.queue.report import Report


@dataclass
class Join:
    """A join in memory."""

    came: dict[str, dict[str, str]] = field(default_factory=dict)
    claimed: dict[str, str] = field(default_factory=dict)
    error: Exception | None = None

    def arrive(self, recording_id: str, half: str, event_id: str, call_began: str = "") -> Joined:  # noqa: ARG002
        """Note it."""
        if self.error is not None:
            raise self.error
        some = self.came.setdefault(recording_id, {})
        some.setdefault(half, event_id)
        missing = tuple(one for one in ("call", "recording") if one not in some)
        return Joined(missing, not missing and self.claim(recording_id, event_id))

    def claim(self, recording_id: str, event_id: str) -> bool:
        """Claim it."""
        return self.claimed.setdefault(recording_id, event_id) == event_id

    def incomplete(self, older_than: timedelta) -> Iterator[str]:
        """The recordings that nobody claimed."""
        assert older_than.days == 1
        yield from (name for name in self.came if name not in self.claimed)


@dataclass
class Items:
    """The table's call ends; empty for an item without one."""

    ends: dict[str, str] = field(default_factory=lambda: {"contact-1": "00:01:02", "contact-2": ""})

    def text(self, recording_id: str, attribute: str) -> str:
        """The call end, or the key."""
        found = {"callEndingTimestamp": self.ends.get(recording_id, "")}
        return {**found, "videoID": recording_id if recording_id in self.ends else ""}[attribute]


@dataclass
class Queues:
    """The queues, and the pipeline."""

    sent: list[str] = field(default_factory=list)
    orders: list[Order] = field(default_factory=list)
    letters: list[DeadLetter] = field(default_factory=list)
    error: Exception | None = None

    def send(self, body: str) -> str:
        """Send."""
        self.sent.append(body)
        return "id"

    def is_done(self, order: Order) -> bool:
        """Nothing is done before."""
        assert order.recording_id
        return False

    def process(self, order: Order, *, progress: Any) -> dict[str, Any]:
        """Note the order."""
        assert progress is not None
        if self.error is not None:
            raise self.error
        self.orders.append(order)
        return {"verdict": "pass"}

    def max_receive_count(self) -> int:
        """Ten."""
        return 10

    def change_visibility(self, receipt_handle: str, seconds: int) -> bool:
        """Any time."""
        return bool(receipt_handle) and seconds > 0

    def send_to_dlq(self, letter: DeadLetter) -> bool:
        """Keep it."""
        self.letters.append(letter)
        return True


@dataclass
class Desk:
    """All parts together."""

    join: Join = field(default_factory=Join)
    items: Items = field(default_factory=Items)
    queues: Queues = field(default_factory=Queues)

    @property
    def arrivals(self) -> Arrivals:
        """The parts as one."""
        return Arrivals(self.join, self.items, self.queues, PLACES)

    def handle(self, body: str, receive_count: int = 1) -> Report:
        """Handle a message."""
        attributes = {"ApproximateReceiveCount": str(receive_count)}
        record = {"messageId": "m", "receiptHandle": "r", "body": body, "attributes": attributes}
        return handle_record(record, self.queues, self.queues, remaining_s=lambda: 900.0, arrivals=self.arrivals)


def test_the_second_half_is_processed_at_once() -> None:
    """The order has the call end of the item; the first half and the contact's end are skipped."""
    desk = Desk()
    outcomes = [desk.handle(body).outcome for body in (contact_ended("contact-1"), recording_came("contact-1"))]
    assert outcomes == ["skipped", "skipped"]
    report = desk.handle(call_came("contact-1"))
    assert (report.outcome, report.recording_id) == ("done", "contact-1")
    (order,) = desk.queues.orders
    assert (order.recording_id, order.call_end) == ("contact-1", CallEnd(62.0, 1.0))


def test_the_log_says_what_is_waited_for() -> None:
    """A skipped half names the other one, and no agent."""
    report = Desk().handle(recording_came("contact-1"))
    assert report.fields()["waitsFor"] == "the call audio"
    assert "erika" not in json.dumps(report.fields())


def test_without_a_call_end_the_pipeline_finds_it() -> None:
    """The order has no call end: it is the record's, or measured."""
    desk = Desk()
    desk.handle(call_came("contact-2"))
    assert desk.handle(recording_came("contact-2")).outcome == "done"
    (order,) = desk.queues.orders
    assert (order.recording_id, order.call_end) == ("contact-2", None)


def test_a_call_end_that_comes_meanwhile_is_used() -> None:
    """If the audio isn't certain, the message returns, and takes the end that the backend wrote."""
    desk = Desk()
    desk.queues.error = NotThereYetError("it isn't certain")
    desk.handle(call_came("contact-2"))
    report = desk.handle(recording_came("contact-2"))
    assert (report.outcome, report.error, report.is_batch_item_failure) == ("passing", "NotThereYetError", True)
    desk.queues.error = None
    desk.items.ends["contact-2"] = "00:01:02"
    assert desk.handle(recording_came("contact-2")).outcome == "done"
    assert desk.queues.orders[0].call_end == CallEnd(62.0, 1.0)


def test_without_an_item_the_message_waits() -> None:
    """The backend may write the item after both files have come."""
    desk = Desk(items=Items({}))
    desk.handle(call_came("contact-1"))
    report = desk.handle(recording_came("contact-1"))
    assert (report.outcome, report.error, report.recording_id) == ("passing", NotThereYetError.__name__, "contact-1")
    assert desk.queues.orders == []
    desk.items.ends["contact-1"] = "00:01:02"
    assert desk.handle(recording_came("contact-1")).outcome == "done"


def test_a_failed_screen_recording_waits_for_the_browsers() -> None:
    """The browser's recording is taken once, before or after that event."""
    desk = Desk()
    report = desk.handle(screen("contact-1", "FAILED"))
    assert (report.outcome, report.error) == ("passing", NotThereYetError.__name__)
    desk.handle(call_came("contact-1"))
    assert desk.handle(recording_came("contact-1")).outcome == "done"
    assert desk.handle(screen("contact-1", "FAILED")).fields()["doneBy"] == "another event"
    assert len(desk.queues.orders) == 1


def test_a_failed_screen_recording_without_another_one_is_reported() -> None:
    """The last attempt is a dead letter, which names the recording and holds no event."""
    desk = Desk()
    report = desk.handle(screen("contact-1", "FAILED"), receive_count=10)
    assert (report.outcome, report.is_dead_lettered) == ("passing", True)
    (letter,) = desk.queues.letters
    assert (letter.recording_id, json.loads(letter.body)) == ("contact-1", {"recordingID": "contact-1"})
    assert "failed, says Amazon Connect" in letter.reason


def test_a_dead_letter_of_a_processed_event_can_be_sent_again() -> None:
    """It has the backend's message in place of the event, whose key names the agent."""
    desk = Desk()
    desk.queues.error = MissingMediaError("it isn't there")
    desk.handle(call_came("contact-1"))
    desk.handle(recording_came("contact-1"))
    (letter,) = desk.queues.letters
    assert json.loads(letter.body) == {"recordingID": "contact-1", "callEndingTimestamp": "00:01:02"}
    assert "erika" not in letter.body


def test_a_sweep_sends_a_message_for_each_lost_recording_once() -> None:
    """The message is processed, with or without a call end."""
    desk = Desk()
    desk.handle(call_came("contact-1"))
    desk.handle(contact_ended("contact-2"))
    assert desk.handle(SWEEP).fields()["swept"] == 2
    assert desk.handle(SWEEP).fields()["swept"] == 0
    first, second = (desk.handle(body) for body in desk.queues.sent)
    assert (first.outcome, first.recording_id) == ("done", "contact-1")
    assert (second.outcome, second.recording_id) == ("done", "contact-2")
    assert [order.call_end for order in desk.queues.orders] == [CallEnd(62.0, 1.0), None]


def test_a_dead_letter_without_a_call_end_can_be_sent_again() -> None:
    """With events, a message needs the recording's ID only; its call end is looked up again."""
    desk = Desk()
    assert desk.handle('{"recordingID": "contact-1", "force": true}').outcome == "done"
    assert desk.handle('{"recordingID": "contact-2"}').outcome == "done"
    assert [order.call_end for order in desk.queues.orders] == [CallEnd(62.0, 1.0), None]
    assert Taken.of('{"recordingID": "contact-2"}').error is not None
    assert desk.handle('{"recordingID": "contact-2", "callEndingTimestamp": ""}').error == MessageError.__name__


def test_the_backends_message_is_handled_as_before() -> None:
    """It needs no half and no join."""
    desk = Desk()
    body = json.dumps({"recordingID": "contact-1", "callEndingTimestamp": "00:00:30"})
    assert desk.handle(body).outcome == "done"
    assert desk.join.came == {}
    assert desk.handle("nonsense").error == MessageError.__name__


def test_an_event_without_a_join_is_no_message() -> None:
    """If events aren't taken, one of them is an unreadable message."""
    taken = Taken.of(call_came("contact-1"))
    assert isinstance(taken.error, MessageError)


def test_a_join_that_does_not_answer_is_tried_again() -> None:
    """The event stays in the queue."""
    desk = Desk(join=Join(error=StorageError("no answer")))
    report = desk.handle(call_came("contact-1"))
    assert (report.outcome, report.is_batch_item_failure) == ("passing", True)


@pytest.mark.parametrize("body", [contact_ended("contact-1", channel="CHAT"), screen("contact-1", "INITIATED")])
def test_other_events_are_skipped(body: str) -> None:
    """They are deleted from the queue, and the log has the reason."""
    report = Desk().handle(body)
    assert (report.outcome, report.recording_id) == ("skipped", None)
    assert report.fields()["ignored"]
