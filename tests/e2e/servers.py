"""Stands in for AWS on the loopback interface: ministack, SeaweedFS and moto, each in a separate process.

Every server listens on 127.0.0.1 only, on free ports, and is ended by its own process group's number. The servers
don't see this machine's AWS configuration or proxies.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from parts import ROOT, MissingPartError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

STAND = ROOT / ".tools" / "stand" / "bin"
REGION = "eu-central-1"
KEY = "test"
"""Access key and secret of a user with all rights."""
HOST = "127.0.0.1"


class ServerError(Exception):
    """A server that doesn't come up, with the end of its log."""


@dataclass(frozen=True, slots=True)
class Server:
    """A server that runs.

    Attributes:
        port: on the loopback interface.
        pid: its process, and its process group.
        log: its output.
    """

    port: int
    pid: int
    log: Path

    @property
    def url(self) -> str:
        """For boto3's ``endpoint_url``."""
        return f"http://{HOST}:{self.port}"

    def client(self, service: str, *, key: str = KEY, secret: str = KEY, token: str | None = None) -> Any:
        """A boto3 client that goes to this server alone."""
        return client(service, self.url, key=key, secret=secret, token=token)


def client(service: str, url: str, *, key: str = KEY, secret: str = KEY, token: str | None = None) -> Any:
    """A boto3 client that looks at no configuration of this machine."""
    session = boto3.session.Session(
        aws_access_key_id=key, aws_secret_access_key=secret, aws_session_token=token, region_name=REGION
    )
    config = Config(
        connect_timeout=5,
        read_timeout=60,
        retries={"mode": "standard", "total_max_attempts": 3},
        s3={"addressing_style": "path"},
        proxies={},
        max_pool_connections=30,
    )
    return session.client(service, endpoint_url=url, config=config)


def free_ports(count: int) -> list[int]:
    """Ports that are free at this moment, below those that the kernel hands out to others."""
    sockets = []
    try:
        for _ in range(count):
            held = socket.socket()
            held.bind((HOST, 0))
            sockets.append(held)
        return [held.getsockname()[1] for held in sockets]
    finally:
        for held in sockets:
            held.close()


def bare_environment(folder: Path, **more: str) -> dict[str, str]:
    """An environment for a server or worker: nothing of this machine's AWS settings or proxies."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL", "OPENBLAS_CORETYPE") if name in os.environ}
    return {
        **kept,
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": "*",
        "PYTHONUNBUFFERED": "1",
        **more,
    }


@contextmanager
def running(
    argv: Sequence[str | Path],
    *,
    folder: Path,
    port: int,
    environment: Mapping[str, str],
    is_ready: Callable[[], bool],
    within_s: float = 60.0,
) -> Iterator[Server]:
    """A server, from when it answers until the context ends.

    Raises:
        ServerError: if it ends by itself or doesn't answer in time.
    """
    _end_on_sigterm()
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / f"{Path(argv[0]).name}-{port}.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [str(word) for word in argv],
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        until = time.monotonic() + within_s
        while not is_ready():
            if process.poll() is not None or time.monotonic() > until:
                end = log.read_text(errors="replace")[-1500:]
                raise ServerError(f"{Path(argv[0]).name} doesn't answer on port {port}:\n{end}")
            time.sleep(0.1)
        yield Server(port, process.pid, log)
    finally:
        end_group(process)


def _end_on_sigterm() -> None:
    """Let SIGTERM end this process as an exception does, so that no server outlives it."""
    is_main = threading.current_thread() is threading.main_thread()
    if is_main and signal.getsignal(signal.SIGTERM) == signal.SIG_DFL:
        signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))


def end_group(process: subprocess.Popen[Any], within_s: float = 1.0) -> None:
    """End a process that was started in its own group, and its children."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(within_s)
            if number == signal.SIGKILL:
                return


def answers(port: int, path: str = "/", good: tuple[int, ...] = (200,)) -> bool:
    """Whether an HTTP server gives one of the `good` answers."""
    connection = HTTPConnection(HOST, port, timeout=2)
    try:
        connection.request("GET", path)
        return connection.getresponse().status in good
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


