"""From what a person asked for to a run of the pipeline: on three local files, or by ID on the configured AWS."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, cast

from komorebi_qc.core.errors import InputError, SettingsError, missing_extra
from komorebi_qc.core.limits import DEFAULT
from komorebi_qc.core.recording import Recording, check_recording_id
from komorebi_qc.core.timebase import Alignment, CallEnd, parse_call_end
from komorebi_qc.pipeline.diagnose import Diagnosis, diagnose
from komorebi_qc.pipeline.process import AlignChoice, ContainerChoice, Options, Order, Outcome, process
from komorebi_qc.queue.sqs import Queue
from komorebi_qc.queue.worker import Counts, load_handler, run
from komorebi_qc.storage.local import LocalFiles, LocalTable, check_output, opened_file
from komorebi_qc.wiring import Settings, aws_client, read_local

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from komorebi_qc.core.limits import Limits
    from komorebi_qc.core.progress import Progress

_LOCAL_ID = "local"


@dataclass(frozen=True, slots=True)
class ProcessRequest:
    """A person's wishes, as they were written.

    Attributes:
        call_end: ``HH:MM:SS``, ``MM:SS`` or seconds.
        offset_s: where the call begins on the recording's clock; None to go by the call end.
        drift_ppm: of the recording's clock against the call's.
        container: ``auto``, ``mp4`` or ``webm``.
        align: ``auto`` or ``told``.
        force: join what doesn't belong together.
        limits: ``NAME=WARN[:FAIL]``, on top of the environment's.
    """

    call_end: str
    offset_s: float | None
    drift_ppm: float
    container: str
    align: str = "auto"
    force: bool = False
    limits: tuple[str, ...] = ()

    def order(self, recording_id: str) -> Order:
        """The order for the pipeline.

        Raises:
            InputError: where the call end is missing or no time, or a drift comes without an offset.
        """
        if self.offset_s is None and self.drift_ppm:
            raise InputError(
                "--drift-ppm needs --offset: without it the call is placed by its end, which tells no drift"
            )
        alignment = None if self.offset_s is None else Alignment(self.offset_s, self.drift_ppm)
        return Order(recording_id, told_call_end(self.call_end), alignment)

    def options(self, settings: Options, container: ContainerChoice, *, thumbnail: bool) -> Options:
        """The options for the pipeline; `settings` are the environment's.

        Raises:
            InputError: where the alignment is neither ``auto`` nor ``told``, or a limit can't be set.
        """
        return replace(
            settings,
            container=container,
            thumbnail=thumbnail,
            align=cast("AlignChoice", self.align),
            force=self.force,
            limits=settings.limits.changed_by(*self.limits),
        )


def told_call_end(text: str) -> CallEnd:
    """The call end as it was written.

    Raises:
        InputError: where it is missing or no time.
    """
    if not text:
        raise InputError("--call-end is missing: when the call ended, counted from the recording's start (HH:MM:SS)")
    return parse_call_end(text)


def refuse_files(**given: Path | None) -> None:
    """Raises InputError where a file is named beside a recording ID."""
    named = [f"--{name}" for name, path in given.items() if path is not None]
    if named:
        raise InputError(f"{' and '.join(named)} can't be used with a recording ID: its files are in the buckets")


def local_files(
    *, connect: Path | None, recording: Path | None, out: Path | None, thumbnail: Path | None
) -> LocalFiles:
    """The three files of a local run.

    Raises:
        InputError: where one isn't named.
    """
    if connect is None or recording is None or out is None:
        given = {"--connect": connect, "--recording": recording, "--out": out}
        missing = " and ".join(name for name, path in given.items() if path is None)
        raise InputError(f"{missing} missing: name the files, or give a recording ID to process it on AWS")
    return LocalFiles(connect, recording, out, thumbnail)


def process_files(files: LocalFiles, wanted: ProcessRequest, environ: Mapping[str, str], progress: Progress) -> Outcome:
    """Process three local files; the output's extension names the container.

    Raises:
        KomorebiError: see `komorebi_qc.pipeline.process.process`.
    """
    order = wanted.order(_LOCAL_ID)
    container = _container(files.out, wanted.container)
    options = wanted.options(Options(**read_local(environ)), container, thumbnail=files.thumbnail is not None)
    files.check()
    item = Recording(_LOCAL_ID, _LOCAL_ID, datetime(1970, 1, 1))  # noqa: DTZ001  as the table's: no zone
    return process(order, table=LocalTable(item), media=files, options=options, progress=progress)


def process_by_id(recording_id: str, wanted: ProcessRequest, environ: Mapping[str, str], progress: Progress) -> Outcome:
    """Process a recording of the configured table.

    Raises:
        KomorebiError: see `komorebi_qc.pipeline.process.process` and `komorebi_qc.wiring`.
    """
    order = wanted.order(check_recording_id(recording_id))
    wired = Settings.from_environment(environ).pipeline()
    container = wired.options.container if wanted.container == "auto" else _choice(wanted.container)
    wired = replace(wired, options=wanted.options(wired.options, container, thumbnail=True))
    return wired.process(order, progress=progress)


def diagnose_files(
    connect: Path | None, recording: Path | None, call_end: str, plot: Path | None, limits: Limits = DEFAULT
) -> Diagnosis:
    """Diagnose two local files, and draw the diagnosis where `plot` names a PNG.

    Raises:
        InputError: where one isn't named, isn't there, or isn't the media it should be.
    """
    if connect is None or recording is None:
        given = {"--connect": connect, "--recording": recording}
        missing = " and ".join(name for name, path in given.items() if path is None)
        raise InputError(f"{missing} missing: name both files, or give a recording ID to diagnose it on AWS")
    told = told_call_end(call_end)
    check_picture(plot, connect, recording)
    with opened_file(connect) as call, opened_file(recording) as own:
        return _drawn(diagnose(call, own, told, limits), plot)


def diagnose_by_id(
    recording_id: str, call_end: str, environ: Mapping[str, str], plot: Path | None, limits: Limits = DEFAULT
) -> Diagnosis:
    """Diagnose a recording of the configured table, and draw the diagnosis where `plot` names a PNG.

    Raises:
        KomorebiError: see `komorebi_qc.pipeline.process.process` and `komorebi_qc.wiring`.
    """
    told = told_call_end(call_end)
    check_picture(plot)
    wired = Settings.from_environment(environ).pipeline()
    item = wired.table.get(check_recording_id(recording_id))
    with wired.media.call_audio(item) as call, wired.media.agent_recording(item) as own:
        return _drawn(diagnose(call, own, told, limits), plot)


def check_picture(path: Path | None, *inputs: Path) -> None:
    """Raises InputError, before any work, where the picture can't go there: above all, where it is an input."""
    if path is None:
        return
    if path.suffix.lower() != ".png":
        raise InputError(f"{path} doesn't end in .png: the picture is a PNG")
    check_output(path, *inputs)


