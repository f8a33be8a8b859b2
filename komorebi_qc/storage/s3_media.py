"""The media in S3: read by ranges, and written while they are made; nothing lies on this machine's disk.

Nothing is left half done: a result becomes visible in one request, its last, and what was sent before is taken back
where that request isn't reached. A run that is killed leaves a multipart upload that nobody sees; the next run of the
same recording aborts it. In the output bucket stays what an earlier run left there under other names: a rerun that
turns MP4 into WebM doesn't delete the old ``recording.mp4``, and one without a thumbnail keeps the old thumbnail.

The rights it needs: ``s3:ListBucket`` on all three buckets (without it a missing object looks like a refused one);
``s3:GetObject`` on their objects; ``s3:PutObject``, ``s3:DeleteObject`` and ``s3:AbortMultipartUpload`` on the
output's, and ``s3:ListBucketMultipartUploads`` on that bucket, to find what killed runs left (without it the bucket's
own lifecycle rule has to).
"""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from komorebi_qc.core.errors import KomorebiError, MissingMediaError, NotThereYetError
from komorebi_qc.core.recording import Recording, choose_call_audio
from komorebi_qc.core.source import Source
from komorebi_qc.storage.aws_errors import NO_SUCH_KEY, aws_errors, error_code
from komorebi_qc.storage.protocols import CONTENT_TYPES, Published
from komorebi_qc.storage.s3_block_cache import LocalCache
from komorebi_qc.storage.s3_multipart_writer import STALE_AFTER, PartStream
from komorebi_qc.storage.s3_publication import Upload
from komorebi_qc.storage.s3_reader import S3Object

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

IN_MEMORY_BYTES = 64 << 20
"""Nine minutes at 1 Mbit/s: most calls come once, and memory has a limit that no recording moves."""


@dataclass(frozen=True, slots=True)
class S3Media:
    """Connect's, the input and the output bucket (`komorebi_qc.storage.protocols.MediaStore`).

    Attributes:
        client: boto3's ``s3`` client.
        connect_bucket: where Connect writes; ``connect_prefix`` stands before ``CallRecordings/``.
        input_bucket: where the browser's recordings are.
        output_bucket: where results go.
        give_up_after: how long after the item's ``creationDate`` a missing object may still come. Its zone isn't
            known, so under 26 hours it would be given up too early somewhere.
        now: the present, with its zone.
        check_cancelled: called between two reads, between two parts of an upload, and while waiting for them. An
            exception from it stops the transfer.
        cache_bytes: inputs of up to so many bytes are kept on disk as they are read, so that none comes twice.
        memory_bytes: a recording of up to so many bytes is kept in memory instead.
        stale_after: how old another upload of the same video has to be to be taken for a killed run's.
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

    def input_versions(self, recording: Recording) -> tuple[str, ...]:
        """Key and ETag of both inputs.

        Raises:
            NotThereYetError: where one may still come.
            MissingMediaError: where it won't.
            StorageError: where a bucket doesn't answer.
            AccessDeniedError: where it refuses or doesn't exist.
        """
        call = self._call_audio(recording)
        key = recording.agent_recording_key
        where = f"s3://{self.input_bucket}/{key}"
        with aws_errors(where), self._expecting(recording, self.input_bucket, key):
            told = self.client.head_object(Bucket=self.input_bucket, Key=key)
        return (call["Key"], str(call.get("ETag", "")), key, str(told["ETag"]))

    def has_video(self, recording: Recording, container: str) -> bool:
        """Whether the unified recording lies in its place.

        Raises:
            StorageError: where the bucket doesn't answer.
            AccessDeniedError: where it refuses or doesn't exist.
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
        """Keys and bytes of all that lies in the recording's folder of the output bucket.

        Raises:
            StorageError: where the bucket doesn't answer.
            AccessDeniedError: where it refuses or doesn't exist.
        """
        listed = self._listed(recording.thumbnail_key.rpartition("/")[0] + "/", self.output_bucket)
        return tuple((entry["Key"], int(entry["Size"])) for entry in listed)

    @contextmanager
    def call_audio(self, recording: Recording) -> Iterator[Source]:
        """Connect's audio of the call: of a contact's two recordings, the agent's.

        Raises:
            NotThereYetError: where it may still come.
            MissingMediaError: where it won't.
            StorageError: where the bucket doesn't answer.
            AccessDeniedError: where it refuses or doesn't exist.
        """
        with self._opened(
            recording, self.connect_bucket, self._call_audio(recording)["Key"], is_read_through=True
        ) as source:
            yield source

    def _call_audio(self, recording: Recording) -> Mapping[str, Any]:
        # All three days: the IVR's recording and the agent's may lie on either side of midnight.
        prefixes = recording.call_audio_prefixes(self.connect_prefix)
        side_by_side = ThreadPoolExecutor(len(prefixes), "s3-list")
        try:
            days = side_by_side.map(lambda prefix: list(self._listed(prefix, self.connect_bucket)), prefixes)
            listed = {entry["Key"]: entry for day in days for entry in day}
        finally:
            side_by_side.shutdown(wait=False, cancel_futures=True)  # whoever is stopped doesn't wait for an answer
        key = choose_call_audio(recording.recording_id, listed)
        if key is None:
            raise self._absent(
                recording,
                f"Connect's audio of recording {recording.recording_id} "
                f"(s3://{self.connect_bucket}/{prefixes[0]}*.wav, or a day beside it)",
            )
        return listed[key]

    @contextmanager
    def agent_recording(self, recording: Recording) -> Iterator[Source]:
        """The browser's recording.

        Raises:
            NotThereYetError: where it may still come.
            MissingMediaError: where it won't.
            StorageError: where the bucket doesn't answer.
            AccessDeniedError: where it refuses or doesn't exist.
        """
        with self._opened(recording, self.input_bucket, recording.agent_recording_key) as source:
            yield source

    @contextmanager
    def draft(self, recording: Recording, container: str, expected_bytes: int) -> Iterator[S3Draft]:
        """Begin the unified recording: it goes up while it is made, where nobody sees it.

        Raises:
            StorageError: where the bucket doesn't take it; a thing that couldn't be undone is named.
            AccessDeniedError: where the bucket refuses or doesn't exist.
        """
        upload = Upload(self.client, self.output_bucket, uuid.uuid4().hex, self.check_cancelled)
        draft = S3Draft(upload, recording, container, expected_bytes, self.stale_after)
        try:
            with closing(draft):
                yield draft
        except KomorebiError as error:
            if upload.left:
                raise type(error)(f"{error}; left behind, please remove: {', '.join(upload.left)}") from error
            raise

    def _listed(self, prefix: str, bucket: str) -> Iterator[Mapping[str, Any]]:
        with aws_errors(f"bucket {bucket}"):
            for page in self.client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
                yield from page.get("Contents", ())

    def _absent(self, recording: Recording, what: str) -> KomorebiError:
        age = self.now().astimezone(UTC).replace(tzinfo=None) - recording.created
        hours = self.give_up_after / timedelta(hours=1)
        if age < self.give_up_after:
            return NotThereYetError(f"{what} isn't there yet: until {hours:g} h after creationDate it may still come")
        return MissingMediaError(
            f"{what} isn't there {age / timedelta(hours=1):.0f} h after creationDate, and after {hours:g} h nothing "
            "comes any more: check that the item's agentID and creationDate are right, and that the object was written"
        )

    @contextmanager
    def _opened(
        self, recording: Recording, bucket: str, key: str, *, is_read_through: bool = False
    ) -> Iterator[Source]:
        """An object; once it has been looked into it is read again, from its start to its end if `is_read_through`."""
        where = f"s3://{bucket}/{key}"
        # The call is read once, so that nothing of it is wanted again.
        memory_bytes = 0 if is_read_through else self.memory_bytes
        cache = LocalCache(self.cache_bytes, memory_bytes) if self.cache_bytes or memory_bytes else None
        with aws_errors(where), self._expecting(recording, bucket, key):
            found = S3Object.open(self.client, bucket, key, check_cancelled=self.check_cancelled, cache=cache)
        with closing(found):
            again = cast("Callable[[], BinaryIO]", partial(found.reader, is_read_through=is_read_through))
            yield Source(where, cast("BinaryIO", found.reader()), found.size, again, (key, found.etag))

    @contextmanager
    def _expecting(self, recording: Recording, bucket: str, key: str) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            if error_code(error) not in NO_SUCH_KEY:
                raise
            # A HEAD's answer has no body: whether the key is missing or the bucket, only a GET tells.
            with suppress(self.client.exceptions.NoSuchKey):
                self.client.get_object(Bucket=bucket, Key=key, Range="bytes=0-0")["Body"].close()
            raise self._absent(recording, f"s3://{bucket}/{key}") from error


