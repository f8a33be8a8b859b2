"""Finds prose in a file by its kind."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from prose.markup import read_css, read_html, read_javascript, read_markdown
from prose.passage import CODE, Passage, paragraphs, passage
from prose.python_source import read_python

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path


def passages_of(path: Path) -> list[Passage]:
    """Return the prose of a file; an empty list if its kind of file has no prose.

    Raises:
        OSError: The file can't be read.
        UnicodeDecodeError: The file isn't UTF-8.
    """
    reader = _reader_of(path)
    return [found for found in reader(path.read_text("utf-8")) if found.text] if reader else []


def is_readable(path: Path) -> bool:
    """Whether `passages_of` knows how to read this kind of file."""
    return _reader_of(path) is not None


def _reader_of(path: Path) -> Callable[[str], Iterable[Passage]] | None:
    return _READERS.get(path.name) or next(
        (reader for end, reader in _READERS.items() if path.name.endswith(end)), None
    )


def read_notebook(source: str) -> Iterator[Passage]:
    """Yield the prose of Markdown cells and of code cells, with line numbers of the notebook's JSON."""
    numbered = source.split("\n")
    for cell in json.loads(source).get("cells", []):
        lines = cell["source"] if isinstance(cell["source"], list) else cell["source"].splitlines(keepends=True)
        first = json.dumps(lines[0], ensure_ascii=False) if lines else ""
        line = next((row for row, text in enumerate(numbered, 1) if first and text.strip().startswith(first)), 1)
        reader = read_markdown if cell["cell_type"] == "markdown" else read_python
        yield from reader("".join(lines), line)


def read_schema(source: str) -> Iterator[Passage]:
    """Yield the titles and descriptions of a JSON schema."""
    for match in re.finditer(r'"(?:description|title)": ("(?:\\.|[^"\\])*")', source):
        yield passage(json.loads(match[1]), "string", source.count("\n", 0, match.start()) + 1)


_MESSAGE = re.compile(
    r"""(?:^\s*@?|[;&|{]\s*)(?:echo|printf)\s+(["'])(?P<text>.*?)(?<!\\)\1|^\s*Description: (?P<yaml>.+)"""
)


def read_lines(source: str) -> Iterator[Passage]:
    """Yield the `#` comments of a shell, YAML, TOML or Make file, and the messages of `echo` and `Description:`."""
    block: list[str] = []
    start = 1
    for row, line in enumerate(source.split("\n"), 1):
        whole = re.match(r"\s*#(?!!)\s?(?P<text>.*)", line)
        if not whole and block:
            yield from paragraphs("\n".join(block), "comment", start)
            block = []
        if whole:
            start = start if block else row
            block.append(whole["text"])
        elif trailing := re.search(r"(?<=\s{2})#\s(?P<text>.+)$", line):
            yield passage(trailing["text"], "comment", row)
        for message in _MESSAGE.finditer(line):
            yield passage(re.sub(r"\$\w+|\$\{[^}]*\}", CODE, message["text"] or message["yaml"]), "string", row)
    if block:
        yield from paragraphs("\n".join(block), "comment", start)


_READERS: dict[str, Callable[[str], Iterable[Passage]]] = {
    ".md": read_markdown,
    ".py": read_python,
    ".ipynb": read_notebook,
    ".html": read_html,
    ".svg": read_html,
    ".js": read_javascript,
    ".css": read_css,
    ".schema.json": read_schema,
    ".sh": read_lines,
    ".yaml": read_lines,
    ".yml": read_lines,
    ".toml": read_lines,
    "Makefile": read_lines,
    ".ci/run": read_lines,
}
