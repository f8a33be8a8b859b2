"""The upload that is written while the video is made: on moto's server, and on a bucket made by hand."""

from __future__ import annotations

import hashlib
import io
import itertools
import os
import subprocess
import sys
import threading
import time
import tracemalloc
from concurrent.futures import wait
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import av
import moto.s3.models
import numpy as np
import pytest
from av.error import ArgumentError, FFmpegError
from aws_fixtures import OUTPUT, RECORDING, Faulty, World, client_error, fails
from botocore import exceptions as aws
from botocore.awsrequest import AWSResponse
from botocore.httpsession import URLLib3Session
from fake_s3_bucket import HEAD, KEY, NOW, PART, Bucket, a_stream, an_upload, in_base64
from hypothesis import example, given, settings
from hypothesis import strategies as st
from urllib3 import HTTPResponse

from komorebi_qc.core.errors import AccessDeniedError, DoesNotFitError, KomorebiError, StorageError
from komorebi_qc.core.provenance.parts import digest_of_bytes
from komorebi_qc.media.mux.write import muxer_options
from komorebi_qc.storage.s3 import multipart_writer as s3_stream
from komorebi_qc.storage.s3 import publication as s3_upload
from komorebi_qc.storage.s3.multipart_writer import HeadTooSmallError, PartStream
from komorebi_qc.storage.s3.stale_uploads import clear_stale

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from komorebi_qc.core.output import Container

BROKEN = client_error("InternalError", 500, "Any")


def content_of(size: int) -> bytes:
    """Random bytes, so that all parts differ."""
    return np.random.default_rng(size).bytes(size)


def published(stream: PartStream, content: bytes = b"", chunk_bytes: int = 10_000) -> None:
    """Write `content` bit by bit, finish it and show it."""
    for start in range(0, len(content), chunk_bytes):
        stream.write(content[start : start + chunk_bytes])
    with ExitStack() as undo:
        show = stream.finish(undo)
        show()
        undo.pop_all()


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """S3 takes no part but the last under 5 MiB; here it does."""
    monkeypatch.setattr(moto.s3.models, "S3_UPLOAD_PART_MIN_SIZE", 1)


def frames(count: int) -> Iterator[Any]:
    """Noise, which no codec makes small."""
    rng = np.random.default_rng(7)
    for number in range(count):
        pixels = rng.integers(0, 255, (90, 160, 3), dtype=np.uint8)
        frame = av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(format="yuv420p")
        frame.pts = number
        yield frame


def mux(file: Any, container: Container, room: int, count: int = 100) -> None:
    """Write a video with room for its index in front, by the product's own options."""
    options = {**muxer_options(container, room), "fflags": "+bitexact"}  # WebM has random names else
    with av.open(file, "w", format=container, options=options) as out:
        stream: Any = out.add_stream("libx264" if container == "mp4" else "libvpx", rate=10)
        stream.width, stream.height, stream.pix_fmt = 160, 90, "yuv420p"
        stream.codec_context.gop_size = 10
        stream.codec_context.thread_count = 1
        for frame in frames(count):
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))


# --- what arrives


@pytest.mark.usefixtures("small_parts")
@pytest.mark.parametrize("container", ["mp4", "webm"])
def test_a_muxed_video_arrives_as_it_would_in_a_file(world: World, container: Container) -> None:
    """Byte for byte, with its content type; the first part, with the index, is sent last."""
    plain = io.BytesIO()
    mux(plain, container, 20_000)
    numbers: list[int] = []

    def counted(true: Callable[..., Any], **arguments: Any) -> Any:
        numbers.append(arguments["PartNumber"])
        return true(**arguments)

    client = Faulty(world.s3, upload_part=counted)
    with PartStream(an_upload(client), KEY, f"video/{container}", head_bytes=20_000, part_bytes=PART) as stream:
        mux(stream, container, 20_000)
        assert world.keys(OUTPUT) == []
        with ExitStack() as undo:
            show = stream.finish(undo)
            assert world.keys(OUTPUT) == []
            show()
            undo.pop_all()
        assert stream.size == len(plain.getvalue())
        assert stream.head() == plain.getvalue()[: 20_000 + s3_stream._HEADER_BYTES]
    assert world.read(KEY) == plain.getvalue()
    assert world.s3.head_object(Bucket=OUTPUT, Key=KEY)["ContentType"] == f"video/{container}"
    assert len(numbers) > 3
    assert 1 in numbers[-2:]  # beside the last one that is on its way
    assert sorted(numbers) == list(range(1, len(numbers) + 1))
    assert world.dangling_uploads() == []


