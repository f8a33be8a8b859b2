"""A desk's server in a thread of its own, and requests to it exactly as they are written."""

from __future__ import annotations

import asyncio
import http.client
import json
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from komorebi_qc.desk.server.serve import RunningDesk, start

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator, Sequence
    from pathlib import Path

FOUND = {"name": "drift", "value": 0.5, "unit": "ppm", "status": "pass", "text": "Small.", "limit": 60.0}
FAKE_PROGRAM = (sys.executable, "-c")
"""Before a script: a child that stands for one of our commands."""


def write_report(folder: Path, recording_id: str = "call-1", verdict: str = "pass", **more: Any) -> None:
    """A report's folder with a page, a qc.json, a status and a track."""
    (folder / "audio").mkdir(parents=True)
    document = {"schema": "2.2", "recording_id": recording_id, "verdict": verdict, "findings": [FOUND], **more}
    (folder / "qc.json").write_text(json.dumps(document))
    (folder / "status.json").write_text(json.dumps({"state": "done", "recording": recording_id, "notebooks": []}))
    (folder / "report.html").write_text("<!doctype html><title>report</title><p>A report.</p>")
    (folder / "audio" / "both.m4a").write_bytes(bytes(range(256)) * 4)


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a request."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The decoded body."""
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Client:
    """Sends requests to a desk."""

    running: RunningDesk
    loop: asyncio.AbstractEventLoop

    @property
    def token(self) -> str:
        """The path that opens the desk."""
        return f"/{self.running.desk.secrets.token}"

    def report(self, folder: str) -> str:
        """The path of a report's folder."""
        return self.running.desk.address_of(folder).rstrip("/")

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        """Send a request, with underscores in the names of headers as dashes."""
        connection = http.client.HTTPConnection("127.0.0.1", self.running.port, timeout=20)
        try:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            sent = {"Host": f"127.0.0.1:{self.running.port}", **{k.replace("_", "-"): v for k, v in headers.items()}}
            if body is not None:
                sent.setdefault("Content-Length", str(len(body)))
            for name, value in sent.items():
                connection.putheader(name, value)
            connection.endheaders(body)
            answer = connection.getresponse()
            return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        finally:
            connection.close()


def in_a_loop(work: Coroutine[None, None, None]) -> None:
    """Run to the end, within a minute, in a thread: Playwright keeps an event loop of its own in the main one."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, asyncio.wait_for(work, 60)).result()


@contextmanager
def running_desk(folder: Path, program: Sequence[str] = FAKE_PROGRAM) -> Iterator[Client]:
    """A server for a folder; its children have ended when it is left."""
    loop = asyncio.new_event_loop()
    started = threading.Event()
    found: list[RunningDesk] = []

    async def run() -> None:
        running = start(str(folder), program=program)
        found.append(running)
        started.set()
        await running.ends.wait()
        await running.close()

    thread = threading.Thread(target=loop.run_until_complete, args=(run(),))
    thread.start()
    try:
        assert started.wait(20)
        yield Client(found[0], loop)
    finally:
        if found:
            loop.call_soon_threadsafe(found[0].ends.set)
        thread.join(40)
        loop.close()
