# ruff: noqa: INP001  a script, no package
"""The base of the function's image, which a digest must name: a tag can be moved to other content.

    make pin-base               looks up the digest (needs Docker and a network), and writes it into both places
    .ci/base_image.py check     fails if a place has a tag only, or both differ

The places are `ARG BASE` in lambda/Dockerfile, and `DockerBuildArgs` in template.yaml. The digest is that of the list
for all architectures, and Docker takes the image of the function's own.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
_PLACES = (
    ("lambda/Dockerfile", re.compile(r"(?m)^(ARG BASE=)(\S+)$")),
    ("template.yaml", re.compile(r"(?m)^( +BASE: )(\S+)$")),
)
_PINNED = re.compile(r"[^@]+@sha256:[0-9a-f]{64}")
_ARCHITECTURES = {"amd64", "arm64"}


class BaseError(Exception):
    """The base isn't pinned, or can't be; the text says what to do."""


def bases(root: Path) -> list[str]:
    """The base in each place.

    Raises:
        BaseError: A place has no base.
    """
    found = []
    for name, pattern in _PLACES:
        match = pattern.search((root / name).read_text(encoding="utf-8"))
        if match is None:
            raise BaseError(f"{name} names no base image: write it as before, see .ci/base_image.py")
        found.append(match[2])
    return found


def check(root: Path) -> None:
    """Check that one digest is in both places.

    Raises:
        BaseError: It isn't.
    """
    found = bases(root)
    if len(set(found)) > 1:
        raise BaseError(f"lambda/Dockerfile has {found[0]}, template.yaml has {found[1]}: run `make pin-base`")
    if _PINNED.fullmatch(found[0]) is None:
        raise BaseError(
            f"{found[0]} is a tag, which can be moved to other content: run `make pin-base` on a machine with Docker "
            "and a network, look at the change, and commit it"
        )


def pin(root: Path) -> str:
    """Look up the digest of the tag, write it into both places, and return the pinned name.

    Raises:
        BaseError: Docker doesn't report a list of images for both architectures.
    """
    tag = bases(root)[0].partition("@")[0]
    argv = ["docker", "buildx", "imagetools", "inspect", "--format", "{{json .Manifest}}", tag]
    try:
        asked = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=120)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BaseError(f"docker can't be asked for {tag}: {error}") from None
    if asked.returncode:
        raise BaseError(f"docker doesn't find {tag}: {asked.stderr.strip()[-300:]}")
    try:
        manifest = json.loads(asked.stdout)
        there = {one["platform"]["architecture"] for one in manifest["manifests"]}
        pinned = f"{tag}@{manifest['digest']}"
    except (ValueError, TypeError, KeyError):
        there, pinned = set(), ""
    if not there >= _ARCHITECTURES or _PINNED.fullmatch(pinned) is None:
        raise BaseError(f"{tag} isn't a list of images for {' and '.join(sorted(_ARCHITECTURES))}: name such a tag")
    for name, pattern in _PLACES:
        text = (root / name).read_text(encoding="utf-8")
        (root / name).write_text(pattern.sub(rf"\g<1>{pinned}", text, count=1), encoding="utf-8")
    return pinned


def main() -> None:
    """Check or pin."""
    try:
        if sys.argv[1:] == ["check"]:
            check(ROOT)
        elif sys.argv[1:] == ["pin"]:
            print(pin(ROOT))  # noqa: T201  this is the output
        else:
            sys.exit("base_image: say check or pin")
    except BaseError as error:
        sys.exit(f"base_image: {error}")


if __name__ == "__main__":
    main()
