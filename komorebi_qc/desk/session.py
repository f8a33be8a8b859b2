"""One recording under examination: its request, its sources, its destinations in production, and the examination.

The recording comes from two local files, from the configured AWS by its ID, or from the sample call on an embedded AWS
if the request names nothing. Nothing is published, and no item changes.
"""

from __future__ import annotations

import os
import pickle  # only files that this package wrote, see `load_session`
import reprlib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast, get_args

from komorebi_qc.core.errors import InputError
from komorebi_qc.core.privacy.redactions import RedactedChoice
from komorebi_qc.core.progress import SILENT
from komorebi_qc.core.recording import Recording, check_recording_id
from komorebi_qc.core.timebase import parse_call_end
from komorebi_qc.demo.embedded_aws import sample_on_embedded_aws
from komorebi_qc.desk.delivered_file import PUBLISHED, name_of, opened_delivered
from komorebi_qc.pipeline.captions.speech_model import recogniser_in
from komorebi_qc.pipeline.correction.corrected_order import correction_in_item
from komorebi_qc.pipeline.correction.delivered import with_delivered
from komorebi_qc.pipeline.correction.given import GivenAlignment
from komorebi_qc.pipeline.examine import examine
from komorebi_qc.pipeline.joining.recording import open_recording
from komorebi_qc.pipeline.local import local_item
from komorebi_qc.pipeline.options import MASKS_AS_SET, MaskRequest, Options
from komorebi_qc.storage.atomic_file import make_folder, make_private
from komorebi_qc.storage.input_file import MAX_WORDS_BYTES, opened_file, read_analysis_file, read_small_file
from komorebi_qc.wiring import Settings, read_local

if TYPE_CHECKING:
    from collections.abc import Mapping

    from komorebi_qc.core.limits import Limits
    from komorebi_qc.core.progress import Progress
    from komorebi_qc.core.source import Source
    from komorebi_qc.core.timebase import CallEnd
    from komorebi_qc.pipeline.examine import Examined
    from komorebi_qc.transcript.recogniser import Recogniser

Origin = Literal["files", "aws", "demo"]
SESSION_FILE = "session.pickle"
_NO_ITEM = local_item()
_TEXTS = ("connect", "recording", "recording_id", "call_end", "analysis", "redacted")


@dataclass(frozen=True, slots=True)
class AuditRequest:
    """The recording that a person names. An empty text means that it isn't named.

    Attributes:
        connect: path of the call audio.
        recording: path of the agent recording.
        recording_id: ID of a recording of the configured table, instead of the two files.
        call_end: ``HH:MM:SS``, ``MM:SS`` or seconds, counted from the recording's start.
        analysis: path of Contact Lens' analysis of the two files.
        redacted: ``ignore``, ``prefer`` or ``require`` for a recording of the table; empty for the environment's.
        transcript: path of a transcript of the call.
        given: the alignment in place of the measured one; None for the measured one, or that of the item's correction.
        delivered: path of a delivered file to measure, or ``published`` for a recording in AWS; empty without one.
        speech_model: the folder of a recogniser's model, which makes the transcript; empty without one.

    Raises:
        InputError: A value isn't a text, two values contradict each other, or a value is missing.
    """

    connect: str = ""
    recording: str = ""
    recording_id: str = ""
    call_end: str = ""
    analysis: str = ""
    redacted: str = ""
    given: GivenAlignment | None = None
    transcript: str = ""
    delivered: str = ""
    speech_model: str = ""

    def __post_init__(self) -> None:
        for name in (*_TEXTS, "transcript", "delivered", "speech_model"):
            value = getattr(self, name)
            if not isinstance(value, str):
                raise InputError(f"{name} is {reprlib.repr(value)}: it must be a text in quotes")
        if self.recording_id and (self.connect or self.recording):
            raise InputError(
                "recording_id and files are both named, but a recording's files come from the buckets; "
                "name one or the other"
            )
        if self.analysis and not self.connect:
            raise InputError("analysis is named without files: name connect and recording as well")
        if self.redacted and (not self.recording_id or self.redacted not in get_args(RedactedChoice)):
            choices = ", ".join(get_args(RedactedChoice))
            raise InputError(f"redacted is {self.redacted[:40]!r}: with a recording_id, it is one of {choices}")
        if bool(self.connect) != bool(self.recording):
            missing = "recording" if self.connect else "connect"
            raise InputError(f"{missing} is missing: name both files, or neither for the sample call")
        if self.origin != "demo":
            if not self.call_end:
                raise InputError(
                    "call_end is missing: give the end of the call, counted from the recording's start (HH:MM:SS)"
                )
            parse_call_end(self.call_end)
        if self.recording_id:
            check_recording_id(self.recording_id)

    @property
    def origin(self) -> Origin:
        """The source of the recording."""
        return "aws" if self.recording_id else "files" if self.connect else "demo"

    @property
    def name(self) -> str:
        """A short name of the recording, for people."""
        return self.recording_id or Path(self.recording).name or "sample"


