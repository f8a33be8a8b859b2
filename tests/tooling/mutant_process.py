"""One mutant in one child process: imports the mutated module by a hook, and runs the chosen tests."""

from __future__ import annotations

import importlib.abc
import importlib.util
import os
import resource
import select
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

ROOT = Path(os.environ.get("MUTATION_ROOT", Path(__file__).parents[2]))


class Mutated(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports one module from a mutated text."""

    def __init__(self, path: str, source: str) -> None:
        self.name = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        self.path = path
        self.source = source

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The spec of the mutated module, and None for all others."""
        del path, target
        if fullname != self.name:
            return None
        package = self.path.endswith("/__init__.py")
        return importlib.util.spec_from_file_location(
            fullname,
            ROOT / self.path,
            loader=self,
            submodule_search_locations=[str((ROOT / self.path).parent)] if package else None,
        )

    def exec_module(self, module: ModuleType) -> None:
        """Run the mutated text as the module."""
        exec(compile(self.source, str(ROOT / self.path), "exec"), module.__dict__)  # noqa: S102  the mutant itself


class Chosen:
    """A pytest plugin that runs the chosen tests in their order, and notes the first that fails."""

    def __init__(self, tests: Sequence[str]) -> None:
        self.order = {name: place for place, name in enumerate(tests)}
        self.failed = ""

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Keep the chosen tests."""
        items[:] = sorted((i for i in items if i.nodeid in self.order), key=lambda i: self.order[i.nodeid])

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a failure."""
        if report.failed and not self.failed:
            self.failed = report.nodeid

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note a module that doesn't import."""
        if report.failed and not self.failed:
            self.failed = f"import of {report.nodeid}"


def warm_up(tests: Sequence[str]) -> None:
    """Import the tests and their libraries, and forget the package and the tests: a child imports those again."""
    sys.path.insert(0, str(ROOT))
    with Path(os.devnull).open("w") as nowhere:
        kept = os.dup(1)
        os.dup2(nowhere.fileno(), 1)
        try:
            pytest.main(["--collect-only", "-q", "-p", "no:cacheprovider", "--no-cov", *tests])
        finally:
            os.dup2(kept, 1)
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None) or ""
        if name.split(".")[0] == "komorebi_qc" or (file.startswith(str(ROOT / "tests")) and file != __file__):
            del sys.modules[name]
    # The same examples for every mutant, and no time for making a failing one small.
    from hypothesis import HealthCheck, Phase, settings  # noqa: PLC0415  only where mutants run

    settings.register_profile(
        "mutation",
        database=None,
        deadline=None,
        derandomize=True,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    settings.load_profile("mutation")


def run(mutant: dict[str, Any] | None, tests: Sequence[str], seconds: float) -> tuple[str, str]:
    """Run tests against a mutant in a child process; None is the unchanged package.

    Returns:
        The status (killed, survived, timeout, no_tests), and the first test that failed.
    """
    if not tests:
        return "no_tests", ""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        os._exit(_child(mutant, tests, seconds, writing))
    os.close(writing)
    # A mutant that waits takes no CPU time: the wall clock ends it, far later on a machine that others use too.
    ready, _, _ = select.select([reading], [], [], 6 * seconds + 60)
    if not ready:
        with suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)
    said = b""
    if ready:
        said = os.read(reading, 4096)
    os.close(reading)
    with suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if said:
        code, _, failed = said.decode().partition(" ")
        # 5: no test was left, since the mutant changed the tests' own parameters.
        return {"0": ("survived", ""), "5": ("no_tests", "")}.get(code, ("killed", failed))
    if not ready or os.WTERMSIG(status) in (signal.SIGXCPU, signal.SIGKILL):
        return "timeout", ""
    return "killed", f"signal {os.WTERMSIG(status)}"


def _child(mutant: dict[str, Any] | None, tests: Sequence[str], seconds: float, writing: int) -> int:
    """The child's part of `run`: never returns to the caller's frame."""
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)
    resource.setrlimit(resource.RLIMIT_CPU, (int(seconds) + 1, int(seconds) + 5))
    resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.dont_write_bytecode = True
    if mutant is not None:
        sys.meta_path.insert(0, Mutated(mutant["path"], mutant["source"]))
    plugin = Chosen(tests)
    files = list(dict.fromkeys(name.split("::")[0] for name in tests))
    code: int = 3
    try:
        code = int(pytest.main(["-x", "-q", "-p", "no:cacheprovider", "--no-cov", *files], plugins=[plugin]))
    except BaseException as error:  # noqa: BLE001  whatever a mutant does to pytest, it is killed
        plugin.failed = plugin.failed or repr(error)[:200]
    os.write(writing, f"{code} {plugin.failed}".encode()[:4000])
    return 0
