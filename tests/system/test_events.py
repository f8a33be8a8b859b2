"""500 recordings' events in any order, on moto's DynamoDB."""

from __future__ import annotations

import io
import json
import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from arriving import PLACES, SWEEP, call_came, contact_ended, recording_came
from rich.console import Console

from komorebi_qc.core.errors import StorageError
from komorebi_qc.demo import run as demo
from komorebi_qc.queue.arrivals import Arrivals
from komorebi_qc.queue.handler import handle_record
from komorebi_qc.storage.contact.dynamodb_join import DynamoJoin

if TYPE_CHECKING:
    from pathlib import Path

    from aws_fixtures import World

    from komorebi_qc.pipeline.options import Order
    from komorebi_qc.queue.dead_letter import DeadLetter

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


class Desk:
    """The pipeline and the queues: they note what is processed, and one run in twenty fails at first."""

    def __init__(self) -> None:
        self.done: Counter[str] = Counter()
        self.attempts: Counter[str] = Counter()
        self.sent: list[str] = []

    def is_done(self, order: Order) -> bool:
        """Whether it was processed before."""
        return bool(self.done[order.recording_id])

    def process(self, order: Order, *, progress: Any) -> dict[str, Any]:
        """Process it, or fail the first time."""
        assert progress is not None
        self.attempts[order.recording_id] += 1
        if order.recording_id.endswith("7") and self.attempts[order.recording_id] == 1:
            raise StorageError("no answer")
        self.done[order.recording_id] += 1
        return {"verdict": "pass"}

    def send(self, body: str) -> str:
        """A sweep's message."""
        self.sent.append(body)
        return "id"

    def text(self, recording_id: str, attribute: str) -> str:
        """The call end of every item."""
        return "00:01:02" if recording_id and attribute == "callEndingTimestamp" else ""

    def max_receive_count(self) -> int:
        """Ten."""
        return 10

    def change_visibility(self, receipt_handle: str, seconds: int) -> bool:
        """Any time."""
        return bool(receipt_handle) and seconds > 0

    def send_to_dlq(self, letter: DeadLetter) -> bool:
        """Nothing is decided against."""
        raise AssertionError(letter.reason)


def test_500_recordings_are_processed_once_each(world: World) -> None:
    """Their events are shuffled and doubled, one in twenty is lost, some halves come half a day late, and runs fail.

    Each recording whose two halves came is processed once, by its last half. The sweep finds the others, and processes
    them. Nothing is known of a recording all of whose events were lost.
    """
    rng, now = random.Random(20), [NOON]  # noqa: S311  a test's order
    world.dynamodb.create_table(
        TableName="Join",
        KeySchema=[{"AttributeName": "recordingID", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "recordingID", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    desk = Desk()
    arrivals = Arrivals(DynamoJoin(world.dynamodb, "Join", lambda: now[0]), desk, desk, PLACES)
    kept = [
        (name, number, made(name, f"{name}-{number}"))
        for name in (f"contact-{n:03d}" for n in range(500))
        for number, made in enumerate((call_came, recording_came, contact_ended))
        if rng.random() >= 0.05
    ]
    late = set(rng.sample(range(len(kept)), 60))
    first = [one[2] for at, one in enumerate(kept) if at not in late]
    rng.shuffle(first)
    first += rng.sample(first, 300)

    def deliver(bodies: list[str]) -> None:
        waiting = list(bodies)
        while waiting:
            record = {"messageId": "m", "receiptHandle": "r", "body": waiting[0]}
            report = handle_record(record, desk, desk, remaining_s=lambda: 900.0, arrivals=arrivals)
            assert report.outcome in ("done", "skipped", "passing"), report
            waiting = waiting[1:] + ([waiting[0]] if report.is_batch_item_failure else [])

    deliver(first)
    now[0] += timedelta(hours=12)
    deliver([kept[at][2] for at in sorted(late)])
    came: dict[str, set[int]] = {}
    for name, number, _ in kept:
        came.setdefault(name, set()).add(number)
    whole = {name for name, numbers in came.items() if {0, 1} <= numbers}
    assert set(desk.done) == whole
    now[0] += timedelta(hours=25)
    deliver([SWEEP])
    assert len(desk.sent) == len(came) - len(whole) > 20
    deliver(list(desk.sent))
    deliver([SWEEP])
    assert len(desk.sent) == len(came) - len(whole)
    assert set(desk.done) == set(came)
    assert set(desk.done.values()) == {1}


def test_the_demo_makes_the_recording_of_its_events(tmp_path: Path) -> None:
    """Two halves, a record and three events: the third event makes the recording, with the record's facts."""
    printed = io.StringIO()
    result = demo.run(tmp_path, console=Console(file=printed, width=160), with_events=True)
    assert result.verdict == "pass"
    text = printed.getvalue()
    assert text.index("waits for the call audio and the agent recording") < text.index("processed")
    document = json.loads((tmp_path / "qc.json").read_text())
    assert (document["contact"]["call_audio_by"], document["contact"]["source"]) == ("record", "export")
    assert {one["name"]: one["status"] for one in document["findings"]}["record_disagrees"] == "pass"
