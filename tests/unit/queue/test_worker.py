"""The queue's worker, on moto's SQS and on a queue made by hand."""

from __future__ import annotations

import base64
import os
import re
import signal
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from aws_fixtures import Faulty, World, client_error, fails

from komorebi_qc.core.errors import AccessDeniedError, PermanentError, SettingsError, StorageError
from komorebi_qc.queue import worker
from komorebi_qc.queue.dead_letter import DeadLetter
from komorebi_qc.queue.handler import retry_in_s
from komorebi_qc.queue.report import Report
from komorebi_qc.queue.sqs import Queue
from komorebi_qc.queue.worker import Counts, load_handler, run

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from komorebi_qc.queue.worker import Handler

BODY = '{"recordingID": "contact-1", "callEndingTimestamp": "00:01:02"}'


class FakeHandler:
    """Remembers its events, and raises the given error."""

    def __init__(self, *, fail: bool = False, act: Callable[[], object] = lambda: None) -> None:
        self.events: list[dict[str, Any]] = []
        self.contexts: list[Any] = []
        self.fail = fail
        self.act = act

    def __call__(self, event: dict[str, Any], context: Any) -> Mapping[str, Any]:
        """Handle."""
        self.events.append(event)
        self.contexts.append(context)
        self.act()
        failures = [{"itemIdentifier": r["messageId"]} for r in event["Records"] if self.fail]
        return {"batchItemFailures": failures}


def once(queue: Queue, handler: Handler, **more: Any) -> Counts:
    """One message at most, without a long wait."""
    return run(queue, handler, once=True, wait_s=0, **more)


def send(world: World, body: str = BODY, **more: Any) -> str:
    """Send a message; its ID."""
    return str(world.sqs.send_message(QueueUrl=world.queue().url, MessageBody=body, **more)["MessageId"])


def test_a_message_comes_as_lambda_would_give_it(world: World) -> None:
    """The handler gets every field of a Lambda event, and a context."""
    attributes = {
        "word": {"DataType": "String", "StringValue": "text"},
        "raw": {"DataType": "Binary", "BinaryValue": b"\x00\x01"},
    }
    message_id = send(world, MessageAttributes=attributes)
    handler = FakeHandler()
    assert once(world.queue(), handler) == Counts(done=1)
    (event,) = handler.events
    (record,) = event["Records"]
    assert record["messageId"] == message_id
    assert record["body"] == BODY
    assert record["receiptHandle"]
    assert len(record["md5OfBody"]) == len(record["md5OfMessageAttributes"]) == 32
    assert record["eventSource"] == "aws:sqs"
    assert re.fullmatch(r"arn:aws:sqs:eu-central-1:\d+:work", record["eventSourceARN"])
    assert record["awsRegion"] == "eu-central-1"
    expected = {"ApproximateReceiveCount", "SentTimestamp", "SenderId", "ApproximateFirstReceiveTimestamp"}
    assert expected <= record["attributes"].keys()
    assert record["attributes"]["ApproximateReceiveCount"] == "1"
    lists: dict[str, Any] = {"stringListValues": [], "binaryListValues": []}
    assert record["messageAttributes"] == {
        "word": {"stringValue": "text", "dataType": "String", **lists},
        "raw": {"binaryValue": base64.b64encode(b"\x00\x01").decode(), "dataType": "Binary", **lists},
    }
    assert handler.contexts[0].aws_request_id
    assert handler.contexts[0].get_remaining_time_in_millis() > 15 * 60 * 1000


def test_a_message_that_is_done_is_deleted(world: World) -> None:
    """Done means gone, and one poll handles one message."""
    send(world)
    send(world)
    assert once(world.queue(), FakeHandler()) == Counts(done=1)
    assert world.waiting() == (1, 0)


def test_an_empty_queue(world: World) -> None:
    """A poll that finds nothing handles nothing."""
    counts = once(world.queue(), FakeHandler())
    assert (counts, counts.handled) == (Counts(), 0)


def test_a_message_that_fails_comes_back_later(world: World) -> None:
    """A failed message stays in the queue, hidden for a while."""
    send(world)
    handler = FakeHandler(fail=True)
    assert once(world.queue(), handler) == Counts(failed=1)
    assert world.waiting() == (0, 1)
    assert once(world.queue(), handler) == Counts()


def test_a_message_that_comes_back_waits_twice_as_long_each_time() -> None:
    """The pause doubles with each attempt, up to its limit."""
    queue = FakeQueue()
    for count in ("1", "2", "3", "99"):
        queue.messages.append(queue.message(count))
        once(queue.queue(), FakeHandler(fail=True))
    for seconds, around_s in zip(queue.hidden_for, (60, 120, 240, 14_400), strict=True):
        assert 0.9 * around_s <= seconds <= 1.1 * around_s
    assert queue.deleted == []


