"""Both sides of a pair as 8 kHz tracks on their own clocks, as the measurement of sync hears them.

Telephone speech has nothing above 4 kHz, and Connect's audio comes at that rate: the recording is brought down to it.
"""

from __future__ import annotations

import wave
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import soxr

from komorebi_qc.media import CALL_FORMATS, RECORDING_FORMATS, opened
from komorebi_qc.pcm import PcmTrack

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from komorebi_qc.pcm import Pcm
    from komorebi_qc.probe import MediaInfo
    from komorebi_qc.stores import Source
    from komorebi_qc.sync.samples import Track

RATE = 8000
_BLOCK_S = 4


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
        self._wave = wave.open(source.again().file, "rb")  # noqa: SIM115  it lives as long as the track
        kind = (self._wave.getsampwidth(), self._wave.getframerate(), self._wave.getnchannels())
        if kind != (2, RATE, 2):
            raise wave.Error(f"not 16 bits, 8 kHz, stereo: {kind}")
        if self._wave.getnframes() < samples:
            raise wave.Error(f"a header for {self._wave.getnframes()} of {samples} samples")
        self.shape = (samples, 2)

    def __getitem__(self, key: slice, /) -> NDArray[np.int16]:
        start, stop, _ = key.indices(self.shape[0])
        self._wave.setpos(start)
        return np.frombuffer(self._wave.readframes(max(stop - start, 0)), "<i2").reshape(-1, 2)


def hear_call(source: Source, info: MediaInfo) -> Track:
    """Connect's audio, shape ``(n, 2)``: the customer, the agent. Sample ``i`` lies at ``call_s = i / 8000``.

    Raises:
        MediaError: where it can't be opened.
    """
    try:
        audio = info.audio
        return PlainWav(source, 0 if audio is None else round(audio.span.end_s * audio.rate))
    except (wave.Error, EOFError):
        with opened(source.again(), CALL_FORMATS) as container:
            track = PcmTrack(container, origin_s=None)
            return _gathered(_at_8khz(track, channels=2), 2)


def hear_recording(source: Source, info: MediaInfo) -> NDArray[np.int16]:
    """The agent recording's own audio, shape ``(m,)``; sample ``i`` lies at ``recording_s = i / 8000``.

    Empty where there is no audio track; silence where buffers are missing.

    Raises:
        MediaError: where it can't be opened.
    """
    if info.audio is None:
        return np.zeros(0, np.int16)
    with opened(source.again(), RECORDING_FORMATS) as container:
        track = PcmTrack(container, origin_s=info.origin_s)
        return _gathered(_at_8khz(track, channels=1), 1)[:, 0]


def _gathered(blocks: Iterator[tuple[int, Pcm]], channels: int) -> NDArray[np.int16]:
    """The blocks in one array, each at its place; silence between them."""
    held = np.zeros((RATE * 60, channels), np.int16)
    end = 0
    for at, block in blocks:
        start, pcm = max(at, 0), block[max(-at, 0) :]
        stop = start + len(pcm)
        if stop > len(held):
            held.resize((int(stop * 1.25) + RATE, channels), refcheck=False)
        held[start:stop] = np.clip(np.rint(np.nan_to_num(pcm) * 32767.0), -32768, 32767)
        end = max(end, stop)
    held.resize((end, channels), refcheck=False)
    return held


def _at_8khz(track: PcmTrack, channels: int) -> Iterator[tuple[int, Pcm]]:
    """``(index at 8 kHz, samples)`` of each uninterrupted run, block by block."""
    down: _Down | None = None
    expected = 0
    waiting: list[Pcm] = []
    count = 0
    for start, pcm in track.chunks():
        if down is None or start != expected:
            if down is not None:
                yield from down.push(waiting, last=True)
            down, waiting, count = _Down(track.rate, start, channels), [], 0
        expected = start + len(pcm)
        waiting.append(pcm)
        count += len(pcm)
        if count >= _BLOCK_S * track.rate:
            yield from down.push(waiting)
            waiting, count = [], 0
    if down is not None:
        yield from down.push(waiting, last=True)


class _Down:
    """Brings one run down to 8 kHz without moving it: soxr's low-pass is linear-phase, and its delay taken out."""

    def __init__(self, rate: int, start: int, channels: int) -> None:
        self._channels = channels
        begin = start * RATE / rate
        self._at = int(np.floor(begin))
        # A run may begin between two output samples: it is led in by as much silence.
        self._rest = np.zeros((round((begin - self._at) * rate / RATE), channels), np.float32)
        self._stream: Any = None
        if rate != RATE:
            self._stream = soxr.ResampleStream(rate, RATE, channels, dtype="float32", quality="HQ")

    def push(self, parts: list[Pcm], *, last: bool = False) -> Iterator[tuple[int, Pcm]]:
        """What these samples give."""
        joined = np.concatenate(parts) if parts else np.zeros((0, 2), np.float32)
        # NumPy is slow at means along a short axis.
        mono = (joined[:, :1] + joined[:, 1:]) * np.float32(0.5) if self._channels == 1 else joined
        out = np.concatenate([self._rest, mono])
        self._rest = out[:0]
        if self._stream is not None:
            out = cast("Pcm", self._stream.resample_chunk(out, last=last))
        if len(out):
            yield self._at, out
        self._at += len(out)