@pytest.mark.parametrize("container", ["mp4", "webm"])
def test_an_index_larger_than_its_room_ends_as_in_a_file(container: Container) -> None:
    """If it fits the first part, the muxer raises its own error, and nothing is left."""
    for file in (io.BytesIO(), a_stream(bucket := Bucket())):
        with pytest.raises(ArgumentError), file:
            mux(file, container, 100)
    assert bucket.objects == {}
    assert bucket.asked[-1] == "abort"


def test_an_index_larger_than_the_first_part_is_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bytes behind it are already sent: a separate error, through FFmpeg too."""
    monkeypatch.setattr(s3_stream, "_HEADER_BYTES", 64)
    stream = a_stream(bucket := Bucket(), head_bytes=500, part_bytes=1024)
    with pytest.raises(HeadTooSmallError, match=r"run over the end of its first 1024"), stream:
        mux(stream, "mp4", 500)
    assert bucket.objects == {}
    assert bucket.asked[-1] == "abort"


def test_parts_of_the_size_that_s3_takes(world: World) -> None:
    """Nothing set but what has to be: 8 MiB a part, on a server that refuses less than 5."""
    content = content_of(1 << 20) * 19 + b"the end"
    with PartStream(an_upload(world.s3), KEY, "video/mp4", head_bytes=1000) as stream:
        for start in range(0, len(content), 1 << 20):
            assert stream.write(memoryview(content)[start : start + (1 << 20)]) > 0
        published(stream)
    assert world.read(KEY) == content
    assert world.s3.head_object(Bucket=OUTPUT, Key=KEY)["ETag"].endswith('-3"')


@pytest.mark.parametrize(("size", "asked"), [(0, ["put"]), (HEAD, ["put"]), (HEAD + 1, None)])
def test_a_file_that_fits_the_first_part_is_one_request(size: int, asked: list[str] | None) -> None:
    """No multipart upload is begun for it; one byte more, and there is one."""
    content = content_of(size)
    with a_stream(bucket := Bucket()) as stream:
        stream.write(content)
        published(stream)
    assert bucket.objects == {KEY: content}
    assert bucket.asked == (asked or ["list", "create", "part 2", "part 1", "complete"])


@settings(deadline=None, max_examples=150)
@example(sizes=[], gap=0, rewrites=[(1, 0)], back=False, longer=0)  # nothing written past the end makes no file longer
@given(
    sizes=st.lists(st.integers(0, 1500), max_size=20),
    gap=st.integers(0, 1200),
    rewrites=st.lists(st.tuples(st.integers(0, 1023), st.integers(0, 1200)), max_size=4),
    back=st.booleans(),
    longer=st.integers(0, 1500),
)
def test_any_writing_with_a_front_rewritten_gives_a_files_bytes(
    sizes: list[int], gap: int, rewrites: list[tuple[int, int]], *, back: bool, longer: int
) -> None:
    """A gap near the start, any sizes, the front written again, and more at the end: as in a file."""
    first_bytes = 1024
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(s3_stream, "_HEADER_BYTES", 24)
        stream = a_stream(bucket := Bucket(), head_bytes=1000, part_bytes=512)
    plain = io.BytesIO()

    def each(act: Callable[[Any], int]) -> None:
        assert act(stream) == act(plain)
        assert (stream.tell(), stream.size) == (plain.tell(), len(plain.getvalue()))

    with stream:
        each(lambda file: file.seek(min(gap, first_bytes)))
        for number, size in enumerate(sizes):
            each(lambda file, data=bytes([number + 1]) * size: file.write(data))  # type: ignore[misc]
        for at, size in rewrites:
            each(lambda file, at=at: file.seek(at))  # type: ignore[misc]
            data = b"\xff" * min(size, first_bytes - at)
            each(lambda file, data=data: file.write(data))  # type: ignore[misc]
        if back:
            each(lambda file: file.seek(0, io.SEEK_END))
            each(lambda file: file.write(b"\xee" * longer))
        assert stream.head() == plain.getvalue()[:first_bytes]
        published(stream)
    assert bucket.objects == {KEY: plain.getvalue()}


@pytest.mark.parametrize("at", [-1, HEAD + 1, HEAD + PART + 1, HEAD + 3 * PART - 1, HEAD + 3 * PART + 1])
def test_a_seek_to_a_sent_position_is_refused(at: int) -> None:
    """A seek past the end is refused, too; the error names the valid positions, and the upload is aborted."""
    stream = a_stream(bucket := Bucket())
    stream.write(content_of(HEAD + 3 * PART))
    with pytest.raises(io.UnsupportedOperation, match=rf"byte {at} is neither"):
        stream.seek(at)
    with pytest.raises(io.UnsupportedOperation, match=rf"byte {at} is neither"), ExitStack() as undo:
        stream.finish(undo)
    assert bucket.objects == {}
    assert bucket.asked[-1] == "abort"


@pytest.mark.parametrize(("at", "size"), [(HEAD, 1), (HEAD - 1, 2), (0, HEAD + 1)])
def test_a_write_from_the_front_into_what_is_sent_is_refused(at: int, size: int) -> None:
    """Not a byte of it is taken."""
    content = content_of(HEAD + PART)
    with a_stream(Bucket()) as stream:
        stream.write(content)
        stream.seek(at)
        with pytest.raises(HeadTooSmallError):
            stream.write(b"\xff" * size)
        assert stream.head() == content[:HEAD]


def test_a_file_object_like_any_other() -> None:
    """It can be written and gone about in, not read and not cut; relative places count from where they should."""
    with a_stream(Bucket()) as stream:
        assert (stream.writable(), stream.seekable(), stream.readable()) == (True, True, False)
        stream.write(b"0123456789")
        assert stream.seek(-4, io.SEEK_END) == stream.tell() == 6
        assert stream.seek(-2, io.SEEK_CUR) == 4
        stream.write(np.frombuffer(b"abcd", np.uint16))
        assert stream.head() == b"0123abcd89"
        with pytest.raises(io.UnsupportedOperation):
            stream.truncate(0)


def test_nothing_can_be_written_once_it_is_finished() -> None:
    """A late write would be lost: it is refused, and the object doesn't become visible without it."""
    with a_stream(bucket := Bucket()) as stream, ExitStack() as undo:
        stream.write(b"all")
        show = stream.finish(undo)
        with pytest.raises(io.UnsupportedOperation, match="is finished"):
            stream.write(b"more")
        with pytest.raises(io.UnsupportedOperation, match="is finished"):
            show()
    assert bucket.objects == {}


