"""The encodings of a track in WebM and Matroska (RFC 9559, 5.1.4.1.31): compression of each packet.

FFmpeg unpacks all packets of a block at once, and up to 256 can share one header. A few kilobytes of zlib become
10 MB for each of them. So only a short header may be stripped from the packets, as old tools do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from komorebi_qc.media.bounds.ebml import read_head

if TYPE_CHECKING:
    from collections.abc import Iterator

CONTENT_ENCODINGS = 0x6D80
MOST_ENCODINGS_BYTES = 512
"""A track's encodings: numbers, and a header of a few bytes."""
_ENCODING, _TYPE, _COMPRESSION, _ALGORITHM = 0x6240, 0x5033, 0x5034, 0x4254
_IS_ENCRYPTED, _HEADER_STRIPPING = 1, 3


def is_compressed(content: memoryview) -> bool:
    """Whether packets may be compressed by more than a stripped header. The default of a compression is zlib.

    Args:
        content: of the element `CONTENT_ENCODINGS`.
    """
    return any(element != _ENCODING or _is_compressed(inner) for element, inner in _children(content))


def _is_compressed(encoding: memoryview) -> bool:
    """Whether one encoding is a compression, or anything unknown."""
    parts = list(_children(encoding))
    if _numbers(parts, _TYPE) == [_IS_ENCRYPTED]:
        return False
    compressions = [inner for element, inner in parts if element == _COMPRESSION]
    algorithms = [_numbers(list(_children(inner)), _ALGORITHM) for inner in compressions]
    return not algorithms or any(found != [_HEADER_STRIPPING] for found in algorithms)


def _numbers(elements: list[tuple[int, memoryview]], wanted: int) -> list[int]:
    """The numbers of all elements of an ID. FFmpeg takes the last one."""
    return [int.from_bytes(content, "big") for element, content in elements if element == wanted]


def _children(content: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Yield the elements directly in another one. Anything else is one element of ID 0."""
    at = 0
    while at < len(content):
        head = read_head(content, at)
        if head is None or head[1] is None or head[2] + head[1] > len(content):
            yield 0, content[at:]
            return
        element, length, body = head
        at = body + (length or 0)
        yield element, content[body:at]
