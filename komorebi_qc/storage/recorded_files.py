"""Opens files by the location that a record gives: a path beside ``qc.json``, or an object in one of its versions."""

from __future__ import annotations

from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from komorebi_qc.core.source import Source
from komorebi_qc.storage.atomic_file import named_file_errors
from komorebi_qc.storage.aws_errors import NO_SUCH_KEY, aws_errors, error_code
from komorebi_qc.storage.input_file import opened_file
from komorebi_qc.storage.object_store import split_s3

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_GONE = (*NO_SUCH_KEY, "NoSuchVersion", "MethodNotAllowed", "405")
"""Answers for an object or a version that isn't there; the last two for a delete marker."""


@dataclass(slots=True)
class RecordedFiles:
    """Files on this machine and objects on S3, by their recorded locations.

    Attributes:
        folder: the place of ``qc.json``: ``s3://bucket/prefix``, or a folder's path.
        make_client: makes boto3's ``s3`` client; it isn't called for files.
        check_cancelled: called between two reads; its exception ends the reading.
    """

    folder: str
    make_client: Callable[[], Any]
    check_cancelled: Callable[[], None] = lambda: None
    _client: Any = field(default=None, init=False, repr=False)

    def address_of(self, location: str) -> str:
        """Return the path or ``s3://`` address of a location."""
        if location.startswith("s3://"):
            return location
        if self.folder.startswith("s3://"):
            return f"{self.folder}/{location}"
        return str(Path(self.folder) / location)

    @contextmanager
    def opened(self, location: str, version_id: str = "") -> Iterator[Source | None]:
        """Open a file for one reading from its start to its end; None if it isn't there.

        Args:
            location: as recorded.
            version_id: of the object; empty for its current version.

        Raises:
            InputError: a file can't be read.
            StorageError: the bucket doesn't answer.
            AccessDeniedError: it refuses access or doesn't exist; a version needs ``s3:GetObjectVersion``.
        """
        address = self.address_of(location)
        if not address.startswith("s3://"):
            path = Path(address)
            with named_file_errors(path):
                is_there = path.exists()
            if not is_there:
                yield None
                return
            with opened_file(path) as source:
                yield source
            return
        from komorebi_qc.storage.s3.object import S3Object  # noqa: PLC0415  clients only where they are used

        bucket, key = split_s3(address)
        with aws_errors(address):
            try:
                found = S3Object.open(
                    self._s3(), bucket, key, check_cancelled=self.check_cancelled, version_id=version_id
                )
            except Exception as error:
                if error_code(error) not in _GONE:
                    raise
                found = None
        if found is None:
            yield None
            return
        with closing(found):
            file = cast("BinaryIO", found.reader(is_read_through=True))
            yield Source(address, file, found.size, etag=found.etag, version_id=found.version_id)

    def _s3(self) -> Any:
        if self._client is None:
            self._client = self.make_client()
        return self._client
