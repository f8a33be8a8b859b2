"""A recording on the desk: where it came from, where a result of it would go, and what an examination found.

It comes from two local files, from the configured AWS by its ID, or, where nothing is named, from the sample call on
an embedded AWS. Nothing is published, and no item is touched.
"""

from __future__ import annotations

import os
import pickle  # of our own making alone, see `load`
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from komorebi_qc.core.errors import InputError
from komorebi_qc.core.progress import SILENT
from komorebi_qc.core.recording import Recording, check_recording_id
from komorebi_qc.core.timebase import parse_call_end
from komorebi_qc.demo.run import RECORDING, embedded_aws, make_resources, sample_truth, upload_sample
from komorebi_qc.pipeline.examine import examine
from komorebi_qc.pipeline.process import Options
from komorebi_qc.storage.local import opened_file
from komorebi_qc.wiring import Settings, read_local

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from komorebi_qc.core.limits import Limits
    from komorebi_qc.core.progress import Progress
    from komorebi_qc.core.timebase import CallEnd
    from komorebi_qc.pipeline.examine import Examined

Origin = Literal["files", "aws", "demo"]
SAVED = "examined.pickle"
LOCAL_ID = "local"
_NO_ITEM = Recording(LOCAL_ID, LOCAL_ID, datetime(1970, 1, 1))  # noqa: DTZ001  as the table's: no zone


@dataclass(frozen=True, slots=True)
class AuditRequest:
    """What a person names, as it was written; empty texts for what isn't named.

    Attributes:
        connect: Connect's audio, a file.
        recording: the agent recording, a file.
        recording_id: a recording of the configured table, instead of the two.
        call_end: ``HH:MM:SS``, ``MM:SS`` or seconds.

    Raises:
        InputError: where one isn't a text, or they contradict each other, or one is missing.
    """

    connect: str = ""
    recording: str = ""
    recording_id: str = ""
    call_end: str = ""

    def __post_init__(self) -> None:
        for name in ("connect", "recording", "recording_id", "call_end"):
            value = getattr(self, name)
            if not isinstance(value, str):
                raise InputError(f"{name} is {value!r}: it is a text, so write it in quotes")
        if self.recording_id and (self.connect or self.recording):
            raise InputError(
                "recording_id and files are both named: its files are in the buckets; name one or the other"
            )
        if bool(self.connect) != bool(self.recording):
            missing = "recording" if self.connect else "connect"
            raise InputError(f"{missing} is missing: name both files, or neither for the sample call")
        if self.origin != "demo":
            if not self.call_end:
                raise InputError("call_end is missing: when the call ended, from the recording's start (HH:MM:SS)")
            parse_call_end(self.call_end)
        if self.recording_id:
            check_recording_id(self.recording_id)

    @property
    def origin(self) -> Origin:
        """Where it comes from."""
        return "aws" if self.recording_id else "files" if self.connect else "demo"


