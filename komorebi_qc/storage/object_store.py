"""A root and the files under it: a folder of this machine, or a prefix on S3. A file is replaced as a whole."""

from __future__ import annotations

import errno
import os
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from komorebi_qc.core.errors import InputError, StorageError
from komorebi_qc.storage.atomic_file import clear_stale_parts, file_lock, make_folder, write_atomically
from komorebi_qc.storage.aws_errors import NO_SUCH_KEY, aws_errors, error_code
from komorebi_qc.storage.s3.lease import Lease

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from contextlib import AbstractContextManager

_LOCK = "_lock"
_MAX_DELETES = 1000
"""Keys that S3 takes in one request."""
_DISK_ERRORS = frozenset(
    number for name in ("ENOSPC", "EDQUOT", "EIO") if (number := getattr(errno, name, None)) is not None
)


@dataclass(frozen=True, slots=True)
class VersionedObject:
    """A file as it was when it was read.

    Attributes:
        content: the whole content.
        version: an argument of `ObjectStore.replace`.
    """

    content: bytes
    version: str


@dataclass(frozen=True, slots=True)
class FilePart:
    """A part of a file.

    Attributes:
        content: the part; it ends where the file ends.
        start: its first byte in the file.
        size: of the whole file.
        version: changes with the file.
    """

    content: bytes
    start: int
    size: int
    version: str


class ObjectStore(Protocol):
    """Files by their names relative to a root: ``day=2026-11-24/rows.parquet``."""

    @property
    def address(self) -> str:
        """The root's path or ``s3://`` address."""
        ...

    def address_of(self, name: str) -> str:
        """A file's path or ``s3://`` address."""
        ...

    def names(self, start: str = "") -> list[str]:
        """The files in the root's folders whose names begin with `start` (``_journal/``, ``day=``), ascending.

        Raises:
            StorageError: The store doesn't answer.
        """
        ...

    def read(self, name: str, *, max_bytes: int | None = None) -> VersionedObject | None:
        """A file; None if it doesn't exist, or is larger than `max_bytes`.

        Raises:
            StorageError: The store doesn't answer.
        """
        ...

    def read_part(self, name: str, start: int, count: int) -> FilePart | None:
        """A part of a file, from `start` on, or the last `count` bytes if `start` is negative; None without the file.

        Raises:
            StorageError: The store doesn't answer.
        """
        ...

    def has(self, name: str) -> bool:
        """Whether the file exists.

        Raises:
            StorageError: The store doesn't answer.
        """
        ...

    def write(self, name: str, content: bytes) -> None:
        """Write a file, or overwrite it.

        Raises:
            StorageError: The store doesn't take it; the previous file stays.
        """
        ...

    def replace(self, name: str, content: bytes, before: VersionedObject | None) -> bool:
        """Overwrite the file that was read; False if another process has written it since. Call it within `exclusive`.

        Raises:
            StorageError: The store doesn't take it.
        """
        ...

    def remove(self, names: Iterable[str]) -> None:
        """Remove files; missing ones are no error.

        Raises:
            StorageError: They can't be removed.
        """
        ...

    def exclusive(self) -> AbstractContextManager[None]:
        """Keep other processes from replacing files: those of this machine, or those of all machines on S3.

        Raises:
            StorageError: Others do so all the time, or S3 doesn't answer.
        """
        ...


def open_store(text: str, s3_client: Callable[[], Any]) -> ObjectStore:
    """The store that a path or ``s3://bucket/prefix`` names.

    Args:
        text: the path or address.
        s3_client: makes an S3 client; it isn't called for a path.

    Raises:
        InputError: ``s3://`` without a bucket.
    """
    if not text.startswith("s3://"):
        return Folder(Path(text).resolve())
    bucket, prefix = split_s3(text)
    return Prefix(s3_client(), bucket, prefix.strip("/"))


def split_s3(location: str) -> tuple[str, str]:
    """Bucket and key (or prefix) of ``s3://bucket/key``.

    Raises:
        InputError: The location names no bucket.
    """
    bucket, _, key = location.removeprefix("s3://").partition("/")
    if not bucket:
        raise InputError(f"{location} names no bucket: write s3://bucket/folder")
    return bucket, key


