"""`batch` and `rerun` as a person or a script runs them, with real media and real processes."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow.dataset as pads
import pytest
from aws_fixtures import CONNECT, INPUT, ITEM, OUTPUT, PREFIX, TABLE, World
from captures import CAPTURES
from child_process import child_process
from shell import Shell

from komorebi_qc.batch.dataset.dataset import open_dataset
from komorebi_qc.batch.dataset.schema import WITH_DAY

if TYPE_CHECKING:
    from komorebi_qc.batch.execution.rows import Row

CLI = Path(sys.executable).with_name("komorebi-qc")
SETTINGS = {
    "AC_AUDIO_BUCKET_NAME": CONNECT,
    "INPUT_BUCKET_NAME": INPUT,
    "OUTPUT_BUCKET_NAME": OUTPUT,
    "KOMOREBI_CONNECT_PREFIX": PREFIX,
}
ID = "7f3c2a90-5b1e-4c6d-9a57-2e8d41c0b6f3"


@dataclass
class Desk(Shell):
    """A shell in a folder of its own."""

    folder: Path = Path()

    def rows(self, dataset: str = "dataset") -> dict[str, Row]:
        """The dataset, by recording."""
        return {row["recording_id"]: row for row in open_dataset(dataset).read().to_pylist()}

    def manifest(self, *more: dict[str, str]) -> None:
        """Two captures, under ``2026/11/24``, and other rows."""
        day = self.folder / "2026" / "11" / "24"
        day.mkdir(parents=True, exist_ok=True)
        rows: list[dict[str, str]] = []
        for name in ("vp8.webm", "vp9.mp4"):
            capture = CAPTURES[name]
            shutil.copy(capture.recording, day / name)
            shutil.copy(capture.call, day / "call.wav")
            rows.append(_row(name.partition(".")[0], "2026/11/24/call.wav", f"2026/11/24/{name}", capture.call_end))
        with (self.folder / "list.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows([*rows, *more])


def _row(name: str, connect: str, recording: str, call_end: str) -> dict[str, str]:
    return {"recording_id": name, "connect": connect, "recording": recording, "call_end": call_end, "agent": "agent-7"}


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Desk:
    """A shell in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    for name in SETTINGS:
        monkeypatch.delenv(name, raising=False)
    return Desk(monkeypatch, capsys, folder=tmp_path)


def test_a_batch_of_files(shell: Desk) -> None:
    """Right rows beside garbage, a file that outgrows its limits and a row that can't be used: each says what it is."""
    shell.manifest(
        _row("garbage", "2026/11/24/call.wav", "garbage.webm", "00:00:30"),
        _row("endless", "endless.wav", "2026/11/24/vp8.webm", "00:00:30"),
        _row("missing", "2026/11/24/none.wav", "2026/11/24/vp8.webm", "00:00:30"),
    )
    (shell.folder / "garbage.webm").write_bytes(os.urandom(5000))
    _endless(shell.folder / "endless.wav")
    code = shell.run(
        *("batch", "list.csv", "--out", "dataset", "--csv", "rows.csv", "--time-limit", "10", "--memory-limit", "400")
    )
    assert code == 4
    assert "1 row rejected" in shell.err
    assert "list.csv:6" in shell.err
    assert "5 recordings   pass 2   not done 2   rejected 1" in shell.out
    assert "none.wav" not in shell.out  # it was printed before the work
    rows = shell.rows()
    for name in ("vp8", "vp9"):
        row, capture = rows[name], CAPTURES[f"{name}.{'webm' if name == 'vp8' else 'mp4'}"]
        assert row["offset_s"] == pytest.approx(capture.offset_s, abs=0.005)
        assert (row["status"], row["sync_status"], row["video_codec"]) == ("done", "aligned", name)
        assert (row["day"], row["agent"], row["is_worth_a_retry"]) == ("2026-11-24", "agent-7", False)
        assert row["recording_bytes"] == capture.recording.stat().st_size
        assert row["call_agent_speech_dbfs"] < 0
        assert row["took_s"] > 0
    assert rows["vp8"]["browser"] == "Chrome"
    assert (rows["garbage"]["status"], rows["garbage"]["error_class"]) == ("failed", "MediaError")
    assert rows["endless"]["error_class"] in ("TimeLimit", "MemoryLimit")
    assert rows[f"{shell.folder}/list.csv:6"]["status"] == "rejected"
    with Path("rows.csv").open(newline="", encoding="utf-8-sig") as file:
        assert {row["recording_id"] for row in csv.DictReader(file)} == rows.keys()
    code, found = shell.json("batch", "list.csv", "--out", "dataset", "--time-limit", "10", "--memory-limit", "400")
    assert [one.pop("recording_id") for one in found["not_done"]] == [
        *(f"{shell.folder}/list.csv:6", "garbage", "endless")
    ]
    assert found.pop("not_done")[0]["reason"] == f"{shell.folder}/2026/11/24/none.wav doesn't exist: check the path"
    assert (code, found) == (
        4,
        {
            "dataset": str(shell.folder / "dataset"),
            "csv": None,
            "asked_for": 5,
            "counts": {"rejected": 1, "failed": 2, "pass": 2},
            "unchanged": 4,
            "left": 0,
            "published_unconfirmed": 0,
            "corrected": 0,
            "is_stopped": False,
            "ignored": [],
        },
    )


