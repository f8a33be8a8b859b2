"""The dataset as CSV: all rows, without formulas, in a file that was checked before."""

from __future__ import annotations

import csv
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from aws_fixtures import OUTPUT, World

from komorebi_qc.batch.dataset.csv_file import csv_file
from komorebi_qc.batch.dataset.schema import WITH_DAY
from komorebi_qc.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence


def table(*rows: dict[str, Any]) -> pa.Table:
    """Rows of the dataset with few values."""
    blank: dict[str, Any] = {**dict.fromkeys(WITH_DAY.names), "done_at": datetime(2026, 11, 24, 9, tzinfo=UTC)}
    return pa.Table.from_pylist([{**blank, "recording_id": f"r{n}", **row} for n, row in enumerate(rows)], WITH_DAY)


def read(content: bytes) -> Sequence[dict[str, str]]:
    """The rows as a spreadsheet reads them, by the byte order mark."""
    assert content.startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(content.decode("utf-8-sig").splitlines(keepends=True)))


def test_all_rows_and_columns(tmp_path: Path) -> None:
    """Lists are one cell, times are ISO 8601, and any script is kept."""
    rows = table(
        {"error": 'with "quotes", and\nlines', "agent": "J\u00fcrgen \u6728\u6f0f\u308c\u65e5"},
        {"warnings": ["drift", "call_snr"], "is_worth_a_retry": False},
    )
    csv_file(str(tmp_path / "new" / "rows.csv")).write(rows)
    first, second = read((tmp_path / "new" / "rows.csv").read_bytes())
    assert list(first) == WITH_DAY.names
    assert (first["error"], first["agent"]) == ('with "quotes", and\nlines', "J\u00fcrgen \u6728\u6f0f\u308c\u65e5")
    assert (second["warnings"], second["is_worth_a_retry"]) == ("drift; call_snr", "false")
    assert second["done_at"] == "2026-11-24T09:00:00.000+00:00"


@pytest.mark.parametrize(
    "text",
    ["=1+2", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", '=HYPERLINK("http://x";"y")', "x;=A1;y", "x\n =A1", "\uff1dA1"],
)
def test_formulas_are_escaped(tmp_path: Path, text: str) -> None:
    """An apostrophe is at every place where a spreadsheet may begin a cell; numbers stay numbers."""
    file = csv_file(str(tmp_path / "rows.csv"))
    file.write(table({"agent": text, "warnings": [text], "offset_s": -1.5, "jump_count": -2, "error": f"a{text}"}))
    (row,) = read((tmp_path / "rows.csv").read_bytes())
    for found, given in ((row["agent"], text), (row["warnings"], text), (row["error"], f"a{text}")):
        assert not re.search(r"(^|[;\t\r\n])\s*[=+\-@\uff1d]", found)
        assert found.replace("'", "") == given.replace("\r", "\n")
    assert (row["offset_s"], row["jump_count"]) == ("-1.5", "-2")


@pytest.mark.parametrize("control", ["\x1b", "\0", "\x7f", "\x9b", "\u202e", "\u2066", "\u2028", "\x07"])
def test_control_characters_are_replaced(tmp_path: Path, control: str) -> None:
    """A terminal that shows the file isn't controlled by it; a tab and a line break stay."""
    file = csv_file(str(tmp_path / "rows.csv"))
    file.write(table({"agent": f"a{control}[31mb", "warnings": [control], "error": "a\tb\r\nc\u200dd"}))
    content = (tmp_path / "rows.csv").read_bytes()
    assert control not in content.decode("utf-8-sig")
    (row,) = read(content)
    assert (row["agent"], row["warnings"], row["error"]) == ("a\ufffd[31mb", "\ufffd", "a\tb\nc\u200dd")


def test_a_file_that_cannot_be_written_is_an_error_at_once(tmp_path: Path) -> None:
    """A folder, a file instead of a folder, and a folder without the right to write; existing files stay unchanged."""
    (tmp_path / "file").write_text("old")
    for text in (tmp_path, tmp_path / "file" / "rows.csv", Path("/proc/none/rows.csv"), tmp_path / ("x" * 300)):
        with pytest.raises(InputError):
            csv_file(str(text))
    csv_file(str(tmp_path / "file"))
    assert [path.read_text() for path in tmp_path.iterdir()] == ["old"]


def test_a_file_on_s3(world: World) -> None:
    """It is written to its bucket; a missing bucket is an error at once."""
    file = csv_file(f"s3://{OUTPUT}/tables/rows.csv")
    assert file.address == f"s3://{OUTPUT}/tables/rows.csv"
    file.write(table({}))
    assert read(world.s3.get_object(Bucket=OUTPUT, Key="tables/rows.csv")["Body"].read())[0]["recording_id"] == "r0"
    with pytest.raises(InputError, match="the bucket nowhere doesn't exist"):
        csv_file("s3://nowhere/rows.csv")
    for text in (f"s3://{OUTPUT}", f"s3://{OUTPUT}/tables/"):
        with pytest.raises(InputError, match="names no object"):
            csv_file(text)
