"""Both sides of a pair as 8 kHz tracks on their own clocks, the input to the sync measurement.

The call audio comes at 8 kHz, and telephone speech has nothing above 4 kHz: the recording is downsampled to that rate.
"""

from __future__ import annotations

import io
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import soxr

from komorebi_qc.core.samples import RATE, without_nan
from komorebi_qc.core.timestamps.timing import FAR_START_S
from komorebi_qc.media.bounds.table import LONGEST_S
from komorebi_qc.media.decode import AudioDecoder
from komorebi_qc.media.demux import PacketDemuxer, packets
from komorebi_qc.media.opening import CALL_FORMATS, RECORDING_FORMATS, audio_stream, open_container, video_stream
from komorebi_qc.media.plain_call.held_front import HeldFront
from komorebi_qc.media.plain_call.packed import PackedCall
from komorebi_qc.media.plain_call.wav import PlainPcm, PlainWav, is_plain, plain_call
from komorebi_qc.media.probe import probe_recording

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from av.container import InputContainer
    from numpy.typing import NDArray

    from komorebi_qc.core.media_info import MediaInfo
    from komorebi_qc.core.samples import Pcm, Track
    from komorebi_qc.core.source import Source

MAX_BUFFERED_BYTES = 64 << 20
"""A larger compressed call stays on the network."""
PACKED_FROM_BYTES = 16 << 20
"""A plain WAV from here on, 9 minutes, is packed: that takes a tenth more CPU. A shorter one stays as it is."""
MAX_PLAIN_BYTES = 2 * 3600 * RATE * 4
"""Two hours of plain WAV; a longer call stays on the network."""
LONGEST = round(LONGEST_S * RATE)
"""Samples of the longest recording."""
_PIECE_BYTES = 1 << 20
_ROOM = 600 * RATE
"""Samples by which a track grows."""
_FAR = round(FAR_START_S * RATE)


def buffer_in_memory(call: Source) -> Source:
    """The call audio in memory, if it comes over a network and only a decoder can read it.

    Measuring, mixing and checking decode it from its start each time; in memory it is fetched once. A file larger than
    `MAX_BUFFERED_BYTES` isn't buffered.
    """
    if not call.is_remote or call.size > MAX_BUFFERED_BYTES or is_plain(call.file):
        return call
    return _in_memory(call)


def _in_memory(source: Source) -> Source:
    file, data = source.reopen().file, io.BytesIO()
    while piece := file.read(_PIECE_BYTES):
        data.write(piece)
    return replace(source, file=data, open_again=None)


def exact_call(source: Source, info: MediaInfo, decoded: Track | None) -> PlainPcm | None:
    """The call audio sample for sample, for its last reading; None if only a decoder can read it.

    Args:
        source: the call audio.
        info: the result of `probe_call`.
        decoded: the result of `decode_call_8khz`, if there is one.
    """
    if isinstance(decoded, PackedCall):
        return PlainPcm(decoded)
    track = decoded if isinstance(decoded, PlainWav) else plain_call(source, info)
    if track is not None:
        track.begin_last_reading()
    return None if track is None else PlainPcm(track)


def decode_call_8khz(
    source: Source,
    info: MediaInfo,
    check_cancelled: Callable[[], None] = lambda: None,
    front_bytes: int | None = None,
) -> Track:
    """The call audio, shape ``(n, 2)``: customer, agent. Sample ``i`` is at ``call_s = i / 8000``.

    Connect's own WAV is read where it is. From a network it is read once: up to two hours of it stay in memory, packed
    from `PACKED_FROM_BYTES` on.

    Args:
        source: the call audio.
        info: the result of `probe_call`.
        check_cancelled: called between two blocks; its exception ends the reading.
        front_bytes: of Connect's own WAV on a network, only so many bytes from the start on stay in memory, and only
            until the last reading has passed them (`exact_call`); the rest is read again. None: up to two hours stay.

    Raises:
        MediaError: The file can't be opened.
    """
    held, is_packed = None, False
    if source.is_remote and is_plain(source.file):
        if front_bytes is not None:
            held = HeldFront(source, front_bytes)
        elif source.size < PACKED_FROM_BYTES:
            source = _in_memory(source)
        else:
            is_packed = source.size <= MAX_PLAIN_BYTES
    plain = plain_call(source, info, held)
    if plain is not None:
        return PackedCall(plain, check_cancelled) if is_packed else plain
    with open_container(source.reopen(), CALL_FORMATS) as container:
        decoder = AudioDecoder(container, origin_s=None)
        return _gather(_at_8khz(decoder, channels=2), 2, check_cancelled)


