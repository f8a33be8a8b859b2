"""All level measurements of a track, in one pass over its blocks.

An hour keeps 12 numbers for each hop of 100 ms and channel (1.7 MB); the rest is counted as the samples pass.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from komorebi_qc.core.timebase import Span
from komorebi_qc.measure.levels.channel_levels import ChannelLevels
from komorebi_qc.measure.levels.clipping import ClippingMeter
from komorebi_qc.measure.levels.decibels import FLOOR_DBFS, level_dbfs, levels_dbfs
from komorebi_qc.measure.levels.dropouts import DropoutMeter
from komorebi_qc.measure.levels.hold_music import find_hold_music
from komorebi_qc.measure.levels.loudness import KWeightedPower, integrated_lufs
from komorebi_qc.measure.levels.spectrum import BANDS, SpectrumMeter, noise_floor_dbfs, snr_db
from komorebi_qc.measure.levels.speech_p56 import SPEECH_MARGIN_DB, SpeechLevelMeter
from komorebi_qc.measure.levels.true_peak import TruePeakMeter
from komorebi_qc.measure.runs import runs

if TYPE_CHECKING:
    from komorebi_qc.core.samples import Flags, Floats

DEAD_DBFS = -60.0
"""A channel without a hop above this has no speech: 38 dB below the level of RFC 7874."""
SILENCE_S = 2.0
"""Shorter silences are pauses of speech."""
_STILL = 2.0 / 32768.0
"""A hop whose samples span less has nothing but the last bit of 16-bit samples."""
_NONSENSE = 1000.0
"""60 dB over full scale: not audio, but a broken decoder."""
_GRAIN = 160
"""Samples. A hop is a whole number of grains, and so of frames, cells and filter blocks."""
_CHUNK = 1 << 17
"""Samples. Larger chunks cost memory, smaller ones time."""
_FRAMES_PER_HOP = 10
_CELLS_PER_HOP = 80
"""1.25 ms each."""
_POWER, _WEIGHTED_POWER, _RANGE, _FLATNESS = range(4)
"""Columns of the features of a hop; the band levels follow."""
_FEATURES = 4 + BANDS


class LevelMeter:
    """Measures a track from its blocks, in order."""

    def __init__(self, rate: int, channels: int, *, chunk: int = _CHUNK) -> None:
        """Begin a track.

        Args:
            rate: samples a second, at least 8000.
            channels: number of channels.
            chunk: samples to measure at once, rounded down to whole hops, at least one.

        Raises:
            ValueError: The rate is too low, or there are no channels.
        """
        if rate < 8000 or channels < 1:
            raise ValueError(f"levels need at least 8000 Hz and one channel, not {rate} Hz and {channels}")
        self._rate = rate
        self._channels = channels
        # 100 ms in whole grains: exact for 8, 16, 24, 32 and 48 kHz, 1.6 % longer for 11.025 and 44.1 kHz.
        self._hop = _GRAIN * round(rate / (10 * _GRAIN))
        self._chunk = max(1, chunk // self._hop) * self._hop
        self._pending: list[Floats] = []
        self._pending_samples = 0
        self._samples = 0
        self._sums = np.zeros(channels)
        self._energies = np.zeros(channels)
        self._peaks = np.zeros(channels)
        self._invalid = np.zeros(channels, np.int64)
        self._features = np.zeros((channels, 600, _FEATURES), np.float32)
        self._hops = 0
        self._whole_hops = 0
        self._weighting = KWeightedPower(rate, channels)
        self._speech = SpeechLevelMeter(rate * _CELLS_PER_HOP / self._hop, channels)
        self._spectrum = SpectrumMeter(rate, channels)
        self._true_peak = [TruePeakMeter() for _ in range(channels)]
        self._clipping = [ClippingMeter(rate) for _ in range(channels)]
        self._dropouts = [DropoutMeter(self._hop / _CELLS_PER_HOP / rate) for _ in range(channels)]
        self._result: tuple[ChannelLevels, ...] | None = None

    def add(self, block: Floats) -> None:
        """Take in the next samples, shape ``(n, channels)``, full scale +-1.

        Raises:
            ValueError: The shape is different, or `result` was called before.
        """
        if block.ndim != 2 or block.shape[1] != self._channels:
            raise ValueError(f"blocks have the shape (n, {self._channels}), not {block.shape}")
        if self._result is not None:
            raise ValueError("no samples can be added to a track after its result")
        self._pending.append(block)
        self._pending_samples += len(block)
        self._samples += len(block)
        if self._pending_samples >= self._chunk:
            self._drain(self._hop)

    def result(self) -> tuple[ChannelLevels, ...]:
        """The levels of each channel."""
        if self._result is None:
            self._whole_hops = self._samples // self._hop
            self._drain(1)
            self._result = tuple(self._channel(number) for number in range(self._channels))
        return self._result

    def loudness_lufs(self) -> float | None:
        """Integrated loudness of all channels together (BS.1770-5, each with weight 1).

        None below -70 LUFS, or if the track is shorter than one block of 0.4 s.
        """
        self.result()
        return integrated_lufs(self._features[:, : self._whole_hops, _WEIGHTED_POWER].sum(axis=0))

    def _drain(self, step: int) -> None:
        """Measure the pending samples in whole `step`s. At the end of the track, silence fills the last hop."""
        if not self._pending:
            return
        joined = np.concatenate(self._pending) if len(self._pending) > 1 else self._pending[0]
        whole = len(joined) // step * step
        self._pending = [joined[whole:].copy()]
        self._pending_samples -= whole
        for low in range(0, whole, self._chunk):
            samples = np.array(joined[low : min(low + self._chunk, whole)].T, np.float32, order="C")
            count = samples.shape[1]
            missing = -count % self._hop
            self._measure(np.pad(samples, ((0, 0), (0, missing))) if missing else samples, count)

    def _measure(self, samples: Floats, count: int) -> None:
        """Measure whole hops, shape ``(channels, n)``; the first `count` samples belong to the track."""
        hops = samples.reshape(self._channels, -1, self._hop)
        powers = _powers(hops)
        if not (powers.sum(axis=1) * self._hop < _NONSENSE**4).all():  # NaN as well
            self._invalid += np.count_nonzero(~np.isfinite(samples), axis=1)
            samples = np.clip(np.nan_to_num(samples, nan=0.0, posinf=0.0, neginf=0.0), -_NONSENSE, _NONSENSE)
            hops = samples.reshape(self._channels, -1, self._hop)
            powers = _powers(hops)
        # Frame axis last: NumPy is slow at reducing many short rows.
        frame = self._hop // _FRAMES_PER_HOP
        frames = np.ascontiguousarray(samples.reshape(self._channels, -1, frame).transpose(2, 0, 1))
        low, high = frames.min(axis=0), frames.max(axis=0)
        frame_peaks = np.maximum(-low, high)
        means = hops.mean(axis=2)
        by_hop = (*hops.shape[:2], _FRAMES_PER_HOP)
        features = np.zeros((*hops.shape[:2], _FEATURES), np.float32)
        features[:, :, _POWER] = np.maximum(powers - means * means, 0)
        features[:, :, _WEIGHTED_POWER] = self._weighting.of_hops(samples, self._hop)
        features[:, :, _RANGE] = high.reshape(by_hop).max(axis=2) - low.reshape(by_hop).min(axis=2)
        features[:, :, _FLATNESS:] = self._spectrum.add(hops)
        self._append(features)
        self._sums += means.sum(axis=1, dtype=np.float64) * self._hop
        self._energies += powers.sum(axis=1, dtype=np.float64) * self._hop
        np.maximum(self._peaks, frame_peaks.max(axis=1), out=self._peaks)
        size = self._hop // _CELLS_PER_HOP
        means_of_cells = np.abs(frames, out=frames).reshape(-1, size, *low.shape).mean(axis=1)
        cells = np.ascontiguousarray(means_of_cells.transpose(1, 2, 0)).reshape(self._channels, -1)
        self._speech.add(cells, math.ceil(count / size))
        for number in range(self._channels):
            self._true_peak[number].add(samples[number], frame_peaks[number])
            self._clipping[number].add(samples[number], float(frame_peaks[number].max()))
            self._dropouts[number].add(cells[number])

    def _append(self, features: Floats) -> None:
        end = self._hops + features.shape[1]
        if end > self._features.shape[1]:
            grown = np.zeros((self._channels, end + end // 4, _FEATURES), np.float32)
            grown[:, : self._hops] = self._features[:, : self._hops]
            self._features = grown
        self._features[:, self._hops : end] = features
        self._hops = end

    def _channel(self, number: int) -> ChannelLevels:
        hop_s = self._hop / self._rate
        length_s = self._samples / self._rate
        energy, peak = float(self._energies[number]), float(self._peaks[number])
        features = self._features[number, : self._whole_hops or self._hops]
        hop_dbfs = levels_dbfs(features[:, _POWER])
        is_still = features[:, _RANGE] <= _STILL
        is_dead = not bool((hop_dbfs > DEAD_DBFS).any())
        speech_dbfs, activity = self._speech.result(number, energy, self._samples)
        floor_dbfs = noise_floor_dbfs(features[:, _POWER][~is_still])
        threshold_dbfs = max(DEAD_DBFS, (FLOOR_DBFS if speech_dbfs is None else speech_dbfs) - SPEECH_MARGIN_DB)
        is_quiet = hop_dbfs <= threshold_dbfs
        clipping, dropouts = self._clipping[number], self._dropouts[number]
        clipping.finish()
        return ChannelLevels(
            length_s=length_s,
            samples=self._samples,
            rms_dbfs=level_dbfs(energy / max(self._samples, 1)),
            peak_dbfs=level_dbfs(peak**2),
            true_peak_dbtp=level_dbfs(max(self._true_peak[number].result(), peak) ** 2),
            speech_dbfs=speech_dbfs,
            activity=activity,
            loudness_lufs=integrated_lufs(self._features[number, : self._whole_hops, _WEIGHTED_POWER]),
            clipped_samples=clipping.samples,
            clipped_runs=clipping.runs,
            dc_offset=float(self._sums[number]) / max(self._samples, 1),
            digital_silence_s=min(float(np.count_nonzero(is_still)) * hop_s, length_s),
            is_dead=is_dead,
            dropouts=tuple(dropouts.spans),
            dropout_count=dropouts.count,
            silences=_spans(is_quiet, hop_s, length_s, SILENCE_S),
            hold_music=()
            if is_dead
            else find_hold_music(
                features[:, _POWER], features[:, _FLATNESS], features[:, _FLATNESS + 1 :], is_quiet, hop_s
            ),
            noise_floor_dbfs=floor_dbfs,
            snr_db=None if speech_dbfs is None or floor_dbfs is None else snr_db(speech_dbfs, floor_dbfs),
            bandwidth_hz=None if is_dead else self._spectrum.bandwidth_hz(number, speech_dbfs, floor_dbfs),
            invalid_samples=int(self._invalid[number]),
        )


def _powers(hops: Floats) -> Floats:
    """The mean square of each hop, shape ``(channels, hops)``, from its samples on the last axis."""
    powers: Floats = np.einsum("chs,chs->ch", hops, hops) / np.float32(hops.shape[2])
    return powers


def _spans(marks: Flags, hop_s: float, length_s: float, shortest_s: float) -> tuple[Span, ...]:
    """Runs of marked hops of `shortest_s` or more. A run that reaches the last hop reaches the end of the track."""
    found = []
    for start, end in zip(*runs(marks), strict=True):
        end_s = length_s if end == len(marks) else float(end * hop_s)
        if end_s - start * hop_s >= shortest_s - 1e-9:
            found.append(Span(float(start * hop_s), end_s))
    return tuple(found)
