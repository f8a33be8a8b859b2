"""The work on a Dask cluster: a real scheduler and real workers on the loopback interface."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import dask.config
import pytest
from batch_desk import LIMITS, Desk
from certificates import make_certificates

from komorebi_qc.batch.execution.dask_executor import DaskExecutor
from komorebi_qc.core.errors import PermanentError, StorageError
from komorebi_qc.isolation.resource_limits import ResourceLimits

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
    tls: tuple[str, ...] = ()
    scheduler: subprocess.Popen[bytes] = field(init=False)
    address: str = ""

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start a process of Dask's command line, which ends with the test."""
        paths = os.pathsep.join(filter(None, sys.path))
        environ = {**os.environ, "PYTHONPATH": paths, "DASK_DISTRIBUTED__ADMIN__TICK__LIMIT": "1h"}
        log = self.stack.enter_context((self.folder / f"{arguments[0]}-{len(self.workers)}.log").open("wb"))
        process = subprocess.Popen(
            [sys.executable, "-m", "dask", *arguments], env=environ, cwd=self.folder, stdout=log, stderr=log
        )
        self.stack.callback(_end, process)
        return process

    def start_scheduler(self, port: int = 0) -> None:
        """Start the scheduler, and wait for its address."""
        file = self.folder / "scheduler.json"
        file.unlink(missing_ok=True)
        self.scheduler = self.start(
            *("scheduler", "--port", str(port), "--host", "127.0.0.1", "--no-dashboard", "--scheduler-file", str(file)),
            *(("--protocol", "tls") if self.tls else ()),
            *self.tls,
        )
        while not (file.exists() and file.read_text().strip()):
            time.sleep(0.05)
        self.address = json.loads(file.read_text())["address"]

    def add_worker(self) -> None:
        """Start another worker."""
        local = str(self.folder / f"w{len(self.workers)}")
        self.workers.append(self.start(*WORKER, "--local-directory", local, *self.tls, self.address))


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()


@contextmanager
def _cluster(folder: Path, workers: int, *tls: str) -> Iterator[Cluster]:
    with ExitStack() as stack:
        cluster = Cluster(folder, stack, tls=tls)
        cluster.start_scheduler()
        for _ in range(workers):
            cluster.add_worker()
        yield cluster


@pytest.fixture
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Two workers with a thread each."""
    with _cluster(tmp_path_factory.mktemp("dask"), 2) as made:
        yield made


def test_a_lost_worker_loses_no_recording(cluster: Cluster, tmp_path: Path) -> None:
    """If one of two workers is killed, the other does the rest, and the dataset is the same as on one machine."""
    desk = Desk(tmp_path)
    desk.make(24, "slow")
    killed: list[Any] = []

    def check() -> None:
        if not killed and len(list((tmp_path / "begun").iterdir())) > 8:
            killed.append(cluster.workers[0].pid)
            cluster.workers[0].send_signal(signal.SIGKILL)

    tally = desk.run(executor=DaskExecutor(cluster.address, LIMITS, QUICK), check=check)
    assert killed
    assert (tally.total, tally.left, tally.counts["failed"]) == (24, 0, 0)
    assert desk.begun().keys() == {f"r{n:03}" for n in range(24)}
    rows = desk.rows()
    desk.run(force=True)
    assert desk.rows() == rows


def test_a_restarted_scheduler_loses_no_recording(cluster: Cluster, tmp_path: Path) -> None:
    """If the scheduler is killed and started again with its workers, the same run does the rest, once."""
    desk = Desk(tmp_path)
    desk.make(24, "slow")
    killed: list[Any] = []

    def check() -> None:
        if not killed and len(list((tmp_path / "begun").iterdir())) > 8:
            killed.append(cluster.scheduler.pid)
            cluster.scheduler.kill()
            cluster.scheduler.wait()
            cluster.start_scheduler(urlsplit(cluster.address).port or 0)
            for _ in range(2):
                cluster.add_worker()

    tally = desk.run(executor=DaskExecutor(cluster.address, LIMITS, QUICK), check=check)
    assert killed
    assert (tally.total, tally.left, tally.counts["failed"], tally.counts.total()) == (24, 0, 0, 24)
    begun = desk.begun()
    assert begun.keys() == {f"r{n:03}" for n in range(24)}
    assert sum(begun.values()) <= 24 + 2 * 2  # those that were with the scheduler when it was killed
    rows = desk.rows()
    desk.run(force=True)
    assert desk.rows() == rows


def test_a_bad_recording_fails_its_own_row(cluster: Cluster, tmp_path: Path) -> None:
    """A crash and a hang are rows with their reasons, and both workers stay."""
    desk = Desk(tmp_path)
    desk.make(8)
    limits = ResourceLimits(time_s=4.0)
    tally = desk.run(executor=DaskExecutor(cluster.address, limits, FAULTY))
    assert tally.counts["failed"] == 2
    found = {row["recording_id"]: row["error_class"] for row in desk.rows()}
    assert (found["r001"], found["r002"]) == ("Crash", "TimeLimit")
    assert sorted(name for name, error in found.items() if error is None) == [f"r{n:03}" for n in (0, 3, 4, 5, 6, 7)]
    assert [worker.poll() for worker in cluster.workers] == [None, None]


def test_a_stop_ends_the_work_on_the_cluster(cluster: Cluster, tmp_path: Path) -> None:
    """The processes on the workers end with the run."""
    desk = Desk(tmp_path)
    desk.make(3)

    def check() -> None:
        if "r002" in {path.name.partition("-")[0] for path in (tmp_path / "begun").iterdir()}:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        desk.run(executor=DaskExecutor(cluster.address, LIMITS, FAULTY), check=check)
    while _works_on(FAULTY):
        time.sleep(0.05)
    assert [worker.poll() for worker in cluster.workers] == [None, None]


def _works_on(work: str) -> list[str]:
    """The worker processes for this work."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if work.encode() in words and b"komorebi_qc.isolation.worker_main" in words:
            found.append(path.parent.name)
    return found


