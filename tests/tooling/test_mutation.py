"""The choice of tests for a mutant, one mutant in its process, and the table of scores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mutant_process import Chosen, Mutated
from mutation import Reach, report

if TYPE_CHECKING:
    import pytest

PATH = "komorebi_qc/core/timebase.py"
FAST, SLOW, OWN = "tests/unit/a.py::fast", "tests/unit/a.py::slow", "tests/unit/core/test_timebase.py::own"


def mutant(lines: tuple[int, int], scope: tuple[int, int] | None) -> dict[str, Any]:
    """A mutant of one file."""
    return {"path": PATH, "package": "core", "lines": lines, "scope": scope}


def reach(lines: dict[int, set[str]]) -> Reach:
    """Three tests, of which the mirrored one is the slowest."""
    return Reach({FAST: 0.1, SLOW: 1.0, OWN: 2.0}, {PATH: lines})


def test_the_tests_of_the_lines_run() -> None:
    """Tests of other lines are left out; the mirrored module's come first, then the quickest."""
    by_line = reach({10: {SLOW}, 11: {FAST, OWN}, 12: {SLOW, FAST}})
    assert by_line.tests_of(mutant((10, 10), (9, 20)), 9.0) == [SLOW]
    assert by_line.tests_of(mutant((10, 12), (9, 20)), 9.0) == [OWN, FAST, SLOW]
    assert by_line.tests_of(mutant((10, 12), (9, 20)), 2.5) == [OWN, FAST]
    assert by_line.tests_of(mutant((10, 12), (9, 20)), 0.5) == [OWN]
    assert by_line.tests_of(mutant((30, 30), (29, 40)), 9.0) == []


def test_a_test_that_kills_comes_early() -> None:
    """A slow test that has killed many mutants runs before a quick one that has killed none."""
    by_line = reach({10: {SLOW, FAST}})
    by_line.kills[SLOW] = 20
    assert by_line.tests_of(mutant((10, 10), (9, 20)), 9.0) == [SLOW, FAST]


def test_lines_that_run_on_import() -> None:
    """A default value has its function's tests; a constant has those of the file and of the mirrored module."""
    by_line = reach({12: {FAST}, 40: {SLOW}})
    assert by_line.tests_of(mutant((9, 9), (9, 20)), 9.0) == [FAST]
    assert by_line.tests_of(mutant((3, 3), None), 9.0) == [OWN, FAST, SLOW]
    assert Reach({FAST: 0.1, OWN: 2.0}).tests_of(mutant((3, 3), None), 9.0) == [OWN]


def test_the_table_of_scores() -> None:
    """Killed and timed out mutants are detected; survivors are listed with their change."""
    results = [
        {
            "package": package,
            "status": status,
            "path": PATH,
            "line": 7,
            "operator": "number",
            "tests": 3,
            "diff": ["-1"],
        }
        for package, status in (("core", "killed"), ("core", "timeout"), ("sync", "survived"), ("sync", "no_tests"))
    ]
    table = report({"core": 10, "sync": 20}, results, show=True).splitlines()
    assert [line.split()[0] for line in table[1:4]] == ["core", "sync", "all"]
    assert [line.split()[-1] for line in table[1:4]] == ["100.0%", "0.0%", "50.0%"]
    assert table[3].split()[1:3] == ["30", "4"]
    assert table[4:] == [
        f"{PATH}:7: survived (number, 3 tests)",
        "    -1",
        f"{PATH}:7: no_tests (number, 3 tests)",
        "    -1",
    ]


def test_a_module_is_imported_from_its_mutated_text() -> None:
    """The hook serves one module, by its dotted name, and a package by its folder."""
    hook = Mutated(PATH, "ANSWER = 42")
    assert hook.find_spec("komorebi_qc.core.splice", None) is None
    spec = hook.find_spec("komorebi_qc.core.timebase", None)
    assert spec is not None
    module: Any = type("Module", (), {})()
    hook.exec_module(module)
    assert module.ANSWER == 42
    package = Mutated("komorebi_qc/sync/__init__.py", "").find_spec("komorebi_qc.sync", None)
    assert package is not None
    assert package.submodule_search_locations


def test_only_the_chosen_tests_are_kept(request: pytest.FixtureRequest) -> None:
    """Others are dropped, and the order is that of the choice."""
    items = list(request.session.items)
    names = [item.nodeid for item in items]
    Chosen([names[-1], names[0]]).pytest_collection_modifyitems(items)
    assert [item.nodeid for item in items] == list(dict.fromkeys([names[-1], names[0]]))
