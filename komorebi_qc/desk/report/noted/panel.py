"""The notes of a page: a plain list without scripts, the form, and the data for the script."""

from __future__ import annotations

import html
import json
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from komorebi_qc.core.notes import Notes, notes_bytes
from komorebi_qc.core.timebase import clock_text

if TYPE_CHECKING:
    from komorebi_qc.desk.report.content import Page

NOTE_KEYS = " <kbd>w</kbd> write a note."
_TAGS = {"info": "pass", "minor": "warn", "major": "fail"}


def notes_list(page: Page) -> str:
    """The notes without scripts; empty if there are no notes."""
    if page.notes is None or not page.notes.notes:
        return ""
    items = "".join(
        f'<li class="{_TAGS[one.severity]}"><span class="tag">{one.severity}</span> '
        f"{clock_text(one.from_s)} to {clock_text(one.to_s)}: "
        f"{html.escape(f'{one.category}: {one.text}' if one.category else one.text)}"
        f"{html.escape(f' ({one.by})' if one.by else '')}</li>"
        for one in page.notes.notes
    )
    return f'<section class="still"><h2>Notes</h2><ul class="notes">{items}</ul></section>'


def notes_panel() -> str:
    """The form; the script inserts it."""
    return (files("komorebi_qc.desk.report.noted") / "panel.html").read_text(encoding="utf-8")


def notes_data(page: Page) -> dict[str, Any]:
    """The notes for the page's script, with the recording and the run that a new note is about."""
    found: dict[str, Any] = json.loads(notes_bytes(page.notes or Notes(page.recording_id)))
    provenance = page.document.get("provenance") or {}
    return {**found, "run_id": str(provenance.get("run_id") or "")}
