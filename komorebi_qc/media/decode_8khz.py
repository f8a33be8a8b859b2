"""Both sides of a pair as 8 kHz tracks on their own clocks, as the measurement of sync hears them.

Telephone speech has nothing above 4 kHz, and Connect's audio comes at that rate: the recording is brought down to it.
"""

from __future__ import annotations

import io
import wave
from dataclasses import replace
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import numpy as np
import soxr

from komorebi_qc.core.timing import FAR_START_S
from komorebi_qc.media.decode import AudioDecoder
from komorebi_qc.media.demux import (
    CALL_FORMATS,
    RECORDING_FORMATS,
    PacketDemuxer,
    audio_stream,
    open_container,
    packets,
    video_stream,
)
from komorebi_qc.media.probe import LONGEST_S, probe_recording
from komorebi_qc.media.truncation import wav_sample_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from av.container import InputContainer
    from numpy.typing import NDArray

    from komorebi_qc.core.media_info import MediaInfo
    from komorebi_qc.core.samples import Pcm, Track
    from komorebi_qc.core.source import Source

RATE = 8000


_PLAIN = (2, RATE, 2)
"""Bytes a sample, samples a second and channels of Connect's own WAV."""
_MOST_HELD_BYTES = 64 << 20
_MOST_PLAIN_BYTES = 2 * 3600 * RATE * 4
"""Two hours of plain WAV."""
_PIECE_BYTES = 1 << 20
_ROOM = 600 * RATE
"""What a track grows by."""
_LONGEST = round(LONGEST_S * RATE)
_FAR = round(FAR_START_S * RATE)


class PlainWav:
    """Connect's own WAV (16 bits, 8 kHz, stereo) read piece by piece: a call of any length costs no memory.

    Attributes:
        shape: ``(samples, 2)``.
    """

    def __init__(self, source: Source, samples: int) -> None:
        """Open it; `samples` are really there, whatever the header promises.

        Raises:
            wave.Error: where it is another kind of file, or its header promises less.
        """
        self._wave = wave.open(source.reopen().file, "rb")  # noqa: SIM115  it lives as long as the track
        if (kind := _kind(self._wave)) != _PLAIN:
            raise wave.Error(f"not 16 bits, 8 kHz, stereo: {kind}")
        if self._wave.getnframes() < samples:
            raise wave.Error(f"a header for {self._wave.getnframes()} of {samples} samples")
        self.shape = (samples, 2)

    def __getitem__(self, key: slice, /) -> NDArray[np.int16]:
        start, stop, _ = key.indices(self.shape[0])
        self._wave.setpos(start)
        return np.frombuffer(self._wave.readframes(max(stop - start, 0)), "<i2").reshape(-1, 2)


class PlainPcm:
    """A track of 16 bits at 8 kHz, read as `komorebi_qc.media.decode.AudioDecoder` is.

    Attributes:
        rate: samples a second.
    """

    rate = RATE

    def __init__(self, track: Track) -> None:
        self._track = track

    def read(self, start: int, count: int) -> Pcm:
        """Samples ``start`` to ``start + count``, shape ``(count, 2)``; silence where there is none."""
        out = np.zeros((count, 2), np.float32)
        low, high = max(start, 0), min(start + count, self._track.shape[0])
        if low < high:
            np.multiply(self._track[low:high], np.float32(1.0 / 32768.0), out=out[low - start : high - start])
        return out


def buffer_in_memory(call: Source) -> Source:
    """Connect's audio, in memory where it comes over a network and only a decoder can read it.

    To be measured, heard, joined and checked it is decoded from its start each time; from a network it comes once so.
    What is too large for memory stays where it is.
    """
    if not call.is_remote or call.size > _MOST_HELD_BYTES or _is_plain(call.file):
        return call
    return _in_memory(call)


def _in_memory(source: Source, check_cancelled: Callable[[], None] = lambda: None) -> Source:
    file, data = source.reopen().file, io.BytesIO()
    while piece := file.read(_PIECE_BYTES):
        check_cancelled()
        data.write(piece)
    return replace(source, file=data, open_again=None)


def _is_plain(file: BinaryIO) -> bool:
    file.seek(0)
    try:
        return _kind(wave.open(file, "rb")) == _PLAIN and wav_sample_bytes(file) is not None
    except (wave.Error, EOFError):
        return False


