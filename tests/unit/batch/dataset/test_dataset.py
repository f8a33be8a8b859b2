"""The dataset: a row that was written is read once, under its day, wherever a run is interrupted."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest
from aws_fixtures import OUTPUT, World
from dataset_rows import failure, plain, row
from hypothesis import example, given, settings
from hypothesis import strategies as st

from komorebi_qc.batch.dataset.dataset import Dataset, open_dataset
from komorebi_qc.batch.dataset.row_summary import LastAttempt
from komorebi_qc.batch.dataset.schema import SCHEMA
from komorebi_qc.core.errors import InputError, StorageError
from komorebi_qc.storage.object_store import FilePart, Folder, ObjectStore, VersionedObject

if TYPE_CHECKING:
    from collections.abc import Iterable
    from contextlib import AbstractContextManager


@pytest.fixture(params=["folder", "s3"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty dataset, in a folder and on S3."""
    if request.param == "folder":
        return str(tmp_path / "dataset")
    request.getfixturevalue("world")
    return f"s3://{OUTPUT}/some/dataset"


def test_a_row_is_readable_as_soon_as_it_is_added(where: str) -> None:
    """Another process finds it before any compaction."""
    open_dataset(where).add(row("one"))
    assert [found["recording_id"] for found in plain(open_dataset(where))] == ["one"]
    assert open_dataset(where).summaries()["one"].work_key == "one-0"


def test_compaction_moves_rows_to_their_days(where: str) -> None:
    """Each day has a file, sorted by recording and with the documented schema; the journal is empty."""
    dataset = open_dataset(where)
    for name, day in (("b", "2026-11-24"), ("a", "2026-11-24"), ("c", "unknown")):
        dataset.add(row(name, day=day))
    before = plain(dataset)
    assert dataset.compact_journal() == 3
    names = [name for name in dataset.store.names() if name.endswith(".parquet")]
    assert [name.partition("/rows-")[0] for name in names] == ["day=2026-11-24", "day=unknown"]
    content = dataset.store.read(names[0])
    assert content is not None
    table = pq.ParquetFile(io.BytesIO(content.content)).read()
    assert table.schema.equals(SCHEMA)
    assert table.schema.metadata == SCHEMA.metadata
    assert table.schema.field("took_s").metadata[b"meaning"] == b"duration of the work, wall seconds"
    assert table["recording_id"].to_pylist() == ["a", "b"]
    assert plain(dataset) == before


def test_a_row_replaces_the_row_before_it(where: str) -> None:
    """The newest row of a recording counts, and a row that moves to another day leaves its first day."""
    first = open_dataset(where)
    first.add(row("one", day="2026-11-23"), row("two", day="2026-11-23"))
    first.compact_journal()
    second = open_dataset(where)
    second.add(row("one", 5, verdict="fail"), row("two", 5))
    second.compact_journal()
    assert [(found["recording_id"], found["day"]) for found in plain(second)] == [
        ("one", "2026-11-24"),
        ("two", "2026-11-24"),
    ]
    assert plain(second)[0]["verdict"] == "fail"
    assert days_of(second.store) == {"one": ["2026-11-24"], "two": ["2026-11-24"]}


def test_two_runs_write_one_day(where: str) -> None:
    """Neither run removes a row that the other has written meanwhile."""
    ours, theirs = open_dataset(where), open_dataset(where)
    ours.summaries()
    theirs.summaries()
    ours.add(row("ours"))
    theirs.add(row("theirs"))
    ours.compact_journal()
    theirs.compact_journal()
    assert [found["recording_id"] for found in plain(ours)] == ["ours", "theirs"]


def test_a_recording_that_two_runs_write_under_two_days_is_there_once(where: str) -> None:
    """The newer row stays, whichever run compacts last."""
    for newer in (0, 1):
        runs = open_dataset(where), open_dataset(where)
        for run in runs:
            run.summaries()
        for number, run in enumerate(runs):
            at = 10 * newer + (5 if number == newer else 0)
            run.add(row("one", at, f"2026-11-2{number}"), row(f"only-{number}", at, f"2026-11-2{number}"))
            run.compact_journal()
        assert days_of(runs[0].store)["one"] == [f"2026-11-2{newer}"]
        assert days_of(runs[0].store).keys() == {"one", "only-0", "only-1"}


