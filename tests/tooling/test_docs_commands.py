"""Every command that README and docs print runs as printed on the sample call, or names what it needs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer.main
from doc_commands import Block, blocks, calls, make_targets, matches, run, unknown_words

from komorebi_qc.cli.main import app

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
RUNNABLE = [page for page in PAGES if any(not block.needs for block in blocks(page))]
GROUP = typer.main.get_command(app)


def _name(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """An empty folder from which commands find the package and the notebooks, as in a checkout."""
    for name in ("komorebi_qc", "notebooks"):
        (tmp_path / name).symlink_to(ROOT / name)
    return tmp_path


def _environ(folder: Path) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "KOMOREBI_")) and "BUCKET" not in k}
    return {**kept, "PATH": f"{Path(sys.executable).parent}:{kept['PATH']}", "HOME": str(folder), "NO_COLOR": "1"}


@pytest.mark.parametrize("page", RUNNABLE, ids=_name)
def test_commands_run_as_printed(page: Path, checkout: Path) -> None:
    """The blocks of a page run in order, in one folder, print what the page shows, and leave only ignored files."""
    faults = []
    for block in blocks(page):
        if not block.needs:
            faults += run(block, checkout, _environ(checkout))
    assert not faults, "\n\n".join(faults)
    left = {one.name for one in checkout.iterdir() if not one.is_symlink() and not one.name.startswith(".")}
    assert _unignored(left) == set()


def _unignored(names: set[str]) -> set[str]:
    """The files and folders in a checkout that git would offer to add."""
    tried = [f"{name}{end}" for name in sorted(names) for end in ("", "/")]
    command = ["git", "-C", str(ROOT), "check-ignore", "--no-index", "--stdin"]
    ran = subprocess.run(command, input="\n".join(tried), capture_output=True, text=True, check=False)
    return names - {line.rstrip("/") for line in ran.stdout.splitlines()}


def test_an_unignored_file_is_found() -> None:
    """Results in the checkout's folder are ignored; a file of another name is not."""
    results = {"out.ipynb", "unified.mp4", "unified.qc.json", "list.csv", "quality", "audit", "fleet.html", "seam.mp4"}
    assert _unignored({*results, "new.py"}) == {"new.py"}


def test_readme_shows_three_examples() -> None:
    """The README shows the output of diagnose, process and demo."""
    shown = "".join(command for block in blocks(PAGES[0]) if block.kind == "console" for command, _ in block.commands())
    assert [name for name in ("diagnose", "process", "demo") if f"komorebi-qc {name}" not in shown] == []


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_printed_options_exist(page: Path) -> None:
    """Each call of komorebi-qc, in a block or in a sentence, uses commands and options that are in the help."""
    unknown = {call: words for call, rest in calls(page) if (words := unknown_words(rest, GROUP))}
    assert unknown == {}


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_printed_make_targets_exist(page: Path) -> None:
    """Each `make` target that a page names is in the Makefile."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = {name for line in re.findall(r"^([\w. %/-]+):(?!=)", makefile, re.MULTILINE) for name in line.split()}
    assert make_targets(page) - targets == set()


def test_needs_are_visible(tmp_path: Path) -> None:
    """A block that needs something is not run, and the reason is kept."""
    page = tmp_path / "page.md"
    page.write_text("It needs AWS.\n\n<!-- needs: AWS -->\n```sh\nexit 1\n```\n\n```sh\ntrue\n```\n")
    assert [(block.needs, block.text, block.line) for block in blocks(page)] == [
        ("AWS", "exit 1\n", 4),
        ("", "true\n", 8),
    ]


def test_failing_command_is_reported(tmp_path: Path) -> None:
    """A command that ends with another exit code than 0 is a fault that quotes it."""
    faults = run(Block(tmp_path / "page.md", 7, "sh", "echo oops >&2; exit 3\n", ""), tmp_path, os.environ)
    assert len(faults) == 1
    assert faults[0].startswith("line 7: exit code 3: echo oops")


def test_other_output_is_reported(tmp_path: Path) -> None:
    """A console block whose command prints something else is a fault."""
    block = Block(tmp_path / "page.md", 1, "console", "$ printf 'a\\n' && \\\n  echo c\na\nb\n$ echo d\nd\n", "")
    assert block.commands() == [("printf 'a\\n' && \\\n  echo c\n", "a\nb\n"), ("echo d\n", "d\n")]
    faults = run(block, tmp_path, os.environ)
    assert len(faults) == 1
    assert "instead of\na\nb" in faults[0]


@pytest.mark.parametrize(
    ("expected", "printed", "is_same"),
    [
        ("a\n...\nz\n", "a\nb\nc\nz\n", True),
        ("took ... s\n", "took 3.2 s\n", True),
        ("took ... s\n", "took 3.2 minutes\n", False),
        ("a\n", "a\nb\n", False),
        ("1.5 (s)\n", "1.5 (s)   \n", True),
        ("1.5\n", "1x5\n", False),
    ],
)
def test_output_matches_with_gaps(expected: str, printed: str, *, is_same: bool) -> None:
    """Only ``...`` stands for anything; all other characters are literal."""
    assert matches(expected, printed) is is_same


@pytest.mark.parametrize(
    ("words", "unknown"),
    [
        (["diagnose", "--demo", "--no-such"], ["--no-such"]),
        (["no-such"], ["no-such"]),
        (["dlq", "list", "--json"], []),
        (["process", "--offset", "-1.5"], []),
    ],
)
def test_unknown_options_are_found(words: list[str], unknown: list[str]) -> None:
    """A command or an option that isn't in the help is named; a negative number is no option."""
    assert unknown_words(words, GROUP) == unknown
