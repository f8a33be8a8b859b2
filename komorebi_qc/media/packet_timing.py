"""Container timing: what a recording's time stamps say of lost buffers, skew and a frozen picture. Nothing is decoded.

Times are seconds on the recording's clock; skews are positive where the sound is the later one. A packet's own
length tells a lost buffer, never the length that the container gives it: MP4 stores the step to the next packet
there, the lost time included. An Opus packet carries its length (RFC 6716, 3.1); of other codecs every packet is as
long as the usual step.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Any

import numpy as np

from komorebi_qc.core.timing import FAR_START_S, Timing, audio_timing, video_timing
from komorebi_qc.media.demux import RECORDING_FORMATS, audio_stream, codec_name, open_container, packets, video_stream

if TYPE_CHECKING:
    from av.container import InputContainer

    from komorebi_qc.core.source import Source


_OPUS_RATE = 48_000
_OPUS_S = (*(0.010, 0.020, 0.040, 0.060) * 3, *(0.010, 0.020) * 2, *(0.0025, 0.005, 0.010, 0.020) * 4)
"""Length of one frame by the configuration number in an Opus packet's first byte (RFC 6716, table 2)."""


class PacketNotes:
    """The time stamps of a recording's packets, noted as somebody reads them."""

    def __init__(self, container: InputContainer) -> None:
        """Begin a reading of a recording."""
        self._sound, self._picture = audio_stream(container), video_stream(container)
        self._index = self._sound.index if self._sound is not None else -1
        self._is_opus = self._sound is not None and codec_name(self._sound) == "opus"
        self._lead_in_s = opus_preskip_s(self._sound.codec_context.extradata) if self._is_opus else 0.0
        self._bases = (_base(self._sound), _base(self._picture))
        # Plain numbers: an hour has 200,000 packets, and a list of tuples of them takes 30 MB.
        self._heard = (array("q"), array("q"), array("d"))
        self._seen = (array("q"), array("q"))

    @property
    def streams(self) -> list[Any]:
        """The tracks whose packets it wants to see."""
        return [s for s in (self._sound, self._picture) if s is not None]

    def note(self, packet: Any) -> None:
        """Take in the next packet of one of them, in file order."""
        stamp = packet.pts
        if stamp is None:
            stamp = packet.dts
            if stamp is None:
                return
        if packet.stream_index != self._index:
            stamps, durations = self._seen
        else:
            stamps, durations, lengths = self._heard
            if self._is_opus:
                lengths.append(opus_packet_s(packet))
        stamps.append(stamp)
        durations.append(packet.duration or 0)

    def timing(self) -> Timing:
        """What they say, after the last one."""
        # Every stamp is scaled once, as an array: asking a packet for its time costs a Fraction each.
        audio_s, audio_durations_s = (np.array(column, np.float64) * self._bases[0] for column in self._heard[:2])
        video_s, video_durations_s = (np.array(column, np.float64) * self._bases[1] for column in self._seen)
        starts = [float(track.min()) for track in (audio_s, video_s) if len(track)]
        origin_s = min(starts) if starts and min(starts) > FAR_START_S else 0.0
        own_s = np.array(self._heard[2], np.float64) if self._is_opus else None
        return Timing(
            origin_s,
            audio_timing(audio_s - origin_s, audio_durations_s, own_s, self._lead_in_s),
            video_timing(video_s - origin_s, video_durations_s),
        )


def measure_timing(source: Source) -> Timing:
    """Read every packet's time stamps of a recording.

    Raises:
        MediaError: where it isn't media.
    """
    with open_container(source.reopen(), RECORDING_FORMATS, is_read_through=True) as container:
        notes = PacketNotes(container)
        for packet in packets(container, notes.streams):
            notes.note(packet)
        return notes.timing()


def _base(stream: Any) -> float:
    return float(stream.time_base) if stream is not None and stream.time_base else 0.0


def opus_packet_s(packet: Any) -> float:
    """The seconds that an Opus packet holds, by its first byte and, for odd counts, its second (RFC 6716, 3.1)."""
    data = memoryview(packet)
    first = data[0]
    count = (1, 2, 2, 0)[first & 3] or (data[1] & 63 if len(data) > 1 else 1)
    return _OPUS_S[first >> 3] * count


def opus_preskip_s(head: bytes | None) -> float:
    """The seconds before an Opus track's first sound: the pre-skip in its ``OpusHead`` (RFC 7845, 5.1)."""
    if head is None or len(head) < 12 or not head.startswith(b"OpusHead"):
        return 0.0
    return int.from_bytes(head[10:12], "little") / _OPUS_RATE
