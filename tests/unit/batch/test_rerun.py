"""Rows chosen by a condition: the condition reads these rows and nothing else, and messages go out at their pace."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from komorebi_qc.batch.dataset.schema import WITH_DAY
from komorebi_qc.batch.selection import listing_of, rows_where
from komorebi_qc.batch.submission import Pace, split_for_queue
from komorebi_qc.core.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from komorebi_qc.batch.execution.rows import Row

WHEN = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


def row(name: str, day: str, verdict: str | None, **more: Any) -> Row:
    """A row of a recording of the table."""
    told = {"recording_id": name, "named_by": "id", "call_end": "00:01:00", "agent": "agent-7", "status": "done"}
    blank: dict[str, Any] = dict.fromkeys(WITH_DAY.names)
    return {**blank, **told, "verdict": verdict, "day": day, "done_at": WHEN, **more}


ROWS = pa.Table.from_pylist(
    [
        row("a", "2026-10-31", "fail"),
        row("b", "2026-11-01", "fail", drift_ppm=80.0, failures=["drift"], listed_in="list.csv:4"),
        row("c", "2026-11-02", "pass", done_at=WHEN + timedelta(days=1)),
        row("d", "unknown", "fail", named_by="files", call="/x/call.wav", recording="/x/screen.webm"),
        row("list.csv:3", "unknown", None, named_by=None, status="rejected"),
    ],
    schema=WITH_DAY,
)


def names(condition: str) -> list[str]:
    """The recordings for which it holds."""
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
    """Each column by its name; a day is a date, and one that isn't known is after and before nothing."""
    assert names(condition) == found


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ("verdict == ", "no condition"),
        ("verdit = 'fail'", "Candidate bindings: .*verdict"),
        ("true); drop table rows; select (1", "semicolon"),
        ("day = 'soon'", "no condition"),
    ],
)
def test_what_is_no_condition_is_refused(condition: str, words: str) -> None:
    """With what is wrong in DuckDB's words, and an example."""
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
        "true) union all (select content, '', '', '', '', '', '', '', '', '', '', '' from read_text('{file}')",
        "exists (from secret_rows)",
    ],
)
def test_a_condition_reaches_nothing_else(tmp_path: Path, condition: str) -> None:
    """No file, no network and no variable of this process can be read by it, however it is asked for."""
    secret_rows = pa.table({"a": [1]})
    assert len(secret_rows) == 1
    (tmp_path / "secret.csv").write_text("a\n1\n")
    with pytest.raises(InputError, match="no condition"):
        rows_where(ROWS, condition.format(file=tmp_path / "secret.csv", folder=tmp_path))


def test_a_condition_changes_nothing(tmp_path: Path) -> None:
    """It can neither write a file nor loosen what holds it."""
    for text in (f"true) to '{tmp_path}/x.csv'; select (1", "true); set enable_external_access = true; select (1"):
        with pytest.raises(InputError):
            rows_where(ROWS, text)
    assert not list(tmp_path.iterdir())


def test_rows_become_recordings_again() -> None:
    """As their list named them: by ID or by files, with call end, agent, day and place; rows set aside name none."""
    listed, aside = listing_of(rows_where(ROWS, "day is null or recording_id = 'b'"), "rerun")
    by_id, by_files = listed.items
    assert (by_id.named_by, by_id.call_end, by_id.agent, by_id.day) == ("id", "00:01:00", "agent-7", "2026-11-01")
    assert (by_files.connect, by_files.recording, by_files.day) == ("/x/call.wav", "/x/screen.webm", "")
    assert (by_id.listed_in, by_files.listed_in) == ("list.csv:4", "rerun")
    assert aside == 1


def test_the_queue_knows_recordings_by_their_id() -> None:
    """Rows of files, and those whose call end isn't known, are named with the reason and not sent."""
    rows = [*rows_where(ROWS, "true"), {**row("e", "2026-11-01", "fail"), "call_end": None}]
    can, cannot = split_for_queue(rows)
    assert [found["recording_id"] for found in can] == ["a", "b", "c"]
    assert [name for name, _ in cannot] == ["d", "list.csv:3", "e"]


def test_the_pace_is_even_and_catches_nothing_up() -> None:
    """Two a second are half a second apart; after a pause the next ones aren't sent in a heap."""
    clock, beats = [0.0], []

    def sleep(seconds: float) -> None:
        clock[0] += seconds

    pace = Pace(2.0, lambda: clock[0], sleep).beats()
    for n in range(6):
        next(pace)
        beats.append(round(clock[0], 6))
        clock[0] += 5.0 if n == 2 else 0.1
    assert beats == [0.0, 0.5, 1.0, 6.0, 6.5, 7.0]


@pytest.mark.parametrize("rate", [0, -1, 1001, float("nan")])
def test_a_rate_that_is_none(rate: float) -> None:
    """Neither nothing a second nor a flood."""
    with pytest.raises(InputError, match="--rate"):
        Pace(rate)
