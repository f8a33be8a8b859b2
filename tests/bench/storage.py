"""From S3 to S3 over a network of 50 MB/s, and a queue of short calls by the worker, on the loopback interface.

S3 is SeaweedFS; the table and the queue are moto's. HAProxy lets no more than 50 MB/s through in either direction, all
connections together; the first second's bytes may come at once. They share this machine's cores with the measured
commands.
"""

from __future__ import annotations

import json
import math
import os
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from bench.inputs import CONNECT as CALL_AUDIO
from bench.inputs import RECORDING, call_end, input_folder
from bench.measuring import OWN_TOOL, ROOT, BenchError, bare_environ, measured, say, warm
from bench.rows import CALL_MINUTES, Bench, Result, short_minutes
from bench.sides import FINDINGS_FAIL, SIDES, Run, check_made, run_side
from bench.table import Row, compared, not_measured, single

sys.path.append(str(ROOT / "tests" / "e2e"))
from cases import body, item, keys, now
from parts import MissingPartError, program
from servers import HOST, KEY, REGION, ServerError, answers, free_ports, moto, running, seaweed, stand_ins
from stack import CONNECT, INPUT, OUTPUT, PREFIX, TABLE, make_table

from komorebi_qc.core.progress import SILENT
from komorebi_qc.jobs import ProcessRequest, process_files
from komorebi_qc.storage.local import LocalFiles

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from servers import Server

BYTES_A_SECOND = 50_000_000
PART_BYTES = 8 << 20
AT_ONCE = 4
"""Requests, where a transfer is measured alone."""
BATCH = 20
"""Calls in the queue at one time: SeaweedFS frees its disk space only if a bucket is deleted."""
WITHIN_S = 120.0
"""The longest that a short call may take before the bench gives up."""
ALIGNS = ("call-end", "auto")
WALL = ("S3 to S3: wall, s, against the slowest of download, processing and upload alone", "<= 1.3x", "1.1x")
MEMORY = ("S3 to S3: peak memory, MB", "<= 250 MB", "180 MB")
SCRATCH = ("S3 to S3: scratch files, bytes", "<= 0 bytes", "")
OVERHEAD = ("worker: wall time for each call, minus the same work on local files, s", "<= 0.5 s", "0.2 s")


@dataclass(frozen=True, slots=True)
class Place:
    """Buckets, table and queue, and the way to them.

    Attributes:
        near: an S3 client past HAProxy, which puts things in place.
        far: one that goes where the tool goes.
        dynamodb: the table's.
        sqs: the queue's.
        queue: its URL.
        environ: the tool's settings.
    """

    near: Any
    far: Any
    dynamodb: Any
    sqs: Any
    queue: str
    environ: Mapping[str, str]

    def put(self, recording_id: str, given: Path) -> tuple[tuple[str, str], tuple[str, str]]:
        """Put a recording there with its item; bucket and key of its call and of itself."""
        created = now()
        call_key, recording_key, _ = keys(recording_id, created, PREFIX)
        self.near.upload_file(str(given / CALL_AUDIO), CONNECT, call_key)
        self.near.upload_file(str(given / RECORDING), INPUT, recording_key)
        self.dynamodb.put_item(TableName=TABLE, Item=item(recording_id, created))
        return (CONNECT, call_key), (INPUT, recording_key)

    @contextmanager
    def buckets(self, *names: str) -> Iterator[None]:
        """Buckets that are deleted with all their objects. Only this frees SeaweedFS's disk space."""
        try:
            for name in names:
                self.near.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
                self.near.put_object(Bucket=name, Key="first", Body=b"volumes grow with the first object")
            yield
        finally:
            for name in names:
                for page in self.near.get_paginator("list_objects_v2").paginate(Bucket=name):
                    for listed in page.get("Contents", ()):
                        self.near.delete_object(Bucket=name, Key=listed["Key"])
                self.near.delete_bucket(Bucket=name)

    def is_drained(self) -> bool:
        """Whether the queue is empty and no message is being processed."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        counts = self.sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=names)["Attributes"]
        return not any(int(counts[name]) for name in names)

    def send(self, recording_ids: Sequence[str], reported_end: str) -> None:
        """Order these recordings, as the backend does."""
        for start in range(0, len(recording_ids), 10):
            entries = [{"Id": one, "MessageBody": body(one, reported_end)} for one in recording_ids[start : start + 10]]
            self.sqs.send_message_batch(QueueUrl=self.queue, Entries=entries)

    def see_processed(self, recording_ids: Sequence[str], log: Path) -> None:
        """Raises BenchError, with the end of the worker's log, where one of these isn't processed."""
        for one in recording_ids:
            found = self.dynamodb.get_item(TableName=TABLE, Key={"videoID": {"S": one}})["Item"]
            if not found["isProcessed"]["BOOL"]:
                raise BenchError(f"the worker took the message of {one} off the queue and failed: {_end_of(log)}")


@contextmanager
def placed(folder: Path, *, is_limited: bool) -> Iterator[Place]:
    """The servers, until the context ends.

    Raises:
        MissingPartError: if one isn't here.
        ServerError: if one doesn't come up.
    """
    haproxy = program("haproxy", "haproxy") if is_limited else ""
    stand_ins()
    with ExitStack() as stack:
        near = stack.enter_context(seaweed(folder / "seaweed"))
        aws = stack.enter_context(moto(folder / "moto"))
        far = stack.enter_context(_limited(haproxy, near, folder / "haproxy")) if is_limited else near
        yield prepare(near, far, aws)


def prepare(near: Server, far: Server, aws: Server) -> Place:
    """The table and the queue made on `aws`; the tool's S3 is `far`, and `near` is the same past the network."""
    make_table(aws.client("dynamodb"))
    sqs = aws.client("sqs")
    queue = sqs.create_queue(QueueName="bench")["QueueUrl"]
    environ = {
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": KEY,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ENDPOINT_URL": aws.url,
        "AWS_ENDPOINT_URL_S3": far.url,
        "NO_PROXY": "*",
        "AC_AUDIO_BUCKET_NAME": CONNECT,
        "INPUT_BUCKET_NAME": INPUT,
        "OUTPUT_BUCKET_NAME": OUTPUT,
        "KOMOREBI_TABLE_NAME": TABLE,
        "KOMOREBI_CONNECT_PREFIX": PREFIX,
        "KOMOREBI_QUEUE_URL": queue,
    }
    return Place(near.client("s3"), far.client("s3"), aws.client("dynamodb"), sqs, queue, environ)


