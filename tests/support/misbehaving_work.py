"""Work that crashes, hangs, grows or leaves files behind, in a worker process."""

from __future__ import annotations

import ctypes
import os
import signal
import time
from pathlib import Path
from typing import Any


def misbehave(task: tuple[str, Any]) -> Any:
    """Inside the process: do what the task says."""
    kind, value = task
    if kind == "crash":
        ctypes.string_at(0)
    if kind == "hang":
        Path(value).touch()
        ctypes.CDLL(None).sleep(600)
    if kind == "hold the lock":
        Path(value).touch()
        ctypes.PyDLL(None).sleep(600)  # like a decoder that never releases the lock
    if kind == "grow":
        held = []
        while True:
            held.append(bytearray(os.urandom(1)) * 5_000_000)
            time.sleep(0.01)
    if kind == "grow fast":
        return len(bytearray(1) * 100_000_000_000)
    if kind == "exit":
        os._exit(7)
    if kind == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if kind == "scratch":
        (Path(os.environ["TMPDIR"]) / "left").touch()
        return os.environ["TMPDIR"]
    return value, os.getpid()
