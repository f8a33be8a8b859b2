"""The command: checks the repository's prose against its style. `.ci/prose.sh` runs it.

The rules in `.ci/prose` use the rule format of Vale (https://vale.sh). Vale itself isn't used: its packages on PyPI and
npm download the program when they are first run, and it doesn't read the strings of Python files. Errors lead to exit
code 1; warnings and suggestions don't.
"""

from __future__ import annotations

import argparse
import fnmatch
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from prose.check import Hit, check_passages
from prose.files import is_readable, passages_of
from prose.rules import load_rules

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).resolve().parents[3]
RULES = ROOT / ".ci" / "prose"
LEVELS = ("suggestion", "warning", "error")

EXCLUDED = ("*test_prose*.py", ".ci/prose/*", ".ci/tools/*", "LICENSE*")
"""Patterns of files that aren't checked: the checker's own examples of bad style, and texts by others."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Check, print by file, and return the exit code."""
    options = _parser().parse_args(arguments)
    rules = [rule for rule in load_rules(RULES) if not options.rule or rule.name in options.rule]
    root = options.root.resolve()
    by_rule: Counter[tuple[str, str]] = Counter()
    for path in files_of(root, [*options.paths, *options.only]):
        hits = check_passages(passages_of(path), rules)
        by_rule.update((hit.level, hit.rule) for hit in hits)
        _print_file(str(path.relative_to(root)), hits, options.level, counts_only=options.counts)
    for (level, rule), count in sorted(by_rule.items(), key=lambda item: (-LEVELS.index(item[0][0]), -item[1])):
        print(f"{count:6} {level:10} {rule}")
    totals: Counter[str] = Counter()
    for (level, _), count in by_rule.items():
        totals[level] += count
    print("prose: " + ", ".join(f"{totals[level]} {level}s" for level in reversed(LEVELS)))
    return 1 if totals["error"] else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="prose.sh", description="Check the repository's prose against its style.")
    parser.add_argument("paths", nargs="*", type=Path, metavar="PATH", help="files or folders (default: all)")
    parser.add_argument("--only", nargs="+", type=Path, default=[], metavar="PATH", help="the same as PATH")
    parser.add_argument("--level", choices=LEVELS, default="warning", help="lowest level to print (default: warning)")
    parser.add_argument("--rule", action="append", help="check only this rule; can be given several times")
    parser.add_argument("--counts", action="store_true", help="print only how many hits each file has")
    parser.add_argument("--root", type=Path, default=ROOT, help="the repository (default: this one)")
    return parser


def files_of(root: Path, paths: Sequence[Path]) -> list[Path]:
    """Return the files to check: those of the repository, tracked or new, under any of `paths` (all without)."""
    command = ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    wanted = [path.resolve() for path in paths]
    files = []
    for name in sorted(set(listed.split("\0")) - {""}):
        path = root / name
        is_wanted = not wanted or any(path.is_relative_to(folder) for folder in wanted)
        is_excluded = any(fnmatch.fnmatch(name, pattern) for pattern in EXCLUDED)
        if is_wanted and not is_excluded and is_readable(path) and path.is_file():
            files.append(path)
    return files


def _print_file(name: str, hits: Sequence[Hit], lowest: str, *, counts_only: bool) -> None:
    levels = Counter(hit.level for hit in hits)
    shown = [hit for hit in hits if LEVELS.index(hit.level) >= LEVELS.index(lowest)]
    if not shown:
        return
    print(f"{name}: " + ", ".join(f"{levels[level]} {level}s" for level in reversed(LEVELS) if levels[level]))
    if not counts_only:
        for hit in shown:
            print(f"  {hit.line}: {hit.level} {hit.rule}: {hit.message}\n      {hit.excerpt}")


if __name__ == "__main__":
    sys.exit(main())
