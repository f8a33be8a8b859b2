"""Logs and dead letters name no agent, although an agent's ID is a folder of every key."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from aws_fixtures import CONNECT, INPUT, OUTPUT, PREFIX, TABLE, World
from command import run_installed

from komorebi_qc.core.recording import Recording
from komorebi_qc.demo.embedded_aws import shell_environment

if TYPE_CHECKING:
    from captures import Capture

AGENT = "jane.doe@example.com"
RECENT = datetime.now(UTC) - timedelta(hours=3)
OLD = datetime.now(UTC) - timedelta(days=30)


def put(world: World, name: str, created: datetime, call: bytes | None, recording: bytes | None) -> None:
    """Put an item and its inputs."""
    when = f"{created:%Y-%m-%d %H:%M:%S}"
    texts = {"videoID": name, "agentID": AGENT, "creationDate": when}
    world.dynamodb.put_item(TableName=TABLE, Item={key: {"S": text} for key, text in texts.items()})
    if call is not None:
        key = f"{PREFIX}/CallRecordings/{created:%Y/%m/%d}/{name}_{created:%Y%m%dT%H:%M}_UTC.wav"
        world.s3.put_object(Bucket=CONNECT, Key=key, Body=call)
    if recording is not None:
        key = Recording(name, AGENT, created.replace(tzinfo=None, microsecond=0)).agent_recording_key
        world.s3.put_object(Bucket=INPUT, Key=key, Body=recording)


def test_no_agent_is_in_logs_and_dead_letters(world: World, sample: Capture) -> None:
    """A result, a missing input, a late one, a file that isn't media, and messages with more in them than is needed."""
    call, own = sample.call.read_bytes(), sample.recording.read_bytes()
    put(world, "good", RECENT, call, own)
    put(world, "missing", OLD, call, None)
    put(world, "late", RECENT, call, None)
    put(world, "broken", RECENT, call, b"no media")
    messages: list[dict[str, Any]] = [
        *({"recordingID": name, "callEndingTimestamp": sample.call_end} for name in ("good", "missing", "late")),
        {"recordingID": "broken", "callEndingTimestamp": sample.call_end, "agent": AGENT},
        {"recordingID": "broken", "agent": AGENT},
    ]
    environ = {**shell_environment(), "KOMOREBI_QUEUE_URL": world.queue().url, "POWERTOOLS_LOG_LEVEL": "INFO"}
    printed, outcomes = "", []
    for message in messages:
        world.queue().send(json.dumps(message))
        ran = run_installed("worker", "--once", **environ)
        printed += ran.stdout + ran.stderr
        lines = [json.loads(line) for line in ran.stderr.splitlines() if line.startswith("{")]
        outcomes += [line["outcome"] for line in lines if "outcome" in line]
    assert outcomes == ["done", "permanent", "passing", "permanent", "permanent"], printed
    assert any(AGENT in key for key in world.keys(OUTPUT))
    letters = str(world.queue("dead").receive_some(10, 0, 0))
    assert letters.count("komorebiReason") == 3
    for text in (printed, letters):
        assert AGENT not in text
        assert "jane" not in text.lower()
        assert f"{RECENT:%Y/%m/%d}/" not in text
        assert "s3://" in text  # with the recording's ID, that is enough to find the object
    assert f"s3://{OUTPUT}/.../recording.mp4" in printed
    assert f"s3://{INPUT}/.../missing.mp4" in letters


def test_a_person_sees_whole_keys(world: World, sample: Capture) -> None:
    """`status` at a terminal shows where the files are."""
    put(world, "good", RECENT, sample.call.read_bytes(), sample.recording.read_bytes())
    ran = run_installed("status", "good", **shell_environment())
    assert f"/{AGENT}/good.mp4" in ran.stdout
    assert "AWS_ENDPOINT_URL" in os.environ  # of the embedded AWS alone
