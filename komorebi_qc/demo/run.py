"""One sample call through the whole of production: a message, the worker, the published files, the item.

Everything runs on an embedded AWS inside this process; see `komorebi_qc.demo.embedded_aws`.
"""

from __future__ import annotations

import json
import os
import shlex
import time
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from komorebi_qc.core.errors import InputError
from komorebi_qc.core.media_info import codec_text
from komorebi_qc.demo.embedded_aws import TRIES, embedded_aws, make_resources, shell_environment, upload_sample
from komorebi_qc.demo.events import prepare_events, sample_events
from komorebi_qc.demo.sample_call import RECORDING, reported_call_end
from komorebi_qc.queue.report import Report
from komorebi_qc.queue.worker import Counts, load_handler
from komorebi_qc.queue.worker import run as run_worker
from komorebi_qc.storage.atomic_file import make_folder, new_part_file, write_atomically
from komorebi_qc.wiring import Settings, aws_client

if TYPE_CHECKING:
    import threading
    from collections.abc import Mapping
    from pathlib import Path

    from rich.console import Console

    from komorebi_qc.queue.handler import WorkerContext
    from komorebi_qc.queue.sqs import Queue

ENVIRONMENT_FILE = "aws.env"
_UNKNOWN = "no-such-recording"
_LEVEL_WINDOW_S = 0.25


@dataclass(frozen=True, slots=True)
class DemoResult:
    """The result of a demo.

    Attributes:
        verdict: of the findings; None if the worker failed.
        video: the unified recording; None if the worker failed.
    """

    verdict: str | None
    video: Path | None


def run(out: Path, *, console: Console, keep: threading.Event | None = None, with_events: bool = False) -> DemoResult:
    """Make the embedded AWS, send one message, let the worker process it, and print each step.

    Args:
        out: the folder for the results; created if it doesn't exist.
        console: prints.
        keep: if given, the embedded AWS stays open until this event is set or Ctrl-C is pressed.
        with_events: send the events of both halves instead of the backend's message.

    Raises:
        InputError: moto isn't installed, or `out` can't be written to.
        KeyboardInterrupt: Ctrl-C was pressed.
    """
    try:
        make_folder(out)
    except OSError as error:
        raise InputError(f"{out} can't be the folder for the results: {error.strerror}; name another") from None
    began = time.monotonic()
    with embedded_aws() as endpoint:
        console.print(f"[bold]An embedded AWS[/] at {endpoint}: no account, no network; it ends with this command")
        queue = make_resources()
        _print_resources(console)
        before = _item()
        counts, reports = _work_on_events(queue, console) if with_events else _work_on_message(queue, console)
        if counts.done != 1:
            reason = reports[0].detail or reports[0].outcome if reports else "no message came"
            console.print(f"[red]The worker failed[/]: {escape(reason)}", soft_wrap=True)
            return DemoResult(None, None)
        document = _document()
        _print_result(console, document)
        _print_item(console, before, _item())
        paths = _fetch_results(console, out)
        console.print(f"\nDone in {time.monotonic() - began:.1f} s.")
        video = next(path for path in paths if path.stem == "recording")
        _print_seams(console, document, video)
        if keep is not None:
            _keep_open(console, out, queue, keep)
    return DemoResult(str(document["verdict"]), video)


def level_dbfs(samples: Any, rate: int, from_s: float, to_s: float) -> float:
    """The RMS level of a stretch of 16-bit samples in dBFS; -100 for less than that, or if the stretch is empty."""
    import numpy as np  # noqa: PLC0415  loads with the codecs

    part = samples[max(0, round(from_s * rate)) : max(0, round(to_s * rate))].astype(np.float64) / 32768
    power = float(np.mean(part**2)) if len(part) else 0.0
    return max(-100.0, 10.0 * float(np.log10(power))) if power > 0 else -100.0


def _print_resources(console: Console) -> None:
    settings = Settings.from_environment(os.environ)
    buckets = (settings.connect_bucket, settings.input_bucket, settings.output_bucket)
    console.print(f"  buckets  {', '.join(buckets)}")
    console.print(f"  table    {settings.table_name}, key videoID")
    console.print(
        f"  queue    demo-recordings; after {TRIES} attempts a message goes to demo-dead-letters", soft_wrap=True
    )
    console.print("\n[bold]The sample call in the buckets[/]")
    for upload in upload_sample():
        console.print(f"  {upload.meaning}, {upload.size / 1e6:.2f} MB\n    {escape(upload.address)}", soft_wrap=True)


