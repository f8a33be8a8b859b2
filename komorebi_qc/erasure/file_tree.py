"""Files of this machine, or under a prefix on S3 with all their versions: listed, read and removed by an erasure."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from komorebi_qc.core.errors import AccessDeniedError, StorageError
from komorebi_qc.erasure.plan import Artefact
from komorebi_qc.storage.atomic_file import change_atomically
from komorebi_qc.storage.object_store import Prefix, split_s3
from komorebi_qc.storage.s3.object_versions import StoredVersion, VersionedBucket

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from komorebi_qc.erasure.plan import Kind

_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file with its versions.

    Attributes:
        name: relative to the tree's root, with slashes.
        address: its path or ``s3://`` address.
        versions: on S3, the versions with content and the delete markers, the oldest first; None for a local file.
    """

    name: str
    address: str
    versions: tuple[StoredVersion | None, ...]


class FileTree(Protocol):
    """The files under a root, or a single file."""

    @property
    def address(self) -> str:
        """The root's path or ``s3://`` address."""
        ...

    def files(self, start: str = "", *, deep: bool = True) -> Iterator[StoredFile]:
        """Yield the files in the order of their names.

        Args:
            start: the start of their names.
            deep: whether files in folders are among them.

        Raises:
            StorageError: the store doesn't answer.
            AccessDeniedError: it refuses access.
        """
        ...

    def chunks(self, file: StoredFile, version: StoredVersion | None) -> Iterator[bytes]:
        """Yield the content of a version in pieces; nothing if it is gone.

        Raises:
            StorageError: the store doesn't answer.
            AccessDeniedError: it refuses access.
        """
        ...

    def artefacts(
        self, file: StoredFile, kind: Kind, versions: Iterable[StoredVersion | None], *, is_input: bool = False
    ) -> Iterator[Artefact]:
        """Yield these versions of a file as one artefact, and locked ones as another."""
        ...

    def rewrite(self, name: str, change: Callable[[bytes], bytes], versions: Sequence[str]) -> None:
        """Replace a file by its changed content, and remove these versions unless one of them is the new content.

        Raises:
            StorageError: the store doesn't take it, or another process has written it meanwhile.
            AccessDeniedError: it refuses access.
        """
        ...

    def remove(self, name: str, versions: Sequence[str]) -> None:
        """Remove a file, or these versions of it; a file that is gone is no error.

        Raises:
            StorageError: it can't be removed now.
            AccessDeniedError: it can't be removed.
        """
        ...


