"""The header ``Range`` of a request for media. Pure."""

from __future__ import annotations

import re

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)


class UnsatisfiableRangeError(Exception):
    """A range that begins after the file's end."""


def byte_range(header: str | None, size: int) -> tuple[int, int] | None:
    """Return the first byte of a range and the byte after its last.

    Args:
        header: the request's; None without one.
        size: of the file.

    Returns:
        None if the whole file is to be sent: without a header, and for several ranges, which a server may ignore.

    Raises:
        UnsatisfiableRangeError: no byte of the file is in the range.

    Examples:
        >>> byte_range("bytes=10-", 100)
        (10, 100)
    """
    found = None if header is None else _RANGE.fullmatch(header.strip())
    if found is None or not (found[1] or found[2]):
        return None
    if not found[1]:
        count = min(int(found[2]), size)
        if not count:
            raise UnsatisfiableRangeError
        return size - count, size
    start = int(found[1])
    end = min(int(found[2]) + 1, size) if found[2] else size
    if found[2] and int(found[2]) < start:
        return None
    if start >= size:
        raise UnsatisfiableRangeError
    return start, end
