"""The media in S3.

Nothing is left half done: inputs come into files without a name, and a result becomes visible in one request, its
last. In the output bucket stays what an earlier run left there under other names: a rerun that turns MP4 into WebM
doesn't delete the old ``recording.mp4``, and one without a thumbnail keeps the old thumbnail.

The rights it needs: ``s3:ListBucket`` on all three buckets (without it a missing object looks like a refused one);
``s3:GetObject`` on their objects; ``s3:PutObject``, ``s3:DeleteObject`` and ``s3:AbortMultipartUpload`` on the
output's.
"""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
import uuid
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, BinaryIO

from komorebi_qc.aws_errors import NO_SUCH_KEY, aws_errors, error_code
from komorebi_qc.errors import DoesNotFitError, KomorebiError, MissingMediaError, NotThereYetError, StorageError
from komorebi_qc.recording import Recording, choose_call_audio
from komorebi_qc.s3_upload import Upload
from komorebi_qc.stores import CONTENT_TYPES, Published, Source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_READ_BYTES = 1 << 20
_RESUMES = 4
_SPARE_BYTES = 8 << 20


@contextmanager
def _room_on_disk(what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageError(
                f"no room left in {tempfile.gettempdir()} for {what}: free some, give the function more "
                "ephemeral storage, or set TMPDIR"
            ) from error
        raise


def _room() -> tuple[int, int]:
    usage = shutil.disk_usage(tempfile.gettempdir())
    return usage.total, usage.free


@dataclass(frozen=True, slots=True)
class S3Media:
    """Connect's, the input and the output bucket (`komorebi_qc.stores.MediaStore`).

    Attributes:
        client: boto3's ``s3`` client.
        connect_bucket: where Connect writes; ``connect_prefix`` stands before ``CallRecordings/``.
        input_bucket: where the browser's recordings are.
        output_bucket: where results go.
        give_up_after: how long after the item's ``creationDate`` a missing object may still come. Its zone isn't
            known, so under 26 hours it would be given up too early somewhere.
        now: the present, with its zone.
        between: called between two reads and between two parts of an upload: what it raises stops the transfer.
        room: how many bytes the disk for temporary files has, and how many of them are free.
    """

    client: Any
    connect_bucket: str
    input_bucket: str
    output_bucket: str
    connect_prefix: str = ""
    give_up_after: timedelta = timedelta(hours=48)
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
    between: Callable[[], None] = field(default=lambda: None)
    room: Callable[[], tuple[int, int]] = field(default=_room)

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
        with aws_errors(where):
            try:
                told = self.client.head_object(Bucket=self.input_bucket, Key=key)
            except Exception as error:
                if error_code(error) in NO_SUCH_KEY:
                    raise self._absent(recording, where) from error
                raise
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
            DoesNotFitError: where there is no room for it.
        """
        with self._fetched(recording, self.connect_bucket, self._call_audio(recording)["Key"]) as source:
            yield source

    def _call_audio(self, recording: Recording) -> Mapping[str, Any]:
        # All three days: the IVR's recording and the agent's may lie on either side of midnight.
        prefixes = recording.call_audio_prefixes(self.connect_prefix)
        listed = {entry["Key"]: entry for p in prefixes for entry in self._listed(p, self.connect_bucket)}
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
        with self._fetched(recording, self.input_bucket, recording.agent_recording_key) as source:
            yield source

    @contextmanager
    def scratch(self) -> Iterator[BinaryIO]:
        """A file without a name: it is gone with the context, and with the process however that ends.

        Raises:
            StorageError: where the disk is full, now or while the file is written.
        """
        with _room_on_disk("the video"), tempfile.TemporaryFile() as file:
            yield file

    def publish(
        self, recording: Recording, container: str, video: BinaryIO, *, thumbnail: bytes | None, qc: bytes | None
    ) -> Published:
        """Put the video, the thumbnail and the findings in their places: all complete, or none.

        The video's parts go up first, where nobody sees them; then the small objects; then one request makes the video
        visible. What fails before that is undone.

        Raises:
            StorageError: where the bucket doesn't take them; a thing that couldn't be undone is named.
            AccessDeniedError: where the bucket refuses or doesn't exist.
        """
        upload = Upload(self.client, self.output_bucket, uuid.uuid4().hex, self.between)
        size = video.seek(0, os.SEEK_END)
        video.seek(0)
        video_key = recording.video_key(container)
        small = [(recording.thumbnail_key, "png", thumbnail), (recording.qc_key, "json", qc)]
        wanted = [(key, CONTENT_TYPES[kind], body) for key, kind, body in small if body is not None]
        try:
            with ExitStack() as undo:
                kept = {key: upload.keep(key) for key, _, _ in wanted}
                show_video = upload.prepare(video_key, CONTENT_TYPES[container], video, size, undo)
                for key, content_type, body in wanted:
                    undo.callback(upload.put_back, key, kept[key])
                    upload.put(key, content_type, body)
                show_video()
                undo.pop_all()
        except KomorebiError as error:
            if upload.left:
                raise type(error)(f"{error}; left behind, please remove: {', '.join(upload.left)}") from error
            raise
        return Published(
            video=f"s3://{self.output_bucket}/{video_key}",
            thumbnail=None if thumbnail is None else f"s3://{self.output_bucket}/{recording.thumbnail_key}",
            qc=None if qc is None else f"s3://{self.output_bucket}/{recording.qc_key}",
            video_bytes=size,
            thumbnail_bytes=len(thumbnail or b""),
        )

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
    def _fetched(self, recording: Recording, bucket: str, key: str) -> Iterator[Source]:
        where = f"s3://{bucket}/{key}"
        with tempfile.TemporaryFile() as file:
            with aws_errors(where), _room_on_disk(where):
                try:
                    answer = self.client.get_object(Bucket=bucket, Key=key)
                except Exception as error:
                    if error_code(error) in NO_SUCH_KEY:
                        raise self._absent(recording, where) from error
                    raise
                self._refuse_too_large(where, int(answer["ContentLength"]), answer["Body"])
                self._read_all(answer, bucket, key, file)
            size = file.tell()
            file.seek(0)
            yield Source(where, file, size)

    def _refuse_too_large(self, where: str, size: int, body: Any) -> None:
        """An input and the output made of it have to fit; better told now than when the disk is full."""
        needed, (total, free) = 2 * size + _SPARE_BYTES, self.room()
        if needed <= free:
            return
        body.close()
        told = (
            f"{where} has {size / 1e6:.0f} MB, and what is made of it as much again: {needed / 1e6:.0f} MB are needed "
            f"in {tempfile.gettempdir()}"
        )
        if needed <= total:
            raise StorageError(f"{told}, and only {free / 1e6:.0f} MB are free just now: it is worth another try")
        raise DoesNotFitError(
            f"{told}, which has {total / 1e6:.0f} MB in all. Give the function more ephemeral storage, or process this "
            "recording by `komorebi-qc process` on a machine with a larger disk"
        )

    def _read_all(self, answer: Any, bucket: str, key: str, file: BinaryIO) -> None:
        """Copy the object into `file`; go on where the connection broke, as long as it is the same object."""
        where, size, etag = f"s3://{bucket}/{key}", int(answer["ContentLength"]), answer["ETag"]
        for resumes_left in range(_RESUMES, -1, -1):
            try:
                with aws_errors(where), closing(answer["Body"]) as body:
                    while chunk := body.read(_READ_BYTES):
                        file.write(chunk)
                        self.between()
                break
            except StorageError:
                if not resumes_left or file.tell() >= size:
                    raise
            with aws_errors(where):
                answer = self.client.get_object(Bucket=bucket, Key=key, Range=f"bytes={file.tell()}-", IfMatch=etag)
        if file.tell() != size:
            raise StorageError(f"{where} gave {file.tell()} of its {size} bytes: it is worth another try")
