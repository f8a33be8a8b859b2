"""A copied video track with masks: packets copied outside of the masks, and made again where a mask is.

A new group of pictures begins with the first masked frame: a keyframe, in the track's own codec. Its frames are plain
while the mask is on. After the mask, the source's next packets still depend on masked ones. Until the source's next
group opens, they are decoded and encoded again. From there on packets are copied. Every frame keeps its timestamp.

A damaged packet leaves parts of earlier pictures in the ones after it, which may be masked ones. So the rest of its
group is plain.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from komorebi_qc.media.mux.masking import h264_parameter_sets as h264
from komorebi_qc.media.mux.masking.coded_frames import is_hidden, looks_ahead, opens_group
from komorebi_qc.media.mux.masking.group_decoder import FrameShape, GroupDecoder
from komorebi_qc.media.mux.masking.group_encoder import GroupEncoder, coded_format
from komorebi_qc.media.mux.masking.packet_runs import packet_runs
from komorebi_qc.media.plain_picture import plain_frame

if TYPE_CHECKING:
    from collections.abc import Iterator

    from komorebi_qc.media.mux.masking.picture_mask import PictureMask


class MaskedPackets:
    """The packets of a track with masks, in file order, as many as there were. Iterate once.

    Attributes:
        header: of the track, to be written in place of the source's.
        hidden: frames of the source that are never shown, and were left out of new groups.
        remade: frames in new groups, so far.
        masked: plain ones among them.
    """

    def __init__(self, stream: Any, packets: Iterator[Any], mask: PictureMask) -> None:
        """Prepare a track.

        Args:
            stream: PyAV's video stream. Its decoder is used.
            packets: its packets.
            mask: of its frames.

        Raises:
            MaskError: FFmpeg can't encode the track's format.
        """
        self._packets = packets
        self._mask = mask
        self._track = coded_format(stream)
        self._length_size = h264.length_size(self._track.header)
        self._decoder = GroupDecoder(stream.codec_context)
        self._encoder = GroupEncoder(self._track)
        self._is_remaking = False
        self._pending: deque[tuple[int, int, bool]] = deque()
        """Frames to encode, in order of presentation: PTS, duration, and whether it is masked."""
        self._undecoded = 0
        """How many of them aren't masked, and so wait for the decoder."""
        self._slots: deque[int] = deque()
        """DTS for the new packets, in order: the source's."""
        self._last: Any = None
        """The last frame that was shown: it stays on if the next one can't be decoded."""
        self._plain: Any = None
        self.header = self._encoder.header
        self.hidden = self.remade = self.masked = 0

    def __iter__(self) -> Iterator[Any]:
        for run, until_pts in packet_runs(self._packets, self._is_hidden):
            if not self._is_remaking and not self._is_ahead(run):
                yield from run
                continue
            opens = self._opens(run[0])
            if opens:
                yield from self._settled()
                self._decoder.restart()
            shown = self._shown(run, until_pts)
            is_free = opens or not self._is_remaking
            if is_free and not any(is_masked for _, _, is_masked in shown) and not self._may_hold_masked(run):
                yield from self._ended()
                if self._is_ahead(run):
                    for packet in run:
                        self._decoder.skip(packet)
                yield from run
            else:
                yield from self._remade(run, shown)
        yield from self._settled()
        yield from self._ended()

    def _is_ahead(self, run: list[Any]) -> bool:
        return self._mask.is_ahead(min(packet.pts for packet in run))

    def _opens(self, packet: Any) -> bool:
        if not packet.is_keyframe:
            return False
        data = bytes(packet)
        self._encoder.see_keyframe(data)
        return opens_group(self._track.codec, data, self._length_size)

    def _is_hidden(self, packet: Any) -> bool:
        return is_hidden(self._track.codec, memoryview(packet))

    def _may_hold_masked(self, run: list[Any]) -> bool:
        """Whether a packet may hold a masked picture that isn't shown with it, but later."""
        is_near = self._mask.is_near(min(packet.pts for packet in run))
        return is_near and any(looks_ahead(self._track.codec, bytes(p)) for p in run)

    def _shown(self, run: list[Any], until_pts: int | None) -> list[tuple[int, int, bool]]:
        """The frames of a run in order of presentation: PTS, duration, and whether it is masked."""
        order = sorted((p.pts, p.duration or 0) for p in run if not self._is_hidden(p))
        ends = [*(pts for pts, _ in order[1:]), until_pts]
        return [(pts, length, self._mask.covers(pts, end)) for (pts, length), end in zip(order, ends, strict=False)]

    def _remade(self, run: list[Any], shown: list[tuple[int, int, bool]]) -> Iterator[Any]:
        """Encode the frames of a run, as far as they are decoded."""
        self._is_remaking = True
        self.hidden += len(run) - len(shown)
        self._slots += [p.dts for p in run if not self._is_hidden(p)]
        self._pending += shown
        self._undecoded += sum(not is_masked for _, _, is_masked in shown)
        is_decoded = self._undecoded > 0
        for packet in run:
            if not is_decoded:
                self._decoder.skip(packet)
                continue
            for frame in self._decoder.frames(packet):
                yield from self._placed(frame)
        yield from self._plain_ones()

    def _placed(self, frame: Any) -> Iterator[Any]:
        """Encode a decoded frame, after those before it."""
        pts = frame.pts
        while pts is not None and self._pending and self._pending[0][0] <= pts:
            is_its_own = self._pending[0][0] == pts
            yield from self._encoded(frame if is_its_own else self._last)
            if is_its_own:
                return

    def _plain_ones(self) -> Iterator[Any]:
        while self._pending and self._pending[0][2]:
            yield from self._encoded(None)

    def _encoded(self, frame: Any) -> Iterator[Any]:
        """Encode the next frame: plain if it is masked, if there is nothing else to show, or in a damaged group."""
        pts, duration, is_masked = self._pending.popleft()
        is_plain = is_masked or frame is None or self._decoder.is_damaged
        self.remade += 1
        self.masked += is_plain
        if not is_masked:
            self._undecoded -= 1
            self._last = frame
        yield from self._timed(self._encoder.encode(self._plain_frame() if is_plain else frame, pts, duration))

    def _plain_frame(self) -> Any:
        if self._plain is None:
            track = self._track
            found = self._decoder.shape() or FrameShape(
                *(track.width, track.height, track.pixel_format, 0), is_full_range=track.is_full_range
            )
            width, height, pixel_format, rotation, is_full_range = found
            self._plain = plain_frame(
                width, height, pixel_format=pixel_format, rotation=rotation, is_full_range=is_full_range
            )
        return self._plain

    def _settled(self) -> Iterator[Any]:
        """Encode all frames that wait: at the source's end, or before its next group."""
        if self._undecoded:
            for frame in self._decoder.drain():
                yield from self._placed(frame)
        while self._pending:
            yield from self._encoded(self._last)

    def _ended(self) -> Iterator[Any]:
        """End the new group, if there is one."""
        if self._is_remaking:
            yield from self._timed(self._encoder.flush())
            self._slots.clear()
            self._is_remaking, self._last, self._plain = False, None, None

    def _timed(self, packets: list[Any]) -> Iterator[Any]:
        for packet in packets:
            packet.dts = min(self._slots.popleft(), packet.pts)
            packet.time_base = self._mask.base
            yield packet
