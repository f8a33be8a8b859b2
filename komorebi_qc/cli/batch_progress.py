"""How a run shows itself: a bar with rate, time left and counts on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.live import Live
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task
from rich.table import Table
from rich.text import Text

from komorebi_qc.cli.console import err, out, printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from komorebi_qc.batch.manifest.manifest_file import Listed, SetAside
    from komorebi_qc.batch.run import Tally

OUTCOMES = {
    "pass": "green",
    "warn": "yellow",
    "fail": "bold red",
    "failed": "bold magenta",
    "set_aside": "magenta",
    "sent": "green",
}
_WORDS = {"fail": "FAIL", "failed": "not done", "set_aside": "set aside"}
_RATES = (("s", 1), ("min", 60), ("h", 3600))
_LINE_EVERY_S = 30.0
_MOST_LISTED = 10


class Quiet:
    """Shows nothing; a `komorebi_qc.batch.run.Watcher`, and a `Progress`, so that a signal can stop it."""

    def begin(self, total: int) -> None:
        """Show nothing."""

    def done(self, outcome: str, *, took_work: bool = True) -> None:
        """Show nothing."""

    def step(self, number: int, of: int, name: str) -> None:
        """Show nothing."""

    def advance(self, fraction: float) -> None:
        """Show nothing."""

    def check(self) -> None:
        """Go on."""


class Lines(Quiet):
    """A line every half minute, for logs and pipes."""

    def __init__(self) -> None:
        self._total, self._counts, self._worked = 0, Counter[str](), 0
        self._began_s = self._line_s = time.monotonic()

    def begin(self, total: int) -> None:
        """Say how many."""
        self._total = total

    def done(self, outcome: str, *, took_work: bool = True) -> None:
        """Count it, and print a line where the last is long ago."""
        self._counts[outcome] += 1
        self._worked += took_work
        now_s = time.monotonic()
        if not self._worked:  # what takes no work says nothing of the rate
            self._began_s = now_s
        if now_s - self._line_s >= _LINE_EVERY_S:
            self._line_s = now_s
            seen, took_s = self._counts.total(), now_s - self._began_s
            speed = self._worked / took_s if took_s else 0.0
            left = _clock((self._total - seen) / speed if speed else None)
            err().print(f"{seen}/{self._total}  {_rate(speed)}  {left}  {counts_text(self._counts)}")


class Bar(Quiet):
    """One bar, and the counts below it."""

    def __init__(self) -> None:
        self.counts = Counter[str]()
        columns = (BarColumn(30), MofNCompleteColumn(), _Rate(), _Left())
        self._bar = Progress(*columns, console=err(), speed_estimate_period=120)
        self._task = self._bar.add_task("", total=None)

    def __rich__(self) -> Table:
        both = Table.grid()
        both.add_row(self._bar)
        both.add_row(counts_text(self.counts))
        return both

    def begin(self, total: int) -> None:
        """Know how many."""
        self._bar.update(self._task, total=total)

    def done(self, outcome: str, *, took_work: bool = True) -> None:
        """Count it."""
        self.counts[outcome] += 1
        if took_work:
            self._bar.advance(self._task)
        else:  # seen, without saying anything of the rate
            self._bar.tasks[self._task].completed += 1


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(_rate(task.speed))


class _Left(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(_clock(task.time_remaining))


@contextmanager
def watching(*, quiet: bool) -> Iterator[Quiet]:
    """A bar on a terminal, lines elsewhere, nothing where `quiet`."""
    if quiet:
        yield Quiet()
    elif not sys.stderr.isatty():
        yield Lines()
    else:
        bar = Bar()
        with Live(bar, console=err(), transient=True, refresh_per_second=4):
            yield bar


def counts_text(counts: Counter[str]) -> Text:
    """The counts by outcome, those that are none left out."""
    parts = [(f"{_WORDS.get(name, name)} {counts[name]}", style) for name, style in OUTCOMES.items() if counts[name]]
    return Text("   ").join(Text(*part) for part in parts)


def _rate(speed: float | None) -> str:
    """Recordings a second, a minute or an hour, whatever makes a number to read."""
    if not speed:
        return "-/min"
    unit, per = next((pair for pair in _RATES if speed * pair[1] >= 1), _RATES[-1])
    return f"{speed * per:.1f}/{unit}"


def _clock(left_s: float | None) -> str:
    if left_s is None:
        return "-:-- left"
    minutes, seconds = divmod(round(left_s), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02} left" if hours else f"{minutes}:{seconds:02} left"


def print_set_aside(listed: Listed) -> None:
    """Before any work: which rows can't be used, and what of the list says nothing here."""
    console, aside = err(), listed.set_aside
    if listed.ignored:
        console.print(f"{_safe(listed.name)}: not used: {_safe(', '.join(listed.ignored[:20]))}")
    if not aside:
        return
    rows = "row" if len(aside) == 1 else "rows"
    others = f"the other {len(listed.items)} of {_safe(listed.name)} will be done"
    console.print(f"[magenta]{len(aside)} {rows} set aside[/], {others}:")
    console.print(_pairs([(_place_in(listed, one), one.reason) for one in aside[:_MOST_LISTED]]))
    if len(aside) > _MOST_LISTED:
        console.print(f"... and {len(aside) - _MOST_LISTED} more: they are in the dataset, status = 'set_aside'")


