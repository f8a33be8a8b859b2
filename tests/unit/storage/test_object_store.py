"""Stores of files: a folder and a prefix on S3 behave the same."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from aws_fixtures import OUTPUT

from komorebi_qc.core.errors import InputError
from komorebi_qc.storage.object_store import Folder, ObjectStore, open_store, split_s3
from komorebi_qc.wiring import aws_client

if TYPE_CHECKING:
    from aws_fixtures import World


@pytest.fixture(params=["folder", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    """An empty store."""
    if request.param == "folder":
        return open_store(str(tmp_path / "root"), _no_client)
    request.getfixturevalue("world")
    return open_store(f"s3://{OUTPUT}/some/root/", lambda: aws_client("s3"))


def _no_client() -> Any:
    raise AssertionError


def test_files_are_written_listed_read_and_removed(store: ObjectStore) -> None:
    """Names are relative to the root, in any depth; a missing file is no error."""
    assert store.names() == []
    store.write("day=1/rows", b"one")
    store.write("_journal/b", b"two")
    store.write("_journal/a", b"three")
    assert store.names("_journal/") == ["_journal/a", "_journal/b"]
    assert store.names("day=") == ["day=1/rows"]
    content = store.read("day=1/rows")
    assert content is not None
    assert content.content == b"one"
    assert (store.has("day=1/rows"), store.has("day=2/rows"), store.read("day=2/rows")) == (True, False, None)
    store.remove(["_journal/a", "_journal/missing"])
    assert store.names("_journal/") == ["_journal/b"]
    assert store.address_of("day=1/rows") == f"{store.address}/day=1/rows"


def test_a_large_file_is_not_read(store: ObjectStore) -> None:
    """Up to `max_bytes` it is."""
    store.write("day=1/rows", b"12345")
    assert store.read("day=1/rows", max_bytes=4) is None
    content = store.read("day=1/rows", max_bytes=5)
    assert content is not None
    assert content.content == b"12345"


def test_a_part_of_a_file_is_read(store: ObjectStore) -> None:
    """From a position on, or the end; with the whole size, and a version that changes with the file."""
    store.write("day=1/rows", b"0123456789")
    part, end = store.read_part("day=1/rows", 2, 3), store.read_part("day=1/rows", -1, 4)
    assert part is not None
    assert end is not None
    assert (part.content, part.start, part.size) == (b"234", 2, 10)
    assert (end.content, end.start, end.size) == (b"6789", 6, 10)
    assert part.version == end.version
    whole = store.read_part("day=1/rows", -1, 100)
    assert whole is not None
    assert (whole.content, whole.start) == (b"0123456789", 0)
    store.write("day=1/rows", b"abcdefghij")
    changed = store.read_part("day=1/rows", 2, 3)
    assert changed is not None
    assert changed.version != part.version
    assert store.read_part("day=1/missing", -1, 4) is None
    store.write("day=1/empty", b"")
    empty = store.read_part("day=1/empty", -1, 4)
    assert empty is not None
    assert (empty.content, empty.size) == (b"", 0)


def test_a_file_is_replaced_if_it_has_not_changed(world: World) -> None:
    """S3 detects another write since the file was read, or its first write."""
    assert world.s3
    store = open_store(f"s3://{OUTPUT}/root", lambda: aws_client("s3"))
    assert store.replace("day=1/rows", b"one", None)
    assert not store.replace("day=1/rows", b"two", None)
    read = store.read("day=1/rows")
    assert store.replace("day=1/rows", b"three", read)
    assert not store.replace("day=1/rows", b"four", read)
    content = store.read("day=1/rows")
    assert content is not None
    assert content.content == b"three"


def test_exclusive_access_clears_the_parts_of_killed_runs(tmp_path: Path) -> None:
    """A part file without a running process is deleted; other files stay."""
    store = Folder(tmp_path)
    store.write("day=1/rows", b"one")
    stale = tmp_path / "day=1" / ".rows.0a1b2c3d.komorebi-part"
    stale.touch()
    with store.exclusive():
        assert not stale.exists()
    assert store.names("day=") == ["day=1/rows"]


def test_a_folder_that_is_removed_meanwhile_is_created_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another run may compact the whole journal between the creation of its folder and of the file."""
    store = Folder(tmp_path)
    store.write("_journal/old", b"")
    mkdir = Path.mkdir

    def mkdir_and_remove(self: Path, *arguments: Any, **options: Any) -> None:
        mkdir(self, *arguments, **options)
        store.remove(["_journal/old"])

    monkeypatch.setattr(Path, "mkdir", mkdir_and_remove)
    store.write("_journal/new", b"")
    assert store.names("_journal/") == ["_journal/new"]


def test_unusable_addresses_are_errors(tmp_path: Path) -> None:
    """A file instead of a folder, and an address without a bucket."""
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="can't be used"):
        Folder(tmp_path / "file").write("day=1/rows", b"")
    with pytest.raises(InputError, match="names no bucket"):
        open_store("s3:///prefix", _no_client)
    assert split_s3("s3://bucket/a/b") == ("bucket", "a/b")
