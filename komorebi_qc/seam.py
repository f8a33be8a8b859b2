"""The produced file checked against its plan: how each seam sounds, and whether every source lies where it should.

Only bounded pieces of the three files are decoded (`check_result`); all that is measured on them is pure. Times are
seconds on the output clock unless a name says otherwise, levels dB relative to full scale (both channels' powers
added, as ITU-R BS.1770-5 does), frequencies Hz. A lag is positive where the output plays something later than planned.
What can't be told, since there is silence, is None, and its finding says `UNDETERMINED` and passes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import soxr

from komorebi_qc.media import (
    CALL_FORMATS,
    RECORDING_FORMATS,
    SharedPackets,
    audio_stream,
    codec_name,
    has_index,
    opened,
    packets,
)
from komorebi_qc.pcm import PcmTrack
from komorebi_qc.sync.offset import peaks
from komorebi_qc.sync.samples import RATE
from komorebi_qc.timebase import Span, clock_text
from komorebi_qc.timing import Step, opus_packet_s, steps, usual_s
from komorebi_qc.verdict import Finding, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from av.container import InputContainer
    from numpy.typing import NDArray

    from komorebi_qc.pcm import Pcm
    from komorebi_qc.probe import MediaInfo
    from komorebi_qc.splice import Piece, SourceName, Splice
    from komorebi_qc.stores import Source

    Doubles = NDArray[np.float64]
    Floats = NDArray[np.float32]

UNDETERMINED = "undetermined"
WIDTH, REACH = 8192, 2048
"""Samples at 8 kHz: windows of 1.024 s, lags up to 0.256 s; together they suit a fast transform."""
BLOCK = WIDTH + 2 * REACH
SURE_Z = 11.0
"""A window that is truly there has 40 to 150, chance 6 to 8 (`sync.offset`)."""
WINDOWS = 12
"""Of each channel of the call, and of the recording's own audio."""
_SPOTS: dict[SourceName, int] = {"call": 60, "recording": 24}
"""Places to look at for active windows: a recording's packets cost ten times as much to decode."""
_FIRST = 8
_SIDE_S = 4.0
_PAST_S = 0.3
_NEAR_S = 0.15
_QUIET_DB = -55.0
_APART_S = 60.0
_MARGIN_S = 0.5
_SHIFT_S = 0.002


@dataclass(frozen=True, slots=True)
class SeamLimit:
    """Up to where a measurement passes, up to where it is only warned of, and who says so."""

    warn_above: float
    fail_above: float
    source: str


