"""Progress of one recording and of a batch: a bar on a terminal, lines elsewhere, or nothing."""

from __future__ import annotations

import sys
import time
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from komorebi_qc.cli.output.console import err
from komorebi_qc.core.progress import Silent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.progress import TaskID

    from komorebi_qc.core.progress import Progress as ProgressSink

OUTCOMES = {
    "pass": ("pass", "green"),
    "warn": ("warn", "yellow"),
    "fail": ("FAIL", "bold red"),
    "failed": ("not done", "bold magenta"),
    "held": ("held", "bold cyan"),
    "rejected": ("rejected", "magenta"),
    "sent": ("sent", "green"),
}
"""Each outcome's word and style."""
_RATES = (("s", 1), ("min", 60), ("h", 3600))
_LINE_EVERY_S = 30.0


class StepLines(Silent):
    """One line for each step, for logs and pipes."""

    def __init__(self) -> None:
        self._console = err()

    def step(self, number: int, of: int, name: str) -> None:
        """Print the step's name."""
        self._console.print(f"{number}/{of} {name}", markup=False)


class StepBar(Silent):
    """One bar for the whole run, with the name of the current step."""

    def __init__(self, bar: Progress) -> None:
        self._bar = bar
        self._task: TaskID = bar.add_task("", total=1.0)
        self._step = 0

    def step(self, number: int, of: int, name: str) -> None:
        """Move to the step."""
        self._step = number - 1
        self._bar.update(self._task, total=float(of), completed=float(self._step), description=f"{number}/{of} {name}")

    def advance(self, fraction: float) -> None:
        """Move within the step."""
        self._bar.update(self._task, completed=self._step + fraction)


class BatchQuiet(Silent):
    """Prints nothing; a `komorebi_qc.batch.run.Watcher`, and a `Progress`, so that a signal can stop the batch."""

    def begin(self, total: int) -> None:
        """Print nothing."""

    def done(self, outcome: str, *, took_work: bool = True) -> None:
        """Print nothing."""


class BatchLines(BatchQuiet):
    """A line every half minute, for logs and pipes."""

    def __init__(self) -> None:
        self._total, self._counts, self._worked = 0, Counter[str](), 0
        self._began_s = self._line_s = time.monotonic()

    def begin(self, total: int) -> None:
        """Note the number of recordings."""
        self._total = total

    def done(self, outcome: str, *, took_work: bool = True) -> None:
        """Count a recording, and print a line if the last one is long ago."""
        self._counts[outcome] += 1
        self._worked += took_work
        now_s = time.monotonic()
        if not self._worked:  # unchanged recordings say nothing about the rate
            self._began_s = now_s
        if now_s - self._line_s >= _LINE_EVERY_S:
            self._line_s = now_s
            seen, took_s = self._counts.total(), now_s - self._began_s
            speed = self._worked / took_s if took_s else 0.0
            left = time_left_text((self._total - seen) / speed if speed else None)
            err().print(f"{seen}/{self._total}  {rate_text(speed)}  {left}  {counts_text(self._counts)}")


class BatchBar(BatchQuiet):
    """One bar, with the counts below it."""

    def __init__(self) -> None:
        self.counts = Counter[str]()
        columns = (BarColumn(30), MofNCompleteColumn(), _Rate(), _TimeLeft())
        self._bar = Progress(*columns, console=err(), speed_estimate_period=120)
        self._task = self._bar.add_task("", total=None)

    def __rich__(self) -> Table:
        both = Table.grid()
        both.add_row(self._bar)
        both.add_row(counts_text(self.counts))
        return both

    def begin(self, total: int) -> None:
        """Set the number of recordings."""
        self._bar.update(self._task, total=total)

    def done(self, outcome: str, *, took_work: bool = True) -> None:
        """Count a recording."""
        self.counts[outcome] += 1
        if took_work:
            self._bar.advance(self._task)
        else:  # counted, but without an effect on the rate
            self._bar.tasks[self._task].completed += 1


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(rate_text(task.speed))


class _TimeLeft(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(time_left_text(task.time_remaining))


@contextmanager
def step_progress(*, quiet: bool) -> Iterator[ProgressSink]:
    """Progress of one recording."""
    if quiet:
        yield Silent()
    elif not sys.stderr.isatty():
        yield StepLines()
    else:
        columns = (TextColumn("{task.description:<34}"), BarColumn(30), TimeElapsedColumn())
        with Progress(*columns, console=err(), transient=True) as bar:
            yield StepBar(bar)


@contextmanager
def batch_progress(*, quiet: bool) -> Iterator[BatchQuiet]:
    """Progress of a batch."""
    if quiet:
        yield BatchQuiet()
    elif not sys.stderr.isatty():
        yield BatchLines()
    else:
        bar = BatchBar()
        with Live(bar, console=err(), transient=True, refresh_per_second=4):
            yield bar


def counts_text(counts: Counter[str]) -> Text:
    """The counts of the outcomes that occurred."""
    parts = [(f"{word} {counts[name]}", style) for name, (word, style) in OUTCOMES.items() if counts[name]]
    return Text("   ").join(Text(*part) for part in parts)


def rate_text(speed: float | None) -> str:
    """Recordings per second, minute or hour, whichever gives a number of at least 1."""
    if not speed:
        return "-/min"
    unit, per = next((pair for pair in _RATES if speed * pair[1] >= 1), _RATES[-1])
    return f"{speed * per:.1f}/{unit}"


def time_left_text(left_s: float | None) -> str:
    """The time left as ``M:SS`` or ``H:MM:SS``."""
    if left_s is None:
        return "-:-- left"
    minutes, seconds = divmod(round(left_s), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02} left" if hours else f"{minutes}:{seconds:02} left"
