"""Rows of a dataset, chosen by a condition, to be done again: here, or by the production queue."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import duckdb

from komorebi_qc.batch.dataset.schema import DAY, UNKNOWN_DAY
from komorebi_qc.batch.manifest.manifest_file import Item, Listed
from komorebi_qc.core.errors import AccessDeniedError, InputError, KomorebiError, SettingsError
from komorebi_qc.queue import operate
from komorebi_qc.queue.sqs import Queue
from komorebi_qc.storage.dynamodb import DynamoTable
from komorebi_qc.wiring import Settings, aws_client

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import pyarrow as pa

Row = dict[str, Any]
_FASTEST_HZ = 1000
_SEALED = {
    "enable_external_access": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_community_extensions": "false",
    "python_enable_replacements": "false",
}
_NEEDED = (
    "recording_id",
    "named_by",
    "call",
    "recording",
    "call_end",
    "agent",
    "browser",
    "status",
    "verdict",
    "error",
    "listed_in",
)


def rows_where(table: pa.Table, condition: str) -> list[Row]:
    """The rows for which a condition holds, in the order of days and IDs; for it ``day`` is a date, or null.

    Nothing but these rows can be asked for: no file, no network, no second statement.

    Args:
        table: all rows, as `Dataset.read` gives them.
        condition: as after ``WHERE``, in DuckDB's SQL; empty for all.

    Raises:
        InputError: where the condition is none.
    """
    database = duckdb.connect(":memory:", config=dict(_SEALED))
    try:
        # Without a time zone no library for those is needed; all are UTC.
        at = table.column_names.index("done_at")
        database.register("given", table.set_column(at, "done_at", table["done_at"].cast("timestamp[ms]")))
        database.execute(f"create table rows as select * replace (try_cast({DAY} as date) as {DAY}) from given")  # noqa: S608
        database.unregister("given")
        database.execute("set lock_configuration = true")
        names = ", ".join((*_NEEDED, f"strftime({DAY}, '%Y-%m-%d') as {DAY}"))
        # A line of its own, so that a comment at its end ends with it.
        query = f"select {names} from rows where (\n{condition or 'true'}\n) order by rows.{DAY}, recording_id"  # noqa: S608
        try:
            statements = database.extract_statements(query)
            if len(statements) != 1:
                raise InputError("--where has a semicolon: give one condition, as after WHERE")
            found = database.execute(statements[0])
            columns = [column[0] for column in found.description or ()]
            return [dict(zip(columns, row, strict=True)) for row in found.fetchall()]
        except duckdb.Error as error:
            why = " ".join(line.strip() for line in str(error).splitlines()[:3] if line.strip())
            raise InputError(
                f"--where {condition!r} is no condition on the rows ({why}): write it as in SQL, such as "
                "verdict = 'fail' and day >= '2026-11-01'; docs/reference/dataset.md lists the columns"
            ) from None
    finally:
        database.close()


def listed_again(rows: list[Row], name: str) -> tuple[Listed, int]:
    """The recordings of these rows, to be done again, and how many can't be, since they were set aside."""
    usable = [row for row in rows if row["named_by"] and row["status"] != "set_aside"]
    items = []
    for row in usable:
        is_by_id = row["named_by"] == "id"
        files = ("", "") if is_by_id else (row["call"] or "", row["recording"] or "")
        others = (row["call_end"] or "", row["agent"] or "", _day(row), row["browser"] or "")
        # Where it was listed at first stays in its row.
        listed_in = row["listed_in"] or name
        items.append(Item(row["recording_id"], "id" if is_by_id else "files", listed_in, *files, *others))
    return Listed(name, tuple(items), ()), len(rows) - len(usable)


def _day(row: Row) -> str:
    return "" if row[DAY] in (None, UNKNOWN_DAY) else str(row[DAY])


@dataclass(slots=True)
class Sent:
    """What went to the queue.

    Attributes:
        count: messages that were sent.
        refused: IDs and why not.
    """

    count: int = 0
    refused: list[tuple[str, str]] = field(default_factory=list)


def for_the_queue(rows: list[Row]) -> tuple[list[Row], list[tuple[str, str]]]:
    """Rows that a message can name, and of the others ID and reason."""
    can, cannot = [], []
    for row in rows:
        if row["named_by"] != "id":
            cannot.append((row["recording_id"], "it isn't in the table: the queue knows recordings by their ID"))
        elif not row["call_end"]:
            cannot.append((row["recording_id"], "its call end isn't known"))
        else:
            can.append(row)
    return can, cannot


def open_queue(environ: Mapping[str, str]) -> tuple[DynamoTable, Queue]:
    """The configured table and queue.

    Raises:
        SettingsError: where they aren't configured.
    """
    settings = Settings.from_environment(environ)
    if not settings.queue_url:
        raise SettingsError("KOMOREBI_QUEUE_URL isn't set: it names the queue that messages are sent to")
    return DynamoTable(aws_client("dynamodb"), settings.table_name), Queue(aws_client("sqs"), settings.queue_url)


@dataclass(frozen=True, slots=True)
class Pace:
    """Evenly, and not faster than `rate_hz` a second.

    Raises:
        InputError: where the rate is none.
    """

    rate_hz: float
    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    def __post_init__(self) -> None:
        if not 0 < self.rate_hz <= _FASTEST_HZ:
            raise InputError(f"--rate {self.rate_hz:g} is none: messages a second, over 0 up to {_FASTEST_HZ}")

    def beats(self) -> Iterator[None]:
        """One whenever another is due."""
        due_s = self.now()
        while True:
            while (early_s := due_s - self.now()) > 0:
                self.sleep(early_s)
            due_s = max(due_s, self.now()) + 1 / self.rate_hz
            yield


def submit(
    rows: list[Row],
    sent: Sent,
    *,
    force: bool,
    pace: Pace,
    table: DynamoTable,
    queue: Queue,
    told: Callable[[str], None] = lambda _outcome: None,
    check: Callable[[], None] = lambda: None,
) -> None:
    """A message for each row, as the backend would send it; `sent` is kept up to date.

    What `check` raises ends it before the next one.

    Raises:
        AccessDeniedError: where table or queue refuse.
    """
    for row, _ in zip(rows, pace.beats(), strict=False):
        check()
        try:
            operate.submit(row["recording_id"], row["call_end"], force=force, table=table, queue=queue)
        except (AccessDeniedError, SettingsError):
            raise
        except KomorebiError as error:
            sent.refused.append((row["recording_id"], str(error)))
            told("failed")
        else:
            sent.count += 1
            told("sent")
