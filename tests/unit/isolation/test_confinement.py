"""A confined process: it reaches its own folders and hosts, and no others."""

from __future__ import annotations

import socket
import sys
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from komorebi_qc.isolation import landlock
from komorebi_qc.isolation.confinement import Confinement
from komorebi_qc.isolation.resource_limits import ResourceLimits
from komorebi_qc.isolation.worker_process import WorkerProcess

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LIMITS = ResourceLimits(time_s=60.0)
WORK = "reaching_work:reach"
by_kernel = pytest.mark.skipif(landlock.version() < 4, reason="this kernel has no Landlock for files and ports")


@pytest.fixture
def places(tmp_path: Path) -> tuple[Path, Path]:
    """A folder to write in, and one that isn't."""
    allowed, forbidden = tmp_path / "allowed", tmp_path / "forbidden"
    for folder in (allowed, forbidden):
        folder.mkdir()
        (folder / "file").write_text("before")
    return allowed, forbidden


@pytest.fixture
def server() -> Iterator[tuple[str, int]]:
    """A server on this machine."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()


@by_kernel
def test_files_are_written_in_the_own_folders_alone(places: tuple[Path, Path]) -> None:
    """Others can be read, but nothing in them changes; no program starts, also not by code in C."""
    allowed, forbidden = places
    with closing(WorkerProcess(LIMITS, WORK, confinement=lambda: Confinement((str(allowed),)))) as worker:
        for kind, name in (("write", "new"), ("make a folder", "folder"), ("remove", "file")):
            assert worker.run((kind, str(allowed / name))) == "done"
            assert "PermissionError" in worker.run((kind, str(forbidden / name)))
        assert worker.run(("write a temporary file", "x")) == "done"
        assert worker.run(("read", str(forbidden / "file"))) == "done"
        assert "may not start programs" in worker.run(("run", "/bin/true"))
        assert "system() gave" in worker.run(("run in C", "true"))
    assert [path.name for path in forbidden.iterdir()] == ["file"]
    assert sorted(path.name for path in allowed.iterdir()) == ["folder", "new"]


@by_kernel
def test_without_hosts_there_is_no_network(places: tuple[Path, Path], server: tuple[str, int]) -> None:
    """Neither by Python nor by code in C, neither by TCP nor by UDP."""
    with closing(WorkerProcess(LIMITS, WORK, confinement=lambda: Confinement((str(places[0]),)))) as worker:
        assert "may not connect" in worker.run(("connect", server))
        assert "Error" in worker.run(("connect in C", server))
        assert "may not listen" in worker.run(("listen", None))
        assert "may not connect" in worker.run(("look up", "example.org"))
        if _may_make_networks():
            assert "Error" in worker.run(("send a datagram in C", server))


@by_kernel
def test_only_the_named_hosts_and_ports_are_reached(server: tuple[str, int]) -> None:
    """Python's code is held to the hosts, and code in C to their ports."""
    with socket.create_server(("127.0.0.2", 0)) as other:
        elsewhere = other.getsockname()
        confinement = Confinement(hosts=("127.0.0.1", "localhost"), ports=(server[1],))
        with closing(WorkerProcess(LIMITS, WORK, confinement=lambda: confinement)) as worker:
            assert worker.run(("connect", server)) == "done"
            assert worker.run(("connect", ("localhost", server[1]))) == "done"
            assert worker.run(("connect in C", server)) == "done"
            assert "may not connect to '127.0.0.2'" in worker.run(("connect", elsewhere))
            assert "PermissionError" in worker.run(("connect in C", elsewhere))
            assert "may not connect to 'example.org'" in worker.run(("look up", "example.org"))


def test_an_unconfined_process_reaches_everything(places: tuple[Path, Path], server: tuple[str, int]) -> None:
    """The same work, so that a refusal above is the confinement's."""
    with closing(WorkerProcess(LIMITS, WORK)) as worker:
        tasks: list[tuple[str, Any]] = [("write", str(places[1] / "new")), ("run", "/bin/true"), ("listen", None)]
        tasks += [("connect", server), ("connect in C", server), ("send a datagram in C", server)]
        assert [worker.run(task) for task in tasks] == ["done"] * len(tasks)


@pytest.mark.parametrize(
    ("host", "is_allowed"),
    [
        ("s3.eu-central-1.amazonaws.com", True),
        ("Bucket.s3.EU-central-1.amazonaws.com.", True),
        ("amazonaws.com.example.org", False),
        ("xamazonaws.com", False),
        ("169.254.169.254", True),
        ("1.169.254.169.254", False),
        ("169.254.169.25", False),
        ("", False),
    ],
)
def test_a_name_allows_the_names_below_it(host: str, *, is_allowed: bool) -> None:
    """And no name that only looks like it."""
    confinement = Confinement(hosts=("amazonaws.com", "169.254.169.254"))
    assert confinement.allows(host) is is_allowed


def test_a_confinement_is_an_argument() -> None:
    """It comes back from its text as it was."""
    confinement = Confinement(("/tmp/a b",), ("x",), (443,), may_execute=True)  # noqa: S108  no file is made
    assert Confinement.from_json(confinement.to_json()) == confinement


def _may_make_networks() -> bool:
    import ctypes  # noqa: PLC0415
    import os  # noqa: PLC0415

    if sys.platform != "linux":
        return False
    child = os.fork()
    if child == 0:
        os._exit(int(ctypes.CDLL(None).unshare(0x40000000) != 0 and ctypes.CDLL(None).unshare(0x50000000) != 0))
    return os.waitpid(child, 0)[1] == 0