def test_a_duplicate_is_removed(where: str) -> None:
    """A recording under two days, as after a race on S3, is read once; if somebody asks for it, it is filed once."""
    dataset = open_dataset(where)
    with TemporaryDirectory() as folder:
        for at, day in enumerate(("2026-11-24", "2026-11-20")):
            other = Dataset(Folder(Path(folder) / day))
            other.add(row("one", at, day))
            other.compact_journal()
            (written,) = (Path(folder) / day / f"day={day}").glob("rows-*.parquet")
            dataset.store.write(f"day={day}/rows.parquet", written.read_bytes())
    assert sorted(days_of(dataset.store)["one"]) == ["2026-11-20", "2026-11-24"]
    assert [(found["recording_id"], found["day"]) for found in plain(dataset)] == [("one", "2026-11-20")]
    dataset.look_up(["one"])
    dataset.compact_journal()
    assert days_of(dataset.store)["one"] == ["2026-11-20"]


def days_of(store: ObjectStore) -> dict[str, list[str]]:
    """The days of each recording."""
    found: dict[str, list[str]] = {}
    for name, content in day_files(store).items():
        for recording_id in pq.ParquetFile(io.BytesIO(content.content)).read()["recording_id"].to_pylist():
            found.setdefault(recording_id, []).append(name[4:14])
    return found


def rows_in_days(store: ObjectStore) -> list[dict[str, Any]]:
    """The rows of the files of all days, as other programs read them."""
    rows: list[dict[str, Any]] = []
    for name, content in day_files(store).items():
        day = name[4:].partition("/")[0]
        rows += ({**found, "day": day} for found in pq.ParquetFile(io.BytesIO(content.content)).read().to_pylist())
    return sorted(rows, key=lambda found: (found["day"], found["recording_id"]))


def day_files(store: ObjectStore) -> dict[str, VersionedObject]:
    """The files of all days with rows: a day whose last row has moved keeps an empty file."""
    files = {name: store.read(name) for name in store.names() if name.startswith("day=")}
    return {
        name: content
        for name, content in files.items()
        if content is not None and pq.read_metadata(io.BytesIO(content.content)).num_rows
    }


@dataclass
class RacingStore:
    """A store in which a process without the lock replaces a file before ours does, some times."""

    store: ObjectStore
    times: int
    address: str = "here"
    written: int = field(default=0)

    def address_of(self, name: str) -> str:
        """See `ObjectStore`."""
        return f"here/{name}"

    def names(self, start: str = "") -> list[str]:
        """See `ObjectStore`."""
        return self.store.names(start)

    def read(self, name: str, *, max_bytes: int | None = None) -> VersionedObject | None:
        """See `ObjectStore`."""
        return self.store.read(name, max_bytes=max_bytes)

    def read_part(self, name: str, start: int, count: int) -> FilePart | None:
        """See `ObjectStore`."""
        return self.store.read_part(name, start, count)

    def has(self, name: str) -> bool:
        """See `ObjectStore`."""
        return self.store.has(name)

    def write(self, name: str, content: bytes) -> None:
        """See `ObjectStore`."""
        self.store.write(name, content)

    def replace(self, name: str, content: bytes, before: VersionedObject | None) -> bool:
        """Replace it by the same rows in other bytes first."""
        if self.written < self.times and before is not None:
            self.written += 1
            table = pq.ParquetFile(io.BytesIO(before.content)).read()
            other = io.BytesIO()
            pq.write_table(table, other, compression=("none", "snappy")[self.written % 2])
            self.store.write(name, other.getvalue())
        return self.store.replace(name, content, before)

    def remove(self, names: Iterable[str]) -> None:
        """See `ObjectStore`."""
        self.store.remove(names)

    def exclusive(self) -> AbstractContextManager[None]:
        """See `ObjectStore`."""
        return self.store.exclusive()


