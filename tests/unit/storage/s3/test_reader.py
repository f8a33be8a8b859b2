"""Objects of S3 as seekable files: the same bytes as any file, in few requests, even if connections fail."""

from __future__ import annotations

import base64
import errno
import io
import itertools
import os
import re
import subprocess
import sys
import threading
import time
import wave
import zlib
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, BinaryIO, Self, cast

import av
import numpy as np
import pytest
from aws_fixtures import INPUT, Faulty, World, client_error, fails
from botocore.exceptions import ClientError
from fake_s3_object import Memory
from hypothesis import given, settings
from hypothesis import strategies as st
from made import noise, wav

from komorebi_qc.core.errors import AccessDeniedError, OutOfTimeError, StorageError
from komorebi_qc.core.source import Source
from komorebi_qc.media.opening import RECORDING_FORMATS, open_container
from komorebi_qc.media.truncation import missing_bytes
from komorebi_qc.storage.s3 import fetch as s3_fetch
from komorebi_qc.storage.s3 import reader as s3_reader
from komorebi_qc.storage.s3 import stretch as s3_stretch
from komorebi_qc.storage.s3.block_cache import LocalCache
from komorebi_qc.storage.s3.fetch import PIECE_BYTES
from komorebi_qc.storage.s3.object import S3Object
from komorebi_qc.storage.s3.stretch import FIRST_BYTES, MOST_BYTES
from komorebi_qc.wiring import aws_client

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from captures import Capture

    from komorebi_qc.storage.s3.reader import S3Reader

KIB, MIB = 1 << 10, 1 << 20
BIG = np.random.default_rng(3).bytes(40_000_001)


class Bucket:
    """An S3 with one object, whose nth answers (from 0) can be made to fail.

    Faults: ``cut`` sends half of the body, ``crumb`` 20,000 bytes of it, ``trickle`` 3,000, ``empty`` none;
    ``wrong range`` is one byte off; ``whole`` ignores the range; ``spoilt`` sends other bytes than its
    checksum says; a number is that status.
    The order of two simultaneous requests isn't defined, so a range stalls by its position. From
    `stalls_from` on each sends a piece, and then nothing until the server ends.
    """

    def __init__(self, content: bytes, faults: Mapping[int, str | int] | None = None, always: str | int = "") -> None:
        self.content = content
        self.etag = '"first"'
        self.asked: list[tuple[int, int]] = []
        self.stalls_from = len(content)
        self.over = threading.Event()
        self._faults = faults or {}
        self._always = always
        self._lock = threading.Lock()
        bucket = self

        class Server(ThreadingHTTPServer):
            """Clients that leave are no news."""

            daemon_threads = True

            def handle_error(self, *_: object) -> None:
                """Say nothing."""

        class Handler(BaseHTTPRequestHandler):
            """Passes on."""

            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                bucket._get(self)

            def do_HEAD(self) -> None:
                bucket._answer(self, 200, {"ETag": bucket.etag}, len(bucket.content))

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = Server(("127.0.0.1", 0), Handler)

    def _answer(self, to: BaseHTTPRequestHandler, status: int, headers: dict[str, str], length: int) -> None:
        to.send_response(status)
        for name, value in headers.items():
            to.send_header(name, value)
        to.send_header("Content-Length", str(length))
        to.end_headers()

    def _get(self, to: BaseHTTPRequestHandler) -> None:
        found = re.fullmatch(r"bytes=(\d+)-(\d+)", to.headers["Range"])
        assert found is not None
        start, end = int(found[1]), int(found[2]) + 1
        with self._lock:
            usual = "stall" if start >= self.stalls_from else self._always
            fault = self._faults.get(len(self.asked), usual)
            self.asked.append((start, end))
        if isinstance(fault, int) or to.headers["If-Match"] != self.etag:
            self._answer(to, fault if isinstance(fault, int) else 412, {}, 0)
            return
        body = memoryview(self.content)[start:end]
        answered = start + 1 if fault == "wrong range" else start
        headers = {"ETag": self.etag, "Content-Range": f"bytes {answered}-{end - 1}/{len(self.content)}"}
        if fault == "whole":
            del headers["Content-Range"]
            self._answer(to, 200, headers, len(self.content))
            to.wfile.write(self.content)
            return
        if fault == "spoilt":
            headers["x-amz-checksum-crc32"] = base64.b64encode(zlib.crc32(body).to_bytes(4, "big")).decode()
            body = memoryview(bytes(len(body)))
        self._answer(to, 206, headers, len(body))
        sends = {"cut": len(body) // 2, "crumb": 20_000, "trickle": 3_000, "empty": 0, "stall": PIECE_BYTES}.get(
            str(fault), len(body)
        )
        for low in range(0, min(sends, len(body)), 64 * KIB):
            to.wfile.write(body[low : min(low + 64 * KIB, sends)])
        if fault == "stall":
            self.over.wait()
        to.close_connection = sends < len(body)

    @property
    def asked_bytes(self) -> int:
        """The sum of all requested ranges."""
        return sum(end - start for start, end in self.asked)

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self._server.server_port}"


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., S3Object]]:
    """Opens an object on a server of the test's; closed after it."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    objects = []

    def open_object(bucket: Bucket, **settings: Any) -> S3Object:
        monkeypatch.setenv("AWS_ENDPOINT_URL", bucket.url)
        objects.append(S3Object.open(aws_client("s3"), "media", "the/object", **settings))
        return objects[-1]

    yield open_object
    for one in objects:
        one.close()


def no_threads(within_s: float = 60.0) -> bool:
    """Whether all of the readers' threads end, and not only when their connections give up."""
    until = time.monotonic() + within_s
    while any(thread.name.startswith("s3-read") for thread in threading.enumerate()):
        if time.monotonic() > until:
            return False
        time.sleep(0.01)
    return True


