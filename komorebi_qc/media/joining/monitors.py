"""Several monitors as one picture, side by side: each frame at its own time, and the audio copied.

The result is an intermediate file: it is read as an agent recording is, and never published.
"""

from __future__ import annotations

import heapq
import math
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import chain
from operator import itemgetter
from typing import TYPE_CHECKING, Any, BinaryIO

import av
import numpy as np
from av.error import FFmpegError

from komorebi_qc.core.errors import MediaError
from komorebi_qc.core.joining.monitors import MOST_MONITORS, side_by_side
from komorebi_qc.media.demux import PacketDemuxer
from komorebi_qc.media.joining.fitting import Fitting
from komorebi_qc.media.joining.sound import JoinedSound
from komorebi_qc.media.joining.write import VIDEO_BASES, raise_write_error
from komorebi_qc.media.mux.encoders import ENCODERS
from komorebi_qc.media.mux.sink import OutputSink
from komorebi_qc.media.opening import RECORDING_FORMATS, audio_stream, open_container, video_streams
from komorebi_qc.media.opening.pictures import check_picture
from komorebi_qc.media.opening.tracks import use_video

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from fractions import Fraction

    from av.container import InputContainer, OutputContainer

    from komorebi_qc.core.media_info import MediaInfo
    from komorebi_qc.core.source import Source

TOGETHER_S = 0.02
"""Frames of several monitors that are this close are one picture: a recorder takes one after the other."""
_FORMAT = "yuv420p"
_BLACK, _NO_COLOUR = 16, 128
_CHECK_EVERY = 16
"""Pictures between two checks whether the run goes on."""


@dataclass(frozen=True, slots=True)
class Screen:
    """A file with one or more monitors.

    Attributes:
        source: the file.
        info: its tracks.
        shift_s: joined time minus the file's own.
    """

    source: Source
    info: MediaInfo
    shift_s: float = 0.0


def write_monitors(
    screens: Sequence[Screen], file: BinaryIO, check_cancelled: Callable[[], None] = lambda: None
) -> tuple[tuple[int, int], ...]:
    """Write all monitors of the files into one picture, with the sound of the first file that has any.

    Args:
        screens: the files, from the left. The monitors of a file are in the order of its video tracks.
        file: empty, for the result.
        check_cancelled: called now and then; its exception ends the work.

    Returns:
        The size of each monitor, as recorded.

    Raises:
        MediaError: there are more than `MOST_MONITORS`, a track can't be decoded, or the picture can't be encoded.
        StorageError: the file can't be written (a full disk).
    """
    names = " and ".join(one.source.name for one in screens)
    sizes = [size for one in screens if one.info.video_tracks is not None for size in one.info.video_tracks.sizes]
    if len(sizes) > MOST_MONITORS:
        raise MediaError(
            f"{names}: {len(sizes)} video tracks, and at most {MOST_MONITORS} are put side by side. Use --monitors "
            "first, with one file, and KOMOREBI_VIDEO_TRACK for one of its tracks"
        )
    sounding = next((n for n, one in enumerate(screens) if one.info.audio is not None), 0)
    kind = "mp4" if screens[sounding].info.container == "mp4" else "matroska"
    sink = OutputSink(file)
    try:
        with ExitStack() as stack:
            opened = [_Opened(one, stack) for one in screens]
            options = {"movie_timescale": "48000"} if kind == "mp4" else {}
            output = stack.enter_context(av.open(sink, "w", format=kind, options=options))
            written = _pictures(output, opened, opened[sounding], side_by_side(sizes), VIDEO_BASES[kind])
            for count, _ in enumerate(written):
                if not count % _CHECK_EVERY:
                    check_cancelled()
                    sink.raise_error()
    except FFmpegError as error:
        raise_write_error(sink)
        raise MediaError(
            f"the monitors of {names} can't be put side by side ({(error.strerror or type(error).__name__).lower()}). "
            "Process it with --monitors first"
        ) from error
    finally:
        raise_write_error(sink)
    return tuple(sizes)


class _Opened:
    """A file, and its tracks on the joined clock."""

    def __init__(self, screen: Screen, stack: ExitStack) -> None:
        self.shift_s = screen.shift_s - screen.info.origin_s
        self.container = stack.enter_context(_open(screen.source))
        self._demuxer = PacketDemuxer(self.container, open_apart=lambda: stack.enter_context(_open(screen.source)))
        self.videos = video_streams(self.container)
        self.end_s = -math.inf
        """The end of the latest frame so far."""
        for number in range(len(self.videos), 0, -1):
            use_video(screen.source.name, self.container, number)
            check_picture(screen.source.name, self.container)

    def frames(self, stream: Any) -> Iterator[tuple[float, Any]]:
        """A track's frames with their times. A damaged packet is left out: the last picture stays on."""
        subscribed = self._demuxer.subscribe(stream)
        return self._decoded(stream, subscribed)

    def sound(self) -> Iterator[Any]:
        """The packets of the audio track; empty without one."""
        stream = audio_stream(self.container)
        return iter(()) if stream is None else self._demuxer.subscribe(stream)

    def _decoded(self, stream: Any, subscribed: Iterator[Any]) -> Iterator[tuple[float, Any]]:
        unit_s = float(stream.time_base)
        for packet in chain(subscribed, (None,)):
            try:
                frames = stream.codec_context.decode(packet)
            except FFmpegError:
                continue
            for frame in frames:
                if frame.pts is not None:
                    at_s = frame.pts * unit_s + self.shift_s
                    self.end_s = max(self.end_s, at_s + (frame.duration or 0) * unit_s)
                    yield at_s, frame


