"""Progress and log lines of a worker process, shown by its supervisor."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

from komorebi_qc.isolation.messages import notify

if TYPE_CHECKING:
    from komorebi_qc.core.progress import Progress

_PACKAGE = "komorebi_qc"
_SEND_EVERY_S = 0.1


class NotedProgress:
    """Sends each step to the supervisor, which decides whether the work goes on."""

    def __init__(self) -> None:
        self._sent_at = 0.0

    def step(self, number: int, of: int, name: str) -> None:
        """Step `number` of `of` begins."""
        notify(("step", number, of, name))

    def advance(self, fraction: float) -> None:
        """The current step is done to `fraction`."""
        if (now := time.monotonic()) - self._sent_at >= _SEND_EVERY_S:
            self._sent_at = now
            notify(("advance", float(fraction)))

    def check(self) -> None:
        """Do nothing: the supervisor ends this process."""


class _NotedLog(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        notify(("log", record.name, record.levelno, record.getMessage()))


def note_log() -> None:
    """Send the package's warnings to the supervisor: this process's own standard error has no reader."""
    logger = logging.getLogger(_PACKAGE)
    if not any(isinstance(one, _NotedLog) for one in logger.handlers):
        logger.addHandler(_NotedLog())


def show_note(note: Any, progress: Progress) -> None:
    """Pass on a note of `NotedProgress` or of the log; others are left out."""
    match note:
        case ("log", str(name), int(level), str(text)) if name.startswith(_PACKAGE):
            logging.getLogger(name).log(level, "%s", text)
        case ("step", int(number), int(of), str(name)):
            progress.step(number, of, name)
        case ("advance", float(fraction)):
            progress.advance(fraction)
