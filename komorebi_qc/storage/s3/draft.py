"""A video that is sent while it is made, and its publication beside thumbnail and findings, all of one run.

Two runs of one recording may publish at the same time. Each writes the findings, the thumbnail and the video, in this
order, and each under the condition that the object is as it was found. The findings have to be as they were when the
run began: they differ for each run, so the first write decides which run goes on. A run that finds another one's work
in its way undoes what it wrote, and fails; its message is retried. docs/operator/publication.md has the protocol.
"""

from __future__ import annotations

from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, BinaryIO, cast

from komorebi_qc.core.errors import ConcurrentRunError, KomorebiError, StorageError
from komorebi_qc.core.output import CONTAINERS
from komorebi_qc.core.provenance.record import DraftRecord
from komorebi_qc.storage.generation import Generation
from komorebi_qc.storage.protocols import CONTENT_TYPES, Published
from komorebi_qc.storage.s3.multipart_writer import PartStream
from komorebi_qc.storage.s3.publication import CAPTIONS, THUMBNAIL

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import timedelta

    from komorebi_qc.core.recording import Recording
    from komorebi_qc.storage.s3.publication import FoundObject, ObjectBackup, Upload


def generation_of(upload: Upload, recording: Recording, container: str) -> Generation:
    """Return which run made each result of a recording.

    Raises:
        StorageError: the bucket doesn't answer.
        AccessDeniedError: it refuses access.
    """
    keys = (recording.video_key(container), recording.thumbnail_key, recording.qc_key)
    video, thumbnail, qc = (upload.look(key) for key in keys)
    has_captions = qc is not None and qc.has_captions
    captions = upload.look(recording.captions_key) if has_captions else None
    return Generation(
        None if video is None else video.run_id,
        None if thumbnail is None else thumbnail.run_id,
        None if qc is None else qc.run_id,
        qc is None or qc.has_thumbnail,
        None if captions is None else captions.run_id,
        has_captions,
    )


