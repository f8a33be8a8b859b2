"""Texts from outside in a spreadsheet's cell: no formula, and no character that controls a terminal."""

from __future__ import annotations

import re

_FORMULA = re.compile(r"(^|[;\t\r\n])(?=\s*[=+\-@\uff1d\uff0b\uff0d\uff20])|^(?=[\t\r\n])")
"""The start of a formula (OWASP, CSV injection) after any character at which a spreadsheet may begin a cell."""


_CONTROLS = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
"""All of C0 and C1 but tab and line feed, and the characters that break lines or turn the direction of a text."""


def without_controls(text: str) -> str:
    """A text from outside with line feeds as its only line breaks, and a replacement for each control character."""
    return _CONTROLS.sub("\N{REPLACEMENT CHARACTER}", text.replace("\r\n", "\n").replace("\r", "\n"))


def escape_formulas(text: str) -> str:
    """A text from outside with an apostrophe before every formula, so that a spreadsheet shows it as text."""
    return _FORMULA.sub(r"\1'", text)


def cell(text: str) -> str:
    """A text from outside as a cell: control characters are replaced, formulas are escaped.

    Examples:
        >>> cell("=1+2")
        "'=1+2"
    """
    return escape_formulas(without_controls(text))
