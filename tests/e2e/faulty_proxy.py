"""An HTTP proxy on the loopback interface that does to requests what networks and services do, by a seed.

A listener stands for one service as one worker sees it. Each connection carries one request. Faults come as in the
wild: a service that slows down refuses the same request several times in a row, so that some outlast boto3's retries.
"""

from __future__ import annotations

import asyncio
import json
import random
import threading
from collections import Counter
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

from servers import HOST

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping

Service = Literal["s3", "dynamodb", "sqs"]
Fault = Literal["refused", "error_in_200", "cut_going", "cut_coming", "lost_answer", "hung", "denied"]

_SLOW_DOWN = b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
_UNAVAILABLE = b"<Error><Code>ServiceUnavailable</Code><Message>Later.</Message></Error>"
_INTERNAL = b'<?xml version="1.0"?><Error><Code>InternalError</Code><Message>Again, please.</Message></Error>'
_DENIED = b"<Error><Code>AccessDenied</Code><Message>not authorized to perform: kms:GenerateDataKey</Message></Error>"
_THROTTLED = b'{"__type":"com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException","message":"slower"}'
_SQS_THROTTLED = b'{"__type":"com.amazonaws.sqs#RequestThrottled","message":"slower"}'


@dataclass(frozen=True, slots=True)
class Request:
    """One request as the proxy sees it.

    Attributes:
        service: whose.
        caller: whose request.
        method: of HTTP.
        path: with the query.
        operation: the action's name; for S3 made up of method and query.
        body: all of it.
    """

    service: Service
    caller: str
    method: str
    path: str
    operation: str
    body: bytes

    def json(self) -> dict[str, Any]:
        """The body of a JSON request."""
        found: dict[str, Any] = json.loads(self.body or b"{}")
        return found


class Watcher(Protocol):
    """Its methods are called for each request."""

    async def before(self, request: Request) -> Request:
        """Take a request before it is forwarded; the returned one is forwarded."""
        ...

    async def after(self, request: Request, status: int, body: bytes, *, arrives: bool) -> None:
        """A request that was carried out; whether its answer arrives."""
        ...


@dataclass(slots=True)
class Faults:
    """Which requests fail, and how.

    Attributes:
        seed: makes it repeatable, as far as the workers' own order is.
        rate: the share of requests that are struck.
        long_rate: the share of these after which the same request is refused until boto3 gives up.
        counts: of injected faults, by service and fault.
    """

    seed: int
    rate: float = 0.08
    long_rate: float = 0.2
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    _random: random.Random = field(init=False)
    _sticky: dict[tuple[str, str, str], int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)  # noqa: S311  no secrets

    def next(self, request: Request) -> Fault | None:
        """What happens to this request."""
        fault = self._next(request)
        if fault is not None:
            self.counts[request.service, fault] += 1
        return fault

    def _next(self, request: Request) -> Fault | None:
        same = (request.caller, request.operation, request.path)
        if (left := self._sticky.get(same, 0)) > 0:
            self._sticky[same] = left - 1
            return "refused"
        # Uploads in parts are few, and have the most to tidy up; reading takes many requests, range by range.
        weight = {"UploadPart": 3, "CompleteMultipartUpload": 3, "GetObject": 0.5}.get(request.operation, 1)
        if self._random.random() >= weight * self.rate:
            return None
        if self._random.random() < weight * self.long_rate:
            self._sticky[same] = 5
        kinds: list[Fault] = ["refused", "lost_answer", "hung"]
        if request.service == "s3":
            kinds += ["refused", "cut_coming"]
            if request.body and request.method == "PUT":
                kinds += ["cut_going"] * 4
            if request.operation == "CompleteMultipartUpload":
                kinds += ["error_in_200"] * 4
        return self._random.choice(kinds)

    def pause_s(self) -> float:
        """How long a request hangs before its connection breaks."""
        return self._random.uniform(0.5, 2.0)

    def choose(self, *options: bytes) -> bytes:
        """One of them."""
        return self._random.choice(options)


