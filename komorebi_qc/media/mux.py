"""A splice made into one MP4 or WebM: the only place that writes media (through PyAV).

The picture's packets are copied where the container takes their codec, and re-encoded frame for frame where it
doesn't. Time stamps of the picture stay as they are, moved only where the call began before the recording did; what
they have before second 0, which MP4 hides, WebM shows at once.
"""

from __future__ import annotations

import io
import math
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, BinaryIO

import av
import numpy as np
from av.error import ArgumentError, FFmpegError, InvalidDataError

from komorebi_qc.core.errors import MediaError, StorageError
from komorebi_qc.core.output import AUDIO_CODEC, CONTAINERS, Container, Rendered, RenderPlan
from komorebi_qc.core.timebase import Span, merged
from komorebi_qc.media.decode import AudioDecoder
from komorebi_qc.media.demux import CALL_FORMATS, RECORDING_FORMATS, PacketDemuxer, open_container, video_stream
from komorebi_qc.media.memory import give_back_large_blocks
from komorebi_qc.media.mixer import STEP_BACK_S, mix
from komorebi_qc.media.output_tap import OutputCapture
from komorebi_qc.media.webm_timestamps import BlockStamps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from av.container import OutputContainer

    from komorebi_qc.core.media_info import MediaInfo, VideoInfo
    from komorebi_qc.core.output import CaptureSpans
    from komorebi_qc.core.samples import Pcm, Readable
    from komorebi_qc.core.source import Source
    from komorebi_qc.core.splice import SourceName, Splice
    from komorebi_qc.media.decode_8khz import PlainPcm

_ENCODERS: dict[str, tuple[str, dict[str, str]]] = {
    "h264": ("libx264", {"preset": "veryfast", "crf": "23", "bf": "0"}),
    "vp9": ("libvpx-vp9", {"deadline": "realtime", "cpu-used": "8", "crf": "33", "b": "0", "row-mt": "1"}),
    # The fast coder takes a quarter of the default's time and scores higher on telephone speech.
    "aac": ("aac", {"aac_coder": "fast"}),
    "opus": ("libopus", {"frame_duration": "20"}),
}
_BLOCK_S = 1.0
_BLOCKS_AHEAD = 2
_BUFFER_BYTES = 1 << 20
"""A write to a Python file object costs the same whatever its size."""
_BEFORE_INDEX_BYTES = 4096
"""What stands before the index: MP4's ``ftyp`` and the head of ``mdat``, WebM's head, seek head and ``Info``."""
_MORE_ROOM = 16
_ROOM_S = 0.25


@dataclass(frozen=True, slots=True)
class RenderJob:
    """What is to be made of what.

    Attributes:
        splice: what plays when.
        plan: container and codecs.
        call: Connect's audio.
        recording: the agent recording.
        info: what `probe_recording` said of it.
        video: its video track.
        samples: Connect's audio once more, where its samples are at hand (`listen.exact_call`).
        wanted: what is to be kept on the way; None for nothing.
    """

    splice: Splice
    plan: RenderPlan
    call: Source
    recording: Source
    info: MediaInfo
    video: VideoInfo
    samples: PlainPcm | None = None
    wanted: CaptureSpans | None = None


def write_output(job: RenderJob, begin: Callable[[int], BinaryIO], advance: Callable[[float], None]) -> Rendered:
    """Write the unified recording.

    Args:
        job: what is to be made.
        begin: gives an empty file to write it into, whose first so many bytes are written again at the end; asked
            once more where those were too few.
        advance: told the fraction done.

    Raises:
        MediaError: where the inputs can't be brought into this container.
        StorageError: where the file can't be written (a full disk), or an input can't be read on.
    """
    give_back_large_blocks()  # an index of hours is larger still while it is read
    room = _index_room(job)
    try:
        return _render(job, begin(room + _BEFORE_INDEX_BYTES), room, advance)
    except _IndexTooLargeError:
        room *= _MORE_ROOM
    try:
        return _render(job, begin(room + _BEFORE_INDEX_BYTES), room, advance)
    except _IndexTooLargeError as error:
        raise _unwritable(job, error.__cause__) from error


class _IndexTooLargeError(Exception):
    """The room kept free for the index at the file's front was too small: what has been written is spoiled."""


def _unwritable(job: RenderJob, error: BaseException | None) -> MediaError:
    """What a muxer means that refuses packets, and says no more than "invalid argument"."""
    kind, other = job.plan.container, next(c for c in CONTAINERS if c != job.plan.container)
    reason = (isinstance(error, FFmpegError) and error.strerror) or type(error).__name__
    return MediaError(
        f"{job.recording.name} can't be written as {kind} ({reason.lower()}): as a rule its time stamps leap further "
        f"than {kind} can say, or are damaged; ask for the other container (--container {other}), or get it again"
    )


