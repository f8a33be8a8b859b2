"""A multipart upload, written while the video is made; its first part is sent last.

A muxer writes from front to back, and at the end once more into the front, where it reserved room for the index. So the
first part waits in memory, and every other part is sent as soon as it is full. Each part is sent with its SHA-256: S3
rejects a part that doesn't match, and checks the parts again when the upload is completed. The SHA-256 of all parts'
SHA-256 is the object's own checksum on S3, and the digest in ``qc.json``.
"""

from __future__ import annotations

import base64
import hashlib
import io
import threading
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from komorebi_qc.core.errors import DoesNotFitError
from komorebi_qc.core.provenance.parts import digest_of_bytes, digest_of_parts
from komorebi_qc.storage.aws_errors import aws_errors
from komorebi_qc.storage.s3 import publication as s3_upload
from komorebi_qc.storage.s3.stale_uploads import STALE_AFTER, clear_stale

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import ExitStack
    from datetime import timedelta

    from komorebi_qc.core.provenance.parts import FileDigest
    from komorebi_qc.storage.s3.publication import Upload

_AT_ONCE = 2
_POLL_S = 0.25
_LAST_PARTS_S = 5.0
_HEADER_BYTES = 64 << 10


class HeadTooSmallError(io.UnsupportedOperation):
    """A write into the file's front is larger than the front, and the bytes behind it are already sent."""


@dataclass(frozen=True, slots=True)
class _Sent:
    """A sent part.

    Attributes:
        number: from 1 on.
        receipt: S3's ETag and checksum, which completing the upload needs.
        sha256: of its content.
    """

    number: int
    receipt: dict[str, str]
    sha256: bytes


