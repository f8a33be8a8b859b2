"""An SQS event, record by record, through the pipeline; what failed goes back to the queue.

Every record leaves one line of JSON in the log. It tells the recording's ID, the message's and the request's, and how
it went; never the event, nor anything of the customer's.
"""

from __future__ import annotations

import json
import logging
import time
from dataclasses import dataclass
from pathlib import PurePath
from traceback import extract_tb
from typing import TYPE_CHECKING, Any

from komorebi_qc.errors import KomorebiError, MessageError, PassingError
from komorebi_qc.recording import Message

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from komorebi_qc.pipeline import Order, Outcome

LOG = logging.getLogger(__name__)
LOG.setLevel(logging.INFO)  # Lambda's root logger lets only warnings through


def handle(
    event: Mapping[str, Any], process: Callable[[Order], Outcome], *, request_id: str | None = None
) -> dict[str, list[dict[str, str]]]:
    """Process each record of an SQS event; one that fails doesn't stop the others.

    A permanent error is reported as failed as well: the queue moves the message to its dead-letter queue after its
    tries, where an operator finds it.

    Args:
        event: as Lambda gives it: ``{"Records": [{"messageId": ..., "body": ..., ...}]}``.
        process: the pipeline.
        request_id: the invocation's, for the log.

    Returns:
        ``{"batchItemFailures": [{"itemIdentifier": messageId}, ...]}``

    Raises:
        MessageError: where it is no such event, so that no record of it can be reported.
    """
    records = event.get("Records")
    if not isinstance(records, list) or not all(isinstance(r, dict) and r.get("messageId") for r in records):
        raise MessageError("the event has no Records with a messageId each: this function takes events of an SQS queue")
    failures = []
    for record in records:
        entry = _process_record(record, process)
        told = {"messageId": record["messageId"], "requestId": request_id, **entry.fields}
        LOG.log(entry.level, "%s", json.dumps({k: v for k, v in told.items() if v is not None}))
        if entry.level != logging.INFO:
            failures.append({"itemIdentifier": str(record["messageId"])})
    return {"batchItemFailures": failures}


@dataclass(frozen=True, slots=True)
class _Entry:
    """How a record went: INFO for done, WARNING for worth another try, ERROR for anything else."""

    level: int
    fields: dict[str, Any]


def _process_record(record: Mapping[str, Any], process: Callable[[Order], Outcome]) -> _Entry:
    from komorebi_qc.pipeline import Order  # noqa: PLC0415  the decoders load after the event has proved to be one

    begun = time.monotonic()
    told: dict[str, Any] = {"recordingID": None, "receiveCount": _receive_count(record)}
    try:
        message = Message.from_body(str(record.get("body", "")))
        told["recordingID"] = message.recording_id
        outcome = process(Order(message.recording_id, message.call_end))
        level, how = logging.INFO, {"outcome": "done", "verdict": outcome.verdict, "result": outcome.to_dict()}
    except PassingError as error:
        level, how = logging.WARNING, {"outcome": "passing", **_about(error)}
    except KomorebiError as error:
        level, how = logging.ERROR, {"outcome": "permanent", **_about(error)}
    except Exception as error:  # noqa: BLE001  whatever it is, the other records go on
        level, how = logging.ERROR, {"outcome": "unexpected", **_about(error)}
    return _Entry(level, {**told, **how, "seconds": round(time.monotonic() - begun, 3)})


def _receive_count(record: Mapping[str, Any]) -> str | None:
    attributes = record.get("attributes")
    return attributes.get("ApproximateReceiveCount") if isinstance(attributes, dict) else None


def _about(error: Exception) -> dict[str, Any]:
    kind = type(error).__name__
    if isinstance(error, MessageError):
        # Its sentence quotes the message, which is no matter for the log: the dead-letter queue keeps it.
        return {"error": kind, "detail": "the message can't be read: look at its body in the dead-letter queue"}
    if isinstance(error, KomorebiError):
        return {"error": kind, "detail": str(error)}
    # An unforeseen text may quote anything; where it was raised says as much.
    places = [
        f"{PurePath(frame.filename).name}:{frame.lineno} {frame.name}" for frame in extract_tb(error.__traceback__)
    ]
    return {"error": kind, "raisedAt": places[-5:]}
