"""One recording at a time in a process of its own, which may crash, hang or grow without harm to anybody else.

Own supervision and not a pool of a library: a Dask worker is a daemon, which may have no `multiprocessing` children; an
audit's kernels have to go with their process; and no lock is shared that a killed process could leave taken.

Both limits are kept from outside, since what they are for may hold the interpreter's lock: the supervisor watches time
and resident memory. The kernel stands behind it: ``RLIMIT_DATA`` for a leap between two looks (what `av` and numpy map
beyond what they use counts little there, and much under ``RLIMIT_AS``), and ``SIGALRM`` where the supervisor is gone.
"""

from __future__ import annotations

import faulthandler
import importlib
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from select import POLLHUP, poll
from typing import IO, TYPE_CHECKING, Any

from komorebi_qc.core.errors import PermanentError

if TYPE_CHECKING:
    from collections.abc import Callable

DEFAULT_WORK = "komorebi_qc.batch.execution.work:carry_out"
_LOOK_S = 0.05
_START_S = 60.0
_GRACE_S = 5.0
"""From the request to end (an upload is aborted, a part file removed) to the end."""
_ORPHAN_S = 30
_TOLD_CHARACTERS = 400


@dataclass(frozen=True, slots=True)
class ResourceLimits:
    """What one recording may take.

    Attributes:
        time_s: wall seconds.
        memory_mb: resident memory of its process; a process that an audit starts has the same bound for itself.
            1 MB is 1e6 bytes.
    """

    time_s: float = 900.0
    memory_mb: float = 2000.0


@dataclass(frozen=True, slots=True)
class WorkerFailure:
    """How a process ended instead of answering.

    Attributes:
        kind: ``TimeLimit``, ``MemoryLimit`` or ``Crash``.
        text: a sentence.
        is_worth_a_retry: whether it was another's doing: somebody killed it.
    """

    kind: str
    text: str
    is_worth_a_retry: bool = False


class Stopped(Exception):  # noqa: N818  no error: it was asked for
    """The run is to stop, and this recording with it."""


class WorkerProcess:
    """A process that does one task after another, and is replaced by a new one where it ends."""

    def __init__(self, bounds: ResourceLimits, work: str = DEFAULT_WORK) -> None:
        self._bounds, self._work = bounds, work
        self._process: subprocess.Popen[bytes] | None = None
        self._pipe: Connection | None = None
        self._said: IO[bytes] | None = None
        self._scratch: Path | None = None

    def run(self, task: object, stop: threading.Event | None = None) -> Any:
        """The answer to a task, or a `WorkerFailure`.

        Raises:
            Stopped: where `stop` was set meanwhile; the process is gone then.
            PermanentError: where no process starts at all.
        """
        try:
            return self._run(task, stop or threading.Event())
        except BaseException:
            self.close()
            raise

    def _run(self, task: object, stop: threading.Event) -> Any:
        process, pipe = self._started(stop)
        if self._said is not None:
            self._said.seek(0)
            self._said.truncate()
        try:
            pipe.send(task)
        except OSError:
            return self._ended(process)
        until = time.monotonic() + self._bounds.time_s
        while True:
            try:
                if pipe.poll(_LOOK_S):
                    return pipe.recv()
            except (EOFError, OSError):
                return self._ended(process)
            if stop.is_set():
                raise Stopped
            if _resident_mb(process.pid) > self._bounds.memory_mb:
                self.close(grace_s=0.0)
                return _too_large(self._bounds)
            if time.monotonic() > until:
                self.close()
                return WorkerFailure("TimeLimit", f"it wasn't done after {self._bounds.time_s:g} s, and was stopped")

    def close(self, grace_s: float = _GRACE_S) -> None:
        """End the process and all that it started, and wait for it."""
        process, self._process = self._process, None
        if process is None:
            return
        if self._pipe is not None:
            if grace_s > 0:
                # Asked by signal and not by closing the pipe: on that it ends without tidying up.
                _signal(process, signal.SIGTERM, group=False)
                with suppress(subprocess.TimeoutExpired):
                    process.wait(grace_s)
            self._pipe.close()
        _signal(process, signal.SIGKILL, group=True)
        process.wait()
        if self._said is not None:
            self._said.close()
            self._said = None
        if self._scratch is not None:
            shutil.rmtree(self._scratch, ignore_errors=True)

    def _ended(self, process: subprocess.Popen[bytes]) -> WorkerFailure:
        with suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE_S)
        code = process.poll()
        said = ""
        if self._said is not None:
            self._said.seek(0)
            said = " ".join(self._said.read().decode(errors="replace").split())[-_TOLD_CHARACTERS:]
        self.close(grace_s=0.0)
        tail = f": {said}" if said else ""
        if code is not None and code < 0:
            name = signal.Signals(-code).name
            killed = -code in (signal.SIGKILL, signal.SIGTERM)
            hint = " (from outside: does the machine run out of memory?)" if killed else ""
            return WorkerFailure("Crash", f"its process was ended by {name}{hint}{tail}", is_worth_a_retry=killed)
        return WorkerFailure("Crash", f"its process ended by itself, with exit code {code}{tail}")

    def _started(self, stop: threading.Event) -> tuple[subprocess.Popen[bytes], Connection]:
        if self._process is not None and self._pipe is not None and self._process.poll() is None:
            return self._process, self._pipe
        self.close(grace_s=0.0)
        ours, theirs = Pipe()
        command = [sys.executable, "-P", "-m", __name__, str(theirs.fileno()), self._work]
        # Pools of threads inside numpy would only contend with the other processes, and take memory.
        one_thread = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
        self._said = tempfile.TemporaryFile()  # noqa: SIM115  it lives as long as the process
        # Its temporary files in one folder: a killed process leaves them.
        self._scratch = Path(tempfile.mkdtemp(prefix="komorebi-batch-"))
        places = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "TMPDIR": str(self._scratch)}
        self._process = subprocess.Popen(  # noqa: S603  ourselves
            [*command, str(self._bounds.time_s), str(self._bounds.memory_mb)],
            pass_fds=(theirs.fileno(),),
            stdin=subprocess.DEVNULL,
            stdout=self._said,
            stderr=self._said,
            start_new_session=True,  # a Ctrl-C at the terminal is the supervisor's alone
            env={**one_thread, **os.environ, **places},
        )
        theirs.close()
        self._pipe = ours
        until = time.monotonic() + _START_S
        while not ours.poll(_LOOK_S):
            if stop.is_set():
                raise Stopped
            if time.monotonic() > until:
                raise self._unstarted(self._process)
        try:
            ours.recv()
        except (EOFError, OSError):
            raise self._unstarted(self._process) from None
        return self._process, ours

    def _unstarted(self, process: subprocess.Popen[bytes]) -> PermanentError:
        return PermanentError(f"a worker process doesn't start: {self._ended(process).text}")