def _index_room(job: RenderJob) -> int:
    """Bytes for the index at the front, at its worst.

    MP4 (ISO/IEC 14496-12): a video sample takes up to 44 bytes (size 4, decode and composition time 8 each, sync 4,
    and as a chunk of its own 8 + 12), an audio sample 24. WebM: a cue of some 40 bytes a second of video.
    """
    audio_s = job.splice.output_end_s
    if job.plan.container == "mp4":
        return round(64 * 1024 + 44 * job.video.packets + 24 * (audio_s * job.plan.audio_rate / 1024 + 8))
    longest_s = max(audio_s, job.video.span.end_s + job.splice.alignment.output_shift_s)
    return round(16 * 1024 + 40 * min(job.video.packets, 2 * longest_s))


def _render(job: RenderJob, out: BinaryIO, room: int, advance: Callable[[float], None]) -> Rendered:
    with ExitStack() as stack:
        inputs = stack.enter_context(ExitStack())
        own = inputs.enter_context(open_container(job.recording.reopen(), RECORDING_FORMATS, is_read_through=True))
        give_back_large_blocks()  # what reading its index took
        shared = PacketDemuxer(own)
        picture = video_stream(own)
        pictures = shared.subscribe(picture)
        tracks: dict[SourceName, Readable] = {}
        if job.samples is not None:
            tracks["call"] = job.samples
        else:
            tracks["call"] = AudioDecoder(
                stack.enter_context(open_container(job.call.reopen(), CALL_FORMATS)), origin_s=None
            )
        sounding = None
        if job.info.audio is not None:
            kept = job.wanted.recording if job.wanted is not None else ()
            spans = merged([*_own_audio(job.splice), *kept])
            sounding = AudioDecoder(
                own, origin_s=job.info.origin_s, keep_s=STEP_BACK_S, spans=spans, shared=shared, kept=kept
            )
            tracks["recording"] = sounding
        sink = _Sink(out, BlockStamps() if job.wanted is not None and job.plan.container == "webm" else None)
        output = av.open(
            sink,
            "w",
            format=job.plan.container,
            options=_muxer_options(job.plan.container, room),
            buffer_size=_BUFFER_BYTES,
        )

        def go_on(fraction: float) -> None:
            sink.settle()
            advance(fraction)

        try:
            written, twin = _write(output, job, picture, pictures, tracks, go_on)
            if sounding is not None and twin is not None:
                sounding.samples()  # what is wanted beyond the last seam
            inputs.close()  # an index of hours takes as much memory as the one that is written now
        except BaseException as error:
            _abandon(output)
            sink.settle()
            # Others (no memory left) aren't the input's fault.
            if isinstance(error, (ArgumentError, InvalidDataError)):
                raise _unwritable(job, error) from error
            raise
        _close(output, sink)
        failures, tapped = sounding.failures if sounding is not None else 0, None
        if twin is not None:
            rate, own_sound = (sounding.rate, sounding.kept()) if sounding is not None else (0, [])
            blocks_s = sink.blocks.seconds(twin.track) if sink.blocks is not None else None
            tapped = twin.finished(rate, own_sound, blocks_s)
        return Rendered(written, job.splice.output_end_s, failures, sink.size, tapped)


def _own_audio(splice: Splice) -> list[Span]:
    """What is heard of the recording's own audio, on its clock, with room for fades and for a resampler's filter."""
    return [
        Span(piece.source_s(piece.fade_in.start_s) - _ROOM_S, piece.source_s(piece.fade_out.end_s) + _ROOM_S)
        for piece in splice.pieces
        if piece.source == "recording"
    ]


def _muxer_options(container: Container, room: int) -> dict[str, str]:
    if container == "webm":
        return {"reserve_index_space": str(room)}
    # A late start is kept in the movie's time scale, by default whole milliseconds: 1/48,000 s is exact enough.
    return {"moov_size": str(room), "movie_timescale": "48000"}


def _close(output: OutputContainer, sink: _Sink) -> None:
    try:
        output.close()
    except (FFmpegError, OSError) as error:
        _abandon(output)
        sink.settle()
        # The muxer says EINVAL ("Invalid argument") or ENOSPC for an index larger than its room.
        if isinstance(error, (ArgumentError, InvalidDataError)):
            raise _IndexTooLargeError from error
        raise StorageError(f"the video can't be finished: {error.strerror or error}") from error
    sink.settle()


