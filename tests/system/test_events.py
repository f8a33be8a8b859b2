"""500 recordings' events in any order, on moto's DynamoDB."""

from __future__ import annotations

import io
import json
import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from arriving import PLACES, call_came, contact_ended, recording_came
from rich.console import Console

from komorebi_qc.core.contact.events import Arrival, read_event
from komorebi_qc.demo import run as demo
from komorebi_qc.storage.contact.dynamodb_join import DynamoJoin

if TYPE_CHECKING:
    from pathlib import Path

    from aws_fixtures import World

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def test_500_recordings_are_processed_once_each(world: World) -> None:
    """Their events are shuffled and doubled, one in twenty is lost, and some halves come half a day late.

    Each recording whose two halves came is claimed once. The others are found by the sweep, if anything of them came.
    """
    rng, now = random.Random(20), [NOON]  # noqa: S311  a test's order
    world.dynamodb.create_table(
        TableName="Join",
        KeySchema=[{"AttributeName": "recordingID", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "recordingID", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    halves = DynamoJoin(world.dynamodb, "Join", lambda: now[0])
    names = [f"contact-{n:03d}" for n in range(500)]
    events = [
        (name, made(name, f"{name}-{number}"))
        for name in names
        for number, made in enumerate((call_came, recording_came, contact_ended))
    ]
    kept = [one for one in events if rng.random() >= 0.05]
    late = set(rng.sample(range(len(kept)), 60))
    sent = [one for at, one in enumerate(kept) if at not in late]
    rng.shuffle(sent)
    sent += rng.sample(sent, 300)
    claims: Counter[tuple[str, str]] = Counter()
    came: dict[str, set[str]] = {}

    def deliver(bodies: list[tuple[str, str]]) -> None:
        for name, body in bodies:
            event = read_event(body, PLACES)
            assert isinstance(event, Arrival)
            came.setdefault(name, set()).add(event.half)
            joined = halves.arrive(name, event.half, event.event_id)
            claims[name, event.event_id] += joined.is_ours

    deliver(sent)
    now[0] += timedelta(hours=12)
    deliver([kept[at] for at in sorted(late)])
    claimants = Counter(name for (name, _), count in claims.items() if count)
    whole = {name for name, some in came.items() if {"call", "recording"} <= some}
    assert set(claimants) == whole
    assert set(claimants.values()) == {1}
    now[0] += timedelta(hours=25)
    lost = dict(halves.incomplete(timedelta(hours=24)))
    assert set(lost) == set(came) - whole
    assert 20 < len(lost) < 100


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
