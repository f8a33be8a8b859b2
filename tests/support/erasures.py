"""For tests of an erasure: a recording with everything that can be made of it, and a search without product code."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
from aws_fixtures import CONNECT, INPUT, ITEM, OUTPUT, PREFIX, TABLE, World
from dataset_rows import row

from komorebi_qc.batch.dataset.csv_file import csv_file
from komorebi_qc.batch.dataset.dataset import open_dataset
from komorebi_qc.core.recording import Recording
from komorebi_qc.queue.dead_letter import DeadLetter

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from komorebi_qc.batch.dataset.dataset import Dataset

OURS, OTHER = "7f3c2a90-5b1e-4c6d-9a57-2e8d41c0b6f3", "8f3c2a90-5b1e-4c6d-9a57-2e8d41c0b6f4"
AGENT = "jane.doe@example.com"
FLEET_MARK = '<main class="kq fleet" id="fleet">'


def versioned(world: World, bucket: str = OUTPUT) -> None:
    """Let a bucket keep versions."""
    world.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})


def recording_of(recording_id: str) -> Recording:
    """A recording of the table."""
    return Recording.from_item({"videoID": recording_id, "agentID": AGENT, "creationDate": "2026-03-02 14:05:09"})


def put_recording(world: World, recording_id: str, *, times: int = 1) -> Recording:
    """Put inputs, results, an unfinished upload, a processed item and a dead letter there."""
    recording = recording_of(recording_id)
    results = (recording.video_key("mp4"), recording.thumbnail_key, recording.qc_key)
    for n in range(times):
        for key in results:
            world.s3.put_object(Bucket=OUTPUT, Key=key, Body=f"{recording_id} {n}".encode())
    world.s3.create_multipart_upload(Bucket=OUTPUT, Key=recording.video_key("webm"))
    call_key = f"{PREFIX}/CallRecordings/2026/03/02/{recording_id}_20260302T14:05_UTC.wav"
    analysis = f"Analysis/Voice/Redacted/2026/03/02/{recording_id}_analysis_redacted_2026-03-02T14:05:16Z.json"
    world.s3.put_object(Bucket=CONNECT, Key=call_key, Body=b"call")
    world.s3.put_object(Bucket=CONNECT, Key=analysis, Body=b"{}")
    world.s3.put_object(Bucket=INPUT, Key=recording.agent_recording_key, Body=b"recording")
    own = {"isProcessed": {"BOOL": True}, "qcVerdict": {"S": "pass"}, "outputContainer": {"S": "mp4"}}
    named = {"videoID": {"S": recording_id}, "agentID": {"S": AGENT}, "creationDate": {"S": "2026-03-02 14:05:09"}}
    world.dynamodb.put_item(TableName=TABLE, Item={**ITEM, **own, **named})
    put_letter(world, recording_id)
    return recording


def put_letter(world: World, recording_id: str) -> None:
    """Put a dead letter into its queue, and one that SQS moved."""
    body = json.dumps({"recordingID": recording_id, "callEndingTimestamp": "00:01:02"})
    letter = DeadLetter.from_message({"Body": body, "Attributes": {"SentTimestamp": "0"}})
    world.queue("dead").send(body, letter.attributes())
    world.queue("dead").send(body)


def fill_dataset(where: str, *recording_ids: str) -> Dataset:
    """Write rows of each recording: in the file of a day, in the journal, and a rejected one that names it."""
    dataset = open_dataset(where)
    for n, name in enumerate(recording_ids):
        dataset.add(row(name, n, agent=AGENT, named_by="id", report=f"_reports/{name}/report.html", action="audit"))
        dataset.add(row(f"/lists/day.csv:{n}", n, day="unknown", status="rejected", error=_listed_twice(name)))
    dataset.compact_journal()
    for n, name in enumerate(recording_ids):
        dataset.add(row(name, 10 + n, agent=AGENT, named_by="id", verdict="warn"))
        for file, content in audit_files(name).items():
            dataset.store.write(f"_reports/{name}/{file}", content)
    return dataset


def _listed_twice(recording_id: str) -> str:
    """The reason of a rejected row that names a recording."""
    return f"the recording {recording_id} is listed in /lists/day.csv:1 already: keep one row"


def audit_files(recording_id: str) -> dict[str, bytes]:
    """The files of an audit."""
    notebook = {"cells": [{"source": f"recording_id = '{recording_id}'"}], "metadata": {"by": "komorebi_qc"}}
    status = {"state": "done", "recording": recording_id, "notebooks": [{"file": "sync_diagnostics.ipynb"}]}
    return {
        "report.html": f'<title>Recording {recording_id}</title><script data-kq="data">{{}}</script>'.encode(),
        "recording.mp4": b"video",
        "recording.qc.json": json.dumps({"recording_id": recording_id, "findings": [], "verdict": "pass"}).encode(),
        "qc.json": b"{}",
        "thumbnail.png": b"png",
        "audio/both.m4a": b"audio",
        "audio/left_out_1.m4a": b"audio",
        "sync_diagnostics.ipynb": json.dumps(notebook).encode(),
        "status.json": json.dumps(status).encode(),
    }


def loose_files(*recording_ids: str) -> dict[str, bytes]:
    """Files that a person made beside each other, of several recordings: clips, figures, notebooks, a fleet page."""
    files = {"fleet.html": f"{FLEET_MARK}{', '.join(recording_ids)}</main>".encode()}
    for n, name in enumerate(recording_ids):
        files[f"seam-{n}.mp4"] = b"\0moov" + f"komorebi_qc: clip of {name}".encode() + b"\0" * 100
        files[f"plot-{n}.png"] = b"\x89PNG komorebi_qc" + f" Description {name}.mp4".encode()
        files[f"out-{n}.ipynb"] = json.dumps({"cells": ["komorebi_qc", name]}).encode()
        files |= {f"audit-{n}/{file}": content for file, content in audit_files(name).items()}
    return files


def write_files(folder: Path, files: dict[str, bytes]) -> None:
    """Write files into a folder."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def write_csv(dataset: Dataset, where: str) -> None:
    """Write a dataset's CSV file, as `batch --csv` does."""
    csv_file(where).write(dataset.read())


