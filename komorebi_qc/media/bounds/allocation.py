"""A bound on each of FFmpeg's allocations in this process, beneath all other bounds."""

from __future__ import annotations

import ctypes
from functools import cache

from av import _core

from komorebi_qc.media.bounds.table import ALLOCATION_BYTES


@cache
def bound_allocations() -> bool:
    """Let FFmpeg refuse to allocate more than `ALLOCATION_BYTES` at once, from now on.

    Returns:
        Whether the bound is set. On Windows, FFmpeg's function can't be reached through PyAV.
    """
    try:
        # PyAV's module is linked with libavutil, so its symbols are found through it.
        set_bound = ctypes.CDLL(_core.__file__).av_max_alloc
    except (OSError, AttributeError):
        return False
    set_bound.argtypes, set_bound.restype = [ctypes.c_size_t], None
    set_bound(ALLOCATION_BYTES)
    return True
