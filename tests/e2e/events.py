"""From a message to its end: template.yaml on ministack, and the function under Lambda's own emulator.

ministack deploys the template and its event source mapping calls the function. It can't run images, so that the
function is a shim of a few lines that hands the event on to the handler, under the runtime interface emulator, with
the variables and the time limit that the template sets and with the rights of its role, which ministack enforces.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cases
from botocore.exceptions import ClientError
from parts import ROOT, Report, emulator, runtime_client
from servers import HOST, answers, bare_environment, free_ports, ministack, running, stand_ins
from stack import CONCURRENCY, CONNECT, INPUT, OUTPUT, PREFIX, TABLE, Stack, deploy

from komorebi_qc.queue.dead_letter import DeadLetter
from komorebi_qc.queue.handler import FIRST_RETRY_S, LAST_RETRY_S

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from servers import Server

_SHIM = """
import fcntl, http.client, json, os, time

FOLDER, PORTS = {folder!r}, {ports!r}

def handler(event, context):
    if "whoami" in event:
        return {{name: value for name, value in os.environ.items() if name.startswith("AWS_")}}
    note = dict(event["Records"][0], began=time.time())
    try:
        if "crash" in note["body"]:
            raise RuntimeError("the process ended before it answered")
        note["answer"] = call(event)
        return note["answer"]
    finally:
        note["ended"] = time.time()
        with open(FOLDER + "/calls", "a") as log:
            log.write(json.dumps(note) + "\\n")

def call(event):
    until = time.monotonic() + 120
    while time.monotonic() < until:
        for port in PORTS:
            with open(FOLDER + f"/{{port}}.lock", "w") as lock:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    continue
                return ask(port, event)
        time.sleep(0.02)
    raise RuntimeError("no emulator was free")

def ask(port, event):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    connection.request("POST", "/2015-03-31/functions/function/invocations", json.dumps(event))
    answer = json.loads(connection.getresponse().read())
    if "batchItemFailures" not in answer:
        raise RuntimeError(answer)
    return answer
"""


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the function.

    Attributes:
        message_id: of the only record.
        handle: for the message in flight.
        receive_count: which try it was.
        body: the message's.
        began: Unix time, seconds.
        ended: Unix time, seconds.
        is_failed: whether the message stays.
        is_crash: whether there was no answer at all.
    """

    message_id: str
    handle: str
    receive_count: int
    body: str
    began: float
    ended: float
    is_failed: bool
    is_crash: bool


