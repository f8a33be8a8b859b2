"""Makes the record of a run, once both inputs were read and the output is written."""

from __future__ import annotations

import platform
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import av

from komorebi_qc import __version__
from komorebi_qc.core.provenance.parts import FileDigest, digest_of_bytes, whole_digest
from komorebi_qc.core.provenance.record import FileRecord, Provenance
from komorebi_qc.storage.local import relative_location

if TYPE_CHECKING:
    from collections.abc import Callable

    from komorebi_qc.core.provenance.digest import InOrderDigest
    from komorebi_qc.core.provenance.record import DraftRecord
    from komorebi_qc.core.source import Source
    from komorebi_qc.pipeline.options import Options
    from komorebi_qc.pipeline.step_results import FetchedPair

NOT_SETTINGS = {"limits", "retain_artifacts", "signer"}
"""Options that the output doesn't depend on, or that ``qc.json`` has under a key of their own."""


@dataclass(frozen=True, slots=True)
class RecordedResults:
    """The results that a run will publish.

    Attributes:
        draft: the written video.
        thumbnail: as it will be published; None without one.
        captions: the words as WebVTT; None without a transcript that is used.
    """

    draft: DraftRecord
    thumbnail: bytes | None = None
    captions: bytes | None = None


def record_run(
    fetched: FetchedPair,
    results: RecordedResults,
    options: Options,
    check_cancelled: Callable[[], None],
    *,
    run_id: str = "",
) -> Provenance:
    """Return the record of a run. Bytes of an input that no step has read are read now.

    Args:
        fetched: the inputs.
        results: those that the run will publish.
        options: of the run.
        check_cancelled: called between two blocks; its exception ends the reading.
        run_id: of the run.

    Raises:
        StorageError: an input can't be read, or became shorter.
    """
    call, draft = fetched.call, results.draft
    recording, *further = _recordings(fetched, draft.folder, check_cancelled)
    return Provenance(
        _input(call.source, call.digest, draft.folder, check_cancelled),
        recording,
        FileRecord(draft.video, draft.digest),
        _small(draft.thumbnail, results.thumbnail),
        tuple(_whole(source, draft.folder) for source in call.analyses),
        software(),
        settings(options),
        run_id,
        None if call.transcript_file is None else _whole(call.transcript_file, draft.folder),
        _small(draft.captions, results.captions),
        tuple(further),
    )


def _recordings(fetched: FetchedPair, folder: str, check_cancelled: Callable[[], None]) -> list[FileRecord]:
    """The agent recording, or the files that were joined into it, in order of their places."""
    if not fetched.recording.parts:
        return [_input(fetched.recording, fetched.digest, folder, check_cancelled)]
    return [
        FileRecord(_location(part.name, folder), part.digest, part.etag, part.version_id)
        for part in fetched.recording.parts
        if part.digest is not None
    ]


def _small(name: str, content: bytes | None) -> FileRecord | None:
    return FileRecord(name, digest_of_bytes(content)) if name and content is not None else None


def _whole(source: Source, folder: str) -> FileRecord:
    digest = whole_digest(source.reopen().file)
    return FileRecord(_location(source.name, folder), digest, source.etag, source.version_id)


def _location(name: str, folder: str) -> str:
    is_on_disk = bool(folder) and not folder.startswith("s3://")
    return relative_location(name, folder) if is_on_disk else name


def _input(source: Source, digest: InOrderDigest, folder: str, check_cancelled: Callable[[], None]) -> FileRecord:
    file = source.reopen().file if digest.done_bytes < digest.size else source.file
    sha256 = digest.finish(file, check_cancelled)
    return FileRecord(_location(source.name, folder), FileDigest(digest.size, sha256), source.etag, source.version_id)


def software() -> dict[str, str | None]:
    """Names and versions of the software that makes an output."""
    return {
        "komorebi_qc": __version__,
        "python": platform.python_version(),
        "pyav": av.__version__,
        "ffmpeg": str(getattr(av, "ffmpeg_version_info", "")) or None,
    }


def settings(options: Options) -> dict[str, str | int | float | bool | None]:
    """The settings that an output depends on, by their names in `Options`."""
    return {one.name: getattr(options, one.name) for one in fields(options) if one.name not in NOT_SETTINGS}
