"""Simulated machines: network namespaces with a link of a limited rate each, and the CPU and bytes that each uses.

All machines hang on one bridge within a namespace of its own, the hub. Nothing of it is reached from outside. Only root
on Linux can make them.
"""

from __future__ import annotations

import os
import subprocess
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Self

from bench.measuring import BenchError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

HUB = "10.77.0.1"
_EVERY_S = 0.25
_TICKS = os.sysconf("SC_CLK_TCK")
_BURST, _LATENCY = "128kb", "100ms"
_WORK = b"komorebi_qc.isolation.worker_main"


def hub_name(base: str) -> str:
    """The namespace of the hub."""
    return f"{base}-hub"


def machine_name(base: str, number: int) -> str:
    """The namespace of a machine."""
    return f"{base}-{number}"


def address(number: int) -> str:
    """A machine's address."""
    return f"10.77.0.{10 + number}"


@contextmanager
def namespaces(base: str, count: int, mbit: int) -> Iterator[None]:
    """A hub and so many machines, each with a link of a limited rate in both directions.

    Raises:
        BenchError: the kernel or the user's rights don't allow it.
    """
    hub = hub_name(base)
    made = [hub, *(machine_name(base, n) for n in range(count))]
    limit = ("root", "tbf", "rate", f"{mbit}mbit", "burst", _BURST, "latency", _LATENCY)
    try:
        for name in made:
            _run("ip", "netns", "add", name)
            _run("ip", "-n", name, "link", "set", "lo", "up")
        _run("ip", "-n", hub, "link", "add", "br0", "type", "bridge")
        _run("ip", "-n", hub, "addr", "add", f"{HUB}/24", "dev", "br0")
        _run("ip", "-n", hub, "link", "set", "br0", "up")
        for n, name in enumerate(made[1:]):
            _run("ip", "-n", hub, "link", "add", f"v{n}", "type", "veth", "peer", "name", "eth0", "netns", name)
            _run("ip", "-n", hub, "link", "set", f"v{n}", "master", "br0", "up")
            _run("ip", "-n", name, "addr", "add", f"{address(n)}/24", "dev", "eth0")
            _run("ip", "-n", name, "link", "set", "eth0", "up")
            _run("tc", "-n", hub, "qdisc", "add", "dev", f"v{n}", *limit)
            _run("tc", "-n", name, "qdisc", "add", "dev", "eth0", *limit)
        yield
    finally:
        for name in made:
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)


def _run(*argv: str) -> None:
    done = subprocess.run(argv, check=False, capture_output=True, text=True)
    if done.returncode:
        raise BenchError(f"`{' '.join(argv)}` fails ({done.stderr.strip()}): it needs root, and Linux with namespaces")


def received_bytes(count: int) -> list[int]:
    """The bytes that went to each machine since its link was made. To be called within the hub."""
    return [int(Path(f"/sys/class/net/v{n}/statistics/tx_bytes").read_text()) for n in range(count)]


@dataclass(slots=True)
class Used:
    """One process.

    Attributes:
        name: of the program that it belongs to.
        is_work: whether it is a process for recordings.
        cpu_s: of all its threads.
        main_cpu_s: of its main thread.
        queued_s: how long its main thread waited for a core.
    """

    name: str
    is_work: bool
    cpu_s: float = 0.0
    main_cpu_s: float = 0.0
    queued_s: float = 0.0


@dataclass
class Watch:
    """Looks at the processes of some programs, and at the links, four times a second.

    Attributes:
        machines: the number of links.
        roots: the first process of each program, by name; several may be added in the course of time.
        used: every process that was seen, by its ID and its start.
        peak_bytes: of each link, the most in a second.
    """

    machines: int
    roots: list[tuple[str, int]] = field(default_factory=list)
    used: dict[tuple[int, str], Used] = field(default_factory=dict)
    peak_bytes: list[int] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        """Begin."""
        self.peak_bytes = [0] * self.machines
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        """End."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def look(self) -> None:
        """Look once."""
        for name, root in list(self.roots):
            for pid in tree(root):
                self._note(name, pid)

    def total(self, *names: str, work: bool | None = None) -> Used:
        """The sum of some programs' processes; of those for recordings only, or of the others only."""
        out = Used("", is_work=bool(work))
        for one in list(self.used.values()):
            if one.name in names and work in (None, one.is_work):
                out.cpu_s += one.cpu_s
                out.main_cpu_s += one.main_cpu_s
                out.queued_s += one.queued_s
        return out

    def _watch(self) -> None:
        marks = [(time.monotonic(), received_bytes(self.machines))]
        while not self._stop.wait(_EVERY_S):
            self.look()
            now, bytes_now = time.monotonic(), received_bytes(self.machines)
            while len(marks) > 1 and marks[1][0] <= now - 1.0:
                del marks[0]
            if now - marks[0][0] >= 1.0:
                per_s = [round((b - a) / (now - marks[0][0])) for a, b in zip(marks[0][1], bytes_now, strict=True)]
                self.peak_bytes = [max(pair) for pair in zip(self.peak_bytes, per_s, strict=True)]
            marks.append((now, bytes_now))

    def _note(self, name: str, pid: int) -> None:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            main_ns, queued_ns, _ = Path(f"/proc/{pid}/schedstat").read_text().split()
            key = pid, fields[19]
            if key not in self.used:
                self.used[key] = Used(name, _WORK in Path(f"/proc/{pid}/cmdline").read_bytes())
        except (OSError, ValueError):  # it has just ended
            return
        one = self.used[key]
        one.cpu_s = (int(fields[11]) + int(fields[12])) / _TICKS
        one.main_cpu_s, one.queued_s = int(main_ns) / 1e9, int(queued_ns) / 1e9


def tree(root: int) -> list[int]:
    """A process and all below it."""
    found, todo = [], [root]
    while todo:
        pid = todo.pop()
        found.append(pid)
        try:
            tasks = list(Path(f"/proc/{pid}/task").iterdir())
            todo += [int(child) for task in tasks for child in (task / "children").read_text().split()]
        except OSError:
            continue
    return found


def within(name: str, argv: Sequence[str]) -> list[str]:
    """A command that runs on a machine."""
    return ["ip", "netns", "exec", name, *argv]