FOURTH = 7 * FIRST_BYTES
"""Start of the fourth block of a sequence: from there on two fetches run at a time."""


# --- the same as any file


MOVES = st.one_of(
    st.tuples(st.just("read"), st.integers(-1, 3000)),
    st.tuples(st.just("readinto"), st.integers(0, 3000)),
    st.tuples(st.just("seek"), st.integers(0, 6000), st.just(io.SEEK_SET)),
    st.tuples(st.just("seek"), st.integers(-2000, 2000), st.just(io.SEEK_CUR)),
    st.tuples(st.just("seek"), st.integers(-6000, 100), st.just(io.SEEK_END)),
)


@settings(max_examples=300, deadline=None)
@given(
    size=st.integers(0, 5000),
    moves=st.lists(st.tuples(st.integers(0, 1), MOVES), max_size=25),
    breaks=st.lists(st.integers(0, 600), max_size=4),
    cache_bytes=st.sampled_from([None, 100, 10_000]),
)
def test_two_readers_are_two_files(
    size: int, moves: list[tuple[int, Any]], breaks: list[int], cache_bytes: int | None
) -> None:
    """Any reads and seeks of two readers, cached or not, broken or not, give the same as `io.BytesIO`."""
    content = np.random.default_rng(size).bytes(size)
    with pytest.MonkeyPatch.context() as patch:
        small = {"FIRST_BYTES": 64, "PIECE_BYTES": 32, "MOST_BYTES": 1024, "_BEHIND_BYTES": 64, "_HOP_BYTES": 128}
        small |= {"_LEFT_BYTES": 128, "_LEFT_LONG_AGO_BYTES": 32, "_BROKEN_READ_BYTES": 8, "_PAUSE_S": 0}
        for name, value in small.items():
            for module in (m for m in (s3_fetch, s3_reader, s3_stretch) if hasattr(m, name)):
                patch.setattr(module, name, value)
        cache = None if cache_bytes is None else LocalCache(cache_bytes, cache_bytes * (size % 2))
        source = S3Object(Memory(content, breaks), "b", "k", '"e"', size, cache=cache)
        files = [(source.reader(), io.BytesIO(content)) for _ in range(2)]
        for which, (name, *arguments) in moves:
            reader, true = files[which]
            if name == "readinto":
                ours, theirs = bytearray(arguments[0]), bytearray(arguments[0])
                assert (reader.readinto(ours), ours) == (true.readinto(theirs), theirs)
            else:
                assert getattr(reader, name)(*arguments) == getattr(true, name)(*arguments)
            assert reader.tell() == true.tell()
            assert reader.held_bytes <= 3 * 1024 + 64 + 32 + 128
        source.close()


def test_it_is_a_raw_file(serve: Callable[..., S3Object]) -> None:
    """It has a name, is read and sought, not written; refuses what BytesIO refuses; and is closed with its object."""
    with Bucket(b"0123456789") as bucket:
        source = serve(bucket)
        reader = source.reader()
        assert (source.name, reader.name, source.size) == ("s3://media/the/object",) * 2 + (10,)
        assert (reader.readable(), reader.seekable(), reader.writable()) == (True, True, False)
        with pytest.raises(ValueError, match="negative"):
            reader.seek(-1)
        with pytest.raises(ValueError, match="whence"):
            reader.seek(0, 9)
        assert io.BufferedReader(reader).read(4) == b"0123"
        other = source.reader()
        assert other.readall() == b"0123456789"
        source.close()
        for call in (other.read, other.tell, lambda: other.seek(0), source.reader):
            with pytest.raises(ValueError, match="closed"):
                call()


