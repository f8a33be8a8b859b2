# ruff: noqa: INP001  a script, no package
"""Builds the source distribution and the wheel of the last commit, into dist/.

    make dist
    make dist REPOSITORY=https://example.org/team/komorebi_qc

The first is for an installation from a file. The second is for a package index. Its page shows README.md, and there an
address relative to the repository leads nowhere. So each becomes an address in the repository, at the version's tag,
and the metadata names the repository. Only a tagged commit with a section in CHANGELOG.md can be built so.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tarfile
import tempfile
from io import BytesIO
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
_LINK = re.compile(r"(!?)\[([^\]]*)\]\((?!#|[a-z]+:)([^)\s]+)\)")


class ReleaseError(Exception):
    """The commit isn't ready for a release; the text names the reason."""


def with_absolute_addresses(readme: str, repository: str, tag: str) -> str:
    """Lead every relative address of a README into the repository, as GitHub lays out its pages.

    Args:
        readme: The Markdown.
        repository: The repository's page, such as ``https://example.org/team/komorebi_qc``.
        tag: The version's tag.
    """

    def absolute(found: re.Match[str]) -> str:
        image, text, path = found.groups()
        return f"{image}[{text}]({repository.rstrip('/')}/{'raw' if image else 'blob'}/{tag}/{path})"

    return _LINK.sub(absolute, readme)


def version_in(tree: Path) -> str:
    """The version that a tree of files has."""
    found = re.search(r'^__version__ = "([^"]+)"$', (tree / "komorebi_qc" / "__init__.py").read_text(), re.MULTILINE)
    if found is None:
        raise ReleaseError('komorebi_qc/__init__.py has no line of the form: __version__ = "1.2.3"')
    return found[1]


def prepare(tree: Path, repository: str, tags: list[str]) -> None:
    """Change a commit's files for a package index.

    Args:
        tree: The files; README.md and pyproject.toml are written.
        repository: The repository's page.
        tags: The tags of the commit.

    Raises:
        ReleaseError: If the commit lacks the version's tag, or CHANGELOG.md the version's section.
    """
    version = version_in(tree)
    tag = f"v{version}"
    if tag not in tags:
        raise ReleaseError(f"the commit isn't tagged {tag} (its tags: {', '.join(tags) or 'no tag'})")
    if not re.search(rf"^## \[?{re.escape(version)}\b", (tree / "CHANGELOG.md").read_text(), re.MULTILINE):
        raise ReleaseError(f"CHANGELOG.md has no section for {version}")
    readme = tree / "README.md"
    readme.write_text(with_absolute_addresses(readme.read_text(), repository, tag))
    links = {"Repository": repository, "Changelog": f"{repository.rstrip('/')}/blob/{tag}/CHANGELOG.md"}
    urls = "".join(f'{name} = "{address}"\n' for name, address in links.items())
    project = tree / "pyproject.toml"
    project.write_text(f"{project.read_text()}\n[project.urls]\n{urls}")


def build(root: Path, out: Path, repository: str = "") -> list[Path]:
    """Build the last commit of a repository.

    Args:
        root: The repository on this machine.
        out: The folder for the files.
        repository: The repository's page, if the files are for a package index.

    Returns:
        The source distribution and the wheel.

    Raises:
        ReleaseError: If the commit can't be built, or isn't ready for a package index.
    """
    archive = _git(root, "archive", "HEAD")
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder)
        with tarfile.open(fileobj=BytesIO(archive)) as files:
            files.extractall(tree, filter="data")
        if repository:
            prepare(tree, repository, _git(root, "tag", "--points-at", "HEAD").decode().split())
        argv = [sys.executable, "-m", "hatchling", "build", "--directory", str(out.resolve())]
        built = subprocess.run(argv, cwd=tree, check=False, capture_output=True, text=True)  # noqa: S603
        if built.returncode:
            raise ReleaseError(f"hatchling fails: {built.stderr.strip().splitlines()[-1]}")
        name = f"komorebi_qc-{version_in(tree)}"
    return [out / f"{name}.tar.gz", out / f"{name}-py3-none-any.whl"]


def _git(root: Path, *words: str) -> bytes:
    return subprocess.run(["git", "-C", str(root), *words], check=True, stdout=subprocess.PIPE).stdout  # noqa: S603, S607


def main() -> None:
    """Read the command line, build, and print the files."""
    parser = argparse.ArgumentParser(description="Builds the last commit's source distribution and wheel.")
    parser.add_argument("--repository", default="", help="address of the repository's page: builds for a package index")
    parser.add_argument("--out", type=Path, default=ROOT / "dist", help="folder for the files")
    asked = parser.parse_args()
    try:
        for path in build(ROOT, asked.out, asked.repository):
            print(f"{path}  {path.stat().st_size:,} bytes")  # noqa: T201  this is the output
    except ReleaseError as error:
        sys.exit(f"dist: {error}")


if __name__ == "__main__":
    main()
