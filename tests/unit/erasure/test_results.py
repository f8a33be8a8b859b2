"""Results in files: those in the recording's own folder, and those that name it anywhere."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from aws_fixtures import OUTPUT, World
from erasures import OTHER, OURS, Search, audit_files, loose_files, versioned, write_files

from komorebi_qc.core.errors import AccessDeniedError
from komorebi_qc.erasure.file_tree import BucketTree, FileTree, LocalTree, open_tree
from komorebi_qc.erasure.name_match import NameMatch
from komorebi_qc.erasure.plan import NOT_OURS
from komorebi_qc.erasure.results import ResultFiles
from komorebi_qc.storage.s3.object_versions import VersionedBucket

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NAMES = NameMatch(OURS)
CSV_HEAD = b"recording_id,work_key,verdict\n"


def tree_of(files: dict[str, bytes], kind: str, tmp_path: Path, world: Callable[[], World]) -> FileTree:
    """A tree with these files: in a folder, or in a bucket with versions."""
    if kind == "folder":
        write_files(tmp_path / "place", files)
        return LocalTree(tmp_path / "place")
    aws = world()
    versioned(aws)
    for name, content in files.items():
        aws.s3.put_object(Bucket=OUTPUT, Key=f"place/{name}", Body=content)
    return BucketTree(VersionedBucket(aws.s3, OUTPUT), "place")


@pytest.fixture(params=["folder", "bucket"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[dict[str, bytes]], FileTree]:
    """Makes a tree of files, in a folder and in a bucket."""
    return lambda files: tree_of(files, request.param, tmp_path, lambda: request.getfixturevalue("world"))


def kinds(place: ResultFiles) -> dict[str, str]:
    """The kind of each found file, by its name."""
    return {place.seen[one.address]: one.kind for one in place.find()}


def erase(place: ResultFiles) -> None:
    """Remove all that can be removed."""
    for one in place.find():
        if not one.kept_because:
            place.remove(one)


def names_in(tree: FileTree) -> set[str]:
    """The files that are left; on S3 with older versions and delete markers."""
    return {file.name for file in tree.files()}


def test_files_of_one_recording_go(make: Callable[[dict[str, bytes]], FileTree]) -> None:
    """An audit, a clip, a figure, a notebook and the fleet page are removed; the other recording's stay."""
    files = loose_files(OURS, OTHER)
    tree = make(files)
    found = kinds(ResultFiles(tree, NAMES))
    assert {name: kind for name, kind in found.items() if "/" not in name} == {
        "fleet.html": "fleet page",
        "seam-0.mp4": "clip",
        "plot-0.png": "figure",
        "out-0.ipynb": "notebook",
    }
    assert {name for name in found if "/" in name} == {f"audit-0/{name}" for name in audit_files(OURS)}
    assert list(found)[-1] == "audit-0/status.json"
    erase(ResultFiles(tree, NAMES))
    assert names_in(tree) == {name for name in files if name not in found}
    assert list(ResultFiles(tree, NAMES).find()) == []


def test_rows_of_a_csv_file_go(make: Callable[[dict[str, bytes]], FileTree]) -> None:
    """The file stays with its other rows; on S3 its older versions with the rows go."""
    tree = make({"rows.csv": CSV_HEAD + f"{OURS},k,pass\n{OTHER},k,fail\n{OURS},k,warn\n".encode()})
    (one,) = ResultFiles(tree, NAMES).find()
    assert (one.kind, one.count) == ("CSV row", 2)
    erase(ResultFiles(tree, NAMES))
    (file,) = tree.files()
    contents = [b"".join(tree.chunks(file, version)) for version in file.versions]
    assert contents == [CSV_HEAD + f"{OTHER},k,fail\n".encode()]


def test_a_file_of_somebody_else_is_named_and_stays(make: Callable[[dict[str, bytes]], FileTree]) -> None:
    """A manifest, a text and a recording that name it aren't this software's."""
    files = {
        "list.csv": f"recording_id,connect\n{OURS},a.wav\n".encode(),
        "notes.txt": f"see {OURS}".encode(),
        f"{OURS}.webm": b"recording",
        f"{OURS}/notes.txt": b"",
    }
    tree = make(files)
    found = list(ResultFiles(tree, NAMES).find())
    assert {(one.kind, one.kept_because) for one in found} == {("other file", NOT_OURS)}
    assert len(found) == len(files)
    erase(ResultFiles(tree, NAMES))
    assert names_in(tree) == set(files)


