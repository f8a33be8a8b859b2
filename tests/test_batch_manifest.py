"""Lists of recordings: read and validated as a whole, and what can't be used is named with its place."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from aws_fixtures import CONNECT, INPUT, ITEM, PREFIX, TABLE, World

from komorebi_qc.batch.manifest import read_call_ends, read_manifest, read_prefix, read_table, with_call_ends
from komorebi_qc.batch.tasks import Ask, Resolver
from komorebi_qc.demo import _SETTINGS
from komorebi_qc.errors import InputError, MissingMediaError, SettingsError, UnknownRecordingError

if TYPE_CHECKING:
    from pathlib import Path

IDS = [f"{n}f3c2a90-5b1e-4c6d-9a57-2e8d41c0b6f{n}" for n in range(4)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with two media."""
    (tmp_path / "2026/11/24").mkdir(parents=True)
    (tmp_path / "call.wav").write_bytes(b"RIFF")
    (tmp_path / "2026/11/24/screen.webm").write_bytes(b"webm")
    return tmp_path


def test_a_table_in_a_file(folder: Path) -> None:
    """Relative paths start at the list's folder; the backend's names and spreadsheets' separators are understood."""
    path = folder / "list.csv"
    path.write_text(
        "\ufeffrecordingID;Connect;recording;callEndingTimestamp;agentID;note\n"
        f"{IDS[0]};;;00:57:01;agent-7;x\n"
        ";call.wav;2026/11/24/screen.webm;00:01:00;;\n",
        encoding="utf-8",
    )
    listed = read_manifest(path)
    assert listed.set_aside == ()
    by_id, by_files = listed.items
    assert (by_id.recording_id, by_id.named_by, by_id.call_end, by_id.agent) == (IDS[0], "id", "00:57:01", "agent-7")
    assert by_files.named_by == "files"
    assert by_files.connect == str(folder / "call.wav")
    assert by_files.recording_id == "2026/11/24/screen"  # wherever the list lies
    assert by_files.day == "2026-11-24"
    assert by_files.listed_in == "list.csv:3"
    assert listed.ignored == ("note",)


def test_bad_rows_are_set_aside_and_the_others_stay(folder: Path) -> None:
    """Each with its line and a sentence; none of them costs another."""
    path = folder / "list.jsonl"
    path.write_text(
        "\n".join(
            (
                f'{{"recording_id": "{IDS[0]}", "call_end": "00:01:00"}}',
                "no JSON",
                "[1]",
                f'{{"recording_id": "{IDS[1]}"}}',
                f'{{"recording_id": "{IDS[2]}", "call_end": "noon"}}',
                '{"recording_id": "a/b", "call_end": "00:01:00"}',
                '{"connect": "call.wav", "call_end": "00:01:00"}',
                '{"connect": "call.wav", "recording": "none.webm", "call_end": "00:01:00"}',
                f'{{"recording_id": "{IDS[0]}", "call_end": "00:02:00"}}',
                f'{{"recording_id": "{IDS[3]}", "call_end": true}}',
                f'{{"recording_id": "{IDS[3]}", "call_end": "00:01:00", "day": "soon"}}',
                '{"call_end": "00:01:00"}',
                f'{{"recording_id": "{IDS[3]}", "call_end": "00:01:00"}}',
            )
        )
    )
    listed = read_manifest(path)
    assert [item.recording_id for item in listed.items] == [IDS[0], IDS[3]]
    told = {one.listed_in: one.reason for one in listed.set_aside}
    assert list(told) == [f"list.jsonl:{n}" for n in range(2, 13)]
    for line, words in {
        2: "JSON",
        3: "object",
        4: "call_end is missing",
        5: "noon",
        7: "recording is missing",
        8: "none.webm",
        9: "list.jsonl:1 already",
        10: "bool",
        11: "soon",
        12: "neither",
    }.items():
        assert words in told[f"list.jsonl:{line}"]


def test_a_row_of_another_width_is_set_aside(folder: Path) -> None:
    """A CSV's row with more or fewer fields than its header would be read wrongly."""
    path = folder / "list.csv"
    path.write_text(f"recording_id,call_end\n{IDS[0]},00:01:00,x\n{IDS[1]}\n{IDS[2]},00:01:00\n")
    listed = read_manifest(path)
    assert [one.reason for one in listed.set_aside] == [
        "it has more fields than the header",
        "it has fewer fields than the header",
    ]
    assert [item.recording_id for item in listed.items] == [IDS[2]]


