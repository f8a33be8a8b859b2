"""A batch whose contact records come from Amazon Connect's API: few requests, and at the API's rate."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from child_process import child_process
from connect_api import Connect

from komorebi_qc.demo.embedded_aws import embedded_aws, make_resources
from komorebi_qc.demo.sample_call import AGENT_RECORDING, CALL_AUDIO, RECORDING, item
from komorebi_qc.wiring import Settings, aws_client

if TYPE_CHECKING:
    import pytest

CLI = Path(sys.executable).with_name("komorebi-qc")
IDS = [f"contact-{number}" for number in range(5)]
DAY = f"{RECORDING.created:%Y/%m/%d}"


def call_key(recording_id: str) -> str:
    """The call audio's key, which only the record knows."""
    return f"connect/demo/CallRecordings/{DAY}/of-{recording_id}.wav"


def batch(command: list[str], folder: Path) -> dict[str, Any]:
    """Run a batch, and return its result."""
    with child_process(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        out, error = process.communicate(timeout=300)
    assert process.returncode in (0, 1), error
    found: dict[str, Any] = json.loads(out)
    return found


def test_workers_together_stay_within_the_rate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two workers ask for each contact once, two a second; a second run doesn't ask again for what is done."""
    connect = Connect(lambda name: f"demo-connect/{call_key(name)}")
    with embedded_aws(), connect.running() as url:
        make_resources()
        settings, s3, dynamodb = Settings.from_environment(os.environ), aws_client("s3"), aws_client("dynamodb")
        for name in IDS:
            s3.put_object(Bucket=settings.connect_bucket, Key=call_key(name), Body=CALL_AUDIO.read_bytes())
            own = RECORDING.agent_recording_key.replace(RECORDING.recording_id, name)
            s3.put_object(Bucket=settings.input_bucket, Key=own, Body=AGENT_RECORDING.read_bytes())
            dynamodb.put_item(TableName=settings.table_name, Item={**item(), "videoID": {"S": name}})
        monkeypatch.setenv("AWS_ENDPOINT_URL_CONNECT", url)
        monkeypatch.setenv("KOMOREBI_CONTACT_RECORD", "api")
        monkeypatch.setenv("KOMOREBI_CONNECT_INSTANCE", "instance-1")
        command = [str(CLI), "batch", f"s3://{settings.input_bucket}/", "--out", "dataset", "--workers", "2", "--json"]
        first = batch(command, tmp_path)
        assert sum(first["counts"].get(name, 0) for name in ("pass", "warn")) == len(IDS), first
        assert sorted(name for _, name in connect.asked) == IDS
        # Two go at once, and three at two a second: 1.5 s. The first one may arrive late on a slow machine.
        moments = [at_s for at_s, _ in connect.asked]
        assert max(moments) - min(moments) >= 0.75
        again = batch(command, tmp_path)
        assert again["unchanged"] == len(IDS)
        assert len(connect.asked) == len(IDS)
        # A file that was replaced is measured again, by the record.
        s3.put_object(Bucket=settings.connect_bucket, Key=call_key(IDS[0]), Body=CALL_AUDIO.read_bytes() + b"\0\0")
        assert batch(command, tmp_path)["unchanged"] == len(IDS) - 1
        assert [name for _, name in connect.asked[len(IDS) :]] == [IDS[0]]
