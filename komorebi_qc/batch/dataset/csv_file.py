"""The dataset as CSV for a spreadsheet: UTF-8 with the byte order mark that Excel needs, and without formulas.

A terminal may show the file as well, so no text can control it: control characters are replaced.
"""

from __future__ import annotations

import csv
import io
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from komorebi_qc.core.errors import InputError
from komorebi_qc.core.exports.spreadsheet import cell
from komorebi_qc.storage.aws_errors import aws_errors, error_code
from komorebi_qc.storage.object_store import Folder, ObjectStore, Prefix, split_s3
from komorebi_qc.wiring import aws_client

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class CsvFile:
    """A file that can be written.

    Attributes:
        folder: its folder.
        name: its name there.
    """

    folder: ObjectStore
    name: str

    @property
    def address(self) -> str:
        """The file's path or ``s3://`` address."""
        return self.folder.address_of(self.name)

    def write(self, table: pa.Table) -> None:
        """Write all rows of a dataset: lists are joined by ``; ``, formulas are escaped, control characters replaced.

        Raises:
            InputError: The file can't be written.
            StorageError: The same, for a reason that may pass.
        """
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow(table.column_names)
        for batch in table.to_batches(1024):
            writer.writerows([_cell(value) for value in row.values()] for row in batch.to_pylist())
        self.folder.write(self.name, text.getvalue().encode("utf-8-sig"))


def csv_file(text: str) -> CsvFile:
    """The file at a path or ``s3://bucket/key``, after a check that it can be written.

    Raises:
        InputError: It can't be written.
        StorageError: S3 doesn't answer.
    """
    return _on_s3(text) if text.startswith("s3://") else _on_disk(text)


def _on_disk(text: str) -> CsvFile:
    path = Path(text).absolute()
    try:
        if path.is_dir():
            raise InputError(f"{text} is a folder: name a file in it")
        folder = next(folder for folder in path.parents if folder.exists())  # the others are created when it is written
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise InputError(
            f"{text} can't be written ({error.strerror}): name a file in a folder that you may write to"
        ) from None
    return CsvFile(Folder(path.parent.resolve()), path.name)


def _on_s3(text: str) -> CsvFile:
    bucket, key = split_s3(text)
    prefix, _, name = key.rpartition("/")
    if not name:
        raise InputError(f"{text} names no object: write s3://bucket/rows.csv")
    client = aws_client("s3")
    with aws_errors(text):
        try:
            client.head_bucket(Bucket=bucket)
        except Exception as error:
            if error_code(error) == "404":
                raise InputError(f"{text} can't be written: the bucket {bucket} doesn't exist") from None
            if error_code(error) != "403":  # the right to write doesn't include the right to look
                raise
    return CsvFile(Prefix(client, bucket, prefix), name)


def _cell(value: Any) -> Any:
    if isinstance(value, list):
        value = "; ".join(value)
    if isinstance(value, str):
        return cell(value)
    if isinstance(value, bool):
        return json.dumps(value)
    return value.isoformat(timespec="milliseconds") if hasattr(value, "isoformat") else value
