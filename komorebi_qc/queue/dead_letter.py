"""A dead letter: a message that a retry can't help, with the reason in its attributes. Pure.

The body keeps the fields of a message, so that a redrive only has to send it again. Other fields are dropped: a sender
may have added an agent's or a customer's name. A message that SQS itself moved, after a crash or a timeout each time,
keeps its whole body and has no reason. If it has one anyway, the reason is of an earlier failure: SQS's own redrive
sends a message again with all its attributes.

A held recording is a dead letter of its own kind. It didn't fail: an operator decides whether it is published.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, cast

from komorebi_qc.core.recording import MESSAGE_FIELDS

if TYPE_CHECKING:
    from collections.abc import Mapping

Kind = Literal["permanent", "tries", "held", "unknown"]
Candidates = tuple[tuple[float, float], ...]
PREFIX = "komorebi"
_LONGEST = 1000
_LONGEST_ID = 128
_MOST_CANDIDATES = 10
"""In one attribute: about 500 characters."""
NO_REASON = (
    "no reason was recorded: on each attempt the function crashed, ran out of memory or was ended. Search its log for "
    "the message ID"
)


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message in the dead-letter queue.

    Attributes:
        body: as it was sent, or its fields of a message.
        kind: ``permanent``: a retry can't help; ``tries``: all attempts are used up; ``held``: an operator decides
            whether to publish; ``unknown``: SQS moved it.
        error: the error's class.
        reason: the error's sentence.
        recording_id: empty if the body can't be read.
        message_id: of the message that failed, to search the log for.
        request_id: of the invocation that sent it to the dead-letter queue.
        receive_count: how often the message had been delivered.
        failed_at: when it was sent to the dead-letter queue; without a reason, when the message was first sent.
        candidates: of a held recording, possible offsets in seconds and their probabilities, the most probable first.
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
    candidates: Candidates = ()

    @property
    def is_held(self) -> bool:
        """Whether an operator decides about it."""
        return self.kind == "held"

    def attributes(self) -> dict[str, dict[str, str]]:
        """The message attributes, as SQS takes them."""
        texts = {
            "Kind": self.kind,
            "Error": self.error,
            "Reason": _plain(self.reason),
            "RecordingID": self.recording_id,
            "MessageID": self.message_id,
            "RequestID": self.request_id,
            "FailedAt": self.failed_at.astimezone(UTC).isoformat(timespec="seconds"),
            "Candidates": _candidates_json(self.candidates),
        }
        found = {PREFIX + name: {"DataType": "String", "StringValue": text} for name, text in texts.items() if text}
        found[PREFIX + "ReceiveCount"] = {"DataType": "Number", "StringValue": str(self.receive_count)}
        return found

    def to_dict(self) -> dict[str, Any]:
        """The dead letter for JSON, without its body; that of a held recording has its candidates."""
        found: dict[str, Any] = {
            "recording_id": self.recording_id,
            "kind": self.kind,
            "error": self.error,
            "reason": self.reason,
            "failed_at": self.failed_at.isoformat(timespec="seconds"),
            "receive_count": self.receive_count,
            "message_id": self.message_id,
            "request_id": self.request_id,
        }
        if self.is_held:
            found["candidates"] = _candidate_dicts(self.candidates)
        return found

    @classmethod
    def from_message(cls, message: Mapping[str, Any]) -> DeadLetter:
        """Read a message as SQS returns it, with or without this package's attributes."""
        system = message.get("Attributes", {})
        ours = {} if "DeadLetterQueueSourceArn" in system else message.get("MessageAttributes", {})
        texts = {
            name.removeprefix(PREFIX): str(value.get("StringValue", ""))
            for name, value in ours.items()
            if name.startswith(PREFIX)
        }
        kind = texts.get("Kind")
        sent = datetime.fromtimestamp(_number(system.get("SentTimestamp")) / 1000, UTC)
        return cls(
            body=str(message.get("Body", "")),
            kind=cast("Kind", kind) if kind in ("permanent", "tries", "held") else "unknown",
            error=texts.get("Error", ""),
            reason=texts.get("Reason", "") or NO_REASON,
            recording_id=_shown_id(texts.get("RecordingID")) or _recording_id(str(message.get("Body", ""))),
            message_id=texts.get("MessageID", "") or str(message.get("MessageId", "")),
            request_id=texts.get("RequestID", ""),
            receive_count=_number(texts.get("ReceiveCount")),
            failed_at=_when(texts.get("FailedAt"), sent),
            candidates=_read_candidates(texts.get("Candidates", "")),
        )


def message_fields(body: str) -> str:
    """Return a body with the fields of a message only.

    A text that isn't a JSON object stays as it is: nothing else shows an operator what was sent.
    """
    try:
        content = json.loads(body)
        if not isinstance(content, dict) or content.keys() <= set(MESSAGE_FIELDS):
            return body
        return json.dumps({name: content[name] for name in MESSAGE_FIELDS if name in content})
    except (ValueError, RecursionError):
        return body


def _plain(text: str) -> str:
    """A text that SQS takes in an attribute: without control characters, and not too long."""
    kept = "".join(c if c.isprintable() else " " for c in text)
    return kept if len(kept) <= _LONGEST else kept[: _LONGEST - 3] + "..."


def _candidate_dicts(candidates: Candidates) -> list[dict[str, float]]:
    return [
        {"offset_s": round(offset_s, 4), "probability": round(probability, 4)} for offset_s, probability in candidates
    ]


def _candidates_json(candidates: Candidates) -> str:
    """The first candidates as JSON; empty without candidates."""
    return json.dumps(_candidate_dicts(candidates[:_MOST_CANDIDATES])) if candidates else ""


def _read_candidates(text: str) -> Candidates:
    """The candidates of an attribute; empty if another program wrote something else into it."""
    try:
        found = json.loads(text) if len(text) <= _LONGEST else []
        pairs = [(float(one["offset_s"]), float(one["probability"])) for one in found[:_MOST_CANDIDATES]]
    except (ValueError, TypeError, KeyError, RecursionError, OverflowError):
        return ()
    return tuple(pair for pair in pairs if all(map(math.isfinite, pair)))


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
    """An ID that is safe to print; empty for any other. A sender's text must not control an operator's terminal."""
    is_fit = isinstance(found, str) and len(found) <= _LONGEST_ID and found.isascii() and found.isprintable()
    return str(found) if is_fit else ""