# --- how large parts are


def test_the_first_part_holds_the_whole_index() -> None:
    """However large the room for it is, all of it can be written again at the end."""
    room = 5 * PART
    content = content_of(room + 3 * PART)
    with a_stream(bucket := Bucket(), head_bytes=room) as stream:
        stream.write(content)
        stream.seek(32)
        stream.write(b"\xff" * room)
        published(stream)
    assert bucket.objects[KEY] == content[:32] + b"\xff" * room + content[32 + room :]


def test_more_than_s3_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The part after the last isn't begun: no try helps, and nothing is left."""
    monkeypatch.setattr(s3_upload, "MAX_PARTS", 3)
    with a_stream(bucket := Bucket()) as stream:
        stream.write(bytes(HEAD + 2 * PART))
        with pytest.raises(DoesNotFitError, match="the most that S3 accepts in 3 parts"):
            stream.write(b"x")
    assert "part 4" not in bucket.asked
    assert bucket.asked[-1] == "abort"


# --- side by side, and bounded


def held_up(may_go: threading.Event) -> Bucket:
    """A bucket to which no part gets before it may."""
    bucket = Bucket()

    def hold(_: int) -> None:
        assert may_go.wait(20)

    bucket.on_part = hold
    return bucket


def test_two_parts_go_up_at_a_time() -> None:
    """Each waits in its request until the other has arrived."""
    both = threading.Barrier(2, timeout=20)
    bucket = Bucket()

    def wait_for_the_other(number: int) -> None:
        if number > 1:
            both.wait()

    bucket.on_part = wait_for_the_other
    with a_stream(bucket) as stream:
        stream.write(content_of(HEAD + 4 * PART))
        published(stream)
    assert len(bucket.objects[KEY]) == HEAD + 4 * PART


