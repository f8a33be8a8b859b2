"""A control group (cgroup) of Linux that bounds the memory of a process and of everything that it starts.

The kernel counts all memory of a group, also what no watcher sees in time, and ends the process that goes beyond the
limit. A group can only be made inside of one that this user may divide, so a person names that one: a service manager
makes it (for systemd: ``Delegate=memory``).
"""

from __future__ import annotations

import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from komorebi_qc.core.errors import InputError


@dataclass(frozen=True, slots=True)
class MemoryGroup:
    """A group for one process after another.

    Attributes:
        path: its folder.
    """

    path: Path

    def add(self, pid: int) -> None:
        """Move a process into the group."""
        (self.path / "cgroup.procs").write_text(str(pid))

    def kills(self) -> int:
        """How many processes of the group the kernel has ended because of the limit."""
        found = 0
        for name in ("memory.events", "memory.oom_control"):  # version 2, and version 1
            with suppress(OSError, ValueError, IndexError):
                lines = (self.path / name).read_text().splitlines()
                found += sum(int(line.split()[1]) for line in lines if line.startswith("oom_kill "))
        return found

    def remove(self) -> None:
        """Remove the group; its processes have ended."""
        with suppress(OSError):
            self.path.rmdir()


def check_parent(folder: Path) -> None:
    """Check that groups can be made inside of a group.

    Raises:
        InputError: they can't.
    """
    made_group(folder, 1000.0).remove()


def made_group(folder: Path, memory_mb: float) -> MemoryGroup:
    """Make a group with a limit of memory.

    Args:
        folder: the group to make it in, such as ``/sys/fs/cgroup/system.slice/komorebi-qc.service``.
        memory_mb: the limit, 1 MB = 1e6 bytes.

    Raises:
        InputError: `folder` isn't a group of memory, or this user may not divide it.
    """
    is_second = (folder / "cgroup.controllers").is_file()
    if not is_second and not (folder / "memory.limit_in_bytes").is_file():
        raise InputError(f"{folder} isn't a control group for memory: name one below /sys/fs/cgroup")
    path: Path | None = None
    try:
        if is_second and "memory" not in (folder / "cgroup.subtree_control").read_text().split():
            (folder / "cgroup.subtree_control").write_text("+memory")
        path = Path(tempfile.mkdtemp(prefix="komorebi-", dir=folder))
        _limit(path, int(memory_mb * 1e6), is_second=is_second)
    except OSError as error:
        if path is not None:
            MemoryGroup(path).remove()
        raise InputError(
            f"no group can be made in {folder} ({error.strerror}): name a control group that belongs to this user and "
            "holds no process itself (systemd: Delegate=memory and DelegateSubgroup=worker)"
        ) from None
    return MemoryGroup(path)


def _limit(path: Path, most: int, *, is_second: bool) -> None:
    (path / ("memory.max" if is_second else "memory.limit_in_bytes")).write_text(str(most))
    # Swapped memory would only be a slower way beyond the limit. A kernel without swap has no such file.
    name, value = ("memory.swap.max", "0") if is_second else ("memory.memsw.limit_in_bytes", str(most))
    if (path / name).exists():
        (path / name).write_text(value)
