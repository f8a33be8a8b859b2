"""The work on one message, inside a worker process: all that touches the recording's files.

Its answers are plain values. The queue stays with the supervisor, which also logs.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

from komorebi_qc.core.interrupt import stoppable
from komorebi_qc.isolation.carried_errors import packed_error
from komorebi_qc.isolation.noted_progress import NotedProgress, note_log
from komorebi_qc.queue.handler import summary
from komorebi_qc.wiring import Settings

if TYPE_CHECKING:
    from komorebi_qc.pipeline.options import Order
    from komorebi_qc.wiring import WiredPipeline

WORK = "komorebi_qc.jobs.message_work:carry_out"


@dataclass(frozen=True, slots=True)
class MessageTask:
    """One question of the handler to the pipeline.

    Attributes:
        action: the method of the pipeline.
        order: its argument.
        settings: names and values of this software's environment variables.
    """

    action: Literal["is_done", "process"]
    order: Order
    settings: tuple[tuple[str, str], ...]


def carry_out(task: MessageTask) -> dict[str, Any]:
    """Do a task: ``{"value": ...}``, or ``{"error": ...}`` with a packed error."""
    try:
        wired = _wired(task.settings)
        if task.action == "is_done":
            return {"value": wired.is_done(task.order)}
        with stoppable(NotedProgress()) as progress:
            return {"value": summary(wired.process(task.order, progress=progress))}
    except MemoryError:  # the limit, which the process's main loop reports
        raise
    except Exception as error:  # noqa: BLE001  the supervisor handles it
        return {"error": packed_error(error)}


@cache
def _wired(settings: tuple[tuple[str, str], ...]) -> WiredPipeline:
    note_log()
    return Settings.from_environment(dict(settings)).pipeline()
