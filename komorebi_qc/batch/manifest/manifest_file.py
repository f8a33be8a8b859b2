"""Read a manifest: a list of recordings as CSV, JSON Lines or Parquet, validated before any work.

A row that can't be used is rejected with its place and the reason; the other rows are used.
"""

from __future__ import annotations

import posixpath
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from komorebi_qc.batch.manifest.fields import FIELDS, ID, NEEDED, field_of, fields_of, item_of
from komorebi_qc.batch.manifest.items import Item, Listing, RejectedRow
from komorebi_qc.batch.manifest.locations import readable_file
from komorebi_qc.batch.manifest.row_readers import rows_of
from komorebi_qc.core.errors import InputError
from komorebi_qc.storage.aws_errors import NO_SUCH_KEY, aws_errors, error_code
from komorebi_qc.storage.object_store import split_s3
from komorebi_qc.storage.temporary_folder import temporary_folder
from komorebi_qc.wiring import aws_client

if TYPE_CHECKING:
    from collections.abc import Iterator

    from komorebi_qc.batch.manifest.row_readers import Numbered

_SHOWN_COLUMNS, _SHOWN_CHARACTERS = 12, 40
"""How many columns an error lists, and how much of each name."""


def read_manifest(location: str | Path) -> Listing:
    """The recordings of a manifest.

    Args:
        location: a path, or ``s3://bucket/key``. The extension gives the format. Paths in it may be relative to its
            folder. A row of the table needs no call end if its item has one.

    Raises:
        InputError: The file can't be read, or lacks a column that every row needs.
        StorageError: The bucket doesn't answer.
        AccessDeniedError: The bucket refuses access, or doesn't exist.
    """
    with local_copy(location) as (path, name):
        return _listing(rows_of(path, name), name, name.rpartition("/")[0])


@contextmanager
def local_copy(location: str | Path) -> Iterator[tuple[Path, str]]:
    """A list as a local file, and its name for a person. An object on S3 is downloaded.

    Raises:
        InputError: The file doesn't exist or can't be read.
        StorageError: The bucket doesn't answer.
        AccessDeniedError: The bucket refuses access, or doesn't exist.
    """
    if not str(location).startswith("s3://"):
        yield Path(location), readable_file(Path(location))
        return
    location = str(location)
    bucket, key = split_s3(location)
    with temporary_folder("list") as folder:
        path = Path(folder, "list").with_suffix(posixpath.splitext(key)[1])
        with aws_errors(location):
            try:
                aws_client("s3").download_file(bucket, key, str(path))
            except Exception as error:
                if error_code(error) in NO_SUCH_KEY:
                    raise InputError(f"{location} doesn't exist: check the name") from None
                raise
        yield path, location


def _listing(rows: Iterator[Numbered], name: str, base: str) -> Listing:
    items: dict[str, Item] = {}
    rejected: list[RejectedRow] = []
    ignored: dict[str, None] = {}
    count, columns = 0, set[str]()
    for number, row in rows:
        count += 1
        place = f"{name}:{number}"
        if isinstance(row, str):
            rejected.append(RejectedRow(place, row))
            continue
        columns.update(field_of(column) for column, _ in row)
        ignored.update(dict.fromkeys(column for column, _ in row if field_of(column) not in FIELDS))
        try:
            item = item_of(fields_of(row), place, base)
        except InputError as error:
            rejected.append(RejectedRow(place, str(error), type(error).__name__))
            continue
        if (first := items.setdefault(item.recording_id, item)) is not item:
            own = "" if item.named_by == "id" else ", or give each row its own recording_id"
            reason = f"the recording {item.recording_id} is listed in {first.listed_in} already: keep one row{own}"
            rejected.append(RejectedRow(place, reason))
    if not count:
        raise InputError(f"{name} is empty: each row names {NEEDED}")
    if columns and ID not in columns and not {"connect", "recording", "call_end"} <= columns:
        shown = [
            column if len(column) <= _SHOWN_CHARACTERS else f"{column[:_SHOWN_CHARACTERS]}..." for column in columns
        ]
        more = f" and {len(shown) - _SHOWN_COLUMNS} more" if len(shown) > _SHOWN_COLUMNS else ""
        listed = ", ".join(sorted(shown)[:_SHOWN_COLUMNS])
        raise InputError(f"{name} has the columns {listed}{more}: a manifest needs {NEEDED}")
    return Listing(name, tuple(items.values()), tuple(rejected), tuple(ignored))
