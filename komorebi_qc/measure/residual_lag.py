"""Where a source plays in the produced file against where it was planned: windows of it looked for near their place.

Times are seconds on the output clock unless a name says otherwise, levels dB relative to full scale. A lag is positive
where the output plays something later than planned. Nothing here reads a file.
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

    from numpy.typing import NDArray

    from komorebi_qc.core.samples import Pcm
    from komorebi_qc.core.splice import Piece, SourceName, Splice

    Floats = NDArray[np.float32]

WIDTH, REACH = 8192, 2048
"""Samples at 8 kHz: windows of 1.024 s, lags up to 0.256 s; together they suit a fast transform."""
BLOCK = WIDTH + 2 * REACH
SURE_Z = 11.0
"""A window that is truly there has 40 to 150, chance 6 to 8 (`sync.offset`)."""
WINDOWS = 12
"""Of each channel of the call, and of the recording's own audio."""
QUIET_DB = -55.0


@dataclass(frozen=True, slots=True)
class Block:
    """Samples of one place.

    Attributes:
        pcm: shape ``(n, 2)``.
        rate: samples a second.
        start_s: the first sample's time on its source's clock.
    """

    pcm: Pcm
    rate: int
    start_s: float

    def at_rate(self, rate: int) -> Block:
        """The same sound at another rate, in its place."""
        if rate == self.rate or not len(self.pcm):
            return self
        return Block(cast("Pcm", soxr.resample(self.pcm, self.rate, rate)), rate, self.start_s)


@dataclass(frozen=True, slots=True)
class Lag:
    """One window.

    Attributes:
        output_s: its middle.
        lag_s: how much later than planned it plays.
        z: how sure that is, see `SURE_Z`.
    """

    output_s: float
    lag_s: float
    z: float


@dataclass(frozen=True, slots=True)
class Residual:
    """One source in the output against the plan: windows of active sound, spread over all that plays of it."""

    windows: tuple[Lag, ...]

    @property
    def found(self) -> tuple[Lag, ...]:
        """The windows that are heard in the output near their place."""
        return tuple(w for w in self.windows if w.z >= SURE_Z)

    @property
    def missing(self) -> float:
        """The share of the windows that aren't; 0 where there are none."""
        return 1.0 - len(self.found) / len(self.windows) if self.windows else 0.0

    @property
    def median_s(self) -> float | None:
        """The lag of most; None where nothing was found."""
        return float(np.median([w.lag_s for w in self.found])) if self.found else None

    @property
    def p95_s(self) -> float | None:
        """The size of lag that 95 % of the windows stay within; None where nothing was found."""
        return float(np.percentile([abs(w.lag_s) for w in self.found], 95)) if self.found else None


@dataclass(frozen=True, slots=True)
class Window:
    """A piece of a source that is looked for in the output.

    Attributes:
        sound: `BLOCK` samples at 8 kHz; the outer `REACH` on either side don't count.
        channel: of the output in which it plays.
        output_s: where its middle ought to play.
    """

    sound: Floats
    channel: int
    output_s: float


def window(block: Block, piece: Piece, channel: int) -> Window:
    """A block of a source as it is looked for: at 8 kHz, silent where the piece doesn't play it."""
    sound = np.zeros(BLOCK, np.float32)
    low = block.at_rate(RATE).pcm[:BLOCK, channel]
    sound[: len(low)] = low
    at = piece.output.start_s + (block.start_s + np.arange(BLOCK) / RATE - piece.source_start_s) * piece.rate
    sound[(at < piece.output.start_s) | (at >= piece.output.end_s)] = 0.0
    return Window(sound, channel, float(at[0]) + BLOCK / RATE / 2 * piece.rate)


def choose(blocks: Sequence[Block], splice: Splice, name: SourceName, channels: Sequence[int]) -> list[Window]:
    """Of each channel the most active block in each of `WINDOWS` stretches, as far as it is active at all."""
    placed = []
    for block in blocks:
        middle = block.start_s + BLOCK / RATE / 2
        piece = next((p for p in splice.pieces if p.source == name and plays(p, middle)), None)
        if piece is not None:
            placed.append((block, piece))
    out: list[Window] = []
    for channel in channels:
        offered = [window(block, piece, channel) for block, piece in placed]
        worth = np.array([activity_db(w.sound[REACH:-REACH]) for w in offered])
        if not len(worth) or worth.max() < QUIET_DB:
            continue
        for stretch in np.array_split(np.arange(len(worth)), min(WINDOWS, len(worth))):
            best = int(stretch[np.argmax(worth[stretch])])
            if worth[best] >= max(QUIET_DB, worth.max() - 20.0):
                out.append(offered[best])
    return out


def plays(piece: Piece, source_s: float) -> bool:
    """Whether a piece plays this moment of its source."""
    at = piece.output_s(source_s)
    return piece.output.start_s <= at < piece.output.end_s


def activity_db(sound: Floats) -> float:
    """The level of the weaker third of a window: speech all through it outdoes one loud word."""
    frames = sound[: len(sound) // 160 * 160].reshape(-1, 160)
    power = np.sort(np.mean(np.square(np.diff(frames, axis=1)), axis=1))
    return 10.0 * math.log10(float(power[len(power) // 3 :].mean()) + 1e-12)


def measure_lags(windows: Sequence[Window], heard: Sequence[Block]) -> tuple[Lag, ...]:
    """Where each window is heard; `heard` is the output round its place, `BLOCK` samples of 8 kHz long."""
    if not windows:
        return ()
    count = len(windows)
    sources = np.stack([w.sound for w in windows]).reshape(-1, 1)
    outputs = np.zeros((count, BLOCK), np.float32)
    late_s = np.zeros(count)
    for row, (w, block) in enumerate(zip(windows, heard, strict=True)):
        low = block.at_rate(RATE).pcm[:BLOCK, w.channel]
        outputs[row, : len(low)] = low
        late_s[row] = block.start_s + BLOCK / RATE / 2 - w.output_s
    starts = (np.arange(count) * BLOCK + REACH).astype(np.intp)
    found = lag_peaks(sources, 0, outputs.reshape(-1), starts, np.zeros(count, np.intp), WIDTH, REACH)
    lag_s = found.lag_s[:, 0] + late_s
    return tuple(Lag(w.output_s, float(lag), float(z)) for w, lag, z in zip(windows, lag_s, found.z[:, 0], strict=True))
