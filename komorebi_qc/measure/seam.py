"""Each seam of the written file: position, level and bandwidth of its two sides, holes, clicks. Pure.

Times are seconds on the output clock unless a name says otherwise. Levels are dB relative to full scale, the powers of
both channels added as in ITU-R BS.1770-5. A measurement that silence makes impossible is None.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from komorebi_qc.core.samples import RATE
from komorebi_qc.core.timebase import Span
from komorebi_qc.measure.residual_lag import (
    BLOCK,
    LESS_ACTIVE_DB,
    QUIET_DB,
    REACH,
    SURE_Z,
    WIDTH,
    Block,
    Window,
    activity_db,
    measure_lags,
    window,
)
from komorebi_qc.measure.seam_signal import NEAR_S, bandwidth_hz, click_db, hole_s, level_db, speech_frames

if TYPE_CHECKING:
    from collections.abc import Sequence

    from komorebi_qc.core.samples import Pcm
    from komorebi_qc.core.splice import Piece, SourceName
    from komorebi_qc.core.timestamps.timing import Discontinuity

SIDE_S = 4.0
SHIFT_S = 0.002
"""A smaller shift between the two sides is measurement noise."""
_AWAY_S = (0.0, 0.5, 1.0, 2.0)
"""Distances of a side's windows from the seam; the farther ones are for silence next to it."""


@dataclass(frozen=True, slots=True)
class Side:
    """The audio within `SIDE_S` on one side of a seam.

    Attributes:
        lag_s: how much later than planned its source plays.
        level_db: level of up to a second of speech next to the seam.
        source_level_db: level of the same speech in the source.
        bandwidth_hz: highest frequency of its speech.
    """

    lag_s: float | None
    level_db: float | None
    source_level_db: float | None
    bandwidth_hz: float | None


@dataclass(frozen=True, slots=True)
class SeamCheck:
    """The measurements of one seam.

    Attributes:
        output_s: its time.
        sources: the source before it and the source after it.
        before: the side before it.
        after: the side after it.
        hole_s: the longest stretch near it in which the output is silent and its source isn't; None if the sources are
            silent.
        timestamp_gap_s: sum of the gaps and overlaps in the file's timestamps near it.
        click_db: how far its sharpest edge exceeds the edges around it and in the sources.
    """

    output_s: float
    sources: tuple[SourceName, SourceName]
    before: Side
    after: Side
    hole_s: float | None
    timestamp_gap_s: float
    click_db: float

    @property
    def shift_s(self) -> float | None:
        """How much the side after the seam was moved against the side before; None if neither has a lag."""
        if self.before.lag_s is None and self.after.lag_s is None:
            return None
        return (self.after.lag_s or 0.0) - (self.before.lag_s or 0.0)

    @property
    def gap_s(self) -> float | None:
        """Time inserted (positive) or missing (negative) at the seam, or the silent time; None if unknown."""
        shift_s = self.shift_s
        if shift_s is not None and abs(shift_s) > SHIFT_S:
            return shift_s
        have_lags = self.before.lag_s is not None and self.after.lag_s is not None
        if self.hole_s is None and not have_lags and not self.timestamp_gap_s:
            return None
        return max(self.hole_s or 0.0, abs(self.timestamp_gap_s))

    @property
    def level_step_db(self) -> float | None:
        """The step in level; positive if it gets louder."""
        if self.before.level_db is None or self.after.level_db is None:
            return None
        return self.after.level_db - self.before.level_db

    @property
    def source_step_db(self) -> float | None:
        """The step between the sources themselves."""
        if self.before.source_level_db is None or self.after.source_level_db is None:
            return None
        return self.after.source_level_db - self.before.source_level_db

    @property
    def added_step_db(self) -> float | None:
        """The step in the output beyond that of the sources: joining them made it."""
        if self.level_step_db is None or self.source_step_db is None:
            return None
        return self.level_step_db - self.source_step_db


