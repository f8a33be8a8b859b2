"""environment.yml asks conda for the packages and versions that pyproject.toml names."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from fnmatch import fnmatchcase
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from rattler import MatchSpec, Version, VersionSpec
from rattler.exceptions import InvalidMatchSpecError

ROOT = Path(__file__).resolve().parents[2]
CONDA_NAMES = {"soxr": "soxr-python"}
"""PyPI's names and conda-forge's, if they differ (conda-forge's `soxr` is the C library)."""
PIP_ONLY = {"webvtt-py"}
"""Dependencies that conda-forge doesn't have: pip installs them with the package."""
TOOLS = {"python", "pip", "ffmpeg"}
"""Packages that only a conda environment names: pip's PyAV has FFmpeg inside."""


@dataclass(frozen=True, slots=True)
class Environment:
    """The content of environment.yml.

    Attributes:
        name: The environment's name.
        channels: The sources of its packages.
        conda: The lines for conda.
        pip: The lines for pip.
    """

    name: str
    channels: list[str]
    conda: list[str]
    pip: list[str]


def _environment() -> Environment:
    # No types are published with PyYAML.
    found: dict[str, Any] = import_module("yaml").safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    lines = found.pop("dependencies")
    conda = [line for line in lines if isinstance(line, str)]
    (for_pip,) = (line for line in lines if not isinstance(line, str))
    return Environment(**found, conda=conda, pip=for_pip["pip"])


ENVIRONMENT = _environment()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
REQUIREMENTS = [Requirement(line) for line in PROJECT["dependencies"]]
DEPENDENCIES = [one for one in REQUIREMENTS if one.name not in PIP_ONLY]


def _conda() -> dict[str, str]:
    specs = [MatchSpec(line, strict=True) for line in ENVIRONMENT.conda]
    return {spec.name.normalized: spec.version or "*" for spec in specs if spec.name is not None}


def _agree(pypi: str, conda: str) -> bool:
    """Whether both allow the same versions: at each number that either names, and just below and above it."""
    named = {number for text in (pypi, conda) for number in re.findall(r"\d+(?:\.\d+)*", text)}
    around = {near for number in named for near in _around([int(part) for part in number.split(".")])}
    allowed, spec = SpecifierSet(pypi), VersionSpec(conda)
    return all(allowed.contains(near) == spec.matches(Version(near)) for near in around | {"0.0.1", "9999"})


def _around(parts: list[int]) -> set[str]:
    near = [parts, [*parts, 1], [*parts, 0]]
    for place, number in enumerate(parts):
        near.append([*parts[:place], number + 1])
        if number:
            near += [[*parts[:place], number - 1], [*parts[:place], number - 1, 9999]]
    return {".".join(map(str, one)) for one in near}


@pytest.mark.parametrize("line", ENVIRONMENT.conda)
def test_every_line_is_one_that_conda_understands(line: str) -> None:
    """Each line for conda parses strictly, into one package with its version and its build."""
    spec = MatchSpec(line, strict=True)
    assert spec.name is not None
    parts = [spec.name.normalized, spec.version, spec.build]
    assert line.split() == [part for part in parts if part]


def test_names_the_same_packages() -> None:
    """Conda users get every dependency of the package, once, and no other; pip's own aren't asked of conda."""
    assert {one.name for one in REQUIREMENTS} >= PIP_ONLY
    wanted = {CONDA_NAMES.get(one.name, one.name) for one in DEPENDENCIES}
    assert set(_conda()) - TOOLS == wanted
    assert len(_conda()) == len(ENVIRONMENT.conda)


@pytest.mark.parametrize("dependency", DEPENDENCIES, ids=lambda one: one.name)
def test_allows_the_same_versions(dependency: Requirement) -> None:
    """For each dependency conda and pip allow the same versions, and the one that these tests run with."""
    conda = _conda()[CONDA_NAMES.get(dependency.name, dependency.name)]
    assert _agree(str(dependency.specifier), conda)
    assert VersionSpec(conda).matches(Version(version(dependency.name)))


def test_asks_for_the_same_python() -> None:
    """Conda users get a Python that the package takes."""
    assert _agree(PROJECT["requires-python"], _conda()["python"])


def test_installs_the_package_with_its_desk() -> None:
    """The environment has the project's name, uses conda-forge only, and pip adds this package with an extra it has."""
    assert ENVIRONMENT.name == "komorebi_qc"
    assert ENVIRONMENT.channels == ["conda-forge"]
    assert ENVIRONMENT.pip == ["-e .[desk]"]
    assert "desk" in PROJECT["optional-dependencies"]


def test_asks_for_the_ffmpeg_that_encodes_h264() -> None:
    """Of conda-forge's two builds of FFmpeg only the GPL one has libx264."""
    (line,) = (line for line in ENVIRONMENT.conda if line.startswith("ffmpeg"))
    build = MatchSpec(line, strict=True).build
    assert build is not None
    assert fnmatchcase("gpl_h1a2b3c4_100", build)
    assert not fnmatchcase("lgpl_h1a2b3c4_0", build)


@pytest.mark.parametrize(
    ("pypi", "conda"), [(">=18,<19", ">=18"), (">=18,<19", ">=17,<19"), (">=2.2,<3", ">=2.3,<3"), (">=1,<2", "*")]
)
def test_comparison_sees_a_difference(pypi: str, conda: str) -> None:
    """A bound that was moved or forgotten on one side is seen."""
    assert not _agree(pypi, conda)


@pytest.mark.parametrize("line", ["numpy >>2", "numpy >=2.2,,<3", "numpy >=2.2;<3"])
def test_parser_refuses_what_conda_would(line: str) -> None:
    """The parser that the lines are checked with is strict about a slip."""
    with pytest.raises(InvalidMatchSpecError):
        MatchSpec(line, strict=True)
