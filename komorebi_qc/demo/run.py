"""One sample call through the whole of production, on an AWS that runs inside this process.

moto's server plays S3, SQS and DynamoDB on a free port of the loopback interface. Credentials and endpoint are dummies
that exist only meanwhile and only in this process; what is configured for the real AWS is out of sight.
"""

from __future__ import annotations

import io
import json
import logging
import os
import time
import wave
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from http.client import HTTPConnection
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from komorebi_qc.core.errors import InputError, missing_extra
from komorebi_qc.core.recording import Recording
from komorebi_qc.queue.dead_letter import DeadLetter
from komorebi_qc.queue.sqs import Queue, queue_by_arn
from komorebi_qc.queue.worker import load_handler
from komorebi_qc.queue.worker import run as run_worker
from komorebi_qc.wiring import VARIABLES, Settings, aws_client

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rich.console import Console

REGION = "eu-central-1"
_PROXIES = {"http_proxy", "https_proxy", "all_proxy", "no_proxy"}
_SETTINGS = {
    "AC_AUDIO_BUCKET_NAME": "demo-connect",
    "INPUT_BUCKET_NAME": "demo-input",
    "OUTPUT_BUCKET_NAME": "demo-output",
    "KOMOREBI_CONNECT_PREFIX": "connect/demo",
}
# Times are fixed, so that every run leaves the same keys. The recording began a little before the call.
RECORDING = Recording("7f3c2a90-5b1e-4c6d-9a57-2e8d41c0b6f3", "agent-7", datetime(2026, 3, 2, 14, 5, 9))  # noqa: DTZ001  as in the table
_ITEM = {
    "videoID": {"S": RECORDING.recording_id},
    "agentID": {"S": RECORDING.agent_id},
    "creationDate": {"S": f"{RECORDING.created:%Y-%m-%d %H:%M:%S}"},
    "isProcessed": {"BOOL": False},
    "name": {"S": "Aiko"},
    "lastName": {"S": "Example"},
    "categoryID": {"S": "billing"},
    "notesID": {"S": "notes-12"},
    "tagsID": {"L": [{"S": "demo"}, {"S": "sample"}]},
    "durationID": {"N": "44"},
    "startHour": {"S": "14:05"},
    "configID": {"S": "config-1"},
    "succesfulOutcome": {"BOOL": True},
}


def run(out: Path = Path("demo-output"), *, console: Console | None = None) -> int:
    """Make the embedded AWS, send one message, let the worker do it, and show what came of it.

    Args:
        out: the folder for the results; made where it doesn't exist.
        console: to print to; the standard output where there is none.

    Returns:
        0 for done, 3 for done with findings that fail, 1 for failed.

    Raises:
        InputError: where moto isn't installed, or nothing can be written in `out`.
    """
    from rich.console import Console  # noqa: PLC0415  only people need it

    console = console or Console()
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{out} can't be the folder for the results: {error.strerror}; name another") from None
    began = time.monotonic()
    with embedded_aws() as endpoint:
        console.print(f"[bold]An AWS of your own[/] on {endpoint} (in this process, gone with it)")
        queue = make_resources(console)
        upload_sample(console)
        before = _item()
        body = json.dumps({"recordingID": RECORDING.recording_id, "callEndingTimestamp": sample_truth()})
        queue.client.send_message(QueueUrl=queue.url, MessageBody=body)
        console.print(f"\n[bold]The message[/] {body}", soft_wrap=True)
        counts = run_worker(queue, load_handler(), once=True, wait_s=2)
        if counts.done != 1:
            why = [letter.reason for letter in _letters(queue)] or ["it will be tried again"]
            console.print(f"[red]The worker failed[/]: {why[0] if counts.handled else 'it got no message'}")
            return 1
        result = _document()
        _show_result(console, result)
        _show_item(console, before, _item())
        _fetch_results(console, out)
    console.print(f"\nDone in {time.monotonic() - began:.1f} s.")
    return 3 if result["verdict"] == "fail" else 0


