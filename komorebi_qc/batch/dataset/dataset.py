"""The dataset: rows are written one by one to a journal, and moved to the files of their days now and then.

A row is safe as soon as `Dataset.add` returns: it is in the journal, in a separate file. Compaction reads the
journal, replaces the file of every day it touches, and then removes the journal files. If it is interrupted, the next
compaction repeats it with the same result. Of several rows of a recording the newest counts, in whichever file it is:
see `komorebi_qc.batch.dataset.row_merge`.
"""

from __future__ import annotations

import os
import secrets
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from komorebi_qc.batch.dataset import row_summary
from komorebi_qc.batch.dataset.parquet_files import from_parquet, to_parquet
from komorebi_qc.batch.dataset.row_merge import newest
from komorebi_qc.batch.dataset.row_summary import RowSummary, merged_summary, summary_of
from komorebi_qc.batch.dataset.schema import DAY, SCHEMA, UNKNOWN_DAY, WITH_DAY
from komorebi_qc.core.errors import InputError, StorageError
from komorebi_qc.storage.object_store import ObjectStore, VersionedObject, open_store
from komorebi_qc.wiring import aws_client

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

Row = dict[str, Any]
_JOURNAL = "_journal/"
_ROWS, _PARQUET = "/rows.parquet", ".parquet"
_MAX_JOURNAL_ROWS = 2000
"""Rows of a run in the journal, and in memory, before a compaction: about 20 MB, and as many files for readers. Each
compaction writes whole days."""
_ATTEMPTS = 5


