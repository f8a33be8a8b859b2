"""The dataset: rows written one by one as they come, filed under their days now and then.

A row is safe from the moment `Dataset.add` returns: it lies in the journal, a file of its own. Filing reads the
journal, writes every day it touches whole, and only then clears what it has read; cut off anywhere, the next one does
it again and comes to the same. Of several rows of a recording the newest counts, wherever they lie.
"""

from __future__ import annotations

import csv
import io
import json
import os
import secrets
import sys
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from komorebi_qc.batch.places import Folder, Held, Place, place_of
from komorebi_qc.batch.schema import CARRIED, DAY, LEVELS, SCHEMA, SCHEMA_VERSION, UNKNOWN_DAY, WITH_DAY
from komorebi_qc.errors import InputError, StorageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

Row = dict[str, Any]
_JOURNAL = "_journal/"
_ROWS = "/rows.parquet"
_MOST_UNFILED = 500
"""Rows in the journal before they are filed in the midst of a run: each is a file that readers have to open."""
_TRIES = 5
_INDEX = ("recording_id", "work_key", "status", "is_worth_a_retry", "error", "done_at", "listed_in", DAY, *LEVELS)


@dataclass(frozen=True, slots=True)
class Known:
    """What has to be known of a row to say whether its work is done.

    Attributes:
        work_key: what it was made from; empty where it wasn't.
        status: as in the dataset.
        is_worth_a_retry: as in the dataset.
        error: as in the dataset; empty where it is done.
        listed_in: as in the dataset; empty unless it is set aside.
        has_levels: whether it knows any level.
        days: where rows of the recording lie, the newest one's last.
    """

    work_key: str
    status: str
    is_worth_a_retry: bool
    error: str
    listed_in: str
    has_levels: bool
    days: tuple[str, ...]