def _drawn(found: Diagnosis, path: Path | None) -> Diagnosis:
    """Draw it while its media are open; the picture reads them piece by piece.

    Raises:
        InputError: where matplotlib isn't installed, or the file can't be written.
    """
    if path is None:
        return found
    try:
        from komorebi_qc.desk.plots.figure import diagnosis_figure, save_png  # noqa: PLC0415  pictures are an extra
    except ImportError:
        raise missing_extra("view", "matplotlib", needed_by="--plot") from None
    heard = found.heard
    figure = diagnosis_figure(
        heard.call,
        heard.recording,
        heard.result,
        told_call_end_s=found.call_end.recording_s,
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
    settings = Settings.from_environment(environ)
    if not settings.queue_url:
        raise SettingsError("KOMOREBI_QUEUE_URL isn't set: the worker needs the queue to poll")
    return run(Queue(aws_client("sqs"), settings.queue_url), load_handler(), once=once)


def _choice(text: str) -> ContainerChoice:
    Options(container=cast("ContainerChoice", text))
    return cast("ContainerChoice", text)


def _container(out: Path, wanted: str) -> ContainerChoice:
    """The container that the output's extension names, else the one that was asked for."""
    extension = out.suffix.lower()
    if not extension:
        return _choice(wanted)
    if extension not in (".mp4", ".webm"):
        raise InputError(
            f"{out} has the extension {extension}: name it .mp4 or .webm, or leave it out to follow the codec"
        )
    return _choice(extension[1:])
