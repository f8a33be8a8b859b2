"""The tables of a fragment of an MP4 (ISO/IEC 14496-12, 8.8), read in one go. A recording of hours has thousands."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from komorebi_qc.media.bounds.mp4_tables import CONTAINERS, TABLES, Table, read_table

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_FRAGMENT_BYTES = 1 << 20
"""A larger fragment is read box by box."""
_DEEPEST = 4
_HIDDEN = (
    *(b"stsz", b"stz2", b"stsc", b"elst", b"cmov", b"iloc"),
    *(b"moof", b"sidx", b"data", b"senc", b"saiz", b"saio", b"pssh"),
)


class _UnusualError(Exception):
    """The fragment isn't as recorders write it."""


def fragment_tables(content: memoryview) -> list[tuple[Table, int]] | None:
    """Return the tables ``trun`` of a fragment with the bytes of their boxes; None if it has anything unusual.

    Args:
        content: the fragment without its head.
    """
    try:
        found = list(_tables(content, 0, len(content), 1))
    except _UnusualError:
        return None
    whole = bytes(content)
    if whole.count(b"trun") != len(found) or any(name in whole for name in _HIDDEN):
        return None
    return found


def _tables(content: memoryview, at: int, stop: int, depth: int) -> Iterator[tuple[Table, int]]:
    while at + 8 <= stop:
        length, kind = struct.unpack_from(">I4s", content, at)
        if length < 8 or at + length > stop or depth > _DEEPEST:
            raise _UnusualError
        if kind == b"trun":
            table = read_table(kind, content[at + 8 : at + 24])
            if table is None:
                raise _UnusualError
            yield table, length - 8
        elif kind in CONTAINERS:
            yield from _tables(content, at + 8, at + length, depth + 1)
        elif kind in TABLES:
            raise _UnusualError
        at += length
