"""The output's video track: packets copied, or frames re-encoded, at their own time."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple

from av.error import FFmpegError

from komorebi_qc.media.mux.encoders import ENCODERS
from komorebi_qc.media.mux.masking.group_decoder import report_damage
from komorebi_qc.media.mux.masking.masked_packets import MaskedPackets
from komorebi_qc.media.mux.masking.picture_mask import with_next
from komorebi_qc.media.plain_picture import plain_frame

if TYPE_CHECKING:
    from collections.abc import Iterator

    from av.container import OutputContainer

    from komorebi_qc.core.media_info import VideoInfo
    from komorebi_qc.core.output import Container, RenderPlan
    from komorebi_qc.media.mux.masking.picture_mask import PictureMask

_EARLIEST_PTS: dict[Container, int] = {"mp4": -(1 << 62), "webm": 0}
"""MP4 hides frames before second 0. WebM has no negative time, and its muxer would move the whole file to make room."""


class FrameCounts(NamedTuple):
    """Frames of a video track.

    Attributes:
        masked: plain ones.
        remade: encoded ones in a copied track, the plain ones included.
        hidden: frames that are never shown and were left out, because their group was made again.
    """

    masked: int = 0
    remade: int = 0
    hidden: int = 0


def _time_base(base: Fraction, shift_s: float, container: Container) -> tuple[Fraction, int]:
    """A time base in which the shift doesn't round the timestamps, and the shift in its units."""
    units = shift_s / float(base)
    # Finer only if it helps: a step of more than 2^31 units can't be written.
    finer = base / 32  # 1/1000 s becomes 1/32,000 s: 0.02 ms at most
    # FFmpeg keeps both numbers in 32 bits, and a recording's base may be any fraction.
    fits = max(finer.numerator, finer.denominator) < 1 << 31
    if container == "mp4" and base > Fraction(1, 16_000) and abs(units - round(units)) > 1e-3 and fits:
        base = finer
    return base, round(shift_s / float(base))


class CopiedVideo:
    """The recording's video packets on the output clock, in file order. Yields ``(DTS in seconds, packet)``."""

    def __init__(
        self,
        output: OutputContainer,
        source: Any,
        packets: Iterator[Any],
        video: VideoInfo,
        shift_s: float,
        plan: RenderPlan,
        mask: PictureMask | None = None,
    ) -> None:
        """Add the track to the output.

        Args:
            output: the output, not yet started.
            source: PyAV's video stream of the recording.
            packets: its packets.
            video: the track as probed.
            shift_s: added to every timestamp.
            plan: container and codec.
            mask: of its picture; None for no mask.

        Raises:
            MaskError: The track's format can't be encoded, so its picture can't be masked.
        """
        self._masked = None if mask is None else MaskedPackets(source, packets, mask)
        self._packets = packets if self._masked is None else iter(self._masked)
        self._base, self._shift = _time_base(video.time_base, shift_s, plan.container)
        self._factor = round(video.time_base / self._base)
        self._earliest = _EARLIEST_PTS[plan.container]
        self._stream: Any = output.add_stream_from_template(source, opaque=True)
        self._stream.time_base = self._base
        if self._masked is not None and self._masked.header is not None:
            self._stream.codec_context.extradata = self._masked.header

    @property
    def counts(self) -> FrameCounts:
        """The frames that aren't copies, so far."""
        masked = self._masked
        return FrameCounts() if masked is None else FrameCounts(masked.masked, masked.remade, masked.hidden)

    def __iter__(self) -> Iterator[tuple[float, Any]]:
        last_dts = None
        base, factor, shift, stream = self._base, self._factor, self._shift, self._stream
        earliest = self._earliest
        unit_s = float(base)
        for packet in self._packets:
            pts, dts = packet.pts, packet.dts
            if pts is None and dts is None:
                continue
            pts = dts if pts is None else pts
            dts = pts if dts is None else dts
            pts, dts = max(pts * factor + shift, earliest), max(dts * factor + shift, earliest)
            if last_dts is not None and dts <= last_dts:
                dts = last_dts + 1  # a muxer requires rising DTS; the PTS stays
                pts = max(pts, dts)
            last_dts = dts
            packet.pts, packet.dts = pts, dts
            if factor != 1:
                packet.time_base = base
                packet.duration = (packet.duration or 0) * factor
            packet.stream = stream
            yield dts * unit_s, packet


class EncodedVideo:
    """The recording's video re-encoded, each frame at its own time. Yields ``(DTS in seconds, packet)``."""

    def __init__(
        self,
        output: OutputContainer,
        source: Any,
        packets: Iterator[Any],
        video: VideoInfo,
        shift_s: float,
        plan: RenderPlan,
        mask: PictureMask | None = None,
    ) -> None:
        """Add the track to the output; arguments as for `CopiedVideo`."""
        self._mask = mask
        self._source = source
        if mask is not None:
            report_damage(source.codec_context)
        self._intact_from_pts = -math.inf
        """Frames before it are damaged: they may have parts of a masked picture."""
        self._packets = packets
        self._base, self._shift = _time_base(video.time_base, shift_s, plan.container)
        self._factor = round(video.time_base / self._base)
        self._earliest = _EARLIEST_PTS[plan.container]
        name, options = ENCODERS[plan.video_codec]
        # 4:2:0 halves both sides, so an odd side loses its last row or column of pixels.
        self._size = (max(2, video.width // 2 * 2), max(2, video.height // 2 * 2))
        self._plain = 0
        stream: Any = output.add_stream(name, options=options)
        stream.width, stream.height = self._size
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = self._base
        stream.time_base = self._base
        self._stream = stream

    def __iter__(self) -> Iterator[tuple[float, Any]]:
        last_pts = None
        plain: Any = None if self._mask is None else plain_frame(*self._size)
        for frame, from_pts, until_pts in with_next(self._frames()):
            pts = max(frame.pts * self._factor + self._shift, self._earliest)
            if last_pts is not None and pts <= last_pts:
                pts = last_pts + 1
            last_pts = pts
            if self._is_masked(frame.pts, from_pts, until_pts):
                scaled: Any = plain
                self._plain += 1
            else:
                scaled = frame.reformat(*self._size, format="yuv420p")
            scaled.pts, scaled.time_base = pts, self._base
            yield from self._timed(self._stream.encode(scaled))
        yield from self._timed(self._stream.encode(None))

    @property
    def counts(self) -> FrameCounts:
        """The masked frames, so far."""
        return FrameCounts(self._plain)

    def _is_masked(self, pts: int, from_pts: int, until_pts: int | None) -> bool:
        """Whether a frame is masked by its own time or by the time at which it is on show, or is damaged."""
        mask = self._mask
        return mask is not None and (
            pts < self._intact_from_pts or mask.contains(pts) or mask.covers(from_pts, until_pts)
        )

    def _timed(self, encoded: list[Any]) -> Iterator[tuple[float, Any]]:
        for packet in encoded:
            yield float((packet.dts if packet.dts is not None else 0) * packet.time_base), packet

    def _frames(self) -> Iterator[Any]:
        for packet in self._packets:
            if packet.is_keyframe and packet.pts is not None and self._intact_from_pts == math.inf:
                self._intact_from_pts = packet.pts
            try:
                yield from self._source.codec_context.decode(packet)
            except FFmpegError:
                self._intact_from_pts = math.inf
        yield from self._source.codec_context.decode(None)
