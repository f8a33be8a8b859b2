"""Installs the wheel into empty environments outside of the checkout, one for each Python and extra, and uses it there.

    make wheel                                 the oldest and the newest Python found, with the locked versions
    make wheel ARGS='--all --newest'           every Python found, with the newest versions that the wheel allows
    make wheel ARGS='--extras demo desk'       these extras only

The base is installed by pip, as a user would; the extras by uv, which takes a fifth of the time. Each environment runs
`steps` from an empty folder, with an empty home. Prints a Markdown table: the seconds and megabytes of each
installation, and how many steps passed. For a Python of `WANTED` that isn't found, it lists the
packages that have no wheel.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from wheel_steps import EXTRAS, Step, steps

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

ROOT = Path(__file__).parents[2]
UV = ROOT / ".tools" / "uv" / "bin" / "uv"
WANTED = ("3.11", "3.12", "3.13", "3.14")
_CLOCK_S = 300


class InstallError(Exception):
    """An environment that can't be made; its text is the installer's last line."""


@dataclass(frozen=True, slots=True)
class Tried:
    """One environment, and the outcome of its steps.

    Attributes:
        python: The Python's version, such as ``3.11``.
        extra: The extra; empty for the base.
        seconds: How long the installation took.
        megabytes: The size of the environment.
        ran: The names of the steps that passed.
        failed: For each step that failed: its name and why.
    """

    python: str
    extra: str
    seconds: float
    megabytes: int
    ran: list[str]
    failed: list[str]


def find_pythons() -> dict[str, Path]:
    """The interpreters of `WANTED` on this machine, by version: on the PATH, in /usr/bin, and those of pyenv."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    names = [shutil.which(f"python{version}") for version in WANTED]
    candidates = [*names, sys.executable, "/usr/bin/python3", *sorted(map(str, pyenv.glob("3.*/bin/python3")))]
    found: dict[str, Path] = {}
    code = "import sys, venv, ensurepip; print('%d.%d' % sys.version_info[:2], sys.base_prefix)"
    for candidate in filter(None, candidates):
        asked = subprocess.run([candidate, "-c", code], capture_output=True, text=True, check=False)
        version, _, prefix = asked.stdout.strip().partition(" ")
        if version in WANTED:
            found.setdefault(version, Path(prefix) / "bin" / f"python{version}")
    return {version: found[version] for version in WANTED if version in found}


def install(python: Path, wheel: Path, extra: str, folder: Path, constraints: Path | None) -> None:
    """Make an environment with the wheel in it: by pip for the base, else by uv.

    Args:
        python: The interpreter.
        wheel: The wheel.
        extra: The extra; empty for the base.
        folder: The environment's folder.
        constraints: The versions to take; without it the newest ones.

    Raises:
        InstallError: If the installer fails.
    """
    what = f"{wheel}[{extra}]" if extra else str(wheel)
    versions = ["--constraint", str(constraints)] if constraints else []
    if extra:
        _install([str(UV), "venv", "--quiet", "--no-python-downloads", "--python", str(python), str(folder)])
        _install([str(UV), "pip", "install", "--compile-bytecode", "--python", str(folder), what, *versions])
    else:
        _install([str(python), "-m", "venv", str(folder)])
        _install([str(folder / "bin" / "python"), "-m", "pip", "install", "--no-cache-dir", what, *versions])


def _install(argv: list[str]) -> None:
    environ = {name: value for name, value in os.environ.items() if name not in {"VIRTUAL_ENV", "PYTHONPATH"}}
    done = subprocess.run(argv, env=environ, capture_output=True, text=True, check=False)
    if done.returncode:
        raise InstallError((done.stderr.strip() or done.stdout.strip()).splitlines()[-1])


def run(step: Step, environment: Path, folder: Path) -> str:
    """Run one step in an environment, and say why it failed; empty if it passed."""
    bare = {"PATH": f"{environment / 'bin'}:/usr/bin:/bin", "HOME": str(folder / "home"), "LANG": "C.UTF-8"}
    argv = [str(environment / "bin" / step.argv[0]), *step.argv[1:]]
    try:
        done = subprocess.run(argv, cwd=folder, env=bare, capture_output=True, text=True, timeout=_CLOCK_S, check=False)
    except subprocess.TimeoutExpired:
        return f"takes over {_CLOCK_S} s"
    if done.returncode != step.code:
        last = (done.stderr.strip() or done.stdout.strip() or "no output").splitlines()[-1]
        return f"exit code {done.returncode}, not {step.code}: {last}"
    # rich wraps an error at the width of the terminal.
    if not re.search(step.prints, " ".join(f"{done.stdout} {done.stderr}".split())):
        return f"doesn't print {step.prints!r}"
    absent = [name for name in step.makes if not (folder / name).is_file()]
    return f"doesn't write {', '.join(absent)}" if absent else ""


