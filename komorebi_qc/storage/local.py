"""Local stores: items in memory, media in files.

A result is built in a part file and renamed when it is complete; see `komorebi_qc.storage.atomic_file`.
"""

from __future__ import annotations

import io
import json
import os
import stat
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, BinaryIO

from komorebi_qc.core.errors import InputError, UnknownRecordingError
from komorebi_qc.core.privacy.redactions import check_size
from komorebi_qc.core.provenance.parts import whole_digest
from komorebi_qc.core.provenance.record import DraftRecord
from komorebi_qc.core.recording import Recording
from komorebi_qc.core.source import Source
from komorebi_qc.storage.atomic_file import (
    PartFile,
    copy_in_part_file,
    named_file_errors,
    new_part_file,
    real_path,
    write_errors,
)
from komorebi_qc.storage.protocols import CONTENT_TYPES, Published

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_NO_WAIT = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
"""Flags for opening: don't wait for a pipe's other end. Windows has only the second flag."""
_CONTAINERS = tuple(kind for kind, mime in CONTENT_TYPES.items() if mime.startswith("video/"))
_KINDS = {
    stat.S_ISDIR: "a directory",
    stat.S_ISFIFO: "a named pipe",
    stat.S_ISSOCK: "a socket",
    stat.S_ISCHR: "a device",
    stat.S_ISBLK: "a device",
}


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
    """Three to five files on disk (`komorebi_qc.storage.protocols.MediaStore`).

    Attributes:
        connect: the call audio.
        recording: the agent recording.
        out: the unified recording; without an extension it gets the container's.
        thumbnail: the thumbnail; None to write no thumbnail.
        analysis: Contact Lens' analysis of the call; None if there isn't any.
    """

    def __init__(
        self, connect: Path, recording: Path, out: Path, thumbnail: Path | None = None, analysis: Path | None = None
    ) -> None:
        self.connect = connect
        self.recording = recording
        self.out = out
        self.thumbnail = thumbnail
        self.analysis = analysis

    def check(self) -> None:
        """Check before any work that the inputs can be read and the results written.

        Raises:
            InputError: names the file, the problem and the remedy.
        """
        for path in self._inputs:
            _check_input(path)
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
        return [path for path in (self.connect, self.recording, self.analysis) if path is not None]

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
        """Read the analysis, if there is one.

        Raises:
            InputError: it doesn't exist, isn't a regular file, can't be read, or is too large for an analysis.
        """
        return () if self.analysis is None else (read_analysis_file(self.analysis),)

    @contextmanager
    def agent_recording(self, recording: Recording) -> Iterator[Source]:  # noqa: ARG002  one file for any item
        """Open the agent recording.

        Raises:
            InputError: it doesn't exist, isn't a regular file, or can't be read.
        """
        with opened_file(self.recording) as source:
            yield source

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
        return DraftRecord(folder, video.name, thumbnail, whole_digest(self._part.file))

    def publish(self, *, thumbnail: bytes | None, qc: bytes | None, replaces_all: bool = False) -> Published:
        """Rename the results to their final names: all of them, or none.

        The findings are beside the video, as ``<its name without extension>.qc.json``. An earlier video in another
        container is removed if they name it.

        Raises:
            InputError: a path can't be written any more.
            StorageError: the disk is full.
        """
        files, container = self._files, self._container
        files.check_outputs()
        out, picture, findings = files.video_path(container), files.thumbnail, files.qc_path(container)
        size, earlier = self._part.sync(), self._earlier_video() if replaces_all else None
        with ExitStack() as parts:
            ready = [
                (path, *_written(parts, path, body))
                for path, body in ((picture, thumbnail), (findings, qc))
                if path is not None and body is not None
            ]
            with ExitStack() as undo:
                for path, part, kept in ready:
                    part.move_to(path)
                    undo.callback(_put_back, path, kept)
                self._part.move_to(out)
                undo.pop_all()
        if earlier is not None:
            with named_file_errors(earlier):
                earlier.unlink(missing_ok=True)
        has_thumbnail = picture is not None and thumbnail is not None
        return Published(
            video=str(out),
            thumbnail=str(picture) if has_thumbnail else None,
            qc=None if qc is None else str(findings),
            video_bytes=size,
            thumbnail_bytes=len(thumbnail or b"") if has_thumbnail else 0,
        )

    def _earlier_video(self) -> Path | None:
        """The video that the present findings name, if its name differs by the container alone."""
        files = self._files
        others = [files.video_path(kind) for kind in _CONTAINERS if not files.out.suffix and kind != self._container]
        try:
            outputs = json.loads(files.qc_path(self._container).read_bytes())["provenance"]["outputs"]
            return next((path for path in others if path.name == outputs["video"]["location"]), None)
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return None


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
        if real.exists() and (kind := _kind(real.stat())):
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


def _kind(found: os.stat_result) -> str | None:
    """Return what it is; None for a regular file."""
    if stat.S_ISREG(found.st_mode):
        return None
    return next((name for is_kind, name in _KINDS.items() if is_kind(found.st_mode)), "not a regular file")


def _same_file(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:  # one of them doesn't exist yet
        return real_path(one) == real_path(other)


def _check_input(path: Path) -> None:
    with named_file_errors(path):
        if kind := _kind(path.stat()):
            raise InputError(f"{path} is {kind}: give a regular file")
        if not os.access(path, os.R_OK):
            raise InputError(f"{path} can't be read: no permission; check its owner and mode")


def _check_seekable(path: Path, file: BinaryIO) -> None:
    """Check that a file has positions; some of /proc can be opened, and not sought."""
    try:
        file.seek(0, os.SEEK_END)
        file.seek(0)
    except OSError as error:
        raise InputError(
            f"{path} can't be read at every position ({error.strerror}): give a regular file on a disk without faults"
        ) from error


@contextmanager
def opened_file(path: Path) -> Iterator[Source]:
    """Open a regular file on disk for reading.

    Raises:
        InputError: it doesn't exist, isn't a regular file, or can't be read.
    """
    with ExitStack() as stack:
        with named_file_errors(path):
            _check_input(path)
            # Without blocking: between the check and the opening it may have become a pipe.
            file = stack.enter_context(os.fdopen(os.open(path, os.O_RDONLY | _NO_WAIT), "rb"))
            found = os.fstat(file.fileno())
            if kind := _kind(found):
                raise InputError(f"{path} is {kind}: give a regular file")
            _check_seekable(path, file)
        yield Source(str(path), file, found.st_size)


def read_analysis_file(path: Path) -> Source:
    """Read an analysis into memory.

    Raises:
        InputError: it doesn't exist, isn't a regular file, can't be read, or is too large for an analysis.
    """
    with opened_file(path) as source:
        check_size(source.name, source.size)
        with named_file_errors(path):
            content = source.file.read()
    return Source(source.name, io.BytesIO(content), len(content))
