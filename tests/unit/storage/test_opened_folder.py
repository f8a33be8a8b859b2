"""Files by relative names: nothing outside of the folder is read or written, and no change of others is overwritten."""

from __future__ import annotations

import os
from threading import Thread
from typing import TYPE_CHECKING

import pytest

from komorebi_qc.core.errors import InputError, StorageError
from komorebi_qc.storage.opened_folder import NO_VERSION, ChangedFileError, OpenedFolder, parts_of, version_of

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path) -> OpenedFolder:
    """A folder with one file, beside a file that isn't in it."""
    (tmp_path / "reports" / "a").mkdir(parents=True)
    (tmp_path / "reports" / "a" / "report.html").write_bytes(b"inside")
    (tmp_path / "secret.txt").write_bytes(b"outside")
    return OpenedFolder.at(str(tmp_path / "reports"))


def test_a_file_is_read(folder: OpenedFolder) -> None:
    """A missing file is None, and one that is too large is an error."""
    assert folder.read("a/report.html", max_bytes=6) == b"inside"
    assert folder.read("a/none.html", max_bytes=6) is None
    with pytest.raises(InputError, match=r"a/report\.html has more than 5 bytes"):
        folder.read("a/report.html", max_bytes=5)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "/etc/passwd",
        "../secret.txt",
        "a/../../secret.txt",
        "a/./report.html",
        "a//report.html",
        "a\\report.html",
        "a/report.html\0",
        "C:/secret.txt",
        ".hidden",
        "a/.hidden",
        "a",
        "a/report.html/",
        "a/report.html/x",
        "x" * 256,
        "/".join("a" * 17),
        "a/new\nline",
    ],
)
def test_names_that_leave_the_folder_name_nothing(folder: OpenedFolder, name: str) -> None:
    """They are as missing as a file that doesn't exist."""
    (folder.root / ".hidden").write_bytes(b"hidden")
    (folder.root / "a" / ".hidden").write_bytes(b"hidden")
    with pytest.raises(FileNotFoundError):
        os.close(folder.open_file(name))
    with pytest.raises((FileNotFoundError, IsADirectoryError)):
        folder.replace(name if name != "a" else "a/", b"x", NO_VERSION)
    assert (folder.root.parent / "secret.txt").read_bytes() == b"outside"


def test_links_arent_followed(folder: OpenedFolder, tmp_path: Path) -> None:
    """Neither a link to a file, nor one to a folder; and no pipe blocks the reader."""
    (folder.root / "a" / "link.html").symlink_to(tmp_path / "secret.txt")
    (folder.root / "up").symlink_to(tmp_path)
    os.mkfifo(folder.root / "pipe.html")
    for name in ("a/link.html", "up/secret.txt", "pipe.html"):
        assert folder.read(name, max_bytes=100) is None


def test_a_link_is_replaced_and_not_followed(folder: OpenedFolder, tmp_path: Path) -> None:
    """A planted link can't turn a write of notes into a write of another file."""
    (folder.root / "a" / "notes.json").symlink_to(tmp_path / "secret.txt")
    folder.replace("a/notes.json", b"notes", NO_VERSION)
    assert (tmp_path / "secret.txt").read_bytes() == b"outside"
    assert (folder.root / "a" / "notes.json").read_bytes() == b"notes"
    assert not (folder.root / "a" / "notes.json").is_symlink()


def test_a_replacement_needs_the_present_version(folder: OpenedFolder) -> None:
    """A file that somebody else has changed, made or removed stays as it is."""
    first = folder.replace("a/notes.json", b"1", NO_VERSION)
    assert first == version_of(b"1")
    with pytest.raises(ChangedFileError, match=r"notes\.json was changed by somebody else"):
        folder.replace("a/notes.json", b"2", NO_VERSION)
    assert folder.replace("a/notes.json", b"2", first) == version_of(b"2")
    with pytest.raises(ChangedFileError):
        folder.replace("a/notes.json", b"3", first)
    assert (folder.root / "a" / "notes.json").read_bytes() == b"2"
    (folder.root / "a" / "notes.json").unlink()
    with pytest.raises(ChangedFileError):
        folder.replace("a/notes.json", b"3", version_of(b"2"))
    assert sorted(path.name for path in (folder.root / "a").iterdir()) == ["report.html"]


def test_a_new_file_is_this_users_alone(folder: OpenedFolder) -> None:
    """It holds words about a call."""
    folder.replace("a/notes.json", b"1", NO_VERSION)
    assert (folder.root / "a" / "notes.json").stat().st_mode & 0o777 == 0o600


def test_one_of_two_writers_wins(folder: OpenedFolder) -> None:
    """Of many writers with the same version, exactly one writes; the others learn it."""
    written: list[str] = []
    refused: list[str] = []

    def write(text: str) -> None:
        try:
            folder.replace("a/notes.json", text.encode(), NO_VERSION)
            written.append(text)
        except ChangedFileError:
            refused.append(text)

    threads = [Thread(target=write, args=(str(number),)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(written), len(refused)) == (1, 11)
    assert (folder.root / "a" / "notes.json").read_text() == written[0]


def test_a_failed_write_keeps_the_file(folder: OpenedFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk leaves the previous file, and no part of the new one."""
    version = folder.replace("a/notes.json", b"1", NO_VERSION)

    def full(_file: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("komorebi_qc.storage.opened_folder.os.fsync", full)
    with pytest.raises(StorageError, match="no room left on the disk"):
        folder.replace("a/notes.json", b"2", version)
    assert {path.name: path.read_bytes() for path in (folder.root / "a").iterdir()} == {
        "notes.json": b"1",
        "report.html": b"inside",
    }


def test_the_folder_must_exist(tmp_path: Path) -> None:
    """A file or a missing path is refused."""
    (tmp_path / "file").touch()
    for name in ("file", "none"):
        with pytest.raises(InputError, match="isn't a folder"):
            OpenedFolder.at(str(tmp_path / name))


def test_parts() -> None:
    """A usable name is its parts."""
    assert parts_of("a/b c/d\u6728.html") == ["a", "b c", "d\u6728.html"]
