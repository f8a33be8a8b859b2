"""Contact records read from JSON."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from contact_shapes import ARN, CONTACT, described, entry, exported

from komorebi_qc.core.contact.parse import contacts_in, parse_contact
from komorebi_qc.core.errors import InputError

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def test_both_shapes_give_the_same_facts() -> None:
    """An exported record and the API's answer agree in everything that both have."""
    one, other = parse_contact(exported(entry())), parse_contact(described(entry()))
    for name in ("contact_id", "channel", "connected_at", "after_work_at", "agent_s", "hold_s", "queue_id", "team_id"):
        assert getattr(one, name) == getattr(other, name) != ""
    assert one.device == other.device == "Windows 11 Chrome 141.0"
    assert (one.holds, one.longest_hold_s) == (2, 204.0)
    assert (other.holds, other.longest_hold_s) == (None, None)
    assert other.related_contact_id.startswith("3333")
    assert one.quality_issues == ("HIGH_PACKET_LOSS",)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-11-24T12:00:00Z", NOON),
        ("2026-11-24T13:00:00+01:00", NOON),
        ("2026-11-24T12:00:00", NOON),
        (NOON.timestamp(), NOON),
        (NOON, NOON),
        ("soon", None),
        (True, None),
        (-1e300, None),
        (float("nan"), None),
        ("1970-01-01T00:00:00Z", None),
        ({}, None),
    ],
)
def test_a_time_is_read_in_every_form(value: object, expected: datetime | None) -> None:
    """RFC 3339, seconds since 1970 and Python's own are moments in UTC; anything else is unknown."""
    assert parse_contact(exported(DisconnectTimestamp=value)).disconnected_at == expected


@pytest.mark.parametrize("value", [True, -1, float("inf"), float("nan"), 1e9, "3", None, []])
def test_a_number_that_cannot_be_right_is_unknown(value: Any) -> None:
    """Holds, qualities and lengths are finite and not negative."""
    agent = {"CustomerHoldDuration": value, "NumberOfHolds": value, "LongestHoldDuration": value}
    record = parse_contact(exported(Agent=agent))
    assert (record.hold_s, record.holds, record.longest_hold_s) == (None, None, None)


@pytest.mark.parametrize("document", [None, [], "text", {}, {"ContactId": "../a"}, {"ContactId": 7}])
def test_a_document_without_a_contact_is_refused(document: object) -> None:
    """The error names the fault."""
    with pytest.raises(InputError, match="contact record"):
        parse_contact(document)


def test_an_instances_arn_gives_no_name() -> None:
    """Of a queue and a team the end of the ARN is kept; a text that isn't an ID is dropped."""
    record = parse_contact(exported(Queue={"ARN": f"{ARN}/queue/Erika Mustermann"}))
    assert record.queue_id == ""


def test_a_device_has_no_control_characters() -> None:
    """A browser's own text is shortened to plain characters."""
    info = {"OperatingSystem": "Win\n<b>dows", "PlatformName": "x" * 500, "PlatformVersion": None}
    device = parse_contact(exported(Agent={"DeviceInfo": info})).device
    assert device.startswith("Winbdows xxx")
    assert len(device) <= 120


@pytest.mark.parametrize("between", ["", "\n", "\r\n\n  "])
def test_records_are_read_with_and_without_line_breaks(between: str) -> None:
    """The stream's files have objects one after the other, and a line break only if it is configured."""
    text = between.join(json.dumps(exported(entry(), ContactId=name)) for name in ("a", "b", "c"))
    assert [record.contact_id for record in contacts_in(text + between)] == ["a", "b", "c"]


def test_other_objects_of_a_stream_are_left_out() -> None:
    """An agent event has no contact ID, and is no reason to fail."""
    text = json.dumps({"EventType": "HEART_BEAT"}) + json.dumps(exported())
    assert [record.contact_id for record in contacts_in(text)] == [CONTACT]


@pytest.mark.parametrize("text", ["{", "{}]", "[" * 100_000, "a,b\n1,2"])
def test_a_file_of_another_kind_is_refused(text: str) -> None:
    """The error has the place in the file."""
    with pytest.raises(InputError, match="at character"):
        list(contacts_in(text))


def test_only_so_many_recordings_are_read() -> None:
    """A record with a thousand entries costs no more than one with a hundred."""
    assert len(parse_contact(exported(*[entry()] * 1000)).recordings) == 100