def test_the_handlers_wait_and_the_workers_are_the_same() -> None:
    """The worker hides a failed message again, as long as the handler did: a heartbeat may come between."""
    queue = FakeQueue()
    message = {**queue.message("3"), "MessageId": "some-message"}
    queue.messages.append(message)
    once(queue.queue(), FakeHandler(fail=True))
    assert queue.hidden_for == [retry_in_s(3, "some-message")]


def test_a_dead_lettered_message_is_deleted_and_counted(world: World) -> None:
    """The handler's report marks it: the message is deleted, and counted apart."""
    handler = FakeHandler()

    def dead_lettered() -> None:
        report = Report("permanent", "m", None, 1, 0.1, "MessageError", is_dead_lettered=True)
        handler.contexts[-1].reports.append(report)

    handler.act = dead_lettered
    send(world)
    counts = once(world.queue(), handler)
    assert (counts, counts.handled) == (Counts(dead_lettered=1), 1)
    assert world.waiting() == (0, 0)
    assert Counts(1, 2, 3, 4) + Counts(10, 20, 30, 40) == Counts(11, 22, 33, 44)


def test_the_lambda_handler_rejects_a_wrong_message(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Worker and handler together: after one attempt a wrong message is in the dead-letter queue, with the reason."""
    monkeypatch.setenv("KOMOREBI_QUEUE_URL", world.queue().url)
    send(world, "no JSON")
    assert once(world.queue(), load_handler()) == Counts(dead_lettered=1)
    assert (world.waiting(), world.waiting("dead")) == ((0, 0), (1, 0))
    message = world.queue("dead").receive(0, 0)
    assert message is not None
    letter = DeadLetter.from_message(message)
    assert (letter.body, letter.kind, letter.error) == ("no JSON", "permanent", "MessageError")


def test_after_its_last_attempt_a_message_is_a_dead_letter(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three failures of a handler that can't reach the queue, and SQS moves the message to its dead-letter queue."""
    monkeypatch.setattr(worker, "retry_in_s", lambda *_: 0)
    send(world)
    handler = FakeHandler(fail=True)
    for _ in range(3):
        assert once(world.queue(), handler) == Counts(failed=1)
    assert once(world.queue(), handler) == Counts()
    assert world.waiting() == (0, 0)
    assert world.waiting("dead") == (1, 0)


def test_a_handler_that_breaks_fails_its_message(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """An exception out of the handler is a failed invocation, as in Lambda; the worker lives on.

    The log has the place, and not the text, which may quote a key.
    """

    def breaks() -> None:
        raise ZeroDivisionError("s3://in/jane/x.mp4")

    send(world)
    assert once(world.queue(), FakeHandler(act=breaks)) == Counts(failed=1)
    assert world.waiting() == (0, 1)
    assert "the handler failed on message" in caplog.text
    assert "ZeroDivisionError at " in caplog.text
    assert "jane" not in caplog.text


def test_missing_settings_stop_the_worker(world: World) -> None:
    """Without settings no message can succeed: it is given back at once, and the worker ends."""

    def unset() -> None:
        raise SettingsError("X isn't set")

    send(world)
    with pytest.raises(SettingsError):
        once(world.queue(), FakeHandler(act=unset))
    assert world.waiting() == (1, 0)


def test_a_message_stays_hidden_while_it_is_handled(world: World) -> None:
    """A handler that takes longer than the visibility timeout keeps its message: no other worker gets it."""
    seen_meanwhile = []

    def long_work() -> None:
        time.sleep(1.6)
        seen_meanwhile.append(world.waiting())

    send(world)
    assert once(world.queue(), FakeHandler(act=long_work), visibility_s=1) == Counts(done=1)
    assert seen_meanwhile == [(0, 1)]
    assert world.waiting() == (0, 0)


def test_a_worker_that_is_killed_gives_its_message_back(world: World) -> None:
    """A message received and never answered for is in sight again after the visibility."""
    send(world)
    assert world.queue().receive(0, 1) is not None
    assert world.waiting() == (0, 1)
    time.sleep(1.1)
    assert world.waiting() == (1, 0)


def test_a_message_deleted_by_hand_while_it_is_handled(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """A heartbeat that finds its message gone is a warning, no end."""

    def delete() -> None:
        world.sqs.purge_queue(QueueUrl=world.queue().url)
        time.sleep(0.5)

    send(world)
    assert once(world.queue(), FakeHandler(act=delete), visibility_s=1).handled == 1
    assert "visible again already" in caplog.text


def test_a_failing_heartbeat_or_deletion_does_not_fail_the_work(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """A failed call of the queue is logged; the message returns, and its work is done again."""
    send(world)
    broken = fails(client_error("InternalError", 500, "Any"))
    faulty = Faulty(world.sqs, change_message_visibility=broken, delete_message=broken)
    queue = Queue(faulty, world.queue().url)
    assert once(queue, FakeHandler(act=lambda: time.sleep(0.5)), visibility_s=1) == Counts(done=1)
    assert caplog.text.count("retry may help") >= 2


def test_a_queue_that_does_not_exist(world: World) -> None:
    """A wrong queue URL ends the worker with a sentence that names it."""
    with pytest.raises(AccessDeniedError, match="nowhere doesn't exist"):
        once(Queue(world.sqs, world.queue().url.replace("work", "nowhere")), FakeHandler())


class FakeQueue:
    """An SQS client made by hand."""

    def __init__(self, *, wait: float = 0.0, failing: int = 0) -> None:
        self.messages: list[dict[str, Any]] = []
        self.hidden_for: list[int] = []
        self.deleted: list[str] = []
        self.polls = 0
        self.wait = wait
        self.failing = failing

    def queue(self) -> Queue:
        """The queue with this client."""
        return Queue(self, "https://queue")

    @staticmethod
    def message(count: str = "1") -> dict[str, Any]:
        """A message on its nth try."""
        names = ("MessageId", "ReceiptHandle", "Body", "MD5OfBody")
        return {**dict.fromkeys(names, "x"), "Attributes": {"ApproximateReceiveCount": count}}

    def get_queue_attributes(self, **_: Any) -> dict[str, Any]:
        """Its ARN."""
        return {"Attributes": {"QueueArn": "arn:aws:sqs:region:1:q"}}

    def receive_message(self, **_: Any) -> dict[str, Any]:
        """The next message."""
        self.polls += 1
        if self.polls <= self.failing:
            raise client_error("ServiceUnavailable", 503, "ReceiveMessage")
        if self.messages:
            return {"Messages": [self.messages.pop(0)]}
        time.sleep(self.wait)
        return {}

    def change_message_visibility(self, **arguments: Any) -> None:
        """Hide a message."""
        self.hidden_for.append(arguments["VisibilityTimeout"])

    def delete_message(self, **arguments: Any) -> None:
        """Delete a message."""
        self.deleted.append(arguments["ReceiptHandle"])


def test_a_queue_in_trouble_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker outlives a queue that doesn't respond for a while; with once it raises."""
    monkeypatch.setattr(worker, "RETRY_POLL_S", (0.01, 0.02))
    queue = FakeQueue(failing=3)
    queue.messages.append(queue.message())
    stop = threading.Event()
    assert run(queue.queue(), FakeHandler(act=stop.set), stop=stop) == Counts(done=1)
    with pytest.raises(StorageError):
        once(FakeQueue(failing=1).queue(), FakeHandler())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_the_message_in_hand_be_finished(number: signal.Signals) -> None:
    """SIGTERM and SIGINT end the worker after the message in hand, and only then."""
    queue = FakeQueue()
    queue.messages += [queue.message(), queue.message()]
    before = signal.getsignal(number)
    counts = run(queue.queue(), FakeHandler(act=lambda: os.kill(os.getpid(), number)))
    assert counts == Counts(done=1, is_interrupted=number == signal.SIGINT)
    assert (len(queue.deleted), len(queue.messages)) == (1, 1)
    assert signal.getsignal(number) is before


def test_a_signal_ends_a_poll_at_once() -> None:
    """A worker that only waits stops at once."""
    queue = FakeQueue(wait=30)
    began = time.monotonic()
    timer = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGTERM))
    timer.start()
    assert run(queue.queue(), FakeHandler()) == Counts()
    timer.join()
    assert time.monotonic() - began < 5


def test_a_second_interrupt_gives_the_message_back() -> None:
    """Ctrl-C twice ends the work itself; the message is in sight again at once."""

    def twice() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)

    queue = FakeQueue()
    queue.messages.append(queue.message())
    with pytest.raises(KeyboardInterrupt):
        run(queue.queue(), FakeHandler(act=twice))
    assert (queue.hidden_for, queue.deleted) == ([0], [])


def test_a_worker_in_a_thread_stops_by_its_event() -> None:
    """Outside the main thread no signal is touched; the event ends it."""
    queue, stop, results = FakeQueue(wait=0.05), threading.Event(), []
    thread = threading.Thread(target=lambda: results.append(run(queue.queue(), FakeHandler(), stop=stop)))
    thread.start()
    time.sleep(0.1)
    stop.set()
    thread.join(5)
    assert results == [Counts()]


def test_the_handler_is_loaded_from_its_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the repo it is lambda/app.py; installed, it is the copy inside the package; else a sentence names both."""
    package = tmp_path / "komorebi_qc"
    (tmp_path / "lambda").mkdir()
    (package / "lambda_shell").mkdir(parents=True)
    monkeypatch.setattr(worker, "__file__", str(package / "queue" / "worker.py"))
    with pytest.raises(PermanentError, match=r"lambda_shell/app.py nor .*lambda/app.py"):
        load_handler()
    for place, name in ((tmp_path / "lambda" / "app.py", "repo"), (package / "lambda_shell" / "app.py", "wheel")):
        place.write_text(f"def handler(event, context):\n    return {{'batchItemFailures': [], 'from': {name!r}}}\n")
        assert load_handler()({}, None)["from"] == name
