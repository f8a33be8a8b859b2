"""The commands on a folder of reports, as a person or a script runs them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from command import run

from komorebi_qc.core.notes import Note, Notes, notes_bytes

if TYPE_CHECKING:
    from pathlib import Path

NOTE = Note("00000000000000aa", 1.0, 2.5, "Somebody [bold]else.", "voice", "major", "Aya", "2026-11-27T13:58:00Z", "")
FOUND = {"name": "drift", "value": 0.5, "unit": "ppm", "status": "pass", "text": "Small.", "limit": 60.0}


@pytest.fixture
def report(tmp_path: Path) -> Path:
    """A report's folder with a note."""
    folder = tmp_path / "report"
    folder.mkdir()
    document = {"schema": "2.2", "recording_id": "call-1", "verdict": "pass", "findings": [FOUND]}
    (folder / "qc.json").write_text(json.dumps(document))
    (folder / "notes.json").write_bytes(notes_bytes(Notes("call-1", (NOTE,))))
    return folder


def test_notes_are_shown(report: Path) -> None:
    """One line for each, with its time and severity; a text has no markup."""
    shown = run("notes", report)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert shown.stdout == "pass  call-1: 1 note\n  00:00:01.000  major  voice  Somebody [bold]else.\n"


def test_notes_are_written_for_a_ticket(report: Path, tmp_path: Path) -> None:
    """CSV and Markdown in one call."""
    shown = run("notes", report, "--csv", tmp_path / "t.csv", "--markdown", tmp_path / "t.md", "--json")
    assert shown.returncode == 0, shown.stderr
    assert json.loads(shown.stdout) == {
        "recording_id": "call-1",
        "verdict": "pass",
        "findings": {"fail": 0, "warn": 0, "pass": 1},
        "notes": {"info": 0, "minor": 0, "major": 1},
        "written": {"csv": str(tmp_path / "t.csv"), "markdown": str(tmp_path / "t.md")},
    }
    assert len((tmp_path / "t.csv").read_text().splitlines()) == 3
    assert "Somebody \\[bold\\]else." in (tmp_path / "t.md").read_text()


def test_another_analysts_notes_are_merged(report: Path, tmp_path: Path) -> None:
    """The report has the notes of both."""
    other = Note("00000000000000bb", 9.0, 9.0, "Click.", "", "info", "Ben", "2026-11-27T13:59:00Z", "")
    (tmp_path / "other.json").write_bytes(notes_bytes(Notes("call-1", (other,))))
    assert run("notes", report, "--merge", tmp_path / "other.json").stdout.startswith("pass  call-1: 2 notes\n")
    assert (report / "notes.json").read_bytes() == notes_bytes(Notes("call-1", (NOTE, other)))


@pytest.mark.parametrize(
    ("folder", "options", "words"),
    [
        ("none", (), "isn't a folder"),
        (".", (), "has no qc.json"),
        ("report", ("--merge", "none.json"), "none.json doesn't exist"),
        ("report", ("--merge", "another.json"), "about another recording than call-1"),
        ("report", ("--csv", "folder/"), "ends in a slash"),
    ],
)
def test_bad_input(
    report: Path, monkeypatch: pytest.MonkeyPatch, folder: str, options: tuple[str, ...], words: str
) -> None:
    """A sentence and exit code 2; the notes stay."""
    monkeypatch.chdir(report.parent)
    before = (report / "notes.json").read_bytes()
    (report.parent / "another.json").write_bytes(notes_bytes(Notes("call-2")))
    shown = run("notes", folder, *options)
    assert shown.returncode == 2
    assert words in " ".join(shown.stderr.split())
    assert (report / "notes.json").read_bytes() == before
