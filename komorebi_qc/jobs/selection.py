"""The recording that a person names: two local files, the sample call, or a recording in AWS by its ID."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, cast, get_args

from komorebi_qc.core.errors import InputError
from komorebi_qc.core.privacy.redactions import RedactedChoice
from komorebi_qc.core.recording import check_recording_id
from komorebi_qc.core.timebase import CallEnd, parse_call_end
from komorebi_qc.demo.sample_call import AGENT_RECORDING, CALL_AUDIO, reported_call_end
from komorebi_qc.queue import operate
from komorebi_qc.storage.atomic_file import make_folder
from komorebi_qc.wiring import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from komorebi_qc.wiring import WiredPipeline

OUT = Path("demo-output")
"""The folder for all that the sample call leaves, whichever command makes it."""


@dataclass(frozen=True, slots=True)
class Selection:
    """The recording that a person names: two files, the ID of a recording in AWS, or the sample call.

    Attributes:
        recording_id: of the configured table; empty for files.
        connect: the call audio; None for an ID.
        recording: the agent recording; None for an ID.
        call_end: ``HH:MM:SS``, ``MM:SS`` or seconds; empty if it is to come from the item.
        is_sample: whether it is the sample call.
        analysis: Contact Lens' analysis of two files; None without one.
        redacted: ``ignore``, ``prefer`` or ``require`` for a recording in AWS; empty for the environment's.
        transcript: a transcript of the call; None without one.
        speech_model: the folder of a recogniser's model, which makes the transcript; None without one.
        further: the other files of the same agent recording, if its recorder was restarted; in any order.
    """

    recording_id: str = ""
    connect: Path | None = None
    recording: Path | None = None
    call_end: str = ""
    is_sample: bool = False
    analysis: Path | None = None
    redacted: str = ""
    transcript: Path | None = None
    speech_model: Path | None = None
    further: tuple[Path, ...] = ()

    @classmethod
    def of(
        cls,
        recording_id: str,
        connect: Path | None,
        recording: Path | None,
        call_end: str,
        *,
        demo: bool,
        analysis: Path | None = None,
        redacted: str = "",
        transcript: Path | None = None,
        speech_model: Path | None = None,
        further: Sequence[Path] = (),
    ) -> Selection:
        """Check the arguments, before any file or service is read.

        Raises:
            InputError: they contradict each other, or one is missing or malformed.
        """
        files = {"--connect": connect, "--recording": recording}
        named = [name for name, path in files.items() if path is not None]
        _check_contact_lens(analysis, redacted, has_files=bool(named), has_id=bool(recording_id))
        if transcript is not None and speech_model is not None:
            raise InputError("--transcript and --transcribe can't be used together: the words come from one of them")
        if demo:
            if named or recording_id:
                raise InputError("--demo uses the sample call: name no recording beside it")
            call_end = call_end or reported_call_end()
            parse_call_end(call_end)
            sample = ("", CALL_AUDIO, AGENT_RECORDING, call_end)
            return cls(*sample, is_sample=True, transcript=transcript, speech_model=speech_model)
        if recording_id and named:
            raise InputError(
                f"{' and '.join(named)} can't be used with a recording ID, whose files are in the buckets: name one or "
                "the other"
            )
        if recording_id:
            check_recording_id(recording_id)
        elif len(named) < len(files):
            missing = " and ".join(name for name in files if name not in named)
            verb = "is" if named else "are"
            raise InputError(
                f"{missing} {verb} missing: name both files, or a recording ID, or --demo for the sample call"
            )
        elif not call_end:
            raise InputError(
                "--call-end is missing: when the call ended, counted from the recording's start (HH:MM:SS)"
            )
        if call_end:
            parse_call_end(call_end)
        named_files = (recording_id, connect, recording, call_end, False, analysis, redacted)
        return cls(*named_files, transcript, speech_model, tuple(further))

    def with_call_end(self, environ: Mapping[str, str]) -> Selection:
        """The same selection, with the item's call end if its own is empty.

        Raises:
            InputError: the item has no usable call end either.
            KomorebiError: settings are missing, or the table can't be read.
        """
        if self.call_end:
            return self
        table = Settings.from_environment(environ).table()
        return replace(self, call_end=operate.reported_call_end(table, self.recording_id))

    def words(self) -> list[str]:
        """The arguments that name this recording on a command line."""
        words = [] if self.transcript is None else ["--transcript", str(self.transcript)]
        words += [] if self.speech_model is None else ["--transcribe", "--speech-model", str(self.speech_model)]
        if self.is_sample:
            ended = [] if self.call_end == reported_call_end() else ["--call-end", self.call_end]
            return ["--demo", *ended, *words]
        if self.recording_id:
            redacted = ["--redacted", self.redacted] if self.redacted else []
            return [self.recording_id, "--call-end", self.call_end, *redacted, *words]
        analysis = [] if self.analysis is None else ["--analysis", str(self.analysis)]
        files = ["--connect", str(self.connect), "--recording", str(self.recording)]
        return [*files, "--call-end", self.call_end, *analysis, *words]

    @property
    def files(self) -> list[Path]:
        """The inputs that are named as files."""
        named = (self.connect, self.recording, self.analysis, self.transcript)
        return [*(path for path in named if path is not None), *self.further]

    def wired(self, environ: Mapping[str, str]) -> WiredPipeline:
        """The configured pipeline, with the choice of the call audio.

        Raises:
            KomorebiError: settings are missing, or contradict the choice.
        """
        wired = Settings.from_environment(environ).pipeline()
        if not self.redacted:
            return wired
        choice = cast("RedactedChoice", self.redacted)
        return replace(
            wired, media=replace(wired.media, redacted=choice), options=replace(wired.options, redacted=choice)
        )


def _check_contact_lens(analysis: Path | None, redacted: str, *, has_files: bool, has_id: bool) -> None:
    if analysis is not None and not has_files:
        raise InputError("--analysis can only be used with two files: name them by --connect and --recording")
    if redacted and not has_id:
        raise InputError(
            "--redacted can only be used with a recording ID: to use redacted call audio, name it by --connect"
        )
    if redacted not in ("", *get_args(RedactedChoice)):
        raise InputError(f"--redacted is {redacted[:40]!r}: name one of {', '.join(get_args(RedactedChoice))}")


def reported_end(text: str) -> CallEnd:
    """The reported call end that a person wrote.

    Raises:
        InputError: it is missing or malformed.
    """
    if not text:
        raise InputError("--call-end is missing: when the call ended, counted from the recording's start (HH:MM:SS)")
    return parse_call_end(text)


def demo_output(name: str) -> Path:
    """A place for a result of the sample call, in a folder that is made if it doesn't exist.

    Raises:
        InputError: the folder can't be made.
    """
    try:
        make_folder(OUT)
    except OSError as error:
        raise InputError(
            f"{OUT} can't be the folder for the results: {error.strerror}; name another by --out"
        ) from None
    return OUT / name
