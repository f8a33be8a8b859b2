"""A run that streams from S3 to S3, killed or cut off at twenty seeded points: nothing of it is left behind.

Real ``komorebi-qc process`` processes read from and write to SeaweedFS through a wire that counts bytes in both
directions. At a seeded number of them the process is killed with SIGKILL, or the connection that carried them breaks:
once, which the run has to get over, or from then on each time, which it has to end with a sentence, tidied up.

    python tests/e2e streaming
    python tests/e2e/streaming.py [SEED]
"""

from __future__ import annotations

import io
import os
import random
import re
import signal
import socket
import socketserver
import struct
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import av
import cases
from parts import Report
from servers import HOST, KEY, REGION, bare_environment, end_group, moto, seaweed, stand_ins
from stack import CONNECT, INPUT, OUTPUT, PREFIX, TABLE, make_table

from komorebi_qc.core.timebase import parse_call_end
from komorebi_qc.pipeline.options import Options, Order
from komorebi_qc.pipeline.process import process
from komorebi_qc.storage.dynamodb import DynamoTable
from komorebi_qc.storage.s3.media import S3Media

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

    from servers import Server

Direction = Literal["down", "up"]
How = Literal["kill", "cut once", "cut for good"]

CONTAINERS = ("mp4", "webm")
LARGE_BYTES = 31 << 20
"""More than four parts of an upload."""
SMALL_BYTES = 64 << 10
"""Bytes that still pass a wire that is broken for good: requests that clean up and their answers, but no media."""
RUN_S = 240.0
DONE = (0, 3)
"""Exit codes of a run that has published: 3 where a finding fails."""


@dataclass(frozen=True, slots=True)
class Point:
    """The point at which a run is disturbed.

    Attributes:
        container: of the output.
        how: the kind of disturbance.
        direction: which bytes are counted, seen from the process.
        at_bytes: after how many.
    """

    container: str
    how: How
    direction: Direction
    at_bytes: int

    def __str__(self) -> str:
        return f"{self.container}: {self.how} after {self.at_bytes:,} bytes {self.direction}"


