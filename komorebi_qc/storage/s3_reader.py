"""Objects of S3 as seekable files, read by ranged requests.

A reader's first request after a seek is small, each further one in sequence twice as large, up to 4 MiB; from the third
on the next two are fetched while the present one is consumed. So a look at an index costs one request, and a whole file
about as many as it has blocks. Every answer has to be of the one object that was opened, and of the range that was
asked.
"""

from __future__ import annotations

import io
import re
import threading
import time
from collections import deque
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from komorebi_qc.core.errors import StorageError
from komorebi_qc.storage.aws_errors import NO_SUCH_KEY, aws_errors, error_code

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from _typeshed import WriteableBuffer

    from komorebi_qc.storage.s3_block_cache import LocalCache

FIRST_BYTES = 256 << 10
"""The first request after a seek: FFmpeg's own reads are as large."""
MOST_BYTES = 4 << 20
PIECE_BYTES = 256 << 10
"""What is taken from a connection, and let go of, at a time."""
_AHEAD = 2
_ALONE = 2
"""Blocks that are fetched one by one, before reading counts as sequential."""
_BEHIND_BYTES = 2 << 20
_HOP_BYTES = 1 << 20
_LEFT_BYTES = 512 << 10
_LEFT_LONG_AGO_BYTES = 128 << 10
_RESUMES = 4
_BROKEN_READ_BYTES = 16 << 10
_PAUSE_S = 0.1
_LOOK_S = 0.25
_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")


class _ReplacedError(StorageError):
    """Another object, or none, lies there now: no request of this run can get the rest."""