def _kind(wav: wave.Wave_read) -> tuple[int, int, int]:
    return wav.getsampwidth(), wav.getframerate(), wav.getnchannels()


def plain_call(source: Source, info: MediaInfo) -> PlainWav | None:
    """Connect's own WAV, to be read piece by piece; None where it is another kind of file."""
    try:
        audio = info.audio
        return PlainWav(source, 0 if audio is None else round(audio.span.end_s * audio.rate))
    except (wave.Error, EOFError):
        return None


def exact_call(source: Source, info: MediaInfo, heard: Track | None) -> PlainPcm | None:
    """Connect's audio sample for sample, from what was heard of it or else from its file; None for other kinds of file.

    Args:
        source: Connect's audio.
        info: what `probe_call` said of it.
        heard: what `decode_call_8khz` gave.
    """
    track = heard if isinstance(heard, PlainWav) else plain_call(source, info)
    return None if track is None else PlainPcm(track)


def decode_call_8khz(source: Source, info: MediaInfo, check_cancelled: Callable[[], None] = lambda: None) -> Track:
    """Connect's audio, shape ``(n, 2)``: the customer, the agent. Sample ``i`` lies at ``call_s = i / 8000``.

    Its own WAV is read where it lies. From a network it is read once: it stays in memory, up to two hours of it.

    Raises:
        MediaError: where it can't be opened.
    """
    if source.is_remote and source.size <= _MOST_PLAIN_BYTES and _is_plain(source.file):
        source = _in_memory(source, check_cancelled)
    plain = plain_call(source, info)
    if plain is not None:
        return plain
    with open_container(source.reopen(), CALL_FORMATS) as container:
        decoder = AudioDecoder(container, origin_s=None)
        return _gathered(_at_8khz(decoder, channels=2), 2, check_cancelled)


def probe_and_decode(
    source: Source,
    watch: Callable[[InputContainer], Callable[[Any], None]] | None = None,
    check_cancelled: Callable[[], None] = lambda: None,
) -> tuple[MediaInfo, NDArray[np.int16] | None]:
    """Probe a recording, and decode its audio in the same reading if it has no index.

    An MP4 whose index lists its packets isn't read: its sound is None.

    Args:
        source: the recording.
        watch: gets the opened file, and gives what every packet of sound and picture is shown to; where all is read.
        check_cancelled: called between two blocks: what it raises ends the reading.

    Raises:
        MediaError: where it isn't media, or has no video.
    """
    heard: NDArray[np.int16] | None = None

    def read(container: InputContainer, streams: list[Any], note: Callable[[Any], None]) -> None:
        nonlocal heard
        watched = None if watch is None else watch(container)

        def see(packet: Any) -> None:
            note(packet)
            if watched is not None:
                watched(packet)

        if audio_stream(container) is not None:
            # What lies hours apart is told by the stamps alone, before so much silence is made.
            sound, is_all = _heard(container, 0.0, see, check_cancelled, _FAR)
            heard = sound if is_all else None
            return
        heard = np.zeros(0, np.int16)
        for packet in packets(container, streams):
            check_cancelled()
            see(packet)

    info = probe_recording(source, read)
    # Where the stamps begin hours late, its clock doesn't begin where theirs does.
    return info, heard if info.origin_s == 0.0 else None


def decode_recording_8khz(
    source: Source,
    info: MediaInfo,
    watch: Callable[[InputContainer], Callable[[Any], None]] | None = None,
    check_cancelled: Callable[[], None] = lambda: None,
) -> NDArray[np.int16]:
    """The agent recording's own audio, shape ``(m,)``; sample ``i`` lies at ``recording_s = i / 8000``.

    Empty where there is no audio track; silence where buffers are missing.

    Args:
        source: the recording.
        info: what it holds.
        watch: gets the opened file, and gives what every packet of sound and picture is shown to on the way. Without
            an audio track nothing is read.
        check_cancelled: called between two blocks: what it raises ends the reading.

    Raises:
        MediaError: where it can't be opened.
    """
    if info.audio is None:
        return np.zeros(0, np.int16)
    with open_container(source.reopen(), RECORDING_FORMATS, is_read_through=True) as container:
        return _heard(container, info.origin_s, None if watch is None else watch(container), check_cancelled)[0]