def test_a_video_beside_its_findings(make: Callable[[dict[str, bytes]], FileTree]) -> None:
    """The findings name the recording; the video beside them is its unified recording, whatever its name."""
    files = {"call.mp4": b"video", "call.qc.json": audit_files(OURS)["recording.qc.json"], "other.mp4": b"video"}
    tree = make(files)
    assert kinds(ResultFiles(tree, NAMES)) == {"call.qc.json": "qc.json", "call.mp4": "video"}
    erase(ResultFiles(tree, NAMES))
    assert names_in(tree) == {"other.mp4"}


def test_the_recordings_own_folder(make: Callable[[dict[str, bytes]], FileTree]) -> None:
    """In it all results go, also without a status, as after an interruption; a person's file stays."""
    files = {f"{OURS}/{name}": content for name, content in audit_files(OURS).items() if name != "status.json"}
    tree = make({**files, f"{OTHER}/report.html": b"", f"{OURS}/mine.txt": b""})
    found = ResultFiles(tree, NAMES)
    assert {one.kind for one in found.find() if one.kept_because} == {"other file"}
    erase(ResultFiles(tree, NAMES))
    assert names_in(tree) == {f"{OTHER}/report.html", f"{OURS}/mine.txt"}


def test_empty_folders_of_the_recording_go(tmp_path: Path) -> None:
    """The recording's own folder disappears with its last file; the place that was named stays."""
    write_files(tmp_path / "place" / OURS, audit_files(OURS))
    tree = LocalTree(tmp_path / "place")
    erase(ResultFiles(tree, NAMES))
    assert list(tmp_path.rglob("*")) == [tmp_path / "place"]
    assert Search(OURS).in_folder(tmp_path) == []


def test_older_versions_that_name_it_go(world: World) -> None:
    """A page that was written again without the recording stays; its older version goes."""
    versioned(world)
    for text in (OURS, OTHER):
        page = loose_files(text)["fleet.html"]
        world.s3.put_object(Bucket=OUTPUT, Key="fleet.html", Body=page)
    tree = open_tree(f"s3://{OUTPUT}/fleet.html", lambda: world.s3)
    (one,) = ResultFiles(tree, NAMES).find()
    assert (one.kind, one.count) == ("fleet page", 1)
    erase(ResultFiles(tree, NAMES))
    assert Search(OURS).in_bucket(world.s3, OUTPUT) == []
    assert len(Search(OTHER).in_bucket(world.s3, OUTPUT)) == 1


def test_a_folder_that_another_recording_uses_now(world: World) -> None:
    """The older audit's report and findings go, and the newer audit stays whole."""
    versioned(world)
    for name in (OURS, OTHER):
        for file, content in audit_files(name).items():
            world.s3.put_object(Bucket=OUTPUT, Key=f"audit/{file}", Body=content)
    tree = open_tree(f"s3://{OUTPUT}/audit", lambda: world.s3)
    erase(ResultFiles(tree, NAMES))
    assert Search(OURS).in_bucket(world.s3, OUTPUT) == []
    assert {key.removeprefix("audit/") for key in world.keys(OUTPUT)} == set(audit_files(OTHER))
    assert world.read("audit/status.json") == audit_files(OTHER)["status.json"]


def test_a_folder_that_cannot_be_read_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A search that skipped it couldn't promise anything."""

    def refuse(path: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(AccessDeniedError, match="Permission denied"):
        list(ResultFiles(LocalTree(tmp_path), NAMES).find())


def test_a_single_file(tmp_path: Path) -> None:
    """A place may be one file; the files beside it aren't read."""
    write_files(tmp_path, loose_files(OURS))
    tree = open_tree(str(tmp_path / "fleet.html"), lambda: None)
    assert kinds(ResultFiles(tree, NAMES)) == {"fleet.html": "fleet page"}
    assert list(ResultFiles(open_tree(str(tmp_path / "gone.html"), lambda: None), NAMES).find()) == []


def test_links_are_not_followed(tmp_path: Path) -> None:
    """A link to a folder elsewhere leads nowhere."""
    write_files(tmp_path / "elsewhere", loose_files(OURS))
    (tmp_path / "place").mkdir()
    (tmp_path / "place" / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "place" / "fleet.html").symlink_to(tmp_path / "elsewhere" / "fleet.html")
    assert list(ResultFiles(LocalTree(tmp_path / "place"), NAMES).find()) == []


def test_datasets_in_a_place_are_named(tmp_path: Path) -> None:
    """Their rows are read only as a dataset."""
    write_files(tmp_path, {"a/day=2026-11-24/rows.parquet": b"", "b/_journal/1.parquet": b"", "c/x.parquet": b""})
    place = ResultFiles(LocalTree(tmp_path), NAMES)
    assert list(place.datasets()) == [str(tmp_path / "a"), str(tmp_path / "b")]
    assert list(place.find()) == []
