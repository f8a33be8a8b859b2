"""Masked recordings through the queue: the worker as a process, on a stand-in for S3, SQS and DynamoDB."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emulator import CONNECT, INPUT, OUTPUT, PREFIX, TABLE, World
from parts import ROOT, Report
from servers import bare_environment, moto

sys.path.insert(1, str(ROOT / "tests" / "support"))
from captures import CAPTURES
from suspended import kept_of, late_call, suspended_call

from komorebi_qc.core.recording import Recording

if TYPE_CHECKING:
    from captures import Capture

MOST = 0.02
"""The correlation with a sound that isn't there."""


@dataclass(frozen=True, slots=True)
class Scene:
    """The resources, and the worker's environment.

    Attributes:
        world: buckets, table and queues.
        environment: of every command.
    """

    world: World
    environment: dict[str, str]

    def put(self, name: str, capture: Capture, call: bytes) -> Recording:
        """Put a recording there, and send its message."""
        recording = Recording(name, "agent-7", datetime(2026, 3, 2, 14, 5, 9))  # noqa: DTZ001  as in the table
        s3 = self.world.server.client("s3")
        key = f"{recording.call_audio_prefixes(PREFIX)[0]}{recording.created:%Y%m%dT%H:%M}_UTC.wav"
        s3.put_object(Bucket=CONNECT, Key=key, Body=call)
        s3.put_object(Bucket=INPUT, Key=recording.agent_recording_key, Body=capture.recording.read_bytes())
        item = {
            "videoID": {"S": name},
            "agentID": {"S": recording.agent_id},
            "creationDate": {"S": f"{recording.created:%Y-%m-%d %H:%M:%S}"},
            "isProcessed": {"BOOL": False},
        }
        self.world.server.client("dynamodb").put_item(TableName=TABLE, Item=item)
        body = json.dumps({"recordingID": name, "callEndingTimestamp": capture.call_end})
        self.world.server.client("sqs").send_message(QueueUrl=self.world.queue_url, MessageBody=body)
        return recording

    def command(self, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
        """A command of the software."""
        return subprocess.run(
            [sys.executable, "-m", "komorebi_qc", *words],
            env={**self.environment, **more},
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )

    def published(self, recording: Recording) -> dict[str, bytes]:
        """The published objects of a recording, by the ends of their keys."""
        s3 = self.world.server.client("s3")
        folder = recording.qc_key.rsplit("/", 1)[0]
        listed = s3.list_objects_v2(Bucket=OUTPUT, Prefix=folder).get("Contents", [])
        keys = [entry["Key"] for entry in listed]
        return {key.rsplit("/", 1)[1]: s3.get_object(Bucket=OUTPUT, Key=key)["Body"].read() for key in keys}

    def dead_letters(self) -> list[dict[str, Any]]:
        """The dead letters, held ones too."""
        done = self.command("dlq", "list", "--json")
        found = json.loads(done.stdout)
        return [*found["letters"], *found["held"]]


def _video(objects: dict[str, bytes]) -> bytes:
    (video,) = [data for name, data in objects.items() if name.endswith((".mp4", ".webm"))]
    return video


def _document(objects: dict[str, bytes]) -> dict[str, Any]:
    (content,) = [data for name, data in objects.items() if name.endswith(".json")]
    found: dict[str, Any] = json.loads(content)
    return found


def run(report: Report) -> None:
    """Each case checks what is published, by its own sound."""
    with tempfile.TemporaryDirectory(prefix="e2e-masks-") as name, moto(Path(name) / "moto") as server:
        world = World.on(server)
        scene = Scene(world, bare_environment(Path(name), **world.environment(), PYTHONPATH=str(ROOT)))
        for kind, (from_s, to_s) in {"sample": (8.0, 12.0), "vp8.webm": (3.0, 6.0)}.items():
            with report.case(f"a suspended call ({kind}) is masked") as case:
                capture = CAPTURES[kind]
                recording = scene.put(
                    f"suspended-{kind[:3]}", capture, suspended_call(capture.call.read_bytes(), (from_s, to_s))
                )
                done = scene.command("worker", "--once")
                assert done.returncode == 0, done.stderr
                objects = scene.published(recording)
                kept = kept_of(capture, _video(objects), from_s + capture.offset_s, to_s + capture.offset_s)
                masks = _document(objects)["masks"]
                assert (masks["choice"], len(masks["output"])) == ("picture", 1), masks
                assert masks["output"][0]["level_db"] < -90.0, masks
                assert kept < MOST, kept
                case.note(f"correlation {kept:.4f}, level {masks['output'][0]['level_db']:.0f} dBFS")
        sample = CAPTURES["sample"]
        with report.case("nothing plays before Connect recorded") as case:
            recording = scene.put("late", sample, late_call(sample.call.read_bytes(), 8.0))
            done = scene.command("worker", "--once")
            assert done.returncode == 0, done.stderr
            kept = kept_of(sample, _video(scene.published(recording)), 0.0, 8.0 + sample.offset_s - 0.05)
            assert kept < MOST, kept
            case.note(f"correlation {kept:.4f}")
        with report.case("an analysis that can't be read is a dead letter, and nothing is published"):
            recording = scene.put("unreadable", sample, sample.call.read_bytes())
            key = f"Analysis/Voice/{recording.created:%Y/%m/%d}/unreadable_analysis_2026-03-02T14:30:00Z.json"
            world.server.client("s3").put_object(Bucket=CONNECT, Key=key, Body=b'{"Transcript": ')
            assert scene.command("worker", "--once").returncode == 1
            assert scene.published(recording) == {}
            (letter,) = scene.dead_letters()
            assert letter["recording_id"] == "unreadable", letter
            assert "nothing is published" in json.dumps(letter), letter
        with report.case("a held recording is masked when it is released") as case:
            call = suspended_call(sample.call.read_bytes(), (2.0, 20.1))
            recording = scene.put("held", sample, call)
            assert scene.command("worker", "--once", KOMOREBI_UNCONFIRMED="hold").returncode == 1
            assert scene.published(recording) == {}
            done = scene.command("dlq", "release", "held", "--json")
            assert done.returncode in (0, 3), done.stderr
            objects = scene.published(recording)
            kept = kept_of(sample, _video(objects), 2.0 + sample.offset_s, sample.call_end_s)
            assert _document(objects)["masks"]["private"], _document(objects)["masks"]
            assert kept < MOST, kept
            case.note(f"correlation {kept:.4f}, placed by {_document(objects)['alignment']['source']}")
