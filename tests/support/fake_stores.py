"""A table and a media store in memory, for runs of the pipeline."""

from __future__ import annotations

import io
import json
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from komorebi_qc.core.errors import UnknownRecordingError
from komorebi_qc.core.provenance.parts import digest_of_bytes
from komorebi_qc.core.provenance.record import DraftRecord
from komorebi_qc.core.recording import Recording
from komorebi_qc.core.source import Source
from komorebi_qc.core.timebase import Alignment, parse_call_end
from komorebi_qc.pipeline.options import Order
from komorebi_qc.storage.protocols import Published

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager
    from typing import BinaryIO

    from captures import Capture

    from komorebi_qc.core.contact.choice import FoundContact

ID = "7b0d2c1a-6a57-4a5e-9a3b-1f0c2d3e4f50"
ITEM = Recording(ID, "agent-1", datetime(2026, 11, 24, 12, 0, 0))  # noqa: DTZ001  a table's date has no time zone


class Table:
    """A table with one item."""

    def __init__(self) -> None:
        self.item: Recording | None = ITEM
        self.updates: list[dict[str, object]] = []

    def get(self, recording_id: str) -> Recording:
        """The item."""
        if self.item is None or recording_id != ID:
            raise UnknownRecordingError(f"no item {recording_id}")
        return self.item

    def mark_processed(
        self, recording: Recording, attributes: Mapping[str, object], *, replaces: str | None = None
    ) -> bool:
        """Note the attributes."""
        if self.item is None:
            raise UnknownRecordingError(f"{recording.recording_id} has gone")
        if replaces not in (None, self.item.run_id):
            return False
        self.updates.append(dict(attributes))
        return True


class Media:
    """A store with two inputs that notes the published files."""

    def __init__(self, call: bytes, recording: bytes) -> None:
        self.call, self.own = call, recording
        self.published: list[tuple[str, bytes, bytes | None]] = []
        self.run_id = ""
        self.documents: list[Any] = []
        self.replaced_all: list[bool] = []
        self.keep_document: Callable[[bytes], None] = lambda _: None
        self.open_files = 0
        self.is_remote = False
        self.opened: list[str] = []
        self.before_publishing: Callable[[], None] = lambda: None
        self.fails: dict[str, Exception] = {}
        self.versions: tuple[str, ...] = ("connect.wav", "1", "recording", "1")
        self.analysis: dict[str, bytes] = {}
        self.words: bytes | None = None
        self.further: dict[str, bytes] = {}
        self.found_contact: FoundContact | None = None
        self.captions: bytes | None = None

    @contextmanager
    def _source(self, name: str, data: bytes) -> Iterator[Source]:
        if name in self.fails:
            raise self.fails[name]
        self.open_files += 1
        try:
            again = (lambda: self._again(name, data)) if self.is_remote else None
            yield Source(name, io.BytesIO(data), len(data), again, self.versions[2 * (name == "recording") :][:2])
        finally:
            self.open_files -= 1

    def _again(self, name: str, data: bytes) -> BinaryIO:
        self.opened.append(name)
        return io.BytesIO(data)

    def input_versions(self, recording: Recording) -> tuple[str, ...]:
        """The versions of the inputs."""
        assert recording.recording_id == ID
        if "versions" in self.fails:
            raise self.fails["versions"]
        return self.versions

    def has_results(self, recording: Recording, container: str, run_id: str) -> bool:
        """Whether the last published results are of this run."""
        assert recording.recording_id == ID
        return any(name == container for name, *_ in self.published[-1:]) and run_id in ("", self.run_id)

    def findings_version(self, recording: Recording) -> str:
        """The run of the last published findings."""
        assert recording.recording_id == ID
        return self.run_id

    def call_audio(self, recording: Recording) -> AbstractContextManager[Source]:
        """The call audio."""
        assert recording.recording_id == ID
        return self._source("connect.wav", self.call)

    def analyses(self, recording: Recording) -> tuple[Source, ...]:
        """Contact Lens' analyses: `analysis`, with the versions after those of the inputs."""
        assert recording.recording_id == ID
        if "analyses" in self.fails:
            raise self.fails["analyses"]
        versions = [self.versions[at : at + 2] for at in range(4, 4 + 2 * len(self.analysis), 2)]
        return tuple(
            Source(name, io.BytesIO(data), len(data), version=version)
            for (name, data), version in zip(self.analysis.items(), versions, strict=True)
        )

    def contact(self, recording: Recording) -> FoundContact | None:
        """The contact's record, if there is one."""
        assert recording.recording_id == ID
        return self.found_contact

    def transcript(self, recording: Recording) -> Source | None:
        """The transcript, if there is one."""
        assert recording.recording_id == ID
        return None if self.words is None else Source("words.vtt", io.BytesIO(self.words), len(self.words))

    def agent_recording(self, recording: Recording) -> AbstractContextManager[Source]:
        """The agent recording."""
        assert recording.recording_id == ID
        return self._source("recording", self.own)

    @contextmanager
    def further_recordings(self, recording: Recording) -> Iterator[tuple[Source, ...]]:
        """The other files of the agent recording: `further`, by name."""
        assert recording.recording_id == ID
        yield tuple(Source(name, io.BytesIO(data), len(data)) for name, data in self.further.items())

    @contextmanager
    def draft(
        self, recording: Recording, container: str, run_id: str = "", replaces: str | None = None
    ) -> Iterator[Draft]:
        """A file in memory."""
        assert (recording.recording_id, replaces) == (ID, self.run_id)
        self.open_files += 1
        try:
            yield Draft(self, container, run_id)
        finally:
            self.open_files -= 1


