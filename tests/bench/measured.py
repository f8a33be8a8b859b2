# ruff: noqa: PTH116, PTH123, PTH208  pathlib is three megabytes
"""Runs one command and reports its process tree's usage. It is a separate, small program.

    python -I -S measured.py FD '{"command": [...], "environ": {...}, "watch": "FOLDER or empty"}'

On Linux the peak memory of a process begins with that of the process which started it; started from here it begins
with this program's few megabytes. One JSON object goes to the file descriptor FD. With ``watch`` the tree is also
examined fifty times a second, see `measuring.Usage`. Only needed modules are imported: dataclasses alone would
double this program's memory.
"""

from __future__ import annotations

import json
import os
import stat
import sys
import time

PAGE = os.sysconf("SC_PAGE_SIZE")
EVERY_S = 0.02


def tree(root: int) -> list[int]:
    """A process and all that it and its children have started, as far as they run."""
    found, todo = [], [root]
    while todo:
        pid = todo.pop()
        found.append(pid)
        try:
            for task in os.listdir(f"/proc/{pid}/task"):
                with open(f"/proc/{pid}/task/{task}/children", encoding="ascii") as file:
                    todo += [int(child) for child in file.read().split()]
        except OSError:
            continue  # it has just ended
    return found


def resident(pids: list[int]) -> int:
    """Bytes of memory: of one process its resident set, of several what each has for itself and its share."""
    total = 0
    for pid in pids:
        try:
            if len(pids) == 1:
                with open(f"/proc/{pid}/statm", encoding="ascii") as file:
                    total += int(file.read().split()[1]) * PAGE
            else:
                with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
                    lines = dict(line.split(":", 1) for line in file.read().splitlines()[1:])
                total += int(lines["Pss"].split()[0]) * 1024
        except (OSError, KeyError, IndexError):
            continue
    return total


def written_files(pids: list[int], folder: str) -> dict[tuple[int, int], int]:
    """Bytes of every file that is open for writing, unnamed ones and those in memory too, and of all in the folder."""
    paths = [path for pid in pids for path in open_for_writing(pid)]
    paths += [f"{place}/{name}" for place, _, names in os.walk(folder) for name in names]
    found: dict[tuple[int, int], int] = {}
    for path in paths:
        try:
            about = os.stat(path)
        except OSError:
            continue  # it has just gone
        if stat.S_ISREG(about.st_mode):
            found[about.st_dev, about.st_ino] = max(about.st_size, about.st_blocks * 512)
    return found


def open_for_writing(pid: int) -> list[str]:
    """Paths of a process's files that are open for writing, from /proc."""
    found = []
    try:
        for number in os.listdir(f"/proc/{pid}/fd"):
            with open(f"/proc/{pid}/fdinfo/{number}", encoding="ascii") as file:
                flags = [int(line.split()[1], 8) for line in file if line.startswith("flags:")]
            if flags and flags[0] & os.O_ACCMODE != os.O_RDONLY:
                found.append(f"/proc/{pid}/fd/{number}")
    except OSError:
        return found  # it has just ended, or closed that file
    return found


def run(command: list[str], environ: dict[str, str], watch: str) -> dict[str, float]:
    """Run it to its end and return the values of `measuring.Usage`."""
    began = time.monotonic()
    pid = os.posix_spawnp(command[0], command, environ)
    memory, files = 0, 0
    while watch and os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None:
        pids = tree(pid)
        memory = max(memory, resident(pids))
        files = max(files, sum(written_files(pids, watch).values()))
        time.sleep(EVERY_S)
    _, status, used = os.wait4(pid, 0)
    wall_s = time.monotonic() - began
    unit = 1 if sys.platform == "darwin" else 1024
    return {
        "code": os.waitstatus_to_exitcode(status),
        "wall_s": wall_s,
        "cpu_s": used.ru_utime + used.ru_stime,
        "memory_bytes": max(used.ru_maxrss * unit, memory),
        "file_bytes": files,
        # In blocks of 512 bytes: all pages of files on disks that the tree wrote to, removed files included.
        "disk_bytes": used.ru_oublock * 512,
    }


if __name__ == "__main__":
    channel, wanted = int(sys.argv[1]), json.loads(sys.argv[2])
    os.set_inheritable(channel, False)  # noqa: FBT003  it takes no keywords
    try:
        answer: dict[str, float | str] = {**run(wanted["command"], wanted["environ"], wanted["watch"])}
    except OSError as error:
        answer = {"error": f"{wanted['command'][0]} can't be run: {error.strerror}"}
    os.write(channel, json.dumps(answer).encode())
