"""The handler under Lambda's runtime interface emulator, in separate namespaces, with its AWS resources."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import signal
import socket
import socketserver
import subprocess
import tempfile
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
from parts import ROOT, TOOLS, need_root, program
from servers import HOST, KEY, REGION, bare_environment, free_ports

from komorebi_qc.core.recording import Recording

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from servers import Server

CONNECT, INPUT, OUTPUT, TABLE, PREFIX = "e2e-connect", "e2e-input", "e2e-output", "Recording", "connect/e2e"
SAMPLE = ROOT / "komorebi_qc" / "demo" / "sample"
INVOKE = "/2015-03-31/functions/function/invocations"


@dataclass(frozen=True, slots=True)
class World:
    """Buckets, table and queues on a stand-in for AWS.

    Attributes:
        server: the stand-in for AWS.
        queue_url: whose messages the function gets.
        dead_url: its dead-letter queue.
    """

    server: Server
    queue_url: str
    dead_url: str

    @classmethod
    def on(cls, server: Server) -> World:
        """Make all the resources that the function's settings name."""
        s3, sqs = server.client("s3"), server.client("sqs")
        for bucket in (CONNECT, INPUT, OUTPUT):
            s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        server.client("dynamodb").create_table(
            TableName=TABLE,
            KeySchema=[{"AttributeName": "videoID", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "videoID", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        redrive = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 8})
        queue = sqs.create_queue(QueueName="work", Attributes={"RedrivePolicy": redrive, "VisibilityTimeout": "900"})
        return cls(server, queue["QueueUrl"], dead)

    def environment(self) -> dict[str, str]:
        """The function's variables, and the address of its AWS."""
        return {
            "AC_AUDIO_BUCKET_NAME": CONNECT,
            "INPUT_BUCKET_NAME": INPUT,
            "OUTPUT_BUCKET_NAME": OUTPUT,
            "KOMOREBI_CONNECT_PREFIX": PREFIX,
            "KOMOREBI_TABLE_NAME": TABLE,
            "KOMOREBI_QUEUE_URL": self.queue_url,
            "KOMOREBI_DEAD_LETTER_QUEUE_URL": self.dead_url,
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": KEY,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ENDPOINT_URL": self.server.url,
        }

    def record(self, recording_id: str) -> Order:
        """Put the sample call there as a new recording, and send its message."""
        recording = Recording(recording_id, "agent-7", datetime(2026, 3, 2, 14, 5, 9))  # noqa: DTZ001  as in the table
        s3 = self.server.client("s3")
        call = f"{recording.call_audio_prefixes(PREFIX)[0]}{recording.created:%Y%m%dT%H:%M}_UTC.wav"
        s3.put_object(Bucket=CONNECT, Key=call, Body=(SAMPLE / "call.wav").read_bytes())
        s3.put_object(Bucket=INPUT, Key=recording.agent_recording_key, Body=(SAMPLE / "recording.mp4").read_bytes())
        item = {
            "videoID": {"S": recording_id},
            "agentID": {"S": recording.agent_id},
            "creationDate": {"S": f"{recording.created:%Y-%m-%d %H:%M:%S}"},
            "isProcessed": {"BOOL": False},
            "notesID": {"S": "kept as it is"},
        }
        self.server.client("dynamodb").put_item(TableName=TABLE, Item=item)
        truth = json.loads((SAMPLE / "truth.json").read_text())
        return Order(self, recording_id, str(truth["callEndingTimestamp"]))


@dataclass(frozen=True, slots=True)
class Order:
    """One recording that is to be made.

    Attributes:
        world: where.
        recording_id: in the table.
        call_end: as a message reports it.
    """

    world: World
    recording_id: str
    call_end: str

    def event(self, **more: object) -> dict[str, Any]:
        """Send a message, receive it, and give the event that Lambda would make of it: it is in flight now."""
        sqs, url = self.world.server.client("sqs"), self.world.queue_url
        body = {"recordingID": self.recording_id, "callEndingTimestamp": self.call_end, **more}
        sent = sqs.send_message(QueueUrl=url, MessageBody=json.dumps(body))["MessageId"]
        for _ in range(20):
            got = sqs.receive_message(
                QueueUrl=url, AttributeNames=["All"], MaxNumberOfMessages=1, WaitTimeSeconds=1
            ).get("Messages", [])
            if got and got[0]["MessageId"] == sent:
                return {"Records": [_as_lambda_gives_it(got[0])]}
        raise AssertionError("the queue doesn't give the message that was sent")

    def item(self) -> dict[str, Any]:
        """Its item in the table."""
        key = {"videoID": {"S": self.recording_id}}
        found: dict[str, Any] = self.world.server.client("dynamodb").get_item(TableName=TABLE, Key=key)["Item"]
        return found

    def objects(self) -> dict[str, bytes]:
        """Its objects in the output bucket."""
        s3 = self.world.server.client("s3")
        listed = s3.list_objects_v2(Bucket=OUTPUT).get("Contents", [])
        keys = [found["Key"] for found in listed if self.recording_id in found["Key"]]
        return {key: s3.get_object(Bucket=OUTPUT, Key=key)["Body"].read() for key in keys}

    def is_processed(self) -> bool:
        """Whether the item is marked as processed."""
        return self.item().get("isProcessed") == {"BOOL": True}

    def check_done(self) -> str:
        """See that it is published whole; a few words about it.

        Raises:
            AssertionError: naming what is missing.
        """
        assert self.is_processed(), f"the item isn't processed: {self.item()}"
        assert self.item()["notesID"] == {"S": "kept as it is"}, "an attribute that isn't ours was changed"
        videos = {key: body for key, body in self.objects().items() if key.endswith((".mp4", ".webm"))}
        assert len(videos) == 1, f"one unified recording was expected: {sorted(self.objects())}"
        self.check_no_uploads()
        ((key, body),) = videos.items()
        return f"{_check_whole(key, body):.2f} s published, {len(body):,} bytes"

    def check_not_done(self) -> None:
        """Check that it isn't reported as done, and that no result is incomplete.

        Raises:
            AssertionError: if it is; it names the fault.
        """
        assert not self.is_processed(), f"the item is marked as processed: {self.item()}"
        for key, body in self.objects().items():
            if key.endswith((".mp4", ".webm")):
                _check_whole(key, body)

    def check_dead_letter(self) -> str:
        """Check that its message is in the dead-letter queue with a reason, and return the reason.

        Raises:
            AssertionError: if it wasn't.
        """
        sqs, url = self.world.server.client("sqs"), self.world.dead_url
        for _ in range(20):
            got = sqs.receive_message(
                QueueUrl=url, MessageAttributeNames=["All"], MaxNumberOfMessages=10, VisibilityTimeout=0
            )
            for letter in got.get("Messages", []):
                if json.loads(letter["Body"])["recordingID"] == self.recording_id:
                    reason = str(letter["MessageAttributes"]["komorebiReason"]["StringValue"])
                    assert reason, "a dead letter without a reason"
                    return reason
        raise AssertionError("the message is neither to come again nor in the dead-letter queue")

    def check_no_uploads(self) -> None:
        """See that no multipart upload was left open.

        Raises:
            AssertionError: naming them.
        """
        left = self.world.server.client("s3").list_multipart_uploads(Bucket=OUTPUT).get("Uploads", [])
        assert not left, f"uploads were left open: {[upload['Key'] for upload in left]}"


def _as_lambda_gives_it(message: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message["Attributes"],
        "messageAttributes": {},
        "md5OfBody": hashlib.md5(message["Body"].encode(), usedforsecurity=False).hexdigest(),
        "eventSource": "aws:sqs",
        "eventSourceARN": f"arn:aws:sqs:{REGION}:{'0' * 12}:work",
        "awsRegion": REGION,
    }


def _check_whole(key: str, body: bytes) -> float:
    """Check that a unified recording is as long as the sample, to the last frame; returns its seconds.

    Raises:
        AssertionError: if it is shorter.
    """
    shown_s, all_s = _played_s(body), _sample_s()
    assert shown_s > all_s - 0.05, f"{key} is half there: {shown_s:.2f} s of {all_s:.2f}"
    return shown_s


@cache
def _sample_s() -> float:
    return _played_s((SAMPLE / "recording.mp4").read_bytes())


def _played_s(body: bytes) -> float:
    """Seconds from the first to the last video frame, after all of it was decoded."""
    with tempfile.TemporaryFile() as file:
        file.write(body)
        file.seek(0)
        with av.open(file, "r") as container:
            times = [frame.time for frame in container.decode(video=0) if frame.time is not None]
    return max(times) - min(times)


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a call of the function.

    Attributes:
        text: the answer, as it came.
        seconds: until then.
    """

    text: str
    seconds: float

    def failures(self) -> list[str] | None:
        """The messages to deliver again; None if no handler has answered, so that Lambda delivers all again."""
        try:
            found = json.loads(self.text)["batchItemFailures"]
        except (ValueError, KeyError, TypeError):
            return None
        return [failure["itemIdentifier"] for failure in found]

    def check_done(self) -> None:
        """See that every message may be deleted.

        Raises:
            AssertionError: with the actual answer.
        """
        assert self.failures() == [], f"not done: {self.text[:500]}"

    def check_not_done(self) -> None:
        """See that the message is offered again.

        Raises:
            AssertionError: if it is reported as done.
        """
        assert self.failures() != [], "the message was reported as done"


@dataclass(slots=True)
class Function:
    """A function under the emulator. One call at a time: two crash it.

    Attributes:
        process: the outermost one; with it goes all that runs inside.
        port: of the emulator.
        scratch: the function's temporary folder, as it sees it.
        log: the output of emulator and function.
    """

    process: subprocess.Popen[bytes]
    port: int
    scratch: Path
    log: Path

    def call(self, event: Mapping[str, Any], within_s: float = 90) -> Answer:
        """Call the function.

        Raises:
            AssertionError: if no answer comes in time; the log's end is in its words.
        """
        began = time.monotonic()
        while True:
            connection = HTTPConnection(HOST, self.port, timeout=within_s)
            try:
                connection.request("POST", INVOKE, json.dumps(event))
                return Answer(connection.getresponse().read().decode(), time.monotonic() - began)
            except ConnectionRefusedError:
                if time.monotonic() - began > 10 or self.process.poll() is not None:
                    raise AssertionError(f"the emulator isn't there: {self.tail()}") from None
                time.sleep(0.02)
            except (OSError, HTTPException) as error:
                raise AssertionError(f"no answer ({type(error).__name__}): {self.tail()}") from error
            finally:
                connection.close()

    def start_s(self) -> float:
        """Seconds from its first start until it could take a call. Lambda calls this the init phase.

        Raises:
            AssertionError: if the emulator doesn't say.
        """
        found = re.search(r"INIT REPORT\(durationMs: ([\d.]+)\)", self.log.read_text(errors="replace"))
        assert found, f"the emulator doesn't say how long the start took: {self.tail()}"
        return float(found[1]) / 1000

    def client_pid(self) -> int:
        """The process that runs the handler.

        Raises:
            AssertionError: if it doesn't run.
        """
        found = [pid for pid in _descendants(self.process.pid) if b"app.handler" in _command(pid)]
        found = [pid for pid in found if b"rie" not in _command(pid) and b"unshare" not in _command(pid)]
        assert found, f"no process runs the handler: {self.tail()}"
        return found[-1]

    def kill(self) -> None:
        """SIGKILL for the process that runs the handler, as Lambda's machine might."""
        os.kill(self.client_pid(), signal.SIGKILL)

    def fill(self) -> Path:
        """Fill the function's temporary folder up to the last byte; the file that does so."""
        filler = self._scratch() / "filler"
        with suppress(OSError), filler.open("wb", buffering=0) as file:
            while file.write(bytes(4096)):
                pass
        return filler

    def _scratch(self) -> Path:
        return Path(f"/proc/{_inner(self.process.pid)}/root{self.scratch}")

    def leftovers(self) -> list[str]:
        """The files in the function's temporary folder, deleted files that are still open included."""
        inside = self._scratch()
        found = [path.relative_to(inside).as_posix() for path in inside.rglob("*")]
        found = [path for path in found if path.split("/")[0] != ".aws-xray"]  # the SDK's mark that it has started
        for pid in _descendants(self.process.pid):
            with suppress(OSError):
                for handle in Path(f"/proc/{pid}/fd").iterdir():
                    with suppress(OSError):
                        target = str(handle.readlink())
                        is_ours = target.startswith(f"{ROOT}/")  # its log, if the repository is in such a folder
                        if target.startswith(f"{self.scratch}/") and not is_ours:
                            found.append(target)
        return found

    def tail(self) -> str:
        """The log's end."""
        return self.log.read_text(errors="replace")[-1500:]


def _descendants(pid: int) -> list[int]:
    found = []
    waiting = [pid]
    while waiting:
        parent = waiting.pop(0)
        with suppress(OSError):
            for children in Path(f"/proc/{parent}/task").glob("*/children"):
                waiting.extend(map(int, children.read_text().split()))
        found.append(parent)
    return found


def _inner(pid: int) -> int:
    """The first process inside the namespaces: unshare's child."""
    found = _descendants(pid)
    assert len(found) > 1, "nothing runs inside the namespaces"
    return found[1]


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def _end(process: subprocess.Popen[bytes]) -> None:
    """End unshare and its child, the first process of the namespace: the kernel ends all others of it at once.

    The kernel drops the effect of --kill-child if the child becomes another user.
    """
    for pid in reversed(_descendants(process.pid)[:2]):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.wait()


# Private mounts, which vanish with the last process.
_NAMESPACES = ("--mount", "--pid", "--fork", "--kill-child", "--propagation", "private")


@contextmanager
def run(
    setup: str, argv: Sequence[str | Path], *, emulator: str | Path, environment: Mapping[str, str], scratch: Path
) -> Iterator[Function]:
    """Run a function under the emulator until the context ends.

    Args:
        setup: shell commands that are run first, inside the namespaces; they end with ``exec "$@"`` or the like.
        argv: the runtime's client, which the emulator starts.
        emulator: its path, for the commands after `setup`.
        environment: all of it.
        scratch: the temporary folder of the function, as it sees it.

    Raises:
        MissingPartError: if this machine can't do it.
    """
    need_root("make namespaces for the function")
    unshare = program("unshare", "util-linux")
    api, port = free_ports(2)
    addresses = ("--runtime-api-address", f"{HOST}:{api}", "--runtime-interface-emulator-address", f"{HOST}:{port}")
    inside = [str(word) for word in (emulator, *addresses, *argv)]
    TOOLS.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="e2e-", dir=TOOLS))  # out of `scratch`, whatever that hides
    log = folder / "function.log"
    try:
        with log.open("wb") as out:
            process = subprocess.Popen(
                [unshare, *_NAMESPACES, "sh", "-euc", setup, "sh", *inside],
                cwd=ROOT / "lambda",
                env={**bare_environment(folder), "TMPDIR": str(scratch), **environment},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            yield Function(process, port, scratch, log)
        finally:
            _end(process)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@dataclass(slots=True)
class Gate:
    """A way to S3 that can be shut: it holds a request back, so that something can happen at that very moment.

    Attributes:
        port: that it listens on.
        target: the address that it leads to.
        requests: the first lines of all that came through.
        held: set as soon as a request is held back.
    """

    port: int
    target: int
    requests: list[str] = field(default_factory=list)
    held: threading.Event = field(default_factory=threading.Event)
    _shut: re.Pattern[bytes] | None = None
    _passes: int = 0
    _lets_ask: bool = False
    _opened: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        """For ``AWS_ENDPOINT_URL_S3``."""
        return f"http://{HOST}:{self.port}"

    def shut(self, request: str, *, after: int = 0, lets_ask: bool = False) -> None:
        """Hold back the first request whose start matches, once `after` others have passed.

        Args:
            request: a pattern of its first line.
            after: how many that match pass.
            lets_ask: the request passes, and it is the answer that is held back in its middle.
        """
        self.held.clear()
        self._opened.clear()
        self._passes = after
        self._lets_ask = lets_ask
        self._shut = re.compile(request.encode())

    def open(self) -> None:
        """Let all through again; a held request never arrives, a held answer does."""
        self._shut = None
        self._opened.set()

    def lets_pass(self, chunk: bytes, is_slow: threading.Event) -> bool:
        """Whether a chunk from the client is forwarded; waits while it is held back. The answer waits if `is_slow`."""
        if re.match(rb"[A-Z]+ /\S* HTTP/1", chunk):
            self.requests.append(chunk.split(b" HTTP/1", 1)[0].decode())
        if self._shut is None or not self._shut.match(chunk):
            return True
        if self._passes > 0:
            self._passes -= 1
            return True
        if self._lets_ask:
            self._shut = None
            is_slow.set()
            return True
        self.wait()
        return False

    def wait(self) -> None:
        """Hold back what is on its way, until the gate is opened."""
        self.held.set()
        self._opened.wait(180)


@contextmanager
def gate(server: Server) -> Iterator[Gate]:
    """A gate before a server, until the context ends."""
    made: Gate

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with socket.create_connection((HOST, server.port)) as onward:
                is_slow = threading.Event()
                back = threading.Thread(target=_pump, args=(onward, self.request, made, is_slow), daemon=True)
                back.start()
                with suppress(OSError):
                    while (chunk := self.request.recv(65536)) and made.lets_pass(chunk, is_slow):
                        onward.sendall(chunk)
                _close(onward)
                _close(self.request)
                back.join(5)

    class Listener(socketserver.ThreadingTCPServer):
        daemon_threads = True
        allow_reuse_address = True

    with Listener((HOST, 0), Handler) as listener:
        made = Gate(listener.server_address[1], server.port)
        thread = threading.Thread(target=listener.serve_forever, daemon=True)
        thread.start()
        try:
            yield made
        finally:
            made.open()
            listener.shutdown()
            thread.join(5)


def _pump(source: socket.socket, target: socket.socket, gate: Gate, is_slow: threading.Event) -> None:
    with suppress(OSError):
        while chunk := source.recv(65536):
            if is_slow.is_set() and len(chunk) > 8192:
                target.sendall(chunk[:8192])
                is_slow.clear()
                gate.wait()
                chunk = chunk[8192:]
            target.sendall(chunk)
    _close(target)


def _close(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
