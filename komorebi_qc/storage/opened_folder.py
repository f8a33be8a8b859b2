"""A folder's files by their relative names, for a reader who may be hostile: no name leaves the folder.

Every part of a name is opened relative to the folder above it, without following symbolic links. So a link, or a folder
that is replaced by a link in between, leads nowhere. Hidden files can't be named.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import stat
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from komorebi_qc.core.errors import InputError, StorageError
from komorebi_qc.storage.atomic_file import PART_SUFFIX, write_errors

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from collections.abc import Iterator

NO_VERSION: Final = "none"
"""The version of a file that doesn't exist."""
_UNUSABLE = re.compile(r"[\0-\x1f\x7f\\:]")
_MOST_PARTS, _MOST_NAME = 16, 255
_FOLDER_FLAGS = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0)
_FILE_FLAGS = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)


class ChangedFileError(StorageError):
    """A file that somebody else has changed since it was read. Nothing was written."""


@dataclass(frozen=True, slots=True)
class OpenedFolder:
    """A folder of this machine.

    Attributes:
        root: its path, with links resolved.
    """

    root: Path

    @classmethod
    def at(cls, text: str) -> OpenedFolder:
        """The folder at a path that a person named.

        Raises:
            InputError: it isn't a folder.
        """
        root = Path(text).resolve()
        if not root.is_dir():
            raise InputError(f"{text} isn't a folder: name a folder with reports")
        return cls(root)

    def open_file(self, name: str) -> int:
        """Open a regular file for reading.

        Args:
            name: relative, with ``/`` between its parts.

        Returns:
            A file descriptor, which the caller closes.

        Raises:
            FileNotFoundError: no file in the folder has this name, or a part of it is a link.
        """
        *folders, last = parts_of(name)
        with self._folder(folders) as folder:
            try:
                file = os.open(last, _FILE_FLAGS, dir_fd=folder)
            except OSError:
                raise FileNotFoundError(name) from None
        if not stat.S_ISREG(os.fstat(file).st_mode):
            os.close(file)
            raise FileNotFoundError(name)
        return file

    def read(self, name: str, *, max_bytes: int) -> bytes | None:
        """A file's content; None if it doesn't exist.

        Raises:
            InputError: it is larger than `max_bytes`.
        """
        try:
            file = self.open_file(name)
        except FileNotFoundError:
            return None
        with os.fdopen(file, "rb") as opened:
            content = opened.read(max_bytes + 1)
        if len(content) > max_bytes:
            raise InputError(f"{name} has more than {max_bytes:,} bytes: it isn't a file of this software")
        return content

    def replace(self, name: str, content: bytes, version: str) -> str:
        """Replace a file as a whole if nobody has changed it since it was read. Other writers of this machine wait.

        Args:
            name: relative; its folder exists. A link of this name is replaced, not followed.
            content: the new content.
            version: `version_of` the content that was read.

        Returns:
            The new version.

        Raises:
            FileNotFoundError: the file's folder doesn't exist.
            ChangedFileError: the file has another version.
            StorageError: the disk didn't take the content; the previous file stays.
        """
        *folders, last = parts_of(name)
        with self._folder(folders) as folder, _locked(folder):
            found = version_of(self.read(name, max_bytes=1 << 30))
            if found != version:
                raise ChangedFileError(
                    f"{last} was changed by somebody else since you opened it; nothing was written. Load it again, and "
                    "repeat your change"
                )
            part = f".{last[:40]}.{secrets.token_hex(4)}{PART_SUFFIX}"
            file = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=folder)
            try:
                with write_errors(self.root / name):
                    with os.fdopen(file, "wb") as opened:
                        opened.write(content)
                        opened.flush()
                        os.fsync(opened.fileno())
                    os.replace(part, last, src_dir_fd=folder, dst_dir_fd=folder)
            except BaseException:
                with suppress(OSError):
                    os.unlink(part, dir_fd=folder)
                raise
            with suppress(OSError):
                os.fsync(folder)
        return version_of(content)

    @contextmanager
    def _folder(self, parts: list[str]) -> Iterator[int]:
        folder = os.open(self.root, _FOLDER_FLAGS)
        try:
            for part in parts:
                try:
                    below = os.open(part, _FOLDER_FLAGS, dir_fd=folder)
                except OSError:
                    raise FileNotFoundError(part) from None
                os.close(folder)
                folder = below
            yield folder
        finally:
            os.close(folder)


def parts_of(name: str) -> list[str]:
    """The parts of a relative name.

    Raises:
        FileNotFoundError: a part is empty, hidden, ``..``, too long, or has a character that no file of this software
            has in its name.
    """
    parts = name.split("/")
    if len(parts) > _MOST_PARTS or any(
        not part or part.startswith(".") or len(os.fsencode(part)) > _MOST_NAME or _UNUSABLE.search(part)
        for part in parts
    ):
        raise FileNotFoundError(name)
    return parts


def version_of(content: bytes | None) -> str:
    """The version of a file's content: its SHA-256, or `NO_VERSION` if it doesn't exist."""
    return NO_VERSION if content is None else hashlib.sha256(content).hexdigest()


@contextmanager
def _locked(folder: int) -> Iterator[None]:
    if fcntl is None:
        yield
        return
    fcntl.flock(folder, fcntl.LOCK_EX)
    try:
        yield
    finally:
        fcntl.flock(folder, fcntl.LOCK_UN)
