"""An event for each recording that was processed, to EventBridge.

``source`` is ``komorebi-qc``, ``detail-type`` is ``Recording Processed``; docs/operator/events.md has the detail. The
right it needs: ``events:PutEvents`` on the bus.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from komorebi_qc.core.errors import StorageError
from komorebi_qc.storage.aws_errors import aws_errors

if TYPE_CHECKING:
    from collections.abc import Mapping

SOURCE, DETAIL_TYPE = "komorebi-qc", "Recording Processed"
_NAMES = ("verdict", "syncStatus", "offsetSeconds", "unconfirmed")


@dataclass(frozen=True, slots=True)
class DoneEvents:
    """Sends the events.

    Attributes:
        client: boto3's ``events`` client.
        bus: the name or ARN of the bus.
    """

    client: Any
    bus: str

    def send(self, recording_id: str, result: Mapping[str, Any]) -> None:
        """Send one event.

        Args:
            recording_id: the recording.
            result: `komorebi_qc.queue.handler.summary` of the outcome.

        Raises:
            StorageError: the bus doesn't take it.
            AccessDeniedError: it refuses access or doesn't exist.
        """
        entry = {
            "Source": SOURCE,
            "DetailType": DETAIL_TYPE,
            "EventBusName": self.bus,
            "Detail": json.dumps(event_detail(recording_id, result)),
        }
        with aws_errors(f"event bus {self.bus}"):
            answer = self.client.put_events(Entries=[entry])
        if answer.get("FailedEntryCount"):
            code = answer["Entries"][0].get("ErrorCode", "no code")
            raise StorageError(f"event bus {self.bus} didn't take an event ({code}): the recording itself is published")


def event_detail(recording_id: str, result: Mapping[str, Any]) -> dict[str, Any]:
    """The detail of an event: the verdict, and the locations of the results."""
    output = str(result["output"])
    folder = output.rpartition("/")[0]
    return {
        "version": "1.0",
        "recordingID": recording_id,
        **{name: result.get(name) for name in _NAMES},
        "output": output,
        "qc": f"{folder}/qc.json",
    }
