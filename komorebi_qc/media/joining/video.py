"""The video track of several files: packets copied or encoded again, and plain pictures in the gaps between files.

A file's packets are copied if its codec, size and format are those of the first file. Otherwise its pictures are
decoded, fitted into the first file's size, and encoded in its codec. In a gap, a plain picture says that no recorder
ran: the last picture would look like a live one.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from av.error import FFmpegError

from komorebi_qc.media.joining.fitting import Fitting
from komorebi_qc.media.mux.masking import h264_parameter_sets as h264
from komorebi_qc.media.mux.masking.coded_frames import opens_group
from komorebi_qc.media.mux.masking.group_encoder import GroupEncoder, coded_format
from komorebi_qc.media.plain_picture import plain_frame

if TYPE_CHECKING:
    from collections.abc import Iterator
    from fractions import Fraction

    from komorebi_qc.core.timebase import Span
    from komorebi_qc.media.mux.masking.group_encoder import CodedFormat

GAP_FRAME_S = 1.0
"""A plain picture each second: players can seek into a gap, and no finding takes it for a frozen video."""


def is_copied(track: CodedFormat, first: CodedFormat) -> bool:
    """Whether a file's packets can follow those of the first file as they are.

    VP8, VP9 and AV1 have all that a decoder needs in their keyframes. H.264 may have it in the track's header alone.
    """
    same = (track.codec, track.width, track.height, track.pixel_format) == (
        *(first.codec, first.width, first.height, first.pixel_format),
    )
    return same and (track.codec != "h264" or track.header == first.header)


def gap_text(length_s: float) -> str:
    """The sentence in the picture of a gap."""
    return f"No picture: recorder off for {max(1, round(length_s))} s"


class JoinedVideo:
    """Makes the packets of the joined track, in the order of the files.

    Attributes:
        track: the first file's format.
        header: the header of the joined track.
    """

    def __init__(self, first: Any, base: Fraction) -> None:
        """Prepare a track.

        Args:
            first: PyAV's video stream of the earliest file.
            base: seconds per unit of the joined track's timestamps.

        Raises:
            MaskError: FFmpeg can't encode the track's format.
        """
        self.track = coded_format(first)
        self._base = base
        self._encoder = GroupEncoder(self.track)
        self._fitting = Fitting(self.track.width, self.track.height, self.track.pixel_format)
        self._last_dts: int | None = None
        self.header = self._encoder.header

    def of_file(self, stream: Any, shift_s: float, used: Span) -> FileVideo:
        """The packets of one file; give it each packet of the file's video track.

        Args:
            stream: PyAV's video stream of the file.
            shift_s: added to each timestamp.
            used: the span in which the file plays.
        """
        copies = is_copied(coded_format(stream), self.track)
        return FileVideo(self, stream, shift_s, used, copies=copies)

    def gap(self, span: Span) -> Iterator[Any]:
        """The packets of a gap."""
        track = self.track
        text = gap_text(span.length_s)
        count = max(1, math.ceil(span.length_s / GAP_FRAME_S))
        for number in range(count):
            frame = plain_frame(
                *(track.width, track.height, text, track.pixel_format), is_full_range=track.is_full_range
            )
            at_s = span.start_s + number * GAP_FRAME_S
            length_s = min(GAP_FRAME_S, span.end_s - at_s)
            yield from self.encoded(frame, at_s, length_s)
        yield from self.flush()

    def encoded(self, frame: Any, at_s: float, length_s: float) -> Iterator[Any]:
        """Encode a picture; yields the packets that are ready."""
        fitted = self._fitting.fitted(frame)
        ready = self._encoder.encode(fitted, self._units(at_s), max(1, self._units(length_s)))
        yield from (self.in_order(packet, packet.pts, packet.pts) for packet in ready)

    def flush(self) -> Iterator[Any]:
        """The packets that the encoder still holds."""
        yield from (self.in_order(packet, packet.pts, packet.pts) for packet in self._encoder.flush())

    def copied(self, packet: Any, pts_s: float, dts_s: float, duration_s: float) -> Any:
        """A packet of a file at its place."""
        packet.duration = self._units(duration_s)
        return self.in_order(packet, self._units(pts_s), self._units(dts_s))

    def see_keyframe(self, data: bytes) -> None:
        """Take note of a copied keyframe, which may bring parameter sets."""
        self._encoder.see_keyframe(data)

    def in_order(self, packet: Any, pts: int, dts: int) -> Any:
        """Stamp a packet: a muxer requires rising decoding timestamps."""
        dts = dts if self._last_dts is None else max(dts, self._last_dts + 1)
        packet.pts, packet.dts, packet.time_base = max(pts, dts), dts, self._base
        self._last_dts = dts
        return packet

    def _units(self, seconds: float) -> int:
        return round(seconds / float(self._base))


class FileVideo:
    """The packets of one file's video track in the joined one.

    Attributes:
        copies: whether packets are copied.
    """

    def __init__(self, joined: JoinedVideo, stream: Any, shift_s: float, used: Span, *, copies: bool) -> None:
        self.copies = copies
        self._joined = joined
        self._context = stream.codec_context
        self._codec = joined.track.codec
        self._length_size = h264.length_size(stream.codec_context.extradata) if self._codec == "h264" else None
        self._unit_s = float(stream.time_base)
        self._shift_s = shift_s
        self._used = used
        self._has_begun = False

    def take(self, packet: Any) -> Iterator[Any]:
        """Yield what a packet becomes. Packets before the first whole picture can't be shown, and are left out."""
        if packet.pts is None and packet.dts is None:
            return
        if not self.copies:
            yield from self._decoded(packet)
            return
        pts = packet.dts if packet.pts is None else packet.pts
        dts = packet.pts if packet.dts is None else packet.dts
        if packet.is_keyframe:
            data = bytes(packet)
            self._joined.see_keyframe(data)
            self._has_begun = self._has_begun or opens_group(self._codec, data, self._length_size)
        at_s = pts * self._unit_s + self._shift_s
        if not self._has_begun or at_s >= self._used.end_s:
            return
        dts_s = dts * self._unit_s + self._shift_s
        yield self._joined.copied(packet, at_s, dts_s, (packet.duration or 0) * self._unit_s)

    def finish(self) -> Iterator[Any]:
        """Yield what is left at the file's end."""
        if not self.copies:
            yield from self._decoded(None)
            yield from self._joined.flush()

    def _decoded(self, packet: Any) -> Iterator[Any]:
        try:
            frames = self._context.decode(packet)
        except FFmpegError:  # a damaged packet: the last picture stays on
            return
        for frame in frames:
            if frame.pts is None:
                continue
            at_s = frame.pts * self._unit_s + self._shift_s
            if at_s < self._used.end_s:
                yield from self._joined.encoded(frame, at_s, self._unit_s)
