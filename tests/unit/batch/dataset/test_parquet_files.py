"""The dataset's files: older minor versions are read, and other files are refused."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from dataset_rows import failure, plain, row

from komorebi_qc.batch.dataset.dataset import open_dataset
from komorebi_qc.batch.dataset.parquet_files import from_parquet, to_parquet
from komorebi_qc.batch.dataset.schema import SCHEMA
from komorebi_qc.core.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path


def test_a_file_without_a_newer_column_is_read(tmp_path: Path) -> None:
    """The column is null, and the next compaction writes it."""
    older = SCHEMA.remove(SCHEMA.get_field_index("sides"))
    blank = {name: [value] for name, value in row("one").items() if name in older.names}
    day = tmp_path / "day=2026-11-24"
    day.mkdir()
    pq.write_table(pa.Table.from_pydict(blank, schema=older), day / "rows.parquet")
    dataset = open_dataset(str(tmp_path))
    assert [found["recording_id"] for found in plain(dataset)] == ["one"]
    dataset.add(row("two"))
    dataset.compact_journal()
    (file,) = day.glob("rows-*.parquet")  # the new file has taken in the old one
    assert list(day.glob("*.parquet")) == [file]
    assert pq.ParquetFile(file).schema_arrow.names == SCHEMA.names


def test_a_file_of_schema_2_0_is_read(tmp_path: Path) -> None:
    """It has no column about belonging and publication: they are null, and its rows can be merged with newer ones."""
    older = SCHEMA
    for name in ("belongs", "belongs_probability", "publication"):
        older = older.remove(older.get_field_index(name))
    older = older.with_metadata({"komorebi_qc.schema": "2.0"})
    blank = {name: [value] for name, value in row("one", output="out.mp4").items() if name in older.names}
    day = tmp_path / "day=2026-11-24"
    day.mkdir()
    pq.write_table(pa.Table.from_pydict(blank, schema=older), day / "rows.parquet")
    (found,) = open_dataset(str(tmp_path)).read().to_pylist()
    assert (found["belongs"], found["publication"], found["output"]) == (None, None, "out.mp4")
    dataset = open_dataset(str(tmp_path))
    dataset.add(failure("one", 5, error_class="HeldError", publication="held"))
    dataset.compact_journal()
    (found,) = open_dataset(str(tmp_path)).read().to_pylist()
    assert (found["status"], found["publication"], found["last_attempt_error_class"]) == ("done", "held", "HeldError")


@pytest.mark.parametrize("version", ["3.0", ""])
def test_another_schema_is_refused(tmp_path: Path, version: str) -> None:
    """The error names both versions, and the file stays unchanged."""
    day = tmp_path / "day=2026-11-24"
    day.mkdir()
    path = day / "rows.parquet"
    other = SCHEMA.with_metadata({"komorebi_qc.schema": version} if version else {})
    pq.write_table(other.empty_table(), path)
    before = path.read_bytes()
    with pytest.raises(InputError, match=rf"has (schema {version}|no schema of this software), .* writes 2\.3"):
        open_dataset(str(tmp_path)).add(row("one"))
    assert path.read_bytes() == before


def test_a_broken_file_is_named() -> None:
    """The error says which file to remove."""
    with pytest.raises(InputError, match=r"day=1/rows\.parquet can't be read"):
        from_parquet("day=1/rows.parquet", b"not Parquet", "1")


def test_a_written_table_is_read_back() -> None:
    """With the day of its folder, and in the requested columns."""
    table = pa.Table.from_pylist([row("one")], schema=SCHEMA)
    content = to_parquet(table)
    assert pq.ParquetFile(io.BytesIO(content)).schema_arrow.metadata == SCHEMA.metadata
    found = from_parquet("file", content, "2026-11-24", ("recording_id", "day"))
    assert found.to_pylist() == [{"recording_id": "one", "day": "2026-11-24"}]
