"""SHA-256 of a file whose bytes come in any order."""

from __future__ import annotations

import hashlib
import io
import random
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from komorebi_qc.core.errors import StorageError
from komorebi_qc.core.provenance import digest as module
from komorebi_qc.core.provenance.digest import DigestedFile, InOrderDigest, digested
from komorebi_qc.core.source import Source

if TYPE_CHECKING:
    from typing import BinaryIO

CONTENT = random.Random(5).randbytes(100_000)  # noqa: S311  test data
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Counted(io.BytesIO):
    """A file that counts the bytes read."""

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self.read_bytes = 0

    def read(self, size: int | None = -1) -> bytes:
        """Count."""
        data = super().read(size)
        self.read_bytes += len(data)
        return data


@settings(deadline=None)
@given(
    cuts=st.lists(st.tuples(st.integers(0, 99_999), st.integers(1, 30_000)), max_size=12),
    held=st.sampled_from([0, 10_000, 1 << 20]),
)
def test_any_order_gives_the_same_digest(cuts: list[tuple[int, int]], held: int) -> None:
    """Bytes may come in any order, twice or not at all: the digest is that of the whole file."""
    digest = InOrderDigest(len(CONTENT), held)
    for start, count in cuts:
        digest.take(start, CONTENT[start : start + count])
    assert digest.finish(io.BytesIO(CONTENT)) == SHA256


def test_bytes_that_passed_in_order_arent_read_again() -> None:
    """After one reading from start to end, nothing is read for the digest."""
    digest, file = InOrderDigest(len(CONTENT)), Counted(CONTENT)
    for start in range(0, len(CONTENT), 7_000):
        digest.take(start, CONTENT[start : start + 7_000])
    assert digest.finish(file) == SHA256
    assert file.read_bytes == 0


def test_an_index_at_the_end_waits_until_the_rest_has_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The header, then the index at the end, then all the rest: nothing has to be read again."""
    monkeypatch.setattr(module, "GAP_BYTES", 100)
    digest = InOrderDigest(len(CONTENT), held_bytes=20_000)
    file = Counted(CONTENT)
    read = DigestedFile(cast("BinaryIO", file), digest)
    for start, count in ((0, 512), (90_000, 10_000), (512, 90_000 - 512)):
        read.seek(start)
        read.read(count)
    assert file.read_bytes == len(CONTENT)
    assert digest.finish(file) == SHA256
    assert file.read_bytes == len(CONTENT)


def test_a_buffer_that_is_full_costs_a_second_reading_only() -> None:
    """An index larger than the buffer isn't held; a later reading, or the end, brings its bytes."""
    digest, file = InOrderDigest(len(CONTENT), held_bytes=5_000), Counted(CONTENT)
    digest.take(90_000, CONTENT[90_000:])
    digest.take(0, CONTENT[:90_000])
    assert digest.done_bytes == 90_000
    assert digest.finish(file) == SHA256
    assert file.read_bytes == 10_000


def test_a_short_gap_is_read_at_once_and_a_long_one_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """A demuxer that skips a few bytes doesn't make the rest of the file be read twice."""
    monkeypatch.setattr(module, "GAP_BYTES", 300)
    digest, file = InOrderDigest(len(CONTENT), held_bytes=0), Counted(CONTENT)
    read = DigestedFile(cast("BinaryIO", file), digest)
    read.read(1_000)
    read.seek(1_300)
    assert read.read(10_000) == CONTENT[1_300:11_300]
    assert digest.done_bytes == 11_300
    read.seek(11_601)
    assert read.read() == CONTENT[11_601:]
    assert digest.done_bytes == 11_300
    assert digest.finish(file) == SHA256


def test_readers_share_the_digest_of_a_source() -> None:
    """Two readers of one source, each from its own place, complete the digest together."""
    source, digest = digested(Source("a.wav", io.BytesIO(CONTENT), len(CONTENT), version=("a", "1"), etag="e"))
    assert (source.version, source.etag, source.is_remote) == (("a", "1"), "e", False)
    first, second = source.reopen().file, source.reopen().file
    second.seek(50_000)
    assert second.read(50_000) == CONTENT[50_000:]
    assert first.read(50_000) == CONTENT[:50_000]
    assert digest.done_bytes == len(CONTENT)
    assert digest.finish(source.reopen().file) == SHA256


def test_a_remote_source_is_opened_again_with_its_digest() -> None:
    """Every file that a remote source opens passes its bytes on."""
    opened: list[Counted] = []

    def again() -> Any:
        opened.append(Counted(CONTENT))
        return opened[-1]

    source, digest = digested(Source("s3://b/k", io.BytesIO(CONTENT), len(CONTENT), again))
    assert source.is_remote
    assert source.reopen().file.read(60_000) == CONTENT[:60_000]
    assert source.reopen().file.read() == CONTENT
    assert digest.done_bytes == len(CONTENT)
    assert len(opened) == 2


@pytest.mark.parametrize("size", [0, 1])
def test_a_tiny_file_has_a_digest(size: int) -> None:
    """An empty file has the digest of no bytes."""
    digest = InOrderDigest(size)
    assert digest.finish(io.BytesIO(CONTENT[:size])) == hashlib.sha256(CONTENT[:size]).hexdigest()


def test_a_file_that_shrinks_is_an_error_and_one_that_grows_keeps_its_size() -> None:
    """A file that was cut off while it was read has no digest; appended bytes don't count."""
    with pytest.raises(StorageError, match="an input has 999 bytes and had 1000"):
        InOrderDigest(1_000).finish(io.BytesIO(CONTENT[:999]))
    grows = InOrderDigest(1_000)
    grows.take(0, CONTENT[:600])
    grows.take(600, CONTENT[600:2_000])
    assert grows.finish(io.BytesIO(CONTENT)) == hashlib.sha256(CONTENT[:1_000]).hexdigest()


def test_reading_the_rest_can_be_stopped() -> None:
    """The rest is read in blocks, and an exception between two of them ends it."""

    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        InOrderDigest(len(CONTENT)).finish(io.BytesIO(CONTENT), stop)


def test_a_file_is_read_as_before() -> None:
    """Positions, partial reads, `readinto` and the end are those of the file itself."""
    digest = InOrderDigest(len(CONTENT))
    read = DigestedFile(io.BytesIO(CONTENT), digest)
    assert read.readable()
    assert read.seekable()
    assert read.seek(-10, io.SEEK_END) == len(CONTENT) - 10
    assert read.tell() == len(CONTENT) - 10
    buffer = bytearray(20)
    assert read.readinto(buffer) == 10
    assert bytes(buffer[:10]) == CONTENT[-10:]
    assert read.read(5) == b""
    read.seek(0)
    assert read.readall() == CONTENT
    assert digest.done_bytes == len(CONTENT)
    file = io.BytesIO(CONTENT)
    DigestedFile(file, digest).close()
    assert not file.closed
