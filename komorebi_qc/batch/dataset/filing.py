"""The journal's rows go to the files of their days, at a cost that depends on them and not on the dataset.

New rows of a day become a new file. It takes in the day's files that have up to twice as many rows as it has, so that
each file of a day has more than twice the rows of the next smaller one, and a row is written some ten times at most. A
file of `MOST_ROWS` takes in no more. A row that replaces another leaves the file of that other, which alone is
written again.

All gains come before all losses, and the journal's files go last. If a compaction is interrupted, the next one repeats
it with the same result: until then a row may be in two files, and is always in one.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from komorebi_qc.batch.dataset.data_files import (
    day_file,
    day_files,
    day_of,
    merges,
    note_merge,
    replaced_files,
)
from komorebi_qc.batch.dataset.journal import by_recording
from komorebi_qc.batch.dataset.parquet_files import from_parquet, to_parquet
from komorebi_qc.batch.dataset.row_merge import newest
from komorebi_qc.batch.dataset.schema import DAY, SCHEMA, UNKNOWN_DAY, WITH_DAY

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from komorebi_qc.batch.dataset.data_files import Merge
    from komorebi_qc.batch.dataset.id_index import IdIndex
    from komorebi_qc.batch.dataset.journal import Journal
    from komorebi_qc.storage.object_store import ObjectStore, VersionedObject

Row = dict[str, Any]
MOST_ROWS = 1 << 16
"""Of a file that takes in others: 20 MB, and 100 MB in memory."""
_GROWTH = 2


@dataclass(slots=True)
class _Plan:
    """The changes of a compaction.

    Attributes:
        gains: new rows by day.
        losses: by file, the recordings whose rows leave it.
        rows: the row of each recording after the compaction.
    """

    gains: dict[str, list[Row]] = field(default_factory=lambda: defaultdict(list))
    losses: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    rows: dict[str, Row] = field(default_factory=dict)


class Filing:
    """Moves a journal's rows. Call it within `ObjectStore.exclusive`."""

    def __init__(self, store: ObjectStore, journal: Journal, index: IdIndex, run: str) -> None:
        self._store, self._journal, self._index = store, journal, index
        self._run, self._number = run, 0

    def move(
        self, dropped: set[str], duplicates: Iterable[str] = (), *, is_own: bool = False
    ) -> tuple[int, Mapping[str, Row]] | None:
        """Move the journal's rows; None if a file was replaced meanwhile by a process without the lock.

        Args:
            dropped: recordings whose rows are removed.
            duplicates: recordings that may be in two files.
            is_own: whether other runs' rows stay in the journal.

        Returns:
            the number of journal files moved, and the new rows of their recordings.

        Raises:
            InputError: a file isn't part of a dataset.
            StorageError: the store doesn't answer.
        """
        self._finish_merges()
        moved = self._journal.rows(is_own=is_own)
        waiting = by_recording(moved)
        ids = waiting.keys() | dropped | set(duplicates)
        if not ids:
            return 0, {}
        files = day_files(self._store)
        found, versions = self._found(ids, files)
        plan = _planned(waiting, found, dropped)
        taken = {day: self._taken(day, len(rows), files, plan.losses) for day, rows in plan.gains.items() if rows}
        if not self._carried_out(plan, taken, versions):
            return None
        self._journal.remove(list(moved))
        return len(moved), plan.rows

    def _finish_merges(self) -> None:
        """Remove the files whose rows are in larger ones, where a process died before it did so."""
        notes = merges(self._store)
        if notes:
            self._removed(sorted(replaced_files(notes.values(), set(self._store.names(f"{DAY}=")))))
            self._store.remove(notes)

    def _found(
        self, ids: Iterable[str], files: Sequence[str]
    ) -> tuple[dict[str, dict[str, Row]], dict[str, VersionedObject]]:
        """The rows of these recordings by file and ID, and the files' versions, without their content."""
        found, versions = {}, {}
        for name, there in self._index.find(ids, files).items():
            content = self._store.read(name)
            if content is None:
                continue
            versions[name] = type(content)(b"", content.version)
            rows = _those(self._table(name, content), there).to_pylist()
            found[name] = {row["recording_id"]: row for row in rows}
        return found, versions

    def _taken(self, day: str, count: int, files: Sequence[str], losses: Mapping[str, set[str]]) -> tuple[str, ...]:
        """The files of a day that a new file with `count` rows takes in."""
        taken = []
        counts = self._index.counts
        own = [name for name in files if day_of(name) == day and name in counts]
        sizes = {name: counts[name] - len(losses.get(name, ())) for name in own}
        for name, size in sorted(sizes.items(), key=lambda one: one[1]):
            if size > _GROWTH * count or count + size > MOST_ROWS:
                break
            taken.append(name)
            count += size
        return tuple(taken)

    def _carried_out(
        self, plan: _Plan, taken: Mapping[str, tuple[str, ...]], versions: Mapping[str, VersionedObject]
    ) -> bool:
        contents: list[tuple[Merge, list[Row]]] = []
        for day, old in sorted(taken.items()):
            rows = plan.gains[day]
            parts = range(max(-(-len(rows) // MOST_ROWS), 1))
            contents.append(((tuple(self._new_file(day) for _ in parts), old), rows))
        merged = [merge for merge, _ in contents if merge[1]]
        note = note_merge(self._store, self._run, self._number, merged) if merged else ""
        for (new, old), rows in contents:
            kept = [self._without(name, plan.losses.get(name, set())) for name in old]
            for at, name in enumerate(new):
                own = rows[at * MOST_ROWS : (at + 1) * MOST_ROWS]
                table = pa.concat_tables([pa.Table.from_pylist(own, schema=WITH_DAY), *(() if at else kept)])
                self._store.write(name, _content(table))
                self._index.note(name, table["recording_id"].to_pylist(), len(table))
        gone = [name for _, old in merged for name in old]
        for name in sorted(plan.losses.keys() - set(gone)):
            if not self._shrunk(name, plan.losses[name], versions[name]):
                return False
        self._removed(gone)
        self._store.remove([note] if note else [])
        return True

    def _new_file(self, day: str) -> str:
        self._number += 1
        return day_file(day, self._run, self._number)

    def _without(self, name: str, lost: set[str]) -> pa.Table:
        content = self._store.read(name)
        table = WITH_DAY.empty_table() if content is None else self._table(name, content)
        return _those(table, lost, are_kept=False) if lost else table

    def _shrunk(self, name: str, lost: set[str], before: VersionedObject) -> bool:
        """Write a file without the rows of some recordings; False if it has changed since it was searched."""
        content = self._store.read(name)
        if content is None or content.version != before.version:
            return False
        # An empty file stays until the day's next one takes it in: a dataset without rows is a dataset.
        return self._store.replace(name, _content(_those(self._table(name, content), lost, are_kept=False)), content)

    def _table(self, name: str, content: VersionedObject) -> pa.Table:
        return from_parquet(self._store.address_of(name), content.content, day_of(name))

    def _removed(self, names: Sequence[str]) -> None:
        self._store.remove(names)
        self._index.forget(names)


def _planned(waiting: Mapping[str, Sequence[Row]], found: Mapping[str, Mapping[str, Row]], dropped: set[str]) -> _Plan:
    """Decide which row of each recording counts, and which file it is to be in."""
    plan = _Plan()
    places: dict[str, list[str]] = defaultdict(list)
    for name, rows in found.items():
        for recording_id in rows:
            places[recording_id].append(name)
    for recording_id in sorted(waiting.keys() | places.keys()):
        files = places.get(recording_id, [])
        home = None
        if recording_id not in dropped:
            # Before the journal's rows: at equal times those are newer.
            row = newest([*(found[name][recording_id] for name in files), *waiting.get(recording_id, ())])
            day = row[DAY] or UNKNOWN_DAY
            home = next((n for n in files if day_of(n) == day and found[n][recording_id] == row), None)
            if home is None:
                plan.gains[day].append(row)
            plan.rows[recording_id] = row
        for name in files:
            if name != home:
                plan.losses[name].add(recording_id)
    return plan


def _those(table: pa.Table, ids: Iterable[str], *, are_kept: bool = True) -> pa.Table:
    is_theirs = pc.is_in(table["recording_id"], value_set=pa.array(sorted(ids), pa.string()))
    return table.filter(is_theirs if are_kept else pc.invert(is_theirs))


def _content(table: pa.Table) -> bytes:
    return to_parquet(table.drop_columns([DAY]).sort_by("recording_id").cast(SCHEMA))


def duplicated(places: Mapping[str, Iterable[str]]) -> set[str]:
    """The recordings that are in more than one of these files."""
    counts = Counter(recording_id for there in places.values() for recording_id in there)
    return {recording_id for recording_id, count in counts.items() if count > 1}
