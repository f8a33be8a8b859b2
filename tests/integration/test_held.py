"""A recording that nothing confirms, held and released: on local files, and on the embedded AWS."""

from __future__ import annotations

import json
import wave
from typing import TYPE_CHECKING

import pytest
from aws_fixtures import CONNECT, INPUT, ITEM, OUTPUT, PREFIX, RECORDING, TABLE, World
from command import run
from shell import Shell

if TYPE_CHECKING:
    from pathlib import Path

    from captures import Capture

CALL_KEY = f"{PREFIX}/CallRecordings/2026/03/02/contact-1_20260302T23:55_UTC.wav"


@pytest.fixture
def silent(tmp_path: Path) -> Path:
    """Call audio without speech: nothing confirms any pair with it, and nothing speaks against one."""
    path = tmp_path / "silent.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(8_000)
        file.writeframes(bytes(4 * 80_000))
    return path


def test_local_files_are_held_or_published_as_asked(silent: Path, sample: Capture, tmp_path: Path) -> None:
    """Held: exit code 1, a reason, and no file. An option wins over the environment, and an offset is never held."""
    files = ("--connect", silent, "--recording", sample.recording, "--call-end", sample.call_end)
    out = tmp_path / "out"
    out.mkdir()
    held = run("process", *files, "--out", out / "held.mp4", "--json", "--unconfirmed", "hold")
    error = json.loads(held.stdout)["error"]
    assert (held.returncode, error["kind"], error["worth_a_retry"]) == (1, "HeldError", False)
    assert (error["candidates"], "silent" in error["reason"]) == ([], True)
    by_setting = run("process", *files, "--out", out / "held.mp4", KOMOREBI_UNCONFIRMED="hold")
    assert (by_setting.returncode, "Nothing was published" in by_setting.stderr) == (1, True)
    assert list(out.iterdir()) == []
    for name, *more in (("option", "--unconfirmed", "publish"), ("offset", "--offset", "3")):
        done = run("process", *files, "--out", out / f"{name}.mp4", "--json", *more, KOMOREBI_UNCONFIRMED="hold")
        assert "error" not in json.loads(done.stdout)
        assert (out / f"{name}.mp4").stat().st_size > 100_000
    wrong = run("process", *files, "--out", out / "x.mp4", "--unconfirmed", "maybe")
    assert (wrong.returncode, "auto, publish, hold" in wrong.stderr) == (2, True)


def test_a_message_is_held_and_released(
    world: World, silent: Path, sample: Capture, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is published and the item is untouched until an operator releases it; a failed one changes nothing."""
    monkeypatch.setenv("KOMOREBI_QUEUE_URL", world.queue().url)
    monkeypatch.setenv("KOMOREBI_UNCONFIRMED", "hold")
    world.s3.put_object(Bucket=CONNECT, Key=CALL_KEY, Body=silent.read_bytes())
    world.s3.put_object(Bucket=INPUT, Key=RECORDING.agent_recording_key, Body=sample.recording.read_bytes())
    world.dynamodb.put_item(TableName=TABLE, Item=ITEM)
    body = json.dumps({"recordingID": "contact-1", "callEndingTimestamp": sample.call_end})
    world.queue().send(body)
    shell = Shell(monkeypatch, capsys)
    assert shell.run("worker", "--once") == 1
    assert "1 held" in shell.out
    assert (world.keys(OUTPUT), world.item()) == ([], ITEM)
    code, listed = shell.json("dlq", "list")
    assert (code, listed["letters"]) == (0, [])
    assert [(one["recording_id"], one["error"]) for one in listed["held"]] == [("contact-1", "HeldError")]

    assert shell.run("dlq", "release", "contact-1", "--offset", "90000") == 2
    assert "hour away" in shell.err
    assert (world.keys(OUTPUT), world.item(), world.waiting("dead")) == ([], ITEM, (1, 0))

    code, outcome = shell.json("dlq", "release", "contact-1", "--offset", "2.5")
    assert code in (0, 3)
    assert (outcome["alignment"]["source"], outcome["alignment"]["offset_s"]) == ("manual", 2.5)
    assert RECORDING.video_key("mp4") in world.keys(OUTPUT)
    assert world.item()["isProcessed"] == {"BOOL": True}
    assert (world.waiting(), world.waiting("dead")) == ((0, 0), (0, 0))
    assert shell.run("dlq", "release", "contact-1") == 1
    assert "no held recording" in shell.err

    # The same message again: it is done, so it isn't held again.
    world.queue().send(body)
    assert shell.run("worker", "--once") == 0
    assert world.waiting("dead") == (0, 0)
