"""The contents of a media file: its tracks, their timestamps, and whether it was cut off."""

from __future__ import annotations

import math
from array import array
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import numpy as np

from komorebi_qc.core.errors import MediaError
from komorebi_qc.core.joining.monitors import with_monitors
from komorebi_qc.core.joining.part import with_losses
from komorebi_qc.core.media_info import TRUNCATED_S, AudioInfo, MediaInfo, VideoInfo, VideoTracks
from komorebi_qc.core.timebase import Span
from komorebi_qc.core.timestamps.timing import FAR_START_S
from komorebi_qc.media.bounds.table import LONGEST_S
from komorebi_qc.media.decode import AudioDecoder
from komorebi_qc.media.demux import has_index, packets
from komorebi_qc.media.malloc import return_freed_blocks
from komorebi_qc.media.opening import (
    CALL_FORMATS,
    RECORDING_FORMATS,
    audio_stream,
    codec_name,
    open_container,
    video_stream,
    video_streams,
)
from komorebi_qc.media.opening.input_file import read_head
from komorebi_qc.media.opening.sounds import check_rate
from komorebi_qc.media.truncation import (
    TruncationScanner,
    encrypted,
    is_encrypted,
    is_fragmented,
    missing_bytes,
    mp4_index,
    wav_sample_bytes,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from av.container import InputContainer

    from komorebi_qc.core.source import Source

    Reading = Callable[[InputContainer, list[Any], Callable[[Any], None]], None]
    """Reads a file to its end, and calls back with every packet of the given tracks."""

APART_S = 3600.0
"""If the two tracks of a recording end farther apart, their timestamps are damaged."""
MOST_CHANNELS = 8
STAMPS_TOGETHER = 4096
"""Timestamps that are taken in together."""


def read_packets(container: InputContainer, streams: list[Any], note: Callable[[Any], None]) -> None:
    """Read a file only for its packets."""
    for packet in packets(container, streams):
        note(packet)


def probe_recording(source: Source, read: Reading = read_packets) -> MediaInfo:
    """Probe an agent recording. Without an index, the timestamps of all its packets are read; nothing is decoded.

    Args:
        source: the recording.
        read: reads the file if there is no index; it may use the packets for more.

    Raises:
        MediaError: The file isn't media, or has no video.
    """
    with probed_recording(source, read) as (_, info):
        return info


@contextmanager
def probed_recording(
    source: Source, read: Reading = read_packets, *, buffer_bytes: int | None = None
) -> Iterator[tuple[InputContainer, MediaInfo]]:
    """Probe an agent recording as `probe_recording` does, and keep it open.

    Args:
        source: the recording.
        read: reads the file if there is no index.
        buffer_bytes: see `open_container`.

    Raises:
        MediaError: The file isn't media, or has no video.
    """
    return_freed_blocks()
    read_head(source)  # a file that can't be read at every position is refused
    seen = TruncationScanner(source.file)
    followed = replace(source, file=cast("BinaryIO", seen))
    with open_container(followed, RECORDING_FORMATS, is_read_through=True, buffer_bytes=buffer_bytes) as container:
        stream = video_stream(container)
        if stream is None and not seen.missing_bytes():
            raise MediaError(f"{source.name} has no video track ({_tracks(container)}): it isn't an agent recording")
        streams = [s for s in (stream, audio_stream(container)) if s is not None]
        # An index has all that a scan finds. For a file that was cut off, it lists packets that are missing.
        index = mp4_index(source.file)
        is_listed = has_index(container) and not is_fragmented(index) and not seen.missing_bytes()
        scans = {s.index: _listed(s) for s in streams} if is_listed else _scan(container, streams, read)
        missing = seen.missing_bytes()
        first_s = min((scan.first_s for scan in scans.values() if scan.packets), default=0.0)
        origin_s = first_s if first_s > FAR_START_S else 0.0
        scan = scans[stream.index] if stream is not None else _Scan()
        if scan.packets == 0:
            cut = f"it was cut off ({missing} bytes are missing)" if missing else "the recording stopped at its start"
            raise MediaError(f"{source.name} has no video frame: {cut}; get the whole file again")
        if is_encrypted(index):
            raise MediaError(encrypted(source.name))
        context = stream.codec_context
        video = VideoInfo(
            codec=codec_name(stream),
            width=context.width,
            height=context.height,
            packets=scan.packets,
            span=Span(scan.first_s - origin_s, scan.end_s - origin_s),
            disordered=scan.disordered,
            time_base=stream.time_base or Fraction(1, 1000),
            pixel_format=context.pix_fmt or "",
        )
        declared_s = max((s for s in map(_declared_end_s, streams) if s is not None), default=None)
        read_to_s = max(s.end_s for s in scans.values() if s.packets)
        audio = _audio_info(audio_stream(container), scans, origin_s)
        if audio is not None and abs(audio.span.end_s - video.span.end_s) > APART_S:
            raise MediaError(
                f"{source.name}'s video ends at {video.span.end_s:.0f} s and its audio at {audio.span.end_s:.0f} s: "
                "its timestamps are damaged; get it again"
            )
        if max(video.span.end_s, 0.0 if audio is None else audio.span.end_s) > LONGEST_S:
            raise MediaError(
                f"{source.name}'s timestamps run to {max(video.span.end_s, read_to_s) / 3600:.1f} h, more than the "
                f"{LONGEST_S / 3600:.0f} h of the longest shift: they are damaged, or the file has several recordings"
            )
        info = MediaInfo(
            name=source.name,
            container="mp4" if "mp4" in container.format.name else "webm",
            video=video,
            audio=audio,
            origin_s=origin_s,
            missing_bytes=missing,
            missing_s=None if declared_s is None else max(0.0, declared_s - read_to_s),
            video_tracks=_video_tracks(container, stream, is_named=source.video_track > 0),
            screen=source.screen,
        )
        yield container, with_losses(with_monitors(info, source.monitors), source.parts)


def probe_call(source: Source) -> MediaInfo:
    """Probe the call audio. Audio other than plain PCM is decoded to count its samples.

    Raises:
        MediaError: The file isn't media, or has no audio.
    """
    with open_container(source, CALL_FORMATS) as container:
        stream = audio_stream(container)
        if stream is None:
            raise MediaError(f"{source.name} has no audio track ({_tracks(container)}): it isn't call audio")
        context = stream.codec_context
        if video_stream(container) is not None:
            raise MediaError(f"{source.name} has video: it isn't call audio. Did you swap it with the recording?")
        if context.channels > MOST_CHANNELS:
            raise MediaError(f"{source.name} has {context.channels} channels: call audio has two, customer and agent")
        declared_s = _declared_end_s(stream)
        width = _PCM_WIDTHS.get(codec_name(stream))
        if width is not None and context.channels:
            size = wav_sample_bytes(source.file)
            size = _scan(container, [stream])[stream.index].size if size is None else size
            count, rate, samples = None, context.rate, size // (context.channels * width)
        else:
            track = AudioDecoder(container, origin_s=None)
            count, rate, samples = track.packets, track.rate, track.read_to_end()
        check_rate(source.name, rate)
        if samples <= 0:
            raise MediaError(f"{source.name} has no audio sample, only a header: get it again from Connect's bucket")
        length_s, missing = samples / rate, missing_bytes(source.file)
        if length_s > LONGEST_S:
            raise MediaError(
                f"{source.name} is {length_s / 3600:.1f} h long by its timestamps, more than "
                f"{LONGEST_S / 3600:.0f} h: they are damaged; get it again from Connect's bucket"
            )
        if width is not None:
            missing_s = missing / (rate * context.channels * width)
        else:
            # A compressed file's header rounds its length up to whole packets, and includes the encoder's delay.
            short_s = 0.0 if declared_s is None else declared_s - length_s
            missing_s = short_s if short_s > TRUNCATED_S else 0.0
        return MediaInfo(
            name=source.name,
            container=container.format.name.split(",")[0],
            video=None,
            audio=AudioInfo(codec_name(stream), rate, context.channels, count, Span(0.0, length_s)),
            origin_s=0.0,
            missing_bytes=missing,
            missing_s=missing_s,
        )


_PCM_WIDTHS = {
    "pcm_s16le": 2,
    "pcm_s16be": 2,
    "pcm_s24le": 3,
    "pcm_s24be": 3,
    "pcm_s32le": 4,
    "pcm_f32le": 4,
    "pcm_f64le": 8,
    "pcm_u8": 1,
    "pcm_mulaw": 1,
    "pcm_alaw": 1,
}
"""Bytes a sample and channel, by codec."""


@dataclass(slots=True)
class _Scan:
    """A track's packets, counted. Timestamps are taken in together: one by one they cost as much as reading them."""

    base: float = 0.0
    packets: int = 0
    size: int = 0
    first_s: float = math.inf
    last_s: float = -math.inf
    end_s: float = -math.inf
    disordered: int = 0
    _last_dts: int | None = None
    _pts: array[int] = field(default_factory=lambda: array("q"))
    _durations: array[int] = field(default_factory=lambda: array("q"))
    _dts: array[int] = field(default_factory=lambda: array("q"))

    def note(self, packet: Any) -> None:
        """Take in the next packet."""
        self.packets += 1
        self.size += packet.size
        pts, dts = packet.pts, packet.dts
        if pts is None:
            pts = dts
            if pts is None:
                return
        if dts is not None:
            self._dts.append(dts)
        self._pts.append(pts)
        self._durations.append(packet.duration or 0)
        if len(self._pts) >= STAMPS_TOGETHER:
            self.settle()

    def settle(self) -> None:
        """Take the timestamps that were noted into account."""
        if not self._pts:
            return
        begin_s, durations_s = (np.array(column, np.float64) * self.base for column in (self._pts, self._durations))
        latest_s = np.maximum.accumulate(np.concatenate([[self.last_s], begin_s]))
        is_later = begin_s > latest_s[:-1]
        # Without a duration (WebM video, Opus in MP4) a packet is as long as the step before it.
        steps_s = np.where(np.isfinite(latest_s[:-1]), begin_s - latest_s[:-1], 0.0)
        ends_s = begin_s + np.where(durations_s != 0.0, durations_s, np.minimum(steps_s, 1.0))
        self.first_s = min(self.first_s, float(begin_s.min()))
        self.end_s = max(self.end_s, float(ends_s.max(initial=-math.inf, where=is_later)))
        self.last_s = float(latest_s[-1])
        if self._dts:
            before = self._dts[0] - 1 if self._last_dts is None else self._last_dts
            dts = np.array([before, *self._dts], np.int64)
            self.disordered += int(np.count_nonzero(dts[1:] <= dts[:-1]))
            self._last_dts = self._dts[-1]
        for column in (self._pts, self._durations, self._dts):
            del column[:]


def _scan(container: InputContainer, streams: list[Any], read: Reading = read_packets) -> dict[int, _Scan]:
    """Count packets and timestamps of the given streams, as far as the file can be read."""
    scans = {s.index: _Scan(float(s.time_base or 0)) for s in streams}

    def note(packet: Any) -> None:
        scan = scans.get(packet.stream_index)
        if scan is not None:  # a damaged file may invent tracks as it goes
            scan.note(packet)

    read(container, streams, note)
    for scan in scans.values():
        scan.settle()
        if scan.packets and not math.isfinite(scan.first_s):
            scan.first_s = scan.end_s = 0.0
    return scans


def _listed(stream: Any) -> _Scan:
    """A track according to the index; its DTS rise by construction."""
    base = float(stream.time_base)
    start_s = (stream.start_time or 0) * base
    return _Scan(packets=stream.frames, first_s=start_s, end_s=start_s + (stream.duration or 0) * base)


def _tracks(container: InputContainer) -> str:
    found = [f"{codec_name(s)} {_kind(s)}" for s in container.streams]
    return "found " + " and ".join(found[:6]) if found else "found no track at all"


def _kind(stream: Any) -> str:
    return (
        "cover picture" if stream.type == "video" and stream is not video_stream(stream.container) else str(stream.type)
    )


def _video_tracks(container: InputContainer, used: Any, *, is_named: bool) -> VideoTracks:
    videos = video_streams(container)
    sizes = tuple((s.codec_context.width, s.codec_context.height) for s in videos)
    number = next(at for at, stream in enumerate(videos, 1) if stream.index == used.index)
    return VideoTracks(sizes, number, is_named)


def _declared_end_s(stream: Any) -> float | None:
    """End of the track according to the header; None if it has no length."""
    duration, start = stream.duration, stream.start_time or 0
    base = float(stream.time_base or 0)
    return None if not duration or duration < 0 else (start + duration) * base


def _audio_info(stream: Any, scans: dict[int, _Scan], origin_s: float) -> AudioInfo | None:
    if stream is None or scans[stream.index].packets == 0:
        return None
    scan, context = scans[stream.index], stream.codec_context
    start_s = max(scan.first_s - origin_s, 0.0)
    return AudioInfo(
        codec_name(stream),
        context.rate,
        context.channels,
        scan.packets,
        Span(start_s, max(start_s, scan.end_s - origin_s)),
    )
