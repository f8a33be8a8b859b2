"""An AWS inside this process: moto's server plays S3, SQS and DynamoDB on a free port of the loopback interface.

Credentials and endpoint are dummies. They exist only while it runs and only in this process; the configuration of the
real AWS is out of reach meanwhile.
"""

from __future__ import annotations

import io
import json
import logging
import os
import wave
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from http.client import HTTPConnection
from typing import TYPE_CHECKING

from komorebi_qc.core.errors import missing_extra
from komorebi_qc.demo.sample_call import AGENT_RECORDING, CALL_AUDIO, RECORDING, item, reported_call_end
from komorebi_qc.queue.sqs import Queue
from komorebi_qc.wiring import VARIABLES, Settings, aws_client

if TYPE_CHECKING:
    from collections.abc import Iterator

REGION = "eu-central-1"
TRIES = 3
"""How often the embedded queue delivers a message before it goes to the dead-letter queue."""
_PROXIES = {"http_proxy", "https_proxy", "all_proxy", "no_proxy"}
SETTINGS = {
    "AC_AUDIO_BUCKET_NAME": "demo-connect",
    "INPUT_BUCKET_NAME": "demo-input",
    "OUTPUT_BUCKET_NAME": "demo-output",
    "KOMOREBI_CONNECT_PREFIX": "connect/demo",
}


@dataclass(frozen=True, slots=True)
class Upload:
    """An object of the sample call.

    Attributes:
        address: ``s3://bucket/key``.
        meaning: its meaning, in a few words.
        size: bytes.
    """

    address: str
    meaning: str
    size: int


@contextmanager
def embedded_aws() -> Iterator[str]:
    """An empty S3, SQS and DynamoDB to which every new boto3 client goes; its URL.

    One at a time in a process: moto keeps its state beside the server.

    Raises:
        InputError: moto isn't installed.
    """
    try:
        from moto.server import ThreadedMotoServer  # noqa: PLC0415  an extra
    except ModuleNotFoundError as error:
        raise missing_extra("demo", error.name or "moto", needed_by="the demo") from None
    # Without a level of its own, werkzeug prints each request.
    requests_log = logging.getLogger("werkzeug")
    level, requests_log.level = requests_log.level, logging.ERROR
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        connection = HTTPConnection(host, port)
        connection.request("POST", "/moto-api/reset")
        connection.getresponse().read()
        connection.close()
        endpoint = f"http://{host}:{port}"
        with _sealed_environment(endpoint):
            yield endpoint
    finally:
        server.stop()
        requests_log.setLevel(level)


@contextmanager
def sample_on_embedded_aws() -> Iterator[tuple[str, str]]:
    """The sample call on an embedded AWS: its recording ID and its reported call end.

    Raises:
        InputError: moto isn't installed.
    """
    with embedded_aws():
        make_resources()
        upload_sample()
        yield RECORDING.recording_id, reported_call_end()


def make_resources() -> Queue:
    """Make the buckets, the table and the queues that the settings name; returns the queue."""
    settings = Settings.from_environment(os.environ)
    s3, sqs = aws_client("s3"), aws_client("sqs")
    for bucket in (settings.connect_bucket, settings.input_bucket, settings.output_bucket):
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    aws_client("dynamodb").create_table(
        TableName=settings.table_name,
        KeySchema=[{"AttributeName": "videoID", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "videoID", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    dead_letters = Queue(sqs, sqs.create_queue(QueueName="demo-dead-letters")["QueueUrl"])
    redrive = {"deadLetterTargetArn": dead_letters.arn(), "maxReceiveCount": TRIES}
    url = sqs.create_queue(QueueName="demo-recordings", Attributes={"RedrivePolicy": json.dumps(redrive)})["QueueUrl"]
    os.environ["KOMOREBI_QUEUE_URL"] = url
    return Queue(sqs, url)


def upload_sample() -> list[Upload]:
    """Upload the sample call's media and write its item, beside the IVR's recording of the same contact."""
    settings = Settings.from_environment(os.environ)
    s3 = aws_client("s3")
    call_audio = RECORDING.call_audio_prefixes(settings.connect_prefix)[0] + "{:%Y%m%dT%H:%M}_UTC.wav"
    began = RECORDING.created
    connect, own = settings.connect_bucket, settings.input_bucket
    objects = (
        (connect, call_audio.format(began - timedelta(minutes=2)), _ivr_recording(), "the IVR's part of this contact"),
        (connect, call_audio.format(began), CALL_AUDIO.read_bytes(), "the call audio"),
        (own, RECORDING.agent_recording_key, AGENT_RECORDING.read_bytes(), "the agent recording"),
    )
    uploads = []
    for bucket, key, content, meaning in objects:
        s3.put_object(Bucket=bucket, Key=key, Body=content)
        uploads.append(Upload(f"s3://{bucket}/{key}", meaning, len(content)))
    aws_client("dynamodb").put_item(TableName=settings.table_name, Item=item())
    return uploads


def shell_environment() -> dict[str, str]:
    """The variables by which another process reaches the embedded AWS, all of them dummies."""
    names = sorted(variable.name for variable in VARIABLES if variable.name in os.environ)
    own = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL")
    return {name: os.environ[name] for name in (*own, *names)}


@contextmanager
def _sealed_environment(endpoint: str) -> Iterator[None]:
    """Replace all variables that boto3 and `Settings` read; restore them at the end."""
    before = dict(os.environ)
    ours = {variable.name for variable in VARIABLES}
    for name in before:
        if name.startswith(("AWS_", "BOTO_", "KOMOREBI_")) or name in ours or name.lower() in _PROXIES:
            del os.environ[name]
    os.environ.update(
        {
            "AWS_ACCESS_KEY_ID": "demo",
            "AWS_SECRET_ACCESS_KEY": "demo",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ENDPOINT_URL": endpoint,
            "POWERTOOLS_LOG_LEVEL": "CRITICAL",
            **SETTINGS,
        }
    )
    try:
        yield
    finally:
        for name in os.environ.keys() - before.keys():
            del os.environ[name]
        os.environ.update(before)


def _ivr_recording() -> bytes:
    """Two seconds of silence in Connect's format."""
    content = io.BytesIO()
    with wave.open(content, "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(8_000)
        file.writeframes(bytes(4 * 16_000))
    return content.getvalue()
