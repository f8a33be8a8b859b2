"""The deployed Lambda handler, on the embedded AWS: from the event to bucket, item, log and metrics."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from arriving import created
from aws_fixtures import CONNECT, INPUT, ITEM, OUTPUT, PREFIX, RECORDING, TABLE, Invocation, World
from captures import CAPTURES

from komorebi_qc.core.errors import SettingsError, StorageError
from komorebi_qc.queue.dead_letter import DeadLetter
from komorebi_qc.queue.done_event import DoneEvents, event_detail
from komorebi_qc.queue.handler import WorkerContext
from komorebi_qc.queue.worker import lambda_record, load_handler
from komorebi_qc.storage.s3 import publication as s3_upload
from komorebi_qc.wiring import VARIABLES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from captures import Capture

    from komorebi_qc.queue.worker import Handler

CALL_KEY = f"{PREFIX}/CallRecordings/2026/03/02/contact-1_20260302T23:55_UTC.wav"
VIDEO_KEY = RECORDING.video_key("mp4")


@dataclass
class Lambda:
    """The function as Lambda would run it: messages that aren't reported as failed are deleted."""

    world: World
    capsys: pytest.CaptureFixture[str]
    call_end: str

    @cached_property
    def handler(self) -> Handler:
        """Loaded within the test itself: pytest captures standard error separately for each phase of a test."""
        return load_handler()

    def body(self, **change: Any) -> str:
        """A message."""
        return json.dumps({"recordingID": "contact-1", "callEndingTimestamp": self.call_end, **change})

    def deliver(self, body: str | None = None, *, context: Any = None, count: int = 1) -> Delivery:
        """Send a message, hand it on as an event on its nth try, and do with it as Lambda does."""
        queue = self.world.queue()
        queue.send(body or self.body())
        message = queue.receive(0, 900)
        assert message is not None
        record = lambda_record(message, queue.arn())
        record["attributes"]["ApproximateReceiveCount"] = str(count)
        self.capsys.readouterr()
        answer = self.handler({"Records": [record]}, context or Invocation())
        printed = self.capsys.readouterr()
        failed = [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]
        if message["MessageId"] not in failed:
            queue.delete(message)
        lines = [json.loads(line) for line in printed.err.splitlines()]
        return Delivery(bool(failed), lines, [json.loads(line) for line in printed.out.splitlines()])

    def upload(self) -> str:
        """The run that the published video is from."""
        return str(self.world.s3.head_object(Bucket=OUTPUT, Key=VIDEO_KEY)["Metadata"]["komorebi-run"])

    def letters(self) -> list[DeadLetter]:
        """The content of the dead-letter queue."""
        return [DeadLetter.from_message(message) for message in self.world.queue("dead").receive_some(10, 0, 0)]


@dataclass
class Delivery:
    """The result of one message: whether it was reported as failed, the log's lines and the metrics'."""

    failed: bool
    lines: list[dict[str, Any]]
    metrics: list[dict[str, Any]]

    @property
    def report(self) -> dict[str, Any]:
        """The one line with the result."""
        (line,) = (line for line in self.lines if "outcome" in line)
        return line

    def values(self) -> dict[tuple[str, str], float]:
        """Each metric's number by its name and its own dimension's value."""
        found = {}
        for line in self.metrics:
            (declared,) = line["_aws"]["CloudWatchMetrics"]
            assert declared["Namespace"] == "KomorebiQC"
            (dimensions,) = declared["Dimensions"]
            assert "service" in dimensions
            assert line["service"] == "komorebi-qc"
            (own,) = [line[name] for name in dimensions if name != "service"] or [""]
            for metric in declared["Metrics"]:
                (found[metric["Name"], own],) = line[metric["Name"]]
        return found


def fresh_loggers() -> None:
    """As in a new process: Powertools keeps a logger, and the stream that it had."""
    logging.Logger.manager.loggerDict.pop("komorebi-qc", None)
    package = logging.getLogger("komorebi_qc")
    package.handlers, package.propagate = [], True
    package.setLevel(logging.NOTSET)


