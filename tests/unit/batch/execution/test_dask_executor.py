"""The same work on a Dask cluster: a real scheduler and real workers over TCP on the loopback interface."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from batch_desk import BOUNDS, Desk

from komorebi_qc.batch.execution.dask_executor import DaskExecutor
from komorebi_qc.batch.execution.resource_limits import ResourceLimits
from komorebi_qc.core.errors import InputError, PermanentError, StorageError

if TYPE_CHECKING:
    from collections.abc import Iterator


QUICK, FAULTY = "batch_desk:quick", "faulty_work:faulty"
WORKER = ("worker", "--nthreads", "1", "--no-nanny", "--no-dashboard", "--host", "127.0.0.1", "--memory-limit", "0")


@dataclass
class Cluster:
    """A scheduler and its workers, each a process."""

    folder: Path
    stack: ExitStack
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)
    scheduler: subprocess.Popen[bytes] = field(init=False)
    address: str = ""

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """A process of Dask's own command line, ended with the test."""
        paths = os.pathsep.join(filter(None, sys.path))
        environ = {**os.environ, "PYTHONPATH": paths, "DASK_DISTRIBUTED__ADMIN__TICK__LIMIT": "1h"}
        log = self.stack.enter_context((self.folder / f"{arguments[0]}-{len(self.workers)}.log").open("wb"))
        process = subprocess.Popen(
            [sys.executable, "-m", "dask", *arguments], env=environ, cwd=self.folder, stdout=log, stderr=log
        )
        self.stack.callback(_end, process)
        return process

    def add_worker(self) -> None:
        """One more."""
        local = str(self.folder / f"w{len(self.workers)}")
        self.workers.append(self.start(*WORKER, "--local-directory", local, self.address))


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()


@contextmanager
def _cluster(folder: Path, workers: int) -> Iterator[Cluster]:
    with ExitStack() as stack:
        cluster = Cluster(folder, stack)
        told = folder / "scheduler.json"
        cluster.scheduler = cluster.start(
            *("scheduler", "--port", "0", "--host", "127.0.0.1", "--no-dashboard", "--scheduler-file", str(told))
        )
        while not (told.exists() and told.read_text().strip()):
            time.sleep(0.05)
        cluster.address = json.loads(told.read_text())["address"]
        for _ in range(workers):
            cluster.add_worker()
        yield cluster


@pytest.fixture
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Two workers with a thread each."""
    with _cluster(tmp_path_factory.mktemp("dask"), 2) as made:
        yield made


def test_a_worker_is_lost_and_no_recording(cluster: Cluster, tmp_path: Path) -> None:
    """Of two workers one is killed in the midst: the other does all, and the dataset is as one made on this machine."""
    desk = Desk(tmp_path)
    desk.make(40, "slow")
    killed: list[Any] = []

    def check() -> None:
        if not killed and len(list((tmp_path / "begun").iterdir())) > 12:
            killed.append(cluster.workers[0].pid)
            cluster.workers[0].send_signal(signal.SIGKILL)

    tally = desk.run(crew=DaskExecutor(cluster.address, BOUNDS, QUICK), check=check)
    assert killed
    assert (tally.total, tally.left, tally.counts["failed"]) == (40, 0, 0)
    assert desk.begun().keys() == {f"r{n:03}" for n in range(40)}
    rows = desk.rows()
    desk.run(force=True)
    assert desk.rows() == rows


def test_a_spoiled_recording_costs_its_own_row(cluster: Cluster, tmp_path: Path) -> None:
    """A crash and a hang are rows with their reasons, and both workers go on."""
    desk = Desk(tmp_path)
    desk.make(8)
    bounds = ResourceLimits(time_s=4.0)
    tally = desk.run(crew=DaskExecutor(cluster.address, bounds, FAULTY))
    assert tally.counts["failed"] == 2
    found = {row["recording_id"]: row["error_class"] for row in desk.rows()}
    assert (found["r001"], found["r002"]) == ("Crash", "TimeLimit")
    assert sorted(name for name, error in found.items() if error is None) == [f"r{n:03}" for n in (0, 3, 4, 5, 6, 7)]
    assert [worker.poll() for worker in cluster.workers] == [None, None]


def test_a_stop_ends_the_work_on_the_cluster(cluster: Cluster, tmp_path: Path) -> None:
    """Processes on the workers end with the run, so that nothing goes on that nobody waits for."""
    desk = Desk(tmp_path)
    desk.make(3)

    def check() -> None:
        if "r002" in {path.name.partition("-")[0] for path in (tmp_path / "begun").iterdir()}:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        desk.run(crew=DaskExecutor(cluster.address, BOUNDS, FAULTY), check=check)
    while _works_on(FAULTY):
        time.sleep(0.05)
    assert [worker.poll() for worker in cluster.workers] == [None, None]


def _works_on(work: str) -> list[str]:
    """The processes that do this work."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if work.encode() in words and b"komorebi_qc.batch.execution.worker_main" in words:
            found.append(path.parent.name)
    return found


