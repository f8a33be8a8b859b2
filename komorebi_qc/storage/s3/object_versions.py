"""All versions of objects, for an erasure: their listing, their locks, and their removal.

The rights it needs: ``s3:ListBucketVersions`` and ``s3:ListBucketMultipartUploads`` on the bucket;
``s3:GetObjectVersion``, ``s3:GetObjectRetention``, ``s3:GetObjectLegalHold``, ``s3:DeleteObject``,
``s3:DeleteObjectVersion`` and ``s3:AbortMultipartUpload`` on its objects. A bucket without versions shows each object
as one version, ``null``.

A lock is never passed by: a removal doesn't ask to bypass governance mode.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from komorebi_qc.core.errors import AccessDeniedError
from komorebi_qc.storage.aws_errors import NO_SUCH_KEY, aws_errors, error_code

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

NO_VERSION = "null"
"""The version ID of an object that was written without versions."""
_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class StoredVersion:
    """One version of an object.

    Attributes:
        key: its key.
        version_id: its version ID.
        size: bytes; 0 for a delete marker.
        is_latest: whether it is the one that a plain request gets.
        is_marker: whether it is a delete marker.
    """

    key: str
    version_id: str
    size: int
    is_latest: bool
    is_marker: bool


@dataclass(frozen=True, slots=True)
class VersionedBucket:
    """A bucket with everything in it that a plain listing doesn't show.

    Attributes:
        client: boto3's ``s3`` client.
        name: the bucket.
    """

    client: Any
    name: str

    def address_of(self, key: str) -> str:
        """Return an object's address."""
        return f"s3://{self.name}/{key}"

    def versions(self, prefix: str = "", *, deep: bool = True) -> Iterator[tuple[str, list[StoredVersion]]]:
        """Yield each key under a prefix, with its versions and delete markers, the oldest first.

        Args:
            prefix: the start of the keys.
            deep: whether keys with a further slash are among them.

        Raises:
            StorageError: the bucket doesn't answer.
            AccessDeniedError: it refuses access or doesn't exist.
        """
        waiting: dict[str, list[tuple[bool, datetime, StoredVersion]]] = {}
        with aws_errors(f"bucket {self.name}"):
            named = {"Bucket": self.name, "Prefix": prefix, **({} if deep else {"Delimiter": "/"})}
            for page in self.client.get_paginator("list_object_versions").paginate(**named):
                for kind in ("Versions", "DeleteMarkers"):
                    for one in page.get(kind, ()):
                        version = _version(one, is_marker=kind != "Versions")
                        waiting.setdefault(version.key, []).append((version.is_latest, one["LastModified"], version))
                # The next page may go on with the last key of this one; all others are complete.
                last = page.get("NextKeyMarker")
                for key in sorted(waiting.keys() - {last}):
                    yield key, _oldest_first(waiting.pop(key))
        for key in sorted(waiting):
            yield key, _oldest_first(waiting[key])

    def versions_of(self, key: str) -> list[StoredVersion]:
        """Return the versions and delete markers of one key, the oldest first.

        Raises:
            StorageError: the bucket doesn't answer.
            AccessDeniedError: it refuses access or doesn't exist.
        """
        return next((versions for found, versions in self.versions(key) if found == key), [])

    def lock_of(self, version: StoredVersion, now: datetime | None = None) -> str:
        """Return what forbids the removal of a version, in a few words; empty without a lock.

        Raises:
            StorageError: the bucket doesn't answer.
            AccessDeniedError: it refuses access.
        """
        if version.is_marker or version.version_id == NO_VERSION:  # Object Lock needs versions
            return ""
        with aws_errors(self.address_of(version.key)):
            try:
                head = self.client.head_object(Bucket=self.name, Key=version.key, VersionId=version.version_id)
            except Exception as error:
                if error_code(error) in (*NO_SUCH_KEY, "NoSuchVersion"):
                    return ""
                raise
        if head.get("ObjectLockLegalHoldStatus") == "ON":
            return "a legal hold"
        until = head.get("ObjectLockRetainUntilDate")
        if until is None or until <= (datetime.now(UTC) if now is None else now):
            return ""
        mode = str(head.get("ObjectLockMode", "")).lower() or "retention"
        return f"Object Lock ({mode} mode) until {until.astimezone(UTC):%Y-%m-%d %H:%M} UTC"

    def content(self, version: StoredVersion) -> Iterator[bytes]:
        """Yield a version's content in pieces; nothing if it is gone.

        Raises:
            StorageError: the bucket doesn't answer.
            AccessDeniedError: it refuses access.
        """
        with aws_errors(self.address_of(version.key)):
            try:
                answer = self.client.get_object(Bucket=self.name, Key=version.key, **_named(version))
            except Exception as error:
                if error_code(error) in (*NO_SUCH_KEY, "NoSuchVersion"):
                    return
                raise
            with closing(answer["Body"]) as body:
                yield from body.iter_chunks(_CHUNK_BYTES)

    def remove(self, key: str, version_ids: Iterable[str]) -> None:
        """Remove versions of one key. No older version becomes visible: a delete marker hides those that stay.

        Once no version is left, the delete markers go as well. Interrupted, it can be done again.

        Raises:
            StorageError: a version couldn't be removed now.
            AccessDeniedError: a version can't be removed; the others are.
        """
        wanted = set(version_ids)
        present = self.versions_of(key)
        doomed = [one for one in present if one.version_id in wanted and not one.is_marker]
        stays = [one for one in present if one not in doomed and not one.is_marker]
        if stays and any(one.is_latest for one in doomed):
            self._hide(key)
        errors: list[AccessDeniedError] = []
        for one in doomed:
            try:
                self._delete(one)
            except AccessDeniedError as error:
                errors.append(error)
        if errors:
            if not stays and any(one.is_latest for one in doomed):
                self._hide(key)
            raise errors[0]
        if not stays:
            for one in self.versions_of(key):
                if one.is_marker:
                    self._delete(one)

    def uploads(self, prefix: str) -> list[tuple[str, str]]:
        """Return key and ID of the multipart uploads under a prefix that were never completed.

        Raises:
            StorageError: the bucket doesn't answer.
            AccessDeniedError: it refuses access or doesn't exist.
        """
        with aws_errors(f"bucket {self.name}"):
            pages = self.client.get_paginator("list_multipart_uploads").paginate(Bucket=self.name, Prefix=prefix)
            return [(one["Key"], one["UploadId"]) for page in pages for one in page.get("Uploads", ())]

    def abort(self, key: str, upload_id: str) -> None:
        """Remove the parts of an upload; one that is gone is no error.

        Raises:
            StorageError: the bucket doesn't answer.
            AccessDeniedError: it refuses access.
        """
        with aws_errors(self.address_of(key)):
            try:
                self.client.abort_multipart_upload(Bucket=self.name, Key=key, UploadId=upload_id)
            except Exception as error:
                if error_code(error) != "NoSuchUpload":
                    raise

    def _hide(self, key: str) -> None:
        if all(one.version_id == NO_VERSION for one in self.versions_of(key)):
            return  # without versions there is nothing to hide
        with aws_errors(self.address_of(key)):
            self.client.delete_object(Bucket=self.name, Key=key)

    def _delete(self, version: StoredVersion) -> None:
        """Delete a version; one that another erasure has deleted is no error."""
        with aws_errors(self.address_of(version.key)):
            try:
                self.client.delete_object(Bucket=self.name, Key=version.key, VersionId=version.version_id)
            except Exception as error:
                if error_code(error) not in (*NO_SUCH_KEY, "NoSuchVersion"):
                    raise


def _named(version: StoredVersion) -> dict[str, str]:
    """The arguments that name a version; a plain request gets the latest one without versions."""
    return {} if version.version_id == NO_VERSION and version.is_latest else {"VersionId": version.version_id}


def _version(listed: Any, *, is_marker: bool) -> StoredVersion:
    return StoredVersion(
        str(listed["Key"]),
        str(listed.get("VersionId", NO_VERSION)),
        int(listed.get("Size", 0)),
        bool(listed["IsLatest"]),
        is_marker,
    )


def _oldest_first(listed: list[tuple[bool, datetime, StoredVersion]]) -> list[StoredVersion]:
    """Versions in their order. S3 lists the newest first, and several may have the same time: a second."""
    listed.reverse()  # sorting keeps the order of those with the same time
    listed.sort(key=lambda one: one[:2])
    return [version for _, _, version in listed]
