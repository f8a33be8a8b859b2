"""The dataset: rows are written one by one to a journal, and moved to the files of their days now and then.

A row is safe as soon as `Dataset.add` returns: it is in the journal, in a separate file. Compaction moves the journal's
rows to files of their days, see `komorebi_qc.batch.dataset.filing`. Of several rows of a recording the newest counts,
in whichever file it is: see `komorebi_qc.batch.dataset.row_merge`.

Nobody needs the whole dataset in memory. `Dataset.look_up` reads the rows of the recordings that a run is about;
`Dataset.read_into` passes all rows on, a file at a time.
"""

from __future__ import annotations

import os
import secrets
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from komorebi_qc.batch.dataset import row_summary
from komorebi_qc.batch.dataset.data_files import JOURNAL, day_files, day_of
from komorebi_qc.batch.dataset.filing import Filing, duplicated
from komorebi_qc.batch.dataset.id_index import IdIndex
from komorebi_qc.batch.dataset.journal import Journal, by_recording
from komorebi_qc.batch.dataset.parquet_files import from_parquet
from komorebi_qc.batch.dataset.row_merge import newest
from komorebi_qc.batch.dataset.row_sinks import Ids, Rejected, Tables
from komorebi_qc.batch.dataset.row_summary import RowSummary, merged_summary, summary_of
from komorebi_qc.batch.dataset.schema import DAY, UNKNOWN_DAY, WITH_DAY
from komorebi_qc.core.errors import InputError, StorageError
from komorebi_qc.storage.object_store import ObjectStore, open_store
from komorebi_qc.wiring import aws_client

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from komorebi_qc.batch.dataset.row_sinks import RowSink

Row = dict[str, Any]
_MAX_JOURNAL_ROWS = 2000
"""Rows of a run in the journal, and in memory, before a compaction: about 20 MB, and as many files for readers."""
_ATTEMPTS = 5