def _work_on_message(queue: Queue, console: Console) -> tuple[Counts, list[Report]]:
    body = json.dumps({"recordingID": RECORDING.recording_id, "callEndingTimestamp": reported_call_end()})
    queue.send(body)
    console.print(f"\n[bold]The message[/]\n  {escape(body)}", soft_wrap=True)
    return _work_once(queue)


def _work_on_events(queue: Queue, console: Console) -> tuple[Counts, list[Report]]:
    """Send the events one after the other; the last one's counts and report."""
    prepare_events()
    console.print("\n[bold]The events[/], as EventBridge sends them")
    for meaning, body in sample_events():
        queue.send(body)
        console.print(f"  {meaning}\n    {escape(body)}", soft_wrap=True)
        counts, reports = _work_once(queue)
        waits_for = reports[-1].result.get("waitsFor") if reports else None
        result = f"skipped: it waits for {waits_for}" if waits_for else "processed" if counts.done else "failed"
        console.print(f"    {result}", soft_wrap=True)
    return counts, reports


def _work_once(queue: Queue) -> tuple[Counts, list[Report]]:
    """Let the worker process one message; its counts, and the handler's report.

    Raises:
        KeyboardInterrupt: Ctrl-C was pressed.
    """
    handler, reports = load_handler(), list[Report]()

    def reporting(event: dict[str, Any], context: WorkerContext) -> Mapping[str, Any]:
        try:
            return handler(event, context)
        finally:
            reports.extend(context.reports)

    counts = run_worker(queue, reporting, once=True, wait_s=2)
    if counts.is_interrupted:
        raise KeyboardInterrupt
    return counts, reports


def _document() -> dict[str, Any]:
    """The ``qc.json`` beside the published video."""
    bucket = Settings.from_environment(os.environ).output_bucket
    with closing(aws_client("s3").get_object(Bucket=bucket, Key=RECORDING.qc_key)["Body"]) as body:
        document: dict[str, Any] = json.loads(body.read())
    return document


def _item() -> dict[str, Any]:
    table = Settings.from_environment(os.environ).table_name
    key = {"videoID": {"S": RECORDING.recording_id}}
    item: dict[str, Any] = aws_client("dynamodb").get_item(TableName=table, Key=key)["Item"]
    return item


def _print_result(console: Console, document: Mapping[str, Any]) -> None:
    durations, codecs, sync = document["durations"], document["codecs"], document["sync"]
    copied = "copied" if codecs["video_copied"] else "re-encoded"
    findings = document["findings"]
    colour = {"pass": "green", "warn": "yellow", "fail": "bold red"}
    console.print("\n[bold]The unified recording[/]")
    parts = f"the call's {durations['call_s']:.2f} s and {durations['after_call_s']:.2f} s after it"
    tracks = f"{codec_text(codecs['video'])} ({copied}) and {codec_text(codecs['audio'])}"
    for line in (
        f"{durations['output_s']:.2f} s, with {parts}",
        f"{document['container'].upper()} with {tracks}",
        f"{sync['status']}: the call begins {sync['offset_s']:.3f} s after the recording",
    ):
        console.print(f"  {line}", soft_wrap=True)
    passed = sum(finding["status"] == "pass" for finding in findings)
    verdict = document["verdict"]
    console.print(f"  [{colour[verdict]}]{verdict}[/]: {passed} of {len(findings)} findings pass")
    for finding in findings:
        if finding["status"] != "pass":
            text = f"  [{colour[finding['status']]}]{finding['status']}[/]  {finding['name']}: "
            console.print(text + escape(finding["text"]), soft_wrap=True)