LIMITS = {
    "seam_gap": SeamLimit(0.005, 0.060, "ITU-T G.711 Appendix I: concealment fades to silence in 60 ms"),
    "seam_level_step": SeamLimit(12.0, math.inf, "RFC 7874, 4: speech within 6 dB of its level, on either side"),
    "seam_level_added": SeamLimit(1.0, 6.0, "own: a step of 1 dB is just noticed; 6 dB halve the amplitude"),
    "seam_click": SeamLimit(6.0, math.inf, "own: clean seams stay under 0 dB"),
    "seam_bandwidth": SeamLimit(
        2800.0, 0.0, "own, below: 300 to 3,400 Hz of ITU-T G.712, less what a voice leaves out"
    ),
    "residual": SeamLimit(0.001, 0.020, "own: a twentieth of EBU R37's 40 ms is far below notice; 20 ms is half of it"),
    "residual_missing": SeamLimit(0.25, 0.5, "own: two speakers at once and noise hide a few windows"),
    "output_gap": SeamLimit(0.005, 0.060, "ITU-T G.711 Appendix I, as at a seam"),
}
"""Seconds, dB, Hz (there: passes above), shares."""


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
class Side:
    """What is heard within `_SIDE_S` on one side of a seam.

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
        if shift_s is not None and abs(shift_s) > _SHIFT_S:
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


@dataclass(frozen=True, slots=True)
class ResultCheck:
    """All that was measured on the produced file.

    Attributes:
        seams: in order.
        call: Connect's audio in the output.
        own: the recording's own audio in the output.
        stamps: gaps and overlaps in the output's audio time stamps.
    """

    seams: tuple[SeamCheck, ...]
    call: Residual
    own: Residual
    stamps: tuple[Step, ...]


# Reading --------------------------------------------------------------------------------------------------------------


def check_result(output: Source, call: Source, recording: Source, info: MediaInfo, splice: Splice) -> ResultCheck:
    """Measure a produced file against the splice that it was made by.

    Args:
        output: what was made.
        call: Connect's audio.
        recording: the agent recording.
        info: what `probe_recording` said of it.
        splice: what ought to play when.

    Raises:
        MediaError: where one of them can't be opened.
    """
    seams = list(pairwise(splice.pieces))
    sources: dict[SourceName, list[Block]] = {"call": [], "recording": []}
    asked: dict[SourceName, list[Span]] = {name: _spots(splice, name) for name in sources}
    counts = {name: len(spans) for name, spans in asked.items()}
    places: list[tuple[int, int]] = []
    for before, after in seams:
        places.append(
            (len(asked.get(before.source, ())), len(asked.get(after.source, ())) + (before.source == after.source))
        )
        seam_s = after.output.start_s
        for piece, span in ((before, Span(seam_s - _SIDE_S, seam_s + _PAST_S)), (after, _after(seam_s))):
            if piece.source in asked:
                asked[piece.source].append(Span(piece.source_s(span.start_s), piece.source_s(span.end_s)))
    with opened(call.again(), CALL_FORMATS) as container:
        sources["call"], _ = _blocks(container, asked["call"], None)
    if info.audio is not None:
        with opened(recording.again(), RECORDING_FORMATS) as container:
            sources["recording"], _ = _blocks(container, asked["recording"], info.origin_s)
    chosen = {
        name: choose(blocks[: counts[name]], splice, name, (0, 1) if name == "call" else (0,))
        for name, blocks in sources.items()
    }
    windows = [*chosen["call"], *chosen["recording"]]
    wanted = [Span(w.output_s - BLOCK / RATE / 2, w.output_s + BLOCK / RATE / 2) for w in windows]
    wanted += [
        Span(after.output.start_s - _SIDE_S - _PAST_S, after.output.start_s + _SIDE_S + _PAST_S) for _, after in seams
    ]
    with opened(output.again(), RECORDING_FORMATS) as container:
        heard, stamps = _blocks(container, wanted, 0.0, notes=True)
    lags = measure_lags(windows, heard[: len(windows)])
    checks = []
    for (before, after), (first, second), block in zip(seams, places, heard[len(windows) :], strict=True):
        if not len(block.pcm):
            continue  # without an audio track no window is found, which is said
        pair = [
            sources[piece.source][at] if sources.get(piece.source) else None
            for piece, at in ((before, first), (after, second))
        ]
        checks.append(check_seam(before, after, block, pair[0], pair[1], stamps))
    calls = len(chosen["call"])
    return ResultCheck(tuple(checks), Residual(lags[:calls]), Residual(lags[calls:]), stamps)


def _after(seam_s: float) -> Span:
    return Span(seam_s - _PAST_S, seam_s + _SIDE_S)


def _spots(splice: Splice, name: SourceName) -> list[Span]:
    """Where to look for active sound of one source, on its own clock: evenly over all that plays of it."""
    pieces = [p for p in splice.pieces if p.source == name and p.output.length_s >= 0.5]
    total_s = sum(p.output.length_s for p in pieces)
    spans = []
    for piece in pieces:
        # A piece gets its share; the windows of a short one may overlap.
        room_s = max(0.0, piece.output.length_s - WIDTH / RATE)
        count = max(1, min(round(_SPOTS[name] * piece.output.length_s / total_s), math.ceil(2 * piece.output.length_s)))
        for at_s in np.linspace(0.0, room_s, count) if count > 1 else [room_s / 2]:
            middle = piece.source_s(piece.output.start_s + float(at_s) + min(WIDTH / RATE, piece.output.length_s) / 2)
            spans.append(Span(middle - BLOCK / RATE / 2, middle + BLOCK / RATE / 2))
    return spans


class _Sparse(SharedPackets):
    """A reading that notes every audio packet's stamps, and hands over only those near the spans."""

    def __init__(self, container: InputContainer, spans: Sequence[Span], origin_s: float, *, notes: bool) -> None:
        super().__init__(container)
        self._near = [(s.start_s - _MARGIN_S + origin_s, s.end_s + _MARGIN_S + origin_s) for s in spans]
        self._notes = notes
        self.stamps: list[tuple[float, float, float]] = []

    def subscribe(self, stream: Any, wants: Callable[[Any], bool] | None = None) -> Iterator[Any]:
        """As in `SharedPackets`, for one track; a None stands for all that was passed over in between."""
        base, is_opus = float(stream.time_base), codec_name(stream) == "opus"
        near, at, is_passed = self._near, 0, False
        for seen, packet in enumerate(packets(self._container, [stream])):
            stamp = packet.pts
            if stamp is not None:
                stamp_s = stamp * base
                if self._notes:
                    own_s = opus_packet_s(packet) if is_opus else 0.0
                    self.stamps.append((stamp_s, (packet.duration or 0) * base, own_s))
                # Asking about every span for every packet would cost more than reading them.
                while at < len(near) and near[at][1] < stamp_s:
                    at += 1
                # The first ones settle where the track begins.
                if seen >= _FIRST and (at == len(near) or stamp_s < near[at][0]):
                    is_passed = True
                    continue
            if wants is not None and not wants(packet):
                is_passed = True
                continue
            if is_passed:
                is_passed = False
                yield None
            yield packet


