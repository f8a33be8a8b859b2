"""The dataset: rows written one by one as they come, filed under their days now and then.

A row is safe from the moment `Dataset.add` returns: it lies in the journal, a file of its own. Filing reads the
journal, writes every day it touches whole, and only then clears what it has read; cut off anywhere, the next one does
it again and comes to the same. Of several rows of a recording the newest counts, wherever they lie: see
`komorebi_qc.batch.dataset.row_merge`.
"""

from __future__ import annotations

import io
import os
import secrets
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from komorebi_qc.batch.dataset.row_merge import leaves_measured, level_verdict, newest, worse
from komorebi_qc.batch.dataset.schema import DAY, LAST_TRY, LEVELS, SCHEMA, SCHEMA_VERSION, UNKNOWN_DAY, WITH_DAY
from komorebi_qc.batch.places import ObjectStore, VersionedObject, place_of
from komorebi_qc.core.errors import InputError, StorageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

Row = dict[str, Any]
_JOURNAL = "_journal/"
_ROWS, _PARQUET = "/rows.parquet", ".parquet"
_MOST_UNFILED = 2000
"""Rows of a run in the journal, and in memory, before they are filed in its midst: about 20 MB, and as many files for
readers to open; each filing writes whole days."""
_TRIES = 5
_INDEX = (
    *("recording_id", "work_key", "inputs_key", "done_at", "do", "status", "is_worth_a_retry", "error_class", "error"),
    *("verdict", "warnings", "failures", "listed_in", *LAST_TRY, *LEVELS, DAY),
)


@dataclass(frozen=True, slots=True)
class Known:
    """What has to be known of a row to say whether its work is done, and how it went.

    Attributes:
        work_key: what it was made from; empty where it wasn't.
        inputs_key: likewise, of the inputs alone.
        status: as in the dataset.
        is_worth_a_retry: as in the dataset.
        error: as in the dataset; empty where it is done.
        listed_in: as in the dataset; empty unless it is set aside.
        verdict: as in the dataset; empty unless it is done.
        level_verdict: of the levels alone; empty where none was measured.
        last_try: the failure that is noted in it.
    """

    work_key: str
    inputs_key: str
    status: str
    is_worth_a_retry: bool
    error: str
    listed_in: str
    verdict: str
    level_verdict: str
    last_try: LastTry | None


@dataclass(frozen=True, slots=True)
class LastTry:
    """A try that failed and left the measured row: the dataset's columns of these names."""

    key: str
    error: str
    is_worth_a_retry: bool


