"""From a person's arguments to a run: on two local files, on the sample call, or on a recording in AWS by its ID."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

from komorebi_qc.core.errors import InputError, missing_extra
from komorebi_qc.core.limits import DEFAULT
from komorebi_qc.core.recording import check_recording_id
from komorebi_qc.core.timebase import Alignment, CallEnd, clock_text, parse_call_end
from komorebi_qc.demo.sample_call import AGENT_RECORDING, CALL_AUDIO, reported_call_end
from komorebi_qc.media.probe import probe_recording
from komorebi_qc.pipeline import local
from komorebi_qc.pipeline.diagnose import Diagnosis, diagnose
from komorebi_qc.pipeline.options import Options, Order
from komorebi_qc.pipeline.placement import place
from komorebi_qc.queue import operate
from komorebi_qc.queue.release import release
from komorebi_qc.queue.worker import Counts, load_handler, run
from komorebi_qc.storage.local import LocalFiles, check_output, opened_file
from komorebi_qc.wiring import Settings, read_local

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from komorebi_qc.core.limits import Limits
    from komorebi_qc.core.progress import Progress
    from komorebi_qc.core.recording import Message
    from komorebi_qc.core.source import Source
    from komorebi_qc.pipeline.options import AlignChoice, ContainerChoice, Unconfirmed
    from komorebi_qc.pipeline.outcome import Outcome

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
    """

    recording_id: str = ""
    connect: Path | None = None
    recording: Path | None = None
    call_end: str = ""
    is_sample: bool = False

    @classmethod
    def of(
        cls, recording_id: str, connect: Path | None, recording: Path | None, call_end: str, *, demo: bool
    ) -> Selection:
        """Check the arguments, before any file or service is read.

        Raises:
            InputError: they contradict each other, or one is missing or malformed.
        """
        files = {"--connect": connect, "--recording": recording}
        named = [name for name, path in files.items() if path is not None]
        if demo:
            if named or recording_id:
                raise InputError("--demo uses the sample call: name no recording beside it")
            call_end = call_end or reported_call_end()
            parse_call_end(call_end)
            return cls("", CALL_AUDIO, AGENT_RECORDING, call_end, is_sample=True)
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
        return cls(recording_id, connect, recording, call_end)

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
        if self.is_sample:
            return ["--demo", *([] if self.call_end == reported_call_end() else ["--call-end", self.call_end])]
        if self.recording_id:
            return [self.recording_id, "--call-end", self.call_end]
        return ["--connect", str(self.connect), "--recording", str(self.recording), "--call-end", self.call_end]


@dataclass(frozen=True, slots=True)
class ProcessRequest:
    """A person's options for processing, as they were written.

    Attributes:
        call_end: ``HH:MM:SS``, ``MM:SS`` or seconds.
        offset_s: the call's start on the recording clock; None to measure it.
        drift_ppm: how much faster the recording clock runs than the call clock.
        container: ``auto``, ``mp4`` or ``webm``.
        align: ``auto`` or ``call-end``; ``told`` is the old name of the latter.
        force: process a call and a recording of different calls anyway.
        limits: ``NAME=WARN[:FAIL]``, on top of the environment's.
        unconfirmed: ``auto``, ``publish`` or ``hold``; empty for the environment's.
        whole_call: keep the call audio to its end, also outside of the agent's part of it.
    """

    call_end: str
    offset_s: float | None
    drift_ppm: float
    container: str
    align: str = "auto"
    force: bool = False
    limits: tuple[str, ...] = ()
    unconfirmed: str = ""
    whole_call: bool = False

    def order(self, recording_id: str) -> Order:
        """The order for the pipeline.

        Raises:
            InputError: the call end is missing or malformed, or a drift comes without an offset.
        """
        if self.offset_s is None and self.drift_ppm:
            raise InputError("--drift-ppm needs --offset: a call that is placed by its end has no known drift")
        alignment = None if self.offset_s is None else Alignment(self.offset_s, self.drift_ppm)
        return Order(recording_id, _call_end(self.call_end), alignment)

    def options(self, settings: Options, container: ContainerChoice, *, thumbnail: bool) -> Options:
        """The options for the pipeline; `settings` are the environment's.

        Raises:
            InputError: the alignment or the rule for unconfirmed pairs is unknown, or a limit is malformed.
        """
        return replace(
            settings,
            container=container,
            thumbnail=thumbnail,
            align=_align(self.align),
            force=self.force,
            unconfirmed=cast("Unconfirmed", self.unconfirmed or settings.unconfirmed),
            whole_call=self.whole_call,
            limits=settings.limits.changed_by(*self.limits),
        )


