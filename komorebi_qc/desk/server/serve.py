"""The server: on loopback and a free port, until a signal stops it."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tornado.httpserver import HTTPServer
from tornado.iostream import StreamClosedError
from tornado.web import Application

from komorebi_qc.core.errors import InputError
from komorebi_qc.desk.server.access import Secrets
from komorebi_qc.desk.server.handlers import Desk, NewJob, NothingHere, OneJob, Overview, PagePart
from komorebi_qc.desk.server.jobs import OUR_COMMANDS, Jobs
from komorebi_qc.desk.server.report_handlers import ReportFile, ReportFrame
from komorebi_qc.storage.opened_folder import OpenedFolder

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

LOOPBACK = "127.0.0.1"
_MOST_READ_BYTES = 200_000_000
"""A larger body ends the connection. Bodies aren't kept beyond their handler's limit."""
_BUFFER_BYTES = 1 << 20
_IN_PATH = "([A-Za-z0-9_-]{20,100})"


@dataclass(frozen=True, slots=True)
class RunningDesk:
    """A server that takes requests.

    Attributes:
        address: of the desk's page, with its secret.
        port: on loopback.
        desk: its state.
        server: takes the connections.
        ends: is set to stop it.
    """

    address: str
    port: int
    desk: Desk
    server: HTTPServer
    ends: asyncio.Event = field(default_factory=asyncio.Event)

    async def close(self) -> None:
        """End the children, then the connections."""
        self.server.stop()
        await self.desk.jobs.close()
        with suppress(StreamClosedError):
            await self.server.close_all_connections()


def start(folder: str, port: int = 0, program: Sequence[str] = OUR_COMMANDS) -> RunningDesk:
    """Start a server for a folder of reports, in the running event loop.

    Args:
        folder: reports are below it.
        port: 0 for any free one.
        program: the words before a command's arguments.

    Raises:
        InputError: it isn't a folder, or the port is in use.
    """
    root = OpenedFolder.at(folder)
    try:
        listening = socket.create_server((LOOPBACK, port))
    except (OSError, OverflowError):
        raise InputError(f"port {port} can't be used: leave out --port, and a free one is chosen") from None
    listening.setblocking(False)  # noqa: FBT003  the standard library's own argument
    port = listening.getsockname()[1]
    desk = Desk(root, Secrets(), Jobs(program), port, {})
    state = {"desk": desk}
    addresses = [
        (f"/{_IN_PATH}/api/overview", Overview, state),
        (f"/{_IN_PATH}/api/jobs", NewJob, state),
        (f"/{_IN_PATH}/api/jobs/([0-9]{{1,9}})", OneJob, state),
        (r"/r/([0-9a-f]{40})/", ReportFrame, state),
        (r"/r/([0-9a-f]{40})/(.+)", ReportFile, state),
        (f"/{_IN_PATH}/([a-z.]*)", PagePart, state),
        (r".*", NothingHere, state),
    ]
    # Addresses hold secrets, so requests aren't logged.
    application = Application(addresses, log_function=lambda _handler: None)
    for name in ("tornado.access", "tornado.application", "tornado.general"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    server = HTTPServer(
        application,
        max_body_size=_MOST_READ_BYTES,
        max_buffer_size=_BUFFER_BYTES,
        max_header_size=32_000,
        body_timeout=30.0,
        idle_connection_timeout=120.0,
    )
    server.add_socket(listening)
    desk.listing()
    return RunningDesk(f"http://{LOOPBACK}:{port}/{desk.secrets.token}/", port, desk, server)


def serve(folder: str, port: int, on_start: Callable[[RunningDesk], None]) -> None:
    """Serve a folder until a signal (Ctrl-C, SIGTERM) comes. Its children have ended then.

    Args:
        folder: reports are below it.
        port: 0 for any free one.
        on_start: receives the server before its first request.

    Raises:
        InputError: it isn't a folder, or the port is in use.
    """
    asyncio.run(_serve(folder, port, on_start))


async def _serve(folder: str, port: int, on_start: Callable[[RunningDesk], None]) -> None:
    running = start(folder, port)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with suppress(NotImplementedError):  # Windows
            loop.add_signal_handler(number, running.ends.set)
    try:
        on_start(running)
        await running.ends.wait()
    finally:
        await running.close()