@dataclass(slots=True)
class Scene:
    """The deployed stack, and the recordings on it.

    Attributes:
        stack: that was deployed.
        folder: for the shim's notes and the function's logs.
        function_logs: the function's output, by process.
        created: of all recordings but some.
    """

    stack: Stack
    folder: Path
    function_logs: list[Path]
    created: datetime = field(default_factory=cases.now)

    @property
    def server(self) -> Server:
        """The server of all parts."""
        return self.stack.server

    def client(self, service: str) -> Any:
        """A client that may do everything."""
        return self.server.client(service)

    def put(self, recording_id: str, kind: cases.Kind, *, without: str = "", created: datetime | None = None) -> None:
        """Put a recording there, `without` its call, its recording, its item or its item's agent."""
        at = created or self.created
        call_key, recording_key, _ = cases.keys(recording_id, at, PREFIX)
        if without != "call":
            self.client("s3").put_object(Bucket=CONNECT, Key=call_key, Body=kind.call)
        if without != "recording":
            self.client("s3").put_object(Bucket=INPUT, Key=recording_key, Body=kind.recording)
        item = cases.item(recording_id, at)
        if without == "agent":
            del item["agentID"]
        if without != "item":
            self.client("dynamodb").put_item(TableName=TABLE, Item=item)

    def send(self, body: str) -> str:
        """Send a message; its ID."""
        sent = self.client("sqs").send_message(QueueUrl=self.stack.outputs["QueueUrl"], MessageBody=body)
        return str(sent["MessageId"])

    def calls(self, message_id: str = "") -> list[Call]:
        """The function's calls so far, of one message or of all."""
        notes = self.folder / "calls"
        found = []
        for line in notes.read_text().splitlines() if notes.exists() else ():
            note = json.loads(line)
            answer = note.get("answer")
            failed = [] if answer is None else [f["itemIdentifier"] for f in answer["batchItemFailures"]]
            found.append(
                Call(
                    note["messageId"],
                    note["receiptHandle"],
                    int(note["attributes"]["ApproximateReceiveCount"]),
                    note["body"],
                    note["began"],
                    note["ended"],
                    note["messageId"] in failed,
                    answer is None,
                )
            )
        return [call for call in found if message_id in ("", call.message_id)]

    def wait(self, what: str, is_so: Any, within_s: float) -> None:
        """Wait until something is so.

        Raises:
            AssertionError: if it isn't in time.
        """
        until = time.monotonic() + within_s
        while not is_so():
            assert time.monotonic() < until, f"after {within_s:.0f} s still not: {what}"
            time.sleep(0.2)

    def show(self, call: Call) -> None:
        """Let the time pass that a message waits for."""
        with suppress(ClientError):
            self.client("sqs").change_message_visibility(
                QueueUrl=self.stack.outputs["QueueUrl"], ReceiptHandle=call.handle, VisibilityTimeout=0
            )

    def hidden(self) -> int:
        """How many messages wait or are in hand."""
        return self._count("QueueUrl", "ApproximateNumberOfMessagesNotVisible")

    def waiting(self) -> int:
        """How many messages can be taken."""
        return self._count("QueueUrl", "ApproximateNumberOfMessages")

    def _count(self, queue: str, name: str) -> int:
        url = self.stack.outputs[queue]
        answer = self.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=[name])
        return int(answer["Attributes"][name])

    def letters(self) -> dict[str, DeadLetter]:
        """The dead letters so far, by message ID."""
        url = self.stack.outputs["DeadLetterQueueUrl"]
        found: dict[str, DeadLetter] = {}
        while (
            messages := self.client("sqs")
            .receive_message(
                QueueUrl=url,
                MaxNumberOfMessages=10,
                WaitTimeSeconds=0,
                VisibilityTimeout=2,
                MessageSystemAttributeNames=["All"],
                MessageAttributeNames=["All"],
            )
            .get("Messages")
        ):
            letters = [DeadLetter.from_message(m) for m in messages]
            if all(letter.message_id in found for letter in letters):
                break
            found.update({letter.message_id: letter for letter in letters})
        time.sleep(2.1)  # until they are in sight again
        return found

    def log(self) -> str:
        """All that the function printed."""
        return "\n".join(path.read_text(errors="replace") for path in self.function_logs)

    def reports(self) -> list[dict[str, Any]]:
        """The log lines with a message's outcome."""
        found = []
        for line in self.log().splitlines():
            with suppress(ValueError):
                entry = json.loads(line)
                if isinstance(entry, dict) and "outcome" in entry:
                    found.append(entry)
        return found

    def item(self, recording_id: str) -> dict[str, Any]:
        """The present item."""
        key = {"videoID": {"S": recording_id}}
        found: dict[str, Any] = self.client("dynamodb").get_item(TableName=TABLE, Key=key)["Item"]
        return found

    def video(self, recording_id: str) -> bytes | None:
        """The result; None if it doesn't exist."""
        folder = cases.keys(recording_id, self.created, PREFIX)[2]
        listed = self.client("s3").list_objects_v2(Bucket=OUTPUT, Prefix=folder).get("Contents", ())
        keys = [entry["Key"] for entry in listed if "/recording." in entry["Key"]]
        return None if not keys else bytes(self.client("s3").get_object(Bucket=OUTPUT, Key=keys[0])["Body"].read())


def run(report: Report) -> None:
    """All cases, over one stack."""
    with ExitStack() as stack:
        scene: Scene | None = None
        with report.case("template.yaml is deployed, and its queue calls the function") as case:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="komorebi-e2e-")))
            began = time.monotonic()
            scene = stack.enter_context(_scene(folder))
            case.note(f"in {time.monotonic() - began:.1f} s, {len(scene.stack.environment)} variables")
            _check_mapping(scene)
        if scene is None:
            return
        late = ""
        with report.case("a message whose audio isn't there yet is called for, and hidden"):
            late = _begin_late(scene)
        good_messages(report, scene)
        bad_messages(report, scene)
        tries_that_end(report, scene)
        late_audio(report, scene, late)
        queue_log_and_metrics(report, scene)