@contextmanager
def seaweed(folder: Path, *, bind: str = HOST, metrics_port: int = 0) -> Iterator[Server]:
    """SeaweedFS's S3: real rules about parts, ETags, signatures and conditional requests.

    Args:
        folder: for its files.
        bind: the address at which it listens.
        metrics_port: the port of its counts of requests, in Prometheus' format; 0 to have no such port.

    Raises:
        ServerError: if it doesn't come up.
    """
    folder.mkdir(parents=True, exist_ok=True)
    everything = {"credentials": [{"accessKey": KEY, "secretKey": KEY}], "actions": ["Admin"]}
    config = folder / "s3.json"
    config.write_text(json.dumps({"identities": [{"name": "admin", **everything}]}))
    data = folder / "data"
    data.mkdir(exist_ok=True)
    names = ("master.port", "master.port.grpc", "volume.port", "volume.port.grpc", "filer.port", "filer.port.grpc")
    ports = dict(zip((*names, "s3.port", "s3.port.grpc"), free_ports(len(names) + 2), strict=True))
    argv: list[str | Path] = [
        STAND / "weed",
        "-alsologtostderr=false",
        "server",
        f"-dir={data}",
        f"-ip={HOST}",
        f"-ip.bind={bind}",
        "-master.telemetry=false",
        "-master.volumeSizeLimitMB=64",
        "-volume.max=60",
        "-volume.preStopSeconds=0",
        "-filer",
        "-filer.localSocket=",
        "-s3",
        f"-s3.config={config}",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        "-s3.localSocket=",
        *(f"-{name}={port}" for name, port in ports.items()),
        *([f"-metricsPort={metrics_port}"] if metrics_port else []),
    ]
    port = ports["s3.port"]
    probe = client("s3", f"http://{HOST}:{port}")

    def takes_objects() -> bool:
        if not answers(port, "/healthz"):
            return False
        try:
            probe.create_bucket(Bucket="probe")
            probe.put_object(Bucket="probe", Key="probe", Body=b"p" * 5000)
        except Exception:  # noqa: BLE001  the volume server isn't there yet
            return False
        return True

    try:
        with running(
            argv, folder=folder, port=port, environment=bare_environment(folder), is_ready=takes_objects
        ) as server:
            yield server
    finally:
        # It makes sockets beside its ports, under fixed paths, and leaves them there.
        for number in ports.values():
            for path in Path("/tmp").glob(f"seaweedfs-*-{number}.sock"):  # noqa: S108  its own path
                path.unlink(missing_ok=True)


@contextmanager
def moto(folder: Path, *, bind: str = HOST) -> Iterator[Server]:
    """Moto's server: SQS and DynamoDB, and S3 where rules about parts don't matter.

    Args:
        folder: for its files.
        bind: the address at which it listens.

    Raises:
        ServerError: if it doesn't come up.
    """
    (port,) = free_ports(1)
    argv = [sys.executable, "-m", "moto.server", "-H", bind, "-p", str(port)]
    environment = bare_environment(folder, AWS_ACCESS_KEY_ID=KEY, AWS_SECRET_ACCESS_KEY=KEY, AWS_DEFAULT_REGION=REGION)
    with running(
        argv,
        folder=folder,
        port=port,
        environment=environment,
        is_ready=lambda: answers(port, "/moto-api/data.json"),
    ) as server:
        yield server


@contextmanager
def ministack(folder: Path, *, enforces_rights: bool = False) -> Iterator[Server]:
    """ministack: deploys a SAM template, and calls its function for a queue's messages.

    Args:
        folder: for its files.
        enforces_rights: whether it checks signatures and policies.

    Raises:
        ServerError: if it doesn't come up.
    """
    (port,) = free_ports(1)
    environment = bare_environment(
        folder,
        BIND_HOST=HOST,
        GATEWAY_PORT=str(port),
        MINISTACK_HOST=HOST,
        MINISTACK_REGION=REGION,
        AWS_ACCESS_KEY_ID=KEY,
        AWS_SECRET_ACCESS_KEY=KEY,
        AUTH="true" if enforces_rights else "false",
        S3_DATA_DIR=str(folder / "s3"),
        DOCKER_HOST=f"unix://{folder}/no-docker.sock",
    )
    argv: list[str | Path] = [STAND / "python", "-m", "ministack"]
    with running(
        argv,
        folder=folder,
        port=port,
        environment=environment,
        is_ready=lambda: answers(port, "/_ministack/health"),
    ) as server:
        yield server


def stand_ins() -> None:
    """Install ministack and SeaweedFS into `.tools/stand`, if they aren't there.

    Raises:
        MissingPartError: if they can't be made.
    """
    made = subprocess.run(
        [ROOT / ".ci" / "tools.sh", "stand"], cwd=ROOT, capture_output=True, text=True, check=False, timeout=600
    )
    if made.returncode != 0 or not (STAND / "weed").is_file():
        raise MissingPartError(f"`.ci/tools.sh stand` fails: {made.stderr.strip()[-300:]}")
