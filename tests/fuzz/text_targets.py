"""Texts from outside: messages, items, lists, rows of a dataset, parameters of notebooks, analyses."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import unicodedata
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
from analyses import analysis, times, turn
from seeds import json_seeds
from watch import FindingError

from komorebi_qc.batch.dataset.csv_file import CsvFile
from komorebi_qc.batch.dataset.schema import WITH_DAY
from komorebi_qc.batch.manifest.manifest_file import read_manifest
from komorebi_qc.core.errors import HeldError, KomorebiError
from komorebi_qc.core.privacy.redactions import read_analysis
from komorebi_qc.core.recording import Recording
from komorebi_qc.desk.audit import parameters
from komorebi_qc.desk.notebooks.recording import parameter_text
from komorebi_qc.desk.session import AuditRequest, open_session
from komorebi_qc.fleet.audit_files import audit_file, audit_store
from komorebi_qc.fleet.narrative.text import safe
from komorebi_qc.queue.dead_letter import DeadLetter
from komorebi_qc.queue.handler import handle_record
from komorebi_qc.storage.object_store import Folder, Prefix

MESSAGES = json_seeds(
    {"recordingID": "contact-1", "callEndingTimestamp": "00:57:01"},
    {"recordingID": "contact-1", "callEndingTimestamp": "57:01", "force": True, "name": "Aiko"},
)
ITEMS = json_seeds(
    {
        "videoID": "contact-1",
        "agentID": "agent-7",
        "creationDate": "2026-03-02 23:55:09",
        "isProcessed": False,
        "outputContainer": "mp4",
        "qcInputsFingerprint": "x",
    },
)
_LISTED = {"recording_id": "r1", "connect": "a.wav", "recording": "b.webm", "call_end": "00:57:01", "agent": "Aiko"}
MANIFESTS = [
    b"recording_id,connect,recording,call_end,agent,day\nr1,a.wav,b.webm,00:57:01,Aiko,2026-03-01\nr2,c.wav,d.mp4,22,,\n",
    b"recording_id;call_end\ncontact-1;00:57:01\n",
]
JSON_LINES = [json.dumps(_LISTED).encode(), b'{"recording_id": "contact-1", "call_end": 22}\n{"recording_id": "r2"}\n']
ROWS = json_seeds(
    {
        "recording_id": "r1",
        "agent": "Aiko",
        "report": "_reports/r1/report.html",
        "error": "a sentence",
        "warnings": ["drift"],
        "browser": "Chrome 142",
        "offset_s": 1.5,
    }
)
PARAMETERS = json_seeds(
    {"connect": "a.wav", "recording": "b.webm", "call_end": "57:01", "window_at": "1:30", "out": "out"},
    {"recording_id": "contact-1", "call_end": 22, "redacted": "prefer", "mask_margin": 1.5, "worst": "5"},
)
ANALYSES = json_seeds(analysis(turn(0, 900, "Yes. [PII]", times(200, 500)), turn(1000, 3000, "No.")))


class _Queues:
    """Queues that remember the dead letters."""

    def __init__(self) -> None:
        self.letters: list[DeadLetter] = []

    def max_receive_count(self) -> int:
        return 3

    def change_visibility(self, receipt_handle: str, seconds: int) -> bool:
        return bool(receipt_handle) and seconds > 0

    def send_to_dlq(self, letter: DeadLetter) -> bool:
        self.letters.append(letter)
        return True


class _Pipeline:
    """A pipeline that holds every recording that reaches it."""

    def __init__(self) -> None:
        self.orders: list[Any] = []

    def is_done(self, order: Any) -> bool:
        return not order.recording_id

    def process(self, order: Any, *, progress: Any) -> Any:
        progress.check()
        self.orders.append(order)
        raise HeldError("text", "reason", ((order.call_end.recording_s, 0.5),))


def check_message(data: bytes, folder: Path) -> None:  # noqa: ARG001  it writes no file
    """Handle a message: it is held, or becomes a dead letter that SQS takes; nothing is published."""
    body, queues, pipeline = data.decode("utf-8", "replace"), _Queues(), _Pipeline()
    record = {"messageId": "1", "body": body, "receiptHandle": "x", "attributes": {"ApproximateReceiveCount": "1"}}
    report = handle_record(record, pipeline, queues, remaining_s=lambda: 600.0)
    json.dumps(report.fields())
    report.metrics()
    if report.outcome not in ("held", "permanent") or len(queues.letters) != 1:
        raise FindingError(f"the message is {report.outcome}, with {len(queues.letters)} dead letters")
    if (report.outcome == "held") != bool(pipeline.orders):
        raise FindingError("a refused message reached the pipeline")
    (letter,) = queues.letters
    attributes = letter.attributes()
    for name, value in attributes.items():
        text = value["StringValue"]
        if not text or len(text) > 1100 or any(unicodedata.category(c) in ("Cc", "Cs") for c in text):
            raise FindingError(f"SQS doesn't take the attribute {name}: {text[:100]!r}")
    sent = {"Body": letter.body, "MessageAttributes": attributes, "MessageId": "1"}
    DeadLetter.from_message(sent).to_dict()
    DeadLetter.from_message({"Body": body, "MessageAttributes": {}, "Attributes": {}})


def check_item(data: bytes, folder: Path) -> None:  # noqa: ARG001  it writes no file
    """Read an item: its keys stay inside of their folders."""
    item = _object(data)
    if item is None:
        return
    try:
        found = Recording.from_item(item)
    except KomorebiError as error:
        check_sentence(error)
        return
    keys = [found.agent_recording_key, found.video_key("mp4"), found.thumbnail_key, found.qc_key]
    keys += found.call_audio_prefixes("connect/x")
    for key in keys:
        if key.startswith("/") or ".." in key.split("/") or "//" in key or not key.isascii() or not key.isprintable():
            raise FindingError(f"the key {key!r} leaves its folder")


def check_csv_manifest(data: bytes, folder: Path) -> None:
    """Read a list in CSV."""
    _check_manifest(folder / "list.csv", data)


def check_json_manifest(data: bytes, folder: Path) -> None:
    """Read a list in JSON lines."""
    _check_manifest(folder / "list.jsonl", data)


def _check_manifest(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    try:
        listing = read_manifest(path)
    except KomorebiError as error:
        check_sentence(error)
        return
    for item in listing.items:
        for place in (item.connect, item.recording):
            if place and not place.startswith("s3://") and not Path(place).is_absolute():
                raise FindingError(f"{place!r} is neither absolute nor on S3")
    for one in listing.rejected:
        if not one.reason:
            raise FindingError("a rejected row has no reason")


def check_row(data: bytes, folder: Path) -> None:
    """Show a row of a dataset: in CSV, in the fleet page's texts, and with its report."""
    given = _object(data)
    if given is None:
        return
    try:
        blank = {**dict.fromkeys(WITH_DAY.names), "done_at": datetime(2026, 11, 24, tzinfo=UTC)}
        table = pa.Table.from_pylist([blank | {k: v for k, v in given.items() if k in WITH_DAY.names}], WITH_DAY)
        (row,) = table.to_pylist()
    except (pa.ArrowException, OverflowError, UnicodeEncodeError, TypeError, ValueError):
        return  # no dataset holds such a row
    CsvFile(Folder(folder), "rows.csv").write(table)
    check_cells((folder / "rows.csv").read_bytes().decode("utf-8-sig"))
    for text in (row["recording_id"], row["agent"], row["error"], row["browser"]):
        if any(unicodedata.category(c)[0] == "C" for c in safe(text)):
            raise FindingError(f"the page shows {safe(text)!r}")
    report = row["report"]
    for root in (Folder(folder / "dataset"), Prefix(None, "bucket", "data")):
        if not report:
            continue
        try:
            store, name = audit_store((root,), report)
        except (KomorebiError, ValueError, OSError):
            continue
        place = store.address_of(name)
        start = str(folder / "dataset") if isinstance(root, Folder) else "s3://bucket/data"
        if not os.path.normpath(place.removeprefix("s3://")).startswith(start.removeprefix("s3://") + "/"):
            raise FindingError(f"the report {report!r} leads to {place}")
        if isinstance(store, Folder):
            audit_file(store, name)