def test_a_triage_goes_on_with_what_it_doesnt_settle(shell: Desk) -> None:
    """Clean recordings keep the row of the triage; the others get that of a diagnosis, and stay as they are then."""
    shell.manifest(_row("swapped", "2026/11/24/call.wav", str(CAPTURES["sample"].recording), "00:00:13"))
    command = ("batch", "list.csv", "--out", "dataset", "--do", "triage", "--then", "diagnose")
    code = shell.run(*command)
    assert code == 3
    assert "1 of 3 recordings go on to --then diagnose" in " ".join(shell.err.split())
    rows = shell.rows()
    assert {name: row["action"] for name, row in rows.items()} == {
        "vp8": "triage",
        "vp9": "triage",
        "swapped": "diagnose",
    }
    assert rows["vp8"]["offset_s"] == pytest.approx(CAPTURES["vp8.webm"].offset_s, abs=0.005)
    assert (rows["swapped"]["sync_status"], rows["swapped"]["verdict"]) == ("insufficient", "fail")
    code, found = shell.json(*command)
    assert (code, found["unchanged"], found["triage"]["unchanged"]) == (3, 1, 3)
    assert shell.rows() == rows


def test_a_triage_of_a_list_with_damage(shell: Desk) -> None:
    """The work after the triage keeps the rejected rows, and a second run repeats nothing."""
    shell.manifest(
        _row("garbage", "2026/11/24/call.wav", "garbage.webm", "00:00:30"),
        _row("missing", "2026/11/24/none.wav", "2026/11/24/vp8.webm", "00:00:30"),
    )
    (shell.folder / "garbage.webm").write_bytes(os.urandom(5000))
    command = ("batch", "list.csv", "--out", "dataset", "--action", "triage", "--then", "diagnose")
    assert shell.run(*command) == 4
    rows = shell.rows()
    assert rows[f"{shell.folder}/list.csv:5"]["status"] == "rejected"
    assert {row["status"] for row in rows.values()} == {"done", "failed", "rejected"}
    code, found = shell.json(*command)
    assert (code, found["unchanged"], found["triage"]["unchanged"]) == (4, 1, 3)
    assert shell.rows() == rows


def test_an_id_among_files_needs_its_settings_alone(shell: Desk) -> None:
    """A row without files has the reason for which it can't be looked up; the others are done."""
    shell.manifest(_row("lost", "", "", "00:00:30"))
    assert shell.run("batch", "list.csv", "--out", "dataset") == 4
    rows = shell.rows()
    assert (rows["vp8"]["status"], rows["vp9"]["status"], rows["lost"]["status"]) == ("done", "done", "failed")
    assert rows["lost"]["error"].startswith("its row names no files, and the table can't be asked: ")
    assert "AC_AUDIO_BUCKET_NAME isn't set" in rows["lost"]["error"]


