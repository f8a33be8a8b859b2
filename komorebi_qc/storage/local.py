"""Local stores: items in memory, media in files.

A result is built in a part file and renamed when it is complete; see `komorebi_qc.storage.atomic_file`.
"""

from __future__ import annotations

import json
import os
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, BinaryIO

from komorebi_qc.core.errors import InputError, UnknownRecordingError
from komorebi_qc.core.provenance.parts import whole_digest
from komorebi_qc.core.provenance.record import DraftRecord
from komorebi_qc.core.recording import Recording
from komorebi_qc.storage.atomic_file import (
    PartFile,
    copy_in_part_file,
    named_file_errors,
    new_part_file,
    real_path,
    write_errors,
)
from komorebi_qc.storage.input_file import (
    MAX_WORDS_BYTES,
    check_input,
    kind_of,
    opened_file,
    read_analysis_file,
    read_small_file,
)
from komorebi_qc.storage.protocols import CONTENT_TYPES, Published

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from komorebi_qc.core.contact.choice import FoundContact
    from komorebi_qc.core.source import Source

_CONTAINERS = tuple(kind for kind, mime in CONTENT_TYPES.items() if mime.startswith("video/"))


class LocalTable:
    """The table ``Recording`` in memory (`komorebi_qc.storage.protocols.RecordingsTable`).

    Attributes:
        items: by recording ID; a removed item is missing, as in the real table.
        attributes: set by `mark_processed`, by recording ID.
    """

    def __init__(self, items: Recording | Mapping[str, Recording]) -> None:
        self.items = {items.recording_id: items} if isinstance(items, Recording) else dict(items)
        self.attributes: dict[str, dict[str, str | int | float | bool | None]] = {}

    def get(self, recording_id: str) -> Recording:
        """Read one item.

        Raises:
            UnknownRecordingError: there is no item.
        """
        if recording_id not in self.items:
            raise UnknownRecordingError(f"there is no item with videoID {recording_id}: check the ID")
        return self.items[recording_id]

    def mark_processed(
        self,
        recording: Recording,
        attributes: Mapping[str, str | int | float | bool | None],
        *,
        replaces: str | None = None,  # noqa: ARG002  one process has the table
    ) -> bool:
        """Set ``isProcessed`` and `attributes`, and nothing else, if the item is still there; return True.

        Raises:
            UnknownRecordingError: the item was removed meanwhile.
        """
        self.get(recording.recording_id)
        self.attributes.setdefault(recording.recording_id, {}).update({"isProcessed": True, **attributes})
        return True