class S3Draft:
    """A video that is sent while it is made (`komorebi_qc.storage.protocols.Draft`)."""

    def __init__(
        self,
        upload: Upload,
        recording: Recording,
        container: str,
        stale_after: timedelta,
        replaces: str | None,
    ) -> None:
        """Send nothing before `begin`.

        Args:
            upload: the requests.
            recording: the recording.
            container: of the video.
            stale_after: age from which another upload of the video belongs to a killed run.
            replaces: the ETag that the findings had when the run began, empty without any; None: any.
        """
        self._upload = upload
        self._recording = recording
        self._container = container
        self._stale_after = stale_after
        self._replaces = replaces
        self._stream: PartStream | None = None
        self._backups: dict[str, ObjectBackup | None] = {}

    def begin(self, head_bytes: int) -> BinaryIO:
        """Return a new upload. The parts of the previous one are deleted."""
        self.close()
        self._stream = PartStream(
            self._upload,
            self._video_key,
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
        folder, _, video = self._video_key.rpartition("/")
        names = (self._recording.thumbnail_key, self._recording.captions_key)
        thumbnail, captions = (key.rpartition("/")[2] for key in names)
        return DraftRecord(self._upload.where(folder), video, thumbnail, self._stream.digest(), captions)

    def publish(
        self, *, thumbnail: bytes | None, qc: bytes | None, captions: bytes | None = None, replaces_all: bool = False
    ) -> Published:
        """Publish the video, the thumbnail, the captions and the findings: all complete, or none.

        The video's last parts are sent first, then the small objects; then one request makes the video visible. A
        failure before that is undone. An earlier run's other results are removed after that. If they can't be removed,
        the run fails, and its retry removes them.

        Raises:
            ConcurrentRunError: another run of the same recording published since this one began.
            StorageError: the bucket doesn't accept them.
            AccessDeniedError: the bucket refuses access or doesn't exist.
            ValueError: `begin` wasn't called.
        """
        stream, upload, recording = self._stream, self._upload, self._recording
        if stream is None:
            raise ValueError("a draft has to be begun and written before it is published")
        with ExitStack() as undo:
            show_video = stream.finish(undo)
            small = ((recording.thumbnail_key, "png", thumbnail), (recording.captions_key, "vtt", captions))
            written = [(key, kind, body) for key, kind, body in small if body is not None]
            leaves_captions = self._find_present([key for key, *_ in written])
            earlier = self._find_earlier(
                [key for key, _, body in small if body is None], is_all=replaces_all, leaves_captions=leaves_captions
            )
            if qc is not None:
                metadata = {} if thumbnail else {THUMBNAIL: "none"}
                if captions is not None or leaves_captions:
                    metadata[CAPTIONS] = "removed" if captions is None else "yes"
                self._put(undo, recording.qc_key, "json", qc, metadata)
            for key, kind, body in written:
                self._put(undo, key, kind, body)
            show_video()
            shown = undo.pop_all()
        self._check_video(shown)
        for key, found in earlier.items():
            upload.remove_earlier(key, found)
        return Published(
            video=upload.where(self._video_key),
            thumbnail=None if thumbnail is None else upload.where(recording.thumbnail_key),
            qc=None if qc is None else upload.where(recording.qc_key),
            video_bytes=stream.size,
            thumbnail_bytes=len(thumbnail or b""),
            video_etag=stream.etag,
            video_version_id=stream.version_id,
            captions=None if captions is None else upload.where(recording.captions_key),
        )

    def close(self) -> None:
        """Delete the sent parts, unless the video is published."""
        if self._stream is not None:
            self._stream.close()

    @property
    def _video_key(self) -> str:
        return self._recording.video_key(self._container)

    def _find_present(self, small_keys: Iterable[str]) -> bool:
        """Look at all objects before the first is written: nobody else may write any of them from now on.

        Returns:
            Whether an earlier run may have left captions.
        """
        upload, recording = self._upload, self._recording
        findings = self._backups[recording.qc_key] = upload.back_up(recording.qc_key)
        if self._replaces is not None and self._replaces != ("" if findings is None else findings.found.etag):
            raise ConcurrentRunError(
                f"another run wrote {upload.where(recording.qc_key)} since this one began: a retry finds its results, "
                "or makes its own"
            )
        for key in small_keys:
            self._backups[key] = upload.back_up(key)
        upload.found[self._video_key] = upload.look(self._video_key)
        return findings is not None and findings.found.may_leave_captions

    def _find_earlier(
        self, not_written: Sequence[str], *, is_all: bool, leaves_captions: bool
    ) -> dict[str, FoundObject]:
        """Look for results of an earlier run that this one doesn't write, and that have to go.

        Args:
            not_written: keys of small objects that this run doesn't write.
            is_all: whether all of them have to go, and a video in another container; else captions alone.
            leaves_captions: whether an earlier run may have left captions.
        """
        recording = self._recording
        others = [recording.video_key(container) for container in CONTAINERS if container != self._container]
        keys = others if is_all else []  # the video first: it holds the most
        keys += [key for key in not_written if is_all or (leaves_captions and key == recording.captions_key)]
        found = {key: self._upload.look(key) for key in keys}
        return {key: present for key, present in found.items() if present is not None}

    def _put(
        self, undo: ExitStack, key: str, kind: str, body: bytes, metadata: Mapping[str, str] | None = None
    ) -> None:
        undo.callback(self._upload.put_back, key, self._backups[key])
        self._upload.put(key, CONTENT_TYPES[kind], body, **(metadata or {}))

    def _check_video(self, undo: ExitStack) -> None:
        """Compare the video in the bucket with what was sent.

        Raises:
            StorageError: it differs, and was removed. The small objects are as they were.
        """
        present, stream = None, self._stream
        with suppress(KomorebiError):  # the video is in sight; the look before the item is marked will find out
            present = self._upload.look(self._video_key)
        if stream is None or present is None or present.run_id != self._upload.run_id:
            return
        # A checksum of another form, without the number of parts, isn't of the parts.
        is_other = "-" in present.checksum and present.checksum != stream.digest().sha256_of_parts
        if present.size == stream.size and not is_other:
            return
        self._upload.remove(self._video_key)
        undo.close()
        raise StorageError(
            f"{self._upload.where(self._video_key)} isn't what was sent ({present.size} bytes instead of "
            f"{stream.size}, or another checksum): it was removed, and a retry makes it again"
        )
