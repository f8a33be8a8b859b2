"""Finds prose in Markdown, HTML, SVG, JavaScript and style sheets."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING

from markdown_it import MarkdownIt

from prose.passage import CODE, Passage, is_prose, paragraphs, passage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from markdown_it.token import Token


def read_markdown(source: str, first_line: int = 1) -> Iterator[Passage]:
    """Yield each heading, paragraph, list item and table cell."""
    kind = "paragraph"
    row = first_line
    for token in MarkdownIt("commonmark").enable("table").parse(source):
        if token.map:
            row = first_line + token.map[0]
        if token.type in {"heading_open", "th_open", "td_open"}:
            kind = "heading" if token.type == "heading_open" else "cell"
        elif token.type in {"heading_close", "th_close", "td_close"}:
            kind = "paragraph"
        elif token.type == "inline":
            yield _inline(token, kind, row)
        elif token.type == "html_block":
            yield from read_html(token.content, row)


def _inline(token: Token, kind: str, line: int) -> Passage:
    text = ""
    for child in token.children or []:
        if child.type == "text":
            text += child.content
        elif child.type == "code_inline":
            text += CODE
        elif child.type == "image":
            text += f" {child.content}. "
        elif child.type in {"softbreak", "hardbreak"}:
            text += "\n"
    return passage(text, kind, line)


class _Html(HTMLParser):
    """Collects the text between block tags, readable attributes, and the prose of scripts."""

    SILENT = frozenset({"style", "pre"})
    INLINE = frozenset({"a", "b", "i", "em", "strong", "span", "small", "sub", "sup", "abbr", "kbd", "tspan"})
    HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6", "summary", "th", "title"})
    ATTRIBUTES = frozenset({"alt", "title", "placeholder", "aria-label", "content"})

    def __init__(self, first_line: int) -> None:
        super().__init__()
        self.passages: list[Passage] = []
        self._first_line = first_line
        self._open: list[str] = []
        self._text = ""
        self._kind = "paragraph"
        self._line = first_line

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        line = self.getpos()[0] + self._first_line - 1
        if tag == "code":
            self._text += CODE
        elif tag not in self.INLINE:
            self.flush()
            self._kind = "heading" if tag in self.HEADINGS else "paragraph"
        if tag in self.SILENT | {"script", "code"}:
            self._open.append(tag)
        for name, value in attrs:
            if name in self.ATTRIBUTES and value and " " in value:
                self.passages.append(passage(value, "string", line))

    def handle_endtag(self, tag: str) -> None:
        if self._open and self._open[-1] == tag:
            self._open.pop()
        if tag not in self.INLINE | {"code"}:
            self.flush()

    def handle_data(self, data: str) -> None:
        line = self.getpos()[0] + self._first_line - 1
        if self._open:
            if self._open[-1] == "script":
                self.passages.extend(read_javascript(data, line))
            return
        if not self._text.strip():
            stripped = data.lstrip()
            self._line = line + data[: len(data) - len(stripped)].count("\n")
            self._text, data = "", stripped
        self._text += data

    def flush(self) -> None:
        if self._text.strip():
            self.passages.append(passage(self._text.rstrip(), self._kind, self._line))
        self._text, self._kind = "", "paragraph"


def read_html(source: str, first_line: int = 1) -> Iterator[Passage]:
    """Yield the text of each block element, readable attributes, and the prose of inline scripts."""
    html = _Html(first_line)
    html.feed(source)
    html.close()
    html.flush()
    yield from html.passages


_JAVASCRIPT = re.compile(
    r"""//(?P<line>[^\n]*) | /\*(?P<block>.*?)\*/ | (?P<q>["'])(?P<string>(?:\\.|(?!(?P=q))[^\\\n])*)(?P=q)
    | `(?P<template>(?:\\.|[^`\\])*)`""",
    re.VERBOSE | re.DOTALL,
)


def read_javascript(source: str, first_line: int = 1) -> Iterator[Passage]:
    """Yield the comments, and the strings that read as sentences or labels."""
    for match in _JAVASCRIPT.finditer(source):
        line = first_line + source.count("\n", 0, match.start())
        comment = match["line"] if match["line"] is not None else match["block"]
        if comment is not None:
            text = re.sub(r"^[ \t]*\* ?", "", comment, flags=re.MULTILINE)
            yield from paragraphs(text.strip(), "comment", line)
        else:
            text = re.sub(r"\$\{[^{}]*\}", CODE, match["string"] or match["template"] or "")
            text = re.sub(r"<[^<>]*>", " ", text)
            if is_prose(text):
                yield passage(text, "string", line)


def read_css(source: str) -> Iterator[Passage]:
    """Yield a style sheet's comments."""
    for match in re.finditer(r"/\*(.*?)\*/", source, re.DOTALL):
        yield from paragraphs(match[1].strip(), "comment", source.count("\n", 0, match.start()) + 1)
