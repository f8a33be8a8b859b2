"""The whole of an erasure: afterwards a search finds nothing, also after an interruption."""

from __future__ import annotations

import os
import tempfile
from typing import TYPE_CHECKING, Any

import pytest
from aws_fixtures import CONNECT, INPUT, OUTPUT, TABLE, Faulty, World, client_error, fails
from dataset_rows import row
from erasures import (
    OTHER,
    OURS,
    Search,
    fill_dataset,
    loose_files,
    own_attributes,
    put_recording,
    versioned,
    write_csv,
    write_files,
)

from komorebi_qc.batch.dataset.dataset import open_dataset
from komorebi_qc.core.errors import InputError, MessageError, UnknownRecordingError
from komorebi_qc.erasure import run
from komorebi_qc.erasure.run import ErasureRequest, erase
from komorebi_qc.storage.temporary_folder import temporary_folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def full(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ErasureRequest:
    """Two recordings, each with everything: objects in versions, datasets in a folder and on S3, files, messages."""
    versioned(world)
    monkeypatch.setenv("KOMOREBI_QUEUE_URL", world.queue().url)
    for name in (OURS, OTHER):
        put_recording(world, name, times=2)
    local = fill_dataset(str(tmp_path / "dataset"), OURS, OTHER)
    remote = fill_dataset(f"s3://{OUTPUT}/datasets/all", OURS, OTHER)
    write_csv(local, str(tmp_path / "dataset" / "rows.csv"))
    write_csv(remote, f"s3://{OUTPUT}/csv/rows.csv")
    write_files(tmp_path / "desk", loose_files(OURS, OTHER))
    datasets = (str(tmp_path / "dataset"), f"s3://{OUTPUT}/datasets/all")
    return ErasureRequest(OURS, datasets, (str(tmp_path / "desk"), f"s3://{OUTPUT}/csv"))


def traces(world: World, folder: Path, text: str = OURS, *, inputs: bool = False) -> list[str]:
    """Everything that names a recording, by a search that knows no product code."""
    search = Search(text)
    buckets = (OUTPUT, CONNECT, INPUT) if inputs else (OUTPUT,)
    found = [*search.in_folder(folder), *search.in_queue(world)]
    return found + [one for bucket in buckets for one in search.in_bucket(world.s3, bucket)]


def test_afterwards_a_search_finds_nothing(world: World, tmp_path: Path, full: ErasureRequest) -> None:
    """No file, version, marker, upload, row or message names it; the other recording has all of its own."""
    own, before = own_attributes(world, OTHER), traces(world, tmp_path, OTHER, inputs=True)
    assert len(traces(world, tmp_path)) > 40
    done = erase(full, os.environ, is_wanted=True)
    assert traces(world, tmp_path) == []
    assert own_attributes(world, OURS) == {"isProcessed": {"BOOL": False}}
    assert (done.left, done.is_all_gone, done.plan.not_searched) == ((), True, ())
    assert done.removed.keys() >= {
        *("video", "thumbnail", "qc.json", "report", "audio track", "notebook", "clip", "figure", "fleet page"),
        *("CSV row", "dataset row", "dead letter", "item attribute", "unfinished upload", "status"),
    }
    assert own_attributes(world, OTHER) == own
    # A shared page goes as a whole, and older versions of shared files too.
    left = set(traces(world, tmp_path, OTHER, inputs=True))
    assert {one for one in set(before) - left if "csv" not in one and ".parquet" not in one} == {"desk/fleet.html"}
    assert {one for one in left if "rows.csv" in one} >= {"dataset/rows.csv"}
    assert traces(world, tmp_path, inputs=True) != []  # the inputs are there


def test_a_search_changes_nothing(world: World, tmp_path: Path, full: ErasureRequest) -> None:
    """Without the wish to remove, everything is listed and stays."""
    before = traces(world, tmp_path)
    listed = erase(full, os.environ, is_wanted=False)
    assert traces(world, tmp_path) == before
    assert listed.left == listed.plan.found
    assert not listed.is_all_gone
    assert not any(one.is_input for one in listed.plan.found)
    assert world.waiting("dead") == (4, 0)


def test_inputs_go_on_request(world: World, tmp_path: Path, full: ErasureRequest) -> None:
    """With the inputs nothing is left in any bucket."""
    asked = ErasureRequest(full.recording_id, full.datasets, full.also, with_inputs=True)
    done = erase(asked, os.environ, is_wanted=True)
    assert done.is_all_gone
    assert traces(world, tmp_path, inputs=True) == []
    assert traces(world, tmp_path, OTHER, inputs=True) != []


class Stop(Exception):  # noqa: N818  no error of the product
    """Ends an erasure in its middle."""


@pytest.mark.parametrize("after", [0, 4, 20, 35])
def test_an_interrupted_erasure_is_run_again(world: World, tmp_path: Path, full: ErasureRequest, after: int) -> None:
    """The same command finishes it, at any step."""
    steps = iter(range(after))

    def check() -> None:
        if next(steps, None) is None:
            raise Stop

    with pytest.raises(Stop):
        erase(full, os.environ, is_wanted=True, check=check)
    assert traces(world, tmp_path) != []
    assert erase(full, os.environ, is_wanted=True).is_all_gone
    assert traces(world, tmp_path) == []
    assert erase(full, os.environ, is_wanted=False).is_all_gone


def faulty(world: World, monkeypatch: pytest.MonkeyPatch, **faults: Callable[..., Any]) -> None:
    """Let the erasure's S3 client fail."""
    monkeypatch.setattr(run, "_s3", lambda: Faulty(world.s3, **faults))


def test_rows_and_the_item_go_last(world: World, full: ErasureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """If an object can't be removed now, the rows, the letters and the item stay, and say what is left."""
    with monkeypatch.context() as broken:
        faulty(world, broken, delete_object=fails(client_error("SlowDown", 503, "DeleteObject")))
        done = erase(full, os.environ, is_wanted=True)
    assert "SlowDown" in next(one.kept_because for one in done.left if one.kind == "video")
    assert {"dataset row", "dead letter", "item attribute", "report"} <= {one.kind for one in done.left}
    assert own_attributes(world, OURS)["isProcessed"] == {"BOOL": True}
    assert erase(full, os.environ, is_wanted=True).is_all_gone


def test_a_missing_right_is_named_and_the_rest_goes(
    world: World, tmp_path: Path, full: ErasureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An object that may not be deleted is left with the reason."""

    def refuse(true: Callable[..., Any], **arguments: Any) -> Any:
        if arguments["Key"].endswith("/qc.json") and "VersionId" in arguments:
            raise client_error("AccessDenied", 403, "DeleteObject")
        return true(**arguments)

    with monkeypatch.context() as broken:
        faulty(world, broken, delete_object=refuse)
        done = erase(full, os.environ, is_wanted=True)
    assert {one.kind for one in done.left} == {"qc.json"}
    assert "refuses access" in done.left[0].kept_because
    assert Search(OURS).in_folder(tmp_path) == []


def test_letters_that_another_erasure_reads_are_not_counted_as_removed(world: World, full: ErasureRequest) -> None:
    """Two run at once: the other one reads all letters during the first search, and lets them go before the second."""
    dead = world.queue("dead")
    read = dead.receive_some(10, 0, 600)
    assert len(read) == 4

    def let_go() -> None:
        while read:
            dead.change_visibility(read.pop(), 0)

    done = erase(full, os.environ, is_wanted=True, check=let_go)
    assert [(one.kind, one.count, one.kept_because) for one in done.left] == [("dead letter", 2, "")]
    assert "dead letter" not in done.removed
    again = erase(full, os.environ, is_wanted=True)
    assert (again.is_all_gone, again.removed) == (True, {"dead letter": 2})
    assert world.waiting("dead") == (2, 0)


def test_a_legal_hold_is_left_and_named(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A locked version is left, isn't visible if a newer one was removed, and the next run tries again."""
    world.s3.create_bucket(
        Bucket="locked",
        CreateBucketConfiguration={"LocationConstraint": "eu-central-1"},
        ObjectLockEnabledForBucket=True,
    )
    recording = put_recording(world, OURS)
    monkeypatch.setenv("OUTPUT_BUCKET_NAME", "locked")
    world.s3.put_object(Bucket="locked", Key=recording.qc_key, Body=b"{}", ObjectLockLegalHoldStatus="ON")
    world.s3.put_object(Bucket="locked", Key=recording.qc_key, Body=b"{}")
    world.s3.put_object(Bucket="locked", Key=recording.video_key("mp4"), Body=b"")
    request = ErasureRequest(OURS)
    done = erase(request, os.environ, is_wanted=True)
    assert [(one.kind, one.count, one.kept_because) for one in done.left] == [("qc.json", 1, "a legal hold")]
    assert world.keys("locked") == []
    hold = next(one for one in world.s3.list_object_versions(Bucket="locked")["Versions"])
    named = {"Bucket": "locked", "Key": hold["Key"], "VersionId": hold["VersionId"]}
    world.s3.put_object_legal_hold(**named, LegalHold={"Status": "OFF"})
    assert erase(request, os.environ, is_wanted=True).is_all_gone
    assert Search(OURS).in_bucket(world.s3, "locked") == []
    assert list(tmp_path.iterdir()) == []


def test_rows_stay_with_a_report_that_stays(world: World, tmp_path: Path) -> None:
    """The report is elsewhere, so that only the row leads to it: the next run finds it again."""
    world.s3.create_bucket(
        Bucket="locked",
        CreateBucketConfiguration={"LocationConstraint": "eu-central-1"},
        ObjectLockEnabledForBucket=True,
    )
    held = {"ObjectLockLegalHoldStatus": "ON"}
    report = world.s3.put_object(Bucket="locked", Key=f"r/{OURS}/report.html", Body=b"", **held)
    dataset = open_dataset(str(tmp_path / "dataset"))
    dataset.add(row(OURS, named_by="id", report=f"s3://locked/r/{OURS}/report.html"), row(OTHER))
    put_recording(world, OURS)
    request = ErasureRequest(OURS, (str(tmp_path / "dataset"),))
    for _ in range(2):
        done = erase(request, os.environ, is_wanted=True)
        assert [(one.kind, one.kept_because) for one in done.left] == [
            ("report", "a legal hold"),
            ("dataset row", "it leads to results that can't be removed"),
        ]
    named = {"Bucket": "locked", "Key": f"r/{OURS}/report.html", "VersionId": report["VersionId"]}
    world.s3.put_object_legal_hold(**named, LegalHold={"Status": "OFF"})
    assert erase(request, os.environ, is_wanted=True).is_all_gone
    assert [found["recording_id"] for found in open_dataset(request.datasets[0]).read().to_pylist()] == [OTHER]


def test_leftovers_of_killed_commands_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their files don't name the recording, but may hold it; those of running commands stay."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    desk = tmp_path / "desk" / "deep"
    desk.mkdir(parents=True)
    dead = [tmp_path / "tmp" / "komorebi-audit-x", desk / ".komorebi-clip-x"]
    for folder in dead:
        folder.mkdir()
        (folder / ".lock").touch()
        (folder / "call.wav").write_bytes(b"audio")
    (desk / ".audio.0a1b2c3d.komorebi-part").write_bytes(b"audio")
    request = ErasureRequest(OURS, also=(str(tmp_path / "desk"),), only_named=True)
    with temporary_folder("clip", beside=desk) as alive, temporary_folder("audit") as other:
        for folder in dead[1:]:
            folder.mkdir(exist_ok=True)
            (folder / ".lock").touch()
        erase(request, {}, is_wanted=False)
        assert dead[1].exists()
        assert erase(request, {}, is_wanted=True).is_all_gone
        assert set((tmp_path / "tmp").iterdir()) == {other}
        assert list(desk.iterdir()) == [alive]


def test_a_link_in_place_of_its_folder_is_not_followed(tmp_path: Path) -> None:
    """It may lead to another recording's files. The search reports it, and removes nothing there."""
    fill_dataset(str(tmp_path / "dataset"), OURS, OTHER)
    folder = tmp_path / "dataset" / "_reports" / OURS
    folder.rename(tmp_path / "elsewhere")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "recording.mp4").write_bytes(b"video of another one")
    folder.symlink_to(outside)
    request = ErasureRequest(OURS, (str(tmp_path / "dataset"),), only_named=True)
    done = erase(request, {}, is_wanted=True)
    assert [path.name for path in outside.iterdir()] == ["recording.mp4"]
    assert any("is a link" in text for text in done.plan.not_searched)


def test_without_its_item(world: World, tmp_path: Path, full: ErasureRequest) -> None:
    """Its keys are unknown then: the whole bucket is searched on request."""
    world.dynamodb.delete_item(TableName=TABLE, Key={"videoID": {"S": OURS}})
    with pytest.raises(UnknownRecordingError, match="--whole-bucket"):
        erase(full, os.environ, is_wanted=True)
    whole = ErasureRequest(full.recording_id, full.datasets, full.also, with_inputs=True, whole_bucket=True)
    done = erase(whole, os.environ, is_wanted=True)
    assert done.is_all_gone
    assert done.plan.not_searched == ("the inputs: without the recording's item their keys are unknown",)
    assert traces(world, tmp_path) == []
    assert "Item" not in world.dynamodb.get_item(TableName=TABLE, Key={"videoID": {"S": OURS}})


def test_only_the_named_places(world: World, tmp_path: Path, full: ErasureRequest) -> None:
    """The configured buckets, table and queue stay as they are."""
    request = ErasureRequest(OURS, full.datasets[:1], full.also[:1], only_named=True)
    before = Search(OURS).in_bucket(world.s3, OUTPUT)
    done = erase(request, {}, is_wanted=True)
    assert done.is_all_gone
    assert Search(OURS).in_folder(tmp_path) == []
    assert Search(OURS).in_bucket(world.s3, OUTPUT) == before
    assert done.plan.not_searched == ("the configured buckets, table and queue: --only-named leaves them alone",)


def test_places_that_cannot_be_searched_are_named(world: World, tmp_path: Path) -> None:
    """Without a queue, a missing place, and a dataset in a place: each is listed."""
    put_recording(world, OURS)
    fill_dataset(str(tmp_path / "desk" / "data"), OURS)
    request = ErasureRequest(OURS, also=(str(tmp_path / "desk"), str(tmp_path / "gone.html")))
    found = erase(request, os.environ, is_wanted=False)
    no_queue = (
        "dead letters: neither KOMOREBI_DEAD_LETTER_QUEUE_URL nor KOMOREBI_QUEUE_URL is set: set one of them to find "
        "the dead-letter queue"
    )
    assert found.plan.not_searched == (
        f"{tmp_path}/desk/data: it is a dataset, name it by --dataset",
        f"{tmp_path}/gone.html: it doesn't exist",
        no_queue,
    )


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"recording_id": "a/b"}, MessageError, "isn't a recording ID"),
        ({"recording_id": "r1", "only_named": True}, InputError, "--only-named needs a place"),
        ({"recording_id": " ", "only_named": True, "also": ("x",)}, InputError, "is empty"),
        ({"recording_id": "local", "only_named": True, "also": ("x",)}, InputError, "names every result of two files"),
        (
            {"recording_id": "r1", "only_named": True, "also": ("x",), "whole_bucket": True},
            InputError,
            "give one",
        ),
    ],
)
def test_bad_requests(arguments: dict[str, Any], error: type[Exception], words: str) -> None:
    """A request that can't be meant is refused before any search."""
    with pytest.raises(error, match=words):
        ErasureRequest(**arguments)


def test_a_recording_that_a_path_names(tmp_path: Path) -> None:
    """In a dataset of files the ID may be a path."""
    name = str(tmp_path / "screen recordings" / "r 1.webm")
    fill_dataset(str(tmp_path / "dataset"), name, OTHER)
    done = erase(ErasureRequest(name, (str(tmp_path / "dataset"),), only_named=True), {}, is_wanted=True)
    assert {one.kind for one in done.plan.found} >= {"dataset row"}
    assert done.is_all_gone
