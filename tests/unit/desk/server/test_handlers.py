"""The server under attack: every request is checked, and no file outside of the folder is read or written."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING

import pytest
from running_desk import Client, running_desk

if TYPE_CHECKING:
    from pathlib import Path

TRACK = bytes(range(256)) * 4


def test_the_page_and_the_overview(desk: Client) -> None:
    """With the secret, all parts are there, with policies that allow no foreign script."""
    for name in ("", "desk.css", "desk.js"):
        answer = desk.ask("GET", f"{desk.token}/{name}")
        assert answer.status == 200
        assert "script-src 'self'" in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        assert "server" not in answer.headers
        assert "set-cookie" not in answer.headers
    found = desk.ask("GET", f"{desk.token}/api/overview").json
    assert [(one["folder"], one["verdict"]) for one in found["reports"]] == [("a", "pass"), ("b c", "pass")]
    assert desk.ask("GET", found["reports"][1]["address"]).status == 200


@pytest.mark.parametrize("secret", ["", "/", "/wrong", "/" + "x" * 43, "/r", "/r/" + "0" * 40])
def test_without_the_secret_nothing_is_open(desk: Client, secret: str) -> None:
    """Another user of the machine can connect, and reads nothing."""
    for path in ("/", "/api/overview", "/desk.js", "/report.html"):
        answer = desk.ask("GET", f"{secret}{path}")
        assert answer.status == 403
        assert "reports" not in answer.json
    assert desk.ask("POST", f"{secret}/api/jobs", b"{}").status in (403, 405)


def test_another_users_desk_has_other_secrets(desk: Client, tmp_path: Path) -> None:
    """The secrets of one server open nothing on another."""
    with running_desk(tmp_path / "other") as other:
        assert other.ask("GET", f"{desk.token}/").status == 403
        assert other.ask("GET", f"{desk.report('a')}/report.html").status == 403


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1", "localhost.evil.example", "[::1]"])
def test_another_host_is_refused(desk: Client, host: str) -> None:
    """A name that was rebound to this machine doesn't open the desk, even with the secret."""
    for host_header in (host, f"{host}:{desk.running.port + 1}"):
        assert desk.ask("GET", f"{desk.token}/api/overview", Host=host_header).status == 403
        assert desk.ask("GET", f"{desk.report('a')}/report.html", Host=host_header).status == 403


@pytest.mark.parametrize("origin", ["https://evil.example", "http://127.0.0.1:1", "http://localhost", "file://", "x"])
def test_another_origin_is_refused(desk: Client, origin: str) -> None:
    """A page elsewhere can neither read nor start anything, even with the secret."""
    assert desk.ask("GET", f"{desk.token}/api/overview", Origin=origin).status == 403
    assert desk.ask("POST", f"{desk.token}/api/jobs", b"{}", Origin=origin).status == 403
    put = desk.ask("PUT", f"{desk.report('a')}/notes.json", b"{}", Origin=origin, If_Match="none")
    assert put.status == 403
    assert desk.ask("OPTIONS", f"{desk.report('a')}/notes.json", Origin=origin).status == 403


def test_huge_bodies_are_refused(desk: Client) -> None:
    """By their announced size, before they are read; and a request of a job has a small limit."""
    path = f"{desk.report('a')}/notes.json"
    answer = desk.ask("PUT", path, None, If_Match="none", Content_Length="100000000000")
    assert answer.status in (400, 413)
    too_much = b'{"kind": "audit", "out": "' + b"x" * 70_000 + b'"}'
    assert desk.ask("POST", f"{desk.token}/api/jobs", too_much).status == 413
    assert desk.ask("POST", f"{desk.token}/api/jobs", b"[" * 60_000).status == 400
    assert desk.ask("GET", f"{desk.token}/").status == 200


def test_it_only_listens_on_loopback(desk: Client) -> None:
    """No other address of this machine takes a connection."""
    with pytest.raises(OSError, match=r"refused|denied"):
        socket.create_connection(("127.0.0.2", desk.running.port), timeout=2).close()


def test_a_job_from_request_to_result(desk: Client) -> None:
    """It is listed with its state; a bad request starts nothing."""
    bad = desk.ask("POST", f"{desk.token}/api/jobs", b'{"kind": "erase"}')
    assert (bad.status, bad.json["error"]) == (400, "the request names no known command: choose audit, clip or correct")
    asked = {"kind": "audit", "recording_id": "print", "out": "new"}
    body = json.dumps(asked).encode()
    made = desk.ask("POST", f"{desk.token}/api/jobs", body, Origin=f"http://127.0.0.1:{desk.running.port}")
    assert (made.status, made.json["title"]) == (201, "audit into new")
    assert desk.ask("DELETE", f"{desk.token}/api/jobs/1").status == 204
    assert desk.ask("DELETE", f"{desk.token}/api/jobs/99").status == 404
    (job,) = desk.ask("GET", f"{desk.token}/api/overview").json["jobs"]
    assert job["state"] in ("failed", "stopped")


def test_an_audit_again_has_the_same_files(desk: Client, tmp_path: Path) -> None:
    """The desk remembers the newest audit into each folder."""
    root = tmp_path / "root"
    for name in ("call.wav", "screen.mp4", "words.vtt"):
        (root / name).touch()
    asked = {"kind": "audit", "connect": "call.wav", "recording": "screen.mp4", "call_end": "20", "out": "b c"}
    for more in ({}, {"transcript": "words.vtt"}):
        answer = desk.ask("POST", f"{desk.token}/api/jobs", json.dumps({**asked, **more, "analysis": ""}).encode())
        assert answer.status == 201
        desk.ask("DELETE", f"{desk.token}/api/jobs/{answer.json['number']}")
    reports = desk.ask("GET", f"{desk.token}/api/overview").json["reports"]
    assert [one["asked"] for one in reports] == [None, {**asked, "transcript": "words.vtt"}]


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "TRACE"])
def test_other_methods(desk: Client, method: str) -> None:
    """They are refused without details."""
    answer = desk.ask(method, f"{desk.token}/api/overview")
    assert (answer.status, answer.json) == (405, {"error": "this address doesn't take that"})
