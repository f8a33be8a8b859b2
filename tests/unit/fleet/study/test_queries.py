"""Queries: counts, reasons and the order of the worst."""

from __future__ import annotations

from fleet_rows import NOWHERE, failing, fleet, row

from komorebi_qc.fleet.dataset import fleet_of
from komorebi_qc.fleet.study.queries import COLUMNS, group_columns, groups, overview, reasons, worst
from komorebi_qc.fleet.synthetic import synthetic_rows


def test_the_worst_come_first() -> None:
    """Wrong pairs, other failures by number of findings, then recordings that need a look; no others."""
    warned = {"verdict": "warn", "warn_count": 1, "warnings": ["drift"]}
    found = worst(
        fleet(
            row(0),
            row(1, **warned),
            row(2, **failing(sync_status="aligned", fail_count=3)),
            row(3, **failing(sync_status="aligned", fail_count=1)),
            row(4, **failing()),
            row(5, status="failed", verdict=None),
            row(6, **warned, call_end_error_s=-50.0),
        ),
        10,
    )
    assert [one.recording_id[-1] for one in found] == ["4", "2", "3", "6", "1"]


def test_reasons_are_counted() -> None:
    """Each finding and each error has its numbers of recordings and agents, and whether it is attempted again."""
    found = reasons(
        fleet(
            *(row(n, **failing()) for n in range(3)),
            row(3, status="failed", verdict=None, error_class="StorageError", error="Busy", is_worth_a_retry=True),
            row(4, status="rejected", verdict=None, error_class=None, error=None),
        )
    )
    assert [(one.status, one.name, one.count, one.agents, one.is_worth_a_retry) for one in found] == [
        ("fail", "sync_status", 3, 3, False),
        ("failed", "StorageError", 1, 1, True),
        ("rejected", "without a reason", 1, 1, False),
    ]


def test_held_and_unconfirmed_recordings_are_counted() -> None:
    """Held ones with a measured row, too; those without a verdict are among the failed."""
    held = {"status": "failed", "verdict": None, "error_class": "HeldError", "error": "Nothing confirms it."}
    found = overview(
        fleet(
            row(0, publication="confirmed"),
            *(row(n, publication="unconfirmed") for n in (1, 2, 3)),
            row(4, publication="held", **held),
            row(5, publication="held"),
            row(6, status="failed", verdict=None, error_class="StorageError"),
        )
    )
    assert (found.unconfirmed, found.held, found.held_unexamined) == (3, 2, 1)
    assert (found.failed, found.unexamined) == (2, 2)


def test_days_and_agents_are_counted_once() -> None:
    """Each day and each agent once; rows without a day or an agent don't count."""
    named = (row(n, agent=f"agent-{n % 3}", day=f"2026-03-0{1 + n % 4}") for n in range(12))
    unnamed = (row(n, agent=None, day="unknown") for n in (12, 13))
    found = overview(fleet(*named, *unnamed))
    assert (found.days, found.dayless, found.agents) == (4, 2, 3)


def test_the_overview_holds_no_copy_of_the_rows() -> None:
    """It takes less than 160 bytes a row beside the table, most of them DuckDB's buffers, and no disk."""
    rows = 100_000
    whole = fleet_of(synthetic_rows(rows), NOWHERE, "rows")
    ((table,),) = whole.query("select sum(memory_usage_bytes)::bigint from duckdb_memory()")
    whole.query("set temp_directory = ''")
    whole.query("set threads = 1")
    whole.query(f"set memory_limit = '{table + 160 * rows} bytes'")
    assert overview(whole).count == rows


def test_suspensions_are_counted() -> None:
    """Recordings with one, their total time, and conversations outside of the call; null isn't one."""
    once, twice = {"suspended_count": 1, "suspended_s": 4.0}, {"suspended_count": 2, "suspended_s": 30.5}
    found = overview(fleet(row(0, suspended_count=0, suspended_s=0.0), row(1, **once), row(2, **twice), row(3)))
    assert (found.suspended, found.suspended_s, found.outside_call) == (2, 34.5, 0)
    assert overview(fleet(row(0, outside_call_s=8.0), row(1, outside_call_s=0.0))).outside_call == 1
    assert overview(fleet(row(0))).suspended_s == 0.0


def test_groups_of_contact_records_are_there_if_there_are_records() -> None:
    """Without records the page has its four groups; with a device or a team it has that group, too."""
    assert group_columns(fleet(row(0))) == COLUMNS
    found = fleet(row(0, device="Windows 11 Chrome 141"), row(1, device=" "), row(2, **failing()))
    assert group_columns(found) == (*COLUMNS, "device")
    by_device = {one.name: one.count for one in groups(found, "device")}
    assert by_device == {"Windows 11 Chrome 141": 1, None: 2}
    assert group_columns(fleet(row(0, team="647c7f7d")))[-1] == "team"