def check_seam(
    before: Piece,
    after: Piece,
    output: Block,
    first: Block | None,
    second: Block | None,
    steps: Sequence[Discontinuity] = (),
    masked: Sequence[Span] = (),
) -> SeamCheck:
    """Measure one seam.

    Args:
        before: the piece that ends there.
        after: the piece that begins there.
        output: the output around it.
        first: the source before it, from `SIDE_S` before the seam to a little after it; None for silence.
        second: the source after it, from a little before the seam on; None for silence.
        steps: the discontinuities of the output's timestamps.
        masked: the masks, in which the output is silent on purpose.
    """
    seam_s, rate = after.output.start_s, output.rate
    at = round((seam_s - output.start_s) * rate)
    # Both sources at the output's rate and place. The drift within 4 s is below half a millisecond.
    one, two = (_as_planned(piece, block, output, seam_s) for piece, block in ((before, first), (after, second)))
    for mask in masked:
        silent = slice(*(max(0, round((at_s - output.start_s) * rate)) for at_s in (mask.start_s, mask.end_s)))
        one[silent] = two[silent] = 0.0
    starts = at - min(round(SIDE_S * rate), round(before.output.length_s * rate))
    ends = at + min(round(SIDE_S * rate), round(after.output.length_s * rate))
    sides = (
        _side(before, output, one, slice(max(0, starts), at), first, seam_s, direction=-1),
        _side(after, output, two, slice(at, ends), second, seam_s, direction=1),
    )
    one, two = (np.roll(pcm, round((s.lag_s or 0.0) * rate), axis=0) for pcm, s in zip((one, two), sides, strict=True))
    fade = Span(min(after.fade_in.start_s, seam_s), max(after.fade_in.end_s, seam_s))
    inside = slice(round((fade.start_s - output.start_s) * rate), round((fade.end_s - output.start_s) * rate))
    return SeamCheck(
        seam_s,
        (before.source, after.source),
        *sides,
        hole_s(output.pcm, one, two, inside, rate),
        sum(step.size_s for step in steps if abs(step.at_s - seam_s) <= NEAR_S),
        click_db(output.pcm, one, two, inside, rate),
    )


def _as_planned(piece: Piece, block: Block | None, output: Block, seam_s: float) -> Pcm:
    """The source's samples where the output should play them, shape of `output.pcm`; silence elsewhere."""
    planned = np.zeros_like(output.pcm)
    if block is None or not len(block.pcm):
        return planned
    pcm = block.at_rate(output.rate).pcm
    start_s = seam_s - (piece.source_s(seam_s) - block.start_s) * piece.rate
    start = round((start_s - output.start_s) * output.rate)
    low, high = max(0, start), min(len(planned), start + len(pcm))
    if low < high:
        planned[low:high] = pcm[low - start : high - start]
    return planned


def _side(
    piece: Piece, output: Block, planned: Pcm, where: slice, source: Block | None, seam_s: float, *, direction: int
) -> Side:
    """Measure one side of a seam.

    Args:
        piece: the piece on this side.
        output: the output around the seam.
        planned: the source at the output's rate and place.
        where: the samples of this side.
        source: the source as decoded.
        seam_s: the seam.
        direction: -1 for the side before the seam, 1 for the side after it.
    """
    played, own = output.pcm[where][::direction], planned[where][::direction]
    frames = speech_frames(own if source is not None and own.any() else played, output.rate)
    return Side(
        _side_lag(piece, output, source, seam_s, direction),
        level_db(played, frames, output.rate),
        level_db(own, frames, output.rate) if source is not None else None,
        bandwidth_hz(played, frames, output.rate),
    )


def _side_lag(piece: Piece, output: Block, source: Block | None, seam_s: float, direction: int) -> float | None:
    """The lag of the active window nearest to the seam; faint sound beside speech has no lag of its own."""
    if source is None or not len(source.pcm):
        return None
    low = source.at_rate(RATE)
    channels = (0, 1) if piece.source == "call" else (0,)
    windows: list[Window] = []
    for away_s in _AWAY_S:
        middle_s = seam_s + direction * (WIDTH / RATE / 2 + away_s)
        block = _block_at(low, piece.source_s(middle_s))
        windows += [window(block, piece, channel) for channel in channels]
    levels_db = [activity_db(w.samples[REACH:-REACH]) for w in windows]
    least_db = max(QUIET_DB, max(levels_db) - LESS_ACTIVE_DB)
    active = [w for w, level in zip(windows, levels_db, strict=True) if level >= least_db]
    played = output.at_rate(RATE)
    around = [_block_at(played, w.output_s) for w in active]
    return next((lag.lag_s for lag in measure_lags(active, around) if lag.z >= SURE_Z), None)


def _block_at(track: Block, middle_s: float) -> Block:
    """`BLOCK` samples of a track at 8 kHz around a moment; silence outside the track."""
    first = round((middle_s - track.start_s) * RATE) - BLOCK // 2
    pcm = np.zeros((BLOCK, 2), np.float32)
    begin, end = max(0, first), min(len(track.pcm), first + BLOCK)
    if begin < end:
        pcm[begin - first : end - first] = track.pcm[begin:end]
    return Block(pcm, RATE, track.start_s + first / RATE)