LIMITED = """
global
    nbthread 1
defaults
    mode http
    timeout connect 5s
    timeout client 60s
    timeout server 60s
frontend network
    bind {host}:{port}
    filter bwlim-in up limit {limit} key int(1) table up min-size 65536
    filter bwlim-out down limit {limit} key int(1) table down min-size 65536
    http-request set-bandwidth-limit up if {{ method PUT POST }}
    http-request set-bandwidth-limit down if {{ method GET }}
    default_backend s3
backend s3
    server s3 {host}:{behind}
backend up
    stick-table type integer size 1k expire 1h store bytes_in_rate(1s)
backend down
    stick-table type integer size 1k expire 1h store bytes_out_rate(1s)
"""


@contextmanager
def _limited(haproxy: str, behind: Server, folder: Path) -> Iterator[Server]:
    (port,) = free_ports(1)
    folder.mkdir()
    config = folder / "haproxy.cfg"
    config.write_text(LIMITED.format(host=HOST, port=port, behind=behind.port, limit=BYTES_A_SECOND))
    argv = [haproxy, "-db", "-f", str(config)]
    environ = bare_environ(folder)
    with running(
        argv, folder=folder, port=port, environment=environ, is_ready=lambda: answers(port, "/healthz")
    ) as far:
        yield far


# A transfer alone -----------------------------------------------------------------------------------------------------


def _timed(act: Callable[[], None], side: str, minutes: float) -> Run:
    began, cpu_s = time.monotonic(), time.process_time()
    act()
    return Run(side, minutes, time.monotonic() - began, time.process_time() - cpu_s, math.nan)


def ranges(size: int) -> list[tuple[int, int]]:
    """First and last byte of each part."""
    return [(start, min(start + PART_BYTES, size) - 1) for start in range(0, size, PART_BYTES)]


def download(client: Any, objects: Sequence[tuple[str, str]]) -> None:
    """Get these objects in ranges, several at once, and keep nothing of them.

    Raises:
        BenchError: if an object is incomplete.
    """
    sizes = [client.head_object(Bucket=bucket, Key=key)["ContentLength"] for bucket, key in objects]
    wanted = [(*place, *span) for place, size in zip(objects, sizes, strict=True) for span in ranges(size)]

    def got(part: tuple[str, str, int, int]) -> int:
        bucket, key, first, last = part
        with closing(client.get_object(Bucket=bucket, Key=key, Range=f"bytes={first}-{last}")["Body"]) as stream:
            return sum(len(chunk) for chunk in stream.iter_chunks(1 << 20))

    with ThreadPoolExecutor(AT_ONCE) as pool:
        came = sum(pool.map(got, wanted))
    if came != sum(sizes):
        raise BenchError(f"only {came} of {sum(sizes)} bytes of {objects} arrived")


