"""Files opened by the location in a record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from aws_fixtures import INPUT, Faulty, World, client_error, fails

from komorebi_qc.core.errors import AccessDeniedError, InputError, StorageError
from komorebi_qc.storage.recorded_files import RecordedFiles

if TYPE_CHECKING:
    from pathlib import Path


def no_client() -> Any:
    """Files need no client."""
    raise AssertionError


def content(files: RecordedFiles, location: str, version_id: str = "") -> bytes | None:
    """The content; None if it isn't there."""
    with files.opened(location, version_id) as source:
        return None if source is None else source.file.read()


def test_a_relative_location_starts_at_the_folder(tmp_path: Path) -> None:
    """A name, and a path to a neighbouring folder; an absolute path stays as it is."""
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.mp4").write_bytes(b"video")
    (tmp_path / "call.wav").write_bytes(b"call")
    files = RecordedFiles(str(tmp_path / "out"), no_client)
    assert content(files, "a.mp4") == b"video"
    assert content(files, "../call.wav") == b"call"
    assert content(files, str(tmp_path / "call.wav")) == b"call"
    assert content(files, "missing.mp4") is None
    assert files.address_of("a.mp4") == str(tmp_path / "out" / "a.mp4")
    with pytest.raises(InputError, match="is a directory"):
        content(files, "..")


def test_objects_are_found_beside_qc_json_or_by_their_address(world: World) -> None:
    """A name is in the folder of qc.json; an address is where it says."""
    world.s3.put_object(Bucket=INPUT, Key="a/b/qc.json", Body=b"{}")
    files = RecordedFiles(f"s3://{INPUT}/a/b", lambda: world.s3)
    assert content(files, "qc.json") == content(files, f"s3://{INPUT}/a/b/qc.json") == b"{}"
    assert content(files, "missing.json") is None
    assert files.address_of("qc.json") == f"s3://{INPUT}/a/b/qc.json"


def test_a_version_is_read_although_a_later_one_is_there(world: World) -> None:
    """The recorded version counts, after an overwrite and after a deletion; a removed version is missing."""
    world.s3.put_bucket_versioning(Bucket=INPUT, VersioningConfiguration={"Status": "Enabled"})
    first = world.s3.put_object(Bucket=INPUT, Key="a", Body=b"first")["VersionId"]
    second = world.s3.put_object(Bucket=INPUT, Key="a", Body=b"second")["VersionId"]
    files = RecordedFiles(f"s3://{INPUT}", lambda: world.s3)
    with files.opened("a") as source:
        assert source is not None
        assert (source.file.read(), source.version_id) == (b"second", second)
    assert content(files, "a", first) == b"first"
    world.s3.delete_object(Bucket=INPUT, Key="a")
    assert content(files, "a") is None
    assert content(files, "a", first) == b"first"
    world.s3.delete_object(Bucket=INPUT, Key="a", VersionId=first)
    assert content(files, "a", first) is None
    assert content(files, "a", second) == b"second"


@pytest.mark.parametrize(("code", "status", "kind"), [("403", 403, AccessDeniedError), ("503", 503, StorageError)])
def test_a_refused_request_isnt_a_missing_object(world: World, code: str, status: int, kind: type[Exception]) -> None:
    """A refusal and a moment's trouble are errors."""
    failing = Faulty(world.s3, head_object=fails(client_error(code, status, "HeadObject")))
    with pytest.raises(kind):
        content(RecordedFiles(f"s3://{INPUT}", lambda: failing), "a")


def test_one_client_serves_all_objects(world: World) -> None:
    """The client is made with the first object, and once."""
    made = []

    def make() -> Any:
        made.append(1)
        return world.s3

    files = RecordedFiles(f"s3://{INPUT}", make)
    assert not made
    assert content(files, "a") is content(files, "b") is None
    assert made == [1]
