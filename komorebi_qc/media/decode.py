"""Decoded audio on its track's own clock. Timestamps place the samples; they are never counted from the start."""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from av.error import EOFError as AvEndOfFile
from av.error import FFmpegError

from komorebi_qc.core.timestamps.steps import AHEAD, STEADY_S, STEP_S, WINDOW, StampFollower
from komorebi_qc.media.demux import PacketDemuxer
from komorebi_qc.media.frames import MAX_CHANNELS, FrameQueue, stereo_samples
from komorebi_qc.media.opening import audio_stream

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from av.audio.frame import AudioFrame
    from av.container import InputContainer

    from komorebi_qc.core.samples import Pcm
    from komorebi_qc.core.timebase import Span

_AHEAD_S, _AHEAD_LEAST, _HELD_S = 1.0, 3, 1.5
"""Long frames: so many seconds and frames behind a step show whether it lasts; then no more than this waits."""
_PREROLL_S = 0.100
"""Opus needs 80 ms to converge after a start in the middle (RFC 7845, 4.6), AAC one frame."""
_LONGEST_PACKET_S = 0.25
_JOINED_S = 1.0
_SAME = 0.01
"""Places in the count that differ by less, in samples, are the same."""
_NOTHING = -(1 << 62)
"""The end of a track of which nothing has been decoded."""


