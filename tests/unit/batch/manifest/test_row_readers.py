"""Rows of CSV and Parquet files: a malformed row costs no other row."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from listed_recordings import IDS

from komorebi_qc.batch.manifest.manifest_file import read_manifest

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with two media."""
    (tmp_path / "2026/11/24").mkdir(parents=True)
    (tmp_path / "call.wav").write_bytes(b"RIFF")
    (tmp_path / "2026/11/24/screen.webm").write_bytes(b"webm")
    return tmp_path


def test_a_wrong_quote_rejects_its_own_row(folder: Path) -> None:
    """An unclosed quote and text after a closed one reject their lines; the lines after them are read."""
    path = folder / "list.csv"
    path.write_text(
        f'recording_id,call_end,agent\n{IDS[0]},60,"Jo ""J"" Doe"\n{IDS[1]},60,"a"b\n{IDS[2]},60,"open\n'
        f'{IDS[3]},60,"closed"\n\n{IDS[1]},60,\n'
    )
    listing = read_manifest(path)
    assert [(item.recording_id, item.agent, item.listed_in) for item in listing.items] == [
        (IDS[0], 'Jo "J" Doe', f"{path}:2"),
        (IDS[3], "closed", f"{path}:5"),
        (IDS[1], "", f"{path}:7"),
    ]
    assert [one.listed_in for one in listing.rejected] == [f"{path}:3", f"{path}:4"]
    assert all("check its quotes" in one.reason for one in listing.rejected)
    path.write_text(f'recording_id,call_end\n{IDS[0]},60\n{IDS[1]},"60\n{IDS[2]},60\n')
    assert [item.recording_id for item in read_manifest(path).items] == [IDS[0], IDS[2]]


def test_a_quote_that_is_closed_rows_later_swallows_no_rows(folder: Path) -> None:
    """Only its own row is rejected; a note over two lines is accepted."""
    path = folder / "list.csv"
    path.write_text(
        f'recording_id,call_end,agent,note\n{IDS[0]},60,"open,\n{IDS[1]},60,,"two\nlines"\n{IDS[2]},60,closed",\n'
        f"{IDS[3]},60,,\n"
    )
    listing = read_manifest(path)
    assert [item.listed_in.rpartition(":")[2] for item in listing.items] == ["3", "5", "6"]
    path.write_text(f'recording_id,call_end,agent\n{IDS[0]},60,"open\n{IDS[1]},60,x\n{IDS[2]},60,closed"\n')
    listing = read_manifest(path)
    assert [item.recording_id for item in listing.items] == IDS[1:3]
    assert [one.reason for one in listing.rejected] == ["its agent runs over several lines: check its quotes"]


def test_a_row_with_more_or_fewer_fields_is_rejected(folder: Path) -> None:
    """Its values can't be assigned to the header's columns."""
    path = folder / "list.csv"
    path.write_text(f"recording_id,call_end\n{IDS[0]},00:01:00,x\n{IDS[1]}\n{IDS[2]},00:01:00\n")
    listing = read_manifest(path)
    assert [one.reason for one in listing.rejected] == [
        "it has more fields than the header",
        "it has fewer fields than the header",
    ]
    assert [item.recording_id for item in listing.items] == [IDS[2]]


def test_parquet_with_missing_values(folder: Path) -> None:
    """Nulls and a data frame's NaN are missing values; dates may have their own type."""
    table = pa.table(
        {
            "recording_id": [IDS[0], IDS[1]],
            "call_end": ["00:01:00", None],
            "day": pa.array([date(2026, 11, 24), None]),
            "agent": pa.array([float("nan"), 1.0]),
        }
    )
    pq.write_table(table, folder / "list.parquet")
    listing = read_manifest(folder / "list.parquet")
    assert [(item.recording_id, item.call_end, item.day, item.agent) for item in listing.items] == [
        (IDS[0], "00:01:00", "2026-11-24", ""),
        (IDS[1], "", "", "1.0"),
    ]
