"""The chunks of a WAV, compared with their bound. FFmpeg takes memory for the declared length of some of them."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from komorebi_qc.media.bounds.table import MOST_CHUNK_BYTES, refused

if TYPE_CHECKING:
    from komorebi_qc.media.bounds.walk import Walk

_READ_WHOLE = frozenset({b"fmt ", b"LIST", b"bext", b"id3 ", b"ID3 ", b"cue ", b"ds64", b"SMV0", b"XMA2", b"_PMX"})
"""The chunks that FFmpeg reads into memory. It skips the others, except the samples."""
_UNFINISHED = 0xFFFFFF00
"""A writer that couldn't seek back left 0 or a number from here on as the length of the samples."""


def walk_riff(name: str, size: int) -> Walk:
    """Check the chunks.

    Args:
        name: the file's name in messages.
        size: its size in bytes.

    Raises:
        MediaError: a chunk declares more than `MOST_CHUNK_BYTES`.
    """
    at = 12
    while at + 8 <= size:
        head = yield at, 8
        if len(head) < 8:
            return
        kind, length = struct.unpack("<4sI", head[:8])
        if kind == b"data" and not 0 < length < _UNFINISHED:
            return
        if kind in _READ_WHOLE and length > MOST_CHUNK_BYTES:
            raise refused(
                name,
                f"has a chunk '{kind.decode().strip()}' of {length:,} bytes by its header",
                f"such a chunk has at most {MOST_CHUNK_BYTES:,}",
            )
        at += 8 + length + length % 2
