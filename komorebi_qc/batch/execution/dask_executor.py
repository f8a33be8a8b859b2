"""The same work on a Dask cluster: the scheduler shares the recordings out, each worker has processes of its own.

A worker's thread supervises a process as one of this machine would be: what a recording does to that is its row's
trouble, and never the worker's. Where a worker is lost, Dask gives its recordings to others.
"""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from contextlib import contextmanager, suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from uuid import uuid4

from komorebi_qc import __version__
from komorebi_qc.batch.execution.executor import attempt
from komorebi_qc.batch.execution.worker_process import (
    DEFAULT_WORK,
    ResourceLimits,
    Stopped,
    WorkerFailure,
    WorkerProcess,
)
from komorebi_qc.core.errors import InputError, PermanentError, StorageError, missing_extra

if TYPE_CHECKING:
    from collections.abc import Iterator

    from komorebi_qc.batch.execution.executor import Answer
    from komorebi_qc.batch.execution.tasks import Task

_PATIENCE_S = 30
_COUNT_EVERY_S = 5.0
_WITHOUT_S = 300
"""A machine that starts anew is back by then."""
_LOOK_S = 0.5
_SCHEMES = ("tcp", "tls", "ws", "wss", "ucx")
_TRIES = 3
"""How often a recording is begun anew where its worker is lost; no recording can be the cause of that."""


class DaskExecutor:
    """A Dask cluster, by the address of its scheduler."""

    def __init__(self, address: str, bounds: ResourceLimits, work: str = DEFAULT_WORK) -> None:
        """Connect.

        Raises:
            InputError: where Dask isn't installed, or the address is none.
            StorageError: where no scheduler answers, or it has no workers.
        """
        try:
            distributed: Any = import_module("distributed")  # an extra; most of it has no types
        except ImportError:
            raise missing_extra("cluster", "distributed", needed_by="--dask") from None
        _check_address(address)
        self._bounds, self._work, self._address = bounds, work, address
        self._futures: dict[str, tuple[Task, Any, int]] = {}
        self._done: queue.SimpleQueue[str] = queue.SimpleQueue()
        try:
            # First by hand: a Client waits without end, and so does its end, for what answers but is no scheduler.
            asyncio.run(_greet(distributed, address))
            self._client = distributed.Client(address, timeout=_PATIENCE_S, set_as_default=False, name="komorebi-qc")
        except Exception as error:
            raise StorageError(
                f"no Dask scheduler answers at {address} within {_PATIENCE_S} s ({type(error).__name__}): start `dask "
                "scheduler`, and name the address that it prints"
            ) from error
        try:
            self._client.wait_for_workers(1, timeout=_PATIENCE_S)
        except TimeoutError:
            self._client.close()
            raise StorageError(
                f"the Dask scheduler at {address} has no workers: start `dask worker {address}` on each machine"
            ) from None
        self._threads = self._count()
        self._counted_at = self._had_any_at = time.monotonic()

    def _count(self) -> int:
        try:
            return sum(self._client.nthreads().values())
        except Exception as error:
            raise self._gone(error) from error

    def _gone(self, error: Exception) -> StorageError:
        return StorageError(
            f"the Dask scheduler at {self._address} doesn't answer any more ({type(error).__name__}): start it and its "
            "workers again; the same command goes on where it ended"
        )

    def has_room(self) -> bool:
        """See `Executor.has_room`."""
        self._look()
        return len(self._futures) < 2 * max(self._threads, 1)

    def _look(self) -> None:
        """Count the workers now and then; without any for long there is no hope."""
        now = time.monotonic()
        if now - self._counted_at <= _COUNT_EVERY_S:
            return
        self._threads, self._counted_at = self._count(), now
        if self._threads:
            self._had_any_at = now
        elif now - self._had_any_at > _WITHOUT_S:
            raise StorageError(
                f"the Dask scheduler at {self._address} has had no workers for {_WITHOUT_S} s: start some, and the "
                "same command goes on where it ended"
            )

    def begin(self, task: Task) -> None:
        """See `Executor.begin`."""
        self._submit(task, 1)

    def _submit(self, task: Task, tried: int) -> None:
        key = f"komorebi-qc-{uuid4().hex}"
        try:
            future = self._client.submit(do_task, task, self._bounds, self._work, __version__, key=key, pure=False)
        except Exception as error:
            raise self._gone(error) from error
        self._futures[key] = task, future, tried
        future.add_done_callback(lambda done: self._done.put(done.key))

    def answers(self, wait_s: float) -> list[Answer]:
        """See `Executor.answers`."""
        self._look()
        found: list[Answer] = []
        until = time.monotonic() + wait_s
        with suppress(queue.Empty):
            while True:
                left_s = 0.0 if found else max(0.0, until - time.monotonic())
                key = self._done.get(timeout=left_s) if left_s else self._done.get_nowait()
                task, future, tried = self._futures.pop(key)
                answer = self._answer(future)
                if answer is None and tried < _TRIES:
                    self._submit(task, tried + 1)
                    continue
                lost = WorkerFailure(
                    "Crash", f"{_TRIES} Dask workers were lost while they did it", is_worth_a_retry=True
                )
                found.append((task, lost if answer is None else answer))
        return found

    def _answer(self, future: Any) -> Any:
        """What a worker answered; None where it was lost."""
        from distributed import KilledWorker  # noqa: PLC0415
        from distributed.client import FutureCancelledError  # noqa: PLC0415

        try:
            return future.result(timeout=_PATIENCE_S)
        except (KilledWorker, FutureCancelledError, OSError, TimeoutError):
            return None
        except Exception as error:
            raise PermanentError(
                f"a worker of {self._address} can't do it ({type(error).__name__}: {error})"
            ) from error

    def close(self) -> None:
        """See `Executor.close`."""
        futures = [future for _, future, _ in self._futures.values()]
        with suppress(Exception):  # whatever is wrong with the cluster: we are leaving
            if futures:
                self._client.cancel(futures, force=True)
            self._client.run(dismiss)
        self._client.close()