@pytest.fixture
def function(
    world: World, sample: Capture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Iterator[Lambda]:
    """The function, with one recording of the sample call that waits for its message."""
    monkeypatch.setenv("POWERTOOLS_LOG_LEVEL", "INFO")
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "komorebi")
    monkeypatch.setenv("KOMOREBI_QUEUE_URL", world.queue().url)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    world.s3.put_object(Bucket=CONNECT, Key=CALL_KEY, Body=sample.call.read_bytes())
    world.s3.put_object(Bucket=INPUT, Key=RECORDING.agent_recording_key, Body=sample.recording.read_bytes())
    world.dynamodb.put_item(TableName=TABLE, Item=ITEM)
    fresh_loggers()
    yield Lambda(world, capsys, sample.call_end)
    fresh_loggers()


def no_longer_linked() -> list[str]:
    """Files that this process holds open and that have no name: temporary ones."""
    found = []
    for link in Path("/proc/self/fd").iterdir():
        try:
            target = str(link.readlink())
        except OSError:
            continue
        if target.endswith("(deleted)") and "/memfd:" not in target:
            found.append(target)
    return sorted(found)


def test_one_event_end_to_end(function: Lambda) -> None:
    """Video, thumbnail and findings are in their places, the item names them, and the message is gone."""
    world = function.world
    delivery = function.deliver()
    assert not delivery.failed
    assert (world.waiting(), world.waiting("dead")) == ((0, 0), (0, 0))
    assert world.keys(OUTPUT) == [RECORDING.qc_key, VIDEO_KEY, RECORDING.thumbnail_key]
    assert world.dangling_uploads() == []
    item, document = world.item(), json.loads(world.read(RECORDING.qc_key))
    assert {name: item[name] for name in ITEM if name != "isProcessed"} == {
        name: value for name, value in ITEM.items() if name != "isProcessed"
    }
    assert item["isProcessed"] == {"BOOL": True}
    assert item["outputContainer"] == {"S": "mp4"}
    assert item["qcVerdict"] == {"S": document["verdict"]}
    assert len(item["qcInputsFingerprint"]["S"]) == 32


def test_each_line_of_the_log_is_one_object(function: Lambda) -> None:
    """Recording and request are on each line, so that either finds all of it; nothing of the message is."""
    delivery = function.deliver(function.body(customer="Aiko"))
    assert delivery.lines
    for line in delivery.lines:
        assert line["recordingID"] == "contact-1"
        assert line["function_request_id"] == "request-1"
        assert line["service"] == "komorebi-qc"
    report = delivery.report
    assert (report["level"], report["outcome"], report["syncStatus"]) == ("INFO", "done", "aligned")
    assert report["offsetSeconds"] == pytest.approx(CAPTURES["sample"].offset_s, abs=0.002)
    assert report["output"] == f"s3://{OUTPUT}/.../recording.mp4"
    assert len(report["stepSeconds"]) == 9
    assert "Aiko" not in str(delivery.lines) + str(delivery.metrics)


