"""The sources of contact records."""

from __future__ import annotations

import gzip
import io
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol

from komorebi_qc.core.contact.parse import contacts_in, parse_contact
from komorebi_qc.core.errors import InputError
from komorebi_qc.storage.aws_errors import aws_errors, error_code
from komorebi_qc.storage.contact.token_bucket import TokenBucket

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import date

    from komorebi_qc.core.contact.record import ContactRecord
    from komorebi_qc.core.recording import Recording

UNKNOWN_CONTACT = ("ResourceNotFoundException", "InvalidParameterException")
_KEPT_S, _MOST_KEPT = 60.0, 256
_DAYS = (-1, 0, 1, 2)
"""Days of exported files around the item's day. A record comes after the after-call work, and again if it changes."""
_MOST_FILE_BYTES = 256 << 20
_MOST_RECORDS = 100_000
API_RATE = TokenBucket()
"""Connect's default quota is 2 requests a second:
https://docs.aws.amazon.com/connect/latest/adminguide/amazon-connect-service-limits.html#api-throttling-quotas. All
threads of a process share this bucket; `batch` asks in one process, and gives its workers the records."""


class ContactRecords(Protocol):
    """A source of contact records."""

    @property
    def source(self) -> str:
        """``api`` or ``export``."""
        ...

    def get(self, recording: Recording, check_cancelled: Callable[[], None]) -> ContactRecord | None:
        """Read the record of a recording's contact; None if there isn't any.

        Args:
            recording: its ID is the contact's.
            check_cancelled: called while it waits; an exception from it ends the wait.

        Raises:
            InputError: a record can't be read.
            StorageError: the source doesn't answer.
            AccessDeniedError: it refuses access.
        """
        ...


@dataclass(frozen=True, slots=True)
class KnownRecords:
    """Records that were read before.

    Attributes:
        source: their source.
        records: by contact ID.
    """

    source: str
    records: Mapping[str, ContactRecord]

    def get(self, recording: Recording, check_cancelled: Callable[[], None]) -> ContactRecord | None:
        """See `ContactRecords.get`."""
        check_cancelled()
        return self.records.get(recording.recording_id)


def described(client: Any, instance_id: str, contact_id: str) -> ContactRecord | None:
    """Ask for a contact's record with ``DescribeContact``; None if Connect doesn't know the contact.

    Raises:
        InputError: the record can't be read.
        StorageError: Connect doesn't answer.
        AccessDeniedError: it refuses access.
    """
    with aws_errors(f"Amazon Connect's record of contact {contact_id} (connect:DescribeContact)"):
        try:
            answer = client.describe_contact(InstanceId=instance_id, ContactId=contact_id)
        except Exception as error:
            if error_code(error) in UNKNOWN_CONTACT:
                return None
            raise
    return parse_contact(answer.get("Contact"))


@dataclass(frozen=True, slots=True)
class ApiRecords:
    """``DescribeContact``. An answer is kept for a minute, because a run needs it more than once.

    Attributes:
        client: boto3's ``connect`` client.
        instance_id: Connect's instance.
        rate: the requests' rate.
        now: a clock that never goes back, seconds.
    """

    client: Any
    instance_id: str
    rate: TokenBucket = field(default_factory=lambda: API_RATE)
    now: Callable[[], float] = time.monotonic
    source: str = "api"
    _kept: OrderedDict[str, tuple[float, ContactRecord | None]] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def get(self, recording: Recording, check_cancelled: Callable[[], None]) -> ContactRecord | None:
        """See `ContactRecords.get`."""
        name = recording.recording_id
        with self._lock:
            kept = self._kept.get(name)
        if kept is not None and self.now() - kept[0] < _KEPT_S:
            return kept[1]
        self.rate.take(check_cancelled)
        found = described(self.client, self.instance_id, name)
        with self._lock:
            self._kept[name] = (self.now(), found)
            self._kept.move_to_end(name)
            while len(self._kept) > _MOST_KEPT:
                self._kept.popitem(last=False)
        return found