def _blocks(
    container: InputContainer, wanted: Sequence[Span], origin_s: float | None, *, notes: bool = False
) -> tuple[list[Block], tuple[Step, ...]]:
    """The samples of each span; and, where they are noted, the steps in the track's time stamps."""
    out: dict[int, Block] = {}
    stamps: list[tuple[float, float, float]] = []
    stream = audio_stream(container)
    if stream is None or not (wanted or notes):
        return [Block(np.zeros((0, 2), np.float32), RATE, s.start_s) for s in wanted], ()
    order = sorted(range(len(wanted)), key=lambda i: wanted[i].start_s)
    # An index leads to each place at once, and lists the stamps; what has none is read from its start.
    is_listed = has_index(container) and origin_s is not None and codec_name(stream) != "opus"
    groups = _groups(order, wanted) if is_listed else [order]
    for group in groups:
        spans = _merged([wanted[i] for i in group])
        if is_listed and spans and spans[0].start_s > _APART_S:
            container.seek(int((spans[0].start_s + (origin_s or 0.0) - 1.0) / float(stream.time_base)), stream=stream)
        shared = _Sparse(container, spans, origin_s or 0.0, notes=notes and not is_listed)
        track = PcmTrack(container, origin_s=origin_s, keep_s=2 * _SIDE_S + 4.0, spans=spans, shared=shared)
        for i in group:
            first = round(wanted[i].start_s * track.rate)
            pcm = track.read(first, math.ceil(wanted[i].length_s * track.rate))
            out[i] = Block(np.nan_to_num(pcm, posinf=1.0, neginf=-1.0), track.rate, first / track.rate)
        if notes and not is_listed:
            track.samples()  # reads on to the end, undecoded
            stamps = shared.stamps
    if notes and is_listed:
        base = float(stream.time_base)
        stamps = [(entry.timestamp * base, 0.0, 0.0) for entry in stream.index_entries]
    noted = np.array(stamps, np.float64).reshape(-1, 3)
    held = noted[:, 2] if noted[:, 2].any() else usual_s(noted[:, 0], noted[:, 1])
    return [out[i] for i in range(len(wanted))], steps(noted[:, 0], held) if len(noted) > 1 else ()


def _groups(order: Sequence[int], wanted: Sequence[Span]) -> list[list[int]]:
    groups: list[list[int]] = []
    for i in order:
        if groups and wanted[i].start_s - max(wanted[k].end_s for k in groups[-1]) < _APART_S:
            groups[-1].append(i)
        else:
            groups.append([i])
    return groups


def _merged(spans: Sequence[Span]) -> list[Span]:
    out: list[Span] = []
    for span in spans:
        if out and span.start_s <= out[-1].end_s + _MARGIN_S:
            out[-1] = Span(out[-1].start_s, max(out[-1].end_s, span.end_s))
        else:
            out.append(span)
    return out


# The residual ---------------------------------------------------------------------------------------------------------


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
        piece = next((p for p in splice.pieces if p.source == name and _plays(p, middle)), None)
        if piece is not None:
            placed.append((block, piece))
    out: list[Window] = []
    for channel in channels:
        offered = [window(block, piece, channel) for block, piece in placed]
        worth = np.array([_activity_db(w.sound[REACH:-REACH]) for w in offered])
        if not len(worth) or worth.max() < _QUIET_DB:
            continue
        for stretch in np.array_split(np.arange(len(worth)), min(WINDOWS, len(worth))):
            best = int(stretch[np.argmax(worth[stretch])])
            if worth[best] >= max(_QUIET_DB, worth.max() - 20.0):
                out.append(offered[best])
    return out


def _plays(piece: Piece, source_s: float) -> bool:
    at = piece.output.start_s + (source_s - piece.source_start_s) * piece.rate
    return piece.output.start_s <= at < piece.output.end_s


