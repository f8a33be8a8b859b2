"""Media in S3: read by ranges, and written while they are made, without temporary files.

Nothing is left half done: a result becomes visible with its last request, and earlier requests are undone if that one
isn't reached. A killed run leaves an invisible multipart upload; the next run of the same recording aborts it. Other
results of an earlier run stay: a rerun that turns MP4 into WebM doesn't delete the old ``recording.mp4``, and one
without a thumbnail keeps the old thumbnail.

The rights it needs: ``s3:ListBucket`` on all three buckets (without it, a missing object looks like a refused one);
``s3:GetObject`` on their objects, Contact Lens' among them; ``s3:PutObject``, ``s3:DeleteObject`` and
``s3:AbortMultipartUpload`` on the output bucket's objects, and ``s3:ListBucketMultipartUploads`` on that bucket, to
find uploads of killed runs (without it, the bucket's lifecycle rule deletes them).
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
from komorebi_qc.core.provenance.record import DraftRecord
from komorebi_qc.core.recording import Recording, choose_call_audio
from komorebi_qc.core.source import Source
from komorebi_qc.storage.aws_errors import NO_SUCH_KEY, aws_errors, error_code
from komorebi_qc.storage.protocols import CONTENT_TYPES, Published
from komorebi_qc.storage.s3.block_cache import LocalCache
from komorebi_qc.storage.s3.multipart_writer import PartStream
from komorebi_qc.storage.s3.object import S3Object
from komorebi_qc.storage.s3.publication import Upload
from komorebi_qc.storage.s3.stale_uploads import STALE_AFTER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from komorebi_qc.core.privacy.redactions import RedactedChoice

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
        call = self._call_audio(recording)
        key = recording.agent_recording_key
        where = f"s3://{self.input_bucket}/{key}"
        with aws_errors(where), self._expecting(recording, self.input_bucket, key):
            head = self.client.head_object(Bucket=self.input_bucket, Key=key)
        analyses = (part for entry in self._analyses(recording) for part in (entry["Key"], str(entry.get("ETag", ""))))
        return (call["Key"], str(call.get("ETag", "")), key, str(head["ETag"]), *analyses)

    def has_video(self, recording: Recording, container: str) -> bool:
        """Return whether the unified recording exists.

        Raises:
            StorageError: the bucket doesn't answer.
            AccessDeniedError: it refuses access or doesn't exist.
        """
        key = recording.video_key(container)
        with aws_errors(f"s3://{self.output_bucket}/{key}"):
            try:
                self.client.head_object(Bucket=self.output_bucket, Key=key)
            except Exception as error:
                if error_code(error) in NO_SUCH_KEY:
                    return False
                raise
        return True

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
            MissingMediaError: it won't arrive.
            StorageError: the bucket doesn't answer.
            AccessDeniedError: it refuses access or doesn't exist.
        """
        with self._opened(
            recording, self.connect_bucket, self._call_audio(recording)["Key"], is_read_through=True
        ) as source:
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

    def _call_audio(self, recording: Recording) -> Mapping[str, Any]:
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
        """Open the agent recording.

        Raises:
            NotThereYetError: it may still arrive.
            MissingMediaError: it won't arrive.
            StorageError: the bucket doesn't answer.
            AccessDeniedError: it refuses access or doesn't exist.
        """
        with self._opened(recording, self.input_bucket, recording.agent_recording_key) as source:
            yield source

    @contextmanager
    def draft(self, recording: Recording, container: str) -> Iterator[S3Draft]:
        """Begin the unified recording. It is sent while it is made, and stays invisible until it is published.

        Raises:
            StorageError: the bucket doesn't accept it. The message names anything that couldn't be undone.
            AccessDeniedError: the bucket refuses access or doesn't exist.
        """
        upload = Upload(self.client, self.output_bucket, uuid.uuid4().hex, self.check_cancelled)
        draft = S3Draft(upload, recording, container, self.stale_after)
        try:
            with closing(draft):
                yield draft
        except KomorebiError as error:
            if upload.left:
                raise type(error)(f"{error}; not removed, please delete: {', '.join(upload.left)}") from error
            raise

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


class S3Draft:
    """A video that is sent while it is made (`komorebi_qc.storage.protocols.Draft`)."""

    def __init__(self, upload: Upload, recording: Recording, container: str, stale_after: timedelta) -> None:
        """Send nothing before `begin`."""
        self._upload = upload
        self._recording = recording
        self._container = container
        self._stale_after = stale_after
        self._stream: PartStream | None = None

    def begin(self, head_bytes: int) -> BinaryIO:
        """Return a new upload. The parts of the previous one are deleted."""
        self.close()
        self._stream = PartStream(
            self._upload,
            self._recording.video_key(self._container),
            CONTENT_TYPES[self._container],
            head_bytes=head_bytes,
            stale_after=self._stale_after,
        )
        return cast("BinaryIO", self._stream)

    def front(self) -> bytes:
        """Return the first part, which is sent last."""
        return b"" if self._stream is None else self._stream.head()

    def record(self) -> DraftRecord:
        """Send the rest of the video, and return its digest.

        Raises:
            StorageError: the bucket doesn't accept it.
            AccessDeniedError: the bucket refuses access or doesn't exist.
            ValueError: `begin` wasn't called.
        """
        if self._stream is None:
            raise ValueError("a draft has to be begun and written before it is recorded")
        folder, _, video = self._recording.video_key(self._container).rpartition("/")
        thumbnail = self._recording.thumbnail_key.rpartition("/")[2]
        return DraftRecord(self._upload.where(folder), video, thumbnail, self._stream.digest())

    def publish(self, *, thumbnail: bytes | None, qc: bytes | None) -> Published:
        """Publish the video, the thumbnail and the findings: all complete, or none.

        The video's last parts are sent first, then the small objects; then one request makes the video visible. A
        failure before that is undone.

        Raises:
            StorageError: the bucket doesn't accept them.
            AccessDeniedError: the bucket refuses access or doesn't exist.
            ValueError: `begin` wasn't called.
        """
        if self._stream is None:
            raise ValueError("a draft has to be begun and written before it is published")
        upload, recording = self._upload, self._recording
        small = [(recording.thumbnail_key, "png", thumbnail), (recording.qc_key, "json", qc)]
        wanted = [(key, CONTENT_TYPES[kind], body) for key, kind, body in small if body is not None]
        with ExitStack() as undo:
            show_video = self._stream.finish(undo)
            video_key = recording.video_key(self._container)
            mark = upload.mark_of(video_key)
            for key, content_type, body in wanted:
                # Back up right before replacing: another run of the same recording may be active.
                undo.callback(upload.put_back, key, upload.back_up(key), video_key, mark)
                upload.put(key, content_type, body)
            show_video()
            undo.pop_all()
        return Published(
            video=upload.where(recording.video_key(self._container)),
            thumbnail=None if thumbnail is None else upload.where(recording.thumbnail_key),
            qc=None if qc is None else upload.where(recording.qc_key),
            video_bytes=self._stream.size,
            thumbnail_bytes=len(thumbnail or b""),
            video_etag=self._stream.etag,
            video_version_id=self._stream.version_id,
        )

    def close(self) -> None:
        """Delete the sent parts, unless the video is published."""
        if self._stream is not None:
            self._stream.close()
