"""The rows of a CSV, JSON Lines or Parquet file: each has its number, and its values or the reason of an error."""

from __future__ import annotations

import csv
import json
import posixpath
from typing import TYPE_CHECKING

import pyarrow.parquet as pq

from komorebi_qc.batch.manifest.fields import FIELDS, NEEDED, Pairs, field_of
from komorebi_qc.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pyarrow as pa

Numbered = tuple[int, Pairs | str]
"""A row's number in its file, and its values; or the reason that it can't be read."""


def is_manifest(location: str) -> bool:
    """Whether a file's extension is a manifest's."""
    return posixpath.splitext(location)[1].lower() in _READERS


def rows_of(path: Path, name: str) -> Iterator[Numbered]:
    """The rows of a file.

    Args:
        path: the file.
        name: the file's name in errors.

    Raises:
        InputError: The extension is unknown, or the file can't be read at all.
    """
    kind = path.suffix.lower()
    if kind not in _READERS:
        raise InputError(f"{name} isn't a manifest by its name: use .csv, .tsv, .jsonl, .ndjson or .parquet")
    return _READERS[kind](path, name)


def _csv_rows(path: Path, name: str) -> Iterator[Numbered]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = list(file)
    except UnicodeDecodeError:
        raise InputError(f"{name} isn't UTF-8: save it as CSV in UTF-8") from None
    first = next((line for line in lines if line.strip()), "")
    delimiter = max(",;\t", key=first.count)
    header: list[str] = []
    at = 0
    while at < len(lines):
        number = at + 1
        # One reader a row: the lines that an unclosed quote swallows are read again, one by one.
        reader = csv.reader(map(lines.__getitem__, range(at, len(lines))), delimiter=delimiter, strict=True)
        try:
            cells = next(reader)
        except csv.Error as error:
            if not header:
                raise InputError(f"{name}:{number}, the header, isn't CSV ({error}): check its quotes") from None
            at += 1
            yield number, f"it isn't CSV ({error}): check its quotes"
            continue
        if cells and not header:
            header = cells
        elif cells and (wrong := _misread(header, cells)):
            yield number, wrong if reader.line_num == 1 else f"{wrong}: check its quotes"
            at += 1
            continue
        elif cells:
            yield number, list(zip(header, cells, strict=True))
        at += reader.line_num


def _misread(header: list[str], cells: list[str]) -> str:
    """The error of a row that was parsed; empty if it has no error."""
    if len(cells) != len(header):
        return f"it has {'more' if len(cells) > len(header) else 'fewer'} fields than the header"
    broken = (name for name, cell in zip(header, cells, strict=True) if field_of(name) in FIELDS and "\n" in cell)
    return f"its {name} runs over several lines" if (name := next(broken, None)) is not None else ""


def _json_rows(path: Path, name: str) -> Iterator[Numbered]:
    try:
        with path.open(encoding="utf-8-sig") as file:
            for number, line in enumerate(file, 1):
                if not line.strip():
                    continue
                try:
                    row = json.loads(line)
                except (ValueError, RecursionError):
                    yield number, "it isn't JSON: write one object a line"
                    continue
                yield number, list(row.items()) if isinstance(row, dict) else "it isn't a JSON object"
    except UnicodeDecodeError:
        raise InputError(f"{name} isn't UTF-8") from None


def _parquet_rows(path: Path, name: str) -> Iterator[Numbered]:
    try:
        with pq.ParquetFile(path) as file:
            used = [column for column in file.schema_arrow.names if field_of(column) in FIELDS]
            if not used:
                raise InputError(f"{name} has no column that a manifest needs: {NEEDED}")
            number = 0
            for batch in file.iter_batches(4096, columns=used):
                for at in range(len(batch)):
                    number += 1
                    yield number, _parquet_row(batch, at)
    except (OSError, ValueError) as error:  # pyarrow's own errors are of these classes
        raise InputError(f"{name} isn't a Parquet file: {str(error).splitlines()[0][:200]}") from None


def _parquet_row(batch: pa.RecordBatch, at: int) -> Pairs | str:
    row: Pairs = []
    for column, values in zip(batch.schema.names, batch.columns, strict=True):
        try:
            row.append((column, values[at].as_py()))
        except (OverflowError, ValueError):  # a day beyond the calendar's, nanoseconds, bytes that aren't UTF-8
            return f"{column} can't be read: {str(values.type)[:40]} has a value that is neither text nor a date"
    return row


_READERS = {
    ".csv": _csv_rows,
    ".tsv": _csv_rows,
    ".jsonl": _json_rows,
    ".ndjson": _json_rows,
    ".parquet": _parquet_rows,
}
