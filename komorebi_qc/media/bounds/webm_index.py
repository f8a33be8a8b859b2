"""The declarations of a WebM or Matroska file (RFC 9559), compared with their bounds: header elements, tracks, cues.

A cluster of known length is skipped. A live recording's clusters have no length, so they are followed block by block.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from komorebi_qc.media.bounds.table import (
    MOST_CUE_BYTES,
    MOST_CUES,
    MOST_CUES_BYTES,
    MOST_ELEMENT_BYTES,
    MOST_TRACKS,
    check_size,
    refused,
)

if TYPE_CHECKING:
    from komorebi_qc.media.bounds.walk import Walk

EBML_MAGIC = b"\x1aE\xdf\xa3"
_SEGMENT, _CLUSTER, _TRACKS, _CUES = 0x18538067, 0x1F43B675, 0x1654AE6B, 0x1C53BB6B
_TRACK_ENTRY, _VIDEO, _WIDTH, _HEIGHT, _CUE_POINT = 0xAE, 0xE0, 0xB0, 0xBA, 0xBB
_HEADERS = {
    0x1A45DFA3: "EBML header",
    0x114D9B74: "SeekHead",
    0x1549A966: "Info",
    _TRACKS: "Tracks",
    _CUES: "Cues",
    0x1254C367: "Tags",
    0x1043A770: "Chapters",
    0x1941A469: "Attachments",
}
"""Elements that FFmpeg reads into memory, by their IDs."""
_ENTERED = frozenset({_SEGMENT, _TRACKS, _CUES, _TRACK_ENTRY, _VIDEO})
"""Elements whose content is checked, and a cluster without a length."""
_HEAD_BYTES = 20
"""The longest ID has 4 bytes, the longest length 8, a number 8."""


def walk_webm(name: str, size: int) -> Walk:
    """Check the elements down to tracks, cue points and, without a cluster's length, blocks.

    Args:
        name: the file's name in messages.
        size: its size in bytes.

    Raises:
        MediaError: a header element has no length or is too long, there are too many tracks or cues, or a picture is
            too large.
    """
    at, checks = 0, _Checks(name)
    while at < size:
        data = yield at, _HEAD_BYTES
        base, given = at, len(data)
        if not given:
            return
        while at - base < given:
            offset = at - base
            if given - offset < _HEAD_BYTES and base + given < size:
                break  # the element's head goes on behind these bytes
            head = _read_head(data, offset)
            if head is None:
                return
            element, length, body = head
            at = base + body
            if checks.enters(element, length, data[body : body + 8]):
                continue
            if length is None:
                return
            at += length


def _read_head(data: memoryview, offset: int) -> tuple[int, int | None, int] | None:
    """The ID of an element, its length (None without one), and the place of its content; None if it isn't EBML."""
    # An ID or a length of n bytes begins with n - 1 zero bits.
    width = 9 - data[offset].bit_length()
    begin = offset + width
    if width > 4 or begin >= len(data):
        return None
    step = 9 - data[begin].bit_length()
    body = begin + step
    if step > 8 or body > len(data):
        return None
    most = (1 << 7 * step) - 1
    length = int.from_bytes(data[begin:body], "big") & most
    return int.from_bytes(data[offset:begin], "big"), None if length == most else length, body


class _Checks:
    """The declarations so far."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._tracks = self._cues = 0
        self._sides = {_WIDTH: 0, _HEIGHT: 0}

    def enters(self, element: int, length: int | None, content: memoryview) -> bool:
        """Check an element. Return whether to go on with its content, not behind it."""
        if element in _HEADERS:
            self._check_header(_HEADERS[element], length)
        elif element == _TRACK_ENTRY:
            self._tracks += 1
            if self._tracks > MOST_TRACKS:
                raise refused(self._name, f"declares more than {MOST_TRACKS} tracks", "a recording has two or three")
            self._sides = dict.fromkeys(self._sides, 0)
        elif element == _CUE_POINT:
            self._check_cue(length)
        elif element in self._sides and length is not None and length <= 8:
            self._sides[element] = int.from_bytes(content[:length], "big")
            if all(self._sides.values()):
                check_size(self._name, self._sides[_WIDTH], self._sides[_HEIGHT])
        return element in _ENTERED or (element == _CLUSTER and length is None)

    def _check_header(self, element: str, length: int | None) -> None:
        if length is None:
            found = f"declares no length of its element {element}"
            raise refused(self._name, found, "only segments and clusters may do so")
        most = MOST_CUES_BYTES if element == "Cues" else MOST_ELEMENT_BYTES
        if length > most:
            found = f"declares {length:,} bytes of its element {element}"
            raise refused(self._name, found, f"such an element has at most {most:,}")

    def _check_cue(self, length: int | None) -> None:
        self._cues += 1
        if self._cues > MOST_CUES:
            found = f"declares more than {MOST_CUES:,} cues"
            raise refused(self._name, found, "12 h with ten cues a second have no more")
        if length is not None and length > MOST_CUE_BYTES:
            raise refused(self._name, f"declares a cue of {length:,} bytes", f"a cue has at most {MOST_CUE_BYTES:,}")