def test_another_version_on_the_workers_is_told(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows of two versions side by side would say nothing: the run ends with both versions named."""
    desk = Desk(tmp_path)
    desk.make(1)
    monkeypatch.setattr("komorebi_qc.batch.execution.dask_executor.__version__", "99.0")
    with pytest.raises(PermanentError, match=r"99\.0 asks"):
        desk.run(crew=DaskExecutor(cluster.address, BOUNDS, QUICK))


@pytest.mark.parametrize(("gone", "told"), [("workers", "has had no workers"), ("scheduler", "doesn't answer")])
def test_a_cluster_that_goes_is_told(
    gone: str, told: str, tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the midst of a run all workers end, or the scheduler: so does the run, with a reason that may pass."""
    for name, value in (("_WITHOUT_WORKERS_S", 1), ("_COUNT_EVERY_S", 0.2)):
        monkeypatch.setattr(f"komorebi_qc.batch.execution.dask_executor.{name}", value)
    desk = Desk(tmp_path)
    desk.make(20, "slow")
    with _cluster(tmp_path_factory.mktemp("dask"), 1) as made:
        ending = made.workers if gone == "workers" else [made.scheduler]

        def check() -> None:
            if len(list((tmp_path / "begun").iterdir())) > 2:
                for process in ending:
                    process.kill()

        with pytest.raises(StorageError, match=told):
            desk.run(crew=DaskExecutor(made.address, BOUNDS, QUICK), check=check)


def test_no_scheduler_and_no_workers(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both are told, with the command that starts what is missing."""
    monkeypatch.setattr("komorebi_qc.batch.execution.dask_executor._TIMEOUT_S", 1)
    with pytest.raises(StorageError, match="no Dask scheduler answers"):
        DaskExecutor("tcp://127.0.0.1:1", BOUNDS)
    with _cluster(tmp_path_factory.mktemp("dask"), 0) as empty, pytest.raises(StorageError, match="has no workers"):
        DaskExecutor(empty.address, BOUNDS)


@pytest.mark.parametrize(
    "address", ["foo", "host:8786", "tcp://host", "tcp://:8786", "tcp://host:x", "http://host:1", ""]
)
def test_an_address_is_told_by_its_form(address: str) -> None:
    """What is none is refused before anybody is asked, so that nothing of Dask is left to wait for."""
    with pytest.raises(InputError, match="no scheduler's address"):
        DaskExecutor(address, BOUNDS)


def test_whoever_answers_nothing_is_no_scheduler(monkeypatch: pytest.MonkeyPatch) -> None:
    """A port that takes connections and stays silent is told after a while, and doesn't hold the run for ever."""
    monkeypatch.setattr("komorebi_qc.batch.execution.dask_executor._TIMEOUT_S", 1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(StorageError, match="no Dask scheduler answers"):
            DaskExecutor(address, BOUNDS)
