"""What the C library does with blocks that are freed: glibc alone can be told, elsewhere nothing happens.

By itself glibc learns from the largest block that came back: from then on it keeps blocks of that size for the next
ones, in every thread's own store. Here the index of a long MP4 teaches it 32 MiB, and a second opening takes half as
much memory again.
"""

from __future__ import annotations

import ctypes
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
"""glibc's <malloc.h>."""
_BLOCK_BYTES = 1 << 20
_KEPT_BYTES = 32 << 20
"""The most that glibc takes for a threshold."""


def give_back_large_blocks() -> None:
    """Give back what is free, and have blocks from 1 MiB on go back as soon as they are freed."""
    _set(_BLOCK_BYTES, 2 * _BLOCK_BYTES)
    if (library := _glibc()) is not None:
        library.malloc_trim(0)


@contextmanager
def keeping_freed_blocks() -> Iterator[None]:
    """Have freed blocks kept for the next ones: what takes and frees megabytes again and again is quicker so."""
    _set(_KEPT_BYTES, 2 * _KEPT_BYTES)
    try:
        yield
    finally:
        give_back_large_blocks()


def _set(mapped_from_bytes: int, kept_at_end_bytes: int) -> None:
    if (library := _glibc()) is not None:
        library.mallopt(_M_MMAP_THRESHOLD, mapped_from_bytes)
        library.mallopt(_M_TRIM_THRESHOLD, kept_at_end_bytes)


@cache
def _glibc() -> Any:
    """The C library, where it is glibc."""
    try:
        library = ctypes.CDLL(None)
    except (OSError, TypeError):  # Windows has no such thing
        return None
    return library if hasattr(library, "gnu_get_libc_version") else None