@contextmanager
def _scene(folder: Path) -> Iterator[Scene]:
    stand_ins()
    programs = emulator(), runtime_client()
    with ministack(folder / "ministack", enforces_rights=True) as server, ExitStack() as stack:
        ports = free_ports(CONCURRENCY)
        deployed = deploy(server, _SHIM.format(folder=str(folder), ports=ports))
        answer = server.client("lambda").invoke(
            FunctionName=deployed.outputs["FunctionName"], Payload=json.dumps({"whoami": True})
        )
        rights = json.loads(answer["Payload"].read())
        logs = [
            stack.enter_context(_runtime(folder / f"function-{port}", port, deployed, rights, *programs)).log
            for port in ports
        ]
        yield Scene(deployed, folder, logs)


@contextmanager
def _runtime(
    folder: Path, port: int, stack: Stack, rights: Mapping[str, str], rie: Path, client: Path
) -> Iterator[Server]:
    """The handler under the emulator, as the template configures it."""
    (folder / "tmp").mkdir(parents=True)
    (api,) = free_ports(1)
    names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_DEFAULT_REGION")
    environment = {
        **bare_environment(folder / "tmp"),
        **{name: rights[name] for name in names},
        "AWS_ENDPOINT_URL": stack.server.url,
        "AWS_LAMBDA_FUNCTION_NAME": stack.outputs["FunctionName"],
        "AWS_LAMBDA_FUNCTION_TIMEOUT": str(stack.function["Timeout"]),
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(stack.function["MemorySize"]),
        "LAMBDA_TASK_ROOT": str(ROOT / "lambda"),
        "PYTHONPATH": f"{client}:{ROOT / 'lambda'}:{ROOT}",
        "PYTHONDONTWRITEBYTECODE": "1",
        **stack.environment,
    }
    argv: list[str | Path] = [
        rie,
        "--runtime-api-address",
        f"{HOST}:{api}",
        "--runtime-interface-emulator-address",
        f"{HOST}:{port}",
        sys.executable,
        "-m",
        "awslambdaric",
        "app.handler",
    ]
    with running(
        argv,
        folder=folder,
        port=port,
        environment=environment,
        is_ready=lambda: answers(port, "/", (200, 404, 405)),
    ) as server:
        yield server


def _check_mapping(scene: Scene) -> None:
    (mapping,) = scene.client("lambda").list_event_source_mappings()["EventSourceMappings"]
    assert mapping["BatchSize"] == 1
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    queue = scene.client("sqs").get_queue_attributes(
        QueueUrl=scene.stack.outputs["QueueUrl"], AttributeNames=["VisibilityTimeout", "RedrivePolicy"]
    )["Attributes"]
    assert int(queue["VisibilityTimeout"]) >= 6 * int(scene.stack.function["Timeout"])
    assert json.loads(queue["RedrivePolicy"])["maxReceiveCount"]


def _tries(scene: Scene) -> int:
    """The template's number of attempts for a message."""
    queue = scene.client("sqs").get_queue_attributes(
        QueueUrl=scene.stack.outputs["QueueUrl"], AttributeNames=["RedrivePolicy"]
    )["Attributes"]
    return int(json.loads(queue["RedrivePolicy"])["maxReceiveCount"])


def _begin_late(scene: Scene) -> str:
    """Send a message whose audio comes when it has been asked for once; the other cases go on while it waits."""
    scene.put("late-1", _vp9(), without="call")
    message = scene.send(cases.body("late-1", _vp9().call_end))
    scene.wait("the first call", lambda: scene.calls(message), 60)
    call_key, _, _ = cases.keys("late-1", scene.created, PREFIX)
    scene.client("s3").put_object(Bucket=CONNECT, Key=call_key, Body=_vp9().call)
    return message


def _vp9() -> cases.Kind:
    return cases.good_kinds()["vp9.mp4"]


