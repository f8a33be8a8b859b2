"""The server's requests. Each is checked for its host, its origin and its secret before anything else is done."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from tornado.web import RequestHandler

from komorebi_qc.core.analyst.correction import read_correction
from komorebi_qc.core.errors import KomorebiError
from komorebi_qc.core.notes import MOST_BYTES, NOTES_FILE, Notes, notes_bytes, read_notes
from komorebi_qc.desk.server.access import OPAQUE, Secrets, is_own_host, is_own_origin, is_plain_path
from komorebi_qc.desk.server.byte_ranges import UnsatisfiableRangeError, byte_range
from komorebi_qc.desk.server.commands import command_of
from komorebi_qc.desk.server.reports import CORRECTION, Listing, is_of_report, listing_of, recording_id_of
from komorebi_qc.storage.opened_folder import ChangedFileError, OpenedFolder, version_of

if TYPE_CHECKING:
    from komorebi_qc.desk.server.jobs import Jobs

_MOST_REQUEST_BYTES = 64_000
_BLOCK_BYTES = 256 << 10
_TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".json": "application/json",
    ".ipynb": "application/json",
    ".vtt": "text/vtt; charset=utf-8",
    ".m4a": "audio/mp4",
    ".mp4": "video/mp4",
    ".webm": "video/webm",
    ".wav": "audio/wav",
    ".opus": "audio/ogg",
    ".ogg": "audio/ogg",
    ".png": "image/png",
    ".webp": "image/webp",
    ".svg": "image/svg+xml",
    ".csv": "text/csv; charset=utf-8",
    ".md": "text/markdown; charset=utf-8",
}
"""Files with other suffixes aren't served."""
_PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
_REPORT_POLICY = (
    "sandbox allow-scripts allow-downloads allow-modals allow-popups; default-src 'none'; script-src 'unsafe-inline'; "
    "style-src 'unsafe-inline'; img-src 'self' data: blob:; media-src 'self' data: blob:; connect-src 'self'; "
    "frame-src 'self'; base-uri 'none'; form-action 'none'"
)
"""A report's own policy names its scripts by hash. This one keeps it from other addresses, and from the desk."""
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
        return f"/r/{self.secrets.of_report(folder)}/report.html"