@dataclass(eq=False, slots=True)
class S3Object:
    """One object at one ETag; any number of readers can be opened on it.

    Attributes:
        client: boto3's ``s3`` client.
        bucket: where it lies.
        key: its key.
        etag: of the content that is read, and of no other.
        size: in bytes.
        check_cancelled: called in the reading thread, while it waits (every 0.25 s) and between blocks. An exception
            from it ends all reading of the object.
        cache: keeps what was fetched; it has to be a new one, and is closed with the object.
        ended: why nothing more is read; None while it is.
    """

    client: Any
    bucket: str
    key: str
    etag: str
    size: int
    check_cancelled: Callable[[], None] = lambda: None
    cache: LocalCache | None = None
    ended: BaseException | None = field(default=None, init=False)
    _readers: WeakSet[S3Reader] = field(default_factory=WeakSet, init=False, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

    def __post_init__(self) -> None:
        if self.cache is not None:
            self.cache.begin(self.size)

    @classmethod
    def open(
        cls,
        client: Any,
        bucket: str,
        key: str,
        *,
        check_cancelled: Callable[[], None] = lambda: None,
        cache: LocalCache | None = None,
    ) -> S3Object:
        """The object as it is now, by one request.

        Raises:
            botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError: as botocore raises them.
        """
        told = client.head_object(Bucket=bucket, Key=key)
        return cls(client, bucket, key, str(told["ETag"]), int(told["ContentLength"]), check_cancelled, cache)

    @property
    def name(self) -> str:
        """What to call it in a sentence."""
        return f"s3://{self.bucket}/{self.key}"

    def reader(self, *, is_read_through: bool = False) -> S3Reader:
        """A file with a position of its own, at the start; it asks for nothing before it is read.

        Args:
            is_read_through: it will be read from its start to its end, so that requests are large from the first on.

        Raises:
            ValueError: where the object is closed.
        """
        with self._lock:
            if self.ended is not None:
                raise self.ended
            reader = S3Reader(self, _ALONE + 1 if is_read_through else 0)
            self._readers.add(reader)
            return reader

    def end(self, reason: BaseException) -> None:
        """Ask for nothing more: every read from here on raises `reason`, or what was given first."""
        with self._lock:
            if self.ended is None:
                self.ended = reason

    def close(self) -> None:
        """Close all readers. Requests under way end by themselves, at the next piece; nobody waits for them."""
        self.end(ValueError(f"{self.name} is closed"))
        with self._lock:
            readers = list(self._readers)
        for reader in readers:
            reader.close()
        if self.cache is not None:
            self.cache.close()


class _Fetch:
    """A range of the object, fetched by a thread of its own.

    The threads are daemons, which an executor's are not: a process that ends doesn't wait for a connection that says
    nothing.
    """

    def __init__(self, source: S3Object, start: int, end: int) -> None:
        self.start = start
        self.end = end
        self.pieces: list[bytes] = []
        self.error: BaseException | None = None
        self.done = threading.Event()
        self._source = source
        self._is_cancelled = False
        threading.Thread(target=self._run, name=f"s3-read-{start}", daemon=True).start()

    def cancel(self) -> None:
        """End at the next piece. No lock is taken: the garbage collector may call this anywhere."""
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
        """Get all of the range; go on where the connection broke, as long as that gets any further."""
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
            read_bytes = _BROKEN_READ_BYTES  # a read that breaks loses what it had
            self._pause(_PAUSE_S * 2 ** max(0, in_vain - 1))

    def _pause(self, pause_s: float) -> None:
        until = time.monotonic() + pause_s
        while not self._is_over and time.monotonic() < until:
            time.sleep(_PAUSE_S / 2)

    def _get(self, at: int, read_bytes: int) -> None:
        """Get the rest of the range by one request; what has come before it breaks is kept."""
        had = len(self.pieces)
        with closing(self._ask(at)) as body:
            while at < self.end and not self._is_over:
                at += self._take_piece(body, min(PIECE_BYTES, self.end - at), read_bytes, at)
            if self._is_over:
                return
            try:
                # With its end botocore compares the checksum, where there is one.
                _read(body, 1, self._source.name)
            except BaseException:
                del self.pieces[had:]
                raise

    def _ask(self, at: int) -> Any:
        source = self._source
        try:
            answer = source.client.get_object(
                Bucket=source.bucket, Key=source.key, Range=f"bytes={at}-{self.end - 1}", IfMatch=source.etag
            )
        except Exception as error:
            code = error_code(error)
            if code in ("PreconditionFailed", "412", "InvalidRange", "416"):
                raise self._replaced(f"GetObject: {code}") from error
            if code in NO_SUCH_KEY:
                raise _ReplacedError(
                    f"{source.name} was deleted while it was read (GetObject: {code}): the next try looks for it anew"
                ) from error
            raise
        try:
            self._check(answer, at)
        except BaseException:
            answer["Body"].close()
            raise
        return answer["Body"]

    def _check(self, answer: Any, at: int) -> None:
        """See that the answer is of the object, and of the range, that was asked."""
        source = self._source
        etag, told, length = str(answer.get("ETag", "")), answer.get("ContentRange"), answer.get("ContentLength")
        if etag.strip('"') != source.etag.strip('"'):
            raise self._replaced(f"its ETag is {etag} and was {source.etag}")
        found = _RANGE.fullmatch(told or "")
        if found is not None and int(found[3]) != source.size:
            raise self._replaced(f"it has {found[3]} bytes and had {source.size}")
        # Where all was asked, some servers answer as if no range had been.
        is_all = told is None and (at, self.end) == (0, source.size)
        is_asked = found is not None and (int(found[1]), int(found[2])) == (at, self.end - 1)
        if not (is_all or is_asked) or length != self.end - at:
            raise StorageError(
                f"{source.name} answered with {told or 'no range'} ({length} bytes) to bytes {at}-{self.end - 1}: it "
                "is worth another try"
            )

    def _replaced(self, how: str) -> _ReplacedError:
        return _ReplacedError(
            f"{self._source.name} was replaced while it was read ({how}): the next try reads the new one"
        )

    def _take_piece(self, body: Any, wanted: int, read_bytes: int, at: int) -> int:
        parts: list[bytes] = []
        taken = 0
        try:
            while taken < wanted and (part := _read(body, min(read_bytes, wanted - taken), self._source.name)):
                parts.append(part)
                taken += len(part)
        finally:
            if taken:
                self.pieces.append(b"".join(parts))  # of one part no copy is made
        if taken < wanted:
            raise StorageError(
                f"{self._source.name} ended {self.end - at - taken} bytes early: it is worth another try"
            )
        return taken


def _read(body: Any, count: int, name: str) -> bytes:
    from urllib3.exceptions import HTTPError  # noqa: PLC0415  whoever has a client has loaded it

    try:
        return bytes(body.read(count))
    except (HTTPError, HTTPException, OSError) as error:  # botocore translates only some of them
        raise StorageError(f"{name} broke off ({type(error).__name__}): it is worth another try") from error


class _Run:
    """A stretch that a reader holds: pieces one behind the other, and what is on its way behind them."""

    def __init__(self, start: int, blocks: int = 0) -> None:
        self.pieces: deque[tuple[int, bytes]] = deque()
        self.ahead: deque[_Fetch] = deque()
        self.start = start
        self.end = start
        self.at = start
        self.blocks = blocks

    @property
    def block_bytes(self) -> int:
        """The next request's."""
        return min(FIRST_BYTES << min(self.blocks, 30), MOST_BYTES)

    @property
    def planned_end(self) -> int:
        return self.ahead[-1].end if self.ahead else self.end

    @property
    def held_bytes(self) -> int:
        return sum(len(piece) for _, piece in self.pieces) + sum(f.end - f.start for f in self.ahead)

    def covers(self, at: int) -> bool:
        return self.start <= at <= self.planned_end

    def find(self, at: int) -> tuple[int, bytes] | None:
        return next(((s, p) for s, p in self.pieces if s <= at < s + len(p)), None)

    def append(self, pieces: Sequence[bytes]) -> None:
        for piece in pieces:
            self.pieces.append((self.end, piece))
            self.end += len(piece)

    def prune(self, at: int) -> None:
        """Let go of what lies so far behind that nobody steps back to it."""
        while self.pieces and self.pieces[0][0] + len(self.pieces[0][1]) <= at - _BEHIND_BYTES:
            self.pieces.popleft()
            self.start = self.pieces[0][0] if self.pieces else self.end

    def trim(self, keep: int) -> None:
        """Keep no more than that many bytes around the position, and fetch no more."""
        self.cancel()
        self.blocks = 0
        low = max(self.start, min(self.at - keep // 4, self.end - keep))
        high = min(low + keep, self.end)
        kept: deque[tuple[int, bytes]] = deque()
        for start, piece in self.pieces:
            first, last = max(low - start, 0), min(high - start, len(piece))
            if first < last:
                kept.append((start + first, piece[first:last]))
        self.pieces, self.start, self.end = kept, low, high

    def cancel(self) -> None:
        while self.ahead:
            self.ahead.popleft().cancel()

    def drop(self) -> None:
        self.cancel()
        self.pieces.clear()
        self.start = self.end


class S3Reader(io.RawIOBase):
    """A seekable file over an object, for one thread at a time; seeking costs nothing by itself.

    `read` returns all that was asked for, short only at the end, and raises:

    - StorageError: where the object doesn't come in several tries, or was replaced; trying the whole again may help.
    - AccessDeniedError: where the bucket refuses.
    - whatever the object's `check_cancelled` raises.

    After any of these the reader asks for nothing more, and raises the same again.

    It holds up to 12 MiB while it reads in sequence (and the last 2 MiB behind its position), and less than 1 MiB
    otherwise: what it jumped away from is kept to 512 KiB, for one place.
    """

    def __init__(self, source: S3Object, blocks: int = 0) -> None:
        self._source = source
        self._at = 0
        self._run = _Run(0, blocks)
        self._left: _Run | None = None
        self._piece = (0, b"")
        self._failed: BaseException | None = None

    @property
    def name(self) -> str:
        """The object's."""
        return self._source.name

    @property
    def held_bytes(self) -> int:
        """How much is in memory or, at most, on its way there."""
        return self._run.held_bytes + (self._left.held_bytes if self._left is not None else 0)

    def readable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """Yes."""
        return True

    def tell(self) -> int:
        """The position in bytes."""
        self._check_open()
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Move, as `io.BytesIO` does: past the end is allowed, and before the start is the start.

        Raises:
            ValueError: for a negative position from the start, or an unknown `whence`.
        """
        self._check_open()
        if whence == io.SEEK_SET:
            if offset < 0:
                raise ValueError(f"negative seek value {offset}")
            self._at = offset
        elif whence in (io.SEEK_CUR, io.SEEK_END):
            self._at = max(0, offset + (self._at if whence == io.SEEK_CUR else self._source.size))
        else:
            raise ValueError(f"invalid whence ({whence}, should be 0, 1 or 2)")
        return self._at

    def read(self, size: int | None = -1, /) -> bytes:
        """The next `size` bytes, or all that are left; fewer only at the end."""
        self._check_open()
        count = self._count(size)
        if not count:
            return b""
        start, piece = self._here()
        low = self._at - start
        if low + count <= len(piece):
            self._move(count)
            return piece[low : low + count]  # the whole piece is handed out without a copy
        into = io.BytesIO()
        for part in self._parts(count):
            into.write(part)
        return into.getvalue()

    def readall(self) -> bytes:
        """All that is left."""
        return self.read()

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Fill the buffer; fewer bytes only at the end."""
        self._check_open()
        view, at = memoryview(buffer).cast("B"), 0
        for part in self._parts(self._count(len(view))):
            view[at : at + len(part)] = part
            at += len(part)
        return at

    def close(self) -> None:
        """Let go of everything; a request under way ends at its next piece, and isn't waited for."""
        if not self.closed:
            self._drop()
        super().close()

    def _check_open(self) -> None:
        if self.closed:
            raise ValueError(f"{self._source.name}: this reader is closed")

    def _count(self, size: int | None) -> int:
        left = max(0, self._source.size - self._at)
        return left if size is None or size < 0 else min(size, left)

    def _move(self, count: int) -> None:
        self._at += count
        self._run.at = self._at

    def _parts(self, count: int) -> Iterator[memoryview]:
        while count:
            start, piece = self._here()
            part = memoryview(piece)[self._at - start :][:count]
            self._move(len(part))
            count -= len(part)
            yield part

    def _here(self) -> tuple[int, bytes]:
        """The piece that holds the position, and where it begins."""
        start, piece = self._piece
        if self._source.ended is not None or not start <= self._at < start + len(piece):
            with self._failing():
                self._piece = self._found()
        return self._piece

    @contextmanager
    def _failing(self) -> Iterator[None]:
        try:
            yield
        except BaseException as error:
            # Where another thread closes the object in the middle of a step, that step stumbles: that isn't the reason.
            ended = self._source.ended if isinstance(error, Exception) else None
            reason = self._failed or ended or error
            self._failed = reason
            self._drop()
            if reason is error:
                raise
            raise reason from error

    def _drop(self) -> None:
        self._run.drop()
        if self._left is not None:
            self._left.drop()
        self._piece = (0, b"")

    def _check_going(self) -> None:
        self._check_open()
        reason = self._failed or self._source.ended
        if reason is not None:
            raise reason

    def _found(self) -> tuple[int, bytes]:
        self._check_going()
        run = self._go(self._at)
        while (found := run.find(self._at)) is None:
            self._extend(run)
        run.prune(self._at)
        self._look_ahead(run)
        return found

    def _go(self, at: int) -> _Run:
        """The stretch that goes on to the position: the present one, the one that was left last, or a new one."""
        now, left = self._run, self._left
        if now.covers(at):
            return now
        if left is not None and left.covers(at):
            now.trim(_LEFT_BYTES)
            self._run, self._left = left, now
        elif now.blocks and 0 < at - now.planned_end <= _HOP_BYTES:
            # In a fragment of an MP4 the sound lies behind the picture, and a reader goes there and back: what lies
            # between is wanted as well.
            return now
        else:
            if left is not None:
                left.drop()
            now.trim(_LEFT_BYTES)
            self._run, self._left = _Run(at), now
        return self._run

    def _extend(self, run: _Run) -> None:
        """Put more pieces at the end of the stretch: what is on its way there, or kept, or else fetched now."""
        cache = self._source.cache
        if not run.ahead and cache is not None and (piece := cache.read(run.end, PIECE_BYTES)):
            self._ask_to_go_on()
            run.append([piece])
            return
        if not run.ahead:
            self._plan(run)
            self._look_ahead(run)
        if run.ahead:  # else the cache has got it meanwhile, from another reader
            fetch = run.ahead[0]
            self._wait(fetch)
            run.prune(self._at)
            run.ahead.popleft()
            run.append(fetch.pieces)

    def _look_ahead(self, run: _Run) -> None:
        if run.blocks > _ALONE:
            while len(run.ahead) < _AHEAD and self._plan(run):
                pass

    def _plan(self, run: _Run) -> bool:
        """Fetch the next block; False where there is none, or the cache has it."""
        start = run.planned_end
        end = min(start + run.block_bytes, self._source.size)
        if self._source.cache is not None:
            end = self._source.cache.missing_until(start, end)
        if start >= end:
            return False
        run.ahead.append(_Fetch(self._source, start, end))
        run.blocks += 1
        if run.blocks == _ALONE and self._left is not None:
            self._left.trim(_LEFT_LONG_AGO_BYTES)
        return True

    def _wait(self, fetch: _Fetch) -> None:
        self._ask_to_go_on()
        while not fetch.done.wait(_LOOK_S):
            self._ask_to_go_on()
        self._check_going()
        if fetch.error is not None:
            raise fetch.error

    def _ask_to_go_on(self) -> None:
        try:
            self._source.check_cancelled()
        except BaseException as error:
            self._source.end(error)
            raise
        self._check_going()
