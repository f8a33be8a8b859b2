"""Media in S3: read by ranges, and written while they are made, without temporary files.

Nothing is left half done: the results become visible with their last requests, see `komorebi_qc.storage.s3.draft`. A
killed run leaves an invisible multipart upload; the next run of the same recording aborts it. Other results of an
earlier run stay: a rerun that turns MP4 into WebM doesn't delete the old ``recording.mp4``, and one without a thumbnail
keeps the old thumbnail. A masked result removes both.

The rights it needs: ``s3:ListBucket`` on all three buckets (without it, a missing object looks like a refused one);
``s3:GetObject`` on their objects, Contact Lens' among them; ``s3:PutObject``, ``s3:AbortMultipartUpload``,
``s3:DeleteObject``, ``s3:DeleteObjectVersion``, ``s3:GetObjectTagging`` and ``s3:PutObjectTagging`` on the output
bucket's objects, and ``s3:ListBucketMultipartUploads`` on that bucket, to find uploads of killed runs (without it, the
bucket's lifecycle rule deletes them).
"""

from __future__ import annotations

import io
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from komorebi_qc.core.errors import AccessDeniedError, InputError, KomorebiError, MissingMediaError, NotThereYetError
from komorebi_qc.core.privacy.analysis_keys import analysis_prefixes, choose_analyses, choose_redacted_audio
from komorebi_qc.core.privacy.redactions import check_size
from komorebi_qc.core.recording import choose_call_audio
from komorebi_qc.core.source import Source
from komorebi_qc.storage.aws_errors import NO_SUCH_KEY, aws_errors, error_code
from komorebi_qc.storage.contact.call_audio import RecordedAudio
from komorebi_qc.storage.s3.block_cache import LocalCache
from komorebi_qc.storage.s3.draft import S3Draft, generation_of
from komorebi_qc.storage.s3.object import S3Object
from komorebi_qc.storage.s3.publication import Upload
from komorebi_qc.storage.s3.stale_uploads import STALE_AFTER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from komorebi_qc.core.contact.choice import FoundContact
    from komorebi_qc.core.privacy.redactions import RedactedChoice
    from komorebi_qc.core.recording import Recording
    from komorebi_qc.storage.contact.records import ContactRecords
    from komorebi_qc.storage.contact.screen_recordings import FoundScreen, ScreenRecordings
    from komorebi_qc.storage.generation import Generation

IN_MEMORY_BYTES = 64 << 20
"""Nine minutes at 1 Mbit/s: most recordings are fetched once, and memory stays limited."""


