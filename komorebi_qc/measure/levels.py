"""How loud, how clean and how whole each channel of a track is, measured in one pass over its blocks. Pure.

Samples are float32 with full scale +-1; a full-scale sine has -3.01 dBFS RMS, and every level in dBFS is an RMS level
unless it says peak. Spans lie on the track's own clock, from its first sample. What a track is too short or too silent
for is None, never NaN or infinity.

An hour keeps 12 numbers for each 100 ms and channel (1.7 MB), everything else is counted while it passes. The two
recursive filters (K-weighting, and the envelope of P.56) run as matrix products over blocks of 32 samples: numpy has
no IIR filter, an FFT costs three times as much, and a FIR long enough for the high-pass at 38 Hz thirty times.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from komorebi_qc.core.timebase import Span

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Doubles = NDArray[np.float64]
    Section = tuple[tuple[float, float, float], tuple[float, float]]

FLOOR_DBFS = -120.0
"""What a level is taken for inside, where there is none: 24 dB under the last bit of 16."""
DEAD_DBFS = -60.0
"""A channel that never gets louder than this in any 100 ms holds no speech: 38 dB under RFC 7874's level."""
SPEECH_MARGIN_DB = 15.9
"""ITU-T P.56 method B: speech is what is no further below the active level."""
SILENCE_S = 2.0
"""Shorter ones are pauses of speech."""
DROPOUT_S = (0.005, 0.200)
"""Shorter is a glitch of single samples; longer is a gate or a mute, and packets are 20 to 60 ms."""
_EDGE = 0.005
"""-46 dBFS on average right before and right after a run of zeros: speech doesn't end so hard by itself."""
_STILL = 2.0 / 32768.0
"""Within the last bits of 16, nothing moves."""
_CEILING = 1.0 - 1.5 / 32768.0
_NEAR_CEILING = 0.98
"""G.711's loudest: 32124 / 32768 for mu-law, 32256 / 32768 for A-law."""
_FLAT = 1.5 / 32768.0
_NONSENSE = 1000.0
"""60 dB over full scale: no sound, but a broken decoder."""
_MAX_SPANS = 1000
"""So many dropouts are told one by one; the others are counted."""

_PORTION = 200_000
"""OpenBLAS multiplies in one thread up to 262,144 multiplications."""
_GRAIN = 160
"""Samples; a hop of 100 ms is a whole number of them, and so of frames, cells and filter blocks."""
_BLOCK = 32
_CHUNK = 1 << 17
_CELLS = 80
"""To a hop: 1.25 ms each."""
_HANGOVER_S = 0.2
_ENVELOPE_S = 0.03
_THRESHOLDS = 15
_TAPS = 24
_LOWEST_DBFS = -100.0
_CLASS_DB = 3.0
_CLASSES = 34
_BAND_EDGES_HZ = (100, 200, 300, 450, 700, 1050, 1600, 2400, 3600)
_BANDS = len(_BAND_EDGES_HZ) - 1
_HOLD_S = 8.0
_PAUSE_DB = 12.0
_PAUSES = 1 / 30
_NOISE = 0.35
"""Spectral flatness: white noise has 0.56, vowels and chords less than 0.1."""
_BRIDGE_S = 2.0
_SHORTEST_LOOP_S = 2.0
_LOOP = 0.8
"""Agreement of the band levels with themselves a period later; copies through a codec keep 0.9."""
_POWER, _WEIGHTED, _RANGE, _FLATNESS = range(4)
_FEATURES = 4 + _BANDS


@dataclass(frozen=True, slots=True)
class HoldMusic:
    """A span that sounds like music on hold: it goes on without the pauses of speech, and isn't noise.

    Attributes:
        span: where.
        confidence: 0.4 to 0.6 where it is merely steady and tonal (a tone or someone singing may be, too), 0.9
            where it repeats itself as well. It is a rank, not a probability.
        period_s: after how many seconds it repeats itself, to 0.1 s; None where it doesn't within the span.
    """

    span: Span
    confidence: float
    period_s: float | None


