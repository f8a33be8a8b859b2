"""A dead letter: a message that no further try can help, with the reason beside it for whoever looks. Pure.

The body stays what it was, so that a redrive is nothing but sending it again; the reason lies in message attributes.
A letter that SQS itself moved, after a crash or a time-out each time, has none; where it bears one all the same, that
is of an earlier failure, after which SQS's own redrive sent it again with all its attributes.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, cast

if TYPE_CHECKING:
    from collections.abc import Mapping

Kind = Literal["permanent", "tries", "unknown"]
PREFIX = "komorebi"
_LONGEST = 1000
_LONGEST_ID = 128
NO_REASON = (
    "no reason was written: the function crashed, ran out of memory or was ended on each try. Look for the message ID "
    "in the function's log"
)


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that was set aside.

    Attributes:
        body: as it came.
        kind: ``permanent``: trying again can't help; ``tries``: all tries are used up; ``unknown``: SQS moved it.
        error: the error's class.
        reason: the error's sentence.
        recording_id: where the body could be read.
        message_id: of the message that failed, for the log.
        request_id: of the invocation that set it aside.
        receive_count: how often it had been tried.
        failed_at: when it was set aside; for a letter without a reason, when it was first sent.
    """

    body: str
    kind: Kind
    error: str
    reason: str
    recording_id: str
    message_id: str
    request_id: str
    receive_count: int
    failed_at: datetime

    def attributes(self) -> dict[str, dict[str, str]]:
        """As SQS takes them."""
        texts = {
            "Kind": self.kind,
            "Error": self.error,
            "Reason": _plain(self.reason),
            "RecordingID": self.recording_id,
            "MessageID": self.message_id,
            "RequestID": self.request_id,
            "FailedAt": self.failed_at.astimezone(UTC).isoformat(timespec="seconds"),
        }
        told = {PREFIX + name: {"DataType": "String", "StringValue": text} for name, text in texts.items() if text}
        told[PREFIX + "ReceiveCount"] = {"DataType": "Number", "StringValue": str(self.receive_count)}
        return told

    @classmethod
    def from_message(cls, message: Mapping[str, Any]) -> DeadLetter:
        """Read a message as SQS gives it, with or without our attributes."""
        system = message.get("Attributes", {})
        ours = {} if "DeadLetterQueueSourceArn" in system else message.get("MessageAttributes", {})
        told = {
            name.removeprefix(PREFIX): str(value.get("StringValue", ""))
            for name, value in ours.items()
            if name.startswith(PREFIX)
        }
        kind = told.get("Kind")
        sent = datetime.fromtimestamp(_number(system.get("SentTimestamp")) / 1000, UTC)
        return cls(
            body=str(message.get("Body", "")),
            kind=cast("Kind", kind) if kind in ("permanent", "tries") else "unknown",
            error=told.get("Error", ""),
            reason=told.get("Reason", "") or NO_REASON,
            recording_id=_shown_id(told.get("RecordingID")) or _recording_id(str(message.get("Body", ""))),
            message_id=told.get("MessageID", "") or str(message.get("MessageId", "")),
            request_id=told.get("RequestID", ""),
            receive_count=_number(told.get("ReceiveCount")),
            failed_at=_when(told.get("FailedAt"), sent),
        )


def _plain(text: str) -> str:
    """What SQS takes in an attribute: no control characters, and not too long."""
    kept = "".join(c if c.isprintable() else " " for c in text)
    return kept if len(kept) <= _LONGEST else kept[: _LONGEST - 3] + "..."


def _number(text: object) -> int:
    return int(str(text)) if str(text).isascii() and str(text).isdigit() else 0


def _when(text: str | None, otherwise: datetime) -> datetime:
    try:
        found = datetime.fromisoformat(text or "")
    except ValueError:
        return otherwise
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def _recording_id(body: str) -> str:
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    return _shown_id(content.get("recordingID") if isinstance(content, dict) else None)


def _shown_id(found: object) -> str:
    """An ID fit to be shown: whoever may send a message must not reach an operator's terminal with it."""
    is_fit = isinstance(found, str) and len(found) <= _LONGEST_ID and found.isascii() and found.isprintable()
    return str(found) if is_fit else ""
