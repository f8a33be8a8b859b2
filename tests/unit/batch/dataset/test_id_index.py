"""The index of recordings: it reads one column, once for each file, and remembers the answers only."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256, sha512
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from dataset_rows import row

from komorebi_qc.batch.dataset.id_index import IdIndex, ids_of
from komorebi_qc.batch.dataset.parquet_files import to_parquet
from komorebi_qc.batch.dataset.schema import DAY, SCHEMA
from komorebi_qc.core.errors import InputError, StorageError
from komorebi_qc.storage.object_store import FilePart, Folder

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class PartsOnly(Folder):
    """A folder that notes the parts that are read, and whose files change on the way some times."""

    parts: list[tuple[str, int]] = field(default_factory=list)
    changes: list[int] = field(default_factory=list)

    def read_part(self, name: str, start: int, count: int) -> FilePart | None:
        """Note it."""
        part = Folder.read_part(self, name, start, count)
        if part is not None:
            self.parts.append((name, len(part.content)))
        if self.changes and start < 0:
            self.changes.pop()
            content = (self.root / name).read_bytes()
            (self.root / name).unlink()
            self.write(name, content)
        return part


def many() -> list[str]:
    """IDs that don't compress."""
    return [sha256(str(n).encode()).hexdigest() for n in range(6_000)]


def written(root: Path, name: str, ids: list[str], group: int = 20_000) -> str:
    """A file of a day."""
    rows = pa.Table.from_pylist([row(one, call=sha512(one.encode()).hexdigest()) for one in ids])
    table = rows.select([field.name for field in SCHEMA]).cast(SCHEMA)
    path = root / f"{DAY}=2026-11-24" / name
    path.parent.mkdir(exist_ok=True)
    if group < len(ids):
        pq.write_table(table, path, row_group_size=group)
    else:
        path.write_bytes(to_parquet(table))
    return f"{DAY}=2026-11-24/{name}"


def test_files_are_found_by_recordings(tmp_path: Path) -> None:
    """Each file with the recordings that were asked for, and no other file; the rows are counted."""
    one = written(tmp_path, "rows-1.parquet", ["a", "b", "c"])
    two = written(tmp_path, "rows-2.parquet", ["b", "d"])
    index = IdIndex(Folder(tmp_path))
    assert index.find(["b", "c", "x"], [one, two]) == {one: {"b", "c"}, two: {"b"}}
    assert index.find(["d"], [one, two]) == {two: {"d"}}
    assert index.counts == {one: 3, two: 2}


def test_a_file_is_searched_once_for_a_recording(tmp_path: Path) -> None:
    """A second question reads nothing; a new recording or a new file is searched for."""
    name = written(tmp_path, "rows-1.parquet", ["a", "b"])
    store = PartsOnly(tmp_path)
    index = IdIndex(store)
    index.find(["a"], [name])
    store.parts.clear()
    assert index.find(["a"], [name]) == {name: {"a"}}
    assert store.parts == []
    newer = written(tmp_path, "rows-2.parquet", ["a"])
    assert index.find(["a"], [name, newer]) == {name: {"a"}, newer: {"a"}}
    assert {read for read, _ in store.parts} == {newer}
    index.find(["b"], [name])
    assert {read for read, _ in store.parts} == {newer, name}


def test_one_column_is_read(tmp_path: Path) -> None:
    """Of a large file with several groups of rows, little more than the IDs and the table of contents is read."""
    ids = many()
    name = written(tmp_path, "rows-1.parquet", ids, group=2_000)
    store = PartsOnly(tmp_path)
    found = ids_of(store, name)
    assert found is not None
    assert found.to_pylist() == ids
    size = (tmp_path / name).stat().st_size
    assert sum(count for _, count in store.parts) < size / 2
    assert len(store.parts) == 4


def test_written_and_removed_files_are_noted(tmp_path: Path) -> None:
    """A file that this process has written isn't read; one that is gone is forgotten."""
    index = IdIndex(Folder(tmp_path))
    index.find(["a", "b"], [])
    index.note("day=1/rows-1.parquet", ["a", "x"], 2)
    assert index.find(["a"], ["day=1/rows-1.parquet"]) == {"day=1/rows-1.parquet": {"a"}}
    index.forget(["day=1/rows-1.parquet"])
    assert index.counts == {}
    assert index.find(["a"], ["day=1/rows-1.parquet"]) == {}  # it isn't in the folder


def test_a_file_that_changes_meanwhile_is_read_again(tmp_path: Path) -> None:
    """Two versions are never mixed."""
    name = written(tmp_path, "rows-1.parquet", many())
    found = ids_of(PartsOnly(tmp_path, changes=[1, 1]), name)
    assert found is not None
    assert len(found) == 6_000
    with pytest.raises(StorageError, match="being replaced all the time"):
        ids_of(PartsOnly(tmp_path, changes=[1] * 100), name)


def test_other_files_are_refused(tmp_path: Path) -> None:
    """The error names the file; a file that is gone has no recordings."""
    (tmp_path / "day=1").mkdir()
    (tmp_path / "day=1" / "rows-1.parquet").write_bytes(b"")
    with pytest.raises(InputError, match=r"day=1/rows-1\.parquet can't be read as part of the dataset"):
        ids_of(Folder(tmp_path), "day=1/rows-1.parquet")
    assert ids_of(Folder(tmp_path), "day=1/rows-2.parquet") is None
