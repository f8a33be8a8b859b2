"""Events as messages: a recording is processed when its second half has come, by the event that completes it.

The call's end comes from the recording's item. Without one, it is the contact record's, or measured; if neither is
certain, the message waits as one whose media are missing. A sweep finds recordings that never complete, and sends a
message for each of them: a file that came without its event is processed, and a file that never came ends in the
dead-letter queue with the reason.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol

from komorebi_qc.core.contact.events import Ignored, Sweep, Swept, read_event, swept_body
from komorebi_qc.core.errors import KomorebiError, NotThereYetError
from komorebi_qc.core.recording import CALL_END_ATTRIBUTE, KEY_ATTRIBUTE, Message, message_body

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from komorebi_qc.core.contact.events import Arrival, Half, Places
    from komorebi_qc.storage.contact.dynamodb_join import Joined

SWEPT_AFTER = timedelta(hours=24)
"""A half may come half a day late."""
_NAMES = {"call": "the call audio", "recording": "the agent recording"}


class Join(Protocol):
    """`komorebi_qc.storage.contact.dynamodb_join.DynamoJoin`."""

    def arrive(self, recording_id: str, half: Half, event_id: str, call_began: str = "") -> Joined:
        """Note an arrival."""
        ...

    def claim(self, recording_id: str, event_id: str) -> bool:
        """Claim a recording."""
        ...

    def incomplete(self, older_than: timedelta) -> Iterator[str]:
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
        message: to be processed now; None if nothing is.
        facts: for the log, if nothing is.
        error: the reason why the event can't be used now, or never.
    """

    body: str
    recording_id: str | None = None
    message: Message | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    error: KomorebiError | None = None

    @classmethod
    def of(cls, body: str) -> Taken:
        """The use of a message that is no event."""
        try:
            message = Message.from_body(body)
        except KomorebiError as error:
            return cls(body, error=error)
        return cls(body, message.recording_id, message)


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
                bare = body
                message = Message.from_body(body, needs_call_end=False)
                recording_id = message.recording_id
                return Taken(body, recording_id, message) if message.call_end else self._ready(message)
            if isinstance(event, Ignored):
                return Taken(bare, facts={"ignored": event.why})
            if isinstance(event, Sweep):
                return Taken(bare, facts={"swept": self.sweep()})
            recording_id = event.recording_id
            bare = json.dumps({"recordingID": recording_id})
            if isinstance(event, Swept):
                return self._ready(Message(recording_id, None))
            return self._arrived(event, bare)
        except KomorebiError as error:
            return Taken(bare, recording_id, error=error)

    def _arrived(self, event: Arrival, bare: str) -> Taken:
        name = event.recording_id
        joined = self.join.arrive(name, event.half, event.event_id, event.call_began)
        if event.half == "failed" and "recording" in joined.missing:
            # A browser's recording may still come. Otherwise the last attempt ends as a dead letter.
            raise NotThereYetError(
                f"the screen recording of contact {name} failed, says Amazon Connect, and no other agent recording of "
                "it has come yet. Look for the cause in the event's failureInfo"
            )
        if joined.missing:
            return Taken(bare, name, facts={"waitsFor": _named(joined.missing)})
        if not joined.is_ours:
            return Taken(bare, name, facts={"doneBy": "another event"})
        taken = self._ready(Message(name, None))
        if taken.message is not None and taken.message.call_end is None and not self.items.text(name, KEY_ATTRIBUTE):
            raise NotThereYetError(
                f"both halves of recording {name} have come, and the table has no item of it yet: the backend writes it"
            )
        return taken

    def _ready(self, message: Message) -> Taken:
        """A message without a call end, with that of the item if it has one."""
        name, force = message.recording_id, message.force
        call_end = self.items.text(name, CALL_END_ATTRIBUTE)
        if not call_end:
            return Taken(json.dumps({"recordingID": name, **({"force": True} if force else {})}), name, message)
        body = message_body(name, call_end, force=force)
        return Taken(body, name, Message.from_body(body))

    def sweep(self) -> int:
        """Send a message for each recording that never completed, once; returns their number.

        Raises:
            StorageError: a table or the queue doesn't answer.
            AccessDeniedError: one of them refuses access or doesn't exist.
        """
        count = 0
        for recording_id in self.join.incomplete(SWEPT_AFTER):
            # Sent before it is claimed: a message that is sent twice finds the recording done.
            self.queue.send(swept_body(recording_id))
            count += self.join.claim(recording_id, "sweep")
        return count


def _named(halves: Sequence[str]) -> str:
    return " and ".join(_NAMES[name] for name in halves)
