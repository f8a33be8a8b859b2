"""Mutation testing: run a seeded sample of mutants, each in a forked process with the tests that reach it.

    make mutation                                                        the sample of mutation.toml
    make mutation ARGS='--size 50 --seed 7 --only sync --show'           another one, with each survivor's change

The mutants come from mutmut's operators (`mutants.py`, in the environment `.tools/mutation`). mutmut's own runner isn't
used: it has no mutants of constants and properties, and it chooses tests by function instead of by line. In order:

1. The tests run once under coverage. It notes the lines that each test runs. Each test's CPU time is noted, too.
2. A process imports the tests' libraries, but nothing of the package. It forks once for each mutant. In the child an
   import hook gives the package the mutated text of one module. The child runs the tests that reach the mutated lines:
   first those of the mirrored test module, then those that killed most mutants a second so far, up to `test_seconds`.
3. A mutant is killed if a test fails or the package can't be imported. It has timed out if it takes `time_factor` times
   the CPU time of its tests. It has no tests if no test reaches its lines. All others survived.

The score is (killed + timed out) / all. Results go to `.mutation/`; a run that was stopped continues there. Delete that
folder after a change of the code or the tests. `MUTATION_ROOT` names another checkout.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
import tomllib
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from coverage import CoverageData
from mutant_process import ROOT, run, warm_up

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Sequence

WORK = ROOT / ".mutation"
DETECTED = ("killed", "timeout")


@dataclass(frozen=True, slots=True)
class Settings:
    """The content of mutation.toml.

    Attributes:
        packages: Patterns of files by package; a pattern that opens with `!` takes files away.
        tests: Test files and folders, from the root.
        size: Mutants in the sample.
        seed: Of the sample.
        test_seconds: Time of the tests of one mutant, by their times without it.
        time_factor: Multiple of that time, in CPU seconds, after which a mutant counts as timed out.
    """

    packages: dict[str, list[str]]
    tests: list[str]
    size: int
    seed: int
    test_seconds: float
    time_factor: float


@dataclass(slots=True)
class Reach:
    """Which tests reach a line, and how long they take.

    Attributes:
        seconds: Of each test that passes.
        lines: Test names by file and line.
        kills: How many mutants each test has killed so far: such tests run early.
    """

    seconds: dict[str, float]
    lines: dict[str, dict[int, set[str]]] = field(default_factory=dict)
    kills: Counter[str] = field(default_factory=Counter)

    def tests_of(self, mutant: dict[str, Any], most_s: float) -> list[str]:
        """The tests of a mutant in the order in which they run.

        Lines outside of functions run on import, for every test: those that run any line of the module are taken, those
        of the mirrored test module, and those of the mirrored folder if there are no such tests.
        """
        of_file = self.lines.get(mutant["path"], {})
        first, last = mutant["lines"]
        reached = {t for line, tests in of_file.items() if first <= line <= last for t in tests}
        stem = "test_" + Path(mutant["path"]).stem
        if mutant["scope"] is None:
            reached |= {t for tests in of_file.values() for t in tests}
            reached |= {t for t in self.seconds if f"/{stem}.py::" in t}
        elif not reached and mutant["scope"][0] >= first:  # a default value: it runs when the function is made
            start, end = mutant["scope"]
            reached |= {t for line, tests in of_file.items() if start <= line <= end for t in tests}
        if not reached and mutant["scope"] is None:
            reached = {t for t in self.seconds if t.startswith(f"tests/unit/{mutant['package']}/")}
        worth = {t: (self.kills[t] + 0.2) / (self.seconds[t] + 0.05) for t in reached if t in self.seconds}
        ordered = sorted(worth, key=lambda t: (stem not in t, -worth[t], t))
        chosen: list[str] = []
        spent = 0.0
        for test in ordered:
            spent += self.seconds[test]
            if chosen and spent > most_s:
                break
            chosen.append(test)
        return chosen


class Times:
    """A pytest plugin that writes the CPU time of each passed test, setting up included."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.bad: set[str] = set()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Measure a test."""
        began = time.process_time()
        done = yield
        self.seconds[item.nodeid] = time.process_time() - began
        return done

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a test that didn't pass."""
        if not report.passed:
            self.bad.add(report.nodeid)

    def pytest_sessionfinish(self) -> None:
        """Write the times."""
        passed = {name: round(s, 4) for name, s in self.seconds.items() if name not in self.bad}
        (WORK / "times.json").write_text(json.dumps(passed))


def environment() -> dict[str, str]:
    """The children's environment: this checkout first, one thread, no bytecode."""
    return {
        **os.environ,
        "PYTHONPATH": f"{ROOT}{os.pathsep}{Path(__file__).parent}",
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
    }