def upload(client: Any, path: Path, bucket: str) -> None:
    """Put a file there in parts, several at once."""
    at = {"Bucket": bucket, "Key": path.name}
    at["UploadId"] = client.create_multipart_upload(**at)["UploadId"]

    def put(numbered: tuple[int, tuple[int, int]]) -> dict[str, Any]:
        number, (first, last) = numbered
        with path.open("rb") as file:
            file.seek(first)
            sent = client.upload_part(**at, PartNumber=number, Body=file.read(last + 1 - first))
        return {"PartNumber": number, "ETag": sent["ETag"]}

    with ThreadPoolExecutor(AT_ONCE) as pool:
        parts = list(pool.map(put, enumerate(ranges(path.stat().st_size), start=1)))
    client.complete_multipart_upload(**at, MultipartUpload={"Parts": parts})


# From S3 to S3 --------------------------------------------------------------------------------------------------------


def s3(bench: Bench) -> Result:
    """One recording by its ID, in turn with its download, its upload and its making alone.

    Raises:
        BenchError: if something that is measured fails.
    """
    with tempfile.TemporaryDirectory(dir=bench.folder, prefix="run-") as name:
        try:
            with placed(Path(name), is_limited=True) as place:
                runs, scratch = _s3_runs(bench, place, Path(name))
        except MissingPartError as error:
            return Result([not_measured("s3", f"{bench.minutes:g}", what[0], error, *what[1:]) for what in S3_WHATS])
        except ServerError as error:
            raise BenchError(str(error)) from error
    return Result(s3_rows(runs, scratch, bench.minutes), runs, [S3_NOTE])


S3_WHATS = (WALL, MEMORY, SCRATCH)
MEASURED_WHATS = (
    (f"alignment measured, {WALL[0]}", "", ""),
    (f"alignment measured, {MEMORY[0]}", "<= 200 MB", "150 MB"),
    (f"alignment measured, {SCRATCH[0]}", "", ""),
)
GROWTH = ("alignment measured, S3 to S3: memory's growth, MB a minute", "<= 0.3 MB", "")
AUTO_WALL = ("alignment measured, S3 to S3: wall, s, against the download alone", "<= 1.3x", "1.1x")
S3_NOTE = (
    "S3 to S3 is `komorebi-qc process RECORDING_ID`, including the start of Python. Inputs and output are in SeaweedFS "
    f"behind HAProxy, which passes {BYTES_A_SECOND / 1e6:g} MB/s each way. The DynamoDB table is on moto. Three parts "
    f"are also measured alone: the download of both inputs through HAProxy (ranges of 8 MiB, {AT_ONCE} at once), "
    "the upload of the output in parts, and `komorebi-qc process` on the same files. The servers run on the same "
    'cores. The row "scratch files" counts the bytes of every file that a process opened for writing. Files in memory '
    "and files without a name count too. If the processes wrote more than that to disks, the row has that number."
)


def _s3_runs(bench: Bench, place: Place, folder: Path) -> tuple[list[Run], dict[str, int]]:
    """All runs that count, and by alignment the bytes of scratch files."""
    given, runs, scratch = input_folder(bench.folder, bench.minutes), [], {}
    output = folder / "output.mp4"

    def keep(out: Path) -> None:
        out.replace(output)

    with place.buckets(CONNECT, INPUT):
        objects = place.put("bench-s3", given)
        for number in range(bench.runs + 1):
            took = []
            for align in ALIGNS:
                used = run_side(SIDES[align], bench.minutes, bench.folder, folder, keep=keep)
                took.append(Run(f"{align} alone", bench.minutes, used.wall_s, used.cpu_s, used.memory_mb))
            took.append(_timed(partial(download, place.far, objects), "download alone", bench.minutes))
            with place.buckets(OUTPUT):
                took.append(_timed(partial(upload, place.far, output, OUTPUT), "upload alone", bench.minutes))
            took += [from_s3(place, align, bench.minutes, bench.folder, folder)[0] for align in ALIGNS]
            for run in took:
                note = "" if number else " (warm-up, not counted)"
                say(f"{run.minutes:g} min, {run.side}: {run.wall_s:.2f} s, CPU {run.cpu_s:.2f} s{note}")
            runs += took if number else []
        for align in ALIGNS:
            # Watching it fifty times a second takes time, so this is a separate run, and its time isn't reported.
            run, scratch[align] = from_s3(place, align, bench.minutes, bench.folder, folder, watch=True)
            runs.append(replace(run, side=f"{run.side}, watched"))
    # Memory grows with the length, so a shorter recording is measured as well.
    short = short_minutes(bench.minutes)
    with place.buckets(CONNECT, INPUT):
        place.put("bench-s3", input_folder(bench.folder, short))
        runs += [from_s3(place, "auto", short, bench.folder, folder, watch=True)[0] for _ in range(bench.runs)]
    return runs, scratch


