"""The files of an earlier audit in the same folder.

An earlier audit may have known less: a redaction comes some minutes after the call. Then its video, tracks and
notebooks play what the present one masks. So they are removed as soon as the present one has examined the recording.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from komorebi_qc.core.errors import AccessDeniedError
from komorebi_qc.desk.audit.status import STATUS_FILE
from komorebi_qc.desk.report.audio_tracks import TRACK_FILES
from komorebi_qc.desk.report.left_out import LEFT_OUT_FILES
from komorebi_qc.desk.report.trial.tracks import TRIAL_FILE
from komorebi_qc.pipeline.examine import AGENT_NAME, CAPTIONS_NAME, THUMBNAIL_NAME, VIDEO_NAME
from komorebi_qc.storage.object_store import Folder, open_store
from komorebi_qc.wiring import aws_client

if TYPE_CHECKING:
    from collections.abc import Iterable

    from komorebi_qc.desk.session import AuditRequest
    from komorebi_qc.storage.object_store import ObjectStore

REPORT_FILE, QC_FILE, DELIVERED_FILE = "report.html", "qc.json", "delivered.json"
_VIDEOS = tuple(f"{name}.{container}" for name in (VIDEO_NAME, AGENT_NAME) for container in ("mp4", "webm"))
_AUDIO = (*TRACK_FILES, *LEFT_OUT_FILES, TRIAL_FILE)
_FILES = (
    *_VIDEOS,
    f"{VIDEO_NAME}.qc.json",
    QC_FILE,
    DELIVERED_FILE,
    THUMBNAIL_NAME,
    CAPTIONS_NAME,
    REPORT_FILE,
    *_AUDIO,
)
_MAX_STATUS_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class EarlierAudit:
    """The files that an earlier audit may have left.

    Attributes:
        store: the folder, or the prefix on S3.
        names: relative to it; empty without an earlier audit.
    """

    store: ObjectStore
    names: frozenset[str]

    def remove(self, *, keep: Iterable[str] = ()) -> None:
        """Remove the files that exist, except some.

        Raises:
            StorageError: One can't be removed.
            AccessDeniedError: S3 refuses it.
        """
        found = [name for name in sorted(self.names.difference(keep)) if self.store.has(name)]
        if found:
            self.store.remove(found)


def earlier_audit(out: str, request: AuditRequest) -> EarlierAudit:
    """The audit whose status file is in the folder. The inputs of the present one aren't counted as its files.

    Args:
        out: a folder, or ``s3://bucket/prefix``.
        request: of the present audit.

    Raises:
        InputError: `out` names no bucket.
        StorageError: The store doesn't answer.
    """
    store = open_store(out, lambda: aws_client("s3"))
    try:
        status = store.read(STATUS_FILE, max_bytes=_MAX_STATUS_BYTES)
    except AccessDeniedError:  # a prefix that can only be written to
        status = None
    notebooks = None if status is None else _notebooks(status.content)
    if notebooks is None:
        return EarlierAudit(store, frozenset())
    names = frozenset((*_FILES, *notebooks))
    if isinstance(store, Folder):
        named = (request.connect, request.recording, request.analysis, request.transcript)
        inputs = {Path(text).resolve() for text in named if text}
        names = frozenset(name for name in names if (store.root / name).resolve() not in inputs)
    return EarlierAudit(store, names)


def _notebooks(status: bytes) -> list[str] | None:
    """The executed notebooks that an audit's status file names; None for another file."""
    try:
        found = json.loads(status)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or "state" not in found or not isinstance(found.get("notebooks"), list):
        return None
    files = [one.get("file") for one in found["notebooks"] if isinstance(one, dict)]
    return [file for file in files if isinstance(file, str) and file == Path(file).name and file.endswith(".ipynb")]