class Dataset:
    """Rows under a place."""

    def __init__(self, place: ObjectStore) -> None:
        self.place = place
        self._known: dict[str, Known] | None = None
        self._twice: set[str] = set()
        self._unfiled: dict[str, Sequence[Row]] = {}
        self._unfiled_rows = 0
        self._run, self._count = f"{os.getpid():x}-{secrets.token_hex(3)}", 0

    def known(self) -> Mapping[str, Known]:
        """All recordings, by ID; kept up to date by `add`, but not for what others write.

        Raises:
            InputError: where a file isn't the dataset's.
            StorageError: where the place doesn't answer.
        """
        return self._index()

    def _index(self) -> dict[str, Known]:
        if self._known is None:
            once, several = _one_each(self._parts(_INDEX))
            self._known = {row["recording_id"]: _known(row) for row in several}
            self._twice = set(self._known)
            for batch in once.to_batches(4096):
                self._known.update((row["recording_id"], _known(row)) for row in batch.to_pylist())
        return self._known

    def add(self, *rows: Row) -> None:
        """Write rows (with ``day``) into the journal, and the journal under its days where it has grown long.

        Raises:
            StorageError: where they aren't taken.
        """
        if not rows:
            return
        known = self._index()
        self._count += 1
        when = rows[0]["done_at"]
        name = f"{_JOURNAL}{when:%Y%m%dT%H%M%S%f}-{self._run}-{self._count:06d}{_PARQUET}"
        self.place.write(name, _parquet(pa.Table.from_pylist(list(rows), schema=WITH_DAY), "none"))
        self._unfiled[name] = rows
        self._unfiled_rows += len(rows)
        known.update((row["recording_id"], _following(known.get(row["recording_id"]), row)) for row in rows)
        if self._unfiled_rows >= _MOST_UNFILED:
            self.compact_journal()

    def compact_journal(self, drop: Iterable[str] = ()) -> int:
        """Bring the journal under its days; how many of its files were brought there.

        Args:
            drop: recordings whose rows go.

        Raises:
            InputError: where a file isn't the dataset's.
            StorageError: where the place doesn't take it, or others file all the time.
        """
        dropped, known = set(drop), self._index()
        for _ in range(_TRIES):
            with self.place.filing():
                done = self._filed(dropped)
            if done is not None:
                self._unfiled.clear()
                self._unfiled_rows = 0
                self._twice.clear()
                for name in dropped:
                    known.pop(name, None)
                return done
        raise StorageError(
            f"{self.place.address} is being written by others all the time: try again when they are done"
        )

    def _filed(self, dropped: set[str]) -> int | None:
        """As `compact_journal`; None where another has written a day meanwhile."""
        read, rows = self._journal()
        ids = pa.array(sorted(rows.keys() | dropped | self._twice), pa.string())
        if not len(ids):
            return 0
        versions: dict[str, str] = {}
        new: dict[str, list[Row]] = {}
        # Every day is looked through, since another run may have filed a recording under another one; one at a time
        # in memory, here and below.
        for day in self._days():
            if (held := self.place.read(_file_of(day))) is None:
                continue
            versions[day] = held.version
            found = self._of(ids, day, held)
            if found:
                new[day] = []
            for row in found:
                # Before the journal's: of equally old rows those are the newer ones.
                rows.setdefault(row["recording_id"], []).insert(0, row)
        for name in sorted(rows.keys() - dropped):
            row = newest(rows[name])
            new.setdefault(row[DAY] or UNKNOWN_DAY, []).append(row)
        # First the days that gain rows, then those that only lose some: cut off between, a row is there twice.
        for day in sorted(new, key=lambda day: (not new[day], day)):
            held = self.place.read(_file_of(day))
            if _version(held) != versions.get(day) or not self._write_day(day, held, ids, new[day]):
                return None
        self.place.remove(read)
        self._index().update((row["recording_id"], _known(row)) for found in new.values() for row in found)
        return len(read)

    def _journal(self) -> tuple[list[str], dict[str, list[Row]]]:
        """The journal's files, and their rows by recording; what this run has written itself is at hand."""
        read, rows = [], dict[str, list[Row]]()
        for name in self._journal_files():
            found = self._unfiled.get(name)
            if found is None and (held := self.place.read(name)) is not None:
                found = _table(f"{self.place.address}/{name}", held.content, UNKNOWN_DAY).to_pylist()
            if found is not None:
                read.append(name)
                for row in found:
                    rows.setdefault(row["recording_id"], []).append(row)
        return read, rows

    def _journal_files(self) -> list[str]:
        return [name for name in self.place.names(_JOURNAL) if name.endswith(_PARQUET)]

    def _days(self) -> list[str]:
        names = self.place.names(f"{DAY}=")
        return [name[len(DAY) + 1 : -len(_ROWS)] for name in names if name.endswith(_ROWS)]

    def _of(self, ids: pa.Array, day: str, held: VersionedObject) -> list[Row]:
        """A day's rows of these recordings."""
        address = f"{self.place.address}/{_file_of(day)}"
        there = _table(address, held.content, day, ("recording_id",))["recording_id"]
        is_theirs = pc.is_in(there, value_set=ids)
        if not pc.any(is_theirs).as_py():
            return []
        found: list[Row] = self._table_of(day, held).filter(is_theirs).to_pylist()
        return found

    def _table_of(self, day: str, held: VersionedObject | None) -> pa.Table:
        if held is None:
            return WITH_DAY.empty_table()
        return _table(f"{self.place.address}/{_file_of(day)}", held.content, day)

    def _write_day(self, day: str, before: VersionedObject | None, but: pa.Array, new: Sequence[Row]) -> bool:
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
        parts = self._parts(WITH_DAY.names)
        if not parts:
            raise InputError(
                f"{self.place.address} holds no dataset: it has no day=*{_ROWS}; name the folder that `komorebi-qc "
                "batch` wrote to"
            )
        once, several = _one_each(parts)
        table = pa.concat_tables([once, pa.Table.from_pylist(several, schema=WITH_DAY)])
        return table.sort_by([(DAY, "ascending"), ("recording_id", "ascending")])

    def _parts(self, columns: Sequence[str]) -> list[pa.Table]:
        """Every file's rows, the journal's last: of equally old rows they are the newer ones."""
        parts: list[pa.Table] = []
        for _ in range(_TRIES):
            journal, days = self._journal_files(), list(map(_file_of, self._days()))
            # Read first what others may file away meanwhile: what lies under its day then is read twice, and not never.
            found = {name: self._part(name, columns) for name in (*journal, *days)}
            parts = [part for name in (*days, *journal) if (part := found[name]) is not None]
            if len(parts) == len(found):
                break
        return parts

    def _part(self, name: str, columns: Sequence[str]) -> pa.Table | None:
        held = self.place.read(name)
        day = name[len(DAY) + 1 : -len(_ROWS)]  # without a meaning for the journal's, which have a column for it
        return _table(f"{self.place.address}/{name}", held.content, day, columns) if held else None


