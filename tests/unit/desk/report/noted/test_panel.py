"""Notes in the page."""

from __future__ import annotations

from parsed_pages import ParsedPage, data_of
from report_pages import made_page

from komorebi_qc.core.notes import Note, Notes
from komorebi_qc.desk.report.html import report_html
from komorebi_qc.desk.report.noted.panel import notes_list

NOTE = Note("00000000000000bb", 5.0, 7.0, "<b>Two</b> voices.", "voice", "major", "A. B.", "2026-11-27T14:00:00Z", "")


def test_notes_are_a_list_without_scripts() -> None:
    """Each with its severity, span, category, text and author, which can't be markup."""
    found = notes_list(made_page(10.0, notes=Notes("42", (NOTE,))))
    text = ParsedPage(found).text
    assert "major 00:00:05.000 to 00:00:07.000: voice: <b>Two</b> voices. (A. B.)" in text
    assert notes_list(made_page(10.0)) == ""


def test_notes_reach_the_script() -> None:
    """With the recording that they are about, and the run that made what is played."""
    document = {"verdict": "pass", "findings": [], "provenance": {"run_id": "run-1"}}
    page = made_page(3.0, document=document, moments=[], places={}, notes=Notes("42", (NOTE,)), recording_id="42")
    found = data_of(report_html(page))["notes"]
    assert (found["recording_id"], found["run_id"], found["schema"]) == ("42", "run-1", "komorebi-notes/1")
    assert found["notes"][0]["text"] == NOTE.text
    empty = data_of(report_html(made_page(3.0, recording_id="7")))["notes"]
    assert (empty["recording_id"], empty["notes"], empty["run_id"]) == ("7", [], "")