def _too_large(bounds: ResourceLimits) -> WorkerFailure:
    return WorkerFailure("MemoryLimit", f"it took over {bounds.memory_mb:g} MB of memory, and was stopped")


def _signal(process: subprocess.Popen[bytes], number: int, *, group: bool) -> None:
    with suppress(ProcessLookupError, PermissionError):
        if group:  # its own: see start_new_session; its kernels may outlive it
            os.killpg(process.pid, number)
        elif process.poll() is None:
            process.send_signal(number)


def _resident_mb(pid: int) -> float:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_bytes().split()[1])
    except (OSError, IndexError):  # just gone, which the pipe tells
        return 0.0
    return pages * resource.getpagesize() / 1e6


# --- inside the process


def serve(fd: int, work: str, bounds: ResourceLimits) -> None:
    """Do what comes through the pipe until it closes."""
    pipe = Connection(fd)
    faulthandler.enable()
    threading.Thread(target=_end_with_supervisor, args=(fd,), daemon=True).start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    module, _, name = work.partition(":")
    do: Callable[[Any], Any] = getattr(importlib.import_module(module), name)
    # A quarter above, so that the supervisor's look comes first where growth is slow, and its reason is the true one.
    most = int((bounds.memory_mb * 1.25 + 100) * 1e6)
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        pipe.send("ready")
        while True:
            task = pipe.recv()
            signal.alarm(int(bounds.time_s) + _ORPHAN_S)
            try:
                answer = do(task)
            except MemoryError:
                answer = _too_large(bounds)
            signal.alarm(0)
            pipe.send(answer)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        _end()


def _end_with_supervisor(fd: int) -> None:
    """Nobody waits for an answer any more: end."""
    watch = poll()
    watch.register(fd, POLLHUP)  # which comes even while a task lies unread
    while not any(events & POLLHUP for _, events in watch.poll()):
        pass
    _end()


def _end() -> None:
    """End, and take temporary files and the kernels along."""
    shutil.rmtree(os.environ["TMPDIR"], ignore_errors=True)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    # Not as __main__'s own: what goes through the pipe has to bear the same name on both sides.
    importlib.import_module("komorebi_qc.batch.execution.worker_process").serve(
        int(sys.argv[1]), sys.argv[2], ResourceLimits(float(sys.argv[3]), float(sys.argv[4]))
    )
