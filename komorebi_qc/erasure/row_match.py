"""Whether a row of a dataset, in Parquet or in CSV, is a recording's. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from komorebi_qc.erasure.name_match import NameMatch


def is_of_recording(row: Mapping[str, Any], names: NameMatch) -> bool:
    """Return whether a row is the recording's, or names it.

    The row of another recording of the table has that recording's ID, and stays. In a list of files a person chooses
    the IDs, so that the files' names count as well. A rejected row has no ID of its own.

    Args:
        row: the columns by name; values that aren't texts don't count.
        names: finds the recording's ID.
    """
    if names.is_id(row.get("recording_id") or ""):
        return True
    if row.get("status") != "rejected" and (row.get("named_by") == "id" or not names.is_distinctive):
        return False
    return any(isinstance(value, str) and names.in_text(value) for value in row.values())
