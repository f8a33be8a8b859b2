"""The costs of quick looks: CPU and bytes of an hour, from a disk and from S3, and many short calls."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.inputs import CONNECT, LEAD_S, RECORDING, WEBM, call_end, call_s, input_folder
from bench.measuring import OWN_TOOL, ROOT, BenchError, bare_environ, say
from bench.s3_counts import read_counts

sys.path.append(str(ROOT / "tests" / "e2e"))
from servers import HOST, KEY, REGION, free_ports, seaweed, stand_ins

if TYPE_CHECKING:
    from collections.abc import Mapping

MAY_FAIL = (0, 3)
HOUR, SHORT = 60.0, 5.0
KINDS = (("MP4/AAC", RECORDING), ("WebM/Opus, no index", WEBM))


@dataclass(frozen=True, slots=True)
class Line:
    """A row of the table: the measured number and whether it meets its limits."""

    what: str
    must: str
    aim: str
    measured: str
    met: bool
    aim_met: bool

    def text(self) -> str:
        """The row in Markdown."""
        verdict = "met, the aim too" if self.met and self.aim_met else "met" if self.met else "MISSED"
        return f"| {self.what} | {self.must} | {self.aim} | {self.measured} | {verdict} |"


@dataclass(frozen=True, slots=True)
class Cost:
    """One command: CPU seconds, and the bytes that a quick one read."""

    cpu_s: float
    read_bytes: int


def cost(recording: Path, connect: Path, end_s: float, *, quick: bool) -> Cost:
    """Diagnose a pair in a process of its own.

    Raises:
        BenchError: it fails.
    """
    command = [OWN_TOOL, "diagnose", "--json", "--call-end", f"{end_s:.2f}"]
    command += ["--connect", str(connect), "--recording", str(recording), *(["--quick"] if quick else [])]
    with tempfile.TemporaryDirectory() as scratch, tempfile.TemporaryFile("w+") as out:
        child = subprocess.Popen(command, stdout=out, stderr=subprocess.DEVNULL, env=bare_environ(Path(scratch)))
        _, ended, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(ended)
        if child.returncode not in MAY_FAIL:
            raise BenchError(f"`{' '.join(command)}` ended with {child.returncode}")
        out.seek(0)
        found = json.load(out)
    if found["sync"]["status"] != "aligned" or (quick and not found["quick"]["is_settled"]):
        raise BenchError(f"`{' '.join(command)}` isn't settled: {found['sync']['reason']}")
    return Cost(used.ru_utime + used.ru_stime, found["quick"]["read_bytes"] if quick else 0)


def hour(folder: Path, runs: int) -> list[Line]:
    """The rows about an hour of 720p. Whole and quick runs alternate; medians."""
    place, end_s = input_folder(folder, HOUR), LEAD_S + call_s(HOUR)
    out = []
    for kind, name in KINDS:
        say(f"an hour of {kind}: {runs} runs of each")
        pair = (place / name, place / CONNECT, end_s)
        both = [(cost(*pair, quick=False), cost(*pair, quick=True)) for _ in range(runs)]
        whole_s, quick_s = (statistics.median(run[k].cpu_s for run in both) for k in (0, 1))
        ratio = quick_s / whole_s
        out.append(
            Line(
                f"CPU of an hour, {kind}, against `diagnose`",
                *("1/5", "1/8", f"1/{1 / ratio:.1f} ({quick_s:.2f} s of {whole_s:.2f} s)"),
                met=ratio <= 1 / 5,
                aim_met=ratio <= 1 / 8,
            )
        )
        size, read = sum(path.stat().st_size for path in pair[:2]), both[0][1].read_bytes
        out.append(
            Line(
                f"bytes read of both files, hour of 720p, {kind}",
                *("1/6", "1/10", f"1/{size / read:.1f} ({read / 1e6:.0f} MB of {size / 1e6:.0f} MB)"),
                met=read * 6 <= size,
                aim_met=read * 10 <= size,
            )
        )
    return out


def triaged(manifest: Path, calls: int, workers: int, scratch: Path, more: Mapping[str, str]) -> float:
    """Triage the calls of a list; the CPU seconds of all processes.

    Raises:
        BenchError: not all of them pass.
    """
    command = [OWN_TOOL, "batch", str(manifest), "--out", str(scratch / "rows"), "--action", "triage", "--json"]
    with tempfile.TemporaryFile("w+") as out:
        child = subprocess.Popen(
            [*command, "--workers", str(workers)],
            stdout=out,
            env=bare_environ(scratch, more),
            stderr=subprocess.DEVNULL,
        )
        _, ended, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(ended)
        out.seek(0)
        counts = json.loads(out.read() or "{}").get("counts", {})
    if child.returncode or counts.get("pass") != calls:
        raise BenchError(f"the batch ended with {child.returncode}: {counts}")
    return used.ru_utime + used.ru_stime


def from_s3(folder: Path) -> list[Line]:
    """The rows about the bytes that a real S3 server sends for an hour of 720p.

    Raises:
        BenchError: a triage fails.
        MissingPartError: the server isn't here.
        ServerError: it doesn't come up.
    """
    stand_ins()
    place, lines = input_folder(folder, HOUR), []
    with tempfile.TemporaryDirectory(dir=folder, prefix="s3-") as name:
        scratch = Path(name)
        (metrics_port,) = free_ports(1)
        with seaweed(scratch / "seaweed", metrics_port=metrics_port) as server:
            client, settings = server.client("s3"), {"AWS_CONFIG_FILE": os.devnull, "NO_PROXY": "*"}
            settings |= {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": KEY, "AWS_DEFAULT_REGION": REGION}
            settings |= {"AWS_ENDPOINT_URL_S3": server.url, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
            for kind, recording in KINDS:
                bucket = f"triage-{Path(recording).suffix[1:]}"
                client.create_bucket(Bucket=bucket)
                for one in (CONNECT, recording):
                    client.upload_file(str(place / one), bucket, one)
                run = scratch / bucket
                run.mkdir()
                manifest = run / "calls.csv"
                files = f"s3://{bucket}/{CONNECT},s3://{bucket}/{recording},{call_end(HOUR)}"
                manifest.write_text(f"recording_id,connect,recording,call_end\nhour,{files}\n", encoding="utf-8")
                before = read_counts(HOST, metrics_port)
                triaged(manifest, 1, 1, run, settings)
                requests, sent = read_counts(HOST, metrics_port).since(before).of((bucket,))
                size = sum((place / one).stat().st_size for one in (CONNECT, recording))
                asked = ", ".join(f"{count} {what}" for what, count in sorted(requests.items()))
                lines.append(
                    Line(
                        f"bytes that S3 sent, hour of 720p, {kind}",
                        *("1/6", "1/10", f"1/{size / sent:.1f} ({sent / 1e6:.0f} MB of {size / 1e6:.0f} MB; {asked})"),
                        met=sent * 6 <= size,
                        aim_met=sent * 10 <= size,
                    )
                )
    return lines


def throughput(folder: Path, calls: int, workers: int) -> Line:
    """The row about many calls of 5 minutes."""
    place = input_folder(folder, SHORT)
    with tempfile.TemporaryDirectory() as scratch:
        manifest = Path(scratch) / "calls.csv"
        files = f"{place / CONNECT},{place / RECORDING},{call_end(SHORT)}"
        rows = [f"call-{k},{files}" for k in range(calls)]
        manifest.write_text("\n".join(["recording_id,connect,recording,call_end", *rows]) + "\n", encoding="utf-8")
        began = time.monotonic()
        cpu_s = triaged(manifest, calls, workers, Path(scratch), {}) / calls
        rate, took_s = calls / (time.monotonic() - began), time.monotonic() - began
    return Line(
        f"calls of 5 min a second, {workers} processes, local, start included",
        *("8", "15", f"{rate:.1f} ({calls} in {took_s:.1f} s; {cpu_s:.2f} s of CPU each)"),
        met=rate >= 8,
        aim_met=rate >= 15,
    )