def from_s3(
    place: Place, align: str, minutes: float, inputs: Path, folder: Path, *, watch: bool = False
) -> tuple[Run, int]:
    """The recording ``bench-s3``, of so many minutes, from S3 to S3; the run, and the bytes of its scratch files."""
    temporary = folder / "tmp"
    temporary.mkdir(exist_ok=True)
    given = input_folder(inputs, minutes) / RECORDING
    command = [OWN_TOOL, "process", "bench-s3", "--align", align, "--call-end", call_end(minutes), "--json"]
    with place.buckets(OUTPUT):
        used = measured(command, temporary, more=place.environ, watch=watch, good=(0, FINDINGS_FAIL))
        video_key = json.loads(used.printed)["output"].removeprefix(f"s3://{OUTPUT}/")
        size = place.near.head_object(Bucket=OUTPUT, Key=video_key)["ContentLength"]
    check_made(f"{align} from S3", used, size, minutes, given)
    run = Run(f"{align} from S3", minutes, used.wall_s, used.cpu_s, used.memory_mb)
    return run, max(used.file_bytes, used.disk_bytes)


def s3_rows(runs: Sequence[Run], scratch: Mapping[str, int], minutes: float) -> list[Row]:
    """The rows of each way to place the call; a measured alignment has goals of its own."""

    def wall_s(side: str) -> list[float]:
        return [run.wall_s for run in runs if run.side == side and run.minutes == minutes]

    rows = []
    for align in ALIGNS:
        slowest = max((f"{align} alone", "download alone", "upload alone"), key=lambda side: median(wall_s(side)))
        whats = S3_WHATS if align == "call-end" else MEASURED_WHATS
        wall, memory, files = whats
        row = compared("s3", minutes, wall[0], wall_s(f"{align} from S3"), wall_s(slowest), *wall[1:])
        rows.append(replace(row, against=f"{row.against} ({slowest})"))
        if align == "auto":
            rows.append(
                compared("s3", minutes, AUTO_WALL[0], wall_s("auto from S3"), wall_s("download alone"), *AUTO_WALL[1:])
            )
        peak = _peak(runs, align, minutes)
        rows.append(single("s3", f"{minutes:g}", memory[0], peak, *memory[1:]))
        if align == "auto":
            short = short_minutes(minutes)
            growth = (peak - _peak(runs, align, short)) / (minutes - short)
            rows.append(single("s3", f"{short:g} to {minutes:g}", GROWTH[0], growth, *GROWTH[1:], digits=2))
        rows.append(single("s3", f"{minutes:g}", files[0], scratch[align], *files[1:], digits=0))
    return rows


def _peak(runs: Sequence[Run], align: str, minutes: float) -> float:
    return max(run.memory_mb for run in runs if run.minutes == minutes and run.side.startswith(f"{align} from S3"))


# By the worker --------------------------------------------------------------------------------------------------------


def worker(bench: Bench) -> Result:
    """Short calls from the queue, one after another, by one `komorebi-qc worker`.

    Raises:
        BenchError: if something that is measured fails.
    """
    minutes = min(CALL_MINUTES, bench.minutes)
    with tempfile.TemporaryDirectory(dir=bench.folder, prefix="run-") as name:
        try:
            with placed(Path(name), is_limited=False) as place:
                took = worker_runs(bench, place, minutes, Path(name))
        except MissingPartError as error:
            return Result([not_measured("worker", f"{minutes:g}", OVERHEAD[0], error, *OVERHEAD[1:])])
        except ServerError as error:
            raise BenchError(str(error)) from error
    return Result(worker_rows(took, minutes), [], [WORKER_NOTE])


