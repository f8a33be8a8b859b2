"""The errors' own sentences: how to install what is missing."""

from __future__ import annotations

import ast
import re
from importlib.metadata import requires, version
from itertools import chain
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from komorebi_qc.core.errors import NOTHING_PUBLISHED, InputError, missing_extra, refusal_reason

PACKAGE = Path(__file__).parents[3] / "komorebi_qc"


def _brought_by(extra: str, seen: frozenset[str] = frozenset()) -> set[str]:
    """The packages that an extra names, by itself or through another extra of this package."""
    found: set[str] = set()
    for wanted in map(Requirement, requires("komorebi-qc") or ()):
        if wanted.marker is None or not wanted.marker.evaluate({"extra": extra}):
            continue
        if wanted.name == "komorebi-qc":
            found |= set(chain.from_iterable(_brought_by(one, seen | {extra}) for one in wanted.extras - seen))
        else:
            found.add(wanted.name)
    return found


def _calls() -> list[tuple[str, str, str]]:
    """Each call of `missing_extra` that names its extra and its library: the file and both."""
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        source = path.read_text(encoding="utf-8")
        if "missing_extra" not in source:
            continue
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "missing_extra":
                named = [one.value for one in node.args if isinstance(one, ast.Constant)]
                if len(named) == 2:
                    found.append((path.name, str(named[0]), str(named[1])))
    return found


def test_gives_the_lines_that_install_the_extra() -> None:
    """The sentence names the package and one line for each way to install it."""
    error = missing_extra("desk", "papermill.execute", needed_by="an audit")
    assert isinstance(error, InputError)
    wheel = f"komorebi_qc-{version('komorebi-qc')}-py3-none-any.whl[desk]"
    assert str(error) == (
        'an audit needs papermill, which isn\'t installed; install it with: pip install -e ".[desk]" (in a checkout), '
        f'or pip install "{wheel}" (from the wheel)'
    )


@pytest.mark.parametrize(("library", "package"), [("PIL.Image", "pillow"), ("flask_cors", "flask-cors")])
def test_names_the_package_and_not_the_module(library: str, package: str) -> None:
    """The name is the one that pip knows."""
    assert str(missing_extra("fleet", library)).startswith(f"{package} isn't installed;")


@pytest.mark.parametrize("call", _calls(), ids=lambda call: f"{call[0]}: {call[2]}")
def test_the_extra_brings_the_library(call: tuple[str, str, str]) -> None:
    """Each place in the package that names an extra names one that brings its library."""
    _, extra, library = call
    assert library in _brought_by(extra)


def test_no_other_sentence_installs_from_an_index() -> None:
    """The package isn't on an index, so `pip install komorebi-qc` can't work; no source file offers it."""
    for path in (path for path in PACKAGE.rglob("*") if path.suffix in {".py", ".js", ".ipynb", ".html"}):
        assert not re.search(r"pip install ['\"]?komorebi-qc", path.read_text(encoding="utf-8")), path


def test_a_refusal_has_a_reason_of_its_own() -> None:
    """The reason is the text before the remedies; a text without remedies is a reason."""
    assert refusal_reason(f"they differ{NOTHING_PUBLISHED}. Check both files") == "they differ"
    assert refusal_reason("they differ") == "they differ"
