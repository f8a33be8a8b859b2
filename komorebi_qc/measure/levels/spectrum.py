"""Spectrum of a track: flatness and band levels of each hop, bandwidth of the speech, noise floor."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from komorebi_qc.measure.levels.block_filter import narrow_product
from komorebi_qc.measure.levels.decibels import FLOOR_DBFS, level_dbfs, levels_dbfs

if TYPE_CHECKING:
    from komorebi_qc.core.samples import Doubles, Flags, Floats

_BAND_EDGES_HZ = (100, 200, 300, 450, 700, 1050, 1600, 2400, 3600)
BANDS = len(_BAND_EDGES_HZ) - 1
_SPEECH_HZ = (300, 3400)
_LOWEST_DBFS = -100.0
_CLASS_DB = 3.0
_CLASSES = 34


class SpectrumMeter:
    """One spectrum a hop (of its first 50 ms or so), summed by level.

    Which levels are speech and which are noise is known only at the end of the track.
    """

    def __init__(self, rate: int, channels: int) -> None:
        self._size = 1 << round(math.log2(0.05 * rate))
        self._bin_hz = rate / self._size
        self._window = np.hanning(self._size + 1)[:-1].astype(np.float32)
        self._scale = np.float32(2 / (self._size * float(np.sum(self._window**2))))
        bins = self._size // 2 + 1
        hertz = np.arange(bins) * self._bin_hz
        edges = np.array(_BAND_EDGES_HZ)
        self._bands = ((hertz[:, None] >= edges[:-1]) & (hertz[:, None] < edges[1:])).astype(np.float32)
        self._speech_bins = slice(*(int(edge_hz / self._bin_hz) for edge_hz in _SPEECH_HZ))
        self._sums = np.zeros((channels, _CLASSES, bins))
        self._counts = np.zeros((channels, _CLASSES), np.int64)

    def add(self, hops: Floats) -> Floats:
        """Take in the next hops, shape ``(channels, hops, samples)``.

        Returns:
            For each hop its spectral flatness (0 tonal, 0.56 white noise) and its `BANDS` band levels in dBFS, shape
            ``(channels, hops, 1 + BANDS)``.
        """
        spectra = np.fft.rfft(hops[:, :, : self._size] * self._window, axis=2)
        power = ((spectra.real**2 + spectra.imag**2) * self._scale).astype(np.float32, copy=False)
        power[:, :, :2] = 0  # the DC offset, spread by the window
        middle = power[:, :, self._speech_bins] + np.float32(1e-14)
        out = np.empty((*hops.shape[:2], 1 + BANDS), np.float32)
        out[:, :, 0] = np.exp(np.log(middle).mean(axis=2)) / middle.mean(axis=2)
        bands = narrow_product(power.reshape(-1, power.shape[2]), self._bands)
        out[:, :, 1:] = levels_dbfs(bands).reshape(*hops.shape[:2], BANDS)
        levels = levels_dbfs(power.sum(axis=2))
        classes = np.clip((levels - _LOWEST_DBFS) / _CLASS_DB, 0, _CLASSES - 1).astype(np.int64)
        for channel, row in enumerate(classes):
            counts = np.bincount(row, minlength=_CLASSES)
            self._counts[channel] += counts
            for level in np.flatnonzero(counts):
                self._sums[channel, level] += power[channel, row == level].sum(axis=0)
        return out

    def bandwidth_hz(self, channel: int, speech_dbfs: float | None, floor_dbfs: float | None) -> float | None:
        """The highest frequency of the speech: 6 dB above the noise, and less than 50 dB below the loudest bin.

        Args:
            channel: its index.
            speech_dbfs: its active speech level.
            floor_dbfs: its noise floor.
        """
        # A class holds hops up to 3 dB louder than its own level.
        lowest = _LOWEST_DBFS + _CLASS_DB * np.arange(_CLASSES)
        speech = self._mean(channel, lowest >= (FLOOR_DBFS if speech_dbfs is None else speech_dbfs) - 12)
        if speech is None:
            return None
        limit = np.full(len(speech), speech.max() * 1e-5)
        if floor_dbfs is not None and speech_dbfs is not None and speech_dbfs - floor_dbfs > 15:
            noise = self._mean(channel, (lowest <= floor_dbfs + 1) & (lowest > _LOWEST_DBFS))
            if noise is not None:
                limit = np.maximum(limit, 4 * noise)
        above = np.flatnonzero(speech > limit)
        return float(above[-1] * self._bin_hz) if len(above) else None

    def _mean(self, channel: int, classes: Flags) -> Doubles | None:
        """Mean spectrum of some level classes, smoothed over about 100 Hz; None if they are empty or silent."""
        count = int(self._counts[channel][classes].sum())
        if not count:
            return None
        width = max(1, round(100 / self._bin_hz))
        mean = self._sums[channel][classes].sum(axis=0) / count
        return np.convolve(mean, np.full(width, 1 / width), mode="same") if mean.max() > 0 else None


def noise_floor_dbfs(powers: Floats) -> float | None:
    """Level of the quietest tenth of the hops, from the power of each; None without hops."""
    if not len(powers):
        return None
    lowest = np.sort(powers)[: max(1, len(powers) // 10)]
    return level_dbfs(float(lowest.mean(dtype=np.float64)))


def snr_db(speech_dbfs: float, floor_dbfs: float) -> float | None:
    """Level of the speech alone above the noise floor; None if the two are within 1 dB.

    The measured speech level contains the noise, so its power is subtracted first.
    """
    over_db = speech_dbfs - floor_dbfs
    return 10 * math.log10(10 ** (over_db / 10) - 1) if over_db > 1 else None
