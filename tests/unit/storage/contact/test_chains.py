"""The records of a chain from the API, and from exported files."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest
from aws_fixtures import CONNECT, World, client_error
from botocore.session import get_session
from botocore.validate import ParamValidator
from contact_shapes import described, exported

from komorebi_qc.core.errors import AccessDeniedError, InputError
from komorebi_qc.storage.contact.chains import ApiChain, ExportedChain
from komorebi_qc.storage.contact.records import ExportedRecords
from komorebi_qc.storage.contact.token_bucket import TokenBucket

if TYPE_CHECKING:
    from collections.abc import Iterable

    from komorebi_qc.core.contact.chains.model import Chain

DAY = date(2026, 11, 24)


def idle() -> None:
    """Nobody cancels."""


def agent(began: str, ended: str) -> dict[str, Any]:
    """The agent's part of an exported record."""
    return {"ConnectedToAgentTimestamp": began, "AfterContactWorkStartTimestamp": ended}


def a_contact(name: str, first: str | None, previous: str | None, day: int = 24, **others: Any) -> dict[str, Any]:
    """An exported record of a contact of an hour's third."""
    minute = 20 * (ord(name[-1]) - ord("a"))
    began, ended = (f"2026-11-{day}T12:{at % 60:02}:00Z" for at in (minute, minute + 19))
    links = {"InitialContactId": first, "PreviousContactId": previous, "InitiationMethod": "TRANSFER"}
    return exported(ContactId=name, Agent=agent(began, ended), DisconnectTimestamp=ended, **{**links, **others})


@dataclass
class Connect:
    """Amazon Connect with answers made by hand: pages of the list, and records."""

    pages: list[Any]
    records: dict[str, Any] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def list_associated_contacts(self, **request: Any) -> Any:
        """One page, by the token."""
        _check("ListAssociatedContacts", request)
        self.asked.append("list")
        page = self.pages[int(request.get("NextToken", "0"))]
        if isinstance(page, Exception):
            raise page
        return page

    def describe_contact(self, **request: Any) -> Any:
        """One record."""
        _check("DescribeContact", request)
        self.asked.append(request["ContactId"])
        found = self.records.get(request["ContactId"])
        if found is None:
            raise client_error("ResourceNotFoundException", 404)
        return {"Contact": found}


def _check(operation: str, request: dict[str, Any]) -> None:
    model = get_session().get_service_model("connect").operation_model(operation)
    assert not ParamValidator().validate(request, model.input_shape).has_errors()


def summary(name: str, first: str | None, previous: str | None) -> dict[str, Any]:
    """An entry of the list."""
    links = {"InitialContactId": first, "PreviousContactId": previous}
    return {"ContactId": name, "Channel": "VOICE", "InitiationMethod": "TRANSFER", **links}


def described_contact(name: str, first: str | None, previous: str | None) -> dict[str, Any]:
    """The answer of `DescribeContact` for a contact."""
    return described(Id=name, InitialContactId=first, PreviousContactId=previous, RelatedContactId=None)


def names(chain: Chain) -> list[str]:
    """The contacts of a chain."""
    return [one.contact_id for one in chain.members]


def test_the_api_lists_a_chain_and_describes_its_members() -> None:
    """All pages are read, and each member of the chain is asked for once, at the API's rate."""
    pages = [
        {"ContactSummaryList": [summary("a", None, None), summary("b", "a", "a")], "NextToken": "1"},
        {"ContactSummaryList": [summary("c", "a", "b"), summary("x", "z", None)]},
    ]
    records = {"a": described_contact("a", None, None), "b": described_contact("b", "a", "a")}
    connect = Connect(pages, records)
    waited: list[float] = []
    rate = TokenBucket(1.0, 1.0, lambda: sum(waited), waited.append)
    chain = ApiChain(connect, "mine", rate).read("a", None, idle)
    assert names(chain) == ["a", "b", "c"]
    assert connect.asked == ["list", "list", "a", "b", "c"]
    assert sum(waited) == pytest.approx(4.0)
    assert chain.members[0].record is not None
    assert chain.members[0].record.connected_at is not None
    assert chain.members[2].record is not None  # deleted meanwhile: its entry of the list


def test_an_unknown_contact_is_a_chain_without_records() -> None:
    """A contact that Connect doesn't know has no chain, and that is stated."""
    chain = ApiChain(Connect([client_error("ResourceNotFoundException", 404)]), "mine").read("a", None, idle)
    assert names(chain) == ["a"]
    assert [problem.kind for problem in chain.problems] == ["no_record"]


def test_a_missing_right_is_named() -> None:
    """The list needs a right of its own."""
    connect = Connect([client_error("AccessDeniedException", 403)])
    with pytest.raises(AccessDeniedError, match="connect:ListAssociatedContacts"):
        ApiChain(connect, "mine").read("a", None, idle)


def put(world: World, day: int, records: Iterable[dict[str, Any]], name: str = "a") -> None:
    """Write a file of exported records."""
    body = "".join(json.dumps(one) for one in records).encode()
    world.s3.put_object(Bucket=CONNECT, Key=f"ctr/2026/11/{day}/{name}", Body=body)


def chain_of(world: World, named: str, day: date | None = DAY) -> Chain:
    """Read a chain."""
    return ExportedChain(ExportedRecords(world.s3, CONNECT, "ctr")).read(named, day, idle)


def test_exported_files_are_read_over_the_days_of_the_chain(world: World) -> None:
    """A member whose record came some days later is found, as long as each one leads to the next."""
    put(world, 24, [a_contact("a", None, None, InitiationMethod="INBOUND"), a_contact("other", None, None)])
    put(world, 26, [a_contact("b", "a", "a", day=26)])
    put(world, 28, [a_contact("c", "a", "b", day=28)])
    chain = chain_of(world, "a")
    assert names(chain) == ["a", "b", "c"]
    assert chain.problems == ()


def test_a_later_contact_leads_to_the_exported_chain(world: World) -> None:
    """The first contact may be some days before the named one."""
    put(world, 21, [a_contact("a", None, None, day=21)])
    put(world, 24, [a_contact("b", "a", "a")])
    chain = chain_of(world, "b")
    assert (chain.initial_contact_id, names(chain)) == ("a", ["a", "b"])


def test_a_link_into_another_chain_is_reported(world: World) -> None:
    """The record that a wrong link names is looked for, and not taken."""
    put(world, 24, [a_contact("a", None, None), a_contact("b", "a", "x"), a_contact("x", "w", "w")])
    chain = chain_of(world, "a")
    assert names(chain) == ["a", "b"]
    assert [problem.kind for problem in chain.problems] == ["other_chain", "unlinked"]


def test_exported_records_need_a_day(world: World) -> None:
    """Without the day of the contact nothing is searched."""
    with pytest.raises(InputError, match="--date"):
        chain_of(world, "a", None)
