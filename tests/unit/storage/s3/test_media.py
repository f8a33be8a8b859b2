"""The media in S3, on moto's server, with faults made by hand."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self

import pytest
from aws_fixtures import (
    CONNECT,
    INPUT,
    MUCH_LATER,
    OUTPUT,
    PREFIX,
    RECORDING,
    Faulty,
    World,
    client_error,
    fails,
)
from botocore import exceptions as aws
from child_process import child_process

from komorebi_qc.core.errors import (
    AccessDeniedError,
    ConcurrentRunError,
    MissingMediaError,
    NotThereYetError,
    StorageError,
)
from komorebi_qc.core.provenance.parts import digest_of_bytes
from komorebi_qc.core.recording import Recording
from komorebi_qc.storage.s3.publication import PART_BYTES
from komorebi_qc.wiring import aws_client

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from komorebi_qc.storage.protocols import Published
    from komorebi_qc.storage.s3.media import S3Media

DAY = f"{PREFIX}/CallRecordings/2026/03/02"
NEXT_DAY = f"{PREFIX}/CallRecordings/2026/03/03"
VIDEO_KEY, THUMBNAIL_KEY = RECORDING.video_key("mp4"), RECORDING.thumbnail_key
BIG = os.urandom(1 << 16) * (2 * PART_BYTES // (1 << 16)) + b"the end"


# --- inputs


def test_call_audio_takes_the_agents_recording_across_midnight(world: World) -> None:
    """Of the audio of IVR and agent, on two UTC days, the one that began last is read."""
    world.s3.put_object(Bucket=CONNECT, Key=f"{DAY}/contact-1_20260302T23:54_UTC.wav", Body=b"ivr")
    world.s3.put_object(Bucket=CONNECT, Key=f"{NEXT_DAY}/contact-1_20260303T00:02_UTC.wav", Body=b"agent")
    with world.media().call_audio(RECORDING) as source:
        assert source.file.read() == b"agent"
        assert source.size == 5
        assert source.name == f"s3://{CONNECT}/{NEXT_DAY}/contact-1_20260303T00:02_UTC.wav"


def test_call_audio_is_never_another_contacts(world: World) -> None:
    """A contact whose ID continues this one's with an underscore isn't this one, nor are files of another kind."""
    for name in ("contact-1_2_20260302T23:59_UTC.wav", "contact-1_notes.txt", "contact-10_20260302T23:59_UTC.wav"):
        world.s3.put_object(Bucket=CONNECT, Key=f"{DAY}/{name}", Body=b"x")
    with pytest.raises(NotThereYetError), world.media().call_audio(RECORDING):
        pass


def test_call_audio_is_found_on_the_second_page(world: World) -> None:
    """A listing of many pages is read to its end."""

    class ByTwo:
        """The paginator with two keys a page."""

        def __init__(self, true: Any) -> None:
            self.true = true

        def paginate(self, **arguments: Any) -> Any:
            return self.true.paginate(**arguments, PaginationConfig={"PageSize": 2})

    for minute in range(10, 15):
        key = f"{DAY}/contact-1_20260302T23:{minute}_UTC.wav"
        world.s3.put_object(Bucket=CONNECT, Key=key, Body=str(minute).encode())

    class Paging(Faulty):
        """A client whose pages are short."""

        def get_paginator(self, name: str) -> ByTwo:
            return ByTwo(world.s3.get_paginator(name))

    with world.media(s3=Paging(world.s3)).call_audio(RECORDING) as source:
        assert source.file.read() == b"14"


@pytest.mark.parametrize("which", ["call_audio", "agent_recording"])
def test_a_missing_input_is_waited_for_and_then_given_up(world: World, which: str) -> None:
    """A missing object may still arrive for 48 hours; after that it won't."""
    with (
        pytest.raises(NotThereYetError, match=r"s3://demo-.*isn't there yet"),
        getattr(world.media(), which)(RECORDING),
    ):
        pass
    late = world.media(now=MUCH_LATER)
    with pytest.raises(MissingMediaError, match=r"s3://demo-.*isn't there 7\d h"), getattr(late, which)(RECORDING):
        pass