def _endless(path: Path) -> None:
    """A year of digital silence in which nothing can be skipped; on the disk it takes no room."""
    size = 1 << 40
    large = b"ds64" + (28).to_bytes(4, "little") + (size + 72).to_bytes(8, "little") + size.to_bytes(8, "little")
    large += (size // 4).to_bytes(8, "little") + bytes(4)
    header = b"RF64" + b"\xff" * 4 + b"WAVE" + large + b"fmt " + (16).to_bytes(4, "little")
    header += b"\1\0\2\0" + (8000).to_bytes(4, "little") + (32000).to_bytes(4, "little")
    header += b"\4\0\x10\0data" + b"\xff" * 4
    with path.open("wb") as file:
        file.write(header)
        file.truncate(len(header) + size)


def test_other_tools_read_the_dataset(shell: Desk) -> None:
    """Any reader of Parquet with Hive partitions finds the documented columns, and days as one of them."""
    shell.manifest()
    assert shell.run("batch", "list.csv", "--out", "dataset", "--workers", "1") == 0
    found = pads.dataset("dataset", partitioning="hive", exclude_invalid_files=True)
    assert found.schema.names == WITH_DAY.names
    table = found.to_table(filter=pads.field("day") == "2026-11-24")
    assert sorted(table["recording_id"].to_pylist()) == ["vp8", "vp9"]


def test_a_limit_changes_the_exit_code(shell: Desk) -> None:
    """A stricter limit is other work: it is done again, and the exit code says that something fails, every time."""
    shell.manifest()
    assert shell.run("batch", "list.csv", "--out", "dataset") == 0
    assert shell.run("batch", "list.csv", "--out", "dataset", "--limit", "call_speech_level=-3..-1:-4..-0.5") == 3
    assert "FAIL 2" in shell.out
    assert "call_agent_speech_level" in shell.rows()["vp8"]["failures"]
    assert shell.run("batch", "list.csv", "--out", "dataset", "--limit", "call_speech_level=-3..-1:-4..-0.5") == 3
    assert "2 unchanged" in shell.out


def test_ctrl_c_stops_cleanly(shell: Desk) -> None:
    """Finished recordings stay, the processes end, the exit code is the shell's own, and the next run continues."""
    shell.manifest(*(_row(f"r{n}", "2026/11/24/call.wav", "2026/11/24/vp8.webm", "00:00:30") for n in range(40)))
    command = [str(CLI), "batch", "list.csv", "--out", "dataset", "--workers", "1"]
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job inherits a deaf ear
    with child_process(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run:
        while run.poll() is None and not list(shell.folder.glob("dataset/_journal/*.parquet")):
            time.sleep(0.02)
        run.send_signal(signal.SIGINT)
        out, err = run.communicate()
    assert (run.returncode, err) == (130, "stopped\n")
    assert "the same command continues" in out
    kept = shell.rows().keys()
    assert 0 < len(kept) < 42
    assert not list(shell.folder.glob("dataset/_journal/*"))
    assert {row["status"] for row in shell.rows().values()} == {"done"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("batch", "list.csv"), "--out is missing"),
        (("batch", "--out", "dataset"), "no recordings are named"),
        (("batch", "none.csv", "--out", "dataset"), "none.csv doesn't exist"),
        (("batch", "list.csv", "--out", "list.csv"), "is a file"),
        (("batch", "list.csv", "--out", "dataset", "--do", "dance"), "isn't one of diagnose, process, audit"),
        (("batch", "list.csv", "--out", "dataset", "--from", "2026-11-01"), "both given"),
        (("batch", "--from", "2026-11-01", "--until", "soon", "--out", "dataset"), "AC_AUDIO_BUCKET_NAME"),
        (("batch", "list.csv", "--out", "dataset", "--call-ends", "list.csv"), "has its own call ends"),
        (("batch", "list.csv", "--out", "dataset", "--workers", "2", "--dask", "tcp://x:1"), "both given"),
        (("batch", "list.csv", "--out", "dataset", "--limit", "nonsense=1"), "nonsense"),
        (("batch", "list.csv", "--out", "dataset", "--dask", "foo"), "isn't a scheduler's address"),
        (("batch", "list.csv", "--out", "dataset", "--time-limit", "nan"), "--time-limit nan is no limit"),
        (("batch", "list.csv", "--out", "dataset", "--memory-limit", "inf"), "--memory-limit inf is no limit"),
        (("batch", "list.csv", "--out", "dataset", "--call-end-attribute", " "), "--call-end-attribute is empty"),
        (("batch", "list.csv", "--out", "dataset", "--csv", "list.csv/rows.csv"), "list.csv/rows.csv can't be written"),
        (("batch", "list.csv", "--out", "dataset", "--csv", "http://x/rows.csv"), "can't be used: give a path"),
        (("batch", "list.csv", "--out", "gs://bucket/dataset"), "can't be used: give a path"),
        (("batch", "list.csv", "--out", "S3://"), "names no bucket"),
        (
            ("rerun", "dataset", "--where", "true", "--submit", "--limit", "drift=5"),
            "--limit has no effect with --submit",
        ),
        (
            ("batch", "list.csv", "--out", "dataset", "--unconfirmed", "hold"),
            "--unconfirmed goes with --action process",
        ),
        (("batch", "list.csv", "--out", "dataset", "--whole-call"), "--whole-call goes with --action process"),
        (
            ("batch", "list.csv", "--out", "d", "--action", "process", "--unconfirmed", "no"),
            "isn't one of auto, publish",
        ),
        (("batch", "list.csv", "--out", "d", "--action", "triage", "--mask", "none"), "a triage writes no video"),
        (("batch", "list.csv", "--out", "d", "--then", "diagnose"), "--then goes with --action triage"),
        (("batch", "list.csv", "--out", "d", "--do", "triage", "--then", "process"), "isn't one of diagnose, audit"),
        (("batch", "list.csv", "--out", "dataset", "--mask", "none"), "--mask goes with --action process or audit"),
        (("batch", "list.csv", "--out", "d", "--mask-margin", "1"), "--mask-margin goes with --action process or"),
        (("batch", "list.csv", "--out", "d", "--action", "audit", "--mask", "all"), "none, sound, picture"),
        (("batch", "list.csv", "--out", "d", "--action", "process", "--outside-call", "x"), "own, after, silence"),
        (("rerun", "dataset", "--where", "true", "--submit", "--mask", "none"), "--mask has no effect"),
        (("rerun", "dataset", "--where", "true", "--submit", "--whole-call"), "--whole-call has no effect"),
        (("rerun", "dataset", "--where", "true", "--submit", "--unconfirmed", "hold"), "--unconfirmed has no effect"),
        (("rerun", "dataset", "--where", "true", "--submit", "--csv", "x.csv"), "--csv has no effect"),
        (("rerun", "dataset", "--where", "true", "--submit", "--workers", "2"), "--workers has no effect"),
        (("rerun", "dataset", "--where", "true", "--submit", "--time-limit", "9"), "--time-limit has no effect"),
        (("rerun", "dataset", "--where", "true", "--rate", "nan"), "--rate goes with --submit"),
        (("rerun", "dataset"), "--where is missing"),
        (("rerun", "dataset", "--where", "true"), "isn't a dataset"),
        (("rerun", "dataset", "--where", "true", "--do", "dance"), "isn't a dataset"),
    ],
)
def test_bad_usage_is_one_sentence(shell: Desk, arguments: tuple[str, ...], words: str) -> None:
    """Before any work, with exit code 2 and nothing written."""
    shell.manifest()
    before = sorted(shell.folder.rglob("*"))
    assert shell.run(*arguments) == 2
    assert words in " ".join(shell.err.split())
    assert sorted(shell.folder.rglob("*")) == before