def test_whole_keys_are_for_debugging(function: Lambda, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the level DEBUG, the log has the key of the result, and with it the agent's ID."""
    monkeypatch.setenv("POWERTOOLS_LOG_LEVEL", "DEBUG")
    assert function.deliver().report["output"] == f"s3://{OUTPUT}/{VIDEO_KEY}"


def test_each_line_of_metrics_is_embedded_metric_format(function: Lambda) -> None:
    """Counts, seconds by step, speed, status and offset arrive under the namespace, each with the service."""
    values = function.deliver().values()
    assert values["Processed", ""] == 1
    assert values["SyncStatus", "aligned"] == 1
    assert values["TimesRealTime", ""] > 0
    assert values["OffsetSeconds", ""] == pytest.approx(CAPTURES["sample"].offset_s, abs=0.002)
    assert sum(name == "StepSeconds" for name, _ in values) == 9
    failed = function.deliver("no JSON").values()
    assert failed == {("Failed", ""): 1, ("FailedByCause", "MessageError"): 1}


def test_only_what_is_new_is_processed_again(function: Lambda, sample: Capture) -> None:
    """The same order is skipped; force, another input, another call end or a missing video is a reason to work."""
    world = function.world

    def change_call() -> None:
        content = bytearray(sample.call.read_bytes())
        content[-1] ^= 1
        world.s3.put_object(Bucket=CONNECT, Key=CALL_KEY, Body=bytes(content))

    steps: list[tuple[str, Callable[[], object], dict[str, Any], str]] = [
        ("first", lambda: None, {}, "done"),
        ("again", lambda: None, {}, "skipped"),
        ("an extra field", lambda: None, {"tenant": 7}, "skipped"),
        ("force", lambda: None, {"force": True}, "done"),
        ("again after force", lambda: None, {}, "skipped"),
        ("a changed input", change_call, {}, "done"),
        ("again after that", lambda: None, {}, "skipped"),
        ("a deleted output", lambda: world.s3.delete_object(Bucket=OUTPUT, Key=VIDEO_KEY), {}, "done"),
        ("another call end", lambda: None, {"callEndingTimestamp": "00:00:23"}, "done"),
        ("again after that", lambda: None, {"callEndingTimestamp": "00:00:23"}, "skipped"),
    ]
    uploads: list[str] = []
    for name, before, change, expected in steps:
        before()
        delivery = function.deliver(function.body(**change))
        assert (delivery.failed, delivery.report["outcome"]) == (False, expected), name
        upload = function.upload()
        assert upload == uploads[-1] if expected == "skipped" else upload not in uploads, name
        uploads.append(upload)
        if expected == "skipped":
            assert delivery.values() == {("Skipped", ""): 1}


@pytest.mark.parametrize(
    ("body", "error", "words"),
    [
        ("no JSON", "MessageError", "isn't JSON"),
        (
            '{"recordingID": "nobody", "callEndingTimestamp": "1"}',
            "UnknownRecordingError",
            "no item with videoID nobody",
        ),
    ],
)
def test_a_wrong_message_is_dead_lettered_at_once(function: Lambda, body: str, error: str, words: str) -> None:
    """After its first attempt it is in the dead-letter queue, with the reason in its attributes."""
    delivery = function.deliver(body)
    assert not delivery.failed
    assert (function.world.waiting(), function.world.waiting("dead")) == ((0, 0), (1, 0))
    (message,) = function.world.queue("dead").receive_some(10, 0, 0)
    attributes = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
    assert message["Body"] == body
    assert (attributes["komorebiKind"], attributes["komorebiError"]) == ("permanent", error)
    assert words in attributes["komorebiReason"]
    assert (attributes["komorebiRequestID"], attributes["komorebiReceiveCount"]) == ("request-1", "1")
    assert attributes["komorebiMessageID"] == delivery.report["messageID"]
    assert abs((datetime.fromisoformat(attributes["komorebiFailedAt"]) - datetime.now(UTC)).total_seconds()) < 30
    assert delivery.report["level"] == "ERROR"
    assert delivery.report["deadLettered"] is True


def test_a_missing_object_is_waited_for(function: Lambda) -> None:
    """A minute or so the first time, twice that the second, and it is reported; nothing is written."""
    world = function.world
    created = {"S": f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}"}
    world.dynamodb.put_item(TableName=TABLE, Item={**ITEM, "creationDate": created})
    delivery = function.deliver()
    assert delivery.failed
    assert (delivery.report["level"], delivery.report["error"]) == ("WARNING", "NotThereYetError")
    (hidden_s,) = world.hidden_for_s()
    assert 53 <= hidden_s <= 66
    assert hidden_s == pytest.approx(delivery.report["retryInSeconds"], abs=2)
    assert function.deliver(count=2).failed
    assert 106 <= max(world.hidden_for_s()) <= 132
    assert (world.keys(OUTPUT), world.waiting(), world.waiting("dead")) == ([], (0, 2), (0, 0))


def test_the_last_attempt_is_dead_lettered(function: Lambda) -> None:
    """On the queue's last attempt the function itself moves the message to the dead-letter queue, with its reason."""
    function.world.dynamodb.put_item(
        TableName=TABLE, Item={**ITEM, "creationDate": {"S": f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}"}}
    )
    assert not function.deliver(count=3).failed  # the queue's policy allows three
    (letter,) = function.letters()
    assert (letter.kind, letter.error, letter.receive_count) == ("tries", "NotThereYetError", 3)
    assert (letter.recording_id, function.world.waiting()) == ("contact-1", (0, 0))


@pytest.mark.parametrize("cache_mb", ["0", "100"])
def test_a_disk_that_takes_nothing_is_no_matter(
    function: Lambda, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, cache_mb: str
) -> None:
    """If no file can be made, the recording still comes out, with a requested cache or without."""
    monkeypatch.setenv("KOMOREBI_CACHE_MB", cache_mb)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "not there"))
    with pytest.raises(FileNotFoundError):
        tempfile.mkstemp()
    assert function.deliver().report["outcome"] == "done"
    assert VIDEO_KEY in function.world.keys(OUTPUT)


