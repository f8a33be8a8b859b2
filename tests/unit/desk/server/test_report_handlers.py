"""A report on the desk: in a frame and a sandbox, reading and saving its own files only."""

from __future__ import annotations

import json
from dataclasses import replace
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest

from komorebi_qc.core.analyst.correction import Correction
from komorebi_qc.core.notes import Note, Notes, notes_bytes
from komorebi_qc.core.timebase import Alignment

if TYPE_CHECKING:
    from pathlib import Path

    from running_desk import Client

TRACK = bytes(range(256)) * 4


def note(number: int, text: str = "Text.") -> Note:
    """A note with its own ID."""
    return Note(f"{number:016x}", 1.0, 2.0, text, "", "minor", "", "2026-11-27T13:58:00Z", "")


def test_a_reports_sandbox_cant_reach_the_desk(desk: Client) -> None:
    """Its origin is null: it reads its own folder, and no address of the desk."""
    assert desk.ask("GET", f"{desk.token}/api/overview", Origin="null").status == 403
    assert desk.ask("POST", f"{desk.token}/api/jobs", b"{}", Origin="null").status == 403
    answer = desk.ask("GET", f"{desk.report('a')}/report.html", Origin="null")
    assert (answer.status, answer.headers["access-control-allow-origin"]) == (200, "null")
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("sandbox allow-scripts allow-downloads allow-modals; default-src 'none'")
    assert "allow-same-origin" not in policy


@pytest.mark.parametrize(
    "name",
    [
        "../secret.html",
        "../../secret.html",
        "..%2f..%2fsecret.html",
        "%2e%2e/%2e%2e/secret.html",
        "..%5c..%5csecret.html",
        "..\\..\\secret.html",
        "%252e%252e/secret.html",
        "....//secret.html",
        "./report.html",
        "//etc/passwd.html",
        "link.html",
        "up/secret.html",
        "up/other/report.html",
        "private.key",
        ".hidden.html",
        "report.html%00.png",
        "report.html/",
        "audio",
        "audio/",
        "none.html",
        "a" * 300 + ".html",
        "/".join("a" * 40) + ".html",
    ],
)
def test_no_name_leaves_the_report(desk: Client, name: str) -> None:
    """Neither dots, nor encoded slashes, nor links; and files that are no part of a report aren't served."""
    for method in ("GET", "HEAD"):
        answer = desk.ask(method, f"{desk.report('a')}/{name}")
        assert answer.status in (403, 404)
        assert b"secret" not in answer.body.replace(b"the secret in this", b"").replace(b"has a secret", b"")


def test_files_and_ranges(desk: Client) -> None:
    """Media are served in ranges, as a player asks for them."""
    path = f"{desk.report('a')}/audio/both.m4a"
    whole = desk.ask("GET", path)
    assert (whole.status, whole.body, whole.headers["content-type"]) == (200, TRACK, "audio/mp4")
    assert whole.headers["accept-ranges"] == "bytes"
    part = desk.ask("GET", path, Range="bytes=10-19")
    assert (part.status, part.body) == (206, TRACK[10:20])
    assert part.headers["content-range"] == "bytes 10-19/1024"
    assert desk.ask("GET", path, Range="bytes=-4").body == TRACK[-4:]
    none = desk.ask("GET", path, Range="bytes=5000-")
    assert (none.status, none.headers["content-range"], none.body) == (416, "bytes */1024", b"")
    head = desk.ask("HEAD", path)
    assert (head.status, head.headers["content-length"], head.body) == (200, "1024", b"")


def test_notes_are_saved_once(desk: Client, tmp_path: Path) -> None:
    """The first of two analysts saves; the second gets a sentence, and nothing is overwritten."""
    path = f"{desk.report('a')}/notes.json"
    first = desk.ask("GET", path, Origin="null")
    assert (first.status, first.headers["etag"], first.json["notes"]) == (200, '"none"', [])
    aya, ben = (notes_bytes(Notes("call-1", (note(n),))) for n in (1, 2))
    saved = desk.ask("PUT", path, aya, Origin="null", If_Match=first.headers["etag"])
    assert saved.status == 200
    late = desk.ask("PUT", path, ben, Origin="null", If_Match=first.headers["etag"])
    assert late.status == 409
    assert "was changed by somebody else since you opened it; nothing was written" in late.json["error"]
    assert (tmp_path / "root" / "a" / "notes.json").read_bytes() == aya
    again = desk.ask("GET", path)
    assert (again.body, again.headers["etag"]) == (aya, saved.headers["etag"])
    both = notes_bytes(Notes("call-1", (note(1), note(2))))
    assert desk.ask("PUT", path, both, If_Match=again.headers["etag"]).status == 200
    assert desk.ask("GET", f"{desk.token}/api/overview").json["reports"][0]["notes"]["minor"] == 2


