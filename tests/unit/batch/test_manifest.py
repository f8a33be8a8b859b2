"""Lists of recordings: read and validated as a whole, and what can't be used is named with its place."""

from __future__ import annotations

import json
import os
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from aws_fixtures import CONNECT, INPUT, ITEM, PREFIX, TABLE, World

from komorebi_qc.batch.execution.tasks import BatchRequest, Resolver
from komorebi_qc.batch.manifest.manifest_file import SetAside, read_call_ends, read_manifest, read_prefix, read_table
from komorebi_qc.core.errors import InputError, MissingMediaError, SettingsError, UnknownRecordingError
from komorebi_qc.demo.embedded_aws import SETTINGS

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
    assert by_files.day == "2026-11-24"
    assert by_files.listed_in == f"{path}:3"
    assert listed.ignored == ("note",)


def test_files_without_an_id_are_called_by_where_they_lie(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever list names a recording, from wherever, it is the same one; two of one name are two."""
    for name in ("a", "b"):
        (folder / name).mkdir()
        for file in ("call1.webm", "call1.mp4"):
            (folder / name / file).touch()
        rows = "../call.wav,call1.webm,60\n../call.wav,call1.mp4,60\n"
        (folder / name / "list.csv").write_text(f"connect,recording,call_end\n{rows}")
    ids = [item.recording_id for name in ("a", "b") for item in read_manifest(folder / name / "list.csv").items]
    assert ids == [str(folder / name) for name in ("a/call1.webm", "a/call1.mp4", "b/call1.webm", "b/call1.mp4")]
    (folder / "both.csv").write_text(
        f"connect,recording,call_end\ncall.wav,a/../b/call1.mp4,60\ncall.wav,{folder}/a/call1.webm,60\n"
        "call.wav,s3://bucket/call1.webm,60\ncall.wav,a/call1.webm,60\n"
    )
    monkeypatch.chdir(folder / "a")
    listed = read_manifest(Path("../both.csv"))
    assert [item.recording_id for item in listed.items] == [ids[3], ids[0], "s3://bucket/call1.webm"]
    assert listed.set_aside[0].reason.endswith("or a recording_id of its own")


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
    assert list(told) == [f"{path}:{n}" for n in range(2, 13)]
    for line, words in {
        2: "JSON",
        3: "object",
        4: "call_end is missing",
        5: "noon",
        7: "recording is missing",
        8: "none.webm",
        9: "list.jsonl:1 already: one row each",
        10: "bool",
        11: "soon",
        12: "neither",
    }.items():
        assert words in told[f"{path}:{line}"]


def test_text_that_no_dataset_takes_is_set_aside(folder: Path) -> None:
    """Half a character, a day beyond the calendar and bytes that aren't UTF-8 cost their own rows, and no others."""
    path = folder / "list.jsonl"
    rows = [{"recording_id": name, "call_end": "60", "agent": "a\ud800"[: n + 1]} for n, name in enumerate(IDS[:2])]
    path.write_text("\n".join(map(json.dumps, rows)))
    listed = read_manifest(path)
    assert [item.recording_id for item in listed.items] == [IDS[0]]
    assert "half a character" in listed.set_aside[0].reason
    assert listed.set_aside[0].reason.isascii()
    names = pa.array([name.encode() for name in IDS[:2]] + [b"\xff"]).view(pa.string())
    days = pa.array([20_000, 2**31 - 1, 20_000], pa.int32()).view(pa.date32())
    pq.write_table(pa.table({"recording_id": names, "call_end": ["60"] * 3, "day": days}), folder / "list.parquet")
    listed = read_manifest(folder / "list.parquet")
    assert [(item.recording_id, item.day) for item in listed.items] == [(IDS[0], "2024-10-04")]
    assert [one.reason.partition(":")[0] for one in listed.set_aside] == [
        "day can't be read",
        "recording_id can't be read",
    ]


def test_a_folder_that_no_dataset_can_name_is_refused(tmp_path: Path) -> None:
    """Paths are columns of the dataset, which is UTF-8: a name that isn't is told, and no traceback."""
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff"))
    folder.mkdir()
    (folder / "list.csv").write_text(f"recording_id,call_end\n{IDS[0]},60\n")
    with pytest.raises(InputError, match="isn't UTF-8"):
        read_manifest(folder / "list.csv")


def test_a_list_in_another_folder_is_another_list(folder: Path) -> None:
    """Rows that are set aside are known by the list itself: one of the same name elsewhere is not it."""
    (folder / "b").mkdir()
    for place in (folder, folder / "b"):
        (place / "list.csv").write_text("recording_id,call_end\n,60\n")
    one, other = (read_manifest(place / "list.csv") for place in (folder, folder / "b"))
    assert one.set_aside[0].listed_in == f"{one.name}:2" == f"{folder}/list.csv:2"
    assert other.set_aside[0].listed_in == f"{folder}/b/list.csv:2"


def test_a_quote_costs_its_own_row(folder: Path) -> None:
    """A quote that nobody closes, and text behind one that is, set their lines aside; what follows them is read."""
    path = folder / "list.csv"
    path.write_text(
        f'recording_id,call_end,agent\n{IDS[0]},60,"Jo ""J"" Doe"\n{IDS[1]},60,"a"b\n{IDS[2]},60,"open\n'
        f'{IDS[3]},60,"closed"\n\n{IDS[1]},60,\n'
    )
    listed = read_manifest(path)
    assert [(item.recording_id, item.agent, item.listed_in) for item in listed.items] == [
        (IDS[0], 'Jo "J" Doe', f"{path}:2"),
        (IDS[3], "closed", f"{path}:5"),
        (IDS[1], "", f"{path}:7"),
    ]
    assert [one.listed_in for one in listed.set_aside] == [f"{path}:3", f"{path}:4"]
    assert all("check its quotes" in one.reason for one in listed.set_aside)
    path.write_text(f'recording_id,call_end\n{IDS[0]},60\n{IDS[1]},"60\n{IDS[2]},60\n')
    assert [item.recording_id for item in read_manifest(path).items] == [IDS[0], IDS[2]]


def test_a_quote_swallows_no_rows(folder: Path) -> None:
    """One that is opened in a row and closed rows later costs the first alone; a note of two lines costs none."""
    path = folder / "list.csv"
    path.write_text(
        f'recording_id,call_end,agent,note\n{IDS[0]},60,"open,\n{IDS[1]},60,,"two\nlines"\n{IDS[2]},60,closed",\n'
        f"{IDS[3]},60,,\n"
    )
    listed = read_manifest(path)
    assert [item.listed_in.rpartition(":")[2] for item in listed.items] == ["3", "5", "6"]
    path.write_text(f'recording_id,call_end,agent\n{IDS[0]},60,"open\n{IDS[1]},60,x\n{IDS[2]},60,closed"\n')
    listed = read_manifest(path)
    assert [item.recording_id for item in listed.items] == IDS[1:3]
    assert [one.reason for one in listed.set_aside] == ["its agent runs over several lines: check its quotes"]


def test_two_columns_for_the_same(folder: Path) -> None:
    """Of recordingID and videoID the one that is filled is taken; where both are and differ, nobody guesses."""
    path = folder / "list.csv"
    path.write_text(
        f"recordingID,videoID,call_end\n{IDS[0]},,60\n,{IDS[1]},60\n{IDS[2]},{IDS[2]},60\n{IDS[3]},{IDS[2]},60\n"
    )
    listed = read_manifest(path)
    assert [item.recording_id for item in listed.items] == IDS[:3]
    assert "recording_id is told twice" in listed.set_aside[0].reason


@pytest.mark.parametrize(
    ("told", "day"),
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
def test_a_day_is_a_day(folder: Path, told: str, day: str | None) -> None:
    """A date, with a time behind it or not; anything else behind it makes it none."""
    path = folder / "list.csv"
    path.write_text(f"recording_id,call_end,day\n{IDS[0]},60,{told}\n")
    listed = read_manifest(path)
    assert [item.day for item in listed.items] == ([day] if day else [])
    assert [told in one.reason for one in listed.set_aside] == ([] if day else [True])


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
        ("list.csv", b'"recording_id,call_end\nx,1\n', ":1, the header, is no CSV"),
        ("list.parquet", b"nothing of it", "is no Parquet file"),
    ],
)
def test_a_list_that_is_none(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    """A file that can't be one is refused as a whole, before any work."""
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=words):
        read_manifest(tmp_path / name)


