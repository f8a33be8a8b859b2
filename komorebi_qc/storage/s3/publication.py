"""The requests of one publication to S3: each under a condition, and each with its undo.

An object is written only if it is as this run found it. So a run can't overwrite what another one wrote meanwhile, no
matter how long it was suspended. docs/operator/publication.md explains the protocol.
"""

from __future__ import annotations

import base64
import hashlib
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from komorebi_qc.core.errors import AccessDeniedError, ConcurrentRunError, KomorebiError, StorageError
from komorebi_qc.storage.aws_errors import NO_SUCH_KEY, aws_errors, error_code

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PART_BYTES = 8 << 20
"""Size of a part: 10,000 parts hold 78 GiB, 12 hours at 15 Mbit/s. S3 accepts parts from 5 MiB on."""
MAX_PARTS = 10_000
RUN = "komorebi-run"
"""The run ID in an object's metadata."""
THUMBNAIL = "komorebi-thumbnail"
"""In the metadata of the findings: ``none`` if their run published no thumbnail."""
CAPTIONS = "komorebi-captions"
"""In the metadata of the findings: ``yes`` if their run published captions, ``removed`` if an earlier run did."""
_CHANGED = ("PreconditionFailed", "412", "ConditionalRequestConflict", *NO_SUCH_KEY)
"""Answers to a write under a condition: the object isn't as it was found, or is being written."""
_NO_VERSION = ("", "null")
_PROPERTIES = (
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


@dataclass(frozen=True, slots=True)
class FoundObject:
    """An object as a request found it.

    Attributes:
        run_id: in its metadata; empty without one.
        etag: its ETag.
        version_id: in a bucket with versions; empty otherwise.
        size: in bytes.
        checksum: its SHA-256 as S3 writes it; empty if S3 keeps no such checksum.
        has_thumbnail: False for findings of a run without a thumbnail.
        has_captions: True for findings of a run with captions.
        may_leave_captions: True for findings beside which captions may be, of their own run or an earlier one.
    """

    run_id: str
    etag: str
    version_id: str
    size: int
    checksum: str
    has_thumbnail: bool
    has_captions: bool = False
    may_leave_captions: bool = False

    @classmethod
    def of(cls, answer: Mapping[str, Any]) -> FoundObject:
        """Read the answer of ``HeadObject`` or ``GetObject``."""
        metadata = answer.get("Metadata", {})
        return cls(
            str(metadata.get(RUN, "")),
            str(answer.get("ETag", "")),
            str(answer.get("VersionId", "")),
            int(answer.get("ContentLength", 0)),
            str(answer.get("ChecksumSHA256", "")),
            metadata.get(THUMBNAIL) != "none",
            metadata.get(CAPTIONS) == "yes",
            CAPTIONS in metadata,
        )


@dataclass(frozen=True, slots=True)
class ObjectBackup:
    """An object before its replacement: its content and its properties, as ``PutObject`` takes them."""

    found: FoundObject
    body: bytes
    properties: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Upload:
    """The requests of one publication.

    Attributes:
        client: boto3's ``s3`` client.
        bucket: the output bucket.
        run_id: the run, in the metadata of its objects.
        check_cancelled: called between two parts.
        left: requests that couldn't be undone.
        found: by key, the object that is to be replaced; None for no object. Without an entry there is no condition.
        written: by key, the version that this publication wrote; empty in a bucket without versions.
    """

    client: Any
    bucket: str
    run_id: str
    check_cancelled: Callable[[], None]
    left: list[str] = field(default_factory=list)
    found: dict[str, FoundObject | None] = field(default_factory=dict)
    written: dict[str, str] = field(default_factory=dict)

    def begin(self, key: str, content_type: str) -> str:
        """Begin a multipart upload, and return its ID. It is invisible until it is completed; `abort` undoes it.

        If the answer is lost, an upload without parts may stay, at no cost. A listing doesn't show its owner, so it may
        belong to another run of the same recording. It is cleared like a killed run's upload.
        """
        with aws_errors(self.where(key)):
            answer = self.client.create_multipart_upload(
                Bucket=self.bucket,
                Key=key,
                ContentType=content_type,
                Metadata={RUN: self.run_id},
                ChecksumAlgorithm="SHA256",
            )
        return str(answer["UploadId"])

    def put(self, key: str, content_type: str, content: bytes, **metadata: str) -> Mapping[str, Any]:
        """Write a small object in one request, if the present one is as it was found; return the answer.

        Raises:
            ConcurrentRunError: another run has written it.
            StorageError: the bucket doesn't accept it.
        """
        sha256 = base64.b64encode(hashlib.sha256(content).digest()).decode("ascii")
        return self.for_certain(
            key,
            lambda: self.client.put_object(
                Bucket=self.bucket,
                Key=key,
                Body=content,
                ContentType=content_type,
                Metadata={RUN: self.run_id, **metadata},
                ChecksumSHA256=sha256,
                **self.condition(key),
            ),
        )

    def condition(self, key: str) -> dict[str, str]:
        """Return the condition that the object is as it was found."""
        if key not in self.found:
            return {}
        found = self.found[key]
        return {"IfNoneMatch": "*"} if found is None else {"IfMatch": found.etag}

    def back_up(self, key: str) -> ObjectBackup | None:
        """Return the present object for `put_back`; None if there isn't one. Writing the key depends on it from now on.

        Raises:
            StorageError: the bucket doesn't answer.
            AccessDeniedError: it refuses access.
        """
        self.found[key] = None
        with aws_errors(self.where(key)):
            try:
                answer = self.client.get_object(Bucket=self.bucket, Key=key)
            except Exception as error:
                if error_code(error) in NO_SUCH_KEY:
                    return None
                raise
            with closing(answer["Body"]) as body:
                content = body.read()
            found = FoundObject.of(answer)
            properties = {name: answer[name] for name in _PROPERTIES if answer.get(name)}
            if answer.get("TagCount"):
                tags = self.client.get_object_tagging(Bucket=self.bucket, Key=key)["TagSet"]
                properties["Tagging"] = _query(tags)
        self.found[key] = found
        return ObjectBackup(found, content, properties)

    def look(self, key: str) -> FoundObject | None:
        """Return the present object; None if there isn't one.

        Raises:
            StorageError: the bucket doesn't answer.
            AccessDeniedError: it refuses access.
        """
        with aws_errors(self.where(key)):
            try:
                answer = self.client.head_object(Bucket=self.bucket, Key=key, ChecksumMode="ENABLED")
            except Exception as error:
                if error_code(error) in NO_SUCH_KEY:
                    return None
                raise
        return FoundObject.of(answer)

    def put_back(self, key: str, backup: ObjectBackup | None) -> None:
        """Undo a write: remove this run's version, or restore the earlier object. Another run's object stays."""
        try:
            version_id, etag = self.written.pop(key, ""), ""
            if version_id in _NO_VERSION:
                present = self.look(key)
                if present is None or present.run_id != self.run_id:
                    return
                version_id, etag = present.version_id, present.etag
            if version_id in _NO_VERSION:
                self._restore(key, etag, backup)
            else:
                self._remove_version(key, version_id, backup)
        except KomorebiError:
            self.left.append(self.where(key))

    def remove(self, key: str) -> None:
        """Remove an object that this run has written. Another run's object stays."""
        self.put_back(key, None)

    def remove_earlier(self, key: str, found: FoundObject) -> None:
        """Remove an object of an earlier run, if it is as it was found. A bucket with versions keeps it as a version.

        Raises:
            StorageError: the bucket doesn't answer.
            AccessDeniedError: it refuses the removal.
        """
        with aws_errors(self.where(key)):
            try:
                self.client.delete_object(Bucket=self.bucket, Key=key, IfMatch=found.etag)
            except Exception as error:
                if error_code(error) not in _CHANGED:  # else another run has replaced it
                    raise

    def _remove_version(self, key: str, version_id: str, backup: ObjectBackup | None) -> None:
        """Remove a version; the one before it is the present one again. A locked version is hidden instead."""
        try:
            with aws_errors(self.where(key)):
                self.client.delete_object(Bucket=self.bucket, Key=key, VersionId=version_id)
        except AccessDeniedError:
            self.left.append(f"version {version_id} of {self.where(key)}, which Object Lock or the policy keeps")
            present = self.look(key)
            if present is not None and present.version_id == version_id:
                self._restore(key, present.etag, backup)

    def _restore(self, key: str, etag: str, backup: ObjectBackup | None) -> None:
        """Write the earlier object over this run's, or delete this run's."""
        named = {"Bucket": self.bucket, "Key": key, "IfMatch": etag}
        with aws_errors(self.where(key)):
            try:
                if backup is None:
                    self.client.delete_object(**named)
                else:
                    self.client.put_object(Body=backup.body, **named, **backup.properties)
            except Exception as error:
                if error_code(error) not in _CHANGED:  # else another run has replaced it
                    raise

    def abort(self, key: str, upload_id: str) -> None:
        """Undo `begin`, and delete the parts sent since."""
        try:
            with aws_errors(self.where(key)):
                self.client.abort_multipart_upload(Bucket=self.bucket, Key=key, UploadId=upload_id)
        except KomorebiError as error:
            if error_code(error.__cause__ or error) != "NoSuchUpload":
                self.left.append(f"the multipart upload {upload_id} of {self.where(key)}")

    def for_certain(self, key: str, act: Callable[[], Mapping[str, Any]]) -> Mapping[str, Any]:
        """Write an object, and return the answer. After an error, look whether the object arrived anyway.

        A request whose answer was lost is sent again by botocore, and then fails its own condition.

        Raises:
            ConcurrentRunError: another run has written it.
            StorageError: the bucket doesn't accept it.
        """
        try:
            with aws_errors(self.where(key)):
                answer = act()
        except KomorebiError as error:
            is_changed = error_code(error.__cause__ or error) in _CHANGED
            if not is_changed and not isinstance(error, StorageError):
                raise
            arrived = self._arrived(key)
            if arrived is None:
                if is_changed:
                    raise ConcurrentRunError(
                        f"another run wrote {self.where(key)} while this one published: a retry finds its results, or "
                        "makes its own"
                    ) from error
                raise
            answer = {"ETag": arrived.etag, "VersionId": arrived.version_id}
        self.written[key] = str(answer.get("VersionId", ""))
        return answer

    def _arrived(self, key: str) -> FoundObject | None:
        """Return the present object if this run wrote it."""
        try:
            present = self.look(key)
        except KomorebiError:
            return None
        return present if present is not None and present.run_id == self.run_id else None

    def where(self, key: str) -> str:
        """Return an object's name in messages."""
        return f"s3://{self.bucket}/{key}"


def _query(tags: Any) -> str:
    """Tags as ``PutObject`` takes them."""
    from urllib.parse import urlencode  # noqa: PLC0415  only an object with tags needs it

    return urlencode([(tag["Key"], tag["Value"]) for tag in tags])
