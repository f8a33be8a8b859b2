"""The commands that README and docs print: found in the Markdown, run, and compared with what the page shows.

A fenced ``sh`` block is a shell script. A fenced ``console`` block has commands after ``$ `` and their output below; in
the output ``...`` matches anything. A comment ``<!-- needs: AWS -->`` before a block means that it can't run here.
"""

from __future__ import annotations

import re
import shlex
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_BLOCK = re.compile(r"^(?P<indent> *)```(?P<kind>sh|console)\n(?P<body>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL)
_NEEDS = re.compile(r"<!-- needs: (.+?) -->\s*\Z")
_INLINE = re.compile(r"`(komorebi-qc [^`\n]+)`")
_MAKE = re.compile(r"(?:`|^ *)make ([a-z][\w-]*)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Block:
    """A block of commands.

    Attributes:
        page: the file that it is in.
        line: of the page, where it begins; counted from 1.
        kind: ``sh`` or ``console``.
        text: without the fence and its indentation.
        needs: why it can't run here; empty if it can.
    """

    page: Path
    line: int
    kind: str
    text: str
    needs: str

    def commands(self) -> list[tuple[str, str]]:
        """Each command with the output that the page shows; the output is empty in an ``sh`` block."""
        if self.kind == "sh":
            return [(self.text, "")]
        found: list[tuple[str, str]] = []
        is_continued = False
        for line in self.text.splitlines(keepends=True):
            if line.startswith("$ "):
                found.append((line[2:], ""))
            elif is_continued:
                found[-1] = (found[-1][0] + line, "")
            else:
                command, output = found[-1]
                found[-1] = (command, output + line)
            is_continued = line.endswith("\\\n") and not found[-1][1]
        return found


def blocks(page: Path) -> list[Block]:
    """The blocks of commands of one page."""
    text = page.read_text(encoding="utf-8")
    found = []
    for match in _BLOCK.finditer(text):
        body = "".join(line.removeprefix(match["indent"]) for line in match["body"].splitlines(keepends=True))
        needs = _NEEDS.search(text[: match.start()])
        found.append(
            Block(page, text.count("\n", 0, match.start()) + 1, match["kind"], body, needs[1] if needs else "")
        )
    return found


def run(block: Block, folder: Path, environ: Mapping[str, str]) -> list[str]:
    """Run a block in a folder; each command that fails, or prints something else, as a sentence."""
    faults = []
    for command, expected in block.commands():
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command],
            cwd=folder,
            env=dict(environ),
            capture_output=True,
            text=True,
            check=False,
            timeout=200,
        )
        if done.returncode != 0:
            faults.append(f"line {block.line}: exit code {done.returncode}: {command.strip()}\n{done.stderr[-2000:]}")
        elif expected and not matches(expected, done.stdout):
            faults.append(f"line {block.line}: {command.strip()} printed\n{done.stdout}\ninstead of\n{expected}")
    return faults


def matches(expected: str, printed: str) -> bool:
    """Whether an output is the one that a page shows; ``...`` matches anything. Spaces at a line's end don't count."""
    wanted, got = ("\n".join(line.rstrip() for line in text.strip().splitlines()) for text in (expected, printed))
    pattern = ".*".join(re.escape(part) for part in wanted.split("..."))
    return re.fullmatch(pattern, got, re.DOTALL) is not None


def calls(page: Path) -> Iterator[tuple[str, list[str]]]:
    """Every call of komorebi-qc that a page prints, in a block or in a sentence, and its words after the name."""
    text = page.read_text(encoding="utf-8")
    for block in blocks(page):
        script = re.sub(r"\\\n", " ", block.text)
        for line in script.splitlines():
            found = re.match(r"(?:\$ )?(?:[A-Z_]+=\S+ )*komorebi-qc (.*)", line.strip())
            if found:
                yield line.strip(), _words(found[1])
    for call in _INLINE.findall(text):
        yield call, _words(call.removeprefix("komorebi-qc "))


def _words(text: str) -> list[str]:
    """A shell line's words; a line that ends within quotes is cut where it ends."""
    try:
        return shlex.split(text, comments=True)
    except ValueError:
        return text.split()


def unknown_words(words: list[str], group: Any) -> list[str]:
    """The command or the options of a call that the command line doesn't have; hidden ones count as unknown."""
    command, rest = group, list(words)
    while rest and getattr(command, "commands", None):
        name = rest[0]
        if name.startswith("-"):
            break
        inner = command.commands.get(name)
        if inner is None or inner.hidden:
            return [name] if re.fullmatch(r"[a-z][\w-]*", name) else []
        command, rest = inner, rest[1:]
    known = {"--help", "-h"} | {
        name for one in command.params if not getattr(one, "hidden", False) for name in (*one.opts, *one.secondary_opts)
    }
    return [word for word in rest if re.match(r"--?[a-z]", word) and word.partition("=")[0] not in known]


def make_targets(page: Path) -> set[str]:
    """The targets of ``make`` that a page names."""
    return set(_MAKE.findall(page.read_text(encoding="utf-8")))