def test_an_item_from_the_future_is_waited_for(world: World) -> None:
    """A creationDate in a zone ahead of UTC is no reason to give up."""
    ahead = Recording("contact-1", "agent-7", RECORDING.created + timedelta(hours=14))
    with pytest.raises(NotThereYetError), world.media().agent_recording(ahead):
        pass


def test_further_files_are_opened_and_count_as_inputs(world: World) -> None:
    """The browser's restarts: each is waited for, and a new one is a changed input."""
    item = replace(RECORDING, further_ids=("contact-1-2",))
    world.s3.put_object(Bucket=CONNECT, Key=f"{DAY}/contact-1_20260302T23:54_UTC.wav", Body=b"call")
    world.s3.put_object(Bucket=INPUT, Key=RECORDING.agent_recording_key, Body=b"first")
    with pytest.raises(NotThereYetError, match=r"contact-1-2\.mp4"), world.media().further_recordings(item):
        pass
    with pytest.raises(NotThereYetError, match=r"contact-1-2\.mp4"):
        world.media().input_versions(item)
    world.s3.put_object(Bucket=INPUT, Key=item.further_recording_keys[0], Body=b"second")
    with world.media().further_recordings(item) as sources:
        assert [(source.file.read(), source.name) for source in sources] == [
            (b"second", "s3://demo-input/2026/03/02/agent-7/contact-1-2.mp4")
        ]
        versions = sources[0].version
    before, after = world.media().input_versions(RECORDING), world.media().input_versions(item)
    assert after == (*before, *versions)
    with world.media().further_recordings(RECORDING) as none:
        assert none == ()


def test_the_agent_recording_is_read_whole(world: World) -> None:
    """An input comes with its bytes, its size and its name, from the start."""
    world.s3.put_object(Bucket=INPUT, Key=RECORDING.agent_recording_key, Body=BIG)
    with world.media().agent_recording(RECORDING) as source:
        assert (source.size, source.name) == (len(BIG), "s3://demo-input/2026/03/02/agent-7/contact-1.mp4")
        assert source.file.read() == BIG
    assert source.file.closed


def test_buckets_that_do_not_exist(world: World) -> None:
    """A wrong bucket name is no reason to try again."""
    world.s3.delete_bucket(Bucket=CONNECT)
    world.s3.delete_bucket(Bucket=INPUT)
    world.s3.delete_bucket(Bucket=OUTPUT)
    with pytest.raises(AccessDeniedError, match="bucket demo-connect doesn't exist"):
        world.media().call_audio(RECORDING).__enter__()
    with pytest.raises(AccessDeniedError, match=r"demo-input/.* doesn't exist"):
        world.media().agent_recording(RECORDING).__enter__()
    with pytest.raises(AccessDeniedError, match=r"demo-output/.* doesn't exist"):
        publish(world.media(), b"v", thumbnail=b"t")


