"""Build a chain of its records: who had the call when. Pure.

The kinds follow https://docs.aws.amazon.com/connect/latest/adminguide/identify-conferences-transfers.html: after a
transfer the first agent's after-call work begins before the second agent's; after a consultation or a conference the
asked agent's begins before the first agent's, and in a consultation the customer is on hold meanwhile. Records have
hold totals and no hold times, so these totals alone distinguish a consultation from a conference. All times are
whole seconds.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from komorebi_qc.core.contact.chains.members import (
    chain_records,
    first_contact,
    in_order,
    link_problems,
    links,
    newest_records,
)
from komorebi_qc.core.contact.chains.model import Chain, ChainMember, ChainProblem, Turn, Wait

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from komorebi_qc.core.contact.chains.model import Link, MemberKind, Role
    from komorebi_qc.core.contact.record import ContactRecord

TOLERANCE_S = 2.0
"""Two moments in whole seconds, each up to a second early or late against the other's."""


def build_chain(records: Iterable[ContactRecord], named: str) -> Chain:
    """Build the chain in which a contact is.

    Args:
        records: of the chain, and of any other contacts.
        named: the first contact, or another one of the chain.
    """
    known = newest_records(records)
    first = first_contact(known, named)
    own = chain_records(known, first)
    problems = link_problems(known, own, first)
    if first != named:
        problems.insert(
            0, ChainProblem("not_first", named, f"Contact {named} isn't the first: the chain is {first}'s.")
        )
    calls = {one: record for one, record in own.items() if record.channel in ("", "VOICE") or one == first}
    problems += [
        ChainProblem("not_a_call", one, f"Contact {one} is of the channel {own[one].channel}, and has no call.")
        for one in sorted(own.keys() - calls.keys())
    ]
    ordered = in_order(calls, first)
    reading = _Reading(first, links(ordered, first, problems), problems)
    for record in ordered:
        reading.read(record)
    members = reading.members()
    if first not in calls:
        members.insert(0, ChainMember(first, "unknown", is_certain=False))
    problems += _overlaps(members)
    return Chain(first, tuple(members), tuple(_waits(members)), tuple(problems))


@dataclass(slots=True)
class _Reading:
    """Members in the order of time, while they are classified.

    Attributes:
        first: the first contact.
        came: the contact from which each other one came.
        problems: receives contradictions.
        done: the members so far, by contact.
        beside: the host of each contact whose agent spoke with another agent meanwhile.
    """

    first: str
    came: dict[str, tuple[str, Link]]
    problems: list[ChainProblem]
    done: dict[str, ChainMember] = field(default_factory=dict)
    beside: dict[str, str] = field(default_factory=dict)

    def read(self, record: ContactRecord) -> None:
        """Classify the next contact."""
        one = record.contact_id
        came_from, linked_by = self.came.get(one, ("", ""))
        kind, turns, is_certain = self._classified(record, came_from)
        self.done[one] = ChainMember(one, kind, came_from, linked_by, turns, is_certain, record)

    def members(self) -> list[ChainMember]:
        """The members, with the consultations that the hold totals confirm marked as certain."""
        beside_s: dict[str, float] = {}
        for one, beside in self.beside.items():
            shared_s = sum(turn.length_s for turn in self.done[one].turns if turn.role != "call")
            beside_s[beside] = beside_s.get(beside, 0.0) + shared_s
        found = []
        for one, member in self.done.items():
            host = self.done.get(self.beside.get(one, ""))
            hold_s = None if host is None or host.record is None else host.record.hold_s
            if member.kind == "consult" and host is not None:
                is_held = hold_s is not None and hold_s + TOLERANCE_S >= beside_s[host.contact_id]
                found.append(replace(member, is_certain=is_held))
            else:
                found.append(member)
        return found

    def _classified(self, record: ContactRecord, came_from: str) -> tuple[MemberKind, tuple[Turn, ...], bool]:
        began, ended, is_first = record.connected_at, record.agent_left_at, record.contact_id == self.first
        kind: MemberKind = "first" if is_first else "transfer"
        if record.initiation_method == "CALLBACK" and not is_first:
            kind = "callback"
        if began is None:
            is_over = ended is not None
            return ("first" if is_first else "unanswered" if is_over else "unknown"), (), is_over
        if ended is None or ended < began:
            text = f"The record of contact {record.contact_id} has no usable times of its agent."
            self.problems.append(ChainProblem("no_times", record.contact_id, text))
            return (kind if is_first else "unknown"), (), False
        if record.initiation_method == "MONITOR":
            return "monitor", (), True
        return self._with_times(kind, record, None if is_first else self._host(came_from), (began, ended))

    def _with_times(
        self, kind: MemberKind, record: ContactRecord, host: ChainMember | None, at: tuple[datetime, datetime]
    ) -> tuple[MemberKind, tuple[Turn, ...], bool]:
        """Classify a contact whose agent was connected, by the agent who had the call before, if there was one."""
        began, ended = at
        if host is None:
            return kind, _turns((began, ended, "call")), kind == "first" or self.first in self.done
        left = host.turns[-1].ended_at
        if began >= left:
            return kind, _turns((began, ended, "call")), True
        self.beside[record.contact_id] = host.contact_id
        if ended > left:
            return kind, _turns((began, left, "consult"), (left, ended, "call")), True
        hold_s = None if host.record is None else host.record.hold_s
        if hold_s is not None and hold_s + TOLERANCE_S < (ended - began).total_seconds():
            return "conference", _turns((began, ended, "conference")), True
        return "consult", _turns((began, ended, "consult")), False

    def _host(self, came_from: str) -> ChainMember | None:
        """The agent who had the call, beginning with the contact that another one came from."""
        seen = self.done.get(came_from)
        while seen is not None and not any(turn.role == "call" for turn in seen.turns):
            seen = self.done.get(seen.came_from)
        return seen


def _turns(*parts: tuple[datetime, datetime, Role]) -> tuple[Turn, ...]:
    return tuple(Turn(began, ended, role) for began, ended, role in parts)


def _in_call(members: Sequence[ChainMember]) -> list[tuple[Turn, str]]:
    found = [(turn, one.contact_id) for one in members for turn in one.turns if turn.role == "call"]
    return sorted(found, key=lambda pair: (pair[0].began_at, pair[0].ended_at, pair[1]))


def _overlaps(members: Sequence[ChainMember]) -> list[ChainProblem]:
    found, last = [], None
    for turn, contact in _in_call(members):
        if last is not None:
            shared_s = (min(last[0].ended_at, turn.ended_at) - turn.began_at).total_seconds()
            if shared_s > TOLERANCE_S:
                text = f"By their records, contacts {last[1]} and {contact} had the call at once for {shared_s:.0f} s."
                found.append(ChainProblem("overlap", contact, text))
        if last is None or turn.ended_at >= last[0].ended_at:
            last = (turn, contact)
    return found


def _waits(members: Sequence[ChainMember]) -> list[Wait]:
    """Stretches without an agent: before the first one, and between two."""
    turns = _in_call(members)
    if not turns:
        return []
    record = members[0].record
    end = turns[0][0].began_at if record is None or record.initiated_at is None else record.initiated_at
    found = []
    for turn, _ in turns:
        if (turn.began_at - end).total_seconds() > 0.0:
            found.append(Wait(end, turn.began_at))
        end = max(end, turn.ended_at)
    return found
