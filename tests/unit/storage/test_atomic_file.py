"""Files that are replaced as a whole: also without file locks, as on Windows."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from komorebi_qc.core.errors import InputError, StorageError
from komorebi_qc.storage import atomic_file
from komorebi_qc.storage.atomic_file import (
    change_atomically,
    clear_stale_parts,
    copy_in_part_file,
    make_folder,
    make_private,
    new_part_file,
    write_atomically,
)


def test_a_file_is_replaced(tmp_path: Path) -> None:
    """A link stays a link, and no part file is left."""
    (tmp_path / "target").write_bytes(b"old")
    (tmp_path / "link").symlink_to(tmp_path / "target")
    write_atomically(tmp_path / "link", b"new")
    assert (tmp_path / "target").read_bytes() == b"new"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "target"]


def test_an_error_leaves_the_previous_file(tmp_path: Path) -> None:
    """The part file is removed."""
    place = tmp_path / "file"
    place.write_bytes(b"old")

    def write_half() -> None:
        with new_part_file(place) as part:
            part.file.write(b"half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_half()
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"old"]


def test_a_file_is_changed_as_a_whole(tmp_path: Path) -> None:
    """The same content isn't written again, a file that is gone stays away, and an error leaves it as it was."""
    place = tmp_path / "rows.csv"
    change_atomically(place, bytes.upper)
    assert list(tmp_path.iterdir()) == []
    place.write_bytes(b"rows")
    before = place.stat().st_ino
    change_atomically(place, lambda content: content)
    assert place.stat().st_ino == before
    with pytest.raises(ZeroDivisionError):
        change_atomically(place, lambda content: content[: 1 // 0])
    change_atomically(place, bytes.upper)
    assert place.read_bytes() == b"ROWS"
    assert [path.name for path in tmp_path.iterdir()] == ["rows.csv"]


def test_an_unusable_place_is_an_error(tmp_path: Path) -> None:
    """A missing folder is the caller's mistake; a folder of the same name can't be replaced."""
    with pytest.raises(InputError, match="doesn't exist"):
        write_atomically(tmp_path / "missing" / "file", b"")
    (tmp_path / "folder").mkdir()
    with pytest.raises(StorageError, match="couldn't be written"):
        write_atomically(tmp_path / "folder", b"")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_a_part_file_can_hold_a_copy(tmp_path: Path) -> None:
    """It has the content and the mode of the file; without a file there is no copy."""
    place = tmp_path / "file"
    with copy_in_part_file(place) as nothing:
        assert nothing is None
    place.write_bytes(b"old")
    place.chmod(0o640)
    with copy_in_part_file(place) as part:
        assert part is not None
        place.unlink()
        part.move_to(place)
    assert (place.read_bytes(), place.stat().st_mode & 0o777) == (b"old", 0o640)


def test_without_file_locks_files_are_still_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is cleared then, because a part file in use looks like an abandoned one."""
    monkeypatch.setattr(atomic_file, "fcntl", None)
    (tmp_path / ".other.0a1b2c3d.komorebi-part").touch()
    write_atomically(tmp_path / "file", b"new")
    clear_stale_parts(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".other.0a1b2c3d.komorebi-part", "file"]


def test_a_system_that_cannot_rename_open_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is closed before it is renamed, as Windows requires."""
    rename = Path.replace
    renamed: list[bool] = []

    def replace(self: Path, target: Any) -> Path:
        renamed.append(part.file.closed)
        return rename(self, target)

    monkeypatch.setattr(atomic_file, "CAN_RENAME_OPEN_FILES", False)
    monkeypatch.setattr(Path, "replace", replace)
    with new_part_file(tmp_path / "file") as part:
        part.file.write(b"new")
        part.move_to(tmp_path / "file")
    assert renamed == [True]
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"new"]


def mode(path: Path) -> int:
    """A path's mode."""
    return path.stat().st_mode & 0o777


def test_a_result_is_for_its_user_alone(tmp_path: Path) -> None:
    """The umask and the mode of the previous file change nothing: a result holds the words of a call."""
    place = tmp_path / "file"
    before = os.umask(0)
    try:
        place.write_bytes(b"old")
        place.chmod(0o666)
        write_atomically(place, b"new")
        make_private(tmp_path / "other")
        place.with_name("shared").touch(0o666)
        make_private(place.with_name("shared"))
    finally:
        os.umask(before)
    assert {path.name: mode(path) for path in tmp_path.iterdir()} == {"file": 0o600, "other": 0o600, "shared": 0o600}


def test_folders_are_for_their_user_alone(tmp_path: Path) -> None:
    """All that are missing are made so; one that exists keeps its mode."""
    (tmp_path / "own").mkdir()
    (tmp_path / "own").chmod(0o755)
    make_folder(tmp_path / "own" / "a" / "b")
    make_folder(tmp_path / "own" / "a" / "b")
    assert [mode(tmp_path / name) for name in ("own", "own/a", "own/a/b")] == [0o755, 0o700, 0o700]
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match=r"exists|Not a directory"):
        make_folder(tmp_path / "file" / "below")
