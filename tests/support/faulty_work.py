"""Work that crashes or hangs for some recordings."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from komorebi_qc.batch.execution.rows import Row
    from komorebi_qc.batch.execution.tasks import Task


def faulty(task: Task) -> Row:
    """Inside a worker's process: one recording crashes it, one hangs."""
    from batch_desk import quick  # noqa: PLC0415  in the worker's process

    row = quick(task)
    if task.item.recording_id == "r001":
        os.kill(os.getpid(), signal.SIGSEGV)
    if task.item.recording_id == "r002":
        time.sleep(600)
    return row
