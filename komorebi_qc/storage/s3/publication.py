"""The requests of one publication to S3, each with its undo."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from komorebi_qc.core.errors import KomorebiError, StorageError
from komorebi_qc.storage.aws_errors import NO_SUCH_KEY, aws_errors, error_code

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PART_BYTES = 8 << 20
"""Size of a part: 10,000 parts hold 78 GiB, 12 hours at 15 Mbit/s. S3 accepts parts from 5 MiB on."""
MAX_PARTS = 10_000
_MARK = "komorebi-upload"


@dataclass(frozen=True, slots=True)
class ObjectBackup:
    """An object before its replacement."""

    body: bytes
    headers: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Upload:
    """The requests of one publication.

    Attributes:
        client: boto3's ``s3`` client.
        bucket: the output bucket.
        mark: identifies this publication's objects.
        check_cancelled: called between two parts.
        left: requests that couldn't be undone.
    """

    client: Any
    bucket: str
    mark: str
    check_cancelled: Callable[[], None]
    left: list[str] = field(default_factory=list)

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
                Metadata={_MARK: self.mark},
                ChecksumAlgorithm="SHA256",
            )
        return str(answer["UploadId"])

    def put(self, key: str, content_type: str, content: bytes) -> Mapping[str, Any]:
        """Write a small object in one request, and return the answer; empty if the answer was lost."""
        return self.for_certain(
            key,
            lambda: self.client.put_object(
                Bucket=self.bucket,
                Key=key,
                Body=content,
                ContentType=content_type,
                Metadata={_MARK: self.mark},
            ),
        )

    def back_up(self, key: str) -> ObjectBackup | None:
        """Return the current object for `put_back`; None if there isn't one."""
        with aws_errors(self.where(key)):
            try:
                answer = self.client.get_object(Bucket=self.bucket, Key=key)
            except Exception as error:
                if error_code(error) in NO_SUCH_KEY:
                    return None
                raise
            headers = ("ContentType", "CacheControl", "ContentDisposition", "ContentEncoding", "Metadata")
            with closing(answer["Body"]) as body:
                return ObjectBackup(body.read(), {name: answer[name] for name in headers if answer.get(name)})

    def put_back(self, key: str, backup: ObjectBackup | None, beside: str = "", mark: str | None = None) -> None:
        """Undo `put`: restore the earlier object, or delete this one. Another run's object stays.

        If there was no earlier object, and the mark of `beside` isn't `mark` any more, another run has published
        meanwhile: then the object stays too.
        """
        try:
            if not self._is_ours(key) or (backup is None and beside and self.mark_of(beside) != mark):
                return
            with aws_errors(self.where(key)):
                if backup is None:
                    self.client.delete_object(Bucket=self.bucket, Key=key)
                else:
                    self.client.put_object(Bucket=self.bucket, Key=key, Body=backup.body, **backup.headers)
        except KomorebiError:
            self.left.append(self.where(key))

    def abort(self, key: str, upload_id: str) -> None:
        """Undo `begin`, and delete the parts sent since."""
        try:
            with aws_errors(self.where(key)):
                self.client.abort_multipart_upload(Bucket=self.bucket, Key=key, UploadId=upload_id)
        except KomorebiError as error:
            if error_code(error.__cause__ or error) != "NoSuchUpload":
                self.left.append(f"the multipart upload {upload_id} of {self.where(key)}")

    def for_certain(self, key: str, act: Callable[[], Mapping[str, Any]]) -> Mapping[str, Any]:
        """Run `act`, and return its answer. If that is an error or is lost, check whether the object arrived anyway."""
        try:
            with aws_errors(self.where(key)):
                return act()
        except StorageError:
            try:
                arrived = self._is_ours(key)
            except KomorebiError:
                arrived = False
            if not arrived:
                raise
        return {}

    def _is_ours(self, key: str) -> bool:
        return self.mark_of(key) == self.mark

    def mark_of(self, key: str) -> str | None:
        """Return the mark of an object; None if it doesn't exist."""
        with aws_errors(self.where(key)):
            try:
                answer = self.client.head_object(Bucket=self.bucket, Key=key)
            except Exception as error:
                if error_code(error) in NO_SUCH_KEY:
                    return None
                raise
        return _mark_in(answer)

    def where(self, key: str) -> str:
        """Return an object's name in messages."""
        return f"s3://{self.bucket}/{key}"


def _mark_in(answer: Mapping[str, Any]) -> str:
    return str(answer.get("Metadata", {}).get(_MARK, ""))