@dataclass(frozen=True, slots=True, eq=False)
class AuditSession:
    """A recording and its examination.

    Attributes:
        origin: the source of the recording.
        item: the table's item; a placeholder for local files.
        call_location: path or ``s3://`` address of the call audio.
        recording_location: path or ``s3://`` address of the agent recording.
        destinations: addresses of video, thumbnail, findings and item in production.
        examined: all results.
    """

    origin: Origin
    item: Recording
    call_location: str
    recording_location: str
    destinations: Mapping[str, str] = field(default_factory=dict)
    examined: Examined = field(kw_only=True)

    @property
    def call_end(self) -> CallEnd:
        """The reported call end."""
        return self.examined.diagnosis.call_end

    @property
    def title(self) -> str:
        """The recording's ID, or the file's name."""
        return self.item.recording_id if self.origin != "files" else Path(self.recording_location).name

    def save(self, folder: Path) -> None:
        """Write the session for another process of this run. An hour takes 350 MB."""
        make_folder(folder)
        make_private(folder / SESSION_FILE)
        with (folder / SESSION_FILE).open("wb") as file:
            pickle.dump(self, file, protocol=pickle.HIGHEST_PROTOCOL)


def open_session(
    request: AuditRequest,
    out: Path,
    *,
    limits: Limits | None = None,
    environ: Mapping[str, str] | None = None,
    masks: MaskRequest = MASKS_AS_SET,
    progress: Progress = SILENT,
) -> AuditSession:
    """Examine a recording and write its results into a folder.

    Args:
        request: the recording.
        out: the folder; created if it doesn't exist.
        limits: limits of the findings; None for those of the environment.
        environ: environment variables; None for those of this process.
        masks: the choice of masks, and of the sound outside of the call.
        progress: receives each step.

    Raises:
        KomorebiError: See `komorebi_qc.pipeline.process.process` and `komorebi_qc.wiring`.
    """
    try:
        make_folder(out)
    except OSError as error:
        raise InputError(f"{out} can't be the folder for the results: {error.strerror}; name another") from None
    if request.delivered not in ("", PUBLISHED) and Path(request.delivered).resolve().parent == out.resolve():
        raise InputError(f"{request.delivered} is in the folder for the results: name another folder by --out")
    if request.origin == "demo":
        with sample_on_embedded_aws() as (recording_id, call_end):
            ours = (recording_id, call_end, out, limits, os.environ, masks, progress)
            found = _from_aws(*ours, request)
            return replace(found, origin="demo")
    environ = os.environ if environ is None else environ
    if request.origin == "aws":
        named = (request.recording_id, request.call_end)
        return _from_aws(*named, out, limits, environ, masks, progress, request)
    options = _with_limits(masks.of(Options(**read_local(environ))), limits)
    ended = parse_call_end(request.call_end)
    analyses = (read_analysis_file(Path(request.analysis)),) if request.analysis else ()
    with opened_file(Path(request.connect)) as call, opened_file(Path(request.recording)) as recording:
        examined = examine(
            *(call, recording, ended, out),
            options=options,
            analyses=analyses,
            transcript=_words(request),
            recogniser=_recogniser(request),
            given=request.given,
            progress=progress,
        )
        if request.delivered:
            with opened_delivered(request.delivered) as file:
                examined = with_delivered(examined, file, name_of(request.delivered), options.limits)
    destinations = {"video": str(examined.video), "findings": str(examined.video.with_suffix(".qc.json"))}
    return AuditSession(
        "files", _NO_ITEM, request.connect, request.recording, destinations, examined=_in_memory(examined)
    )


