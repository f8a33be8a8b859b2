"""A bucket that answers with checksums and remembers the order of requests."""

from __future__ import annotations

import base64
import hashlib
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from aws_fixtures import OUTPUT, RECORDING, client_error
from botocore import exceptions as aws

from komorebi_qc.storage.s3 import multipart_writer as s3_stream
from komorebi_qc.storage.s3.multipart_writer import (
    PartStream,
)
from komorebi_qc.storage.s3.publication import Upload

if TYPE_CHECKING:
    from collections.abc import Callable


KEY = RECORDING.video_key("mp4")


PART = 64 << 10


HEAD = PART + s3_stream._HEADER_BYTES


NOW = datetime(2026, 3, 3, 1, 0, tzinfo=UTC)


def in_base64(digest: bytes) -> str:
    """As S3 writes checksums."""
    return base64.b64encode(digest).decode()


class Bucket:
    """A bucket made by hand, and the client that speaks to it: it answers with checksums, and remembers the order.

    Attributes:
        objects: visible ones.
        parts: of the upload under way, by number.
        asked: each request, in the order in which they began; a part with its number.
        on_part: called within each part's request, with its number.
    """

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.parts: dict[int, bytes] = {}
        self.marks: dict[str, Any] = {}
        self.asked: list[str] = []
        self.on_part: Callable[[int], None] = lambda _: None
        self.keeps = True
        self.loses_completion = False
        self._lock = threading.Lock()

    def get_paginator(self, name: str) -> Bucket:
        """Of the multipart uploads alone."""
        assert name == "list_multipart_uploads"
        return self

    def paginate(self, **_: Any) -> list[dict[str, Any]]:
        """No upload is listed."""
        self.asked.append("list")
        return [{}]

    def create_multipart_upload(self, *, Metadata: dict[str, str], Key: str, **_: Any) -> dict[str, str]:  # noqa: N803
        """One at a time."""
        self.asked.append("create")
        self.marks[Key] = Metadata
        return {"UploadId": "upload-1"}

    def upload_part(self, *, PartNumber: int, Body: bytes, ChecksumSHA256: str, **_: Any) -> dict[str, Any]:  # noqa: N803
        """Refuse a part that doesn't match its checksum, like S3."""
        with self._lock:
            self.asked.append(f"part {PartNumber}")
        self.on_part(PartNumber)
        if ChecksumSHA256 != in_base64(hashlib.sha256(Body).digest()):
            raise client_error("BadDigest", 400, "UploadPart")
        with self._lock:
            self.parts[PartNumber] = bytes(Body) if self.keeps else b""
        etag = hashlib.md5(Body, usedforsecurity=False).hexdigest()
        return {"ETag": f'"{etag}"', "ChecksumSHA256": ChecksumSHA256}

    def complete_multipart_upload(self, *, Key: str, MultipartUpload: Any, **_: Any) -> dict[str, Any]:  # noqa: N803
        """Joins the parts, which have to come in their order."""
        self.asked.append("complete")
        numbers = [part["PartNumber"] for part in MultipartUpload["Parts"]]
        assert numbers == list(range(1, len(self.parts) + 1))
        contents = [self.parts[number] for number in numbers]
        self.objects[Key] = b"".join(contents)
        if self.loses_completion:
            raise aws.ConnectionClosedError(endpoint_url="x")
        return {"ETag": f'"e-{len(numbers)}"', "VersionId": "version-1"}

    def abort_multipart_upload(self, **_: Any) -> None:
        """As often as one likes."""
        self.asked.append("abort")
        self.parts.clear()

    def put_object(self, *, Key: str, Body: bytes, Metadata: dict[str, str], **_: Any) -> dict[str, Any]:  # noqa: N803
        """In one request."""
        self.asked.append("put")
        self.objects[Key], self.marks[Key] = Body, Metadata
        return {"ETag": '"e-put"', "VersionId": "version-put"}

    def head_object(self, *, Key: str, **_: Any) -> dict[str, Any]:  # noqa: N803
        """The mark of the publication."""
        if Key not in self.objects:
            raise client_error("404", 404, "HeadObject")
        return {"Metadata": self.marks[Key]}

    def delete_object(self, *, Key: str, **_: Any) -> None:  # noqa: N803
        """Gone."""
        del self.objects[Key]


def an_upload(client: Any, check_cancelled: Callable[[], None] = lambda: None) -> Upload:
    """One publication."""
    return Upload(client, OUTPUT, "mark-1", check_cancelled)


def a_stream(
    client: Any, check_cancelled: Callable[[], None] = lambda: None, *, head_bytes: int = PART, part_bytes: int = PART
) -> PartStream:
    """A stream of small parts: its first has `HEAD` bytes, the others `PART`."""
    return PartStream(
        an_upload(client, check_cancelled),
        KEY,
        "video/mp4",
        head_bytes=head_bytes,
        part_bytes=part_bytes,
        now=lambda: NOW,
    )
