"""How each seam of the produced file sounds: its sides' place, level and bandwidth, what is silent there, what clicks.

All of it is measured on pieces that were decoded before. Times are seconds on the output clock unless a name says
otherwise, levels dB relative to full scale (both channels' powers added, as ITU-R BS.1770-5 does), frequencies Hz. What
can't be told, since there is silence, is None.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np

from komorebi_qc.core.samples import RATE
from komorebi_qc.core.timebase import Span
from komorebi_qc.measure.residual_lag import (
    BLOCK,
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

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from komorebi_qc.core.samples import Pcm
    from komorebi_qc.core.splice import Piece, SourceName
    from komorebi_qc.core.timing import Discontinuity

    Floats = NDArray[np.float32]

SIDE_S = 4.0
_NEAR_S = 0.15
SHIFT_S = 0.002


@dataclass(frozen=True, slots=True)
class Side:
    """What is heard within `SIDE_S` on one side of a seam.

    Attributes:
        lag_s: how much later than planned its source plays.
        level_db: of a second of speech next to the seam.
        source_level_db: the same speech in the source itself.
        edge_hz: up to where its speech has sound.
    """

    lag_s: float | None
    level_db: float | None
    source_level_db: float | None
    edge_hz: float | None


@dataclass(frozen=True, slots=True)
class SeamCheck:
    """One seam.

    Attributes:
        output_s: where.
        sources: whose audio hands over to whose.
        before: the side before it.
        after: the side after it.
        hole_s: the longest stretch near it that is silent though its source isn't; None where the sources are silent.
        stamp_gap_s: what the file's time stamps lack near it.
        click_db: how far its sharpest edge stands above those around it and in the sources.
    """

    output_s: float
    sources: tuple[SourceName, SourceName]
    before: Side
    after: Side
    hole_s: float | None
    stamp_gap_s: float
    click_db: float

    @property
    def shift_s(self) -> float | None:
        """By how much what follows was moved against what precedes; None where neither could be placed."""
        if self.before.lag_s is None and self.after.lag_s is None:
            return None
        return (self.after.lag_s or 0.0) - (self.before.lag_s or 0.0)

    @property
    def gap_s(self) -> float | None:
        """What was put in (positive) or is missing (negative), or how long it is silent; None where nothing tells."""
        shift_s = self.shift_s
        if shift_s is not None and abs(shift_s) > SHIFT_S:
            return shift_s
        is_placed = self.before.lag_s is not None and self.after.lag_s is not None
        if self.hole_s is None and not is_placed and not self.stamp_gap_s:
            return None
        return max(self.hole_s or 0.0, abs(self.stamp_gap_s))

    @property
    def level_step_db(self) -> float | None:
        """Positive where it gets louder."""
        if self.before.level_db is None or self.after.level_db is None:
            return None
        return self.after.level_db - self.before.level_db

    @property
    def source_step_db(self) -> float | None:
        """The step that the sources have by themselves."""
        if self.before.source_level_db is None or self.after.source_level_db is None:
            return None
        return self.after.source_level_db - self.before.source_level_db

    @property
    def added_step_db(self) -> float | None:
        """The step that they don't have: it was made by joining them."""
        if self.level_step_db is None or self.source_step_db is None:
            return None
        return self.level_step_db - self.source_step_db


def check_seam(
    before: Piece,
    after: Piece,
    heard: Block,
    first: Block | None,
    second: Block | None,
    stamps: Sequence[Discontinuity] = (),
) -> SeamCheck:
    """Measure one seam.

    Args:
        before: the piece that ends there.
        after: the piece that begins there.
        heard: the output round it.
        first: the source of what is before, from `SIDE_S` before the seam to a little past it; None for silence.
        second: the source of what is after, from a little before the seam on.
        stamps: the steps in the output's time stamps.
    """
    seam_s, rate = after.output.start_s, heard.rate
    at = round((seam_s - heard.start_s) * rate)
    # Both sources at the output's rate and in its place; the drift within 4 s is below half a millisecond.
    one, two = (_laid(piece, block, heard, seam_s) for piece, block in ((before, first), (after, second)))
    starts = at - min(round(SIDE_S * rate), round(before.output.length_s * rate))
    ends = at + min(round(SIDE_S * rate), round(after.output.length_s * rate))
    sides = (
        _side(before, heard, one, slice(max(0, starts), at), first, seam_s, nearest=-1),
        _side(after, heard, two, slice(at, ends), second, seam_s, nearest=1),
    )
    one, two = (np.roll(pcm, round((s.lag_s or 0.0) * rate), axis=0) for pcm, s in zip((one, two), sides, strict=True))
    fade = Span(min(after.fade_in.start_s, seam_s), max(after.fade_in.end_s, seam_s))
    inside = slice(round((fade.start_s - heard.start_s) * rate), round((fade.end_s - heard.start_s) * rate))
    return SeamCheck(
        seam_s,
        (before.source, after.source),
        *sides,
        hole(heard.pcm, one, two, inside, rate),
        sum(s.size_s for s in stamps if abs(s.at_s - seam_s) <= _NEAR_S),
        click(heard.pcm, one, two, inside, rate),
    )


