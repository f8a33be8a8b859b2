"""Temporary folders that don't outlive their process.

A folder is removed at the end of its context, or with the process: at its normal end, by Ctrl-C, SIGTERM or SIGHUP. A
killed process (SIGKILL, a power cut) removes nothing. It held a lock (flock) on a file in its folder, which the system
has released. The next command removes such folders from the system's folder for temporary files. Those in other places
go with the next process that makes a folder there, or with an erasure.
Python on Windows has no flock: there, the folder of a killed process stays until it is removed by hand.
"""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import tempfile
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

_PREFIX = "komorebi-"
_LOCK = ".lock"
_SIGNALS = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))
_ours: dict[Path, int] = {}
"""The folders of this process, each with the process that made it: a forked child removes none of its parent's."""


@dataclass(frozen=True, slots=True)
class TemporaryFolder:
    """A folder for this user alone.

    Attributes:
        path: the folder.
        lock: a file descriptor that holds the folder's lock; -1 without locks.
    """

    path: Path
    lock: int

    def remove(self) -> None:
        """Remove the folder and everything in it; a second time does nothing."""
        if _ours.pop(self.path, None) is None:
            return
        shutil.rmtree(self.path, ignore_errors=True)
        if self.lock >= 0:
            with suppress(OSError):
                os.close(self.lock)


@contextmanager
def temporary_folder(purpose: str, beside: Path | None = None) -> Iterator[Path]:
    """A folder until the context ends, or until the process does.

    Args:
        purpose: a part of its name.
        beside: the folder that it is made in, with a hidden name; None for the system's folder for temporary files.

    Raises:
        OSError: It can't be made.
    """
    folder = begin_folder(purpose, beside)
    try:
        yield folder.path
    finally:
        folder.remove()


def begin_folder(purpose: str, beside: Path | None = None) -> TemporaryFolder:
    """As `temporary_folder`, until `remove` or the end of the process.

    Raises:
        OSError: It can't be made.
    """
    parent = Path(tempfile.gettempdir()) if beside is None else beside
    clear_stale(parent)
    _remove_at_the_end()
    while True:
        path = Path(tempfile.mkdtemp(prefix=f"{'' if beside is None else '.'}{_PREFIX}{purpose}-", dir=parent))
        lock = _locked(path)
        if lock is not None:
            _ours[path] = os.getpid()
            return TemporaryFolder(path, lock)


def _locked(folder: Path) -> int | None:
    """A descriptor that holds the folder's lock, -1 without locks; None if the folder was taken for a stale one."""
    if fcntl is None:
        return -1
    try:
        lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    except FileNotFoundError:
        return None
    with suppress(OSError):  # a file system without locks; there, nothing is cleared either
        fcntl.flock(lock, fcntl.LOCK_EX)
    if os.fstat(lock).st_nlink:
        return lock
    os.close(lock)
    return None


def clear_stale(parent: Path, *, deep: bool = False) -> None:
    """Remove temporary folders whose process is gone; those of other users, or without a lock file, stay.

    Args:
        parent: the folder that they are in.
        deep: whether the folders in it are searched too.
    """
    if fcntl is None:
        return
    for pattern in (f"{_PREFIX}*/{_LOCK}", f".{_PREFIX}*/{_LOCK}"):
        for path in parent.rglob(pattern) if deep else parent.glob(pattern):
            if path.parent in _ours:
                continue
            with suppress(OSError):  # locked by a running process, or already gone
                if path.parent.lstat().st_uid != os.getuid():
                    continue
                lock = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(path.parent, ignore_errors=True)
                finally:
                    os.close(lock)


def clear_temporary_files() -> None:
    """Remove what killed commands left in the system's folder for temporary files: it may hold a call's sound."""
    # Not by `tempfile.gettempdir`, which writes a file to see where it may.
    named = (os.environ.get(name) for name in ("TMPDIR", "TEMP", "TMP"))
    with suppress(OSError):  # a system without such a folder
        clear_stale(Path(next(filter(None, named), "/tmp")))  # noqa: S108  nothing is made there


def leave_folder(path: Path) -> None:
    """Remove another process's folder, after that process has ended.

    A confined process may only empty it. The lock file stays then, so that `clear_stale` finds the folder.
    """
    shutil.rmtree(path, ignore_errors=True)
    if path.is_dir():
        with suppress(OSError):
            (path / _LOCK).touch(mode=0o600)


def _remove_all() -> None:
    for path, process in list(_ours.items()):
        if process == os.getpid():
            shutil.rmtree(path, ignore_errors=True)
            _ours.pop(path, None)


def _remove_at_the_end() -> None:
    """Let signals that would end the process at once remove the folders first. A handler that is set stays."""
    if threading.current_thread() is threading.main_thread():
        for number in _SIGNALS:
            if signal.getsignal(number) is signal.SIG_DFL:
                signal.signal(number, _end)


def _end(number: int, _frame: FrameType | None) -> None:
    _remove_all()
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


atexit.register(_remove_all)