def _abandon(output: OutputContainer) -> None:
    try:
        output.close()
    except (FFmpegError, OSError):
        return  # it has been told already: closing after an error raises it again


def _write(
    output: OutputContainer,
    job: RenderJob,
    picture: Any,
    pictures: Iterator[Any],
    tracks: dict[SourceName, Readable],
    advance: Callable[[float], None],
) -> tuple[int, OutputCapture | None]:
    splice, plan = job.splice, job.plan
    shift_s = splice.alignment.output_shift_s - job.info.origin_s
    maker = _CopiedVideo if plan.copies_video else _EncodedVideo
    copier = maker(output, picture, pictures, job.video, shift_s, plan)
    sound = _Sound(output, plan)
    output.start_encoding()
    twin = None if job.wanted is None else sound.twin(job.wanted.output)
    coming = iter(copier)
    waiting = next(coming, None)
    written, samples = 0, 0
    total_s = max(splice.output_end_s, job.video.span.end_s + shift_s, 1e-3)
    with ThreadPoolExecutor(1, "audio-encoder") as encoder:
        encoding: deque[Future[list[Any]]] = deque()
        for block in mix(splice, tracks, plan.audio_rate, sound.block_size):
            encoding.append(encoder.submit(sound.encode, block, samples))
            samples += len(block)
            upto_s = samples / plan.audio_rate
            while waiting is not None and waiting[0] <= upto_s:
                written += _mux_picture(output, waiting[1])
                waiting = next(coming, None)
            while len(encoding) > _BLOCKS_AHEAD:
                written -= _mux_sound(output, encoding.popleft().result(), twin)
            advance(min(1.0, upto_s / total_s))
        for done in encoding:
            written -= _mux_sound(output, done.result(), twin)
    written -= _mux_sound(output, sound.rest(), twin)
    while waiting is not None:
        written += _mux_picture(output, waiting[1])
        advance(min(1.0, waiting[0] / total_s))
        waiting = next(coming, None)
    return written, twin


def _mux_sound(output: OutputContainer, packets: list[Any], twin: OutputCapture | None) -> int:
    """Write packets of the sound; how many of the picture, held until now, the muxer found damaged and left out."""
    lost = 0
    for packet in packets:
        if twin is not None:
            twin.note(packet)
        try:
            output.mux(packet)
        except InvalidDataError:
            lost += 1
    return lost


def _mux_picture(output: OutputContainer, packet: Any) -> bool:
    """Write one packet of the picture; False where the muxer finds it damaged: it is left out, the rest goes on."""
    try:
        output.mux(packet)
    except InvalidDataError:
        return False
    return True


class _Sink(io.RawIOBase):
    """Passes on to `file` until that fails, then swallows: what is raised inside a call of FFmpeg's may get lost."""

    def __init__(self, file: BinaryIO, blocks: BlockStamps | None = None) -> None:
        self._file = file
        self._error: BaseException | None = None
        self._at = 0
        self.size = 0
        self.blocks = blocks

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        if self._error is None:
            try:
                self._file.write(data)
                if self.blocks is not None and self._at == self.size:
                    self.blocks.feed(data)
            except BaseException as error:  # noqa: BLE001  what stops a run must not be lost in C either
                self._error = error
        self._at += len(data)
        self.size = max(self.size, self._at)
        return len(data)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self.size}[whence]
        if self._error is None:
            try:
                self._file.seek(at)
            except BaseException as error:  # noqa: BLE001  as above
                self._error = error
        self._at = at
        return at

    def tell(self) -> int:
        return self._at

    def settle(self) -> None:
        """Raise what went wrong while it was written."""
        if self._error is not None:
            raise self._error


