"""The journal: rows that aren't in the files of their days yet. A row is safe as soon as `Journal.add` returns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from komorebi_qc.batch.dataset.data_files import JOURNAL, journal_files
from komorebi_qc.batch.dataset.parquet_files import from_parquet, to_parquet
from komorebi_qc.batch.dataset.schema import UNKNOWN_DAY, WITH_DAY

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from komorebi_qc.storage.object_store import ObjectStore

Row = dict[str, Any]


class Journal:
    """The journal of a dataset, and this run's part of it.

    Attributes:
        own_count: rows of this run that are in the journal.
    """

    def __init__(self, store: ObjectStore, run: str) -> None:
        self._store, self._run, self._number = store, run, 0
        self._own: dict[str, Sequence[Row]] = {}
        self._others: dict[str, Sequence[Row]] = {}
        self.own_count = 0

    def add(self, rows: Sequence[Row]) -> None:
        """Write rows to a new file.

        Raises:
            StorageError: the store doesn't take them.
        """
        self._number += 1
        name = f"{JOURNAL}{rows[0]['done_at']:%Y%m%dT%H%M%S%f}-{self._run}-{self._number:06d}.parquet"
        self._store.write(name, to_parquet(pa.Table.from_pylist(list(rows), schema=WITH_DAY), "none"))
        self._own[name] = rows
        self.own_count += len(rows)

    def rows(self, *, is_own: bool = False) -> Mapping[str, Sequence[Row]]:
        """The rows of each file, the oldest first; a file is read once, and this run's files aren't read at all.

        Args:
            is_own: only those of this run.

        Raises:
            InputError: a file isn't part of a dataset.
            StorageError: the store doesn't answer.
        """
        names = [name for name in journal_files(self._store) if not is_own or name in self._own]
        self._others = {name: rows for name, rows in self._others.items() if name in names or is_own}
        found: dict[str, Sequence[Row]] = {}
        for name in names:
            rows = self._own.get(name, self._others.get(name))
            if rows is None:
                content = self._store.read(name)
                if content is None:  # another run has moved its rows meanwhile
                    continue
                table = from_parquet(self._store.address_of(name), content.content, UNKNOWN_DAY)
                rows = self._others[name] = table.to_pylist()
            found[name] = rows
        return found

    def remove(self, names: Sequence[str]) -> None:
        """Remove files whose rows are in the files of their days.

        Raises:
            StorageError: they can't be removed.
        """
        self._store.remove(names)
        for name in names:
            self.own_count -= len(self._own.pop(name, ()))
            self._others.pop(name, None)


def by_recording(files: Mapping[str, Sequence[Row]]) -> dict[str, list[Row]]:
    """The rows of each recording, in the order of the files."""
    rows: dict[str, list[Row]] = {}
    for found in files.values():
        for row in found:
            rows.setdefault(row["recording_id"], []).append(row)
    return rows
