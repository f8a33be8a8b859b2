"""A process that works on one recording at a time. It may crash, hang or grow without harm to other recordings.

No library's pool supervises it, for three reasons. A Dask worker is a daemon, which can't have `multiprocessing`
children. An audit's kernels have to end with their process. A killed process must not leave a shared lock behind.

Both limits are enforced from outside, because the work may hold the interpreter's lock: the supervisor watches the time
and the resident memory. The kernel is the second line: a memory limit for fast growth, see
`komorebi_qc.isolation.resource_limits`, and an alarm in case the supervisor is gone. A control group bounds the memory
as well, if one is named.
"""

from __future__ import annotations

import os
import pickle  # between our own processes
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Any

from komorebi_qc.core.errors import PermanentError
from komorebi_qc.core.one_thread import ONE_THREAD
from komorebi_qc.isolation.memory_group import made_group
from komorebi_qc.isolation.messages import READY, Note, read_message
from komorebi_qc.isolation.resource_limits import (
    ResourceLimits,
    Stopped,
    WorkerFailure,
    memory_failure,
    resident_mb,
    time_failure,
)
from komorebi_qc.storage.temporary_folder import begin_folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from komorebi_qc.isolation.confinement import Confinement
    from komorebi_qc.isolation.memory_group import MemoryGroup
    from komorebi_qc.storage.temporary_folder import TemporaryFolder

_CHECK_EVERY_S = 0.05
_START_S = 60.0
_GRACE_S = 5.0
"""From the request to end until the process is killed: it aborts an upload, and removes a part file."""
_MAX_OUTPUT_CHARACTERS = 400
_KILL = getattr(signal, "SIGKILL", signal.SIGTERM)
_ENDED = object()
"""Instead of an answer: the process closed its end."""


