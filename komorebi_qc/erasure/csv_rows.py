"""A CSV file without the rows of a recording; all other rows stay as they are, byte for byte. Pure."""

from __future__ import annotations

import codecs
import csv
import io
from typing import TYPE_CHECKING

from komorebi_qc.erasure.row_match import is_of_recording

if TYPE_CHECKING:
    from collections.abc import Iterator

    from komorebi_qc.erasure.name_match import NameMatch

_COLUMNS = (frozenset({"recording_id", "work_key", "verdict"}), frozenset({"recording_id", "kind", "clock", "made_at"}))
"""In the first line of every CSV file of a dataset, and of every one of findings and notes."""


def is_dataset_csv(content: bytes) -> bool:
    """Return whether a file is a dataset's CSV file, or one of findings and notes, by its first line."""
    first = content.removeprefix(codecs.BOM_UTF8).partition(b"\n")[0]
    names = set(first.decode("utf-8", "replace").strip().split(","))
    return any(names >= columns for columns in _COLUMNS)


def without_rows(content: bytes, names: NameMatch) -> tuple[bytes, int]:
    """Return the file without the recording's rows, and their number.

    Raises:
        ValueError: it isn't CSV in UTF-8.
    """
    mark = codecs.BOM_UTF8 if content.startswith(codecs.BOM_UTF8) else b""
    text = content.removeprefix(mark).decode("utf-8")
    lines: list[str] = []

    def read() -> Iterator[str]:
        for line in io.StringIO(text, newline=""):
            lines.append(line)
            yield line

    kept: list[str] = []
    removed = 0
    head: list[str] | None = None
    try:
        for row in csv.reader(read(), strict=True):
            raw = "".join(lines)
            lines.clear()
            if head is not None and is_of_recording(dict(zip(head, row, strict=False)), names):
                removed += 1
            else:
                kept.append(raw)
            head = head or row
    except csv.Error as error:
        raise ValueError(f"it isn't CSV: {error}") from None
    return mark + "".join(kept).encode(), removed