def test_two_analysts_at_the_same_moment(desk: Client, tmp_path: Path) -> None:
    """Of many requests with the same version, one is saved."""
    path = f"{desk.report('a')}/notes.json"
    statuses: list[int] = []

    def save(number: int) -> None:
        body = notes_bytes(Notes("call-1", (note(number),)))
        statuses.append(desk.ask("PUT", path, body, If_Match='"none"').status)

    threads = [Thread(target=save, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200] + [409] * 7
    assert len(json.loads((tmp_path / "root" / "a" / "notes.json").read_bytes())["notes"]) == 1


@pytest.mark.parametrize(
    ("name", "body", "headers", "status", "words"),
    [
        ("notes.json", b"{", {"If_Match": "none"}, 400, "it isn't JSON"),
        ("notes.json", notes_bytes(Notes("call-2")), {"If_Match": "none"}, 400, "about another recording than call-1"),
        ("notes.json", notes_bytes(Notes("call-1")), {}, 428, "the version that was loaded is missing"),
        ("correction.json", b"{}", {"If_Match": "none"}, 400, "correction.json"),
        ("report.html", b"<script>", {"If_Match": "none"}, 405, "doesn't take that"),
        ("../notes.json", notes_bytes(Notes("call-1")), {"If_Match": "none"}, 405, "doesn't take that"),
    ],
)
def test_bad_saves(desk: Client, tmp_path: Path, name: str, body: bytes, headers: Any, status: int, words: str) -> None:
    """A sentence, and no file."""
    answer = desk.ask("PUT", f"{desk.report('a')}/{name}", body, **headers)
    assert answer.status == status
    assert words in answer.json["error"]
    assert not list(tmp_path.rglob("notes.json"))
    assert not list(tmp_path.rglob("correction.json"))


def test_a_linked_file_of_notes_is_never_written_through(desk: Client, tmp_path: Path) -> None:
    """The link is replaced; the file that it leads to stays."""
    (tmp_path / "root" / "a" / "notes.json").symlink_to(tmp_path / "secret.html")
    body = notes_bytes(Notes("call-1", (note(1),)))
    assert desk.ask("PUT", f"{desk.report('a')}/notes.json", body, If_Match="none").status == 200
    assert (tmp_path / "secret.html").read_text() == "secret"


@pytest.mark.parametrize("name", ["notes.json", "correction.json"])
def test_a_file_that_nobody_can_read_is_never_overwritten(desk: Client, tmp_path: Path, name: str) -> None:
    """It may hold somebody's work. The page gets the sentence, with the file's version, and can't replace it."""
    file, path = tmp_path / "root" / "a" / name, f"{desk.report('a')}/{name}"
    correction = Correction("call-1", Alignment(1.0), "", "", "Late.", "", "2026-11-27T13:58:00Z", "x")
    usable = {"notes.json": notes_bytes(Notes("call-1", (note(1),))), "correction.json": correction.to_bytes()}[name]
    foreign = {
        "notes.json": notes_bytes(Notes("call-2", (note(1),))),
        "correction.json": replace(correction, recording_id="call-2").to_bytes(),
    }[name]
    for content in (b"{broken", foreign):
        file.write_bytes(content)
        got = desk.ask("GET", path)
        assert (got.status, got.headers["x-komorebi-desk"]) == (400, "1")
        put = desk.ask("PUT", path, usable, If_Match=got.headers["etag"])
        assert (put.status, put.json) == (400, got.json)
        assert file.read_bytes() == content
    file.unlink()
    missing = desk.ask("GET", path)
    assert (missing.headers["etag"], missing.headers["x-komorebi-desk"]) == ('"none"', "1")
    assert missing.status == (204 if name == "correction.json" else 200)
    assert desk.ask("PUT", path, usable, If_Match=missing.headers["etag"]).status == 200


def test_a_report_reads_no_report_below_it(desk: Client, tmp_path: Path) -> None:
    """Its files are beside the page, and its tracks are in its folder for audio."""
    for folder in ("audio", "below"):
        (tmp_path / "root" / "a" / folder / "deep").mkdir(parents=True)
        for name in ("report.html", "qc.json", "deep/both.m4a"):
            (tmp_path / "root" / "a" / folder / name).write_text("secret")
            answer = desk.ask("GET", f"{desk.report('a')}/{folder}/{name}")
            assert (answer.status, b"secret" in answer.body) == (404, False)


def test_a_report_is_in_a_frame_that_it_cant_leave(desk: Client) -> None:
    """The page around it allows addresses of this report only. A browser that opens the page alone is led there."""
    frame = desk.ask("GET", f"{desk.report('a')}/")
    assert (frame.status, frame.headers["content-type"]) == (200, "text/html; charset=utf-8")
    policy = frame.headers["content-security-policy"]
    assert f"frame-src http://127.0.0.1:{desk.running.port}{desk.report('a')}/;" in policy
    assert policy.endswith("frame-ancestors 'none'")
    assert frame.headers["x-frame-options"] == "DENY"
    assert b'sandbox="allow-scripts allow-downloads allow-modals"' in frame.body
    assert "<title>b c - report</title>" in desk.ask("GET", f"{desk.report('b c')}/").body.decode()
    alone = desk.ask("GET", f"{desk.report('a')}/report.html", Sec_Fetch_Dest="document")
    assert (alone.status, alone.headers["location"]) == (302, f"{desk.report('a')}/")
    assert desk.ask("GET", f"{desk.report('a')}/report.html", Sec_Fetch_Dest="iframe").status == 200
    assert desk.ask("GET", f"/r/{'0' * 40}/").status == 403
    assert desk.ask("GET", f"{desk.report('a')}/", Origin="null").status == 403


def test_a_body_that_is_too_large_is_a_sentence(desk: Client) -> None:
    """It is read to its end without being kept, so that the sender gets the answer."""
    path = f"{desk.report('a')}/notes.json"
    answer = desk.ask("PUT", path, b" " * 10_000_000, If_Match="none")
    assert (answer.status, answer.json["error"]) == (413, "this has 10,000,000 bytes, and at most 4,000,000 are taken")
