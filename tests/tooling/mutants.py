"""Draw a seeded sample of mutants with mutmut's operators, as JSON lines. Runs in the environment `.tools/mutation`.

mutmut runs its mutants by trampolines inside functions, so it has no mutants of properties and of module constants.
This module keeps mutmut's operators and its rules for what to skip, and adds both. Left out:

- strings that hold a space, strings inside of f-strings, and arguments of a `raise`: they are parts of
  sentences, and their mutants measure only wording;
- `__all__`, and mutants whose syntax tree equals the original's or doesn't compile.
"""

from __future__ import annotations

import argparse
import ast
import difflib
import fnmatch
import json
import random
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import libcst as cst
from libcst.metadata import MetadataWrapper, ParentNodeProvider, PositionProvider
from mutmut.mutation.file_mutation import MutationVisitor, OuterFunctionProvider
from mutmut.mutation.mutators import mutation_operators
from mutmut.mutation.pragma_handling import IgnoredCode

if TYPE_CHECKING:
    from collections.abc import Iterable

PROPERTIES = ("property", "cached_property")


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change of one node of one file.

    Attributes:
        path: The file, from the root.
        operator: mutmut's name of the operator, without `operator_`.
        lines: First and last line of the smallest statement (or its header) that holds the node.
        scope: First and last line of the outermost function around it, or None at module level.
        original: The node to replace.
        replacement: Its replacement.
    """

    path: str
    operator: str
    lines: tuple[int, int]
    scope: tuple[int, int] | None
    original: cst.CSTNode
    replacement: cst.CSTNode


class Visitor(MutationVisitor):  # type: ignore[misc]  # mutmut isn't installed where mypy runs
    """mutmut's visitor, with the operator's name kept, and with properties."""

    METADATA_DEPENDENCIES = (PositionProvider, OuterFunctionProvider, ParentNodeProvider)

    def __init__(self, path: str) -> None:
        super().__init__(mutation_operators, IgnoredCode(set(), set(), set()))
        self.path = path
        self.found: list[Mutant] = []
        self._in_text = 0

    def _skip_node_and_children(self, node: cst.CSTNode) -> bool:
        if isinstance(node, cst.FunctionDef) and len(node.decorators) == 1:
            decorator = node.decorators[0].decorator
            if isinstance(decorator, cst.Name) and decorator.value in PROPERTIES:
                return False
        if isinstance(node, cst.SimpleStatementLine) and is_dunder_all(node):
            return True
        if isinstance(node, cst.FormattedString):
            self._in_text += 1
        skipped: bool = super()._skip_node_and_children(node)
        return skipped

    def on_leave(self, original_node: cst.CSTNode) -> None:
        """Count the f-strings around a node."""
        if isinstance(original_node, cst.FormattedString):
            self._in_text -= 1
        super().on_leave(original_node)

    def _create_mutations(self, node: cst.CSTNode) -> None:
        if is_sentence(node) or (self._in_text and isinstance(node, cst.SimpleString)):
            return
        for kind, operator in self._operators:
            if not isinstance(node, kind):
                continue
            name = operator.__name__.removeprefix("operator_")
            if name == "arg_removal" and isinstance(self.get_metadata(ParentNodeProvider, node, None), cst.Raise):
                continue
            for replacement in operator(node):
                self.found.append(Mutant(self.path, name, self._lines(node), self._scope(node), node, replacement))

    def _span(self, node: cst.CSTNode) -> tuple[int, int]:
        span = self.get_metadata(PositionProvider, node)
        return span.start.line, span.end.line

    def _lines(self, node: cst.CSTNode) -> tuple[int, int]:
        first, last = self._span(node) if self.get_metadata(PositionProvider, node, None) else (sys.maxsize, 0)
        while not isinstance(node, cst.SimpleStatementLine | cst.BaseCompoundStatement | cst.Module):
            parent = self.get_metadata(ParentNodeProvider, node, None)
            if parent is None:
                break
            node = parent
        start, end = self._span(node)
        # Of a compound statement only the header holds the node; its body has separate statements.
        return (start, end) if isinstance(node, cst.SimpleStatementLine) else (start, max(start, last, min(first, end)))

    def _scope(self, node: cst.CSTNode) -> tuple[int, int] | None:
        outer = self.get_metadata(OuterFunctionProvider, node, None)
        return self._span(outer) if isinstance(outer, cst.FunctionDef) else None


def is_dunder_all(node: cst.SimpleStatementLine) -> bool:
    """Whether a statement assigns `__all__`."""
    first = node.body[0]
    return isinstance(first, cst.Assign) and getattr(first.targets[0].target, "value", "") == "__all__"


def is_sentence(node: cst.CSTNode) -> bool:
    """Whether a node is text that people read: a string with a space in it."""
    return isinstance(node, cst.SimpleString) and " " in node.value.strip("\"' ")


@dataclass(frozen=True, slots=True)
class Candidates:
    """All mutants of a file, not yet tried for their syntax.

    Attributes:
        path: The file, from the root.
        text: Its text.
        module: Its tree, which holds every node of the mutants.
        mutants: In the order of the text.
    """

    path: str
    text: str
    module: cst.Module
    mutants: list[Mutant]

    def make(self, index: int) -> dict[str, object] | None:
        """The mutant as a row of the sample; None if it doesn't compile or changes no syntax."""
        mutant = self.mutants[index]
        changed = self.module.deep_replace(mutant.original, mutant.replacement)
        after = changed.code if isinstance(changed, cst.Module) else self.text
        try:
            compile(after, self.path, "exec")
        except (SyntaxError, ValueError):
            return None
        if ast.dump(ast.parse(after)) == ast.dump(ast.parse(self.text)):
            return None
        diff = list(difflib.unified_diff(self.text.splitlines(), after.splitlines(), lineterm="", n=0))[2:]
        return {
            "path": self.path,
            "line": int(diff[0].split()[1].lstrip("-").split(",")[0]),
            "operator": mutant.operator,
            "lines": mutant.lines,
            "scope": mutant.scope,
            "diff": [line for line in diff if not line.startswith("@@")],
            "source": after,
        }


