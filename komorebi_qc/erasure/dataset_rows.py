"""A recording in a dataset: its rows, in the files of days, in the journal and in older versions of both."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.compute as pc
import pyarrow.types as pt

from komorebi_qc.batch.dataset.data_files import day_of, is_day_file, is_journal_file
from komorebi_qc.batch.dataset.dataset import Dataset
from komorebi_qc.batch.dataset.parquet_files import from_parquet
from komorebi_qc.batch.dataset.schema import DAY, UNKNOWN_DAY, WITH_DAY
from komorebi_qc.batch.execution.resolver import folder_of
from komorebi_qc.batch.execution.tasks import REPORTS, UNIFIED
from komorebi_qc.core.errors import InputError
from komorebi_qc.erasure.file_tree import BucketTree, LocalTree
from komorebi_qc.erasure.plan import Artefact
from komorebi_qc.erasure.row_match import is_of_recording
from komorebi_qc.storage.atomic_file import clear_stale_parts
from komorebi_qc.storage.object_store import Folder, Prefix
from komorebi_qc.storage.s3.object_versions import StoredVersion, VersionedBucket

if TYPE_CHECKING:
    from collections.abc import Iterator

    from komorebi_qc.erasure.file_tree import FileTree, StoredFile
    from komorebi_qc.erasure.name_match import NameMatch
    from komorebi_qc.storage.object_store import ObjectStore

Row = dict[str, Any]
INPUTS = ("call", "recording", "analysis", "transcript")
_TEXTS = tuple(field.name for field in WITH_DAY if pt.is_string(field.type))


@dataclass(frozen=True, slots=True)
class _Part:
    """A version of a file of the dataset that has rows of the recording."""

    file: StoredFile
    version: StoredVersion | None
    rows: tuple[Row, ...]

    @property
    def is_present(self) -> bool:
        """Whether readers of the dataset see it."""
        return self.version is None or self.version.is_latest


class DatasetRows:
    """The rows of a dataset that are a recording's, or name it.

    Attributes:
        address: the dataset's folder or ``s3://`` prefix.
    """

    def __init__(self, store: ObjectStore, names: NameMatch) -> None:
        self.address = store.address
        self._store, self._names = store, names
        self._is_done = False

    @cached_property
    def _parts(self) -> list[_Part]:
        tree = tree_of(self._store)
        found = []
        is_dataset = False
        for file in (*tree.files(f"{DAY}="), *tree.files("_journal/")):
            is_day = is_day_file(file.name)
            if not is_day and not is_journal_file(file.name):
                continue
            is_dataset = True
            for version in file.versions:
                content = b"".join(tree.chunks(file, version))
                day = day_of(file.name) if is_day else UNKNOWN_DAY
                if content and (rows := _naming(file.address, content, day, self._names)):
                    found.append(_Part(file, version, tuple(rows)))
        if not is_dataset and not tree_exists(tree):
            raise InputError(f"{self.address} isn't a dataset: name the folder that `komorebi-qc batch` wrote to")
        return found

    def rows(self) -> list[Row]:
        """Return the recording's rows, older versions among them.

        Raises:
            InputError: it isn't a dataset, or a file of it can't be read.
            StorageError: the store doesn't answer.
        """
        return [row for part in self._parts for row in part.rows]

    def folders(self) -> list[str]:
        """Return the folders of the dataset with the recording's results, which may not exist."""
        ids = {self._names.recording_id, *(row["recording_id"] for row in self.rows() if row["status"] != "rejected")}
        return [f"{self.address}/{above}/{folder_of(one)}" for one in sorted(ids) for above in (REPORTS, UNIFIED)]

    def other_users(self, address: str) -> bool:
        """Return whether a row of another recording names this input as well.

        Raises:
            InputError: a file of the dataset can't be read.
            StorageError: the store doesn't answer.
        """
        table = Dataset(self._store).read(("recording_id", *INPUTS, DAY))
        ours = {row["recording_id"] for row in self.rows()}
        columns = (table[name].to_pylist() for name in ("recording_id", *INPUTS))
        return any(address in inputs and name not in ours for name, *inputs in zip(*columns, strict=True))

    def find(self) -> Iterator[Artefact]:
        """Yield the files with rows of the recording.

        Raises:
            InputError: it isn't a dataset, or a file of it can't be read.
            StorageError: the store doesn't answer.
        """
        bucket = self._bucket()
        older: dict[tuple[str, str], list[str]] = {}
        for part in self._parts:
            if part.is_present:
                yield Artefact("dataset row", part.file.address, len(part.rows))
            elif part.version is not None and bucket is not None:
                place = (part.file.address, bucket.lock_of(part.version))
                older.setdefault(place, []).append(part.version.version_id)
        for (address, lock), ids in sorted(older.items()):
            text = f"{address}, older versions"
            yield Artefact("dataset row", text, len(ids), tuple(ids), kept_because=lock)

    def remove(self, artefact: Artefact) -> None:  # noqa: ARG002  all rows go at once
        """Remove the rows of all files, and then the older versions that have them.

        Raises:
            InputError: a file of the dataset can't be read.
            StorageError: the store doesn't take the files, or other runs write to them all the time.
            AccessDeniedError: the store refuses access.
        """
        if self._is_done:
            return
        dropped = {row["recording_id"] for part in self._parts if part.is_present for row in part.rows}
        if dropped:
            Dataset(self._store).compact_journal(dropped)
        if isinstance(self._store, Folder):
            for folder in [*self._store.root.glob(f"{DAY}=*"), self._store.root / "_journal"]:
                clear_stale_parts(Path(folder))
        self._remove_older_versions()
        self._is_done = True

    def _remove_older_versions(self) -> None:
        bucket = self._bucket()
        if bucket is None or not isinstance(self._store, Prefix):
            return
        again = DatasetRows(self._store, self._names)
        doomed: dict[str, list[str]] = {}
        for part in again._parts:
            if part.version is not None and not part.is_present and not bucket.lock_of(part.version):
                doomed.setdefault(part.version.key, []).append(part.version.version_id)
        for key, versions in doomed.items():
            bucket.remove(key, versions)

    def _bucket(self) -> VersionedBucket | None:
        return VersionedBucket(self._store.client, self._store.bucket) if isinstance(self._store, Prefix) else None


def tree_of(store: ObjectStore) -> FileTree:
    """Return the files of a store, with all versions on S3."""
    if isinstance(store, Prefix):
        return BucketTree(VersionedBucket(store.client, store.bucket), store.prefix)
    return LocalTree(Path(store.address))


def tree_exists(tree: FileTree) -> bool:
    """Return whether there is a local folder, or any object under the prefix."""
    return tree.root.is_dir() if isinstance(tree, LocalTree) else next(tree.files(), None) is not None


def _naming(address: str, content: bytes, day: str, names: NameMatch) -> list[Row]:
    """The rows of a file that are the recording's, or name it; the columns of numbers are read if there is one."""
    texts = from_parquet(address, content, day, _TEXTS)
    candidates = None
    for name in _TEXTS:
        has_it = pc.fill_null(pc.match_substring(texts[name], names.plain, ignore_case=True), False)  # noqa: FBT003
        candidates = has_it if candidates is None else pc.or_(candidates, has_it)
    if candidates is None or not pc.any(candidates).as_py():
        return []
    rows: list[Row] = from_parquet(address, content, day).filter(candidates).to_pylist()
    return [row for row in rows if is_of_recording(row, names)]
