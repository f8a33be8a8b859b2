"""Encoding of new groups of pictures that go into a copied video track: the same codec, size and colours."""

from __future__ import annotations

import os
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from av.codec.context import CodecContext, Flags
from av.error import FFmpegError
from av.packet import Packet
from av.video.reformatter import ColorRange

from komorebi_qc.core.errors import MaskError
from komorebi_qc.media.mux.masking import h264_parameter_sets as h264
from komorebi_qc.media.mux.masking.bounded_encoder import BoundedEncoder
from komorebi_qc.media.mux.masking.coded_frames import H264_IDR, H264_PPS, H264_SLICE, H264_SPS, nal_units
from komorebi_qc.media.mux.masking.scheduling import usual_scheduling
from komorebi_qc.media.opening import codec_name

GROUP_FRAMES = 300
"""A player can seek to every so many frames of a new group."""
_FRAME_RATE = 30
"""Encoders count frames: the time between frames of a screen capture means nothing to their rate control."""
_REALTIME = {"deadline": "realtime", "lag-in-frames": "0", "auto-alt-ref": "0"}
_ENCODERS: dict[str, tuple[str, dict[str, str]]] = {
    "h264": ("libx264", {"preset": "veryfast", "crf": "20", "bf": "0"}),
    # Threads of libvpx's VP8 wait for each other in loops: on a busy machine they take 12 times the CPU.
    "vp8": ("libvpx", {**_REALTIME, "threads": "1", "cpu-used": "6", "crf": "8", "qmin": "2"}),
    "vp9": (
        "libvpx-vp9",
        {**_REALTIME, "threads": "2", "cpu-used": "7", "crf": "24", "b": "0", "tune-content": "screen"},
    ),
    "av1": ("libsvtav1", {"preset": "10", "crf": "28", "svtav1-params": "pred-struct=1:rtc=1:lp=2:scm=1"}),
}
"""FFmpeg's encoder by codec. Frames are shown in the order of encoding, and each packet holds one shown frame."""
_VP8_BITS_PER_PIXEL = 4
"""VP8's quality setting needs a bound of bits a second. This one is hardly ever met."""


@dataclass(frozen=True, slots=True)
class CodedFormat:
    """The format of a copied video track.

    Attributes:
        codec: FFmpeg's name.
        width: in pixels, as the container declares it.
        height: in pixels, as the container declares it.
        pixel_format: FFmpeg's name.
        colours: range, primaries, transfer and matrix, FFmpeg's numbers.
        header: the track's header, such as ``avcC``.
    """

    codec: str
    width: int
    height: int
    pixel_format: str
    colours: tuple[int, int, int, int]
    header: bytes | None

    @property
    def is_full_range(self) -> bool:
        """Whether black is 0 and white is 255 in its frames, and not 16 and 235."""
        return self.colours[0] == ColorRange.JPEG


def coded_format(stream: Any) -> CodedFormat:
    """The format of a video stream of PyAV."""
    context = stream.codec_context
    return CodedFormat(
        codec_name(stream),
        context.width,
        context.height,
        context.pix_fmt or "yuv420p",
        (int(context.color_range), int(context.color_primaries), int(context.color_trc), int(context.colorspace)),
        context.extradata,
    )


