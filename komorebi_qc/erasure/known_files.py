"""The files that this software writes, known by their names or their content. Pure."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from komorebi_qc.core.errors import MessageError
from komorebi_qc.core.recording import LOCAL_ID, check_recording_id
from komorebi_qc.erasure.csv_rows import is_dataset_csv

if TYPE_CHECKING:
    from komorebi_qc.erasure.name_match import NameMatch
    from komorebi_qc.erasure.plan import Kind

STATUS_FILE = "status.json"
QC_FILES = ("qc.json", "recording.qc.json")
TAG = b"komorebi_qc"
"""In clips, figures and executed notebooks."""
_KINDS_BY_NAME: tuple[tuple[str, Kind], ...] = (
    (r"(recording|agent-recording)\.(mp4|webm)", "video"),
    (r"thumbnail\.png", "thumbnail"),
    (r"recording\.vtt", "captions"),
    (r"(recording\.)?qc\.json", "qc.json"),
    (r"delivered\.json", "qc.json"),
    (r"report\.html", "report"),
    (r"audio/([a-z0-9_]+\.m4a|trial\.html)", "audio track"),
    (r"status\.json", "status"),
    (r"notes\.json", "notes"),
    (r"correction\.json", "correction"),
    (r"(audio/)?\.[^/]*\.komorebi-part", "part file"),
)
"""In a folder of one recording's results."""
_SCHEMAS: dict[object, Kind] = {
    "komorebi-notes/1": "notes",
    "komorebi-correction/1": "correction",
    "komorebi-chain/1": "chain overview",
}
_PAGES: tuple[tuple[bytes, Kind], ...] = (
    (b'<main class="kq fleet" id="fleet">', "fleet page"),
    (b'<main class="kq chain" id="chain">', "chain overview"),
    (b'data-kq="data"', "report"),
    (b"<title>Audit failed</title>", "report"),
    (b"<title>Audit stopped</title>", "report"),
)


def kind_in_results(name: str, notebooks: frozenset[str] = frozenset()) -> Kind | None:
    """Return what a file in a recording's folder of results is; None for a file of somebody else.

    Args:
        name: relative to the folder.
        notebooks: the executed notebooks that the folder's status names.
    """
    if name in notebooks:
        return "notebook"
    return next((kind for pattern, kind in _KINDS_BY_NAME if re.fullmatch(pattern, name)), None)


def kind_by_content(name: str, content: bytes) -> Kind | None:
    """Return what a file that names a recording is, by its content; None for a file of somebody else.

    Args:
        name: its name.
        content: all of it; of media, the part that names the recording.
    """
    suffix = name.rpartition(".")[2].lower()
    if suffix in ("html", "htm"):
        return next((kind for mark, kind in _PAGES if mark in content), None)
    if suffix == "ipynb":
        return "notebook" if TAG in content else None
    if suffix == "csv":
        return "CSV row" if is_dataset_csv(content) else None
    if suffix == "json":
        return _kind_of_json(content)
    if suffix in ("mp4", "png"):
        return ("clip" if suffix == "mp4" else "figure") if TAG in content else None
    return "part file" if suffix == "komorebi-part" else None


def status_of(content: bytes) -> tuple[str, frozenset[str]] | None:
    """Return the recording and the notebooks of a status file; None for another file."""
    found = _object(content)
    if not isinstance(found.get("recording"), str) or not isinstance(found.get("notebooks"), list):
        return None
    notebooks = (one.get("file") for one in found["notebooks"] if isinstance(one, dict))
    return found["recording"], frozenset(name for name in notebooks if isinstance(name, str) and "/" not in name)


def recorded_outputs(content: bytes) -> frozenset[str]:
    """Return the names of the video, the thumbnail and the captions that a ``qc.json`` records beside itself."""
    provenance = _object(content).get("provenance")
    outputs = provenance.get("outputs") if isinstance(provenance, dict) else None
    files = [one for one in outputs.values() if isinstance(one, dict)] if isinstance(outputs, dict) else []
    names = (one.get("location") for one in files)
    return frozenset(name for name in names if isinstance(name, str) and "/" not in name)


def is_of_another(content: bytes, names: NameMatch) -> bool:
    """Return whether a status or a ``qc.json`` states the ID of another recording; a file's name is no ID."""
    status = status_of(content)
    stated = status[0] if status is not None else _object(content).get("recording_id")
    try:
        found = check_recording_id(stated)
    except MessageError:
        return False
    return found != LOCAL_ID and not names.is_id(found)


def _kind_of_json(content: bytes) -> Kind | None:
    if status_of(content) is not None:
        return "status"
    found = _object(content)
    schema = found.get("schema")
    if isinstance(schema, str) and schema in _SCHEMAS:
        return _SCHEMAS[schema]
    return "qc.json" if {"recording_id", "findings", "verdict"} <= found.keys() else None


def _object(content: bytes) -> dict[str, Any]:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
