"""The notes beside a dataset's audits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
from fleet_rows import row

from komorebi_qc.batch.dataset.schema import WITH_DAY
from komorebi_qc.core.notes import Note, Notes, notes_bytes
from komorebi_qc.fleet.dataset import Fleet, fleet_of
from komorebi_qc.fleet.narrative.answers import answers
from komorebi_qc.fleet.study.noted import noted
from komorebi_qc.fleet.study.study import study_of
from komorebi_qc.storage.object_store import Folder

if TYPE_CHECKING:
    from pathlib import Path


def note(number: int) -> Note:
    """A note with its own ID."""
    return Note(f"{number:016x}", 1.0, 2.0, "Text.", "", "major", "", "2026-11-27T13:58:00Z", "")


def noted_fleet(root: Path) -> Fleet:
    """Two recordings with notes, one with a broken file, and one with another recording's notes."""
    names = ["a", "b", "broken", "other", "none"]
    rows = [row(n, recording_id=name, report=f"_reports/{name}/report.html") for n, name in enumerate(names)]
    rows.append(row(9, recording_id="outside", report="/elsewhere/report.html"))
    for name in names:
        (root / "_reports" / name).mkdir(parents=True)
    for name, content in {
        "a": notes_bytes(Notes("a", (note(1), note(2)))),
        "b": notes_bytes(Notes("b", (note(3),))),
        "broken": b"{",
        "other": notes_bytes(Notes("a", (note(4),))),
    }.items():
        (root / "_reports" / name / "notes.json").write_bytes(content)
    return fleet_of(pa.Table.from_pylist(rows, schema=WITH_DAY), Folder(root), "rows")


def test_notes_are_counted(tmp_path: Path) -> None:
    """A file that can't be used is counted apart; a report outside of the dataset isn't read."""
    found = noted(noted_fleet(tmp_path))
    assert (found.recordings, found.by_severity, found.unreadable) == (2, {"info": 0, "minor": 0, "major": 3}, 2)
    assert (found.count, found.reports) == (3, 6)


def test_the_page_says_how_many(tmp_path: Path) -> None:
    """The first answer has the sentence."""
    texts = [text for text, _ in answers(study_of(noted_fleet(tmp_path)))[0].sentences]
    assert "Analysts wrote 3 notes on 2 recordings: 3 major. 2 files of notes can't be read." in texts