def _from_aws(
    recording_id: str,
    call_end: str,
    out: Path,
    limits: Limits | None,
    environ: Mapping[str, str],
    masks: MaskRequest,
    progress: Progress,
    request: AuditRequest,
) -> AuditSession:
    settings = Settings.from_environment(environ)
    wired = settings.pipeline()
    item = wired.table.get(recording_id)
    given, delivered = request.given, request.delivered
    if given is None and (correction := correction_in_item(item)) is not None:
        given = GivenAlignment(correction.alignment, correction)
    choice = cast("RedactedChoice", request.redacted or settings.redacted)
    media = replace(wired.media, check_cancelled=progress.check, redacted=choice)
    options = _with_limits(replace(masks.of(wired.options), redacted=choice), limits)
    with (
        media.call_audio(item) as call,
        open_recording(*(media, item, call), monitors=options.monitors, check_cancelled=progress.check) as recording,
    ):
        examined = examine(
            call,
            recording,
            parse_call_end(call_end),
            out,
            recording_id=recording_id,
            options=options,
            analyses=media.analyses(item),
            contact=media.contact(item),
            transcript=_words(request),
            recogniser=_recogniser(request),
            given=given,
            progress=progress,
        )
        if delivered:
            with opened_delivered(delivered, item, media) as file:
                examined = with_delivered(examined, file, name_of(delivered, item), options.limits)
        bucket = f"s3://{settings.output_bucket}"
        container = examined.video.suffix.removeprefix(".") if examined.outcome is not None else "mp4"
        destinations = {
            "video": f"{bucket}/{item.video_key(container)}",
            "thumbnail": f"{bucket}/{item.thumbnail_key}",
            "findings": f"{bucket}/{item.qc_key}",
            "item": f"table {settings.table_name}, videoID {recording_id}",
        }
        return AuditSession("aws", item, call.name, recording.name, destinations, examined=_in_memory(examined))


def _words(request: AuditRequest) -> Source | None:
    return read_small_file(Path(request.transcript), MAX_WORDS_BYTES) if request.transcript else None


def _recogniser(request: AuditRequest) -> Recogniser | None:
    return recogniser_in(Path(request.speech_model)) if request.speech_model else None


def _with_limits(options: Options, limits: Limits | None) -> Options:
    return options if limits is None else replace(options, limits=limits)


def _in_memory(examined: Examined) -> Examined:
    """The examination with its samples in memory: its files are closed before they are read."""
    return replace(examined, diagnosis=replace(examined.diagnosis, pair=examined.diagnosis.pair.in_memory()))


def load_session(folder: Path) -> AuditSession:
    """Read a session that `AuditSession.save` wrote.

    A pickle can run code. It is read only if it belongs to this user, in a folder that no one else can write to.

    Raises:
        InputError: The file is missing, or another user may have written it.
    """
    path = folder / SESSION_FILE
    try:
        if not _is_private(folder) or not _is_private(path):
            raise InputError(f"{path} isn't read: others can write to its folder")
        with path.open("rb") as file:
            session: Any = pickle.load(file)  # noqa: S301  checked above
    except OSError as error:
        raise InputError(f"{path} can't be read: {error.strerror}") from None
    if not isinstance(session, AuditSession):
        raise InputError(f"{path} doesn't hold an examination")
    return session


def _is_private(path: Path) -> bool:
    """Whether the path belongs to this user, and no one else can write to it.

    Windows has no user IDs and no such mode bits: there the folder's own permissions decide.
    """
    if not hasattr(os, "getuid"):
        return True
    found = path.stat()
    return found.st_uid == os.getuid() and not found.st_mode & 0o022