def in_mid_upload(world: World) -> bool:
    """Whether the bucket has parts of a video that isn't published yet."""
    uploads = world.dangling_uploads()
    return bool(uploads) and "Parts" in world.s3.list_parts(
        Bucket=OUTPUT, Key=uploads[0]["Key"], UploadId=uploads[0]["UploadId"]
    )


@pytest.mark.parametrize(("count", "failed"), [(1, True), (3, False)])
def test_a_deadline_in_mid_upload_leaves_nothing(
    function: Lambda, monkeypatch: pytest.MonkeyPatch, *, count: int, failed: bool
) -> None:
    """The parts are removed, item and bucket are as before, and the message waits or is dead-lettered."""
    monkeypatch.setattr(s3_upload, "PART_BYTES", 1 << 16)
    stopped_in: list[bool] = []

    def clock() -> float:
        stopped_in.append(in_mid_upload(function.world))
        return 20.0 if stopped_in[-1] else 900.0

    delivery = function.deliver(context=Invocation(clock), count=count)
    assert stopped_in[-1]
    assert delivery.failed is failed
    assert (delivery.report["error"], delivery.report.get("deadLettered")) == (
        "OutOfTimeError",
        None if failed else True,
    )
    assert "'write output'" in delivery.report["detail"]
    assert (function.world.dangling_uploads(), function.world.keys(OUTPUT)) == ([], [])
    assert function.world.item() == ITEM
    assert function.world.waiting() == ((0, 1) if failed else (0, 0))


def test_nothing_is_written_to_the_disk(function: Lambda, tmp_path: Path) -> None:
    """While a recording is made, and after, there is no file in the temporary folder, with a name or without."""
    before = no_longer_linked()
    during: list[str] = []

    def clock() -> float:
        during.extend([*no_longer_linked(), *map(str, tmp_path.iterdir())])
        return 900.0

    assert function.deliver(context=Invocation(clock)).report["outcome"] == "done"
    assert set(during) <= set(before)
    assert (no_longer_linked(), list(tmp_path.iterdir())) == (before, [])