def make_points(seed: int, totals: Mapping[str, Mapping[Direction, int]]) -> list[Point]:
    """Ten kills and ten cuts, half of each in either direction; those of one kind fall on equal shares of a run.

    Args:
        seed: of their places.
        totals: bytes that an undisturbed run moves, by container and direction.
    """
    choice = random.Random(seed)  # noqa: S311  no secrets
    counts: dict[How, int] = {"cut once": 3, "cut for good": 2, "kill": 5}
    sides: tuple[Direction, ...] = ("down", "up")
    points = []
    for how, count in counts.items():
        for n in range(count):
            container = CONTAINERS[n % 2]
            for side in sides:
                total = totals[container][side]
                at_bytes = choice.randrange(1 + total * n // count, total * (n + 1) // count)
                points.append(Point(container, how, side, at_bytes))
    return points


class Wire:
    """A way to a server that counts what it carries, and is cut on demand.

    Attributes:
        port: that it listens on.
        carried: bytes so far, by direction.
        struck: the first line of the request whose connection the point fell on; empty before it is reached.
    """

    def __init__(self, target: int) -> None:
        """A wire to a port of this machine."""
        self.port = 0
        self.carried: dict[Direction, int] = {"down": 0, "up": 0}
        self.struck = ""
        self._target = target
        self._lock = threading.Lock()
        self._point: Point | None = None
        self._request: re.Pattern[bytes] | None = None
        self._act: Callable[[], None] = lambda: None
        self._is_dead = False

    @property
    def url(self) -> str:
        """For ``AWS_ENDPOINT_URL_S3``."""
        return f"http://{HOST}:{self.port}"

    def arm(
        self, point: Point | None, act: Callable[[], None] = lambda: None, request: re.Pattern[bytes] | None = None
    ) -> None:
        """Restart the count.

        Args:
            point: where to strike, if anywhere.
            act: done at that moment, before anything else goes through.
            request: in place of a number of bytes, strike before the first request whose first line matches.
        """
        with self._lock:
            self.carried = {"down": 0, "up": 0}
            self.struck = ""
            self._point, self._act, self._request, self._is_dead = point, act, request, False

    @contextmanager
    def listening(self) -> Iterator[Wire]:
        """Carry, until the context ends."""
        wire = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                _Line(wire, self.request).carry()

        class Listener(socketserver.ThreadingTCPServer):
            daemon_threads = True
            allow_reuse_address = True
            request_queue_size = 64

        with Listener((HOST, 0), Handler) as listener:
            self.port = listener.server_address[1]
            thread = threading.Thread(target=listener.serve_forever, name="wire", daemon=True)
            thread.start()
            try:
                yield self
            finally:
                listener.shutdown()
                thread.join(5)

    def connect(self) -> socket.socket:
        """A new connection to the server."""
        return socket.create_connection((HOST, self._target))

    def lets_through(self, direction: Direction, chunk: bytes, request: str, still: int) -> tuple[int, bool]:
        """How many bytes of a chunk go on, and whether the connection does.

        Args:
            direction: of the chunk.
            chunk: the bytes.
            request: the first line of the request that it belongs to.
            still: how much of it comes through a wire that is broken for good.
        """
        with self._lock:
            if self._is_dead:
                return 0, False
            if self._request is not None and direction == "up" and self._request.match(chunk):
                return self._strike(request, 0)
            before = self.carried[direction]
            self.carried[direction] = before + len(chunk)
            point = self._point
            if point is None or direction != point.direction:
                return len(chunk), True
            if not self.struck:
                return (
                    (len(chunk), True)
                    if before + len(chunk) < point.at_bytes
                    else self._strike(request, point.at_bytes - before)
                )
            if point.how == "cut for good" and still < len(chunk):
                return still, False
            return len(chunk), True

    def _strike(self, request: str, count: int) -> tuple[int, bool]:
        self.struck = request or "?"
        self._act()
        self._is_dead = self._point is None or self._point.how == "kill"
        return (0 if self._is_dead else count), False


class _Line:
    """One connection over a wire."""

    def __init__(self, wire: Wire, client: socket.socket) -> None:
        self._wire = wire
        self._client = client
        self._server = wire.connect()
        self._request = ""
        self._asked_bytes = 0
        self._is_media = False

    def carry(self) -> None:
        back = threading.Thread(target=self._pump, args=("down", self._server, self._client), daemon=True)
        back.start()
        self._pump("up", self._client, self._server)
        back.join(RUN_S)
        for end in (self._client, self._server):
            end.close()

    def _pump(self, direction: Direction, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while chunk := source.recv(65536):
                if direction == "up" and re.match(rb"[A-Z]+ /\S* HTTP/1", chunk):
                    self._request = chunk.partition(b" HTTP/1")[0].decode("latin-1")
                    self._asked_bytes = 0
                still = self._still(direction, chunk)
                count, goes_on = self._wire.lets_through(direction, chunk, self._request, still)
                if not goes_on:
                    target.sendall(chunk[:count])
                    self._break()
                    return
                target.sendall(chunk)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _still(self, direction: Direction, chunk: bytes) -> int:
        """Of a request its first bytes, of an answer with media its head alone."""
        if direction == "up":
            before, self._asked_bytes = self._asked_bytes, self._asked_bytes + len(chunk)
            return min(len(chunk), max(0, SMALL_BYTES - before))
        head = 0
        if chunk.startswith(b"HTTP/1"):
            length = re.search(rb"\r\nContent-Length: (\d+)\r\n", chunk, re.IGNORECASE)
            is_body = length is not None and not self._request.startswith("HEAD")
            self._is_media = is_body and length is not None and int(length[1]) > SMALL_BYTES
            head = chunk.find(b"\r\n\r\n") + 4
        return head if self._is_media else len(chunk)

    def _break(self) -> None:
        """End both sides without a farewell, as a connection ends that breaks."""
        for end in (self._client, self._server):
            with suppress(OSError):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                end.shutdown(socket.SHUT_RDWR)


@dataclass(slots=True)
class Row:
    """A point and its outcome, for the table."""

    number: int
    point: Point
    struck: str
    outcome: str
    uploads: int
    again: str


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended.

    Attributes:
        code: its exit code; negative for a signal.
        said: on standard error.
        files: in its temporary folder at the disturbance and after the run; with a name or without.
    """

    code: int
    said: str
    files: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """The last line that it said."""
        return (self.said.strip().splitlines() or [""])[-1]


@dataclass(frozen=True, slots=True)
class Stand:
    """A recording that is to be made, and all around it.

    Attributes:
        container: of the output.
        s3: a client past the wire.
        dynamodb: the table's.
        wire: to S3.
        rest: the table's server.
        folder: for what the runs print.
        kind: the media.
        created: of the recording.
    """

    container: str
    s3: Any
    dynamodb: Any
    wire: Wire
    rest: Server
    folder: Path
    kind: cases.Kind
    created: datetime

    @property
    def recording_id(self) -> str:
        """The recording's."""
        return f"stream-{self.container}"

    @property
    def result_folder(self) -> str:
        """The prefix of the results."""
        return cases.keys(self.recording_id, self.created, PREFIX)[2]

    @property
    def video_name(self) -> str:
        """The result's name in that folder."""
        return f"recording.{self.container}"

    def lay_out(self) -> None:
        """Restore the state before any run: the recording is there, and earlier results are deleted."""
        for name in self.objects():
            self.s3.delete_object(Bucket=OUTPUT, Key=self.result_folder + name)
        for upload in self.uploads():
            self.s3.abort_multipart_upload(Bucket=OUTPUT, Key=upload["Key"], UploadId=upload["UploadId"])
        self.dynamodb.put_item(TableName=TABLE, Item=cases.item(self.recording_id, self.created))

    def objects(self) -> list[str]:
        """The names of the visible objects in the recording's folder."""
        listed = self.s3.list_objects_v2(Bucket=OUTPUT, Prefix=self.result_folder).get("Contents", ())
        return [entry["Key"].removeprefix(self.result_folder) for entry in listed]

    def uploads(self) -> list[dict[str, Any]]:
        """The incomplete multipart uploads."""
        return list(self.s3.list_multipart_uploads(Bucket=OUTPUT).get("Uploads", ()))

    def video(self) -> bytes:
        """The result."""
        answer = self.s3.get_object(Bucket=OUTPUT, Key=self.result_folder + self.video_name)
        return bytes(answer["Body"].read())

    def is_processed(self) -> bool:
        """Whether the item is marked as processed."""
        key = {"videoID": {"S": self.recording_id}}
        found = self.dynamodb.get_item(TableName=TABLE, Key=key, ConsistentRead=True)
        return bool(found["Item"]["isProcessed"]["BOOL"])

    def run(self, point: Point | None, *, request: re.Pattern[bytes] | None = None) -> Ended:
        """`komorebi-qc process` in a separate process, over the wire, disturbed at the point."""
        with tempfile.TemporaryDirectory(prefix="run-", dir=self.folder) as name:
            own = Path(name)
            started: list[subprocess.Popen[bytes]] = []
            files: list[str] = []

            def act() -> None:
                files.extend(_files_of(started[0].pid, own))
                if point is None or point.how == "kill":
                    os.kill(started[0].pid, signal.SIGKILL)

            self.wire.arm(point, act, request)
            with tempfile.TemporaryFile(dir=self.folder) as said:
                process = subprocess.Popen(
                    [
                        Path(sys.executable).with_name("komorebi-qc"),
                        *("process", self.recording_id, "--call-end", self.kind.call_end, "--json"),
                    ],
                    env=self._environment(own),
                    cwd=own,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=said,
                    start_new_session=True,
                )
                started.append(process)
                try:
                    code = process.wait(RUN_S)
                finally:
                    end_group(process)
                files.extend(path.name for path in own.rglob("*"))
                said.seek(0)
                return Ended(code, said.read().decode(errors="replace"), tuple(files))

    def run_again(self) -> None:
        """The next run, to which every upload that was begun before it is a dead run's."""
        media = S3Media(self.s3, CONNECT, INPUT, OUTPUT, PREFIX, stale_after=timedelta(0))
        order = Order(self.recording_id, parse_call_end(self.kind.call_end))
        process(order, table=DynamoTable(self.dynamodb, TABLE), media=media, options=Options())

    def _environment(self, folder: Path) -> dict[str, str]:
        return bare_environment(
            folder,
            PYTHONDONTWRITEBYTECODE="1",
            AWS_ACCESS_KEY_ID=KEY,
            AWS_SECRET_ACCESS_KEY=KEY,
            AWS_DEFAULT_REGION=REGION,
            AWS_ENDPOINT_URL_S3=self.wire.url,
            AWS_ENDPOINT_URL_DYNAMODB=self.rest.url,
            AC_AUDIO_BUCKET_NAME=CONNECT,
            INPUT_BUCKET_NAME=INPUT,
            OUTPUT_BUCKET_NAME=OUTPUT,
            KOMOREBI_CONNECT_PREFIX=PREFIX,
        )


def _files_of(pid: int, folder: Path) -> list[str]:
    """The files in a process's temporary folder, files without a name included."""
    found = [path.name for path in folder.rglob("*")]
    with suppress(OSError):
        for handle in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                target = str(handle.readlink())
                if target.startswith(f"{folder}/"):
                    found.append(target)
    return found


@dataclass(frozen=True, slots=True)
class Undisturbed:
    """The result of a run without a disturbance.

    Attributes:
        content: the video.
        result: its content, packet by packet.
        sound: its audio packets, and their places.
        totals: bytes within which a run is disturbed, by direction.
    """

    content: bytes
    result: cases.Result
    sound: list[tuple[int, bytes]]
    totals: dict[Direction, int]


def _sound(content: bytes) -> list[tuple[int, bytes]]:
    with av.open(io.BytesIO(content), "r") as file:
        (audio,) = file.streams.audio
        return [(packet.pts or 0, bytes(packet)) for packet in file.demux(audio) if packet.size]


def run(report: Report, seed: int = 1) -> None:
    """An undisturbed run of each container, the twenty points, and a kill before the very last request."""
    with ExitStack() as stack:
        stand_by_container: dict[str, Stand] = {}
        with report.case("SeaweedFS and moto come up, and a wire that counts bytes"):
            stand_ins()
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="komorebi-e2e-")))
            stand_by_container = stack.enter_context(_stand_for_each(folder))
        undisturbed: dict[str, Undisturbed] = {}
        for container, stand in stand_by_container.items():
            with report.case(f"{container}: an undisturbed run goes up in four parts or more") as case:
                found = _undisturbed(stand)
                moved = ", ".join(f"{count:,} {side}" for side, count in stand.wire.carried.items())
                case.note(f"{len(found.content):,} bytes of video; bytes moved: {moved}; seed {seed}")
                undisturbed[container] = found
        if len(undisturbed) < len(CONTAINERS):
            return
        rows: list[Row] = []
        points = make_points(seed, {container: found.totals for container, found in undisturbed.items()})
        for number, point in enumerate(points, start=1):
            with report.case(f"{number:>2} {point}") as case:
                stand, wanted = stand_by_container[point.container], undisturbed[point.container]
                stand.lay_out()
                act = {"kill": _killed, "cut once": _cut_once, "cut for good": _cut_for_good}[point.how]
                row = replace(act(stand, point, wanted), number=number)
                rows.append(row)
                case.note(f"{row.outcome}; uploads left: {row.uploads}; {row.again}")
        with report.case("killed before the last request: no video is in sight, and the next run is whole") as case:
            case.note(_killed_last(stand_by_container["mp4"], undisturbed["mp4"]))
        print(table(rows), flush=True)