WORKER_NOTE = (
    "The worker's wall time runs from sending a batch of messages until the queue is empty. It is divided by the "
    "number of calls. A first call isn't counted. The worker measures each call's alignment, as it does for every "
    "message. SeaweedFS (without HAProxy) and moto run on the same cores, and their time counts as the "
    "worker's. The same work on local files, in a warm Python, is the comparison: the difference is the cost of S3, "
    "queue and table. The second row compares with the FFmpeg process of the floor, which measures nothing."
)


@dataclass(frozen=True, slots=True)
class Took:
    """Seconds of wall time, in turns.

    Attributes:
        calls: how many the worker did.
        worker_s: of all of them.
        floor_s: of one in one FFmpeg process, each time.
        local_s: of one on local files in this process, each time.
    """

    calls: int
    worker_s: float
    floor_s: list[float]
    local_s: list[float]


def worker_runs(bench: Bench, place: Place, minutes: float, folder: Path) -> Took:
    """Batches of calls by one worker that runs all the while, each after its codecs and the same on local files.

    Raises:
        BenchError: if a call isn't processed.
        ServerError: if the worker doesn't come up.
    """
    given, reported_end = input_folder(bench.folder, minutes), call_end(minutes)
    scratch = folder / "worker"
    scratch.mkdir()
    _local_s(given, reported_end, folder)  # a first call also loads modules
    worker_s, floor_s, local_s = 0.0, [], []
    with ExitStack() as stack:
        with place.buckets(CONNECT, INPUT, OUTPUT):
            place.put("bench-first", given)
            place.send(["bench-first"], reported_end)
            serving = running(
                [OWN_TOOL, "worker"],
                folder=scratch,
                port=0,
                environment=bare_environ(scratch, place.environ),
                is_ready=place.is_drained,
                within_s=WITHIN_S,
            )
            log = stack.enter_context(serving).log
            place.see_processed(["bench-first"], log)
        for start in range(0, bench.calls, BATCH):
            ids = [f"bench-{number}" for number in range(start, min(start + BATCH, bench.calls))]
            floor_s.append(run_side(SIDES["floor"], minutes, bench.folder, folder).wall_s)
            local_s.append(_local_s(given, reported_end, folder))
            took_s = _batch_s(place, ids, given, reported_end, log)
            worker_s += took_s
            say(f"{minutes:g} min, {len(ids)} calls by the worker: {took_s:.2f} s; one FFmpeg: {floor_s[-1]:.2f} s")
    return Took(bench.calls, worker_s, floor_s, local_s)


def _batch_s(place: Place, ids: Sequence[str], given: Path, reported_end: str, log: Path) -> float:
    """Wall seconds from sending these calls until the worker has done all of them."""
    with place.buckets(CONNECT, INPUT, OUTPUT):
        for one in ids:
            place.put(one, given)
        os.sync()
        began = time.monotonic()
        place.send(ids, reported_end)
        while not place.is_drained():
            if time.monotonic() - began > WITHIN_S * len(ids):
                raise BenchError(f"the worker isn't done with {len(ids)} calls: {_end_of(log)}")
            time.sleep(0.2)  # to ask costs the queue a core's time
        took_s = time.monotonic() - began
        place.see_processed(ids, log)
    return took_s


def _local_s(given: Path, reported_end: str, folder: Path) -> float:
    """Wall seconds of the same call on local files, in this process."""
    recording, connect, out = given / RECORDING, given / CALL_AUDIO, folder / "local.mp4"
    warm(recording, connect)
    wanted = ProcessRequest(reported_end, None, 0.0, "auto")
    began = time.monotonic()
    process_files(LocalFiles(connect, recording, out, folder / "local.png"), wanted, {}, SILENT)
    return time.monotonic() - began


def _end_of(log: Path) -> str:
    return log.read_text(errors="replace")[-1500:]


def worker_rows(took: Took, minutes: float) -> list[Row]:
    """The rows, from the worker's seconds and those of one call otherwise."""
    one_s, floor_s, local_s = took.worker_s / took.calls, median(took.floor_s), median(took.local_s)
    what, must, aim = OVERHEAD
    beyond = "worker: wall time for each call, minus one FFmpeg process, s"
    calls = f"{took.calls} calls, {one_s:.2f} s of wall time for each"
    codecs, local = f"{calls}; the FFmpeg process {floor_s:.2f} s", f"{calls}; on local files {local_s:.2f} s"
    return [
        single("worker", f"{minutes:g}", what, one_s - local_s, must, aim, digits=2, note=local),
        single("worker", f"{minutes:g}", beyond, one_s - floor_s, digits=2, note=codecs),
    ]
