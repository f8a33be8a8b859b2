"""The server's requests. Each is checked for its host, its origin and its secret before anything else is done."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

from tornado.web import RequestHandler, stream_request_body

from komorebi_qc.core.errors import KomorebiError
from komorebi_qc.desk.server.access import Secrets, is_own_host, is_own_origin, is_plain_path
from komorebi_qc.desk.server.commands import command_of
from komorebi_qc.desk.server.reports import listing_of

if TYPE_CHECKING:
    from komorebi_qc.desk.server.jobs import Jobs
    from komorebi_qc.desk.server.reports import Listing
    from komorebi_qc.storage.opened_folder import OpenedFolder

_PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
_PARTS: Final = {
    "": ("page.html", "text/html"),
    "desk.css": ("desk.css", "text/css"),
    "desk.js": ("desk.js", "text/javascript"),
}


@dataclass(frozen=True, slots=True)
class Desk:
    """The state of the server.

    Attributes:
        root: the folder of reports.
        secrets: of this start.
        jobs: child processes.
        port: on loopback.
        folders: folders of reports by their secrets, as they were listed.
    """

    root: OpenedFolder
    secrets: Secrets
    jobs: Jobs
    port: int
    folders: dict[str, str]

    def listing(self) -> Listing:
        """List the folder, and give its reports their secrets."""
        found = listing_of(self.root)
        self.folders.update({self.secrets.of_report(one.folder): one.folder for one in found.reports})
        return found

    def address_of(self, folder: str) -> str:
        """The path of a report's page."""
        return f"/r/{self.secrets.of_report(folder)}/"


@stream_request_body
class CheckedHandler(RequestHandler):
    """A request after its checks."""

    is_opaque = False
    """Whether a report in its sandbox may send it."""
    most_bytes = 64_000
    """The largest body that is kept."""

    def initialize(self, desk: Desk) -> None:
        """Begin with an empty body."""
        self.desk, self.content, self.content_bytes = desk, bytearray(), 0

    def data_received(self, chunk: bytes) -> None:
        """Keep a part of the body. The rest beyond the limit is read too, so that the sender gets an answer."""
        self.content_bytes += len(chunk)
        if self.content_bytes <= self.most_bytes:
            self.content += chunk

    def set_default_headers(self) -> None:
        """Keep the answer out of frames, caches and other pages."""
        self.clear_header("Server")
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Referrer-Policy", "no-referrer")
        self.set_header("Cache-Control", "no-store")
        self.set_header("X-Frame-Options", "DENY")
        self.set_header("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
        self.set_header("Cross-Origin-Opener-Policy", "same-origin")

    def prepare(self) -> None:
        """Check the host, the origin and the path."""
        request = self.request
        if not is_own_host(request.host, self.desk.port):
            self.refuse(403, "this server only answers to its own address, 127.0.0.1")
        elif not is_own_origin(request.headers.get("Origin"), self.desk.port, opaque=self.is_opaque):
            self.refuse(403, "a page of another origin can't use this server")
        elif not is_plain_path(request.path):
            self.refuse(404, "there is nothing at this address")

    def refuse(self, status: int, text: str) -> None:
        """Answer with a sentence."""
        self.set_status(status)
        self.set_header("Content-Type", "application/json")
        self.finish(json.dumps({"error": text}))

    def write_error(self, status_code: int, **_more: Any) -> None:
        """Answer to an unknown address or method, or to a defect, without details."""
        sentences = {404: "there is nothing at this address", 405: "this address doesn't take that"}
        self.refuse(status_code, sentences.get(status_code, "the request can't be answered"))

    def is_too_large(self) -> bool:
        """Refuse a body that is larger than the limit."""
        if self.content_bytes > self.most_bytes:
            self.refuse(413, f"this has {self.content_bytes:,} bytes, and at most {self.most_bytes:,} are taken")
        return self.content_bytes > self.most_bytes


class NothingHere(CheckedHandler):
    """Every address without a secret."""

    def prepare(self) -> None:
        """Refuse it."""
        super().prepare()
        if not self._finished:
            self.refuse(403, "open the address that `komorebi-qc desk` printed; it has a secret in it")


class _TokenHandler(CheckedHandler):
    def prepare(self) -> None:
        super().prepare()
        if not self._finished and not self.desk.secrets.opens(self.path_args[0]):
            self.refuse(403, "the secret in this address is wrong: open the address that `komorebi-qc desk` printed")


class PagePart(_TokenHandler):
    """The desk's page, its style and its script."""

    def get(self, _token: str, name: str) -> None:
        """Send a part."""
        if name not in _PARTS:
            self.send_error(404)
            return
        file, media_type = _PARTS[name]
        self.set_header("Content-Security-Policy", _PAGE_POLICY)
        self.set_header("Content-Type", f"{media_type}; charset=utf-8")
        self.finish(_part(file))


class Overview(_TokenHandler):
    """The reports and the jobs."""

    def get(self, _token: str) -> None:
        """Send them."""
        found = self.desk.listing()
        all_jobs = self.desk.jobs.all()
        audits = [job.command for job in all_jobs[::-1] if job.command.values.get("kind") == "audit"]
        asked = {command.out: dict(command.values) for command in audits}
        reports = [
            {
                **one.to_dict(),
                "address": self.desk.address_of(one.folder) if one.is_readable else "",
                "asked": asked.get(one.folder),
            }
            for one in found.reports
        ]
        jobs = [job.to_dict() for job in all_jobs]
        answer = {"folder": self.desk.root.root.name, "reports": reports, "files": found.files, "jobs": jobs}
        self.finish({**answer, "is_whole": found.is_whole})


class NewJob(_TokenHandler):
    """Starts a command."""

    def post(self, _token: str) -> None:
        """Check the request, and start it."""
        if self.is_too_large():
            return
        try:
            job = self.desk.jobs.add(command_of(json.loads(bytes(self.content)), self.desk.root))
        except KomorebiError as error:
            self.refuse(400, str(error))
        except (ValueError, RecursionError):
            self.refuse(400, "the request isn't JSON: reload the page")
        else:
            self.set_status(201)
            self.finish(job.to_dict())


class OneJob(_TokenHandler):
    """Stops a command."""

    async def delete(self, _token: str, number: str) -> None:
        """Stop it, and wait for its end."""
        try:
            await self.desk.jobs.stop(int(number))
        except KomorebiError as error:
            self.refuse(404, str(error))
        else:
            self.set_status(204)


@cache
def _part(name: str) -> bytes:
    return (files("komorebi_qc.desk.server") / name).read_bytes()