def test_the_muxer_goes_on_until_a_third_part_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    """With two parts in flight and one full it waits, calls `check_cancelled` twice a second, then continues."""
    may_go = threading.Event()
    bucket = held_up(may_go)
    asked = 0
    waits_s: list[float] = []

    def check_cancelled() -> None:
        nonlocal asked
        asked += 1
        if asked == 8:
            may_go.set()

    def waits(parts: Any, longest_s: float, until: str) -> Any:
        waits_s.append(longest_s)
        return wait(parts, longest_s, until)

    monkeypatch.setattr(s3_stream, "wait", waits)

    with a_stream(bucket, check_cancelled) as stream:
        stream.write(bytes(HEAD + 3 * PART - 1))  # two parts are sent without waiting, and the third isn't full
        assert asked == 2
        stream.write(b"x")
        assert asked >= 8
        assert set(waits_s) == {0.25}
        monkeypatch.undo()
        published(stream)


def test_memory_is_bounded() -> None:
    """Forty parts on a slow line take as much memory as the first part and three more."""
    bucket = Bucket()
    bucket.keeps = False
    bucket.on_part = lambda _: time.sleep(0.002)
    stream = a_stream(bucket, part_bytes=1 << 20, head_bytes=1000)
    chunk = bytes(1 << 15)
    tracemalloc.start()
    try:
        for _ in range(32 * 40):
            stream.write(chunk)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    stream.close()
    assert stream.size == 40 << 20
    assert 1 << 20 < peak < 3.5 * (1 << 20)  # the first part was there before


class StopError(Exception):
    """An exception that stops a transfer."""


def test_an_exception_of_check_cancelled_ends_a_waiting_write() -> None:
    """The writing thread gets it at once, and nothing is left."""
    may_go = threading.Event()
    bucket = held_up(may_go)
    waits = 0

    def check_cancelled() -> None:
        nonlocal waits
        waits += 1
        if waits == 5:
            raise StopError

    with a_stream(bucket, check_cancelled) as stream:
        with pytest.raises(StopError):
            stream.write(bytes(HEAD + 20 * PART))
        may_go.set()
    assert sorted(bucket.asked[2:4]) == ["part 2", "part 3"]
    assert bucket.asked[4:] == ["abort"]


