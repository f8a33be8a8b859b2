"""The share of CPU time that digests take of a processing, in one run: on files, and from S3 to S3.

    .venv/bin/python tests/bench/digests.py [--inputs bench-output/process] [--minutes 60] [--rows auto s3-auto ...]

Every function that hashes is timed on its own thread's CPU clock. The whole is the CPU time of this process with all of
its threads, without the imports. S3 is SeaweedFS behind HAProxy with TLS, as AWS has it, and the table is moto's, in
processes of their own. The bench `process` makes the inputs.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

if __name__ == "__main__":
    # As a script this folder comes first, where `bench` isn't to be found.
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from bench.inputs import CONNECT, RECORDING, call_end, input_folder
from bench.measuring import ROOT
from botocore.auth import SigV4Auth

from komorebi_qc.core.provenance import parts
from komorebi_qc.core.provenance.digest import InOrderDigest
from komorebi_qc.core.timebase import parse_call_end
from komorebi_qc.pipeline.local import process_files
from komorebi_qc.pipeline.options import Options, Order
from komorebi_qc.storage import local
from komorebi_qc.storage.local import LocalFiles
from komorebi_qc.storage.s3 import multipart_writer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

ROWS = ("auto", "call-end", "s3-auto", "s3-call-end")
RECORDING_ID = "digests-1"


@dataclass(slots=True)
class Clock:
    """The CPU time of some functions."""

    seconds: dict[str, float] = field(default_factory=dict)

    def timed(self, name: str, act: Callable[..., Any]) -> Callable[..., Any]:
        """The function, with its CPU time added up under a name."""

        def run(*args: Any, **kwargs: Any) -> Any:
            began = time.thread_time()
            try:
                return act(*args, **kwargs)
            finally:
                self.seconds[name] = self.seconds.get(name, 0.0) + time.thread_time() - began

        return run


def main(argv: Sequence[str]) -> int:
    """Process a recording in each way, and print the share of its digests."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--inputs", type=Path, default=ROOT / "bench-output" / "process")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=ROWS)
    asked = parser.parse_args(argv)
    given, clock = input_folder(asked.inputs, asked.minutes), Clock()
    # In `take` alone: `finish` reads the rest through it.
    setattr(InOrderDigest, "take", clock.timed("inputs", InOrderDigest.take))  # noqa: B010  mypy forbids the assignment
    setattr(local, "whole_digest", clock.timed("video", parts.whole_digest))  # noqa: B010
    own = SimpleNamespace(sha256=clock.timed("video", hashlib.sha256))
    setattr(multipart_writer, "hashlib", own)  # noqa: B010
    # No digest of ours, but it would hash each part of the video once more.
    setattr(SigV4Auth, "payload", clock.timed("signatures", SigV4Auth.payload))  # noqa: B010
    print("| run | CPU, s | wall, s | inputs, s | video, s | signatures, s | digests |\n" + "|---" * 7 + "|")
    for row in asked.rows:
        clock.seconds.clear()
        with tempfile.TemporaryDirectory() as folder:
            cpu_s, wall_s = _run(row, given, Path(folder), call_end(asked.minutes))
        inputs_s, video_s, signed_s = (clock.seconds.get(name, 0.0) for name in ("inputs", "video", "signatures"))
        share = (inputs_s + video_s) / cpu_s
        parts_s = f"{inputs_s:.2f} | {video_s:.2f} | {signed_s:.2f}"
        print(f"| {row} | {cpu_s:.2f} | {wall_s:.2f} | {parts_s} | {share:.1%} |", flush=True)
    return 0


def _run(row: str, given: Path, folder: Path, reported: str) -> tuple[float, float]:
    """CPU and wall time of one run."""
    align: Any = row.removeprefix("s3-")
    options = Options(align=align, force=True, unconfirmed="publish")
    end = parse_call_end(reported)
    if not row.startswith("s3-"):
        out = folder / "unified"
        files = LocalFiles(given / CONNECT, given / RECORDING, out, out.with_suffix(".png"))
        return _timed(lambda: process_files(files, end, options=options))
    from bench.storage import placed  # noqa: PLC0415  needs the end-to-end tests' servers

    from komorebi_qc.pipeline.process import process  # noqa: PLC0415
    from komorebi_qc.wiring import Settings  # noqa: PLC0415

    with placed(folder, is_limited=False) as place, _with_tls(place.environ["AWS_ENDPOINT_URL_S3"], folder) as tls:
        for bucket in ("connect_bucket", "input_bucket", "output_bucket"):
            name = getattr(Settings.from_environment(place.environ), bucket)
            place.near.create_bucket(Bucket=name)
        place.put(RECORDING_ID, given)
        os.environ.update({**place.environ, **tls})
        settings = Settings.from_environment(os.environ)
        table, media = settings.table(), settings.media()
        return _timed(lambda: process(Order(RECORDING_ID, end), table=table, media=media, options=options))


TLS = """
defaults
    mode http
    timeout connect 5s
    timeout client 60s
    timeout server 60s
frontend network
    bind 127.0.0.1:{port} ssl crt {pem}
    default_backend s3
backend s3
    server s3 {behind}
"""


@contextmanager
def _with_tls(endpoint: str, folder: Path) -> Iterator[dict[str, str]]:
    """HAProxy with TLS before an S3 server; the variables that lead to it."""
    from parts import program  # noqa: PLC0415  of the end-to-end tests, which `bench.storage` has found
    from servers import HOST, bare_environment, free_ports, running  # noqa: PLC0415

    haproxy, (port,) = program("haproxy", "haproxy"), free_ports(1)
    key, certificate, pem = (folder / name for name in ("key.pem", "certificate.pem", "both.pem"))
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", f"/CN={HOST}"]
    made += ["-addext", f"subjectAltName=IP:{HOST}", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(made, capture_output=True, check=True)
    pem.write_bytes(key.read_bytes() + certificate.read_bytes())
    config = folder / "tls.cfg"
    config.write_text(TLS.format(port=port, pem=pem, behind=endpoint.removeprefix("http://")))

    def is_ready() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex((HOST, port)) == 0

    argv = [haproxy, "-db", "-f", str(config)]
    with running(argv, folder=folder, port=port, environment=bare_environment(folder), is_ready=is_ready):
        yield {"AWS_ENDPOINT_URL_S3": f"https://{HOST}:{port}", "AWS_CA_BUNDLE": str(certificate)}


def _timed(act: Callable[[], Any]) -> tuple[float, float]:
    cpu_s, wall_s = time.process_time(), time.monotonic()
    act()
    return time.process_time() - cpu_s, time.monotonic() - wall_s


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