def test_a_compaction_on_s3_repeats_after_a_conflict(world: World) -> None:
    """S3's condition detects that a file was written meanwhile. It is read again, and no row is lost."""
    assert world.s3
    ours = Dataset(RacingStore(filed_dataset().store, times=2))
    ours.add(row("ours", 5, "2026-11-25"))
    ours.compact_journal()
    assert days_of(ours.store) == {"ours": ["2026-11-25"], "other": ["2026-11-24"]}
    assert [(found["recording_id"], found["work_key"]) for found in plain(ours)] == [
        ("other", "other-0"),
        ("ours", "ours-5"),
    ]


def filed_dataset() -> Dataset:
    """A dataset on S3 with two rows in a file of their day."""
    dataset = open_dataset(f"s3://{OUTPUT}/dataset")
    dataset.add(row("ours"), row("other"))
    dataset.compact_journal()
    return dataset


def test_a_compaction_on_s3_gives_up_after_many_conflicts(world: World) -> None:
    """The error names the other runs, and the rows stay in the journal."""
    assert world.s3
    ours = Dataset(RacingStore(filed_dataset().store, times=1000))
    ours.add(row("ours", 5, "2026-11-25"))
    with pytest.raises(StorageError, match="other runs are writing"):
        ours.compact_journal()
    assert ours.summaries()["ours"].work_key == "ours-5"
    assert [found["work_key"] for found in plain(ours)] == ["other-0", "ours-5"]
    assert len(ours.store.names("_journal/")) == 1


class DyingStore(RacingStore):
    """A store whose process dies before the n-th change."""

    def _count(self) -> None:
        if self.written == self.times:
            raise KeyboardInterrupt
        self.written += 1

    def write(self, name: str, content: bytes) -> None:
        """Die, or write."""
        self._count()
        self.store.write(name, content)

    def replace(self, name: str, content: bytes, before: VersionedObject | None) -> bool:
        """Die, or replace."""
        self._count()
        return self.store.replace(name, content, before)

    def remove(self, names: Iterable[str]) -> None:
        """Die, or remove."""
        for name in names:
            self._count()
            self.store.remove([name])


