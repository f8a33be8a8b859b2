"""The layout of the package: few levels, small modules, small folders, and only entry points at the top."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import grimp

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "komorebi_qc"
MOST_LEVELS = 13
MOST_LINES = 400
MOST_MODULES = 12
AT_THE_TOP = {"__init__.py", "__main__.py", "api.py"}
"""The public interface, and `python -m komorebi_qc`."""


def levels() -> dict[str, int]:
    """The level of every package and top module: one above the highest that it imports."""
    graph = grimp.build_graph("komorebi_qc", cache_dir=None)
    parts = {name.split(".")[1] for name in graph.modules if name.count(".")}
    imports: dict[str, set[str]] = {part: set() for part in parts}
    for module in graph.modules:
        for imported in graph.find_modules_directly_imported_by(module):
            above, below = (name.partition(".")[2].partition(".")[0] for name in (module, imported))
            if above and below and above != below:
                imports[above].add(below)

    @cache
    def level(part: str) -> int:
        return 1 + max((level(below) for below in imports[part]), default=0)

    return {part: level(part) for part in parts if part != "__main__"}


def test_imports_have_few_levels() -> None:
    """From the command line down to the core there are at most 13 packages one above the other, without a circle."""
    found = levels()
    assert max(found.values()) <= MOST_LEVELS, sorted(found.items(), key=lambda item: item[1])
    assert found["core"] == 1


def test_every_module_is_one_idea() -> None:
    """No module has more than 400 lines."""
    sizes = {path.relative_to(ROOT): len(path.read_text().splitlines()) for path in PACKAGE.rglob("*.py")}
    assert {str(path): size for path, size in sizes.items() if size > MOST_LINES} == {}


def test_folders_are_small() -> None:
    """No folder has more than a dozen modules."""
    counts: dict[str, int] = {}
    for path in PACKAGE.rglob("*.py"):
        if path.name != "__init__.py":
            folder = str(path.parent.relative_to(ROOT))
            counts[folder] = counts.get(folder, 0) + 1
    assert {folder: count for folder, count in counts.items() if count > MOST_MODULES} == {}


def test_the_top_is_the_public_interface() -> None:
    """A listing of the package shows its packages, and only the entry points beside them."""
    assert {path.name for path in PACKAGE.glob("*.py")} <= AT_THE_TOP