@dataclass(frozen=True, slots=True, eq=False)
class AuditSession:
    """A recording on the desk.

    Attributes:
        origin: where it came from.
        item: the table's; one without meaning for local files.
        call_from: Connect's audio: a path, or ``s3://``.
        recording_from: the agent recording.
        goes_to: where the video, the thumbnail, the findings and the item's attributes would go.
        examined: all that was found.
    """

    origin: Origin
    item: Recording
    call_from: str
    recording_from: str
    goes_to: Mapping[str, str] = field(default_factory=dict)
    examined: Examined = field(kw_only=True)

    @property
    def call_end(self) -> CallEnd:
        """As told."""
        return self.examined.diagnosis.call_end

    def save(self, folder: Path) -> None:
        """Keep it for another process of this run; an hour takes 350 MB."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (folder / SAVED).open("wb") as file:
            pickle.dump(self, file, protocol=pickle.HIGHEST_PROTOCOL)


def open_case(
    wish: AuditRequest,
    out: Path,
    *,
    limits: Limits | None = None,
    environ: Mapping[str, str] | None = None,
    progress: Progress = SILENT,
) -> AuditSession:
    """Examine what is named; the result and its findings lie in `out` then.

    Args:
        wish: what is named.
        out: the folder; made where it doesn't exist.
        limits: to judge by; None for those of the environment.
        environ: the process's own where there is none.
        progress: told how far it is.

    Raises:
        KomorebiError: see `komorebi_qc.pipeline.process.process` and `komorebi_qc.wiring`.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{out} can't be the folder for the results: {error.strerror}; name another") from None
    if wish.origin == "demo":
        with sample_world() as (recording_id, call_end):
            return replace(_of_aws(recording_id, call_end, out, limits, os.environ, progress), origin="demo")
    environ = os.environ if environ is None else environ
    if wish.origin == "aws":
        return _of_aws(wish.recording_id, wish.call_end, out, limits, environ, progress)
    options = _judging(Options(**read_local(environ)), limits)
    with opened_file(Path(wish.connect)) as call, opened_file(Path(wish.recording)) as own:
        found = examine(call, own, parse_call_end(wish.call_end), out, options=options, progress=progress)
    goes_to = {"video": str(found.video), "findings": str(found.video.with_suffix(".qc.json"))}
    return AuditSession("files", _NO_ITEM, wish.connect, wish.recording, goes_to, examined=_in_memory(found))


def _of_aws(
    recording_id: str,
    call_end: str,
    out: Path,
    limits: Limits | None,
    environ: Mapping[str, str],
    progress: Progress,
) -> AuditSession:
    settings = Settings.from_environment(environ)
    wired = settings.pipeline()
    item = wired.table.get(recording_id)
    media = replace(wired.media, check_cancelled=progress.check)
    with media.call_audio(item) as call, media.agent_recording(item) as own:
        found = examine(
            call,
            own,
            parse_call_end(call_end),
            out,
            recording_id=recording_id,
            options=_judging(wired.options, limits),
            progress=progress,
        )
        bucket = f"s3://{settings.output_bucket}"
        kind = found.video.suffix.removeprefix(".") if found.outcome is not None else "mp4"
        goes_to = {
            "video": f"{bucket}/{item.video_key(kind)}",
            "thumbnail": f"{bucket}/{item.thumbnail_key}",
            "findings": f"{bucket}/{item.qc_key}",
            "item": f"table {settings.table_name}, videoID {recording_id}",
        }
        return AuditSession("aws", item, call.name, own.name, goes_to, examined=_in_memory(found))


def _judging(options: Options, limits: Limits | None) -> Options:
    return options if limits is None else replace(options, limits=limits)


def _in_memory(found: Examined) -> Examined:
    """Without files that are closed when this returns."""
    return replace(found, diagnosis=replace(found.diagnosis, heard=found.diagnosis.heard.in_memory()))


@contextmanager
def sample_world() -> Iterator[tuple[str, str]]:
    """The sample call on an embedded AWS: its recording ID and told call end.

    Raises:
        InputError: where moto isn't installed.
    """
    from rich.console import Console  # noqa: PLC0415  only to be silent

    with embedded_aws(), Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        console = Console(file=nowhere)
        make_resources(console)
        upload_sample(console)
        yield RECORDING.recording_id, sample_truth()


def load(folder: Path) -> AuditSession:
    """What `AuditSession.save` has kept there.

    Only a file of this very user, in a folder that nobody else may write to, is read: it is trusted as code is.

    Raises:
        InputError: where there is none, or it may be another's.
    """
    path = folder / SAVED
    try:
        held = folder.stat()
        if held.st_uid != os.getuid() or held.st_mode & 0o022 or path.stat().st_uid != os.getuid():
            raise InputError(f"{path} isn't read: others may write to its folder")
        with path.open("rb") as file:
            found: Any = pickle.load(file)  # noqa: S301  our own, see above
    except OSError as error:
        raise InputError(f"{path} can't be read: {error.strerror}") from None
    if not isinstance(found, AuditSession):
        raise InputError(f"{path} holds something else")
    return found