@pytest.mark.parametrize("after", range(5))
def test_it_can_be_stopped_before_each_part(after: int) -> None:
    """The first part included: no further one goes up, and nothing is left."""
    bucket = Bucket()
    begun = 0

    def check_cancelled() -> None:
        if len([one for one in bucket.asked if one.startswith("part")]) >= after:
            raise StopError

    def count(_: int) -> None:
        nonlocal begun
        begun += 1

    bucket.on_part = count

    def write_it_all(stream: PartStream) -> None:
        for _ in range(HEAD // PART + 4):
            stream.write(bytes(PART))
            while len([one for one in bucket.asked if one.startswith("part")]) < stream._number - 1:
                time.sleep(0.001)  # until the part has begun, so that `check_cancelled` knows
        published(stream)

    with pytest.raises(StopError), a_stream(bucket, check_cancelled) as stream:
        write_it_all(stream)
    assert begun == after
    assert (bucket.objects, bucket.asked[-1]) == ({}, "abort")


# --- failures

FAULTS: dict[str, Callable[[], dict[str, Callable[..., Any]]]] = {
    "starting the upload": lambda: {"create_multipart_upload": fails(BROKEN)},
    "the first that goes up": lambda: {"upload_part": fails(BROKEN, on=1)},
    "one in the middle": lambda: {"upload_part": fails(BROKEN, on=3)},
    "the last but one": lambda: {"upload_part": fails(BROKEN, on=5)},
    "the first part": lambda: {"upload_part": fails(BROKEN, on=6)},
    "a part whose answer got lost": lambda: {"upload_part": fails(BROKEN, on=2, after=True)},
    "completing": lambda: {"complete_multipart_upload": fails(BROKEN)},
    "a broken line": lambda: {"complete_multipart_upload": fails(aws.ReadTimeoutError(endpoint_url="x"))},
}


@pytest.mark.usefixtures("small_parts")
@pytest.mark.parametrize("before", [None, b"old"], ids=["first run", "rerun"])
@pytest.mark.parametrize("faults", FAULTS.values(), ids=FAULTS.keys())
def test_a_failure_changes_nothing(
    world: World, faults: Callable[[], dict[str, Callable[..., Any]]], before: bytes | None
) -> None:
    """The object is as before, no upload is left, and the error is a passing one."""
    if before is not None:
        world.s3.put_object(Bucket=OUTPUT, Key=KEY, Body=before)
    content = content_of(HEAD + 4 * PART + 1)
    with (
        pytest.raises(StorageError, match=rf"s3://{OUTPUT}/{KEY} didn't") as caught,
        a_stream(Faulty(world.s3, **faults())) as stream,
    ):
        published(stream, content)
    assert "secret" not in str(caught.value)
    assert world.dangling_uploads() == []
    assert world.keys(OUTPUT) == ([] if before is None else [KEY])
    assert before is None or world.read(KEY) == before


def write_for_ever(stream: PartStream) -> None:
    """Until it raises."""
    while stream.write(bytes(PART)):
        time.sleep(0.001)


def test_a_failure_is_raised_once_and_then_by_finish_alone() -> None:
    """Writes during FFmpeg's close are ignored; no further part is sent, and finishing can't succeed."""
    bucket = Bucket()

    def refuse(number: int) -> None:
        if number == 2:
            raise client_error("AccessDenied", 403, "UploadPart")

    bucket.on_part = refuse
    with a_stream(bucket) as stream:
        with pytest.raises(AccessDeniedError) as caught:
            write_for_ever(stream)
        begun = len(bucket.asked)
        for _ in range(20):
            assert stream.write(bytes(PART)) == PART
        assert stream.seek(10 * HEAD + 5) == 10 * HEAD + 5
        assert stream.write(b"x") == 1
        with pytest.raises(AccessDeniedError) as again, ExitStack() as undo:
            stream.finish(undo)
        assert again.value is caught.value
    assert bucket.asked[begun:] == ["abort"]
    assert bucket.objects == {}


def refused(_: int) -> None:
    """No part is taken."""
    raise BROKEN


def test_a_failure_comes_through_ffmpeg_as_it_is() -> None:
    """PyAV raises the very error; closing it then raises FFmpeg's own, which recalls that there was one."""
    bucket = Bucket()
    bucket.on_part = refused
    with a_stream(bucket) as stream:
        out: Any = av.open(stream, "w", format="mp4", options=muxer_options("mp4", 20_000))
        video = out.add_stream("libx264", rate=10)
        video.width, video.height, video.pix_fmt = 160, 90, "yuv420p"
        with pytest.raises(StorageError, match="Any: InternalError"):
            out.mux([packet for frame in frames(100) for packet in video.encode(frame)])
        with pytest.raises(FFmpegError):
            out.close()
        with pytest.raises(StorageError), ExitStack() as undo:
            stream.finish(undo)
    assert (bucket.objects, bucket.asked[-1]) == ({}, "abort")


def test_a_failure_after_the_last_write_is_raised_by_finish() -> None:
    """A part may fail after the last write; its error is still raised."""
    bucket = Bucket()
    bucket.on_part = refused
    stream = a_stream(bucket)
    stream.write(bytes(HEAD + PART))
    with pytest.raises(StorageError), ExitStack() as undo:
        stream.finish(undo)
    assert bucket.asked[:2] == ["list", "create"]
    assert set(bucket.asked[2:-1]) in ({"part 2"}, {"part 1", "part 2"})
    assert (bucket.objects, bucket.asked[-1]) == ({}, "abort")


def test_ctrl_c_in_the_middle_is_not_forgotten() -> None:
    """FFmpeg's callbacks lose it; finishing raises it again."""

    def check_cancelled() -> None:
        raise KeyboardInterrupt

    stream = a_stream(bucket := Bucket(), check_cancelled)
    with pytest.raises(KeyboardInterrupt):
        stream.write(bytes(HEAD + PART))
    assert stream.write(b"more") == 4
    with pytest.raises(KeyboardInterrupt), ExitStack() as undo:
        stream.finish(undo)
    assert bucket.asked == ["list", "create", "abort"]


@pytest.mark.parametrize("size", [10, HEAD + PART])
def test_leaving_it_before_it_is_shown_undoes_it(size: int) -> None:
    """Finished or not; and showing it then is refused, so that no small object comes after all."""
    bucket = Bucket()
    with a_stream(bucket) as stream:
        stream.write(bytes(size))
        show = stream.finish(ExitStack())
    with pytest.raises(io.UnsupportedOperation, match="was aborted"):
        show()
    stream.abort()
    stream.close()
    assert bucket.objects == {}
    assert bucket.asked.count("abort") == (size > HEAD)
    assert stream.write(b"late") == 4


def test_a_visible_object_stays() -> None:
    """Aborting and closing afterwards undo nothing, and it can't be shown twice."""
    bucket = Bucket()
    with a_stream(bucket) as stream, ExitStack() as undo:
        stream.write(bytes(HEAD + PART))
        show = stream.finish(undo)
        assert stream.finish(undo) == show
        show()
        show()
    stream.abort()
    assert len(bucket.objects[KEY]) == HEAD + PART
    assert bucket.asked.count("complete") == 1
    assert "abort" not in bucket.asked


def test_the_undo_is_given_the_abort() -> None:
    """The publication undoes it with everything else."""
    stream = a_stream(bucket := Bucket())
    stream.write(bytes(HEAD + PART))
    with ExitStack() as undo:
        stream.finish(undo)
        assert sorted(bucket.parts) == [1, 2]
    assert (bucket.objects, bucket.asked[-1]) == ({}, "abort")


def test_a_part_that_arrives_after_the_abort_is_taken_back() -> None:
    """It may be in S3 then, so its thread aborts again."""
    may_go = threading.Event()
    bucket = held_up(may_go)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(s3_stream, "_LAST_PARTS_S", 0.05)
        stream = a_stream(bucket)
        stream.write(bytes(HEAD + PART))
        stream.abort()
    assert bucket.asked == ["list", "create", "part 2", "abort"]
    may_go.set()
    for thread in threading.enumerate():
        if thread.name == "s3-part-2":
            thread.join()
    assert bucket.asked[-1] == "abort"
    assert bucket.asked.count("abort") == 2
    assert bucket.parts == {}


def test_abort_waits_for_the_parts_on_their_way() -> None:
    """So that one abort takes them all."""
    bucket = Bucket()
    stream = a_stream(bucket)

    def wait_for_the_abort(_: int) -> None:
        while not stream._is_aborted:
            time.sleep(0.001)

    bucket.on_part = wait_for_the_abort
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(s3_stream, "_LAST_PARTS_S", 60)
        stream.write(bytes(HEAD + 2 * PART))
        stream.abort()
    assert sorted(bucket.asked[2:4]) == ["part 2", "part 3"]
    assert (bucket.asked[4:], bucket.parts) == (["abort"], {})


def test_an_interrupted_abort_still_aborts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C while it waits for the last parts leaves nothing in the bucket."""

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    stream = a_stream(bucket := Bucket())
    stream.write(bytes(HEAD + PART))
    with monkeypatch.context() as patch:
        patch.setattr(s3_stream, "wait", interrupted)
        with pytest.raises(KeyboardInterrupt):
            stream.abort()
    assert bucket.asked.count("abort") >= 1
    stream.close()


def test_a_process_that_ends_does_not_wait_for_a_part() -> None:
    """A silent connection doesn't keep the interpreter from ending."""
    program = """
import sys, threading
from fake_s3_bucket import in_base64, HEAD, PART, Bucket, a_stream
begun = threading.Event()
bucket = Bucket()
def stall(_):
    begun.set()
    threading.Event().wait()
bucket.on_part = stall
stream = a_stream(bucket)
stream.write(bytes(HEAD + PART))
begun.wait()
print("ends", flush=True)
"""
    path = os.pathsep.join(sys.path)
    ended = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
        env=os.environ | {"PYTHONPATH": path},
    )
    assert (ended.stdout, ended.stderr) == ("ends\n", "")


