"""Decoded audio as samples on their track's own clock, placed by time stamps and never by counting from the start."""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from av.audio.fifo import AudioFifo
from av.error import EOFError as AvEndOfFile
from av.error import FFmpegError

from komorebi_qc.core.timing import STEP_S
from komorebi_qc.media.demux import PacketDemuxer, audio_stream

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from av.audio.frame import AudioFrame
    from av.container import InputContainer
    from numpy.typing import NDArray

    from komorebi_qc.core.samples import Pcm
    from komorebi_qc.core.timebase import Span


_ANCHOR_FRAMES = 8
_PREROLL_S = 0.100
"""Opus needs 80 ms to converge after a start in the middle (RFC 7845, 4.6), AAC one frame."""
_LONGEST_PACKET_S = 0.25
_MOST_CHANNELS = 8
"""Of planar sound with more, PyAV reads beyond FFmpeg's array of planes and crashes; damaged AAC claims dozens."""
_PLAIN = ("mono", "stereo", "1 channels", "2 channels")
"""Layouts of one or two sides without a list of their own in FFmpeg's memory."""
_JOINED_S = 1.0
"""Frames that follow each other are taken out of FFmpeg's memory together: one by one costs as much as decoding."""


class AudioDecoder:
    """The first audio track of a file: stereo samples, sample ``i`` at ``i / rate`` seconds after `origin_s`.

    With ``origin_s=None`` the clock begins with the first sample that is heard (the call clock), whatever encoder
    delay lies before it.

    It is read forwards, with a little room to step back. A gap in the time stamps is silence, an overlap is
    trimmed, and what lies outside the spans that were asked for is neither decoded nor kept.

    Attributes:
        rate: samples a second.
        packets: how many were given to the decoder so far.
        failures: packets so far that couldn't be decoded; they are silent.
    """

    def __init__(
        self,
        container: InputContainer,
        *,
        origin_s: float | None = 0.0,
        keep_s: float = 2.0,
        spans: Sequence[Span] | None = None,
        shared: PacketDemuxer | None = None,
        kept: Sequence[Span] = (),
    ) -> None:
        """Open the track.

        Args:
            container: the file.
            origin_s: what to take off its time stamps.
            keep_s: how far back a read may go.
            spans: what will be read, in order, on the track's clock; None for all of it.
            shared: the reading of the file, where somebody else takes another track from it.
            kept: what `kept` gives afterwards, as far as it was decoded; on the track's clock.
        """
        self._to_keep = kept
        self._keeps: list[tuple[int, Pcm]] | None = None
        self._stream: Any = audio_stream(container)
        self._base = float(self._stream.time_base)
        self._origin_s = origin_s or 0.0
        self._starts_at_first = origin_s is None
        self._keep_s = keep_s
        self._spans = spans
        self._pending: list[tuple[float, AudioFrame]] = []  # with their own stamps; until these are anchored
        self._expected: float | None = None  # the index that the next frame has by counting
        self._bias = 0.0  # by how much this file's stamps stray from the count even where nothing is missing
        self._joined = _Joined()
        self._begins: float | None = None  # the index of the first one in there
        self._ready: list[tuple[int, Pcm]] = []
        self._end = -(1 << 62)
        self._held: deque[tuple[int, Pcm]] = deque()
        self._done = False
        self._seen = 0
        self.failures = 0
        self.packets = 0
        self.rate: int = self._stream.codec_context.rate
        self._near = deque(self._stamps(spans or ()))
        wants, again_s = (None, None) if spans is None else (self._wants, self._again_s)
        self._coming = (shared or PacketDemuxer(container)).subscribe(self._stream, wants, again_s)
        self._chunks = self._run()
        self._pull()  # the first frames settle the rate

    def read(self, start: int, count: int) -> Pcm:
        """Samples ``start`` to ``start + count``, shape ``(count, 2)``; silence where there is none.

        `start` is at most `keep_s` before the furthest sample read so far.
        """
        out = np.zeros((count, 2), np.float32)
        upto = self._upto(start, start + count)
        while not self._done and self._end < upto:
            self._pull()
        floor = start - int(self._keep_s * self.rate)
        while self._held and self._held[0][0] + len(self._held[0][1]) <= floor:
            self._held.popleft()
        for at, pcm in self._held:
            low, high = max(at, start), min(at + len(pcm), start + count)
            if low < high:
                out[low - start : high - start] = pcm[low - at : high - at]
        return out

    def chunks(self) -> Iterator[tuple[int, Pcm]]:
        """All that is left, as ``(index of the first sample, samples)``; where one doesn't follow the last is a gap."""
        while self._held or not self._done:
            while self._held:
                yield self._held.popleft()
            self._pull()

    def kept(self) -> list[tuple[int, Pcm]]:
        """Of each span to keep the index of its first sample, and its samples; silence where nothing was decoded."""
        if self._keeps is None:
            self._keeps = [
                (math.floor(span.start_s * self.rate), np.zeros((math.ceil(span.length_s * self.rate), 2), np.float32))
                for span in self._to_keep
            ]
        return self._keeps

    def _keep(self, start: int, pcm: Pcm) -> None:
        for first, out in self.kept():
            low, high = max(start, first), min(start + len(pcm), first + len(out))
            if low < high:
                out[low - first : high - first] = pcm[low - start : high - start]

    def samples(self) -> int:
        """Decode all that is left and say where the track ends: the index behind its last sample."""
        while not self._done:
            self._held.clear()
            self._pull()
        return max(self._end, 0)

    def _pull(self) -> None:
        for start, pcm in self._chunks:
            early = max(0, self._end - start)
            if early < len(pcm):
                self._held.append((start + early, pcm[early:]))
                self._end = start + len(pcm)
                if self._to_keep:
                    self._keep(start + early, pcm[early:])
                return
        self._done = True

    def _run(self) -> Iterator[tuple[int, Pcm]]:
        """Yield ``(index of the first sample, samples)`` in the order of the file."""
        ready = self._ready
        for packet in self._coming:
            if packet is None:  # some were passed over: what follows begins anew
                self._settle()
                self._flush()
                self._stream.codec_context.flush_buffers()
                self._expected = None
            else:
                self.packets += 1
                self._decode(packet)
            if ready:
                yield from ready
                ready.clear()
        self._decode(None)
        self._settle()
        self._flush()
        yield from ready
        ready.clear()

    def _stamps(self, spans: Sequence[Span]) -> Iterator[tuple[float, float]]:
        """From which to which time stamp, in the track's units, packets are wanted; in order."""
        for span in spans:
            low_s, high_s = span.start_s - _PREROLL_S - _LONGEST_PACKET_S, span.end_s + _LONGEST_PACKET_S
            yield (low_s + self._origin_s) / self._base, (high_s + self._origin_s) / self._base

    def _wants(self, packet: Any) -> bool:
        pts, near = packet.pts, self._near
        self._seen += 1
        if pts is None or self._seen <= _ANCHOR_FRAMES:
            return True
        while near and near[0][1] < pts:
            near.popleft()
        # A WAV's packets are half a second long, FLAC's up to eight.
        return bool(near) and near[0][0] <= pts + (packet.duration or 0)

    def _again_s(self) -> float:
        """From which time stamp on packets are wanted again."""
        return self._near[0][0] * self._base if self._near else math.inf

    def _upto(self, start: int, end: int) -> int:
        """Up to where a read from `start` to `end` has to decode: nothing is wanted outside the spans."""
        if self._spans is None:
            return end
        within = [s for s in self._spans if s.start_s * self.rate < end and s.end_s * self.rate > start]
        return min(end, math.ceil(within[-1].end_s * self.rate)) if within else -(1 << 62)

    def _decode(self, packet: Any) -> None:
        """Take a packet's frames; None for those that the decoder still holds."""
        try:
            frames = cast("list[AudioFrame]", self._stream.codec_context.decode(packet))
        except AvEndOfFile:
            return
        except FFmpegError:
            self.failures += 1
            return
        for frame in frames:
            if not frame.samples:
                continue
            if frame.layout.nb_channels > _MOST_CHANNELS:
                self.failures += 1
                continue
            pts = frame.pts
            # A frame's stamp is in its stream's time base; asking the frame for it costs a Fraction each time.
            stamp_s = math.nan if pts is None else pts * self._base
            if self._expected is not None:
                self._place(stamp_s, frame)
            else:
                self._pending.append((stamp_s, frame))
        if len(self._pending) >= _ANCHOR_FRAMES:
            self._settle()

    def _settle(self) -> None:
        """Place those that waited for an anchor."""
        if not self._pending:
            return
        if self._end < 0:
            self.rate = self._pending[-1][1].sample_rate
        self._expected = self._anchor([(stamp_s, self._length(frame)) for stamp_s, frame in self._pending])
        for stamp_s, frame in self._pending:
            self._place(stamp_s, frame)
        self._pending.clear()

    def _place(self, stamp_s: float, frame: AudioFrame) -> None:
        """Put a frame where its stamp says, or behind the last one where both say the same."""
        expected = cast("float", self._expected)
        astray = (stamp_s - self._origin_s) * self.rate - self._bias - expected
        if abs(astray) > STEP_S * self.rate:
            self._flush()
            expected += astray
        if not self._joined.add(frame):
            self._flush()
            self._joined.add(frame)
        if self._begins is None:
            self._begins = expected
        self._expected = expected = expected + self._length(frame)
        if expected - self._begins >= _JOINED_S * self.rate:
            self._flush()

    def _length(self, frame: AudioFrame) -> float:
        """In samples of the track: a rate that changes in the middle is brought to the first one."""
        return frame.samples * (self.rate / frame.sample_rate)

    def _flush(self) -> None:
        """Take out what was joined."""
        frame = self._joined.taken()
        if frame is not None and self._begins is not None:
            pcm = _stereo(frame)
            if frame.sample_rate != self.rate:
                pcm = _resampled(pcm, frame.sample_rate, self.rate)
            self._ready.append((round(self._begins), pcm))
        self._begins = None

    def _anchor(self, frames: list[tuple[float, float]]) -> float:
        """Where the first of these frames begins, by their stamps and lengths.

        At the file's start, where its own stamp says; what the others say differently is this file's bias (an Opus
        pre-skip in WebM makes them half a millisecond early). After a start in the middle, the median says.
        """
        counted = np.cumsum([0, *(length for _, length in frames[:-1])])
        astray = (np.array([stamp_s for stamp_s, _ in frames]) - self._origin_s) * self.rate - counted
        known = astray[~np.isnan(astray)]
        if not len(known):
            return max(0.0, float(self._end))
        if self._end < 0:
            bias = float(np.median(known) - known[0])
            self._bias = bias if abs(bias) < STEP_S * self.rate else 0.0
            if self._starts_at_first:
                self._origin_s = float(known[0]) / self.rate
                return 0.0
            return float(known[0])
        return float(np.median(known)) - self._bias


