"""Filing: new rows cost what they are, and what a killed compaction left is finished by the next."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from dataset_rows import plain, row

from komorebi_qc.batch.dataset import filing
from komorebi_qc.batch.dataset.data_files import day_files, note_merge
from komorebi_qc.batch.dataset.dataset import Dataset
from komorebi_qc.storage.object_store import Folder, VersionedObject

if TYPE_CHECKING:
    from pathlib import Path


class Noting(Folder):
    """A folder that notes which files are read as a whole and written."""

    def read(self, name: str, *, max_bytes: int | None = None) -> VersionedObject | None:
        """Note it."""
        noted.append(f"read {name}")
        return super().read(name, max_bytes=max_bytes)

    def write(self, name: str, content: bytes) -> None:
        """Note it."""
        noted.append(f"write {name}")
        super().write(name, content)


noted: list[str] = []


def filed(root: Path, count: int, first: int = 0, day: str = "2026-11-24") -> None:
    """Add rows, and file them."""
    dataset = Dataset(Folder(root))
    dataset.add(*(row(f"r{n:05}", n, day) for n in range(first, first + count)))
    dataset.compact_journal()


def sizes(root: Path) -> list[int]:
    """The rows of each file, ascending."""
    dataset = Dataset(Folder(root))
    files = day_files(dataset.store)
    index = dataset._index
    index.find(["nothing"], files)
    return sorted(index.counts.values())


def test_new_rows_leave_large_files_alone(tmp_path: Path) -> None:
    """Files with more than twice as many rows, and other days, are neither read as a whole nor written."""
    filed(tmp_path, 100)
    filed(tmp_path, 100, first=1_000, day="2026-11-23")
    before = set(day_files(Folder(tmp_path)))
    noted.clear()
    dataset = Dataset(Noting(tmp_path))
    dataset.add(*(row(f"new-{n}", n) for n in range(10)))
    dataset.compact_journal()
    after = set(day_files(Folder(tmp_path)))
    assert before < after
    assert not any(name in one for one in noted for name in before)
    assert sizes(tmp_path) == [10, 100, 100]


def test_a_new_file_takes_in_smaller_ones(tmp_path: Path) -> None:
    """So that a day has few files, and a row is written a few times only."""
    for n in range(64):
        filed(tmp_path, 1, first=n)
    found = sizes(tmp_path)
    assert sum(found) == 64
    assert len(found) <= 4
    assert all(larger > 2 * smaller for smaller, larger in pairwise(found))
    assert len(plain(Dataset(Folder(tmp_path)))) == 64


def test_a_full_file_takes_in_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The memory of a compaction doesn't grow with the day."""
    monkeypatch.setattr(filing, "MOST_ROWS", 50)
    filed(tmp_path, 120)
    assert sizes(tmp_path) == [20, 50, 50]
    filed(tmp_path, 40, first=200)
    assert sizes(tmp_path) == [20, 40, 50, 50]
    filed(tmp_path, 25, first=300)
    assert sizes(tmp_path) == [40, 45, 50, 50]


def test_a_row_that_is_filed_already_is_not_written_again(tmp_path: Path) -> None:
    """As after a kill between the filing and the removal of the journal's file."""
    filed(tmp_path, 10)
    before = {name: (tmp_path / name).stat().st_mtime_ns for name in day_files(Folder(tmp_path))}
    killed = Dataset(Folder(tmp_path))
    killed.add(row("r00003", 3))
    assert Dataset(Folder(tmp_path)).compact_journal() == 1
    assert {name: (tmp_path / name).stat().st_mtime_ns for name in day_files(Folder(tmp_path))} == before


def test_a_merge_that_was_killed_is_finished(tmp_path: Path) -> None:
    """With the larger file there, the files that it replaces aren't read, and the next compaction removes them."""
    filed(tmp_path, 4)
    (old,) = day_files(Folder(tmp_path))
    content = (tmp_path / old).read_bytes()
    filed(tmp_path, 4, first=10)
    (new,) = day_files(Folder(tmp_path))
    (tmp_path / old).write_bytes(content)
    assert sorted(day_files(Folder(tmp_path))) == sorted([old, new])
    note_merge(Folder(tmp_path), "killed", 1, [((new,), (old,))])
    assert day_files(Folder(tmp_path)) == [new]
    Dataset(Folder(tmp_path)).compact_journal()
    assert not (tmp_path / old).exists()
    assert Folder(tmp_path).names("_journal/") == []


def test_a_merge_that_did_not_begin_is_forgotten(tmp_path: Path) -> None:
    """Without the larger file the smaller ones count."""
    filed(tmp_path, 4)
    (old,) = day_files(Folder(tmp_path))
    note_merge(Folder(tmp_path), "killed", 1, [(("day=2026-11-24/rows-gone.parquet",), (old,))])
    assert day_files(Folder(tmp_path)) == [old]
    Dataset(Folder(tmp_path)).compact_journal()
    assert Folder(tmp_path).names("_journal/") == []
    assert len(plain(Dataset(Folder(tmp_path)))) == 4


@pytest.mark.parametrize("count", [1, 3])
def test_only_the_file_of_a_replaced_row_is_written_again(tmp_path: Path, count: int) -> None:
    """The others of the day, and those of other days, stay as they are."""
    for n in range(3):
        filed(tmp_path, 100, first=100 * n, day=f"2026-11-2{n}")
    before = {name: (tmp_path / name).stat().st_mtime_ns for name in day_files(Folder(tmp_path))}
    dataset = Dataset(Folder(tmp_path))
    dataset.add(*(row(f"r{n:05}", 9_000, "2026-11-20", verdict="fail") for n in range(count)))
    dataset.compact_journal()
    changed = [name for name, when in before.items() if (tmp_path / name).stat().st_mtime_ns != when]
    assert [name[:14] for name in changed] == ["day=2026-11-20"]
    assert sizes(tmp_path) == [count, 100 - count, 100, 100]
    assert [found["verdict"] for found in plain(dataset)][:4].count("fail") == min(count, 4)
