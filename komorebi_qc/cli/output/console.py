"""Printing for people: rows, sentences and errors.

On a terminal long texts are folded into their column. Elsewhere (a pipe, a file) every row is one line, whole, so that
`grep` finds all of it.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from komorebi_qc.cli.output.json_object import end_in_silence

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

VERDICTS = {"pass": "[green]pass[/]", "warn": "[yellow]warn[/]", "fail": "[bold red]FAIL[/]"}
_UNITS = ("bytes", "kB", "MB", "GB")
_GAP = 2
_MOST_WORDS = 4
"""Of an address with a remark; a longer text is a sentence."""


class _Output(Console):
    """A console whose reader may leave early, as `head` does."""

    def on_broken_pipe(self) -> None:
        """End in silence: nobody reads the rest, and that is no failure."""
        end_in_silence()


def out() -> Console:
    """The console for results: standard output."""
    return _Output(highlight=False, soft_wrap=not sys.stdout.isatty())


def err() -> Console:
    """The console for progress and errors: standard error."""
    return Console(stderr=True, highlight=False, soft_wrap=not sys.stderr.isatty())


def print_rows(console: Console, rows: Iterable[Sequence[str]], *, indent: int = 0) -> None:
    """Print rows of markup in columns.

    On a terminal the last column is folded, unless it holds an address or a path, which must survive a copy. Elsewhere
    nothing is folded.
    """
    texts = [[Text.from_markup(cell) for cell in row] for row in rows]
    if not texts:
        return
    count = max(map(len, texts))
    widths = [max((cell_len(row[i].plain) for row in texts if len(row) > i + 1), default=0) for i in range(count - 1)]
    for row in texts:
        line = Text(" " * indent)
        for i, cell in enumerate(row[:-1]):
            line.append_text(cell)
            line.append(" " * (widths[i] + _GAP - cell_len(cell.plain)))
        last = row[-1] if row else Text()
        if not console.is_terminal or _is_address(last.plain) or cell_len(line.plain) + 20 > console.width:
            line.append_text(last)
            line.rstrip()
            console.print(line, soft_wrap=True)
            continue
        grid = Table.grid()
        grid.add_column(no_wrap=True, width=cell_len(line.plain))
        grid.add_column(overflow="fold")
        grid.add_row(line, last)
        console.print(grid)


def _is_address(text: str) -> bool:
    """Whether the text is an address or a path, perhaps with a remark: a line break in it would hurt."""
    words = text.split()
    return 0 < len(words) <= _MOST_WORDS and ("/" in words[0] or "\\" in words[0])


def print_error(text: str) -> None:
    """Print one sentence on standard error."""
    err().print(f"[bold red]error:[/] {escape(printable(text))}")


def print_note(text: str) -> None:
    """Print a sentence beside the results, on standard error."""
    err().print(safe(text))


def printable(text: str) -> str:
    """A text without control characters, so that a terminal obeys none of it."""
    return "".join(c if c.isprintable() or c == "\n" else "?" for c in text)


def safe(text: str) -> str:
    """A foreign text as markup on one line, without markup and control characters of its own."""
    return escape(printable(text).replace("\n", "?"))


def count_of(count: int, noun: str) -> str:
    """A number with its noun: ``1 row``, ``2 rows``."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def size_text(count: float) -> str:
    """A number of bytes in the unit that suits it."""
    unit = 0
    while count >= 1000 and unit < len(_UNITS) - 1:
        count, unit = count / 1000, unit + 1
    return f"{count:.0f} {_UNITS[unit]}" if unit == 0 else f"{count:.1f} {_UNITS[unit]}"
