"""Stopping a run by signal, at a point where everything can be cleaned up.

PyAV reads and writes through Python file objects, and C code loses an exception that a signal raises inside such a
call. So the first signal is only noted, and raised at the next progress report. A second signal is raised at once,
but not during publication: a published result is always marked.
"""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

from komorebi_qc.core.progress import MARK, PUBLISH

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from komorebi_qc.core.progress import Progress

_SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
"""Windows has no SIGHUP."""


class _Stoppable:
    """A progress sink that raises a noted signal."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._noted: int | None = None
        self._step = ""

    def note(self, number: int, _frame: FrameType | None) -> None:
        if self._noted is not None and self._step not in (PUBLISH, MARK):
            _stop(number)  # the second request: stop at once
        self._noted = number

    def check(self) -> None:
        self._progress.check()
        if self._noted is not None:
            _stop(self._noted)

    def step(self, number: int, of: int, name: str) -> None:
        if name != MARK:
            self.check()
        self._step = name
        self._progress.step(number, of, name)

    def advance(self, fraction: float) -> None:
        self.check()
        self._progress.advance(fraction)


def _stop(number: int) -> NoReturn:
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    raise SystemExit(128 + number)


@contextmanager
def stoppable(progress: Progress) -> Iterator[Progress]:
    """Yield a progress sink that lets SIGINT, SIGTERM and SIGHUP end the run between two blocks; a second one at once.

    During publication a second signal counts as a first one: the upload stops between two parts. From the marking of
    the item on, no signal ends the run.

    Outside the main thread, signals can't be handled, and nothing changes.

    Raises:
        KeyboardInterrupt: for SIGINT.
        SystemExit: with 128 + the signal's number, for SIGTERM and SIGHUP.
    """
    if threading.current_thread() is not threading.main_thread():
        yield progress
        return
    sink = _Stoppable(progress)
    # A signal that is ignored (nohup, a background job) stays ignored.
    handled = [n for n in _SIGNALS if signal.getsignal(n) != signal.SIG_IGN]
    before = {number: signal.signal(number, sink.note) for number in handled}
    try:
        yield sink
    finally:
        for number, action in before.items():
            signal.signal(number, action)
