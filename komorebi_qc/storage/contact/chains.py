"""The records of a chain of contacts, from the API or from exported files.

The rights they need: ``connect:ListAssociatedContacts`` and ``connect:DescribeContact`` on the instance's contacts, or
``s3:ListBucket`` and ``s3:GetObject`` on the exported files.

``ListAssociatedContacts`` lists a contact's tree, without agents and recordings (botocore 1.44.5, shape
``AssociatedContactSummary``), so each member is asked for as well. No real answer of it was seen.
``SearchContacts`` isn't used: it can't search by the first contact (shape ``SearchCriteria``).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol

from komorebi_qc.core.contact.chains.build import build_chain
from komorebi_qc.core.contact.parse import parse_contact
from komorebi_qc.core.errors import InputError
from komorebi_qc.storage.aws_errors import aws_errors, error_code
from komorebi_qc.storage.contact.records import API_RATE, UNKNOWN_CONTACT, described

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import date

    from komorebi_qc.core.contact.chains.model import Chain
    from komorebi_qc.core.contact.record import ContactRecord
    from komorebi_qc.storage.contact.records import ExportedRecords
    from komorebi_qc.storage.contact.token_bucket import TokenBucket

_MOST_CONTACTS = 100
"""Of one chain: more are no call's."""
_MOST_DAYS = timedelta(days=31)
_BEFORE, _AFTER = timedelta(days=1), timedelta(days=2)
"""Of the contact's day, which may be local time; a record comes after the after-call work, and again if it changes."""
_EARLIER = timedelta(days=3)
"""If the first contact isn't on those days."""


class ChainRecords(Protocol):
    """A source of the records of a chain."""

    @property
    def source(self) -> str:
        """``api`` or ``export``."""
        ...

    def read(self, named: str, day: date | None, check_cancelled: Callable[[], None]) -> Chain:
        """Read the chain in which a contact is.

        Args:
            named: the contact.
            day: its day; None if it isn't known.
            check_cancelled: called between two requests; an exception from it ends the reading.

        Raises:
            InputError: a record can't be read, or the day is needed.
            StorageError: the source doesn't answer.
            AccessDeniedError: it refuses access.
        """
        ...


@dataclass(frozen=True, slots=True)
class ApiChain:
    """``ListAssociatedContacts``, and ``DescribeContact`` for each member.

    Attributes:
        client: boto3's ``connect`` client.
        instance_id: Connect's instance.
        rate: the requests' rate.
    """

    client: Any
    instance_id: str
    rate: TokenBucket = field(default_factory=lambda: API_RATE)
    source: str = "api"

    def read(self, named: str, day: date | None, check_cancelled: Callable[[], None]) -> Chain:  # noqa: ARG002
        """See `ChainRecords.read`."""
        found = {record.contact_id: record for record in self._listed(named, check_cancelled)}
        members = [one.contact_id for one in build_chain(found.values(), named).members]
        if len(members) > _MOST_CONTACTS:
            raise InputError(f"the chain of contact {named} has {len(members)} calls: {_MOST_CONTACTS} are the most")
        for one in members:
            self.rate.take(check_cancelled)
            record = described(self.client, self.instance_id, one)
            found |= {} if record is None else {one: record}
        return build_chain(found.values(), named)

    def _listed(self, named: str, check_cancelled: Callable[[], None]) -> Iterator[ContactRecord]:
        token: str | None = ""
        while token is not None:
            self.rate.take(check_cancelled)
            page = {"NextToken": token} if token else {}
            with aws_errors(f"Amazon Connect's list of contact {named}'s chain (connect:ListAssociatedContacts)"):
                try:
                    answer = self.client.list_associated_contacts(
                        InstanceId=self.instance_id, ContactId=named, MaxResults=100, **page
                    )
                except Exception as error:
                    if error_code(error) in UNKNOWN_CONTACT:
                        return
                    raise
            for summary in answer.get("ContactSummaryList", ()):
                yield parse_contact(summary)
            token = answer.get("NextToken") or None


@dataclass(frozen=True, slots=True)
class ExportedChain:
    """Exported files of the days that the chain spans. Of other chains' records only those that it names are kept.

    Attributes:
        files: the exported files.
    """

    files: ExportedRecords
    source: str = "export"

    def read(self, named: str, day: date | None, check_cancelled: Callable[[], None]) -> Chain:
        """See `ChainRecords.read`."""
        if day is None:
            raise InputError(
                f"contact {named} has no item in the table, so the days of its exported records aren't known: name its "
                "first contact, or its day by --date YYYY-MM-DD"
            )
        first, last, wanted = day - _BEFORE, day + _AFTER, {named}
        while True:
            kept = [
                record
                for one in _days(first, last)
                for record in self.files.of_day(one, check_cancelled)
                if not wanted.isdisjoint((record.contact_id, record.initial_contact_id)) or _is_loose(record)
            ]
            chain = build_chain(kept, named)
            needed, until = wanted | _named_by(chain), min(max(last, _last_day(chain, last)), day + _MOST_DAYS)
            since = day - _EARLIER if chain.members[0].record is None else first
            if (needed, since, until) == (wanted, first, last):
                return chain
            wanted, first, last = needed, min(since, first), until


def _is_loose(record: ContactRecord) -> bool:
    """Whether only its other links give the chain of a record."""
    links = record.previous_contact_id or record.related_contact_id or "TRANSFER" in record.initiation_method
    return not record.initial_contact_id and bool(links)


def _named_by(chain: Chain) -> set[str]:
    found = {chain.initial_contact_id}
    for member in chain.members:
        if member.record is not None:
            found |= {member.record.previous_contact_id, member.record.next_contact_id}
    return found - {""}


def _last_day(chain: Chain, otherwise: date) -> date:
    """The last day on which a record of the chain may have been delivered."""
    ends = [
        moment
        for member in chain.members
        if member.record is not None
        for moment in (member.record.disconnected_at, member.record.after_work_at, member.record.connected_at)
        if moment is not None
    ]
    return max(ends).date() + _AFTER if ends else otherwise


def _days(first: date, last: date) -> Iterator[date]:
    for number in range((last - first).days + 1):
        yield first + timedelta(days=number)