class Draft:
    """A video in memory."""

    def __init__(self, media: Media, container: str, run_id: str) -> None:
        self.media, self.container, self.run_id = media, container, run_id
        self.file = io.BytesIO()
        self.begun: list[int] = []

    def begin(self, head_bytes: int) -> BinaryIO:
        """A new file."""
        self.begun.append(head_bytes)
        self.file = io.BytesIO()
        return self.file

    def front(self) -> bytes:
        """Its first bytes."""
        return self.file.getvalue()[: 1 << 20]

    def record(self) -> DraftRecord:
        """Its digest."""
        digest = digest_of_bytes(self.file.getvalue())
        return DraftRecord("", f"recording.{self.container}", "thumbnail.png", digest, "recording.vtt")

    def publish(
        self, *, thumbnail: bytes | None, qc: bytes | None, captions: bytes | None = None, replaces_all: bool = False
    ) -> Published:
        """Note the published files, and whether they replace all others."""
        media = self.media
        media.replaced_all.append(replaces_all)
        media.before_publishing()
        if "publish" in media.fails:
            raise media.fails["publish"]
        data = self.file.getvalue()
        media.published.append((self.container, data, thumbnail))
        media.run_id = self.run_id
        media.captions = captions
        media.documents.append(json.loads(qc or b"null"))
        media.keep_document(qc or b"")
        name = "thumbnail.png" if thumbnail else None
        qc_name = "qc.json" if qc else None
        words = "recording.vtt" if captions else None
        return Published(f"recording.{self.container}", name, qc_name, len(data), len(thumbnail or b""), captions=words)


class NotedProgress:
    """A progress that notes its steps."""

    def __init__(self) -> None:
        self.steps: list[tuple[int, int, str]] = []
        self.fractions: list[float] = []

    def step(self, number: int, of: int, name: str) -> None:
        """A step begins."""
        self.steps.append((number, of, name))

    def advance(self, fraction: float) -> None:
        """Note nothing else."""
        self.fractions.append(fraction)

    def check(self) -> None:
        """Note nothing else."""


def stores(capture: Capture) -> tuple[Table, Media]:
    """A table and a store for a capture."""
    return Table(), Media(capture.call.read_bytes(), capture.recording.read_bytes())


def measured_order(capture: Capture) -> Order:
    """An order for a capture whose sync is measured."""
    return Order(ID, parse_call_end(capture.call_end))


def manual_order(capture: Capture) -> Order:
    """An order for a capture, with the alignment of its truth."""
    return replace(measured_order(capture), alignment=Alignment(capture.offset_s))