class Dataset:
    """Rows in a store.

    Attributes:
        store: the files.
    """

    def __init__(self, store: ObjectStore) -> None:
        self.store = store
        run = f"{os.getpid():x}-{secrets.token_hex(3)}"
        self._index, self._journal = IdIndex(store), Journal(store, run)
        self._filing = Filing(store, self._journal, self._index, run)
        self._known: dict[str, RowSummary] = {}
        self._looked_up: set[str] = set()
        self._duplicates: set[str] = set()

    def look_up(self, ids: Iterable[str]) -> None:
        """Read the rows of some recordings, for `summary`. Rows that other runs write later are missing.

        Raises:
            InputError: A file isn't part of a dataset.
            StorageError: The store doesn't answer.
        """
        new = set(ids) - self._looked_up
        if not new:
            return
        rows = next(found for _ in self._attempts() if (found := self._rows_in_short(new)) is not None)
        self._looked_up |= new
        self._known.update((name, summary_of(newest(found))) for name, found in rows.items())

    def _rows_in_short(self, ids: Collection[str]) -> dict[str, list[Row]] | None:
        """The rows of some recordings, the journal's last; None if a file was replaced meanwhile."""
        # The journal is read first: if it is compacted meanwhile, no row is missed; some are read twice.
        waiting = by_recording(self._journal.rows())
        files = day_files(self.store)
        places = self._index.find(ids, files)
        if not self._index.counts.keys() >= set(files):
            return None
        rows: dict[str, list[Row]] = {}
        for name, there in places.items():
            table = self._table(name, row_summary.COLUMNS)
            if table is None:
                return None
            for row in _rows_of(table, there):
                rows.setdefault(row["recording_id"], []).append(row)
        self._duplicates |= duplicated(places)
        for name in waiting.keys() & ids:
            rows.setdefault(name, []).extend(waiting[name])
        return rows

    def summary(self, recording_id: str) -> RowSummary | None:
        """The row of a recording that was looked up or added, in short; None without one."""
        return self._known.get(recording_id)

    def summaries(self) -> Mapping[str, RowSummary]:
        """All recordings by ID, in memory: 1 kB for each.

        Raises:
            InputError: A file isn't part of a dataset.
            StorageError: The store doesn't answer.
        """
        ids = Ids()
        self.read_into(ids, ("recording_id",))
        self.look_up(ids.found)
        return self._known

    def rejected(self) -> dict[str, str]:
        """The rows that their lists don't describe well enough: their IDs, and the places where they are listed.

        Raises:
            InputError: A file isn't part of a dataset.
            StorageError: The store doesn't answer.
        """
        sink = Rejected()
        self.read_into(sink, ("recording_id", "status", "listed_in"), day=UNKNOWN_DAY)
        return sink.found

    def add(self, *rows: Row) -> None:
        """Write rows (with ``day``) to the journal, and compact the journal if it has grown long.

        Raises:
            StorageError: The store doesn't take them.
        """
        if not rows:
            return
        self.look_up(row["recording_id"] for row in rows)
        self._journal.add(rows)
        known = self._known
        known.update((row["recording_id"], merged_summary(known.get(row["recording_id"]), row)) for row in rows)
        if self._journal.own_count >= _MAX_JOURNAL_ROWS:
            self.compact_journal(is_own=True)

    def compact_journal(self, drop: Iterable[str] = (), *, is_own: bool = False) -> int:
        """Move the journal's rows to the files of their days, and return the number of journal files moved.

        Args:
            drop: recordings whose rows are removed.
            is_own: whether other runs' rows stay in the journal.

        Raises:
            InputError: A file isn't part of a dataset.
            StorageError: The store doesn't take the files, or other runs compact all the time.
        """
        dropped = set(drop)
        if not dropped and not self._duplicates and not self._has_journal():
            return 0
        for _ in range(_ATTEMPTS):
            with self.store.exclusive():
                done = self._filing.move(dropped, self._duplicates, is_own=is_own)
            if done is not None:
                moved, rows = done
                self._duplicates.clear()
                for name in dropped:
                    self._known.pop(name, None)
                self._known.update((name, summary_of(row)) for name, row in rows.items() if name in self._looked_up)
                return moved
        raise StorageError(
            f"other runs are writing to {self.store.address} all the time: run the command again when they are done"
        )

    def _has_journal(self) -> bool:
        return bool(self.store.names(JOURNAL))

    def exists(self) -> bool:
        """Whether there are files of a dataset.

        Raises:
            StorageError: The store doesn't answer.
        """
        return bool(day_files(self.store) or self._has_journal())

    def read(self, columns: Sequence[str] = WITH_DAY.names) -> pa.Table:
        """All rows, one a recording, with ``day``; in the order of days and IDs.

        Args:
            columns: the columns to read; ``recording_id`` and ``day`` are among them.

        Raises:
            InputError: There is no dataset, or a file isn't part of one.
            StorageError: The store doesn't answer.
        """
        sink = Tables()
        if not self.read_into(sink, columns):
            raise no_dataset(self.store.address)
        table = pa.concat_tables(sink.tables)
        if duplicates := repeated(table["recording_id"]):
            self.read_into(sink, columns, merged=duplicates)
            table = pa.concat_tables(sink.tables)
        return table.sort_by([(DAY, "ascending"), ("recording_id", "ascending")])

    def read_into(
        self, sink: RowSink, columns: Sequence[str], *, day: str | None = None, merged: Collection[str] = ()
    ) -> bool:
        """Pass all rows on, one a recording, a file at a time; if a file is replaced meanwhile, it begins again.

        Args:
            sink: receives the rows.
            columns: the columns to read; ``recording_id`` is among them.
            day: the only day whose rows are passed on; None for all.
            merged: recordings that may be in several files although no run is writing them.

        Returns:
            whether there is a dataset.

        Raises:
            InputError: A file isn't part of a dataset.
            StorageError: The store doesn't answer, or other runs write to it all the time.
        """
        for _ in self._attempts():
            sink.begin()
            # The journal is read first: if it is compacted meanwhile, no row is missed.
            waiting = by_recording(self._journal.rows())
            files = [name for name in day_files(self.store) if day is None or day_of(name) == day]
            several: dict[str, list[Row]] = {name: [] for name in (*waiting, *merged)}
            if self._pass_on(sink, columns, files, several):
                rows = [
                    newest([*rows, *waiting.get(name, ())]) for name, rows in several.items() if rows or name in waiting
                ]
                rows = [row for row in rows if day is None or (row[DAY] or UNKNOWN_DAY) == day]
                if rows:
                    sink.take(pa.Table.from_pylist(rows, schema=WITH_DAY).select(list(columns)))
                return bool(files or waiting)
        return False

    def _pass_on(
        self, sink: RowSink, columns: Sequence[str], files: Sequence[str], several: Mapping[str, list[Row]]
    ) -> bool:
        """Pass on the rows of these files but those of `several`, which are added to it; False if a file is gone."""
        ids = pa.array(sorted(several), pa.string())
        for name in files:
            table = self._table(name, columns)
            if table is None:
                return False
            if len(ids):
                is_held = pc.is_in(table["recording_id"], value_set=ids)
                if pc.any(is_held).as_py():
                    whole = self._table(name, WITH_DAY.names)
                    if whole is None:
                        return False
                    for row in _rows_of(whole, several):
                        several[row["recording_id"]].append(row)
                    table = table.filter(pc.invert(is_held))
            sink.take(table)
        return True

    def _table(self, name: str, columns: Sequence[str]) -> pa.Table | None:
        content = self.store.read(name)
        if content is None:
            return None
        return from_parquet(self.store.address_of(name), content.content, day_of(name), columns)

    def _attempts(self) -> Iterator[int]:
        yield from range(_ATTEMPTS)
        raise StorageError(
            f"other runs are replacing the files of {self.store.address} all the time: run the command again later"
        )


def open_dataset(text: str) -> Dataset:
    """The dataset in a folder or at ``s3://bucket/prefix``.

    Raises:
        InputError: The address names no bucket.
    """
    return Dataset(open_store(text, lambda: aws_client("s3")))


def no_dataset(address: str) -> InputError:
    """The error of a folder without a dataset."""
    return InputError(
        f"{address} isn't a dataset: it has no day=*/rows*.parquet; name the folder that `komorebi-qc batch` wrote to"
    )


def repeated(ids: pa.ChunkedArray) -> list[str]:
    """The IDs that are there more than once."""
    counts = ids.value_counts()
    found: list[str] = counts.field("values").filter(pc.greater(counts.field("counts"), 1)).to_pylist()
    return found


def _rows_of(table: pa.Table, ids: Iterable[str]) -> list[Row]:
    is_theirs = pc.is_in(table["recording_id"], value_set=pa.array(sorted(ids), pa.string()))
    found: list[Row] = table.filter(is_theirs).to_pylist()
    return found