@dataclass(frozen=True)
class Search:
    """A search for a text in everything: file names, contents, keys, versions, uploads, messages, attributes.

    Attributes:
        text: the text.
    """

    text: str

    def in_folder(self, folder: Path) -> list[str]:
        """The files and folders of this machine that name it."""
        found = []
        for path in sorted(folder.rglob("*")):
            inside = path.is_file() and self._in(path.name, path.read_bytes())
            if self.text in str(path.relative_to(folder)) or inside:
                found.append(str(path.relative_to(folder)))
        return found

    def in_bucket(self, s3: Any, bucket: str) -> list[str]:
        """The versions, delete markers and uploads of a bucket that name it."""
        found = []
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
            for one in page.get("Versions", ()):
                body = s3.get_object(Bucket=bucket, Key=one["Key"], **_version(one))["Body"]
                content = body.read()
                body.close()
                if self.text in one["Key"] or self._in(one["Key"], content):
                    found.append(f"{one['Key']} {one['VersionId']}")
            found += [f"{one['Key']} marker" for one in page.get("DeleteMarkers", ()) if self.text in one["Key"]]
        uploads = s3.list_multipart_uploads(Bucket=bucket).get("Uploads", ())
        return found + [f"{one['Key']} upload" for one in uploads if self.text in one["Key"]]

    def in_queue(self, world: World, name: str = "dead") -> list[str]:
        """The messages of a queue that name it."""
        return [body for body in world.bodies(name).elements() if self.text in body]

    def _in(self, name: str, content: bytes) -> bool:
        if name.endswith(".parquet"):
            return self.text in str(pq.read_table(io.BytesIO(content)).to_pylist())
        return self.text.encode() in content


def _version(listed: dict[str, Any]) -> dict[str, str]:
    return {} if listed["VersionId"] == "null" else {"VersionId": listed["VersionId"]}


def own_attributes(world: World, recording_id: str) -> dict[str, Any]:
    """The attributes of an item that this software wrote."""
    item = world.dynamodb.get_item(TableName=TABLE, Key={"videoID": {"S": recording_id}})["Item"]
    return dict(_own(item))


def _own(item: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in sorted(item.items()):
        if name.startswith("qc") or name in ("isProcessed", "outputContainer"):
            yield name, value