class Dataset:
    """Rows in a store.

    Attributes:
        store: the files.
    """

    def __init__(self, store: ObjectStore) -> None:
        self.store = store
        self._summaries: dict[str, RowSummary] | None = None
        self._duplicates: set[str] = set()
        self._own_journal: dict[str, Sequence[Row]] = {}
        self._journal_rows = 0
        self._run, self._count = f"{os.getpid():x}-{secrets.token_hex(3)}", 0

    def summaries(self) -> Mapping[str, RowSummary]:
        """All recordings by ID. `add` keeps them current; rows that other runs write later are missing.

        Raises:
            InputError: A file isn't part of a dataset.
            StorageError: The store doesn't answer.
        """
        return self._index()

    def _index(self) -> dict[str, RowSummary]:
        if self._summaries is None:
            single, merged = _one_each(self._parts(row_summary.COLUMNS))
            self._summaries = {row["recording_id"]: summary_of(row) for row in merged}
            self._duplicates = set(self._summaries)
            for batch in single.to_batches(4096):
                self._summaries.update((row["recording_id"], summary_of(row)) for row in batch.to_pylist())
        return self._summaries

    def add(self, *rows: Row) -> None:
        """Write rows (with ``day``) to the journal, and compact the journal if it has grown long.

        Raises:
            StorageError: The store doesn't take them.
        """
        if not rows:
            return
        known = self._index()
        self._count += 1
        when = rows[0]["done_at"]
        name = f"{_JOURNAL}{when:%Y%m%dT%H%M%S%f}-{self._run}-{self._count:06d}{_PARQUET}"
        self.store.write(name, to_parquet(pa.Table.from_pylist(list(rows), schema=WITH_DAY), "none"))
        self._own_journal[name] = rows
        self._journal_rows += len(rows)
        known.update((row["recording_id"], merged_summary(known.get(row["recording_id"]), row)) for row in rows)
        if self._journal_rows >= _MAX_JOURNAL_ROWS:
            self.compact_journal()

    def compact_journal(self, drop: Iterable[str] = ()) -> int:
        """Move the journal's rows to the files of their days, and return the number of journal files moved.

        Args:
            drop: recordings whose rows are removed.

        Raises:
            InputError: A file isn't part of a dataset.
            StorageError: The store doesn't take the files, or other runs compact all the time.
        """
        dropped, known = set(drop), self._index()
        for _ in range(_ATTEMPTS):
            with self.store.exclusive():
                moved = self._move_journal(dropped)
            if moved is not None:
                self._own_journal.clear()
                self._journal_rows = 0
                self._duplicates.clear()
                for name in dropped:
                    known.pop(name, None)
                return moved
        raise StorageError(
            f"other runs are writing to {self.store.address} all the time: run the command again when they are done"
        )

    def _move_journal(self, dropped: set[str]) -> int | None:
        """As `compact_journal`; None if another run has written a day meanwhile."""
        moved, rows = self._journal()
        ids = pa.array(sorted(rows.keys() | dropped | self._duplicates), pa.string())
        if not len(ids):
            return 0
        versions: dict[str, str] = {}
        new: dict[str, list[Row]] = {}
        found_in: dict[str, set[str]] = {}
        # Every day is searched, because another run may have written a recording under another day. Here and below,
        # one day at a time is in memory.
        for day in self._days():
            if (content := self.store.read(_file_of(day))) is None:
                continue
            versions[day] = content.version
            found = self._rows_of(ids, day, content)
            if found:
                found_in[day], new[day] = {row["recording_id"] for row in found}, []
            for row in found:
                # Before the journal's rows: at equal times those are newer.
                rows.setdefault(row["recording_id"], []).insert(0, row)
        for name in sorted(rows.keys() - dropped):
            row = newest(rows[name])
            new.setdefault(row[DAY] or UNKNOWN_DAY, []).append(row)
        if not self._write_days(versions, found_in, new):
            return None
        self.store.remove(moved)
        self._index().update((row["recording_id"], summary_of(row)) for found in new.values() for row in found)
        return len(moved)

    def _write_days(
        self, versions: Mapping[str, str], found_in: Mapping[str, set[str]], new: Mapping[str, Sequence[Row]]
    ) -> bool:
        """Write the days' new rows, and remove those that moved to another day; False if another run was faster.

        All gains come first, and all losses afterwards. If it is interrupted, a row exists twice and isn't lost. The
        values that a row takes over from an older one of another day aren't lost either.
        """
        digests: dict[str, bytes] = {}
        for day in sorted(day for day in new if new[day]):
            content = self.store.read(_file_of(day))
            own = {row["recording_id"] for row in new[day]}
            if _version(content) != versions.get(day) or not (done := self._write_day(day, content, own, new[day])):
                return False
            digests[day] = sha256(done).digest()
        for day in sorted(found_in):
            if not (gone := found_in[day] - {row["recording_id"] for row in new[day]}):
                continue
            if (content := self.store.read(_file_of(day))) is None:
                return False
            is_ours = day in digests and sha256(content.content).digest() == digests[day]
            is_unchanged = day not in digests and content.version == versions.get(day)
            if not (is_ours or is_unchanged) or not self._write_day(day, content, gone, ()):
                return False
        return True

    def _journal(self) -> tuple[list[str], dict[str, list[Row]]]:
        """The journal's files, and their rows by recording; files of this run aren't read again."""
        names, rows = [], dict[str, list[Row]]()
        for name in self._journal_files():
            found = self._own_journal.get(name)
            if found is None and (content := self.store.read(name)) is not None:
                found = from_parquet(self.store.address_of(name), content.content, UNKNOWN_DAY).to_pylist()
            if found is not None:
                names.append(name)
                for row in found:
                    rows.setdefault(row["recording_id"], []).append(row)
        return names, rows

    def _journal_files(self) -> list[str]:
        return [name for name in self.store.names(_JOURNAL) if name.endswith(_PARQUET)]

    def _days(self) -> list[str]:
        names = self.store.names(f"{DAY}=")
        return [name[len(DAY) + 1 : -len(_ROWS)] for name in names if name.endswith(_ROWS)]

    def _rows_of(self, ids: pa.Array, day: str, content: VersionedObject) -> list[Row]:
        """A day's rows of these recordings."""
        address = self.store.address_of(_file_of(day))
        all_ids = from_parquet(address, content.content, day, ("recording_id",))["recording_id"]
        is_theirs = pc.is_in(all_ids, value_set=ids)
        if not pc.any(is_theirs).as_py():
            return []
        found: list[Row] = self._table_of(day, content).filter(is_theirs).to_pylist()
        return found

    def _table_of(self, day: str, content: VersionedObject | None) -> pa.Table:
        if content is None:
            return WITH_DAY.empty_table()
        return from_parquet(self.store.address_of(_file_of(day)), content.content, day)

    def _write_day(
        self, day: str, before: VersionedObject | None, replaced: set[str], new: Sequence[Row]
    ) -> bytes | None:
        """Write a day with `new` instead of the rows of the recordings `replaced`; None if another run was faster."""
        table = self._table_of(day, before)
        ids = pa.array(sorted(replaced), pa.string())
        kept = table.filter(pc.invert(pc.is_in(table["recording_id"], value_set=ids)))
        table = pa.concat_tables([kept, pa.Table.from_pylist(list(new), schema=WITH_DAY)])
        # An empty day keeps its file: removing it could remove a row that another run has just written.
        content = to_parquet(table.drop_columns([DAY]).sort_by("recording_id").cast(SCHEMA))
        is_same = before is not None and before.content == content
        return content if is_same or self.store.replace(_file_of(day), content, before) else None

    def read(self) -> pa.Table:
        """All rows, one a recording, with ``day``; in the order of days and IDs.

        Raises:
            InputError: There is no dataset, or a file isn't part of one.
            StorageError: The store doesn't answer.
        """
        parts = self._parts(WITH_DAY.names)
        if not parts:
            raise InputError(
                f"{self.store.address} isn't a dataset: it has no day=*{_ROWS}; name the folder that `komorebi-qc "
                "batch` wrote to"
            )
        single, merged = _one_each(parts)
        table = pa.concat_tables([single, pa.Table.from_pylist(merged, schema=WITH_DAY)])
        return table.sort_by([(DAY, "ascending"), ("recording_id", "ascending")])

    def calls_by_record(self) -> dict[str, str]:
        """The call audio by ID of the recordings whose contact's record named it. It may be an earlier row's.

        Raises:
            InputError: A file isn't part of a dataset.
            StorageError: The store doesn't answer.
        """
        rows = (row for part in self._parts(("recording_id", "call", "call_audio_by")) for row in part.to_pylist())
        return {row["recording_id"]: row["call"] for row in rows if row["call_audio_by"] == "record"}

    def _parts(self, columns: Sequence[str]) -> list[pa.Table]:
        """The rows of each file; the journal comes last, because at equal times its rows are newer."""
        parts: list[pa.Table] = []
        for _ in range(_ATTEMPTS):
            journal, days = self._journal_files(), list(map(_file_of, self._days()))
            # The journal is read first: if it is compacted meanwhile, no row is missed; some are read twice.
            found = {name: self._part(name, columns) for name in (*journal, *days)}
            parts = [part for name in (*days, *journal) if (part := found[name]) is not None]
            if len(parts) == len(found):
                break
        return parts

    def _part(self, name: str, columns: Sequence[str]) -> pa.Table | None:
        content = self.store.read(name)
        day = name[len(DAY) + 1 : -len(_ROWS)]  # without meaning for the journal's files, which have a column for it
        return from_parquet(self.store.address_of(name), content.content, day, columns) if content else None


def open_dataset(text: str) -> Dataset:
    """The dataset in a folder or at ``s3://bucket/prefix``.

    Raises:
        InputError: The address names no bucket.
    """
    return Dataset(open_store(text, lambda: aws_client("s3")))


def _one_each(parts: Sequence[pa.Table]) -> tuple[pa.Table, list[Row]]:
    """The rows of recordings with one row, and the merged row of each recording with several."""
    if not parts:
        return WITH_DAY.empty_table(), []
    table = pa.concat_tables(parts)
    counts = table["recording_id"].value_counts()
    duplicates = counts.field("values").filter(pc.greater(counts.field("counts"), 1))
    if not len(duplicates):
        return table, []
    is_duplicate = pc.is_in(table["recording_id"], value_set=duplicates)
    rows: dict[str, list[Row]] = {}
    for row in table.filter(is_duplicate).to_pylist():
        rows.setdefault(row["recording_id"], []).append(row)
    return table.filter(pc.invert(is_duplicate)), [newest(found) for found in rows.values()]


def _file_of(day: str) -> str:
    return f"{DAY}={day}{_ROWS}"


def _version(content: VersionedObject | None) -> str | None:
    return None if content is None else content.version
