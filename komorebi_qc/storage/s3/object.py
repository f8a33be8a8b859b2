"""One S3 object at one ETag, with any number of readers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from komorebi_qc.storage.s3.fetch import ObjectVersion
from komorebi_qc.storage.s3.reader import READ_THROUGH, S3Reader

if TYPE_CHECKING:
    from collections.abc import Callable

    from komorebi_qc.storage.s3.block_cache import LocalCache


@dataclass(eq=False, slots=True)
class S3Object(ObjectVersion):
    """One object at one ETag, from which any number of readers can be opened."""

    _readers: WeakSet[S3Reader] = field(default_factory=WeakSet, init=False, repr=False)

    def __post_init__(self) -> None:
        if self.cache is not None:
            self.cache.begin(self.size)

    @classmethod
    def open(
        cls,
        client: Any,
        bucket: str,
        key: str,
        *,
        check_cancelled: Callable[[], None] = lambda: None,
        cache: LocalCache | None = None,
        version_id: str = "",
    ) -> S3Object:
        """Open the object with one request: at its current version, or at the version with this ID.

        Raises:
            botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError: botocore's own errors.
        """
        head = client.head_object(Bucket=bucket, Key=key, **({"VersionId": version_id} if version_id else {}))
        found = str(head.get("VersionId") or version_id)
        content = (str(head["ETag"]), int(head["ContentLength"]))
        return cls(client, bucket, key, *content, check_cancelled, cache, found, bool(version_id))

    def reader(self, *, is_read_through: bool = False) -> S3Reader:
        """Open a file with its own position, at the start. It sends no request before the first read.

        Args:
            is_read_through: the file will be read from start to end, so the first request is already large.

        Raises:
            ValueError: the object is closed.
        """
        with self._lock:
            if self.ended is not None:
                raise self.ended
            reader = S3Reader(self, READ_THROUGH if is_read_through else 0)
            self._readers.add(reader)
            return reader

    def close(self) -> None:
        """Close all readers. Running requests end by themselves, at the next piece."""
        self.end(ValueError(f"{self.name} is closed"))
        with self._lock:
            readers = list(self._readers)
        for reader in readers:
            reader.close()
        if self.cache is not None:
            self.cache.close()
