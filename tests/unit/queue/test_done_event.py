"""The event of a processed recording."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aws_fixtures import client_error

from komorebi_qc.core.errors import AccessDeniedError, StorageError
from komorebi_qc.queue.done_event import DoneEvents

RESULT = {
    "verdict": "warn",
    "output": "s3://out/2026/11/24/erika/contact-1/recording.mp4",
    "outputBytes": 5,
    "syncStatus": "aligned",
    "offsetSeconds": 2.5,
    "unconfirmed": None,
    "stepSeconds": {},
}


class Bus:
    """EventBridge with an answer made by hand."""

    def __init__(self, answer: Any) -> None:
        self.answer, self.entries = answer, list[dict[str, Any]]()

    def put_events(self, *, Entries: list[dict[str, Any]]) -> Any:  # noqa: N803  boto3's name
        """Note the entries."""
        self.entries += Entries
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def test_the_event_has_verdict_and_locations() -> None:
    """Source, type and detail are those of the docs."""
    bus = Bus({"FailedEntryCount": 0, "Entries": [{"EventId": "1"}]})
    DoneEvents(bus, "calls").send("contact-1", RESULT)
    (entry,) = bus.entries
    assert (entry["Source"], entry["DetailType"], entry["EventBusName"]) == (
        "komorebi-qc",
        "Recording Processed",
        "calls",
    )
    assert json.loads(entry["Detail"]) == {
        "version": "1.0",
        "recordingID": "contact-1",
        "verdict": "warn",
        "syncStatus": "aligned",
        "offsetSeconds": 2.5,
        "unconfirmed": None,
        "output": "s3://out/2026/11/24/erika/contact-1/recording.mp4",
        "qc": "s3://out/2026/11/24/erika/contact-1/qc.json",
    }


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ({"FailedEntryCount": 1, "Entries": [{"ErrorCode": "InternalFailure"}]}, StorageError),
        (client_error("AccessDeniedException", 403, "PutEvents"), AccessDeniedError),
    ],
)
def test_a_bus_that_refuses_is_an_error(answer: Any, error: type[Exception]) -> None:
    """The text names the bus."""
    with pytest.raises(error, match="event bus calls"):
        DoneEvents(Bus(answer), "calls").send("contact-1", RESULT)