class S3Draft:
    """A video that goes up while it is made (`komorebi_qc.storage.protocols.Draft`)."""

    def __init__(
        self, upload: Upload, recording: Recording, container: str, expected_bytes: int, stale_after: timedelta
    ) -> None:
        """Nothing is sent before `begin`."""
        self._upload = upload
        self._recording = recording
        self._container = container
        self._expected_bytes = expected_bytes
        self._stale_after = stale_after
        self._stream: PartStream | None = None

    def begin(self, head_bytes: int) -> BinaryIO:
        """A new upload; what was sent by the one before is taken back."""
        self.close()
        self._stream = PartStream(
            self._upload,
            self._recording.video_key(self._container),
            CONTENT_TYPES[self._container],
            head_bytes=head_bytes,
            expected_bytes=self._expected_bytes,
            stale_after=self._stale_after,
        )
        return cast("BinaryIO", self._stream)

    def written(self) -> Source | None:
        """Nothing: it has been sent."""
        return None

    def front(self) -> bytes:
        """The first part, which is sent last."""
        return b"" if self._stream is None else self._stream.head()

    def publish(self, *, thumbnail: bytes | None, qc: bytes | None) -> Published:
        """Put the video, the thumbnail and the findings in their places: all complete, or none.

        The video's last parts go up first; then the small objects; then one request makes the video visible. What
        fails before that is undone.

        Raises:
            StorageError: where the bucket doesn't take them.
            AccessDeniedError: where the bucket refuses or doesn't exist.
            ValueError: where nothing was begun.
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
                # Right before it is replaced: another run of the same recording may be at it.
                undo.callback(upload.put_back, key, upload.keep(key), video_key, mark)
                upload.put(key, content_type, body)
            show_video()
            undo.pop_all()
        return Published(
            video=upload.where(recording.video_key(self._container)),
            thumbnail=None if thumbnail is None else upload.where(recording.thumbnail_key),
            qc=None if qc is None else upload.where(recording.qc_key),
            video_bytes=self._stream.size,
            thumbnail_bytes=len(thumbnail or b""),
        )

    def close(self) -> None:
        """Take back what was sent, unless it has been published."""
        if self._stream is not None:
            self._stream.close()
