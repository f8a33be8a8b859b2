"""A correction for people: the difference to the present result, and the next command."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from komorebi_qc.cli.output.console import VERDICTS, out, print_rows, safe
from komorebi_qc.core.finding import counted
from komorebi_qc.core.timebase import clock_text
from komorebi_qc.findings.sync.clock import jump_text

if TYPE_CHECKING:
    from collections.abc import Iterator

_SOURCES = {
    "measured": "measured",
    "candidate": "a place that isn't confirmed",
    "call_end": "by the reported call end",
    "manual": "set by hand",
}


def print_correction(found: dict[str, Any], file: str) -> None:
    """Print a correction (`CorrectionResult.to_dict`).

    Args:
        found: the correction.
        file: the correction's path; empty if one was undone.
    """
    console = out()
    before, after, correction = found["before"], found["after"], found["correction"]
    verb = "correction" if correction else "without the correction"
    state = "published" if found["is_published"] else "not published"
    console.print(
        f"{VERDICTS[after['verdict']]}  [bold]{safe(found['recording_id'])}[/]: {verb}, {state}", soft_wrap=True
    )
    rows = [("before", "nothing is published" if before is None else _place(before)), ("now", _place(after))]
    rows += _moved_rows(found["moved"])
    if correction:
        rows += [("by", safe(correction["by"] or "unknown")), ("why", safe(correction["why"] or "no reason yet"))]
    if (replaced := found["replaced"]) is not None:
        rows.append(("replaces" if correction else "undone", _correction_text(replaced)))
    print_rows(console, rows)
    changed = found["changed_findings"] or []
    print_rows(
        console,
        [(f"{one['before'] or '-'} -> {one['after'] or '-'}", one["name"], escape(one["text"])) for one in changed],
    )
    if before is not None:
        console.print(f"{counted(len(changed), 'finding')} changed.", soft_wrap=True)
    console.print(_next(found, file), soft_wrap=True)


def _next(found: dict[str, Any], file: str) -> str:
    recording_id = found["recording_id"]
    undo = f"komorebi-qc correct {recording_id} --undo --publish"
    if not found["is_published"]:
        again = f"komorebi-qc correct {recording_id} --from {shlex.quote(file)} --publish" if file else undo
        return f"Nothing was changed. To publish it: [bold]{escape(again)}[/]"
    if found["correction"] is None:
        return "The correction is undone."
    return f"A later message keeps this correction. To undo it: [bold]{escape(undo)}[/]"


def _place(one: dict[str, Any]) -> str:
    jumps = one["jumps"] or []
    shown = ", ".join(f"{_signed(jump['size_s'])} at {clock_text(jump['call_s'])}" for jump in jumps)
    drift = "" if one["drift_ppm"] is None else f", drift {one['drift_ppm']:+.2f} ppm"
    more = f", {counted(len(jumps), 'jump')}: {shown}" if jumps else ""
    return f"offset {one['offset_s']:+.4f} s{drift}{more} ({_SOURCES.get(one['source'], 'unknown')}; {one['verdict']})"


def _signed(size_s: float) -> str:
    return f"{'-' if size_s < 0 else '+'}{jump_text(size_s)}"


def _moved_rows(moved: dict[str, float] | None) -> Iterator[tuple[str, str]]:
    if moved is None:
        return
    edges = f"{moved['start_s']:+.3f} s at its start, {moved['end_s']:+.3f} s at its end"
    is_inside = moved["most_s"] not in (moved["start_s"], moved["end_s"])
    most = f", {moved['most_s']:+.3f} s at most" if is_inside else ""
    yield "the call moves", f"{edges}{most}"


def _correction_text(correction: dict[str, Any]) -> str:
    by, when = correction["by"] or "an analyst", correction["made_at"]
    why = f": {correction['why']}" if correction["why"] else ""
    return safe(f"the correction by {by} at {when}{why} (offset {correction['alignment']['offset_s']:+.4f} s)")