class LocalFiles:
    """Three or more files on disk (`komorebi_qc.storage.protocols.MediaStore`).

    Attributes:
        connect: the call audio.
        recording: the agent recording.
        out: the unified recording; without an extension it gets the container's.
        thumbnail: the thumbnail; None to write no thumbnail.
        analysis: Contact Lens' analysis of the call; None if there isn't any.
        words: a transcript of the call; None if there isn't any.
        further: other files of the same agent recording, in any order.
    """

    def __init__(
        self,
        connect: Path,
        recording: Path,
        out: Path,
        thumbnail: Path | None = None,
        analysis: Path | None = None,
        words: Path | None = None,
        further: Sequence[Path] = (),
    ) -> None:
        self.connect = connect
        self.recording = recording
        self.out = out
        self.thumbnail = thumbnail
        self.analysis = analysis
        self.words = words
        self.further = tuple(further)

    def check(self) -> None:
        """Check before any work that the inputs can be read and the results written.

        Raises:
            InputError: names the file, the problem and the remedy.
        """
        for path in self._inputs:
            check_input(path)
        self.check_outputs()

    def check_outputs(self) -> None:
        """Check the results only."""
        check_output(self.out, *self._inputs)
        # Without an extension, the name depends on the container.
        outputs = [self.out] if self.out.suffix else [self.video_path(kind) for kind in _CONTAINERS]
        for path in outputs:
            check_output(path, *self._inputs)
        if self.thumbnail is not None:
            check_output(self.thumbnail, *self._inputs)
            if any(_same_file(self.thumbnail, path) for path in outputs):
                raise InputError(
                    f"{self.thumbnail} can't hold both the video and the thumbnail: give one of them another name"
                )

    @property
    def _inputs(self) -> list[Path]:
        named = (self.connect, self.recording, self.analysis, self.words)
        return [*(path for path in named if path is not None), *self.further]

    def input_versions(self, recording: Recording) -> tuple[str, ...]:  # noqa: ARG002  one set of files
        """Return no versions: named files are always processed."""
        return ()

    def has_results(self, recording: Recording, container: str, run_id: str) -> bool:  # noqa: ARG002  one set of files
        """Return whether the unified recording exists; files carry no run ID."""
        return self.video_path(container).is_file()

    def findings_version(self, recording: Recording) -> str:  # noqa: ARG002  one set of files
        """Return nothing: named files are always written."""
        return ""

    @contextmanager
    def call_audio(self, recording: Recording) -> Iterator[Source]:  # noqa: ARG002  one file for any item
        """Open the call audio.

        Raises:
            InputError: it doesn't exist, isn't a regular file, or can't be read.
        """
        with opened_file(self.connect) as source:
            yield source

    def analyses(self, recording: Recording) -> tuple[Source, ...]:  # noqa: ARG002  one file for any item
        """Read the analysis, if there is one (`read_analysis_file`)."""
        return () if self.analysis is None else (read_analysis_file(self.analysis),)

    def contact(self, recording: Recording) -> FoundContact | None:  # noqa: ARG002  a file has no contact
        """Return no contact: its record is of a recording in AWS."""
        return None

    def transcript(self, recording: Recording) -> Source | None:  # noqa: ARG002  one file for any item
        """Read the transcript, if there is one.

        Raises:
            InputError: it doesn't exist, isn't a regular file, can't be read, or is too large for a transcript.
        """
        return None if self.words is None else read_small_file(self.words, MAX_WORDS_BYTES)

    @contextmanager
    def agent_recording(self, recording: Recording) -> Iterator[Source]:  # noqa: ARG002  one file for any item
        """Open the agent recording.

        Raises:
            InputError: it doesn't exist, isn't a regular file, or can't be read.
        """
        with opened_file(self.recording) as source:
            yield source

    @contextmanager
    def further_recordings(self, recording: Recording) -> Iterator[tuple[Source, ...]]:  # noqa: ARG002  as above
        """Open the other files of the agent recording.

        Raises:
            InputError: one doesn't exist, isn't a regular file, or can't be read.
        """
        with ExitStack() as stack:
            yield tuple(stack.enter_context(opened_file(path)) for path in self.further)

    @contextmanager
    def draft(
        self,
        recording: Recording,  # noqa: ARG002  one set of files for any item
        container: str,
        run_id: str = "",  # noqa: ARG002  files carry none beside their content
        replaces: str | None = None,  # noqa: ARG002  named files are always written
    ) -> Iterator[LocalDraft]:
        """Open a part file beside `out`. Unless published, it is deleted with the context, or by the next run.

        Raises:
            InputError: `check` fails.
            StorageError: the disk is full.
        """
        self.check()
        with new_part_file(self.out) as part:
            yield LocalDraft(self, container, part)

    def qc_path(self, container: str) -> Path:
        """Return the path of the findings."""
        return self.video_path(container).with_suffix(".qc.json")

    def captions_path(self, container: str) -> Path:
        """Return the path of the captions."""
        return self.video_path(container).with_suffix(".vtt")

    def video_path(self, container: str) -> Path:
        """Return the path of the video."""
        return self.out if self.out.suffix else self.out.with_name(f"{self.out.name}.{container}")


