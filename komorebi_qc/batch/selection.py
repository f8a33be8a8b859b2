"""Rows of a dataset that meet a condition, and the recordings to do again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import duckdb

from komorebi_qc.batch.dataset.legacy import check_condition
from komorebi_qc.batch.dataset.schema import DAY, UNKNOWN_DAY
from komorebi_qc.batch.manifest.items import Item, Listing, NamedBy
from komorebi_qc.core.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa

Row = dict[str, Any]
_SEALED = {
    "enable_external_access": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_community_extensions": "false",
    "python_enable_replacements": "false",
}
_COLUMNS = (
    *("recording_id", "named_by", "call", "recording", "call_end", "agent", "browser", "status", "verdict", "error"),
    *("listed_in", "analysis", "transcript"),
)


def rows_where(table: pa.Table, condition: str) -> list[Row]:
    """The rows that meet a condition, in the order of days and IDs; in the condition, ``day`` is a date or null.

    The condition sees these rows only: no file, no network, no second statement.

    Args:
        table: all rows, from `Dataset.read`.
        condition: the text after ``WHERE``, in DuckDB's SQL; empty for all rows.

    Raises:
        InputError: The text isn't a condition on these columns, or uses names of an older schema.
    """
    check_condition(condition)
    database = duckdb.connect(":memory:", config=dict(_SEALED))
    try:
        # Without a time zone DuckDB needs no extension; all times are UTC.
        at = table.column_names.index("done_at")
        database.register("given", table.set_column(at, "done_at", table["done_at"].cast("timestamp[ms]")))
        database.execute(f"create table rows as select * replace (try_cast({DAY} as date) as {DAY}) from given")  # noqa: S608
        database.unregister("given")
        database.execute("set lock_configuration = true")
        names = ", ".join((*_COLUMNS, f"strftime({DAY}, '%Y-%m-%d') as {DAY}"))
        # The condition has its own lines, so that a comment in it ends with it.
        query = f"select {names} from rows where (\n{condition or 'true'}\n) order by rows.{DAY}, recording_id"  # noqa: S608
        try:
            statements = database.extract_statements(query)
            if len(statements) != 1:
                raise InputError("--where has a semicolon: give one condition, the text after WHERE")
            found = database.execute(statements[0])
            columns = [column[0] for column in found.description or ()]
            return [dict(zip(columns, row, strict=True)) for row in found.fetchall()]
        except duckdb.Error as error:
            why = " ".join(line.strip() for line in str(error).splitlines()[:3] if line.strip())
            raise InputError(
                f"--where {condition!r} isn't a condition on the rows ({why}): write SQL, such as verdict = 'fail' and "
                "day >= '2026-11-01'; docs/reference/dataset.md lists the columns"
            ) from None
    finally:
        database.close()


def listing_of(rows: list[Row], name: str) -> tuple[Listing, int]:
    """The recordings of these rows, and the number of rejected rows among them, which name no recording."""
    usable = [row for row in rows if row["named_by"] and row["status"] != "rejected"]
    items = []
    for row in usable:
        is_by_id = row["named_by"] == "id"
        files = ("", "") if is_by_id else (row["call"] or "", row["recording"] or "")
        others = (row["call_end"] or "", row["agent"] or "", _day(row), row["browser"] or "")
        # The row keeps the place where the recording was listed first.
        listed_in = row["listed_in"] or name
        analysis, words = ("" if is_by_id else row[name] or "" for name in ("analysis", "transcript"))
        named_by: NamedBy = "id" if is_by_id else "files"
        items.append(
            Item(row["recording_id"], named_by, listed_in, *files, *others, analysis=analysis, transcript=words)
        )
    return Listing(name, tuple(items), ()), len(rows) - len(usable)


def _day(row: Row) -> str:
    return "" if row[DAY] in (None, UNKNOWN_DAY) else str(row[DAY])
