"""The common parts of the end-to-end runs: they find the needed programs and count each case's outcome.

A run is a module of this folder with ``run(report)``, which hands each of its cases to `Report.case`. If a program
is missing, `MissingPartError` names it and how to get it: the case is skipped; in CI it fails.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
import traceback
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ROOT / ".tools"
"""Tools that take long to install are kept here; git ignores them."""
IN_CI = os.environ.get("CI", "").lower() not in ("", "0", "false")


class MissingPartError(Exception):
    """A program, a right or a file that a case needs isn't here; the sentence explains how to get it."""


Outcome = Literal["passed", "failed", "skipped"]


@dataclass(frozen=True, slots=True)
class Line:
    """A case and its outcome.

    Attributes:
        part: the run's name.
        name: the case's.
        outcome: in a word.
        seconds: wall time.
        detail: the measurements, or the error.
    """

    part: str
    name: str
    outcome: Outcome
    seconds: float
    detail: str = ""


@dataclass(slots=True)
class Case:
    """A running case; the entries of `measured` are printed beside it."""

    measured: list[str] = field(default_factory=list)

    def note(self, text: str) -> None:
        """Print `text` with the case's outcome."""
        self.measured.append(text)


@dataclass(slots=True)
class Report:
    """Runs cases one after the other and keeps their outcomes.

    Attributes:
        part: the name of the run whose cases come now.
        lines: one a case.
    """

    part: str = ""
    lines: list[Line] = field(default_factory=list)

    @contextmanager
    def case(self, name: str) -> Iterator[Case]:
        """A case: an exception of its body is its failure, and the next case still runs."""
        began = time.monotonic()
        case = Case()
        outcome: Outcome = "passed"
        try:
            yield case
        except MissingPartError as error:
            outcome = "failed" if IN_CI else "skipped"
            case.note(f"{error}{' (CI has to have it)' if IN_CI else ''}")
        except Exception as error:  # noqa: BLE001  whatever it is, it is this case's failure
            outcome = "failed"
            case.note(f"{type(error).__name__}: {error}")
            traceback.print_exc()
        line = Line(self.part, name, outcome, time.monotonic() - began, "; ".join(case.measured))
        self.lines.append(line)
        print(f"  {line.outcome:<8}{line.name} ({line.seconds:.1f} s) {line.detail}", flush=True)

    def count(self, outcome: Outcome, part: str | None = None) -> int:
        """How many cases of a part, or of all, came to `outcome`."""
        return sum(line.outcome == outcome and part in (None, line.part) for line in self.lines)

    def table(self) -> str:
        """Counts by part, and a last line that machines read."""
        parts = dict.fromkeys(line.part for line in self.lines)
        rows = ["", f"{'part':<12}{'passed':>8}{'failed':>8}{'skipped':>8}{'seconds':>9}"]
        for part in parts:
            seconds = sum(line.seconds for line in self.lines if line.part == part)
            counts = "".join(f"{self.count(outcome, part):>8}" for outcome in ("passed", "failed", "skipped"))
            rows.append(f"{part:<12}{counts}{seconds:>9.1f}")
        totals = ", ".join(f"{self.count(outcome)} {outcome}" for outcome in ("passed", "failed", "skipped"))
        return "\n".join([*rows, "", f"e2e: {totals}"])


def program(name: str, package: str) -> str:
    """The path of a program.

    Raises:
        MissingPartError: naming Debian's package that brings it.
    """
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin:/usr/lib/podman:/usr/libexec/podman")
    if found is None:
        raise MissingPartError(f"there is no {name} here; on Debian: apt-get install {package}")
    return found


def need_root(why: str) -> None:
    """See that this process may do what only root may.

    Raises:
        MissingPartError: if it isn't root.
    """
    if os.geteuid() != 0:
        raise MissingPartError(f"only root may {why}")


def emulator() -> Path:
    """Lambda's runtime interface emulator, which comes with SAM CLI. .ci/tools.sh installs it if it is missing.

    Raises:
        MissingPartError: if it can't be made.
    """
    made = subprocess.run(
        [ROOT / ".ci" / "tools.sh", "--rie"], cwd=ROOT, capture_output=True, text=True, check=False, timeout=600
    )
    lines = made.stdout.split()
    if made.returncode != 0 or not lines or not Path(lines[-1]).is_file():
        raise MissingPartError(f"`.ci/tools.sh --rie` finds no emulator: {made.stderr.strip()[-300:]}")
    return Path(lines[-1])


def runtime_client() -> Path:
    """A folder with AWS's runtime client (awslambdaric), for this Python.

    Raises:
        MissingPartError: if it can't be installed.
    """
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    return install_locked(Path(__file__).with_name("runtime.lock"), TOOLS / f"runtime-{version}")


def install_locked(lock: Path, folder: Path, *options: str) -> Path:
    """Install a lock file's packages into a folder, unless it was made from this very lock.

    Raises:
        MissingPartError: if pip can't.
    """
    mark = folder / ".lock"
    if not mark.is_file() or mark.read_bytes() != lock.read_bytes():
        shutil.rmtree(folder, ignore_errors=True)
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "install", "--no-deps"]
        argv = [*pip, "--require-hashes", "--only-binary", ":all:", *options, "--target", str(folder), "-r", str(lock)]
        made = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=300)
        if made.returncode != 0:
            raise MissingPartError(f"{lock.name} can't be installed: {made.stderr.strip()[-300:]}")
        mark.write_bytes(lock.read_bytes())
    return folder