def test_call_ends_come_from_another_list(tmp_path: Path) -> None:
    """One that is none is told with its reason; a row of which nobody can say whose it is, is refused."""
    path = tmp_path / "ends.csv"
    path.write_text(f"recording_id,call_end\n{IDS[0]},00:01:00\n{IDS[1]},\n{IDS[2]},noon\n{IDS[3]},1\n{IDS[3]},2\n")
    told = read_call_ends(path)
    assert told.pop(IDS[0]) == "00:01:00"
    reasons = {name: one.reason for name, one in told.items() if isinstance(one, SetAside)}
    assert list(reasons) == IDS[1:]
    for name, words in zip(IDS[1:], ("is missing", "noon", "told twice"), strict=True):
        assert words in reasons[name]
    path.write_text(f"recording_id,call_end\n{IDS[0]},00:01:00\na/b,00:01:00\n")
    with pytest.raises(InputError, match=r"ends\.csv:3: 'a/b' isn't a recording ID"):
        read_call_ends(path)
    path.write_text(f"recording_id,end\n{IDS[0]},00:01:00\n")
    with pytest.raises(InputError, match="tells no call end"):
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
    assert listed.name == f"table {TABLE} 2026-11-23 to 2026-11-24"
    with pytest.raises(InputError, match="run from 2026-11-24 back"):
        read_table(world.dynamodb, TABLE, last, first, call_end_attribute="x")


