"""Datasets of schema 1.x: they are read as 2.0, and conditions with old names are refused."""

from __future__ import annotations

import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from dataset_rows import row

from komorebi_qc.batch.dataset.dataset import open_dataset
from komorebi_qc.batch.dataset.legacy import RENAMED_COLUMNS, RENAMED_STATUS, check_condition
from komorebi_qc.batch.dataset.schema import SCHEMA, SCHEMA_VERSION, WITH_DAY
from komorebi_qc.core.errors import InputError
from komorebi_qc.fleet.dataset import open_fleet

GOLDEN = Path(__file__).parents[3] / "golden" / "dataset_1x"
"""Written by version 0.1.0, see `remake.py` there."""


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A copy of the dataset of schema 1.1."""
    return shutil.copytree(GOLDEN, tmp_path / "dataset", ignore=shutil.ignore_patterns("*.py"))


def test_an_old_dataset_has_the_new_names(old: Path) -> None:
    """Columns, statuses and findings are renamed in days and journal; every other value is unchanged."""
    rows = {found["recording_id"]: found for found in open_dataset(str(old)).read().to_pylist()}
    assert list(rows["r001"]) == WITH_DAY.names
    assert {name: found["action"] for name, found in rows.items()} == {
        "r001": "diagnose", "r002": "diagnose", "r003": "process", "r004": "diagnose", "/lists/day.csv:17": "diagnose",
    }  # fmt: skip
    assert rows["/lists/day.csv:17"]["status"] == "rejected"
    assert rows["r002"]["failures"] == ["video_freeze"]
    assert rows["r002"]["warnings"] == ["video_dts_non_monotonic", "recording_start_pts", "drift"]
    assert (rows["r001"]["last_attempt_action"], rows["r001"]["last_attempt_error"]) == ("audit", "it took too long")
    assert rows["r001"]["call_end_reported_s"] == 22.0
    assert rows["r004"]["warnings"] is None
    assert {found["schema_version"] for found in rows.values()} == {SCHEMA_VERSION}
    assert {found["version"] for found in rows.values()} == {"0.1.0"}


def test_unchanged_values_are_those_of_the_files(old: Path) -> None:
    """Compared with the files themselves, column by column."""
    rows = {found["recording_id"]: found for found in open_dataset(str(old)).read().to_pylist()}
    renamed = {*RENAMED_COLUMNS, "status", "warnings", "failures", "schema_version"}
    count = 0
    for path in old.rglob("*.parquet"):
        for before in pq.ParquetFile(path).read().to_pylist():
            after = rows[before["recording_id"]]
            kept = before.keys() - renamed
            assert {name: before[name] for name in kept} == {name: after[name] for name in kept}
            assert {RENAMED_COLUMNS[k]: v for k, v in before.items() if k in RENAMED_COLUMNS} == {
                new: after[new] for new in RENAMED_COLUMNS.values()
            }
            assert after["status"] == RENAMED_STATUS.get(before["status"], before["status"])
            count += 1
    assert count == len(rows) == 5


def test_an_old_dataset_becomes_a_new_one_as_it_is_written(old: Path) -> None:
    """A compaction writes the days it touches in schema 2.0 and leaves the others; all rows are read as before."""
    before = open_dataset(str(old)).read()
    dataset = open_dataset(str(old))
    dataset.add(row("new", day="2026-11-20"))
    dataset.compact_journal()
    metadata = {path.parent.name: pq.read_schema(path).metadata for path in old.glob("day=*/*.parquet")}
    assert metadata["day=2026-11-20"] == SCHEMA.metadata
    assert metadata["day=unknown"][b"komorebi_qc.schema"] == b"1.1"
    after = open_dataset(str(old)).read().to_pylist()
    assert [found for found in after if found["recording_id"] != "new"] == before.to_pylist()


def test_the_fleet_report_reads_an_old_dataset(old: Path) -> None:
    """Outcomes are those of the current statuses."""
    outcomes = open_fleet(str(old)).query("select outcome, count(*) from rows group by all order by all")
    assert outcomes == [("fail", 1), ("failed", 1), ("rejected", 1), ("warn", 2)]


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ("do = 'audit'", "do is now action"),
        ("last_try_do is not null and abs(call_end_told_s) > 1", "last_attempt_action, call_end_told_s is now"),
        ("status = 'set_aside'", "'set_aside' is now 'rejected'"),
        ("list_contains(failures, 'picture_frozen')", "'picture_frozen' is now 'video_freeze'"),
        ("Last_Try_Error like '%x%'", "is now last_attempt_error"),
    ],
)
def test_a_condition_with_an_old_name_is_refused(condition: str, words: str) -> None:
    """The error gives the new name: with an old value, the condition would match no row."""
    with pytest.raises(InputError, match=words):
        check_condition(condition)


def test_other_conditions_pass() -> None:
    """An old column name within a text is a value, and an old value outside of quotes is no value."""
    check_condition("error like '%do%' and action = 'audit' and status = 'rejected' and agent = 'do'")


def test_a_recording_may_have_an_old_name() -> None:
    """Any word can be an ID; beside it, an old status is still refused."""
    check_condition("recording_id = 'set_aside' or recording_id not in ('a', 'set_aside', 'it''s')")
    with pytest.raises(InputError, match="'set_aside' is now 'rejected'"):
        check_condition("recording_id in ('a', 'b') and status = 'set_aside'")
