"""Results in files: those in the recording's own folder, and those that name it anywhere."""

from __future__ import annotations

import json
import os
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from aws_fixtures import OUTPUT, World
from erasures import OTHER, OURS, Search, audit_files, loose_files, versioned, write_files

from komorebi_qc.core.errors import AccessDeniedError
from komorebi_qc.erasure.csv_rows import without_rows
from komorebi_qc.erasure.file_tree import BucketTree, FileTree, LocalTree, open_tree
from komorebi_qc.erasure.name_match import NameMatch
from komorebi_qc.erasure.plan import NOT_OURS
from komorebi_qc.erasure.results import ResultFiles
from komorebi_qc.storage.s3.object_versions import VersionedBucket

if TYPE_CHECKING:
    from collections.abc import Callable

NAMES = NameMatch(OURS)
CSV_HEAD = b"recording_id,work_key,verdict\n"


def tree_of(files: dict[str, bytes], kind: str, tmp_path: Path, world: Callable[[], World]) -> FileTree:
    """A tree with these files: in a folder, in a bucket, or in a bucket with versions."""
    if kind == "folder":
        write_files(tmp_path / "place", files)
        return LocalTree(tmp_path / "place")
    aws = world()
    if kind == "versions":
        versioned(aws)
    for name, content in files.items():
        aws.s3.put_object(Bucket=OUTPUT, Key=f"place/{name}", Body=content)
    return BucketTree(VersionedBucket(aws.s3, OUTPUT), "place")


