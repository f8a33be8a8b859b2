"""Landlock, Linux's rights that a process gives up itself: writing outside of folders, programs, and TCP ports.

Each version of the kernel's interface knows more rights. Those that a kernel doesn't know stay as they are.
"""

from __future__ import annotations

import ctypes
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_CREATE, _ADD, _RESTRICT, _NO_NEW_PRIVILEGES = 444, 445, 446, 38
"""System calls, which have these numbers on every machine, and an option of ``prctl``."""
_EXECUTE, _WRITE_FILE = 1 << 0, 1 << 1
_REMOVE_AND_MAKE = sum(1 << bit for bit in range(4, 13))
_BY_VERSION = {2: 1 << 13, 3: 1 << 14}
"""Moving a file between folders, and truncation."""
_BIND, _CONNECT = 1 << 0, 1 << 1
_NET_SINCE, _SCOPES_SINCE = 4, 6
_SCOPES = (1 << 0) | (1 << 1)
"""No abstract Unix socket, and no signal, of a process outside."""


class _Ruleset(ctypes.Structure):
    _fields_ = (("fs", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _Below(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("folder", ctypes.c_int32))


class _Port(ctypes.Structure):
    _fields_ = (("allowed", ctypes.c_uint64), ("port", ctypes.c_uint64))


def version() -> int:
    """The version of the kernel's interface; 0 without it."""
    if sys.platform != "linux":
        return 0
    found = int(ctypes.CDLL(None, use_errno=True).syscall(_CREATE, None, ctypes.c_size_t(0), ctypes.c_uint32(1)))
    return max(found, 0)


def restrict(writable: Sequence[Path], ports: Sequence[int], *, may_execute: bool) -> bool:
    """Give up rights, for this thread and all that it starts. Nothing gives them back.

    Args:
        writable: the folders and devices in which files may still be written.
        ports: the TCP ports that may still be connected to. None may be listened at.
        may_execute: whether programs may be started.

    Returns:
        Whether the kernel knows Landlock.

    Raises:
        OSError: the kernel refuses.
    """
    known = version()
    if not known:
        return False
    writes = _WRITE_FILE | _REMOVE_AND_MAKE | sum(bit for since, bit in _BY_VERSION.items() if known >= since)
    handled = _Ruleset(
        writes | (0 if may_execute else _EXECUTE),
        _BIND | _CONNECT if known >= _NET_SINCE else 0,
        _SCOPES if known >= _SCOPES_SINCE else 0,
    )
    size = 24 if known >= _SCOPES_SINCE else 16 if known >= _NET_SINCE else 8
    rules = _call(_CREATE, ctypes.byref(handled), ctypes.c_size_t(size), ctypes.c_uint32(0))
    try:
        for path in writable:
            _allow_below(rules, path, writes)
        for port in ports if known >= _NET_SINCE else ():
            _call(_ADD, rules, 2, ctypes.byref(_Port(_CONNECT, port)), ctypes.c_uint32(0))
        if ctypes.CDLL(None, use_errno=True).prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0):
            raise OSError(ctypes.get_errno(), "prctl")
        _call(_RESTRICT, rules, ctypes.c_uint32(0))
    finally:
        os.close(rules)
    return True


def _allow_below(rules: int, path: Path, writes: int) -> None:
    folder = os.open(path, getattr(os, "O_PATH", 0) | os.O_CLOEXEC)
    try:
        # A file takes no rights that only a folder has.
        allowed = writes if path.is_dir() else writes & (_WRITE_FILE | _BY_VERSION[3])
        _call(_ADD, rules, 1, ctypes.byref(_Below(allowed, folder)), ctypes.c_uint32(0))
    finally:
        os.close(folder)


def _call(*arguments: object) -> int:
    found = int(ctypes.CDLL(None, use_errno=True).syscall(*arguments))
    if found < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"Landlock: {os.strerror(number)}")
    return found