def test_an_empty_object_is_never_asked_for(serve: Callable[..., S3Object]) -> None:
    """An empty object has no valid range, so it reads as empty without a request."""
    with Bucket(b"") as bucket:
        reader = serve(bucket, cache=LocalCache(100)).reader()
        assert (reader.read(), reader.read(10), reader.readinto(bytearray(3))) == (b"", b"", 0)
        assert bucket.asked == []


def test_it_reads_from_another_server(world: World) -> None:
    """On moto, whose answers aren't this file's own, with a checksum and without; a missing key stays botocore's."""
    for more in ({}, {"ChecksumAlgorithm": "CRC32"}):
        world.s3.put_object(Bucket=INPUT, Key="big", Body=BIG[:3_000_000], **more)
        source = S3Object.open(world.s3, INPUT, "big")
        assert source.reader().read() == BIG[:3_000_000]
        source.close()
    with pytest.raises(ClientError, match="404"):
        S3Object.open(world.s3, INPUT, "none")


# --- few requests, little memory


def test_sequential_reading_doubles_and_looks_ahead(serve: Callable[..., S3Object]) -> None:
    """40 MB in thirteen requests of doubling size, no byte twice, two at a time, at most three blocks in memory."""
    with Bucket(BIG) as bucket:
        reader = serve(bucket).reader()
        got, held, ahead = hash_of(b""), 0, 0
        while part := reader.read(256 * KIB):
            got = zlib.crc32(part, got)
            held = max(held, reader.held_bytes)
            ahead = max(ahead, len(reader._run.ahead))
        assert got == hash_of(BIG)
        sizes = [end - start for start, end in sorted(bucket.asked)]
        doubling = [FIRST_BYTES << n for n in range(5)]
        assert sizes[:5] == doubling
        assert sizes[4:-1] == [MOST_BYTES] * (len(sizes) - 5)
        assert len(sizes) == 13
        assert bucket.asked_bytes == len(BIG)
        assert ahead == 2
        assert 2 * MOST_BYTES < held <= 3 * MOST_BYTES + 2560 * KIB


def test_reading_through_begins_with_large_requests(serve: Callable[..., S3Object]) -> None:
    """Reading through gets a large first block and two more in flight; the bytes are the same."""
    with Bucket(BIG) as bucket:
        reader = serve(bucket).reader(is_read_through=True)
        assert reader.read(100) == BIG[:100]
        assert len(reader._run.ahead) == 2
        assert reader.read() == BIG[100:]
        assert min(end - start for start, end in sorted(bucket.asked)[:-1]) >= MOST_BYTES // 2
        assert bucket.asked_bytes == len(BIG)