class _Joined:
    """Frames of one kind, one after the other, to be taken out as one.

    FFmpeg's own queue does it for mono and stereo; of others each frame stays alone.
    """

    def __init__(self) -> None:
        self._queue = AudioFifo()
        self._kind: tuple[int, int, str] | None = None
        """Channels, rate and sample format of what is in the queue, or was last."""
        self._is_plain = False
        self._is_empty = True
        self._alone: AudioFrame | None = None

    def add(self, frame: AudioFrame) -> bool:
        """Put a frame behind what is in here; False where that has to be taken out first."""
        kind = (frame.layout.nb_channels, frame.sample_rate, frame.format.name)
        if kind != self._kind:
            if not self._is_empty:
                return False
            # The queue itself would read a plane that isn't there, were there a channel less.
            self._queue, self._kind = AudioFifo(), kind
            self._is_plain = frame.layout.name in _PLAIN
        if self._alone is not None:
            return False
        if self._is_plain:
            frame.pts = None  # else the queue compares it with its own count
            try:
                self._queue.write(frame)
            except ValueError:  # another time base, as a decoder's last frame may have
                self._kind = None
                return self._is_empty and self.add(frame)
        else:
            self._alone = frame
        self._is_empty = False
        return True

    def taken(self) -> AudioFrame | None:
        """All that is in here, which is then empty."""
        joined = self._queue.read() if self._alone is None else self._alone
        self._alone, self._is_empty = None, True
        return joined