@pytest.mark.usefixtures("small_parts")
@pytest.mark.parametrize("arrives", [False, True], ids=["refused", "arrived, but the answer got lost"])
def test_a_part_that_is_sent_twice_counts_once(world: World, *, arrives: bool) -> None:
    """Botocore sends a refused or unanswered part again: the object has each part once."""
    tries = itertools.count()

    def unavailable(request: Any, **_: Any) -> AWSResponse | None:
        if next(tries) != 1:
            return None
        if arrives:
            URLLib3Session().send(request)
        return AWSResponse(request.url, 503, {}, HTTPResponse(io.BytesIO(), preload_content=False))

    content = content_of(HEAD + 2 * PART + 1)
    world.s3.meta.events.register("before-send.s3.UploadPart", unavailable)
    try:
        with a_stream(world.s3) as stream:
            published(stream, content)
    finally:
        world.s3.meta.events.unregister("before-send.s3.UploadPart", unavailable)
    assert next(tries) == 5
    assert world.read(KEY) == content
    assert world.s3.head_object(Bucket=OUTPUT, Key=KEY)["ETag"].endswith('-4"')


@pytest.mark.usefixtures("small_parts")
def test_a_completion_with_a_lost_answer_is_done(world: World) -> None:
    """If the request arrived, the object stays."""
    lost = fails(aws.ConnectionClosedError(endpoint_url="x"), after=True)
    content = content_of(HEAD + PART + 1)
    with a_stream(Faulty(world.s3, complete_multipart_upload=lost)) as stream:
        stream.write(content)
        published(stream)
    assert world.read(KEY) == content