def check_cells(text: str) -> None:
    """A CSV file holds no control character, and no cell that a spreadsheet takes for a formula."""
    if found := re.search(r"[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", text):
        raise FindingError(f"the CSV file holds {found[0]!r}")
    for cells in csv.reader(io.StringIO(text, newline="")):
        for cell in cells:
            if re.match(r"\s*[=@\uff1d\uff20]", cell) or re.match(r"\s*[+\-](?![\d.einf]+)", cell):
                raise FindingError(f"the CSV file holds the formula {cell[:80]!r}")


def check_parameters(data: bytes, folder: Path) -> None:
    """Open a recording by a notebook's parameters; none of the named files exists."""
    given = _object(data)
    if given is None:
        return
    for name in ("sync_diagnostics", "process_recording", "fleet_report"):
        try:
            _check_texts(name, given)
        except KomorebiError as error:
            check_sentence(error)
    try:
        for name, value in given.items():
            parameter_text(name, value)
        known = ("connect", "recording", "recording_id", "call_end", "analysis", "redacted")
        request = AuditRequest(**{name: given[name] for name in known if name in given})
    except KomorebiError as error:
        check_sentence(error)
        return
    if request.origin == "files" and not os.path.exists(request.connect):  # noqa: PTH110  a name may be too long
        try:
            open_session(request, folder / "out")
        except KomorebiError as error:
            check_sentence(error)


def _check_texts(name: str, given: dict[str, Any]) -> None:
    parameters.parameter_types = _types_of  # papermill takes 50 ms
    parameters.check_parameters(
        parameters.find_notebook(name), {key: value for key, value in given.items() if isinstance(value, str)}
    )


@cache
def _types_of(path: Path) -> dict[str, str]:
    import papermill  # noqa: PLC0415

    return {name: str(found["inferred_type_name"]) for name, found in papermill.inspect_notebook(str(path)).items()}


def check_analysis(data: bytes, folder: Path) -> None:  # noqa: ARG001  it writes no file
    """Read an analysis: its redactions are in order and have finite times."""
    try:
        found = read_analysis(data, "analysis.json")
    except KomorebiError as error:
        check_sentence(error)
        return
    ends = [0.0]
    for one in found.redactions:
        span = one.call
        if not ends[-1] <= span.start_s <= span.end_s < 1e12:
            raise FindingError(f"the redactions aren't in order: {found.redactions[:10]}")
        ends.append(span.end_s)


def _object(data: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def check_sentence(error: KomorebiError) -> None:
    """An error is a sentence of bearable length; printing it replaces control characters."""
    text = str(error)
    if not text or len(text) > 6000:
        raise FindingError(f"an error of {len(text)} characters: {text[:80]!r}")
