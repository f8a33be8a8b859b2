"""Our commands as child processes, one after the other, with their progress. They end with the server."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from komorebi_qc.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from komorebi_qc.desk.server.commands import Command

State = Literal["waiting", "running", "done", "failed", "stopped"]
OUR_COMMANDS = (sys.executable, "-m", "komorebi_qc")
_STEP = re.compile(r"(\d{1,3})/(\d{1,3}) (.{1,120})")
_ERROR = "error: "
_DONE = (0, 3)
"""Exit codes of a command that did its work; after 3, findings fail."""
_STOPPED = 130
_MOST_WAITING, _MOST_KEPT, _MOST_LINES = 20, 100, 40
_PATIENCE_S = 15.0
_LINE_BYTES = 1 << 20


@dataclass(slots=True)
class Job:
    """One command, while it waits, runs, or after it.

    Attributes:
        number: from 1.
        command: the command.
        state: ``done`` also if findings fail.
        step: number, count and name of the present step; None before the first.
        exit_code: None before the end.
        error: the command's own sentence, if it failed.
        lines: its last lines.
        process: while it runs.
        is_cancelled: whether it is to stop.
        ended: is set at its end.
    """

    number: int
    command: Command
    state: State = "waiting"
    step: tuple[int, int, str] | None = None
    exit_code: int | None = None
    error: str = ""
    lines: deque[str] = field(default_factory=lambda: deque(maxlen=_MOST_LINES))
    process: asyncio.subprocess.Process | None = None
    is_cancelled: bool = False
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    async def stop(self) -> None:
        """Stop it, and wait for its end. A job that has ended stays as it is."""
        self.is_cancelled = True
        if self.state == "waiting":
            self.state = "stopped"
            self.ended.set()
        elif self.process is not None:
            await _end(self.process)
        await self.ended.wait()

    def to_dict(self) -> dict[str, Any]:
        """The job for JSON."""
        return {
            "number": self.number,
            "title": self.command.title,
            "out": self.command.out,
            "state": self.state,
            "step": None if self.step is None else list(self.step),
            "exit_code": self.exit_code,
            "error": self.error,
            "lines": list(self.lines),
        }


class Jobs:
    """All jobs of the server. One runs at a time, because each uses all processors.

    Args:
        program: the words before a command's arguments.
    """

    def __init__(self, program: Sequence[str] = OUR_COMMANDS) -> None:
        self._program = tuple(program)
        self._jobs: list[Job] = []
        self._waiting: asyncio.Queue[Job] = asyncio.Queue()
        self._numbers = 0
        self._runner: asyncio.Task[None] | None = None

    def all(self) -> list[Job]:
        """The jobs, the newest first."""
        return self._jobs[::-1]

    def add(self, command: Command) -> Job:
        """Start a command after those that wait.

        Raises:
            InputError: too many wait already, or one of them writes to the same place.
        """
        unfinished = [job for job in self._jobs if job.state in ("waiting", "running")]
        if len(unfinished) > _MOST_WAITING:
            raise InputError(f"{_MOST_WAITING} jobs wait already: wait until some of them are done")
        if command.out and any(job.command.out == command.out for job in unfinished):
            raise InputError(f"another job makes {command.out} already: wait, or name another place")
        self._numbers += 1
        job = Job(self._numbers, command)
        finished = [one for one in self._jobs if one not in unfinished][-_MOST_KEPT:]
        self._jobs = sorted([*finished, *unfinished, job], key=lambda one: one.number)
        self._waiting.put_nowait(job)
        if self._runner is None:
            self._runner = asyncio.get_running_loop().create_task(self._run_all())
        return job

    async def stop(self, number: int) -> None:
        """Stop a job. One that has ended stays as it is.

        Raises:
            InputError: no job has this number.
        """
        job = next((one for one in self._jobs if one.number == number), None)
        if job is None:
            raise InputError(f"there is no job {number}")
        await job.stop()

    async def close(self) -> None:
        """Stop all jobs, and wait until their processes have ended."""
        for job in self._jobs[::-1]:  # those that wait first, so that none starts
            await job.stop()
        if self._runner is not None:
            self._runner.cancel()
            with suppress(asyncio.CancelledError):
                await self._runner

    async def _run_all(self) -> None:
        while True:
            job = await self._waiting.get()
            if job.state != "waiting":
                continue
            try:
                await self._run(job)
            except OSError as error:
                job.state, job.error = "failed", f"the command can't be started: {error.strerror}"
            finally:
                job.ended.set()

    async def _run(self, job: Job) -> None:
        job.state = "running"
        # In a session of its own: Ctrl-C in the terminal reaches the server only, which then ends its children.
        job.process = await asyncio.create_subprocess_exec(
            *self._program,
            *job.command.arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
            limit=_LINE_BYTES,
        )
        try:
            if job.is_cancelled:  # while the process was started
                await _end(job.process)
            await _read(job)
            code = await job.process.wait()
        finally:
            if job.process.returncode is None:
                await _end(job.process)
            job.process = None
        job.exit_code = code
        job.state = "done" if code in _DONE else "stopped" if code == _STOPPED or code < 0 else "failed"
        if job.state == "failed" and not job.error:
            job.error = job.lines[-1] if job.lines else f"the command ended with exit code {code}"


async def _read(job: Job) -> None:
    process = job.process
    if process is None or process.stdout is None:
        return
    while True:
        try:
            line = await process.stdout.readline()
        except ValueError:  # longer than the buffer
            continue
        if not line:
            return
        text = "".join(c if c.isprintable() else " " for c in line.decode("utf-8", "replace").rstrip())[:400]
        if found := _STEP.fullmatch(text):
            job.step = (int(found[1]), int(found[2]), found[3])
            continue
        if text.startswith(_ERROR):
            job.error = text.removeprefix(_ERROR)
        if text:
            job.lines.append(text)


async def _end(process: asyncio.subprocess.Process) -> None:
    """End a child: as by Ctrl-C, so that it cleans up; if it doesn't, with all processes that it has started."""
    if process.returncode is not None:
        return
    with suppress(ProcessLookupError):
        process.send_signal(signal.SIGINT)
    try:
        await asyncio.wait_for(process.wait(), _PATIENCE_S)
    except TimeoutError:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # the child leads its own session
        await process.wait()
