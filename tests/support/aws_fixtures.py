"""An embedded AWS for tests, its resources, and hand-made faults."""

from __future__ import annotations

import json
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from importlib import import_module
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from komorebi_qc.core.recording import Recording
from komorebi_qc.demo.embedded_aws import embedded_aws
from komorebi_qc.queue.sqs import Queue
from komorebi_qc.storage.dynamodb import DynamoTable
from komorebi_qc.storage.s3.media import S3Media
from komorebi_qc.wiring import aws_client

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CONNECT, INPUT, OUTPUT, TABLE = "demo-connect", "demo-input", "demo-output", "Recording"
PREFIX = "connect/demo"
RECORDING = Recording("contact-1", "agent-7", datetime(2026, 3, 2, 23, 55, 9))  # noqa: DTZ001  as in the table
SOON = datetime(2026, 3, 3, 1, 0, tzinfo=UTC)
MUCH_LATER = SOON + timedelta(days=3)
ITEM = {
    "videoID": {"S": "contact-1"},
    "agentID": {"S": "agent-7"},
    "creationDate": {"S": "2026-03-02 23:55:09"},
    "isProcessed": {"BOOL": False},
    "name": {"S": "Aiko"},
    "tagsID": {"L": [{"S": "one"}, {"M": {"deep": {"N": "1.50"}}}]},
    "durationID": {"N": "44"},
    "succesfulOutcome": {"NULL": True},
}


