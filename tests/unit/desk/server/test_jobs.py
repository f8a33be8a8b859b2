"""Child processes: their order, their progress, and their end."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from running_desk import in_a_loop

from komorebi_qc.core.errors import InputError
from komorebi_qc.desk.server import jobs as module
from komorebi_qc.desk.server.commands import Command
from komorebi_qc.desk.server.jobs import Job, Jobs

if TYPE_CHECKING:
    from collections.abc import Callable

PYTHON = (sys.executable, "-c")


def script(text: str, out: str = "") -> Command:
    """A child that runs some Python."""
    return Command("a script", (text,), out)


async def ended(*jobs: Job) -> None:
    """Wait until jobs have ended."""
    for job in jobs:
        await job.ended.wait()


async def until(is_so: Callable[[], object]) -> None:
    """Wait until something is so."""
    while not is_so():  # noqa: ASYNC110  a job has no event for its lines
        await asyncio.sleep(0.01)


def is_alive(pid: int) -> bool:
    """Whether a process exists and isn't a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_progress_and_results() -> None:
    """The last step, the lines without control characters, and the sentence of a failure."""

    async def work() -> None:
        jobs = Jobs(PYTHON)
        done = jobs.add(script("print('1/2 read'); print('2/2 write \\x1b[2J'); print('all \\x1b[31mfine')"))
        failed = jobs.add(script("import sys; sys.stderr.write('error: no such file\\n'); sys.exit(2)"))
        crashed = jobs.add(script("raise SystemExit(1)"))
        findings = jobs.add(script("raise SystemExit(3)"))
        await ended(done, failed, crashed, findings)
        assert (done.state, done.exit_code, done.step, list(done.lines)) == (
            "done",
            0,
            (2, 2, "write  [2J"),
            ["all  [31mfine"],
        )
        assert (failed.state, failed.error) == ("failed", "no such file")
        assert (crashed.state, crashed.error) == ("failed", "the command ended with exit code 1")
        assert findings.state == "done"
        assert [job.number for job in jobs.all()] == [4, 3, 2, 1]
        assert jobs.all()[0].to_dict()["state"] == "done"
        await jobs.close()

    in_a_loop(work())


def test_one_runs_at_a_time(tmp_path: Path) -> None:
    """A job that waits can be stopped before it starts."""

    async def work() -> None:
        jobs = Jobs(PYTHON)
        first = jobs.add(script(f"import time; time.sleep(0.3); open({str(tmp_path / 'first')!r}, 'w')"))
        second = jobs.add(script(f"import os; assert os.path.exists({str(tmp_path / 'first')!r})"))
        third = jobs.add(script(f"open({str(tmp_path / 'third')!r}, 'w')"))
        await jobs.stop(third.number)
        await ended(first, second, third)
        assert (first.state, second.state, third.state) == ("done", "done", "stopped")
        await jobs.close()

    in_a_loop(work())
    assert not (tmp_path / "third").exists()


def test_a_stopped_child_cleans_up(tmp_path: Path) -> None:
    """It gets the signal of Ctrl-C, and its own exit code is shown."""
    mark = tmp_path / "cleaned"
    text = (
        "import sys, time\ntry:\n print('1/1 wait', flush=True)\n time.sleep(60)\n"
        f"except KeyboardInterrupt:\n open({str(mark)!r}, 'w')\n sys.exit(130)"
    )

    async def work() -> None:
        jobs = Jobs(PYTHON)
        job = jobs.add(script(text))
        await until(lambda: job.step)
        await jobs.stop(job.number)
        await ended(job)
        assert (job.state, job.exit_code) == ("stopped", 130)
        with pytest.raises(InputError, match="there is no job 7"):
            await jobs.stop(7)
        await jobs.close()

    in_a_loop(work())
    assert mark.exists()


def test_nothing_is_left_after_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """A child that ignores the signal is killed, with the processes that it has started."""
    monkeypatch.setattr(module, "_PATIENCE_S", 0.3)
    text = (
        "import signal, subprocess, sys, time\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "print(child.pid, flush=True)\ntime.sleep(60)"
    )
    pids: list[int] = []

    async def work() -> None:
        jobs = Jobs(PYTHON)
        job = jobs.add(script(text))
        waiting = jobs.add(script("pass"))
        await until(lambda: job.lines)
        assert job.process is not None
        pids.extend((job.process.pid, int(job.lines[0])))
        await jobs.close()
        assert waiting.state == "stopped"

    in_a_loop(work())
    deadline_s = time.monotonic() + 10
    while any(map(is_alive, pids)) and time.monotonic() < deadline_s:
        time.sleep(0.02)
    assert not any(map(is_alive, pids))
    assert os.getpid() not in pids


def test_two_jobs_for_one_place_are_refused() -> None:
    """So are too many; nothing waits without end."""

    async def work() -> None:
        jobs = Jobs(PYTHON)
        jobs.add(script("import time; time.sleep(60)", "a"))
        with pytest.raises(InputError, match="another job makes a already"):
            jobs.add(script("pass", "a"))
        for _ in range(20):
            jobs.add(script("pass"))
        with pytest.raises(InputError, match="20 jobs wait already"):
            jobs.add(script("pass"))
        await jobs.close()
        assert {job.state for job in jobs.all()} == {"stopped"}

    in_a_loop(work())


def test_a_program_that_doesnt_exist_is_a_failure() -> None:
    """The reason is kept."""

    async def work() -> None:
        jobs = Jobs(("/nonexistent/program",))
        job = jobs.add(script(""))
        await ended(job)
        assert (job.state, job.error) == ("failed", "the command can't be started: No such file or directory")
        await jobs.close()

    in_a_loop(work())
