"""Datasets of schema 1.x, read as 2.0: one table of renamed columns, statuses and findings.

Files are upgraded in memory when they are read. They are written in the new schema when their rows change.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.compute as pc

from komorebi_qc.core.errors import InputError
from komorebi_qc.findings.legacy import NAMES as RENAMED_FINDINGS

if TYPE_CHECKING:
    from collections.abc import Mapping

RENAMED_COLUMNS: Final = {
    "do": "action",
    "call_end_told_s": "call_end_reported_s",
    "last_try_do": "last_attempt_action",
    "last_try_at": "last_attempt_at",
    "last_try_key": "last_attempt_key",
    "last_try_error_class": "last_attempt_error_class",
    "last_try_error": "last_attempt_error",
    "last_try_is_worth_a_retry": "last_attempt_is_worth_a_retry",
}
"""Columns of schema 1.x and their names since 2.0."""
RENAMED_STATUS: Final = {"set_aside": "rejected"}
"""Values of ``status`` of schema 1.x and their names since 2.0."""
OLD_COLUMNS: Final = {new: old for old, new in RENAMED_COLUMNS.items()}
_LITERAL = re.compile(r"'((?:[^']|'')*)'")
_IDS = re.compile(r"(?i)\brecording_id\s*(?:=|<>|!=|(?:not\s+)?in\s*\()\s*'(?:[^']|'')*'(?:\s*,\s*'(?:[^']|'')*')*")
"""Recordings that a condition names. An ID may be any word."""
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def upgrade(table: pa.Table, schema_version: str) -> pa.Table:
    """Rows of schema 1.x with the names of `schema_version`; columns of other names stay."""
    table = table.rename_columns([RENAMED_COLUMNS.get(name, name) for name in table.column_names])
    for at, name in enumerate(table.column_names):
        if name == "status":
            table = table.set_column(at, name, _renamed(table[name].combine_chunks(), RENAMED_STATUS))
        elif name in ("warnings", "failures"):
            table = table.set_column(at, name, _renamed_in_lists(table[name].combine_chunks()))
        elif name == "schema_version":
            table = table.set_column(at, name, pa.array([schema_version] * len(table), pa.string()))
    return table


def check_condition(condition: str) -> None:
    """Refuse a condition on rows that uses a name of schema 1.x.

    Without this check, an old value would match no row.

    Raises:
        InputError: It uses an old name; the message gives the new one.
    """
    values = {**RENAMED_STATUS, **RENAMED_FINDINGS}
    names = _IDENTIFIER.findall(_LITERAL.sub(" ", condition))
    renamed = [(name, RENAMED_COLUMNS[name.lower()]) for name in names if name.lower() in RENAMED_COLUMNS]
    renamed += [
        (f"'{text}'", f"'{values[text]}'") for text in _LITERAL.findall(_IDS.sub(" ", condition)) if text in values
    ]
    if renamed:
        pairs = ", ".join(f"{old} is now {new}" for old, new in dict.fromkeys(renamed))
        raise InputError(f"--where uses names of schema 1.x: {pairs}")


def _renamed(values: pa.Array, names: Mapping[str, str]) -> pa.Array:
    for old, new in names.items():
        values = pc.if_else(pc.equal(values, old), new, values)
    return values


def _renamed_in_lists(lists: pa.Array) -> pa.Array:
    renamed = _renamed(pc.list_flatten(lists), RENAMED_FINDINGS)
    lengths = pc.fill_null(pc.list_value_length(lists), 0).to_pylist()
    offsets, at = [0], 0
    for length in lengths:
        at += length
        offsets.append(at)
    mask = pc.is_null(lists) if lists.null_count else None
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), renamed, mask=mask)
