"""What a person sees in a terminal: progress, results, errors."""

from __future__ import annotations

import re
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from komorebi_qc.core.progress import Silent
from komorebi_qc.core.timebase import clock_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.progress import Progress, TaskID

    from komorebi_qc.core.progress import Progress as ProgressSink

_MARKS = {"pass": "[green]pass[/]", "warn": "[yellow]warn[/]", "fail": "[bold red]FAIL[/]"}
_KINDS = {
    "permanent": "no further try can help",
    "tries": "all tries are used up",
    "unknown": "moved by SQS itself",
}
_SIZES = ("bytes", "kB", "MB", "GB")


def out() -> Console:
    """Where results go: standard output."""
    return Console(highlight=False, soft_wrap=not sys.stdout.isatty())


def err() -> Console:
    """Where progress and errors go: standard error."""
    return Console(stderr=True, highlight=False, soft_wrap=not sys.stderr.isatty())


class PlainLines:
    """A line a step, for logs and pipes."""

    def __init__(self) -> None:
        self._console = err()

    def step(self, number: int, of: int, name: str) -> None:
        """Print that the step begins."""
        self._console.print(f"{number}/{of} {name}", markup=False)

    def advance(self, fraction: float) -> None:
        """Say nothing: a log has no use for it."""

    def check(self) -> None:
        """Go on."""


class Bar:
    """One bar for the whole run, with the name of the step that is under way."""

    def __init__(self, bar: Progress) -> None:
        self._bar = bar
        self._task: TaskID = bar.add_task("", total=1.0)
        self._step, self._of = 0, 1

    def step(self, number: int, of: int, name: str) -> None:
        """Move to the step."""
        self._step, self._of = number - 1, of
        self._bar.update(self._task, total=float(of), completed=float(self._step), description=f"{number}/{of} {name}")

    def advance(self, fraction: float) -> None:
        """Move within the step."""
        self._bar.update(self._task, completed=self._step + fraction)

    def check(self) -> None:
        """Go on."""


@contextmanager
def progress(*, quiet: bool) -> Iterator[ProgressSink]:
    """A bar on a terminal, plain lines elsewhere, nothing where `quiet`."""
    if quiet:
        yield Silent()
    elif not sys.stderr.isatty():
        yield PlainLines()
    else:
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415  few commands show it

        columns = (TextColumn("{task.description:<32}"), BarColumn(), TimeElapsedColumn())
        with Progress(*columns, console=err(), transient=True) as bar:
            yield Bar(bar)


def print_outcome(found: dict[str, Any]) -> None:
    """The outcome (as `Outcome.to_dict` gives it) as a summary and a table of findings."""
    console = out()
    durations, codecs, alignment = found["durations"], found["codecs"], found["alignment"]
    verb = "copied" if codecs["video_copied"] else "re-encoded"
    size = next((step["bytes"] for step in found["steps"] if step["name"].startswith("mux")), 0)
    console.print(f"{_MARKS[found['verdict']]}  [bold]{escape(found['output'])}[/]")
    facts = Table.grid(padding=(0, 2))
    facts.add_row("length", f"{clock_text(durations['output_s'])}  ({_size(size)})")
    facts.add_row("picture", f"{codecs['video'].upper()} in {found['container'].upper()}, {verb}")
    facts.add_row("sound", f"{codecs['audio'].upper()}, {codecs['audio_rate_hz'] / 1000:g} kHz stereo")
    facts.add_row(
        "call",
        f"{clock_text(durations['call_s'])}, from {clock_text(alignment['offset_s'])} on the recording's clock"
        + (f", drift {alignment['drift_ppm']:g} ppm" if alignment["drift_ppm"] else "")
        + {"measured": " (measured)", "told": " (as told)", "given": " (as given)"}[alignment["source"]],
    )
    facts.add_row("after the call", clock_text(durations["after_call_s"]))
    if found["thumbnail"]:
        facts.add_row("thumbnail", escape(found["thumbnail"]))
    console.print(facts)
    print_findings(found["findings"])


def print_diagnosis(found: dict[str, Any]) -> None:
    """A diagnosis (as `Diagnosis.to_dict` gives it): the answer first, then the numbers, then every finding."""
    console = out()
    sync, end = found["sync"], found["call_end"]
    console.print(f"{_MARKS[found['verdict']]}  [bold]{sync['status'].replace('_', ' ')}[/]: {escape(sync['reason'])}")
    facts = Table.grid(padding=(0, 2))
    if sync["offset_s"] is not None:
        facts.add_row(
            "offset", f"{round(sync['offset_s'], 4) + 0.0:+.4f} s", _interval(sync["offset_ci_s"], 1000, "ms", 2)
        )
        facts.add_row("drift", f"{sync['drift_ppm']:+.2f} ppm", _interval(sync["drift_ci_ppm"], 1, "ppm", 2))
        for jump in sync["jumps"]:
            size = f"{jump['size_s'] * 1000:+.1f} ms"
            facts.add_row("jump", size, f"at {clock_text(jump['call_s'])} of the call")
        facts.add_row("sides", sync["sides"], f"{sync['coverage']:.0%} of their speech agrees")
    for rival in sync["rivals"][:5]:
        facts.add_row("rival", f"{rival['offset_s']:+.4f} s", f"{abs(rival['period_s']):.3f} s away")
    facts.add_row("call end, told", clock_text(end["told_s"]), "")
    if end["measured_s"] is not None:
        facts.add_row("measured", clock_text(end["measured_s"]), f"told {round(end['error_s'], 3) + 0.0:+.3f} s off")
    console.print(facts)
    print_findings(found["findings"])


