"""The call audio by a contact's record, with the way back to the search by prefix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from komorebi_qc.core.contact.choice import AudioChoice, FoundContact, choose_audio
from komorebi_qc.core.errors import MissingMediaError, NotThereYetError
from komorebi_qc.storage.aws_errors import NO_SUCH_KEY, aws_errors, error_code

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from komorebi_qc.core.contact.record import ContactRecord
    from komorebi_qc.core.errors import KomorebiError
    from komorebi_qc.core.recording import Recording
    from komorebi_qc.storage.contact.records import ContactRecords

_NO_RECORD = "there is no record of the contact"


@dataclass(frozen=True, slots=True)
class RecordedAudio:
    """A contact's record, and the call audio that it names.

    Attributes:
        source: the record's source.
        record: the record; None if there isn't any.
        choice: the call audio by it.
    """

    source: str
    record: ContactRecord | None
    choice: AudioChoice

    @classmethod
    def of(
        cls, records: ContactRecords, recording: Recording, bucket: str, check_cancelled: Callable[[], None]
    ) -> RecordedAudio:
        """Read the record, and choose.

        Raises:
            InputError: the record can't be read.
            StorageError: its source doesn't answer.
            AccessDeniedError: it refuses access.
        """
        record = records.get(recording, check_cancelled)
        choice = AudioChoice(None, _NO_RECORD) if record is None else choose_audio(record, bucket)
        return cls(records.source, record, choice)

    def taken(self) -> FoundContact:
        """The contact, if the record's call audio is used."""
        return FoundContact(self.source, self.record, self.choice.named, "record", self.choice.why)

    def redacted(self) -> FoundContact:
        """The contact, if Contact Lens' redacted call audio is used."""
        found = FoundContact(self.source, self.record, self.choice.named, "prefix", self.choice.why)
        return found.as_redacted("Contact Lens' redacted audio is used, which no record names")

    def by_prefix(self) -> FoundContact:
        """The contact, if the call audio has to be found by its key's prefix."""
        why = self.choice.why
        if self.choice.key is not None:
            why = f"the record names {self.choice.key}, which isn't there"
        return self.taken().without_use(why)

    def entry(self, client: Any, bucket: str, absent: Callable[[str], KomorebiError]) -> Mapping[str, Any] | None:
        """Key and ETag of the record's call audio; None if the record has no usable one, or it won't come any more.

        Args:
            client: boto3's low-level ``s3`` client.
            bucket: Connect's.
            absent: the error for an object that isn't there.

        Raises:
            NotThereYetError: it may still come. Another file of the contact, such as the IVR's, isn't taken for it.
            MissingMediaError: it was deleted.
            StorageError: the bucket doesn't answer.
            AccessDeniedError: it refuses access.
        """
        if self.choice.is_deleted:
            gone = ", ".join(one.location for one in self.choice.named if one.state == "deleted")
            raise MissingMediaError(
                f"the contact's record says that the call audio was deleted ({gone}): it isn't used, also if a copy of "
                "it is there. Nothing can be made of this call"
            )
        key = self.choice.key
        if key is None:
            return None
        with aws_errors(f"s3://{bucket}/{key}"):
            try:
                head = client.head_object(Bucket=bucket, Key=key)
            except Exception as error:
                if error_code(error) not in NO_SUCH_KEY:
                    raise
                missing = absent(f"the call audio that the contact's record names (s3://{bucket}/{key})")
                if isinstance(missing, NotThereYetError):
                    raise missing from None
                return None
        return {"Key": key, "ETag": str(head["ETag"])}