@dataclass(frozen=True, slots=True)
class S3Media:
    """Connect's, the input and the output bucket (`komorebi_qc.storage.protocols.MediaStore`).

    Attributes:
        client: boto3's ``s3`` client.
        connect_bucket: of Connect; ``connect_prefix`` comes before ``CallRecordings/``.
        input_bucket: of the agent recordings.
        output_bucket: of the results.
        give_up_after: time after the item's ``creationDate`` in which a missing object may still arrive. Its time zone
            is unknown, so less than 26 hours is too early in some zones.
        now: returns the current time, with its time zone.
        check_cancelled: called between two reads, between two parts of an upload, and while waiting for them. An
            exception from it stops the transfer.
        cache_bytes: an input up to this size is kept on disk while it is read, so that it is fetched once.
        memory_bytes: a recording up to this size is kept in memory instead.
        stale_after: age from which another upload of the same video belongs to a killed run.
        analysis_prefix: comes before the days and ``Redacted/`` in the keys of Contact Lens' files, which are in
            Connect's bucket; None: they aren't looked for.
        redacted: whether the redacted call audio takes the place of the original: ``ignore``: never, ``prefer``: if it
            is there, ``require``: always, and it is waited for.
        contacts: contact records, by which the call audio is found; None: it is found by its key's prefix alone.
        screens: Amazon Connect's own screen recordings; None: the agent recording is always the browser's.

    Raises:
        InputError: redacted audio is wanted, and isn't looked for.
    """

    client: Any
    connect_bucket: str
    input_bucket: str
    output_bucket: str
    connect_prefix: str = ""
    give_up_after: timedelta = timedelta(hours=48)
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
    check_cancelled: Callable[[], None] = field(default=lambda: None)
    cache_bytes: int = 0
    memory_bytes: int = IN_MEMORY_BYTES
    stale_after: timedelta = STALE_AFTER
    analysis_prefix: str | None = None
    redacted: RedactedChoice = "ignore"
    contacts: ContactRecords | None = None
    screens: ScreenRecordings | None = None
    _contacts: dict[str, FoundContact | None] = field(default_factory=dict, init=False, repr=False, compare=False)
    """Those of call audio that is open: a run asks for its facts next."""

    def __post_init__(self) -> None:
        if self.redacted != "ignore" and self.analysis_prefix is None:
            raise InputError(
                f"redacted call audio is wanted ({self.redacted}), and KOMOREBI_ANALYSIS_PREFIX is off: set the prefix "
                "of Contact Lens' files, or ignore the redacted audio"
            )

    def input_versions(self, recording: Recording) -> tuple[str, ...]:
        """Return key and ETag of both inputs, and of each analysis of the call.

        Raises:
            NotThereYetError: an input may still arrive.
            MissingMediaError: an input won't arrive.
            StorageError: a bucket doesn't answer.
            AccessDeniedError: it refuses access or doesn't exist.
        """
        call, _ = self._call_audio(recording)
        found = self._screen(recording)
        key = recording.agent_recording_key if found is None else found.key
        etag = self._own_etag(recording) if found is None else found.etag
        further = [] if found is not None else self._etags(recording, recording.further_recording_keys)
        analyses = (part for entry in self._analyses(recording) for part in (entry["Key"], str(entry.get("ETag", ""))))
        return (call["Key"], str(call.get("ETag", "")), key, etag, *further, *analyses)

    def has_results(self, recording: Recording, container: str, run_id: str) -> bool:
        """Return whether video, thumbnail and findings exist, all of this run.

        Raises:
            StorageError: the bucket doesn't answer.
            AccessDeniedError: it refuses access or doesn't exist.
        """
        return self.generation(recording, container).is_of(run_id)

    def generation(self, recording: Recording, container: str) -> Generation:
        """Return which run made each result.

        Raises:
            StorageError: the bucket doesn't answer.
            AccessDeniedError: it refuses access or doesn't exist.
        """
        return generation_of(self._upload(""), recording, container)

    def findings_version(self, recording: Recording) -> str:
        """Return the ETag of the published findings; empty without any.

        Raises:
            StorageError: the bucket doesn't answer.
            AccessDeniedError: it refuses access or doesn't exist.
        """
        present = self._upload("").look(recording.qc_key)
        return "" if present is None else present.etag

    def outputs(self, recording: Recording) -> tuple[tuple[str, int], ...]:
        """Return keys and sizes of all objects in the recording's folder of the output bucket.

        Raises:
            StorageError: the bucket doesn't answer.
            AccessDeniedError: it refuses access or doesn't exist.
        """
        listed = self._listed(recording.thumbnail_key.rpartition("/")[0] + "/", self.output_bucket)
        return tuple((entry["Key"], int(entry["Size"])) for entry in listed)

    @contextmanager
    def call_audio(self, recording: Recording) -> Iterator[Source]:
        """Open the call audio: of a contact's two recordings, the agent's part, or Contact Lens' redacted one.

        Raises:
            NotThereYetError: it may still arrive.
            MissingMediaError: it won't arrive, or the contact's record says that it was deleted.
            StorageError: the bucket doesn't answer.
            AccessDeniedError: it refuses access or doesn't exist.
        """
        entry, self._contacts[recording.recording_id] = self._call_audio(recording)
        with self._opened(recording, self.connect_bucket, entry["Key"], is_read_through=True) as source:
            yield source

    def analyses(self, recording: Recording) -> tuple[Source, ...]:
        """Read Contact Lens' analyses of the call; none if they aren't looked for, or not there.

        Raises:
            InputError: one is larger than an analysis can be.
            NotThereYetError: the redacted call audio is used, and its analysis may still arrive.
            MissingMediaError: it won't arrive.
            StorageError: the bucket doesn't answer.
            AccessDeniedError: it refuses access or doesn't exist.
        """
        return tuple(self._read(recording, str(entry["Key"])) for entry in self._analyses(recording))

    def contact(self, recording: Recording) -> FoundContact | None:
        """Return the contact's record, and the way in which the call audio was found; None without records.

        Raises:
            NotThereYetError: the call audio may still arrive.
            MissingMediaError: it won't arrive, or was deleted.
            StorageError: a bucket or the records' source doesn't answer.
            AccessDeniedError: one of them refuses access or doesn't exist.
        """
        if self.contacts is None:
            return None
        return self._contacts.pop(recording.recording_id, None) or self._call_audio(recording)[1]

    def transcript(self, recording: Recording) -> Source | None:  # noqa: ARG002  no bucket has one
        """Return no file: only Contact Lens' analyses have the words of a recording in AWS."""
        return None

    def _read(self, recording: Recording, key: str) -> Source:
        with self._opened(recording, self.connect_bucket, key, is_read_through=True) as source:
            check_size(source.name, source.size)
            content = source.file.read()
        return replace(source, file=io.BytesIO(content), open_again=None)

    def _analyses(self, recording: Recording) -> list[Mapping[str, Any]]:
        if self.analysis_prefix is None:
            return []
        listed = self._listed_of_contact_lens(analysis_prefixes(recording, self.analysis_prefix))
        keys = choose_analyses(recording.recording_id, listed)
        audio = None if self.redacted == "ignore" else choose_redacted_audio(recording.recording_id, listed)
        if audio is not None and not keys:
            raise self._absent(recording, f"the analysis of s3://{self.connect_bucket}/{audio}")
        return [listed[key] for key in keys]

    def _call_audio(self, recording: Recording) -> tuple[Mapping[str, Any], FoundContact | None]:
        """The call audio's key and ETag, and the contact if records are used."""
        recorded = None
        if self.contacts is not None:
            recorded = RecordedAudio.of(self.contacts, recording, self.connect_bucket, self.check_cancelled)
        redacted = self._redacted_audio(recording)
        if redacted is not None:
            return redacted, None if recorded is None else recorded.redacted()
        if recorded is None:
            return self._call_audio_by_prefix(recording), None
        named = recorded.entry(self.client, self.connect_bucket, partial(self._absent, recording))
        if named is not None:
            return named, recorded.taken()
        return self._call_audio_by_prefix(recording), recorded.by_prefix()

    def _redacted_audio(self, recording: Recording) -> Mapping[str, Any] | None:
        if self.redacted != "ignore" and self.analysis_prefix is not None:
            prefixes = analysis_prefixes(recording, self.analysis_prefix, redacted_only=True)
            listed = self._listed_of_contact_lens(prefixes)
            key = choose_redacted_audio(recording.recording_id, listed)
            if key is not None:
                return listed[key]
            if self.redacted == "require":
                raise self._absent(
                    recording,
                    f"the redacted call audio of recording {recording.recording_id} "
                    f"(s3://{self.connect_bucket}/{prefixes[0]}call_recording_redacted_*.wav, or a neighbouring day)",
                )
        return None

    def _call_audio_by_prefix(self, recording: Recording) -> Mapping[str, Any]:
        # All three days: the IVR's recording and the agent's may be on either side of midnight.
        prefixes = recording.call_audio_prefixes(self.connect_prefix)
        listed = self._listed_together(prefixes)
        key = choose_call_audio(recording.recording_id, listed)
        if key is None:
            raise self._absent(
                recording,
                f"the call audio of recording {recording.recording_id} "
                f"(s3://{self.connect_bucket}/{prefixes[0]}*.wav, or a neighbouring day)",
            )
        return listed[key]

    def _listed_of_contact_lens(self, prefixes: tuple[str, ...]) -> dict[str, Mapping[str, Any]]:
        try:
            return self._listed_together(prefixes)
        except AccessDeniedError as error:
            raise AccessDeniedError(
                f"{error}. It was listed under {self.analysis_prefix}/, for Contact Lens' analyses: allow that, or set "
                "KOMOREBI_ANALYSIS_PREFIX=off to go on without them"
            ) from error

    def _listed_together(self, prefixes: tuple[str, ...]) -> dict[str, Mapping[str, Any]]:
        """List several prefixes of Connect's bucket side by side, by key."""
        side_by_side = ThreadPoolExecutor(len(prefixes), "s3-list")
        try:
            days = side_by_side.map(lambda prefix: list(self._listed(prefix, self.connect_bucket)), prefixes)
            return {entry["Key"]: entry for day in days for entry in day}
        finally:
            side_by_side.shutdown(wait=False, cancel_futures=True)  # a cancelled run doesn't wait for an answer

    @contextmanager
    def agent_recording(self, recording: Recording) -> Iterator[Source]:
        """Open the agent recording: the browser's, or Amazon Connect's screen recording.

        Raises:
            NotThereYetError: it may still arrive.
            MissingMediaError: it won't arrive, or the contact's record says that it was deleted.
            StorageError: the bucket doesn't answer.
            AccessDeniedError: it refuses access or doesn't exist.
        """
        found = self._screen(recording)
        if found is None or self.screens is None:
            with self._opened(recording, self.input_bucket, recording.agent_recording_key) as source:
                yield source
        else:
            with self._opened(recording, self.screens.bucket, found.key) as source:
                yield replace(source, screen=found.screen)

    @contextmanager
    def further_recordings(self, recording: Recording) -> Iterator[tuple[Source, ...]]:
        """Open the further files of the browser's recording that the item names (`MediaStore.further_recordings`)."""
        with ExitStack() as stack:
            keys = recording.further_recording_keys
            keys = keys if keys and self._screen(recording) is None else ()
            yield tuple(stack.enter_context(self._opened(recording, self.input_bucket, key)) for key in keys)

    def _screen(self, recording: Recording) -> FoundScreen | None:
        """The screen recording that is the agent recording; None for the browser's recording."""
        if self.screens is None or (self.screens.rule == "fallback" and self._has_own(recording)):
            return None
        found = self.screens.find(self.client, recording, self.contacts, self.check_cancelled)
        if found is None and self.screens.rule == "only":
            raise self._absent(recording, self.screens.place_text(recording))
        return found

    def _own_etag(self, recording: Recording) -> str:
        return self._etags(recording, [recording.agent_recording_key])[1]

    def _etags(self, recording: Recording, keys: Iterable[str]) -> list[str]:
        """Keys of the browser's uploads, each with its ETag."""
        found = []
        for key in keys:
            with aws_errors(f"s3://{self.input_bucket}/{key}"), self._expecting(recording, self.input_bucket, key):
                found += [key, str(self.client.head_object(Bucket=self.input_bucket, Key=key)["ETag"])]
        return found

    def _has_own(self, recording: Recording) -> bool:
        try:
            self._own_etag(recording)
        except (NotThereYetError, MissingMediaError):
            return False
        return True

    @contextmanager
    def draft(
        self, recording: Recording, container: str, run_id: str = "", replaces: str | None = None
    ) -> Iterator[S3Draft]:
        """Begin the unified recording. It is sent while it is made, and stays invisible until it is published.

        Raises:
            StorageError: the bucket doesn't accept it. The message names anything that couldn't be undone.
            AccessDeniedError: the bucket refuses access or doesn't exist.
        """
        upload = self._upload(run_id or uuid.uuid4().hex)
        draft = S3Draft(upload, recording, container, self.stale_after, replaces)
        try:
            with closing(draft):
                yield draft
        except KomorebiError as error:
            if upload.left:
                raise type(error)(f"{error}; not removed, please delete: {', '.join(upload.left)}") from error
            raise

    def _upload(self, run_id: str) -> Upload:
        return Upload(self.client, self.output_bucket, run_id, self.check_cancelled)

    def _listed(self, prefix: str, bucket: str) -> Iterator[Mapping[str, Any]]:
        with aws_errors(f"bucket {bucket}"):
            for page in self.client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
                yield from page.get("Contents", ())

    def _absent(self, recording: Recording, what: str) -> KomorebiError:
        age = self.now().astimezone(UTC).replace(tzinfo=None) - recording.created
        hours = self.give_up_after / timedelta(hours=1)
        if age < self.give_up_after:
            return NotThereYetError(f"{what} isn't there yet: it may still arrive until {hours:g} h after creationDate")
        return MissingMediaError(
            f"{what} isn't there {age / timedelta(hours=1):.0f} h after creationDate, and won't arrive after "
            f"{hours:g} h: check that the item's agentID and creationDate are right, and that the object was written"
        )

    @contextmanager
    def _opened(
        self, recording: Recording, bucket: str, key: str, *, is_read_through: bool = False
    ) -> Iterator[Source]:
        """Open an object. After probing it is read again, from start to end if `is_read_through`."""
        where = f"s3://{bucket}/{key}"
        # The call is read once, so no block is needed again.
        memory_bytes = 0 if is_read_through else self.memory_bytes
        cache = LocalCache(self.cache_bytes, memory_bytes) if self.cache_bytes or memory_bytes else None
        with aws_errors(where), self._expecting(recording, bucket, key):
            found = S3Object.open(self.client, bucket, key, check_cancelled=self.check_cancelled, cache=cache)
        with closing(found):
            again = cast("Callable[[], BinaryIO]", partial(found.reader, is_read_through=is_read_through))
            file = cast("BinaryIO", found.reader())
            yield Source(where, file, found.size, again, (key, found.etag), found.etag, found.version_id)

    @contextmanager
    def _expecting(self, recording: Recording, bucket: str, key: str) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            if error_code(error) not in NO_SUCH_KEY:
                raise
            # The answer to HEAD has no body: only GET shows whether the key or the bucket is missing.
            with suppress(self.client.exceptions.NoSuchKey):
                self.client.get_object(Bucket=bucket, Key=key, Range="bytes=0-0")["Body"].close()
            raise self._absent(recording, f"s3://{bucket}/{key}") from error
