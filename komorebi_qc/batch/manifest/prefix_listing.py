"""The agent recordings under a prefix of the input bucket."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from komorebi_qc.batch.manifest.call_ends import call_end_of
from komorebi_qc.batch.manifest.items import Item, Listing, RejectedRow
from komorebi_qc.core.errors import InputError, MissingMediaError
from komorebi_qc.storage.aws_errors import aws_errors
from komorebi_qc.storage.object_store import split_s3

if TYPE_CHECKING:
    from collections.abc import Mapping

_RECORDING_KEY = re.compile(r"(?:.*/)?(\d{4})/(\d{2})/(\d{2})/([^/]+)/([A-Za-z0-9][A-Za-z0-9_-]{0,127})\.mp4", re.ASCII)


def read_prefix(
    client: Any, location: str, *, input_bucket: str, call_ends: Mapping[str, str | RejectedRow] | None = None
) -> Listing:
    """All agent recordings under a prefix, by their keys: ``YYYY/MM/DD/<agent>/<ID>.mp4``.

    Args:
        client: an S3 client.
        location: ``s3://bucket/prefix``.
        input_bucket: the bucket of the agent recordings.
        call_ends: call ends by ID; the others are looked up in the table's items.

    Raises:
        InputError: The location is in another bucket.
        MissingMediaError: No recording is under the prefix.
        StorageError: The bucket doesn't answer.
        AccessDeniedError: The bucket refuses access, or doesn't exist.
    """
    bucket, prefix = split_s3(location)
    if bucket != input_bucket:
        raise InputError(
            f"{location} isn't in the bucket of the agent recordings, {input_bucket} (INPUT_BUCKET_NAME): for other "
            "places, list the files in a manifest (.csv, .jsonl or .parquet)"
        )
    items: dict[str, Item] = {}
    rejected: list[RejectedRow] = []
    others = 0
    with aws_errors(f"bucket {bucket}"):
        for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            for entry in page.get("Contents", ()):
                match = _RECORDING_KEY.fullmatch(entry["Key"])
                if match is None:
                    others += 1
                    continue
                recording_id, place = match[5], f"s3://{bucket}/{entry['Key']}"
                if recording_id in items:
                    first = items[recording_id].listed_in
                    reason = f"the recording {recording_id} is also at {first}: an ID has one recording"
                    rejected.append(RejectedRow(place, reason))
                    continue
                try:
                    call_end = call_end_of(call_ends, recording_id)
                except InputError as error:
                    rejected.append(RejectedRow(place, str(error), type(error).__name__))
                    continue
                items[recording_id] = Item(recording_id, "id", place, call_end=call_end)
    found = f"{others} other object{'' if others == 1 else 's'}"
    if not items and not rejected:
        raise MissingMediaError(
            f"{location} has no agent recording of the form YYYY/MM/DD/<agent>/<ID>.mp4 ({found}): check the prefix, "
            f"such as s3://{bucket}/2026/11/24/; for days that may be empty, use --from and --until"
        )
    return Listing(location, tuple(items.values()), tuple(rejected), (found,) if others else ())
