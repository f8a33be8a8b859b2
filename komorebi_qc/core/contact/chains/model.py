"""A chain of contacts: its members in the order of time, and who had the call when.

A call that is transferred, or in which an agent consults another one, has several contacts. Each has an agent, call
audio and an agent recording of its own. See
https://docs.aws.amazon.com/connect/latest/adminguide/contacts-contact-chains-attributes.html.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from komorebi_qc.core.contact.record import time_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from komorebi_qc.core.contact.record import ContactRecord

MemberKind = Literal["first", "transfer", "consult", "conference", "callback", "monitor", "unanswered", "unknown"]
Link = Literal["", "previous", "next", "related", "time"]
Role = Literal["call", "consult", "conference"]


@dataclass(frozen=True, slots=True)
class Turn:
    """A stretch of time of one agent.

    Attributes:
        began_at: UTC.
        ended_at: UTC, not before.
        role: ``call``: the agent had the call; ``consult``: the agent spoke with another agent, who had the call;
            ``conference``: the agent was in the call of another agent.
    """

    began_at: datetime
    ended_at: datetime
    role: Role

    @property
    def length_s(self) -> float:
        """Its length in seconds."""
        return (self.ended_at - self.began_at).total_seconds()

    def to_dict(self) -> dict[str, Any]:
        """The turn for JSON."""
        return {"from": time_text(self.began_at), "to": time_text(self.ended_at), "role": self.role}


@dataclass(frozen=True, slots=True)
class ChainMember:
    """A contact of a chain.

    Attributes:
        contact_id: the contact, and its recording's ID.
        kind: ``first``; ``transfer``: the call was passed on to this agent; ``consult``: this agent was asked, and left
            before the other one; ``conference``: the same, but the customer wasn't on hold all the time; ``callback``;
            ``monitor``: a supervisor listened; ``unanswered``: no agent was connected; ``unknown``: it has no record,
            or the record has no times.
        came_from: the contact from which this one came; empty for the first.
        linked_by: the way in which that is known: ``previous`` or ``next``: a record names it; ``related``: by
            ``RelatedContactId``; ``time``: the latest contact before it, because no record names it.
        turns: the agent's stretches of time, in order.
        is_certain: whether the record's times and holds settle the kind.
        record: the contact's record; None without one.
    """

    contact_id: str
    kind: MemberKind
    came_from: str = ""
    linked_by: Link = ""
    turns: tuple[Turn, ...] = ()
    is_certain: bool = True
    record: ContactRecord | None = None

    def to_dict(self) -> dict[str, Any]:
        """The member for JSON."""
        record = self.record
        return {
            "contact_id": self.contact_id,
            "kind": self.kind,
            "is_certain": self.is_certain,
            "came_from": self.came_from or None,
            "linked_by": self.linked_by or None,
            "connected_at": None if record is None else time_text(record.connected_at),
            "left_at": None if record is None else time_text(record.agent_left_at),
            "hold_s": None if record is None else record.hold_s,
            "turns": [turn.to_dict() for turn in self.turns],
        }


@dataclass(frozen=True, slots=True)
class Wait:
    """A stretch in which no agent had the call.

    Attributes:
        began_at: UTC.
        ended_at: UTC.
    """

    began_at: datetime
    ended_at: datetime

    @property
    def length_s(self) -> float:
        """Its length in seconds."""
        return (self.ended_at - self.began_at).total_seconds()

    def to_dict(self) -> dict[str, Any]:
        """The stretch for JSON."""
        return {"from": time_text(self.began_at), "to": time_text(self.ended_at)}


@dataclass(frozen=True, slots=True)
class ChainProblem:
    """A contradiction or a gap of the records.

    Attributes:
        kind: ``no_record``, ``missing``, ``cycle``, ``later_previous``, ``other_chain``, ``unlinked``, ``no_times``,
            ``overlap``, ``not_first`` or ``not_a_call``.
        contact_id: the contact that it is about.
        text: a sentence.
    """

    kind: str
    contact_id: str
    text: str


@dataclass(frozen=True, slots=True)
class Chain:
    """A chain.

    Attributes:
        initial_contact_id: the first contact.
        members: in the order in which their agents were connected; the first contact is the first.
        waits: stretches without an agent, in order.
        problems: of the records.
    """

    initial_contact_id: str
    members: tuple[ChainMember, ...]
    waits: tuple[Wait, ...] = ()
    problems: tuple[ChainProblem, ...] = ()

    @property
    def span(self) -> tuple[datetime, datetime] | None:
        """The start of the first turn or wait, and the end of the last; None without any."""
        parts = [(turn.began_at, turn.ended_at) for member in self.members for turn in member.turns]
        parts += [(wait.began_at, wait.ended_at) for wait in self.waits]
        if not parts:
            return None
        return min(began for began, _ in parts), max(ended for _, ended in parts)

    def agents(self, keys: Mapping[str, str]) -> dict[str, int]:
        """A number for each contact's agent, from 1 on; the same agent has the same number.

        Args:
            keys: text that identifies the agent, by contact. A contact without one has an agent of its own.
        """
        known: dict[str, int] = {}
        return {
            one.contact_id: known.setdefault(keys.get(one.contact_id) or f"\0{one.contact_id}", len(known) + 1)
            for one in self.members
        }

    def to_dict(self) -> dict[str, Any]:
        """The chain for JSON, without what identifies an agent."""
        return {
            "initial_contact_id": self.initial_contact_id,
            "members": [member.to_dict() for member in self.members],
            "waits": [wait.to_dict() for wait in self.waits],
            "problems": [asdict(problem) for problem in self.problems],
        }
