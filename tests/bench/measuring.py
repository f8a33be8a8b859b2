"""A command's usage, measured from outside: wall and CPU time, memory, and the bytes it writes to files."""

from __future__ import annotations

import json
import os
import platform
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
SETTINGS = ("KOMOREBI_", "AUDIO_FREQUENCY", "AWS_")
"""Variables with these prefixes are removed from the environment, so that the defaults are measured."""
OWN_TOOL = str(Path(sys.executable).with_name("komorebi-qc"))


class BenchError(Exception):
    """The bench can't run; its text is a sentence for a person."""


@dataclass(frozen=True, slots=True)
class Usage:
    """A command's usage.

    Attributes:
        wall_s: from start to exit.
        cpu_s: user and system time of the whole process tree.
        memory_mb: 10^6 bytes: the peak resident set of its largest process. If it was watched: that of the whole
            tree at once if it is larger.
        file_bytes: if it was watched, the most bytes at one time in files that it had open for writing (on any
            file system, with or without a name) and in its folder for scratch files.
        disk_bytes: all that the tree wrote to files on disks, in whole pages, removed files included.
        printed: its standard output.
        code: its exit code.
    """

    wall_s: float
    cpu_s: float
    memory_mb: float
    file_bytes: int
    disk_bytes: int
    printed: str
    code: int = 0


def bare_environ(scratch: Path, more: Mapping[str, str] = {}) -> dict[str, str]:
    """This environment without the settings, scratch files in `scratch`, and `more`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(SETTINGS)}
    # Compiled modules would count as files written, and only in the first run.
    return {**kept, "TMPDIR": str(scratch), "PYTHONDONTWRITEBYTECODE": "1", **more}


def measured(
    command: Sequence[str],
    scratch: Path,
    *,
    more: Mapping[str, str] = {},
    watch: bool = False,
    good: tuple[int, ...] = (0,),
) -> Usage:
    """Run a command to its end, through `measured.py`.

    Args:
        command: the program, found on the PATH, and its arguments.
        scratch: an empty folder for its scratch files.
        more: for its environment.
        watch: look at its memory and its files while it runs (Linux).
        good: the exit codes of success.

    Raises:
        BenchError: if it can't be started or fails.
    """
    wanted = {"command": list(command), "environ": bare_environ(scratch, more), "watch": str(scratch) if watch else ""}
    os.sync()  # other processes' unwritten pages don't count for this command
    reader, channel = os.pipe()
    argv = [sys.executable, "-I", "-S", str(HERE / "measured.py"), str(channel), json.dumps(wanted)]
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    process = subprocess.Popen(argv, text=True, pass_fds=(channel,), start_new_session=True, **pipes)  # type: ignore[call-overload]
    try:
        os.close(channel)
        printed, said = process.communicate()
        with os.fdopen(reader) as file:
            answer = json.loads(file.read() or "{}")
    finally:
        end_group(process)
    if "code" not in answer or answer["code"] not in good:
        why = answer.get("error") or f"ended with {answer.get('code')}: {said.strip() or printed.strip()}"
        raise BenchError(f"`{' '.join(command)}` {why}")
    return Usage(
        answer["wall_s"],
        answer["cpu_s"],
        answer["memory_bytes"] / 1e6,
        answer["file_bytes"],
        answer["disk_bytes"],
        printed,
        answer["code"],
    )


def end_group(process: subprocess.Popen[str]) -> None:
    """End a process that was started in its own group, and its children, if they still run."""
    if process.poll() is not None:
        return
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def warm(*paths: Path) -> None:
    """Read files once, so that the page cache holds them for the next reader."""
    for path in paths:
        with path.open("rb", buffering=0) as file:
            while file.read(1 << 20):
                pass


def machine() -> str:
    """Cores, processor and the versions of all that was measured."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    packages = ", ".join(f"{name} {version(name)}" for name in ("komorebi-qc", "av", "numpy", "soxr"))
    inside = output_of([sys.executable, "-c", "import av; print(av.ffmpeg_version_info)"])
    ffmpeg = output_of(["ffmpeg", "-version"]).split(" Copyright")[0]
    python = f"Python {platform.python_version()}"
    return f"{cores} cores of {_processor()}; {python}, {packages} (FFmpeg {inside} inside); reference: {ffmpeg}"


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def output_of(command: Sequence[str]) -> str:
    """A short command's output.

    Raises:
        CalledProcessError: if it fails.
    """
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def say(text: str) -> None:
    """One line for the person who waits."""
    print(text, file=sys.stderr, flush=True)
