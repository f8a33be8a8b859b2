"""The files of a restarted recorder on a report page."""

from __future__ import annotations

from typing import Any

from report_pages import made_page

from komorebi_qc.core.joining.part import Part
from komorebi_qc.core.timebase import Span
from komorebi_qc.desk.report.record.files import recording_files


def shown(document: dict[str, Any]) -> str:
    """The table of a page with this document."""
    return recording_files(made_page(1.0, document={"findings": [], **document}))


def test_the_files_are_a_table_in_order() -> None:
    """Each has its name, its times and the way to its place."""
    parts = (
        Part("a.webm", 0.0, Span(0.0, 19.001), 19.001, "sound", 0.00003),
        Part("b.webm", 24.238, Span(24.238, 40.0), 40.0, "start_time", 1.0, copies_video=False),
    )
    inputs = {"agent_recording": {"location": "in/a<1>.webm"}, "further_recordings": [{"location": "in/b.webm"}]}
    text = shown({"recording_files": [part.to_dict() for part in parts], "provenance": {"inputs": inputs}})
    assert text.index("a&lt;1&gt;.webm") < text.index("b.webm")
    for fact in ("00:00:19.001", "00:00:24.238", "the sound, to 0.0 ms", "the start time in its header, to 1000.0 ms"):
        assert fact in text
    assert text.count("encoded again") == text.count("copied") == 1


def test_a_diagnosis_has_no_names() -> None:
    """Its files are numbered."""
    part = Part("a.webm", 0.0, Span(0.0, 19.0), 19.0, "sound", 0.0001)
    assert '<th scope="row">1</th>' in shown({"recording_files": [part.to_dict()]})


def test_a_recording_of_one_file_has_no_table() -> None:
    """Also if the document is of an earlier version."""
    assert shown({"recording_files": None}) == shown({}) == ""
