"""The rows of a recording leave a dataset: files of days, journal, rejected rows, and older versions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from aws_fixtures import OUTPUT, World
from dataset_rows import plain, row
from erasures import OTHER, OURS, Search, fill_dataset, versioned

from komorebi_qc.batch.dataset.dataset import open_dataset
from komorebi_qc.core.errors import InputError
from komorebi_qc.erasure.dataset_rows import DatasetRows
from komorebi_qc.erasure.name_match import NameMatch


@pytest.fixture(params=["folder", "s3", "versions"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A dataset's place: a folder, a bucket, and a bucket that keeps versions."""
    if request.param == "folder":
        return str(tmp_path / "dataset")
    world = request.getfixturevalue("world")
    if request.param == "versions":
        versioned(world)
    return f"s3://{OUTPUT}/some/dataset"


def rows_of(where: str, recording_id: str = OURS) -> DatasetRows:
    """A new view."""
    return DatasetRows(open_dataset(where).store, NameMatch(recording_id))


def naming(where: str, text: str, request: pytest.FixtureRequest) -> list[str]:
    """The dataset's files that name a text, by a search that knows no product code; reports aside."""
    if not where.startswith("s3://"):
        found = Search(text).in_folder(Path(where))
    else:
        found = Search(text).in_bucket(request.getfixturevalue("world").s3, OUTPUT)
    return [name for name in found if "_reports" not in name]


def test_rows_go_and_others_stay(where: str, request: pytest.FixtureRequest) -> None:
    """Every file, version and journal loses the recording; the other recording's rows are the same as before."""
    fill_dataset(where, OURS, OTHER)
    before = [found for found in plain(open_dataset(where)) if OURS not in str(found)]
    assert len(before) == 2
    assert naming(where, OURS, request) != []
    place = rows_of(where)
    found = list(place.find())
    assert {one.kind for one in found} == {"dataset row"}
    assert sum(one.count for one in found if not one.versions) == 3
    for one in found:
        place.remove(one)
    assert naming(where, OURS, request) == []
    assert plain(open_dataset(where)) == before
    assert list(rows_of(where).find()) == []


def test_older_versions_are_listed(world: World) -> None:
    """In a bucket with versions, the deleted journal files still have the rows."""
    versioned(world)
    fill_dataset(f"s3://{OUTPUT}/d", OURS)
    found = list(rows_of(f"s3://{OUTPUT}/d").find())
    older = [one for one in found if one.versions]
    assert len(older) == 2
    assert all(one.address.endswith(".parquet, older versions") and "_journal/" in one.address for one in older)


def test_a_row_that_names_the_recording_elsewhere_goes_too(tmp_path: Path) -> None:
    """A manifest may have its own IDs for files that are named after the contact."""
    dataset = open_dataset(str(tmp_path))
    dataset.add(row("case-5", call=f"/calls/{OURS}_20260302T14:05_UTC.wav", named_by="files"), row("case-6"))
    place = rows_of(str(tmp_path))
    assert [found["recording_id"] for found in place.rows()] == ["case-5"]
    place.remove(next(iter(place.find())))
    assert [found["recording_id"] for found in plain(open_dataset(str(tmp_path)))] == ["case-6"]


def test_a_short_id_drops_no_other_row(tmp_path: Path) -> None:
    """The rows of others have a 1 in versions, sentences and counts."""
    dataset = open_dataset(str(tmp_path))
    dataset.add(row("1", version="0.2.1"), row("12", version="0.2.1", error="1 finding", named_by="files"), row("r-1"))
    place = rows_of(str(tmp_path), "1")
    assert [found["recording_id"] for found in place.rows()] == ["1"]
    place.remove(next(iter(place.find())))
    assert {found["recording_id"] for found in plain(open_dataset(str(tmp_path)))} == {"12", "r-1"}


def test_the_folders_of_results(tmp_path: Path) -> None:
    """Reports and unified recordings are in folders named after the recording, or after a path's end and a hash."""
    dataset = open_dataset(str(tmp_path))
    dataset.add(row(f"/media/{OURS}.webm", named_by="files"), row("/lists/1", status="rejected", error=OURS))
    names = [Path(text).relative_to(tmp_path).as_posix() for text in rows_of(str(tmp_path)).folders()]
    assert names[2:] == [f"_reports/{OURS}", f"_unified/{OURS}"]
    assert names[0].startswith(f"_reports/media-{OURS}-webm-")
    assert len(names) == 4


def test_an_input_of_two_recordings(tmp_path: Path) -> None:
    """A file that another recording's row names as well belongs to both."""
    dataset = open_dataset(str(tmp_path))
    shared: dict[str, Any] = {"call": "/calls/shared.wav", "named_by": "files"}
    dataset.add(row(OURS, recording="/r/1.webm", **shared), row(OTHER, recording="/r/2.webm", **shared))
    place = rows_of(str(tmp_path))
    assert place.other_users("/calls/shared.wav")
    assert not place.other_users("/r/1.webm")


def test_another_folder_is_refused(tmp_path: Path) -> None:
    """A mistyped folder isn't a dataset without rows."""
    with pytest.raises(InputError, match="isn't a dataset"):
        rows_of(str(tmp_path / "typo")).rows()
    (tmp_path / "day=2026-11-24").mkdir()
    (tmp_path / "day=2026-11-24" / "rows.parquet").write_bytes(b"no parquet")
    with pytest.raises(InputError, match=r"rows\.parquet"):
        rows_of(str(tmp_path)).rows()


def test_an_empty_dataset_has_no_rows(tmp_path: Path) -> None:
    """After everything was erased, the search succeeds."""
    assert list(rows_of(str(tmp_path)).find()) == []