def test_another_version_on_the_workers_is_an_error(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error names both versions: their rows can't be compared."""
    desk = Desk(tmp_path)
    desk.make(1)
    monkeypatch.setattr("komorebi_qc.batch.execution.dask_executor.__version__", "99.0")
    with pytest.raises(PermanentError, match=r"the caller 99\.0"):
        desk.run(executor=DaskExecutor(cluster.address, LIMITS, QUICK))


@pytest.mark.parametrize(("gone", "words"), [("workers", "has had no workers"), ("scheduler", "no longer answers")])
def test_a_lost_cluster_ends_the_run(
    gone: str, words: str, tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without workers or scheduler the run ends with an error that is worth a retry."""
    for name, value in (("WITHOUT_WORKERS_S", 1), ("COUNT_EVERY_S", 0.2), ("TIMEOUT_S", 10)):
        monkeypatch.setattr(f"komorebi_qc.batch.execution.dask_executor.{name}", value)
    desk = Desk(tmp_path)
    desk.make(20, "slow")
    with _cluster(tmp_path_factory.mktemp("dask"), 1) as made:
        ending = made.workers if gone == "workers" else [made.scheduler]

        def check() -> None:
            if len(list((tmp_path / "begun").iterdir())) > 2:
                for process in ending:
                    process.kill()

        with pytest.raises(StorageError, match=words):
            desk.run(executor=DaskExecutor(made.address, LIMITS, QUICK), check=check)


def test_no_scheduler_and_no_workers(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """The errors have the commands that start them."""
    monkeypatch.setattr("komorebi_qc.batch.execution.dask_executor.TIMEOUT_S", 1)
    with pytest.raises(StorageError, match="no Dask scheduler answers"):
        DaskExecutor("tcp://127.0.0.1:1", LIMITS)
    with _cluster(tmp_path_factory.mktemp("dask"), 0) as empty, pytest.raises(StorageError, match="has no workers"):
        DaskExecutor(empty.address, LIMITS)


def test_a_notebooks_event_loop_is_no_obstacle(tmp_path_factory: pytest.TempPathFactory) -> None:
    """An analyst's cell runs within a loop."""

    async def cell(address: str) -> bool:
        executor = DaskExecutor(address, LIMITS)
        executor.close()
        return True

    # In a thread of its own: a browser of another test may have a loop in this one.
    with _cluster(tmp_path_factory.mktemp("dask"), 1) as made, ThreadPoolExecutor(1) as thread:
        assert thread.submit(asyncio.run, cell(made.address)).result()


def test_a_batch_on_an_encrypted_cluster(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With certificates of one authority the work is done; a client with another one's is refused."""
    folder = tmp_path_factory.mktemp("dask")
    tls = make_certificates(folder)
    foreign = tmp_path_factory.mktemp("foreign")
    make_certificates(foreign)
    desk = Desk(tmp_path)
    desk.make(2)
    with _cluster(folder, 1, *tls) as made:
        assert made.address.startswith("tls://")
        for of, is_known in ((foreign, False), (folder, True)):
            for key, name in _TLS_SETTINGS.items():
                monkeypatch.setitem(dask.config.config["distributed"]["comm"]["tls"], *_setting(key, str(of / name)))
            if is_known:
                tally = desk.run(executor=DaskExecutor(made.address, LIMITS, QUICK))
                assert (tally.total, tally.counts["failed"]) == (2, 0)
            else:
                with pytest.raises(StorageError, match="no Dask scheduler answers"):
                    DaskExecutor(made.address, LIMITS, QUICK)


_TLS_SETTINGS = {"ca-file": "ca.pem", "client": "node.pem"}


def _setting(key: str, path: str) -> tuple[str, Any]:
    return key, {"cert": path, "key": path} if key == "client" else path
