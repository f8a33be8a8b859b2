"""A transferred call on the embedded AWS, of real captures: each contact's recording has the contact's own sound."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from aws_fixtures import CONNECT, INPUT, OUTPUT, TABLE, World
from captures import CAPTURES, SOFTPHONE, Capture, SoftphoneCapture
from contact_shapes import entry, exported
from shell import Shell
from suspended import RATE, correlation, part_of, sound_of

if TYPE_CHECKING:
    from pathlib import Path

BEGAN = datetime(2026, 3, 2, 23, 59, 30)  # noqa: DTZ001  as in the table
SAMPLE, VP8, RTC = CAPTURES["sample"], CAPTURES["vp8.webm"], SOFTPHONE["chromium-rtc.webm"]
FILES: dict[str, Capture | SoftphoneCapture] = {"first": SAMPLE, "second": VP8, "third": RTC, "deleted": SAMPLE}
AGENTS = {"first": "erika.mustermann", "second": "max.mustermann", "third": "erika.mustermann", "deleted": "jane.doe"}
TIMES = {"first": (0, 20), "second": (25, 34), "third": (40, 65), "deleted": (70, 90), "lost": (95, 120)}
"""Seconds of the agents in the call."""


def upload(world: World) -> None:
    """Put the chain into the buckets and the table: one audio is deleted, one contact has no item."""
    previous = None
    for name, (began, ended) in TIMES.items():
        moment = BEGAN + timedelta(seconds=began)
        key = f"connect/demo/CallRecordings/{moment:%Y/%m/%d}/{name}_{moment:%Y%m%dT%H:%M}_UTC.wav"
        times = [f"{BEGAN + timedelta(seconds=at):%Y-%m-%dT%H:%M:%SZ}" for at in (began, ended)]
        record = exported(
            entry(Location=f"{CONNECT}/{key}", Status="DELETED" if name == "deleted" else "AVAILABLE"),
            ContactId=name,
            InitialContactId=previous and "first",
            PreviousContactId=previous,
            InitiationMethod="TRANSFER" if previous else "INBOUND",
            InitiationTimestamp=times[0],
            DisconnectTimestamp=times[1],
            Agent={"ConnectedToAgentTimestamp": times[0], "AfterContactWorkStartTimestamp": times[1]},
        )
        body = json.dumps(record).encode()
        world.s3.put_object(Bucket=INPUT, Key=f"records/{moment + timedelta(hours=1):%Y/%m/%d/%H}/{name}", Body=body)
        previous = name
        if name in FILES:
            _upload_files(world, name, moment, key)


def _upload_files(world: World, name: str, moment: datetime, call_key: str) -> None:
    capture, agent = FILES[name], AGENTS[name]
    world.s3.put_object(Bucket=CONNECT, Key=call_key, Body=capture.call.read_bytes())
    own = f"{moment:%Y/%m/%d}/{agent}/{name}.mp4"
    world.s3.put_object(Bucket=INPUT, Key=own, Body=capture.recording.read_bytes())
    item: dict[str, Any] = {
        "videoID": {"S": name},
        "agentID": {"S": agent},
        "creationDate": {"S": f"{moment:%Y-%m-%d %H:%M:%S}"},
    }
    if name != "third":  # its call end is nobody's but the record's
        item["callEndingTimestamp"] = {"S": f"00:00:{int(capture.call_end_s):02}"}
    world.dynamodb.put_item(TableName=TABLE, Item=item)


@pytest.fixture
def shell(world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    """The command line, on a world with the chain."""
    monkeypatch.setenv("KOMOREBI_CONTACT_RECORD", f"s3://{INPUT}/records")
    upload(world)
    return Shell(monkeypatch, capsys)


def test_each_contact_has_its_own_sound(world: World, shell: Shell, tmp_path: Path) -> None:
    """Three captures become three recordings; the deleted audio and the lost contact are reported, and stop nothing."""
    out = tmp_path / "chain"
    code, planned = shell.json("chain", "second", "--out", out, "--dry-run")
    assert (code, planned["counts"]) == (1, {"listed": 3, "failed": 1, "no_recording": 1})
    assert not out.exists()

    code, found = shell.json("chain", "second", "--out", out)
    members = {one["contact_id"]: one for one in found["members"]}
    assert {name: one["state"] for name, one in members.items()} == {
        "first": "done",
        "second": "done",
        "third": "done",
        "deleted": "failed",
        "lost": "no_recording",
    }
    assert code == 4
    assert members["deleted"]["error"]["kind"] == "MissingMediaError"
    assert [one["agent"] for one in found["members"]] == [1, 2, 1, 3, 4]
    assert [one["turns"][0]["role"] for one in found["members"]] == ["call"] * 5
    assert [problem["kind"] for problem in found["problems"]] == ["not_first"]

    wanted = {name: sound_of(FILES[name].call.read_bytes()) for name in ("first", "second", "third")}
    for name, own in wanted.items():
        offset_s = members[name]["offset_s"]
        video = sound_of(world.read(members[name]["output"].removeprefix(f"s3://{OUTPUT}/")))
        length_s = len(own) / RATE
        part = part_of(video, offset_s, offset_s + length_s)
        scores = {other: correlation(part_of(sound, 0.0, length_s), part) for other, sound in wanted.items()}
        assert scores[name] > 0.9
        assert max(score for other, score in scores.items() if other != name) < 0.3

    page = (out / "chain.html").read_text()
    for agent in (*AGENTS.values(), "mustermann"):
        assert agent not in page

    code, again = shell.json("chain", "first", "--out", out)
    assert (code, again["counts"]) == (4, {"already_done": 3, "failed": 1, "no_recording": 1})
    shell.run("chain", "first", "--out", out)
    assert "Agent 1 had the call from 23:59:30 to 23:59:50 (0:20)." in shell.out


def test_a_folder_is_a_chain_too(shell: Shell, tmp_path: Path) -> None:
    """Two listed contacts are made from files, once; a changed result is made again."""
    capture = VP8
    rows = [f"{name},{capture.call},{capture.recording},00:00:10,{name}" for name in ("c1", "c2")]
    (tmp_path / "list.csv").write_text("\n".join(["recording_id,connect,recording,call_end,agent", *rows]))
    links = {"InitialContactId": "c1", "PreviousContactId": "c1", "InitiationMethod": "TRANSFER"}
    records = [exported(ContactId="c1", Agent={}), exported(ContactId="c2", Agent={}, **links)]
    (tmp_path / "records.jsonl").write_text("\n".join(map(json.dumps, records)))
    words = ("chain", "c1", "--from", tmp_path, "--out", tmp_path / "out")
    code, found = shell.json(*words)
    assert (code, found["counts"]) == (0, {"done": 2})
    video = tmp_path / "out" / str(found["members"][0]["video"])
    assert video.stat().st_size > 10_000
    assert f'href="{found["members"][0]["video"]}"' in (tmp_path / "out" / "chain.html").read_text()
    video.write_bytes(video.read_bytes() + b"x")
    _, again = shell.json(*words)
    assert [one["state"] for one in again["members"]] == ["done", "already_done"]