def _activity_db(sound: Floats) -> float:
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
    found = peaks(sources, 0, outputs.reshape(-1), starts, np.zeros(count, np.intp), WIDTH, REACH)
    lag_s = found.lag_s[:, 0] + late_s
    return tuple(Lag(w.output_s, float(lag), float(z)) for w, lag, z in zip(windows, lag_s, found.z[:, 0], strict=True))


# Seams ----------------------------------------------------------------------------------------------------------------


def check_seam(
    before: Piece, after: Piece, heard: Block, first: Block | None, second: Block | None, stamps: Sequence[Step] = ()
) -> SeamCheck:
    """Measure one seam.

    Args:
        before: the piece that ends there.
        after: the piece that begins there.
        heard: the output round it.
        first: the source of what is before, from `_SIDE_S` before the seam to a little past it; None for silence.
        second: the source of what is after, from a little before the seam on.
        stamps: the steps in the output's time stamps.
    """
    seam_s, rate = after.output.start_s, heard.rate
    at = round((seam_s - heard.start_s) * rate)
    # Both sources at the output's rate and in its place; the drift within 4 s is below half a millisecond.
    one, two = (_laid(piece, block, heard, seam_s) for piece, block in ((before, first), (after, second)))
    starts = at - min(round(_SIDE_S * rate), round(before.output.length_s * rate))
    ends = at + min(round(_SIDE_S * rate), round(after.output.length_s * rate))
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
    active = [w for w in asked if _activity_db(w.sound[REACH:-REACH]) >= _QUIET_DB]
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
    if loud < _QUIET_DB or loud - float(np.percentile(level, 10)) < 8.0:
        return none
    active = np.flatnonzero(level >= max(loud - 15.0, _QUIET_DB))[: round(_SPEECH_S / _FRAME_S)]
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
    sounds = expected >= 10.0 ** (_QUIET_DB / 10.0)
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


# Findings -------------------------------------------------------------------------------------------------------------


def seam_findings(check: ResultCheck) -> tuple[Finding, ...]:
    """Every finding, those that pass as well; of several seams the worst one speaks."""
    found: list[Finding] = []
    if check.seams:
        found += [_gap(check.seams), _level(check.seams), _added(check.seams)]
        found += [_click(check.seams), _bandwidth(check.seams)]
    found += _residual("call", "Connect's audio", check.call)
    found += _residual("own_audio", "The recording's own audio", check.own)
    return (*found, _stamps(check.stamps))


def _status(value: float, limit: SeamLimit) -> Status:
    return "pass" if value <= limit.warn_above else "warn" if value <= limit.fail_above else "fail"


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms"


def _unknown(name: str, unit: str, text: str, limit: float) -> Finding:
    return Finding(name, UNDETERMINED, unit, "pass", text, limit)


def _worst(
    seams: Sequence[SeamCheck], measure: Callable[[SeamCheck], float | None]
) -> tuple[SeamCheck, float, str] | None:
    """The seam with the largest size of a measurement, that, and of how many seams it speaks."""
    known = [(seam, value) for seam in seams if (value := measure(seam)) is not None]
    if not known:
        return None
    seam, value = max(known, key=lambda pair: abs(pair[1]))
    return seam, value, f"{len(known)} of {len(seams)} seams could be measured."


def _gap(seams: Sequence[SeamCheck]) -> Finding:
    limit = LIMITS["seam_gap"]
    worst = _worst(seams, lambda seam: seam.gap_s)
    if worst is None:
        text = "Whether the seams have a gap can't be told: there is silence round them."
        return _unknown("seam_gap", "s", text, limit.warn_above)
    seam, gap_s, known = worst
    moved = seam.shift_s is not None and abs(seam.shift_s) > _SHIFT_S
    what = (
        f"{_ms(abs(gap_s))} {'were put in' if gap_s > 0 else 'are missing or doubled'}"
        if moved
        else f"{_ms(gap_s)} are silent"
    )
    status = _status(abs(gap_s), limit)
    return Finding(
        "seam_gap",
        round(gap_s, 6),
        "s",
        status,
        f"At the seam at {clock_text(seam.output_s)} {what}. {known}"
        if status != "pass"
        else f"Nothing is missing or doubled at the seams. {known}",
        limit.warn_above,
    )


def _level(seams: Sequence[SeamCheck]) -> Finding:
    limit = LIMITS["seam_level_step"]
    worst = _worst(seams, lambda seam: seam.level_step_db)
    if worst is None:
        text = "The step in level can't be told: there is no speech on both sides of a seam."
        return _unknown("seam_level_step", "dB", text, limit.warn_above)
    seam, step_db, known = worst
    own = seam.source_step_db
    text = (
        f"At the seam at {clock_text(seam.output_s)} speech gets {abs(step_db):.1f} dB "
        f"{'louder' if step_db > 0 else 'quieter'}"
        + (f" ({own:+.1f} dB between the sources themselves)" if own is not None else "")
        + f". {known}"
    )
    return Finding("seam_level_step", round(step_db, 2), "dB", _status(abs(step_db), limit), text, limit.warn_above)


