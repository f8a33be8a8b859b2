"""Multipart uploads that killed runs left behind."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from komorebi_qc.core.errors import AccessDeniedError
from komorebi_qc.storage.aws_errors import aws_errors

if TYPE_CHECKING:
    from komorebi_qc.storage.s3.publication import Upload

STALE_AFTER = timedelta(days=1)
"""An older upload belongs to no running process.

A Lambda ends after 15 minutes, and no message stays with one worker for over 12 hours. At a desk, the longest recording
may take most of a day over a slow line.
"""


def clear_stale(upload: Upload, key: str, older_than: timedelta = STALE_AFTER, now: datetime | None = None) -> None:
    """Abort the multipart uploads of this exact key that began longer ago than `older_than`.

    A killed run leaves such an upload. It is invisible and costs storage. Without the right
    ``s3:ListBucketMultipartUploads`` it is left to the bucket's lifecycle rule.

    Raises:
        StorageError: the bucket doesn't answer.
    """
    begun_before = (datetime.now(UTC) if now is None else now) - older_than
    try:
        with aws_errors(upload.where(key)):
            pages = upload.client.get_paginator("list_multipart_uploads").paginate(Bucket=upload.bucket, Prefix=key)
            found = [one for page in pages for one in page.get("Uploads", ())]
    except AccessDeniedError:
        return
    for one in found:
        if one["Key"] == key and one["Initiated"] < begun_before:
            upload.abort(key, one["UploadId"])
