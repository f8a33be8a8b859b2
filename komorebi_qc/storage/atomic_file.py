"""Files that are replaced as a whole, or not at all.

A result is built in a *part file* beside its place, ``.<name>.<random>.komorebi-part``, and is renamed when it is
complete. The writer holds a lock (flock) on the part file. The system releases the lock when the process ends, even if
it was killed, so a later run can delete abandoned part files and keeps those still in use. Python on Windows has no
flock: there, an abandoned part file stays until it is removed by hand.

A result holds the words of a call, so its file and every folder that is made for it are this user's alone: modes
0600 and 0700. A folder that exists already keeps its mode.
"""

from __future__ import annotations

import errno
import os
import secrets
import shutil
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from komorebi_qc.core.errors import InputError, StorageError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PART_SUFFIX = ".komorebi-part"
CAN_RENAME_OPEN_FILES = os.name != "nt"
_FILE_MODE, _FOLDER_MODE = 0o600, 0o700
_DISK_FULL = frozenset(number for name in ("ENOSPC", "EDQUOT") if (number := getattr(errno, name, None)) is not None)


def make_folder(folder: Path) -> None:
    """Make a folder and the missing ones above it, for this user alone; existing ones keep their modes.

    Raises:
        OSError: It can't be made.
    """
    missing = [folder]
    while not missing[-1].parent.is_dir() and missing[-1].parent != missing[-1]:
        missing.append(missing[-1].parent)
    for one in reversed(missing):
        one.mkdir(mode=_FOLDER_MODE, exist_ok=True)


def make_private(file: Path) -> None:
    """Make a file, empty if it is new, that only this user can use, for a library that writes it by its name.

    Raises:
        OSError: It can't be made.
    """
    file.touch(mode=_FILE_MODE)
    file.chmod(_FILE_MODE)


def write_atomically(place: Path, content: bytes) -> None:
    """Replace a file as a whole; the previous one stays if it can't be.

    Args:
        place: the file. If it is a link, its target is replaced.
        content: the new content.

    Raises:
        InputError: The name can't be used for a file.
        StorageError: The disk didn't take the content.
    """
    with new_part_file(place) as part:
        with write_errors(place):
            part.file.write(content)
        part.sync()
        part.move_to(place)


def change_atomically(place: Path, change: Callable[[bytes], bytes]) -> None:
    """Replace a file by its changed content as a whole. Other processes that change it meanwhile wait.

    Args:
        place: the file; one that doesn't exist stays away.
        change: returns the new content. For the same content, nothing is written.

    Raises:
        OSError: The file can't be read.
        StorageError: The disk didn't take the new content; the previous one stays.
    """
    real = real_path(place)
    while True:
        try:
            with real.open("rb") as file:
                _lock(file)
                if not os.path.samestat(os.fstat(file.fileno()), real.stat()):
                    continue  # another process has replaced it while this one waited
                content = file.read()
                if not CAN_RENAME_OPEN_FILES:
                    file.close()
                if (changed := change(content)) != content:
                    write_atomically(real, changed)
        except FileNotFoundError:
            pass
        return


@dataclass(slots=True)
class PartFile:
    """A result while it is written.

    Attributes:
        file: open for reading and writing.
        path: its name beside the place of the result.
    """

    file: BinaryIO
    path: Path

    def sync(self) -> int:
        """Write everything to the disk, and return the size in bytes.

        Raises:
            StorageError: The disk didn't take it.
        """
        with write_errors(self.path):
            self.file.flush()
            os.fsync(self.file.fileno())
            return os.fstat(self.file.fileno()).st_size

    def move_to(self, place: Path) -> None:
        """Make it the result.

        Raises:
            StorageError: It couldn't be renamed; the previous file stays.
        """
        real = real_path(place)
        with write_errors(place):
            if not CAN_RENAME_OPEN_FILES:
                self.file.close()
            self.path.replace(real)
        _sync_folder(real.parent)


