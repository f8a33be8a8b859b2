"""Rows selected by a condition, which reads these rows and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from komorebi_qc.batch.dataset.schema import WITH_DAY
from komorebi_qc.batch.selection import listing_of, rows_where
from komorebi_qc.core.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from komorebi_qc.batch.execution.rows import Row

WHEN = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


def row(name: str, day: str, verdict: str | None, **more: Any) -> Row:
    """A row of a recording of the table."""
    filled = {"recording_id": name, "named_by": "id", "call_end": "00:01:00", "agent": "agent-7", "status": "done"}
    blank: dict[str, Any] = dict.fromkeys(WITH_DAY.names)
    return {**blank, **filled, "verdict": verdict, "day": day, "done_at": WHEN, **more}


ROWS = pa.Table.from_pylist(
    [
        row("a", "2026-10-31", "fail"),
        row("b", "2026-11-01", "fail", drift_ppm=80.0, failures=["drift"], listed_in="list.csv:4"),
        row("c", "2026-11-02", "pass", done_at=WHEN + timedelta(days=1)),
        row(
            "d",
            "unknown",
            "fail",
            named_by="files",
            call="/x/call.wav",
            recording="/x/screen.webm",
            analysis="/x/a.json",
        ),
        row("list.csv:3", "unknown", None, named_by=None, status="rejected"),
    ],
    schema=WITH_DAY,
)


def names(condition: str) -> list[str]:
    """The recordings that meet it."""
    return [found["recording_id"] for found in rows_where(ROWS, condition)]


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ("verdict = 'fail' and day >= '2026-11-01'", ["b"]),
        ("day is null", ["d", "list.csv:3"]),
        ("day between '2026-10-01' and '2026-11-01'", ["a", "b"]),
        ("abs(drift_ppm) > 50 or verdict is null", ["b", "list.csv:3"]),
        ("list_contains(failures, 'drift')", ["b"]),
        ("done_at > '2026-11-25'", ["c"]),
        ("status = 'rejected' -- a comment", ["list.csv:3"]),
        ("true", ["a", "b", "c", "d", "list.csv:3"]),
    ],
)
def test_a_condition_is_sql(condition: str, found: list[str]) -> None:
    """Columns have their names, and a day is a date, or null."""
    assert names(condition) == found


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ("verdict == ", "isn't a condition"),
        ("verdit = 'fail'", "Candidate bindings: .*verdict"),
        ("true); drop table rows; select (1", "semicolon"),
        ("day = 'soon'", "isn't a condition"),
    ],
)
def test_an_invalid_condition_is_refused(condition: str, words: str) -> None:
    """The error has DuckDB's reason, and an example."""
    with pytest.raises(InputError, match=words):
        rows_where(ROWS, condition)


@pytest.mark.parametrize(
    "condition",
    [
        "exists (from read_csv('{file}'))",
        "exists (from '{file}')",
        "exists (from read_text('{file}'))",
        "exists (from glob('{folder}/*'))",
        "exists (from read_parquet('http://127.0.0.1:1/x.parquet'))",
        "true) union all (select content, '', '', '', '', '', '', '', '', '', '', '', '' from read_text('{file}')",
        "exists (from secret_rows)",
    ],
)
def test_a_condition_reaches_nothing_else(tmp_path: Path, condition: str) -> None:
    """It can read no file, no network and no variable of this process."""
    secret_rows = pa.table({"a": [1]})
    assert len(secret_rows) == 1
    (tmp_path / "secret.csv").write_text("a\n1\n")
    with pytest.raises(InputError, match="isn't a condition"):
        rows_where(ROWS, condition.format(file=tmp_path / "secret.csv", folder=tmp_path))


def test_a_condition_changes_nothing(tmp_path: Path) -> None:
    """It can't write a file or change a setting."""
    for text in (f"true) to '{tmp_path}/x.csv'; select (1", "true); set enable_external_access = true; select (1"):
        with pytest.raises(InputError):
            rows_where(ROWS, text)
    assert not list(tmp_path.iterdir())


def test_rows_become_a_listing() -> None:
    """With ID or files, call end, agent, day and place as in their list; rejected rows are counted."""
    listing, rejected = listing_of(rows_where(ROWS, "day is null or recording_id = 'b'"), "rerun")
    by_id, by_files = listing.items
    assert (by_id.named_by, by_id.call_end, by_id.agent, by_id.day) == ("id", "00:01:00", "agent-7", "2026-11-01")
    assert (by_files.connect, by_files.recording, by_files.day) == ("/x/call.wav", "/x/screen.webm", "")
    assert (by_id.analysis, by_files.analysis) == ("", "/x/a.json")  # a rerun masks what the first run masked
    assert (by_id.listed_in, by_files.listed_in) == ("list.csv:4", "rerun")
    assert rejected == 1