def _place_in(listed: Listed, one: SetAside) -> str:
    """Where a row stands, without the list's folder."""
    place = one.listed_in.removeprefix(f"{listed.name}:")
    return f"{listed.name.rpartition('/')[2]}:{place}" if place.isdigit() else place


def print_note(text: str) -> None:
    """A sentence beside the results."""
    err().print(_safe(text))


def print_tally(tally: Tally, dataset: str, csv: str = "") -> None:
    """In the end: how many of what, and those that weren't done with their reasons."""
    console = out()
    counts = tally.counts
    head = f"[bold]{tally.total - tally.left} of {tally.total}[/]" if tally.left else f"[bold]{tally.total}[/]"
    before = f"   [dim]{tally.unchanged} of them as before[/]" if tally.unchanged else ""
    console.print(f"{head} recording{'' if tally.total == 1 else 's'}   ", counts_text(counts), before, sep="")
    if tally.told:
        console.print(_pairs(tally.told[:_MOST_LISTED]))
        more = counts["failed"] - min(len(tally.told), _MOST_LISTED)
        if more > 0:
            console.print(f"... and {more} more: status = 'failed' in the dataset")
    facts = Table.grid(padding=(0, 2))
    facts.add_row("dataset", _safe(dataset))
    if csv:
        facts.add_row("csv", _safe(csv))
    console.print(facts)
    if tally.is_stopped:
        console.print("Stopped. What was done is kept; the same command goes on from there.")


def _pairs(pairs: Sequence[tuple[str, str]]) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(overflow="fold", max_width=40, style="magenta")
    table.add_column(overflow="fold")
    for name, reason in pairs:
        table.add_row(_safe(name), _safe(reason))
    return table


def _safe(text: str) -> str:
    """Text of others, of which none begins a line of its own."""
    return escape(printable(text).replace("\n", "?"))


def print_messages(bodies: Sequence[str], refused: Sequence[tuple[str, str]], sent: int | None, rate_hz: float) -> None:
    """The messages of a rerun: those that would be sent (`sent` is None), or how many were."""
    console = out()
    messages = f"{len(bodies)} message{'' if len(bodies) == 1 else 's'}"
    if not bodies:
        console.print("No row can be sent as a message.")
    elif sent is None:
        console.print(f"[bold]{messages}[/] would be sent, {rate_hz:g} a second; nothing was. Add --yes to send them.")
        for body in bodies[:_MOST_LISTED]:
            console.print(f"  {body}", markup=False)
        if len(bodies) > _MOST_LISTED:
            console.print(f"  ... and {len(bodies) - _MOST_LISTED} more")
    else:
        console.print(f"[bold]{sent}[/] of {messages} sent")
    if refused:
        console.print(f"[magenta]{len(refused)} can't be sent[/]:")
        console.print(_pairs(refused[:_MOST_LISTED]))
