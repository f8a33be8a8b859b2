"""The main loop of a worker process: tasks come through standard input, and answers go through standard output."""

from __future__ import annotations

import faulthandler
import importlib
import os
import pickle  # between our own processes
import queue
import signal
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from komorebi_qc.isolation.confinement import Confinement
from komorebi_qc.isolation.messages import READY, begin_notes
from komorebi_qc.isolation.resource_limits import (
    ResourceLimits,
    limit_memory,
    memory_failure,
    peak_memory_mb,
    resident_mb,
)
from komorebi_qc.storage.temporary_folder import leave_folder

if TYPE_CHECKING:
    from collections.abc import Callable

_ORPHAN_S = 30
"""How long a process whose supervisor is gone may go on after its time limit."""
_CHECK_EVERY_S = 0.2


def serve(tasks: BinaryIO, answers: BinaryIO, work: str, limits: ResourceLimits) -> None:
    """Do one task after another until `tasks` ends.

    Args:
        tasks: pickled tasks.
        answers: pickled answers, beginning with `READY`.
        work: ``module:function`` that does a task.
        limits: for each task.
    """
    faulthandler.enable()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    module, _, name = work.partition(":")
    do: Callable[[Any], Any] = getattr(importlib.import_module(module), name)
    limit_memory(limits)
    lock = threading.Lock()

    def send(answer: Any) -> None:
        with lock:
            pickle.dump(answer, answers)
            answers.flush()

    begin_notes(send)
    if resident_mb(os.getpid()) is None:
        threading.Thread(target=_watch_memory, args=(limits, send), daemon=True).start()
    waiting: queue.SimpleQueue[Any] = queue.SimpleQueue()
    threading.Thread(target=_read_tasks, args=(tasks, waiting), daemon=True).start()
    try:
        send(READY)
        while True:
            task = waiting.get()
            _alarm(int(limits.time_s) + _ORPHAN_S)
            try:
                answer = do(task)
            except MemoryError:
                answer = memory_failure(limits)
            _alarm(0)
            send(answer)
    except OSError:
        _end()


def _read_tasks(tasks: BinaryIO, waiting: queue.SimpleQueue[Any]) -> None:
    """Read ahead, to notice the end of the supervisor during a task: the answer has no reader then."""
    try:
        while True:
            waiting.put(pickle.load(tasks))  # noqa: S301  our own process wrote it
    except (EOFError, OSError, pickle.UnpicklingError):
        _end()


def _watch_memory(limits: ResourceLimits, send: Callable[[Any], None]) -> None:
    """End this process when its peak exceeds the limit, on systems whose supervisor can't see it."""
    # A system may count the parent's memory at first.
    initial_mb = peak_memory_mb() or 0.0
    while (peak_mb := peak_memory_mb()) is not None:
        if peak_mb > max(limits.memory_mb, initial_mb):
            send(memory_failure(limits))
            _end()
        time.sleep(_CHECK_EVERY_S)


def _alarm(seconds: int) -> None:
    if hasattr(signal, "alarm"):
        signal.alarm(seconds)


def _end() -> None:
    """End this process with its temporary files and the kernels that it started."""
    leave_folder(Path(os.environ["TMPDIR"]))
    if hasattr(os, "killpg"):
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


def main() -> None:
    """Use standard input and output for the supervisor. Printed text of the work goes to standard error."""
    tasks, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nowhere, 0)
    os.dup2(2, 1)
    if len(sys.argv) > 4:
        Confinement.from_json(sys.argv[4]).enter()
    serve(tasks, answers, sys.argv[1], ResourceLimits(float(sys.argv[2]), float(sys.argv[3])))


if __name__ == "__main__":
    main()
