"""An S3 object as a seekable file, read by ranged requests.

The first request after a seek is small. Each further one in sequence is twice as large, up to 4 MiB, and from the third
on the next two are fetched while the current one is consumed. So a look at an index costs one request, and a whole file
about one a block. Every answer must be for the opened object and the requested range.
"""

from __future__ import annotations

import io
from contextlib import contextmanager
from typing import TYPE_CHECKING

from komorebi_qc.storage.s3.fetch import PIECE_BYTES, RangeFetch
from komorebi_qc.storage.s3.stretch import Stretch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from _typeshed import WriteableBuffer

    from komorebi_qc.storage.s3.fetch import ObjectVersion

READ_THROUGH = 3
"""Blocks to count as already read, so that the first request is large and the next ones are fetched ahead."""
_AHEAD = 2
_ALONE = 2
"""Blocks fetched one by one, before reading counts as sequential."""
_HOP_BYTES = 1 << 20
_LEFT_BYTES = 512 << 10
_LEFT_LONG_AGO_BYTES = 128 << 10
_LOOK_S = 0.25


class S3Reader(io.RawIOBase):
    """A seekable file over an object, for one thread at a time. Seeking alone sends no request.

    `read` returns all requested bytes, fewer only at the end, and raises:

    - StorageError: the object didn't arrive in several attempts, or was replaced. A retry of the whole run may help.
    - AccessDeniedError: the bucket refuses access.
    - the exception of the object's `check_cancelled`.

    After an error the reader sends no more requests, and raises the same error again.

    It holds up to 12 MiB while reading in sequence (with the last 2 MiB behind its position), and less than 1 MiB
    otherwise: 512 KiB of the one stretch that it left.
    """

    def __init__(self, source: ObjectVersion, blocks: int = 0) -> None:
        self._source = source
        self._at = 0
        self._run = Stretch(0, blocks)
        self._left: Stretch | None = None
        self._piece = (0, b"")
        self._failed: BaseException | None = None

    @property
    def name(self) -> str:
        """The object's name in messages."""
        return self._source.name

    @property
    def held_bytes(self) -> int:
        """Bytes in memory, or being fetched."""
        return self._run.held_bytes + (self._left.held_bytes if self._left is not None else 0)

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the position in bytes."""
        self._check_open()
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Move like `io.BytesIO`: past the end is allowed, and before the start means the start.

        Raises:
            ValueError: a negative position from the start, or an unknown `whence`.
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
        """Return the next `size` bytes, or all of the rest; fewer only at the end."""
        self._check_open()
        count = self._count(size)
        if not count:
            return b""
        start, piece = self._here()
        low = self._at - start
        if low + count <= len(piece):
            self._move(count)
            return piece[low : low + count]  # a whole piece is returned without a copy
        into = io.BytesIO()
        for part in self._parts(count):
            into.write(part)
        return into.getvalue()

    def read_range(self, start: int, count: int) -> bytes:
        """Return bytes from a place on by a request for these alone, fewer only at the end. The position stays."""
        self._check_open()
        end = min(start + count, self._source.size)
        if start >= end:
            return b""
        with self._failing():
            self._check_going()
            fetch = RangeFetch(self._source, start, end)
            self._wait(fetch)
        return b"".join(fetch.pieces)

    def readall(self) -> bytes:
        """Return the rest."""
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
        """Drop everything. A running request ends at its next piece, without waiting for it."""
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
        """Return the piece with the position, and its start."""
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
            # If another thread closes the object during a step, the step's own error isn't the reason.
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

    def _go(self, at: int) -> Stretch:
        """Return the stretch for the position: the current one, the last one, or a new one."""
        now, left = self._run, self._left
        if now.covers(at):
            return now
        if left is not None and left.covers(at):
            now.trim(_LEFT_BYTES)
            self._run, self._left = left, now
        elif now.blocks and 0 < at - now.planned_end <= _HOP_BYTES:
            # In an MP4 fragment the audio follows the video, and a reader goes back and forth: it needs the bytes
            # between too.
            return now
        else:
            if left is not None:
                left.drop()
            now.trim(_LEFT_BYTES)
            self._run, self._left = Stretch(at), now
        return self._run

    def _extend(self, run: Stretch) -> None:
        """Append more pieces to the stretch: from a running fetch, from the cache, or from a new fetch."""
        cache = self._source.cache
        if not run.ahead and cache is not None and (piece := cache.read(run.end, PIECE_BYTES)):
            self._ask_to_go_on()
            run.append([piece])
            return
        if not run.ahead:
            self._plan(run)
            self._look_ahead(run)
        if run.ahead:  # else another reader has filled the cache meanwhile
            fetch = run.ahead[0]
            self._wait(fetch)
            run.prune(self._at)
            run.ahead.popleft()
            run.append(fetch.pieces)

    def _look_ahead(self, run: Stretch) -> None:
        if run.blocks > _ALONE:
            while len(run.ahead) < _AHEAD and self._plan(run):
                pass

    def _plan(self, run: Stretch) -> bool:
        """Start to fetch the next block. Return False if there is no block, or the cache has it."""
        start = run.planned_end
        end = min(start + run.block_bytes, self._source.size)
        if self._source.cache is not None:
            end = self._source.cache.missing_until(start, end)
        if start >= end:
            return False
        run.ahead.append(RangeFetch(self._source, start, end))
        run.blocks += 1
        if run.blocks == _ALONE and self._left is not None:
            self._left.trim(_LEFT_LONG_AGO_BYTES)
        return True

    def _wait(self, fetch: RangeFetch) -> None:
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