def test_parquet_with_holes(folder: Path) -> None:
    """Nulls and a data frame's NaN are what isn't told; dates may be dates."""
    table = pa.table(
        {
            "recording_id": [IDS[0], IDS[1]],
            "call_end": ["00:01:00", None],
            "day": pa.array([date(2026, 11, 24), None]),
            "agent": pa.array([float("nan"), 1.0]),
        }
    )
    pq.write_table(table, folder / "list.parquet")
    listed = read_manifest(folder / "list.parquet")
    assert [(item.recording_id, item.day, item.agent) for item in listed.items] == [(IDS[0], "2026-11-24", "")]
    assert "call_end is missing" in listed.set_aside[0].reason


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("list.txt", b"x", "no manifest by its name"),
        ("list.csv", b"", "lists nothing"),
        ("list.csv", b"recording_id,call_end\n", "lists nothing"),
        ("list.csv", b"a,b\n1,2\n", "has the columns a, b"),
        ("list.csv", b"recording_id\nx\n", "has the columns recording_id"),
        ("list.csv", b"recording_id,call_end\n\xff,1\n", "isn't UTF-8"),
        ("list.csv", b'recording_id,call_end\n"x,1\n', "is no CSV"),
        ("list.parquet", b"nothing of it", "is no Parquet file"),
    ],
)
def test_a_list_that_is_none(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    """A file that can't be one is refused as a whole, before any work."""
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=words):
        read_manifest(tmp_path / name)


def test_call_ends_come_from_another_list(tmp_path: Path) -> None:
    """They fill in what a prefix or a table doesn't tell; a list with a hole in it is refused."""
    path = tmp_path / "ends.csv"
    path.write_text(f"recording_id,call_end\n{IDS[0]},00:01:00\n")
    assert read_call_ends(path) == {IDS[0]: "00:01:00"}
    listed = with_call_ends(read_manifest(path), {IDS[0]: "00:09:00"})
    assert listed.items[0].call_end == "00:09:00"
    path.write_text(f"recording_id,call_end\n{IDS[0]},\n")
    with pytest.raises(InputError, match=r"ends\.csv:2: call_end is missing"):
        read_call_ends(path)


# --- on AWS


def put_item(world: World, recording_id: str, created: str, **more: Any) -> None:
    """An item of the table."""
    named = {"videoID": {"S": recording_id}, "creationDate": {"S": created}}
    texts = {name: {"S": value} for name, value in more.items()}
    world.dynamodb.put_item(TableName=TABLE, Item={**ITEM, **named, **texts})


def put_media(world: World, recording_id: str, day: str = "2026/11/24") -> None:
    """Both media of a recording, with nothing in them."""
    key = f"{PREFIX}/CallRecordings/{day}/{recording_id}_20261124T09:00_UTC.wav"
    world.s3.put_object(Bucket=CONNECT, Key=key, Body=b"call")
    world.s3.put_object(Bucket=INPUT, Key=f"{day}/agent-7/{recording_id}.mp4", Body=b"recording")


def test_a_query_of_the_table(world: World) -> None:
    """Both dates are included, the order is the IDs', and an item that can't be used is set aside."""
    put_item(world, IDS[1], "2026-11-24 23:59:59", callEndingTimestamp="00:02:00")
    put_item(world, IDS[0], "2026-11-23 00:00:00", browser="Firefox")
    put_item(world, IDS[2], "2026-11-25 00:00:00")
    put_item(world, IDS[3], "2026-11-24 01:00:00", callEndingTimestamp="noon")
    first, last = date(2026, 11, 23), date(2026, 11, 24)
    listed = read_table(world.dynamodb, TABLE, first, last, call_end_attribute="callEndingTimestamp")
    assert [(item.recording_id, item.call_end, item.browser) for item in listed.items] == [
        (IDS[0], "", "Firefox"),
        (IDS[1], "00:02:00", ""),
    ]
    assert [one.listed_in for one in listed.set_aside] == [f"table {TABLE}:{IDS[3]}"]
    with pytest.raises(InputError, match="run from 2026-11-24 back"):
        read_table(world.dynamodb, TABLE, last, first, call_end_attribute="x")