# --- checksums


def test_the_completing_request_names_every_parts_checksum() -> None:
    """S3 compares the parts with their SHA-256 again when the upload is completed."""
    named: list[dict[str, Any]] = []

    class Listening(Bucket):
        """Keeps the list of parts."""

        def complete_multipart_upload(self, **asked: Any) -> dict[str, Any]:
            named.extend(asked["MultipartUpload"]["Parts"])
            return super().complete_multipart_upload(**asked)

    content = content_of(HEAD + PART + 100)
    with a_stream(bucket := Listening()) as stream:
        stream.write(content)
        published(stream)
    assert bucket.objects[KEY] == content
    parts = [content[:HEAD], content[HEAD : HEAD + PART], content[HEAD + PART :]]
    assert [part["ChecksumSHA256"] for part in named] == [in_base64(hashlib.sha256(part).digest()) for part in parts]


@pytest.mark.parametrize("size", [HEAD + 1, HEAD + PART, HEAD + 3 * PART + 100])
def test_the_digest_is_the_composite_checksum_of_the_object(size: int) -> None:
    """It is made of the parts' SHA-256 as they were sent, the rewritten front among them."""
    content = bytearray(content_of(size))
    with a_stream(bucket := Bucket()) as stream:
        stream.write(content)
        stream.seek(10)
        stream.write(b"index")
        content[10:15] = b"index"
        digest = stream.digest()
        assert (digest.size, digest.sha256, digest.first_part_bytes, digest.part_bytes) == (size, "", HEAD, PART)
        assert bucket.objects == {}, "nothing is visible yet"
        published(stream)
    assert bucket.objects[KEY] == content
    assert digest.is_of(io.BytesIO(bucket.objects[KEY]))
    assert (stream.etag, stream.version_id) == (f'"e-{len(bucket.parts)}"', "version-1")


def test_a_small_file_has_a_digest_of_the_whole() -> None:
    """It is sent in one request, so its SHA-256 is that of the file."""
    with a_stream(bucket := Bucket()) as stream:
        stream.write(b"small")
        assert stream.digest() == digest_of_bytes(b"small")
        published(stream)
    assert bucket.asked == ["put"]
    assert (stream.etag, stream.version_id) == ('"e-put"', "version-put")


def test_nothing_is_written_after_the_digest() -> None:
    """A later write would make the digest wrong, so it is refused; an upload that isn't shown is aborted."""
    with a_stream(bucket := Bucket()) as stream:
        stream.write(content_of(HEAD + 1))
        stream.digest()
        with pytest.raises(io.UnsupportedOperation, match="is finished: nothing can be written any more"):
            stream.write(b"more")
    assert bucket.asked[-1] == "abort"
    assert bucket.objects == {}


def test_s3_keeps_the_composite_checksum(world: World, small_parts: None) -> None:  # noqa: ARG001
    """The object's own checksum on S3 is the digest, so that the console and any client show the same."""
    with a_stream(world.s3) as stream:
        stream.write(content_of(HEAD + PART + 7))
        digest = stream.digest()
        published(stream)
    head = world.s3.head_object(Bucket=OUTPUT, Key=KEY, ChecksumMode="ENABLED")
    # The embedded S3 leaves out the number of parts, which S3 writes behind it.
    assert head["ChecksumSHA256"].partition("-")[0] == digest.sha256_of_parts.partition("-")[0]
    assert stream.etag == head["ETag"]


# --- what a killed run left


