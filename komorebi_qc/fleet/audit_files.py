"""The folder of an audit: a local folder, or a prefix on S3. It is only read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from komorebi_qc.core.errors import InputError
from komorebi_qc.storage.object_store import Folder, ObjectStore, Prefix, open_store

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

MAX_BYTES = 64_000_000
"""An audit's files are much smaller; larger ones aren't read."""


def dataset_store(text: str, s3_client: Callable[[], Any]) -> ObjectStore:
    """The store of a dataset, by its folder or ``s3://bucket/prefix``.

    Raises:
        InputError: The text names no store.
    """
    if not isinstance(text, str) or not text.strip():
        raise InputError(f"the dataset is {text!r}: name its folder, or s3://bucket/prefix")
    return open_store(text, s3_client)


def audit_store(root: ObjectStore, report: str, s3_client: Callable[[], Any]) -> tuple[ObjectStore, str]:
    """The store of an audit's folder, and the report's name in it.

    Args:
        root: the dataset's store.
        report: the row's ``report``: relative to `root`, an absolute path, or an ``s3://`` address.
        s3_client: makes an S3 client.

    Raises:
        InputError: `report` can't be a report's place.
        SettingsError: An S3 client is needed, and AWS isn't configured.
    """
    if not report.endswith(".html"):
        raise InputError(f"{report!r} isn't a report: its name doesn't end in .html")
    if isinstance(root, Folder) and not report.startswith("s3://"):
        report = root.address_of(report)
    elif isinstance(root, Prefix) and not report.startswith(("s3://", "/")):
        folder, _, name = report.rpartition("/")
        return Prefix(root.client, root.bucket, "/".join(filter(None, (root.prefix, folder)))), name
    folder, _, name = report.rpartition("/")
    return open_store(folder or "/", s3_client), name
