"""Where a dataset lies: a folder of this machine or a prefix on S3. A file is replaced whole or not at all."""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from komorebi_qc.batch.manifest.manifest_file import split_s3
from komorebi_qc.core.errors import InputError, StorageError
from komorebi_qc.storage.aws_errors import NO_SUCH_KEY, aws_errors, error_code
from komorebi_qc.wiring import aws_client

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from contextlib import AbstractContextManager

_LOCK = "_lock"
_PART = ".komorebi-part"
_MOST_DELETES = 1000
"""As many keys as S3 takes in one request."""


@dataclass(frozen=True, slots=True)
class VersionedObject:
    """A file as it was when it was read.

    Attributes:
        content: all of it.
        version: what to give to `ObjectStore.replace`.
    """

    content: bytes
    version: str


class ObjectStore(Protocol):
    """A root and the files under it, by their names from there: ``day=2026-11-24/rows.parquet``."""

    @property
    def address(self) -> str:
        """What a person calls it."""
        ...

    def names(self, start: str = "") -> list[str]:
        """The files in folders of the root whose names begin so (``_journal/``, ``day=``); ascending.

        Raises:
            StorageError: where it doesn't answer.
        """
        ...

    def read(self, name: str) -> VersionedObject | None:
        """A file; None where there is none.

        Raises:
            StorageError: where it doesn't answer.
        """
        ...

    def has(self, name: str) -> bool:
        """Whether there is such a file.

        Raises:
            StorageError: where it doesn't answer.
        """
        ...

    def write(self, name: str, content: bytes) -> None:
        """A file, whatever was there.

        Raises:
            StorageError: where it isn't taken; what was there is there still.
        """
        ...

    def replace(self, name: str, content: bytes, before: VersionedObject | None) -> bool:
        """A file in place of what was read; False where another has written it meanwhile. Within `filing`.

        Raises:
            StorageError: where it isn't taken.
        """
        ...

    def remove(self, names: Iterable[str]) -> None:
        """Files; one that isn't there is none to remove.

        Raises:
            StorageError: where they can't be removed.
        """
        ...

    def filing(self) -> AbstractContextManager[None]:
        """Keep others on this machine from filing at the same time; on S3 `replace` sees to it."""
        ...


def place_of(text: str) -> ObjectStore:
    """The place that a text names.

    Raises:
        InputError: where ``s3://`` names no bucket.
    """
    if not text.startswith("s3://"):
        return Folder(Path(text).resolve())
    bucket, prefix = split_s3(text)
    return Prefix(aws_client("s3"), bucket, prefix.strip("/"))


@contextmanager
def _disk_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EIO):
            raise StorageError(f"{path} couldn't be written ({error.strerror}): check the disk") from error
        raise InputError(f"{path} can't be used ({error.strerror}): check the name, its owner and mode") from None


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder; made when something is written."""

    root: Path

    @property
    def address(self) -> str:
        """See `ObjectStore.address`."""
        return str(self.root)

    def names(self, start: str = "") -> list[str]:
        """See `ObjectStore.names`."""
        pattern = f"{start}*" if start.endswith("/") else f"{start}*/*"
        with _disk_errors(self.root):
            found = self.root.glob(pattern)
            return sorted(
                path.relative_to(self.root).as_posix() for path in found if path.name[:1] != "." and path.is_file()
            )

    def read(self, name: str) -> VersionedObject | None:
        """See `ObjectStore.read`."""
        with _disk_errors(self.root / name):
            try:
                return VersionedObject((self.root / name).read_bytes(), "")
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
            path.parent.mkdir(parents=True, exist_ok=True)
            part = path.with_name(f".{path.name}.{secrets.token_hex(4)}{_PART}")
            try:
                with part.open("xb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
                part.replace(path)
            except BaseException:
                part.unlink(missing_ok=True)
                raise

    def replace(self, name: str, content: bytes, before: VersionedObject | None) -> bool:  # noqa: ARG002  the lock sees to it
        """See `ObjectStore.replace`."""
        self.write(name, content)
        return True

    def remove(self, names: Iterable[str]) -> None:
        """See `ObjectStore.remove`."""
        for name in names:  # and not the folder: another run may be about to write into it
            path = self.root / name
            with _disk_errors(path):
                path.unlink(missing_ok=True)

    @contextmanager
    def filing(self) -> Iterator[None]:
        """See `ObjectStore.filing`."""
        with _disk_errors(self.root):
            self.root.mkdir(parents=True, exist_ok=True)
            lock = os.open(self.root / _LOCK, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            with suppress(OSError):  # a file system without locks
                fcntl.flock(lock, fcntl.LOCK_EX)
            # What a killed run has left of files under days; nobody else writes those now.
            for path in self.root.glob(f"day=*/.*{_PART}"):
                with suppress(OSError):
                    path.unlink()
            yield
        finally:
            os.close(lock)


@dataclass(frozen=True, slots=True)
class Prefix:
    """A prefix on S3."""

    client: Any
    bucket: str
    prefix: str

    @property
    def address(self) -> str:
        """See `ObjectStore.address`."""
        return "s3://" + "/".join(filter(None, (self.bucket, self.prefix)))

    def names(self, start: str = "") -> list[str]:
        """See `ObjectStore.names`."""
        root = f"{self.prefix}/" if self.prefix else ""
        with aws_errors(self.address):
            pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=root + start)
            found = (item["Key"].removeprefix(root) for page in pages for item in page.get("Contents", ()))
            return sorted(name for name in found if not name.endswith("/"))  # a console's mark for an empty folder

    def read(self, name: str) -> VersionedObject | None:
        """See `ObjectStore.read`."""
        with aws_errors(f"{self.address}/{name}"):
            try:
                answer = self.client.get_object(Bucket=self.bucket, Key=self._key(name))
            except Exception as error:
                if error_code(error) in NO_SUCH_KEY:
                    return None
                raise
            return VersionedObject(answer["Body"].read(), str(answer["ETag"]))

    def has(self, name: str) -> bool:
        """See `ObjectStore.has`."""
        with aws_errors(f"{self.address}/{name}"):
            try:
                self.client.head_object(Bucket=self.bucket, Key=self._key(name))
            except Exception as error:
                if error_code(error) in NO_SUCH_KEY:
                    return False
                raise
        return True

    def write(self, name: str, content: bytes) -> None:
        """See `ObjectStore.write`."""
        with aws_errors(f"{self.address}/{name}"):
            self.client.put_object(Bucket=self.bucket, Key=self._key(name), Body=content)

    def replace(self, name: str, content: bytes, before: VersionedObject | None) -> bool:
        """See `ObjectStore.replace`."""
        only_if = {"IfNoneMatch": "*"} if before is None else {"IfMatch": before.version}
        with aws_errors(f"{self.address}/{name}"):
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
        for at in range(0, len(keys), _MOST_DELETES):
            with aws_errors(self.address):
                told = self.client.delete_objects(
                    Bucket=self.bucket, Delete={"Objects": keys[at : at + _MOST_DELETES], "Quiet": True}
                )
            if errors := told.get("Errors"):
                raise StorageError(
                    f"{self.address}/{errors[0].get('Key')} couldn't be removed ({errors[0].get('Code')}): check "
                    "s3:DeleteObject"
                )

    def filing(self) -> AbstractContextManager[None]:
        """See `ObjectStore.filing`."""
        return nullcontext()

    def _key(self, name: str) -> str:
        return "/".join(filter(None, (self.prefix, name)))
