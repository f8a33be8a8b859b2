"""Connect's own WAV, whose samples need no decoder."""

from __future__ import annotations

import wave
from typing import TYPE_CHECKING, BinaryIO, cast

import numpy as np

from komorebi_qc.core.samples import RATE
from komorebi_qc.media.truncation import wav_sample_bytes, wav_samples

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from komorebi_qc.core.media_info import MediaInfo
    from komorebi_qc.core.samples import Pcm, Track
    from komorebi_qc.core.source import Source
    from komorebi_qc.media.plain_call.held_front import HeldFront

_PLAIN = (2, RATE, 2)
"""Bytes a sample, samples a second and channels of Connect's own WAV."""
FRAME_BYTES = _PLAIN[0] * _PLAIN[2]
"""Bytes of one sample of both channels."""

_NOT_READ_BY_WAVE = (wave.Error, EOFError, RuntimeError)
"""The last one is of a chunk that ends behind the file."""


class PlainWav:
    """Connect's own WAV (16 bits, 8 kHz, stereo), read piece by piece: a call of any length costs no memory.

    Attributes:
        shape: ``(samples, 2)``.
    """

    def __init__(self, source: Source, samples: int, held: HeldFront | None = None) -> None:
        """Open the file.

        Args:
            source: the file.
            samples: the number of samples; the header may promise more.
            held: the same file with its front in memory; None to read the file itself.

        Raises:
            wave.Error: The file is of another kind, or has fewer samples.
            EOFError: It ends within its header.
        """
        self._held = held
        self._file = source.reopen().file if held is None else cast("BinaryIO", held)
        with wave.open(self._file, "rb") as opened:
            if (kind := _kind(opened)) != _PLAIN:
                raise wave.Error(f"not 16 bits, 8 kHz, stereo: {kind}")
        # Not by `wave`, which ends at the length of the whole: other readers ignore that one.
        self._begin, present = wav_samples(self._file) or (0, 0)
        if present < samples * FRAME_BYTES:
            raise wave.Error(f"{present} bytes for {samples} samples")
        self.shape = (samples, 2)

    def begin_last_reading(self) -> None:
        """Release memory of the file as it is read from now on."""
        if self._held is not None:
            self._held.release()

    def __getitem__(self, key: slice, /) -> NDArray[np.int16]:
        start, stop, _ = key.indices(self.shape[0])
        self._file.seek(self._begin + start * FRAME_BYTES)
        return np.frombuffer(self._file.read(max(stop - start, 0) * FRAME_BYTES), "<i2").reshape(-1, 2)


class PlainPcm:
    """A 16-bit track at 8 kHz with the interface of `komorebi_qc.media.decode.AudioDecoder`.

    Attributes:
        rate: samples a second.
    """

    rate = RATE

    def __init__(self, track: Track) -> None:
        self._track = track

    def read(self, start: int, count: int) -> Pcm:
        """Samples ``start`` to ``start + count``, shape ``(count, 2)``; silence outside the track."""
        out = np.zeros((count, 2), np.float32)
        low, high = max(start, 0), min(start + count, self._track.shape[0])
        if low < high:
            np.multiply(self._track[low:high], np.float32(1.0 / 32768.0), out=out[low - start : high - start])
        return out


def is_plain(file: BinaryIO) -> bool:
    """Whether a file is Connect's own WAV, with its samples in one place."""
    file.seek(0)
    try:
        return _kind(wave.open(file, "rb")) == _PLAIN and wav_sample_bytes(file) is not None
    except _NOT_READ_BY_WAVE:
        return False


def _kind(wav: wave.Wave_read) -> tuple[int, int, int]:
    return wav.getsampwidth(), wav.getframerate(), wav.getnchannels()


def plain_call(source: Source, info: MediaInfo, held: HeldFront | None = None) -> PlainWav | None:
    """Connect's own WAV, to be read piece by piece; None for another kind of file.

    Args:
        source: the call audio.
        info: the result of `probe_call`.
        held: the same file with its front in memory, if there is one.
    """
    try:
        audio = info.audio
        return PlainWav(source, 0 if audio is None else round(audio.span.end_s * audio.rate), held)
    except _NOT_READ_BY_WAVE:
        return None
