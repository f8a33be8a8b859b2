"""The dataset: whatever ends a run wherever, a row that was written is there, once, and under its day."""

from __future__ import annotations

import io
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from aws_fixtures import OUTPUT, World
from hypothesis import example, given, settings
from hypothesis import strategies as st

from komorebi_qc.batch.dataset.dataset import Dataset, LastTry, open_dataset
from komorebi_qc.batch.dataset.row_merge import newest
from komorebi_qc.batch.dataset.schema import SCHEMA, SCHEMA_VERSION, WITH_DAY
from komorebi_qc.batch.places import Folder, ObjectStore, VersionedObject, place_of
from komorebi_qc.core.errors import InputError, StorageError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from contextlib import AbstractContextManager

WHEN = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


def row(name: str, at: int = 0, day: str = "2026-11-24", **more: Any) -> dict[str, Any]:
    """A row, done so many seconds after nine."""
    told = {"recording_id": name, "status": "done", "verdict": "pass", "work_key": f"{name}-{at}", "inputs_key": "same"}
    when = WHEN + timedelta(seconds=at)
    blank: dict[str, Any] = dict.fromkeys(WITH_DAY.names)
    return {**blank, **told, "schema_version": SCHEMA_VERSION, "done_at": when, "day": day, **more}


def plain(dataset: Dataset) -> list[dict[str, Any]]:
    """All rows, without what is null."""
    return [{k: v for k, v in found.items() if v is not None} for found in dataset.read().to_pylist()]