class CuttingServer:
    """An S3 that breaks the connection in the middle of an object, and knows ranges."""

    def __init__(self, content: bytes, cuts: int, *, replaced_after: int | None = None) -> None:
        requests: list[str | None] = []
        self.requests = requests

        class Handler(BaseHTTPRequestHandler):
            """GET and HEAD."""

            def do_HEAD(self) -> None:
                self.send_response(200)
                self.send_header("ETag", '"old"')
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()

            def do_GET(self) -> None:
                requests.append(self.headers.get("Range"))
                etag = '"new"' if replaced_after is not None and len(requests) > replaced_after else '"old"'
                if self.headers.get("If-Match", etag) != etag:
                    self.send_response(412)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                first, last = (int(n) for n in self.headers["Range"].removeprefix("bytes=").split("-"))
                asked = content[first : last + 1]
                self.send_response(206)
                self.send_header("ETag", etag)
                self.send_header("Content-Range", f"bytes {first}-{last}/{len(content)}")
                self.send_header("Content-Length", str(len(asked)))
                self.end_headers()
                self.wfile.write(asked[: len(asked) // 2] if len(requests) <= cuts else asked)
                self.close_connection = True

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    def __enter__(self) -> Self:
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()

    def client(self, monkeypatch: pytest.MonkeyPatch) -> Any:
        """A client that speaks to it."""
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{self.server.server_port}")
        return aws_client("s3")


def test_a_cut_connection_is_taken_up_where_it_broke(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A range that breaks continues from there, and every byte is right."""
    content = os.urandom(200_001)
    with (
        CuttingServer(content, 2) as server,
        world.media(s3=server.client(monkeypatch)).agent_recording(RECORDING) as source,
    ):
        assert source.file.read() == content
    assert server.requests == ["bytes=0-200000", "bytes=100000-200000", "bytes=150000-200000"]


def test_an_object_replaced_while_it_is_read_is_noticed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Halves of two objects are never joined: it is tried again later."""
    with (
        CuttingServer(b"x" * 1000, 1, replaced_after=1) as server,
        pytest.raises(StorageError, match="was replaced during reading"),
        world.media(s3=server.client(monkeypatch)).agent_recording(RECORDING) as source,
    ):
        source.file.read()


def test_an_input_can_be_read_by_several_at_once(world: World) -> None:
    """Each reader has its own position, and no reader works after the input is closed."""
    world.s3.put_object(Bucket=INPUT, Key=RECORDING.agent_recording_key, Body=BIG)
    with world.media().agent_recording(RECORDING) as source:
        assert source.is_remote
        one, other = source.reopen().file, source.reopen().file
        one.seek(1000)
        assert (one.read(10), other.read(10), source.file.read(10)) == (BIG[1000:1010], BIG[:10], BIG[:10])
    assert one.closed
    assert other.closed
    with pytest.raises(ValueError, match="closed"):
        source.reopen()


@pytest.mark.parametrize(
    ("cache_bytes", "memory_bytes", "times"),
    [(len(BIG), 0, 1), (0, len(BIG), 1), (len(BIG) - 1, len(BIG) - 1, 2), (0, 0, 2)],
)
def test_a_cache_spares_the_second_reading(world: World, cache_bytes: int, memory_bytes: int, times: int) -> None:
    """An input that fits onto the disk or into memory is fetched once, a larger one each time it is read."""
    asked = 0

    def counted(true: Callable[..., Any], **arguments: Any) -> Any:
        nonlocal asked
        first, last = arguments["Range"].removeprefix("bytes=").split("-")
        asked += int(last) - int(first) + 1
        return true(**arguments)

    world.s3.put_object(Bucket=INPUT, Key=RECORDING.agent_recording_key, Body=BIG)
    media = replace(
        world.media(s3=Faulty(world.s3, get_object=counted)), cache_bytes=cache_bytes, memory_bytes=memory_bytes
    )
    with media.agent_recording(RECORDING) as source:
        assert source.file.read() == BIG
        assert source.reopen().file.read() == BIG
    assert asked == times * len(BIG)


def test_a_source_says_which_version_is_read(world: World) -> None:
    """Both opened inputs carry the versions of `input_versions`: a run needs no further request."""
    put_inputs(world)
    media = world.media()
    with media.call_audio(RECORDING) as call, media.agent_recording(RECORDING) as own:
        assert call.version + own.version == media.input_versions(RECORDING)
        assert own.reopen().version == own.version


def put_inputs(world: World, call: bytes = b"call", own: bytes = b"own") -> None:
    """Both inputs of the recording."""
    world.s3.put_object(Bucket=CONNECT, Key=f"{DAY}/contact-1_20260302T23:59_UTC.wav", Body=call)
    world.s3.put_object(Bucket=INPUT, Key=RECORDING.agent_recording_key, Body=own)


def test_input_versions_name_both_inputs_and_their_content(world: World) -> None:
    """Keys and ETags; unchanged inputs give the same, and a change of either, or a newer call, another."""
    put_inputs(world)
    first = world.media().input_versions(RECORDING)
    assert first[::2] == (f"{DAY}/contact-1_20260302T23:59_UTC.wav", RECORDING.agent_recording_key)
    assert len(set(first)) == 4
    put_inputs(world)
    assert world.media().input_versions(RECORDING) == first
    seen = {first}
    put_inputs(world, call=b"other")
    seen.add(world.media().input_versions(RECORDING))
    put_inputs(world, own=b"other")
    seen.add(world.media().input_versions(RECORDING))
    put_inputs(world)
    world.s3.put_object(Bucket=CONNECT, Key=f"{NEXT_DAY}/contact-1_20260303T00:05_UTC.wav", Body=b"call")
    seen.add(world.media().input_versions(RECORDING))
    assert len(seen) == 4


def test_input_versions_of_missing_objects(world: World) -> None:
    """A missing input is waited for and then given up, whichever it is, and the sentence names it."""
    with pytest.raises(NotThereYetError, match="the call audio"):
        world.media().input_versions(RECORDING)
    put_inputs(world)
    world.s3.delete_object(Bucket=INPUT, Key=RECORDING.agent_recording_key)
    with pytest.raises(NotThereYetError, match=r"s3://demo-input/.*contact-1.mp4"):
        world.media().input_versions(RECORDING)
    with pytest.raises(MissingMediaError, match=r"s3://demo-input/.*contact-1.mp4"):
        world.media(now=MUCH_LATER).input_versions(RECORDING)


def test_results_of_an_earlier_version_are_known_by_their_video(world: World) -> None:
    """They have no run ID: the video of the very container counts, not a thumbnail beside it."""
    media = world.media()
    world.s3.put_object(Bucket=OUTPUT, Key=THUMBNAIL_KEY, Body=b"png", Metadata={"komorebi-upload": "an upload"})
    assert not media.has_results(RECORDING, "mp4", "")
    world.s3.put_object(Bucket=OUTPUT, Key=VIDEO_KEY, Body=b"video")
    assert media.has_results(RECORDING, "mp4", "")
    assert not media.has_results(RECORDING, "webm", "")


def test_results_of_a_run_are_known_by_its_id(world: World) -> None:
    """All of them have it, and a missing or foreign one shows."""
    media = world.media()
    assert media.findings_version(RECORDING) == ""
    publish(media, b"video", thumbnail=b"png", qc=b"{}", run_id="run-1")
    assert media.has_results(RECORDING, "mp4", "run-1")
    assert not media.has_results(RECORDING, "mp4", "run-2")
    assert not media.has_results(RECORDING, "mp4", "")
    assert media.findings_version(RECORDING) == world.s3.head_object(Bucket=OUTPUT, Key=RECORDING.qc_key)["ETag"]
    world.s3.delete_object(Bucket=OUTPUT, Key=THUMBNAIL_KEY)
    assert not media.has_results(RECORDING, "mp4", "run-1")


@pytest.mark.parametrize(("code", "status", "kind"), [("403", 403, AccessDeniedError), ("503", 503, StorageError)])
def test_a_refused_request_is_not_absence(world: World, code: str, status: int, kind: type[Exception]) -> None:
    """A refusal or a moment's trouble is not taken for a missing video or input, which would cost work or a message."""
    put_inputs(world)
    media = world.media(s3=Faulty(world.s3, head_object=fails(client_error(code, status, "HeadObject"))))
    with pytest.raises(kind):
        media.has_results(RECORDING, "mp4", "")
    with pytest.raises(kind):
        media.input_versions(RECORDING)


def test_outputs_are_those_of_this_recording(world: World) -> None:
    """Keys and sizes of all objects in its folder, and nothing of a recording with a similar ID."""
    assert world.media().outputs(RECORDING) == ()
    publish(world.media(), b"video", thumbnail=b"png", qc=b"{}")
    other = Recording("contact-10", RECORDING.agent_id, RECORDING.created)
    publish(world.media(), b"other", of=other)
    expected = ((RECORDING.qc_key, 2), (VIDEO_KEY, 5), (THUMBNAIL_KEY, 3))
    assert world.media().outputs(RECORDING) == expected


def publish(
    media: S3Media,
    video: bytes,
    *,
    thumbnail: bytes | None = None,
    qc: bytes | None = None,
    kind: str = "mp4",
    of: Recording = RECORDING,
    run_id: str = "",
    replaces_all: bool = False,
) -> Published:
    """Make a video and publish it."""
    with media.draft(of, kind, run_id) as draft:
        draft.begin(1000).write(video)
        return draft.publish(thumbnail=thumbnail, qc=qc, replaces_all=replaces_all)


def test_a_masked_result_replaces_all_of_an_earlier_run(world: World) -> None:
    """Its video in the other container, and its thumbnail. Without masks both stay. A refusal ends the run."""
    other = RECORDING.video_key("webm")
    publish(world.media(), b"webm", thumbnail=b"png", qc=b"{}", kind="webm")
    publish(world.media(), b"mp4", qc=b"{}")
    assert {other, THUMBNAIL_KEY} <= set(world.keys(OUTPUT))

    refused = Faulty(world.s3, delete_object=fails(client_error("AccessDenied", 403, "DeleteObject")))
    with pytest.raises(AccessDeniedError, match=r"webm refuses access"):
        publish(world.media(s3=refused), b"masked", qc=b"{}", replaces_all=True)
    publish(world.media(), b"masked", qc=b"{}", replaces_all=True)
    assert set(world.keys(OUTPUT)) == {VIDEO_KEY, RECORDING.qc_key}
    assert world.read(VIDEO_KEY) == b"masked"


def test_a_draft_is_recorded_with_its_names_and_its_object(world: World) -> None:
    """The digest and the names beside qc.json are known before publication, ETag and version only after it."""
    world.s3.put_bucket_versioning(Bucket=OUTPUT, VersioningConfiguration={"Status": "Enabled"})
    with world.media().draft(RECORDING, "mp4") as draft:
        draft.begin(1000).write(b"video")
        record = draft.record()
        assert (record.video, record.thumbnail, record.digest) == (
            "recording.mp4",
            "thumbnail.png",
            digest_of_bytes(b"video"),
        )
        assert f"{record.folder}/{record.video}" == f"s3://{OUTPUT}/{VIDEO_KEY}"
        assert world.keys(OUTPUT) == []
        done = draft.publish(thumbnail=None, qc=None)
    head = world.s3.head_object(Bucket=OUTPUT, Key=VIDEO_KEY)
    assert (done.video_etag, done.video_version_id) == (head["ETag"], head["VersionId"])
    with world.media().draft(RECORDING, "mp4") as draft, pytest.raises(ValueError, match="begun and written"):
        draft.record()


def test_inputs_carry_etag_and_version(world: World) -> None:
    """In a bucket with versions each source names its own; without versions there is no ID."""
    put_inputs(world)
    world.s3.put_bucket_versioning(Bucket=INPUT, VersioningConfiguration={"Status": "Enabled"})
    answer = world.s3.put_object(Bucket=INPUT, Key=RECORDING.agent_recording_key, Body=b"own")
    with world.media().agent_recording(RECORDING) as source:
        assert (source.etag, source.version_id) == (answer["ETag"], answer["VersionId"])
        assert source.reopen().version_id == answer["VersionId"]
    with world.media().call_audio(RECORDING) as source:
        assert source.etag
        assert source.version_id in ("", "null")


class StopError(Exception):
    """An exception that stops a transfer."""


def stopping(after: int) -> Callable[[], None]:
    """Raises at the call after the first `after` ones."""
    left = after

    def check_cancelled() -> None:
        nonlocal left
        if left == 0:
            raise StopError
        left -= 1

    return check_cancelled


def test_a_download_can_be_stopped(world: World) -> None:
    """While it waits for what it asked it ends, and asks for nothing more."""
    world.s3.put_object(Bucket=INPUT, Key=RECORDING.agent_recording_key, Body=BIG)
    asked = 0

    def counted(true: Callable[..., Any], **arguments: Any) -> Any:
        nonlocal asked
        asked += 1
        return true(**arguments)

    media = replace(world.media(s3=Faulty(world.s3, get_object=counted)), check_cancelled=stopping(2))
    with media.agent_recording(RECORDING) as source:
        with pytest.raises(StopError):
            source.file.read()
        so_far = asked
        with pytest.raises(StopError):
            source.file.read()
    assert asked == so_far < len(BIG) // (1 << 20)


@pytest.mark.parametrize("after", [0, 1, 2])
def test_an_upload_can_be_stopped(world: World, after: int) -> None:
    """Before any of its parts it ends, and is taken back: no upload dangles, nothing is in sight."""
    parts = 0

    def counted(true: Callable[..., Any], **arguments: Any) -> Any:
        nonlocal parts
        parts += 1
        return true(**arguments)

    media = replace(world.media(s3=Faulty(world.s3, upload_part=counted)), check_cancelled=stopping(after))
    with pytest.raises(StopError):
        publish(media, BIG, thumbnail=b"png", qc=b"{}")
    assert parts == after
    assert (world.dangling_uploads(), world.keys(OUTPUT)) == ([], [])


def test_a_killed_process_leaves_no_file(tmp_path: Path) -> None:
    """The cache file of an input has no name: the temporary folder stays empty, even after SIGKILL."""
    program = """
import time
from komorebi_qc.storage.s3.block_cache import LocalCache
cache = LocalCache(2_000_000)
cache.begin(1_000_000)
cache.write(0, [b"x" * 1_000_000])
print(cache.held_bytes, flush=True)
time.sleep(60)
"""
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with child_process([sys.executable, "-c", program], stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"1000000\n"
        process.send_signal(signal.SIGKILL)
    assert list(tmp_path.iterdir()) == []


# --- results


@pytest.mark.parametrize("content", [b"small video", BIG], ids=["one request", "three parts"])
def test_publish_puts_both(world: World, content: bytes) -> None:
    """Video and thumbnail arrive whole under their keys, with their content types, and no upload dangles."""
    published = publish(world.media(), content, thumbnail=b"png", qc=None)
    assert published.video == f"s3://{OUTPUT}/2026/03/02/agent-7/contact-1/recording.mp4"
    assert published.thumbnail == f"s3://{OUTPUT}/2026/03/02/agent-7/contact-1/thumbnail.png"
    assert (published.video_bytes, published.thumbnail_bytes) == (len(content), 3)
    assert world.read(VIDEO_KEY) == content
    assert world.read(THUMBNAIL_KEY) == b"png"
    assert world.s3.head_object(Bucket=OUTPUT, Key=VIDEO_KEY)["ContentType"] == "video/mp4"
    assert world.s3.head_object(Bucket=OUTPUT, Key=THUMBNAIL_KEY)["ContentType"] == "image/png"
    assert world.dangling_uploads() == []


def test_publish_puts_the_findings_beside_the_video(world: World) -> None:
    """qc.json arrives with its content type; if the video fails, it is restored."""
    published = publish(world.media(), b"v", thumbnail=None, qc=b"{}")
    assert published.qc == f"s3://{OUTPUT}/2026/03/02/agent-7/contact-1/qc.json"
    stored = world.s3.get_object(Bucket=OUTPUT, Key=RECORDING.qc_key)
    assert (stored["Body"].read(), stored["ContentType"]) == (b"{}", "application/json")
    broken = Faulty(world.s3, complete_multipart_upload=fails(BROKEN))
    with pytest.raises(StorageError):
        publish(world.media(s3=broken), BIG, thumbnail=None, qc=b"[1]")
    assert world.s3.get_object(Bucket=OUTPUT, Key=RECORDING.qc_key)["Body"].read() == b"{}"


def test_publish_of_webm_without_a_thumbnail(world: World) -> None:
    """WebM has its own key and content type; without a thumbnail no thumbnail is written."""
    published = publish(world.media(), b"video", thumbnail=None, qc=None, kind="webm")
    assert (published.thumbnail, published.thumbnail_bytes) == (None, 0)
    assert world.keys(OUTPUT) == [RECORDING.video_key("webm")]
    assert world.s3.head_object(Bucket=OUTPUT, Key=world.keys(OUTPUT)[0])["ContentType"] == "video/webm"


BROKEN = client_error("InternalError", 500, "Any")
FAULTS: dict[str, Callable[[], dict[str, Callable[..., Any]]]] = {
    "keeping the old thumbnail": lambda: {"get_object": fails(BROKEN)},
    "starting the upload": lambda: {"create_multipart_upload": fails(BROKEN)},
    "the first part": lambda: {"upload_part": fails(BROKEN, on=1)},
    "the last part": lambda: {"upload_part": fails(BROKEN, on=3)},
    "the thumbnail": lambda: {"put_object": fails(BROKEN, on=1)},
    "completing": lambda: {"complete_multipart_upload": fails(BROKEN)},
    "a broken line": lambda: {"complete_multipart_upload": fails(aws.ReadTimeoutError(endpoint_url="x"))},
    "the thumbnail's answer, then completing": lambda: {
        "put_object": fails(BROKEN, after=True, on=1),
        "complete_multipart_upload": fails(BROKEN),
    },
}


@pytest.mark.parametrize("before", [None, b"old"], ids=["first run", "rerun"])
@pytest.mark.parametrize("faults", FAULTS.values(), ids=FAULTS.keys())
def test_publish_that_fails_changes_nothing(
    world: World, faults: Callable[[], dict[str, Callable[..., Any]]], before: bytes | None
) -> None:
    """After any failure both objects are as before, with type and metadata, and no upload is left."""
    if before is not None:
        headers = {"ContentType": "image/x-old", "Metadata": {"made-by": "hand"}}
        world.s3.put_object(Bucket=OUTPUT, Key=VIDEO_KEY, Body=b"old video")
        world.s3.put_object(Bucket=OUTPUT, Key=THUMBNAIL_KEY, Body=before, **headers)
    with pytest.raises(StorageError) as caught:
        publish(world.media(s3=Faulty(world.s3, **faults())), BIG, thumbnail=b"new", qc=None)
    assert "not removed" not in str(caught.value)
    assert "secret" not in str(caught.value)
    assert world.dangling_uploads() == []
    if before is None:
        assert world.keys(OUTPUT) == []
    else:
        assert world.read(VIDEO_KEY) == b"old video"
        assert world.read(THUMBNAIL_KEY) == before
        kept = world.s3.head_object(Bucket=OUTPUT, Key=THUMBNAIL_KEY)
        assert (kept["ContentType"], kept["Metadata"]) == ("image/x-old", {"made-by": "hand"})


def test_publish_of_a_small_video_that_fails_changes_nothing(world: World) -> None:
    """The thumbnail goes first, and goes again when the video's only request fails."""
    faulty = Faulty(world.s3, put_object=fails(BROKEN, on=2))
    with pytest.raises(StorageError):
        publish(world.media(s3=faulty), b"small", thumbnail=b"new", qc=None)
    assert world.keys(OUTPUT) == []


@pytest.mark.parametrize("operation", ["complete_multipart_upload", "put_object"])
def test_a_publication_with_a_lost_answer_is_done(world: World, operation: str) -> None:
    """If the request arrived and only its answer was lost, the result stays."""
    lost = aws.ConnectionClosedError(endpoint_url="x")
    faulty = Faulty(world.s3, **{operation: fails(lost, after=True)})
    content = BIG if operation == "complete_multipart_upload" else b"small"
    publish(world.media(s3=faulty), content, thumbnail=b"png", qc=None)
    assert (world.read(VIDEO_KEY), world.read(THUMBNAIL_KEY)) == (content, b"png")


def test_publish_that_is_interrupted_changes_nothing(world: World) -> None:
    """Ctrl-C in the middle clears up as well."""

    def interrupt(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        publish(world.media(s3=Faulty(world.s3, complete_multipart_upload=interrupt)), BIG, thumbnail=b"png", qc=None)
    assert world.keys(OUTPUT) == []
    assert world.dangling_uploads() == []


def test_publish_names_what_it_could_not_undo(world: World) -> None:
    """A dead bucket can't be cleared: the sentence names the leftovers, and the error keeps its kind."""
    denied = client_error("AccessDenied", 403, "CompleteMultipartUpload")
    faulty = Faulty(
        world.s3,
        complete_multipart_upload=fails(denied),
        abort_multipart_upload=fails(denied),
        delete_object=fails(denied),
    )
    with pytest.raises(AccessDeniedError, match=r"not removed, please delete: .*thumbnail.png.*multipart upload"):
        publish(world.media(s3=faulty), BIG, thumbnail=b"png", qc=None)


def test_publish_that_fails_spares_another_runs_thumbnail(world: World) -> None:
    """SQS may deliver twice: a run that fails doesn't take away what the other has published meanwhile."""

    def other_run_first(_: Callable[..., Any], **__: Any) -> None:
        publish(world.media(), b"other", thumbnail=b"other's", qc=None)
        raise BROKEN

    with pytest.raises(StorageError):
        publish(
            world.media(s3=Faulty(world.s3, complete_multipart_upload=other_run_first)), BIG, thumbnail=b"mine", qc=None
        )
    assert (world.read(VIDEO_KEY), world.read(THUMBNAIL_KEY)) == (b"other", b"other's")
    assert world.dangling_uploads() == []


def test_publish_that_is_overtaken_leaves_the_other_runs_results(world: World) -> None:
    """Both found no earlier result: the one that is second writes nothing over the other's."""

    def other_run_before_the_thumbnail(true: Callable[..., Any], **arguments: Any) -> Any:
        if arguments["Key"] == THUMBNAIL_KEY and VIDEO_KEY not in world.keys(OUTPUT):
            publish(world.media(), b"other", thumbnail=b"other's", qc=b"{}")
        return true(**arguments)

    faulty = Faulty(world.s3, put_object=other_run_before_the_thumbnail)
    with pytest.raises(ConcurrentRunError):
        publish(world.media(s3=faulty), BIG, thumbnail=b"mine", qc=b"[]")
    results = {key: world.read(key) for key in world.keys(OUTPUT)}
    assert results == {RECORDING.qc_key: b"{}", VIDEO_KEY: b"other", THUMBNAIL_KEY: b"other's"}
    assert world.dangling_uploads() == []


def test_publish_over_another_container_leaves_it(world: World) -> None:
    """A rerun that makes WebM instead of MP4 deletes no object."""
    publish(world.media(), b"old", thumbnail=None, qc=None)
    publish(world.media(), b"new", thumbnail=None, qc=None, kind="webm")
    assert world.keys(OUTPUT) == [RECORDING.video_key("mp4"), RECORDING.video_key("webm")]
