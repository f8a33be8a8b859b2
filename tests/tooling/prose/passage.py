"""A passage of prose, and helpers that make one from raw text.

Inline code, addresses, placeholders and quoted single words are replaced by the word `CODE`.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

CODE = "CODE"
"""The word that replaces inline code, placeholders of f-strings and quoted values."""

_INLINE_CODE = re.compile(r"(`+)(?!`).+?(?<!`)\1(?!`)", re.DOTALL)
_QUOTED_WORD = re.compile(r"""(?<!\w)(["'])[\w.:/*-]+\1(?!\w)""")
_ADDRESS = re.compile(r"\b(?:https?|s3|file)://\S+")


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of prose.

    Attributes:
        text: The words on one line, single spaces between them, with code blanked out.
        kind: `paragraph`, `heading`, `cell`, `docstring`, `comment`, `string`, `test` (a test's name as words) or
            `identifier` (another name as words).
        offsets: Positions in `text` at which a new line of the file begins, ascending; the first is 0.
        lines: The file's line number (from 1) at each of `offsets`.
    """

    text: str
    kind: str
    offsets: tuple[int, ...]
    lines: tuple[int, ...]

    def line_at(self, offset: int) -> int:
        """Return the file's line number at a position of the text."""
        return self.lines[bisect_right(self.offsets, offset) - 1]


def passage(text: str, kind: str, line: int) -> Passage:
    """Make a passage whose newlines are those of the file, starting at `line`."""
    parts, offsets, lines = [], [], []
    position = 0
    for row, part in enumerate(_blank(text).split("\n"), line):
        words = " ".join(part.split())
        if words:
            parts.append(words)
            offsets.append(position)
            lines.append(row)
            position += len(words) + 1
    return Passage(" ".join(parts), kind, tuple(offsets) or (0,), tuple(lines) or (line,))


def paragraphs(text: str, kind: str, line: int) -> Iterator[Passage]:
    """Split at blank lines."""
    for match in re.finditer(r"(?:[^\n]*\S[^\n]*(?:\n|$))+", text):
        yield passage(match.group(), kind, line + text.count("\n", 0, match.start()))


_SETTING = re.compile(r"\b[A-Z]+_[A-Z_]+\b|\b\w+=[-\w.:]+")
_NOT_PROSE = re.compile(r"^\s*(?:SELECT|WITH|CREATE|INSERT|UPDATE|COPY|<\w)|[{};]\s*$|\w\(\)|==|=>|^[-./\w]+$")


def is_prose(text: str) -> bool:
    """Whether a string reads as words: two or more of them, and few other signs."""
    text = _SETTING.sub(CODE, _ADDRESS.sub(CODE, text))
    words = re.findall(r"(?<![\w/.-])[A-Za-z][A-Za-z']*(?![\w/=(])", text)
    letters = sum(len(word) for word in words)
    return len(words) >= 2 and not _NOT_PROSE.search(text) and letters > 0.5 * len(re.sub(r"\s|CODE", "", text))


def _blank(text: str) -> str:
    """Replace inline code, addresses and quoted single words by a placeholder word."""
    text = _INLINE_CODE.sub(lambda match: CODE + "\n" * match.group().count("\n"), text)
    return _ADDRESS.sub(CODE, _QUOTED_WORD.sub(CODE, text))
