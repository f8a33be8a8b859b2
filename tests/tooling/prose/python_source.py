"""Finds prose in Python source: docstrings, comments, messages and names."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from typing import TYPE_CHECKING

from prose.markup import read_html
from prose.passage import CODE, Passage, is_prose, paragraphs, passage

if TYPE_CHECKING:
    from collections.abc import Iterator

_DIRECTIVE = re.compile(r"#\s*(?:noqa|type:|fmt:|ruff:|mypy:|pragma|pylint:|!).*|^#!.*")


def read_python(source: str, first_line: int = 1) -> Iterator[Passage]:
    """Yield docstrings, comments, messages and the names of test functions.

    Source that doesn't parse (a notebook cell with magics) yields its comments only.
    """
    yield from _python_comments(source, first_line)
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return
    shift = first_line - 1
    docstrings: set[int] = set()
    for body in _bodies(tree):
        for statement in body:
            if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
                docstrings.add(id(statement.value))
                if isinstance(statement.value.value, str):
                    yield from read_docstring(statement.value.value, statement.lineno + shift)
    for name, line in dict(_names(tree)).items():
        words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name).replace("_", " ").strip().lower()
        is_test = words.startswith("test ")
        yield passage(words.removeprefix("test "), "test" if is_test else "identifier", line + shift)
    for string, line in _strings(tree, docstrings):
        if re.match(r"\s*(?:CODE\s*)*<[a-z!]", string):
            yield from read_html(string, line + shift)
        elif is_prose(string):
            yield passage(string, "string", line + shift)


def _names(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Yield the names that the source gives to things, with their lines."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name, node.lineno
        elif isinstance(node, ast.arg):
            yield node.arg, node.lineno
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id, node.lineno


def _bodies(tree: ast.Module) -> Iterator[list[ast.stmt]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.body


def _strings(tree: ast.Module, docstrings: set[int]) -> Iterator[tuple[str, int]]:
    """Yield each string literal once, f-strings with their placeholders blanked."""
    inside: set[int] = set(docstrings)
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr) and id(node) not in inside:
            parts = []
            for value in node.values:
                inside.add(id(value))
                if isinstance(value, ast.Constant):
                    parts.append(str(value.value))
                else:
                    parts.append(CODE)
            yield "".join(parts), node.lineno
        elif isinstance(node, ast.FormattedValue) and isinstance(node.format_spec, ast.JoinedStr):
            inside.add(id(node.format_spec))
            inside.update(id(value) for value in node.format_spec.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inside:
            yield node.value, node.lineno


def _python_comments(source: str, first_line: int) -> Iterator[Passage]:
    """Yield runs of comment lines of one column as one passage."""
    run: list[tuple[int, int, str]] = []
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
    except (tokenize.TokenError, IndentationError, SyntaxError):
        tokens = []
    for token in tokens:
        if token.type != tokenize.COMMENT:
            continue
        row, column = token.start
        text = _DIRECTIVE.sub("", token.string).lstrip("#: ")
        if run and (run[-1][0] + 1, run[-1][1]) != (row, column):
            yield from _comment_run(run, first_line)
            run = []
        run.append((row, column, text))
    yield from _comment_run(run, first_line)


def _comment_run(run: list[tuple[int, int, str]], first_line: int) -> Iterator[Passage]:
    if run:
        yield from paragraphs("\n".join(text for _, _, text in run), "comment", run[0][0] + first_line - 1)


_ENTRY = re.compile(r"^\s*(?:\*{0,2}\w[\w.]*(?: \([^)]*\))?:\s|[-*] |\d+\. )")
_SECTION = re.compile(r"^\s*(?:Args|Attributes|Returns|Raises|Yields|Note|Notes|Example|Examples|Warns):\s*$")


def read_docstring(text: str, line: int) -> Iterator[Passage]:
    """Yield a docstring's paragraphs, list items and Google-style entries; doctests are left out."""
    block: list[str] = []
    start = line
    is_doctest = False
    for row, part in enumerate(text.split("\n"), line):
        stripped = part.strip()
        is_doctest = bool(stripped) and (is_doctest or stripped.startswith(">>>"))
        ends = not stripped or is_doctest or bool(_SECTION.match(part))
        if (ends or _ENTRY.match(part)) and block:
            yield passage("\n".join(block), "docstring", start)
            block = []
        if not ends:
            if not block:
                start = row
            block.append(_ENTRY.sub("", part) if not block else part)
    if block:
        yield passage("\n".join(block), "docstring", start)