@settings(deadline=None, max_examples=15)
@example(rows=[("a", "2026-11-23", None, False), ("a", "2026-11-24", None, False)], dies_at=0)
@example(
    rows=[
        *([("a", "2026-11-23", None, False)] * 2),
        ("a", "2026-11-24", None, False),
        ("c", "2026-11-24", 1.5, True),
        ("c", "unknown", None, True),
        *([("a", "2026-11-23", None, False)] * 2),
        ("a", "2026-11-24", None, False),
    ],
    dies_at=14,
)
@given(
    rows=st.lists(
        st.tuples(
            st.sampled_from("abcd"),
            st.sampled_from(["2026-11-23", "2026-11-24", "unknown"]),
            st.sampled_from([None, 1.5]),
            st.booleans(),
        ),
        min_size=1,
        max_size=8,
    ),
    dies_at=st.integers(0, 30),
)
def test_an_interrupted_compaction_is_completed_by_the_next(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str, float | None, bool]], dies_at: int
) -> None:
    """If the process dies before any change of the disk, the next compaction has the result of an undisturbed one."""
    made = [
        row(name, at, day, call_agent_snr_db=snr, inputs_key="one" if same else "other")
        for at, (name, day, snr, same) in enumerate(rows)
    ]
    undisturbed = Dataset(Folder(tmp_path_factory.mktemp("whole")))
    store = Folder(tmp_path_factory.mktemp("cut"))
    for half in (made[: len(made) // 2], made[len(made) // 2 :]):
        for one in half:
            undisturbed.add(one)
        undisturbed.compact_journal()
    dying = Dataset(DyingStore(store, dies_at))
    left = list(made)
    try:
        while left:
            dying.add(left[0])
            left.pop(0)
            if len(left) == len(made) - len(made) // 2:
                dying.compact_journal()
        dying.compact_journal()
    except KeyboardInterrupt:
        pass
    after = Dataset(store)
    assert after.summaries().keys() == {one["recording_id"] for one in made[: len(made) - len(left)]}
    for one in left:
        after.add(one)
    after.compact_journal()
    assert plain(after) == plain(undisturbed)
    assert rows_in_days(store) == rows_in_days(undisturbed.store) == after.read().to_pylist()
    assert not store.names("_journal/")


def test_a_failed_attempt_is_in_the_summaries(where: str) -> None:
    """The run that added it has it, and so do runs that read it from the journal or from its day."""
    dataset = open_dataset(where)
    dataset.add(row("one"))
    dataset.compact_journal()
    dataset.add(failure("one", 5))
    attempt = LastAttempt("one-5", "crash at 5", is_worth_a_retry=False, error_class="Crash")
    for opened in (dataset, open_dataset(where)):
        assert opened.summaries()["one"].status == "done"
        assert opened.summaries()["one"].last_attempt == attempt
    dataset.compact_journal()
    assert dataset.summaries() == open_dataset(where).summaries()
    assert open_dataset(where).summaries()["one"].last_attempt == attempt


def test_dropped_rows_are_removed(where: str) -> None:
    """A row of a list that was corrected leaves its day."""
    dataset = open_dataset(where)
    dataset.add(row("list.csv:3", status="rejected", day="unknown"), row("one"))
    dataset.compact_journal()
    again = open_dataset(where)
    again.compact_journal(drop=["list.csv:3"])
    assert [found["recording_id"] for found in plain(again)] == ["one"]
    assert again.summaries().keys() == {"one"}


def test_a_folder_without_a_dataset_is_an_error(tmp_path: Path) -> None:
    """The error names the folder."""
    with pytest.raises(InputError, match="nothing isn't a dataset"):
        open_dataset(str(tmp_path / "nothing")).read()


def test_a_long_journal_is_compacted_during_a_run(tmp_path: Path) -> None:
    """Readers never have to open more than 2,000 small files."""
    dataset = open_dataset(str(tmp_path))
    dataset.add(*(row(f"r{n}", n) for n in range(1_999)))
    assert len(dataset.store.names("_journal/")) == 1
    dataset.add(row("last", 3_000))
    assert dataset.store.names("_journal/") == []
    assert len(plain(dataset)) == 2_000


@dataclass
class CountingStore(RacingStore):
    """A store that counts reads and writes by folder."""

    seen: list[str] = field(default_factory=list)

    def read(self, name: str, *, max_bytes: int | None = None) -> VersionedObject | None:
        """Count it."""
        self.seen.append(f"read {name.partition('/')[0]}")
        return super().read(name, max_bytes=max_bytes)

    def write(self, name: str, content: bytes) -> None:
        """Count it."""
        self.seen.append(f"write {name.partition('/')[0]}")
        super().write(name, content)


def test_a_run_does_not_read_its_own_journal(tmp_path: Path) -> None:
    """Only other runs' journal files are read, and rows that are added together are one file."""
    store = CountingStore(Folder(tmp_path), times=0)
    dataset = Dataset(store)
    dataset.add(row("a"), row("b"))
    dataset.add(row("c"))
    open_dataset(str(tmp_path)).add(row("theirs"))
    dataset.compact_journal()
    assert store.seen.count("write _journal") == 2
    assert store.seen.count("read _journal") == 1
    assert [found["recording_id"] for found in plain(dataset)] == ["a", "b", "c", "theirs"]
    assert not store.names("_journal/")
    dataset.add()
    assert not store.names("_journal/")


def test_other_objects_under_the_prefix_are_ignored(world: World) -> None:
    """S3's console marks an empty folder by an object whose name ends with a slash; other files aren't Parquet."""
    for name in ("_journal/", "day=2026-11-24/", "_journal/notes.txt"):
        world.s3.put_object(Bucket=OUTPUT, Key=f"dataset/{name}", Body=b"")
    dataset = open_dataset(f"s3://{OUTPUT}/dataset")
    dataset.add(row("one"))
    dataset.compact_journal()
    assert [found["recording_id"] for found in plain(dataset)] == ["one"]
