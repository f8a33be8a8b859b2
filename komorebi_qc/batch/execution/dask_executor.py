"""The work on a Dask cluster: the scheduler distributes the recordings, and each worker supervises its own processes.

A thread of the Dask worker watches a process as on this machine, so a recording can't harm the worker. If a worker is
lost, its recordings go to other workers. If the scheduler is lost, the recordings that weren't done are submitted again
to the one that answers at its address next.
"""

from __future__ import annotations

import asyncio
import ipaddress
import queue
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from uuid import uuid4

from komorebi_qc import __version__
from komorebi_qc.batch.execution.executor import DEFAULT_WORK, attempt
from komorebi_qc.core.errors import InputError, PermanentError, StorageError, missing_extra
from komorebi_qc.isolation.resource_limits import ResourceLimits, Stopped, WorkerFailure
from komorebi_qc.isolation.worker_process import WorkerProcess

if TYPE_CHECKING:
    from collections.abc import Iterator

    from komorebi_qc.batch.execution.executor import Answer
    from komorebi_qc.batch.execution.tasks import Task

TIMEOUT_S = 30
COUNT_EVERY_S = 5.0
WITHOUT_WORKERS_S = 300
"""So long a run waits for workers or the scheduler: a machine that restarts is back by then."""
_RECONNECT_EVERY_S, _RECONNECT_TIMEOUT_S = 1.0, 3.0
_SCHEDULER_LOST = "scheduler-connection-lost"
"""Dask's reason for futures that end with their scheduler."""
_CHECK_EVERY_S = 0.5
_ENCRYPTED, _OPEN = ("tls", "wss"), ("tcp", "ws", "ucx")
_ATTEMPTS = 3
"""How often a recording is begun if its Dask worker is lost, which no recording can cause."""