def _interval(pair: list[float], scale: float, unit: str, digits: int) -> str:
    return f"+- {(pair[1] - pair[0]) / 2 * scale:.{digits}f} {unit} (95 %)"


def print_findings(findings: list[dict[str, Any]]) -> None:
    """Findings that don't pass with their sentence; of the others their number."""
    console = out()
    shown = [f for f in findings if f["status"] != "pass"]
    if shown:
        table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
        for finding in sorted(shown, key=lambda f: f["status"] != "fail"):
            table.add_row(_MARKS[finding["status"]], finding["name"], escape(finding["text"]))
        console.print(table)
    passed = len(findings) - len(shown)
    console.print(f"[dim]{passed} of {len(findings)} findings pass[/]")


def print_letters(letters: list[dict[str, Any]], *, are_all: bool) -> None:
    """Dead letters: how many of each reason first, then under each reason whose they are."""
    console = out()
    if not letters:
        console.print("no dead letters")
        return
    console.print(f"[bold]{_letters(len(letters))}[/]{'' if are_all else ', and there are more'}")
    groups: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for letter in letters:
        groups.setdefault((letter["kind"], letter["error"], _alike(letter)), []).append(letter)
    for (kind, error, _), group in sorted(groups.items(), key=lambda item: -len(item[1])):
        console.print(
            f"\n[bold red]{escape(printable(error or 'no reason'))}[/]: {_letters(len(group))}, {_KINDS[kind]}"
        )
        reason = _facts()
        reason.add_row("", escape(printable(group[0]["reason"])))
        console.print(reason)
        table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
        for letter in group:
            name = letter["recording_id"] or f"message {letter['message_id']}"
            table.add_row("", _minute(letter["failed_at"]), escape(printable(name)), _tries(letter["receive_count"]))
        console.print(table)


def print_letter(letter: dict[str, Any]) -> None:
    """One dead letter, with its body as it came."""
    console = out()
    console.print(f"[bold red]{escape(printable(letter['error'] or 'no reason'))}[/], {_KINDS[letter['kind']]}")
    facts = _facts()
    facts.add_row("recording", escape(printable(letter["recording_id"] or "can't be told")))
    facts.add_row("reason", escape(printable(letter["reason"])))
    facts.add_row("set aside", " ".join(filter(None, (letter["failed_at"], _tries(letter["receive_count"])))))
    facts.add_row("message", escape(printable(letter["message_id"])))
    if letter["request_id"]:
        facts.add_row("request", escape(printable(letter["request_id"])))
    facts.add_row("body", escape(printable(letter["body"])))
    console.print(facts)


def print_standing(found: dict[str, Any]) -> None:
    """How a recording stands."""
    console = out()
    done = "[green]processed[/]" if found["is_processed"] else "[yellow]not processed[/]"
    console.print(f"[bold]{found['recording_id']}[/]: {done}")
    facts = _facts()
    facts.add_row("agent", escape(found["agent_id"]))
    facts.add_row("created", found["creation_date"])
    for key in found["inputs"]:
        facts.add_row("input", escape(key))
    if found["missing"]:
        facts.add_row("input", f"[yellow]{escape(found['missing'])}[/]")
    for output in found["outputs"]:
        facts.add_row("output", f"{escape(output['key'])}  ({_size(output['bytes'])})")
    if not found["outputs"]:
        facts.add_row("output", "none")
    for name, value in found["item"].items():
        facts.add_row(escape(name), escape(f"{value:.6g}" if isinstance(value, float) else str(value)))
    for letter in found["dead_letters"] or ():
        reason = escape(printable(letter["reason"]))
        facts.add_row("dead letter", f"{_minute(letter['failed_at'])} [red]{escape(letter['error'])}[/] {reason}")
    if found["dead_letters"] == []:
        facts.add_row("dead letter", "none")
    console.print(facts)


def _facts() -> Table:
    facts = Table.grid(padding=(0, 2))
    facts.add_column(no_wrap=True)
    facts.add_column(overflow="fold")
    return facts


def _letters(count: int) -> str:
    return f"{count} dead letter{'' if count == 1 else 's'}"


def _tries(count: int) -> str:
    return f"try {count}" if count else ""


def _minute(moment: str) -> str:
    return moment[:16].replace("T", " ") + " UTC"


def printable(text: str) -> str:
    """Text of others for a terminal: none of it is obeyed."""
    return "".join(c if c.isprintable() or c == "\n" else "?" for c in text)


def _alike(letter: dict[str, Any]) -> str:
    """A reason without what differs from one recording to the next."""
    reason = letter["reason"].replace(letter["recording_id"] or "\0", "")
    return re.sub(r"s3://\S+|'[^']*'|\d+(\.\d+)?", "", reason)


def print_error(text: str) -> None:
    """One sentence on standard error."""
    err().print(f"[bold red]error:[/] {escape(printable(text))}")


def _size(count: float) -> str:
    for unit in _SIZES:
        if count < 1000 or unit == _SIZES[-1]:
            return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1000
    raise AssertionError("unreachable")