def _open(source: Source) -> AbstractContextManager[InputContainer]:
    return open_container(source.reopen(), RECORDING_FORMATS, is_read_through=True)


def _pictures(
    output: OutputContainer,
    opened: Sequence[_Opened],
    sounding: _Opened,
    cells: Sequence[tuple[int, int]],
    base: Fraction,
) -> Iterator[None]:
    """Write the picture of all monitors whenever one has a new frame, and the sound before it; yields after each."""
    picture = _Picture(cells)
    video = _video(output, picture.size, base)
    sound = JoinedSound(output, [sounding.container])
    tracks = [(one, stream) for one in opened for stream in one.videos]
    frames = [_numbered(number, one.frames(stream)) for number, (one, stream) in enumerate(tracks)]
    waiting = _Waiting(sounding.sound())
    last = None
    for at_s, moment in _moments(heapq.merge(*frames, key=itemgetter(0))):
        for packet in waiting.until(at_s - sounding.shift_s):
            sound.take(packet, sounding.shift_s, math.inf)
        for number, frame in moment:
            picture.put(number, frame)
        pts = round(at_s / float(base))
        last = pts if last is None else max(pts, last + 1)
        made = picture.frame()
        made.pts, made.time_base = last, base
        output.mux(video.encode(made))
        yield
    end = round(max(one.end_s for one in opened) / float(base)) if last is not None else 0
    for packet in video.encode(None):
        if packet.pts == last:  # the last picture is on show to its own end
            packet.duration = max(1, end - packet.pts)
        output.mux(packet)
    for packet in waiting.until(math.inf):
        sound.take(packet, sounding.shift_s, math.inf)


def _video(output: OutputContainer, size: tuple[int, int], base: Fraction) -> Any:
    name, options = ENCODERS["h264"]
    stream: Any = output.add_stream(name, options=options)
    stream.width, stream.height = size
    stream.pix_fmt = _FORMAT
    stream.codec_context.time_base = stream.time_base = base
    return stream


def _numbered(number: int, frames: Iterator[tuple[float, Any]]) -> Iterator[tuple[float, int, Any]]:
    return ((at_s, number, frame) for at_s, frame in frames)


def _moments(frames: Iterator[tuple[float, int, Any]]) -> Iterator[tuple[float, list[tuple[int, Any]]]]:
    """Frames of several monitors that belong into one picture, with the time of the first of them."""
    begins_s = 0.0
    moment: list[tuple[int, Any]] = []
    for at_s, number, frame in frames:
        if moment and (at_s - begins_s > TOGETHER_S or number in {one for one, _ in moment}):
            yield begins_s, moment
            moment = []
        begins_s = begins_s if moment else at_s
        moment.append((number, frame))
    if moment:
        yield begins_s, moment


class _Waiting:
    """Packets in order, to be taken up to a time."""

    def __init__(self, packets: Iterator[Any]) -> None:
        self._packets = packets
        self._next: Any = None

    def until(self, end_s: float) -> Iterator[Any]:
        """The packets that begin before a time on their own clock."""
        while True:
            packet = next(self._packets, None) if self._next is None else self._next
            self._next = None
            if packet is None:
                return
            if (packet.dts or 0) * float(packet.time_base) >= end_s:
                self._next = packet
                return
            yield packet


class _Picture:
    """The picture of all monitors: each keeps its last frame, and is black before its first one.

    Attributes:
        size: width and height in pixels.
    """

    def __init__(self, cells: Sequence[tuple[int, int]]) -> None:
        width, height = sum(width for width, _ in cells), cells[0][1]
        self.size = (width, height)
        self._all = np.full(width * height * 3 // 2, _BLACK, np.uint8)
        bright, colour = width * height, width * height // 4
        self._all[bright:] = _NO_COLOUR
        self._planes = (
            self._all[:bright].reshape(height, width),
            self._all[bright : bright + colour].reshape(height // 2, width // 2),
            self._all[bright + colour :].reshape(height // 2, width // 2),
        )
        self._fittings = [Fitting(*cell, _FORMAT) for cell in cells]
        self._left = [sum(width for width, _ in cells[:number]) for number in range(len(cells))]

    def put(self, number: int, frame: Any) -> None:
        """Show a monitor's frame from now on."""
        fitted = self._fittings[number].fitted(frame)
        for at, plane in enumerate(self._planes):
            own = fitted.planes[at]
            pixels = np.frombuffer(own, np.uint8).reshape(own.height, own.line_size)[:, : own.width]
            left = self._left[number] // (2 if at else 1)
            plane[:, left : left + own.width] = pixels

    def frame(self) -> Any:
        """The picture as a frame of its own: the encoder keeps it for a while."""
        width, height = self.size
        return av.VideoFrame.from_ndarray(self._all.reshape(height * 3 // 2, width), format=_FORMAT)
