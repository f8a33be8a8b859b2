"""Sample dead letters on an embedded AWS, for the notebook's default."""

from __future__ import annotations

import atexit
import json
import os
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from komorebi_qc.demo.embedded_aws import embedded_aws, make_resources
from komorebi_qc.queue.dead_letter import DeadLetter
from komorebi_qc.queue.sqs import dead_letter_queue_of
from komorebi_qc.storage.dynamodb import DynamoTable
from komorebi_qc.wiring import Settings, aws_client

if TYPE_CHECKING:
    from komorebi_qc.queue.dead_letter import Kind
    from komorebi_qc.queue.sqs import Queue


def sample_dead_letters() -> tuple[Queue, Queue, DynamoTable]:
    """Start an AWS inside this process, with a few dead letters of each kind. It stops when the process ends.

    Returns:
        The dead-letter queue, the work queue and the recordings table.

    Raises:
        InputError: moto isn't installed.
    """
    stack = ExitStack()
    stack.enter_context(embedded_aws())
    atexit.register(stack.close)
    queue = make_resources()
    dead_letters = dead_letter_queue_of(queue)
    settings = Settings.from_environment(os.environ)
    table = DynamoTable(aws_client("dynamodb"), settings.table_name)
    for letter, is_processed in _samples():
        if letter.recording_id and is_processed is not None:
            _put_item(settings.table_name, letter.recording_id, is_processed=is_processed)
        dead_letters.send(letter.body, letter.attributes() if letter.kind != "unknown" else None)
    return dead_letters, queue, table


def _put_item(table_name: str, recording_id: str, *, is_processed: bool) -> None:
    item = {
        "videoID": {"S": recording_id},
        "agentID": {"S": "agent-7"},
        "creationDate": {"S": "2026-03-02 14:05:09"},
        "isProcessed": {"BOOL": is_processed},
    }
    aws_client("dynamodb").put_item(TableName=table_name, Item=item)


def _samples() -> list[tuple[DeadLetter, bool | None]]:
    """Dead letters, and whether their recording is processed by now; None if the table has no such item."""
    ids = [f"{n}f3c2a90-5b1e-4c6d-9a57-2e8d41c0b6f{n}" for n in range(7)]
    began = datetime(2026, 3, 2, 14, 5, tzinfo=UTC)
    lost = "s3://demo-input/.../{}.mp4 isn't there {} h after creationDate, and after 48 h nothing comes"
    wrong = "the call audio and the recording belong to different calls (only 9 s of 62 s of speech agree)"
    busy = "s3://demo-output: SlowDown, HTTP 503: try again"
    unsure = "3 s of 9 s of speech agree: not enough to use, too much to rule it out"
    unknown = f"there is no item with videoID {ids[5]}: check the ID"
    found: list[tuple[Kind, str, str, str, int, bool | None]] = [
        ("permanent", "MissingMediaError", lost.format(ids[0], 50), ids[0], 1, False),
        ("permanent", "MissingMediaError", lost.format(ids[1], 61), ids[1], 1, False),
        ("permanent", "WrongPairError", wrong, ids[2], 1, False),
        ("tries", "StorageError", busy, ids[3], 8, True),
        ("unknown", "", "", ids[4], 3, False),
        ("permanent", "UnknownRecordingError", unknown, ids[5], 1, None),
        ("held", "HeldError", unsure, ids[6], 1, False),
    ]
    samples: list[tuple[DeadLetter, bool | None]] = []
    for number, (kind, error, reason, recording_id, count, is_processed) in enumerate(found):
        body = json.dumps({"recordingID": recording_id, "callEndingTimestamp": "00:12:34"})
        when = began + timedelta(hours=7 * number)
        candidates = ((-9.25, 0.98), (-1.29, 0.02)) if kind == "held" else ()
        named = (recording_id, f"message-{number}", "request-1")
        letter = DeadLetter(body, kind, error, reason, *named, count, when, candidates)
        samples.append((letter, is_processed))
    return samples
