"""S3 in memory, as far as a publication uses it: conditions, versions, delete markers, tags, locks, uploads in parts.

Every request is whole: it happens or it doesn't. `before` is called ahead of each one.
"""

from __future__ import annotations

import hashlib
import io
import itertools
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from aws_fixtures import client_error

if TYPE_CHECKING:
    from collections.abc import Callable

_NAMES = (
    "ContentType",
    "CacheControl",
    "ContentDisposition",
    "ContentEncoding",
    "ContentLanguage",
    "Expires",
    "WebsiteRedirectLocation",
    "StorageClass",
    "ServerSideEncryption",
    "SSEKMSKeyId",
    "BucketKeyEnabled",
    "Metadata",
)


@dataclass(slots=True)
class Version:
    """One version of an object, or a delete marker."""

    version_id: str
    body: bytes = b""
    properties: dict[str, Any] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    is_marker: bool = False
    is_locked: bool = False
    parts: int = 0

    @property
    def etag(self) -> str:
        """As S3 makes it of content that no KMS key encrypts."""
        digest = hashlib.md5(self.body, usedforsecurity=False)
        if not self.parts:
            return f'"{digest.hexdigest()}"'
        return f'"{hashlib.md5(digest.digest(), usedforsecurity=False).hexdigest()}-{self.parts}"'