class PartStream(io.RawIOBase):
    """A file for a muxer, sent while it grows. Only its front can be written twice.

    The object becomes visible when the function that `finish` returns is called. A file no larger than its first part
    is sent in one request. An error that ends the writing is raised once. Later writes are ignored, because FFmpeg
    flushes its buffers on close; `finish` raises the error again.

    Memory holds the first part, two parts in flight and the part being filled.

    Attributes:
        size: bytes written so far, from the file's start to its end.
        etag: of the visible object; empty before, and if S3's answer was lost.
        version_id: of the visible object, in a bucket with versions; empty otherwise.
    """

    def __init__(
        self,
        upload: Upload,
        key: str,
        content_type: str,
        *,
        head_bytes: int,
        part_bytes: int | None = None,
        stale_after: timedelta = STALE_AFTER,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Open the file; nothing is sent yet.

        Args:
            upload: the publication; its `check_cancelled` is called before each part and at least twice a second while
                `write` or `finish` wait. An exception from it ends the writing.
            key: of the object.
            content_type: of the object.
            head_bytes: room for the index at the file's front, in addition to the container's own header.
            part_bytes: size of a part; 8 MiB by default. S3 accepts 5 MiB and more.
            stale_after: age from which another upload of this key belongs to a killed run.
            now: returns the current time, with its time zone.
        """
        super().__init__()
        self._upload = upload
        self._key = key
        self._content_type = content_type
        self._part_bytes = s3_upload.PART_BYTES if part_bytes is None else part_bytes
        self._stale_after = stale_after
        self._now = now
        self._part: bytearray | None = None
        # Buffers are reused: freeing blocks of megabytes makes the C library keep more of them.
        self._spare: list[bytearray] = []
        self._filled = 0
        self._number = 1
        self._upload_id: str | None = None
        self._sending: set[Future[_Sent]] = set()
        self._sent: list[_Sent] = []
        self._failure: BaseException | None = None
        self._is_finished = self._is_completed = self._is_aborted = self._is_taken_back = False
        self._at = 0
        self.size = 0
        self.etag = self.version_id = ""
        self._first = bytearray(max(self._part_bytes, head_bytes + _HEADER_BYTES))
        self._head = memoryview(self._first)

    def writable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True: the front and the end can be sought."""
        return True

    def tell(self) -> int:
        """Return the position of the next byte."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a position in the front, or to the end. Skipped bytes in the front are zero.

        Raises:
            io.UnsupportedOperation: any other position.
        """
        at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self.size}[whence]
        if not self._is_over:
            with self._ending():
                if at != self.size and not 0 <= at <= len(self._head):
                    raise io.UnsupportedOperation(
                        f"{self._where} is sent while it is written: byte {at} is neither among its first "
                        f"{len(self._head)} bytes nor its end, byte {self.size}"
                    )
        self._at = at
        return at

    def write(self, data: Any) -> int:
        """Write all of `data`. Wait if two parts are in flight and a third one is full.

        Raises:
            io.UnsupportedOperation: the write is neither at the end nor inside the front, or `finish` was called.
            StorageError: S3 didn't accept a part.
            AccessDeniedError: S3 refuses access.
            DoesNotFitError: S3 accepts no more parts.
        """
        view = memoryview(data).cast("B")
        if not self._is_over:
            with self._ending():
                if self._is_finished:
                    raise io.UnsupportedOperation(f"{self._where} is finished: nothing can be written any more")
                self._look_after_parts()
                if view:
                    self._take(view)
        return len(view)

    def head(self) -> bytes:
        """Return the first part. Once an MP4 is written, it holds the finished index."""
        return bytes(self._head[: self.size])

    def finish(self, undo: ExitStack) -> Callable[[], None]:
        """Send the rest, the first part last. Return a function that makes the object visible in one request.

        The abort is added to `undo`.

        Raises:
            StorageError: S3 didn't accept a part.
            AccessDeniedError: S3 refuses access.
        """
        undo.callback(self.abort)
        self._send_rest()
        return self._show

    def digest(self) -> FileDigest:
        """Send the rest, the first part last, and return the file's digest. Nothing can be written any more.

        Raises:
            StorageError: S3 didn't accept a part.
            AccessDeniedError: S3 refuses access.
        """
        self._send_rest()
        if self._upload_id is None:
            return digest_of_bytes(self.head())
        return digest_of_parts(self.size, [part.sha256 for part in self._sent], len(self._first), self._part_bytes)

    def _send_rest(self) -> None:
        self._refuse_if_over()
        if self._is_finished:
            return
        with self._ending():
            self._look_after_parts()
            self._is_finished = True
            if self._upload_id is not None:
                if self._part is not None:
                    self._send_part()
                self._wait_for_fewer_than(_AT_ONCE)
                self._submit(1, self._first)
                self._wait_for_fewer_than(1)
                self._sent.sort(key=lambda part: part.number)

    def abort(self) -> None:
        """Delete the sent parts, unless the object is already visible. Further calls do nothing."""
        if self._is_completed or self._is_aborted:
            return
        self._is_aborted = True
        self._part = None
        if self._upload_id is None:
            return
        try:
            wait(self._sending, _LAST_PARTS_S)
        finally:
            # A part that arrives after the abort would stay, so its thread aborts again.
            self._is_taken_back = True
            self._upload.abort(self._key, self._upload_id)

    def close(self) -> None:
        """Close the file, and abort the upload unless the object is visible."""
        if not self.closed:
            self.abort()
        super().close()

    @property
    def _where(self) -> str:
        return self._upload.where(self._key)

    @property
    def _is_over(self) -> bool:
        return self._failure is not None or self._is_aborted

    def _refuse_if_over(self) -> None:
        if self._failure is not None:
            raise self._failure
        if self._is_aborted:
            raise io.UnsupportedOperation(f"{self._where} was aborted: no part of it is left")

    @contextmanager
    def _ending(self) -> Iterator[None]:
        """An exception in this block ends the writing."""
        try:
            yield
        except BaseException as error:
            self._failure = error
            raise

    def _take(self, view: memoryview) -> None:
        front = min(len(view), max(0, len(self._head) - self._at))
        if front < len(view) and self._at + front < self.size:
            # Only inside the front: a write at the end can't overwrite anything.
            raise HeadTooSmallError(
                f"{self._where} is sent while it is written: bytes {self._at} to {self._at + len(view)} would run over "
                f"the end of its first {len(self._head)} bytes, the only ones that can be written again"
            )
        self._head[self._at : self._at + front] = view[:front]
        self._advance(front)
        view = view[front:]
        while view:
            if self._part is None:
                self._begin_part()
                continue
            count = min(len(view), len(self._part) - self._filled)
            with memoryview(self._part) as part:
                part[self._filled : self._filled + count] = view[:count]
            self._filled += count
            self._advance(count)
            view = view[count:]
            if self._filled == len(self._part):
                self._send_part()

    def _advance(self, count: int) -> None:
        self._at += count
        self.size = max(self.size, self._at)

    def _begin_part(self) -> None:
        if self._upload_id is None:
            clear_stale(self._upload, self._key, self._stale_after, self._now())
            self._upload_id = self._upload.begin(self._key, self._content_type)
        if self._number >= s3_upload.MAX_PARTS:
            raise DoesNotFitError(
                f"{self._where} has more than {self.size} bytes, the most that S3 accepts in {self._number} parts: "
                "make a shorter video, or one of a lower bit rate"
            )
        self._number += 1
        self._part = self._spare.pop() if self._spare else bytearray(self._part_bytes)
        self._filled = 0

    def _send_part(self) -> None:
        part, self._part = self._part, None
        if part is not None:
            del part[self._filled :]
            self._wait_for_fewer_than(_AT_ONCE)
            self._submit(self._number, part)

    def _submit(self, number: int, content: bytearray) -> None:
        self._upload.check_cancelled()
        self._sending.add(_started(f"s3-part-{number}", lambda: self._send(number, content)))

    def _wait_for_fewer_than(self, count: int) -> None:
        """Wait until fewer than `count` parts are in flight."""
        self._look_after_parts()
        while len(self._sending) >= count:
            self._upload.check_cancelled()
            wait(self._sending, _POLL_S, FIRST_COMPLETED)
            self._look_after_parts()

    def _look_after_parts(self) -> None:
        for done in [part for part in self._sending if part.done()]:
            self._sending.remove(done)
            self._sent.append(done.result())

    def _send(self, number: int, content: bytearray) -> _Sent:
        """Send one part, in a separate thread."""
        sha256 = hashlib.sha256(content).digest()
        try:
            with aws_errors(self._where):
                answer = self._upload.client.upload_part(
                    Bucket=self._upload.bucket,
                    Key=self._key,
                    UploadId=self._upload_id,
                    PartNumber=number,
                    Body=content,
                    ChecksumAlgorithm="SHA256",
                    ChecksumSHA256=base64.b64encode(sha256).decode("ascii"),
                )
        finally:
            if self._is_taken_back and self._upload_id is not None:
                self._upload.abort(self._key, self._upload_id)
        if 1 < number < self._number and not self._is_finished:
            self._spare.append(content)
        receipt = {name: answer[name] for name in ("ETag", "ChecksumSHA256") if answer.get(name)}
        return _Sent(number, receipt, sha256)

    def _show(self) -> None:
        """Make the object visible."""
        if self._is_completed:
            return
        self._refuse_if_over()
        if self._upload_id is None:
            self._note(self._upload.put(self._key, self._content_type, self.head()))
            return
        parts = [{"PartNumber": part.number, **part.receipt} for part in self._sent]
        answer = self._upload.for_certain(
            self._key,
            lambda: self._upload.client.complete_multipart_upload(
                Bucket=self._upload.bucket,
                Key=self._key,
                UploadId=self._upload_id,
                MultipartUpload={"Parts": parts},
                **self._upload.condition(self._key),
            ),
        )
        self._note(answer)

    def _note(self, answer: Mapping[str, Any]) -> None:
        self._is_completed = True
        self.etag, self.version_id = str(answer.get("ETag", "")), str(answer.get("VersionId", ""))


def _started(name: str, act: Callable[[], _Sent]) -> Future[_Sent]:
    """Run `act` in a separate daemon thread.

    Unlike an executor's threads, it doesn't keep a process alive that waits for a silent connection. Such a process
    leaves a stale upload.
    """
    part: Future[_Sent] = Future()

    def run() -> None:
        nonlocal act
        try:
            sent = act()
            del act  # frees the part's bytes before the next part is allocated
            part.set_result(sent)
        except BaseException as error:  # noqa: BLE001  the writing thread raises it
            part.set_exception(error)

    threading.Thread(target=run, name=name, daemon=True).start()
    return part
