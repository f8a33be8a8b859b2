"""The results of a recording in files: its own folders, and places where other files may name it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from komorebi_qc.core.errors import AccessDeniedError
from komorebi_qc.erasure.csv_rows import without_rows
from komorebi_qc.erasure.file_tree import LocalTree
from komorebi_qc.erasure.known_files import (
    QC_FILES,
    STATUS_FILE,
    is_of_another,
    kind_by_content,
    kind_in_results,
    recorded_outputs,
    status_of,
)
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
_NO_CSV = "it isn't CSV in UTF-8 any more: remove its rows by hand"
_NAMED = "only its name names the recording: rename it"
_BY_NAME: tuple[Kind, ...] = ("other file", "part file")
"""Nothing in their content states whose they are."""
_NOT_LOCKED = (NOT_OURS, _NO_CSV, _NAMED)
_LAST: tuple[Kind, ...] = ("qc.json", "status")
"""Removed after the files that they lead to."""
_DATASET_FILE = re.compile(r"(?:(.*)/)?(?:day=[^/]+/rows|_journal/[^/]+)\.parquet")


@dataclass(frozen=True, slots=True)
class ResultFiles:
    """Files of one recording: those in its own folders, and those that name it.

    Attributes:
        tree: the searched place.
        names: finds the recording's ID.
        own: whether the whole place is the recording's own folder.
        deep: whether folders of the place are searched.
        by_row: whether only a row of a dataset leads to the place.
        seen: the name of each file that was found, by its address.
        kept: names of files that a lock or a missing right keeps.
    """

    tree: FileTree
    names: NameMatch
    own: bool = False
    deep: bool = True
    by_row: bool = False
    seen: dict[str, str] = field(default_factory=dict)
    kept: set[str] = field(default_factory=set)

    def find(self) -> Iterator[Artefact]:
        """Yield the files. Those that lead to others come last: ``qc.json`` to its video, a status to its folder.

        Raises:
            StorageError: the place can't be read now.
            AccessDeniedError: it refuses access.
        """
        files = [one for one in self.tree.files(deep=self.deep) if not _DATASET_FILE.fullmatch(one.name)]
        folders, others = self._own_folders(files)
        outputs: set[str] = set()
        found: list[Artefact] = []
        for file in files:
            for artefact in self._in_own_folder(file, folders) or self._by_name_or_content(file, others):
                found.append(artefact)
                self.seen[artefact.address] = file.name
                is_whole = artefact.count == sum(one is None or not one.is_marker for one in file.versions)
                if artefact.kind == "qc.json" and is_whole:
                    outputs |= self._outputs_of(file)
        known = {artefact.address for artefact in found if artefact.kind != "other file"}
        for file in files:
            if file.name in outputs and file.address not in known:
                found = [one for one in found if one.address != file.address]
                kind = _kind_of_output(file.name)
                found += self.tree.artefacts(file, kind, file.versions)
                self.seen[file.address] = file.name
        self.kept.update(
            self.seen[one.address] for one in found if one.kept_because and one.kept_because not in _NOT_LOCKED
        )
        yield from sorted(found, key=lambda one: _LAST.index(one.kind) if one.kind in _LAST else -1)

    def remove(self, artefact: Artefact) -> None:
        """Remove a file, or its rows that name the recording, and folders of the recording that are empty then.

        Raises:
            StorageError: it can't be removed now.
            AccessDeniedError: it can't be removed.
        """
        name = self.seen[artefact.address]
        if artefact.kind == "CSV row":
            self.tree.rewrite(name, lambda content: without_rows(content, self.names)[0], artefact.versions)
            return
        if artefact.kind in _LAST and not self.own and self._leads_to_left(name):
            raise AccessDeniedError(f"{artefact.address} stays: it leads to files in its folder that can't be removed")
        try:
            self.tree.remove(name, artefact.versions)
        except AccessDeniedError:
            self.kept.add(name)
            raise
        self._remove_empty(name)

    def datasets(self) -> Iterator[str]:
        """Yield the folders of datasets in the place."""
        roots = {match[1] or "" for file in self.tree.files() if (match := _DATASET_FILE.fullmatch(file.name))}
        for root in sorted(roots):
            yield f"{self.tree.address}/{root}".rstrip("/")

    def _own_folders(self, files: list[StoredFile]) -> tuple[dict[str, frozenset[str]], tuple[str, ...]]:
        """The recording's own folders, each with the notebooks that its status names; and those of other recordings."""
        folders: dict[str, frozenset[str]] = {"": frozenset()} if self.own else {}
        others = set[str]()
        for file in files:
            folder, _, name = file.name.rpartition("/")
            if (own := self._folder_by_name(folder)) is not None:
                folders.setdefault(own, frozenset())
            if name != STATUS_FILE and name not in QC_FILES:
                continue
            place = f"{folder}/" if folder else ""
            contents = [self._content(file, version) for version in file.versions]
            stated = [is_of_another(content, self.names) for content in contents if content]
            if place and stated and all(stated):
                others.add(place)
            if name != STATUS_FILE:
                continue
            statuses = [status for content in contents if content and (status := status_of(content)) is not None]
            # Audits of several recordings may have used one folder, one after the other: then each version decides.
            if (statuses and all(self.names.is_id(name) for name, _ in statuses)) or place in folders:
                notebooks = frozenset(name for _, names in statuses for name in names)
                folders[place] = folders.get(place, frozenset()) | notebooks
        # A folder may have the recording's name by chance, such as `audits/1`.
        return {place: notebooks for place, notebooks in folders.items() if place not in others}, tuple(others)

    def _folder_by_name(self, folder: str) -> str | None:
        """The folder itself or one above it that has the recording's name. A short name may be there by chance."""
        parts = folder.split("/")
        if self.names.recording_id not in parts:
            return None
        at = parts.index(self.names.recording_id)
        is_theirs = self.names.is_distinctive or (at > 0 and parts[at - 1] in _RESULTS)
        return f"{'/'.join(parts[: at + 1])}/" if is_theirs else None

    def _in_own_folder(self, file: StoredFile, folders: dict[str, frozenset[str]]) -> list[Artefact]:
        for folder, notebooks in folders.items():
            if file.name.startswith(folder):
                kind = kind_in_results(file.name.removeprefix(folder), notebooks)
                if kind is not None:
                    return list(self.tree.artefacts(file, kind, file.versions))
        return []

    def _outputs_of(self, file: StoredFile) -> set[str]:
        """The video, the thumbnail and the captions of a ``qc.json``: those that it records, or by its own name."""
        folder, slash, _ = file.name.rpartition("/")
        names = {f"{folder}{slash}{name}" for v in file.versions for name in recorded_outputs(self._content(file, v))}
        if file.name.endswith(".qc.json"):
            stem = file.name.removesuffix(".qc.json")
            names |= {f"{stem}.mp4", f"{stem}.webm", f"{stem}.vtt"}
        return names

    def _by_name_or_content(self, file: StoredFile, others: tuple[str, ...]) -> Iterator[Artefact]:
        is_named = self.names.in_path(file.name) or (self.own and self.names.in_path(file.address))
        is_named = is_named and not file.name.startswith(others)
        if is_named and all(one is not None and one.is_marker for one in file.versions):
            yield from self.tree.artefacts(file, "other file", file.versions)  # of an erasure that was interrupted
            return
        doomed: dict[tuple[Kind, str], list[Any]] = {}
        count = 0
        for version in file.versions:
            if version is not None and version.is_marker:
                continue
            is_theirs, content = self._names_it(file, version)
            if not is_theirs and not is_named:
                continue
            content = content or self._content(file, version)
            kind = kind_by_content(file.name, content) or "other file"
            if not (is_theirs or self.names.is_distinctive or kind in _BY_NAME):
                continue  # such as 1.mp4, the first clip of another recording
            rows = _rows_in(content, self.names) if kind == "CSV row" else None
            if rows == 0 and not is_named:
                continue
            if rows and (version is None or version.is_latest):
                count = rows
            doomed.setdefault((kind, _kept_because(kind, rows)), []).append(version)
        for (kind, kept_because), versions in doomed.items():
            for one in self.tree.artefacts(file, kind, versions):
                number = (count or one.count) if kind == "CSV row" else one.count
                why = kept_because or one.kept_because
                yield Artefact(kind, one.address, number, one.versions, kept_because=why)

    def _names_it(self, file: StoredFile, version: Any) -> tuple[bool, bytes]:
        """Whether a version's content names the recording, and as much of it as shows its kind."""
        if file.name.lower().endswith(_TEXTS):
            content = self._content(file, version)
            has_rows = file.name.lower().endswith(".csv") and bool(_rows_in(content, self.names))
            return has_rows or self.names.in_bytes(content), content
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

    def _leads_to_left(self, name: str) -> bool:
        """Whether another file in the folder of this one can't be removed."""
        folder = name[: name.rfind("/") + 1]
        return any(one.startswith(folder) and one != name for one in self.kept)

    def _is_own(self, folder: Path) -> bool:
        return self.names.in_path(folder.name) or (self.own and folder.parent.name in _RESULTS)


def _kind_of_output(name: str) -> Kind:
    if name.endswith(".vtt"):
        return "captions"
    return "video" if name.endswith((".mp4", ".webm")) else "thumbnail"


def _kept_because(kind: Kind, rows: int | None) -> str:
    """Why a file stays; empty if it, or its rows, can be removed.

    Args:
        kind: of the file.
        rows: of a CSV file that are the recording's; None if it can't be read.
    """
    if kind == "other file":
        return NOT_OURS
    if kind != "CSV row" or rows:
        return ""
    return _NO_CSV if rows is None else _NAMED


def _rows_in(content: bytes, names: NameMatch) -> int | None:
    """The number of a CSV file's rows that are the recording's; None if it can't be read."""
    try:
        return without_rows(content, names)[1]
    except ValueError:
        return None
