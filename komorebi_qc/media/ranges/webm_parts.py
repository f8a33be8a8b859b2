"""The clusters of a WebM or Matroska file, as places where reading may begin (RFC 9559)."""

from __future__ import annotations

from dataclasses import dataclass

from komorebi_qc.media.ranges.sync_points import SyncPoint
from komorebi_qc.media.truncation import vint

_CLUSTER = b"\x1f\x43\xb6\x75"
_SEGMENT, _INFO, _TRACKS, _SCALE, _TIMESTAMP = 0x18538067, 0x1549A966, 0x1654AE6B, 0x2AD7B1, 0xE7
_UNKNOWN_SIZE = b"\x01\xff\xff\xff\xff\xff\xff\xff"
_MOST_HEAD_BYTES = 4 << 20
_DEFAULT_SCALE_NS = 1_000_000


@dataclass(frozen=True, slots=True)
class Clusters:
    """Finds clusters, with their timestamps.

    Attributes:
        head: all that a reader needs before the clusters.
        begin: the first byte behind the original head.
        scale_s: the unit of the timestamps.
    """

    head: bytes
    begin: int
    scale_s: float

    def find(self, data: bytes, start: int) -> SyncPoint | None:
        """Return the first cluster of a piece of the file that begins at `start`; None without one."""
        at = data.find(_CLUSTER)
        while at >= 0:
            found = self._cluster(data, at, start)
            if found is not None:
                return found
            at = data.find(_CLUSTER, at + 1)
        return None

    def _cluster(self, data: bytes, at: int, start: int) -> SyncPoint | None:
        length = vint(data[at + 4 : at + 12], keep_marker=False)
        if length is None:
            return None
        body = at + 4 + length[1]
        end = 0 if length[0] == (1 << 7 * length[1]) - 1 else start + body + length[0]
        for _ in range(4):  # a checksum, a position or the last cluster's size may come first
            element = _element(data, body)
            if element is None:
                return None
            name, content, size = element
            if name == _TIMESTAMP and 0 < size <= 8 and content + size <= len(data):
                ticks = int.from_bytes(data[content : content + size], "big")
                return SyncPoint(start + at, ticks * self.scale_s, end)
            if size > 16:
                return None
            body = content + size
        return None


def read_clusters(front: bytes) -> Clusters | None:
    """Read the head of a file from its first bytes; None if it isn't laid out as recorders do.

    The head that is returned has no length and no table of places, so that it fits before any clusters.
    """
    ebml = _element(front, 0)
    if ebml is None:
        return None
    at = ebml[1] + ebml[2]
    segment = _element(front, at)
    if segment is None or segment[0] != _SEGMENT:
        return None
    head, scale_ns = front[:at] + _SEGMENT.to_bytes(4, "big") + _UNKNOWN_SIZE, _DEFAULT_SCALE_NS
    at, has_tracks = segment[1], False
    while at < min(len(front), _MOST_HEAD_BYTES):
        if front.startswith(_CLUSTER, at):
            return Clusters(head, at, scale_ns / 1e9) if has_tracks else None
        element = _element(front, at)
        if element is None:
            return None
        name, content, size = element
        if name in (_INFO, _TRACKS):
            if content + size > len(front):
                return None
            head += front[at : content + size]
            has_tracks = has_tracks or name == _TRACKS
        if name == _INFO:
            scale_ns = _scale_ns(front, content, content + size)
        at = content + size
    return None


def _scale_ns(data: bytes, at: int, end: int) -> int:
    while at < end:
        element = _element(data, at)
        if element is None:
            break
        name, content, size = element
        if name == _SCALE and 0 < size <= 8:
            return int.from_bytes(data[content : content + size], "big") or _DEFAULT_SCALE_NS
        at = content + size
    return _DEFAULT_SCALE_NS


def _element(data: bytes, at: int) -> tuple[int, int, int] | None:
    """An element's ID, the place of its content and its size; None if it isn't all there."""
    name = vint(data[at : at + 4], keep_marker=True)
    if name is None:
        return None
    length = vint(data[at + name[1] : at + name[1] + 8], keep_marker=False)
    return None if length is None else (name[0], at + name[1] + length[1], length[0])