class LocalDraft:
    """A video in a part file (`komorebi_qc.storage.protocols.Draft`)."""

    def __init__(self, files: LocalFiles, container: str, part: PartFile) -> None:
        self._files = files
        self._container = container
        self._part = part
        self._head_bytes = 0

    def begin(self, head_bytes: int) -> BinaryIO:
        """Return the part file, emptied."""
        self._head_bytes = head_bytes
        file = self._part.file
        if file.seek(0, os.SEEK_END):
            file.seek(0)
            file.truncate()
        return file

    def front(self) -> bytes:
        """Return the part file's first bytes."""
        file = self._part.file
        file.seek(0)
        return file.read(self._head_bytes)

    def record(self) -> DraftRecord:
        """Read the part file once more, and return its digest."""
        files = self._files
        video = files.video_path(self._container)
        folder = os.path.realpath(video.parent)
        thumbnail = "" if files.thumbnail is None else relative_location(str(files.thumbnail), folder)
        self._part.file.seek(0)
        captions = files.captions_path(self._container).name
        return DraftRecord(folder, video.name, thumbnail, whole_digest(self._part.file), captions)

    def publish(
        self, *, thumbnail: bytes | None, qc: bytes | None, captions: bytes | None = None, replaces_all: bool = False
    ) -> Published:
        """Rename the results to their final names: all of them, or none.

        The findings are beside the video, as ``<its name without extension>.qc.json``, and the captions as ``.vtt``. An
        earlier video in another container, and earlier captions, are removed if the findings name them.

        Raises:
            InputError: a path can't be written any more.
            StorageError: the disk is full.
        """
        files, container = self._files, self._container
        files.check_outputs()
        out, picture, findings = files.video_path(container), files.thumbnail, files.qc_path(container)
        words = files.captions_path(container)
        size, earlier = self._part.sync(), self._earlier(replaces_all=replaces_all, has_captions=captions is not None)
        with ExitStack() as parts:
            ready = [
                (path, *_written(parts, path, body))
                for path, body in ((picture, thumbnail), (words, captions), (findings, qc))
                if path is not None and body is not None
            ]
            with ExitStack() as undo:
                for path, part, kept in ready:
                    part.move_to(path)
                    undo.callback(_put_back, path, kept)
                self._part.move_to(out)
                undo.pop_all()
        for path in earlier:
            with named_file_errors(path):
                path.unlink(missing_ok=True)
        has_thumbnail = picture is not None and thumbnail is not None
        return Published(
            video=str(out),
            thumbnail=str(picture) if has_thumbnail else None,
            qc=None if qc is None else str(findings),
            video_bytes=size,
            thumbnail_bytes=len(thumbnail or b"") if has_thumbnail else 0,
            captions=None if captions is None else str(words),
        )

    def _earlier(self, *, replaces_all: bool, has_captions: bool) -> list[Path]:
        """Files that the present findings name and that this run doesn't write: captions, a video of another name."""
        files, container = self._files, self._container
        mine = [] if has_captions else [("captions", files.captions_path(container))]
        if replaces_all and not files.out.suffix:
            mine += [("video", files.video_path(kind)) for kind in _CONTAINERS if kind != container]
        try:
            outputs = json.loads(files.qc_path(container).read_bytes())["provenance"]["outputs"]
            return [path for role, path in mine if (outputs.get(role) or {}).get("location") == path.name]
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return []


def relative_location(path: str, folder: str) -> str:
    """Return a path relative to a real folder, with slashes. A path of another drive stays absolute.

    Args:
        path: of a file; an ``s3://`` address stays as it is.
        folder: without links, as `os.path.realpath` returns it.
    """
    if path.startswith("s3://"):
        return path
    real = os.path.realpath(path)
    try:
        return os.path.relpath(real, folder).replace(os.sep, "/")
    except ValueError:  # Windows
        return real


def check_output(path: Path, *inputs: Path) -> None:
    """Check before any work that a result can be written there, and isn't an input.

    Raises:
        InputError: names the file, the problem and the remedy.
    """
    with named_file_errors(path):
        real = real_path(path)
        if path.name in ("", ".."):
            raise InputError(f"{path} is a directory: name a file in it")
        if real.exists() and (kind := kind_of(real.stat())):
            todo = "name a file in it" if kind == "a directory" else "name a file to be written"
            raise InputError(f"{path} is {kind}: {todo}")
        if not real.parent.is_dir():
            found = "isn't a directory" if real.parent.exists() else "doesn't exist"
            raise InputError(f"{path} can't be written: its folder {real.parent} {found}; make it first")
    for source in inputs:
        if _same_file(path, source):
            raise InputError(f"{path} is the input {source}, which is never written: name another file")
    if not os.access(real.parent, os.W_OK | os.X_OK):
        raise InputError(f"{path} can't be written: no permission to write in {real.parent}; choose another folder")


def _written(parts: ExitStack, path: Path, body: bytes) -> tuple[PartFile, PartFile | None]:
    """Write a small file beside its final path, and copy the current one."""
    part = parts.enter_context(new_part_file(path))
    with write_errors(path):
        part.file.write(body)
    part.sync()
    return part, parts.enter_context(copy_in_part_file(path))


def _put_back(path: Path, kept: PartFile | None) -> None:
    if kept is None:
        real_path(path).unlink(missing_ok=True)
    else:
        kept.move_to(path)


def _same_file(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:  # one of them doesn't exist yet
        return real_path(one) == real_path(other)