def probe_and_decode(
    source: Source,
    watch: Callable[[InputContainer], Callable[[Any], None]] | None = None,
    check_cancelled: Callable[[], None] = lambda: None,
) -> tuple[MediaInfo, NDArray[np.int16] | None]:
    """Probe a recording; if it has no index, decode its audio in the same reading.

    Args:
        source: the recording.
        watch: called with the opened file if all of it is read. Its result is called with every audio and video packet.
        check_cancelled: called between two blocks; its exception ends the reading.

    Returns:
        The tracks, and the audio at 8 kHz; None for an MP4 whose index lists its packets, which isn't read.

    Raises:
        MediaError: The file isn't media, or has no video.
    """
    audio: NDArray[np.int16] | None = None

    def read(container: InputContainer, streams: list[Any], note: Callable[[Any], None]) -> None:
        nonlocal audio
        watcher = None if watch is None else watch(container)

        def see(packet: Any) -> None:
            note(packet)
            if watcher is not None:
                watcher(packet)

        if audio_stream(container) is not None:
            # The timestamps alone show a gap of hours, before silence is allocated for it.
            decoded, is_all = _decode(container, 0.0, see, check_cancelled, _FAR)
            audio = decoded if is_all else None
            return
        audio = np.zeros(0, np.int16)
        for packet in packets(container, streams):
            check_cancelled()
            see(packet)

    info = probe_recording(source, read)
    # Timestamps that begin hours late have an origin, which wasn't known while the audio was decoded.
    return info, audio if info.origin_s == 0.0 else None


def decode_recording_8khz(
    source: Source,
    info: MediaInfo,
    watch: Callable[[InputContainer], Callable[[Any], None]] | None = None,
    check_cancelled: Callable[[], None] = lambda: None,
) -> NDArray[np.int16]:
    """The agent recording's own audio, shape ``(m,)``; sample ``i`` is at ``recording_s = i / 8000``.

    Missing buffers are silence. A recording without an audio track gives an empty array.

    Args:
        source: the recording.
        info: the result of `probe_recording`.
        watch: called with the opened file. Its result is called with every audio and video packet. Without an audio
            track nothing is read.
        check_cancelled: called between two blocks; its exception ends the reading.

    Raises:
        MediaError: The file can't be opened.
    """
    if info.audio is None:
        return np.zeros(0, np.int16)
    with open_container(source.reopen(), RECORDING_FORMATS, is_read_through=True) as container:
        return _decode(container, info.origin_s, None if watch is None else watch(container), check_cancelled)[0]


def _decode(
    container: InputContainer,
    origin_s: float,
    see: Callable[[Any], None] | None,
    check_cancelled: Callable[[], None],
    longest_silence: int | None = None,
) -> tuple[NDArray[np.int16], bool]:
    """Read a recording to its end for its audio.

    Args:
        container: the file.
        origin_s: subtracted from its timestamps.
        see: called with every audio and video packet.
        check_cancelled: called between two blocks.
        longest_silence: the audio ends before a longer gap, in samples at 8 kHz; None for no limit.

    Returns:
        The audio, and whether it is complete.
    """
    demuxer = PacketDemuxer(container, see)
    video = video_stream(container) if see is not None else None
    if video is not None:
        demuxer.subscribe(video, lambda _: False)
    decoder = AudioDecoder(container, origin_s=origin_s, demuxer=demuxer)
    end, is_all = 0, True

    def blocks() -> Iterator[tuple[int, Pcm]]:
        nonlocal end, is_all
        for at, pcm in _at_8khz(decoder, channels=1):
            is_all = is_all and (longest_silence is None or at - end <= longest_silence)
            # Audio that damaged timestamps place beyond the longest recording would need memory for the silence before.
            if is_all and at < LONGEST:
                end = at + len(pcm)
                yield at, pcm

    audio = _gather(blocks(), 1, check_cancelled)[:, 0]
    return audio, is_all