@pytest.mark.parametrize("fragment", [300 * KIB, 900 * KIB, 1400 * KIB])
def test_there_and_back_in_fragments_costs_barely_more_than_reading_through(
    serve: Callable[..., S3Object], fragment: int
) -> None:
    """As FFmpeg reads a fragmented MP4: some video, the audio behind it, back to the video, and so on."""
    with Bucket(BIG) as bucket:
        reader = serve(bucket).reader()
        for begin in range(0, 24 * MIB, fragment):
            for step in range(0, fragment // 2, 40_000):
                for at in (begin + step, begin + fragment // 2 + step):
                    reader.seek(at)
                    assert reader.read(40_000) == BIG[at : at + 40_000]
        assert bucket.asked_bytes < 1.2 * (24 * MIB + 3 * MOST_BYTES)


def hash_of(data: bytes) -> int:
    """A checksum that can be continued."""
    return zlib.crc32(data)


def test_jumping_costs_one_small_request_and_little_memory(serve: Callable[..., S3Object]) -> None:
    """A look anywhere asks for 256 KiB, also back behind a long sequence; and holds under 1 MiB."""
    places = np.random.default_rng(5)
    with Bucket(BIG) as bucket:
        reader = serve(bucket).reader()
        reader.seek(-1000, io.SEEK_END)
        assert reader.read() == BIG[-1000:]
        assert bucket.asked == [(len(BIG) - 1000, len(BIG))]
        reader.seek(0)
        reader.read(20 * MIB)
        assert no_threads()
        assert reader.held_bytes > 2 * MOST_BYTES
        for at in (2 * MIB, *places.integers(len(BIG) - MIB, size=30).tolist()):
            bucket.asked.clear()
            reader.seek(at)
            assert reader.read(100) == BIG[at : at + 100]
            assert bucket.asked in ([(at, at + FIRST_BYTES)], [])
            assert reader.held_bytes < MIB


def test_a_range_costs_its_own_bytes_alone(serve: Callable[..., S3Object]) -> None:
    """One request for exactly the bytes of a range, shorter at the end; the position stays."""
    with Bucket(BIG) as bucket:
        reader, end = serve(bucket).reader(), len(BIG)
        assert reader.read_range(MIB, 64 * KIB) == BIG[MIB : MIB + 64 * KIB]
        assert reader.read_range(end - 5, 100) == BIG[-5:]
        assert reader.read_range(end, 100) == b""
        assert reader.tell() == 0
        assert bucket.asked == [(MIB, MIB + 64 * KIB), (end - 5, end)]


def test_coming_back_to_a_sequence_begins_with_small_requests(serve: Callable[..., S3Object]) -> None:
    """Half a MiB around the position is still in memory; the next request is 256 KiB, then more."""
    with Bucket(BIG) as bucket:
        reader = serve(bucket).reader()
        reader.read(20 * MIB)
        reader.seek(2 * MIB)
        reader.read(1)
        assert no_threads()
        bucket.asked.clear()
        reader.seek(20 * MIB)
        assert reader.read(MIB) == BIG[20 * MIB : 21 * MIB]
        kept_until = 20 * MIB + 384 * KIB
        assert bucket.asked[:2] == [
            (kept_until, kept_until + FIRST_BYTES),
            (kept_until + FIRST_BYTES, kept_until + 3 * FIRST_BYTES),
        ]


def test_two_blocks_are_no_sequence_yet(serve: Callable[..., S3Object]) -> None:
    """Up to 768 KiB at each place, nothing is fetched ahead, and under 1 MiB is held."""
    with Bucket(BIG) as bucket:
        reader = serve(bucket).reader()
        for at in (0, 30 * MIB, 10 * MIB, 20 * MIB):
            bucket.asked.clear()
            reader.seek(at)
            for _ in range(6):
                reader.read(100 * KIB)
                assert reader.held_bytes < MIB
            assert [end - start for start, end in bucket.asked] == [256 * KIB, 512 * KIB]


def test_small_steps_stay_in_the_sequence(serve: Callable[..., S3Object]) -> None:
    """A step forward into what is on its way, or back by 200 KB, asks for nothing that sequential reading doesn't."""
    with Bucket(BIG) as bucket:
        reader = serve(bucket).reader()
        reader.read(28 * MIB)
        for step in (MOST_BYTES // 3, -200_000, MOST_BYTES, -200_000):
            at = reader.seek(step, io.SEEK_CUR)
            assert reader.read(300_000) == BIG[at : at + 300_000]
        assert no_threads()
        ranges = sorted(bucket.asked)
        assert all(end == start for (_, end), (start, _) in itertools.pairwise(ranges))
        assert [end - start for start, end in ranges[:-1]] == [min(FIRST_BYTES << n, MOST_BYTES) for n in range(12)]
        assert (ranges[0][0], ranges[-1][1]) == (0, len(BIG))


def test_a_way_there_and_back_asks_once_for_each_place(serve: Callable[..., S3Object]) -> None:
    """An MP4 is opened at its head, its end and its head again: two requests, and the head's sequence continues."""
    with Bucket(BIG) as bucket:
        reader = serve(bucket).reader()
        assert reader.read(32) == BIG[:32]
        reader.seek(-100_000, io.SEEK_END)
        assert reader.read() == BIG[-100_000:]
        reader.seek(32)
        assert reader.read(400 * KIB) == BIG[32 : 400 * KIB + 32]
        assert [start for start, _ in bucket.asked] == [0, len(BIG) - 100_000, FIRST_BYTES]


def test_hops_from_box_to_box_are_a_sequence(serve: Callable[..., S3Object]) -> None:
    """A fragmented MP4's boxes, 100 KB apart, are walked by large requests, not by one for each few boxes."""
    box = (100_000).to_bytes(4, "big")
    content = (box + b"moof" + bytes(99_992)) * 300
    content = b"\0\0\0\x08ftyp" + content[:-5]
    with Bucket(content) as bucket:
        assert missing_bytes(cast("BinaryIO", serve(bucket).reader())) == 5
        assert len(bucket.asked) <= 12
        assert bucket.asked_bytes <= len(content)


def media_source(source: S3Object) -> Source:
    """As the stores give it."""
    return Source(source.name, cast("BinaryIO", source.reader()), source.size)


def late_index(path: Path, *, is_interleaved: bool) -> bytes:
    """An MP4 of 5 MB with its index at the end; the audio is interleaved with the video, or behind all of it."""
    rng = np.random.default_rng(5)
    with av.open(str(path), "w", format="mp4", options={"max_interleave_delta": "1"}) as out:
        video: Any = out.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
        video.width, video.height, video.pix_fmt = 320, 180, "yuv420p"
        video.codec_context.bit_rate = 6_000_000
        sound: Any = out.add_stream("pcm_s16le", rate=48_000)
        sound.layout = "stereo"
        late = []
        for number in range(150):
            frame = av.VideoFrame.from_ndarray(rng.integers(0, 255, (270, 320), dtype=np.uint8), format="yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            out.mux(video.encode(frame))
            samples = av.AudioFrame.from_ndarray(np.zeros((1, 2 * 1920), np.int16), format="s16", layout="stereo")
            samples.sample_rate, samples.pts, samples.time_base = 48_000, number * 1920, Fraction(1, 48_000)
            late.extend(sound.encode(samples))
            if is_interleaved:
                out.mux(late)
                late.clear()
        out.mux(video.encode(None))
        out.mux(late)
    content = path.read_bytes()
    assert content.find(b"moov") > 0.9 * len(content) > 4_000_000
    return content


@pytest.mark.parametrize("is_interleaved", [True, False])
def test_an_mp4_with_its_index_at_the_end(
    serve: Callable[..., S3Object], tmp_path: Path, *, is_interleaved: bool
) -> None:
    """Through PyAV it takes two requests more than its blocks; with separate audio and video, only small ones more."""
    content = late_index(tmp_path / "late.mp4", is_interleaved=is_interleaved)
    file = io.BytesIO(content)
    with open_container(Source("file", file, len(content)), RECORDING_FORMATS) as container:
        true = [(packet.pts, bytes(packet)) for packet in container.demux()]
    with Bucket(content) as bucket:
        with open_container(media_source(serve(bucket)), RECORDING_FORMATS) as container:
            assert [(packet.pts, bytes(packet)) for packet in container.demux()] == true
        blocks = (len(content) // FIRST_BYTES + 1).bit_length()
        assert len(bucket.asked) <= (blocks + 2 if is_interleaved else len(content) // FIRST_BYTES + blocks)
        assert bucket.asked_bytes <= (1.2 if is_interleaved else 2) * len(content)


def test_real_captures_come_as_from_a_file(
    serve: Callable[..., S3Object], capture: Capture, source: Callable[[Path], Source]
) -> None:
    """Browser captures are demuxed the same, for at most 1.2 times their bytes."""
    with open_container(source(capture.recording), RECORDING_FORMATS) as container:
        true = [(packet.stream_index, packet.pts, bytes(packet)) for packet in container.demux()]
    with Bucket(capture.recording.read_bytes()) as bucket:
        with open_container(media_source(serve(bucket)), RECORDING_FORMATS) as container:
            found = [(packet.stream_index, packet.pts, bytes(packet)) for packet in container.demux()]
        assert found == true
        assert bucket.asked_bytes <= 1.2 * len(bucket.content)


def test_a_wav_is_read_by_the_standard_library(serve: Callable[..., S3Object], tmp_path: Path) -> None:
    """`wave` takes a reader for a file: all samples, none asked for twice."""
    pcm = np.repeat(noise(60, 8000)[:, None], 2, axis=1)
    path = wav(tmp_path / "call.wav", pcm)
    with wave.open(str(path), "rb") as file:
        true = file.readframes(file.getnframes())
    with Bucket(path.read_bytes()) as bucket:
        with wave.open(cast("BinaryIO", serve(bucket).reader()), "rb") as file:
            found = b"".join(iter(lambda: file.readframes(4000), b""))
        assert found == true
        assert bucket.asked_bytes == len(bucket.content)


# --- connections that fail


@pytest.mark.parametrize("fault", ["cut", "crumb", "empty", 500, 503, 429, "wrong range", "whole"])
def test_a_range_that_breaks_is_resumed(serve: Callable[..., S3Object], fault: str | int) -> None:
    """The first and a later request fail: the bytes are still right, for two requests more."""
    with Bucket(BIG[: 5 * MIB], {0: fault, 3: fault}) as bucket:
        assert serve(bucket).reader().read() == BIG[: 5 * MIB]
        assert bucket.asked[1][1] == FIRST_BYTES
        assert len(bucket.asked) == 7


def test_received_bytes_are_not_fetched_again(serve: Callable[..., S3Object], monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a block that breaks in the middle all whole pieces are kept."""
    monkeypatch.setattr(s3_fetch, "PIECE_BYTES", 48 * KIB)
    with Bucket(BIG[: 768 * KIB], {1: "cut"}) as bucket:
        assert serve(bucket).reader().read() == bucket.content
        assert bucket.asked[:2] == [(0, FIRST_BYTES), (FIRST_BYTES, 768 * KIB)]
        [(start, end)] = bucket.asked[2:]
        assert FIRST_BYTES + 5 * 48 * KIB <= start <= 512 * KIB
        assert end == 768 * KIB


def test_a_trickle_is_no_progress(serve: Callable[..., S3Object]) -> None:
    """A line that breaks after a few thousand bytes each time is given up: it would take hours."""
    with Bucket(BIG[:MIB], always="trickle") as bucket:
        with pytest.raises(StorageError, match="retry may help"):
            serve(bucket).reader().read()
        assert len(bucket.asked) == 5


def test_progress_is_no_failure(serve: Callable[..., S3Object]) -> None:
    """A connection that breaks eight times, but each time after some bytes, gets there."""
    with Bucket(BIG[:180_000], dict.fromkeys(range(1, 9), "crumb") | {0: "empty"}) as bucket:
        assert serve(bucket).reader().read() == BIG[:180_000]
        starts = [start for start, _ in bucket.asked]
        assert starts[2:] == sorted(set(starts))[1:]
        assert len(starts) == 10


def test_a_dead_connection_is_given_up(serve: Callable[..., S3Object], monkeypatch: pytest.MonkeyPatch) -> None:
    """After five failed attempts it raises a passing error in a sentence, and at once for each further read."""
    monkeypatch.setattr(s3_fetch, "_PAUSE_S", 0.001)
    with Bucket(BIG[:MIB], always="empty") as bucket:
        reader = serve(bucket).reader()
        for _ in range(2):
            with pytest.raises(StorageError, match=r"s3://media/the/object .* retry may help"):
                reader.read(10)
        assert bucket.asked == [(0, FIRST_BYTES)] * 5


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (client_error("AccessDenied", 403), AccessDeniedError),
        (client_error("NoSuchKey", 404), StorageError),
        (client_error("PreconditionFailed", 412), StorageError),
    ],
)
def test_permanent_errors_are_not_retried(error: Exception, kind: type[Exception]) -> None:
    """A refusal, a deleted and a replaced object: one request, and the right error."""
    asked: list[dict[str, Any]] = []

    def refuses(_: Callable[..., Any], **arguments: Any) -> Any:
        asked.append(arguments)
        raise error

    source = S3Object(Faulty(Memory(b"x", []), get_object=refuses), "b", "k", '"e"', 1)
    with pytest.raises(kind) as caught:
        source.reader().read()
    assert "secret" not in str(caught.value)
    assert asked == [{"Bucket": "b", "Key": "k", "Range": "bytes=0-0", "IfMatch": '"e"'}]


def test_timeouts_and_broken_reads_are_tried_again() -> None:
    """An error that neither botocore nor urllib3 translates counts as a broken connection too."""

    class Breaks(io.BytesIO):
        """A body that raises."""

        def read(self, _: int | None = -1, /) -> bytes:
            raise OSError(errno.EPROTO, "TLS record of no kind")

    calls = 0

    def breaks(true: Callable[..., Any], **arguments: Any) -> Any:
        nonlocal calls
        calls += 1
        return true(**arguments) | ({"Body": Breaks()} if calls == 1 else {})

    source = S3Object(Faulty(Memory(b"abc", []), get_object=breaks), "b", "k", '"e"', 3)
    assert source.reader().read() == b"abc"
    timeout = fails(TimeoutError("slow"), on=1)
    source = S3Object(Faulty(Memory(b"abc", []), get_object=timeout), "b", "k", '"e"', 3)
    assert source.reader().read() == b"abc"


def test_an_object_that_is_replaced_is_never_mixed(serve: Callable[..., S3Object]) -> None:
    """Once another object replaced it, the next block is a passing error after one request."""
    with Bucket(BIG) as bucket:
        reader = serve(bucket).reader()
        reader.read(10)
        bucket.etag = '"second"'
        bucket.asked.clear()
        with pytest.raises(StorageError, match="replaced during reading"):
            reader.read(FIRST_BYTES)
        assert len(bucket.asked) == 1


@pytest.mark.parametrize("answered", [{"ETag": '"other"'}, {"ContentRange": "bytes 0-2/4"}])
def test_a_server_that_knows_no_conditions(answered: dict[str, str]) -> None:
    """If the server ignores `IfMatch`, the answer's own ETag and size show that it is another object."""

    def ignores(true: Callable[..., Any], **arguments: Any) -> Any:
        return true(**arguments) | answered

    memory = Memory(b"abc", [])
    source = S3Object(Faulty(memory, get_object=ignores), "b", "k", '"e"', 3)
    with pytest.raises(StorageError, match="replaced during reading"):
        source.reader().read()
    assert len(memory.asked) == 1


def test_a_wrong_checksum_is_noticed(serve: Callable[..., S3Object]) -> None:
    """Bytes that don't match their checksum are requested again, all of them, and never returned."""
    with Bucket(BIG[:MIB], {0: "spoilt", 2: "spoilt"}) as bucket:
        assert serve(bucket).reader().read() == BIG[:MIB]
        assert bucket.asked[1] == bucket.asked[0]


# --- stopping


def test_a_deadline_ends_a_read_that_waits(serve: Callable[..., S3Object], monkeypatch: pytest.MonkeyPatch) -> None:
    """While a connection is silent, the reading thread calls `check_cancelled`; its exception ends all reading."""
    calls: list[int] = []
    waits_s: set[float] = set()
    here, true = threading.get_ident(), threading.Event.wait

    def check_cancelled() -> None:
        calls.append(threading.get_ident())
        if len(calls) > 7:
            raise OutOfTimeError("the time is up")

    def wait(event: threading.Event, timeout: float | None = None) -> bool:
        if timeout is not None and threading.get_ident() == here:
            waits_s.add(timeout)
        return true(event, timeout)

    monkeypatch.setattr(threading.Event, "wait", wait)
    with Bucket(BIG) as bucket:
        bucket.stalls_from = FOURTH
        source = serve(bucket, check_cancelled=check_cancelled)
        reader, other = source.reader(), source.reader()
        with pytest.raises(OutOfTimeError):
            reader.read()
        assert (set(calls), waits_s) == ({here}, {0.25})
        asked = len(bucket.asked)
        for one in (reader, other):
            with pytest.raises(OutOfTimeError):
                one.read(1)
        with pytest.raises(OutOfTimeError):
            source.reader()
        assert len(calls) == 8
        source.close()
        assert not no_threads(0)  # the exit didn't wait for the stalled server
        bucket.over.set()
        assert no_threads()
        assert len(bucket.asked) == asked
        assert reader.held_bytes == 0


def test_an_interrupt_in_the_middle_ends_the_reader(
    serve: Callable[..., S3Object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C that strikes outside `check_cancelled`: the reader asks for nothing more."""

    def interrupted(*_: object) -> bool:
        raise KeyboardInterrupt

    with Bucket(BIG) as bucket:
        reader = serve(bucket).reader()
        with monkeypatch.context() as patch:
            patch.setattr(threading.Event, "wait", interrupted)
            with pytest.raises(KeyboardInterrupt):
                reader.read(1)
        assert no_threads()
        asked = len(bucket.asked)
        with pytest.raises(KeyboardInterrupt):
            reader.read(1)
        assert len(bucket.asked) == asked
        assert reader.held_bytes == 0


def test_close_ends_downloads(serve: Callable[..., S3Object]) -> None:
    """Blocks that are on their way when the object is closed, from another thread even, don't come to their end."""
    with Bucket(BIG) as bucket:
        bucket.stalls_from = FOURTH
        source = serve(bucket)
        reader = source.reader()
        found: list[BaseException] = []

        def read() -> None:
            try:
                reader.read()
            except ValueError as error:
                found.append(error)

        thread = threading.Thread(target=read)
        thread.start()
        while len(bucket.asked) < 5:
            time.sleep(0.01)
        source.close()
        thread.join(60)
        assert len(found) == 1
        bucket.over.set()
        assert no_threads()
        assert len(bucket.asked) == 5


def test_a_step_that_a_close_disturbs_says_that_it_is_closed(
    serve: Callable[..., S3Object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another thread may close the object between any two lines: the read reports that, and nothing else."""
    with Bucket(BIG[:MIB]) as bucket:
        source = serve(bucket)
        reader = source.reader()
        true = s3_stretch.Stretch.prune

        def disturbed(run: Any, at: int) -> None:
            source.close()
            true(run, at)

        monkeypatch.setattr(s3_stretch.Stretch, "prune", disturbed)
        with pytest.raises(ValueError, match="s3://media/the/object is closed"):
            reader.read(1)


def test_nothing_is_read_once_the_object_is_at_its_end(serve: Callable[..., S3Object]) -> None:
    """Not even bytes in memory: a stopped reader stays stopped."""
    with Bucket(BIG[:MIB]) as bucket:
        source = serve(bucket)
        reader = source.reader()
        reader.read(1)
        source.end(OutOfTimeError("the time is up"))
        source.end(StorageError("later"))
        with pytest.raises(OutOfTimeError):
            reader.read(1)


def test_a_process_that_ends_does_not_wait(serve: Callable[..., S3Object]) -> None:
    """A silent connection doesn't keep the interpreter from ending."""
    program = """
import sys
from komorebi_qc.storage.s3.object import S3Object
from komorebi_qc.wiring import aws_client
reader = S3Object.open(aws_client("s3"), "media", "the/object").reader()
reader.read(1 << 20)
print(len(reader._run.ahead), flush=True)
"""
    with Bucket(BIG) as bucket:
        bucket.stalls_from = FOURTH
        serve(bucket)
        ended = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=120, env=os.environ
        )
        assert (ended.stdout, ended.stderr) == ("2\n", "")


# --- the cache


@pytest.mark.parametrize("bounds", [(9 * MIB, 0), (0, 9 * MIB)], ids=["on disk", "in memory"])
def test_a_second_pass_reads_the_cache(serve: Callable[..., S3Object], bounds: tuple[int, int]) -> None:
    """A second reader fetches only the missing bytes."""
    with Bucket(BIG[: 9 * MIB]) as bucket:
        source = serve(bucket, cache=LocalCache(*bounds))
        first = source.reader()
        first.seek(2 * MIB)
        assert first.read(MIB) == BIG[2 * MIB : 3 * MIB]
        assert no_threads()
        had = bucket.asked_bytes
        assert had >= MIB
        assert source.reader().read() == bucket.content
        assert bucket.asked_bytes == len(bucket.content)
        assert no_threads()
        bucket.asked.clear()
        assert source.reader().read() == bucket.content
        first.seek(0)
        assert first.read() == bucket.content
        assert bucket.asked == []
        assert source.cache is not None
        assert source.cache.held_bytes == len(bucket.content)


def test_an_object_too_large_for_the_cache(serve: Callable[..., S3Object]) -> None:
    """It is read as without one, and nothing is kept."""
    with Bucket(BIG[:MIB]) as bucket:
        source = serve(bucket, cache=LocalCache(MIB - 1, MIB - 1))
        for _ in range(2):
            assert source.reader().read() == bucket.content
        assert bucket.asked_bytes == 2 * len(bucket.content)
        assert source.cache is not None
        assert source.cache.held_bytes == 0


def test_a_full_disk_costs_only_the_cache(serve: Callable[..., S3Object], monkeypatch: pytest.MonkeyPatch) -> None:
    """If its file can't grow any more, the cache drops it, and reading continues."""
    true, written = os.pwrite, 0

    def full(fd: int, data: Any, at: int) -> int:
        nonlocal written
        if written > MIB:
            raise OSError(errno.ENOSPC, "No space left on device")
        written += len(data)
        return true(fd, data, at)

    monkeypatch.setattr(os, "pwrite", full)
    with Bucket(BIG[: 4 * MIB]) as bucket:
        source = serve(bucket, cache=LocalCache(100 * MIB))
        for _ in range(2):
            assert source.reader().read() == bucket.content
        assert written > MIB
        assert source.cache is not None
        assert source.cache.held_bytes == 0
        assert source.cache._kept is None


def test_a_cache_without_a_folder(serve: Callable[..., S3Object], monkeypatch: pytest.MonkeyPatch) -> None:
    """No place for temporary files at all is no reason not to read."""

    def nowhere(**_: object) -> Any:
        raise FileNotFoundError(errno.ENOENT, "No usable temporary directory found")

    monkeypatch.setattr("tempfile.TemporaryFile", nowhere)
    with Bucket(BIG[:MIB]) as bucket:
        assert serve(bucket, cache=LocalCache(100 * MIB)).reader().read() == bucket.content


def test_a_cache_is_one_objects() -> None:
    """Given to a second object it refuses: bytes of two would be mixed."""
    cache = LocalCache(100)
    S3Object(Memory(b"abc", []), "b", "k", '"e"', 3, cache=cache)
    with pytest.raises(ValueError, match="one object"):
        S3Object(Memory(b"xyz", []), "b", "other", '"e"', 3, cache=cache)


@pytest.mark.parametrize("bounds", [(12 * MIB, 0), (0, 12 * MIB)], ids=["on disk", "in memory"])
def test_readers_in_many_threads_share_an_object(serve: Callable[..., S3Object], bounds: tuple[int, int]) -> None:
    """Four at once, each at its own places, over one cache: every byte is right."""
    with Bucket(BIG[: 12 * MIB], {5: "cut", 9: 503}) as bucket:
        source = serve(bucket, cache=LocalCache(*bounds))
        wrong: list[int] = []

        def look(seed: int) -> None:
            places, reader = np.random.default_rng(seed), source.reader()
            for _ in range(60):
                at, count = int(places.integers(12 * MIB)), int(places.integers(600 * KIB))
                reader.seek(at)
                if reader.read(count) != bucket.content[at : at + count]:
                    wrong.append(at)
            wrong.extend([seed] if done(reader) != bucket.content else [])
            finished.append(seed)

        finished: list[int] = []
        threads = [threading.Thread(target=look, args=(seed,)) for seed in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert (wrong, sorted(finished)) == ([], [0, 1, 2, 3])


def done(reader: S3Reader) -> bytes:
    """All of it, from the start."""
    reader.seek(0)
    return reader.read()
