"""What a person sees in a terminal: progress, results, errors."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from komorebi_qc.progress import Silent
from komorebi_qc.timebase import clock_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from komorebi_qc.progress import Progress as ProgressSink

_MARKS = {"pass": "[green]pass[/]", "warn": "[yellow]warn[/]", "fail": "[bold red]FAIL[/]"}
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


@contextmanager
def progress(*, quiet: bool) -> Iterator[ProgressSink]:
    """A bar on a terminal, plain lines elsewhere, nothing where `quiet`."""
    if quiet:
        yield Silent()
    elif not sys.stderr.isatty():
        yield PlainLines()
    else:
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
        facts.add_row("offset", f"{sync['offset_s']:+.4f} s", _interval(sync["offset_ci_s"], 1000, "ms", 2))
        facts.add_row("drift", f"{sync['drift_ppm']:+.2f} ppm", _interval(sync["drift_ci_ppm"], 1, "ppm", 2))
        for jump in sync["jumps"]:
            size = f"{jump['size_s'] * 1000:+.1f} ms"
            facts.add_row("jump", size, f"at {clock_text(jump['call_s'])} of the call")
        facts.add_row("sides", sync["sides"], f"{sync['coverage']:.0%} of their speech agrees")
    for rival in sync["rivals"][:5]:
        facts.add_row("rival", f"{rival['offset_s']:+.4f} s", f"{abs(rival['period_s']):.3f} s away")
    facts.add_row("call end, told", clock_text(end["told_s"]), "")
    if end["measured_s"] is not None:
        facts.add_row("measured", clock_text(end["measured_s"]), f"told {end['error_s']:+.3f} s off")
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


def print_error(text: str) -> None:
    """One sentence on standard error."""
    err().print(f"[bold red]error:[/] {escape(text)}")


def _size(count: float) -> str:
    for unit in _SIZES:
        if count < 1000 or unit == _SIZES[-1]:
            return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1000
    raise AssertionError("unreachable")
