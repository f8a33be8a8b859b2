"""A multipart upload that is written while the video is made, and whose first part goes up last.

A muxer writes from front to back, and at the end once more into the file's front, where it kept room for the index. So
the first part waits in memory, and every other one goes up as soon as it is full.

What arrived is compared with what was sent, as far as S3 tells:

- a part by its CRC32, where the answer has one. Else by its ETag, which is the MD5 of what was uploaded where that is
  stored as it is or encrypted by SSE-S3, and is not where SSE-KMS or SSE-C encrypt it (Amazon S3 API Reference,
  "Object", ``ETag``): there it is not looked at, nor where it doesn't look like an MD5.
- the whole by the CRC32 of the parts' CRC32s, in their order; else by the MD5 of the parts' MD5s, with a dash and the
  number of parts (Amazon S3 User Guide, "Checking object integrity"), again only where the ETags are MD5s. Where the
  answer to the completing request got lost, the object is asked for them.

What isn't compared here S3 has compared all the same: each part goes up with its CRC32, and S3 refuses one that
doesn't match.
"""

from __future__ import annotations

import base64
import hashlib
import io
import re
import threading
import zlib
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from komorebi_qc.core.errors import AccessDeniedError, DoesNotFitError, StorageError
from komorebi_qc.storage import s3_publication as s3_upload
from komorebi_qc.storage.aws_errors import aws_errors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from contextlib import ExitStack

    from komorebi_qc.storage.s3_publication import Upload

STALE_AFTER = timedelta(days=1)
"""An upload that was begun longer ago belongs to no run that still lives.

A Lambda ends after 15 minutes, and no message stays with one worker for over 12 hours; but at a desk the longest
recording may go up over a slow line for most of a day.
"""
LARGEST_PART_BYTES = 5 << 30
"""S3's own limit for a part."""
_EXPECTED_PARTS = 9_000
_DOUBLED_EVERY_PARTS = 1_000
_AT_ONCE = 2
_POLL_S = 0.25
_LAST_PARTS_S = 5.0
_HEADER_BYTES = 64 << 10
_MIB = 1 << 20
_MD5 = re.compile(r"[0-9a-f]{32}")
_MD5_OF_PARTS = re.compile(r"[0-9a-f]{32}-\d+")


class HeadTooSmallError(io.UnsupportedOperation):
    """What is written into the file's front doesn't fit into it, and what follows has been sent already."""