def test_text_of_a_list_is_not_obeyed(shell: Desk) -> None:
    """Neither a terminal's escapes nor a line of its own come out of a row's text, or a column's name."""
    shell.manifest()
    evil = "\x1b[31m\u202e\nall 9 done"
    path = shell.folder / "evil.jsonl"
    rows = [
        {"recording_id": evil, "connect": "2026/11/24/call.wav", "recording": evil, "call_end": "1"},
        {
            "recording_id": evil,
            "connect": "2026/11/24/call.wav",
            "recording": "list.csv",
            "call_end": "1",
            evil: "\ud800",
        },
    ]
    path.write_text("\n".join(map(json.dumps, rows)))
    assert shell.run("batch", path, "--out", "dataset") == 1
    for shown in (shell.out, shell.err):
        assert "?[31m??all 9 done" in " ".join(shown.split())
        assert not {"\x1b", "\u202e"} & set(shown)


def test_two_lists_of_one_name_are_two(shell: Desk) -> None:
    """Rows and rejected rows of one folder's list stay when another list is read; each list corrects its own."""
    shell.manifest()
    for name in ("a", "b"):
        (shell.folder / name).mkdir()
        shutil.copy(CAPTURES["vp8.webm"].recording, shell.folder / name / "call1.webm")
        text = "connect,recording,call_end\n../2026/11/24/call.wav,call1.webm,30\n../2026/11/24/call.wav,none.webm,30\n"
        (shell.folder / name / "list.csv").write_text(text)
        assert shell.run("batch", f"{name}/list.csv", "--out", "dataset") == 4
    ids = {name: {str(shell.folder / name / one) for one in ("call1.webm", "list.csv:3")} for name in ("a", "b")}
    assert shell.rows().keys() == ids["a"] | ids["b"]
    (shell.folder / "a" / "list.csv").write_text("\n".join(text.splitlines()[:2]))
    shell.monkeypatch.chdir(shell.folder / "a")
    assert shell.json("batch", "list.csv", "--out", "../dataset")[1]["unchanged"] == 1
    assert shell.rows("../dataset").keys() == {str(shell.folder / "a" / "call1.webm")} | ids["b"]


