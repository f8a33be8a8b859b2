"""The requests of one publication to S3, and how each is undone."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from komorebi_qc.core.errors import KomorebiError, StorageError
from komorebi_qc.storage.aws_errors import NO_SUCH_KEY, aws_errors, error_code

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PART_BYTES = 8 << 20
"""Videos from this size on go up in parts of it; S3 takes parts from 5 MiB on."""
MAX_PARTS = 10_000
_MARK = "komorebi-upload"


@dataclass(frozen=True, slots=True)
class Kept:
    """An object as it was before it was replaced."""

    body: bytes
    headers: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Upload:
    """The requests of one publication.

    Attributes:
        client: boto3's ``s3`` client.
        bucket: the output bucket.
        mark: tells this publication's objects from those of any other run.
        check_cancelled: called between two parts.
        left: what couldn't be undone.
    """

    client: Any
    bucket: str
    mark: str
    check_cancelled: Callable[[], None]
    left: list[str] = field(default_factory=list)

    def begin(self, key: str, content_type: str) -> str:
        """Begin a multipart upload; its ID. Nobody sees it until it is completed, and `abort` undoes it.

        Where the answer gets lost, an upload without parts may stay, which costs nothing: no listing says whose it
        is, and it might be that of another run of the same recording. It is cleared as a killed run's is.
        """
        with aws_errors(self.where(key)):
            answer = self.client.create_multipart_upload(
                Bucket=self.bucket,
                Key=key,
                ContentType=content_type,
                Metadata={_MARK: self.mark},
                ChecksumAlgorithm="CRC32",
            )
        return str(answer["UploadId"])

    def put(self, key: str, content_type: str, content: bytes) -> None:
        """Write a small object in one request."""
        self.for_certain(
            key,
            lambda: self.client.put_object(
                Bucket=self.bucket,
                Key=key,
                Body=content,
                ContentType=content_type,
                Metadata={_MARK: self.mark},
            ),
        )

    def keep(self, key: str) -> Kept | None:
        """What lies there now; None for nothing."""
        with aws_errors(self.where(key)):
            try:
                answer = self.client.get_object(Bucket=self.bucket, Key=key)
            except Exception as error:
                if error_code(error) in NO_SUCH_KEY:
                    return None
                raise
            headers = ("ContentType", "CacheControl", "ContentDisposition", "ContentEncoding", "Metadata")
            with closing(answer["Body"]) as body:
                return Kept(body.read(), {name: answer[name] for name in headers if answer.get(name)})

    def put_back(self, key: str, kept: Kept | None, beside: str = "", mark: str | None = None) -> None:
        """Undo `put`: as it was before, or gone. Another run's object stays.

        Where nothing was there before, and the mark of `beside` isn't `mark` any more, another run has published
        meanwhile what this one wrote over: then it stays as well.
        """
        try:
            if not self._is_ours(key) or (kept is None and beside and self.mark_of(beside) != mark):
                return
            with aws_errors(self.where(key)):
                if kept is None:
                    self.client.delete_object(Bucket=self.bucket, Key=key)
                else:
                    self.client.put_object(Bucket=self.bucket, Key=key, Body=kept.body, **kept.headers)
        except KomorebiError:
            self.left.append(self.where(key))

    def abort(self, key: str, upload_id: str) -> None:
        """Undo `begin`, and the parts sent since."""
        try:
            with aws_errors(self.where(key)):
                self.client.abort_multipart_upload(Bucket=self.bucket, Key=key, UploadId=upload_id)
        except KomorebiError as error:
            if error_code(error.__cause__ or error) != "NoSuchUpload":
                self.left.append(f"the multipart upload {upload_id} of {self.where(key)}")

    def for_certain(self, key: str, act: Callable[[], object]) -> None:
        """Do `act`; where its answer was an error or got lost, look whether the object is there all the same."""
        try:
            with aws_errors(self.where(key)):
                act()
        except StorageError:
            try:
                arrived = self._is_ours(key)
            except KomorebiError:
                arrived = False
            if not arrived:
                raise

    def told(self, key: str) -> dict[str, Any]:
        """Checksums and ETag of this publication's object; nothing where it can't be asked, or another's lies there."""
        try:
            with aws_errors(self.where(key)):
                answer = self.client.head_object(Bucket=self.bucket, Key=key, ChecksumMode="ENABLED")
        except KomorebiError:
            return {}
        return dict(answer) if _mark_in(answer) == self.mark else {}

    def _is_ours(self, key: str) -> bool:
        return self.mark_of(key) == self.mark

    def mark_of(self, key: str) -> str | None:
        """Whose an object is; None where there is none."""
        with aws_errors(self.where(key)):
            try:
                answer = self.client.head_object(Bucket=self.bucket, Key=key)
            except Exception as error:
                if error_code(error) in NO_SUCH_KEY:
                    return None
                raise
        return _mark_in(answer)

    def where(self, key: str) -> str:
        """What to call an object in a sentence."""
        return f"s3://{self.bucket}/{key}"


def _mark_in(answer: Mapping[str, Any]) -> str:
    return str(answer.get("Metadata", {}).get(_MARK, ""))