class Listing(Faulty):
    """A client that lists given uploads, two a page, and remembers which were aborted."""

    def __init__(self, client: Any, uploads: list[tuple[str, str, datetime]], error: Exception | None = None) -> None:
        super().__init__(client, abort_multipart_upload=lambda _, **given: self.aborted.append(given["UploadId"]))
        self.uploads = uploads
        self.error = error
        self.aborted: list[str] = []
        self.prefixes: list[str] = []

    def get_paginator(self, name: str) -> Listing:
        """Of the multipart uploads alone."""
        assert name == "list_multipart_uploads"
        return self

    def paginate(self, *, Prefix: str, **_: Any) -> Iterator[dict[str, Any]]:  # noqa: N803
        """A page without any comes last."""
        self.prefixes.append(Prefix)
        if self.error is not None:
            raise self.error
        rows = [{"Key": key, "UploadId": name, "Initiated": begun} for key, name, begun in self.uploads]
        for start in range(0, len(rows), 2):
            yield {"Uploads": rows[start : start + 2]}
        yield {}


def test_stale_uploads_of_this_very_key_are_cleared(world: World) -> None:
    """Old uploads on every page are cleared, but no fresh one, and no upload of a key with the same beginning."""
    old, fresh = NOW - timedelta(days=1, seconds=1), NOW - timedelta(hours=23, minutes=59)
    rows = [(KEY, "a", old), (KEY, "b", fresh), (KEY + ".old", "c", old), (KEY, "d", old - timedelta(days=9))]
    client = Listing(world.s3, rows)
    clear_stale(an_upload(client), KEY, now=NOW)
    assert (client.prefixes, client.aborted) == ([KEY], ["a", "d"])
    client.aborted.clear()
    clear_stale(an_upload(client), KEY, timedelta(minutes=30), NOW)
    assert client.aborted == ["a", "b", "d"]


def test_an_upload_is_stale_by_the_current_time(world: World) -> None:
    """Unless a time is given, it is now."""
    now = datetime.now(UTC)
    client = Listing(world.s3, [(KEY, "a", now - timedelta(hours=25)), (KEY, "b", now)])
    clear_stale(an_upload(client), KEY)
    assert client.aborted == ["a"]


def test_without_the_right_to_list_uploads_they_are_left(world: World) -> None:
    """The lifecycle rule removes them, so the run continues. Other errors of the bucket are raised."""
    denied = Listing(world.s3, [], client_error("AccessDenied", 403, "ListMultipartUploads"))
    clear_stale(an_upload(denied), KEY, now=NOW)
    assert denied.prefixes == [KEY]
    with pytest.raises(StorageError):
        clear_stale(an_upload(Listing(world.s3, [], BROKEN)), KEY, now=NOW)


def test_a_stale_upload_that_cant_be_aborted_is_named(world: World) -> None:
    """It doesn't end the run; a failure message names it."""
    client = Listing(world.s3, [(KEY, "a", NOW - timedelta(days=2))])
    client._faults["abort_multipart_upload"] = fails(client_error("AccessDenied", 403, "AbortMultipartUpload"))
    upload = an_upload(client)
    clear_stale(upload, KEY, now=NOW)
    assert upload.left == [f"the multipart upload a of s3://{OUTPUT}/{KEY}"]


@pytest.mark.usefixtures("small_parts")
def test_a_killed_runs_upload_is_gone_with_the_next_run(world: World) -> None:
    """The next one of this key clears it before it begins its own, and leaves other keys' alone."""
    other = RECORDING.video_key("webm")
    for key in (KEY, other):
        world.s3.create_multipart_upload(Bucket=OUTPUT, Key=key)
    with a_stream(world.s3) as stream:  # in moto every upload was begun in 2010
        stream.write(content_of(HEAD + 1))
        assert [one["Key"] for one in world.dangling_uploads()].count(KEY) == 1
        published(stream)
    assert [one["Key"] for one in world.dangling_uploads()] == [other]
    assert world.read(KEY) == content_of(HEAD + 1)


def test_every_error_is_one_that_is_foreseen(world: World) -> None:
    """A bucket that doesn't exist is a refusal, from the first part that would go there."""
    world.s3.delete_bucket(Bucket=OUTPUT)
    with a_stream(world.s3) as stream:
        stream.write(bytes(HEAD))
        with pytest.raises(KomorebiError, match="doesn't exist") as caught:
            stream.write(b"x")
    assert isinstance(caught.value, AccessDeniedError)
