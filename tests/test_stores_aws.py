"""The AWS stores against moto's server, with faults made by hand."""

from __future__ import annotations

import errno
import io
import os
import signal
import subprocess
import sys
import threading
from datetime import timedelta
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self

import pytest
from aws_fixtures import (
    CONNECT,
    INPUT,
    ITEM,
    MUCH_LATER,
    OUTPUT,
    PREFIX,
    RECORDING,
    TABLE,
    Faulty,
    World,
    client_error,
    fails,
    running_world,
)
from botocore import exceptions as aws

from komorebi_qc.errors import (
    AccessDeniedError,
    KomorebiError,
    MessageError,
    MissingMediaError,
    NotThereYetError,
    PassingError,
    PermanentError,
    StorageError,
    UnknownRecordingError,
)
from komorebi_qc.recording import Recording
from komorebi_qc.settings import aws_client
from komorebi_qc.stores_aws import PART_BYTES, DynamoTable, aws_errors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

DAY = f"{PREFIX}/CallRecordings/2026/03/02"
NEXT_DAY = f"{PREFIX}/CallRecordings/2026/03/03"
VIDEO_KEY, THUMBNAIL_KEY = RECORDING.video_key("mp4"), RECORDING.thumbnail_key
BIG = os.urandom(1 << 16) * (2 * PART_BYTES // (1 << 16)) + b"the end"


@pytest.fixture(scope="module")
def running() -> Iterator[World]:
    """One server for the module."""
    with running_world() as world:
        yield world


@pytest.fixture
def world(running: World) -> World:
    """An empty AWS with its buckets, table and queues."""
    running.fresh()
    return running


# --- the table


def test_get_reads_the_item(world: World) -> None:
    """An item comes back as a recording."""
    world.dynamodb.put_item(TableName=TABLE, Item=ITEM)
    assert world.table().get("contact-1") == RECORDING


def test_get_of_no_item(world: World) -> None:
    """An ID without an item is an error that names the ID and the table."""
    with pytest.raises(UnknownRecordingError, match=r"table Recording has no item with videoID contact-1"):
        world.table().get("contact-1")


@pytest.mark.parametrize("change", [{"agentID": {"NULL": True}}, {"creationDate": {"S": "2022-99-99 00:00:00"}}])
def test_get_of_an_item_without_use(world: World, change: dict[str, Any]) -> None:
    """An item from which no key can be made is an unknown recording."""
    world.dynamodb.put_item(TableName=TABLE, Item={**ITEM, **change})
    with pytest.raises(UnknownRecordingError, match="mend the item"):
        world.table().get("contact-1")


def test_get_refuses_what_is_no_id() -> None:
    """An ID that can't stand in a key never reaches the table."""
    with pytest.raises(MessageError):
        DynamoTable(None, TABLE).get("../secrets")


def test_mark_processed_loses_nothing(world: World) -> None:
    """Only isProcessed and the given attributes change, whatever types the others have."""
    world.dynamodb.put_item(TableName=TABLE, Item=ITEM)
    told: dict[str, str | int | float | bool] = {"name": "New", "offset": -1.25e-7, "ok": True, "frames": 3, "x": 0.1}
    world.table().mark_processed(RECORDING, told)
    changed: dict[str, dict[str, Any]] = {
        "isProcessed": {"BOOL": True},
        "name": {"S": "New"},
        "offset": {"N": "-0.000000125"},
        "ok": {"BOOL": True},
        "frames": {"N": "3"},
        "x": {"N": "0.1"},
    }
    found = world.item()
    assert found.keys() == ITEM.keys() | changed.keys()
    expected: dict[str, Any] = {**ITEM, **changed}
    for name, value in expected.items():
        if "N" in value:
            assert Decimal(found[name]["N"]) == Decimal(value["N"])
        else:
            assert found[name] == value
    assert world.table().get("contact-1").is_processed


def test_mark_processed_keeps_what_others_write_meanwhile(world: World) -> None:
    """What the backend changed after the item was read stays."""
    world.dynamodb.put_item(TableName=TABLE, Item=ITEM)
    read = world.table().get("contact-1")
    world.dynamodb.put_item(TableName=TABLE, Item={**ITEM, "name": {"S": "Changed"}, "more": {"S": "new"}})
    world.table().mark_processed(read, {})
    assert world.item() == {
        **ITEM,
        "name": {"S": "Changed"},
        "more": {"S": "new"},
        "isProcessed": {"BOOL": True},
    }


def test_mark_processed_makes_no_item(world: World) -> None:
    """An item that was deleted meanwhile stays deleted."""
    with pytest.raises(UnknownRecordingError, match="deleted"):
        world.table().mark_processed(RECORDING, {"a": 1})
    assert world.dynamodb.scan(TableName=TABLE)["Items"] == []


@pytest.mark.parametrize("attributes", [{"videoID": "other"}, {"isProcessed": False}, {"a": float("nan")}])
def test_mark_processed_refuses_slips(attributes: dict[str, Any]) -> None:
    """The key, the flag itself and not-a-number are a programmer's slips."""
    with pytest.raises(ValueError, match=r"can't be set|no number"):
        DynamoTable(None, TABLE).mark_processed(RECORDING, attributes)


def test_a_table_that_does_not_exist(world: World) -> None:
    """A wrong table name is no reason to try again, and the sentence names it."""
    with pytest.raises(AccessDeniedError, match=r"table Nowhere doesn't exist"):
        DynamoTable(world.dynamodb, "Nowhere").get("contact-1")


# --- inputs


def test_call_audio_takes_the_agents_recording_across_midnight(world: World) -> None:
    """Of the IVR's and the agent's recordings, on two UTC days, the one that began last is read."""
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
    """What isn't there may still come for 48 hours; after that it won't."""
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
        world.media().publish(RECORDING, "mp4", io.BytesIO(b"v"), thumbnail=b"t", qc=None)


class CuttingServer:
    """An S3 that breaks the connection in the middle of an object, and knows ranges."""

    def __init__(self, content: bytes, cuts: int, *, replaced_after: int | None = None) -> None:
        requests: list[str | None] = []
        self.requests = requests

        class Handler(BaseHTTPRequestHandler):
            """GET only."""

            def do_GET(self) -> None:
                requests.append(self.headers.get("Range"))
                etag = '"new"' if replaced_after is not None and len(requests) > replaced_after else '"old"'
                if self.headers.get("If-Match", etag) != etag:
                    self.send_response(412)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                start = int((self.headers.get("Range") or "bytes=0-").removeprefix("bytes=").removesuffix("-"))
                rest = content[start:]
                self.send_response(206 if start else 200)
                self.send_header("ETag", etag)
                self.send_header("Content-Length", str(len(rest)))
                self.end_headers()
                self.wfile.write(rest[: len(rest) // 2] if len(requests) <= cuts else rest)
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
    """A download that breaks goes on from there, and every byte is right."""
    content = os.urandom(3_000_001)
    with (
        CuttingServer(content, 3) as server,
        world.media(s3=server.client(monkeypatch)).agent_recording(RECORDING) as source,
    ):
        assert source.file.read() == content
    assert server.requests[0] is None
    assert server.requests[1] == "bytes=1500000-"
    assert len(server.requests) == 4


def test_an_object_replaced_while_it_is_read_is_noticed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Halves of two objects are never joined: it is tried again later."""
    with (
        CuttingServer(b"x" * 1000, 1, replaced_after=1) as server,
        pytest.raises(StorageError, match="was replaced while it was read"),
        world.media(s3=server.client(monkeypatch)).agent_recording(RECORDING),
    ):
        pass


def test_a_connection_that_always_breaks_is_given_up(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """An object that never arrives whole is a passing error, after a few tries."""
    with (
        CuttingServer(b"x" * 1_000_000, 1000) as server,
        pytest.raises(StorageError, match="worth another try"),
        world.media(s3=server.client(monkeypatch)).agent_recording(RECORDING),
    ):
        pass
    assert len(server.requests) == 5


def test_a_body_that_ends_early_is_noticed(world: World) -> None:
    """A body shorter than its length, without any error, is a passing error."""
    world.s3.put_object(Bucket=INPUT, Key=RECORDING.agent_recording_key, Body=b"half of it")

    def short(true: Callable[..., Any], **arguments: Any) -> Any:
        answer = true(**arguments)
        answer["Body"].close()
        return {**answer, "Body": io.BytesIO(b"half")}

    with (
        pytest.raises(StorageError, match="gave 4 of its 10 bytes"),
        world.media(s3=Faulty(world.s3, get_object=short)).agent_recording(RECORDING),
    ):
        pass


def test_a_killed_process_leaves_no_file(tmp_path: Path) -> None:
    """Inputs and scratch have no name: nothing is left in the temporary folder, even after SIGKILL."""
    program = """
import sys, time
from komorebi_qc.stores_aws import S3Media
with S3Media(None, "a-b", "c-d", "e-f").scratch() as file:
    file.write(b"x" * 1000000)
    print("ready", flush=True)
    time.sleep(60)
"""
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(signal.SIGKILL)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk(world: World) -> None:
    """No room for an input or for the video is a passing error that says where."""

    def full(true: Callable[..., Any], **arguments: Any) -> Any:
        class Body(io.BytesIO):
            """Its bytes don't fit."""

            def read(self, _: int | None = -1, /) -> bytes:
                raise OSError(errno.ENOSPC, "No space left on device")

        answer = true(**arguments)
        answer["Body"].close()
        return {**answer, "Body": Body()}

    world.s3.put_object(Bucket=INPUT, Key=RECORDING.agent_recording_key, Body=b"x")
    media = world.media(s3=Faulty(world.s3, get_object=full))
    with pytest.raises(StorageError, match=r"no room left in .* for s3://demo-input"):
        media.agent_recording(RECORDING).__enter__()
    with pytest.raises(StorageError, match=r"no room left in .* for the video"), media.scratch():
        raise OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(OSError, match="other"), media.scratch():
        raise OSError(errno.EIO, "other")


# --- results


@pytest.mark.parametrize("content", [b"small video", BIG], ids=["one request", "three parts"])
def test_publish_puts_both(world: World, content: bytes) -> None:
    """Video and thumbnail arrive whole under their keys, with their content types, and no upload dangles."""
    published = world.media().publish(RECORDING, "mp4", io.BytesIO(content), thumbnail=b"png", qc=None)
    assert published.video == f"s3://{OUTPUT}/2026/03/02/agent-7/contact-1/recording.mp4"
    assert published.thumbnail == f"s3://{OUTPUT}/2026/03/02/agent-7/contact-1/thumbnail.png"
    assert (published.video_bytes, published.thumbnail_bytes) == (len(content), 3)
    assert world.read(VIDEO_KEY) == content
    assert world.read(THUMBNAIL_KEY) == b"png"
    assert world.s3.head_object(Bucket=OUTPUT, Key=VIDEO_KEY)["ContentType"] == "video/mp4"
    assert world.s3.head_object(Bucket=OUTPUT, Key=THUMBNAIL_KEY)["ContentType"] == "image/png"
    assert world.dangling_uploads() == []


def test_publish_puts_the_findings_beside_the_video(world: World) -> None:
    """qc.json arrives with its content type; where the video fails, it is as it was before."""
    published = world.media().publish(RECORDING, "mp4", io.BytesIO(b"v"), thumbnail=None, qc=b"{}")
    assert published.qc == f"s3://{OUTPUT}/2026/03/02/agent-7/contact-1/qc.json"
    stored = world.s3.get_object(Bucket=OUTPUT, Key=RECORDING.qc_key)
    assert (stored["Body"].read(), stored["ContentType"]) == (b"{}", "application/json")
    broken = Faulty(world.s3, complete_multipart_upload=fails(BROKEN))
    with pytest.raises(StorageError):
        world.media(s3=broken).publish(RECORDING, "mp4", io.BytesIO(BIG), thumbnail=None, qc=b"[1]")
    assert world.s3.get_object(Bucket=OUTPUT, Key=RECORDING.qc_key)["Body"].read() == b"{}"


def test_publish_of_webm_without_a_thumbnail(world: World) -> None:
    """WebM has its own key and content type; no thumbnail means none is written."""
    published = world.media().publish(RECORDING, "webm", io.BytesIO(b"video"), thumbnail=None, qc=None)
    assert (published.thumbnail, published.thumbnail_bytes) == (None, 0)
    assert world.keys(OUTPUT) == [RECORDING.video_key("webm")]
    assert world.s3.head_object(Bucket=OUTPUT, Key=world.keys(OUTPUT)[0])["ContentType"] == "video/webm"


def test_publish_reads_from_the_start_of_a_reader_that_returns_short(world: World) -> None:
    """A file that stands at its end, and gives a little at a time, goes up whole."""

    class Short(io.BytesIO):
        """Returns a hundred thousand bytes at most."""

        def read(self, size: int | None = -1, /) -> bytes:
            return super().read(min(100_000, size if size is not None and size >= 0 else 100_000))

    video = Short(BIG)
    video.seek(0, os.SEEK_END)
    world.media().publish(RECORDING, "mp4", video, thumbnail=b"png", qc=None)
    assert world.read(VIDEO_KEY) == BIG


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
    """Wherever it fails: both objects are as before, down to type and metadata, and no upload dangles."""
    if before is not None:
        told = {"ContentType": "image/x-old", "Metadata": {"made-by": "hand"}}
        world.s3.put_object(Bucket=OUTPUT, Key=VIDEO_KEY, Body=b"old video")
        world.s3.put_object(Bucket=OUTPUT, Key=THUMBNAIL_KEY, Body=before, **told)
    with pytest.raises(StorageError) as caught:
        world.media(s3=Faulty(world.s3, **faults())).publish(
            RECORDING, "mp4", io.BytesIO(BIG), thumbnail=b"new", qc=None
        )
    assert "left behind" not in str(caught.value)
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
        world.media(s3=faulty).publish(RECORDING, "mp4", io.BytesIO(b"small"), thumbnail=b"new", qc=None)
    assert world.keys(OUTPUT) == []


@pytest.mark.parametrize("operation", ["complete_multipart_upload", "put_object"])
def test_publish_whose_answer_is_lost_is_done_all_the_same(world: World, operation: str) -> None:
    """Where the request arrived and only its answer got lost, the result stands."""
    lost = aws.ConnectionClosedError(endpoint_url="x")
    faulty = Faulty(world.s3, **{operation: fails(lost, after=True)})
    content = BIG if operation == "complete_multipart_upload" else b"small"
    world.media(s3=faulty).publish(RECORDING, "mp4", io.BytesIO(content), thumbnail=b"png", qc=None)
    assert (world.read(VIDEO_KEY), world.read(THUMBNAIL_KEY)) == (content, b"png")


def test_publish_that_is_interrupted_changes_nothing(world: World) -> None:
    """Ctrl-C in the middle clears up as well."""

    def interrupt(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        world.media(s3=Faulty(world.s3, complete_multipart_upload=interrupt)).publish(
            RECORDING, "mp4", io.BytesIO(BIG), thumbnail=b"png", qc=None
        )
    assert world.keys(OUTPUT) == []
    assert world.dangling_uploads() == []


def test_publish_names_what_it_could_not_undo(world: World) -> None:
    """A dead bucket can't be cleared: the sentence says what was left, and the error keeps its kind."""
    denied = client_error("AccessDenied", 403, "CompleteMultipartUpload")
    faulty = Faulty(
        world.s3,
        complete_multipart_upload=fails(denied),
        abort_multipart_upload=fails(denied),
        delete_object=fails(denied),
    )
    with pytest.raises(AccessDeniedError, match=r"left behind, please remove: .*thumbnail.png.*multipart upload"):
        world.media(s3=faulty).publish(RECORDING, "mp4", io.BytesIO(BIG), thumbnail=b"png", qc=None)


def test_publish_that_fails_spares_another_runs_thumbnail(world: World) -> None:
    """SQS may deliver twice: a run that fails doesn't take away what the other has published meanwhile."""

    def other_run_first(_: Callable[..., Any], **__: Any) -> None:
        world.media().publish(RECORDING, "mp4", io.BytesIO(b"other"), thumbnail=b"other's", qc=None)
        raise BROKEN

    with pytest.raises(StorageError):
        world.media(s3=Faulty(world.s3, complete_multipart_upload=other_run_first)).publish(
            RECORDING, "mp4", io.BytesIO(BIG), thumbnail=b"mine", qc=None
        )
    assert (world.read(VIDEO_KEY), world.read(THUMBNAIL_KEY)) == (b"other", b"other's")
    assert world.dangling_uploads() == []


def test_publish_over_another_container_leaves_it(world: World) -> None:
    """A rerun that makes WebM of what was MP4 deletes nothing."""
    world.media().publish(RECORDING, "mp4", io.BytesIO(b"old"), thumbnail=None, qc=None)
    world.media().publish(RECORDING, "webm", io.BytesIO(b"new"), thumbnail=None, qc=None)
    assert world.keys(OUTPUT) == [RECORDING.video_key("mp4"), RECORDING.video_key("webm")]


# --- errors

SORTED: list[tuple[Exception, type[KomorebiError]]] = [
    (client_error("SlowDown", 503), StorageError),
    (client_error("InternalError", 500), StorageError),
    (client_error("ThrottlingException", 400), StorageError),
    (client_error("ProvisionedThroughputExceededException", 400), StorageError),
    (client_error("RequestTimeout", 400), StorageError),
    (client_error("PreconditionFailed", 412), StorageError),
    (client_error("429", 429), StorageError),
    (client_error("NoSuchUpload", 404), StorageError),
    (aws.EndpointConnectionError(endpoint_url="https://x"), StorageError),
    (aws.ConnectTimeoutError(endpoint_url="https://x"), StorageError),
    (aws.ReadTimeoutError(endpoint_url="https://x"), StorageError),
    (aws.ResponseStreamingError(error="cut"), StorageError),
    (aws.IncompleteReadError(actual_bytes=1, expected_bytes=2), StorageError),
    (ConnectionResetError(), StorageError),
    (client_error("AccessDenied", 403), AccessDeniedError),
    (client_error("403", 403), AccessDeniedError),
    (client_error("AccessDeniedException", 400), AccessDeniedError),
    (client_error("InvalidAccessKeyId", 403), AccessDeniedError),
    (client_error("UnrecognizedClientException", 400), AccessDeniedError),
    (client_error("ExpiredToken", 400), AccessDeniedError),
    (client_error("NoSuchBucket", 404), AccessDeniedError),
    (client_error("ResourceNotFoundException", 400), AccessDeniedError),
    (client_error("PermanentRedirect", 301), AccessDeniedError),
    (aws.NoCredentialsError(), AccessDeniedError),
    (aws.ParamValidationError(report="bad name"), AccessDeniedError),
    (client_error("ValidationException", 400), PermanentError),
    (client_error("InvalidArgument", 400), PermanentError),
]


@pytest.mark.parametrize(("error", "kind"), SORTED, ids=[repr(e) for e, _ in SORTED])
def test_errors_are_sorted(error: Exception, kind: type[KomorebiError]) -> None:
    """Each error of botocore's becomes one kind of ours, which names the place and not what the service wrote."""
    with pytest.raises(KomorebiError) as caught, aws_errors("bucket b"):
        raise error
    assert type(caught.value) is kind
    assert issubclass(kind, PassingError) != issubclass(kind, PermanentError)
    assert "bucket b" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_other_errors_pass_as_they_are() -> None:
    """What isn't botocore's stays what it is."""
    with pytest.raises(ZeroDivisionError), aws_errors("bucket b"):
        raise ZeroDivisionError


def test_a_server_in_trouble_is_tried_again_and_then_worth_another_try(world: World) -> None:
    """503 from the wire: botocore tries five times, and then it is a passing error."""
    from botocore.awsrequest import AWSResponse  # noqa: PLC0415

    tries = 0

    class Raw:
        """An empty body."""

        def stream(self, **_: Any) -> Iterator[bytes]:
            return iter(())

    def in_trouble(request: Any, **_: Any) -> AWSResponse:
        nonlocal tries
        tries += 1
        return AWSResponse(request.url, 503, {}, Raw())

    client = aws_client("dynamodb")
    client.meta.events.register("before-send.dynamodb.GetItem", in_trouble)
    del world
    with pytest.raises(StorageError, match="table Recording"):
        DynamoTable(client, TABLE).get("contact-1")
    assert tries == 5


def test_nobody_there(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A port on which nothing listens is a passing error."""
    del world
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    from boto3.session import Session  # noqa: PLC0415

    with pytest.raises(StorageError, match="EndpointConnectionError"):
        DynamoTable(Session().client("dynamodb"), TABLE).get("contact-1")