@pytest.fixture(params=["folder", "bucket", "versions"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[dict[str, bytes]], FileTree]:
    """Makes a tree of files, in a folder and in buckets."""
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


def test_a_csv_file_that_was_edited_is_named_and_stays(tmp_path: Path) -> None:
    """Without an end of a quoted text, nobody knows its rows; one that only has the name has no rows."""
    named = f"{OURS}.csv"
    write_files(tmp_path, {"rows.csv": CSV_HEAD + f'{OURS},"k'.encode(), named: CSV_HEAD})
    found = {Path(one.address).name: one.kept_because for one in ResultFiles(LocalTree(tmp_path), NAMES).find()}
    assert found["rows.csv"] == "it isn't CSV in UTF-8 any more: remove its rows by hand"
    assert found[named] == "only its name names the recording: rename it"


def test_a_short_id_takes_nothing_of_others(make: Callable[[dict[str, bytes]], FileTree]) -> None:
    """Recording 1 is in no page by chance, nor in a folder of that name that states another recording."""
    page = b'<style>a{opacity:1}</style><title>Recording 12: pass</title><td>1</td><script data-kq="data">[1]</script>'
    files = {f"1/{name}": content for name, content in audit_files("12").items()}
    files |= {"12.html": page, "rows.csv": CSV_HEAD + b"12,1,pass\n", "1-2.mp4": b"komorebi_qc: clip of 12, 1"}
    files |= {"r/1/report.html": page, "r/1/status.json": b'{"recording": "screen.webm", "notebooks": []}'}
    files |= {"1.mp4": b"komorebi_qc: clip of 12", "1/own/clip.mp4": b"komorebi_qc: clip of 12"}
    files["plain.png"] = b"komorebi_qc Description\0" + b"12.mp4"
    tree = make({**files, "fleet.html": b'<main class="kq fleet" id="fleet">Frame of 12" 1</main>'})
    assert list(ResultFiles(tree, NameMatch("1")).find()) == []


def test_a_short_id_finds_its_own(make: Callable[[dict[str, bytes]], FileTree]) -> None:
    """A report, a clip, a plot, a notebook, the fleet's page, a row and a folder of recording 1."""
    files = {f"1/{name}": content for name, content in audit_files("1").items()}
    files |= {f"audit/{name}": content for name, content in audit_files("1").items()}
    files |= {"_reports/1/report.html": b"", "_reports/1/thumbnail.png": b""}
    files |= {
        "report.html": b'<title>Recording 1: pass</title><script data-kq="data"></script>',
        "clip.mp4": b"\0komorebi_qc: clip of 1\0",
        "plot.png": b"komorebi_qc Description\x001.mp4\0",
        "fleet.html": b'<main class="kq fleet" id="fleet"><img alt="Frame of 1"></main>',
        "rows.csv": CSV_HEAD + b"1,k,pass\n2,1,pass\n",
    }
    tree = make(files)
    found = kinds(ResultFiles(tree, NameMatch("1")))
    assert found.keys() == files.keys()
    assert "other file" not in found.values()
    erase(ResultFiles(tree, NameMatch("1")))
    assert names_in(tree) == {"rows.csv"}
    (file,) = tree.files()
    assert b"".join(tree.chunks(file, file.versions[-1])) == CSV_HEAD + b"2,1,pass\n"


def test_outputs_go_before_the_findings_that_lead_to_them(make: Callable[[dict[str, bytes]], FileTree]) -> None:
    """An erasure that ends in between finds them again; findings of a copied run name their files."""
    outputs = {"video": {"location": "recording.mp4"}, "thumbnail": {"location": "thumbnail.png"}}
    copied = {"recording_id": OURS, "findings": [], "verdict": "pass", "provenance": {"outputs": outputs}}
    files = {
        "copy/qc.json": json.dumps(copied).encode(),
        "copy/recording.mp4": b"video",
        "copy/thumbnail.png": b"png",
        "copy/mine.mp4": b"video",
        "call.mp4": b"video",
        "call.qc.json": audit_files(OURS)["recording.qc.json"],
    }
    tree = make(files)
    order = list(kinds(ResultFiles(tree, NAMES)).items())
    assert [kind for _, kind in order] == ["video", "video", "thumbnail", "qc.json", "qc.json"]
    place = ResultFiles(tree, NAMES)
    place.remove(next(iter(place.find())))
    erase(ResultFiles(tree, NAMES))
    assert names_in(tree) == {"copy/mine.mp4"}


def test_findings_stay_with_a_video_that_stays(world: World) -> None:
    """Without them, the next search wouldn't find the video any more."""
    world.s3.create_bucket(
        Bucket="locked",
        CreateBucketConfiguration={"LocationConstraint": "eu-central-1"},
        ObjectLockEnabledForBucket=True,
    )
    held = {"ObjectLockLegalHoldStatus": "ON"}
    world.s3.put_object(Bucket="locked", Key="desk/call.mp4", Body=b"video", **held)
    content = audit_files(OURS)["recording.qc.json"]
    world.s3.put_object(Bucket="locked", Key="desk/call.qc.json", Body=content)
    place = ResultFiles(open_tree("s3://locked/desk", lambda: world.s3), NAMES)
    video, findings = place.find()
    assert (video.kind, video.kept_because, findings.kept_because) == ("video", "a legal hold", "")
    with pytest.raises(AccessDeniedError, match="it leads to files in its folder that can't be removed"):
        place.remove(findings)
    assert world.keys("locked") == ["desk/call.mp4", "desk/call.qc.json"]


def test_two_erasures_rewrite_one_csv_file(tmp_path: Path) -> None:
    """The second one waits, and doesn't write the first one's rows back."""
    path = tmp_path / "rows.csv"
    path.write_bytes(CSV_HEAD + f"{OURS},k,pass\n{OTHER},k,pass\nr3,k,pass\n".encode())
    trees = LocalTree(tmp_path), LocalTree(tmp_path)
    inside, other_began = threading.Event(), threading.Event()

    def ours(content: bytes) -> bytes:
        inside.set()
        assert other_began.wait(10)
        time.sleep(0.1)  # within which the other one would have read the old content
        return without_rows(content, NAMES)[0]

    first = threading.Thread(target=trees[0].rewrite, args=("rows.csv", ours, ()))
    first.start()
    assert inside.wait(10)
    second = threading.Thread(
        target=trees[1].rewrite, args=("rows.csv", lambda content: without_rows(content, NameMatch(OTHER))[0], ())
    )
    second.start()
    other_began.set()
    for one in (first, second):
        one.join(10)
    assert path.read_bytes() == CSV_HEAD + b"r3,k,pass\n"
    trees[0].rewrite("gone.csv", lambda content: content, ())
    assert [one.name for one in tmp_path.iterdir()] == ["rows.csv"]


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