@dataclass(frozen=True, slots=True)
class ExportedRecords:
    """Files of exported records in S3, under ``<prefix>/YYYY/MM/DD/``, as Kinesis Data Firehose names them (UTC).

    A file isn't read again while its ETag stays, so many recordings of a day cost little more than one.

    Attributes:
        client: boto3's ``s3`` client.
        bucket: the bucket.
        prefix: before the year; empty for the bucket's root.
    """

    client: Any
    bucket: str
    prefix: str
    source: str = "export"
    _files: OrderedDict[tuple[str, str], dict[str, ContactRecord]] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def get(self, recording: Recording, check_cancelled: Callable[[], None]) -> ContactRecord | None:
        """See `ContactRecords.get`. Of several versions of a record, the one that was updated last is returned."""
        found: list[ContactRecord] = []
        with self._lock:  # several threads don't read the same files side by side
            for entry in self._listed(recording):
                check_cancelled()
                record = self._read(str(entry["Key"]), str(entry.get("ETag", ""))).get(recording.recording_id)
                found += [] if record is None else [record]
        return max(found, key=_updated, default=None)

    def of_day(self, day: date, check_cancelled: Callable[[], None]) -> Iterator[ContactRecord]:
        """All records in a day's files. A record that was delivered again is there more than once.

        Raises:
            InputError: a record can't be read.
            StorageError: the bucket doesn't answer.
            AccessDeniedError: it refuses access.
        """
        with self._lock:
            for entry in self._listed_of(day):
                check_cancelled()
                yield from self._read(str(entry["Key"]), str(entry.get("ETag", ""))).values()

    def _listed(self, recording: Recording) -> Iterator[Mapping[str, Any]]:
        for day in _DAYS:
            yield from self._listed_of(recording.created + timedelta(days=day))

    def _listed_of(self, day: date) -> Iterator[Mapping[str, Any]]:
        base = f"{self.prefix}/" if self.prefix else ""
        with aws_errors(f"bucket {self.bucket}"):
            pages = self.client.get_paginator("list_objects_v2")
            for page in pages.paginate(Bucket=self.bucket, Prefix=f"{base}{day:%Y/%m/%d}/"):
                yield from (entry for entry in page.get("Contents", ()) if entry["Size"])

    def _read(self, key: str, etag: str) -> dict[str, ContactRecord]:
        known = self._files.get((key, etag))
        if known is not None:
            return known
        where = f"s3://{self.bucket}/{key}"
        with aws_errors(where):
            content = self.client.get_object(Bucket=self.bucket, Key=key)["Body"].read(_MOST_FILE_BYTES + 1)
        records: dict[str, ContactRecord] = {}
        for record in contacts_in(_text(content, where)):
            before = records.get(record.contact_id)
            if before is None or _updated(record) >= _updated(before):
                records[record.contact_id] = record
        self._files[key, etag] = records
        while len(self._files) > 1 and sum(map(len, self._files.values())) > _MOST_RECORDS:
            self._files.popitem(last=False)
        return records


def _updated(record: ContactRecord) -> float:
    return 0.0 if record.updated_at is None else record.updated_at.timestamp()


def _text(content: bytes, where: str) -> str:
    """A file's text; it may be compressed."""
    try:
        if content[:2] == b"\x1f\x8b":
            content = gzip.GzipFile(fileobj=io.BytesIO(content)).read(_MOST_FILE_BYTES + 1)
        if len(content) > _MOST_FILE_BYTES:
            raise InputError(
                f"{where} is larger than {_MOST_FILE_BYTES >> 20} MB: export contact records in smaller files, "
                "or use KOMOREBI_CONTACT_RECORD=api"
            )
        return content.decode()
    except (OSError, EOFError, ValueError):
        raise InputError(
            f"{where} has no contact records (it isn't UTF-8): check the prefix in KOMOREBI_CONTACT_RECORD"
        ) from None