def learn(tests: Sequence[str]) -> Reach:
    """Run the tests once, and learn which lines each reaches; from the last run's files if they exist."""
    data_file = WORK / "coverage"
    if not (WORK / "times.json").exists():
        config = WORK / "coveragerc"
        config.write_text(f"[run]\nsource = komorebi_qc\ndata_file = {data_file}\n")
        child = os.fork()
        if child == 0:
            arguments = ["--cov=komorebi_qc", "--cov-context=test", f"--cov-config={config}", "--cov-report="]
            sys.path.insert(0, str(ROOT))
            pytest.main(["-q", "-p", "no:cacheprovider", *arguments, *tests], plugins=[Times()])
            os._exit(0)
        # Failing tests are left out: the times say which passed.
        os.waitpid(child, 0)
    reach = Reach(json.loads((WORK / "times.json").read_text()))
    data = CoverageData(str(data_file))
    data.read()
    for name in data.measured_files():
        contexts = data.contexts_by_lineno(name)
        path = str(Path(name).relative_to(ROOT))
        reach.lines[path] = {
            line: {context.split("|")[0] for context in found if context} for line, found in contexts.items()
        }
    return reach


def sample(settings: Settings, python: str) -> tuple[dict[str, int], list[dict[str, Any]]]:
    """The counts of mutants by package, and the sample; from the last run's file if it exists."""
    kept = WORK / f"sample-{'-'.join(settings.packages)}-{settings.seed}-{settings.size}.jsonl"
    if kept.exists():
        counts, *mutants = (json.loads(line) for line in kept.read_text().splitlines())
        return counts, mutants
    drawn = subprocess.run(
        [
            *(python, str(Path(__file__).with_name("mutants.py")), json.dumps(settings.packages)),
            *("--size", str(settings.size), "--seed", str(settings.seed)),
        ],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    kept.write_text(drawn.stdout)
    counts, *mutants = (json.loads(line) for line in drawn.stdout.splitlines())
    return counts, mutants


def report(counts: dict[str, int], results: Iterable[dict[str, Any]], *, show: bool) -> str:
    """A table by package, and the list of survivors."""
    results = list(results)
    columns = (*DETECTED, "survived", "no_tests")
    rows = [f"{'package':10}{'mutants':>9}{'sampled':>9}" + "".join(f"{c:>10}" for c in columns) + f"{'score':>8}"]
    for package in (*counts, "all"):
        part = Counter(r["status"] for r in results if package in (r["package"], "all"))
        candidates = sum(counts.values()) if package == "all" else counts[package]
        score = sum(part[s] for s in DETECTED) / part.total() if part.total() else 0.0
        numbers = "".join(f"{part[c]:10}" for c in columns)
        rows.append(f"{package:10}{candidates:9}{part.total():9}{numbers}{score:8.1%}")
    for r in results:
        if show and r["status"] not in DETECTED:
            rows.append(f"{r['path']}:{r['line']}: {r['status']} ({r['operator']}, {r['tests']} tests)")
            rows.extend(f"    {line}" for line in r["diff"])
    return "\n".join(rows)


def load(path: Path) -> Settings:
    """Read mutation.toml."""
    return Settings(**tomllib.loads(path.read_text()))


def main() -> None:
    """Draw the sample, run it, print the table."""
    parser = argparse.ArgumentParser(description="Mutation testing of a seeded sample")
    parser.add_argument("--config", type=Path, default=Path(__file__).with_name("mutation.toml"))
    parser.add_argument("--size", type=int)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--only", help="a package")
    parser.add_argument("--python", default=str(ROOT / ".tools/mutation/bin/python"), help="the Python that has mutmut")
    parser.add_argument("--show", action="store_true", help="print each survivor's change")
    asked = parser.parse_args()
    settings = load(asked.config)
    packages = {p: f for p, f in settings.packages.items() if asked.only in (None, p)}
    settings = Settings(
        packages,
        settings.tests,
        asked.size or settings.size,
        settings.seed if asked.seed is None else asked.seed,
        settings.test_seconds,
        settings.time_factor,
    )
    WORK.mkdir(exist_ok=True)
    os.environ.update(environment())
    os.chdir(ROOT)
    counts, mutants = sample(settings, asked.python)
    reach = learn(settings.tests)
    file = WORK / f"results-{'-'.join(packages)}-{settings.seed}-{settings.size}.jsonl"
    done = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
    reach.kills.update(r["by"] for r in done)
    warm_up(settings.tests)
    with file.open("a") as out:
        for place, mutant in enumerate(mutants[len(done) :], len(done) + 1):
            tests = reach.tests_of(mutant, settings.test_seconds)
            seconds = 10 + settings.time_factor * sum(reach.seconds[t] for t in tests)
            started = time.monotonic()
            status, failed = run(mutant, tests, seconds)
            if failed in reach.seconds:
                reach.kills[failed] += 1
            result = {k: v for k, v in mutant.items() if k != "source"}
            result |= {"status": status, "by": failed, "tests": len(tests), "s": round(time.monotonic() - started, 2)}
            out.write(json.dumps(result) + "\n")
            out.flush()
            done.append(result)
            print(f"{place}/{len(mutants)} {mutant['path']}:{mutant['line']} {status} {result['s']} s", file=sys.stderr)
    print(report(counts, done, show=asked.show))


if __name__ == "__main__":
    main()