@dataclass(frozen=True, slots=True)
class ChannelLevels:
    """All that was measured of one channel.

    Attributes:
        length_s: its length.
        samples: as a count.
        rms_dbfs: over all of it, its DC offset included; None for nothing but zeros.
        peak_dbfs: the largest sample; None for nothing but zeros.
        true_peak_dbtp: the largest value between samples too, 4 times oversampled (BS.1770-5, annex 2); None for
            nothing but zeros.
        speech_dbfs: active speech level, ITU-T P.56 method B; None where there is nothing above -90 dBFS. Where steady
            noise lies about 15.9 dB under the speech, the method is undecided, and off by 2 dB either way.
        activity: the share of the time that P.56 takes for speech, 0 to 1.
        loudness_lufs: integrated loudness (BS.1770-5) of this channel alone; None under -70 LUFS or 0.4 s.
        clipped_samples: those in flat tops or at full scale, 3 in a row or more.
        clipped_runs: how many such rows.
        dc_offset: the mean, in full scales.
        digital_silence_s: the total of the 100 ms in which nothing moves but the last bit.
        is_dead: nothing in it ever gets louder than -60 dBFS.
        dropouts: runs of 5 to 200 ms of exact zeros that cut sound off on both sides; the first 1,000.
        dropout_count: all of them.
        silences: where for 2 s or more no 100 ms reach P.56's threshold (15.9 dB under the speech level) or -60 dBFS.
        hold_music: spans that sound like it; a guess, see `HoldMusic`.
        noise_floor_dbfs: mean power of the quietest tenth, digital silence left out; None where nothing is left. In
            speech without pauses it is too high.
        snr_db: speech level over noise floor, the noise in the former taken out; None where they are within 1 dB.
        bandwidth_hz: up to where the spectrum of the speech lies above the noise by 6 dB and above its own maximum
            less 50 dB; None where there is no sound.
        invalid_samples: those that were no numbers, and counted as 0.
    """

    length_s: float
    samples: int
    rms_dbfs: float | None
    peak_dbfs: float | None
    true_peak_dbtp: float | None
    speech_dbfs: float | None
    activity: float
    loudness_lufs: float | None
    clipped_samples: int
    clipped_runs: int
    dc_offset: float
    digital_silence_s: float
    is_dead: bool
    dropouts: tuple[Span, ...]
    dropout_count: int
    silences: tuple[Span, ...]
    hold_music: tuple[HoldMusic, ...]
    noise_floor_dbfs: float | None
    snr_db: float | None
    bandwidth_hz: float | None
    invalid_samples: int


