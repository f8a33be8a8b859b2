"""Which contacts are a chain's, in which order, and from which contact each came. Pure.

The records have four links (https://docs.aws.amazon.com/connect/latest/adminguide/ctr-data-model.html):
``InitialContactId`` is the first contact of all, ``PreviousContactId`` and ``NextContactId`` are the neighbours, and
``RelatedContactId`` is a contact that this one is related to. ``DescribeContact`` and ``ListAssociatedContacts`` have
no ``NextContactId`` (botocore 1.44.5, shapes ``Contact`` and ``AssociatedContactSummary``).

``InitialContactId`` decides about membership. The other links count for records without it, so that a wrong link takes
no call of another chain. A record without it that isn't of a transfer and names no other contact is the first of its
own chain.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from komorebi_qc.core.contact.chains.model import ChainProblem

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from komorebi_qc.core.contact.chains.model import Link
    from komorebi_qc.core.contact.record import ContactRecord

_NEVER = datetime.max.replace(tzinfo=UTC)
_EARLIEST = datetime.min.replace(tzinfo=UTC)
_FOLLOWING = ("TRANSFER", "QUEUE_TRANSFER")


def newest_records(records: Iterable[ContactRecord]) -> dict[str, ContactRecord]:
    """The version of each record that was updated last, by contact."""
    found: dict[str, ContactRecord] = {}
    for record in records:
        before = found.get(record.contact_id)
        if before is None or (record.updated_at or _EARLIEST, repr(record)) > (
            before.updated_at or _EARLIEST,
            repr(before),
        ):
            found[record.contact_id] = record
    return found


def first_contact(records: Mapping[str, ContactRecord], named: str) -> str:
    """The first contact of the chain in which `named` is."""
    record = records.get(named)
    return named if record is None else record.initial_contact_id or named


def chain_records(records: Mapping[str, ContactRecord], first: str) -> dict[str, ContactRecord]:
    """The records of a chain, those of other channels included, by contact."""
    found = {one: record for one, record in records.items() if first in (one, record.initial_contact_id)}
    loose = {one: record for one, record in records.items() if not record.initial_contact_id and one not in found}
    while added := {one: record for one, record in loose.items() if _is_linked(record, found, first)}:
        found |= added
        loose = {one: record for one, record in loose.items() if one not in added}
    return found


def _is_linked(record: ContactRecord, found: Mapping[str, ContactRecord], first: str) -> bool:
    before = [one for one in (record.previous_contact_id, record.related_contact_id) if one]
    if any(one in found or one == first for one in before):
        return True
    follows = bool(before) or record.initiation_method in _FOLLOWING
    return follows and any(one.next_contact_id == record.contact_id for one in found.values())


def in_order(members: Mapping[str, ContactRecord], first: str) -> list[ContactRecord]:
    """The records in the order in which their agents were connected, the first contact before all others."""

    def key(record: ContactRecord) -> tuple[bool, datetime, int, str]:
        at = record.connected_at or record.initiated_at or record.disconnected_at or _NEVER
        return record.contact_id != first, at, len(_before(record.contact_id, members)), record.contact_id

    return sorted(members.values(), key=key)


def _before(contact: str, members: Mapping[str, ContactRecord]) -> list[str]:
    """The contacts before one, as the records name them; it ends where a cycle closes."""
    seen = {contact: None}
    last = contact
    while (before := members[last].previous_contact_id) in members and before not in seen:
        seen[before] = None
        last = before
    return list(seen)[1:]


def links(ordered: list[ContactRecord], first: str, problems: list[ChainProblem]) -> dict[str, tuple[str, Link]]:
    """The contact from which each came, and how that is known. It is always one before it in the order.

    Args:
        ordered: the members in their order.
        first: the first contact, which may have no record.
        problems: receives contradictions.
    """
    names = [record.contact_id for record in ordered]
    return {
        record.contact_id: _link(record, ordered[:at], first, frozenset(names), problems)
        for at, record in enumerate(ordered)
        if record.contact_id != first
    }


def _link(
    record: ContactRecord,
    earlier: list[ContactRecord],
    first: str,
    names: frozenset[str],
    problems: list[ChainProblem],
) -> tuple[str, Link]:
    one, previous = record.contact_id, record.previous_contact_id
    known = {first, *(other.contact_id for other in earlier)}
    if previous in known:
        return previous, "previous"
    if previous in names:
        text = f"Contact {one} names {previous} as the contact before it, but that one isn't earlier."
        problems.append(ChainProblem("later_previous", one, text))
    for other in reversed(earlier):
        if other.next_contact_id == one:
            return other.contact_id, "next"
    if record.related_contact_id in known:
        return record.related_contact_id, "related"
    nearest = earlier[-1].contact_id if earlier else first
    text = f"No usable record names the contact before {one}: by the times it is {nearest}."
    problems.append(ChainProblem("unlinked", one, text))
    return nearest, "time"


def link_problems(
    records: Mapping[str, ContactRecord], members: Mapping[str, ContactRecord], first: str
) -> list[ChainProblem]:
    """Contradictions of the links of a chain's records, and links to contacts without a record."""
    found = []
    if first not in members:
        found.append(ChainProblem("no_record", first, f"The first contact, {first}, has no record."))
    for one, record in sorted(members.items()):
        for name, other in (("before", record.previous_contact_id), ("after", record.next_contact_id)):
            if not other or other in members or other == first:
                continue
            named = f"Contact {one} names {other} as the contact {name} it"
            if other in records:
                text = f"{named}, which is in the chain of {_chain(records[other])}."
                found.append(ChainProblem("other_chain", one, text))
            else:
                found.append(ChainProblem("missing", one, f"{named}, which has no record here."))
    for one, record in sorted(records.items()):
        before = record.previous_contact_id
        if one not in members and before and (before in members or before == first):
            text = f"Contact {one} names {before} as the contact before it, but is in the chain of {_chain(record)}."
            found.append(ChainProblem("other_chain", one, text))
    return found + _cycles(members)


def _chain(record: ContactRecord) -> str:
    return record.initial_contact_id or record.contact_id


def _cycles(members: Mapping[str, ContactRecord]) -> list[ChainProblem]:
    found: dict[frozenset[str], ChainProblem] = {}
    for start in sorted(members):
        seen = [start, *_before(start, members)]
        back = members[seen[-1]].previous_contact_id
        if back in seen:
            circle = seen[seen.index(back) :]
            names = ", ".join(sorted(circle))
            text = f"The records name a circle of previous contacts ({names}). The times decide."
            found.setdefault(frozenset(circle), ChainProblem("cycle", min(circle), text))
    return list(found.values())