def _heard(
    container: InputContainer,
    origin_s: float,
    see: Callable[[Any], None] | None,
    check_cancelled: Callable[[], None],
    longest_silence: int | None = None,
) -> tuple[NDArray[np.int16], bool]:
    """Read a recording to its end for its sound; every packet of sound and picture is shown to `see`.

    Returns:
        The sound, and whether that is all: it ends where more than `longest_silence` samples would follow without any.
    """
    demuxer = PacketDemuxer(container, see)
    picture = video_stream(container) if see is not None else None
    if picture is not None:
        demuxer.subscribe(picture, lambda _: False)
    track = AudioDecoder(container, origin_s=origin_s, demuxer=demuxer)
    end, is_all = 0, True

    def blocks() -> Iterator[tuple[int, Pcm]]:
        nonlocal end, is_all
        for at, pcm in _at_8khz(track, channels=1):
            is_all = is_all and (longest_silence is None or at - end <= longest_silence)
            # What damaged time stamps place beyond the longest recording would take memory for the silence before it.
            if is_all and at < _LONGEST:
                end = at + len(pcm)
                yield at, pcm

    sound = _gathered(blocks(), 1, check_cancelled)[:, 0]
    return sound, is_all


def _gathered(
    blocks: Iterator[tuple[int, Pcm]], channels: int, check_cancelled: Callable[[], None] = lambda: None
) -> NDArray[np.int16]:
    """The blocks in one array, each at its place; silence between them.

    It grows by ten minutes: the C library moves what is as large without a copy.
    """
    held = np.zeros((_ROOM, channels), np.int16)
    end = 0
    for at, block in blocks:
        check_cancelled()
        start, pcm = max(at, 0), block[max(-at, 0) :]
        stop = start + len(pcm)
        if stop > len(held):
            held.resize((stop + _ROOM, channels), refcheck=False)
        held[start:stop] = np.clip(np.rint(np.nan_to_num(pcm, posinf=1.0, neginf=-1.0) * 32767.0), -32768, 32767)
        end = max(end, stop)
    held.resize((end, channels), refcheck=False)
    return held


def _at_8khz(track: AudioDecoder, channels: int) -> Iterator[tuple[int, Pcm]]:
    """``(index at 8 kHz, samples)`` of each uninterrupted run, block by block."""
    down: _Down | None = None
    expected = 0
    for start, pcm in track.chunks():
        if down is None or start != expected:
            if down is not None:
                yield from down.rest()
            down = _Down(track.rate, start, channels)
        expected = start + len(pcm)
        yield from down.push(pcm)
    if down is not None:
        yield from down.rest()


class _Down:
    """Brings one run down to 8 kHz without moving it: soxr's low-pass is linear-phase, and its delay taken out."""

    def __init__(self, rate: int, start: int, channels: int) -> None:
        self._channels = channels
        begin = start * RATE / rate
        self._at = int(np.floor(begin))
        # A run may begin between two output samples: it is led in by as much silence.
        self._lead_in = np.zeros((round((begin - self._at) * rate / RATE), channels), np.float32)
        self._stream: Any = None
        if rate != RATE:
            self._stream = soxr.ResampleStream(rate, RATE, channels, dtype="float32", quality="HQ")

    def push(self, pcm: Pcm) -> Iterator[tuple[int, Pcm]]:
        """What these samples give."""
        # NumPy is slow at means along a short axis.
        mono = (pcm[:, 0] + pcm[:, 1]) * np.float32(0.5) if self._channels == 1 else pcm
        out = np.ascontiguousarray(mono).reshape(-1, self._channels)
        if len(self._lead_in):
            out, self._lead_in = np.concatenate([self._lead_in, out]), self._lead_in[:0]
        return self._given(out, last=False)

    def rest(self) -> Iterator[tuple[int, Pcm]]:
        """What the filter still holds at the end."""
        return self._given(np.zeros((0, self._channels), np.float32), last=True)

    def _given(self, out: Pcm, *, last: bool) -> Iterator[tuple[int, Pcm]]:
        if self._stream is not None:
            out = cast("Pcm", self._stream.resample_chunk(out, last=last))
        if len(out):
            yield self._at, out
        self._at += len(out)


def decode_output_8khz(source: Source) -> NDArray[np.int16]:
    """A unified recording's audio, shape ``(m, 2)``; sample ``i`` lies at ``output_s = i / 8000``.

    Raises:
        MediaError: where it can't be opened.
    """
    with open_container(source.reopen(), RECORDING_FORMATS) as container:
        return _gathered(_at_8khz(AudioDecoder(container), channels=2), 2)