@contextmanager
def new_part_file(place: Path) -> Iterator[PartFile]:
    """A locked part file beside `place`; it is removed at the end unless it was moved.

    Raises:
        InputError: `place` can't be used for a file.
        StorageError: The disk is full, now or while the file is written.
    """
    real = real_path(place)
    clear_stale_parts(real.parent)
    with named_file_errors(place):
        part = create_part_file(real)
    try:
        yield part
    except OSError as error:  # PyAV's errors of this kind are OSErrors as well
        if error.errno in _DISK_FULL:
            raise _disk_full(place) from error
        raise
    finally:
        with suppress(OSError):  # moved, or its folder is gone
            part.path.unlink()
        with suppress(OSError):  # a buffer that a full disk doesn't take
            part.file.close()
        if not CAN_RENAME_OPEN_FILES:
            with suppress(OSError):  # Windows removes closed files only
                part.path.unlink()


@contextmanager
def copy_in_part_file(place: Path) -> Iterator[PartFile | None]:
    """A part file with the content that `place` has now; None if the file doesn't exist.

    Raises:
        StorageError: The disk didn't take the copy.
    """
    real = real_path(place)
    if not real.exists():
        yield None
        return
    with new_part_file(place) as part:
        with write_errors(place):
            with real.open("rb") as old:
                shutil.copyfileobj(old, part.file)
            shutil.copystat(real, part.path)
        part.sync()
        yield part


def clear_stale_parts(folder: Path) -> None:
    """Delete part files whose process has ended; those that can't be locked or deleted stay."""
    if fcntl is None:
        return
    for path in folder.glob(f".*{PART_SUFFIX}"):
        with suppress(OSError):  # locked by a running process, another user's, or already gone
            file = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()
            finally:
                os.close(file)


@contextmanager
def file_lock(path: Path) -> Iterator[None]:
    """Hold the lock of a file, which is created; other processes of this machine wait. Without flock, don't wait.

    Raises:
        OSError: The file can't be created.
    """
    lock = os.open(path, os.O_RDWR | os.O_CREAT, _FILE_MODE)
    try:
        _lock(lock)
        yield
    finally:
        os.close(lock)


def real_path(path: Path) -> Path:
    """The file that a write through `path` replaces: a link stays a link, and its target is replaced."""
    return Path(os.path.realpath(path))


@contextmanager
def named_file_errors(path: Path) -> Iterator[None]:
    """Turn the system's errors about a file that a person named into sentences.

    Raises:
        StorageError: The disk is full.
        InputError: Any other error.
    """
    try:
        yield
    except ValueError:  # a NUL in the name
        raise InputError(f"{str(path)!r} isn't a file name") from None
    except FileNotFoundError:
        raise InputError(f"{path} doesn't exist: check the path") from None
    except PermissionError:
        raise InputError(
            f"{path} can't be used: permission denied; check the owner and mode of the file and its folder"
        ) from None
    except OSError as error:
        if error.errno in _DISK_FULL:
            raise _disk_full(path) from error
        raise InputError(f"{path} can't be used: {error.strerror or error}") from error


@contextmanager
def write_errors(path: Path) -> Iterator[None]:
    """Turn the system's errors while a file is written into sentences.

    Raises:
        StorageError: Any of them.
    """
    try:
        yield
    except OSError as error:
        if error.errno in _DISK_FULL:
            raise _disk_full(path) from error
        raise StorageError(f"{path} couldn't be written ({error.strerror or error}): check the disk") from error


def _disk_full(path: Path) -> StorageError:
    return StorageError(f"no room left on the disk of {path}: free some, or name a file on another disk")


def create_part_file(real: Path) -> PartFile:
    """A new part file beside `real`, locked.

    Raises:
        OSError: It can't be created.
    """
    while True:
        # 40 characters of the name identify the file for a person, and leave room under the system's 255 bytes.
        path = real.with_name(f".{real.name[:40]}.{secrets.token_hex(4)}{PART_SUFFIX}")
        file = open(path, "x+b", opener=_open_private)  # noqa: SIM115  a path's open() takes no opener
        try:
            _lock(file)
            if os.fstat(file.fileno()).st_nlink:
                return PartFile(file, path)
        except BaseException:
            path.unlink(missing_ok=True)
            file.close()
            raise
        file.close()  # another run took it for an abandoned one just before it was locked


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags, _FILE_MODE)


def _lock(file: int | BinaryIO) -> None:
    if fcntl is not None:
        with suppress(OSError):  # a file system without locks; there, nothing is cleared either
            fcntl.flock(file, fcntl.LOCK_EX)


def _sync_folder(folder: Path) -> None:
    """Write the rename itself to the disk; on a file system that can't, the file is still complete."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    with suppress(OSError):
        file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(file)
        finally:
            os.close(file)
