"""From a person's arguments to a run: on two local files, on the sample call, or on a recording in AWS by its ID."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

from komorebi_qc.core.errors import InputError
from komorebi_qc.core.recording import check_recording_id
from komorebi_qc.core.timebase import Alignment
from komorebi_qc.isolation.memory_group import check_parent
from komorebi_qc.isolation.resource_limits import ResourceLimits
from komorebi_qc.isolation.worker_process import WorkerProcess
from komorebi_qc.jobs.given_alignment import given_alignment
from komorebi_qc.jobs.isolated_pipeline import IsolatedPipeline
from komorebi_qc.jobs.message_work import WORK
from komorebi_qc.jobs.selection import Selection, reported_end
from komorebi_qc.pipeline import local
from komorebi_qc.pipeline.captions.speech_model import recogniser_in
from komorebi_qc.pipeline.correction.given import order_with
from komorebi_qc.pipeline.options import MASKS_AS_SET, MaskRequest, Options, Order
from komorebi_qc.queue.release import release
from komorebi_qc.queue.worker import Counts, load_handler, run
from komorebi_qc.storage.input_file import named_words
from komorebi_qc.storage.local import LocalFiles
from komorebi_qc.wiring import Settings, aws_confinement, read_local

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from komorebi_qc.core.joining.monitors import MonitorsChoice
    from komorebi_qc.core.progress import Progress
    from komorebi_qc.core.recording import Message
    from komorebi_qc.core.source import Source
    from komorebi_qc.pipeline.options import AlignChoice, ContainerChoice, Unconfirmed
    from komorebi_qc.pipeline.outcome import Outcome
    from komorebi_qc.transcript.recogniser import Recogniser


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
        masks: the choice of masks, and of the sound outside of the call.
        correction: a correction's file, in place of `offset_s` and `drift_ppm`; None without one.
        monitors: ``first`` or ``side-by-side``; empty for the environment's.
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
    masks: MaskRequest = MASKS_AS_SET
    correction: Path | None = None
    monitors: str = ""

    def order(self, recording_id: str) -> Order:
        """The order for the pipeline.

        Raises:
            InputError: the call end is missing or malformed, a drift comes without an offset, or the correction can't
                be used.
        """
        given = given_alignment(self.offset_s, self.drift_ppm, self.correction)
        return order_with(recording_id, reported_end(self.call_end), given)

    def options(self, settings: Options, container: ContainerChoice, *, thumbnail: bool) -> Options:
        """The options for the pipeline; `settings` are the environment's.

        Raises:
            InputError: the alignment, the rule for unconfirmed pairs or a mask is unknown, or a limit is malformed.
        """
        return replace(
            self.masks.of(settings),
            container=container,
            thumbnail=thumbnail,
            align=_align(self.align),
            force=self.force,
            unconfirmed=cast("Unconfirmed", self.unconfirmed or settings.unconfirmed),
            whole_call=self.whole_call,
            monitors=cast("MonitorsChoice", self.monitors or settings.monitors),
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
    recogniser = None if selection.speech_model is None else recogniser_in(selection.speech_model)
    if not selection.recording_id:
        if selection.connect is None or selection.recording is None or out is None:
            raise InputError("--out is missing: the unified recording's file, such as unified.mp4")
        named = (selection.connect, selection.recording, out, thumbnail, selection.analysis, selection.transcript)
        files = LocalFiles(*named, selection.further)
        return process_files(files, request, environ, progress, recogniser)
    if request.correction is not None:
        raise InputError(
            f"--from can't be used with a recording ID: use `komorebi-qc correct {selection.recording_id}`, which "
            "notes the correction in its item"
        )
    results = [name for name, path in (("--out", out), ("--thumbnail", thumbnail)) if path is not None]
    if results:
        raise InputError(f"{' and '.join(results)} can't be used with a recording ID: the results go to the buckets")
    transcript = None if selection.transcript is None else named_words(selection.transcript)
    return process_by_id(
        selection.recording_id,
        request,
        environ,
        progress,
        redacted=selection.redacted,
        transcript=transcript,
        recogniser=recogniser,
    )


def process_files(
    files: LocalFiles,
    request: ProcessRequest,
    environ: Mapping[str, str],
    progress: Progress,
    recogniser: Recogniser | None = None,
) -> Outcome:
    """Process two local files into a third, whose extension names the container.

    Raises:
        KomorebiError: see `komorebi_qc.pipeline.process.process`.
    """
    order = replace(request.order(local.LOCAL_ID), recogniser=recogniser)
    container = local.container_of(files.out, request.container)
    options = request.options(Options(**read_local(environ)), container, thumbnail=files.thumbnail is not None)
    return local.process_order(files, order, options=options, progress=progress)


def process_by_id(
    recording_id: str,
    request: ProcessRequest,
    environ: Mapping[str, str],
    progress: Progress,
    *,
    redacted: str = "",
    transcript: Source | None = None,
    recogniser: Recogniser | None = None,
) -> Outcome:
    """Process a recording of the configured table.

    Args:
        recording_id: the recording.
        request: how it is processed.
        environ: the settings.
        progress: shows each step.
        redacted: whether redacted call audio is used; empty for the environment's choice.
        transcript: a transcript of the call; None without one.
        recogniser: makes the transcript, if there is no file; None without one.

    Raises:
        KomorebiError: see `komorebi_qc.pipeline.process.process` and `komorebi_qc.wiring`.
    """
    order = request.order(check_recording_id(recording_id))
    order = replace(order, transcript=transcript, recogniser=recogniser)
    wired = Selection(recording_id, redacted=redacted).wired(environ)
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


WORKER_LIMITS = ResourceLimits(time_s=12 * 3600.0, memory_mb=2000.0)
"""Of one message. No recording is longer than 12 h, and no step is slower than the recording."""


def run_worker(
    environ: Mapping[str, str],
    *,
    once: bool,
    limits: ResourceLimits = WORKER_LIMITS,
    cgroup: Path | None = None,
) -> Counts:
    """Poll the configured queue with the Lambda's handler. Recordings are processed in a process with limits.

    Args:
        environ: the settings.
        once: handle one message at most.
        limits: of one message.
        cgroup: a control group in which to make one for that process; None to only watch its memory.

    Raises:
        KomorebiError: see `komorebi_qc.queue.worker.run` and `komorebi_qc.wiring`.
    """
    queue = Settings.from_environment(environ).queue()
    if cgroup is not None:
        check_parent(cgroup)
    with closing(WorkerProcess(limits, WORK, confinement=lambda: aws_confinement(environ), cgroup=cgroup)) as process:
        return run(queue, load_handler(), once=once, pipeline=IsolatedPipeline(process, environ))


def _align(text: str) -> AlignChoice:
    return cast("AlignChoice", "call-end" if text == "told" else text)


def _choice(text: str) -> ContainerChoice:
    Options(container=cast("ContainerChoice", text))
    return cast("ContainerChoice", text)
