"""An examination in a process of its own: a file that crashes a decoder, or needs too much memory, ends that process.

Only the sample call, and work that has a process with limits already, is examined in this one. The session comes back
through a file that only this user can write. The process protects from crashes and from bombs. It isn't a wall
against a file that takes a decoder over, because a session's file can run code.
"""

from __future__ import annotations

import os
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from komorebi_qc.core.errors import InputError, KilledError
from komorebi_qc.core.interrupt import stoppable
from komorebi_qc.core.progress import SILENT
from komorebi_qc.desk.session import AuditRequest, AuditSession, load_session, open_session
from komorebi_qc.isolation.carried_errors import packed_error, unpacked_error
from komorebi_qc.isolation.confinement import Confinement
from komorebi_qc.isolation.messages import is_worker_process
from komorebi_qc.isolation.noted_progress import NotedProgress, note_log, show_note
from komorebi_qc.isolation.resource_limits import ResourceLimits, WorkerFailure
from komorebi_qc.isolation.worker_process import WorkerProcess
from komorebi_qc.pipeline.options import MASKS_AS_SET, MaskRequest
from komorebi_qc.storage.atomic_file import make_folder
from komorebi_qc.storage.temporary_folder import temporary_folder
from komorebi_qc.wiring import aws_confinement

if TYPE_CHECKING:
    from komorebi_qc.core.limits import Limits
    from komorebi_qc.core.progress import Progress

WORK = "komorebi_qc.desk.isolated_session:carry_out"
TIME_S = 12 * 3600.0
LEAST_MEMORY_MB = 2000.0
"""The limit is half of the machine's memory, but at least this."""


@dataclass(frozen=True, slots=True)
class ExaminationTask:
    """An examination for another process.

    Attributes:
        request: the recording.
        out: the folder for the results.
        saved: the folder for the session.
        limits: limits of the findings; None for those of the environment.
        masks: the choice of masks.
    """

    request: AuditRequest
    out: str
    saved: str
    limits: Limits | None
    masks: MaskRequest


def open_isolated(
    request: AuditRequest,
    out: Path,
    *,
    limits: Limits | None = None,
    masks: MaskRequest = MASKS_AS_SET,
    progress: Progress = SILENT,
    saved: Path | None = None,
) -> AuditSession:
    """`komorebi_qc.desk.session.open_session` in a process of its own.

    Args:
        request: the recording.
        out: the folder for the results.
        limits: limits of the findings; None for those of the environment.
        masks: the choice of masks.
        progress: receives each step.
        saved: a private folder in which the session is left, for other processes of this run.

    Raises:
        KilledError: the process was ended: by its limits, or by a crash.
        KomorebiError: see `komorebi_qc.desk.session.open_session`.
    """
    if request.origin == "demo" or is_worker_process():
        session = open_session(request, out, limits=limits, masks=masks, progress=progress)
        if saved is not None:
            session.save(saved)
        return session
    try:
        make_folder(out)
    except OSError as error:
        raise InputError(f"{out} can't be the folder for the results: {error.strerror}; name another") from None
    with temporary_folder("session") if saved is None else nullcontext(saved) as folder:
        task = ExaminationTask(request, str(out.resolve()), str(folder), limits, masks)
        writable = (task.out, task.saved)
        confinement = Confinement(writable) if request.origin == "files" else aws_confinement(os.environ, writable)
        worker = WorkerProcess(ResourceLimits(TIME_S, _memory_mb()), WORK, confinement=lambda: confinement)
        try:
            answer = worker.run(task, on_note=lambda note: show_note(note, progress), check=progress.check)
        finally:
            worker.close()
        if isinstance(answer, WorkerFailure):
            raise KilledError(
                f"killed: {answer.cause}. Examining {request.name} was stopped: {answer.text}. Check the files with "
                "another player; a machine with more memory may help"
            )
        if "error" in answer:
            raise unpacked_error(answer["error"])
        return load_session(folder)


def carry_out(task: ExaminationTask) -> dict[str, Any]:
    """Examine in the worker process: ``{}``, or ``{"error": ...}`` with a packed error."""
    note_log()
    try:
        with stoppable(NotedProgress()) as progress:
            session = open_session(
                task.request, Path(task.out), limits=task.limits, masks=task.masks, progress=progress
            )
            session.save(Path(task.saved))
    except MemoryError:  # the limit, which the process's main loop reports
        raise
    except Exception as error:  # noqa: BLE001  the supervisor raises it again
        return {"error": packed_error(error)}
    return {}


def _memory_mb() -> float:
    try:
        whole_mb = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e6
    except (AttributeError, ValueError):  # Windows
        return LEAST_MEMORY_MB
    return max(whole_mb / 2, LEAST_MEMORY_MB)
