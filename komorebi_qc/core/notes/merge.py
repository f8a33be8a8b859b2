"""Merge two analysts' notes about one recording. No note is lost."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, replace
from datetime import datetime
from typing import TYPE_CHECKING

from komorebi_qc.core.errors import InputError
from komorebi_qc.core.notes.note import Note, Notes, in_order

if TYPE_CHECKING:
    from collections.abc import Iterable


def merge_notes(one: Notes, other: Notes) -> Notes:
    """Return the notes of both, in any order of the arguments the same.

    A note that both edited differently is kept twice: the later edit has the ID, the earlier one gets an ID that
    depends on its content only. So a second merge changes nothing.

    Args:
        one: the notes of an analyst.
        other: those of another.

    Raises:
        InputError: they are about different recordings.
    """
    if one.recording_id != other.recording_id:
        raise InputError(
            f"the notes are about different recordings, {one.recording_id} and {other.recording_id}: "
            "merge files of the same recording"
        )
    kept: dict[str, Note] = {}
    for note in sorted({*one.notes, *other.notes}, key=_later_first):
        if kept.setdefault(note.id, note) != note:
            renamed = replace(note, id=_content_id(note))
            kept.setdefault(renamed.id, renamed)
    return Notes(one.recording_id, in_order(_without_copies(kept.values())))


def _without_copies(notes: Iterable[Note]) -> tuple[Note, ...]:
    """Without notes that only differ in an ID that `_content_id` gave to a copy."""
    found = tuple(notes)
    originals = {replace(one, id="") for one in found if one.id != _content_id(one)}
    return tuple(one for one in found if one.id != _content_id(one) or replace(one, id="") not in originals)


def _later_first(note: Note) -> tuple[float, str]:
    return -datetime.fromisoformat(note.made_at.upper()).timestamp(), json.dumps(asdict(note), sort_keys=True)


def _content_id(note: Note) -> str:
    content = json.dumps(asdict(replace(note, id="")), sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()[:16]
