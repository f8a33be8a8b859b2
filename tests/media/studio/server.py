"""A web server on this machine alone: pages from a folder, generated files, and uploads."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

TYPES = {".html": "text/html", ".js": "text/javascript", ".mjs": "text/javascript", ".wav": "audio/wav"}


class Site:
    """It serves files of the folders, and `given` by path. It keeps uploads in `uploads`, by path."""

    def __init__(self, *folders: Path) -> None:
        self.folders = folders
        self.given: dict[str, bytes] = {}
        self.uploads: dict[str, bytes] = {}
        self.address = ""
        self._changed = threading.Condition()

    def find(self, path: str) -> bytes | None:
        """The file at `path`, if there is one."""
        if path in self.given:
            return self.given[path]
        for folder in self.folders:
            file = (folder / path).resolve()
            if file.is_relative_to(folder.resolve()) and file.is_file():
                return file.read_bytes()
        return None

    def put(self, path: str, body: bytes) -> None:
        """Keep an upload."""
        with self._changed:
            self.uploads[path] = body
            self._changed.notify_all()

    def wait_for(self, path: str, timeout_s: float) -> bytes:
        """The upload at `path`, once it is there.

        Raises:
            TimeoutError: if it doesn't come.
        """
        return self.wait_for_any((path,), timeout_s)

    def wait_for_any(self, paths: Sequence[str], timeout_s: float) -> bytes:
        """The first of the uploads that is there.

        Raises:
            TimeoutError: if no one comes.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: any(path in self.uploads for path in paths), timeout_s):
                raise TimeoutError(f"{paths[0]} was not uploaded in {timeout_s:.0f} s")
            return next(self.uploads[path] for path in paths if path in self.uploads)


def _handler(site: Site) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.split("?")[0].lstrip("/")
            body = site.find(path)
            self.send_response(404 if body is None else 200)
            suffix = path[path.rfind(".") :] if "." in path else ""
            self.send_header("Content-Type", TYPES.get(suffix, "application/octet-stream"))
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        def do_PUT(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(204)
            self.end_headers()
            site.put(self.path.lstrip("/"), body)

        def log_message(self, *_: Any) -> None:
            """Log nothing."""

    return Handler


@contextmanager
def serving(site: Site) -> Iterator[Site]:
    """Serve it for as long as the context lasts."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(site))
    site.address = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