def part_bytes_of(number: int, expected_bytes: int, smallest_bytes: int | None = None) -> int:
    """How large a part is, in bytes, by its number (from 2 on: the first part is the head).

    All are alike as long as 9,000 of them hold what is expected, and from 8 MiB on. The least they have doubles after
    each 1,000 parts, so that 5 TiB fit into S3's 10,000 parts whatever was expected.
    """
    smallest_bytes = s3_upload.PART_BYTES if smallest_bytes is None else smallest_bytes
    alike = -(-expected_bytes // _EXPECTED_PARTS)
    if alike > smallest_bytes:
        alike = -(-alike // _MIB) * _MIB
    least = smallest_bytes << ((number - 1) // _DOUBLED_EVERY_PARTS)
    return min(LARGEST_PART_BYTES, max(alike, least))


def clear_stale(upload: Upload, key: str, older_than: timedelta = STALE_AFTER, now: datetime | None = None) -> None:
    """Abort the multipart uploads of exactly this key that were begun longer ago than `older_than`.

    A run that was killed leaves one, which nobody sees and which costs storage. Without the right
    ``s3:ListBucketMultipartUploads`` they are left to the bucket's lifecycle rule.

    Raises:
        StorageError: where the bucket doesn't answer.
    """
    begun_before = (datetime.now(UTC) if now is None else now) - older_than
    try:
        with aws_errors(upload.where(key)):
            pages = upload.client.get_paginator("list_multipart_uploads").paginate(Bucket=upload.bucket, Prefix=key)
            found = [one for page in pages for one in page.get("Uploads", ())]
    except AccessDeniedError:
        return
    for one in found:
        if one["Key"] == key and one["Initiated"] < begun_before:
            upload.abort(key, one["UploadId"])


@dataclass(frozen=True, slots=True)
class _Sent:
    """A part that has arrived.

    Attributes:
        number: from 1 on.
        told: what S3 wants to hear of it when the upload is completed.
        crc32: of its bytes, 4 bytes.
        md5: its ETag, where that is an MD5.
    """

    number: int
    told: dict[str, str]
    crc32: bytes
    md5: bytes | None


class PartStream(io.RawIOBase):
    """What a muxer writes to: a file of which only the front can be written twice, sent while it grows.

    Nobody sees anything of it until what `finish` returns is called. A file no larger than its first part goes up in
    that one request. Whatever ends the writing is raised once: after that, writes are swallowed, because FFmpeg writes
    what it still holds when it closes, and `finish` raises it again.

    In memory are the first part, two parts on their way and one that is being filled.

    Attributes:
        size: bytes written so far, from the file's start to its end.
    """

    def __init__(
        self,
        upload: Upload,
        key: str,
        content_type: str,
        *,
        head_bytes: int,
        expected_bytes: int,
        part_bytes: int | None = None,
        stale_after: timedelta = STALE_AFTER,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Nothing is sent yet.

        Args:
            upload: the publication; its `check_cancelled` is called before each part and at least twice a second while
                `write` or `finish` wait. What it raises ends the writing.
            key: of the object.
            content_type: of the object.
            head_bytes: the room for the index at the file's front; the container's own header comes on top of it.
            expected_bytes: of the whole file, roughly: how large parts are goes by it.
            part_bytes: the least a part has; by default 8 MiB. S3 takes no less than 5 MiB.
            stale_after: how old another upload of this key has to be to be taken for a dead run's.
            now: the present, with its zone.
        """
        super().__init__()
        self._upload = upload
        self._key = key
        self._content_type = content_type
        self._part_bytes = s3_upload.PART_BYTES if part_bytes is None else part_bytes
        self._expected_bytes = expected_bytes
        self._stale_after = stale_after
        self._now = now
        self._part: bytearray | None = None
        # Used again: each block of megabytes that came back would teach the C library to keep more of them.
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
        self._first = bytearray(max(self._part_bytes, head_bytes + _HEADER_BYTES))
        self._head = memoryview(self._first)

    def writable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is, within its front and to its end."""
        return True

    def tell(self) -> int:
        """Where the next byte goes."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place in the front, or to the end; what is left out in the front is zero.

        Raises:
            io.UnsupportedOperation: for any other place.
        """
        at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self.size}[whence]
        if not self._is_over:
            with self._ending():
                if at != self.size and not 0 <= at <= len(self._head):
                    raise io.UnsupportedOperation(
                        f"{self._where} is sent while it is written: byte {at} is neither among its first "
                        f"{len(self._head)} nor its end, byte {self.size}"
                    )
        self._at = at
        return at

    def write(self, data: Any) -> int:
        """Write all of `data`; where two parts are still on their way and a third is full, wait.

        Raises:
            io.UnsupportedOperation: where it isn't at the end and not wholly in the front, or `finish` was called.
            StorageError: where S3 didn't take a part, or tells of another than was sent.
            AccessDeniedError: where it refuses.
            DoesNotFitError: where S3 takes no more.
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
        """The first part as it stands: once an MP4 is written, its finished index lies in it."""
        return bytes(self._head[: self.size])

    def finish(self, undo: ExitStack) -> Callable[[], None]:
        """Send what is left, the first part last; what is returned makes the object visible in one request.

        `undo` is given the abort.

        Raises:
            StorageError: where S3 didn't take a part, or tells of another than was sent.
            AccessDeniedError: where it refuses.
        """
        undo.callback(self.abort)
        self._refuse_if_over()
        if self._is_finished:
            return self._show
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
        return self._show

    def abort(self) -> None:
        """Undo what was sent, unless the object has been made visible; once is enough."""
        if self._is_completed or self._is_aborted:
            return
        self._is_aborted = True
        self._part = None
        if self._upload_id is None:
            return
        try:
            wait(self._sending, _LAST_PARTS_S)
        finally:
            # A part that arrives later than the abort would stay: whoever sends it aborts again.
            self._is_taken_back = True
            self._upload.abort(self._key, self._upload_id)

    def close(self) -> None:
        """Close it, and abort what hasn't been made visible."""
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
            raise io.UnsupportedOperation(f"{self._where} was aborted: nothing of it is left")

    @contextmanager
    def _ending(self) -> Iterator[None]:
        """What is raised here ends the writing."""
        try:
            yield
        except BaseException as error:
            self._failure = error
            raise

    def _take(self, view: memoryview) -> None:
        front = min(len(view), max(0, len(self._head) - self._at))
        if front < len(view) and self._at + front < self.size:
            # In the front alone: from the end on there is nothing that could be hit.
            raise HeadTooSmallError(
                f"{self._where} is sent while it is written: bytes {self._at} to {self._at + len(view)} would run over "
                f"the end of its first {len(self._head)}, which alone can be written again"
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
                f"{self._where} has more than {self.size} bytes, which are all that S3 takes in {self._number} parts: "
                "make a shorter video, or one of a lower bit rate"
            )
        self._number += 1
        size = part_bytes_of(self._number, self._expected_bytes, self._part_bytes)
        if self._spare and len(self._spare[-1]) != size:
            self._spare.clear()  # parts have become larger: none will have that size again
        self._part = self._spare.pop() if self._spare else bytearray(size)
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
        """Wait until fewer than `count` parts are on their way."""
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
        """Send one part, in a thread of its own."""
        crc32 = zlib.crc32(content).to_bytes(4, "big")
        try:
            with aws_errors(self._where):
                answer = self._upload.client.upload_part(
                    Bucket=self._upload.bucket,
                    Key=self._key,
                    UploadId=self._upload_id,
                    PartNumber=number,
                    Body=content,
                    ChecksumAlgorithm="CRC32",
                    ChecksumCRC32=_in_base64(crc32),
                )
        finally:
            if self._is_taken_back and self._upload_id is not None:
                self._upload.abort(self._key, self._upload_id)
        md5 = _check_part(f"part {number} of {self._where}", answer, content, crc32)
        if 1 < number < self._number and not self._is_finished:
            self._spare.append(content)
        return _Sent(number, {name: answer[name] for name in ("ETag", "ChecksumCRC32") if answer.get(name)}, crc32, md5)

    def _show(self) -> None:
        """Make the object visible."""
        if self._is_completed:
            return
        self._refuse_if_over()
        if self._upload_id is None:
            self._upload.put(self._key, self._content_type, self.head())
            self._is_completed = True
            return
        answer: dict[str, Any] = {}
        parts = [{"PartNumber": part.number, **part.told} for part in self._sent]
        self._upload.for_certain(
            self._key,
            lambda: answer.update(
                self._upload.client.complete_multipart_upload(
                    Bucket=self._upload.bucket,
                    Key=self._key,
                    UploadId=self._upload_id,
                    MultipartUpload={"Parts": parts},
                )
            ),
        )
        self._is_completed = True
        answer = answer or self._upload.told(self._key)
        try:
            _check_whole(self._where, answer, self._sent)
        except StorageError:
            # It is in sight already: better gone than wrong.
            self._upload.put_back(self._key, None)
            raise


def _started(name: str, act: Callable[[], _Sent]) -> Future[_Sent]:
    """Do `act` in a thread of its own.

    It is a daemon, which an executor's threads are not: a process that ends doesn't wait for a connection that says
    nothing. What it leaves then is a stale upload.
    """
    part: Future[_Sent] = Future()

    def run() -> None:
        nonlocal act
        try:
            sent = act()
            del act  # and with it the part's bytes, before anybody makes room for the next one's
            part.set_result(sent)
        except BaseException as error:  # noqa: BLE001  the writing thread raises it
            part.set_exception(error)

    threading.Thread(target=run, name=name, daemon=True).start()
    return part


def _in_base64(digest: bytes) -> str:
    return base64.b64encode(digest).decode("ascii")


def _etag(answer: Mapping[str, Any], form: re.Pattern[str]) -> str | None:
    """The ETag where it is of MD5s: it looks like it, and nobody's own key encrypts the object."""
    etag = str(answer.get("ETag", "")).strip('"').lower()
    is_plain = answer.get("ServerSideEncryption", "AES256") == "AES256" and not answer.get("SSECustomerAlgorithm")
    return etag if is_plain and form.fullmatch(etag) else None


def _check_part(what: str, answer: Mapping[str, Any], content: bytearray, crc32: bytes) -> bytes | None:
    """Compare what S3 tells of a part with what was sent; the part's MD5, as its ETag tells it.

    Raises:
        StorageError: where they differ.
    """
    etag = _etag(answer, _MD5)
    if told := answer.get("ChecksumCRC32"):
        _compare(what, "CRC32", str(told), _in_base64(crc32))
    elif etag is not None:
        _compare(what, "MD5", etag, hashlib.md5(content, usedforsecurity=False).hexdigest())
    return None if etag is None else bytes.fromhex(etag)


def _check_whole(what: str, answer: Mapping[str, Any], parts: Sequence[_Sent]) -> None:
    """Compare what S3 tells of the whole object with its parts.

    Raises:
        StorageError: where they differ.
    """
    md5s = [part.md5 for part in parts if part.md5 is not None]
    if (told := answer.get("ChecksumCRC32")) and answer.get("ChecksumType", "COMPOSITE") == "COMPOSITE":
        ours = _in_base64(zlib.crc32(b"".join(part.crc32 for part in parts)).to_bytes(4, "big"))
        # Some answers leave the number of parts out.
        _compare(what, "CRC32", str(told), f"{ours}-{len(parts)}" if "-" in str(told) else ours)
    elif (etag := _etag(answer, _MD5_OF_PARTS)) is not None and len(md5s) == len(parts):
        ours = hashlib.md5(b"".join(md5s), usedforsecurity=False).hexdigest()
        _compare(what, "ETag", etag, f"{ours}-{len(parts)}")


def _compare(what: str, kind: str, told: str, ours: str) -> None:
    if told != ours:
        raise StorageError(
            f"{what} didn't arrive as it was sent ({kind}: {ours} was sent, {told} is stored): it is worth another try"
        )
