"""Work that reaches for files, programs and the network, in a worker process."""

from __future__ import annotations

import ctypes
import os
import socket
import subprocess
from pathlib import Path
from typing import Any

_LIBC = ctypes.CDLL(None, use_errno=True)


def reach(task: tuple[str, Any]) -> str:
    """Do what the task names; returns ``done``, or the error."""
    kind, value = task
    try:
        _KINDS[kind](value)
    except OSError as error:
        return f"{type(error).__name__}: {error}"
    return "done"


def _connect_in_c(address: tuple[str, int]) -> None:
    """Connect without Python's own functions, as a library's code would."""
    host, port = address
    family = int(socket.AF_INET)
    number = _LIBC.socket(family, 1, 0)
    name = family.to_bytes(2, "little") + port.to_bytes(2, "big") + socket.inet_aton(host) + bytes(8)
    try:
        if _LIBC.connect(number, name, len(name)):
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    finally:
        os.close(number)


def _send_in_c(address: tuple[str, int]) -> None:
    host, port = address
    number = _LIBC.socket(2, 2, 0)
    name = (2).to_bytes(2, "little") + port.to_bytes(2, "big") + socket.inet_aton(host) + bytes(8)
    try:
        if _LIBC.sendto(number, b"x", 1, 0, name, len(name)) < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    finally:
        os.close(number)


def _connect(address: tuple[str, int]) -> None:
    socket.create_connection(address, timeout=5).close()


def _write(path: str) -> None:
    Path(path).write_text("written")


_KINDS: dict[str, Any] = {
    "write": _write,
    "write a temporary file": lambda name: _write(f"{os.environ['TMPDIR']}/{name}"),
    "remove": lambda path: Path(path).unlink(),
    "make a folder": lambda path: Path(path).mkdir(),
    "read": lambda path: Path(path).read_bytes(),
    "run": lambda program: subprocess.run([program], check=True),
    "run in C": lambda program: _run_in_c(program),  # noqa: PLW0108  defined below
    "connect": _connect,
    "connect in C": _connect_in_c,
    "send a datagram in C": _send_in_c,
    "look up": lambda host: socket.getaddrinfo(host, 443),
    "listen": lambda _value: socket.create_server(("127.0.0.1", 0)).close(),
}


def _run_in_c(program: str) -> None:
    if status := _LIBC.system(program.encode()):
        raise OSError(f"system() gave {status}")