class Dataset:
    """Rows under a place."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self._known: dict[str, Known] | None = None
        self._unfiled, self._run = 0, f"{os.getpid():x}-{secrets.token_hex(3)}"
        self._count = 0

    def known(self) -> Mapping[str, Known]:
        """All recordings, by ID; kept up to date by `add`, but not for what others write.

        Raises:
            InputError: where a file isn't the dataset's.
            StorageError: where the place doesn't answer.
        """
        return self._index()

    def _index(self) -> dict[str, Known]:
        if self._known is None:
            found: dict[str, tuple[datetime, Known]] = {}
            for table in self._parts(_INDEX):
                for row in table.to_pylist():
                    _note(found, row)
            self._known = {name: one for name, (_, one) in found.items()}
        return self._known

    def add(self, row: Row) -> None:
        """Write a row (with ``day``) into the journal, and the journal under its days where it has grown long.

        Raises:
            StorageError: where it isn't taken.
        """
        known = self._index()
        self._count += 1
        when = row["done_at"]
        name = f"{_JOURNAL}{when:%Y%m%dT%H%M%S%f}-{self._run}-{self._count:06d}.parquet"
        self.place.write(name, _parquet(pa.Table.from_pylist([row], schema=WITH_DAY)))
        before = known.get(row["recording_id"])
        days = tuple(day for day in (before.days if before else ()) if day != row[DAY])
        known[row["recording_id"]] = _known(row, (*days, row[DAY]))
        self._unfiled += 1
        if self._unfiled >= _MOST_UNFILED:
            self.file_away()

    def file_away(self, drop: Iterable[str] = ()) -> int:
        """Bring the journal under its days; how many rows came from it.

        Args:
            drop: recordings whose rows go.

        Raises:
            InputError: where a file isn't the dataset's.
            StorageError: where the place doesn't take it, or others file all the time.
        """
        dropped = set(drop)
        for _ in range(_TRIES):
            with self.place.filing():
                done = self._filed(dropped)
            if done is not None:
                self._unfiled = 0
                if self._known is not None:
                    for name in dropped:
                        self._known.pop(name, None)
                return done
        raise StorageError(
            f"{self.place.address} is being written by others all the time: try again when they are done"
        )

    def _filed(self, dropped: set[str]) -> int | None:
        """As `file_away`; None where another has written a day meanwhile."""
        known = self.known()
        read, rows = self._journal()
        touched = rows.keys() | (dropped & known.keys())
        days = {row[DAY] or UNKNOWN_DAY for found in rows.values() for row in found}
        days |= {day for name in touched if name in known for day in known[name].days}
        ids = pa.array(sorted(touched), pa.string())
        versions = {}
        for day in days:  # one at a time in memory, here and below
            held = self.place.read(_file_of(day))
            versions[day] = _version(held)
            table = self._table_of(day, held)
            for row in table.filter(pc.is_in(table["recording_id"], value_set=ids)).to_pylist():
                # Before the journal's: of equally old rows those are the newer ones.
                rows.setdefault(row["recording_id"], []).insert(0, row)
        new: dict[str, list[Row]] = {day: [] for day in days}
        for name in sorted(rows.keys() - dropped):
            row = newest(rows[name])
            new[row[DAY] or UNKNOWN_DAY].append(row)
        # First the days that gain rows, then those that only lose some: cut off between, a row is there twice.
        for day in sorted(days, key=lambda day: (not new[day], day)):
            held = self.place.read(_file_of(day))
            if _version(held) != versions[day] or not self._write_day(day, held, ids, new[day]):
                return None
        self.place.remove(read)
        if self._known is not None:
            self._known |= {row["recording_id"]: _known(row, (day,)) for day in days for row in new[day]}
        return len(read)

    def _journal(self) -> tuple[list[str], dict[str, list[Row]]]:
        read, rows = [], dict[str, list[Row]]()
        for name in self.place.names(_JOURNAL):
            if (held := self.place.read(name)) is not None:
                read.append(name)
                for row in _table(f"{self.place.address}/{name}", held.content, UNKNOWN_DAY).to_pylist():
                    rows.setdefault(row["recording_id"], []).append(row)
        return read, rows

    def _table_of(self, day: str, held: Held | None) -> pa.Table:
        if held is None:
            return WITH_DAY.empty_table()
        return _table(f"{self.place.address}/{_file_of(day)}", held.content, day)

    def _write_day(self, day: str, before: Held | None, but: pa.Array, new: Sequence[Row]) -> bool:
        """A day with these rows in place of those of the recordings `but`; False where another was faster."""
        table = self._table_of(day, before)
        kept = table.filter(pc.invert(pc.is_in(table["recording_id"], value_set=but)))
        table = pa.concat_tables([kept, pa.Table.from_pylist(list(new), schema=WITH_DAY)])
        if before is None and not len(table):
            return True
        # A day that loses its last row stays, empty: taken away, it could take another's new row along.
        content = _parquet(table.drop_columns([DAY]).sort_by("recording_id").cast(SCHEMA))
        is_same = before is not None and before.content == content
        return is_same or self.place.replace(_file_of(day), content, before)

    def read(self) -> pa.Table:
        """All rows, one a recording, with ``day``; in the order of days and IDs.

        Raises:
            InputError: where there are none, or a file isn't the dataset's.
            StorageError: where the place doesn't answer.
        """
        parts = list(self._parts(WITH_DAY.names))
        if not parts:
            raise InputError(
                f"{self.place.address} holds no dataset: it has no day=*{_ROWS}; name the folder that `komorebi-qc "
                "batch` wrote to"
            )
        table = pa.concat_tables(parts)
        counts = table["recording_id"].value_counts()
        twice = counts.field("values").filter(pc.greater(counts.field("counts"), 1))
        if len(twice):
            is_twice = pc.is_in(table["recording_id"], value_set=twice)
            rows: dict[str, list[Row]] = {}
            for row in table.filter(is_twice).to_pylist():
                rows.setdefault(row["recording_id"], []).append(row)
            one_each = pa.Table.from_pylist([newest(found) for found in rows.values()], schema=WITH_DAY)
            table = pa.concat_tables([table.filter(pc.invert(is_twice)), one_each])
        return table.sort_by([(DAY, "ascending"), ("recording_id", "ascending")])

    def write_csv(self, path: Path) -> int:
        """All rows as CSV, lists with ``; `` between their parts; how many.

        Raises:
            InputError: where the file can't be written.
        """
        table = self.read()
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow(table.column_names)
        for batch in table.to_batches(1024):
            for row in batch.to_pylist():
                writer.writerow([_cell(value) for value in row.values()])
        Folder(path.resolve().parent).write(path.name, text.getvalue().encode())
        return len(table)

    def _parts(self, columns: Sequence[str]) -> list[pa.Table]:
        """Every file's rows, the journal's last: of equally old rows they are the newer ones."""
        parts: list[pa.Table] = []
        for _ in range(_TRIES):
            journal = self.place.names(_JOURNAL)
            days = [name for name in self.place.names(f"{DAY}=") if name.endswith(_ROWS)]
            # Read first what others may file away meanwhile: what lies under its day then is read twice, and not never.
            found = {name: self._part(name, columns) for name in (*journal, *days)}
            parts = [part for name in (*days, *journal) if (part := found[name]) is not None]
            if len(parts) == len(found):
                break
        return parts

    def _part(self, name: str, columns: Sequence[str]) -> pa.Table | None:
        held = self.place.read(name)
        day = name[len(DAY) + 1 : -len(_ROWS)]  # without a meaning for the journal's, which have a column for it
        return _table(f"{self.place.address}/{name}", held.content, day).select(columns) if held else None


def open_dataset(text: str) -> Dataset:
    """The dataset at a place: a folder, or ``s3://bucket/prefix``.

    Raises:
        InputError: where the place can't be one.
    """
    return Dataset(place_of(text))


def newest(rows: Sequence[Row]) -> Row:
    """The newest of a recording's rows, with what it keeps of those before it."""
    first, *others = sorted(rows, key=_age)
    for row in others:
        first = carried(first, row)
    return first