def good_messages(report: Report, scene: Scene) -> None:
    """Every capture once, one of them twice at once and one forced."""
    kinds = cases.good_kinds()
    with report.case("good messages run once each, and every result is whole") as case:
        (scene.folder / "expected").mkdir()
        for n, kind in enumerate(kinds.values()):
            scene.put(f"good-{n}", kind)
        sent = [scene.send(cases.body(f"good-{n}", kind.call_end)) for n, kind in enumerate(kinds.values())]
        scene.wait("all are called for", lambda: all(scene.calls(message) for message in sent), 120)
        for n, (kind, message) in enumerate(zip(kinds.values(), sent, strict=True)):
            (call,) = scene.calls(message)
            assert not call.is_failed and not call.is_crash, f"good-{n}: {scene.log()[-2000:]}"  # noqa: PT018
            video = scene.video(f"good-{n}")
            assert video is not None
            assert cases.read_result(video) == cases.expected(kind, scene.folder / "expected")
            item, before = scene.item(f"good-{n}"), cases.item(f"good-{n}", scene.created)
            assert item["isProcessed"] == {"BOOL": True}
            assert cases.own(item) == cases.own(before)
        seconds = [call.ended - call.began for message in sent for call in scene.calls(message)]
        case.note(f"{len(sent)} messages, {len(sent)} calls, {min(seconds):.1f} to {max(seconds):.1f} s each")

    with report.case("a message that comes twice is work once, unless it is forced") as case:
        kind = kinds["vp8.webm"]
        scene.put("twice", kind)
        first = scene.send(cases.body("twice", kind.call_end))
        scene.wait("it is called for", lambda: scene.calls(first), 60)
        again = scene.send(cases.body("twice", kind.call_end))
        scene.wait("it is called for", lambda: scene.calls(again), 60)
        forced = scene.send(cases.body("twice", kind.call_end, force=True))
        scene.wait("it is called for", lambda: scene.calls(forced), 60)
        outcomes = {r["messageID"]: r["outcome"] for r in scene.reports()}
        assert [outcomes[first], outcomes[again], outcomes[forced]] == ["done", "skipped", "done"], outcomes
        case.note("done, skipped, done")


def bad_messages(report: Report, scene: Scene) -> None:
    """A permanent error takes one call, and gives a dead letter with its reason."""
    with report.case("messages that can't be read are dead letters after one call") as case:
        sent = {scene.send(body): body for body in cases.unusable_bodies()}
        scene.wait("all are called for", lambda: all(scene.calls(message) for message in sent), 60)
        _check_dead(scene, dict.fromkeys(sent, "MessageError"))
        letters = scene.letters()
        for message, body in sent.items():
            assert letters[message].body == body
        case.note(f"{len(sent)} messages, e.g.: {letters[next(iter(sent))].reason}")

    with report.case("recordings that can't be done are dead letters after one call") as case:
        wanted = {}
        for kind in cases.bad_kinds():
            scene.put(f"bad-{kind.name}", kind)
            wanted[scene.send(cases.body(f"bad-{kind.name}", kind.call_end))] = kind.error
        good = _vp9()
        scene.put("bad-agent", good, without="agent")
        long_ago = scene.created - timedelta(days=5)
        scene.put("bad-lost", good, without="recording", created=long_ago)
        scene.put("bad-silent", good, without="call", created=long_ago)
        wanted[scene.send(cases.body("bad-unknown", good.call_end))] = "UnknownRecordingError"
        wanted[scene.send(cases.body("bad-agent", good.call_end))] = "UnknownRecordingError"
        wanted[scene.send(cases.body("bad-lost", good.call_end))] = "MissingMediaError"
        wanted[scene.send(cases.body("bad-silent", good.call_end))] = "MissingMediaError"
        scene.wait("all are called for", lambda: all(scene.calls(message) for message in wanted), 60)
        _check_dead(scene, wanted)
        for kind in cases.bad_kinds():
            assert scene.video(f"bad-{kind.name}") is None
            assert scene.item(f"bad-{kind.name}")["isProcessed"] == {"BOOL": False}
        case.note(f"{len(wanted)} messages: {', '.join(sorted(set(wanted.values())))}")


def _check_dead(scene: Scene, wanted: Mapping[str, str]) -> None:
    letters = scene.letters()
    for message, error in wanted.items():
        (call,) = scene.calls(message)
        assert not call.is_failed, f"{call.body} is to come again"
        letter = letters[message]
        assert (letter.kind, letter.error, letter.receive_count) == ("permanent", error, 1), letter
        assert len(letter.reason) > 20
        assert letter.request_id