def process_selection(
    selection: Selection,
    request: ProcessRequest,
    *,
    out: Path | None,
    thumbnail: Path | None,
    environ: Mapping[str, str],
    progress: Progress,
) -> Outcome:
    """Process a recording: into a local file, or into the configured bucket for a recording in AWS.

    Raises:
        InputError: `out` is missing for files, or given for a recording in AWS.
        KomorebiError: see `komorebi_qc.pipeline.process.process` and `komorebi_qc.wiring`.
    """
    request = replace(request, call_end=selection.call_end)
    if not selection.recording_id:
        if selection.connect is None or selection.recording is None or out is None:
            raise InputError("--out is missing: the unified recording's file, such as unified.mp4")
        files = LocalFiles(selection.connect, selection.recording, out, thumbnail)
        return process_files(files, request, environ, progress)
    named = [name for name, path in (("--out", out), ("--thumbnail", thumbnail)) if path is not None]
    if named:
        raise InputError(f"{' and '.join(named)} can't be used with a recording ID: the results go to the buckets")
    return process_by_id(selection.recording_id, request, environ, progress)


def process_files(
    files: LocalFiles, request: ProcessRequest, environ: Mapping[str, str], progress: Progress
) -> Outcome:
    """Process two local files into a third, whose extension names the container.

    Raises:
        KomorebiError: see `komorebi_qc.pipeline.process.process`.
    """
    order = request.order(local.LOCAL_ID)
    container = local.container_of(files.out, request.container)
    options = request.options(Options(**read_local(environ)), container, thumbnail=files.thumbnail is not None)
    return local.process_files(files, order.call_end, alignment=order.alignment, options=options, progress=progress)


def process_by_id(
    recording_id: str, request: ProcessRequest, environ: Mapping[str, str], progress: Progress
) -> Outcome:
    """Process a recording of the configured table.

    Raises:
        KomorebiError: see `komorebi_qc.pipeline.process.process` and `komorebi_qc.wiring`.
    """
    order = request.order(check_recording_id(recording_id))
    wired = Settings.from_environment(environ).pipeline()
    container = wired.options.container if request.container == "auto" else _choice(request.container)
    wired = replace(wired, options=request.options(wired.options, container, thumbnail=True))
    return wired.process(order, progress=progress)


def release_held(recording_id: str, offset_s: float | None, environ: Mapping[str, str], progress: Progress) -> Outcome:
    """Publish a held recording, and delete its dead letter.

    Args:
        recording_id: the held recording.
        offset_s: the call's start on the recording clock; None to place it as a run with ``publish`` does.
        environ: the settings.
        progress: shows each step.

    Raises:
        KomorebiError: see `komorebi_qc.queue.release.release` and `komorebi_qc.wiring`.
    """
    settings = Settings.from_environment(environ)
    wired = settings.pipeline()
    wired = replace(wired, options=replace(wired.options, unconfirmed="publish"))
    alignment = None if offset_s is None else Alignment(offset_s)

    def process(message: Message) -> Outcome:
        return wired.process(Order(message.recording_id, message.call_end, alignment), progress=progress)

    return release(settings.dead_letter_queue(), recording_id, process)


def diagnose_selection(
    selection: Selection, environ: Mapping[str, str], *, plot: Path | None, limits: Limits = DEFAULT
) -> Diagnosis:
    """Diagnose a recording, and draw the diagnosis if `plot` names a PNG.

    Raises:
        KomorebiError: see `komorebi_qc.pipeline.diagnose.diagnose` and `komorebi_qc.wiring`.
    """
    check_plot(plot, *(path for path in (selection.connect, selection.recording) if path is not None))
    with _opened(selection, environ) as (call, recording):
        return _with_plot(diagnose(call, recording, _call_end(selection.call_end), limits), plot)


