"""The table ``Recording`` in DynamoDB. Only changed attributes are written.

The rights it needs: ``dynamodb:GetItem`` and ``dynamodb:UpdateItem`` on the table.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from komorebi_qc.core.errors import UnknownRecordingError
from komorebi_qc.core.recording import CORRECTION_ATTRIBUTE, FURTHER_ATTRIBUTE, Recording, check_recording_id
from komorebi_qc.storage.aws_errors import aws_errors, error_code

if TYPE_CHECKING:
    from collections.abc import Mapping

_READ = (
    "videoID", "agentID", "creationDate", "isProcessed", "outputContainer", "qcInputsFingerprint", "qcInputs",
    "qcRunId", CORRECTION_ATTRIBUTE, FURTHER_ATTRIBUTE,
)  # fmt: skip
"""The attributes that `DynamoTable.get` asks for; ``qcInputs`` is the old name of ``qcInputsFingerprint``."""


@dataclass(frozen=True, slots=True)
class DynamoTable:
    """The table ``Recording`` in DynamoDB (`komorebi_qc.storage.protocols.RecordingsTable`).

    Attributes:
        client: boto3's low-level ``dynamodb`` client.
        name: of the table.
    """

    client: Any
    name: str

    def get(self, recording_id: str) -> Recording:
        """Read one item, with a consistent read.

        Raises:
            MessageError: `recording_id` is malformed.
            UnknownRecordingError: there is no item, or it lacks an attribute that the keys need.
            StorageError: the table doesn't answer.
            AccessDeniedError: the table refuses access or doesn't exist.
        """
        key = {"videoID": {"S": check_recording_id(recording_id)}}
        with aws_errors(f"table {self.name}"):
            answer = self.client.get_item(
                TableName=self.name,
                Key=key,
                ConsistentRead=True,
                ProjectionExpression=", ".join(_READ),
            )
        if "Item" not in answer:
            raise UnknownRecordingError(
                f"table {self.name} has no item with videoID {recording_id}: check the ID and the table's name"
            )
        return Recording.from_item({name: _plain(typed) for name, typed in answer["Item"].items()})

    def text(self, recording_id: str, attribute: str) -> str:
        """One attribute of an item as text; empty if the item or the attribute is missing, or null.

        Raises:
            MessageError: `recording_id` is malformed.
            StorageError: the table doesn't respond.
            AccessDeniedError: the table denies access or doesn't exist.
        """
        key = {"videoID": {"S": check_recording_id(recording_id)}}
        with aws_errors(f"table {self.name}"):
            answer = self.client.get_item(
                TableName=self.name,
                Key=key,
                ConsistentRead=True,
                ProjectionExpression="#attribute",
                ExpressionAttributeNames={"#attribute": attribute},
            )
        kind, value = next(iter(answer.get("Item", {}).get(attribute, {"NULL": True}).items()))
        return "" if kind == "NULL" else str(value).strip()

    def own_attributes(self, recording_id: str) -> dict[str, Any]:
        """Return this package's attributes of an item: ``isProcessed``, ``outputContainer`` and all that begin ``qc``.

        Raises:
            MessageError: `recording_id` is malformed.
            StorageError: the table doesn't answer.
            AccessDeniedError: the table refuses access or doesn't exist.
        """
        key = {"videoID": {"S": check_recording_id(recording_id)}}
        with aws_errors(f"table {self.name}"):
            item = self.client.get_item(TableName=self.name, Key=key, ConsistentRead=True).get("Item", {})
        plain = {name: next(iter(typed.items())) for name, typed in item.items()}
        return {
            name: float(value) if kind == "N" else value
            for name, (kind, value) in sorted(plain.items())
            if name in ("isProcessed", "outputContainer") or name.startswith("qc")
        }

    def mark_processed(
        self,
        recording: Recording,
        attributes: Mapping[str, str | int | float | bool | None],
        *,
        replaces: str | None = None,
    ) -> bool:
        """Set ``isProcessed`` and `attributes`: see `komorebi_qc.storage.protocols.RecordingsTable`.

        Raises:
            ValueError: an attribute is the key, ``isProcessed`` itself, or not finite.
            UnknownRecordingError: the item was deleted meanwhile.
            StorageError: the table doesn't answer.
            AccessDeniedError: the table refuses access or doesn't exist.
        """
        if taken := {"videoID", "isProcessed"} & attributes.keys():
            raise ValueError(f"{' and '.join(sorted(taken))} can't be set as attributes")
        # Names are placeholders: DynamoDB reserves some 570 words, such as `name` and `duration`.
        names = {"#processed": "isProcessed", **{f"#n{i}": name for i, name in enumerate(attributes)}}
        given = {i: value for i, value in enumerate(attributes.values()) if value is not None}
        values = {":true": {"BOOL": True}, **{f":v{i}": _typed(value) for i, value in given.items()}}
        sets = ", ".join(["#processed = :true", *(f"#n{i} = :v{i}" for i in given)])
        removed = ", ".join(f"#n{i}" for i in range(len(attributes)) if i not in given)
        conditions = ["attribute_exists(videoID)"]
        names["#correction"] = CORRECTION_ATTRIBUTE
        conditions.append("#correction = :correction" if recording.correction else "attribute_not_exists(#correction)")
        if recording.correction:
            values[":correction"] = _typed(recording.correction)
        if replaces is not None:
            names["#run"] = "qcRunId"
            conditions.append("#run = :run" if replaces else "attribute_not_exists(#run)")
        if replaces:
            values[":run"] = _typed(replaces)
        with aws_errors(f"table {self.name}"):
            try:
                self.client.update_item(
                    TableName=self.name,
                    Key={"videoID": {"S": recording.recording_id}},
                    UpdateExpression=f"SET {sets} REMOVE {removed}" if removed else f"SET {sets}",
                    ConditionExpression=" AND ".join(conditions),
                    ExpressionAttributeNames=names,
                    ExpressionAttributeValues=values,
                )
            except Exception as error:
                if error_code(error) != "ConditionalCheckFailedException":
                    raise
                return self._marked_by(recording.recording_id) == attributes.get("qcRunId")
        return True

    def _marked_by(self, recording_id: str) -> str:
        """The run ID of an item that didn't meet a condition.

        It is the caller's own if an answer was lost: botocore repeats the request, and the item is changed already.

        Raises:
            UnknownRecordingError: the item was deleted meanwhile.
        """
        key = {"videoID": {"S": recording_id}}
        answer = self.client.get_item(
            TableName=self.name, Key=key, ConsistentRead=True, ProjectionExpression="videoID, qcRunId"
        )
        if "Item" not in answer:
            raise UnknownRecordingError(
                f"the item of recording {recording_id} was deleted from table {self.name} during processing: the "
                "result is in its bucket, but no item refers to it"
            )
        return str(answer["Item"].get("qcRunId", {}).get("S", ""))

    def clear_results(self, recording_id: str) -> None:
        """Remove this package's attributes of an item, and set ``isProcessed`` back to false; the rest stays.

        Raises:
            MessageError: `recording_id` is malformed.
            StorageError: the table doesn't answer.
            AccessDeniedError: the table refuses access or doesn't exist.
        """
        own = self.own_attributes(recording_id)
        removed = [name for name in own if name != "isProcessed"]
        names = {f"#n{i}": name for i, name in enumerate(removed)}
        parts = [f"REMOVE {', '.join(names)}"] if removed else []
        more: dict[str, Any] = {}
        if own.get("isProcessed") not in (None, False):
            parts.append("SET #processed = :false")
            names["#processed"], more = "isProcessed", {"ExpressionAttributeValues": {":false": {"BOOL": False}}}
        if not parts:
            return
        with aws_errors(f"table {self.name}"):
            try:
                self.client.update_item(
                    TableName=self.name,
                    Key={"videoID": {"S": recording_id}},
                    UpdateExpression=" ".join(parts),
                    ConditionExpression="attribute_exists(videoID)",  # an update would make an item again
                    ExpressionAttributeNames=names,
                    **more,
                )
            except Exception as error:
                if error_code(error) != "ConditionalCheckFailedException":
                    raise


def _typed(value: str | float | bool) -> dict[str, Any]:  # noqa: FBT001  a value of the table, not a switch
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, str):
        return {"S": value}
    if not math.isfinite(value):
        raise ValueError(f"{value} isn't a number for DynamoDB")
    return {"N": format(Decimal(repr(value)), "f")}


def _plain(typed: Mapping[str, Any]) -> Any:
    """A value without the names of its types; numbers stay texts."""
    kind, value = next(iter(typed.items()))
    return [_plain(one) for one in value] if kind == "L" else value
