"""Events as messages: a recording is processed when its second half has come, by the event that completes it.

The call's end comes from the recording's item. Until the item has one, the message of the completing event waits as one
whose media are missing. A sweep finds recordings that never complete, and sends a message for each of them: a file
that came without its event is processed, and a file that never came ends in the dead-letter queue with the reason.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol

from komorebi_qc.core.contact.events import Ignored, Sweep, Swept, read_event, swept_body
from komorebi_qc.core.errors import KomorebiError, MissingMediaError, NotThereYetError
from komorebi_qc.core.recording import CALL_END_ATTRIBUTE, Message, message_body

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from komorebi_qc.core.contact.events import Arrival, Half, Places
    from komorebi_qc.storage.contact.dynamodb_join import Joined

SWEPT_AFTER = timedelta(hours=24)
"""A half may come half a day late."""
_NAMES = {"call": "the call audio", "recording": "the agent recording"}


class Join(Protocol):
    """`komorebi_qc.storage.contact.dynamodb_join.DynamoJoin`."""

    def arrive(self, recording_id: str, half: Half, event_id: str) -> Joined:
        """Note an arrival."""
        ...

    def claim(self, recording_id: str, event_id: str) -> bool:
        """Claim a recording."""
        ...

    def incomplete(self, older_than: timedelta) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Recordings that never completed."""
        ...


class Items(Protocol):
    """The table of recordings, as far as it is needed here (`komorebi_qc.storage.dynamodb.DynamoTable`)."""

    def text(self, recording_id: str, attribute: str) -> str:
        """One attribute of an item."""
        ...


class Sender(Protocol):
    """The queue of messages (`komorebi_qc.queue.sqs.Queue`)."""

    def send(self, body: str) -> str:
        """Send a message."""
        ...


@dataclass(frozen=True, slots=True)
class Taken:
    """The use of a message's body.

    Attributes:
        body: the backend's message, or as much of it as is known of an event. A dead letter has no event: its keys name
            agents.
        recording_id: the recording; None if it isn't known.
        is_ready: whether the message is to be processed now.
        facts: for the log, if it isn't.
        error: the reason why the event can't be used now, or never.
    """

    body: str
    recording_id: str | None = None
    is_ready: bool = False
    facts: Mapping[str, Any] = field(default_factory=dict)
    error: KomorebiError | None = None

    @classmethod
    def of(cls, body: str) -> Taken:
        """The use of a message that is no event."""
        try:
            return cls(body, Message.from_body(body).recording_id, is_ready=True)
        except KomorebiError as error:
            return cls(body, error=error)


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Turns events into messages.

    Attributes:
        join: the halves that have come.
        items: the table, for the call's end.
        queue: gets the messages of a sweep.
        places: the buckets of the halves.
    """

    join: Join
    items: Items
    queue: Sender
    places: Places

    def take(self, body: str) -> Taken:
        """The use of an event, or of a message of another kind. Errors are in the result."""
        recording_id = None
        bare = "{}"
        try:
            event = read_event(body, self.places)
            if event is None:
                return Taken.of(body)
            if isinstance(event, Ignored):
                return Taken(bare, facts={"ignored": event.why})
            if isinstance(event, Sweep):
                return Taken(bare, facts={"swept": self.sweep()})
            recording_id = event.recording_id
            bare = json.dumps({"recordingID": recording_id})
            if isinstance(event, Swept):
                return Taken(self._swept(event), recording_id, is_ready=True)
            return self._arrived(event, bare)
        except KomorebiError as error:
            return Taken(bare, recording_id, error=error)

    def _arrived(self, event: Arrival, bare: str) -> Taken:
        name = event.recording_id
        if event.has_failed:
            raise MissingMediaError(
                f"the screen recording of contact {name} failed, says Amazon Connect: there is no agent recording. "
                "Look for the cause in the event's failureInfo"
            )
        joined = self.join.arrive(name, event.half, event.event_id)
        if joined.missing:
            return Taken(bare, name, facts={"waitsFor": _named(joined.missing)})
        if not joined.is_ours:
            return Taken(bare, name, facts={"doneBy": "another event"})
        call_end = self.items.text(name, CALL_END_ATTRIBUTE)
        if not call_end:
            raise NotThereYetError(
                f"both halves of recording {name} have come, and its item has no {CALL_END_ATTRIBUTE} yet: the backend "
                "writes it, or sends a message with it"
            )
        return Taken(message_body(name, call_end), name, is_ready=True)

    def _swept(self, event: Swept) -> str:
        call_end = self.items.text(event.recording_id, CALL_END_ATTRIBUTE)
        if not call_end:
            never = f", and no event of {_named(event.missing)} came" if event.missing else ""
            raise MissingMediaError(
                f"recording {event.recording_id} never completed: its item has no {CALL_END_ATTRIBUTE}{never}. Check "
                "that both files were written, and send a message with the call's end"
            )
        return message_body(event.recording_id, call_end)

    def sweep(self) -> int:
        """Send a message for each recording that never completed, once; returns their number.

        Raises:
            StorageError: a table or the queue doesn't answer.
            AccessDeniedError: one of them refuses access or doesn't exist.
        """
        count = 0
        for recording_id, missing in self.join.incomplete(SWEPT_AFTER):
            # Sent before it is claimed: a message that is sent twice finds the recording done.
            self.queue.send(swept_body(recording_id, missing))
            count += self.join.claim(recording_id, "sweep")
        return count


def _named(halves: Sequence[str]) -> str:
    return " and ".join(_NAMES[name] for name in halves)
