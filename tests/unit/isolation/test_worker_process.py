"""A worker process: a recording that breaks it doesn't affect the next recording."""

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

from komorebi_qc.core.errors import PermanentError
from komorebi_qc.isolation.resource_limits import ResourceLimits, Stopped, WorkerFailure
from komorebi_qc.isolation.worker_process import WorkerProcess

if TYPE_CHECKING:
    from collections.abc import Iterator

WORK = "misbehaving_work:misbehave"
ROOMY = ResourceLimits(time_s=60.0, memory_mb=1000.0)
SMALL = ResourceLimits(time_s=60.0, memory_mb=300.0)


@pytest.fixture
def worker() -> Iterator[WorkerProcess]:
    """A process with generous limits."""
    with closing(WorkerProcess(ROOMY, WORK)) as one:
        yield one


def test_one_process_does_many_tasks(worker: WorkerProcess) -> None:
    """While all goes well, no other process is started."""
    answers = [worker.run(("echo", n)) for n in range(3)]
    assert [value for value, _ in answers] == [0, 1, 2]
    assert len({pid for _, pid in answers}) == 1


def test_large_tasks_and_answers_pass(worker: WorkerProcess) -> None:
    """They may be larger than a pipe's buffer."""
    value, _ = worker.run(("echo", "x" * 3_000_000))
    assert len(value) == 3_000_000


def test_printed_text_does_not_disturb_the_answers(worker: WorkerProcess) -> None:
    """A library may print to standard output, from Python and from C."""
    assert worker.run(("print", "text"))[0] == "text"
    assert worker.run(("echo", 1))[0] == 1


@pytest.mark.parametrize(
    ("kind", "words", "is_worth_a_retry"),
    [("crash", "SIGSEGV", False), ("exit", "exit code 7", False), ("killed", "SIGKILL", True)],
)
def test_the_end_of_a_process_fails_its_own_task(
    worker: WorkerProcess, kind: str, words: str, *, is_worth_a_retry: bool
) -> None:
    """Only a process that another program killed is worth a retry. The next task gets a new process."""
    failure = worker.run((kind, None))
    assert isinstance(failure, WorkerFailure)
    assert (failure.kind, failure.is_worth_a_retry) == ("Crash", is_worth_a_retry)
    assert words in failure.text
    assert worker.run(("echo", 1))[0] == 1


@pytest.mark.parametrize("kind", ["hang", "hold the lock"])
def test_a_hang_ends_at_the_time_limit(kind: str, tmp_path: Path) -> None:
    """Also while C code holds the interpreter's lock. The next task is done."""
    with closing(WorkerProcess(ResourceLimits(time_s=1.0), WORK)) as worker:
        failure = worker.run((kind, str(tmp_path / "begun")))
        assert isinstance(failure, WorkerFailure)
        assert failure.kind == "TimeLimit"
        assert "1 s" in failure.text
        assert worker.run(("echo", 1))[0] == 1


@pytest.mark.parametrize("kind", ["grow", "grow fast"])
def test_growth_ends_at_the_memory_limit(kind: str) -> None:
    """The supervisor sees slow growth, and the kernel refuses fast growth."""
    with closing(WorkerProcess(SMALL, WORK)) as worker:
        assert_memory_failure(worker.run((kind, None)))
        assert worker.run(("echo", 1))[0] == 1


def test_a_process_ends_itself_if_its_supervisor_cannot_see_its_memory() -> None:
    """As on macOS, without /proc in both processes."""
    # In a small process: without /proc, Linux reports the peak of a large parent as the worker's own.
    script = (
        "import blind_work; from komorebi_qc.isolation.worker_process import *; "
        "c = WorkerProcess(ResourceLimits(60.0, 300.0), 'blind_work:misbehave'); print(c.run(('echo', 1))[0]); "
        "print(c.run(('grow to 340 MB', None)).kind); print(c.run(('echo', 2))[0]); c.close()"
    )
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environ)
    assert done.stdout.split() == ["1", "MemoryLimit", "2"]


def assert_memory_failure(failure: object) -> None:
    """It names the limit."""
    assert isinstance(failure, WorkerFailure)
    assert failure.kind == "MemoryLimit"
    assert "300 MB" in failure.text


def test_a_stop_ends_the_process(worker: WorkerProcess, tmp_path: Path) -> None:
    """The task is given up, and its process is gone."""
    _, pid = worker.run(("echo", 1))
    stop, begun = threading.Event(), tmp_path / "begun"

    def stop_soon() -> None:
        _wait_for(begun.exists)
        stop.set()

    thread = threading.Thread(target=stop_soon)
    thread.start()
    with pytest.raises(Stopped):
        worker.run(("hang", str(begun)), stop)
    thread.join()
    assert not Path(f"/proc/{pid}").exists()


def test_temporary_files_are_removed_with_the_process() -> None:
    """They are in a folder that belongs to the process."""
    worker = WorkerProcess(ROOMY, WORK)
    scratch = Path(worker.run(("scratch", None)))
    assert (scratch / "left").exists()
    worker.close()
    assert not scratch.exists()


@pytest.mark.parametrize("is_busy", [True, False])
def test_a_process_ends_with_its_supervisor(tmp_path: Path, *, is_busy: bool) -> None:
    """If the supervisor is killed, the process and its temporary files go, with and without a running task."""
    begun = tmp_path / "begun"
    last = f"c.run(('hang', {str(begun)!r}))" if is_busy else f"open({str(begun)!r}, 'w'); import time; time.sleep(600)"
    script = (
        "from komorebi_qc.isolation.worker_process import *; "
        "c = WorkerProcess(ResourceLimits(600.0), 'misbehaving_work:misbehave'); "
        f"print(c.run(('scratch', None)), flush=True); print(c.run(('echo', 1))[1], flush=True); {last}"
    )
    paths = os.pathsep.join(filter(None, sys.path))
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": paths}
    ) as supervisor:
        assert supervisor.stdout is not None
        scratch, pid = Path(supervisor.stdout.readline().strip()), int(supervisor.stdout.readline())
        _wait_for(begun.exists)
        supervisor.kill()
        _wait_for(lambda: not Path(f"/proc/{pid}").exists() or "Z" in Path(f"/proc/{pid}/stat").read_text().split()[2])
    _wait_for(lambda: not scratch.exists())


def test_a_process_that_cannot_start_is_an_error() -> None:
    """The error has the process's own words, and no other attempt is made."""
    with (
        closing(WorkerProcess(ROOMY, "no_such_module:work")) as worker,
        pytest.raises(PermanentError, match="no_such_module"),
    ):
        worker.run(("echo", 1))


def _wait_for(condition: Any) -> None:
    """Wait; the test's time limit ends it."""
    while not condition():
        time.sleep(0.02)


def test_modules_of_the_current_folder_are_not_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file beside the recordings with the name of a library isn't run."""
    (tmp_path / "av.py").write_text("raise SystemExit('taken over')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [place for place in sys.path if place])
    # The work fails, but its process starts. A process that imports the folder's module doesn't.
    with closing(WorkerProcess(ROOMY, "komorebi_qc.media.opening.tracks:codec_name")) as worker:
        answer = worker.run(None)
    assert isinstance(answer, WorkerFailure)
    assert "taken over" not in answer.text
    assert "AttributeError" in answer.text