def _stereo(frame: AudioFrame) -> Pcm:
    """A decoded frame as ``(n, 2)`` float32; mono plays on both sides, more than two are mixed down."""
    count = frame.samples
    planes: Any = frame.planes
    if len(planes) <= 2 and frame.format.name == "fltp":
        # What AAC and Opus decode to, without PyAV's way round by lists: each side stays in one piece.
        out = np.empty((2, count), np.float32)
        out[0] = np.frombuffer(planes[0], np.float32, count)
        out[1] = np.frombuffer(planes[-1], np.float32, count)
        return out.T
    data = frame.to_ndarray()  # one row a channel, or all of them side by side in one row
    pcm = _as_float(data.T if len(data) > 1 else data.reshape(count, -1))
    channels = pcm.shape[1]
    if channels == 1:
        return np.repeat(pcm, 2, axis=1)
    if channels > 2:
        return np.repeat(pcm.mean(axis=1, keepdims=True, dtype=np.float32), 2, axis=1)
    return pcm


def _as_float(samples: NDArray[Any]) -> Pcm:
    if samples.dtype.kind == "f":
        return samples.astype(np.float32, copy=False)
    if samples.dtype.kind == "u":
        return (samples.astype(np.float32) - 128.0) / np.float32(128.0)
    return samples.astype(np.float32) / np.float32(1 << (8 * samples.dtype.itemsize - 1))


def _resampled(pcm: Pcm, rate_in: int, rate_out: int) -> Pcm:
    import soxr  # noqa: PLC0415  a rate that changes in the middle is rare

    return cast("Pcm", soxr.resample(pcm, rate_in, rate_out).astype(np.float32))
