"""The process's memory. Large blocks go back to the system once they are freed, with glibc; elsewhere nothing changes.

glibc keeps freed blocks up to the size of the largest one that came back (`M_MMAP_THRESHOLD` in mallopt(3)). FFmpeg's
index of a long MP4 raises that to 32 MiB, and each later opening of the file then takes half as much memory again.
"""

from __future__ import annotations

import ctypes
import os
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
"""glibc's <malloc.h>."""
_BLOCK_BYTES = 1 << 20
_LARGEST_BYTES = 32 << 20
"""The largest threshold that glibc takes."""


def return_freed_blocks() -> None:
    """Return freed memory to the system now, and from now on each block of 1 MiB or more as soon as it is freed."""
    _set_thresholds(_BLOCK_BYTES)
    if (library := _glibc()) is not None:
        library.malloc_trim(0)


@contextmanager
def keep_freed_blocks() -> Iterator[None]:
    """Keep freed blocks for the next ones: faster for work that takes and frees megabytes again and again."""
    _set_thresholds(_LARGEST_BYTES)
    try:
        yield
    finally:
        return_freed_blocks()


def resident_bytes() -> int:
    """The memory that the process uses now; 0 on a system without /proc."""
    try:
        return int(Path("/proc/self/statm").read_bytes().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, AttributeError):  # Windows has neither
        return 0


def _set_thresholds(block_bytes: int) -> None:
    if (library := _glibc()) is not None:
        library.mallopt(_M_MMAP_THRESHOLD, block_bytes)
        library.mallopt(_M_TRIM_THRESHOLD, 2 * block_bytes)


@cache
def _glibc() -> Any:
    """The C library if it is glibc, otherwise None."""
    try:
        library = ctypes.CDLL(None)
    except (OSError, TypeError):  # Windows has no such library
        return None
    return library if hasattr(library, "gnu_get_libc_version") else None