class WorkerProcess:
    """A process for one task after another; if it ends, the next task gets a new one.

    Args:
        limits: for each task.
        work: ``module:function`` that does a task.
        confinement: finds out the places that the process may reach, when it starts; None for all.
        cgroup: a control group in which to make one with the memory limit; None to watch the memory only.
    """

    def __init__(
        self,
        limits: ResourceLimits,
        work: str,
        *,
        confinement: Callable[[], Confinement] | None = None,
        cgroup: Path | None = None,
    ) -> None:
        self._limits, self._work, self._confinement, self._cgroup = limits, work, confinement, cgroup
        self._group: MemoryGroup | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._answers: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._reader: threading.Thread | None = None
        self._output: IO[bytes] | None = None
        self._scratch: TemporaryFolder | None = None

    def run(
        self,
        task: object,
        stop: threading.Event | None = None,
        *,
        on_note: Callable[[Any], None] = lambda _note: None,
        check: Callable[[], None] = lambda: None,
    ) -> Any:
        """The answer to a task, or a `WorkerFailure`.

        Args:
            task: the task.
            stop: an event that ends the work.
            on_note: receives the notes of the work, see `komorebi_qc.isolation.messages.notify`.
            check: called now and then. If it raises, the process ends, and `run` raises the same.

        Raises:
            Stopped: `stop` was set; the process is gone.
            PermanentError: No process can be started.
        """
        try:
            return self._run(task, stop or threading.Event(), on_note, check)
        except BaseException:
            self.close()
            raise

    def _run(
        self, task: object, stop: threading.Event, on_note: Callable[[Any], None], check: Callable[[], None]
    ) -> Any:
        process = self._started(stop)
        if self._output is not None:
            self._output.seek(0)
            self._output.truncate()
        try:
            assert process.stdin is not None  # noqa: S101  it was started with a pipe
            pickle.dump(task, process.stdin)
            process.stdin.flush()
        except OSError:
            return self._failure(process)
        until = time.monotonic() + self._limits.time_s
        while True:
            with suppress(queue.Empty):
                answer = self._answers.get(timeout=_CHECK_EVERY_S)
                if answer is _ENDED:
                    return self._failure(process)
                if isinstance(answer, WorkerFailure):  # from inside; the process is no longer usable
                    self.close(grace_s=0.0)
                if not isinstance(answer, Note):
                    return answer
                on_note(answer.value)
            if stop.is_set():
                raise Stopped
            check()
            if (resident_mb(process.pid) or 0.0) > self._limits.memory_mb:
                self.close(grace_s=0.0)
                return memory_failure(self._limits)
            if time.monotonic() > until:
                self.close()
                return time_failure(self._limits)

    def close(self, grace_s: float = _GRACE_S) -> None:
        """End the process and everything it started, and wait for it."""
        process, self._process = self._process, None
        if process is None:
            return
        if grace_s > 0 and process.poll() is None:
            # By signal: if its input closes, it ends without cleaning up.
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(grace_s)
        _kill_group(process)
        process.wait()
        if self._reader is not None:
            self._reader.join(_GRACE_S)
        for pipe in (process.stdin, process.stdout, self._output):
            if pipe is not None:
                with suppress(OSError):  # a task that the process didn't take
                    pipe.close()
        self._output = None
        if self._scratch is not None:
            self._scratch.remove()
        if self._group is not None:
            self._group.remove()
            self._group = None

    def _failure(self, process: subprocess.Popen[bytes]) -> WorkerFailure:
        with suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE_S)
        code = process.poll()
        output = ""
        if self._output is not None:
            self._output.seek(0)
            output = " ".join(self._output.read().decode(errors="replace").split())[-_MAX_OUTPUT_CHARACTERS:]
        is_out_of_memory = self._group is not None and self._group.kills() > 0
        self.close(grace_s=0.0)
        if is_out_of_memory:
            return memory_failure(self._limits)
        tail = f": {output}" if output else ""
        if code is not None and code < 0:
            name = signal.Signals(-code).name
            killed = -code in (_KILL, signal.SIGTERM)
            hint = " (from outside; does the machine run out of memory?)" if killed else ""
            return WorkerFailure("Crash", f"its process was ended by {name}{hint}{tail}", is_worth_a_retry=killed)
        return WorkerFailure("Crash", f"its process ended by itself, with exit code {code}{tail}")

    def _started(self, stop: threading.Event) -> subprocess.Popen[bytes]:
        if self._process is not None and self._process.poll() is None:
            return self._process
        self.close(grace_s=0.0)
        self._output = tempfile.TemporaryFile()  # noqa: SIM115  it lives as long as the process
        # All its temporary files are in one folder, because a killed process doesn't remove them.
        self._scratch = begin_folder("worker")
        places = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "TMPDIR": str(self._scratch.path)}
        command = [sys.executable, "-P", "-m", "komorebi_qc.isolation.worker_main", self._work]
        confined = [] if self._confinement is None else [self._confinement().to_json()]
        if self._cgroup is not None:
            self._group = made_group(self._cgroup, self._limits.memory_mb)
        process = self._process = subprocess.Popen(  # noqa: S603  ourselves
            [*command, str(self._limits.time_s), str(self._limits.memory_mb), *confined],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._output,
            # A Ctrl-C at the terminal is for the supervisor only.
            start_new_session=True,
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
            env={**ONE_THREAD, **os.environ, **places},
        )
        if self._group is not None:
            self._group.add(process.pid)
        self._answers = queue.SimpleQueue()
        self._reader = threading.Thread(target=_read_answers, args=(process.stdout, self._answers), daemon=True)
        self._reader.start()
        until = time.monotonic() + _START_S
        while True:
            with suppress(queue.Empty):
                if self._answers.get(timeout=_CHECK_EVERY_S) == READY:
                    return process
                raise self._not_started(process)
            if stop.is_set():
                raise Stopped
            if time.monotonic() > until:
                raise self._not_started(process)

    def _not_started(self, process: subprocess.Popen[bytes]) -> PermanentError:
        return PermanentError(f"a worker process doesn't start: {self._failure(process).text}")


def _read_answers(pipe: IO[bytes], answers: queue.SimpleQueue[Any]) -> None:
    """Wait for a process's answers in a thread: not every system can wait for a pipe for a limited time."""
    try:
        while True:
            answers.put(read_message(pipe))
    except (EOFError, OSError, ValueError, pickle.UnpicklingError):  # ValueError: the pipe was closed on this side
        answers.put(_ENDED)


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    """Kill the process and its kernels, which may outlive it."""
    with suppress(ProcessLookupError, PermissionError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, _KILL)  # its own group: see start_new_session
        else:
            process.kill()
