"""An executor does the work: in processes of this machine here, on a Dask cluster in `dask_executor`."""

from __future__ import annotations

import queue
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol

from komorebi_qc.isolation.resource_limits import ResourceLimits, Stopped, WorkerFailure
from komorebi_qc.isolation.worker_process import WorkerProcess

if TYPE_CHECKING:
    from komorebi_qc.batch.execution.rows import Row
    from komorebi_qc.batch.execution.tasks import Task

DEFAULT_WORK = "komorebi_qc.batch.execution.work:carry_out"
Answer = tuple["Task", "Row | WorkerFailure"]


class Executor(Protocol):
    """Takes tasks, and returns their rows in the order in which they are done."""

    def has_room(self) -> bool:
        """Whether another task would begin soon."""
        ...

    def begin(self, task: Task) -> None:
        """Take a task."""
        ...

    def answers(self, wait_s: float) -> list[Answer]:
        """The tasks done since the last call. If there aren't any, wait up to `wait_s` for one.

        Raises:
            KomorebiError: No work can be done at all.
        """
        ...

    def close(self) -> None:
        """Stop the running tasks, and end all processes."""
        ...


def attempt(worker: WorkerProcess, task: Any, stop: threading.Event) -> Any:
    """A task's answer. If another program killed its process, it is attempted a second time.

    Raises:
        Stopped: `stop` was set.
    """
    answer = worker.run(task, stop)
    return worker.run(task, stop) if isinstance(answer, WorkerFailure) and answer.is_worth_a_retry else answer


class LocalExecutor:
    """Processes of this machine; a thread watches each of them."""

    def __init__(self, workers: int, limits: ResourceLimits, work: str = DEFAULT_WORK) -> None:
        self._limits, self._work = limits, work
        self._stop = threading.Event()
        self._tasks: queue.SimpleQueue[Task | None] = queue.SimpleQueue()
        self._done: queue.SimpleQueue[Answer | BaseException] = queue.SimpleQueue()
        self._running, self._max_running = 0, workers + max(2, workers // 2)
        self._threads = [threading.Thread(target=self._supervise, daemon=True) for _ in range(workers)]
        for thread in self._threads:
            thread.start()

    def has_room(self) -> bool:
        """See `Executor.has_room`."""
        return self._running < self._max_running

    def begin(self, task: Task) -> None:
        """See `Executor.begin`."""
        self._running += 1
        self._tasks.put(task)

    def answers(self, wait_s: float) -> list[Answer]:
        """See `Executor.answers`."""
        found: list[Answer] = []
        with suppress(queue.Empty):
            while True:
                answer = self._done.get(timeout=0 if found else wait_s) if wait_s or found else self._done.get_nowait()
                if isinstance(answer, BaseException):
                    raise answer
                self._running -= 1
                found.append(answer)
        return found

    def close(self) -> None:
        """See `Executor.close`."""
        self._stop.set()
        for _ in self._threads:
            self._tasks.put(None)
        for thread in self._threads:
            thread.join()

    def _supervise(self) -> None:
        worker = WorkerProcess(self._limits, self._work)
        try:
            while (task := self._tasks.get()) is not None and not self._stop.is_set():
                self._done.put((task, attempt(worker, task, self._stop)))
        except Stopped:
            pass
        except BaseException as error:  # noqa: BLE001  raised again where the answers are taken
            self._done.put(error)
        finally:
            worker.close()
