"""Amazon Connect's own screen recordings in S3, by the contact's record or by their keys.

The rights it needs: ``s3:GetObject`` under the prefix, and ``s3:ListBucket`` on the bucket, for the prefix.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from komorebi_qc.core.contact.screen import (
    ScreenRecording,
    ScreenRule,
    choose_screen,
    choose_screen_key,
    screen_prefixes,
)
from komorebi_qc.core.errors import MissingMediaError
from komorebi_qc.storage.aws_errors import aws_errors

if TYPE_CHECKING:
    from collections.abc import Callable

    from komorebi_qc.core.recording import Recording
    from komorebi_qc.storage.contact.records import ContactRecords


@dataclass(frozen=True, slots=True)
class FoundScreen:
    """A screen recording in S3.

    Attributes:
        key: in the bucket of screen recordings.
        etag: of the object.
        screen: how it was found.
    """

    key: str
    etag: str
    screen: ScreenRecording


@dataclass(frozen=True, slots=True)
class ScreenRecordings:
    """The place of the screen recordings, and when they are used.

    Attributes:
        bucket: the bucket.
        prefix: of their keys, without slashes at its ends.
        rule: ``fallback`` or ``only``.
    """

    bucket: str
    prefix: str
    rule: ScreenRule

    def find(
        self,
        client: Any,
        recording: Recording,
        records: ContactRecords | None,
        check_cancelled: Callable[[], None],
    ) -> FoundScreen | None:
        """Find the screen recording of a contact; None if there isn't any.

        Raises:
            MissingMediaError: the contact's record says that it was deleted.
            InputError: the record can't be read.
            StorageError: the bucket or the records' source doesn't answer.
            AccessDeniedError: one of them refuses access or doesn't exist.
        """
        why = "contact records aren't read"
        if records is not None:
            choice = choose_screen(records.get(recording, check_cancelled), self.bucket, self.prefix)
            if choice.is_deleted:
                raise MissingMediaError(
                    f"the contact's record says that the screen recording of {recording.recording_id} was deleted: it "
                    "isn't used, also if a copy of it is there. Nothing can be made of this call"
                )
            # Listed, because the role may list below the prefix only: HEAD answers 403 for a missing object.
            etag = None if choice.key is None else self._listed(client, choice.key).get(choice.key)
            if choice.key is not None and etag is not None:
                return FoundScreen(choice.key, etag, ScreenRecording("record", choice.why, self.rule))
            why = choice.why if choice.key is None else f"the record names {choice.key}, which isn't there"
        listed: dict[str, str] = {}
        for prefix in screen_prefixes(recording, self.prefix):
            check_cancelled()
            listed.update(self._listed(client, prefix))
        key = choose_screen_key(recording.recording_id, listed)
        return None if key is None else FoundScreen(key, listed[key], ScreenRecording("prefix", why, self.rule))

    def place_text(self, recording: Recording) -> str:
        """The place of a missing screen recording, for messages."""
        first = screen_prefixes(recording, self.prefix)[1]
        return f"the screen recording of contact {recording.recording_id} (s3://{self.bucket}/{first}*.mp4)"

    def _listed(self, client: Any, prefix: str) -> dict[str, str]:
        with aws_errors(f"bucket {self.bucket}"):
            pages = client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
            return {str(one["Key"]): str(one.get("ETag", "")) for page in pages for one in page.get("Contents", ())}
