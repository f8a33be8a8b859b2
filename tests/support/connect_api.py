"""Amazon Connect's API on this machine, as far as contact records need it."""

from __future__ import annotations

import json
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@dataclass
class Connect:
    """Amazon Connect's API: it answers ``DescribeContact``, and notes when it was asked for which contact.

    Attributes:
        location: returns the location of a contact's call audio.
        asked: the moments, and the contacts.
    """

    location: Callable[[str], str]
    asked: list[tuple[float, str]] = field(default_factory=list)

    @contextmanager
    def running(self) -> Iterator[str]:
        """The API, until the context ends; its URL."""
        asked, location = self.asked, self.location

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                name = self.path.rpartition("/")[2]
                asked.append((time.monotonic(), name))
                entry = {"StorageType": "S3", "MediaStreamType": "AUDIO", "Location": location(name)}
                body = json.dumps({"Contact": {"Id": name, "Channel": "VOICE", "Recordings": [entry]}}).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Print nothing."""

        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            yield f"http://127.0.0.1:{server.server_port}"
            server.shutdown()
