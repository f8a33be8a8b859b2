"""The results of a recording in files: its own folders, and places where other files may name it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from komorebi_qc.erasure.csv_rows import without_rows
from komorebi_qc.erasure.file_tree import LocalTree
from komorebi_qc.erasure.known_files import STATUS_FILE, kind_by_content, kind_in_results, status_of
from komorebi_qc.erasure.plan import NOT_OURS, Artefact

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from komorebi_qc.erasure.file_tree import FileTree, StoredFile
    from komorebi_qc.erasure.name_match import NameMatch
    from komorebi_qc.erasure.plan import Kind

_TEXTS = (".html", ".htm", ".ipynb", ".csv", ".json")
_RESULTS = ("_reports", "_unified")
"""Folders of a dataset, each with a folder a recording."""
_MOST_BYTES = 256 << 20
"""Of a file that is read as a whole."""
_DATASET_FILE = re.compile(r"(?:(.*)/)?(?:day=[^/]+/rows|_journal/[^/]+)\.parquet")


@dataclass(frozen=True, slots=True)
class ResultFiles:
    """Files of one recording: those in its own folders, and those that name it.

    Attributes:
        tree: the searched place.
        names: finds the recording's ID.
        own: whether the whole place is the recording's own folder.
        deep: whether folders of the place are searched.
        seen: the name of each file that was found, by its address.
    """

    tree: FileTree
    names: NameMatch
    own: bool = False
    deep: bool = True
    seen: dict[str, str] = field(default_factory=dict)

    def find(self) -> Iterator[Artefact]:
        """Yield the files; statuses come last, because they mark a folder as the recording's.

        Raises:
            StorageError: the place can't be read now.
            AccessDeniedError: it refuses access.
        """
        files = [one for one in self.tree.files(deep=self.deep) if not _DATASET_FILE.fullmatch(one.name)]
        folders = self._own_folders(files)
        videos: set[str] = set()
        found: list[Artefact] = []
        for file in files:
            for artefact in self._in_own_folder(file, folders) or self._by_name_or_content(file):
                found.append(artefact)
                self.seen[artefact.address] = file.name
                is_whole = artefact.count == sum(one is None or not one.is_marker for one in file.versions)
                if artefact.kind == "qc.json" and file.name.endswith(".qc.json") and is_whole:
                    stem = file.name.removesuffix(".qc.json")
                    videos |= {f"{stem}.mp4", f"{stem}.webm"}
        known = {artefact.address for artefact in found if artefact.kind != "other file"}
        for file in files:
            if file.name in videos and file.address not in known:
                found = [one for one in found if one.address != file.address]
                found += self.tree.artefacts(file, "video", file.versions)
                self.seen[file.address] = file.name
        yield from sorted(found, key=lambda one: one.kind == "status")

    def remove(self, artefact: Artefact) -> None:
        """Remove a file, or its rows that name the recording, and folders of the recording that are empty then.

        Raises:
            StorageError: it can't be removed now.
            AccessDeniedError: it can't be removed.
        """
        name = self.seen[artefact.address]
        if artefact.kind != "CSV row":
            self.tree.remove(name, artefact.versions)
            self._remove_empty(name)
            return
        self.tree.rewrite(name, lambda content: without_rows(content, self.names)[0])
        if artefact.versions:
            self.tree.remove(name, artefact.versions)

    def datasets(self) -> Iterator[str]:
        """Yield the folders of datasets in the place."""
        roots = {match[1] or "" for file in self.tree.files() if (match := _DATASET_FILE.fullmatch(file.name))}
        for root in sorted(roots):
            yield f"{self.tree.address}/{root}".rstrip("/")

    def _own_folders(self, files: list[StoredFile]) -> dict[str, frozenset[str]]:
        """The recording's own folders, each with the notebooks that its status names."""
        folders: dict[str, frozenset[str]] = {"": frozenset()} if self.own else {}
        for file in files:
            folder, _, name = file.name.rpartition("/")
            if self.names.recording_id in folder.split("/"):
                parts = folder.split("/")
                own = "/".join(parts[: parts.index(self.names.recording_id) + 1])
                folders.setdefault(f"{own}/", frozenset())
            if name != STATUS_FILE:
                continue
            place = f"{folder}/" if folder else ""
            contents = [self._content(file, version) for version in file.versions]
            statuses = [status for content in contents if content and (status := status_of(content)) is not None]
            # Audits of several recordings may have used one folder, one after the other: then each version decides.
            if {name for name, _ in statuses} == {self.names.recording_id} or place in folders:
                notebooks = frozenset(name for _, names in statuses for name in names)
                folders[place] = folders.get(place, frozenset()) | notebooks
        return folders

    def _in_own_folder(self, file: StoredFile, folders: dict[str, frozenset[str]]) -> list[Artefact]:
        for folder, notebooks in folders.items():
            if file.name.startswith(folder):
                kind = kind_in_results(file.name.removeprefix(folder), notebooks)
                if kind is not None:
                    return list(self.tree.artefacts(file, kind, file.versions))
        return []

    def _by_name_or_content(self, file: StoredFile) -> Iterator[Artefact]:
        is_named = self.names.in_text(file.name) or (self.own and self.names.in_text(file.address))
        doomed: dict[Kind | None, list[Any]] = {}
        rows = 0
        for version in file.versions:
            if version is not None and version.is_marker:
                continue
            is_theirs, content = self._names_it(file, version)
            if not is_theirs and not is_named:
                continue
            kind = kind_by_content(file.name, content)
            doomed.setdefault(kind, []).append(version)
            if kind == "CSV row" and (version is None or version.is_latest):
                rows = _rows_in(content, self.names)
        for kind, versions in doomed.items():
            for one in self.tree.artefacts(file, kind or "other file", versions):
                if kind is None:
                    yield Artefact(one.kind, one.address, one.count, one.versions, kept_because=NOT_OURS)
                else:
                    yield Artefact(kind, one.address, rows or one.count, one.versions, kept_because=one.kept_because)

    def _names_it(self, file: StoredFile, version: Any) -> tuple[bool, bytes]:
        """Whether a version's content names the recording, and as much of it as shows its kind."""
        if file.name.lower().endswith(_TEXTS):
            content = self._content(file, version)
            return self.names.in_bytes(content), content
        if not self.names.in_chunks(self.tree.chunks(file, version)):
            return False, b""
        return True, self._content(file, version)

    def _content(self, file: StoredFile, version: Any) -> bytes:
        content = bytearray()
        for chunk in self.tree.chunks(file, version):
            content += chunk
            if len(content) > _MOST_BYTES:
                break
        return bytes(content)

    def _remove_empty(self, name: str) -> None:
        """Remove the folders of a local file that are named after the recording, or ``audio``, and are empty."""
        if not isinstance(self.tree, LocalTree):
            return
        root = self.tree.root
        folder = (root / name).parent
        while folder.is_relative_to(root) and (folder.name == "audio" or self._is_own(folder)):
            try:
                folder.rmdir()
            except OSError:  # not empty, or not ours
                return
            folder = folder.parent

    def _is_own(self, folder: Path) -> bool:
        return self.names.in_text(folder.name) or (self.own and folder.parent.name in _RESULTS)


def _rows_in(content: bytes, names: NameMatch) -> int:
    try:
        return without_rows(content, names)[1]
    except ValueError:
        return 0