def candidates(root: Path, path: str) -> Candidates:
    """Every mutant of a file."""
    text = (root / path).read_text()
    visitor = Visitor(path)
    module = MetadataWrapper(cst.parse_module(text)).visit(visitor)
    return Candidates(path, text, module, visitor.found)


def draw(
    root: Path, packages: dict[str, list[str]], size: int, seed: int
) -> tuple[dict[str, int], list[dict[str, object]]]:
    """Count the mutants of each package, and draw a sample over all of them without replacement.

    Returns:
        The number of candidates by package, and the sample in the order of files and lines.
    """
    everything: list[tuple[str, Candidates, int]] = []
    counts: dict[str, int] = {}
    for package, patterns in packages.items():
        for path in files(root, patterns):
            of_file = candidates(root, path)
            counts[package] = counts.get(package, 0) + len(of_file.mutants)
            everything.extend((package, of_file, index) for index in range(len(of_file.mutants)))
    sample: list[dict[str, object]] = []
    for package, of_file, index in random.Random(seed).sample(everything, len(everything)):  # noqa: S311  no secret
        made = of_file.make(index)
        if made is not None:
            sample.append({"package": package, **made})
        if len(sample) == size:
            break
    sample.sort(key=lambda m: (str(m["path"]), m["line"], str(m["diff"])))
    return counts, sample


def files(root: Path, patterns: Iterable[str]) -> list[str]:
    """The files that patterns name; one that opens with `!` takes files away."""
    found: set[str] = set()
    for pattern in patterns:
        if pattern.startswith("!"):
            found = {path for path in found if not fnmatch.fnmatch(path, pattern[1:])}
        else:
            found |= {str(path.relative_to(root)) for path in root.glob(pattern)}
    return sorted(found)


def main() -> None:
    """Write the sample to standard output: one line of counts, then one line a mutant."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("packages", help='JSON: {"package": ["pattern", "!pattern"]}')
    parser.add_argument("--size", type=int, default=400)
    parser.add_argument("--seed", type=int, default=2026)
    asked = parser.parse_args()
    counts, sample = draw(Path.cwd(), json.loads(asked.packages), asked.size, asked.seed)
    print(json.dumps(counts))
    for mutant in sample:
        print(json.dumps(mutant))


if __name__ == "__main__":
    main()