@contextmanager
def _opened(selection: Selection, environ: Mapping[str, str]) -> Iterator[tuple[Source, Source]]:
    if selection.connect is not None and selection.recording is not None:
        with opened_file(selection.connect) as call, opened_file(selection.recording) as recording:
            yield call, recording
        return
    wired = Settings.from_environment(environ).pipeline()
    item = wired.table.get(selection.recording_id)
    with wired.media.call_audio(item) as call, wired.media.agent_recording(item) as recording:
        yield call, recording


def demo_output(name: str) -> Path:
    """A place for a result of the sample call, in a folder that is made if it doesn't exist.

    Raises:
        InputError: the folder can't be made.
    """
    try:
        OUT.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"{OUT} can't be the folder for the results: {error.strerror}; name another by --out"
        ) from None
    return OUT / name


def check_moment(selection: Selection, at_s: float, environ: Mapping[str, str]) -> None:
    """Check, before anything is rendered, that a moment is within the unified recording.

    Only a moment after the recording's own end needs a measurement: the call may go on longer.

    Raises:
        InputError: the moment is after the end; the text names the length.
        KomorebiError: the inputs can't be read.
    """
    with _opened(selection, environ) as (call, recording):
        info = probe_recording(recording)
        end_s = max(track.span.end_s for track in (info.video, info.audio) if track is not None)
        if at_s <= end_s:
            return
        call_end = _call_end(selection.call_end)
        found = diagnose(call, recording, call_end)
        call_s = found.call.audio.span.end_s if found.call.audio is not None else 0.0
        is_wrong_pair = found.pair.result.status == "wrong_pair"
        measured = None if is_wrong_pair else found.pair.result
        alignment = place(call_end, call_s, manual=None, measured=measured, force=is_wrong_pair).alignment
    length_s = max(end_s + alignment.output_shift_s, alignment.to_output(call_s))
    if at_s > length_s:
        raise InputError(f"{clock_text(at_s)} is after the end: the unified recording is {clock_text(length_s)} long")


def check_plot(path: Path | None, *inputs: Path) -> None:
    """Check, before any work, that a plot can be written to `path`.

    Raises:
        InputError: it isn't named .png, it is one of the inputs, or its folder can't be written to.
    """
    if path is None:
        return
    if path.suffix.lower() != ".png":
        raise InputError(f"{path} doesn't end in .png: the plot is a PNG")
    check_output(path, *inputs)


def _with_plot(found: Diagnosis, path: Path | None) -> Diagnosis:
    """Draw the diagnosis while its media are open: the plot reads them piece by piece.

    Raises:
        InputError: matplotlib isn't installed, or the file can't be written.
    """
    if path is None:
        return found
    try:
        from komorebi_qc.desk.plots.diagnosis.figure import diagnosis_figure  # noqa: PLC0415  plots are an extra
        from komorebi_qc.desk.plots.figure import save_png  # noqa: PLC0415
    except ImportError:
        raise missing_extra("view", "matplotlib", needed_by="--plot") from None
    pair = found.pair
    figure = diagnosis_figure(
        pair.call,
        pair.recording,
        pair.result,
        call_end=found.call_end,
        title=found.recording.name,
    )
    try:
        save_png(figure, path)
    except OSError as error:
        raise InputError(f"{path} can't be written: {error.strerror or error}") from None
    return found


def run_worker(environ: Mapping[str, str], *, once: bool) -> Counts:
    """Poll the configured queue with the Lambda's handler.

    Raises:
        KomorebiError: see `komorebi_qc.queue.worker.run` and `komorebi_qc.wiring`.
    """
    return run(Settings.from_environment(environ).queue(), load_handler(), once=once)


def _call_end(text: str) -> CallEnd:
    if not text:
        raise InputError("--call-end is missing: when the call ended, counted from the recording's start (HH:MM:SS)")
    return parse_call_end(text)


def _align(text: str) -> AlignChoice:
    return cast("AlignChoice", "call-end" if text == "told" else text)


def _choice(text: str) -> ContainerChoice:
    Options(container=cast("ContainerChoice", text))
    return cast("ContainerChoice", text)