def test_a_rerun_without_a_match(shell: Desk) -> None:
    """Nothing to do is no failure, and no silence: it says how many rows were looked at."""
    shell.manifest()
    assert shell.run("batch", "list.csv", "--out", "dataset") == 0
    for more in ((), ("--submit",)):
        assert shell.run("rerun", "dataset", "--where", "agent = 'nobody'", "--do", "process", *more) == 0
        assert "none of the 2 rows" in " ".join(shell.err.split())
    code, found = shell.json("rerun", "dataset", "--where", "false", "--csv", "rows.csv")
    assert (code, found["asked_for"], found["csv"]) == (0, 0, str(shell.folder / "rows.csv"))
    assert len((shell.folder / "rows.csv").read_text().splitlines()) == 3


# --- on AWS


@pytest.fixture
def cloud(shell: Desk, world: World) -> Desk:
    """The same with a recording in the embedded AWS, and one of which nothing came."""
    for name, value in {**SETTINGS, "KOMOREBI_QUEUE_URL": world.queue().url}.items():
        shell.monkeypatch.setenv(name, value)
    capture = CAPTURES["vp9.mp4"]
    for recording_id in (ID, "nothing-came"):
        named = {"videoID": {"S": recording_id}, "creationDate": {"S": "2026-03-02 14:05:09"}}
        found = {"callEndingTimestamp": {"S": capture.call_end}}
        world.dynamodb.put_item(TableName=TABLE, Item={**ITEM, **named, **found})
    key = f"{PREFIX}/CallRecordings/2026/03/02/{ID}_20260302T14:05_UTC.wav"
    world.s3.upload_file(str(capture.call), CONNECT, key)
    world.s3.upload_file(str(capture.recording), INPUT, f"2026/03/02/agent-7/{ID}.mp4")
    return shell


def test_a_prefix_into_a_dataset_on_s3(cloud: Desk, world: World) -> None:
    """Recordings come from their bucket and their table, and rows go to another one, under their days."""
    where = f"s3://{OUTPUT}/quality"
    assert cloud.run("batch", f"s3://{INPUT}/2026/03/", "--out", where) == 0
    (key,) = world.keys(OUTPUT)
    assert re.fullmatch(r"quality/day=2026-03-02/rows-[0-9a-f]+-[0-9a-f]+-000001\.parquet", key)
    (row,) = cloud.rows(where).values()
    assert (row["recording_id"], row["named_by"], row["agent"]) == (ID, "id", "agent-7")
    assert row["offset_s"] == pytest.approx(CAPTURES["vp9.mp4"].offset_s, abs=0.005)
    assert row["recording_etag"] == world.s3.head_object(Bucket=INPUT, Key=f"2026/03/02/agent-7/{ID}.mp4")["ETag"][1:-1]
    assert cloud.json("batch", f"s3://{INPUT}/2026/03/", "--out", where)[1]["unchanged"] == 1


def test_an_empty_day_and_a_mistyped_prefix(cloud: Desk, world: World) -> None:
    """Days without items are no failure, and give a sentence and an empty table; an empty prefix is one."""
    day = ("batch", "--from", "2026-03-08", "--until", "2026-03-08", "--out", "dataset")
    code, found = cloud.json(*day, "--csv", f"S3://{OUTPUT}/rows.csv")
    assert (code, found["asked_for"], found["csv"]) == (0, 0, f"s3://{OUTPUT}/rows.csv")
    assert "the table Recording has no item with a creationDate from 2026-03-08" in " ".join(cloud.err.split())
    assert len(world.s3.get_object(Bucket=OUTPUT, Key="rows.csv")["Body"].read().splitlines()) == 1
    assert cloud.run("batch", f"s3://{INPUT}/2062/03/", "--out", "new") == 1
    assert "has no agent recording" in cloud.err
    assert not (cloud.folder / "new").exists()


def test_a_list_on_s3(cloud: Desk, world: World) -> None:
    """A manifest on S3 is recognised by its extension, and never taken for an empty prefix."""
    text = f"recording_id,call_end\n{ID},{CAPTURES['vp9.mp4'].call_end}\n"
    world.s3.put_object(Bucket=OUTPUT, Key="lists/list.csv", Body=text.encode())
    code, found = cloud.json("batch", f"S3://{OUTPUT}/lists/list.csv", "--out", "dataset")
    assert (code, found["counts"]) == (0, {"pass": 1})
    assert cloud.rows()[ID]["listed_in"] == f"s3://{OUTPUT}/lists/list.csv:2"


