"""Reported call ends from a separate list, for a table query or a prefix."""

from __future__ import annotations

from typing import TYPE_CHECKING

from komorebi_qc.batch.manifest.fields import ID, check_call_end, field_of, fields_of
from komorebi_qc.batch.manifest.items import RejectedRow
from komorebi_qc.batch.manifest.manifest_file import local_copy
from komorebi_qc.batch.manifest.row_readers import rows_of
from komorebi_qc.core.errors import InputError
from komorebi_qc.core.recording import check_recording_id

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from komorebi_qc.batch.manifest.row_readers import Numbered


def read_call_ends(location: str | Path) -> dict[str, str | RejectedRow]:
    """Call ends by recording ID; a wrong one comes as a rejected row.

    Args:
        location: a list with ``recording_id`` and ``call_end``: a path, or ``s3://bucket/key``.

    Raises:
        InputError: The list can't be read, or a row has no valid recording ID.
        StorageError: The bucket doesn't answer.
        AccessDeniedError: The bucket refuses access, or doesn't exist.
    """
    with local_copy(location) as (path, name):
        return _call_ends(rows_of(path, name), name)


def _call_ends(rows: Iterator[Numbered], name: str) -> dict[str, str | RejectedRow]:
    found: dict[str, str | RejectedRow] = {}
    has_ends = False
    for number, row in rows:
        place = f"{name}:{number}"
        if isinstance(row, str):
            raise InputError(f"{place}: {row}")
        has_ends |= any(field_of(column) == "call_end" for column, _ in row)
        try:
            ids = [(column, value) for column, value in row if field_of(column) == ID]
            recording_id = check_recording_id(fields_of(ids).get(ID))
        except InputError as error:
            raise InputError(f"{place}: {error}") from None
        try:
            call_end = check_call_end(fields_of(row).get("call_end", ""))
        except InputError as error:
            found[recording_id] = RejectedRow(place, str(error), type(error).__name__)
            continue
        if found.setdefault(recording_id, call_end) != call_end:
            found[recording_id] = RejectedRow(place, f"{recording_id} has two different call ends: keep one row")
    if not has_ends:
        raise InputError(f"{name} has no call ends: each row needs recording_id and call_end")
    return found


def call_end_of(found: Mapping[str, str | RejectedRow] | None, recording_id: str, attribute: str = "") -> str:
    """A recording's call end from the list, else the item's own attribute; empty if neither has one.

    Raises:
        InputError: The list's row was rejected, or the attribute isn't a time.
    """
    listed = (found or {}).get(recording_id)
    if isinstance(listed, RejectedRow):
        raise InputError(f"{listed.listed_in}: {listed.reason}")
    return listed or (check_call_end(attribute) if attribute else "")
