# ruff: noqa: INP001  a script, no package
"""Checks that the image's repository on ECR takes no second image under a tag: `check_repository.py IMAGE_REPOSITORY`.

A rollback names an image by its tag, so a tag must keep its content. Run by the Python of .tools/sam, which has boto3.
"""

from __future__ import annotations

import re
import sys
from typing import Any

_ADDRESS = re.compile(r"(?P<account>\d{12})\.dkr\.ecr[.-](?:fips\.)?(?P<region>[a-z0-9-]+)\.[a-z.]+/(?P<name>[^:@]+)")


class RepositoryError(Exception):
    """The repository can't be used; the text says what to do."""


def check(address: str, client: Any) -> None:
    """Check a repository.

    Args:
        address: Its address on ECR.
        client: Makes boto3's client of ECR for a region.

    Raises:
        RepositoryError: Its tags can be overwritten, or it can't be looked at.
    """
    found = _ADDRESS.fullmatch(address)
    if found is None:
        raise RepositoryError(f"{address!r} isn't the address of a repository on ECR: name its repositoryUri")
    try:
        answer = client(found["region"]).describe_repositories(
            registryId=found["account"], repositoryNames=[found["name"]]
        )
    except Exception as error:
        raise RepositoryError(
            f"{address} can't be looked at ({error}): check its name, and the right ecr:DescribeRepositories"
        ) from error
    state = answer["repositories"][0]["imageTagMutability"]
    if state != "IMMUTABLE":
        raise RepositoryError(
            f"{address} lets a tag be overwritten ({state}): run `aws ecr put-image-tag-mutability --repository-name "
            f"{found['name']} --image-tag-mutability IMMUTABLE`"
        )


def main() -> None:
    """Check the repository that is named."""
    import boto3  # noqa: PLC0415

    try:
        check(sys.argv[1], lambda region: boto3.client("ecr", region_name=region))
    except RepositoryError as error:
        sys.exit(f"check_repository: {error}")


if __name__ == "__main__":
    main()