def _added(seams: Sequence[SeamCheck]) -> Finding:
    limit = LIMITS["seam_level_added"]
    worst = _worst(seams, lambda seam: seam.added_step_db)
    if worst is None:
        text = "Whether joining changed a level can't be told: there is no speech on both sides of a seam."
        return _unknown("seam_level_added", "dB", text, limit.warn_above)
    seam, added_db, known = worst
    text = f"At the seam at {clock_text(seam.output_s)} joining added a step of {added_db:+.1f} dB. {known}"
    return Finding("seam_level_added", round(added_db, 2), "dB", _status(abs(added_db), limit), text, limit.warn_above)


def _click(seams: Sequence[SeamCheck]) -> Finding:
    limit = LIMITS["seam_click"]
    seam = max(seams, key=lambda s: s.click_db)
    status = _status(seam.click_db, limit)
    text = (
        "No seam clicks."
        if status == "pass"
        else f"The seam at {clock_text(seam.output_s)} clicks: its wave bends {seam.click_db:.1f} dB sharper "
        "than round it."
    )
    return Finding("seam_click", round(seam.click_db, 2), "dB", status, text, limit.warn_above)


def _bandwidth(seams: Sequence[SeamCheck]) -> Finding:
    limit = LIMITS["seam_bandwidth"]
    both = [(s, s.before.edge_hz, s.after.edge_hz) for s in seams]
    known = [(s, before, after) for s, before, after in both if before is not None and after is not None]
    if not known:
        text = "The step in bandwidth can't be told: there is no speech on both sides of a seam."
        return _unknown("seam_bandwidth", "Hz", text, limit.warn_above)
    seam, before, after = min(known, key=lambda row: min(row[1], row[2]))
    narrow = min(before, after)
    # A step up to the recording's full bandwidth is what two such sources have: only a muffled side is a fault.
    return Finding(
        "seam_bandwidth",
        round(after - before),
        "Hz",
        "pass" if narrow >= limit.warn_above else "warn",
        f"At the seam at {clock_text(seam.output_s)} the sound reaches {before:.0f} Hz before and {after:.0f} Hz after"
        + ("." if narrow >= limit.warn_above else ": the narrower side is muffled even for a telephone."),
        limit.warn_above,
    )


def _residual(name: str, whose: str, residual: Residual) -> Iterator[Finding]:
    limit, missing = LIMITS["residual"], LIMITS["residual_missing"]
    p95_s, median_s = residual.p95_s, residual.median_s
    count = len(residual.windows)
    if p95_s is None or median_s is None:
        why = "it is silent" if not count else "none of its active windows is found near its place"
        yield _unknown(
            f"{name}_residual",
            "s",
            f"How well {whose[0].lower() if whose[0] == 'T' else whose[0]}{whose[1:]} lies "
            f"in the output can't be told: {why}.",
            limit.warn_above,
        )
    else:
        yield Finding(
            f"{name}_residual",
            round(p95_s, 6),
            "s",
            _status(p95_s, limit),
            f"{whose} lies {_ms(p95_s)} or less from its planned place in the output (95 % of {len(residual.found)} "
            f"windows; median {_ms(median_s)}).",
            limit.warn_above,
        )
    # One or two windows say too little: what they lack may be a moment of two voices.
    status: Status = _status(residual.missing, missing) if count >= 3 else "pass"
    yield Finding(
        f"{name}_missing",
        round(residual.missing, 4) if count >= 3 else UNDETERMINED,
        "share",
        status,
        f"{whose} is heard near its place in {len(residual.found)} of {count} active windows of the output.",
        missing.warn_above,
    )


def _stamps(stamps: Sequence[Step]) -> Finding:
    limit = LIMITS["output_gap"]
    worst = max(stamps, key=lambda step: abs(step.size_s), default=Step(0.0, 0.0))
    return Finding(
        "output_audio_steps",
        round(worst.size_s, 6),
        "s",
        _status(abs(worst.size_s), limit),
        f"The output's audio time stamps have {len(stamps)} gaps or overlaps; the largest, {_ms(worst.size_s)}, at "
        f"{clock_text(worst.at_s)}."
        if stamps
        else "The output's audio time stamps follow on each other.",
        limit.warn_above,
    )