def test_a_cache_is_gone_with_its_run(function: Lambda, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A cache file has no name while it exists, and is removed when the run is done, failed or stopped."""
    monkeypatch.setenv("KOMOREBI_CACHE_MB", "100")
    before = no_longer_linked()
    during: list[str] = []

    def clock() -> float:
        during.extend(no_longer_linked())
        assert list(tmp_path.iterdir()) == []
        return 900.0

    assert function.deliver(context=Invocation(clock)).report["outcome"] == "done"
    assert [name for name in during if str(tmp_path) in name]
    assert no_longer_linked() == before
    function.world.s3.put_object(Bucket=INPUT, Key=RECORDING.agent_recording_key, Body=b"no media" * 1000)
    assert function.deliver().report["error"] == "MediaError"
    times = iter([900.0] * 4)
    assert function.deliver(function.body(force=True), context=Invocation(lambda: next(times, 1.0))).failed is True
    assert (no_longer_linked(), list(tmp_path.iterdir())) == (before, [])


def test_changes_by_a_backend_stay(function: Lambda) -> None:
    """Tags that change, notes that come and a name that goes while the recording is processed are as they were left."""
    world, writes = function.world, 0

    def clock() -> float:
        nonlocal writes
        writes += 1
        world.dynamodb.update_item(
            TableName=TABLE,
            Key={"videoID": ITEM["videoID"]},
            UpdateExpression="SET tagsID = :tags, notes = :notes REMOVE #name",
            ExpressionAttributeNames={"#name": "name"},
            ExpressionAttributeValues={":tags": {"L": [{"S": f"tag {writes}"}]}, ":notes": {"S": f"note {writes}"}},
        )
        return 900.0

    assert not function.deliver(context=Invocation(clock)).failed
    item = world.item()
    assert writes > 9
    assert (item["tagsID"], item["notes"]) == ({"L": [{"S": f"tag {writes}"}]}, {"S": f"note {writes}"})
    assert "name" not in item
    assert item["isProcessed"] == {"BOOL": True}


def test_one_bad_record_among_good_ones(function: Lambda) -> None:
    """Each record of a batch is answered by itself, and its lines bear its own recording's ID."""
    queue = function.world.queue()
    for body in ("no JSON", function.body(recordingID="nobody"), function.body(), "no JSON either"):
        queue.send(body)
    records = [lambda_record(message, queue.arn()) for message in queue.receive_some(10, 0, 900)]
    function.capsys.readouterr()
    assert function.handler({"Records": records}, Invocation()) == {"batchItemFailures": []}
    lines = [json.loads(line) for line in function.capsys.readouterr().err.splitlines()]
    logged = [(line.get("recordingID"), line["outcome"]) for line in lines]
    assert logged == [(None, "permanent"), ("nobody", "permanent"), ("contact-1", "done"), (None, "permanent")]


def test_a_missing_dlq(function: Lambda) -> None:
    """If a dead letter can't be sent, its message stays, and the warning is one JSON object as well."""
    function.world.sqs.delete_queue(QueueUrl=function.world.queue("dead").url)
    delivery = function.deliver("no JSON")
    assert delivery.failed
    assert "dead doesn't exist" in delivery.report["queueTrouble"][0]
    assert function.world.waiting() == (0, 1)


def test_the_packages_own_warnings_are_objects_too(function: Lambda) -> None:
    """A message that was taken away meanwhile is warned of in the log's form, with request and recording."""
    world = function.world
    item = {**ITEM, "creationDate": {"S": f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}"}}
    world.dynamodb.put_item(TableName=TABLE, Item=item)
    queue = world.queue()
    queue.send(function.body())
    (message,) = queue.receive_some(1, 0, 900)
    queue.delete(message)
    function.capsys.readouterr()
    function.handler({"Records": [lambda_record(message, queue.arn())]}, Invocation())
    lines = [json.loads(line) for line in function.capsys.readouterr().err.splitlines()]
    (warning,) = (line for line in lines if "visible again already" in str(line["message"]))
    assert (warning["level"], warning["function_request_id"]) == ("WARNING", "request-1")
    assert warning["recordingID"] == "contact-1"


def test_a_module_that_loads_later_warns_in_the_logs_form() -> None:
    """In a new process too, where the function has loaded before who warns; elsewhere a warning is a plain line."""
    program = "import app; from komorebi_qc.queue.sqs import LOG; LOG.warning('words')"
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "POWERTOOLS_"))}
    printed = []
    for more in ({"AWS_LAMBDA_FUNCTION_NAME": "komorebi"}, {}):
        done = subprocess.run(
            [sys.executable, "-c", program],
            cwd=Path(__file__).parents[2] / "lambda",
            env={**kept, **more},
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        printed.append(done.stderr.strip())
    line = json.loads(printed[0])
    assert (line["level"], line["message"], line["service"]) == ("WARNING", "words", "komorebi-qc")
    assert printed[1] == "words"


def test_a_worker_gets_reports_and_no_metrics(function: Lambda) -> None:
    """A worker's terminal shows no metrics; its context takes the report instead."""
    context = WorkerContext("request-2")
    delivery = function.deliver("no JSON", context=context)
    assert delivery.metrics == []
    (report,) = context.reports
    assert (report.outcome, report.is_dead_lettered) == ("permanent", True)
    assert delivery.report["function_request_id"] == "request-2"


def test_the_function_needs_its_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """It loads without them; its first event without them fails with all their names."""
    for variable in VARIABLES:
        monkeypatch.delenv(variable.name, raising=False)
    handler = load_handler()
    with pytest.raises(SettingsError, match=r"AC_AUDIO_BUCKET_NAME.*INPUT_BUCKET_NAME.*OUTPUT_BUCKET_NAME"):
        handler({"Records": [{"messageId": "m1", "body": "x"}]}, WorkerContext("r1"))
    fresh_loggers()


def test_events_take_the_place_of_a_message(function: Lambda, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second file's event makes the recording, and the result is an event on the bus."""
    world, sent, send = function.world, list[Any](), DoneEvents.send

    def noted(bus: DoneEvents, recording_id: str, result: Any) -> None:
        send(bus, recording_id, result)
        sent.append(event_detail(recording_id, result))

    world.dynamodb.create_table(
        TableName="Join",
        KeySchema=[{"AttributeName": "recordingID", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "recordingID", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    world.dynamodb.put_item(TableName=TABLE, Item={**ITEM, "callEndingTimestamp": {"S": function.call_end}})
    monkeypatch.setattr(DoneEvents, "send", noted)
    monkeypatch.setenv("KOMOREBI_JOIN_TABLE", "Join")
    monkeypatch.setenv("KOMOREBI_EVENT_BUS", "default")

    first = function.deliver(created(INPUT, RECORDING.agent_recording_key, "e-1"))
    assert (first.failed, first.report["outcome"]) == (False, "skipped")
    assert first.report["waitsFor"] == "the call audio"
    assert "agent-7" not in str(first.lines)
    second = function.deliver(created(CONNECT, CALL_KEY, "e-2"))
    assert (second.failed, second.report["outcome"]) == (False, "done")
    assert function.deliver(created(CONNECT, CALL_KEY, "e-3")).report["doneBy"] == "another event"
    (detail,) = sent
    assert detail["recordingID"] == "contact-1"
    assert (detail["output"], detail["qc"]) == (f"s3://{OUTPUT}/{VIDEO_KEY}", f"s3://{OUTPUT}/{RECORDING.qc_key}")


def test_a_bus_that_does_not_answer_fails_nothing(function: Lambda, monkeypatch: pytest.MonkeyPatch) -> None:
    """The recording is published, and the log has a warning."""
    monkeypatch.setenv("KOMOREBI_EVENT_BUS", "calls")
    monkeypatch.setattr(DoneEvents, "send", refusing)
    delivery = function.deliver()
    assert (delivery.failed, delivery.report["outcome"]) == (False, "done")
    (warning,) = (line for line in delivery.lines if line["level"] == "WARNING")
    assert warning["message"] == "no event was sent: event bus calls doesn't answer"


def refusing(*_: object) -> None:
    """A bus that doesn't answer."""
    raise StorageError("event bus calls doesn't answer")
