"""Watches one execution: its memory, its processor time, and the files and connections that it opens."""

from __future__ import annotations

import json
import os
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

MEMORY_MB = 400.0
"""The bound of memory: of a process that has loaded the package, and reads one file."""
_SLACK_MB = 20.0
BASE_S, S_PER_MB, S_PER_HOUR = 5.0, 30.0, 20.0
"""The bound of processor time: a base, and more for each megabyte of the file, and each hour of a written output.

A few bytes with a timestamp can declare hours, up to 12. A laptop that slept makes such files too, so they are joined,
and an hour of silence has to be encoded.
"""
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_REACHES = ("socket.connect", "socket.bind", "subprocess.Popen", "os.exec", "os.posix_spawn", "os.system")
_CHANGES = ("os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.symlink", "os.link", "shutil.rmtree", "os.chmod")


class FindingError(AssertionError):
    """A property that doesn't hold."""


class Watch:
    """The audit hook of this process. A hook can't be taken away, so there is one."""

    def __init__(self) -> None:
        self._folder: Path | None = None
        self._seen: list[str] = []
        sys.addaudithook(self._hook)
        self._base_mb = _resident_mb()

    def _hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self._folder is None:
            return
        if event == "open" and isinstance(arguments[0], (str, bytes)) and isinstance(arguments[2], int):
            if arguments[2] & _WRITES:
                self._look(event, arguments[0])
        elif event in _CHANGES and isinstance(arguments[0], (str, bytes)):
            self._look(event, arguments[0])
        elif event in _REACHES:
            self._seen.append(f"{event} {arguments[1:]!r}"[:200])

    def _look(self, event: str, path: str | bytes) -> None:
        place = os.path.abspath(os.fsdecode(path))  # noqa: PTH100  inside of a hook, so as little code as possible
        if self._folder is not None and not f"{place}/".startswith((f"{self._folder}/", "/dev/null", "/proc/self/")):
            self._seen.append(f"{event} {place[:200]}")

    @contextmanager
    def of(self, folder: Path, size: int) -> Iterator[None]:
        """Watch an execution on a file of `size` bytes that may write in `folder` only.

        Raises:
            FindingError: a bound doesn't hold, or it reached elsewhere.
        """
        # The fuzzer keeps its inputs in this process: only the growth is the execution's.
        before_mb = _resident_mb()
        if _peak_mb() > before_mb + _SLACK_MB:
            _reset_peak()
        began = time.process_time()
        self._seen, self._folder = [], folder
        try:
            yield
        finally:
            self._folder = None
        took_s = time.process_time() - began
        most_s = BASE_S + S_PER_MB * size / 1e6 + S_PER_HOUR * _output_hours(folder)
        if self._seen:
            raise FindingError(f"it reached outside of its folder: {'; '.join(self._seen[:5])}")
        if took_s > most_s:
            raise FindingError(f"it took {took_s:.1f} s of processor time for {size} bytes (bound: {most_s:.1f} s)")
        if (peak_mb := self._base_mb + _peak_mb() - before_mb) > MEMORY_MB:
            raise FindingError(f"it used {peak_mb:.0f} MB for {size} bytes (bound: {MEMORY_MB:.0f} MB)")


def _output_hours(folder: Path) -> float:
    documents = (json.loads(path.read_bytes()) for path in folder.glob("*.qc.json"))
    return sum(float(document["durations"]["output_s"]) for document in documents) / 3600.0


def _reset_peak() -> None:
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def _peak_mb() -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM:")).split()[1]) * 1024 / 1e6


def _resident_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
