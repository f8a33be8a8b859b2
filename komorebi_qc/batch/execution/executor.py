"""Who does the work: processes of this machine, or those of a Dask cluster; to the run both look the same."""

from __future__ import annotations

import queue
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol

from komorebi_qc.batch.execution.worker_process import (
    DEFAULT_WORK,
    ResourceLimits,
    Stopped,
    WorkerFailure,
    WorkerProcess,
)

if TYPE_CHECKING:
    from komorebi_qc.batch.execution.rows import Row
    from komorebi_qc.batch.execution.tasks import Task

Answer = tuple["Task", "Row | WorkerFailure"]


class Executor(Protocol):
    """Takes tasks, and gives their rows back in the order in which they are done."""

    def has_room(self) -> bool:
        """Whether another task would be begun soon."""
        ...

    def begin(self, task: Task) -> None:
        """Take a task."""
        ...

    def answers(self, wait_s: float) -> list[Answer]:
        """What has been done since; waits that long for the first.

        Raises:
            KomorebiError: where no work can be done at all.
        """
        ...

    def close(self) -> None:
        """Stop what is under way, and end all processes."""
        ...


def attempt(child: WorkerProcess, task: Any, stop: threading.Event) -> Any:
    """A task's answer; where its process was killed by another it is tried once more.

    Raises:
        Stopped: where `stop` was set.
    """
    answer = child.run(task, stop)
    return child.run(task, stop) if isinstance(answer, WorkerFailure) and answer.is_worth_a_retry else answer


class LocalExecutor:
    """Processes of this machine, each under a thread that watches it."""

    def __init__(self, workers: int, bounds: ResourceLimits, work: str = DEFAULT_WORK) -> None:
        self._bounds, self._work = bounds, work
        self._stop = threading.Event()
        self._asked: queue.SimpleQueue[Task | None] = queue.SimpleQueue()
        self._done: queue.SimpleQueue[Answer | BaseException] = queue.SimpleQueue()
        self._in_hand, self._most = 0, workers + max(2, workers // 2)
        self._threads = [threading.Thread(target=self._watch, daemon=True) for _ in range(workers)]
        for thread in self._threads:
            thread.start()

    def has_room(self) -> bool:
        """See `Executor.has_room`."""
        return self._in_hand < self._most

    def begin(self, task: Task) -> None:
        """See `Executor.begin`."""
        self._in_hand += 1
        self._asked.put(task)

    def answers(self, wait_s: float) -> list[Answer]:
        """See `Executor.answers`."""
        found: list[Answer] = []
        with suppress(queue.Empty):
            while True:
                answer = self._done.get(timeout=0 if found else wait_s) if wait_s or found else self._done.get_nowait()
                if isinstance(answer, BaseException):
                    raise answer
                self._in_hand -= 1
                found.append(answer)
        return found

    def close(self) -> None:
        """See `Executor.close`."""
        self._stop.set()
        for _ in self._threads:
            self._asked.put(None)
        for thread in self._threads:
            thread.join()

    def _watch(self) -> None:
        child = WorkerProcess(self._bounds, self._work)
        try:
            while (task := self._asked.get()) is not None and not self._stop.is_set():
                self._done.put((task, attempt(child, task, self._stop)))
        except Stopped:
            pass
        except BaseException as error:  # noqa: BLE001  raised where the answers are taken
            self._done.put(error)
        finally:
            child.close()
