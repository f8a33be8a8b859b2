"""The columns of a manifest: their names, and the checks of their values."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Final

from komorebi_qc.batch.manifest.items import Item, NamedBy
from komorebi_qc.batch.manifest.locations import day_in_path, is_utf8, resolve
from komorebi_qc.core.errors import InputError
from komorebi_qc.core.recording import check_recording_id
from komorebi_qc.core.timebase import parse_call_end

if TYPE_CHECKING:
    from collections.abc import Mapping

Pairs = list[tuple[str, Any]]
"""A row: the list's own names of columns, and values."""
ID: Final = "recording_id"
FIELDS: Final = (ID, "connect", "recording", "call_end", "analysis", "transcript", "agent", "day", "browser")
NEEDED: Final = (
    "recording_id (or connect, recording and call_end); call_end, agent, day and browser are optional beside an ID"
)
_ALIASES = {
    "recordingid": "recording_id",
    "videoid": "recording_id",
    "callendingtimestamp": "call_end",
    "callend": "call_end",
    "agentid": "agent",
    "callaudio": "connect",
    "agentrecording": "recording",
}
"""The backend's names, and the words for both files; case, spaces, hyphens and underscores don't matter."""
_BETWEEN_WORDS = str.maketrans("", "", " -_")
_MAX_CHARACTERS = 2000


def field_of(column: object) -> str:
    """The field that a column holds; the column's own name in lower case if it isn't one of `FIELDS`."""
    plain = str(column).strip().lower()
    return _ALIASES.get(plain.translate(_BETWEEN_WORDS), plain)


def fields_of(row: Pairs) -> dict[str, str]:
    """A row's values by field. If two columns hold the same field, the filled one counts.

    Raises:
        InputError: A value isn't a text, or two columns of one field differ.
    """
    found: dict[str, str] = {}
    for column, value in row:
        if (name := field_of(column)) in FIELDS:
            text, before = _text(name, value), found.get(name, "")
            if text and before and text != before:
                raise InputError(
                    f"{name} has two values, {before[:140]!r} and {text[:140]!r}: keep one of the two columns"
                )
            found[name] = text or before
    return found


def item_of(row: Mapping[str, str], place: str, base: str) -> Item:
    """A row as an item.

    Args:
        row: values by field.
        place: the list and the row in it.
        base: the list's folder or prefix, for relative paths.

    Raises:
        InputError: A field is missing or wrong, or a file can't be read.
    """
    text = {name: row.get(name, "") for name in FIELDS}
    if bool(text["connect"]) != bool(text["recording"]):
        missing = "recording" if text["connect"] else "connect"
        raise InputError(f"{missing} is missing: a row names both files, or a recording ID")
    named_by: NamedBy = "files" if text["connect"] else "id"
    if named_by == "id" and not text[ID]:
        raise InputError("it names neither a recording_id nor connect and recording")
    # A recording of the table may have its call end in its item; a file has nowhere else to have it.
    if text["call_end"] or named_by == "files":
        check_call_end(text["call_end"])
    connect = recording = analysis = transcript = ""
    if named_by == "id":
        check_recording_id(text[ID])
        if text["analysis"]:
            raise InputError("analysis is for a row that names connect and recording: an ID's analyses are looked for")
        if text["transcript"]:
            raise InputError(
                "transcript is for a row that names connect and recording: set KOMOREBI_TRANSCRIPT to lens"
            )
    else:
        connect, recording = (resolve(text[name], base) for name in ("connect", "recording"))
        analysis, transcript = (resolve(text[name], base) if text[name] else "" for name in ("analysis", "transcript"))
    if text["day"]:
        text["day"] = _day(text["day"])
    elif named_by == "files":
        text["day"] = day_in_path(text["recording"])
    # Without an ID, the recording's path is its name: it is the same in every list.
    name = text[ID] or recording
    others = (text["call_end"], text["agent"], text["day"], text["browser"])
    return Item(name, named_by, place, connect, recording, *others, analysis=analysis, transcript=transcript)


def check_call_end(text: str) -> str:
    """The reported call end, unchanged.

    Raises:
        InputError: It is empty, or isn't a time.
    """
    if not text:
        raise InputError("call_end is missing: the time from the recording's start to the call's end (HH:MM:SS)")
    parse_call_end(text)
    return text


def _text(name: str, value: object) -> str:
    if value is None or value != value:  # noqa: PLR0124  NaN: a hole in a data frame's column
        return ""
    if isinstance(value, bool) or not isinstance(value, (str, int, float, date)):
        raise InputError(f"{name} is a {type(value).__name__}: write it as text")
    text = str(value.date() if isinstance(value, datetime) else value).strip()
    if len(text) > _MAX_CHARACTERS or "\0" in text:
        raise InputError(f"{name} isn't usable text: it has {len(text)} characters, or a zero byte")
    if not is_utf8(text):
        raise InputError(f"{name} isn't usable text: {text[:40]!r} has half a character (a lone surrogate)")
    return text


def _day(text: str) -> str:
    try:
        return datetime.fromisoformat(text.replace("/", "-")).date().isoformat()
    except ValueError:
        raise InputError(f"the day {text[:40]!r} isn't a date: write it as 2026-11-24") from None
