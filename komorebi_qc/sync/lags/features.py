"""Coarse features: log power in five bands, 40 ms apart, and their comparison over every lag.

Codecs, gain control and microphones change spectra, but not the rise and fall of speech in broad bands. Only the call
channel's active frames have weight: between them the recording has the other speaker.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from komorebi_qc.core.samples import RATE, Flags, Floats, Track, length, piece
from komorebi_qc.sync.vad import FRAME

if TYPE_CHECKING:
    from numpy.typing import NDArray

EDGES_HZ = (300, 570, 950, 1500, 2300, 3400)
BANDS = len(EDGES_HZ) - 1
_WINDOW = 256
_SMOOTH = 75
"""Frames (3 s) of the running mean, removed from the recording's features: slow gain is no evidence."""
_LEAST_SPREAD = 0.15
"""log10 power squared, a frame, all bands. Flatter places (silence, noise) are not similar to anything."""


def band_levels(track: Track, start_frame: int, frames: int, channel: int | None = None) -> Floats:
    """(BANDS, frames) log10 power; frame i covers the first 32 ms from sample (start_frame + i) * 320."""
    out = np.empty((BANDS, frames), np.float32)
    window = np.hanning(_WINDOW).astype(np.float32)
    freq = np.fft.rfftfreq(_WINDOW, 1 / RATE)
    edges = np.searchsorted(freq, EDGES_HZ)
    for a in range(0, frames, 2000):
        b = min(a + 2000, frames)
        x = piece(track, (start_frame + a) * FRAME, (start_frame + b) * FRAME, channel)
        spectrum = np.fft.rfft(x.reshape(b - a, FRAME)[:, :_WINDOW] * window)
        power = spectrum.real**2 + spectrum.imag**2
        for band in range(BANDS):
            out[band, a:b] = power[:, edges[band] : edges[band + 1]].sum(axis=1)
    logarithm: Floats = np.log10(out + np.float32(1e-7))
    return logarithm


def floored(levels: Floats) -> Floats:
    """Return each band cut off at its noise floor, so that noise between words has no weight."""
    if levels.shape[1] == 0:
        return levels
    floor = np.percentile(levels, 15, axis=1, keepdims=True).astype(np.float32) + np.float32(0.2)
    raised: Floats = np.maximum(levels, floor)
    return raised


def running_mean_removed(levels: Floats) -> Floats:
    """Return the recording's features around zero."""
    n = levels.shape[1]
    if n == 0:
        return levels
    total = np.concatenate([np.zeros((levels.shape[0], 1)), np.cumsum(levels, axis=1, dtype=np.float64)], axis=1)
    at = np.arange(n)
    a, b = np.maximum(at - _SMOOTH, 0), np.minimum(at + _SMOOTH + 1, n)
    flat: Floats = (levels - (total[:, b] - total[:, a]) / (b - a)).astype(np.float32)
    return flat


def _friendly(least: int) -> int:
    """Return the next size with a fast Fourier transform: even, with factors 2, 3 and 5."""
    sizes = (m << max(int(np.ceil(np.log2(max(least, 2) / m))), 1) for m in (1, 3, 5, 9, 15, 25, 27, 45, 75))
    return min(sizes)


class Haystack:
    """The recording's features, transformed once, to search for many blocks."""

    def __init__(self, recording: Track, longest: int) -> None:
        self.frames = length(recording) // FRAME
        raw = running_mean_removed(floored(band_levels(recording, 0, self.frames)))
        raw = np.clip(raw, -3.0, 3.0)
        self.size = _friendly(self.frames + 2 * longest)
        self._pad = longest
        padded = np.zeros((BANDS, self.size), np.float32)
        padded[:, longest : longest + self.frames] = raw
        self._spectra: NDArray[np.complex64] = np.fft.rfft(padded).astype(np.complex64)
        self._energy: NDArray[np.complex64] = np.fft.rfft((padded**2).sum(axis=0)).astype(np.complex64)

    def search(self, block: Floats, mask: Flags) -> tuple[NDArray[np.intp], Floats]:
        """Return (start frame in the recording, similarity -1..1) for every place with half of the block inside."""
        n = block.shape[1]
        weight = mask.astype(np.float32)
        total = weight.sum()
        mean = (block * weight).sum(axis=1, keepdims=True) / total
        shape = np.clip((block - mean) * weight, -3.0, 3.0)
        padded = np.zeros((BANDS + 1, self.size), np.float32)
        padded[:BANDS, :n], padded[BANDS, :n] = shape, weight
        spectra = np.conj(np.fft.rfft(padded))
        cover = spectra[BANDS]
        acc = np.zeros(self.size // 2 + 1, np.complex64)
        for band in range(BANDS):
            acc += self._spectra[band] * spectra[band]
        top = np.fft.irfft(acc, self.size)
        # The spread of the recording's features under the mask, each band about its own mean. If only one speaker is
        # present, the silence around a word must not count as the word's shape.
        sums = np.fft.irfft(np.concatenate([self._spectra * cover, (self._energy * cover)[None]]), self.size)
        under = sums[BANDS]
        for band in range(BANDS):
            under -= sums[band] ** 2 / total
        first, last = self._pad - n // 2, self._pad + self.frames - n // 2
        top, under = top[first:last], under[first:last]
        norm = np.sqrt(np.maximum(under, _LEAST_SPREAD * total) * (shape**2).sum() + 1e-6)
        return np.arange(first, last) - self._pad, (top / norm).astype(np.float32)