def test_the_list_of_call_ends_wins(world: World) -> None:
    """Over an item's own, be that good, bad or null; where the list's is bad, the recording is set aside."""
    for name, own in zip(IDS, ("00:09:00", "noon", "00:09:00", "00:09:00"), strict=True):
        put_item(world, name, "2026-11-24 09:00:00", callEndingTimestamp=own)
        put_media(world, name)
    nothing = {"videoID": {"S": "null"}, "creationDate": {"S": "2026-11-24 09:00:00"}}
    nulls = {"callEndingTimestamp": {"NULL": True}, "browser": {"NULL": True}}
    world.dynamodb.put_item(TableName=TABLE, Item={**ITEM, **nothing, **nulls})
    told: dict[str, str | SetAside] = {
        IDS[0]: "00:01:00",
        IDS[1]: "00:02:00",
        IDS[2]: SetAside("ends.csv:3", "noon is none"),
    }
    day = date(2026, 11, 24)
    by_table = read_table(world.dynamodb, TABLE, day, day, call_end_attribute="callEndingTimestamp", call_ends=told)
    ends = {item.recording_id: item.call_end for item in by_table.items}
    assert ends == {IDS[0]: "00:01:00", IDS[1]: "00:02:00", IDS[3]: "00:09:00", "null": ""}
    assert {item.browser for item in by_table.items} == {""}
    by_prefix = read_prefix(world.s3, f"s3://{INPUT}/", input_bucket=INPUT, call_ends=told)
    assert {item.recording_id: item.call_end for item in by_prefix.items} == {
        IDS[0]: "00:01:00",
        IDS[1]: "00:02:00",
        IDS[3]: "",
    }
    for listed, place in ((by_table, f"table {TABLE}:"), (by_prefix, f"s3://{INPUT}/")):
        assert [one.reason for one in listed.set_aside] == ["ends.csv:3: noon is none"]
        assert listed.set_aside[0].listed_in.startswith(place)


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
    with pytest.raises(MissingMediaError, match="lies no agent recording"):
        read_prefix(world.s3, f"s3://{INPUT}/2062/", input_bucket=INPUT)
    with pytest.raises(MissingMediaError, match="1 object, and none"):
        read_prefix(world.s3, f"s3://{INPUT}/2026/11/24/agent-7/note", input_bucket=INPUT)


def test_a_manifest_on_s3(world: World) -> None:
    """It is read as one on the disk, and its relative paths are keys from its folder; one that isn't there is told."""
    content = "connect,recording,call_end\n../call.wav,2026/11/24/screen.webm,60\ncall.wav,s3://other/x.webm,60\n,,60\n"
    world.s3.put_object(Bucket=INPUT, Key="lists/a/list.csv", Body=content.encode())
    where = f"s3://{INPUT}/lists/a/list.csv"
    listed = read_manifest(where)
    first, second = listed.items
    assert first.connect == f"s3://{INPUT}/lists/call.wav"
    assert first.recording == first.recording_id == f"s3://{INPUT}/lists/a/2026/11/24/screen.webm"
    assert (second.connect, second.recording) == (f"s3://{INPUT}/lists/a/call.wav", "s3://other/x.webm")
    assert (listed.name, listed.set_aside[0].listed_in) == (where, f"{where}:4")
    with pytest.raises(InputError, match="isn't there"):
        read_manifest(f"s3://{INPUT}/lists/none.csv")


def settings() -> dict[str, str]:
    """Those of the embedded AWS."""
    return dict(SETTINGS)


def test_what_a_task_is_made_from(world: World, tmp_path: Path) -> None:
    """Keys and ETags of both objects, agent and day of the item; another ETag is other work."""
    put_item(world, IDS[0], "2026-11-24 09:00:00", callEndingTimestamp="00:02:00")
    put_media(world, IDS[0])
    listed = read_prefix(world.s3, f"s3://{INPUT}/", input_bucket=INPUT)
    resolver = Resolver(BatchRequest("audit", str(tmp_path), settings(), call_end_attribute="callEndingTimestamp"))
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
    resolver = Resolver(BatchRequest("diagnose", str(tmp_path)))
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
        Resolver(BatchRequest("diagnose", str(tmp_path))).prepare(items)
    resolver = Resolver(BatchRequest("diagnose", str(tmp_path), settings()))
    resolver.prepare(items)
    with pytest.raises(UnknownRecordingError):
        resolver.task(items[0])
    (tmp_path / "call.wav").touch()
    path.write_text("connect,recording,call_end\ncall.wav,call.wav,00:01:00\n")
    with pytest.raises(InputError, match="--results"):
        Resolver(BatchRequest("process", "s3://bucket/dataset")).prepare(read_manifest(path).items)