def _laid(piece: Piece, block: Block | None, heard: Block, seam_s: float) -> Pcm:
    out = np.zeros_like(heard.pcm)
    if block is None or not len(block.pcm):
        return out
    pcm = block.at_rate(heard.rate).pcm
    start_s = seam_s - (piece.source_s(seam_s) - block.start_s) * piece.rate
    start = round((start_s - heard.start_s) * heard.rate)
    low, high = max(0, start), min(len(out), start + len(pcm))
    if low < high:
        out[low:high] = pcm[low - start : high - start]
    return out


def _side(
    piece: Piece, heard: Block, laid: Pcm, where: slice, source: Block | None, seam_s: float, *, nearest: int
) -> Side:
    """Measure one side; `nearest` is -1 where the seam is at its end and 1 where it is at its start."""
    out, src = heard.pcm[where][::nearest], laid[where][::nearest]
    frames = speech_frames(src if source is not None and src.any() else out, heard.rate)
    return Side(
        _side_lag(piece, heard, source, seam_s, nearest),
        level_db(out, frames, heard.rate),
        level_db(src, frames, heard.rate) if source is not None else None,
        edge_hz(out, frames, heard.rate),
    )


def _side_lag(piece: Piece, heard: Block, source: Block | None, seam_s: float, nearest: int) -> float | None:
    """The lag of the active window next to the seam."""
    if source is None or not len(source.pcm):
        return None
    low = source.at_rate(RATE)
    asked: list[Window] = []
    # The window next to the seam, and three farther off where there is silence.
    for away_s in (0.0, 0.5, 1.0, 2.0):
        middle_s = seam_s + nearest * (WIDTH / RATE / 2 + away_s)
        first = round((piece.source_s(middle_s) - low.start_s) * RATE) - BLOCK // 2
        pcm = np.zeros((BLOCK, 2), np.float32)
        begin, end = max(0, first), min(len(low.pcm), first + BLOCK)
        if begin < end:
            pcm[begin - first : end - first] = low.pcm[begin:end]
        block = Block(pcm, RATE, low.start_s + first / RATE)
        asked += [window(block, piece, channel) for channel in ((0, 1) if piece.source == "call" else (0,))]
    active = [w for w in asked if activity_db(w.sound[REACH:-REACH]) >= QUIET_DB]
    whole = heard.at_rate(RATE)
    rounds = []
    for w in active:
        first = round((w.output_s - whole.start_s) * RATE) - BLOCK // 2
        pcm = np.zeros((BLOCK, 2), np.float32)
        begin, end = max(0, first), min(len(whole.pcm), first + BLOCK)
        pcm[begin - first : end - first] = whole.pcm[begin:end]
        rounds.append(Block(pcm, RATE, whole.start_s + first / RATE))
    return next((lag.lag_s for lag in measure_lags(active, rounds) if lag.z >= SURE_Z), None)


_FRAME_S = 0.020
_SPEECH_S = 1.0
_LEAST_S = 0.2


def speech_frames(pcm: Pcm, rate: int) -> NDArray[np.intp]:
    """Frames of 20 ms that hold speech, up to a second of them from the front on; none where there is only noise.

    Speech rises and falls by far more than 8 dB in any second; what stays on one level is a noise.
    """
    size = round(_FRAME_S * rate)
    count = len(pcm) // size
    none = np.zeros(0, np.intp)
    if count < 5:
        return none
    frames = pcm[: count * size].reshape(count, size * 2)
    level = 10.0 * np.log10(2.0 * np.mean(np.square(frames), axis=1) + 1e-12)
    loud = float(np.percentile(level, 95))
    if loud < QUIET_DB or loud - float(np.percentile(level, 10)) < 8.0:
        return none
    active = np.flatnonzero(level >= max(loud - 15.0, QUIET_DB))[: round(_SPEECH_S / _FRAME_S)]
    return active if len(active) * _FRAME_S >= _LEAST_S else none


