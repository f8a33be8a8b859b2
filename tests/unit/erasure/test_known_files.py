"""The files of this software are known, and others aren't."""

from __future__ import annotations

import json

import pytest
from erasures import FLEET_MARK, audit_files

from komorebi_qc.chain.page import MAIN as CHAIN_MARK
from komorebi_qc.chain.result import SCHEMA as CHAIN_SCHEMA
from komorebi_qc.desk.audit.pages import failure_page
from komorebi_qc.desk.audit.status import AuditStatus
from komorebi_qc.desk.notes.ticket import COLUMNS
from komorebi_qc.erasure.known_files import kind_by_content, kind_in_results, status_of

NOTEBOOKS = frozenset({"sync_diagnostics.ipynb"})


def test_every_file_of_an_audit_is_known() -> None:
    """In the recording's own folder, each name is one of this software."""
    assert {name: kind_in_results(name, NOTEBOOKS) for name in audit_files("r1")} == {
        "report.html": "report",
        "recording.mp4": "video",
        "recording.qc.json": "qc.json",
        "qc.json": "qc.json",
        "thumbnail.png": "thumbnail",
        "audio/both.m4a": "audio track",
        "audio/left_out_1.m4a": "audio track",
        "sync_diagnostics.ipynb": "notebook",
        "status.json": "status",
    }
    assert kind_in_results("agent-recording.webm") == "video"
    assert kind_in_results("notes.json") == "notes"
    assert kind_in_results("delivered.json") == "qc.json"
    assert kind_in_results("correction.json") == "correction"
    assert kind_in_results(".recording.0a1b2c3d.komorebi-part") == "part file"


@pytest.mark.parametrize("name", ["notes.txt", "my.ipynb", "audio/music.mp3", "sub/report.html", "recording.mp4.bak"])
def test_other_files_in_the_folder_are_not(name: str) -> None:
    """A person's own files there are never taken for results."""
    assert kind_in_results(name, NOTEBOOKS) is None


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("fleet.html", FLEET_MARK.encode(), "fleet page"),
        ("chain.html", CHAIN_MARK.encode(), "chain overview"),
        ("chain.json", f'{{"schema": "{CHAIN_SCHEMA}"}}'.encode(), "chain overview"),
        ("a.html", b'<script type="application/json" data-kq="data">', "report"),
        ("a.html", b"<html>", None),
        ("a.ipynb", b"import komorebi_qc", "notebook"),
        ("a.ipynb", b"{}", None),
        ("a.csv", b"recording_id,work_key,verdict\n", "CSV row"),
        ("list.csv", b"recording_id,connect\n", None),
        ("a.json", b'{"recording_id": "r1", "findings": [], "verdict": "pass"}', "qc.json"),
        ("a.json", b'{"schema": "komorebi-notes/1"}', "notes"),
        ("a.json", b'{"schema": "komorebi-correction/1"}', "correction"),
        ("ticket.csv", b"\xef\xbb\xbf" + ",".join(COLUMNS).encode() + b"\r\n", "CSV row"),
        ("a.json", b"[1]", None),
        ("a.json", b"{", None),
        ("a.mp4", b"komorebi_qc: clip of r1", "clip"),
        ("a.mp4", b"r1", None),
        ("a.png", b"Software komorebi_qc", "figure"),
        ("r1.txt", b"komorebi_qc", None),
        (".a.html.12345678.komorebi-part", b"r1", "part file"),
    ],
)
def test_a_file_is_known_by_its_content(name: str, content: bytes, kind: str | None) -> None:
    """A file that names the recording is removed only if its content shows who wrote it."""
    assert kind_by_content(name, content) == kind


def test_a_failed_audit_is_known() -> None:
    """Its page has no player, and its status no notebooks."""
    status = AuditStatus(recording="r1", state="failed", error="no call", error_kind="MediaError")
    assert kind_by_content("report.html", failure_page(status).encode()) == "report"
    text = json.dumps({"recording": "r1", "notebooks": []}).encode()
    assert status_of(text) == ("r1", frozenset())
    assert kind_by_content("status.json", text) == "status"


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b'{"recording": 1, "notebooks": []}'])
def test_a_status_of_another_program(content: bytes) -> None:
    """A file of the same name may be anybody's."""
    assert status_of(content) is None


def test_a_status_names_no_files_elsewhere() -> None:
    """A path in a status leads to no other folder."""
    text = json.dumps({"recording": "r1", "notebooks": [{"file": "../other.ipynb"}, {"file": "a.ipynb"}, 3]}).encode()
    assert status_of(text) == ("r1", frozenset({"a.ipynb"}))
