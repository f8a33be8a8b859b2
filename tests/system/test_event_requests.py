"""The requests that contact records and events add to a recording, as docs/operator/cost.md states them."""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING, Any

from botocore import handlers
from connect_api import Connect

from komorebi_qc.core.recording import message_body
from komorebi_qc.demo.embedded_aws import sample_on_embedded_aws
from komorebi_qc.demo.events import prepare_events, sample_events
from komorebi_qc.demo.sample_call import RECORDING
from komorebi_qc.queue.handler import handle_record
from komorebi_qc.wiring import Settings

if TYPE_CHECKING:
    import pytest


def requests_of(*bodies: str) -> Counter[str]:
    """The requests of a new function for these messages, all of which it handles without an error."""
    seen: Counter[str] = Counter()

    def count(model: Any, **_: Any) -> None:
        seen[f"{model.service_model.service_name} {model.name}"] += 1

    before = handlers.BUILTIN_HANDLERS
    handlers.BUILTIN_HANDLERS = [*before, ("before-call", count)]
    try:
        settings = Settings.from_environment(os.environ)
        pipeline, queues, arrivals = settings.pipeline(), settings.message_queues(), settings.arrivals()
        for body in bodies:
            record = {"messageId": "m", "receiptHandle": "r", "body": body}
            report = handle_record(record, pipeline, queues, remaining_s=lambda: 900.0, arrivals=arrivals)
            assert report.outcome in ("done", "skipped"), report
    finally:
        handlers.BUILTIN_HANDLERS = before
    return seen


def more(found: Counter[str], before: Counter[str]) -> dict[str, int]:
    """How many requests more than before; negative for fewer."""
    differences = {name: found[name] - before[name] for name in found.keys() | before.keys()}
    return {name: count for name, count in differences.items() if count}


def key_of(recording_id: str) -> str:
    """The key of the sample's call audio."""
    assert recording_id == RECORDING.recording_id
    return f"{RECORDING.call_audio_prefixes('connect/demo')[0]}{RECORDING.created:%Y%m%dT%H:%M}_UTC.wav"


def test_a_record_adds_one_request_and_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its four days are listed in the place of the call audio's three; an event writes to the join, or twice."""
    with sample_on_embedded_aws() as sample:
        plain = requests_of(message_body(*sample))
    with sample_on_embedded_aws() as sample:
        prepare_events()
        del os.environ["KOMOREBI_JOIN_TABLE"]  # the context restores all variables
        exported = requests_of(message_body(*sample))
    connect = Connect(lambda name: f"demo-connect/{key_of(name)}")
    with sample_on_embedded_aws() as sample, connect.running() as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL_CONNECT", url)
        monkeypatch.setenv("KOMOREBI_CONTACT_RECORD", "api")
        monkeypatch.setenv("KOMOREBI_CONNECT_INSTANCE", "instance-1")
        by_api = requests_of(message_body(*sample))
    with sample_on_embedded_aws():
        prepare_events()
        bodies = [body for _, body in sample_events()]
        events, again = requests_of(*bodies), requests_of(*bodies)
    assert (plain["s3 ListObjectsV2"], plain["dynamodb GetItem"], plain["dynamodb UpdateItem"]) == (9, 3, 1)
    assert more(exported, plain) == {"s3 ListObjectsV2": 1, "s3 GetObject": 1, "s3 HeadObject": 1}
    assert more(by_api, plain) == {"s3 ListObjectsV2": -3, "s3 HeadObject": 1, "connect DescribeContact": 1}
    assert more(events, exported) == {"dynamodb UpdateItem": 4, "dynamodb GetItem": 1}
    assert (again["dynamodb UpdateItem"], again["dynamodb GetItem"], again["s3 ListObjectsV2"]) == (6, 2, 10)
