"""SQS events through the handler, with a pipeline made by hand."""

from __future__ import annotations

import json
import logging
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from komorebi_qc.errors import MessageError, MissingMediaError, NotThereYetError, SettingsError
from komorebi_qc.handler import handle
from komorebi_qc.settings import VARIABLES
from komorebi_qc.worker import WorkerContext, load_handler

if TYPE_CHECKING:
    from komorebi_qc.pipeline import Order


class FakePipeline:
    """Remembers its orders, and fails for IDs that say so."""

    def __init__(self) -> None:
        self.orders: list[Order] = []

    def __call__(self, order: Order) -> Any:
        """Process."""
        self.orders.append(order)
        if order.recording_id == "missing":
            raise MissingMediaError("s3://b/missing.mp4 isn't there")
        if order.recording_id == "early":
            raise NotThereYetError("s3://b/early.mp4 isn't there yet")
        if order.recording_id == "bug":
            raise KeyError("the customer's name")
        return SimpleNamespace(verdict="warn", to_dict=lambda: {"findings": []})


def record(message_id: str, recording_id: str = "contact-1", **more: Any) -> dict[str, Any]:
    """One record of an event."""
    body = json.dumps({"recordingID": recording_id, "callEndingTimestamp": "00:01:02"})
    return {"messageId": message_id, "body": body, "attributes": {"ApproximateReceiveCount": "2"}, **more}


def lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """What was logged, one JSON object a line."""
    return [json.loads(message) for message in caplog.messages]


def test_a_record_becomes_an_order(caplog: pytest.LogCaptureFixture) -> None:
    """Recording and call end reach the pipeline, nothing is reported as failed, and one line tells of it."""
    pipeline = FakePipeline()
    assert handle({"Records": [record("m1")]}, pipeline, request_id="r1") == {"batchItemFailures": []}
    (order,) = pipeline.orders
    assert (order.recording_id, order.call_end.recording_s, order.alignment) == ("contact-1", 62.0, None)
    (line,) = lines(caplog)
    assert line.pop("seconds") >= 0
    assert line == {
        "messageId": "m1",
        "requestId": "r1",
        "recordingID": "contact-1",
        "receiveCount": "2",
        "outcome": "done",
        "verdict": "warn",
        "result": {"findings": []},
    }


def test_failures_are_reported_one_by_one(caplog: pytest.LogCaptureFixture) -> None:
    """Whatever happens to one record, the others are processed, and exactly the failed ones are reported."""
    records = [record("m1", "bug"), record("m2"), record("m3", "missing"), record("m4", "early"), record("m5")]
    records.insert(2, {**record("m6"), "body": "no JSON"})
    pipeline = FakePipeline()
    failed = handle({"Records": records}, pipeline)["batchItemFailures"]
    assert failed == [{"itemIdentifier": name} for name in ("m1", "m6", "m3", "m4")]
    assert len(pipeline.orders) == 5
    told = {line["messageId"]: (line["outcome"], line.get("error")) for line in lines(caplog)}
    assert told == {
        "m1": ("unexpected", "KeyError"),
        "m2": ("done", None),
        "m6": ("permanent", "MessageError"),
        "m3": ("permanent", "MissingMediaError"),
        "m4": ("passing", "NotThereYetError"),
        "m5": ("done", None),
    }
    levels = [entry.levelno for entry in caplog.records]
    assert levels == [logging.ERROR, logging.INFO, logging.ERROR, logging.ERROR, logging.WARNING, logging.INFO]


def test_the_log_holds_nothing_of_the_customers(caplog: pytest.LogCaptureFixture) -> None:
    """Neither the body, nor other fields of the event, nor the text of an unforeseen error are logged."""
    secret = {"body": '{"recordingID": "x/../y", "customer": "Aiko"}', "messageAttributes": {"phone": "+49 30"}}
    handle({"Records": [record("m1", "bug"), {**record("m2"), **secret}]}, FakePipeline())
    for word in ("customer", "Aiko", "+49", "x/../y"):
        assert word not in caplog.text
    bug, unread = lines(caplog)
    assert any("test_handler.py" in place for place in bug["raisedAt"])
    assert "dead-letter queue" in unread["detail"]


@pytest.mark.parametrize("event", [{}, {"Records": None}, {"Records": [{"body": "x"}]}, {"Records": ["x"]}])
def test_an_event_of_another_kind(event: dict[str, Any]) -> None:
    """What isn't SQS's fails as a whole: no record of it could be reported."""
    with pytest.raises(MessageError, match="events of an SQS queue"):
        handle(event, FakePipeline())


def test_an_empty_event() -> None:
    """No records, no failures."""
    assert handle({"Records": []}, FakePipeline()) == {"batchItemFailures": []}


@given(st.text() | st.none() | st.integers())
def test_any_body_is_taken_or_reported(body: Any) -> None:
    """Whatever a body is, the handler answers."""
    answer = handle({"Records": [{"messageId": "m1", "body": body}]}, FakePipeline())
    assert answer == {"batchItemFailures": [{"itemIdentifier": "m1"}]}


def test_the_lambda_needs_its_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """lambda/app.py is found and loads without settings; its first event without them fails with all their names."""
    for variable in VARIABLES:
        monkeypatch.delenv(variable.name, raising=False)
    handler = load_handler()
    with pytest.raises(SettingsError, match=r"AC_AUDIO_BUCKET_NAME.*INPUT_BUCKET_NAME.*OUTPUT_BUCKET_NAME"):
        handler({"Records": [record("m1")]}, WorkerContext("r1"))