class AudioDecoder:
    """The first audio track of a file, as stereo: sample ``i`` is at ``i / rate`` seconds after `origin_s`.

    It is read forwards, with a little room to step back. A gap in the timestamps is silence, an overlap is trimmed;
    timestamps that only tremble move nothing (`komorebi_qc.core.timestamps.steps`). Audio outside the requested spans
    is neither decoded nor kept.

    Attributes:
        rate: samples a second.
        packets: packets decoded so far.
        failures: packets that couldn't be decoded so far; they are silent.
    """

    def __init__(
        self,
        container: InputContainer,
        *,
        origin_s: float | None = 0.0,
        step_back_s: float = 2.0,
        spans: Sequence[Span] | None = None,
        demuxer: PacketDemuxer | None = None,
        captured: Sequence[Span] = (),
    ) -> None:
        """Open the track.

        Args:
            container: the file.
            origin_s: subtracted from its timestamps. None starts the clock with the first audible sample, behind any
                encoder delay (the call clock).
            step_back_s: how far back a read may go.
            spans: the spans that will be read, in order, on the track's clock; None for the whole track.
            demuxer: the demuxer of the file, if another track is read from it too.
            captured: the spans that `captured` returns at the end, on the track's clock.
        """
        self._stream: Any = audio_stream(container)
        self._codec: Any = self._stream.codec_context
        self._base = float(self._stream.time_base)
        self._origin_s = origin_s or 0.0
        self._starts_at_first = origin_s is None
        self._step_back_s = step_back_s
        self._spans = spans
        self._spans_to_capture = captured
        self._captured: list[tuple[int, Pcm]] | None = None
        self._held: list[tuple[float, AudioFrame, float]] = []  # (timestamp, frame, its place in the count)
        self._counted = 0.0  # samples since the last break
        self._follower = StampFollower()
        self._is_anchored = self._has_begun = False
        self._is_steady, self._steady_s = False, 0.0  # whether all stamps so far are at an offset, and that one
        self._steady_shift = 0.0  # from the count to the index at that offset, in samples
        self._bias_s = 0.0  # by how much this file's timestamps differ from the count without any loss
        self._queue = FrameQueue()
        self._queue_start: float | None = None  # the index of the queue's first sample
        self._queue_end = 0.0  # and the one behind its last
        self._ready: list[tuple[int, Pcm]] = []
        self._chunks: deque[tuple[int, Pcm]] = deque()
        self._end = _NOTHING
        self._is_done = False
        self._packets_seen = 0
        self.failures = 0
        self.packets = 0
        self.rate: int = self._codec.rate
        self._pts_ranges = deque(self._pts_of(spans or ()))
        wants, resumes_at_s = (None, None) if spans is None else (self._wants, self._resumes_at_s)
        self._packets = (demuxer or PacketDemuxer(container)).subscribe(self._stream, wants, resumes_at_s)
        self._decoded = self._decode_all()
        self._pull()  # the first frames decide the rate

    @property
    def trembles(self) -> bool:
        """Whether the timestamps so far tremble, so that only many of them together give a place."""
        return self._follower.trembles

    def read(self, start: int, count: int) -> Pcm:
        """Samples ``start`` to ``start + count``, shape ``(count, 2)``; silence where the track has no audio.

        `start` may be up to `step_back_s` before the furthest sample read so far.
        """
        out = np.zeros((count, 2), np.float32)
        upto = self._decode_upto(start, start + count)
        while not self._is_done and self._end < upto:
            self._pull()
        oldest = start - int(self._step_back_s * self.rate)
        while self._chunks and self._chunks[0][0] + len(self._chunks[0][1]) <= oldest:
            self._chunks.popleft()
        for at, pcm in self._chunks:
            low, high = max(at, start), min(at + len(pcm), start + count)
            if low < high:
                out[low - start : high - start] = pcm[low - at : high - at]
        return out

    def chunks(self) -> Iterator[tuple[int, Pcm]]:
        """The rest of the track, as ``(index of the first sample, samples)``; a jump of the index is a gap."""
        while self._chunks or not self._is_done:
            while self._chunks:
                yield self._chunks.popleft()
            self._pull()

    def captured(self) -> list[tuple[int, Pcm]]:
        """Index of the first sample, and samples, of each span to capture; silence if a span wasn't decoded."""
        if self._captured is None:
            self._captured = [
                (round(span.start_s * self.rate), np.zeros((math.ceil(span.length_s * self.rate), 2), np.float32))
                for span in self._spans_to_capture
            ]
        return self._captured

    def _capture(self, start: int, pcm: Pcm) -> None:
        for first, out in self.captured():
            low, high = max(start, first), min(start + len(pcm), first + len(out))
            if low < high:
                out[low - first : high - first] = pcm[low - start : high - start]

    def read_to_end(self) -> int:
        """Decode the rest of the track.

        Returns:
            The index behind its last sample.
        """
        while not self._is_done:
            self._chunks.clear()
            self._pull()
        return max(self._end, 0)

    def _pull(self) -> None:
        """Append the next chunk to `_chunks`."""
        for start, pcm in self._decoded:
            overlap = max(0, self._end - start)
            if overlap < len(pcm):
                self._chunks.append((start + overlap, pcm[overlap:]))
                self._end = start + len(pcm)
                if self._spans_to_capture:
                    self._capture(start + overlap, pcm[overlap:])
                return
        self._is_done = True

    def _decode_all(self) -> Iterator[tuple[int, Pcm]]:
        """Yield ``(index of the first sample, samples)`` in file order."""
        ready = self._ready
        for packet in self._packets:
            if packet is None:  # packets were skipped, so the next one needs a new anchor
                self._end_run()
                self._codec.flush_buffers()
            else:
                self.packets += 1
                self._decode(packet)
            if ready:
                yield from ready
                ready.clear()
        self._decode(None)
        self._end_run()
        yield from ready
        ready.clear()

    def _pts_of(self, spans: Sequence[Span]) -> Iterator[tuple[float, float]]:
        """First and last PTS of the packets that each span needs, in the track's units, in order."""
        for span in spans:
            low_s, high_s = span.start_s - _PREROLL_S - _LONGEST_PACKET_S, span.end_s + _LONGEST_PACKET_S
            yield (low_s + self._origin_s) / self._base, (high_s + self._origin_s) / self._base

    def _wants(self, packet: Any) -> bool:
        pts, ranges = packet.pts, self._pts_ranges
        self._packets_seen += 1
        if pts is None or self._packets_seen <= AHEAD:
            return True
        while ranges and ranges[0][1] < pts:
            ranges.popleft()
        # A WAV's packets are half a second long, FLAC's up to eight seconds.
        return bool(ranges) and ranges[0][0] <= pts + (packet.duration or 0)

    def _resumes_at_s(self) -> float:
        """The timestamp from which packets are wanted again."""
        return self._pts_ranges[0][0] * self._base if self._pts_ranges else math.inf

    def _decode_upto(self, start: int, end: int) -> int:
        """The index up to which a read from `start` to `end` has to decode: nothing is needed outside the spans."""
        if self._spans is None:
            return end
        within = [s for s in self._spans if s.start_s * self.rate < end and s.end_s * self.rate > start]
        return min(end, math.ceil(within[-1].end_s * self.rate)) if within else _NOTHING

    def _decode(self, packet: Any) -> None:
        """Decode a packet; None flushes the frames that the decoder still holds."""
        try:
            frames = cast("list[AudioFrame]", self._codec.decode(packet))
        except AvEndOfFile:
            return
        except FFmpegError:
            self.failures += 1
            return
        for frame in frames:
            length: float = frame.samples
            if not length:
                continue
            if frame.layout.nb_channels > MAX_CHANNELS:
                self.failures += 1
                continue
            if frame.sample_rate != self.rate:
                length = self._length(frame)
            pts, counted = frame.pts, self._counted
            # A frame's PTS is in its stream's time base; asking the frame for it costs a Fraction each time.
            pts_s = math.nan if pts is None else pts * self._base
            if self._is_steady and abs(pts_s - counted / self.rate - self._steady_s) < STEADY_S:
                self._counted = counted + length
                self._append(frame, counted + self._steady_shift, length)
            else:
                self._hold(pts_s, frame, length)

    def _hold(self, pts_s: float, frame: AudioFrame, length: float) -> None:
        """Keep a frame until those behind it show its place."""
        counted = self._counted
        self._counted = counted + length
        self._is_steady = False
        held = self._held
        held.append((pts_s, frame, counted))
        waiting = len(held)
        if waiting >= WINDOW:
            self._place(waiting - AHEAD)
        elif waiting > _AHEAD_LEAST and self._counted - held[0][2] >= _HELD_S * self.rate:
            behind = sum(1 for *_, counted in held if self._counted - counted <= _AHEAD_S * self.rate)
            self._place(waiting - max(_AHEAD_LEAST, behind))

    def _end_run(self) -> None:
        """Place all frames up to the end or to a break."""
        self._place(len(self._held))
        self._flush()
        self._counted, self._is_anchored, self._is_steady = 0.0, False, False

    def _place(self, count: int) -> None:
        """Put the first frames at their timestamps, or directly after the ones before if only a tremble is between."""
        held = self._held
        if not count:
            return
        if not self._has_begun and (rate := held[-1][1].sample_rate) != self.rate:
            self.rate, ratio = rate, rate / self.rate
            self._counted *= ratio
            held[:] = [(pts_s, frame, counted * ratio) for pts_s, frame, counted in held]
        offsets_s = [pts_s - counted / self.rate - self._bias_s for pts_s, _, counted in held]
        if not self._is_anchored:
            self._anchor(offsets_s)
            offsets_s = [pts_s - counted / self.rate - self._bias_s for pts_s, _, counted in held]
        levels_s = self._follower.levels(offsets_s, count)
        level_s = self._follower.level_s
        if not self._follower.trembles and all(abs(offset_s - level_s) < STEADY_S for offset_s in offsets_s[count:]):
            levels_s += [level_s] * (len(held) - count)
            count, self._is_steady, self._steady_s = len(held), True, level_s + self._bias_s
            self._steady_shift = (self._steady_s - self._bias_s - self._origin_s) * self.rate
        for (_, frame, counted), level_s in zip(held[:count], levels_s, strict=True):
            self._append(frame, counted + (level_s - self._origin_s) * self.rate, self._length(frame))
        del held[:count]

    def _append(self, frame: AudioFrame, index: float, length: float) -> None:
        """Add a frame to the queue, which is moved on first if the frame doesn't begin at its end."""
        start, end = self._queue_start, index + length
        if start is not None and abs(index - self._queue_end) > _SAME:
            self._flush()
            start = None
        if not self._queue.add(frame):
            self._flush()
            self._queue.add(frame)
            start = None
        if start is None:
            self._queue_start = start = index
        self._queue_end = end
        if end - start >= _JOINED_S * self.rate:
            self._flush()

    def _length(self, frame: AudioFrame) -> float:
        """A frame's length in samples of the track: a rate that changes within the file is converted to the first."""
        rate = frame.sample_rate
        return frame.samples if rate == self.rate else frame.samples * (self.rate / rate)

    def _flush(self) -> None:
        """Move the queue's samples to `_ready`."""
        frame = self._queue.take()
        if frame is not None and self._queue_start is not None:
            pcm = stereo_samples(frame)
            if frame.sample_rate != self.rate:
                pcm = _resampled(pcm, frame.sample_rate, self.rate)
            self._ready.append((round(self._queue_start), pcm))
        self._queue_start = None

    def _anchor(self, offsets_s: list[float]) -> None:
        """Find the level of the next frames' offsets: their timestamps minus the count of the samples before them.

        At the start of the file, the first frame's own timestamp decides, unless the timestamps tremble. The median
        difference of the others is this file's bias: an Opus pre-skip in WebM makes them half a millisecond early.
        After a start in the middle, the median decides.
        """
        follower, self._is_anchored = self._follower, True
        known = [offset_s for offset_s in offsets_s if not math.isnan(offset_s)]
        is_first, self._has_begun = not self._has_begun, True
        if not known:
            follower.level_s = max(0.0, float(self._end)) / self.rate + self._origin_s
            return
        level_s = follower.begin(known)
        if not is_first:
            return
        if not follower.trembles:
            bias_s = level_s - known[0]
            self._bias_s = bias_s if abs(bias_s) < STEP_S else 0.0
            follower.level_s = known[0]
        if self._starts_at_first:
            self._origin_s = follower.level_s


def _resampled(pcm: Pcm, rate_in: int, rate_out: int) -> Pcm:
    import soxr  # noqa: PLC0415  a rate that changes within a file is rare

    return cast("Pcm", soxr.resample(pcm, rate_in, rate_out).astype(np.float32))
