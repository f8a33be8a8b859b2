"""The recordings of the table by date."""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, Any

from komorebi_qc.batch.manifest.call_ends import call_end_of
from komorebi_qc.batch.manifest.items import Item, Listing, RejectedRow
from komorebi_qc.core.errors import InputError
from komorebi_qc.core.recording import check_recording_id
from komorebi_qc.storage.aws_errors import aws_errors

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date


def read_table(
    client: Any,
    name: str,
    first: date,
    last: date,
    *,
    call_end_attribute: str,
    call_ends: Mapping[str, str | RejectedRow] | None = None,
) -> Listing:
    """All items whose ``creationDate`` is from `first` to `last`, both included.

    The table is scanned, because its key is the recording's ID.

    Args:
        client: a DynamoDB client.
        name: the table's name.
        first: the first day.
        last: the last day.
        call_end_attribute: the attribute with the reported call end.
        call_ends: call ends by ID, which replace those of the items.

    Raises:
        InputError: `last` is before `first`.
        StorageError: The table doesn't answer.
        AccessDeniedError: The table refuses access, or doesn't exist.
    """
    if last < first:
        raise InputError(f"the dates run from {first} back to {last}: give the earlier one to --from")
    items: list[tuple[str, str, Item]] = []
    rejected: list[RejectedRow] = []
    query = {
        "TableName": name,
        "FilterExpression": "creationDate BETWEEN :first AND :last",
        "ExpressionAttributeValues": {":first": {"S": f"{first} 00:00:00"}, ":last": {"S": f"{last} 23:59:59"}},
        "ProjectionExpression": "videoID, creationDate, #end, #browser",
        "ExpressionAttributeNames": {"#end": call_end_attribute, "#browser": "browser"},
    }
    with aws_errors(f"table {name}"):
        for page in client.get_paginator("scan").paginate(**query):
            for found in page["Items"]:
                plain = {key: attribute_text(typed) for key, typed in found.items()}
                # Without the dates: the same item has the same place in every query.
                place = f"table {name}:{plain.get('videoID', '?')[:140]}"
                try:
                    recording_id = check_recording_id(plain.get("videoID"))
                    call_end = call_end_of(call_ends, recording_id, plain.get(call_end_attribute, ""))
                except InputError as error:
                    rejected.append(RejectedRow(place, str(error), type(error).__name__))
                    continue
                item = Item(recording_id, "id", place, call_end=call_end, browser=plain.get("browser", ""))
                items.append((plain.get("creationDate", ""), recording_id, item))
    # A scan has no order. In the order of days, few days are written at a time.
    items.sort(key=itemgetter(0, 1))
    return Listing(f"table {name} {first} to {last}", tuple(item for *_, item in items), tuple(rejected))


def attribute_text(typed: Mapping[str, Any]) -> str:
    """An attribute of a table's item as text; empty if it is null."""
    kind, value = next(iter(typed.items()))
    return "" if kind == "NULL" else str(value).strip()
