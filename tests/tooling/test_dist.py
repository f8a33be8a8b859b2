"""The files of a release: their content, their metadata, and addresses that work on a package index."""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
import zipfile
from email import message_from_bytes
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import komorebi_qc

if TYPE_CHECKING:
    from email.message import Message

ROOT = Path(__file__).parents[2]
REPOSITORY = "https://example.org/team/komorebi_qc"
ADDRESS = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
IDENTITY = ("-c", "user.name=Test", "-c", "user.email=test@example.org")


def _load() -> Any:
    spec = spec_from_file_location("dist", ROOT / ".ci" / "dist.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


DIST = _load()


def _git(folder: Path, *words: str) -> str:
    return subprocess.run(
        ["git", "-C", str(folder), *IDENTITY, *words], check=True, capture_output=True, text=True
    ).stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The last commit's source distribution and wheel."""
    files: list[Path] = DIST.build(ROOT, tmp_path_factory.mktemp("dist"))
    return files


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone of the last commit, in which a test may commit and tag."""
    folder = tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", "--no-tags", str(ROOT), str(folder)], check=True)
    return folder


def _metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as files:
        (name,) = (name for name in files.namelist() if name.endswith(".dist-info/METADATA"))
        return message_from_bytes(files.read(name))


def _members(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as files:
        return {name: files.read(name) for name in files.namelist() if ".dist-info/" not in name}


def test_the_wheel_holds_the_package_its_data_the_notebooks_and_the_handler(built: list[Path]) -> None:
    """Every file of the commit's package is in the wheel, media and style sheets too, and no other file is."""
    paths = _git(ROOT, "ls-tree", "-r", "--name-only", "HEAD", "komorebi_qc", "notebooks", "lambda/app.py").split()
    moved = {"notebooks/": "komorebi_qc/notebooks/", "lambda/": "komorebi_qc/lambda_shell/"}
    expected = set()
    for path in paths:
        start = next((start for start in moved if path.startswith(start)), "")
        expected.add(moved[start] + path.removeprefix(start) if start else path)
    assert set(_members(built[1])) == expected
    assert any(name.endswith("sample/call.wav") for name in expected)


def test_the_source_distribution_makes_the_same_wheel(built: list[Path], tmp_path: Path) -> None:
    """A build from the source distribution gives the same files."""
    with tarfile.open(built[0]) as files:
        files.extractall(tmp_path, filter="data")
    (tree,) = tmp_path.iterdir()
    argv = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path / "again")]
    subprocess.run(argv, cwd=tree, check=True, capture_output=True)
    (wheel,) = (tmp_path / "again").iterdir()
    assert wheel.name == built[1].name
    assert _members(wheel) == _members(built[1])


def test_the_metadata_describes_the_package(built: list[Path]) -> None:
    """Version, licence, authors and extras are those of the project; no address is invented."""
    found = _metadata(built[1])
    assert found["Version"] == DIST.version_in(ROOT) == komorebi_qc.__version__
    assert found["License-Expression"] == "Apache-2.0"
    assert found["Author"] == "The komorebi_qc maintainers"
    assert {"demo", "view", "fleet", "cluster", "desk"} <= set(found.get_all("Provides-Extra", []))
    assert "Typing :: Typed" in found.get_all("Classifier", [])
    assert found.get_all("Project-URL") is None


def test_addresses_in_the_repository_become_absolute() -> None:
    """Images and links lead to the repository at the tag; other addresses and places on the page stay."""
    readme = "![Flow](docs/flow.svg) [more](docs/a.md#part) [site](https://example.net/) [below](#limits)"
    assert DIST.with_absolute_addresses(readme, f"{REPOSITORY}/", "v1.2.3") == (
        f"![Flow]({REPOSITORY}/raw/v1.2.3/docs/flow.svg) [more]({REPOSITORY}/blob/v1.2.3/docs/a.md#part) "
        "[site](https://example.net/) [below](#limits)"
    )


def test_a_release_for_an_index_has_no_relative_address(clone: Path, tmp_path: Path) -> None:
    """The README on the index's page shows its images, and the page links to the repository."""
    tag = f"v{komorebi_qc.__version__}"
    _git(clone, "tag", tag)
    found = _metadata(DIST.build(clone, tmp_path / "dist", REPOSITORY)[1])
    addresses = ADDRESS.findall(str(found.get_payload()))
    assert f"{REPOSITORY}/raw/{tag}/docs/data-flow.svg" in addresses
    assert [address for address in addresses if not address.startswith(("https://", "#"))] == []
    assert f"Repository, {REPOSITORY}" in found.get_all("Project-URL", [])


@pytest.mark.parametrize(
    ("tag", "path", "before", "after", "says"),
    [
        ("v0.0.1", "README.md", "", "", "isn't tagged v{version} (its tags: v0.0.1)"),
        ("v{version}", "CHANGELOG.md", "## {version}", "## Unreleased", "CHANGELOG.md has no section for {version}"),
    ],
)
def test_an_unfinished_release_is_refused(
    tag: str, path: str, before: str, after: str, says: str, clone: Path, tmp_path: Path
) -> None:
    """Without the version's tag, or its section in the CHANGELOG, no file is built for an index."""
    version = komorebi_qc.__version__
    file = clone / path
    file.write_text(file.read_text().replace(before.format(version=version), after))
    _git(clone, "commit", "--quiet", "--allow-empty", "--all", "--message", "Change it")
    _git(clone, "tag", tag.format(version=version))
    with pytest.raises(DIST.ReleaseError, match=re.escape(says.format(version=version))):
        DIST.build(clone, tmp_path / "dist", REPOSITORY)
    assert not (tmp_path / "dist").exists()


def test_every_line_that_installs_the_wheel_names_this_version() -> None:
    """Each file name of a wheel in README and docs is the one that a build makes."""
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    named = {page.name: re.findall(r"komorebi_qc-([\w.]+)-py3", page.read_text(encoding="utf-8")) for page in pages}
    found = {version for versions in named.values() for version in versions}
    assert found == {komorebi_qc.__version__}, named
