"""How far from its planned place each source plays: windows of it, searched for in the written file. Pure.

Times are seconds on the output clock unless a name says otherwise, levels dB relative to full scale. A positive lag
means that the output plays something later than planned.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np
import soxr

from komorebi_qc.core.samples import RATE
from komorebi_qc.sync.lags.gcc_phat import lag_peaks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from komorebi_qc.core.samples import Floats, Pcm
    from komorebi_qc.core.splice import Piece, SourceName, Splice

WIDTH, REACH = 8192, 2048
"""Samples at 8 kHz: windows of 1.024 s, lags up to 0.256 s. Together they suit a fast transform."""
BLOCK = WIDTH + 2 * REACH
SURE_Z = 11.0
"""A window that is really there has 40 to 150, chance 6 to 8 (`komorebi_qc.sync.lags.gcc_phat`)."""
QUIET_DB = -55.0
_WINDOWS = 12
"""Of each channel of the call, and of the recording's own audio."""
LESS_ACTIVE_DB = 20.0
_FRAME = 160


@dataclass(frozen=True, slots=True)
class Block:
    """Samples of one span.

    Attributes:
        pcm: shape ``(n, 2)``.
        rate: samples a second.
        start_s: the first sample's time on its source's clock.
    """

    pcm: Pcm
    rate: int
    start_s: float

    def at_rate(self, rate: int) -> Block:
        """The same audio at another sample rate."""
        if rate == self.rate or not len(self.pcm):
            return self
        return Block(cast("Pcm", soxr.resample(self.pcm, self.rate, rate)), rate, self.start_s)


@dataclass(frozen=True, slots=True)
class Lag:
    """The lag of one window.

    Attributes:
        output_s: the middle of the window.
        lag_s: how much later than planned it plays.
        z: its peak's height over the noise, see `SURE_Z`.
    """

    output_s: float
    lag_s: float
    z: float


@dataclass(frozen=True, slots=True)
class Residual:
    """One source in the output compared with the plan.

    Attributes:
        windows: windows of active audio, spread over all that plays of the source.
    """

    windows: tuple[Lag, ...]

    @property
    def found(self) -> tuple[Lag, ...]:
        """The windows that the output plays near their place."""
        return tuple(w for w in self.windows if w.z >= SURE_Z)

    @property
    def missing(self) -> float:
        """The share of the windows that weren't found; 0 without windows."""
        return 1.0 - len(self.found) / len(self.windows) if self.windows else 0.0

    @property
    def median_s(self) -> float | None:
        """The median lag; None if no window was found."""
        return float(np.median([w.lag_s for w in self.found])) if self.found else None

    @property
    def p95_s(self) -> float | None:
        """The magnitude that 95 % of the lags don't exceed; None if no window was found."""
        return float(np.percentile([abs(w.lag_s) for w in self.found], 95)) if self.found else None


@dataclass(frozen=True, slots=True)
class Window:
    """A piece of a source to search for in the output.

    Attributes:
        samples: `BLOCK` samples at 8 kHz; the outer `REACH` on either side don't count.
        channel: the channel of the output in which it plays.
        output_s: planned time of its middle.
    """

    samples: Floats
    channel: int
    output_s: float


def window(block: Block, piece: Piece, channel: int) -> Window:
    """A block of a source as a window: at 8 kHz, silent outside the piece."""
    samples = np.zeros(BLOCK, np.float32)
    low = block.at_rate(RATE).pcm[:BLOCK, channel]
    samples[: len(low)] = low
    at_s = piece.output.start_s + (block.start_s + np.arange(BLOCK) / RATE - piece.source_start_s) * piece.rate
    samples[(at_s < piece.output.start_s) | (at_s >= piece.output.end_s)] = 0.0
    return Window(samples, channel, float(at_s[0]) + BLOCK / RATE / 2 * piece.rate)


def choose_windows(blocks: Sequence[Block], splice: Splice, name: SourceName, channels: Sequence[int]) -> list[Window]:
    """Choose the most active block in each of 12 stretches of every channel, as far as it is active at all.

    Args:
        blocks: the candidates, in order of time.
        splice: which source was planned when.
        name: the source of the blocks.
        channels: the channels to choose for.
    """
    placed = []
    for block in blocks:
        middle_s = block.start_s + BLOCK / RATE / 2
        piece = next((p for p in splice.pieces if p.source == name and plays(p, middle_s)), None)
        if piece is not None:
            placed.append((block, piece))
    chosen: list[Window] = []
    for channel in channels:
        candidates = [window(block, piece, channel) for block, piece in placed]
        activity = np.array([activity_db(w.samples[REACH:-REACH]) for w in candidates])
        if not len(activity) or activity.max() < QUIET_DB:
            continue
        for stretch in np.array_split(np.arange(len(activity)), min(_WINDOWS, len(activity))):
            best = int(stretch[np.argmax(activity[stretch])])
            if activity[best] >= max(QUIET_DB, activity.max() - LESS_ACTIVE_DB):
                chosen.append(candidates[best])
    return chosen


def plays(piece: Piece, source_s: float) -> bool:
    """Whether a piece plays this moment of its source."""
    output_s = piece.output_s(source_s)
    return piece.output.start_s <= output_s < piece.output.end_s


def activity_db(samples: Floats) -> float:
    """Level of the louder two thirds of a window's frames, so that short pauses don't count.

    The level is that of the differences between samples, which weights down low frequencies.
    """
    frames = samples[: len(samples) // _FRAME * _FRAME].reshape(-1, _FRAME)
    power = np.sort(np.mean(np.square(np.diff(frames, axis=1)), axis=1))
    return 10.0 * math.log10(float(power[len(power) // 3 :].mean()) + 1e-12)


def measure_lags(windows: Sequence[Window], outputs: Sequence[Block]) -> tuple[Lag, ...]:
    """Find each window in the output by GCC-PHAT.

    Args:
        windows: what to search for.
        outputs: for each window the output around its place, `BLOCK` samples at 8 kHz.
    """
    if not windows:
        return ()
    count = len(windows)
    sources = np.stack([w.samples for w in windows]).reshape(-1, 1)
    played = np.zeros((count, BLOCK), np.float32)
    late_s = np.zeros(count)
    for row, (w, block) in enumerate(zip(windows, outputs, strict=True)):
        low = block.at_rate(RATE).pcm[:BLOCK, w.channel]
        played[row, : len(low)] = low
        late_s[row] = block.start_s + BLOCK / RATE / 2 - w.output_s
    starts = (np.arange(count) * BLOCK + REACH).astype(np.intp)
    found = lag_peaks(sources, 0, played.reshape(-1), starts, np.zeros(count, np.intp), WIDTH, REACH)
    lag_s = found.lag_s[:, 0] + late_s
    return tuple(Lag(w.output_s, float(lag), float(z)) for w, lag, z in zip(windows, lag_s, found.z[:, 0], strict=True))
