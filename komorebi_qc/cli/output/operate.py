"""A recording's state and the dead letters, for people."""

from __future__ import annotations

import re
from typing import Any

from rich.markup import escape

from komorebi_qc.cli.output.console import count_of, out, print_rows, printable, safe, size_text
from komorebi_qc.cli.output.held import candidates_text, print_held, print_held_redrive

_KINDS = {
    "permanent": "a retry can't help",
    "tries": "all attempts are used up",
    "held": "an operator decides",
    "unknown": "moved by SQS itself",
}


def print_status(found: dict[str, Any]) -> None:
    """Print a recording's state (`RecordingStatus.to_dict`)."""
    console = out()
    done = "[green]processed[/]" if found["is_processed"] else "[yellow]not processed[/]"
    console.print(f"[bold]{found['recording_id']}[/]: {done}", soft_wrap=True)
    rows = [("agent", safe(found["agent_id"])), ("created", found["creation_date"])]
    rows += [("input", safe(address)) for address in found["input_addresses"]]
    if found["missing"]:
        rows.append(("input", f"[yellow]{safe(found['missing'])}[/]"))
    rows += [("output", f"{safe(one['address'])}  ({size_text(one['bytes'])})") for one in found["outputs"]]
    if not found["outputs"]:
        rows.append(("output", "no output"))
    if found["is_mixed"]:
        rows.append(("output", f"[red]{safe(_mixed(found['runs']))}[/]"))
    for name, value in found["item"].items():
        rows.append((safe(name), safe(f"{value:.6g}" if isinstance(value, float) else str(value))))
    for letter in found["dead_letters"] or ():
        reason = f"{_minute(letter['failed_at'])} [red]{safe(letter['error'] or 'no reason')}[/] "
        rows.append(("dead letter", reason + safe(letter["reason"])))
    if found["dead_letters"] == []:
        rows.append(("dead letter", "no dead letter"))
    print_rows(console, rows)


def _mixed(runs: dict[str, str | None]) -> str:
    """Which run made what; results of one run are named once."""
    names: dict[str | None, list[str]] = {}
    for name, run_id in runs.items():
        names.setdefault(run_id, []).append({"qc": "qc.json"}.get(name, name))
    parts = [
        f"{' and '.join(some)} {'missing' if run is None else f'of run {run[:8]}' if run else 'without a run'}"
        for run, some in names.items()
    ]
    return f"not of one run: {', '.join(parts)}. The next message makes all of them anew: komorebi-qc submit"


def print_dead_letters(found: dict[str, Any]) -> None:
    """Print dead letters (`DeadLetterList.to_dict`): the number of each reason, the recordings, and the held ones."""
    console, letters, held = out(), found["letters"], found["held"]
    if not letters and not held:
        console.print("no dead letters")
        return
    parts = [count_of(len(letters), "dead letter")] if letters else []
    parts += [count_of(len(held), "held recording")] if held else []
    console.print(f"[bold]{' and '.join(parts)}[/]{'' if found['are_all'] else ', and there are more'}")
    groups: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for letter in letters:
        groups.setdefault((letter["kind"], letter["error"], _pattern(letter)), []).append(letter)
    for (kind, error, _), group in sorted(groups.items(), key=lambda item: -len(item[1])):
        heading = f"[bold red]{safe(error or 'no reason')}[/]: {count_of(len(group), 'dead letter')}, {_KINDS[kind]}"
        console.print(f"\n{heading}", soft_wrap=True)
        print_rows(console, [(safe(group[0]["reason"]),)], indent=2)
        rows = []
        for letter in group:
            name = letter["recording_id"] or f"message {letter['message_id']}"
            rows.append((_minute(letter["failed_at"]), safe(name), _attempt(letter["receive_count"])))
        print_rows(console, rows, indent=2)
    print_held(console, held)
    console.print("\nSee one in full: komorebi-qc dlq show ID")


def print_dead_letter_bodies(found: dict[str, Any]) -> None:
    """Print dead letters in full, each with its message body."""
    console = out()
    for letter in found["letters"]:
        heading = f"[bold red]{safe(letter['error'] or 'no reason')}[/], {_KINDS[letter['kind']]}"
        console.print(heading, soft_wrap=True)
        attempt = _attempt(letter["receive_count"])
        rows = [
            ("recording", safe(letter["recording_id"] or "unknown")),
            ("reason", safe(letter["reason"])),
            ("failed at", f"{letter['failed_at']}{', ' if attempt else ''}{attempt}"),
            ("message", safe(letter["message_id"])),
        ]
        if letter["kind"] == "held":
            rows.append(("candidates", candidates_text(letter["candidates"])))
        if letter["request_id"]:
            rows.append(("request", safe(letter["request_id"])))
        rows.append(("body", escape(printable(letter["body"]))))
        print_rows(console, rows)


def print_redrive(done: dict[str, Any]) -> None:
    """Print how many dead letters were sent back (`Redriven.to_dict`)."""
    console = out()
    sent = count_of(done["count"], "dead letter")
    if done["how"] == "task":
        console.print(f"SQS moves about {sent} back; `aws sqs list-message-move-tasks` shows its progress")
    else:
        console.print(f"{sent} sent back to the queue")
    print_held_redrive(console, done)
    for missing in done["not_found"]:
        console.print(f"no dead letter has the ID {safe(missing)}")


def _attempt(count: int) -> str:
    return f"attempt {count}" if count else ""


def _minute(moment: str) -> str:
    return moment[:16].replace("T", " ") + " UTC"


def _pattern(letter: dict[str, Any]) -> str:
    """A reason without the parts that differ from one recording to the next."""
    reason = letter["reason"].replace(letter["recording_id"] or "\0", "")
    return re.sub(r"s3://\S+|'[^']*'|\d+(\.\d+)?", "", reason)