def test_a_query_of_the_table_processes(cloud: Desk, world: World) -> None:
    """Days select items; each is processed as the worker does it, and its row names the result."""
    dates = ("--from", "2026-03-01", "--until", "2026-03-02")
    assert cloud.run("batch", *dates, "--out", "dataset", "--do", "process") == 4
    rows = cloud.rows()
    assert rows[ID]["output"] == f"s3://{OUTPUT}/2026/03/02/agent-7/{ID}/recording.mp4"
    assert f"2026/03/02/agent-7/{ID}/qc.json" in world.keys(OUTPUT)
    assert (rows[ID]["action"], rows[ID]["sync_status"], rows[ID]["width_px"]) == ("process", "aligned", 640)
    assert (rows["nothing-came"]["status"], rows["nothing-came"]["error_class"]) == ("failed", "MissingMediaError")
    assert "nothing-came" in cloud.out


def test_a_rerun_by_the_queue(cloud: Desk, world: World) -> None:
    """Without --yes the messages are only shown; with it each goes out as the backend would send it."""
    cloud.run("batch", f"s3://{INPUT}/2026/03/", "--out", "dataset")
    asked = ("rerun", "dataset", "--where", "verdict = 'pass' and day >= '2026-03-01'", "--do", "process", "--submit")
    assert cloud.run(*asked) == 0
    assert "1 message would be sent" in cloud.out
    assert "--yes" in cloud.out
    assert ID in cloud.out
    assert world.waiting() == (0, 0)
    code, found = cloud.json(*asked, "--yes", "--force", "--rate", "100")
    assert (code, found["sent"], found["refused"]) == (0, 1, [])
    body = {"recordingID": ID, "callEndingTimestamp": CAPTURES["vp9.mp4"].call_end, "force": True}
    assert [json.loads(text) for text in world.bodies()] == [body]
    world.dynamodb.delete_item(TableName=TABLE, Key={"videoID": {"S": ID}})
    code, found = cloud.json(*asked, "--yes")
    assert (code, found["sent"]) == (1, 0)
    assert "no item" in found["refused"][0]["reason"]
    assert cloud.run("rerun", "dataset", "--where", "true", "--do", "diagnose", "--submit") == 2
    assert cloud.run("rerun", "dataset", "--where", "true", "--yes") == 2


def test_a_rerun_audits_in_parallel(shell: Desk) -> None:
    """Two audits at a time, each with kernels of its own; the rows name their reports and keep the levels."""
    shell.manifest()
    assert shell.run("batch", "list.csv", "--out", "dataset") == 0
    levels = {name: row["call_agent_snr_db"] for name, row in shell.rows().items()}
    assert shell.run("rerun", "dataset", "--where", "sync_status = 'aligned'", "--do", "audit", "--workers", "2") == 0
    for name in shell.rows():
        assert f"report  {shell.folder}/dataset/_reports/{name}/report.html" in shell.out
    for name, row in shell.rows().items():
        assert (row["action"], row["status"], row["report"]) == ("audit", "done", f"_reports/{name}/report.html")
        status = json.loads((shell.folder / "dataset" / "_reports" / name / "status.json").read_text())
        assert [one["state"] for one in status["notebooks"]] == ["done", "done"]
        assert row["call_agent_snr_db"] == levels[name]
        assert (row["offset_s"], row["width_px"]) == (
            pytest.approx(CAPTURES[f"{name}.{_END[name]}"].offset_s, abs=0.005),
            640,
        )
    assert shell.json("rerun", "dataset", "--where", "true", "--do", "audit")[1]["unchanged"] == 2
    assert shell.json("batch", "list.csv", "--out", "dataset")[1]["unchanged"] == 2


_END = {"vp8": "webm", "vp9": "mp4"}


def test_help_names_every_exit_code(shell: Desk) -> None:
    """A script that waits for a batch needs that of one which was stopped, too."""
    assert shell.run("batch", "--help") == 0
    assert "130 stopped" in " ".join(shell.out.split())


def test_help_loads_nothing_heavy() -> None:
    """The command line's start costs no Arrow, DuckDB or Dask."""
    script = (
        "import sys; from komorebi_qc import cli; "
        "print(sorted({'pyarrow', 'duckdb', 'distributed', 'numpy', 'av', 'rich'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout.replace("'", '"')) in ([], ["rich"])
