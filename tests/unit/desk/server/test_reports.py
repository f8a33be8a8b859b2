"""The reports below a folder."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest
from running_desk import FOUND, write_report

from komorebi_qc.core.notes import Note, Notes, notes_bytes
from komorebi_qc.desk.server.reports import is_of_report, listing_of, recording_id_of
from komorebi_qc.storage.opened_folder import OpenedFolder

if TYPE_CHECKING:
    from pathlib import Path

NOTE = Note("00000000000000aa", 1.0, 2.5, "Text.", "", "major", "", "2026-11-27T13:58:00Z", "")


def test_reports_and_files(tmp_path: Path) -> None:
    """Reports that fail are first; files in their folders aren't offered as inputs."""
    write_report(tmp_path / "a")
    write_report(tmp_path / "day" / "b", "call-2", "fail", findings=[{**FOUND, "status": "fail"}])
    (tmp_path / "a" / "notes.json").write_bytes(notes_bytes(Notes("call-1", (NOTE,))))
    (tmp_path / "a" / "correction.json").write_text("{}")
    (tmp_path / "calls").mkdir()
    (tmp_path / "calls" / "call.wav").touch()
    (tmp_path / "calls" / "readme.txt").touch()
    found = listing_of(OpenedFolder.at(str(tmp_path)))
    assert [(one.folder, one.recording_id, one.verdict, one.failures) for one in found.reports] == [
        ("day/b", "call-2", "fail", ("drift",)),
        ("a", "call-1", "pass", ()),
    ]
    assert found.reports[1].notes == {"info": 0, "minor": 0, "major": 1}
    assert [one.has_correction for one in found.reports] == [False, True]
    assert (found.files, found.is_whole) == (("calls/call.wav",), True)


def test_links_and_hidden_folders_arent_listed(tmp_path: Path) -> None:
    """A link could lead to another person's reports."""
    write_report(tmp_path / "elsewhere" / "a")
    write_report(tmp_path / "root" / ".hidden" / "b")
    (tmp_path / "root" / "link").symlink_to(tmp_path / "elsewhere")
    assert listing_of(OpenedFolder.at(str(tmp_path / "root"))).reports == ()


def test_broken_files_are_no_end(tmp_path: Path) -> None:
    """A report stays in the list, and its problem is named."""
    write_report(tmp_path / "a")
    (tmp_path / "a" / "qc.json").write_text("[" * 100_000)
    (tmp_path / "a" / "status.json").write_text('{"error": 1, "state": []}')
    (tmp_path / "a" / "notes.json").write_text("{")
    (one,) = listing_of(OpenedFolder.at(str(tmp_path))).reports
    assert (one.verdict, one.state, one.recording_id) == ("", "", "")
    assert one.error.startswith("notes.json can't be used as notes: it isn't JSON")


@pytest.mark.parametrize(
    ("pid", "state"), [("own", "running"), (2**22 + 1, "unfinished"), (-1, "unfinished"), ("1", "unfinished")]
)
def test_an_audit_that_was_killed_is_unfinished(tmp_path: Path, pid: object, state: str) -> None:
    """Its status says that it runs, and no process does; the list says since when."""
    write_report(tmp_path / "a")
    status = {
        "state": "running",
        "pid": os.getpid() if pid == "own" else pid,
        "updated_at": "2026-11-27T16:00:00.000+00:00",
    }
    (tmp_path / "a" / "status.json").write_text(json.dumps(status))
    (one,) = listing_of(OpenedFolder.at(str(tmp_path))).reports
    assert one.state == state
    assert ("last wrote its status at 2026-11-27T16:00:00" in one.error) == (state == "unfinished")


def test_a_reports_own_files() -> None:
    """Those beside the page, and its tracks. Another report may be in a folder of the same name."""
    assert all(map(is_of_report, ("report.html", "recording.mp4", "audio/both.m4a", "audio/trial.html")))
    assert not any(map(is_of_report, ("audio/report.html", "audio/qc.json", "b/report.html", "audio/b/both.m4a")))


def test_the_folder_itself_can_be_a_report(tmp_path: Path) -> None:
    """Its name is empty."""
    write_report(tmp_path / "a")
    root = OpenedFolder.at(str(tmp_path / "a"))
    assert [one.folder for one in listing_of(root).reports] == [""]
    assert recording_id_of(root, "") == "call-1"
    assert recording_id_of(root, "none") == ""