def open_dataset(text: str) -> Dataset:
    """The dataset at a place: a folder, or ``s3://bucket/prefix``.

    Raises:
        InputError: where the place can't be one.
    """
    return Dataset(place_of(text))


def _one_each(parts: Sequence[pa.Table]) -> tuple[pa.Table, list[Row]]:
    """The rows of recordings that have one, and of each that has several the one that counts."""
    if not parts:
        return WITH_DAY.empty_table(), []
    table = pa.concat_tables(parts)
    counts = table["recording_id"].value_counts()
    twice = counts.field("values").filter(pc.greater(counts.field("counts"), 1))
    if not len(twice):
        return table, []
    is_twice = pc.is_in(table["recording_id"], value_set=twice)
    rows: dict[str, list[Row]] = {}
    for row in table.filter(is_twice).to_pylist():
        rows.setdefault(row["recording_id"], []).append(row)
    return table.filter(pc.invert(is_twice)), [newest(found) for found in rows.values()]


def _known(row: Row) -> Known:
    status = row["status"] or ""
    # There may be a hundred thousand of them: what is alike is kept once, and what nobody asks for isn't.
    tried = (row["last_try_key"] or "", row["last_try_error"] or "", bool(row["last_try_is_worth_a_retry"]))
    return Known(
        row["work_key"] or "",
        row["inputs_key"] or "",
        sys.intern(status),
        bool(row["is_worth_a_retry"]),
        (row["error"] or "") if status != "done" else "",
        (row["listed_in"] or "") if status == "set_aside" else "",
        sys.intern(row["verdict"] or "") if status == "done" else "",
        level_verdict(row),
        LastTry(*tried) if row["last_try_at"] is not None else None,
    )


def _following(before: Known | None, row: Row) -> Known:
    """As `komorebi_qc.batch.dataset.row_merge.following`, of what is known."""
    now = _known(row)
    if before is None:
        return now
    if leaves_measured(before.status, before.inputs_key, row):
        return (
            replace(before, last_try=LastTry(now.work_key, now.error, now.is_worth_a_retry)) if now.work_key else before
        )
    if now.status == "done" and now.inputs_key == before.inputs_key and not now.level_verdict:
        verdict = worse(now.verdict, before.level_verdict)
        return replace(now, verdict=verdict, level_verdict=before.level_verdict)
    return now


def _file_of(day: str) -> str:
    return f"{DAY}={day}{_ROWS}"


def _version(held: VersionedObject | None) -> str | None:
    return None if held is None else held.version


def _parquet(table: pa.Table, compression: str = "zstd") -> bytes:
    """A file; of a single row compression takes longer than all else, and makes it no smaller."""
    sink = io.BytesIO()
    pq.write_table(table, sink, compression=compression)
    return sink.getvalue()


def _table(address: str, content: bytes, day: str, columns: Sequence[str] = WITH_DAY.names) -> pa.Table:
    """A file's rows in these columns of today; those that an older version hasn't are null."""
    try:
        file = pq.ParquetFile(io.BytesIO(content))
        told = (file.schema_arrow.metadata or {}).get(b"komorebi_qc.schema", b"").decode()
        if told.partition(".")[0] != SCHEMA_VERSION.partition(".")[0]:
            raise InputError(
                f"{address} has columns of version {told or 'none'}, and this software writes {SCHEMA_VERSION}: name "
                "another folder, or use the software that wrote it"
            )
        wanted = pa.schema([WITH_DAY.field(name) for name in columns], WITH_DAY.metadata)
        table, count = file.read(columns=list(columns)), file.metadata.num_rows  # those that aren't there are left out
        for field in wanted:
            if field.name not in table.column_names:
                filler = pa.array([day] * count, pa.string()) if field.name == DAY else pa.nulls(count, field.type)
                table = table.append_column(field, filler)
        return table.select(wanted.names).cast(wanted)
    except (pa.ArrowException, OSError) as error:
        why = str(error).splitlines()[0]
        raise InputError(f"{address} can't be read as part of the dataset ({why}): remove it, and run again") from None
