"""Temporary folders end with their context or their process, however it ends."""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING

import pytest

from komorebi_qc.storage import temporary_folder as module
from komorebi_qc.storage.temporary_folder import (
    begin_folder,
    clear_stale,
    clear_temporary_files,
    leave_folder,
    temporary_folder,
)

if TYPE_CHECKING:
    from pathlib import Path

_HOLDING = """
import sys, time
from pathlib import Path
from komorebi_qc.storage.temporary_folder import begin_folder, temporary_folder
(begin_folder("a").path / "call.wav").write_bytes(b"audio")
with temporary_folder("b", Path(sys.argv[1])) as beside:
    print("ready", flush=True)
    time.sleep(float(sys.argv[2]))
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder for temporary files."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def _listen() -> None:
    """Take the signals that the tests' own process may ignore, as under nohup."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def holding(place: Path, seconds: float) -> subprocess.Popen[str]:
    """A process with two temporary folders."""
    process = subprocess.Popen(
        [sys.executable, "-c", _HOLDING, str(place), str(seconds)],
        env={"TMPDIR": str(place), "PATH": "/usr/bin:/bin"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        preexec_fn=_listen,  # noqa: PLW1509  no threads here
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def test_a_folder_that_can_only_be_emptied_is_cleared_later(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A confined process may remove its folder's files, and not the folder; the next process may."""
    folder = place / "komorebi-worker-x"
    folder.mkdir()
    (folder / ".lock").touch()
    (folder / "call.wav").write_bytes(b"audio")

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError

    with monkeypatch.context() as confined:
        confined.setattr("os.rmdir", refuse)
        leave_folder(folder)
    assert [path.name for path in folder.iterdir()] == [".lock"]
    clear_stale(place)
    assert list(place.iterdir()) == []


def test_a_folder_ends_with_its_context(place: Path) -> None:
    """It is for this user alone, and goes even after an error."""
    with temporary_folder("x") as folder:
        assert (folder.parent, folder.stat().st_mode & 0o777) == (place, 0o700)
        (folder / "file").touch()
    assert list(place.iterdir()) == []
    with pytest.raises(ZeroDivisionError), temporary_folder("x"):
        raise ZeroDivisionError
    assert list(place.iterdir()) == []


def test_a_folder_beside_a_file_is_hidden(place: Path, tmp_path: Path) -> None:
    """It is on the same disk, so that a result can be renamed; removing it twice is no error."""
    (tmp_path / "out").mkdir()
    folder = begin_folder("clip", beside=tmp_path / "out")
    assert folder.path.name.startswith(".komorebi-clip-")
    assert folder.path.parent == place / "out"
    folder.remove()
    folder.remove()
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize(
    ("number", "code"),
    [(None, 0), (signal.SIGINT, -signal.SIGINT), (signal.SIGTERM, -signal.SIGTERM), (signal.SIGHUP, -signal.SIGHUP)],
)
def test_no_folder_outlives_its_process(place: Path, number: signal.Signals | None, code: int) -> None:
    """A normal end, Ctrl-C, SIGTERM and SIGHUP; the process ends by the signal, as without folders."""
    with holding(place, 0.0 if number is None else 60.0) as process:
        if number is not None:
            assert len(list(place.iterdir())) == 2
            process.send_signal(number)
        assert process.wait(20) == code
    assert list(place.iterdir()) == []


def test_a_killed_process_is_cleaned_up_by_the_next(place: Path) -> None:
    """The folders of a running process stay; those of a killed one go when the next folder is made."""
    with holding(place, 60.0) as alive, holding(place, 60.0) as dead:
        dead.kill()
        dead.wait(20)
        kept = len(list(place.iterdir()))
        with temporary_folder("x"):
            left = list(place.iterdir())
        alive.kill()
        alive.wait(20)
    assert (kept, len(left)) == (4, 3)


def test_every_command_clears_the_systems_folder(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A killed process's folder goes, a running one's stays; a missing folder is no error, and no file is written."""
    monkeypatch.setenv("TMPDIR", str(place))
    with holding(place, 60.0) as alive, holding(place, 60.0) as dead:
        dead.kill()
        dead.wait(20)
        clear_temporary_files()
        left = len(list(place.iterdir()))
        alive.kill()
        alive.wait(20)
    assert left == 2

    monkeypatch.setenv("TMPDIR", str(place / "missing"))
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(tempfile, "gettempdir", lambda: pytest.fail("it tries where it may write"))
    clear_temporary_files()


def test_folders_below_are_cleared_on_request(place: Path) -> None:
    """A clip's folder is beside the clip, which may be anywhere; nobody may make another one there."""
    left = place / "desk" / "clips" / ".komorebi-clip-x"
    left.mkdir(parents=True)
    (left / ".lock").touch()
    with temporary_folder("clip", beside=place / "desk") as alive:
        clear_stale(place)
        assert left.exists()
        clear_stale(place, deep=True)
        assert not left.exists()
        assert alive.exists()
    assert left.parent.exists()


def test_other_folders_stay(place: Path) -> None:
    """A folder without a lock file, or of another name, isn't this package's to remove."""
    (place / "komorebi-x-1").mkdir()
    (place / "other").mkdir()
    (place / "other" / ".lock").touch()
    with temporary_folder("x"):
        pass
    assert sorted(path.name for path in place.iterdir()) == ["komorebi-x-1", "other"]


def test_a_handler_of_the_caller_stays(place: Path) -> None:
    """A program that handles SIGTERM itself goes on doing so."""
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        with temporary_folder("x"):
            assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGTERM, before)
    assert list(place.iterdir()) == []


def test_without_file_locks(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on Windows: folders are made and removed, and nothing else is cleared."""
    monkeypatch.setattr(module, "fcntl", None)
    (place / "komorebi-y-1").mkdir()
    (place / "komorebi-y-1" / ".lock").touch()
    with temporary_folder("x") as folder:
        assert not (folder / ".lock").exists()
    assert [path.name for path in place.iterdir()] == ["komorebi-y-1"]
