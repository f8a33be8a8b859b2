"""A process of its own for each recording: what it does to that process is its own row's trouble alone."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from komorebi_qc.batch.execution.resource_limits import ResourceLimits, Stopped, WorkerFailure
from komorebi_qc.batch.execution.worker_process import WorkerProcess
from komorebi_qc.core.errors import PermanentError

if TYPE_CHECKING:
    from collections.abc import Iterator

WORK = "misbehaving_work:misbehave"
ROOMY = ResourceLimits(time_s=60.0, memory_mb=1000.0)


@pytest.fixture
def child() -> Iterator[WorkerProcess]:
    """A process with room enough."""
    with closing(WorkerProcess(ROOMY, WORK)) as one:
        yield one


def test_one_process_does_many_tasks(child: WorkerProcess) -> None:
    """Answers come back, and nothing is started anew while all goes well."""
    answers = [child.run(("echo", n)) for n in range(3)]
    assert [value for value, _ in answers] == [0, 1, 2]
    assert len({pid for _, pid in answers}) == 1


def test_a_crash_costs_its_own_task(child: WorkerProcess) -> None:
    """A segmentation fault is told by its signal, and the next task has a process again."""
    fault = child.run(("crash", None))
    assert isinstance(fault, WorkerFailure)
    assert (fault.kind, fault.is_worth_a_retry) == ("Crash", False)
    assert "SIGSEGV" in fault.text
    assert child.run(("echo", 1))[0] == 1


def test_an_end_of_its_own_is_told(child: WorkerProcess) -> None:
    """A library that ends the process is named by its exit code."""
    fault = child.run(("exit", None))
    assert isinstance(fault, WorkerFailure)
    assert "exit code 7" in fault.text


def test_who_was_killed_may_try_again(child: WorkerProcess) -> None:
    """A process that another killed is worth a retry: its recording did nothing."""
    fault = child.run(("killed", None))
    assert isinstance(fault, WorkerFailure)
    assert fault.is_worth_a_retry
    assert "SIGKILL" in fault.text


@pytest.mark.parametrize("kind", ["hang", "hold the lock"])
def test_a_hang_ends_at_its_time_limit(kind: str, tmp_path: Path) -> None:
    """It is stopped however it hangs, in C with the interpreter's lock as well, and the next task is done."""
    with closing(WorkerProcess(ResourceLimits(time_s=1.0), WORK)) as child:
        fault = child.run((kind, str(tmp_path / "begun")))
        assert isinstance(fault, WorkerFailure)
        assert fault.kind == "TimeLimit"
        assert "1 s" in fault.text
        assert child.run(("echo", 1))[0] == 1


@pytest.mark.parametrize("kind", ["grow", "leap"])
def test_growth_ends_at_the_memory_limit(kind: str) -> None:
    """Slow growth is seen from outside, and a leap is refused by the kernel; both are told alike."""
    with closing(WorkerProcess(ResourceLimits(time_s=60.0, memory_mb=300.0), WORK)) as child:
        fault = child.run((kind, None))
        assert isinstance(fault, WorkerFailure)
        assert fault.kind == "MemoryLimit"
        assert "300 MB" in fault.text
        assert child.run(("echo", 1))[0] == 1


def test_a_stop_ends_the_process(child: WorkerProcess, tmp_path: Path) -> None:
    """A task under way is given up when asked, and its process is gone."""
    _, pid = child.run(("echo", 1))
    stop, begun = threading.Event(), tmp_path / "begun"

    def ask() -> None:
        _until(begun.exists)
        stop.set()

    watch = threading.Thread(target=ask)
    watch.start()
    with pytest.raises(Stopped):
        child.run(("hang", str(begun)), stop)
    watch.join()
    assert not Path(f"/proc/{pid}").exists()


def test_temporary_files_go_with_the_process() -> None:
    """What a process leaves in its temporary folder is removed with it."""
    child = WorkerProcess(ROOMY, WORK)
    scratch = Path(child.run(("scratch", None)))
    assert (scratch / "left").exists()
    child.close()
    assert not scratch.exists()


@pytest.mark.parametrize("is_busy", [True, False])
def test_nothing_outlives_its_supervisor(tmp_path: Path, *, is_busy: bool) -> None:
    """Where the supervisor is killed, its process and temporary files go too, whether a task is under way or none."""
    begun = tmp_path / "begun"
    last = f"c.run(('hang', {str(begun)!r}))" if is_busy else f"open({str(begun)!r}, 'w'); import time; time.sleep(600)"
    script = (
        "from komorebi_qc.batch.execution.worker_process import *; "
        "c = WorkerProcess(ResourceLimits(600.0), 'misbehaving_work:misbehave'); "
        f"print(c.run(('scratch', None)), flush=True); print(c.run(('echo', 1))[1], flush=True); {last}"
    )
    paths = os.pathsep.join(filter(None, sys.path))
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": paths}
    ) as supervisor:
        assert supervisor.stdout is not None
        scratch, pid = Path(supervisor.stdout.readline().strip()), int(supervisor.stdout.readline())
        _until(begun.exists)
        supervisor.kill()
        _until(lambda: not Path(f"/proc/{pid}").exists() or "Z" in Path(f"/proc/{pid}/stat").read_text().split()[2])
    _until(lambda: not scratch.exists())


def test_a_process_that_cannot_start_is_told() -> None:
    """Where the work itself can't be loaded nothing is tried again and again: it is an error with what was said."""
    with (
        closing(WorkerProcess(ROOMY, "no_such_module:work")) as child,
        pytest.raises(PermanentError, match="no_such_module"),
    ):
        child.run(("echo", 1))


def _until(is_so: Any) -> None:
    """Wait; the test's own time limit is the end of it."""
    while not is_so():
        time.sleep(0.02)


def test_modules_of_the_present_folder_are_nobodys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file beside the recordings that is named as a library isn't run."""
    (tmp_path / "av.py").write_text("raise SystemExit('taken over')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [place for place in sys.path if place])
    # Whatever it does with the recording, it starts: a process that loads the folder's module would not.
    with closing(WorkerProcess(ROOMY, "komorebi_qc.media.demux:codec_name")) as child:
        answer = child.run(None)
    assert isinstance(answer, WorkerFailure)
    assert "taken over" not in answer.text
    assert "AttributeError" in answer.text