class GroupEncoder:
    """Encodes frames into packets with the given timestamps. The first packet is a keyframe.

    Attributes:
        header: for the output's track: the source's, with what the new groups need.
    """

    def __init__(self, track: CodedFormat) -> None:
        """Get ready for a track.

        Raises:
            MaskError: FFmpeg has no encoder for this format.
        """
        self._track = track
        self._context: Any = None
        self._size = (0, 0, "")
        self._stamps: dict[int, tuple[int, int]] = {}
        self._count = 0
        self._length_size = h264.length_size(track.header) if track.codec == "h264" else None
        self._in_packets: list[bytes] = []
        """The source's parameter sets in the packet of its latest keyframe that had any."""
        self._known: list[bytes] = []
        """Our own parameter sets in the header, and those of the encoder at work."""
        self._current: list[bytes] = []
        self.header = track.header
        if track.codec == "h264":
            self._numbers = self._free_numbers()
            self._known = self._parameter_sets(self._opened(track.width, track.height, track.pixel_format, 0))
            self.header = h264.with_parameter_sets(track.header, self._known)

    def see_keyframe(self, data: bytes) -> None:
        """Take note of a keyframe of the source: does it bring parameter sets of its own?

        A player may build its decoder anew from those alone. From then on, keyframes of new groups bring all sets too.
        """
        if self._track.codec == "h264":
            units = nal_units(data, self._length_size)
            self._in_packets = [u for u in units if u[0] & 31 in (H264_SPS, H264_PPS)] or self._in_packets

    def encode(self, frame: Any, pts: int, duration: int) -> list[Any]:
        """Encode a frame; a frame of another size begins a new group.

        Returns:
            Packets that are ready, in order of presentation, with PTS and duration and without DTS.
        """
        size = (frame.width, frame.height, frame.format.name)
        ready = []
        if size != self._size:
            ready += self.flush()
        if self._context is None:
            self._start(size)
        self._stamps[self._count] = (pts, duration)
        frame.pts, frame.time_base, frame.pict_type = self._count, Fraction(1, _FRAME_RATE), 0
        self._count += 1
        return ready + self._encoded(frame)

    def flush(self) -> list[Any]:
        """The packets that the encoder still holds. The next frame begins a new group."""
        if self._context is None:
            return []
        ready = self._encoded(None)
        self._context, self._size = None, (0, 0, "")
        self._stamps.clear()
        return ready

    def _start(self, size: tuple[int, int, str]) -> None:
        if self._track.codec == "av1":
            self._context = BoundedEncoder(lambda: self._opened(*size, 0))
        else:
            self._context = self._opened(*size, 0)
        self._size = size
        if self._known:
            self._current = self._parameter_sets(self._context)
            if self._current != self._known:  # another size than the header's: with another number
                self._context = self._opened(*size, 1)
                self._current = self._parameter_sets(self._context)

    def _encoded(self, frame: Any) -> list[Any]:
        try:
            return [self._stamped(packet) for packet in self._context.encode(frame)]
        except FFmpegError as error:
            raise self._error(error) from error

    def _stamped(self, packet: Any) -> Any:
        pts, duration = self._stamps.pop(packet.pts)
        if self._track.codec == "h264":
            units = [u for u in nal_units(bytes(packet), None) if u[0] & 31 in (H264_SLICE, H264_IDR)]
            is_keyframe = packet.is_keyframe
            if is_keyframe and (self._in_packets or self._current != self._known):
                units = [*self._in_packets, *self._current, *units]
            packet = Packet(h264.framed(units, self._length_size))
            packet.is_keyframe = is_keyframe
        packet.pts, packet.dts, packet.duration = pts, None, duration
        return packet

    def _opened(self, width: int, height: int, pixel_format: str, number: int) -> Any:
        name, options = _ENCODERS[self._track.codec]
        options = dict(options)
        os.environ.setdefault("SVT_LOG", "1")  # errors only: SVT-AV1 writes to standard error by itself
        try:
            context: Any = CodecContext.create(name, "w")
            context.width, context.height, context.pix_fmt = width, height, pixel_format
            context.time_base, context.framerate = Fraction(1, _FRAME_RATE), Fraction(_FRAME_RATE)
            context.gop_size = GROUP_FRAMES
            context.color_range, context.color_primaries, context.color_trc, context.colorspace = self._track.colours
            if self._track.codec == "vp8":
                context.bit_rate = max(1_000_000, _VP8_BITS_PER_PIXEL * width * height)
            if self._track.codec == "h264":
                context.flags |= Flags.global_header
                options["x264-params"] = f"sps-id={self._numbers[number]}:scenecut=0:ref=1"
                profile = h264.profile(self._track.header)
                options |= {} if profile is None else {"profile": profile}
            context.options = options
            with usual_scheduling():
                context.open()
        except (FFmpegError, ValueError) as error:
            raise self._error(error) from error
        return context

    def _free_numbers(self) -> tuple[int, int]:
        try:
            return h264.free_numbers(self._track.header)
        except ValueError as error:
            raise self._error(error) from error

    def _error(self, error: Exception) -> MaskError:
        reason = (isinstance(error, FFmpegError) and error.strerror) or str(error) or type(error).__name__
        width, height, codec = self._track.width, self._track.height, self._track.codec
        return MaskError(
            f"The picture can't be masked: FFmpeg can't encode {codec} of {width} x {height} pixels, "
            f"{self._track.pixel_format} ({reason.lower()}). Nothing was published"
        )

    @staticmethod
    def _parameter_sets(context: Any) -> list[bytes]:
        return h264.parameter_sets(context.extradata)