def test_a_prefix_of_the_bucket(world: World) -> None:
    """Each recording once, whatever else lies there; another bucket is refused."""
    for recording_id, day in ((IDS[0], "2026/11/24"), (IDS[1], "2026/11/24"), (IDS[1], "2026/11/25")):
        put_media(world, recording_id, day)
    world.s3.put_object(Bucket=INPUT, Key="2026/11/24/agent-7/note.txt", Body=b"")
    listed = read_prefix(world.s3, f"s3://{INPUT}/2026/11/", input_bucket=INPUT)
    assert [item.recording_id for item in listed.items] == IDS[:2]
    assert "one row each" in listed.set_aside[0].reason
    assert listed.ignored == ("1 other object",)
    with pytest.raises(InputError, match="isn't in the bucket"):
        read_prefix(world.s3, f"s3://{CONNECT}/", input_bucket=INPUT)


def settings() -> dict[str, str]:
    """Those of the embedded AWS."""
    return dict(_SETTINGS)


def test_what_a_task_is_made_from(world: World, tmp_path: Path) -> None:
    """Keys and ETags of both objects, agent and day of the item; another ETag is other work."""
    put_item(world, IDS[0], "2026-11-24 09:00:00", callEndingTimestamp="00:02:00")
    put_media(world, IDS[0])
    listed = read_prefix(world.s3, f"s3://{INPUT}/", input_bucket=INPUT)
    resolver = Resolver(Ask("audit", str(tmp_path), settings(), call_end_attribute="callEndingTimestamp"))
    task = resolver.task(listed.items[0])
    assert task.call == f"s3://{CONNECT}/{PREFIX}/CallRecordings/2026/11/24/{IDS[0]}_20261124T09:00_UTC.wav"
    assert task.recording == f"s3://{INPUT}/2026/11/24/agent-7/{IDS[0]}.mp4"
    assert (task.agent, task.day, task.item.call_end) == ("agent-7", "2026-11-24", "00:02:00")
    assert task.report == f"_reports/{IDS[0]}/report.html"
    assert '"' not in task.call_etag
    world.s3.put_object(Bucket=INPUT, Key=f"2026/11/24/agent-7/{IDS[0]}.mp4", Body=b"another")
    again = resolver.task(listed.items[0])
    assert (again.call_etag, again.recording_etag != task.recording_etag) == (task.call_etag, True)
    assert again.work_key != task.work_key


def test_files_on_s3(world: World, tmp_path: Path) -> None:
    """A manifest may name objects of any bucket; one that isn't there is told."""
    world.s3.put_object(Bucket=INPUT, Key="some/call.wav", Body=b"call")
    world.s3.put_object(Bucket=INPUT, Key="some/2026/11/24/screen.webm", Body=b"recording")
    path = tmp_path / "list.csv"
    path.write_text(
        "connect,recording,call_end\n"
        f"s3://{INPUT}/some/call.wav,s3://{INPUT}/some/2026/11/24/screen.webm,00:01:00\n"
        f"s3://{INPUT}/some/call.wav,s3://{INPUT}/none.webm,00:01:00\n"
    )
    there, missing = read_manifest(path).items
    resolver = Resolver(Ask("diagnose", str(tmp_path)))
    task = resolver.task(there)
    assert (task.recording, task.day) == (f"s3://{INPUT}/some/2026/11/24/screen.webm", "2026-11-24")
    with pytest.raises(MissingMediaError, match=r"none\.webm isn't there"):
        resolver.task(missing)


def test_what_is_not_configured_is_told_before_any_work(world: World, tmp_path: Path) -> None:
    """Settings that recordings by ID need, an item that isn't there, and a place where nothing can be put."""
    assert world.s3
    path = tmp_path / "list.csv"
    path.write_text(f"recording_id,call_end\n{IDS[0]},00:01:00\n")
    items = read_manifest(path).items
    with pytest.raises(SettingsError, match="AC_AUDIO_BUCKET_NAME"):
        Resolver(Ask("diagnose", str(tmp_path))).prepare(items)
    resolver = Resolver(Ask("diagnose", str(tmp_path), settings()))
    resolver.prepare(items)
    with pytest.raises(UnknownRecordingError):
        resolver.task(items[0])
    (tmp_path / "call.wav").touch()
    path.write_text("connect,recording,call_end\ncall.wav,call.wav,00:01:00\n")
    with pytest.raises(InputError, match="--results"):
        Resolver(Ask("process", "s3://bucket/dataset")).prepare(read_manifest(path).items)
