"""The folder of an audit: a local folder, or a prefix on S3. It is only read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from komorebi_qc.core.errors import InputError
from komorebi_qc.storage.object_store import Folder, ObjectStore, Prefix, open_store

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

MAX_BYTES = 64_000_000
"""An audit's files are much smaller; larger ones aren't read."""


class OutsideError(InputError):
    """A row names a report outside of the dataset, in a folder that nobody named."""


def dataset_store(text: str, s3_client: Callable[[], Any]) -> ObjectStore:
    """The store of a dataset, by its folder or ``s3://bucket/prefix``.

    Raises:
        InputError: The text names no store.
    """
    if not isinstance(text, str) or not text.strip():
        raise InputError(f"the dataset is {text!r}: name its folder, or s3://bucket/prefix")
    return open_store(text, s3_client)


def audit_store(roots: Sequence[ObjectStore], report: str) -> tuple[ObjectStore, str]:
    """The store of an audit's folder, and the report's name in it.

    A row may come from anywhere, so its report is only read inside of the folders that a person named.

    Args:
        roots: the dataset's store, then those of other folders of results.
        report: the row's ``report``: relative to the dataset, an absolute path, or an ``s3://`` address.

    Raises:
        OutsideError: the report is outside of `roots`.
        InputError: `report` can't be a report's place.
    """
    if not report.endswith(".html"):
        raise InputError(f"{report!r} isn't a report: its name doesn't end in .html")
    is_whole = report.startswith(("s3://", "/"))
    address = report if is_whole else roots[0].address_of(report)
    for root in roots:
        if (found := _inside(root, address)) is not None:
            return found
    raise OutsideError(f"{report} is outside of the dataset: name its folder by --results")


def audit_file(store: ObjectStore, name: str) -> bytes | None:
    """A file of an audit; None if it can't be read, is too large to be one, or is a link to another folder."""
    try:
        if isinstance(store, Folder) and (store.root / name).resolve().parent != store.root:
            return None
        found = store.read(name, max_bytes=MAX_BYTES)
    except (InputError, OSError, RuntimeError):  # RuntimeError: a circle of links, before Python 3.13
        return None
    return None if found is None else found.content


def _inside(root: ObjectStore, address: str) -> tuple[ObjectStore, str] | None:
    if isinstance(root, Folder) and not address.startswith("s3://"):
        path = Path(address).resolve()
        is_inside = path.suffix == ".html" and path.is_relative_to(root.root.resolve())
        return (Folder(path.parent), path.name) if is_inside else None
    start = f"{root.address.rstrip('/')}/"
    if not isinstance(root, Prefix) or not address.startswith(start):
        return None
    folder, _, name = address.removeprefix(start).rpartition("/")
    if any(part in ("", ".", "..") for part in folder.split("/")) and folder:
        return None
    return Prefix(root.client, root.bucket, "/".join(filter(None, (root.prefix, folder)))), name
