"""A report's requests: the frame around its page, its files, and the notes and the correction that it saves.

A sandbox doesn't keep a page from going elsewhere, with all that it has read in the address. So the page is in a frame,
and the policy of the page around it allows addresses of this report only.
"""

from __future__ import annotations

import html
import os
from functools import cache
from importlib.resources import files
from pathlib import PurePosixPath
from typing import Final

from komorebi_qc.core.analyst.correction import read_correction
from komorebi_qc.core.errors import KomorebiError
from komorebi_qc.core.notes import MOST_BYTES, NOTES_FILE, Notes, notes_bytes, read_notes
from komorebi_qc.desk.content_policy import content_policy
from komorebi_qc.desk.server.access import OPAQUE
from komorebi_qc.desk.server.byte_ranges import UnsatisfiableRangeError, byte_range
from komorebi_qc.desk.server.handlers import CheckedHandler
from komorebi_qc.desk.server.reports import CORRECTION, is_of_report, recording_id_of
from komorebi_qc.storage.opened_folder import ChangedFileError, version_of

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
_PAGES: Final = (".html", ".svg")
"""Files that can run scripts."""
_REPORT_POLICY = (
    "sandbox allow-scripts allow-downloads allow-modals; default-src 'none'; script-src 'unsafe-inline'; "
    "style-src 'unsafe-inline'; img-src 'self' data: blob:; media-src 'self' data: blob:; connect-src 'self'; "
    "frame-src 'self'; base-uri 'none'; form-action 'none'"
)
"""A report's own policy names its scripts by hash. This one keeps it from other addresses, and from the desk."""


class ReportFrame(CheckedHandler):
    """The page around a report."""

    def get(self, secret: str) -> None:
        """Send it."""
        if secret not in self.desk.folders:
            self.refuse(403, "the secret in this address is wrong: open the report from the desk's page")
            return
        page, script = _frame()
        own = f"http://{self.request.host}/r/{secret}/"
        self.set_header("Content-Security-Policy", f"{content_policy(script, frames=own)}; frame-ancestors 'none'")
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.finish(page.replace("{name}", html.escape(self.desk.folders[secret] or self.desk.root.root.name)))


class ReportFile(CheckedHandler):
    """A file of one report. The report's own secret opens it, and nothing else."""

    is_opaque = True
    most_bytes = MOST_BYTES

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
        if suffix in _PAGES and self.request.headers.get("Sec-Fetch-Dest") == "document":
            self.redirect(f"/r/{self.path_args[0]}/")  # a page that isn't in its frame could leave it
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
        elif self.is_too_large():
            return
        elif not version:
            self.refuse(428, "the version that was loaded is missing: reload the report")
        else:
            self._save(name, version, recording_id)

    def _save(self, name: str, version: str, recording_id: str) -> None:
        try:
            content = _checked(name, bytes(self.content), recording_id)
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
            self.set_status(204)  # its version is in the headers
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
def _frame() -> tuple[str, str]:
    """The page, and its script."""
    page = (files("komorebi_qc.desk.server") / "frame.html").read_text(encoding="utf-8")
    return page, page.partition("<script>")[2].partition("</script>")[0]