class FaultyProxy:
    """The listeners, in a separate thread."""

    def __init__(self, faults: Faults, watcher: Watcher) -> None:
        """Keep the faults, and the watcher whose methods are called."""
        self.faults = faults
        self._watcher = watcher
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._servers: list[asyncio.Server] = []
        self._one_at_a_time = asyncio.Lock()
        self.errors: list[str] = []

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End all listeners and connections."""
        if not self._thread.is_alive():
            return
        self.run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Do something in the proxy's thread, and wait for it."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    def listen(self, service: Service, caller: str, port: int, *, is_faulty: bool = True) -> str:
        """A new listener before a server's `port`; its URL."""

        async def begin() -> str:
            async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                    try:
                        await self._serve(service, caller, port, reader, writer, is_faulty=is_faulty)
                    except (ConnectionError, asyncio.IncompleteReadError):
                        raise
                    except Exception as error:  # noqa: BLE001  a mistake of the proxy's own must be seen
                        self.errors.append(f"{type(error).__name__}: {error}")
                    finally:
                        writer.close()

            server = await asyncio.start_server(serve, HOST, 0, limit=1 << 20)
            self._servers.append(server)
            return f"http://{HOST}:{server.sockets[0].getsockname()[1]}"

        url: str = self.run(begin())
        return url

    async def _close(self) -> None:
        for server in self._servers:
            server.close()
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _serve(
        self,
        service: Service,
        caller: str,
        port: int,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        is_faulty: bool,
    ) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        line, headers = _read_head(head)
        method, path, _ = line.split(" ", 2)
        if headers.get("expect", "").lower() == "100-continue":
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            await writer.drain()
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        operation = headers.get("x-amz-target", "").rpartition(".")[2] or _s3_operation(method, path)
        request = await self._watcher.before(Request(service, caller, method, path, operation, body))
        fault = self.faults.next(request) if is_faulty else None
        if fault in ("refused", "error_in_200", "denied"):
            status, content = self._refusal(service, fault)
            kind = "application/xml" if service == "s3" else "application/x-amz-json-1.0"
            shown = b"" if method == "HEAD" else content
            header = f"HTTP/1.1 {status} Fault\r\nContent-Type: {kind}\r\nContent-Length: {len(shown)}\r\n"
            writer.write(header.encode() + b"Connection: close\r\n\r\n" + shown)
            await writer.drain()
            return
        if fault == "hung":
            await asyncio.sleep(self.faults.pause_s())
            writer.transport.abort()
            return
        sent = _head_to_send(line, headers, len(request.body))
        if fault == "cut_going":
            await _send_half(port, sent, request.body)
            writer.transport.abort()
            return
        # moto reads an item, changes it and writes it back: two at once would lose one, which no real table does.
        async with self._one_at_a_time if request.operation == "UpdateItem" else nullcontext():
            answer = await _ask(port, sent + request.body)
        status, answer_head, answer_body = _split(answer)
        await self._watcher.after(request, status, answer_body, arrives=fault is None)
        if fault == "lost_answer":
            writer.transport.abort()
            return
        if fault == "cut_coming":
            writer.write(answer[: len(answer_head) + len(answer_body) // 2])
            await writer.drain()
            writer.transport.abort()
            return
        writer.write(answer)
        await writer.drain()

    def _refusal(self, service: Service, fault: Fault) -> tuple[int, bytes]:
        if fault == "error_in_200":
            return 200, _INTERNAL
        if fault == "denied":
            return 403, _DENIED
        if service == "s3":
            return 503, self.faults.choose(_SLOW_DOWN, _UNAVAILABLE)
        return 400, _THROTTLED if service == "dynamodb" else _SQS_THROTTLED


def _read_head(head: bytes) -> tuple[str, dict[str, str]]:
    line, *rest = head.decode("latin-1").rstrip("\r\n").split("\r\n")
    pairs = (text.partition(":") for text in rest)
    return line, {name.strip().lower(): value.strip() for name, _, value in pairs}


def _s3_operation(method: str, path: str) -> str:
    query = path.partition("?")[2]
    if "partNumber=" in query:
        return "UploadPart"
    if method == "POST" and "uploads" in query:
        return "CreateMultipartUpload"
    if "uploadId=" in query:
        return {"POST": "CompleteMultipartUpload", "DELETE": "AbortMultipartUpload"}.get(method, "ListParts")
    if method == "GET" and "list-type=" in query:
        return "ListObjectsV2"
    if method == "GET" and "uploads" in query:
        return "ListMultipartUploads"
    return {"PUT": "PutObject", "GET": "GetObject", "HEAD": "HeadObject", "DELETE": "DeleteObject"}.get(method, method)


def _head_to_send(line: str, headers: Mapping[str, str], length: int) -> bytes:
    kept = {name: value for name, value in headers.items() if name not in ("expect", "connection", "content-length")}
    headers = {**kept, "content-length": str(length), "connection": "close"}
    return "\r\n".join([line, *(f"{name}: {value}" for name, value in headers.items()), "", ""]).encode("latin-1")


async def _ask(port: int, request: bytes) -> bytes:
    """The whole answer: the server closes behind it."""
    reader, writer = await asyncio.open_connection(HOST, port, limit=1 << 20)
    try:
        writer.write(request)
        await writer.drain()
        return await reader.read()
    finally:
        writer.close()


async def _send_half(port: int, head: bytes, body: bytes) -> None:
    """An upload whose connection breaks in its middle."""
    _, writer = await asyncio.open_connection(HOST, port)
    writer.write(head + body[: len(body) // 2])
    await writer.drain()
    await asyncio.sleep(0.02)
    writer.transport.abort()


def _split(answer: bytes) -> tuple[int, bytes, bytes]:
    head, gap, body = answer.partition(b"\r\n\r\n")
    words = head.split(b" ", 2)
    return (int(words[1]) if len(words) > 1 and words[1].isdigit() else 0), head + gap, body
