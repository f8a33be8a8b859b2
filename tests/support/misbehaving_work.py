"""Work that crashes, hangs, grows or leaves files behind, in a worker process."""

from __future__ import annotations

import ctypes
import os
import signal
import time
from pathlib import Path
from typing import Any


def misbehave(task: tuple[str, Any]) -> Any:
    """Do what the task names, and return its value with the process's ID."""
    kind, value = task
    found = _KINDS[kind](value) if kind in _KINDS else None
    return (value, os.getpid()) if found is None else found


def _crash(_value: Any) -> None:
    ctypes.string_at(0)


def _hang(path: str) -> None:
    Path(path).touch()
    ctypes.CDLL(None).sleep(600)


def _hold_the_lock(path: str) -> None:
    Path(path).touch()
    ctypes.PyDLL(None).sleep(600)  # like a decoder that never releases the interpreter's lock


def _grow(_value: Any) -> None:
    held = []
    while True:
        held.append(bytearray(os.urandom(1)) * 5_000_000)
        time.sleep(0.01)


def _grow_to_340_mb(_value: Any) -> None:
    held = [bytearray(os.urandom(1)) * 4_000_000 for _ in range(85)]
    time.sleep(600)
    del held


def _grow_fast(_value: Any) -> int:
    return len(bytearray(1) * 100_000_000_000)


def _fill_shared_memory(_value: Any) -> None:
    """Memory that isn't the process's data, so that no limit of data bounds it."""
    import mmap  # noqa: PLC0415

    held = [mmap.mmap(-1, 20_000_000) for _ in range(100)]
    for one in held:
        for at in range(0, len(one), 4096):
            one[at] = 1
    time.sleep(600)


def _print(text: str) -> None:
    print(text, flush=True)
    ctypes.CDLL(None).puts(b"from C")
    ctypes.CDLL(None).fflush(None)


def _leave_a_file(_value: Any) -> str:
    (Path(os.environ["TMPDIR"]) / "left").touch()
    return os.environ["TMPDIR"]


_KINDS: dict[str, Any] = {
    "crash": _crash,
    "hang": _hang,
    "hold the lock": _hold_the_lock,
    "grow": _grow,
    "grow to 340 MB": _grow_to_340_mb,
    "grow fast": _grow_fast,
    "shared memory": _fill_shared_memory,
    "print": _print,
    "exit": lambda _value: os._exit(7),
    "killed": lambda _value: os.kill(os.getpid(), signal.SIGKILL),
    "scratch": _leave_a_file,
}