class _Sound:
    """The output's audio track. It may encode in a thread of its own: PyAV's codecs let others run meanwhile."""

    def __init__(self, output: OutputContainer, plan: RenderPlan) -> None:
        name, options = _ENCODERS[AUDIO_CODEC[plan.container]]
        self._container = plan.container
        self._rate = plan.audio_rate
        self._is_planar = plan.container == "mp4"
        stream: Any = output.add_stream(name, rate=plan.audio_rate, options=options)
        stream.layout = "stereo"
        stream.bit_rate = plan.audio_bit_rate
        stream.codec_context.format = "fltp" if self._is_planar else "flt"
        self._stream = stream

    @property
    def block_size(self) -> int:
        """Samples to encode at a time: whole packets, known once the output has been started."""
        packet = int(self._stream.codec_context.frame_size or 1024)
        return packet * math.ceil(_BLOCK_S * self._rate / packet)

    def encode(self, block: Pcm, first: int) -> list[Any]:
        """The packets that a block gives; `first` is the index of its first sample. PyAV cuts it into frames."""
        data = np.ascontiguousarray(block.T if self._is_planar else block.reshape(1, -1))
        frame = av.AudioFrame.from_ndarray(data, format="fltp" if self._is_planar else "flt", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = self._rate, first, Fraction(1, self._rate)
        return list(self._stream.encode(frame))

    def twin(self, wanted: Sequence[Span]) -> OutputCapture:
        """A file that keeps some of the track; the output has been started."""
        return OutputCapture(self._container, self._stream, wanted)

    def rest(self) -> list[Any]:
        """The packets that the encoder still holds, at the end."""
        return list(self._stream.encode(None))


_EARLIEST: dict[Container, int] = {"mp4": -(1 << 62), "webm": 0}
"""Before second 0 MP4 hides a picture; WebM can't say it, and its muxer would move all of the file to make room."""


def _fine_base(base: Fraction, shift_s: float, container: Container) -> tuple[Fraction, int]:
    """A time base on which a shift doesn't round the picture's time stamps, and the shift in it."""
    exact = shift_s / float(base)
    # A finer one where it helps alone: a step of more than 2^31 units can't be written.
    if container == "mp4" and base > Fraction(1, 16_000) and abs(exact - round(exact)) > 1e-3:
        base /= 32  # 1/1000 s becomes 1/32,000 s: 0.02 ms at most
    return base, round(shift_s / float(base))


class _CopiedVideo:
    """The picture's packets on the output clock, in file order: ``(seconds, packet)``."""

    def __init__(
        self,
        output: OutputContainer,
        picture: Any,
        pictures: Iterator[Any],
        video: VideoInfo,
        shift_s: float,
        plan: RenderPlan,
    ) -> None:
        self._source = picture
        self._packets = pictures
        self._base, self._shift = _fine_base(video.time_base, shift_s, plan.container)
        self._factor = round(video.time_base / self._base)
        self._earliest = _EARLIEST[plan.container]
        self._stream: Any = output.add_stream_from_template(self._source, opaque=True)
        self._stream.time_base = self._base

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
                dts = last_dts + 1  # a muxer takes rising decoding times alone; the picture's own time stays
                pts = max(pts, dts)
            last_dts = dts
            packet.pts, packet.dts = pts, dts
            if factor != 1:
                packet.time_base = base
                packet.duration = (packet.duration or 0) * factor
            packet.stream = stream
            yield dts * unit_s, packet


class _EncodedVideo:
    """The picture re-encoded, a frame for a frame at its own time: ``(seconds, packets)``."""

    def __init__(
        self,
        output: OutputContainer,
        picture: Any,
        pictures: Iterator[Any],
        video: VideoInfo,
        shift_s: float,
        plan: RenderPlan,
    ) -> None:
        self._source = picture
        self._packets = pictures
        self._base, self._shift = _fine_base(video.time_base, shift_s, plan.container)
        self._factor = round(video.time_base / self._base)
        self._earliest = _EARLIEST[plan.container]
        name, options = _ENCODERS[plan.video_codec]
        # 4:2:0 halves both sides: an odd one loses its last row or column of pixels.
        self._size = (max(2, video.width // 2 * 2), max(2, video.height // 2 * 2))
        stream: Any = output.add_stream(name, options=options)
        self._stream = stream
        self._stream.width, self._stream.height = self._size
        self._stream.pix_fmt = "yuv420p"
        self._stream.codec_context.time_base = self._base
        self._stream.time_base = self._base

    def __iter__(self) -> Iterator[tuple[float, Any]]:
        last = None
        for frame in self._frames():
            if frame.pts is None:
                continue
            pts = max(frame.pts * self._factor + self._shift, self._earliest)
            if last is not None and pts <= last:
                pts = last + 1
            last = pts
            picture = frame.reformat(*self._size, format="yuv420p")
            picture.pts, picture.time_base = pts, self._base
            yield from self._out(self._stream.encode(picture))
        yield from self._out(self._stream.encode(None))

    def _out(self, encoded: list[Any]) -> Iterator[tuple[float, Any]]:
        for packet in encoded:
            yield float((packet.dts if packet.dts is not None else 0) * packet.time_base), packet

    def _frames(self) -> Iterator[Any]:
        for packet in self._packets:
            try:
                yield from self._source.codec_context.decode(packet)
            except FFmpegError:
                continue
        yield from self._source.codec_context.decode(None)
