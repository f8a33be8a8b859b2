"""Rows for people: folded on a terminal, whole in a pipe."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from komorebi_qc.cli.output.console import count_of, print_rows, printable, safe, size_text

ADDRESS = "s3://a-bucket/" + "a-long-folder/" * 8 + "recording.mp4"
SENTENCE = "a sentence of words that is far longer than one line of a narrow terminal can be, so that it is folded"


def printed(rows: list[tuple[str, ...]], *, terminal: bool, width: int = 60) -> list[str]:
    """The lines of these rows."""
    file = io.StringIO()
    console = Console(file=file, width=width, force_terminal=terminal, color_system=None, highlight=False)
    print_rows(console, rows)
    return file.getvalue().splitlines()


def test_pipe_gets_every_row_on_one_line() -> None:
    """Nothing is folded or cut, whatever the width, and no line ends with spaces."""
    lines = printed([("name", SENTENCE), ("longer name", ADDRESS)], terminal=False)
    assert lines == [f"name         {SENTENCE}", f"longer name  {ADDRESS}"]


def test_terminal_folds_sentences_and_not_addresses() -> None:
    """A sentence goes on under its column; an address stays whole, so that it can be copied."""
    lines = printed([("name", SENTENCE), ("address", f"{ADDRESS}  (1.5 MB)")], terminal=True)
    assert max(map(len, lines[:-1])) <= 60
    assert " ".join(line[9:].strip() for line in lines[:-1]) == SENTENCE
    assert all(line.startswith("         ") for line in lines[1:-1])
    assert ADDRESS in lines[-1]


def test_rows_of_other_lengths() -> None:
    """No row, and rows with one cell, are fine."""
    assert printed([], terminal=True) == []
    assert printed([("alone",), ("two", "cells")], terminal=False) == ["alone", "two  cells"]


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 bytes"), (999, "999 bytes"), (1_000, "1.0 kB"), (1_500_000, "1.5 MB"), (5e13, "50000.0 GB")],
)
def test_sizes(count: float, text: str) -> None:
    """In the unit that suits them."""
    assert size_text(count) == text


def test_foreign_text_is_not_obeyed() -> None:
    """Markup and control characters are printed or replaced."""
    assert printable("a\x1b[31mb\nc") == "a?[31mb\nc"
    assert safe("[bold]x\n") == r"\[bold]x?"
    assert (count_of(1, "row"), count_of(2, "row")) == ("1 row", "2 rows")