def _print_item(console: Console, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    console.print("\n[bold]The item[/], of which only changes are written")
    same = [name for name in before if after.get(name) == before[name]]
    for name in sorted(before.keys() | after.keys()):
        if name not in same:
            old, new = (escape(_value(item.get(name))) for item in (before, after))
            console.print(f"  {name}: {old} -> [green]{new}[/]", soft_wrap=True)
    console.print(f"  unchanged: {', '.join(sorted(same))}", soft_wrap=True)


def _value(typed: Mapping[str, Any] | None) -> str:
    if typed is None:
        return "(new)"
    kind, value = next(iter(typed.items()))
    return f"{float(value):.6g}" if kind == "N" else str(value)


def _fetch_results(console: Console, out: Path) -> list[Path]:
    bucket = Settings.from_environment(os.environ).output_bucket
    s3 = aws_client("s3")
    paths = []
    console.print("\n[bold]The published files, and their copies here[/]")
    for listed in s3.list_objects_v2(Bucket=bucket).get("Contents", ()):
        key = listed["Key"]
        path = out / key.rsplit("/", 1)[-1]
        if path.is_dir():
            raise InputError(f"{path} can't be written: it is a folder; choose another name")
        with new_part_file(path) as part:
            s3.download_fileobj(bucket, key, part.file)
            part.sync()
            part.move_to(path)
        paths.append(path)
        size = f"{listed['Size'] / 1000:,.0f} kB"
        console.print(f"  s3://{bucket}/{key}\n    {escape(str(path))}, {size}", soft_wrap=True)
    return paths


def _print_seams(console: Console, document: Mapping[str, Any], video: Path) -> None:
    """Say at which moments the audio changes over, with the level that was measured before and after each of them."""
    from komorebi_qc.core.samples import RATE  # noqa: PLC0415  numpy and the codecs are loaded by now
    from komorebi_qc.media.decode_8khz import decode_output_8khz  # noqa: PLC0415
    from komorebi_qc.storage.input_file import opened_file  # noqa: PLC0415

    with opened_file(video) as source:
        samples = decode_output_8khz(source)
    alignment = document["alignment"]
    begin_s = alignment["offset_s"] + alignment["output_shift_s"]
    end_s = document["call_end"]["used_s"] + alignment["output_shift_s"]
    console.print(f"\nPlay {escape(str(video))}:", soft_wrap=True)
    for at_s, change in (
        (begin_s, "Connect's call audio begins, after silence"),
        (end_s, "the recording's own audio returns for the after-call work"),
    ):
        before = level_dbfs(samples, RATE, at_s - _LEVEL_WINDOW_S, at_s)
        after = level_dbfs(samples, RATE, at_s, at_s + _LEVEL_WINDOW_S)
        console.print(f"  at {at_s:.2f} s {change} ({before:.0f} dBFS before, {after:.0f} dBFS after)", soft_wrap=True)


def _keep_open(console: Console, out: Path, queue: Queue, keep: threading.Event) -> None:
    """Hold the embedded AWS open, with one message in the queue and one dead letter, until somebody ends it."""
    queue.send(json.dumps({"recordingID": _UNKNOWN, "callEndingTimestamp": "00:00:10"}))
    _work_once(queue)
    path = out / ENVIRONMENT_FILE
    lines = [f"export {name}={shlex.quote(value)}" for name, value in shell_environment().items()]
    write_atomically(path, "".join(f"{line}\n" for line in lines).encode())
    try:
        console.print("\n[bold]The embedded AWS stays open.[/] In another terminal, set these variables:\n")
        for line in lines:
            console.print(line, markup=False, soft_wrap=True)
        console.print(f"\nOr read them from the file:  . {escape(shlex.quote(str(path.resolve())))}", soft_wrap=True)
        console.print("Then try:\n")
        for command in (
            f"komorebi-qc status {RECORDING.recording_id} --dead-letters",
            f"komorebi-qc submit {RECORDING.recording_id} --force",
            "komorebi-qc worker --once",
            f"komorebi-qc verify {RECORDING.recording_id}",
            f"komorebi-qc dlq list       # one dead letter, of {_UNKNOWN}",
        ):
            console.print(f"  {command}", markup=False, soft_wrap=True)
        console.print("\nCtrl-C ends it.")
        # In short waits: on Windows a wait without an end takes no Ctrl-C.
        while not keep.wait(0.5):
            pass
    finally:
        path.unlink(missing_ok=True)
