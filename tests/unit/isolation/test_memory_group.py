"""A control group bounds the memory of a worker process, by the kernel."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from komorebi_qc.core.errors import InputError
from komorebi_qc.isolation.memory_group import MemoryGroup, check_parent, made_group
from komorebi_qc.isolation.resource_limits import ResourceLimits, WorkerFailure
from komorebi_qc.isolation.worker_process import WorkerProcess

if TYPE_CHECKING:
    from collections.abc import Iterator

V1 = Path("/sys/fs/cgroup/memory")


@pytest.fixture
def parent() -> Iterator[Path]:
    """A group inside of this process's own, if this user may make one."""
    own = [line for line in Path("/proc/self/cgroup").read_text().splitlines() if ":memory:" in line]
    if not own:
        pytest.skip("this kernel has no control group of version 1 for memory")
    folder = V1 / own[0].rpartition(":")[2].lstrip("/") / f"komorebi-test-{os.getpid()}"
    try:
        folder.mkdir()
    except OSError:
        pytest.skip("this kernel lets this user divide no control group")
    yield folder
    folder.rmdir()


def test_the_kernel_ends_a_process_beyond_the_limit(parent: Path) -> None:
    """Also memory that no watcher counts. The next task gets a new process, and no group stays."""
    limits = ResourceLimits(time_s=60.0, memory_mb=300.0)
    with closing(WorkerProcess(limits, "misbehaving_work:misbehave", cgroup=parent)) as worker:
        assert worker.run(("echo", 1))[0] == 1
        (group,) = (path for path in parent.iterdir() if path.is_dir())
        limit = int((group / "memory.limit_in_bytes").read_text())
        assert 299e6 < limit <= 300e6
        failure = worker.run(("shared memory", None))
        assert isinstance(failure, WorkerFailure)
        assert (failure.kind, failure.cause) == ("MemoryLimit", "memory")
        assert worker.run(("echo", 2))[0] == 2
    assert [path for path in parent.iterdir() if path.is_dir()] == []


def test_a_folder_that_is_no_group_is_refused(tmp_path: Path) -> None:
    """The error names it, and the remedy."""
    with pytest.raises(InputError, match="isn't a control group for memory: name one below"):
        check_parent(tmp_path)


@pytest.fixture
def second(tmp_path: Path) -> Path:
    """A folder with the files of a group of version 2. The kernel makes them in a new group, so no limit is written."""
    (tmp_path / "cgroup.controllers").write_text("cpu memory\n")
    (tmp_path / "cgroup.subtree_control").write_text("")
    return tmp_path


def test_a_group_of_version_2_is_divided(second: Path) -> None:
    """Its controller is passed down first."""
    group = made_group(second, 500.0)
    assert (second / "cgroup.subtree_control").read_text() == "+memory"
    assert (group.path / "memory.max").read_text() == "500000000"
    (group.path / "memory.events").write_text("low 0\nhigh 0\nmax 12\noom 1\noom_kill 2\noom_group_kill 1\n")
    assert group.kills() == 2


def test_a_group_that_holds_processes_is_refused(second: Path) -> None:
    """The kernel refuses to divide it; the error says which group fits."""
    (second / "cgroup.subtree_control").unlink()
    (second / "cgroup.subtree_control").mkdir()
    with pytest.raises(InputError, match="DelegateSubgroup"):
        made_group(second, 500.0)


def test_a_group_that_is_gone_counts_no_kills(tmp_path: Path) -> None:
    """And its removal is no error."""
    group = MemoryGroup(tmp_path / "gone")
    group.remove()
    assert group.kills() == 0
