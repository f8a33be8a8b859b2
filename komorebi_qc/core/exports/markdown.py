"""Texts from outside in Markdown: shown as they are, without mark-up, links, mentions or HTML of their own."""

from __future__ import annotations

import re

from komorebi_qc.core.exports.spreadsheet import without_controls

_MARKS = re.compile(r"([\\`*_{}\[\]<>()#!|~$^@&]|:(?=//)|(?<=www)\.)", re.IGNORECASE)
"""Marks that work inside of a line, and the addresses that trackers turn into links."""
_LONGEST = 4_000


def inline(text: str) -> str:
    r"""A text from outside on one line, with a backslash before each character that Markdown may interpret.

    Examples:
        >>> inline("<b>[x](y)")
        '\\<b\\>\\[x\\]\\(y\\)'
    """
    line = " ".join(without_controls(text[:_LONGEST]).split())
    return _MARKS.sub(r"\\\1", line)


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """A table of cells that are Markdown already, as from `inline`."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join(f"| {' | '.join(one)} |\n" for one in lines)
