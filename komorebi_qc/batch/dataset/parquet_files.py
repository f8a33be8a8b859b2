"""The dataset's Parquet files, as bytes: written in the current schema, read from this and older versions."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from komorebi_qc.batch.dataset.legacy import OLD_COLUMNS, upgrade
from komorebi_qc.batch.dataset.schema import DAY, SCHEMA_VERSION, WITH_DAY
from komorebi_qc.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

_UPGRADED = "1"
"""The older major version that can be read."""


def to_parquet(table: pa.Table, compression: str = "zstd") -> bytes:
    """A file's content. Compressing a single row takes longer than all else, and makes it no smaller."""
    sink = io.BytesIO()
    pq.write_table(table, sink, compression=compression)
    return sink.getvalue()


def from_parquet(address: str, content: bytes, day: str, columns: Sequence[str] = WITH_DAY.names) -> pa.Table:
    """A file's rows.

    Args:
        address: the file's name in errors.
        content: the file's content.
        day: the day of rows in a file without that column.
        columns: the columns to read; those that an older version doesn't have are null.

    Raises:
        InputError: The file can't be read, or has another schema.
    """
    return read_table(address, pa.BufferReader(content), day, columns)


def read_table(address: str, opened: Any, day: str, columns: Sequence[str] = WITH_DAY.names) -> pa.Table:
    """The rows of an opened file, of which only the needed parts are read.

    Args:
        address: the file's name in errors.
        opened: the file: Arrow's, or Python's.
        day: as of `from_parquet`.
        columns: as of `from_parquet`.

    Raises:
        InputError: The file can't be read, or has another schema.
        FileNotFoundError: It is gone.
    """
    try:
        # In this thread alone: one of Arrow's that holds a Python object aborts a process that ends meanwhile.
        file = pq.ParquetFile(opened, pre_buffer=False)
        version = (file.schema_arrow.metadata or {}).get(b"komorebi_qc.schema", b"").decode()
        major = version.partition(".")[0]
        if major not in (_UPGRADED, SCHEMA_VERSION.partition(".")[0]):
            raise InputError(
                f"{address} has {f'schema {version}' if version else 'no schema of this software'}, and this software "
                f"reads schema 1.x and writes {SCHEMA_VERSION}: name another folder, or install the version that wrote "
                "it"
            )
        is_old = major == _UPGRADED
        names = [OLD_COLUMNS.get(name, name) for name in columns] if is_old else list(columns)
        table = file.read(columns=names, use_threads=False)  # missing columns are left out
        if is_old:
            table = upgrade(table, SCHEMA_VERSION)
        schema = pa.schema([WITH_DAY.field(name) for name in columns], WITH_DAY.metadata)
        for field in schema:
            if field.name not in table.column_names:
                filler = (
                    pa.array([day] * table.num_rows, pa.string())
                    if field.name == DAY
                    else pa.nulls(table.num_rows, field.type)
                )
                table = table.append_column(field, filler)
        return table.select(schema.names).cast(schema)
    except FileNotFoundError:
        raise
    except (pa.ArrowException, OSError) as error:
        why = str(error).splitlines()[0]
        raise InputError(
            f"{address} can't be read as part of the dataset ({why}): remove it, and run the batch again"
        ) from None