@pytest.fixture(params=["folder", "s3"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty place, here and on S3."""
    if request.param == "folder":
        return str(tmp_path / "dataset")
    request.getfixturevalue("world")
    return f"s3://{OUTPUT}/some/dataset"


def test_a_row_is_there_as_soon_as_it_is_added(where: str) -> None:
    """Whoever opens the dataset next finds it, before anything is filed."""
    open_dataset(where).add(row("one"))
    assert [found["recording_id"] for found in plain(open_dataset(where))] == ["one"]
    assert open_dataset(where).known()["one"].work_key == "one-0"


def test_filing_brings_rows_under_their_days(where: str) -> None:
    """A file a day, sorted by recording and of the documented schema; the journal is empty then."""
    dataset = open_dataset(where)
    for name, day in (("b", "2026-11-24"), ("a", "2026-11-24"), ("c", "unknown")):
        dataset.add(row(name, day=day))
    before = plain(dataset)
    assert dataset.compact_journal() == 3
    place = place_of(where)
    names = [name for name in place.names() if name.endswith(".parquet")]
    assert names == ["day=2026-11-24/rows.parquet", "day=unknown/rows.parquet"]
    held = place.read(names[0])
    assert held is not None
    table = pq.ParquetFile(io.BytesIO(held.content)).read()
    assert table.schema.equals(SCHEMA)
    assert table.schema.metadata == SCHEMA.metadata
    assert table.schema.field("took_s").metadata[b"meaning"] == b"how long it took, wall seconds"
    assert table["recording_id"].to_pylist() == ["a", "b"]
    assert plain(dataset) == before


def test_a_row_replaces_the_one_before_it(where: str) -> None:
    """Of a recording the newest row counts, and what moves to another day leaves the first one."""
    first = open_dataset(where)
    first.add(row("one", day="2026-11-23"))
    first.add(row("two", day="2026-11-23"))
    first.compact_journal()
    second = open_dataset(where)
    second.add(row("one", 5, verdict="fail"))
    second.add(row("two", 5))
    second.compact_journal()
    assert [(found["recording_id"], found["day"]) for found in plain(second)] == [
        ("one", "2026-11-24"),
        ("two", "2026-11-24"),
    ]
    assert plain(second)[0]["verdict"] == "fail"
    held = place_of(where).read("day=2026-11-23/rows.parquet")
    assert held is not None
    assert pq.ParquetFile(io.BytesIO(held.content)).metadata.num_rows == 0


def test_two_runs_file_into_one_day(where: str) -> None:
    """Neither takes away what the other has written meanwhile."""
    ours, theirs = open_dataset(where), open_dataset(where)
    ours.known()
    theirs.known()
    ours.add(row("ours"))
    theirs.add(row("theirs"))
    ours.compact_journal()
    theirs.compact_journal()
    assert [found["recording_id"] for found in plain(ours)] == ["ours", "theirs"]


def test_a_recording_that_two_runs_file_under_two_days_stands_once(where: str) -> None:
    """The later one's row stays, whoever files last, and any reader of the files counts it once."""
    for later in (0, 1):
        runs = open_dataset(where), open_dataset(where)
        for run in runs:
            run.known()
        for number, run in enumerate(runs):
            at = 10 * later + (5 if number == later else 0)
            run.add(row("one", at, f"2026-11-2{number}"))
            run.add(row(f"only-{number}", at, f"2026-11-2{number}"))
            run.compact_journal()
        assert _filed(where)["one"] == [f"2026-11-2{later}"]
        assert _filed(where).keys() == {"one", "only-0", "only-1"}


def test_what_stands_twice_is_mended(where: str) -> None:
    """A recording that is filed under two days, as after a race on S3, stands under one after the next filing."""
    place = place_of(where)
    with TemporaryDirectory() as folder:
        for at, day in enumerate(("2026-11-24", "2026-11-20")):
            other = Dataset(Folder(Path(folder) / day))
            other.add(row("one", at, day))
            other.compact_journal()
            place.write(f"day={day}/rows.parquet", (Path(folder) / day / f"day={day}" / "rows.parquet").read_bytes())
    assert sorted(_filed(where)["one"]) == ["2026-11-20", "2026-11-24"]
    open_dataset(where).compact_journal()
    assert _filed(where)["one"] == ["2026-11-20"]


def _filed(where: str) -> dict[str, list[str]]:
    """The days under which each recording lies."""
    found: dict[str, list[str]] = {}
    for name, held in _days(place_of(where)).items():
        assert held is not None
        for recording_id in pq.ParquetFile(io.BytesIO(held.content)).read()["recording_id"].to_pylist():
            found.setdefault(recording_id, []).append(name[4:14])
    return found


@dataclass
class _Racing:
    """A place on which another writes a day in between, so many times."""

    place: ObjectStore
    times: int
    address: str = "here"
    written: int = field(default=0)

    def names(self, start: str = "") -> list[str]:
        return self.place.names(start)

    def read(self, name: str) -> VersionedObject | None:
        return self.place.read(name)

    def has(self, name: str) -> bool:
        return self.place.has(name)

    def write(self, name: str, content: bytes) -> None:
        self.place.write(name, content)

    def replace(self, name: str, content: bytes, before: VersionedObject | None) -> bool:
        if self.written < self.times:
            self.written += 1
            with TemporaryDirectory() as folder:
                other = Dataset(Folder(Path(folder)))
                for n in range(self.written):
                    other.add(row(f"other-{n}"))
                other.compact_journal()
                self.place.write(name, (Path(folder) / name).read_bytes())
        return self.place.replace(name, content, before)

    def remove(self, names: Iterable[str]) -> None:
        self.place.remove(names)

    def filing(self) -> AbstractContextManager[None]:
        return self.place.filing()


def test_filing_on_s3_goes_again_where_another_was_faster(world: World) -> None:
    """S3's own condition tells that a day was written meanwhile: it is read again, and nobody's row is lost."""
    assert world.s3
    place = place_of(f"s3://{OUTPUT}/dataset")
    ours = Dataset(_Racing(place, times=2))
    ours.add(row("ours"))
    ours.compact_journal()
    assert [found["recording_id"] for found in plain(ours)] == ["other-0", "other-1", "ours"]


def test_filing_on_s3_ends_where_others_never_do(world: World) -> None:
    """It gives up with a sentence, and the rows stay in the journal."""
    assert world.s3
    ours = Dataset(_Racing(place_of(f"s3://{OUTPUT}/dataset"), times=1000))
    ours.add(row("ours"))
    with pytest.raises(StorageError, match="written by others"):
        ours.compact_journal()
    assert "ours" in ours.known()
    assert "ours" in [found["recording_id"] for found in plain(ours)]


class _Dying(_Racing):
    """A place on which the process dies before its n-th change."""

    def _count(self) -> None:
        if self.written == self.times:
            raise KeyboardInterrupt
        self.written += 1

    def write(self, name: str, content: bytes) -> None:
        self._count()
        self.place.write(name, content)

    def replace(self, name: str, content: bytes, before: VersionedObject | None) -> bool:
        self._count()
        return self.place.replace(name, content, before)

    def remove(self, names: Iterable[str]) -> None:
        for name in names:
            self._count()
            self.place.remove([name])


@settings(deadline=None, max_examples=30)
@example(rows=[("a", "2026-11-23", None, False), ("a", "2026-11-24", None, False)], dies_at=0)
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
def test_cut_off_anywhere_filing_comes_to_the_same(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str, float | None, bool]], dies_at: int
) -> None:
    """Before any single change of the disk the process may die: the next one ends where an undisturbed one does."""
    made = [
        row(name, at, day, call_agent_snr_db=snr, inputs_key="one" if same else "other")
        for at, (name, day, snr, same) in enumerate(rows)
    ]
    undisturbed = Dataset(Folder(tmp_path_factory.mktemp("whole")))
    place = Folder(tmp_path_factory.mktemp("cut"))
    for half in (made[: len(made) // 2], made[len(made) // 2 :]):
        for one in half:
            undisturbed.add(one)
        undisturbed.compact_journal()
    dying: Dataset = Dataset(_Dying(place, dies_at))
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
    after = Dataset(place)
    assert after.known().keys() == {one["recording_id"] for one in made[: len(made) - len(left)]}
    for one in left:
        after.add(one)
    after.compact_journal()
    assert plain(after) == plain(undisturbed)
    assert _days(place) == _days(undisturbed.place)


def _days(place: ObjectStore) -> dict[str, VersionedObject | None]:
    """Every day's file; but one whose last row went to another day stays, where it was there at all."""
    days = {name: place.read(name) for name in place.names() if name.startswith("day=")}
    return {name: held for name, held in days.items() if held and pq.read_metadata(io.BytesIO(held.content)).num_rows}


def test_what_was_not_measured_again_is_kept() -> None:
    """Processing measures no levels: those of the diagnosis stay with what they say, where the inputs are the same."""
    found: dict[str, Any] = {"warnings": ["call_agent_snr", "drift"], "failures": ["call_agent_clipping"]}
    before = row("one", call_agent_snr_db=30.0, report="report.html", call_bytes=7, verdict="fail", **found)
    after = row("one", 1, output="unified.mp4", warnings=["coverage"], failures=[], verdict="warn")
    kept = newest([after, before])
    assert (kept["call_agent_snr_db"], kept["report"], kept["call_bytes"]) == (30.0, "report.html", 7)
    assert (kept["warnings"], kept["failures"]) == (["coverage", "call_agent_snr"], ["call_agent_clipping"])
    assert (kept["warn_count"], kept["fail_count"], kept["verdict"]) == (2, 1, "fail")
    assert newest([kept, after]) == kept
    others = newest([before, {**after, "inputs_key": "others"}])
    assert (others["call_agent_snr_db"], others["report"], others["verdict"]) == (None, None, "warn")
    measured = newest([before, {**after, "recording_snr_db": 10.0}])
    assert (measured["call_agent_snr_db"], measured["verdict"]) == (None, "warn")


def failure(name: str, at: int, **more: Any) -> dict[str, Any]:
    """A try that failed so many seconds after nine."""
    told = {"status": "failed", "verdict": None, "do": "audit", "error_class": "Crash", "is_worth_a_retry": False}
    return row(name, at, **{**told, "error": f"crash at {at}", **more})


def test_a_failed_try_is_noted_beside_what_was_measured() -> None:
    """In whatever order both come to be filed; a success clears it, and one of other inputs isn't kept."""
    first, tried, later = row("one", 0, offset_s=1.0), failure("one", 5), failure("one", 7)
    kept = newest([tried, first])
    assert (kept["status"], kept["offset_s"], kept["done_at"]) == ("done", 1.0, first["done_at"])
    assert (kept["last_try_error"], kept["last_try_key"]) == ("crash at 5", "one-5")
    assert newest([kept, tried]) == kept
    assert newest([kept, first, tried]) == kept
    assert newest([newest([first, later]), tried])["last_try_error"] == "crash at 7"
    # Another run measured it before that try, and is filed after it.
    again = newest([kept, row("one", 3, offset_s=3.0)])
    assert (again["offset_s"], again["last_try_error"]) == (3.0, "crash at 5")
    cleared = newest([kept, row("one", 9, offset_s=9.0)])
    assert (cleared["offset_s"], cleared["last_try_error"]) == (9.0, None)
    assert newest([first, failure("one", 5, inputs_key="others")])["status"] == "failed"
    assert newest([first, failure("one", 5, inputs_key=None)])["status"] == "done"


def test_a_failed_try_is_known(where: str) -> None:
    """To the run that added it, to one that reads the journal, and to one that reads it filed."""
    dataset = open_dataset(where)
    dataset.add(row("one"))
    dataset.compact_journal()
    dataset.add(failure("one", 5))
    for opened in (dataset, open_dataset(where)):
        assert opened.known()["one"].status == "done"
        assert opened.known()["one"].last_try == LastTry("one-5", "crash at 5", is_worth_a_retry=False)
    dataset.compact_journal()
    assert dataset.known() == open_dataset(where).known()
    assert open_dataset(where).known()["one"].last_try == LastTry("one-5", "crash at 5", is_worth_a_retry=False)


def test_dropped_rows_go(where: str) -> None:
    """A row that nothing stands for any more is taken out of its day."""
    dataset = open_dataset(where)
    dataset.add(row("list.csv:3", status="set_aside", day="unknown"))
    dataset.add(row("one"))
    dataset.compact_journal()
    again = open_dataset(where)
    again.compact_journal(drop=["list.csv:3"])
    assert [found["recording_id"] for found in plain(again)] == ["one"]
    assert again.known().keys() == {"one"}


def test_an_older_schema_is_read_on(tmp_path: Path) -> None:
    """A file that lacks columns of today has nulls there, and is written with all of them next time."""
    older = SCHEMA.remove(SCHEMA.get_field_index("sides"))
    blank = {name: [value] for name, value in row("one").items() if name in older.names}
    day = tmp_path / "day=2026-11-24"
    day.mkdir()
    pq.write_table(pa.Table.from_pydict(blank, schema=older), day / "rows.parquet")
    dataset = open_dataset(str(tmp_path))
    assert [found["recording_id"] for found in plain(dataset)] == ["one"]
    dataset.add(row("two"))
    dataset.compact_journal()
    assert pq.ParquetFile(day / "rows.parquet").schema_arrow.names == SCHEMA.names


def test_other_versions_and_other_files_are_refused(tmp_path: Path) -> None:
    """What this software can't read is named, and left as it is."""
    day = tmp_path / "day=2026-11-24"
    day.mkdir()
    path = day / "rows.parquet"
    path.write_bytes(b"no Parquet")
    with pytest.raises(InputError, match=r"rows\.parquet can't be read"):
        open_dataset(str(tmp_path)).known()
    newer = SCHEMA.with_metadata({"komorebi_qc.schema": "2.0"})
    pq.write_table(newer.empty_table(), path)
    before = path.read_bytes()
    with pytest.raises(InputError, match=r"version 2\.0"):
        open_dataset(str(tmp_path)).add(row("one"))
    assert path.read_bytes() == before
    with pytest.raises(InputError, match="holds no dataset"):
        open_dataset(str(tmp_path / "nothing")).read()


def test_the_journal_is_filed_when_it_is_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the midst of a run too: readers never have more than so many small files to open."""
    monkeypatch.setattr("komorebi_qc.batch.dataset.dataset._MOST_UNFILED", 3)
    dataset = open_dataset(str(tmp_path))
    for n in range(4):
        dataset.add(row(f"r{n}", n))
    assert len(dataset.place.names("_journal/")) == 1
    assert len(plain(dataset)) == 4


@dataclass
class _Counting(_Racing):
    """A place that remembers what was read and written."""

    seen: list[str] = field(default_factory=list)

    def read(self, name: str) -> VersionedObject | None:
        self.seen.append(f"read {name.partition('/')[0]}")
        return super().read(name)

    def write(self, name: str, content: bytes) -> None:
        self.seen.append(f"write {name.partition('/')[0]}")
        super().write(name, content)


def test_a_run_does_not_read_its_own_journal(tmp_path: Path) -> None:
    """Its rows are at hand when they are filed, those of others are read; rows that come together are one file."""
    place = _Counting(Folder(tmp_path), times=0)
    dataset = Dataset(place)
    dataset.add(row("a"), row("b"))
    dataset.add(row("c"))
    open_dataset(str(tmp_path)).add(row("theirs"))
    dataset.compact_journal()
    assert place.seen.count("write _journal") == 2
    assert place.seen.count("read _journal") == 1
    assert [found["recording_id"] for found in plain(dataset)] == ["a", "b", "c", "theirs"]
    assert not place.names("_journal/")
    dataset.add()
    assert not place.names("_journal/")


def test_the_journal_may_be_emptied_while_another_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between making its folder and its file another run may file all that was there: the row is written."""
    place = Folder(tmp_path)
    place.write("_journal/old.parquet", b"")
    made = Path.mkdir

    def mkdir(self: Path, *given: Any, **named: Any) -> None:
        made(self, *given, **named)
        place.remove(["_journal/old.parquet"])

    monkeypatch.setattr(Path, "mkdir", mkdir)
    place.write("_journal/new.parquet", b"")
    assert place.names("_journal/") == ["_journal/new.parquet"]


def test_a_folder_that_a_console_made_is_no_row(world: World) -> None:
    """S3's web page marks an empty folder by an object whose name ends with a slash; what isn't Parquet isn't read."""
    for name in ("_journal/", "day=2026-11-24/", "_journal/notes.txt"):
        world.s3.put_object(Bucket=OUTPUT, Key=f"dataset/{name}", Body=b"")
    dataset = open_dataset(f"s3://{OUTPUT}/dataset")
    dataset.add(row("one"))
    dataset.compact_journal()
    assert [found["recording_id"] for found in plain(dataset)] == ["one"]


def test_places_know_what_they_have(where: str) -> None:
    """A file that was written is there, another isn't."""
    place = place_of(where)
    place.write("_reports/one/report.html", b"")
    assert place.has("_reports/one/report.html")
    assert not place.has("_reports/two/report.html")


def test_places_that_cannot_be(tmp_path: Path) -> None:
    """A file in the way, and an address without a bucket, are told before any work."""
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="can't be used"):
        Folder(tmp_path / "file").write("day=1/rows.parquet", b"")
    with pytest.raises(InputError, match="names no bucket"):
        place_of("s3:///prefix")
    assert replace(Folder(tmp_path), root=tmp_path / "none").names() == []
