"""The values of a manifest: unusable ones reject their own row."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from listed_recordings import IDS

from komorebi_qc.batch.manifest.manifest_file import read_manifest
from komorebi_qc.core.errors import InputError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with two media."""
    (tmp_path / "2026/11/24").mkdir(parents=True)
    (tmp_path / "call.wav").write_bytes(b"RIFF")
    (tmp_path / "2026/11/24/screen.webm").write_bytes(b"webm")
    return tmp_path


def test_text_that_a_dataset_cannot_hold_is_rejected(folder: Path) -> None:
    """Half a character, a day beyond the calendar, and bytes that aren't UTF-8 reject their own row only."""
    path = folder / "list.jsonl"
    rows = [{"recording_id": name, "call_end": "60", "agent": "a\ud800"[: n + 1]} for n, name in enumerate(IDS[:2])]
    path.write_text("\n".join(map(json.dumps, rows)))
    listing = read_manifest(path)
    assert [item.recording_id for item in listing.items] == [IDS[0]]
    assert "half a character" in listing.rejected[0].reason
    assert listing.rejected[0].reason.isascii()
    names = pa.array([name.encode() for name in IDS[:2]] + [b"\xff"]).view(pa.string())
    days = pa.array([20_000, 2**31 - 1, 20_000], pa.int32()).view(pa.date32())
    pq.write_table(pa.table({"recording_id": names, "call_end": ["60"] * 3, "day": days}), folder / "list.parquet")
    listing = read_manifest(folder / "list.parquet")
    assert [(item.recording_id, item.day) for item in listing.items] == [(IDS[0], "2024-10-04")]
    assert [one.reason.partition(":")[0] for one in listing.rejected] == [
        "day can't be read",
        "recording_id can't be read",
    ]


def test_both_files_may_have_their_own_words(folder: Path) -> None:
    """A person who writes a list calls the files as the documentation does."""
    path = folder / "list.csv"
    path.write_text("Call audio,agent_recording,call-end,Agent ID\ncall.wav,2026/11/24/screen.webm,60,a1\n")
    listing = read_manifest(path)
    (item,) = listing.items
    assert (item.connect, item.call_end, item.agent) == (str(folder / "call.wav"), "60", "a1")
    assert item.recording == str(folder / "2026/11/24/screen.webm")
    assert listing.ignored == ()


def test_an_analysis_goes_with_files(folder: Path) -> None:
    """It is found beside the list, may be left out, and beside an ID it is refused: those are looked for."""
    (folder / "analysis.json").write_text("{}")
    media = "call.wav,2026/11/24/screen.webm"
    path = folder / "list.csv"
    path.write_text(
        f"recording_id,connect,recording,call_end,analysis\na,{media},60,analysis.json\nb,{media},60,\n"
        f"c,{media},60,none.json\n{IDS[0]},,,60,analysis.json\n"
    )
    listing = read_manifest(path)
    assert [(item.recording_id, item.analysis) for item in listing.items] == [
        ("a", str(folder / "analysis.json")),
        ("b", ""),
    ]
    missing, refused = (one.reason for one in listing.rejected)
    assert "none.json doesn't exist" in missing
    assert refused.startswith("analysis is for a row that names connect and recording")


def test_a_folder_whose_name_is_not_utf8_is_refused(tmp_path: Path) -> None:
    """Paths are values of the dataset, and those are UTF-8."""
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff"))
    folder.mkdir()
    (folder / "list.csv").write_text(f"recording_id,call_end\n{IDS[0]},60\n")
    with pytest.raises(InputError, match="isn't UTF-8"):
        read_manifest(folder / "list.csv")


def test_two_columns_of_one_field(folder: Path) -> None:
    """Of recordingID and videoID the filled one counts; if both are filled and differ, the row is rejected."""
    path = folder / "list.csv"
    path.write_text(
        f"recordingID,videoID,call_end\n{IDS[0]},,60\n,{IDS[1]},60\n{IDS[2]},{IDS[2]},60\n{IDS[3]},{IDS[2]},60\n"
    )
    listing = read_manifest(path)
    assert [item.recording_id for item in listing.items] == IDS[:3]
    assert "recording_id has two values" in listing.rejected[0].reason


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2026-11-24", "2026-11-24"),
        ("2026/11/24", "2026-11-24"),
        ("2026-11-24 09:00:00", "2026-11-24"),
        ("2026-11-24T23:59:59Z", "2026-11-24"),
        ("2026-11-24garbage", None),
        ("2026-11-24 soon", None),
        ("2026-02-30", None),
    ],
)
def test_a_day_is_a_date(folder: Path, text: str, day: str | None) -> None:
    """A date with or without a time; any other text after it is an error."""
    path = folder / "list.csv"
    path.write_text(f"recording_id,call_end,day\n{IDS[0]},60,{text}\n")
    listing = read_manifest(path)
    assert [item.day for item in listing.items] == ([day] if day else [])
    assert [text in one.reason for one in listing.rejected] == ([] if day else [True])
