"""Texts from outside in Markdown."""

from __future__ import annotations

import pytest

from komorebi_qc.core.exports.markdown import inline, table


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("plain text, with a stop.", "plain text, with a stop."),
        ("a | b\nc", "a \\| b c"),
        ("<img src=x onerror=1>", "\\<img src=x onerror=1\\>"),
        ("![x](http://h)", "\\!\\[x\\]\\(http\\://h\\)"),
        ("@team www.example.org at 10:00.5", "\\@team www\\.example.org at 10:00.5"),
        ("# h", "\\# h"),
        ("\x1b]0;t\x07", "\N{REPLACEMENT CHARACTER}\\]0;t\N{REPLACEMENT CHARACTER}"),
    ],
)
def test_inline(given: str, shown: str) -> None:
    """One line that shows the text as it is."""
    assert inline(given) == shown


def test_a_table_has_a_row_for_each() -> None:
    """The head, its line, and the rows."""
    assert table(("a", "b"), [("1", "2")]) == "| a | b |\n| --- | --- |\n| 1 | 2 |\n"
