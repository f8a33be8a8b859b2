"""The reports below a folder, each in a few values."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from komorebi_qc.core.errors import InputError
from komorebi_qc.core.notes import MOST_BYTES, NOTES_FILE, counts_by_severity, read_notes
from komorebi_qc.desk.report.audio_tracks import FOLDER
from komorebi_qc.desk.report.trial.tracks import TRIAL_FILE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from komorebi_qc.storage.opened_folder import OpenedFolder

REPORT, QC_JSON, STATUS, CORRECTION = "report.html", "qc.json", "status.json", "correction.json"
MEDIA: Final = (".wav", ".webm", ".mp4", ".mkv", ".m4a", ".json", ".vtt", ".srt")
"""Suffixes of files that a job may read."""
MOST_QC_BYTES: Final = 16_000_000
_TRACKS: Final = (".m4a", ".mp4", ".webm", ".opus", ".ogg", ".wav")
_MOST_STATUS_BYTES = 1_000_000
_MOST_FOLDERS, _MOST_DEPTH, _MOST_FILES = 20_000, 8, 500
_MOST_TEXT = 200
_VERDICTS = ("fail", "warn", "pass")


@dataclass(frozen=True, slots=True)
class Report:
    """One report's folder.

    Attributes:
        folder: relative to the root; empty for the root itself.
        recording_id: of its recording; empty if it is unknown.
        verdict: ``pass``, ``warn`` or ``fail``; empty without a ``qc.json``.
        sync: the status of the measurement; empty without one.
        failures: names of the findings that fail.
        warnings: names of those that warn.
        state: of the audit: ``running``, ``done``, ``failed`` or ``stopped``; ``unfinished`` if it says that it runs,
            and its process isn't on this machine; empty if it is unknown.
        at: when the audit last wrote its status; empty if it is unknown.
        error: why the audit failed, or the notes can't be read.
        notes: the number of notes of each severity.
        has_correction: whether a correction is beside it.
        is_readable: whether there is a page to open.
    """

    folder: str
    recording_id: str
    verdict: str
    sync: str
    failures: tuple[str, ...]
    warnings: tuple[str, ...]
    state: str
    at: str
    error: str
    notes: dict[Any, int]
    has_correction: bool
    is_readable: bool

    def to_dict(self) -> dict[str, Any]:
        """The report for JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Listing:
    """The content of the folder.

    Attributes:
        reports: those that fail first, then by their names.
        files: names of files that a job may read, relative to the root.
        is_whole: False if there are more folders or files than are listed.
    """

    reports: tuple[Report, ...]
    files: tuple[str, ...]
    is_whole: bool


def listing_of(root: OpenedFolder) -> Listing:
    """List the reports and the media below a folder, without following links.

    Args:
        root: the folder.
    """
    reports: list[Report] = []
    files: list[str] = []
    seen = 0
    for folder, names in _walk(root):
        seen += 1
        if seen > _MOST_FOLDERS:
            break
        if REPORT in names or (QC_JSON in names and STATUS in names):
            reports.append(_report(root, folder, names))
        else:
            files += [f"{folder}/{name}" if folder else name for name in names if name.endswith(MEDIA)]
    own = tuple(_join(one.folder, "audio/") for one in reports)
    files = [name for name in files if not name.startswith(own)]
    worst = {"fail": 0, "": 1, "warn": 2, "pass": 3}
    reports.sort(key=lambda one: (worst.get(one.verdict, 1), one.folder))
    return Listing(
        tuple(reports), tuple(sorted(files)[:_MOST_FILES]), seen <= _MOST_FOLDERS and len(files) <= _MOST_FILES
    )


def is_of_report(name: str) -> bool:
    """Whether a file belongs to a report: it is beside the page, or is one of its tracks. Other reports may be below.

    Args:
        name: relative to the report's folder.
    """
    folder, slash, file = name.rpartition("/")
    return not slash or (folder == FOLDER and (name == TRIAL_FILE or PurePosixPath(file).suffix in _TRACKS))


def recording_id_of(root: OpenedFolder, folder: str) -> str:
    """The recording's ID in a report's ``qc.json``; empty without one."""
    found = _object(root, _join(folder, QC_JSON), MOST_QC_BYTES).get("recording_id")
    return found if isinstance(found, str) else ""


def _walk(root: OpenedFolder) -> Iterator[tuple[str, list[str]]]:
    waiting = [""]
    while waiting:
        folder = waiting.pop()
        names: list[str] = []
        try:
            entries = sorted(os.scandir(root.root / folder), key=lambda one: one.name)
        except OSError:
            continue
        for entry in entries:
            if entry.name.startswith(".") or not entry.name.isprintable():
                continue
            if entry.is_file(follow_symlinks=False):
                names.append(entry.name)
            elif entry.is_dir(follow_symlinks=False) and folder.count("/") < _MOST_DEPTH:
                waiting.append(_join(folder, entry.name))
        yield folder, names


def _report(root: OpenedFolder, folder: str, names: list[str]) -> Report:
    document = _object(root, _join(folder, QC_JSON), MOST_QC_BYTES)
    status = _object(root, _join(folder, STATUS), _MOST_STATUS_BYTES)
    findings = document.get("findings")
    found = [one for one in findings if isinstance(one, dict)] if isinstance(findings, list) else []
    sync = document.get("sync")
    error, state, at = (_text(status.get(name)) for name in ("error", "state", "updated_at"))
    if state == "running" and not _is_process(status.get("pid")):
        state, since = "unfinished", at or "an unknown time"
        error = f"the audit ended early, or runs on another machine; it last wrote its status at {since}: audit again"
    notes = None
    try:
        content = root.read(_join(folder, NOTES_FILE), max_bytes=MOST_BYTES)
        notes = None if content is None else read_notes(content, NOTES_FILE)
    except InputError as refused:
        error = error or str(refused)
    verdict = document.get("verdict")
    return Report(
        folder,
        _text(document.get("recording_id")) or _text(status.get("recording")),
        verdict if verdict in _VERDICTS else "",
        _text(sync.get("status")) if isinstance(sync, dict) else "",
        _names(found, "fail"),
        _names(found, "warn"),
        state,
        at,
        error,
        dict(counts_by_severity(notes)),
        CORRECTION in names,
        REPORT in names,
    )


def _is_process(pid: object) -> bool:
    """Whether a process of this number is on this machine."""
    if isinstance(pid, bool) or not isinstance(pid, int) or not 0 < pid < 1 << 31:
        return False
    if os.name == "nt":  # a signal would end it
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True  # of another user
    return True


def _names(findings: list[dict[str, Any]], status: str) -> tuple[str, ...]:
    return tuple(_text(one.get("name")) for one in findings if one.get("status") == status)[:50]


def _text(value: object) -> str:
    return value[:_MOST_TEXT] if isinstance(value, str) else ""


def _object(root: OpenedFolder, name: str, most: int) -> dict[str, Any]:
    try:
        content = root.read(name, max_bytes=most)
        found = json.loads(content) if content else {}
    except (InputError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _join(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name
