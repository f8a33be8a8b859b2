"""Timing of a recording from its packets' timestamps: lost buffers, skew, frozen video. Nothing is decoded.

Times are seconds on the recording clock. A skew is positive if the audio is later. A lost buffer shows in the packet's
own length, never in the length from the container: MP4 stores the step to the next packet there, which includes the
lost time. An Opus packet carries its length (RFC 6716, 3.1). Packets of other codecs are as long as the usual step.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Any

import numpy as np

from komorebi_qc.core.timestamps.timing import FAR_START_S, Timing, audio_timing, video_timing
from komorebi_qc.media.demux import packets
from komorebi_qc.media.opening import RECORDING_FORMATS, audio_stream, codec_name, open_container, video_stream

if TYPE_CHECKING:
    from av.container import InputContainer

    from komorebi_qc.core.source import Source


_OPUS_RATE = 48_000
_OPUS_S = (*(0.010, 0.020, 0.040, 0.060) * 3, *(0.010, 0.020) * 2, *(0.0025, 0.005, 0.010, 0.020) * 4)
"""Length of one frame by the configuration number in an Opus packet's first byte (RFC 6716, table 2)."""
_OPUS_PACKET_S = tuple(None if first & 3 == 3 else _OPUS_S[first >> 3] * (1, 2, 2)[first & 3] for first in range(256))
"""Length of a packet by its first byte; None if the second byte has the number of frames."""


class PacketNotes:
    """Collects the timestamps of a recording's packets while the file is read."""

    def __init__(self, container: InputContainer) -> None:
        """Begin to read a recording."""
        self._audio, self._video = audio_stream(container), video_stream(container)
        self._index = self._audio.index if self._audio is not None else -1
        self._is_opus = self._audio is not None and codec_name(self._audio) == "opus"
        self._preskip_s = opus_preskip_s(self._audio.codec_context.extradata) if self._is_opus else 0.0
        self._bases = (_base(self._audio), _base(self._video))
        # Plain numbers: an hour has 200,000 packets, and a list of tuples of them takes 30 MB.
        self._audio_columns = (array("q"), array("q"), array("d"))
        self._video_columns = (array("q"), array("q"))
        self._add_audio_pts, self._add_audio_duration = (column.append for column in self._audio_columns[:2])
        self._add_video_pts, self._add_video_duration = (column.append for column in self._video_columns)

    @property
    def streams(self) -> list[Any]:
        """The tracks whose packets it needs."""
        return [s for s in (self._audio, self._video) if s is not None]

    def note(self, packet: Any) -> None:
        """Take in the next packet of one of the tracks, in file order."""
        pts = packet.pts
        if pts is None:
            pts = packet.dts
            if pts is None:
                return
        if packet.stream_index != self._index:
            self._add_video_pts(pts)
            self._add_video_duration(packet.duration or 0)
            return
        self._add_audio_pts(pts)
        self._add_audio_duration(packet.duration or 0)
        if self._is_opus:
            self._audio_columns[2].append(opus_packet_s(packet))

    def timing(self) -> Timing:
        """The timing, after the last packet."""
        # All timestamps are scaled at once: asking a packet for its time costs a Fraction each.
        audio_s, audio_durations_s = (
            np.array(column, np.float64) * self._bases[0] for column in self._audio_columns[:2]
        )
        video_s, video_durations_s = (np.array(column, np.float64) * self._bases[1] for column in self._video_columns)
        starts = [float(track.min()) for track in (audio_s, video_s) if len(track)]
        origin_s = min(starts) if starts and min(starts) > FAR_START_S else 0.0
        own_s = np.array(self._audio_columns[2], np.float64) if self._is_opus else None
        return Timing(
            origin_s,
            audio_timing(audio_s - origin_s, audio_durations_s, own_s, self._preskip_s),
            video_timing(video_s - origin_s, video_durations_s),
        )


def measure_timing(source: Source) -> Timing:
    """Read the timestamps of all packets of a recording.

    Raises:
        MediaError: The file isn't media.
    """
    with open_container(source.reopen(), RECORDING_FORMATS, is_read_through=True) as container:
        notes = PacketNotes(container)
        for packet in packets(container, notes.streams):
            notes.note(packet)
        return notes.timing()


def _base(stream: Any) -> float:
    return float(stream.time_base) if stream is not None and stream.time_base else 0.0


def opus_packet_s(packet: Any) -> float:
    """Duration of an Opus packet, from its first byte and, for odd frame counts, its second (RFC 6716, 3.1)."""
    data = memoryview(packet)
    first = data[0]
    length_s = _OPUS_PACKET_S[first]
    return _OPUS_S[first >> 3] * (data[1] & 63 if len(data) > 1 else 1) if length_s is None else length_s


def opus_preskip_s(head: bytes | None) -> float:
    """The pre-skip of an Opus track in seconds, from its ``OpusHead`` (RFC 7845, 5.1); 0 without one."""
    if head is None or len(head) < 12 or not head.startswith(b"OpusHead"):
        return 0.0
    return int.from_bytes(head[10:12], "little") / _OPUS_RATE