def tries_that_end(report: Report, scene: Scene) -> None:
    """A passing error is retried up to the template's number of attempts."""
    tries = _tries(scene)
    with report.case(f"a missing file gives a dead letter after {tries} attempts, each wait twice the last") as case:
        scene.put("never", _vp9(), without="recording")
        message = scene.send(cases.body("never", _vp9().call_end))
        _go_through(scene, message, tries)
        letter = scene.letters()[message]
        assert (letter.kind, letter.error, letter.receive_count) == ("tries", "NotThereYetError", tries), letter
        reports = [r for r in scene.reports() if r["messageID"] == message]
        waits = [r.get("retryInSeconds") for r in reports]
        assert len(waits) == tries, waits
        assert waits[-1] is None
        for n, wait_s in enumerate(waits[:-1]):
            assert abs(wait_s / min(FIRST_RETRY_S * 2**n, LAST_RETRY_S) - 1) <= 0.11, waits
        case.note(f"waits of {', '.join(str(w) for w in waits[:-1])} s; {letter.reason[:120]}")

    with report.case(f"a message whose function dies each time is moved by the queue after {tries} tries") as case:
        message = scene.send(cases.body("crash", "00:00:10"))
        _go_through(scene, message, tries)
        scene.wait("the queue has moved it", lambda: message in scene.letters(), 30)
        letter = scene.letters()[message]
        assert (letter.kind, letter.error) == ("unknown", ""), letter
        assert len(scene.calls(message)) == tries
        case.note(f"{tries} calls; read as: {letter.reason[:80]}")


def _go_through(scene: Scene, message: str, tries: int) -> None:
    """Make a hidden message visible at once, until its last attempt."""
    for count in range(1, tries + 1):
        scene.wait(f"try {count}", lambda: len(scene.calls(message)) >= count, 30)  # noqa: B023  it is asked at once
        call = scene.calls(message)[-1]
        assert call.receive_count == count
        assert call.is_crash or call.is_failed == (count < tries), f"try {count}: {call}"
        time.sleep(0.3)  # the answer is on its way to the queue
        if call.is_crash or count < tries:
            scene.show(call)


def late_audio(report: Report, scene: Scene, message: str) -> None:
    """The call audio comes after the message: the next attempt comes after the reported wait."""
    with report.case("audio that comes late: the message comes back after the time it was hidden for") as case:
        first = scene.calls(message)[0]
        assert first.is_failed
        reported = next(r for r in scene.reports() if r["messageID"] == message)
        assert reported["error"] == "NotThereYetError"
        assert 0.9 * FIRST_RETRY_S <= reported["retryInSeconds"] <= 1.1 * FIRST_RETRY_S
        scene.wait("its second call", lambda: len(scene.calls(message)) > 1, 90)
        first, second = scene.calls(message)
        waited_s = second.began - first.ended
        assert abs(waited_s - reported["retryInSeconds"]) < 5, f"{waited_s:.0f} s, not {reported['retryInSeconds']}"
        assert not second.is_failed
        assert scene.video("late-1") is not None
        case.note(
            f"reported {reported['retryInSeconds']} s, waited {waited_s:.1f} s, done on attempt {second.receive_count}"
        )


def queue_log_and_metrics(report: Report, scene: Scene) -> None:
    """After it all: queues, log and metrics."""
    with report.case("the queue is empty, and nothing dangles") as case:
        scene.wait("the queue is empty", lambda: not scene.waiting() and not scene.hidden(), 20)
        assert not scene.client("s3").list_multipart_uploads(Bucket=OUTPUT).get("Uploads")
        left = [p for port in scene.function_logs for p in (port.parent / "tmp").rglob("*") if p.is_file()]
        assert not [p for p in left if ".aws-xray" not in p.parts], left
        case.note(f"{len(scene.calls())} calls, {len(scene.letters())} dead letters")

    with report.case("the log names recordings, and no person") as case:
        log = scene.log()
        for secret in ("Aiko", "not JSON at all", "etc/passwd", "notes-0"):
            assert secret not in log, f"{secret!r} is in the log"
        reports = scene.reports()
        assert {r["outcome"] for r in reports} == {"done", "skipped", "passing", "permanent"}, reports
        assert all("function_request_id" in r for r in reports)
        metrics = [line for line in log.splitlines() if '"CloudWatchMetrics"' in line]
        names = {
            m["Name"] for line in metrics for c in json.loads(line)["_aws"]["CloudWatchMetrics"] for m in c["Metrics"]
        }
        assert {"Processed", "Skipped", "Failed", "StepSeconds"} <= names, names
        case.note(f"{len(reports)} reports, metrics: {', '.join(sorted(names))}")


if __name__ == "__main__":
    whole = Report("events")
    run(whole)
    print(whole.table())
    sys.exit(1 if whole.count("failed") else 0)