class DaskExecutor:
    """A Dask cluster, by the address of its scheduler."""

    def __init__(self, address: str, limits: ResourceLimits, work: str = DEFAULT_WORK) -> None:
        """Connect.

        Raises:
            InputError: Dask isn't installed, or the address is malformed.
            StorageError: No scheduler answers, or it has no workers.
        """
        try:
            distributed: Any = import_module("distributed")  # an extra; most of it has no types
        except ImportError:
            raise missing_extra("cluster", "distributed", needed_by="--dask") from None
        _check_address(address)
        self._distributed, self._security = distributed, _security(distributed, address)
        self._limits, self._work, self._address = limits, work, address
        self._futures: dict[str, tuple[Task, Any, int]] = {}
        self._waiting: list[tuple[Task, int]] = []
        self._lost_at: float | None = None
        self._done: queue.SimpleQueue[str] = queue.SimpleQueue()
        try:
            self._client = self._connect(TIMEOUT_S)
        except Exception as error:
            raise StorageError(
                f"no Dask scheduler answers at {address} within {TIMEOUT_S} s ({type(error).__name__}): start `dask "
                "scheduler`, and name the address that it prints"
            ) from error
        try:
            self._client.wait_for_workers(1, timeout=TIMEOUT_S)
        except TimeoutError:
            self._client.close()
            raise StorageError(
                f"the Dask scheduler at {address} has no workers: start `dask worker {address}` on each machine"
            ) from None
        try:
            self._threads = self._count()
        except Exception as error:
            raise self._gone(error) from error
        self._counted_at = self._had_workers_at = self._try_at = time.monotonic()

    def _connect(self, timeout_s: float) -> Any:
        # A handshake of our own first: a Client waits without end for a server that isn't a scheduler.
        # In a thread: a notebook has a running event loop in this one.
        with ThreadPoolExecutor(1) as thread:
            thread.submit(asyncio.run, _greet(self._distributed, self._address, self._security, timeout_s)).result()
        return self._distributed.Client(
            self._address, timeout=timeout_s, set_as_default=False, name="komorebi-qc", security=self._security
        )

    def _count(self) -> int:
        return sum(self._client.nthreads().values())

    def _gone(self, error: Exception) -> StorageError:
        return StorageError(
            f"the Dask scheduler at {self._address} no longer answers ({type(error).__name__}): start it and its "
            "workers again, and repeat the command; it continues with the recordings that aren't done"
        )

    def has_room(self) -> bool:
        """See `Executor.has_room`."""
        return self._is_connected() and len(self._futures) < 2 * max(self._threads, 1)

    def _is_connected(self) -> bool:
        """Whether the scheduler answers. After a loss, connect again now and then, and submit the tasks again."""
        if self._lost_at is None and self._client.status == "running":
            self._count_now_and_then()
        elif self._lost_at is None:
            self._lose()
        if self._lost_at is None or time.monotonic() < self._try_at:
            return self._lost_at is None
        try:
            self._client = self._connect(_RECONNECT_TIMEOUT_S)
        except Exception as error:
            if time.monotonic() - self._lost_at > WITHOUT_WORKERS_S:
                raise self._gone(error) from error
            self._try_at = time.monotonic() + _RECONNECT_EVERY_S
            return False
        self._lost_at = None
        self._threads, self._counted_at, self._had_workers_at = 0, 0.0, time.monotonic()
        waiting, self._waiting = self._waiting, []
        for task, attempts in waiting:
            self._submit(task, attempts)
        return True

    def _lose(self) -> None:
        """Note that the scheduler is lost. No recording causes this, so the attempts don't count."""
        self._lost_at = self._try_at = time.monotonic()
        self._waiting += [(task, attempts) for task, _, attempts in self._futures.values()]
        self._futures.clear()
        with suppress(Exception):  # any error of the cluster: this client is over
            self._client.close(timeout=_RECONNECT_TIMEOUT_S)

    def _count_now_and_then(self) -> None:
        """Count the workers; give up after a long time without any."""
        now = time.monotonic()
        if now - self._counted_at <= COUNT_EVERY_S:
            return
        try:
            self._threads, self._counted_at = self._count(), now
        except Exception:  # noqa: BLE001  whatever it is, this connection is of no use
            self._lose()
            return
        if self._threads:
            self._had_workers_at = now
        elif now - self._had_workers_at > WITHOUT_WORKERS_S:
            raise StorageError(
                f"the Dask scheduler at {self._address} has had no workers for {WITHOUT_WORKERS_S} s: start some, and "
                "repeat the command; it continues with the recordings that aren't done"
            )

    def begin(self, task: Task) -> None:
        """See `Executor.begin`."""
        self._submit(task, 1)

    def _submit(self, task: Task, attempts: int) -> None:
        key = f"komorebi-qc-{uuid4().hex}"
        try:
            future = self._client.submit(do_task, task, self._limits, self._work, __version__, key=key, pure=False)
        except Exception as error:
            if self._client.status == "running":
                raise self._gone(error) from error
            self._waiting.append((task, attempts))
            return
        self._futures[key] = task, future, attempts
        future.add_done_callback(lambda done: self._done.put(done.key))

    def answers(self, wait_s: float) -> list[Answer]:
        """See `Executor.answers`."""
        if not self._is_connected():
            time.sleep(wait_s)
            return []
        found: list[Answer] = []
        until = time.monotonic() + wait_s
        with suppress(queue.Empty):
            while True:
                left_s = 0.0 if found else max(0.0, until - time.monotonic())
                key = self._done.get(timeout=left_s) if left_s else self._done.get_nowait()
                if key not in self._futures:  # of a lost scheduler
                    continue
                task, future, attempts = self._futures.pop(key)
                answer = self._answer(future)
                if answer is _SCHEDULER_LOST or (answer is None and self._client.status != "running"):
                    self._waiting.append((task, attempts))
                    self._lose()
                    break
                if answer is None and attempts < _ATTEMPTS:
                    self._submit(task, attempts + 1)
                    continue
                lost = WorkerFailure(
                    "Crash", f"{_ATTEMPTS} Dask workers were lost while they worked on it", is_worth_a_retry=True
                )
                found.append((task, lost if answer is None else answer))
        return found

    def _answer(self, future: Any) -> Any:
        """A worker's answer; None if the worker was lost, `_SCHEDULER_LOST` if the scheduler was."""
        from distributed import KilledWorker  # noqa: PLC0415
        from distributed.client import FutureCancelledError  # noqa: PLC0415

        try:
            return future.result(timeout=TIMEOUT_S)
        except FutureCancelledError as error:
            return _SCHEDULER_LOST if error.reason == _SCHEDULER_LOST else None
        except (KilledWorker, OSError, TimeoutError):
            return None
        except Exception as error:
            raise PermanentError(
                f"a worker of {self._address} can't do the work ({type(error).__name__}: {error})"
            ) from error

    def close(self) -> None:
        """See `Executor.close`."""
        futures = [future for _, future, _ in self._futures.values()]
        with suppress(Exception):  # any error of the cluster: this run is over
            if futures:
                self._client.cancel(futures, force=True)
            self._client.run(dismiss)
        self._client.close()


