"""The lock files: together they are complete and consistent, and each group's file stays small."""

from __future__ import annotations

import re
import subprocess
import tomllib
from collections import defaultdict
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
GROUPS = ("demo", "lab", "test", "lint")
"""Each group's file adds to those of the groups before it."""


@dataclass(frozen=True, slots=True)
class Pin:
    """One package of a lock file: its requirement, and the hashes of its files."""

    requirement: Requirement
    hashes: tuple[str, ...]


def _pins(path: Path) -> list[Pin]:
    blocks = re.split(r"\n(?=[a-z0-9])", re.sub(r"(?m)^ *#.*\n", "", path.read_text()).strip())
    found = []
    for block in blocks:
        first, *rest = block.replace("\\\n", "\n").splitlines()
        found.append(Pin(Requirement(first.strip()), tuple(line.strip() for line in rest)))
    return found


LOCKS = {group: _pins(ROOT / "requirements" / f"{group}.lock") for group in GROUPS}
PYPROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def _wanted(*, extras: set[str], groups: set[str]) -> list[Requirement]:
    """The requirements of pyproject.toml for some extras and groups of developers."""
    project = PYPROJECT["project"]
    lines = [*project["dependencies"], *chain.from_iterable(PYPROJECT["dependency-groups"][name] for name in groups)]
    found, open_extras, seen = [Requirement(line) for line in lines], set(extras), set[str]()
    while open_extras - seen:
        extra = (open_extras - seen).pop()
        seen.add(extra)
        for one in map(Requirement, project["optional-dependencies"][extra]):
            if one.name == project["name"]:
                open_extras |= one.extras
            else:
                found.append(one)
    return found


@pytest.mark.parametrize(
    ("group", "extras", "groups"),
    [
        ("demo", {"demo"}, {"build"}),
        ("lab", {"demo", "desk"}, {"build"}),
        ("test", {"demo", "desk", "cluster"}, {"build", "test"}),
        ("lint", {"demo", "desk", "cluster"}, {"build", "test", "lint"}),
    ],
)
def test_a_group_holds_what_pyproject_asks_for(group: str, extras: set[str], groups: set[str]) -> None:
    """Each dependency is locked, by the group or one before it, in a version that pyproject.toml allows."""
    locked = defaultdict(set)
    for name in GROUPS[: GROUPS.index(group) + 1]:
        for pin in LOCKS[name]:
            (version,) = pin.requirement.specifier
            locked[canonicalize_name(pin.requirement.name)].add(version.version)
    for wanted in _wanted(extras=extras, groups=groups):
        versions = locked[canonicalize_name(wanted.name)]
        assert versions, f"{wanted.name} isn't in {group}.lock; run `make lock`"
        assert all(wanted.specifier.contains(version) for version in versions), f"{wanted}: locked are {versions}"


@pytest.mark.parametrize("group", GROUPS)
def test_every_package_is_pinned_with_its_hashes(group: str) -> None:
    """A changed file of a package can't be installed; no line names an index."""
    for pin in LOCKS[group]:
        (version,) = pin.requirement.specifier
        assert version.operator == "=="
        assert pin.hashes
        assert all(re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", line) for line in pin.hashes), pin.requirement


def test_no_group_repeats_or_contradicts_another() -> None:
    """A line is in one file only, and for one environment no package has two versions."""
    lines = [str(pin.requirement) for pins in LOCKS.values() for pin in pins]
    assert len(lines) == len(set(lines))
    for python in ("3.11", "3.12", "3.13", "3.14"):
        where = {"python_version": python, "python_full_version": f"{python}.0"}
        versions = defaultdict(set)
        for pin in chain.from_iterable(LOCKS.values()):
            if pin.requirement.marker is None or pin.requirement.marker.evaluate(where):
                versions[pin.requirement.name].add(str(pin.requirement.specifier))
        assert {name: found for name, found in versions.items() if len(found) > 1} == {}


def test_the_image_has_the_versions_that_are_tested() -> None:
    """Each package of the function's image is in demo.lock, in the same version."""
    tested = {(pin.requirement.name, str(pin.requirement.specifier)) for pin in LOCKS["demo"]}
    image = {
        (pin.requirement.name, str(pin.requirement.specifier)) for pin in _pins(ROOT / "lambda" / "requirements.lock")
    }
    assert image <= tested, image - tested


def test_set_up_knows_every_lock_file() -> None:
    """A lock file that no group of .ci/setup.sh installs is useless; an unknown group is refused."""
    text = (ROOT / ".ci" / "setup.sh").read_text()
    (largest,) = re.findall(r"lint\) echo ([a-z ]+) ;;", text)
    files = {path.stem for path in (ROOT / "requirements").iterdir()}
    assert files == set(GROUPS)
    assert files <= set(largest.split())
    done = subprocess.run([ROOT / ".ci" / "setup.sh", "all"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "unknown group: all (known: demo, bench, lab, test, lint)" in done.stderr