@dataclass(frozen=True)
class World:
    """The clients of the embedded AWS, and its queues."""

    s3: Any
    dynamodb: Any
    sqs: Any
    endpoint: str

    def wipe(self) -> None:
        """Delete everything."""
        connection = HTTPConnection(self.endpoint.removeprefix("http://"))
        connection.request("POST", "/moto-api/reset")
        connection.getresponse().read()
        connection.close()

    def fresh(self) -> None:
        """Delete everything, and make the resources again."""
        self.wipe()
        for bucket in (CONNECT, INPUT, OUTPUT):
            self.s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
        self.dynamodb.create_table(
            TableName=TABLE,
            KeySchema=[{"AttributeName": "videoID", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "videoID", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        dead = self.sqs.create_queue(QueueName="dead")["QueueUrl"]
        redrive = {"deadLetterTargetArn": Queue(self.sqs, dead).arn(), "maxReceiveCount": 3}
        self.sqs.create_queue(QueueName="work", Attributes={"RedrivePolicy": json.dumps(redrive)})

    def queue(self, name: str = "work") -> Queue:
        """One of the queues: ``work``, or ``dead`` for its dead letters."""
        return Queue(self.sqs, self.sqs.get_queue_url(QueueName=name)["QueueUrl"])

    def waiting(self, name: str = "work") -> tuple[int, int]:
        """How many messages are in sight, and how many are hidden."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        counts = self.sqs.get_queue_attributes(QueueUrl=self.queue(name).url, AttributeNames=names)["Attributes"]
        return int(counts[names[0]]), int(counts[names[1]])

    def hidden_for_s(self, name: str = "work") -> list[float]:
        """In how many seconds each of a queue's hidden messages becomes visible."""
        now_ms = time.time() * 1000
        return [(m.visible_at - now_ms) / 1000 for m in self._messages(name) if m.visible_at > now_ms]

    def bodies(self, name: str = "work") -> Counter[str]:
        """The bodies of all messages of a queue, in sight or not."""
        return Counter(message.body for message in self._messages(name))

    def _messages(self, name: str) -> list[Any]:
        """All messages, hidden ones included. SQS doesn't show these, but moto runs in this process."""
        from moto.sqs.models import sqs_backends  # noqa: PLC0415  the server has loaded it by now

        *_, region, account, queue = self.queue(name).arn().split(":")
        return list(sqs_backends[account][region].queues[queue]._messages)

    def table(self) -> DynamoTable:
        """The table."""
        return DynamoTable(self.dynamodb, TABLE)

    def item(self) -> dict[str, Any]:
        """The present item, with its types."""
        found: dict[str, Any] = self.dynamodb.get_item(TableName=TABLE, Key={"videoID": ITEM["videoID"]})["Item"]
        return found

    def media(self, *, now: datetime = SOON, s3: Any = None) -> S3Media:
        """The media store, at a given time and through a given client."""
        return S3Media(
            s3 or self.s3,
            connect_bucket=CONNECT,
            connect_prefix=PREFIX,
            input_bucket=INPUT,
            output_bucket=OUTPUT,
            now=lambda: now,
        )

    def keys(self, bucket: str) -> list[str]:
        """All keys of a bucket."""
        return [listed["Key"] for listed in self.s3.list_objects_v2(Bucket=bucket).get("Contents", ())]

    def read(self, key: str, bucket: str = OUTPUT) -> bytes:
        """An object's content."""
        body = self.s3.get_object(Bucket=bucket, Key=key)["Body"]
        try:
            return bytes(body.read())
        finally:
            body.close()

    def dangling_uploads(self) -> list[Any]:
        """Multipart uploads that were neither completed nor aborted."""
        return list(self.s3.list_multipart_uploads(Bucket=OUTPUT).get("Uploads", ()))


@dataclass
class Invocation:
    """Lambda's context, with the attributes in use; `clock` returns the remaining time in seconds."""

    clock: Callable[[], float] = lambda: 900.0
    aws_request_id: str = "request-1"
    function_name: str = "komorebi"
    function_version: str = "1"
    memory_limit_in_mb: int = 1769
    invoked_function_arn: str = "arn:aws:lambda:region:1:function:komorebi"

    def get_remaining_time_in_millis(self) -> int:
        """In milliseconds."""
        return round(self.clock() * 1000)


LONGEST_POLL_S = 0.1


@contextmanager
def _short_polls() -> Iterator[None]:
    """Let moto's queues end a long poll after `LONGEST_POLL_S`: an empty queue of one process stays empty."""
    models: Any = import_module("moto.sqs.models")  # an extra
    receive, wait = models.SQSBackend.receive_message, models.Queue.wait_for_messages

    def receive_message(backend: Any, name: str, count: int, wait_s: float, *more: Any, **named: Any) -> Any:
        return receive(backend, name, count, min(wait_s, LONGEST_POLL_S), *more, **named)

    def wait_for_messages(queue: Any, timeout_s: float) -> Any:
        return wait(queue, min(timeout_s, LONGEST_POLL_S))

    models.SQSBackend.receive_message, models.Queue.wait_for_messages = receive_message, wait_for_messages
    try:
        yield
    finally:
        models.SQSBackend.receive_message, models.Queue.wait_for_messages = receive, wait


@contextmanager
def running_world() -> Iterator[World]:
    """The embedded AWS, while the context lasts."""
    with _short_polls(), embedded_aws() as endpoint:
        yield World(aws_client("s3"), aws_client("dynamodb"), aws_client("sqs"), endpoint)


def client_error(code: str, status: int = 400, operation: str = "GetObject") -> ClientError:
    """The error that botocore raises for a service's answer."""
    answer = {"Error": {"Code": code, "Message": "secret words"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, operation)


class Faulty:
    """A client some of whose methods behave otherwise: each is given the true method, and then the arguments."""

    def __init__(self, client: Any, **faults: Callable[..., Any]) -> None:
        self._client = client
        self._faults = faults

    def __getattr__(self, name: str) -> Any:
        true = getattr(self._client, name)
        if name not in self._faults:
            return true
        return lambda **arguments: self._faults[name](true, **arguments)


def fails(error: Exception, *, after: bool = False, on: int | None = None) -> Callable[..., Any]:
    """A fault: `error` instead of the request, or `after` it was done; `on` its nth call only."""
    calls = 0

    def fault(true: Callable[..., Any], **arguments: Any) -> Any:
        nonlocal calls
        calls += 1
        if on is not None and calls != on:
            return true(**arguments)
        if after:
            true(**arguments)
        raise error

    return fault