@contextmanager
def _disk_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in _DISK_ERRORS:
            raise StorageError(f"{path} couldn't be written ({error.strerror}): check the disk") from error
        raise InputError(f"{path} can't be used ({error.strerror}): check its name, owner and mode") from None


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder; it is created with the first file."""

    root: Path

    @property
    def address(self) -> str:
        """See `ObjectStore.address`."""
        return str(self.root)

    def address_of(self, name: str) -> str:
        """See `ObjectStore.address_of`."""
        return str(self.root / name)

    def names(self, start: str = "") -> list[str]:
        """See `ObjectStore.names`."""
        pattern = f"{start}*" if start.endswith("/") else f"{start}*/*"
        with _disk_errors(self.root):
            found = self.root.glob(pattern)
            return sorted(
                path.relative_to(self.root).as_posix() for path in found if path.name[:1] != "." and path.is_file()
            )

    def read(self, name: str, *, max_bytes: int | None = None) -> VersionedObject | None:
        """See `ObjectStore.read`."""
        path = self.root / name
        with _disk_errors(path):
            try:
                if max_bytes is not None and path.stat().st_size > max_bytes:
                    return None
                return VersionedObject(path.read_bytes(), "")
            except FileNotFoundError:
                return None

    def read_part(self, name: str, start: int, count: int) -> FilePart | None:
        """See `ObjectStore.read_part`."""
        path = self.root / name
        with _disk_errors(path):
            try:
                with path.open("rb") as file:
                    found = os.fstat(file.fileno())
                    at = file.seek(max(found.st_size - count, 0) if start < 0 else start)
                    return FilePart(file.read(count), at, found.st_size, f"{found.st_ino}-{found.st_mtime_ns}")
            except FileNotFoundError:
                return None

    def has(self, name: str) -> bool:
        """See `ObjectStore.has`."""
        with _disk_errors(self.root / name):
            return (self.root / name).is_file()

    def write(self, name: str, content: bytes) -> None:
        """See `ObjectStore.write`."""
        path = self.root / name
        with _disk_errors(path):
            make_folder(path.parent)
        write_atomically(path, content)

    def replace(self, name: str, content: bytes, before: VersionedObject | None) -> bool:  # noqa: ARG002  `exclusive` locks
        """See `ObjectStore.replace`."""
        self.write(name, content)
        return True

    def remove(self, names: Iterable[str]) -> None:
        """See `ObjectStore.remove`."""
        for name in names:  # but not the folder: another run may be about to write into it
            path = self.root / name
            with _disk_errors(path):
                path.unlink(missing_ok=True)

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """See `ObjectStore.exclusive`. Part files of killed runs are deleted."""
        with ExitStack() as stack:
            with _disk_errors(self.root):
                make_folder(self.root)
                stack.enter_context(file_lock(self.root / _LOCK))
                for folder in self.root.glob("day=*"):
                    clear_stale_parts(folder)
            yield


@dataclass(frozen=True, slots=True)
class Prefix:
    """A prefix of a bucket on S3."""

    client: Any
    bucket: str
    prefix: str

    @property
    def address(self) -> str:
        """See `ObjectStore.address`."""
        return "s3://" + "/".join(filter(None, (self.bucket, self.prefix)))

    def address_of(self, name: str) -> str:
        """See `ObjectStore.address_of`."""
        return f"{self.address}/{name}"

    def names(self, start: str = "") -> list[str]:
        """See `ObjectStore.names`."""
        root = f"{self.prefix}/" if self.prefix else ""
        with aws_errors(self.address):
            pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=root + start)
            found = (item["Key"].removeprefix(root) for page in pages for item in page.get("Contents", ()))
            return sorted(name for name in found if not name.endswith("/"))  # a console's mark for an empty folder

    def read(self, name: str, *, max_bytes: int | None = None) -> VersionedObject | None:
        """See `ObjectStore.read`."""
        with aws_errors(self.address_of(name)):
            try:
                answer = self.client.get_object(Bucket=self.bucket, Key=self._key(name))
            except Exception as error:
                if error_code(error) in NO_SUCH_KEY:
                    return None
                raise
            if max_bytes is not None and answer["ContentLength"] > max_bytes:
                answer["Body"].close()
                return None
            return VersionedObject(answer["Body"].read(), str(answer["ETag"]))

    def read_part(self, name: str, start: int, count: int) -> FilePart | None:
        """See `ObjectStore.read_part`."""
        wanted = f"bytes=-{count}" if start < 0 else f"bytes={start}-{start + count - 1}"
        with aws_errors(self.address_of(name)):
            try:
                answer = self.client.get_object(Bucket=self.bucket, Key=self._key(name), Range=wanted)
            except Exception as error:
                if error_code(error) in NO_SUCH_KEY:
                    return None
                if error_code(error) == "InvalidRange":  # the object is empty, or ends before `start`
                    return FilePart(b"", max(start, 0), max(start, 0), "")
                raise
            content = answer["Body"].read()
        size = int(answer.get("ContentRange", f"/{len(content)}").rpartition("/")[2])  # without it, it is the whole
        return FilePart(content, size - len(content) if start < 0 else start, size, str(answer["ETag"]))

    def has(self, name: str) -> bool:
        """See `ObjectStore.has`."""
        with aws_errors(self.address_of(name)):
            try:
                self.client.head_object(Bucket=self.bucket, Key=self._key(name))
            except Exception as error:
                if error_code(error) in NO_SUCH_KEY:
                    return False
                raise
        return True

    def write(self, name: str, content: bytes) -> None:
        """See `ObjectStore.write`."""
        with aws_errors(self.address_of(name)):
            self.client.put_object(Bucket=self.bucket, Key=self._key(name), Body=content)

    def replace(self, name: str, content: bytes, before: VersionedObject | None) -> bool:
        """See `ObjectStore.replace`."""
        only_if = {"IfNoneMatch": "*"} if before is None else {"IfMatch": before.version}
        with aws_errors(self.address_of(name)):
            try:
                self.client.put_object(Bucket=self.bucket, Key=self._key(name), Body=content, **only_if)
            except Exception as error:
                if error_code(error) in ("PreconditionFailed", "ConditionalRequestConflict", *NO_SUCH_KEY):
                    return False
                raise
        return True

    def remove(self, names: Iterable[str]) -> None:
        """See `ObjectStore.remove`."""
        keys = [{"Key": self._key(name)} for name in names]
        for at in range(0, len(keys), _MAX_DELETES):
            with aws_errors(self.address):
                answer = self.client.delete_objects(
                    Bucket=self.bucket, Delete={"Objects": keys[at : at + _MAX_DELETES], "Quiet": True}
                )
            if errors := answer.get("Errors"):
                raise StorageError(
                    f"{self.address_of(errors[0].get('Key'))} couldn't be removed ({errors[0].get('Code')}): check "
                    "s3:DeleteObject"
                )

    def exclusive(self) -> AbstractContextManager[None]:
        """See `ObjectStore.exclusive`."""
        return Lease(self.client, self.bucket, self._key(_LOCK)).held()

    def _key(self, name: str) -> str:
        return "/".join(filter(None, (self.prefix, name)))
