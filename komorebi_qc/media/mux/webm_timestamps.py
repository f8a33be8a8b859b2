"""The timestamps of a WebM's blocks, read from the bytes while they are written: the file can't be read again.

EBML elements are parsed one after the other (RFC 8794). The Segment, its Clusters and their groups are entered, down to
the blocks (RFC 9559, 10). Of a block only the header is read.
"""

from __future__ import annotations

import sys
from array import array
from typing import TYPE_CHECKING

import numpy as np

from komorebi_qc.media.truncation import vint

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SEGMENT, _CLUSTER, _GROUP = 0x18538067, 0x1F43B675, 0xA0
_TIMESTAMP, _BLOCKS = 0xE7, (0xA3, 0xA1)
_HEAD_BYTES = 12
"""An identifier has up to 4 bytes, a length up to 8."""
_UNIT_S = 1e-3
"""The unit of a Cluster's timestamp, unless the file sets another."""


class BlockStamps:
    """The timestamps of a growing WebM, by track. Each block has one frame, as FFmpeg writes them."""

    def __init__(self) -> None:
        self._rest = b""
        self._skip = 0
        self._cluster = 0
        self._stamps: dict[int, array[int]] = {}

    def feed(self, data: bytes | memoryview) -> None:
        """Take in the next bytes of the file."""
        skipped = min(self._skip, len(data))
        self._skip -= skipped
        if skipped == len(data):
            return
        whole = self._rest + bytes(data[skipped:])
        at, size = 0, len(whole)
        while at < size:
            element = vint(whole[at : at + 4], keep_marker=True)
            length = vint(whole[at + element[1] : at + _HEAD_BYTES], keep_marker=False) if element else None
            if element is None or length is None:
                if size - at >= _HEAD_BYTES:
                    at = sys.maxsize  # not EBML: the rest can't be parsed
                break
            name, body = element[0], at + element[1] + length[1]
            if name in (_SEGMENT, _CLUSTER, _GROUP):
                at = body
                continue
            if name == _TIMESTAMP or name in _BLOCKS:
                if body + min(8, length[0]) > size:
                    break
                if name == _TIMESTAMP:
                    self._cluster = int.from_bytes(whole[body : body + length[0]], "big")
                else:
                    self._note(whole[body : body + 8])
            at = body + length[0]
        self._skip = max(0, at - size)
        self._rest = whole[at:]

    def _note(self, head: bytes) -> None:
        track = vint(head, keep_marker=False)
        if track is not None:
            late = int.from_bytes(head[track[1] : track[1] + 2], "big", signed=True)
            self._stamps.setdefault(track[0], array("q")).append(self._cluster + late)

    def seconds(self, track: int) -> NDArray[np.float64]:
        """The timestamps of a track's blocks so far, in file order, shape ``(blocks,)``."""
        return np.array(self._stamps.get(track, ()), np.float64) * _UNIT_S