@contextmanager
def _stand_for_each(folder: Path) -> Iterator[dict[str, Stand]]:
    with seaweed(folder / "seaweed") as storage, moto(folder / "moto") as rest, Wire(storage.port).listening() as wire:
        s3, dynamodb = storage.client("s3"), rest.client("dynamodb")
        for bucket in (CONNECT, INPUT, OUTPUT):
            s3.create_bucket(Bucket=bucket)
        make_table(dynamodb)
        runs = folder / "runs"
        runs.mkdir()
        stand_by_container = {}
        for container in CONTAINERS:
            kind = cases.large_kind(size=LARGE_BYTES, container=container)
            stand = Stand(container, s3, dynamodb, wire, rest, runs, kind, cases.now())
            call_key, recording_key, _ = cases.keys(stand.recording_id, stand.created, PREFIX)
            s3.put_object(Bucket=CONNECT, Key=call_key, Body=kind.call)
            s3.put_object(Bucket=INPUT, Key=recording_key, Body=kind.recording)
            stand_by_container[container] = stand
        yield stand_by_container


def _undisturbed(stand: Stand) -> Undisturbed:
    stand.lay_out()
    ended = stand.run(None)
    assert ended.code in DONE, ended.said[-1000:]
    assert stand.is_processed()
    assert sorted(stand.objects()) == ["qc.json", stand.video_name, "thumbnail.png"]
    assert (stand.uploads(), ended.files) == ([], ())
    head = stand.s3.head_object(Bucket=OUTPUT, Key=stand.result_folder + stand.video_name)
    assert int(head["ETag"].strip('"').rpartition("-")[2]) >= 4, head["ETag"]
    content = stand.video()
    down = stand.wire.carried["down"]
    assert down > len(stand.kind.recording), "the media didn't come over the wire"
    # How much read-ahead comes in vain differs from run to run, and each point has to be reached. Up to the video's own
    # size: thumbnail and findings are uploaded last, and have a separate case.
    totals: dict[Direction, int] = {"down": down * 9 // 10, "up": len(content)}
    return Undisturbed(content, cases.read_result(content), _sound(content), totals)


def _killed(stand: Stand, point: Point, undisturbed: Undisturbed) -> Row:
    """SIGKILL: the process can't clean up, and still no object is visible."""
    ended = stand.run(point)
    assert ended.code == -signal.SIGKILL, f"it ended with {ended.code}: {ended.said[-500:]}"
    left = _check_nothing(stand, ended)
    assert left <= 1, f"{left} uploads of one run"
    return Row(0, point, stand.wire.struck, "killed", left, _check_again(stand, undisturbed))


def _cut_once(stand: Stand, point: Point, undisturbed: Undisturbed) -> Row:
    """One connection that breaks is got over: the result is the one of an undisturbed run."""
    ended = stand.run(point)
    assert stand.wire.struck, "the point was never reached"
    assert ended.code in DONE, ended.said[-500:]
    assert not ended.files, ended.files
    return Row(
        0,
        point,
        stand.wire.struck,
        f"done, exit code {ended.code}",
        len(stand.uploads()),
        _check_whole(stand, undisturbed),
    )


def _cut_for_good(stand: Stand, point: Point, undisturbed: Undisturbed) -> Row:
    """A wire that carries no media any more ends the run, with a sentence, and tidied up."""
    ended = stand.run(point)
    assert ended.code == 1, f"it ended with {ended.code}: {ended.said[-500:]}"
    assert "s3://" in ended.sentence, ended.said[-500:]
    assert "Traceback" not in ended.said, ended.said[-1500:]
    assert "left behind" not in ended.said, ended.said[-500:]
    left = _check_nothing(stand, ended)
    assert left == 0, "it wasn't aborted"
    return Row(0, point, stand.wire.struck, f"failed: {ended.sentence}", left, _check_again(stand, undisturbed))


def _killed_last(stand: Stand, undisturbed: Undisturbed) -> str:
    stand.lay_out()
    ended = stand.run(None, request=re.compile(rb"POST /\S*uploadId="))
    assert ended.code == -signal.SIGKILL, f"it ended with {ended.code}: {ended.said[-500:]}"
    seen = stand.objects()
    assert stand.video_name not in seen
    assert not stand.is_processed()
    assert not ended.files, ended.files
    left = len(stand.uploads())
    assert left == 1
    return f"in sight without their video: {', '.join(seen)}; {left} upload left; {_check_again(stand, undisturbed)}"


def _check_nothing(stand: Stand, ended: Ended) -> int:
    """Check that no object of a run is visible and no file is left; returns the number of hidden uploads it left."""
    time.sleep(0.3)  # the last requests are still on their way through the server
    assert not stand.objects(), stand.objects()
    assert not stand.is_processed()
    assert not ended.files, ended.files
    return len(stand.uploads())


def _check_again(stand: Stand, undisturbed: Undisturbed) -> str:
    """Check that the next run removes a dead run's leftovers, and makes the result of an undisturbed one."""
    stand.run_again()
    return f"next run {_check_whole(stand, undisturbed)}"


def _check_whole(stand: Stand, undisturbed: Undisturbed) -> str:
    assert stand.is_processed()
    assert sorted(stand.objects()) == ["qc.json", stand.video_name, "thumbnail.png"]
    assert not stand.uploads(), "an upload is left"
    content = stand.video()
    assert _sound(content) == undisturbed.sound, "its audio differs from an undisturbed run's"
    if content == undisturbed.content:
        return "byte for byte the same"
    assert cases.read_result(content) == undisturbed.result
    return "packet for packet the same"


def table(rows: list[Row]) -> str:
    """The table of all points, for the report."""
    lines = [
        "",
        "  No file on disk at any of the points; if the run wasn't done, no object is visible and no item marked.",
        f"  {'':>2} {'':<5} {'how':<13}{'side':<5}{'MB':>6}  {'struck':<26}{'uploads left':>12}  then",
    ]
    for row in rows:
        method, _, path = row.struck.partition(" ")
        name, _, query = path.partition("?")
        part = query.partition("partNumber=")[2].partition("&")[0]
        struck = f"{method} {name.rpartition('/')[2]}{' part ' + part if part else ''}"
        point = row.point
        lines.append(
            f"  {row.number:>2} {point.container:<5} {point.how:<13}{point.direction:<5}{point.at_bytes / 1e6:>6.1f}  "
            f"{struck[:25]:<26}{row.uploads:>12}  {row.outcome.partition(':')[0]}; {row.again}"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    whole = Report("streaming")
    run(whole, int(sys.argv[1]) if len(sys.argv) > 1 else 1)
    print(whole.table())
    sys.exit(1 if whole.count("failed") else 0)
