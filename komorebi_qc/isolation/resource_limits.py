"""The limits of time and memory for one recording, how a process reports its use, and how it fails.

Linux shows the resident memory of any process, so the supervisor watches it. On macOS a process knows only its own
peak, and watches that itself. Python on Windows shows neither: there, the memory limit isn't enforced.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

PROC = Path("/proc")
MAXRSS_BYTES = 1 if sys.platform == "darwin" else 1024
"""The unit of ``ru_maxrss``: bytes on macOS, else kibibytes."""


@dataclass(frozen=True, slots=True)
class ResourceLimits:
    """Limits for one recording.

    Attributes:
        time_s: wall seconds.
        memory_mb: resident memory of its process, 1 MB = 1e6 bytes; a process that an audit starts has the same limit.
    """

    time_s: float = 900.0
    memory_mb: float = 2000.0


@dataclass(frozen=True, slots=True)
class WorkerFailure:
    """How a process ended without an answer.

    Attributes:
        kind: ``TimeLimit``, ``MemoryLimit`` or ``Crash``.
        text: a sentence.
        is_worth_a_retry: whether another program killed it.
    """

    kind: str
    text: str
    is_worth_a_retry: bool = False

    @property
    def cause(self) -> str:
        """The cause in a word: ``memory``, ``time`` or ``crash``."""
        return {"MemoryLimit": "memory", "TimeLimit": "time"}.get(self.kind, "crash")


class Stopped(Exception):  # noqa: N818  not an error: it was requested
    """The run was stopped, and the work on this recording with it."""


def memory_failure(limits: ResourceLimits) -> WorkerFailure:
    """The failure of a process that used too much memory."""
    return WorkerFailure("MemoryLimit", f"it used more than {limits.memory_mb:g} MB of memory, and was stopped")


def time_failure(limits: ResourceLimits) -> WorkerFailure:
    """The failure of a process that took too long."""
    return WorkerFailure("TimeLimit", f"it wasn't done after {limits.time_s:g} s, and was stopped")


def resident_mb(pid: int) -> float | None:
    """Resident memory of a process; None if this system doesn't show it, or the process is gone."""
    try:
        pages = int((PROC / str(pid) / "statm").read_bytes().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
    except (OSError, IndexError, AttributeError):
        return None


def peak_memory_mb() -> float | None:
    """Peak resident memory of this process; None if this system doesn't report it.

    On Linux it comes from /proc: ``ru_maxrss`` of a process begins with its parent's peak.
    """
    if (peak_mb := _linux_peak_mb()) is not None:
        return peak_mb
    if resource is None:
        return None
    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * MAXRSS_BYTES / 1e6)


def _linux_peak_mb() -> float | None:
    try:
        status = (PROC / "self" / "status").read_text()
    except OSError:
        return None
    peaks = [line for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(peaks[0].split()[1]) * 1024 / 1e6 if peaks else None


def limit_memory(limits: ResourceLimits) -> None:
    """Let the kernel refuse memory far above the limit, for growth faster than a watcher's look; write no core dump.

    ``RLIMIT_DATA`` barely counts the memory that `av` and numpy map but don't use, unlike ``RLIMIT_AS``. A quarter of
    room above the limit leaves slow growth to the watcher, whose reason is the right one.
    """
    if resource is None:
        return
    most = int((limits.memory_mb * 1.25 + 100) * 1e6)
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def memory_note() -> str:
    """A sentence if the memory limit isn't fully enforced on this system; empty if it is."""
    if resident_mb(os.getpid()) is not None:
        return ""
    if resource is not None:
        return (
            "This system doesn't show the memory of other processes: each worker watches its own peak, and "
            "--memory-limit doesn't cover the processes that an audit starts."
        )
    return "Python doesn't report memory on this system: --memory-limit isn't enforced."
