"""The declarations of a WebM or Matroska file (RFC 9559), compared with their bounds: header elements, tracks, cues.

A short cluster is skipped. A live recording's clusters have no length, so they are followed block by block, and so is a
long one. FFmpeg copies the additions of a block to each packet that shares it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from komorebi_qc.media.bounds.ebml import read_head
from komorebi_qc.media.bounds.table import (
    MOST_ADDITIONS,
    MOST_BLOCK_BYTES,
    MOST_CUE_BYTES,
    MOST_CUES,
    MOST_CUES_BYTES,
    MOST_ELEMENT_BYTES,
    MOST_TEXT_BYTES,
    MOST_TRACKS,
    MOST_TRACKS_BYTES,
    check_size,
    refused,
)
from komorebi_qc.media.bounds.webm_encodings import CONTENT_ENCODINGS, MOST_ENCODINGS_BYTES, is_compressed

if TYPE_CHECKING:
    from komorebi_qc.media.bounds.walk import Walk

EBML_MAGIC = b"\x1aE\xdf\xa3"
_SEGMENT, _CLUSTER, _TRACKS, _CUES = 0x18538067, 0x1F43B675, 0x1654AE6B, 0x1C53BB6B
_TRACK_ENTRY, _VIDEO, _WIDTH, _HEIGHT, _CUE_POINT = 0xAE, 0xE0, 0xB0, 0xBA, 0xBB
_BLOCK_GROUP, _BLOCK_ADDITIONS, _BLOCK_MORE = 0xA0, 0x75A1, 0xA6
_HEADERS = {
    0x1A45DFA3: ("EBML header", MOST_TEXT_BYTES),
    0x114D9B74: ("SeekHead", MOST_TEXT_BYTES),
    0x1549A966: ("Info", MOST_TEXT_BYTES),
    _TRACKS: ("Tracks", MOST_TRACKS_BYTES),
    _CUES: ("Cues", MOST_CUES_BYTES),
    0x1254C367: ("Tags", MOST_TEXT_BYTES),
    0x1043A770: ("Chapters", MOST_TEXT_BYTES),
    0x1941A469: ("Attachments", MOST_ELEMENT_BYTES),
}
"""Elements that FFmpeg reads into memory, by their IDs: name, and most bytes of all of them together."""
_ENTERED = frozenset({_SEGMENT, _TRACKS, _CUES, _TRACK_ENTRY, _VIDEO})
"""Elements whose content is checked, besides long clusters and groups of blocks."""
_BLOCK, _SIMPLE_BLOCK, _ADDITION, _LACING = 0xA1, 0xA3, 0xA5, 0x06
_PARTS_OF_CLUSTER = frozenset({_BLOCK_GROUP, _BLOCK_MORE, _BLOCK, _SIMPLE_BLOCK, _ADDITION})
_LONG = {_CLUSTER: 512 << 10, _BLOCK_GROUP: 64 << 10, _BLOCK_ADDITIONS: 0}
"""Elements that are followed from so many bytes on. The content of a shorter one takes little memory."""
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
            head = read_head(data, offset)
            if head is None:
                return
            element, length, body = head
            at = base + body
            if element == CONTENT_ENCODINGS:
                checks.check_room(length)
                checks.check_encodings((yield at, length or 0)[: length or 0])
                at += length or 0
                break
            if checks.enters(element, length, data[body : body + 8]):
                continue
            if length is None:
                return
            at += length


class _Checks:
    """The declarations so far."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._tracks = self._cues = self._additions = 0
        self._is_laced = False
        self._lengths = dict.fromkeys(_HEADERS, 0)
        self._sides = {_WIDTH: 0, _HEIGHT: 0}

    def enters(self, element: int, length: int | None, content: memoryview) -> bool:
        """Check an element. Return whether to go on with its content, not behind it."""
        if element in _HEADERS:
            self._check_header(element, length)
        elif element in _PARTS_OF_CLUSTER:
            self._check_block(element, length, content)
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
        return element in _ENTERED or (element in _LONG and (length is None or length > _LONG[element]))

    def _check_block(self, element: int, length: int | None, content: memoryview) -> None:
        """Check a part of a cluster. Additions and their block come in any order."""
        if element == _BLOCK_GROUP:
            self._additions, self._is_laced = 0, False
        elif element == _BLOCK_MORE:
            self._additions += 1
        elif length is not None and length > MOST_BLOCK_BYTES:
            found = f"has a packet of {length:,} bytes"
            raise refused(self._name, found, f"a packet has at most {MOST_BLOCK_BYTES:,}")
        elif element == _BLOCK and content:
            at = 9 - content[0].bit_length() + 2  # behind the number of the track and the time
            self._is_laced = at >= len(content) or bool(content[at] & _LACING)
        if self._additions > (0 if self._is_laced else MOST_ADDITIONS):
            found = f"has {self._additions} additions to one block"
            bound = f"at most {MOST_ADDITIONS} are allowed, and 0 if packets share the block"
            raise refused(self._name, found, bound)

    def check_room(self, length: int | None) -> None:
        """Check the length of a track's encodings, before they are read."""
        if length is None or length > MOST_ENCODINGS_BYTES:
            found = "has a track with encodings " + ("without a length" if length is None else f"of {length:,} bytes")
            raise refused(self._name, found, f"they have at most {MOST_ENCODINGS_BYTES}")

    def check_encodings(self, content: memoryview) -> None:
        """Check a track's encodings."""
        if is_compressed(content):
            raise refused(self._name, "has a track with compressed packets", "no recorder writes one")

    def _check_header(self, element: int, length: int | None) -> None:
        shown, most = _HEADERS[element]
        if length is None:
            found = f"declares no length of its element {shown}"
            raise refused(self._name, found, "only segments and clusters may do so")
        self._lengths[element] += length
        if self._lengths[element] > most:
            found = f"declares {self._lengths[element]:,} bytes of its element {shown}"
            raise refused(self._name, found, f"such an element has at most {most:,}")

    def _check_cue(self, length: int | None) -> None:
        self._cues += 1
        if self._cues > MOST_CUES:
            found = f"declares more than {MOST_CUES:,} cues"
            raise refused(self._name, found, "12 h with ten cues a second have no more")
        if length is not None and length > MOST_CUE_BYTES:
            raise refused(self._name, f"declares a cue of {length:,} bytes", f"a cue has at most {MOST_CUE_BYTES:,}")
