"""Call ends from a separate list."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest
from aws_fixtures import INPUT, ITEM, TABLE, World
from listed_recordings import IDS, put_item, put_media

from komorebi_qc.batch.manifest.call_ends import read_call_ends
from komorebi_qc.batch.manifest.items import RejectedRow
from komorebi_qc.batch.manifest.prefix_listing import read_prefix
from komorebi_qc.batch.manifest.table_query import read_table
from komorebi_qc.core.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path


def test_call_ends_are_read_with_their_errors(tmp_path: Path) -> None:
    """A wrong call end comes as a rejected row; a row without a valid ID is an error."""
    path = tmp_path / "ends.csv"
    path.write_text(f"recording_id,call_end\n{IDS[0]},00:01:00\n{IDS[1]},\n{IDS[2]},noon\n{IDS[3]},1\n{IDS[3]},2\n")
    ends = read_call_ends(path)
    assert ends.pop(IDS[0]) == "00:01:00"
    reasons = {name: one.reason for name, one in ends.items() if isinstance(one, RejectedRow)}
    assert list(reasons) == IDS[1:]
    for name, words in zip(IDS[1:], ("is missing", "noon", "two different call ends"), strict=True):
        assert words in reasons[name]
    path.write_text(f"recording_id,call_end\n{IDS[0]},00:01:00\na/b,00:01:00\n")
    with pytest.raises(InputError, match=r"ends\.csv:3: 'a/b' isn't a recording ID"):
        read_call_ends(path)
    path.write_text(f"recording_id,end\n{IDS[0]},00:01:00\n")
    with pytest.raises(InputError, match="has no call ends"):
        read_call_ends(path)


def test_a_listed_call_end_replaces_the_items(world: World) -> None:
    """The item's own may be valid, wrong or null; if the listed one is wrong, the recording is rejected."""
    for name, own in zip(IDS, ("00:09:00", "noon", "00:09:00", "00:09:00"), strict=True):
        put_item(world, name, "2026-11-24 09:00:00", callEndingTimestamp=own)
        put_media(world, name)
    nothing = {"videoID": {"S": "null"}, "creationDate": {"S": "2026-11-24 09:00:00"}}
    nulls = {"callEndingTimestamp": {"NULL": True}, "browser": {"NULL": True}}
    world.dynamodb.put_item(TableName=TABLE, Item={**ITEM, **nothing, **nulls})
    ends: dict[str, str | RejectedRow] = {
        IDS[0]: "00:01:00",
        IDS[1]: "00:02:00",
        IDS[2]: RejectedRow("ends.csv:3", "noon isn't a time"),
    }
    day = date(2026, 11, 24)
    by_table = read_table(world.dynamodb, TABLE, day, day, call_end_attribute="callEndingTimestamp", call_ends=ends)
    assert {item.recording_id: item.call_end for item in by_table.items} == {
        IDS[0]: "00:01:00",
        IDS[1]: "00:02:00",
        IDS[3]: "00:09:00",
        "null": "",
    }
    assert {item.browser for item in by_table.items} == {""}
    by_prefix = read_prefix(world.s3, f"s3://{INPUT}/", input_bucket=INPUT, call_ends=ends)
    assert {item.recording_id: item.call_end for item in by_prefix.items} == {
        IDS[0]: "00:01:00",
        IDS[1]: "00:02:00",
        IDS[3]: "",
    }
    for listing, place in ((by_table, f"table {TABLE}:"), (by_prefix, f"s3://{INPUT}/")):
        assert [one.reason for one in listing.rejected] == ["ends.csv:3: noon isn't a time"]
        assert listing.rejected[0].listed_in.startswith(place)