def level_db(pcm: Pcm, frames: NDArray[np.intp], rate: int) -> float | None:
    """The level of these frames, both channels' powers added; None without any."""
    if not len(frames):
        return None
    size = round(_FRAME_S * rate)
    cut = pcm[: len(pcm) // size * size].reshape(-1, size, 2)[frames]
    return 10.0 * math.log10(2.0 * float(np.mean(np.square(cut, dtype=np.float64))) + 1e-12)


def edge_hz(pcm: Pcm, frames: NDArray[np.intp], rate: int) -> float | None:
    """Up to where these frames have sound: no more than 50 dB below the strongest band of 250 Hz; None without any."""
    if not len(frames):
        return None
    size = round(_FRAME_S * rate)
    cut = pcm[: len(pcm) // size * size].reshape(-1, size, 2)[frames] * np.hanning(size)[None, :, None]
    power = np.mean(np.square(np.abs(np.fft.rfft(cut, axis=1))), axis=(0, 2))
    bands = max(1, round(250.0 * _FRAME_S))
    smooth = np.convolve(power, np.ones(bands) / bands, mode="same")
    above = np.flatnonzero(smooth >= smooth.max() * 1e-5)
    return float(above[-1]) / _FRAME_S if len(above) else None


def hole(heard: Pcm, first: Pcm, second: Pcm, inside: slice, rate: int) -> float | None:
    """The longest silence within 150 ms of a seam that its sources don't have, in seconds.

    Silent is what peaks 20 dB below the sources' level there for 8 ms and more: longer than a voice rests between two
    strokes. None where the sources are silent there.

    Args:
        heard: the output.
        first: what ought to be heard before the fade, in the same place.
        second: what ought to be heard after it.
        inside: where the fade lies.
        rate: samples a second, of all.
    """
    near = round(_NEAR_S * rate)
    low, high = max(0, inside.start - near), min(len(heard), inside.stop + near)
    window_ms, peak_ms = max(1, round(0.005 * rate)), max(1, round(0.001 * rate))
    levels = [_moving(np.square(pcm[low:high]).sum(axis=1), window_ms) for pcm in (first, second)]
    expected = np.where(np.arange(low, high) < inside.start, levels[0], levels[1])
    cut = slice(max(0, inside.start - low), max(0, inside.stop - low))
    expected[cut] = np.minimum(levels[0], levels[1])[cut]
    peak = _highest(np.square(heard[low:high]).sum(axis=1), peak_ms)
    # A quieter copy is no hole: each side is judged against its own gain.
    middle = (inside.start + inside.stop) // 2 - low
    for side in (slice(0, middle), slice(middle, None)):
        planned, played = float(np.median(np.sort(expected[side])[::-1][: near // 2])), 0.0
        loud = np.sort(peak[side])[::-1][: near // 2]
        played = float(np.median(loud)) if len(loud) else 0.0
        if planned > 0.0:
            expected[side] *= min(1.0, max(played / planned, 1e-3))
    sounds = expected >= 10.0 ** (QUIET_DB / 10.0)
    if np.count_nonzero(sounds) < 0.02 * rate:
        return None
    lost = sounds & (peak < expected * 0.01)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], lost, [False]]).astype(np.int8)))
    runs: list[tuple[int, int]] = []
    for begin, end in zip(edges[::2], edges[1::2], strict=True):
        if runs and begin - runs[-1][1] <= 2 * peak_ms:
            runs[-1] = (runs[-1][0], int(end))
        else:
            runs.append((int(begin), int(end)))
    longest = max((end - begin for begin, end in runs), default=0) / rate
    # The peak reaches half its window into the hole from either side.
    return longest + peak_ms / rate if longest >= 0.008 else 0.0


def _moving(power: Floats, size: int) -> Floats:
    return np.convolve(power, np.ones(size, np.float32) / np.float32(size), mode="same").astype(np.float32)


def _highest(power: Floats, size: int) -> Floats:
    padded = np.pad(power, (size // 2, size - 1 - size // 2), mode="edge")
    return cast("Floats", np.lib.stride_tricks.sliding_window_view(padded, size).max(axis=1))


_FLOOR = 10.0 ** (-50.0 / 20.0)
"""A bend of a smaller size is below what is heard, even in silence."""


def click(heard: Pcm, first: Pcm, second: Pcm, inside: slice, rate: int) -> float:
    """How many dB the sharpest bend of the wave near a seam stands above what is usual round it and in the sources.

    The bend is the second difference: a jump from a sample to the next is one, a voice at telephone bandwidth has none.
    Usual is what one sample in a thousand reaches within a quarter of a second on either side: a sound masks another no
    longer than about 0.2 s.
    """
    near, far, skirt = round(0.025 * rate), round(0.250 * rate), round(0.035 * rate)
    sharp = _bend(heard)
    low, high = max(0, inside.start - near), min(len(sharp), inside.stop + near)
    around = np.concatenate([sharp[max(0, low - far) : max(0, low - skirt)], sharp[high + skirt : high + far]])
    usual = float(np.percentile(around, 99.9)) if len(around) else 0.0
    # Each source up to where it plays: behind the call's last sample there is nothing, and that is a bend of its own.
    own = [_bend(first)[low : max(low, inside.start - 4)], _bend(second)[inside.stop + 4 : high]]
    most = max(float(part.max(initial=0.0)) for part in own)
    peak = float(sharp[low:high].max(initial=0.0))
    return 20.0 * math.log10(max(peak, 1e-9) / max(usual, most, _FLOOR))


def _bend(pcm: Pcm) -> Floats:
    out = np.zeros(len(pcm), np.float32)
    if len(pcm) > 2:
        out[1:-1] = np.abs(np.diff(pcm, n=2, axis=0)).max(axis=1)
    return out
