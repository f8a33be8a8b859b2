"""Decoding of the group of pictures that playback is in, no earlier than its pictures are needed."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, NamedTuple

from av.error import FFmpegError
from av.video.reformatter import ColorRange

if TYPE_CHECKING:
    from collections.abc import Iterator

WAITING_BYTES = 32 << 20
"""A group that is longer is decoded on the way. An hour with a single keyframe has hundreds of megabytes."""


class FrameShape(NamedTuple):
    """Size and format of a frame.

    Attributes:
        width: in pixels, as coded.
        height: in pixels, as coded.
        pixel_format: FFmpeg's name.
        rotation: by which players turn it, in degrees anticlockwise.
        is_full_range: whether black is 0 and white is 255, and not 16 and 235. A container may declare another range.
    """

    width: int
    height: int
    pixel_format: str
    rotation: int
    is_full_range: bool


_HIDES_DAMAGE = ("h264", "hevc")
"""Codecs whose decoders fill damaged parts from earlier pictures, without an error if they run in threads."""


def report_damage(context: Any) -> None:
    """Make a decoder of PyAV that isn't open yet raise an error for a damaged packet."""
    context.options = {"err_detect": "explode"}
    if context.codec.canonical_name in _HIDES_DAMAGE:
        context.thread_count = 1


class GroupDecoder:
    """Keeps a group's packets, and decodes them when a later one of the group is to be seen.

    A packet may be muxed between `skip` and its decoding. The muxing changes its timestamps, so they are kept beside.

    Attributes:
        is_damaged: whether a packet of the group couldn't be decoded. The pictures after it may have parts of any
            earlier one.
    """

    def __init__(self, context: Any) -> None:
        """Take a decoder of PyAV that nobody else uses, and that isn't open yet."""
        report_damage(context)
        self._context = context
        self.is_damaged = False
        self._waiting: deque[tuple[Any, int, int]] = deque()
        self._bytes = 0
        self._shape: FrameShape | None = None
        """Of the last decoded frame of this group."""

    def restart(self) -> None:
        """Begin a new group: the next packet depends on no earlier one."""
        self._waiting.clear()
        self._bytes, self._shape, self.is_damaged = 0, None, False
        self._context.flush_buffers()

    def skip(self, packet: Any) -> None:
        """Take a packet whose picture isn't needed."""
        self._waiting.append((packet, packet.pts, packet.dts))
        self._bytes += packet.size
        if self._bytes > WAITING_BYTES:
            self._catch_up()

    def frames(self, packet: Any) -> Iterator[Any]:
        """Decode a packet: yield the frames that are ready, of earlier packets too, in order of presentation."""
        self._catch_up()
        yield from self._decode(packet)

    def shape(self) -> FrameShape | None:
        """The shape of the group's frames; None if the first one can't be decoded."""
        if self._shape is None and self._waiting:
            packet, pts, dts = self._waiting[0]
            packet.pts, packet.dts = pts, dts
            for _ in (*self._decode(packet), *self._decode(None)):
                pass
            self._context.flush_buffers()
        return self._shape

    def drain(self) -> Iterator[Any]:
        """Yield the frames that the decoder still holds at the group's end. `restart` has to follow."""
        yield from self._decode(None)

    def _catch_up(self) -> None:
        while self._waiting:
            packet, pts, dts = self._waiting.popleft()
            packet.pts, packet.dts = pts, dts
            for _ in self._decode(packet):
                pass
        self._bytes = 0

    def _decode(self, packet: Any) -> Iterator[Any]:
        try:
            for frame in self._context.decode(packet):
                self._shape = FrameShape(
                    *(frame.width, frame.height, frame.format.name, round(frame.rotation or 0)),
                    is_full_range=frame.color_range == ColorRange.JPEG,
                )
                yield frame
        except FFmpegError:
            self.is_damaged = True