def _check_address(address: str) -> None:
    try:
        parts = urlsplit(address)
        is_one = parts.scheme in _SCHEMES and bool(parts.hostname) and bool(parts.port) and not parts.path
    except ValueError:  # a port that is no number
        is_one = False
    if not is_one:
        raise InputError(f"--dask {address!r} is no scheduler's address: write it as tcp://HOST:8786")


async def _greet(distributed: Any, address: str) -> None:
    """Shake hands with whoever listens there, within our patience."""
    secured = distributed.Security().get_connection_args("client")  # as Dask's own settings have it
    greeting = distributed.core.connect(address, timeout=_PATIENCE_S, **secured)
    comm = await asyncio.wait_for(greeting, _PATIENCE_S)
    await comm.close()


# --- on the workers

_IDLE: dict[tuple[ResourceLimits, str], list[WorkerProcess]] = {}
_LOCK = threading.Lock()


def do_task(task: Any, bounds: ResourceLimits, work: str, version: str) -> Any:
    """On a worker: supervise a process that does it; it is stopped where Dask wants the answer no more.

    Raises:
        RuntimeError: where this worker has another version than whoever asks.
        Stopped: where it was stopped.
    """
    if version != __version__:
        raise RuntimeError(f"the worker has komorebi_qc {__version__}, and {version} asks: install the same")
    with _borrowed(bounds, work) as child, _unwanted() as stop:
        return attempt(child, task, stop)


def dismiss() -> None:
    """On a worker: end the processes that have nothing to do."""
    with _LOCK:
        idle = [child for children in _IDLE.values() for child in children]
        _IDLE.clear()
    for child in idle:
        child.close()


@contextmanager
def _borrowed(bounds: ResourceLimits, work: str) -> Iterator[WorkerProcess]:
    with _LOCK:
        waiting = _IDLE.setdefault((bounds, work), [])
        child = waiting.pop() if waiting else WorkerProcess(bounds, work)
    try:
        yield child
    except Stopped:
        raise
    except BaseException:
        child.close()
        raise
    with _LOCK:
        _IDLE.setdefault((bounds, work), []).append(child)


@contextmanager
def _unwanted() -> Iterator[threading.Event]:
    """Set where Dask has cancelled the task under way: it can't stop a thread itself."""
    from distributed import get_worker  # noqa: PLC0415

    worker, stop, ended = get_worker(), threading.Event(), threading.Event()
    key = worker.get_current_task()

    def look() -> None:
        while not ended.wait(_LOOK_S):
            state = worker.state.tasks.get(key)
            if state is None or state.state == "cancelled":
                stop.set()
                return

    watch = threading.Thread(target=look, daemon=True)
    watch.start()
    try:
        yield stop
    finally:
        ended.set()
        watch.join()
