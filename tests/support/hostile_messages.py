"""Work on messages that crashes, hangs or grows for some recordings, in a worker process."""

from __future__ import annotations

import ctypes
import logging
import time
from typing import TYPE_CHECKING, Any

from misbehaving_work import misbehave

from komorebi_qc.core.errors import HeldError, MediaError
from komorebi_qc.isolation.carried_errors import packed_error
from komorebi_qc.isolation.noted_progress import NotedProgress, note_log

if TYPE_CHECKING:
    from komorebi_qc.jobs.message_work import MessageTask


def carry_out(task: MessageTask) -> dict[str, Any]:
    """Answer as `komorebi_qc.jobs.message_work.carry_out` does, by the recording's ID."""
    kind = task.order.recording_id
    if task.action == "is_done":
        return {"value": kind == "was-done"}
    if kind == "bomb":
        misbehave(("grow", None))
    if kind == "crash":
        ctypes.string_at(0)
    if kind == "hang":
        time.sleep(600)
    if kind == "broken":
        return {"error": packed_error(MediaError("broken.mp4 is empty"))}
    if kind == "doubtful":
        return {"error": packed_error(HeldError("text", "nothing confirms it", ((1.5, 0.9),)))}
    if kind == "defect":
        try:
            raise ZeroDivisionError(kind)
        except ZeroDivisionError as error:
            return {"error": packed_error(error)}
    note_log()
    progress = NotedProgress()
    progress.step(1, 9, "read item")
    progress.advance(0.5)
    logging.getLogger("komorebi_qc.storage").warning("a word of %s", kind)
    return {"value": {"verdict": "pass", "output": f"s3://bucket/{kind}.mp4"}}
