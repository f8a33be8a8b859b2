"""The supply chain: everything is installed by its hash, and an image is named by its content."""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import subprocess
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
DIGEST = "sha256:" + "ab" * 32
LOCKS = sorted(
    path for folder in ("requirements", ".ci/tools", "lambda", "tests/e2e") for path in (ROOT / folder).glob("*.lock")
)


def _script(name: str) -> Any:
    spec = spec_from_file_location(name, ROOT / ".ci" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


BASE, REPOSITORY = _script("base_image"), _script("check_repository")


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_locked_package_has_its_hashes(lock: Path) -> None:
    """A line that names a package is followed by hashes, and no line names an index."""
    lines = [line for line in lock.read_text().splitlines() if line.strip() and not line.lstrip().startswith("#")]
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        if not line.startswith(" "):
            assert re.match(r"[a-z0-9._-]+==[^ ]+", line), line
            assert following.strip().startswith("--hash=sha256:"), line
    assert "index-url" not in lock.read_text()


def test_nothing_is_installed_without_a_hash() -> None:
    """In CI's scripts, every pip that installs demands hashes, or installs what was built here."""
    for path in [*(ROOT / ".ci").glob("*.sh"), ROOT / ".ci" / "run", ROOT / "lambda" / "Dockerfile"]:
        text = path.read_text().replace("\\\n", " ")
        for line in text.splitlines():
            if re.search(r"\bpip\b[^#]*\b(install|wheel|download)\b", line) and not line.lstrip().startswith("#"):
                is_hashed = "--require-hashes" in line or "--no-index" in line or '"$@"' in line
                assert is_hashed, f"{path.name}: {line.strip()}"
    setup = (ROOT / ".ci" / "setup.sh").read_text()
    for given in re.findall(r"(?m)^ +set -- (.*)$", setup):
        assert "--require-hashes" in given or "--no-build-isolation --editable ." in given


def _copied(root: Path, base: str = "") -> Path:
    """Both places of the base, in a folder."""
    (root / "lambda").mkdir()
    for name in ("lambda/Dockerfile", "template.yaml"):
        shutil.copy(ROOT / name, root / name)
        if base:
            text = (root / name).read_text()
            (root / name).write_text(re.sub(r"(?m)^(ARG BASE=| +BASE: )\S+$", rf"\g<1>{base}", text))
    return root


def _docker(folder: Path, answer: str, code: int = 0) -> None:
    """A program `docker` that answers so."""
    program = folder / "docker"
    (folder / "answer").write_text(answer)
    program.write_text(f'#!/bin/sh\necho "$@" > {folder}/asked\ncat {folder}/answer\nexit {code}\n')
    program.chmod(program.stat().st_mode | stat.S_IEXEC)


def test_a_tag_is_pinned_in_both_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The digest is behind the tag, both places are equal, and the check passes then."""
    root = _copied(tmp_path, "public.ecr.aws/lambda/python:3.13")
    platforms = [{"platform": {"architecture": one}} for one in ("amd64", "arm64")]
    _docker(tmp_path, json.dumps({"digest": DIGEST, "manifests": platforms}))
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    with pytest.raises(BASE.BaseError, match=r"is a tag, which can be moved.*make pin-base"):
        BASE.check(root)
    assert BASE.pin(root) == f"public.ecr.aws/lambda/python:3.13@{DIGEST}"
    assert BASE.bases(root) == [f"public.ecr.aws/lambda/python:3.13@{DIGEST}"] * 2
    assert (tmp_path / "asked").read_text().endswith("public.ecr.aws/lambda/python:3.13\n")
    BASE.check(root)
    BASE.pin(root)  # a newer digest of the same tag takes the place
    assert BASE.bases(root)[0].count("@") == 1


@pytest.mark.parametrize(
    ("answer", "code", "words"),
    [
        ("", 1, "doesn't find"),
        ("{}", 0, "isn't a list"),
        ("no JSON", 0, "isn't a list"),
        (json.dumps({"digest": DIGEST, "manifests": [{"platform": {"architecture": "amd64"}}]}), 0, "isn't a list"),
        (json.dumps({"digest": "latest", "manifests": []}), 0, "isn't a list"),
    ],
)
def test_another_answer_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str, code: int, words: str
) -> None:
    """An image for one architecture, and one that isn't there, can't be pinned."""
    root = _copied(tmp_path)
    before = (root / "template.yaml").read_text()
    _docker(tmp_path, answer, code)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    with pytest.raises(BASE.BaseError, match=words):
        BASE.pin(root)
    assert (root / "template.yaml").read_text() == before


def test_two_bases_are_refused(tmp_path: Path) -> None:
    """Both places have to agree."""
    root = _copied(tmp_path, f"x@{DIGEST}")
    text = (root / "template.yaml").read_text()
    (root / "template.yaml").write_text(text.replace(f"x@{DIGEST}", f"y@{DIGEST}"))
    with pytest.raises(BASE.BaseError, match="run `make pin-base`"):
        BASE.check(root)


class Ecr:
    """A client of ECR with one repository."""

    def __init__(self, state: str) -> None:
        self.state = state
        self.asked: list[dict[str, Any]] = []

    def describe_repositories(self, **asked: Any) -> dict[str, Any]:
        """Describe it."""
        self.asked.append(asked)
        if self.state == "denied":
            raise PermissionError(self.state)
        return {"repositories": [{"imageTagMutability": self.state}]}


ACCOUNT = "1" * 12
ADDRESS = f"{ACCOUNT}.dkr.ecr.eu-central-1.amazonaws.com/team/komorebi-qc"


def test_a_repository_has_immutable_tags() -> None:
    """It is looked up by its account, region and name."""
    client = Ecr("IMMUTABLE")
    REPOSITORY.check(ADDRESS, {"eu-central-1": client}.__getitem__)
    assert client.asked == [{"registryId": ACCOUNT, "repositoryNames": ["team/komorebi-qc"]}]


@pytest.mark.parametrize(
    ("address", "state", "words"),
    [
        (ADDRESS, "MUTABLE", "put-image-tag-mutability --repository-name team/komorebi-qc"),
        (ADDRESS, "denied", "ecr:DescribeRepositories"),
        ("example.org/komorebi-qc", "IMMUTABLE", "isn't the address of a repository on ECR"),
        (f"{ADDRESS}:latest", "IMMUTABLE", "isn't the address of a repository on ECR"),
    ],
)
def test_another_repository_is_refused(address: str, state: str, words: str) -> None:
    """The error says what to do."""
    with pytest.raises(REPOSITORY.RepositoryError, match=words):
        REPOSITORY.check(address, lambda _region: Ecr(state))


def test_the_package_step_checks_both() -> None:
    """`make sam-package` pushes no image before it."""
    asked = ["make", "-n", "sam-package", f"IMAGE_REPOSITORY={ADDRESS}"]
    done = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=True)
    base, repository, push = (
        done.stdout.index(word) for word in ("base_image.py check", "check_repository.py", "sam package")
    )
    assert base < push
    assert repository < push


def test_the_image_runs_as_nobody() -> None:
    """Also outside of Lambda."""
    last = (ROOT / "lambda" / "Dockerfile").read_text().rpartition("\nFROM ")[2]
    assert re.search(r"(?m)^USER 65534:65534$", last)


@pytest.mark.timeout(900)  # it installs the tool, if it isn't there
def test_a_bill_of_materials_has_every_package(tmp_path: Path) -> None:
    """With its version and the hashes of its files; two runs write the same."""
    tool = ROOT / ".tools" / "audit" / "bin" / "cyclonedx-py"
    if not tool.is_file():
        subprocess.run([ROOT / ".ci" / "tools.sh", "audit"], check=True, capture_output=True)
    lock = ROOT / "lambda" / "requirements.lock"
    written = []
    for number in range(2):
        out = tmp_path / f"{number}.json"
        argv = [str(tool), "requirements", "--output-reproducible", "--output-format", "JSON"]
        subprocess.run(
            [*argv, "--output-file", str(out), str(lock)],
            check=True,
            capture_output=True,
            env={**os.environ, "PYTHONPATH": ""},
        )
        written.append(out.read_text())
    assert written[0] == written[1]
    document = json.loads(written[0])
    assert document["bomFormat"] == "CycloneDX"
    there = {(one["name"], one["version"]): one for one in document["components"]}
    pins = re.findall(r"(?m)^([a-z0-9._-]+)==([^ ]+)", lock.read_text())
    assert there.keys() == set(pins)
    assert all("sha256" in json.dumps(one).lower().replace("-", "") for one in there.values())