def attempt(version: str, python: Path, wheel: Path, extra: str, constraints: Path | None) -> Tried:
    """Install the wheel with one extra into an empty environment, and run its steps there."""
    with tempfile.TemporaryDirectory() as made:
        environment, folder = Path(made) / "environment", Path(made) / "folder"
        (folder / "home").mkdir(parents=True)
        began = time.monotonic()
        try:
            install(python, wheel, extra, environment, constraints)
        except InstallError as error:
            return Tried(version, extra, time.monotonic() - began, 0, [], [f"install: {error}"])
        seconds = time.monotonic() - began
        ran, failed = [], []
        for step in steps(extra, environment, wheel.name.split("-")[1]):
            why = run(step, environment, folder)
            (failed.append(f"{step.name}: {why}") if why else ran.append(step.name))
        size = sum(path.stat().st_size for path in environment.rglob("*") if path.is_file() and not path.is_symlink())
        return Tried(version, extra, seconds, round(size / 1e6), ran, failed)


def without_wheels(version: str, wheel: Path, extra: str, constraints: Path | None) -> list[str]:
    """List the packages that have no wheel for a Python that isn't on this machine: pip would have to build them.

    Raises:
        InstallError: If an extra's packages can't be resolved at all.
    """
    what = f"komorebi-qc{f'[{extra}]' if extra else ''} @ {wheel.as_uri()}"
    argv = [str(UV), "pip", "compile", "--quiet", "--python-version", version, "-"]
    argv += ["--constraint", str(constraints)] if constraints else []
    sources: list[str] = []
    while True:
        builds = [word for name in sources for word in ("--no-binary", name)]
        only = ["--only-binary", ":all:", *builds]
        asked = subprocess.run([*argv, *only], input=what, capture_output=True, text=True, check=False)
        if not asked.returncode:
            return sources
        named = re.search(r"Wheels are required for `([^`]+)`", asked.stderr)
        if named is None or named[1] in sources:
            raise InstallError(asked.stderr.strip().splitlines()[-1])
        sources.append(named[1])


def table(tried: Sequence[Tried], missing: dict[str, dict[str, list[str]]]) -> str:
    """A row for each Python, a column for each extra.

    Args:
        tried: The environments.
        missing: For each Python that isn't there, and each extra: the packages without a wheel.
    """
    extras = [extra for extra in EXTRAS if any(one.extra == extra for one in tried)]
    lines = [
        "| Python | " + " | ".join(extra or "(base)" for extra in extras) + " |",
        "| --- " * (len(extras) + 1) + "|",
    ]
    for version in dict.fromkeys(one.python for one in tried):
        row = {one.extra: one for one in tried if one.python == version}
        lines.append(f"| {version} | " + " | ".join(_cell(row[extra]) for extra in extras) + " |")
    for version, why in missing.items():
        cells = [f"not run; pip builds {', '.join(why[extra])}" if why[extra] else "not run" for extra in extras]
        lines.append(f"| {version} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _cell(one: Tried) -> str:
    steps_run = f"{len(one.ran)} of {len(one.ran) + len(one.failed)} steps"
    return f"{steps_run}{' FAILED' if one.failed else ''}, {one.seconds:.0f} s, {one.megabytes} MB"


def _constraints(folder: Path) -> Path:
    """The locked versions, without the hashes: an extra of this package isn't a line of a lock."""
    path = folder / "constraints.txt"
    locks = "\n".join(lock.read_text() for lock in sorted((ROOT / "requirements").glob("*.lock")))
    pins = [line.rstrip(" \\") for line in locks.splitlines() if re.match(r"[a-z0-9]", line)]
    path.write_text("\n".join(pins))
    return path


def _chosen(found: dict[str, Path], *, every: bool) -> Iterable[str]:
    versions = list(found)
    return versions if every else dict.fromkeys([versions[0], versions[-1]])


def main() -> int:
    """Build the wheel, try it everywhere, and print the table; 1 if anything failed."""
    parser = argparse.ArgumentParser(description="Uses the wheel in empty environments.")
    parser.add_argument("--all", action="store_true", help="every Python found; by default the oldest and the newest")
    parser.add_argument("--newest", action="store_true", help="the newest releases, in place of the locked ones")
    parser.add_argument("--extras", nargs="+", choices=EXTRAS, default=EXTRAS, help="some extras ('' is the base)")
    parser.add_argument("--markdown", type=Path, help="a file for the table")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        subprocess.run([sys.executable, ROOT / ".ci" / "dist.py", "--out", out], check=True, stdout=subprocess.DEVNULL)
        (wheel,) = out.glob("*.whl")
        constraints = None if asked.newest else _constraints(out)
        found = find_pythons()
        jobs = [(version, extra) for version in _chosen(found, every=asked.all) for extra in asked.extras]
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            results = pool.map(lambda job: attempt(job[0], found[job[0]], wheel, job[1], constraints), jobs)
            tried = []
            for one in results:
                tried.append(one)
                print(f"{one.python} {one.extra or '(base)'}: {', '.join(one.ran)}", file=sys.stderr, flush=True)
                for failure in one.failed:
                    print(f"  FAILED {failure}", file=sys.stderr, flush=True)
        missing = {
            version: {extra: without_wheels(version, wheel, extra, constraints) for extra in asked.extras}
            for version in WANTED
            if version not in found
        }
    text = table(tried, missing)
    print(text)
    if asked.markdown:
        asked.markdown.write_text(f"{text}\n", encoding="utf-8")
    return int(any(one.failed for one in tried))


if __name__ == "__main__":
    sys.exit(main())