class FakeS3:
    """One bucket in memory, and the client that speaks to it.

    Attributes:
        keeps_versions: whether the bucket has versions.
        locks: whether each new version is locked.
        versions: by key, the oldest first.
        before: called before each request, with its operation and key.
    """

    def __init__(self, *, keeps_versions: bool = False, locks: bool = False) -> None:
        self.keeps_versions = keeps_versions or locks
        self.locks = locks
        self.versions: dict[str, list[Version]] = {}
        self.uploads: dict[str, tuple[str, dict[str, Any], dict[int, bytes]]] = {}
        self.before: Callable[[str, str], None] = lambda _operation, _key: None
        self._numbers = itertools.count(1)

    def present(self, key: str) -> Version | None:
        """The version that a plain request gets."""
        some = self.versions.get(key)
        return None if not some or some[-1].is_marker else some[-1]

    def content(self) -> dict[str, bytes]:
        """All visible objects."""
        return {key: found.body for key in self.versions if (found := self.present(key)) is not None}

    def runs(self) -> dict[str, str]:
        """The run ID of each visible object, by its name."""
        found = {key: self.present(key) for key in self.versions}
        return {
            key.rpartition("/")[2]: one.properties.get("Metadata", {}).get("komorebi-run", "")
            for key, one in found.items()
            if one is not None
        }

    # Requests, by their names and arguments in boto3.

    def get_paginator(self, name: str) -> FakeS3:
        """Of the uploads alone."""
        assert name == "list_multipart_uploads"
        return self

    def paginate(self, *, Prefix: str, **_: Any) -> list[dict[str, Any]]:  # noqa: N803
        """The uploads under way."""
        now = datetime.now(UTC)
        listed: list[dict[str, Any]] = [
            {"Key": key, "UploadId": i, "Initiated": now} for i, (key, _, _) in self.uploads.items()
        ]
        return [{"Uploads": [one for one in listed if one["Key"].startswith(Prefix)]}]

    def head_object(self, *, Key: str, **_: Any) -> dict[str, Any]:  # noqa: N803
        """Properties alone."""
        self.before("head", Key)
        found = self.present(Key)
        if found is None:
            raise client_error("404", 404, "HeadObject")
        return self._described(found)

    def get_object(self, *, Key: str, **_: Any) -> dict[str, Any]:  # noqa: N803
        """Properties and content."""
        self.before("get", Key)
        found = self.present(Key)
        if found is None:
            raise client_error("NoSuchKey", 404, "GetObject")
        return {**self._described(found), "Body": io.BytesIO(found.body)}

    def get_object_tagging(self, *, Key: str, **_: Any) -> dict[str, Any]:  # noqa: N803
        """The tags."""
        found = self.present(Key)
        assert found is not None
        return {"TagSet": [{"Key": key, "Value": value} for key, value in found.tags.items()]}

    def put_object(self, *, Key: str, Body: bytes, **arguments: Any) -> dict[str, Any]:  # noqa: N803
        """In one request."""
        self.before("put", Key)
        self._check(Key, arguments)
        return self._written(Key, Body, arguments)

    def delete_object(self, *, Key: str, VersionId: str = "", **arguments: Any) -> dict[str, Any]:  # noqa: N803
        """A version, or the present object."""
        self.before("delete", Key)
        some = self.versions.get(Key, [])
        if VersionId:
            if any(one.version_id == VersionId and one.is_locked for one in some):
                raise client_error("AccessDenied", 403, "DeleteObject")
            self.versions[Key] = [one for one in some if one.version_id != VersionId]
            return {}
        self._check(Key, arguments)
        if self.keeps_versions:
            self.versions.setdefault(Key, []).append(Version(self._new_version_id(), is_marker=True))
        else:
            self.versions.pop(Key, None)
        return {}

    def create_multipart_upload(self, *, Key: str, **arguments: Any) -> dict[str, Any]:  # noqa: N803
        """Hidden until it is completed."""
        self.before("create", Key)
        upload_id = f"upload-{next(self._numbers)}"
        self.uploads[upload_id] = (Key, arguments, {})
        return {"UploadId": upload_id}

    def upload_part(self, *, UploadId: str, PartNumber: int, Body: bytes, **_: Any) -> dict[str, Any]:  # noqa: N803
        """One part."""
        if UploadId not in self.uploads:
            raise client_error("NoSuchUpload", 404, "UploadPart")
        self.uploads[UploadId][2][PartNumber] = bytes(Body)
        return {"ETag": f'"{PartNumber}"'}

    def complete_multipart_upload(self, *, Key: str, UploadId: str, **arguments: Any) -> dict[str, Any]:  # noqa: N803
        """Show it."""
        self.before("complete", Key)
        if UploadId not in self.uploads:
            raise client_error("NoSuchUpload", 404, "CompleteMultipartUpload")
        self._check(Key, arguments)
        key, properties, parts = self.uploads.pop(UploadId)
        assert key == Key
        return self._written(Key, b"".join(parts[n] for n in sorted(parts)), properties, len(parts))

    def abort_multipart_upload(self, *, UploadId: str, **_: Any) -> None:  # noqa: N803
        """Drop its parts."""
        self.before("abort", "")
        self.uploads.pop(UploadId, None)

    def _check(self, key: str, arguments: dict[str, Any]) -> None:
        found = self.present(key)
        if arguments.get("IfNoneMatch") == "*" and found is not None:
            raise client_error("PreconditionFailed", 412, "PutObject")
        if (wanted := arguments.get("IfMatch")) is not None:
            if found is None:
                raise client_error("NoSuchKey", 404, "PutObject")
            if wanted != found.etag:
                raise client_error("PreconditionFailed", 412, "PutObject")

    def _written(self, key: str, body: bytes, arguments: dict[str, Any], parts: int = 0) -> dict[str, Any]:
        properties = {name: arguments[name] for name in _NAMES if name in arguments}
        tags = dict(parse_qsl(arguments.get("Tagging", "")))
        version_id = self._new_version_id() if self.keeps_versions else ""
        new = Version(version_id, bytes(body), properties, tags, is_locked=self.locks, parts=parts)
        if self.keeps_versions:
            self.versions.setdefault(key, []).append(new)
        else:
            self.versions[key] = [new]
        return {"ETag": new.etag, **({"VersionId": version_id} if version_id else {})}

    def _new_version_id(self) -> str:
        return f"version-{next(self._numbers)}"

    def _described(self, found: Version) -> dict[str, Any]:
        more: dict[str, Any] = {"VersionId": found.version_id} if found.version_id else {}
        if found.tags:
            more["TagCount"] = len(found.tags)
        return {**found.properties, "ETag": found.etag, "ContentLength": len(found.body), **more}