@contextmanager
def embedded_aws() -> Iterator[str]:
    """An empty S3, SQS and DynamoDB on the loopback interface, to which every new boto3 client goes; its URL.

    One at a time in a process: moto keeps its state beside the server.

    Raises:
        InputError: where moto isn't installed.
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
def _sealed_environment(endpoint: str) -> Iterator[None]:
    """All that boto3 and `Settings` look at, replaced; restored in the end."""
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
            **_SETTINGS,
        }
    )
    try:
        yield
    finally:
        for name in os.environ.keys() - before.keys():
            del os.environ[name]
        os.environ.update(before)


def _letters(queue: Queue) -> list[DeadLetter]:
    arn = queue.policy().dead_letter_arn
    dead = queue_by_arn(queue.client, arn) if arn else None
    return [DeadLetter.from_message(m) for m in dead.receive_some(10, 0, 5)] if dead else []


def _document() -> dict[str, Any]:
    """What lies beside the video."""
    bucket = Settings.from_environment(os.environ).output_bucket
    with closing(aws_client("s3").get_object(Bucket=bucket, Key=RECORDING.qc_key)["Body"]) as body:
        document: dict[str, Any] = json.loads(body.read())
    return document


def make_resources(console: Console) -> Queue:
    """The buckets, the table and the queues of the embedded AWS, as the settings name them; the queue."""
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
    redrive = {"deadLetterTargetArn": dead_letters.arn(), "maxReceiveCount": 3}
    url = sqs.create_queue(QueueName="demo-recordings", Attributes={"RedrivePolicy": json.dumps(redrive)})["QueueUrl"]
    os.environ["KOMOREBI_QUEUE_URL"] = url
    console.print(f"  buckets  {settings.connect_bucket}, {settings.input_bucket}, {settings.output_bucket}")
    console.print(f"  table    {settings.table_name}, key videoID")
    console.print("  queue    demo-recordings; after 3 tries a message goes to demo-dead-letters")
    return Queue(sqs, url)


def upload_sample(console: Console) -> None:
    """The sample call's media and item, beside the IVR's recording of the same contact."""
    settings = Settings.from_environment(os.environ)
    s3 = aws_client("s3")
    call_audio = RECORDING.call_audio_prefixes(settings.connect_prefix)[0] + "{:%Y%m%dT%H:%M}_UTC.wav"
    began = RECORDING.created
    uploads = (
        (
            settings.connect_bucket,
            call_audio.format(began - timedelta(minutes=2)),
            _ivr_recording(),
            "the IVR's recording of this contact: not the one",
        ),
        (settings.connect_bucket, call_audio.format(began), _sample("call.wav"), "the agent's: the call audio"),
        (settings.input_bucket, RECORDING.agent_recording_key, _sample("recording.mp4"), "the agent recording"),
    )
    console.print("\n[bold]What lies in the buckets[/]")
    for bucket, key, content, meaning in uploads:
        s3.put_object(Bucket=bucket, Key=key, Body=content)
        console.print(f"  {meaning}, {len(content) / 1e6:.2f} MB\n    s3://{bucket}/{key}", soft_wrap=True)
    aws_client("dynamodb").put_item(TableName=settings.table_name, Item=_ITEM)


def _sample(name: str) -> bytes:
    return (files("komorebi_qc.demo") / "sample" / name).read_bytes()


def sample_truth() -> str:
    """When the sample call ended, as the backend would tell it."""
    return str(json.loads(_sample("truth.json"))["callEndingTimestamp"])


def _ivr_recording() -> bytes:
    """Two seconds of silence in Connect's format."""
    content = io.BytesIO()
    with wave.open(content, "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(8_000)
        file.writeframes(bytes(4 * 16_000))
    return content.getvalue()


def _item() -> dict[str, Any]:
    table = Settings.from_environment(os.environ).table_name
    key = {"videoID": {"S": RECORDING.recording_id}}
    item: dict[str, Any] = aws_client("dynamodb").get_item(TableName=table, Key=key)["Item"]
    return item


def _show_result(console: Console, result: Mapping[str, Any]) -> None:
    from rich.text import Text  # noqa: PLC0415

    lengths = ", ".join(f"{name.removesuffix('_s')} {seconds:.2f} s" for name, seconds in result["durations"].items())
    codecs = result["codecs"]
    copied = "copied" if codecs["video_copied"] else "re-encoded"
    console.print("\n[bold]What the worker made[/]")
    console.print(
        f"  {result['container']}: {codecs['video']} ({copied}), {codecs['audio']}; {lengths}", soft_wrap=True
    )
    console.print(f"\n[bold]Its findings[/]: {result['verdict']}")
    colours = {"pass": "green", "warn": "yellow", "fail": "red"}
    for finding in result["findings"]:
        value = finding["value"]
        shown = f"{value:.6g}" if isinstance(value, float) else str(value)
        line = Text("  ").append(finding["status"], style=colours[finding["status"]])
        line.append(f"  {finding['name']}: {shown} {finding['unit']}")
        if finding["status"] != "pass":
            line.append(f"\n        {finding['text']}")
        console.print(line, soft_wrap=True)


def _show_item(console: Console, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    from rich.markup import escape  # noqa: PLC0415

    console.print("\n[bold]The item[/] (only what changes is written)")
    same = [name for name in before if after.get(name) == before[name]]
    for name in sorted(before.keys() | after.keys()):
        if name not in same:
            old, new = (escape(_plain(item.get(name))) for item in (before, after))
            console.print(f"  {name}: {old} -> [green]{new}[/]", soft_wrap=True)
    console.print(f"  as before: {', '.join(sorted(same))}", soft_wrap=True)


def _plain(value: Mapping[str, Any] | None) -> str:
    return "nothing" if value is None else str(next(iter(value.values())))


def _fetch_results(console: Console, out: Path) -> None:
    bucket = Settings.from_environment(os.environ).output_bucket
    s3 = aws_client("s3")
    console.print("\n[bold]Where it is[/]")
    for listed in s3.list_objects_v2(Bucket=bucket).get("Contents", ()):
        key = listed["Key"]
        path = out / key.rsplit("/", 1)[-1]
        try:
            s3.download_file(bucket, key, str(path))  # under a temporary name first, so an older result stays whole
        except OSError as error:
            raise InputError(f"{path} can't be written: {error.strerror}; choose another folder") from error
        kind = s3.head_object(Bucket=bucket, Key=key)["ContentType"]
        console.print(f"  s3://{bucket}/{key}\n    {path.resolve()}  {kind}, {listed['Size']:,} bytes", soft_wrap=True)