def runs_8khz(decoder: AudioDecoder) -> Iterator[tuple[int, NDArray[np.int16]]]:
    """Yield ``(index at 8 kHz, samples)`` of a recording's own audio, as far as a decoder decodes it."""
    for at, pcm in _at_8khz(decoder, channels=1):
        yield at, _int16(pcm)[:, 0]


def _int16(pcm: Pcm) -> NDArray[np.int16]:
    scaled = without_nan(pcm) * np.float32(32767.0)
    np.rint(scaled, out=scaled)
    out: NDArray[np.int16] = np.clip(scaled, -32768, 32767, out=scaled).astype(np.int16)
    return out


def _gather(
    blocks: Iterator[tuple[int, Pcm]], channels: int, check_cancelled: Callable[[], None] = lambda: None
) -> NDArray[np.int16]:
    """The blocks in one array, each at its index; silence between them.

    The array grows by ten minutes: the C library moves an array that large without a copy. A longer silence is memory
    that the system has never been asked to write: hours of it take no memory.
    """
    track = np.zeros((_ROOM, channels), np.int16)
    end = 0
    runs = [(0, 0)]
    """The written stretches of the track, apart from each other by a long silence."""
    for at, block in blocks:
        check_cancelled()
        start, pcm = max(at, 0), block[max(-at, 0) :]
        stop = start + len(pcm)
        if start > end + _ROOM:
            longer = np.zeros((stop + _ROOM, channels), np.int16)
            for low, high in runs:
                longer[low:high] = track[low:high]
            track = longer
            runs.append((start, stop))
        elif stop > len(track):
            track.resize((stop + _ROOM, channels), refcheck=False)
        track[start:stop] = _int16(pcm)
        end = max(end, stop)
        runs[-1] = (min(start, runs[-1][0]), end)
    track.resize((end, channels), refcheck=False)
    return track


def _at_8khz(decoder: AudioDecoder, channels: int) -> Iterator[tuple[int, Pcm]]:
    """Yield ``(index at 8 kHz, samples)`` of each uninterrupted run, block by block."""
    run: _Downsampler | None = None
    expected = 0
    for start, pcm in decoder.chunks():
        if run is None or start != expected:
            if run is not None:
                yield from run.flush()
            run = _Downsampler(decoder.rate, start, channels)
        expected = start + len(pcm)
        yield from run.push(pcm)
    if run is not None:
        yield from run.flush()


class _Downsampler:
    """Resamples one run to 8 kHz without moving it: soxr's low-pass is linear-phase, and its delay is compensated."""

    def __init__(self, rate: int, start: int, channels: int) -> None:
        self._channels = channels
        begin = start * RATE / rate
        self._at = int(np.floor(begin))
        # A run may begin between two output samples: silence before it makes up the difference.
        self._lead_in = np.zeros((round((begin - self._at) * rate / RATE), channels), np.float32)
        self._stream: Any = None
        if rate != RATE:
            self._stream = soxr.ResampleStream(rate, RATE, channels, dtype="float32", quality="HQ")

    def push(self, pcm: Pcm) -> Iterator[tuple[int, Pcm]]:
        """Resample the next samples."""
        # NumPy is slow at means along a short axis.
        if self._channels == 1:
            pcm = pcm[:, 0] + pcm[:, 1]
            pcm *= np.float32(0.5)
        out = np.ascontiguousarray(pcm).reshape(-1, self._channels)
        if len(self._lead_in):
            out, self._lead_in = np.concatenate([self._lead_in, out]), self._lead_in[:0]
        return self._resampled(out, last=False)

    def flush(self) -> Iterator[tuple[int, Pcm]]:
        """The samples that the filter still holds at the end."""
        return self._resampled(np.zeros((0, self._channels), np.float32), last=True)

    def _resampled(self, out: Pcm, *, last: bool) -> Iterator[tuple[int, Pcm]]:
        if self._stream is not None:
            out = cast("Pcm", self._stream.resample_chunk(out, last=last))
        if len(out):
            yield self._at, out
        self._at += len(out)


def decode_output_8khz(source: Source) -> NDArray[np.int16]:
    """A unified recording's audio, shape ``(m, 2)``; sample ``i`` is at ``output_s = i / 8000``.

    Raises:
        MediaError: The file can't be opened.
    """
    with open_container(source.reopen(), RECORDING_FORMATS) as container:
        return _gather(_at_8khz(AudioDecoder(container), channels=2), 2)
