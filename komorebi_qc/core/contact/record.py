"""A contact record with the fields that this software keeps, and no others.

Two sources have it, in two shapes:

* ``DescribeContact`` answers with ``AgentInfo``, ``QueueInfo`` and ``RelatedContactId`` (botocore 1.44.5, service model
  ``connect/2017-08-08``, shape ``Contact``);
* the stream of contact records has ``Agent``, ``Queue``, and both ``Recording`` and ``Recordings``:
  https://docs.aws.amazon.com/connect/latest/adminguide/ctr-data-model.html. Public records of 2019 to 2024 agree with
  it, one of them in https://github.com/awsdocs/amazon-connect-admin-guide/issues/10. There ``Location`` has no
  ``s3://``, and ``StartTimestamp``, ``StopTimestamp`` and ``ParticipantType`` of call audio are null.

No real answer of ``DescribeContact`` was seen in full; its shape is the service model's. No real record with a deleted
recording, with several recordings of agents, or with a screen recording was seen either.

**Never kept**, because they name persons or may do so: ``Agent.Username`` and ``Agent.ARN``, both endpoints,
``CustomerId``, ``Customer``, ``Attributes``, ``SegmentAttributes``, ``Tags``, ``References``, ``Name``,
``Description``, the names of queues and of hierarchy groups, and ``DeletionReason``, which a person wrote.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class ContactRecording:
    """One entry of ``Recordings``.

    Attributes:
        location: as it was written, with or without ``s3://``.
        storage: ``S3``, ``KINESIS_VIDEO_STREAM``, ...; empty if unknown, as for the others.
        media: ``AUDIO``, ``VIDEO`` or ``CHAT``.
        participant: ``ALL``, ``AGENT``, ``CUSTOMER``, ``IVR``, ...
        began_at: start of the conversation, UTC; None in most records.
        ended_at: its end.
        status: ``AVAILABLE`` or ``DELETED``.
    """

    location: str
    storage: str = ""
    media: str = ""
    participant: str = ""
    began_at: datetime | None = None
    ended_at: datetime | None = None
    status: str = ""

    @property
    def place(self) -> tuple[str, str] | None:
        """The bucket and the key; None if the location isn't one in S3."""
        bucket, slash, key = self.location.removeprefix("s3://").partition("/")
        is_place = bool(bucket and slash and key) and ":" not in bucket
        return (bucket, key) if is_place else None


@dataclass(frozen=True, slots=True)
class ContactRecord:
    """A contact, without anything that names a person. Times are UTC, in whole seconds in the exported records.

    Attributes:
        contact_id: the contact.
        channel: ``VOICE``, ``CHAT``, ...; empty if unknown, as for the other texts.
        initiation_method: ``INBOUND``, ``TRANSFER``, ...
        initial_contact_id: the first contact of a chain.
        previous_contact_id: the contact that was transferred to this one.
        next_contact_id: the contact that this one was transferred to; only exported records have it.
        related_contact_id: a contact that this one was made from.
        updated_at: ``LastUpdateTimestamp``; a contact's record is delivered again if it changes.
        initiated_at: start of the contact.
        connected_at: the moment at which the agent was connected.
        after_work_at: the moment at which the agent's after-call work began, and the call ended for the agent.
        disconnected_at: the moment at which the customer was disconnected.
        hold_s: the time that the agent held the customer.
        longest_hold_s: the longest hold; only exported records have it.
        holds: number of holds; likewise.
        queue_id: the queue.
        team_id: the deepest group of the agent's hierarchy.
        device: operating system and browser of the agent, as Connect names them.
        agent_quality: the agent's audio quality, 1 to 5.
        customer_quality: the customer's.
        quality_issues: ``HIGH_PACKET_LOSS`` and the like, of the agent's side.
        recordings: the entries of ``Recordings``, in their order.
    """

    contact_id: str
    channel: str = ""
    initiation_method: str = ""
    initial_contact_id: str = ""
    previous_contact_id: str = ""
    next_contact_id: str = ""
    related_contact_id: str = ""
    updated_at: datetime | None = None
    initiated_at: datetime | None = None
    connected_at: datetime | None = None
    after_work_at: datetime | None = None
    disconnected_at: datetime | None = None
    hold_s: float | None = None
    longest_hold_s: float | None = None
    holds: int | None = None
    queue_id: str = ""
    team_id: str = ""
    device: str = ""
    agent_quality: float | None = None
    customer_quality: float | None = None
    quality_issues: tuple[str, ...] = ()
    recordings: tuple[ContactRecording, ...] = ()

    @property
    def agent_left_at(self) -> datetime | None:
        """The end of the call for the agent: of both possible ends, the one that came first.

        An agent who leaves a conference begins the after-call work before the customer is disconnected.
        """
        ends = [end for end in (self.after_work_at, self.disconnected_at) if end is not None]
        return min(ends, default=None)

    @property
    def agent_s(self) -> float | None:
        """The time from the agent's connection to the call's end for the agent; None if it isn't known."""
        end = self.agent_left_at
        if self.connected_at is None or end is None or end < self.connected_at:
            return None
        return (end - self.connected_at).total_seconds()

    def to_dict(self) -> dict[str, Any]:
        """The record for JSON."""
        found: dict[str, Any] = _plain(asdict(self))
        return found

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> ContactRecord:
        """The record of `to_dict`."""
        entries = content["recordings"]
        recordings = tuple(ContactRecording(**_with_times(entry, ("began_at", "ended_at"))) for entry in entries)
        others = _with_times({**content, "quality_issues": tuple(content["quality_issues"])}, _MOMENTS)
        return cls(**{**others, "recordings": recordings})


_MOMENTS = ("updated_at", "initiated_at", "connected_at", "after_work_at", "disconnected_at")


def time_text(moment: datetime | None) -> str | None:
    """A moment as RFC 3339, UTC; None stays None."""
    return None if moment is None else moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    return time_text(value) if isinstance(value, datetime) else value


def _with_times(content: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    read = {name: datetime.fromisoformat(content[name]) for name in names if content[name] is not None}
    return {**content, **read}