class Meter:
    """Measures a track from its blocks, in order, and then says what was found."""

    def __init__(self, rate: int, channels: int) -> None:
        """Begin a track.

        Args:
            rate: samples a second, 8000 at least.
            channels: how many.

        Raises:
            ValueError: where the rate is too low or there are no channels.
        """
        if rate < 8000 or channels < 1:
            raise ValueError(f"levels need 8000 Hz and a channel at least, not {rate} Hz and {channels}")
        self._rate = rate
        self._channels = channels
        # 100 ms, in whole grains: exact for 8, 16, 24, 32 and 48 kHz, 1.6 % more for 11.025 and 44.1 kHz.
        self._hop = _GRAIN * round(rate / (10 * _GRAIN))
        self._chunk = max(1, _CHUNK // self._hop) * self._hop
        self._waiting: list[Floats] = []
        self._waits = 0
        self._samples = 0
        self._sums = np.zeros(channels)
        self._squares = np.zeros(channels)
        self._peaks = np.zeros(channels)
        self._invalid = np.zeros(channels, np.int64)
        self._weighting = _Recursion(k_weighting(rate), channels)
        self._records = np.zeros((channels, 600, _FEATURES), np.float32)
        self._hops = 0
        self._true_peak = [_TruePeak() for _ in range(channels)]
        self._clipping = [_Clipping() for _ in range(channels)]
        self._speech = _SpeechLevel(rate * _CELLS / self._hop, channels)
        self._dropouts = [_Dropouts(self._hop / _CELLS / rate) for _ in range(channels)]
        self._spectrum = _Spectrum(rate, channels)
        self._found: tuple[ChannelLevels, ...] | None = None
        self._whole = 0

    def add(self, block: Floats) -> None:
        """Take in the next samples, shape ``(n, channels)``, full scale +-1.

        Raises:
            ValueError: where the shape is another, or the result was asked for already.
        """
        if block.ndim != 2 or block.shape[1] != self._channels:
            raise ValueError(f"blocks have the shape (n, {self._channels}), not {block.shape}")
        if self._found is not None:
            raise ValueError("the track's levels were asked for already: nothing can be added to them")
        self._waiting.append(block)
        self._waits += len(block)
        self._samples += len(block)
        if self._waits >= self._chunk:
            self._drain(self._hop)

    def result(self) -> tuple[ChannelLevels, ...]:
        """What was found, a channel each."""
        if self._found is None:
            self._whole = self._samples // self._hop
            self._drain(1)
            self._found = tuple(self._channel(number) for number in range(self._channels))
        return self._found

    def loudness_lufs(self) -> float | None:
        """Integrated loudness of all channels together (BS.1770-5, each with weight 1).

        None for what is all under -70 LUFS, or shorter than one block of 0.4 s.
        """
        self.result()
        return gated_loudness(self._records[:, : self._whole, _WEIGHTED].sum(axis=0))

    def _drain(self, step: int) -> None:
        """Measure what waits, but for what is no whole `step`; at the end, silence fills the last hop."""
        if not self._waits:
            return
        joined = np.concatenate(self._waiting) if len(self._waiting) > 1 else self._waiting[0]
        whole = len(joined) // step * step
        self._waiting = [joined[whole:].copy()]
        self._waits -= whole
        for low in range(0, whole, self._chunk):
            wide = np.array(joined[low : min(low + self._chunk, whole)].T, np.float32, order="C")
            count = wide.shape[1]
            missing = -count % self._hop
            self._measure(np.pad(wide, ((0, 0), (0, missing))) if missing else wide, count)

    def _measure(self, wide: Floats, count: int) -> None:
        """Measure whole hops, shape ``(channels, n)``, of which `count` samples are the track's."""
        squares = np.einsum("cn,cn->c", wide, wide)
        if not (squares < _NONSENSE**4).all():  # NaN as well
            self._invalid += np.count_nonzero(~np.isfinite(wide), axis=1)
            wide = np.clip(np.nan_to_num(wide, nan=0.0, posinf=0.0, neginf=0.0), -_NONSENSE, _NONSENSE)
        hops = wide.reshape(self._channels, -1, self._hop)
        # Sample by sample of all frames at once: NumPy is slow at reducing many short rows.
        turned = np.ascontiguousarray(wide.reshape(self._channels, -1, self._hop // 10).transpose(2, 0, 1))
        low, high = turned.min(axis=0), turned.max(axis=0)
        loudest = np.maximum(-low, high)
        means = hops.mean(axis=2)
        powers = np.einsum("chs,chs->ch", hops, hops) / np.float32(self._hop)
        weighted = self._weighting.run(wide).reshape(hops.shape)
        rows = np.zeros((*hops.shape[:2], _FEATURES), np.float32)
        rows[:, :, _POWER] = np.maximum(powers - means * means, 0)
        rows[:, :, _WEIGHTED] = np.einsum("chs,chs->ch", weighted, weighted) / np.float32(self._hop)
        rows[:, :, _RANGE] = high.reshape(*hops.shape[:2], 10).max(axis=2) - low.reshape(*hops.shape[:2], 10).min(
            axis=2
        )
        rows[:, :, _FLATNESS:] = self._spectrum.add(hops)
        self._keep(rows)
        self._sums += means.sum(axis=1, dtype=np.float64) * self._hop
        self._squares += powers.sum(axis=1, dtype=np.float64) * self._hop
        np.maximum(self._peaks, loudest.max(axis=1), out=self._peaks)
        size = self._hop // _CELLS
        parts = np.abs(turned, out=turned).reshape(-1, size, *low.shape).mean(axis=1)  # (8 of a frame, channel, frame)
        cells = np.ascontiguousarray(parts.transpose(1, 2, 0)).reshape(self._channels, -1)
        self._speech.add(cells, math.ceil(count / size))
        for number in range(self._channels):
            self._true_peak[number].add(wide[number], loudest[number])
            self._clipping[number].add(wide[number], float(loudest[number].max()))
            self._dropouts[number].add(cells[number])

    def _keep(self, rows: Floats) -> None:
        end = self._hops + rows.shape[1]
        if end > self._records.shape[1]:
            grown = np.zeros((self._channels, end + end // 4, _FEATURES), np.float32)
            grown[:, : self._hops] = self._records[:, : self._hops]
            self._records = grown
        self._records[:, self._hops : end] = rows
        self._hops = end

    def _channel(self, number: int) -> ChannelLevels:
        hop_s = self._hop / self._rate
        length_s = self._samples / self._rate
        rows = self._records[number, : self._whole or self._hops]
        decibels = _decibels(rows[:, _POWER])
        still = rows[:, _RANGE] <= _STILL
        square = float(self._squares[number]) / max(self._samples, 1)
        speech, activity = self._speech.result(number, float(self._squares[number]), self._samples)
        is_dead = not bool((decibels > DEAD_DBFS).any())
        floor = _noise_floor(rows[:, _POWER][~still])
        threshold = max(DEAD_DBFS, (FLOOR_DBFS if speech is None else speech) - SPEECH_MARGIN_DB)
        quiet = decibels <= threshold
        clipping = self._clipping[number].result()
        return ChannelLevels(
            length_s=length_s,
            samples=self._samples,
            rms_dbfs=_level(square),
            peak_dbfs=_level(float(self._peaks[number]) ** 2),
            true_peak_dbtp=_level(max(self._true_peak[number].result(), float(self._peaks[number])) ** 2),
            speech_dbfs=speech,
            activity=activity,
            loudness_lufs=gated_loudness(self._records[number, : self._whole, _WEIGHTED]),
            clipped_samples=clipping[0],
            clipped_runs=clipping[1],
            dc_offset=float(self._sums[number]) / max(self._samples, 1),
            digital_silence_s=min(float(np.count_nonzero(still)) * hop_s, length_s),
            is_dead=is_dead,
            dropouts=tuple(self._dropouts[number].spans),
            dropout_count=self._dropouts[number].count,
            silences=_spans(quiet, hop_s, length_s, SILENCE_S),
            hold_music=() if is_dead else _hold_music(rows, decibels, quiet, hop_s),
            noise_floor_dbfs=floor,
            snr_db=None if speech is None or floor is None else _without_noise(speech, floor),
            bandwidth_hz=None if is_dead else self._spectrum.bandwidth_hz(number, speech, floor),
            invalid_samples=int(self._invalid[number]),
        )


def k_weighting(rate: int) -> tuple[Section, Section]:
    """The two filters of BS.1770-5, annex 1 for any rate, as ``(b0, b1, b2), (a1, a2)``.

    The standard gives numbers for 48 kHz alone. They come from these analogue filters by the bilinear transform with
    its frequency kept (libebur128, from which FFmpeg has them too); at 48 kHz they agree to 1e-7.
    """
    turn = math.tan(math.pi * 1681.974450955533 / rate)
    quality, high = 0.7071752369554196, 10 ** (3.999843853973347 / 20)
    band = high**0.4996667741545416
    scale = 1 + turn / quality + turn * turn
    shelf = (
        (
            (high + band * turn / quality + turn * turn) / scale,
            2 * (turn * turn - high) / scale,
            (high - band * turn / quality + turn * turn) / scale,
        ),
        (2 * (turn * turn - 1) / scale, (1 - turn / quality + turn * turn) / scale),
    )
    turn, quality = math.tan(math.pi * 38.13547087602444 / rate), 0.5003270373238773
    scale = 1 + turn / quality + turn * turn
    high_pass = ((1.0, -2.0, 1.0), (2 * (turn * turn - 1) / scale, (1 - turn / quality + turn * turn) / scale))
    return shelf, high_pass


def gated_loudness(powers: Floats) -> float | None:
    """Integrated loudness from the K-weighted mean squares of 100 ms each (BS.1770-5, equations 2 to 7).

    Blocks of 400 ms every 100 ms; those under -70 LUFS don't count, then those 10 LU under the mean of the others.
    """
    if len(powers) < 4:
        return None
    sums = np.cumsum(np.concatenate([[0.0], powers.astype(np.float64)]))
    blocks = (sums[4:] - sums[:-4]) / 4
    heard = blocks[blocks > 10 ** ((-70 + 0.691) / 10)]
    if not len(heard):
        return None
    heard = heard[heard > heard.mean() / 10]
    return -0.691 + 10 * math.log10(float(heard.mean()))


class _Recursion:
    """A cascade of biquads over blocks: what a block gives by itself, and what the state before it adds.

    Both are matrix products. The state before each block is the one before the last one, passed on, plus what that
    block left behind: a prefix sum, done by doubling until nothing is left of what is passed on.
    """

    def __init__(self, sections: Sequence[Section], channels: int) -> None:
        order = 2 * len(sections)
        response, after = _trace(sections, np.zeros(order), 1.0)
        lag = np.subtract.outer(np.arange(_BLOCK), np.arange(_BLOCK)).T
        self._direct = np.where(lag >= 0, response[np.maximum(lag, 0)], 0.0).astype(np.float32)
        self._leaves = after[::-1].astype(np.float32)  # an impulse at sample i has 32 - i samples to go
        traces = [_trace(sections, unit, 0.0) for unit in np.eye(order)]
        self._adds = np.array([out for out, _ in traces], np.float32)
        self._passes = np.array([states[-1] for _, states in traces])
        self._state = np.zeros((channels, order))

    def run(self, wide: Floats) -> Floats:
        """The output for ``(channels, n)``, a multiple of 32 samples."""
        blocks = wide.reshape(len(wide), -1, _BLOCK)
        flat = blocks.reshape(-1, _BLOCK)
        left = _product(flat, self._leaves).astype(np.float64).reshape(*blocks.shape[:2], -1)
        states = np.concatenate([self._state[:, None], left], axis=1)
        passes, shift = self._passes, 1
        while shift < states.shape[1] and np.abs(passes).max() > 1e-12:
            states[:, shift:] += states[:, :-shift] @ passes
            passes, shift = passes @ passes, 2 * shift
        self._state = states[:, -1].copy()
        out = _product(flat, self._direct)
        before = states[:, :-1].reshape(len(flat), -1).astype(np.float32)
        out += _product(before, self._adds)
        return out.reshape(wide.shape)


def _product(rows: Floats, matrix: Floats) -> Floats:
    """``rows @ matrix``, in portions too small for BLAS to wake its threads.

    They gain nothing on such narrow products, and their waiting for each other cost six times the CPU.
    """
    deep, wide = matrix.shape
    portion = max(1, min(_PORTION // (deep * wide), len(rows)))
    whole = len(rows) // portion * portion
    out = np.empty((len(rows), wide), np.float32)
    np.matmul(rows[:whole].reshape(-1, portion, deep), matrix, out=out[:whole].reshape(-1, portion, wide))
    np.matmul(rows[whole:], matrix, out=out[whole:])
    return out


def _trace(sections: Sequence[Section], state: Doubles, impulse: float) -> tuple[Doubles, Doubles]:
    """The output, and the state after each sample, of an impulse into a state (transposed direct form II)."""
    now, out, states = [float(value) for value in state], [], []
    for sample in range(_BLOCK):
        value = impulse if sample == 0 else 0.0
        for number, ((b0, b1, b2), (a1, a2)) in enumerate(sections):
            first, second = now[2 * number : 2 * number + 2]
            result = b0 * value + first
            now[2 * number : 2 * number + 2] = [b1 * value - a1 * result + second, b2 * value - a2 * result]
            value = result
        out.append(value)
        states.append(list(now))
    return np.array(out), np.array(states)


class _SpeechLevel:
    """ITU-T P.56 (12/2011) method B: an envelope, thresholds 6 dB apart, a hangover of 200 ms.

    The envelope (two poles of 30 ms) runs on the mean of |x| over 1.25 ms: 800 values a second, and P.56 asks for 694.
    A moment is active at a threshold if the envelope reached it within the hangover: the highest class (thresholds
    reached) of the last 200 ms says at how many of them at once.
    """

    def __init__(self, cells_a_second: float, channels: int) -> None:
        decay = math.exp(-1 / (_ENVELOPE_S * cells_a_second))
        pole: Section = ((1 - decay, 0.0, 0.0), (-decay, 0.0))
        self._hang = round(_HANGOVER_S * cells_a_second)
        self._envelope = _Recursion((pole, pole), channels)
        self._rest = np.zeros((channels, 0), np.float32)
        self._classes = np.zeros((channels, self._hang), np.int8)
        self._counts = np.zeros((channels, _THRESHOLDS + 1), np.int64)
        self._cells = 0

    def add(self, cells: Floats, count: int) -> None:
        """Take in mean magnitudes, shape ``(channels, n)``, of which `count` are the track's."""
        waiting = np.concatenate([self._rest, cells], axis=1)
        if count < cells.shape[1]:  # the end
            waiting = waiting[:, : waiting.shape[1] - cells.shape[1] + count]
            real = waiting.shape[1]
            waiting = np.pad(waiting, ((0, 0), (0, -real % _BLOCK)))
        else:
            real = waiting.shape[1] // _BLOCK * _BLOCK
        whole = waiting.shape[1] // _BLOCK * _BLOCK
        self._rest = waiting[:, whole:]
        if not whole:
            return
        envelope = np.maximum(self._envelope.run(np.ascontiguousarray(waiting[:, :whole])), 2.0**-30)[:, :real]
        # frexp: envelope = m * 2**e with m in [0.5, 1), so the thresholds 2**-15 ... 2**-1 reached are e + 15.
        reached = np.clip(np.frexp(envelope)[1] + _THRESHOLDS, 0, _THRESHOLDS).astype(np.int8)
        joined = np.concatenate([self._classes, reached], axis=1)
        self._classes = joined[:, joined.shape[1] - self._hang :]
        highest = _sliding_max(joined, self._hang + 1)
        for number, row in enumerate(highest):
            self._counts[number] += np.bincount(row, minlength=_THRESHOLDS + 1)
        self._cells += real

    def result(self, number: int, squares: float, samples: int) -> tuple[float | None, float]:
        """Active speech level in dBFS, and activity, of a channel with this sum of squares."""
        active = np.cumsum(self._counts[number][::-1])[::-1][1:]  # at each threshold
        if not self._cells or not active[0] or squares <= 0:
            return None, 0.0
        mean = squares / samples
        last: tuple[float, float] | None = None
        level = 0.0
        for step, count in enumerate(active):
            if not count:
                break
            level = 10 * math.log10(mean * self._cells / int(count))
            margin = level - 20 * math.log10(2.0) * (step - _THRESHOLDS)
            if margin <= SPEECH_MARGIN_DB:
                if last is not None:
                    part = (last[1] - SPEECH_MARGIN_DB) / (last[1] - margin)
                    level = last[0] + part * (level - last[0])
                break
            last = level, margin
        return level, min(1.0, mean / 10 ** (level / 10))


def _sliding_max(rows: NDArray[np.int8], size: int) -> NDArray[np.int8]:
    """The highest of each `size` in a row, by doubling: a handful of passes whatever the size."""
    held, width = rows, 1
    while 2 * width <= size:
        held, width = np.maximum(held[:, width:], held[:, :-width]), 2 * width
    more = size - width
    return np.maximum(held[:, more:], held[:, : held.shape[1] - more]) if more else held


class _TruePeak:
    """The largest value between the samples, 4 times oversampled by a windowed sinc of 24 taps.

    An interpolated value can't exceed the largest of its samples by more than the sum of the taps' magnitudes (7 dB):
    frames that can't beat what was found so far are passed over, and the loudest are looked at first.
    """

    _SHIFTS = np.array([0.25, 0.5, 0.75])[:, None] + _TAPS // 2 - 1 - np.arange(_TAPS)
    _BANK = (np.sinc(_SHIFTS) * np.i0(8 * np.sqrt(1 - (_SHIFTS / (_TAPS / 2)) ** 2)) / np.i0(8)).T.astype(np.float32)
    _GAIN = float(np.abs(_BANK).sum(axis=0).max())
    _BATCH = 2400

    def __init__(self) -> None:
        self._tail = np.zeros(_TAPS, np.float32)
        self._before = 0.0
        self._peak = 0.0

    def add(self, samples: Floats, loudest: Floats) -> None:
        """Take in samples, and the largest magnitude of each frame of them."""
        size = len(samples) // len(loudest)
        line = np.concatenate([self._tail, samples])
        # A frame's values lie between its own samples and the 24 before it: those of the frame before.
        near = np.maximum(loudest, np.concatenate([[self._before], loudest[:-1]]))
        self._peak = max(self._peak, float(loudest.max()))
        windows = np.lib.stride_tricks.sliding_window_view(line, size + _TAPS - 1)[1::size]
        hopeful = np.flatnonzero(near * self._GAIN > self._peak)
        order = hopeful[np.argsort(-near[hopeful])]
        batch = max(1, self._BATCH // size)
        for low in range(0, len(order), batch):
            chosen = order[low : low + batch]
            chosen = chosen[near[chosen] * self._GAIN > self._peak]
            if not len(chosen):
                break
            taken = np.lib.stride_tricks.sliding_window_view(windows[chosen], _TAPS, axis=1)
            self._peak = max(self._peak, float(np.abs(taken.reshape(-1, _TAPS) @ self._BANK).max()))
        self._tail = line[len(line) - _TAPS :].copy()
        self._before = float(loudest[-1])

    def result(self) -> float:
        """The peak as a magnitude; what follows the last sample is silence."""
        self.add(np.zeros(_TAPS, np.float32), np.zeros(1, np.float32))
        return self._peak


class _Clipping:
    """Rows of 3 samples and more at the ceiling: flat tops from 0.98 on (G.711's), or anything at full scale.

    Two neighbours that are both up there make a pair; a row of k pairs has k + 1 samples.
    """

    def __init__(self) -> None:
        self._last = 0.0
        self._open = 0
        self._samples = 0
        self._runs = 0

    def add(self, samples: Floats, loudest: float) -> None:
        """Take in samples, whose largest magnitude is known."""
        if loudest < _NEAR_CEILING:
            self._close(self._open)
            self._open, self._last = 0, float(samples[-1])
            return
        line = np.concatenate([np.array([self._last], np.float32), samples])
        self._last = float(samples[-1])
        size, above = np.abs(line), line > 0
        lower = np.minimum(size[1:], size[:-1])
        alike = (above[1:] == above[:-1]) & (lower >= _NEAR_CEILING)
        pairs = alike & ((np.abs(np.diff(line)) <= _FLAT) | (lower >= _CEILING))
        starts, ends = _runs(pairs)
        lengths = ends - starts
        if len(starts) and starts[0] == 0:
            lengths[0] += self._open
        else:
            self._close(self._open)
        self._open = 0
        if len(ends) and ends[-1] == len(pairs):
            self._open = int(lengths[-1])
            lengths = lengths[:-1]
        for length in lengths[lengths >= 2]:
            self._close(int(length))

    def result(self) -> tuple[int, int]:
        """Samples and rows."""
        self._close(self._open)
        self._open = 0
        return self._samples, self._runs

    def _close(self, pairs: int) -> None:
        if pairs >= 2:
            self._samples += pairs + 1
            self._runs += 1


class _Dropouts:
    """Short runs of exact zeros with sound right before and after them, to 1.25 ms."""

    _EDGE_CELLS = 4

    def __init__(self, cell_s: float) -> None:
        self._cell_s = cell_s
        self._shortest = math.ceil(DROPOUT_S[0] / cell_s - 1e-6)
        self._longest = math.floor(DROPOUT_S[1] / cell_s + 1e-6)
        self._tail = np.zeros(self._longest + 4 * self._EDGE_CELLS, np.float32)
        self._at = -len(self._tail)
        self.spans: list[Span] = []
        self.count = 0

    def add(self, cells: Floats) -> None:
        """Take in mean magnitudes of 1.25 ms each."""
        line = np.concatenate([self._tail, cells])
        edge = self._EDGE_CELLS
        starts, ends = _runs(line == 0)
        lengths = ends - starts
        # A run is judged once, when what follows it has come in.
        judged = (ends + edge > len(self._tail)) & (ends + edge <= len(line)) & (starts >= edge)
        for start, end in zip(
            starts[judged & (lengths >= self._shortest) & (lengths <= self._longest)],
            ends[judged & (lengths >= self._shortest) & (lengths <= self._longest)],
            strict=True,
        ):
            if line[start - edge : start].mean() >= _EDGE and line[end : end + edge].mean() >= _EDGE:
                self.count += 1
                if len(self.spans) < _MAX_SPANS:
                    self.spans.append(
                        Span(float(self._at + start) * self._cell_s, float(self._at + end) * self._cell_s)
                    )
        self._at += len(line) - len(self._tail)
        self._tail = line[len(line) - len(self._tail) :].copy()


class _Spectrum:
    """One spectrum a hop (about 50 ms of it), summed by level: which levels are speech and which noise shows later."""

    def __init__(self, rate: int, channels: int) -> None:
        self._size = 1 << round(math.log2(0.05 * rate))
        self._step_hz = rate / self._size
        self._window = np.hanning(self._size + 1)[:-1].astype(np.float32)
        self._scale = np.float32(2 / (self._size * float(np.sum(self._window**2))))
        bins = self._size // 2 + 1
        hertz = np.arange(bins) * self._step_hz
        edges = np.array(_BAND_EDGES_HZ)
        self._bands = ((hertz[:, None] >= edges[:-1]) & (hertz[:, None] < edges[1:])).astype(np.float32)
        self._speech = slice(int(300 / self._step_hz), int(3400 / self._step_hz))
        self._sums = np.zeros((channels, _CLASSES, bins))
        self._counts = np.zeros((channels, _CLASSES), np.int64)

    def add(self, hops: Floats) -> Floats:
        """Take in ``(channels, hops, samples)``; flatness (0 tonal, 0.56 noise) and band levels in dB of each hop."""
        spectra = np.fft.rfft(hops[:, :, : self._size] * self._window, axis=2)
        power = ((spectra.real**2 + spectra.imag**2) * self._scale).astype(np.float32, copy=False)
        power[:, :, :2] = 0  # the offset, spread by the window
        middle = power[:, :, self._speech] + np.float32(1e-14)
        out = np.empty((*hops.shape[:2], 1 + _BANDS), np.float32)
        out[:, :, 0] = np.exp(np.log(middle).mean(axis=2)) / middle.mean(axis=2)
        bands = _product(power.reshape(-1, power.shape[2]), self._bands)
        out[:, :, 1:] = _decibels(bands).reshape(*hops.shape[:2], _BANDS)
        levels = _decibels(power.sum(axis=2))
        classes = np.clip((levels - _LOWEST_DBFS) / _CLASS_DB, 0, _CLASSES - 1).astype(np.int64)
        for number, row in enumerate(classes):
            counts = np.bincount(row, minlength=_CLASSES)
            self._counts[number] += counts
            for level in np.flatnonzero(counts):
                self._sums[number, level] += power[number, row == level].sum(axis=0)
        return out

    def bandwidth_hz(self, number: int, speech: float | None, floor: float | None) -> float | None:
        """The upper edge of what is speech."""
        # A class holds what is louder than its own level by up to 3 dB.
        lowest = _LOWEST_DBFS + _CLASS_DB * np.arange(_CLASSES)
        loud = self._mean(number, lowest >= (FLOOR_DBFS if speech is None else speech) - 12)
        if loud is None:
            return None
        limit = np.full(len(loud), loud.max() * 1e-5)
        if floor is not None and speech is not None and speech - floor > 15:
            noise = self._mean(number, (lowest <= floor + 1) & (lowest > _LOWEST_DBFS))
            if noise is not None:
                limit = np.maximum(limit, 4 * noise)
        above = np.flatnonzero(loud > limit)
        return float(above[-1] * self._step_hz) if len(above) else None

    def _mean(self, number: int, chosen: NDArray[np.bool_]) -> Doubles | None:
        """Mean spectrum of some levels, smoothed over about 100 Hz."""
        count = int(self._counts[number][chosen].sum())
        if not count:
            return None
        width = max(1, round(100 / self._step_hz))
        mean = self._sums[number][chosen].sum(axis=0) / count
        return np.convolve(mean, np.full(width, 1 / width), mode="same") if mean.max() > 0 else None


def _hold_music(rows: Floats, decibels: Floats, quiet: NDArray[np.bool_], hop_s: float) -> tuple[HoldMusic, ...]:
    """Spans of 8 s and more in which tonal sound hardly pauses.

    Even pauseless talk has breath, stops and hisses in a tenth of its 100 ms or more; music has such in less than a
    thirtieth. A pause is what is silent, lies 12 dB under the mean around it (after Scheirer and Slaney 1997,
    "low-energy frames"), or has a flat spectrum: noise fills pauses. A tone, a hum alone or a song passes as well.
    """
    window = round(_HOLD_S / hop_s)
    if len(decibels) < window:
        return ()
    power = rows[:, _POWER].astype(np.float64)
    mean = _moving(power, window)
    centre = np.arange(len(power)) - window // 2
    around = mean[np.clip(centre, 0, len(mean) - 1)]
    # Noise fills pauses: what is flat is one, too.
    pause = quiet | (power < around * 10 ** (-_PAUSE_DB / 10)) | (rows[:, _FLATNESS] > _NOISE)
    steady = _moving(pause.astype(np.float64), window) <= _PAUSES
    # Each window that passes stands for all of its hops.
    marks = np.zeros(len(power) + 1)
    np.add.at(marks, np.flatnonzero(steady), 1)
    np.add.at(marks, np.flatnonzero(steady) + window, -1)
    starts, ends = _runs(_bridged(np.cumsum(marks)[:-1] > 0, round(_BRIDGE_S / hop_s)))
    found = []
    for start, end in zip(starts, ends, strict=True):
        period = _period(rows[start:end, _FLATNESS + 1 :], round(_SHORTEST_LOOP_S / hop_s))
        length_s = (end - start) * hop_s
        found.append(
            HoldMusic(
                Span(float(start * hop_s), float(end * hop_s)),
                0.9 if period is not None else 0.6 if length_s >= 20 else 0.4,
                None if period is None else float(period * hop_s),
            )
        )
    return tuple(found)


def _moving(values: Doubles, size: int) -> Doubles:
    """The mean of each `size` in a row."""
    sums = np.cumsum(np.concatenate([[0.0], values]))
    return cast("Doubles", (sums[size:] - sums[:-size]) / size)


def _bridged(marks: NDArray[np.bool_], longest: int) -> NDArray[np.bool_]:
    """`marks` with the gaps of up to `longest` between them closed."""
    out = marks.copy()
    starts, ends = _runs(~marks)
    for start, end in zip(starts, ends, strict=True):
        if start > 0 and end < len(marks) and end - start <= longest:
            out[start:end] = True
    return out


def _period(bands: Floats, shortest: int) -> int | None:
    """After how many hops the band levels repeat themselves, at least twice in all; None where they don't."""
    count = len(bands)
    if count < 2 * shortest:
        return None
    shape = bands.astype(np.float64) - bands.mean(axis=0)
    size = 1 << (2 * count - 1).bit_length()
    spectrum = np.fft.rfft(shape, size, axis=0)
    together = np.fft.irfft((spectrum * spectrum.conj()).sum(axis=1), size)[:count]
    energy = np.concatenate([[0.0], np.cumsum((shape**2).sum(axis=1))])
    lags = np.arange(shortest, count // 2 + 1)
    both = np.sqrt(energy[count - lags] * (energy[count] - energy[lags]))
    agreement = np.where(both > 1e-6 * count, together[lags] / np.maximum(both, 1e-9), 0.0)
    best = float(agreement.max())
    if best < _LOOP:
        return None
    # Twice the period agrees as well: the first lag that is about as good is the period itself.
    return int(lags[np.flatnonzero(agreement >= best - 0.05)[0]])


def _noise_floor(powers: Floats) -> float | None:
    """Mean power of the quietest tenth in dBFS."""
    if not len(powers):
        return None
    lowest = np.sort(powers)[: max(1, len(powers) // 10)]
    return _level(float(lowest.mean(dtype=np.float64)))


def _without_noise(speech: float, floor: float) -> float | None:
    """The speech's own level over the floor in dB."""
    over = speech - floor
    return 10 * math.log10(10 ** (over / 10) - 1) if over > 1 else None


def _level(power: float) -> float | None:
    """A mean square in dBFS; None for 0."""
    return 10 * math.log10(power) if power > 0 else None


def _decibels(powers: Floats) -> Floats:
    return cast("Floats", 10 * np.log10(np.maximum(powers, np.float32(10 ** (FLOOR_DBFS / 10)))))


def _spans(marks: NDArray[np.bool_], hop_s: float, length_s: float, shortest_s: float) -> tuple[Span, ...]:
    """Where `marks` are set for `shortest_s` or more; one that reaches the last hop reaches the end."""
    found = []
    for start, end in zip(*_runs(marks), strict=True):
        end_s = length_s if end == len(marks) else float(end * hop_s)
        if end_s - start * hop_s >= shortest_s - 1e-9:
            found.append(Span(float(start * hop_s), end_s))
    return tuple(found)


def _runs(marks: NDArray[np.bool_]) -> tuple[NDArray[Any], NDArray[Any]]:
    """First and behind-last index of each row of marks."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], marks, [False]]).astype(np.int8)))
    return edges[::2], edges[1::2]
