"""The pipeline in a process of its own, for the handler of a message.

A recording that crashes a decoder, or needs too much time or memory, ends that process and not the worker.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from komorebi_qc.core.errors import KilledError
from komorebi_qc.core.progress import SILENT
from komorebi_qc.isolation.carried_errors import unpacked_error
from komorebi_qc.isolation.noted_progress import show_note
from komorebi_qc.isolation.resource_limits import WorkerFailure
from komorebi_qc.jobs.message_work import MessageTask
from komorebi_qc.wiring import VARIABLES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from komorebi_qc.core.progress import Progress
    from komorebi_qc.isolation.worker_process import WorkerProcess
    from komorebi_qc.pipeline.options import Order


class IsolatedPipeline:
    """`komorebi_qc.wiring.WiredPipeline` in another process.

    Args:
        worker: the process, with `komorebi_qc.jobs.message_work.WORK`.
        environ: environment variables with the settings.
    """

    def __init__(self, worker: WorkerProcess, environ: Mapping[str, str]) -> None:
        self._worker = worker
        self._settings = tuple((one.name, environ[one.name]) for one in VARIABLES if one.name in environ)

    def is_done(self, order: Order) -> bool:
        """Whether this order was processed already, from the same inputs.

        Raises:
            KomorebiError: see `komorebi_qc.wiring.WiredPipeline.is_done`.
            KilledError: the process was ended.
        """
        return bool(self._answer(MessageTask("is_done", order, self._settings), SILENT))

    def process(self, order: Order, *, progress: Progress) -> Mapping[str, Any]:
        """Make one unified recording, and return the facts about it.

        Raises:
            KomorebiError: see `komorebi_qc.pipeline.process.process`.
            KilledError: the process was ended.
        """
        return dict(self._answer(MessageTask("process", order, self._settings), progress))

    def _answer(self, task: MessageTask, progress: Progress) -> Any:
        answer = self._worker.run(task, on_note=lambda note: show_note(note, progress), check=progress.check)
        if isinstance(answer, WorkerFailure):
            raise KilledError(
                f"killed: {answer.cause}. Processing {task.order.recording_id} was stopped, and nothing was "
                f"published: {answer.text}. If its files are sound, start the worker with a higher --memory-limit or "
                "--time-limit"
            )
        if "error" in answer:
            raise unpacked_error(answer["error"])
        return answer["value"]
