"""The join of a recording's halves in DynamoDB: which have come, and which event processes them.

Each write is conditional or repeats itself without harm, so that events may come in any order, twice, and at once. An
entry expires by itself (attribute ``expires``, DynamoDB's time to live).

The rights it needs: ``dynamodb:UpdateItem`` on the table, and ``dynamodb:Scan`` for a sweep.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from komorebi_qc.core.contact.events import HALVES
from komorebi_qc.storage.aws_errors import aws_errors, error_code

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from komorebi_qc.core.contact.events import Half

KEPT = timedelta(days=14)
"""As long as SQS keeps a message at most: a later copy of an event still finds its entry."""

SWEEP = "sweep"
"""The name under which a sweep claims a recording."""


@dataclass(frozen=True, slots=True)
class Joined:
    """The state of a recording after an arrival.

    Attributes:
        missing: the halves that haven't come.
        is_ours: whether this event has to process the recording; False while a half is missing, and for a recording
            that another event processes.
    """

    missing: tuple[str, ...]
    is_ours: bool


@dataclass(frozen=True, slots=True)
class DynamoJoin:
    """The table of the join, key ``recordingID``.

    Attributes:
        client: boto3's low-level ``dynamodb`` client.
        name: of the table.
        now: returns the current time, with its time zone.
    """

    client: Any
    name: str
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))

    def arrive(self, recording_id: str, half: Half, event_id: str, call_began: str = "") -> Joined:
        """Note an arrival; the event that completes the recording claims it.

        A later delivery of the same event claims it again: its first attempt may have failed. An event of another call
        audio of a complete recording is used as well: the first one may have been of the automated interaction
        (IVR), or of another agent. A run skips it if the chosen files are the same.

        Args:
            recording_id: the recording.
            half: which half came.
            event_id: the event's ID.
            call_began: the start in the call audio's name; empty for other halves.

        Raises:
            StorageError: the table doesn't answer.
            AccessDeniedError: it refuses access or doesn't exist.
        """
        now = self.now()
        names = {"#half": half, "#first": "firstAt", "#expires": "expires", "#began": "callBegan"}
        values = {
            ":event": {"S": event_id},
            ":now": {"N": str(int(now.timestamp()))},
            ":expires": {"N": str(int((now + KEPT).timestamp()))},
            ":began": {"S": call_began},
        }
        began = ", #began = if_not_exists(#began, :began)"
        if not call_began:
            del names["#began"], values[":began"]
            began = ""
        with aws_errors(f"table {self.name}"):
            answer = self.client.update_item(
                TableName=self.name,
                Key={"recordingID": {"S": recording_id}},
                UpdateExpression=(
                    "SET #half = if_not_exists(#half, :event), #first = if_not_exists(#first, :now), "
                    f"#expires = if_not_exists(#expires, :expires){began}"
                ),
                ExpressionAttributeNames=names,
                ExpressionAttributeValues=values,
                ReturnValues="ALL_NEW",
            )
        missing = tuple(name for name in HALVES if name not in answer["Attributes"])
        is_another_call = bool(call_began) and answer["Attributes"]["callBegan"]["S"] != call_began
        return Joined(missing, not missing and (is_another_call or self.claim(recording_id, event_id)))

    def claim(self, recording_id: str, event_id: str) -> bool:
        """Claim a recording for an event; False if another event has it. A sweep's claim gives way to a late half.

        Raises:
            StorageError: the table doesn't answer.
            AccessDeniedError: it refuses access or doesn't exist.
        """
        with aws_errors(f"table {self.name}"):
            try:
                self.client.update_item(
                    TableName=self.name,
                    Key={"recordingID": {"S": recording_id}},
                    UpdateExpression="SET #claimed = :event",
                    ConditionExpression=(
                        "attribute_exists(recordingID) AND "
                        "(attribute_not_exists(#claimed) OR #claimed IN (:event, :swept))"
                    ),
                    ExpressionAttributeNames={"#claimed": "claimedBy"},
                    ExpressionAttributeValues={":event": {"S": event_id}, ":swept": {"S": SWEEP}},
                )
            except Exception as error:
                if error_code(error) != "ConditionalCheckFailedException":
                    raise
                return False
        return True

    def incomplete(self, older_than: timedelta) -> Iterator[str]:
        """Recordings that nobody has claimed, whose first event is older than a time.

        Raises:
            StorageError: the table doesn't answer.
            AccessDeniedError: it refuses access or doesn't exist.
        """
        before = int((self.now() - older_than).timestamp())
        with aws_errors(f"table {self.name}"):
            pages = self.client.get_paginator("scan").paginate(
                TableName=self.name,
                FilterExpression="attribute_not_exists(#claimed) AND #first < :before",
                ExpressionAttributeNames={"#claimed": "claimedBy", "#first": "firstAt"},
                ExpressionAttributeValues={":before": {"N": str(before)}},
                ConsistentRead=True,
            )
            for page in pages:
                for item in page["Items"]:
                    yield str(item["recordingID"]["S"])