class _Handler(RequestHandler):
    """A request after its checks."""

    is_opaque = False
    """Whether a report in its sandbox may send it."""

    def initialize(self, desk: Desk) -> None:
        self.desk = desk

    def set_default_headers(self) -> None:
        self.clear_header("Server")
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Referrer-Policy", "no-referrer")
        self.set_header("Cache-Control", "no-store")
        self.set_header("X-Frame-Options", "DENY")
        self.set_header("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
        self.set_header("Cross-Origin-Opener-Policy", "same-origin")

    def prepare(self) -> None:
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

    def decoded(self, most: int) -> object:
        """The request's JSON.

        Raises:
            ValueError: it isn't JSON, or it is larger.
        """
        if len(self.request.body) > most:
            raise ValueError("too large")
        return json.loads(self.request.body)


class NothingHere(_Handler):
    """Every address without a secret."""

    def prepare(self) -> None:
        """Refuse it."""
        super().prepare()
        if not self._finished:
            self.refuse(403, "open the address that `komorebi-qc desk` printed; it has a secret in it")


class _TokenHandler(_Handler):
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
        reports = [
            {**one.to_dict(), "address": self.desk.address_of(one.folder) if one.is_readable else ""}
            for one in found.reports
        ]
        jobs = [job.to_dict() for job in self.desk.jobs.all()]
        answer = {"folder": self.desk.root.root.name, "reports": reports, "files": found.files, "jobs": jobs}
        self.finish({**answer, "is_whole": found.is_whole})


class NewJob(_TokenHandler):
    """Starts a command."""

    def post(self, _token: str) -> None:
        """Check the request, and start it."""
        try:
            job = self.desk.jobs.add(command_of(self.decoded(_MOST_REQUEST_BYTES), self.desk.root))
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


class ReportFile(_Handler):
    """A file of one report. The report's own secret opens it, and nothing else."""

    is_opaque = True

    def set_default_headers(self) -> None:
        """Keep the report in a sandbox, and let it read its own files."""
        super().set_default_headers()
        self.clear_header("Cross-Origin-Opener-Policy")
        self.clear_header("X-Frame-Options")  # a report frames the page of its trial audio
        self.set_header("Content-Security-Policy", _REPORT_POLICY)
        self.set_header("Access-Control-Allow-Origin", OPAQUE)
        self.set_header("Access-Control-Expose-Headers", "ETag, X-Komorebi-Desk")
        self.set_header("X-Komorebi-Desk", "1")

    def prepare(self) -> None:
        """Check the report's secret."""
        super().prepare()
        if not self._finished and self.path_args[0] not in self.desk.folders:
            self.refuse(403, "the secret in this address is wrong: open the report from the desk's page")

    @property
    def folder(self) -> str:
        """The report's folder, relative to the root."""
        return self.desk.folders[self.path_args[0]]

    def options(self, _secret: str, _name: str) -> None:
        """Let a report in its sandbox save its notes."""
        self.set_header("Access-Control-Allow-Methods", "GET, HEAD, PUT")
        self.set_header("Access-Control-Allow-Headers", "If-Match, Content-Type, Range")
        self.set_status(204)

    async def head(self, secret: str, name: str) -> None:
        """Send the headers of a file."""
        await self.get(secret, name)

    async def get(self, _secret: str, name: str) -> None:
        """Send a file, or a range of it."""
        suffix = PurePosixPath(name).suffix.lower()
        if suffix not in _TYPES:
            self.send_error(404)
            return
        self.set_header("Content-Type", _TYPES[suffix])
        if name in (NOTES_FILE, CORRECTION):
            self._send_saved(name)
            return
        try:
            if not is_of_report(name):
                raise FileNotFoundError(name)
            file = self.desk.root.open_file(self._in_root(name))
        except FileNotFoundError:
            self.send_error(404)
            return
        with os.fdopen(file, "rb") as opened:
            await self._send(opened.fileno())

    def put(self, _secret: str, name: str) -> None:
        """Save notes or a correction, unless somebody else has changed them."""
        version = self.request.headers.get("If-Match", "").strip('"')
        recording_id = recording_id_of(self.desk.root, self.folder)
        if name not in (NOTES_FILE, CORRECTION):
            self.send_error(405)
        elif not recording_id:
            self.refuse(404, "there is no qc.json beside this report, so its recording is unknown")
        elif not version:
            self.refuse(428, "the version that was loaded is missing: reload the report")
        else:
            self._save(name, version, recording_id)

    def _save(self, name: str, version: str, recording_id: str) -> None:
        try:
            content = _checked(name, self.request.body, recording_id)
            present = self.desk.root.read(self._in_root(name), max_bytes=MOST_BYTES)
            if present is not None:
                _checked(name, present, recording_id)  # a file that nobody can read may hold somebody's work
            saved = self.desk.root.replace(self._in_root(name), content, version)
        except ChangedFileError as error:
            self.refuse(409, str(error))
        except FileNotFoundError:
            self.send_error(404)
        except KomorebiError as error:
            self.refuse(400, str(error))
        else:
            self.set_header("ETag", f'"{saved}"')
            self.finish({"version": saved})

    def _send_saved(self, name: str) -> None:
        """Send notes or a correction with their version. Without a file there are no notes."""
        recording_id = recording_id_of(self.desk.root, self.folder)
        try:
            content = self.desk.root.read(self._in_root(name), max_bytes=MOST_BYTES)
        except KomorebiError as error:
            self.refuse(400, str(error))
            return
        self.set_header("ETag", f'"{version_of(content)}"')
        if content is None and name == NOTES_FILE and recording_id:
            content = notes_bytes(Notes(recording_id))
        if content is None:
            self.refuse(404, f"there is no {name} beside this report")
            return
        try:
            _checked(name, content, recording_id)
        except KomorebiError as error:
            self.refuse(400, str(error))
        else:
            self.finish(content)

    def _in_root(self, name: str) -> str:
        return f"{self.folder}/{name}" if self.folder else name

    async def _send(self, file: int) -> None:
        size = os.fstat(file).st_size
        self.set_header("Accept-Ranges", "bytes")
        try:
            part = byte_range(self.request.headers.get("Range"), size)
        except UnsatisfiableRangeError:
            self.set_status(416)
            self.set_header("Content-Range", f"bytes */{size}")
            return
        start, end = part or (0, size)
        if part is not None:
            self.set_status(206)
            self.set_header("Content-Range", f"bytes {start}-{end - 1}/{size}")
        self.set_header("Content-Length", str(end - start))
        while start < end and self.request.method == "GET":
            block = os.pread(file, min(_BLOCK_BYTES, end - start), start)
            if not block:
                break
            start += len(block)
            self.write(block)
            await self.flush()  # waits until the reader takes it

    def compute_etag(self) -> str | None:
        """Let no answer have another version than the file's."""
        return None


def _checked(name: str, content: bytes, recording_id: str) -> bytes:
    """Notes or a correction as they are written.

    Raises:
        InputError: they can't be used, or are of another recording.
    """
    if name == NOTES_FILE:
        return notes_bytes(read_notes(content, name, recording_id=recording_id))
    correction = read_correction(content, name)
    if recording_id:
        correction.check_recording(recording_id)
    return correction.to_bytes()


@cache
def _part(name: str) -> bytes:
    return (files("komorebi_qc.desk.server") / name).read_bytes()
