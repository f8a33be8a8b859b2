"""`komorebi-qc fleet`, as a person or a script runs it; the page itself is tested with `fleet`."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest
from shell import Shell

from komorebi_qc.fleet.synthetic import synthetic_rows, write_dataset

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    """A shell of 300 columns."""
    monkeypatch.setenv("COLUMNS", "300")
    return Shell(monkeypatch, capsys)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A made dataset."""
    root = tmp_path_factory.mktemp("dataset")
    write_dataset(synthetic_rows(3_000), root)
    return root


def test_a_person_gets_the_answers(shell: Shell, dataset: Path, tmp_path: Path) -> None:
    """The page is written, and the answers of its first screen are printed as well."""
    out = tmp_path / "fleet.html"
    assert shell.run("fleet", dataset, "--out", out) == 0
    assert out.read_text().startswith("<!doctype html>")
    for question in ("How many are bad?", "Since when?", "Whose?", "What first?"):
        assert question in shell.out
    assert f"The page is in {out}," in shell.out


def test_a_script_gets_numbers(shell: Shell, dataset: Path, tmp_path: Path) -> None:
    """With --json there are counts, answers and the page's size in one object."""
    out = tmp_path / "fleet.html"
    assert shell.run("fleet", dataset, "--out", out, "--worst", 3, "--json") == 0
    found = json.loads(shell.out)
    assert found["recordings"] == 3_000
    assert found["bytes"] == out.stat().st_size
    assert found["examined"] + found["failed"] + found["rejected"] == 3_000
    assert len(found["answers"]) == 4
    assert shell.err == ""


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "the dataset is missing"),
        (("data", "--demo", "--out", "x.html"), "both named"),
        (("data",), "--out is missing"),
        (("nowhere/at/all", "--out", "x.html"), "isn't a dataset"),
        (("nowhere/at/all", "--out", "x.html", "--worst", "many"), "--worst"),
    ],
)
def test_bad_usage_is_a_sentence(shell: Shell, arguments: tuple[str, ...], words: str) -> None:
    """A wrong order is answered with a sentence and exit code 2."""
    assert shell.run("fleet", *arguments) == 2
    assert words in shell.err


def test_too_many_of_the_worst_are_refused(shell: Shell, dataset: Path, tmp_path: Path) -> None:
    """More than the page holds is bad input, and nothing is written."""
    assert shell.run("fleet", dataset, "--out", tmp_path / "x.html", "--worst", 201) == 2
    assert "0 to 200" in shell.err
    assert list(tmp_path.iterdir()) == []


def test_a_missing_library_is_named(shell: Shell, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without the extra's libraries the sentence says what to install."""
    for name in [name for name in sys.modules if name.startswith("komorebi_qc.fleet")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "duckdb", None)
    assert shell.run("fleet", tmp_path, "--out", tmp_path / "x.html") == 2
    assert 'duckdb isn\'t installed; install it with: pip install -e ".[fleet]"' in shell.err


def test_demo_has_a_page_of_its_own(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`fleet --demo` needs no --out."""
    monkeypatch.chdir(tmp_path)
    assert shell.run("fleet", "--demo", "--json") == 0
    assert json.loads(shell.out)["out"] == "demo-output/fleet.html"
    assert (tmp_path / "demo-output" / "fleet.html").is_file()
