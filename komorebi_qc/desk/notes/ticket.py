"""The findings and the notes of one report, as CSV for a spreadsheet and as Markdown for a ticket. Pure."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from komorebi_qc.core.errors import InputError
from komorebi_qc.core.exports.markdown import inline, table
from komorebi_qc.core.exports.spreadsheet import cell
from komorebi_qc.core.finding import counted
from komorebi_qc.core.notes import Notes
from komorebi_qc.core.timebase import clock_text
from komorebi_qc.findings.legacy import upgrade

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

COLUMNS = (
    "recording_id",
    "kind",
    "clock",
    "from_s",
    "to_s",
    "time",
    "name",
    "status",
    "value",
    "limit",
    "unit",
    "text",
    "by",
    "made_at",
    "run_id",
)
_STATUSES = ("fail", "warn", "pass")
_CLOCKS = ("call", "recording", "output")
_WORST = {"fail": 0, "warn": 1, "pass": 2}
_MOST_FINDINGS = 10_000
_MOST = 1e15


@dataclass(frozen=True, slots=True)
class TicketFinding:
    """A finding, with values as texts or numbers.

    Attributes:
        name: of the measurement.
        status: ``pass``, ``warn`` or ``fail``.
        value: the measurement.
        limit: the end of the passing range; None without a number.
        unit: of both.
        text: the sentence.
        clock: of `at_s`; empty without a place.
        at_s: its place; None without one.
    """

    name: str
    status: str
    value: float | str
    limit: float | None
    unit: str
    text: str
    clock: str
    at_s: float | None


@dataclass(frozen=True, slots=True)
class Ticket:
    """The findings and notes of one report.

    Attributes:
        recording_id: the recording's ID.
        verdict: of the findings.
        run_id: of the run that measured them; may be empty.
        findings: the worst first.
        notes: in the order of their spans.
    """

    recording_id: str
    verdict: str
    run_id: str
    findings: tuple[TicketFinding, ...]
    notes: Notes


def ticket_of(qc_json: bytes, name: str, notes: Notes | None) -> Ticket:
    """The ticket of a report.

    Args:
        qc_json: the content of ``qc.json``.
        name: of this file, for messages.
        notes: None without notes.

    Raises:
        InputError: the file isn't a ``qc.json``, or the notes are about another recording.
    """
    try:
        document = upgrade(json.loads(qc_json))
    except (ValueError, RecursionError):
        raise _unusable(name) from None
    recording_id, found = document.get("recording_id"), document.get("findings")
    if not isinstance(recording_id, str) or not isinstance(found, list) or len(found) > _MOST_FINDINGS:
        raise _unusable(name)
    if notes is not None and notes.recording_id != recording_id:
        raise InputError(
            f"the notes beside {name} are about another recording than {recording_id}: move them to their own report"
        )
    findings = sorted((_finding(one, name) for one in found), key=lambda one: _WORST[one.status])
    provenance = document.get("provenance")
    run_id = provenance.get("run_id") if isinstance(provenance, dict) else None
    verdict = document.get("verdict")
    return Ticket(
        recording_id,
        verdict if verdict in _STATUSES else "unknown",
        run_id if isinstance(run_id, str) else "",
        tuple(findings),
        notes or Notes(recording_id),
    )


def csv_bytes(ticket: Ticket) -> bytes:
    """One row for each finding, then one for each note: UTF-8 with the byte order mark that Excel needs."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS)
    writer.writeheader()
    for row in _rows(ticket):
        writer.writerow(
            {key: cell(value) if isinstance(value, str) else value for key, value in row.items() if value is not None}
        )
    return text.getvalue().encode("utf-8-sig", "backslashreplace")


def markdown_text(ticket: Ticket) -> str:
    """The findings that fail or warn, the number of those that pass, and all notes."""
    shown = [one for one in ticket.findings if one.status != "pass"]
    passed = len(ticket.findings) - len(shown)
    parts = [f"## Recording {inline(ticket.recording_id)}: {inline(ticket.verdict)}\n\n"]
    if ticket.run_id:
        parts.append(f"Run {inline(ticket.run_id)}\n\n")
    if shown:
        parts += ["### Findings\n\n", table(("", "finding", "value", "limit", "at", ""), [_line(one) for one in shown])]
        parts.append("\n")
    verb = "passes" if passed == 1 else "pass"
    parts.append(f"{counted(passed, 'finding')}{' more' if shown else ''} {verb}.\n\n")
    parts.append("### Notes\n\n")
    if not ticket.notes.notes:
        parts.append("There are no notes.\n")
    for note in ticket.notes.notes:
        span = clock_text(note.from_s) + (f" to {clock_text(note.to_s)}" if note.to_s > note.from_s else "")
        words = ", ".join(filter(None, (note.severity, inline(note.category))))
        signed = inline(", ".join(filter(None, (note.by, note.made_at))))
        parts.append(f"- **{inline(span)}**, {words}: {inline(note.text)} ({signed})\n")
    return "".join(parts)


def _line(one: TicketFinding) -> tuple[str, ...]:
    at = "" if one.at_s is None else f"{clock_text(one.at_s)} of the {one.clock}"
    limit = "" if one.limit is None else f"{one.limit:g}"
    return (
        f"**{one.status}**",
        inline(one.name),
        inline(f"{_value_text(one.value)} {one.unit}".strip()),
        inline(limit),
        inline(at),
        inline(one.text),
    )


def _value_text(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:g}"


def _rows(ticket: Ticket) -> Iterator[Mapping[str, str | float | None]]:
    for one in ticket.findings:
        yield {
            "recording_id": ticket.recording_id,
            "kind": "finding",
            "clock": one.clock,
            "from_s": one.at_s,
            "to_s": one.at_s,
            "time": "" if one.at_s is None else clock_text(one.at_s),
            "name": one.name,
            "status": one.status,
            "value": one.value,
            "limit": one.limit,
            "unit": one.unit,
            "text": one.text,
            "run_id": ticket.run_id,
        }
    for note in ticket.notes.notes:
        yield {
            "recording_id": ticket.recording_id,
            "kind": "note",
            "clock": "output",
            "from_s": note.from_s,
            "to_s": note.to_s,
            "time": clock_text(note.from_s),
            "name": note.category,
            "status": note.severity,
            "text": note.text,
            "by": note.by,
            "made_at": note.made_at,
            "run_id": note.run_id,
        }


def _finding(found: object, name: str) -> TicketFinding:
    if not isinstance(found, dict):
        raise _unusable(name)
    value, status = found.get("value"), found.get("status")
    if status not in _STATUSES:
        raise _unusable(name)
    at = found.get("at")
    clock, at_s = (at.get("clock"), _number(at.get("s"))) if isinstance(at, dict) else ("", None)
    has_place = clock in _CLOCKS and at_s is not None
    number = _number(value)
    return TicketFinding(
        _text(found.get("name"), name),
        str(status),
        _text(value, name) if number is None else number,
        _number(found.get("limit")),
        _text(found.get("unit"), name),
        _text(found.get("text"), name),
        str(clock) if has_place else "",
        at_s if has_place else None,
    )


def _text(value: object, name: str) -> str:
    if not isinstance(value, str):
        raise _unusable(name)
    return value


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < _MOST:
        return None
    return value


def _unusable(name: str) -> InputError:
    return InputError(f"{name} isn't a qc.json of this software: name the folder of an audit's report")