def _check_address(address: str) -> None:
    try:
        parts = urlsplit(address)
        is_valid = (
            parts.scheme in (*_ENCRYPTED, *_OPEN) and bool(parts.hostname) and bool(parts.port) and not parts.path
        )
    except ValueError:  # a malformed port
        is_valid = False
    if not is_valid:
        raise InputError(f"--dask {address!r} isn't a scheduler's address: write it as tls://HOST:8786")
    if parts.scheme in _OPEN and not _is_loopback(str(parts.hostname)):
        raise InputError(
            f"--dask {address!r} isn't encrypted: any host that reaches such a scheduler can run code on its workers. "
            "Give the scheduler and the workers certificates (dask scheduler --tls-ca-file ... --protocol tls), and "
            f"write tls://HOST:PORT. Only a scheduler on this machine may be reached by {parts.scheme}://"
        )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _security(distributed: Any, address: str) -> Any:
    """Dask's own settings for connections. An encrypted scheduler must have encrypted workers.

    Raises:
        InputError: The address is encrypted, and no usable certificate is configured.
    """
    is_encrypted = urlsplit(address).scheme in _ENCRYPTED
    try:
        security = distributed.Security(require_encryption=True) if is_encrypted else distributed.Security()
        is_configured = security.get_connection_args("client").get("ssl_context") is not None
    except (OSError, ValueError) as error:
        raise InputError(f"the certificates for {address} can't be read: {error}") from None
    if is_encrypted and not is_configured:
        raise InputError(
            f"no certificate is configured for {address}: name the files by DASK_DISTRIBUTED__COMM__TLS__CA_FILE, "
            "DASK_DISTRIBUTED__COMM__TLS__CLIENT__CERT and DASK_DISTRIBUTED__COMM__TLS__CLIENT__KEY"
        )
    return security


async def _greet(distributed: Any, address: str, security: Any, timeout_s: float) -> None:
    """Shake hands with the server at an address, within the timeout."""
    secured = security.get_connection_args("client")
    greeting = distributed.core.connect(address, timeout=timeout_s, **secured)
    comm = await asyncio.wait_for(greeting, timeout_s)
    await comm.close()


# --- on the Dask workers

_IDLE: dict[tuple[ResourceLimits, str], list[WorkerProcess]] = {}
_LOCK = threading.Lock()


def do_task(task: Any, limits: ResourceLimits, work: str, version: str) -> Any:
    """Do a task in a process of a Dask worker. The process is stopped if Dask cancels the task.

    Raises:
        RuntimeError: The worker has another version of this software than the caller.
        Stopped: The task was cancelled.
    """
    if version != __version__:
        raise RuntimeError(f"the worker has komorebi_qc {__version__}, the caller {version}: install the same version")
    with _borrowed(limits, work) as worker, _cancellation() as stop:
        return attempt(worker, task, stop)


def dismiss() -> None:
    """End the idle processes of a Dask worker."""
    with _LOCK:
        idle = [worker for workers in _IDLE.values() for worker in workers]
        _IDLE.clear()
    for worker in idle:
        worker.close()


@contextmanager
def _borrowed(limits: ResourceLimits, work: str) -> Iterator[WorkerProcess]:
    with _LOCK:
        waiting = _IDLE.setdefault((limits, work), [])
        worker = waiting.pop() if waiting else WorkerProcess(limits, work)
    try:
        yield worker
    except Stopped:
        raise
    except BaseException:
        worker.close()
        raise
    with _LOCK:
        _IDLE.setdefault((limits, work), []).append(worker)


@contextmanager
def _cancellation() -> Iterator[threading.Event]:
    """An event that is set when Dask cancels the current task: Dask can't stop a thread itself."""
    from distributed import get_worker  # noqa: PLC0415

    worker, stop, ended = get_worker(), threading.Event(), threading.Event()
    key = worker.get_current_task()

    def watch() -> None:
        while not ended.wait(_CHECK_EVERY_S):
            state = worker.state.tasks.get(key)
            if state is None or state.state == "cancelled":
                stop.set()
                return

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield stop
    finally:
        ended.set()
        thread.join()