@dataclass(frozen=True, slots=True)
class LocalTree:
    """A folder or a file of this machine. Links aren't followed.

    Attributes:
        root: the folder; for a single file, the folder that it is in.
        only: the single file's name; empty for all files.
    """

    root: Path
    only: str = ""

    @property
    def address(self) -> str:
        """See `FileTree.address`."""
        return str(self.root / self.only) if self.only else str(self.root)

    def files(self, start: str = "", *, deep: bool = True) -> Iterator[StoredFile]:
        """See `FileTree.files`."""
        paths = [self.root / self.only] if self.only else []
        with _file_errors(self.root):
            for folder, folders, names in os.walk(self.root, onerror=_unread) if not self.only else ():
                if not deep:
                    folders.clear()
                elif Path(folder) == self.root:
                    folders[:] = [
                        name for name in folders if f"{name}/".startswith(start) or start.startswith(f"{name}/")
                    ]
                paths += [Path(folder, name) for name in names]
            for path in sorted(paths):
                name = path.relative_to(self.root).as_posix()
                if name.startswith(start) and path.is_file() and not path.is_symlink():
                    yield StoredFile(name, str(path), (None,))

    def chunks(self, file: StoredFile, version: StoredVersion | None) -> Iterator[bytes]:  # noqa: ARG002  no versions
        """See `FileTree.chunks`."""
        with _file_errors(self.root / file.name):
            try:
                with (self.root / file.name).open("rb") as opened:
                    while chunk := opened.read(_CHUNK_BYTES):
                        yield chunk
            except FileNotFoundError:
                return

    def artefacts(
        self,
        file: StoredFile,
        kind: Kind,
        versions: Iterable[StoredVersion | None],  # noqa: ARG002  no versions
        *,
        is_input: bool = False,
    ) -> Iterator[Artefact]:
        """See `FileTree.artefacts`."""
        yield Artefact(kind, file.address, is_input=is_input)

    def rewrite(
        self,
        name: str,
        change: Callable[[bytes], bytes],
        versions: Sequence[str],  # noqa: ARG002  no versions
    ) -> None:
        """See `FileTree.rewrite`."""
        path = self.root / name
        with _file_errors(path):
            change_atomically(path, change)

    def remove(self, name: str, versions: Sequence[str]) -> None:  # noqa: ARG002  no versions
        """See `FileTree.remove`."""
        path = self.root / name
        with _file_errors(path):
            path.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class BucketTree:
    """A prefix of a bucket, or a single object.

    Attributes:
        bucket: the bucket.
        prefix: the folder without a slash at its end; empty for the whole bucket.
        only: the single object's name in the folder; empty for all objects.
    """

    bucket: VersionedBucket
    prefix: str = ""
    only: str = ""

    @property
    def address(self) -> str:
        """See `FileTree.address`."""
        return self.bucket.address_of(self._key(self.only)).rstrip("/")

    def files(self, start: str = "", *, deep: bool = True) -> Iterator[StoredFile]:
        """See `FileTree.files`."""
        root = self._key("")
        for key, versions in self.bucket.versions(self._key(self.only or start), deep=deep):
            name = key.removeprefix(root)
            if (self.only and name != self.only) or name.endswith("/") or not name:
                continue
            yield StoredFile(name, self.bucket.address_of(key), tuple(versions))

    def chunks(self, file: StoredFile, version: StoredVersion | None) -> Iterator[bytes]:
        """See `FileTree.chunks`."""
        if version is not None and not version.is_marker:
            yield from self.bucket.content(version)
        elif version is None:
            raise ValueError(f"{file.address} has versions")

    def artefacts(
        self, file: StoredFile, kind: Kind, versions: Iterable[StoredVersion | None], *, is_input: bool = False
    ) -> Iterator[Artefact]:
        """See `FileTree.artefacts`."""
        named = [version for version in versions if version is not None]
        yield from versions_as_artefacts(self.bucket, file.address, kind, named, is_input=is_input)

    def rewrite(self, name: str, change: Callable[[bytes], bytes], versions: Sequence[str]) -> None:
        """See `FileTree.rewrite`."""
        store = Prefix(self.bucket.client, self.bucket.name, self.prefix)
        before = store.read(name)
        is_changed = before is not None and (changed := change(before.content)) != before.content
        if is_changed and not store.replace(name, changed, before):
            raise StorageError(f"{store.address_of(name)} was written by another process meanwhile: run it again")
        # A bucket without versions has the new content under the ID of the old one.
        present = {one.version_id for one in self.bucket.versions_of(self._key(name)) if one.is_latest}
        self.bucket.remove(self._key(name), [one for one in versions if one not in present])

    def remove(self, name: str, versions: Sequence[str]) -> None:
        """See `FileTree.remove`."""
        self.bucket.remove(self._key(name), versions)

    def _key(self, name: str) -> str:
        return f"{self.prefix}/{name}" if self.prefix else name


def versions_as_artefacts(
    bucket: VersionedBucket, address: str, kind: Kind, versions: Sequence[StoredVersion], *, is_input: bool = False
) -> Iterator[Artefact]:
    """Yield versions of one object as an artefact, and those under each lock as another.

    Delete markers count only if nothing else is left, because they hold the key.
    """
    real = [one for one in versions if not one.is_marker]
    groups: dict[str, list[str]] = {}
    for one in real or versions:
        groups.setdefault(bucket.lock_of(one), []).append(one.version_id)
    for lock, ids in sorted(groups.items()):
        yield Artefact(kind, address, len(ids), tuple(ids), is_input, lock)


def open_tree(text: str, s3_client: Callable[[], Any]) -> FileTree:
    """Return the tree at a path or an ``s3://`` address, which may be a single file.

    Raises:
        InputError: ``s3://`` without a bucket.
        StorageError: S3 doesn't answer.
        AccessDeniedError: S3 refuses access.
    """
    if not text.startswith("s3://"):
        path = Path(text).resolve()
        return LocalTree(path.parent, path.name) if path.is_file() else LocalTree(path)
    name, key = split_s3(text)
    bucket = VersionedBucket(s3_client(), name)
    if key and not key.endswith("/") and bucket.versions_of(key):
        folder, _, only = key.rpartition("/")
        return BucketTree(bucket, folder, only)
    return BucketTree(bucket, key.strip("/"))


def _unread(error: OSError) -> None:
    """Let a folder that can't be read end the search; one that doesn't exist has no files."""
    if not isinstance(error, FileNotFoundError):
        raise error


@contextmanager
def _file_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except PermissionError as error:
        raise AccessDeniedError(f"{path} can't be used ({error.strerror}): check its owner and mode") from None
    except OSError as error:
        raise StorageError(f"{path} can't be used ({error.strerror or error}): check the disk") from None