def carried(old: Row, new: Row) -> Row:
    """A row in place of another: what wasn't measured again stays, where it was made from the same inputs."""
    if not new["inputs_key"] or new["inputs_key"] != old["inputs_key"]:
        return new
    return {**new, **{name: old[name] for name in CARRIED if new.get(name) is None}}


def _age(row: Row) -> datetime:
    when: datetime = row["done_at"] or datetime.min.replace(tzinfo=UTC)
    return when


def _note(found: dict[str, tuple[datetime, Known]], row: Row) -> None:
    name, day, when = row["recording_id"], row[DAY] or UNKNOWN_DAY, _age(row)
    last, before = found.get(name, (None, None))
    days = tuple(other for other in (before.days if before else ()) if other != day)
    if before is None or last is None or when >= last:
        found[name] = (when, _known(row, (*days, day)))
    else:
        found[name] = (last, replace(before, days=(day, *days)))


def _known(row: Row, days: tuple[str, ...]) -> Known:
    status = row.get("status") or ""
    # There may be a hundred thousand of them: what is alike is kept once, and what nobody asks for isn't.
    return Known(
        row.get("work_key") or "",
        sys.intern(status),
        bool(row.get("is_worth_a_retry")),
        (row.get("error") or "") if status != "done" else "",
        (row.get("listed_in") or "") if status == "set_aside" else "",
        any(row.get(name) is not None for name in LEVELS),
        tuple(map(sys.intern, days)),
    )


def _file_of(day: str) -> str:
    return f"{DAY}={day}{_ROWS}"


def _version(held: Held | None) -> str | None:
    return None if held is None else held.version


def _days(day: str, count: int) -> pa.Array:
    return pa.array([day] * count, pa.string())


def _cell(value: Any) -> Any:
    if isinstance(value, list):
        return "; ".join(value)
    if isinstance(value, bool):
        return json.dumps(value)
    return value.isoformat(timespec="milliseconds") if hasattr(value, "isoformat") else value


def _parquet(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue()


def _table(address: str, content: bytes, day: str | None) -> pa.Table:
    """A file's rows in the columns of today; those that an older version hasn't are null."""
    try:
        file = pq.ParquetFile(io.BytesIO(content))
        told = (file.schema_arrow.metadata or {}).get(b"komorebi_qc.schema", b"").decode()
        if told.partition(".")[0] != SCHEMA_VERSION.partition(".")[0]:
            raise InputError(
                f"{address} has columns of version {told or 'none'}, and this software writes {SCHEMA_VERSION}: name "
                "another folder, or use the software that wrote it"
            )
        table = file.read()
        for field in WITH_DAY:
            if field.name not in table.column_names:
                filler = (
                    _days(day or UNKNOWN_DAY, len(table)) if field.name == DAY else pa.nulls(len(table), field.type)
                )
                table = table.append_column(field, filler)
        return table.select(WITH_DAY.names).cast(WITH_DAY)
    except (pa.ArrowException, OSError) as error:
        why = str(error).splitlines()[0]
        raise InputError(f"{address} can't be read as part of the dataset ({why}): remove it, and run again") from None
