"""Ranges of one S3 object, each fetched in a thread, resumed if the connection breaks."""

from __future__ import annotations

import re
import threading
import time
from contextlib import closing
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import TYPE_CHECKING, Any

from komorebi_qc.core.errors import StorageError
from komorebi_qc.storage.aws_errors import NO_SUCH_KEY, aws_errors, error_code

if TYPE_CHECKING:
    from collections.abc import Callable

    from komorebi_qc.storage.s3.block_cache import LocalCache

PIECE_BYTES = 256 << 10
"""Bytes taken from a connection, and released, at a time."""
_RESUMES = 4
_BROKEN_READ_BYTES = 16 << 10
_PAUSE_S = 0.1
_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")


class _ReplacedError(StorageError):
    """The object was replaced or deleted: no request of this run can get the rest."""


@dataclass(eq=False, slots=True)
class ObjectVersion:
    """One object at one ETag, and whether it is still being read.

    Attributes:
        client: boto3's ``s3`` client.
        bucket: of the object.
        key: of the object.
        etag: of the content; no other content is read.
        size: in bytes.
        check_cancelled: called in the reading thread, while it waits (every 0.25 s) and between blocks. An exception
            from it ends all reading of the object.
        cache: keeps fetched blocks; it must be new, and is closed with the object.
        version_id: as S3 names this version; empty in a bucket without versions.
        reads_version: read this version, also if it isn't the current one; needs ``s3:GetObjectVersion``.
        ended: the reason why reading ended; None while it goes on.
    """

    client: Any
    bucket: str
    key: str
    etag: str
    size: int
    check_cancelled: Callable[[], None] = lambda: None
    cache: LocalCache | None = None
    version_id: str = ""
    reads_version: bool = False
    ended: BaseException | None = field(default=None, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

    @property
    def name(self) -> str:
        """Its name in messages."""
        return f"s3://{self.bucket}/{self.key}"

    def end(self, reason: BaseException) -> None:
        """Stop all reading: every further read raises `reason`, or an earlier reason."""
        with self._lock:
            if self.ended is None:
                self.ended = reason


class RangeFetch:
    """A range of the object, fetched in a separate daemon thread.

    Unlike an executor's threads, it doesn't keep a process alive that waits for a silent connection.
    """

    def __init__(self, source: ObjectVersion, start: int, end: int) -> None:
        self.start = start
        self.end = end
        self.pieces: list[bytes] = []
        self.error: BaseException | None = None
        self.done = threading.Event()
        self._source = source
        self._is_cancelled = False
        threading.Thread(target=self._run, name=f"s3-read-{start}", daemon=True).start()

    def cancel(self) -> None:
        """Stop at the next piece. It takes no lock: the garbage collector may call it anywhere."""
        self._is_cancelled = True
        self.pieces.clear()

    @property
    def _is_over(self) -> bool:
        return self._is_cancelled or self._source.ended is not None

    def _run(self) -> None:
        try:
            self._fetch()
            if not self._is_over and self._source.cache is not None:
                self._source.cache.write(self.start, self.pieces)
        except BaseException as error:  # noqa: BLE001  the reader raises it, in its own thread
            self.error = error
        finally:
            if self._is_over:
                self.pieces.clear()
            self.done.set()

    def _fetch(self) -> None:
        """Fetch the whole range. Resume a broken connection, as long as each attempt makes progress."""
        at, in_vain, read_bytes = self.start, 0, PIECE_BYTES
        while at < self.end and not self._is_over:
            before = at
            try:
                with aws_errors(self._source.name):
                    self._get(at, read_bytes)
            except _ReplacedError:
                raise
            except StorageError:
                at = self.start + sum(map(len, self.pieces))
                in_vain = 0 if at - before >= _BROKEN_READ_BYTES else in_vain + 1
                if in_vain > _RESUMES:
                    raise
            else:
                return
            read_bytes = _BROKEN_READ_BYTES  # a broken read loses its buffer
            self._pause(_PAUSE_S * 2 ** max(0, in_vain - 1))

    def _pause(self, pause_s: float) -> None:
        until = time.monotonic() + pause_s
        while not self._is_over and time.monotonic() < until:
            time.sleep(_PAUSE_S / 2)

    def _get(self, at: int, read_bytes: int) -> None:
        """Fetch the rest of the range in one request. Received pieces are kept if it breaks."""
        had = len(self.pieces)
        with closing(self._ask(at)) as body:
            while at < self.end and not self._is_over:
                at += self._take_piece(body, min(PIECE_BYTES, self.end - at), read_bytes, at)
            if self._is_over:
                return
            try:
                # At its end, botocore compares the checksum, if there is one.
                _read(body, 1, self._source.name)
            except BaseException:
                del self.pieces[had:]
                raise

    def _ask(self, at: int) -> Any:
        source = self._source
        try:
            answer = source.client.get_object(
                Bucket=source.bucket,
                Key=source.key,
                Range=f"bytes={at}-{self.end - 1}",
                IfMatch=source.etag,
                **({"VersionId": source.version_id} if source.reads_version else {}),
            )
        except Exception as error:
            code = error_code(error)
            if code in ("PreconditionFailed", "412", "InvalidRange", "416"):
                raise self._replaced(f"GetObject: {code}") from error
            if code in NO_SUCH_KEY:
                raise _ReplacedError(
                    f"{source.name} was deleted during reading (GetObject: {code}); a retry looks for it again"
                ) from error
            raise
        try:
            self._check(answer, at)
        except BaseException:
            answer["Body"].close()
            raise
        return answer["Body"]

    def _check(self, answer: Any, at: int) -> None:
        """Check that the answer is for the requested object and range."""
        source = self._source
        etag, answered, length = str(answer.get("ETag", "")), answer.get("ContentRange"), answer.get("ContentLength")
        if etag.strip('"') != source.etag.strip('"'):
            raise self._replaced(f"its ETag is {etag} and was {source.etag}")
        found = _RANGE.fullmatch(answered or "")
        if found is not None and int(found[3]) != source.size:
            raise self._replaced(f"it has {found[3]} bytes and had {source.size}")
        # For a range of the whole object, some servers answer without a range.
        is_all = answered is None and (at, self.end) == (0, source.size)
        is_asked = found is not None and (int(found[1]), int(found[2])) == (at, self.end - 1)
        if not (is_all or is_asked) or length != self.end - at:
            raise StorageError(
                f"{source.name} answered with {answered or 'no range'} ({length} bytes) to bytes {at}-{self.end - 1}: "
                "a retry may help"
            )

    def _replaced(self, how: str) -> _ReplacedError:
        return _ReplacedError(f"{self._source.name} was replaced during reading ({how}); a retry reads the new one")

    def _take_piece(self, body: Any, wanted: int, read_bytes: int, at: int) -> int:
        parts: list[bytes] = []
        taken = 0
        try:
            while taken < wanted and (part := _read(body, min(read_bytes, wanted - taken), self._source.name)):
                parts.append(part)
                taken += len(part)
        finally:
            if taken:
                self.pieces.append(b"".join(parts))  # a single part isn't copied
        if taken < wanted:
            raise StorageError(f"{self._source.name} ended {self.end - at - taken} bytes early; a retry may help")
        return taken


def _read(body: Any, count: int, name: str) -> bytes:
    from urllib3.exceptions import HTTPError  # noqa: PLC0415  a client has loaded it already

    try:
        return bytes(body.read(count))
    except (HTTPError, HTTPException, OSError) as error:  # botocore translates only some of them
        raise StorageError(f"{name} broke off ({type(error).__name__}); a retry may help") from error
