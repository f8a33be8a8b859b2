"""Read ``notes.json``. It comes from a browser or from a colleague, so every value is checked."""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from komorebi_qc.core.errors import InputError
from komorebi_qc.core.notes.note import SCHEMA, SEVERITIES, Note, Notes, in_order

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_BYTES: Final = 4_000_000
MOST_NOTES: Final = 2_000
MOST_TEXT: Final = 4_000
MOST_CATEGORY: Final = 60
MOST_BY: Final = 120
_MOST_ID: Final = 128
_MOST_RUN_ID: Final = 64
_MOST_S: Final = 86_400.0
_KEYS: Final = {"schema", "recording_id", "notes"}
_NOTE_KEYS: Final = frozenset(Note.__dataclass_fields__)
_ID = re.compile(r"[0-9a-f]{8,64}", re.ASCII)
_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_CONTROLS = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
"""Control characters but tab and line feed, separators of lines, and halves of characters."""


def read_notes(content: bytes, name: str, *, recording_id: str = "") -> Notes:
    """Read a file of notes.

    Args:
        content: of the file.
        name: of the file, for messages.
        recording_id: the recording that the notes must be about; empty for any.

    Raises:
        InputError: it isn't a complete file of notes, or it is about another recording.
    """
    if len(content) > MOST_BYTES:
        raise _unusable(name, f"it has {len(content):,} bytes; at most {MOST_BYTES:,} are read")
    try:
        found = json.loads(content.decode("utf-8-sig"), object_pairs_hook=_unique, parse_constant=_refuse_constant)
    except UnicodeDecodeError:
        raise _unusable(name, "it isn't UTF-8 text") from None
    except (ValueError, RecursionError) as error:
        why = str(error) if isinstance(error, _UnusableJsonError) else "it isn't JSON"
        raise _unusable(name, why) from None
    if not isinstance(found, dict) or found.get("schema") != SCHEMA:
        raise _unusable(name, f'its "schema" isn\'t "{SCHEMA}"')
    _check_keys(found, _KEYS, name, "it")
    of = _line(found["recording_id"], "recording_id", name, _MOST_ID)
    if not of:
        raise _unusable(name, "its recording_id is empty")
    if recording_id and of != recording_id:
        raise _unusable(name, f"its notes are about another recording than {recording_id}")
    rows = found["notes"]
    if not isinstance(rows, list) or len(rows) > MOST_NOTES:
        raise _unusable(name, f'its "notes" isn\'t a list of at most {MOST_NOTES:,}')
    notes = tuple(_note(row, f"note {number}", name) for number, row in enumerate(rows, 1))
    if len({one.id for one in notes}) < len(notes):
        raise _unusable(name, "two of its notes have the same id")
    return Notes(of, in_order(notes))


class _UnusableJsonError(ValueError):
    """JSON that another reader may understand differently."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _UnusableJsonError("an object in it has a key twice")
    return found


def _refuse_constant(text: str) -> float:
    raise _UnusableJsonError(f"{text} in it isn't a number of JSON")


def _note(row: object, which: str, name: str) -> Note:
    if not isinstance(row, dict):
        raise _unusable(name, f"{which} isn't an object")
    _check_keys(row, _NOTE_KEYS, name, which)
    if not isinstance(row["id"], str) or _ID.fullmatch(row["id"]) is None:
        raise _unusable(name, f"the id of {which} isn't 8 to 64 hexadecimal digits in lower case")
    from_s, to_s = (_seconds(row[key], f"{key} of {which}", name) for key in ("from_s", "to_s"))
    if to_s < from_s:
        raise _unusable(name, f"{which} ends before it begins")
    if row["severity"] not in SEVERITIES:
        raise _unusable(name, f"the severity of {which} isn't one of {', '.join(SEVERITIES)}")
    text = _text(row["text"], f"text of {which}", name, MOST_TEXT)
    if not text.strip():
        raise _unusable(name, f"the text of {which} is empty")
    return Note(
        row["id"],
        from_s,
        to_s,
        text,
        _line(row["category"], f"category of {which}", name, MOST_CATEGORY),
        row["severity"],
        _line(row["by"], f"by of {which}", name, MOST_BY),
        _time(row["made_at"], which, name),
        _line(row["run_id"], f"run_id of {which}", name, _MOST_RUN_ID),
    )


def _check_keys(found: Mapping[str, Any], keys: set[str] | frozenset[str], name: str, which: str) -> None:
    if missing := sorted(keys - found.keys()):
        raise _unusable(name, f"{which} has no {missing[0]}")
    if found.keys() - keys:
        raise _unusable(name, f"{which} has a key that this version doesn't know, and would lose")


def _seconds(value: object, what: str, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= _MOST_S:  # a bool is an int
        raise _unusable(name, f"the {what} isn't a time from 0 to {_MOST_S:,.0f} s")
    return round(float(value), 6)


def _text(value: object, what: str, name: str, most: int) -> str:
    if not isinstance(value, str) or len(value) > most:
        raise _unusable(name, f"the {what} isn't a text of at most {most:,} characters")
    if _CONTROLS.search(value) is not None:
        raise _unusable(name, f"the {what} has a control character")
    return value


def _line(value: object, what: str, name: str, most: int) -> str:
    text = _text(value, what, name, most)
    if "\n" in text:
        raise _unusable(name, f"the {what} has more than one line")
    return text


def _time(value: object, which: str, name: str) -> str:
    try:
        if not isinstance(value, str) or _RFC_3339.fullmatch(value) is None:
            raise ValueError(value)
        datetime.fromisoformat(value.upper())
    except ValueError:
        raise _unusable(name, f"the made_at of {which} isn't a time such as 2026-11-27T13:58:00Z") from None
    return value


def _unusable(name: str, why: str) -> InputError:
    return InputError(f"{name} can't be used as notes: {why}; name a file that the report's player saved")
