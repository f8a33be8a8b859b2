"""The recordings of the table by date."""

from __future__ import annotations

from datetime import date

import pytest
from aws_fixtures import TABLE, World
from listed_recordings import IDS, put_item

from komorebi_qc.batch.manifest.table_query import read_table
from komorebi_qc.core.errors import InputError


def test_a_query_of_the_table(world: World) -> None:
    """Both dates are included, items are in the order of days, and an unusable item is rejected."""
    put_item(world, IDS[1], "2026-11-24 23:59:59", callEndingTimestamp="00:02:00")
    put_item(world, IDS[0], "2026-11-23 00:00:00", browser="Firefox")
    put_item(world, IDS[2], "2026-11-25 00:00:00")
    put_item(world, IDS[3], "2026-11-24 01:00:00", callEndingTimestamp="noon")
    first, last = date(2026, 11, 23), date(2026, 11, 24)
    listing = read_table(world.dynamodb, TABLE, first, last, call_end_attribute="callEndingTimestamp")
    assert [(item.recording_id, item.call_end, item.browser) for item in listing.items] == [
        (IDS[0], "", "Firefox"),
        (IDS[1], "00:02:00", ""),
    ]
    assert [one.listed_in for one in listing.rejected] == [f"table {TABLE}:{IDS[3]}"]
    assert listing.name == f"table {TABLE} 2026-11-23 to 2026-11-24"
    with pytest.raises(InputError, match="run from 2026-11-24 back"):
        read_table(world.dynamodb, TABLE, last, first, call_end_attribute="x")
