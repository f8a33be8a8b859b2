"""The diagnosis figure: the sound of both sides and the lag between them, on the recording's clock.

Conventions: time runs along ``recording_s`` (mm:ss, from an hour on h:mm:ss); tracks come at 8 kHz, the call as
``(n, 2)`` (customer, agent), the recording as ``(m,)``, each as int16 or as float of full scale 1; lags are shown in ms
(in s where they reach beyond 10 s), as ``recording_s - call_s`` less the offset. Functions that plot take and return an
``ax``; nothing here knows of pyplot, so that it runs without a display and leaves no state behind. Colours are Okabe
and Ito's, and shapes differ where colours do.
"""

from __future__ import annotations

import math
import tempfile
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.textpath import TextToPath
from matplotlib.ticker import FuncFormatter, MaxNLocator, MultipleLocator

from komorebi_qc.sync.samples import RATE, as_float, length
from komorebi_qc.timebase import Alignment

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from komorebi_qc.sync.measure import FoundJump, SyncResult, Window
    from komorebi_qc.sync.samples import Doubles, Flags, Track

CUSTOMER_COLOR, AGENT_COLOR, RECORDING_COLOR = "#E69F00", "#0072B2", "#5F5F5F"
TOLD_COLOR, JUMP_COLOR, INK, FAINT = "#D55E00", "#A6478A", "#1A1A1A", "#6B6B6B"
STATUS_COLORS = {"aligned": "#007A5A", "ambiguous": "#B57600", "wrong_pair": "#C24E00", "insufficient": "#6B6B6B"}
HEADLINES = {
    "aligned": "The two belong together, and the call's place is known",
    "ambiguous": "The call fits in several places: which one is right can't be told",
    "wrong_pair": "These two files belong to different calls",
    "insufficient": "Too little evidence: where the call lies can't be told",
}
SIDES = {"both": "both voices", "agent": "agent only", "customer": "customer only", "none": "neither"}

SIZE_INCHES = (16.0, 10.0)
DPI = 100
LEAST_SPAN_S = 0.004
"""The lag axis shows no less: so the scatter of a good alignment (0.05 ms) doesn't look like a fault."""
SECONDS_FROM_S = 10.0
"""A lag axis that spans more than this is labelled in seconds."""
TOLD_WRONG_S = 1.0
"""A stamp of whole seconds is off by less: what is beyond belongs into the headline."""
MOST_POINTS = 3000
MOST_RIVALS = 6
_QUIETEST_PEAK = 10.0 ** (-60.0 / 20.0)
"""A lane is never stretched further: line noise would look like speech."""
_BLOCK = 1 << 20
_STEPS_S = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200)
_ROWS = 3
_ROW_POINTS = 15.0


@dataclass(frozen=True, slots=True)
class Envelope:
    """A track as the picture shows it; one value a pixel column, full scale is 1.

    Attributes:
        low: least sample.
        high: greatest sample.
        rms: root of the mean square.
        there: whether the track has any sample in the column; the others are 0.
    """

    low: Doubles
    high: Doubles
    rms: Doubles
    there: Flags

    @property
    def peak(self) -> float:
        """The greatest magnitude."""
        return float(max(self.high.max(initial=0.0), -self.low.min(initial=0.0)))


@dataclass(frozen=True, slots=True)
class _Piece:
    """A part of a track that plays without a leap: from call (or own) time to recording time."""

    from_s: float
    to_s: float
    recording_s: float
    rate: float = 1.0


@dataclass(frozen=True, slots=True)
class _Placed:
    """Where the picture puts the call, and by whose word."""

    alignment: Alignment
    word: str
    """Empty where it was measured; else how the picture has to excuse itself."""
    call_s: float

    @property
    def start_s(self) -> float:
        return self.alignment.offset_s

    @property
    def end_s(self) -> float:
        return self.alignment.to_recording(self.call_s)

    def pieces(self) -> list[_Piece]:
        edges = [0.0, *(min(max(j.call_s, 0.0), self.call_s) for j in self.alignment.jumps), self.call_s]
        return [_Piece(a, b, self._at(k, a), self.alignment.rate) for k, (a, b) in enumerate(pairwise(edges)) if b > a]

    def _at(self, leaps: int, call_s: float) -> float:
        """Recording time of a moment of the call after so many jumps, whether or not they came before it."""
        moved = sum(j.size_s for j in self.alignment.jumps[:leaps])
        return self.alignment.offset_s + call_s * self.alignment.rate + moved

    def bracket(self, index: int, jump: FoundJump) -> tuple[float, float]:
        """The recording times between which a jump may lie."""
        low, high = self._at(index, jump.between_s[0]), self._at(index + 1, jump.between_s[1])
        return min(low, high), max(low, high)


def diagnosis_figure(
    call: Track, recording: Track, result: SyncResult, *, told_call_end_s: float | None, title: str
) -> Figure:
    """All that was measured of a pair on one page: the answer in words, the sound, the lags.

    `told_call_end_s` (recording clock) may be None where nobody told one; `title` names the pair.
    """
    figure = Figure(figsize=SIZE_INCHES, dpi=DPI, facecolor="white")
    FigureCanvasAgg(figure)
    call_s = length(call) / RATE
    left, width = 0.093, 0.889
    waveforms = figure.add_axes((left, 0.435, width, 0.337))
    lags = figure.add_axes((left, 0.062, width, 0.285))
    _write_header(figure, result, _place(result, call_s, told_call_end_s), told_call_end_s, title)
    plot_waveforms(waveforms, call, recording, result, told_call_end_s=told_call_end_s)
    plot_lags(lags, result, call_s=call_s, told_call_end_s=told_call_end_s)
    lags.set_xlim(waveforms.get_xlim())
    _mark_time(lags)
    return figure


def save_png(figure: Figure, path: Path) -> None:
    """Write the figure as PNG: the whole file, or none (an older one stays until then)."""
    target = path.resolve()
    with tempfile.TemporaryDirectory(prefix=f".{target.name[:100]}.", dir=target.parent) as folder:
        made = Path(folder) / "figure.png"
        figure.savefig(made, format="png", dpi=figure.dpi)
        made.replace(target)


def plot_waveforms(
    ax: Axes, call: Track, recording: Track, result: SyncResult, *, told_call_end_s: float | None = None
) -> Axes:
    """Draw customer, agent and recording above each other, the call placed through the alignment.

    Without an alignment the call lies as told (its end at the told call end), and the axes say so.
    """
    placed = _place(result, length(call) / RATE, told_call_end_s)
    recorded_s = length(recording) / RATE
    begin_s, end_s = min(0.0, placed.start_s), max(recorded_s, placed.end_s, 0.1)
    margin_s = (end_s - begin_s) * 0.004
    ax.set_xlim(begin_s - margin_s, end_s + margin_s)
    ax.set_ylim(-0.55, 2.55)
    ax.axvspan(placed.start_s, placed.end_s, color=AGENT_COLOR, alpha=0.05, linewidth=0, gid="call")
    columns = int(min(max(ax.bbox.width, 200.0), 4000.0))
    edges_s = np.linspace(begin_s, end_s, columns + 1)
    own = [_Piece(0.0, recorded_s, 0.0)]
    lanes = (
        ("Customer", CUSTOMER_COLOR, "customer", envelope(call, 0, placed.pieces(), edges_s)),
        ("Agent", AGENT_COLOR, "agent", envelope(call, 1, placed.pieces(), edges_s)),
        ("Recording", RECORDING_COLOR, "recording", envelope(recording, None, own, edges_s)),
    )
    names = []
    for row, (name, color, gid, shape) in zip((2, 1, 0), lanes, strict=True):
        _draw_lane(ax, row, shape, edges_s, color, gid)
        names.append(f"{name}\n{'Connect' if row else 'browser'}\n{_peak_text(shape)}")
    ax.set_yticks([2, 1, 0], names, fontsize=10)
    for label, color in zip(ax.get_yticklabels(), ("#8A5F00", AGENT_COLOR, "#404040"), strict=True):
        label.set_color(color)
        label.set_linespacing(1.35)
    ax.tick_params(axis="y", length=0)
    ax.set_ylabel("Amplitude (to the peak given)", fontsize=10.5)
    ax.yaxis.set_label_coords(-0.082, 0.5)
    ax.hlines([0.5, 1.5], *ax.get_xlim(), color="#C8C8C8", linewidth=0.7, zorder=1)
    _shade_unrecorded(ax, begin_s, recorded_s, end_s)
    _mark_jumps(ax, result, placed)
    _draw_markers(ax, _markers(result, placed, told_call_end_s), rows=_ROWS - 1 if placed.word else _ROWS)
    if placed.word:
        why = "it belongs elsewhere" if result.status == "wrong_pair" else "its true place isn't known"
        ax.annotate(
            f"The call is drawn {placed.word}: {why}",
            (0.5, 1.0 + _row_share(ax) * (_ROWS - 0.8)),
            xycoords="axes fraction",
            ha="center",
            va="bottom",
            fontsize=11,
            color=TOLD_COLOR,
            weight="bold",
            annotation_clip=False,
            gid="as told",
        )
    else:
        _write_after_call(ax, placed.end_s, recorded_s)
    _mark_time(ax)
    return ax


def plot_lags(ax: Axes, result: SyncResult, *, call_s: float, told_call_end_s: float | None = None) -> Axes:
    """Draw each window's lag against time, with the fitted alignment through those that were accepted.

    `call_s` is the length of the call. Windows of a voice that isn't heard in the recording count as rejected. Lags
    beyond the axis are ticks on its edge.
    """
    placed = _place(result, call_s, told_call_end_s)
    is_fitted = result.status in ("aligned", "ambiguous") and result.offset_s is not None
    zero_s = result.offset_s if is_fitted and result.offset_s is not None else placed.start_s
    heard = {"both": ("customer", "agent"), "none": ()}.get(result.sides, (result.sides,))
    accepted = [w for w in result.windows if w.accepted and w.channel in heard]
    rejected = [w for w in result.windows if not (w.accepted and w.channel in heard)]
    lines = _fitted(result, placed)
    low, high = _lag_range(result, accepted, rejected, lines, zero_s)
    unit, scale = ("s", 1.0) if high - low > SECONDS_FROM_S else ("ms", 1000.0)
    ax.set_ylim(low * scale, high * scale)
    margin_s = max(placed.end_s - placed.start_s, 0.1) * 0.004
    ax.set_xlim(min(placed.start_s, 0.0) - margin_s, placed.end_s + margin_s)
    ax.axhline(0.0, color="#C8C8C8", linewidth=0.8, zorder=1)
    ax.grid(axis="y", color="#EBEBEB", linewidth=0.7, zorder=0)
    ax.set_axisbelow(True)
    for channel, color, shape in (("customer", CUSTOMER_COLOR, "^"), ("agent", AGENT_COLOR, "o")):
        chosen = _thinned([w for w in rejected if w.channel == channel])
        _draw_windows(
            ax,
            chosen,
            placed,
            zero_s,
            scale,
            {
                "marker": shape,
                "color": color,
                "markerfacecolor": "none",
                "alpha": 0.4,
                "markersize": 4.5,
                "zorder": 3,
                "label": f"{channel}, rejected ({_count(rejected, channel)})",
                "gid": f"{channel} rejected",
            },
        )
        chosen = _thinned([w for w in accepted if w.channel == channel])
        _draw_windows(
            ax,
            chosen,
            placed,
            zero_s,
            scale,
            {
                "marker": shape,
                "color": color,
                "markersize": 6.0 if channel == "customer" else 4.5,
                "zorder": 4,
                "markeredgecolor": "white",
                "markeredgewidth": 0.4,
                "label": f"{channel}, accepted ({_count(accepted, channel)})",
                "gid": f"{channel} accepted",
            },
        )
    for k, (time_s, lag_s, style, label) in enumerate(lines):
        ax.plot(
            time_s,
            lag_s * scale,
            linestyle=style,
            color=INK,
            linewidth=1.4,
            zorder=5,
            gid="fit",
            label=label if all(label != other[3] for other in lines[:k]) else "_again",
        )
    _mark_rivals(ax, result, zero_s, scale, unit)
    _mark_jumps(ax, result, placed)
    for x, color, style in _verticals(result, placed, told_call_end_s):
        ax.axvline(x, color=color, linestyle=style, linewidth=1.0, alpha=0.6, zorder=2)
    _write_lag_notes(ax, result, placed, accepted, rejected)
    reference = f"{_number(zero_s, 3)} s" + ("" if is_fitted else f", {placed.word}")
    ax.set_ylabel(f"Lag less {reference} ({unit})", fontsize=10.5)
    ax.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: _signed(value, "", 6)))
    ax.tick_params(axis="y", labelsize=10)
    _mark_time(ax)
    handles, labels = ax.get_legend_handles_labels()
    if handles:
        ax.legend(
            handles,
            labels,
            loc="lower right",
            bbox_to_anchor=(1.0, 1.0),
            ncols=len(handles),
            frameon=False,
            fontsize=9.5,
            handletextpad=0.35,
            columnspacing=1.3,
            borderaxespad=0.15,
        )
    ax.set_title("Lag of the recording behind the call", loc="left", fontsize=11.5, weight="bold", color=INK, pad=7)
    return ax


def envelope(track: Track, channel: int | None, pieces: Sequence[_Piece], edges_s: Doubles) -> Envelope:
    """Least, greatest and mean square of what each column ``edges_s[i]..edges_s[i + 1]`` holds, full scale 1."""
    columns = len(edges_s) - 1
    low, high = np.full(columns, np.inf), np.full(columns, -np.inf)
    power, count = np.zeros(columns), np.zeros(columns, np.int64)
    for piece in pieces:
        first, last = round(piece.from_s * RATE), min(round(piece.to_s * RATE), length(track))
        own = (edges_s - piece.recording_s) / piece.rate + piece.from_s
        bounds = np.clip(np.ceil(own * RATE - 1e-6).astype(np.int64), first, max(last, first))
        for columns_of, starts, block in _blocks(track, channel, bounds):
            low[columns_of] = np.minimum(low[columns_of], np.minimum.reduceat(block, starts))
            high[columns_of] = np.maximum(high[columns_of], np.maximum.reduceat(block, starts))
            power[columns_of] += np.add.reduceat(np.square(block), starts)
            count[columns_of] += np.diff(np.append(starts, len(block)))
    there = count > 0
    return Envelope(np.where(there, low, 0.0), np.where(there, high, 0.0), np.sqrt(power / np.maximum(count, 1)), there)


def _blocks(
    track: Track, channel: int | None, bounds: NDArray[np.int64]
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.int64], NDArray[np.float32]]]:
    """(columns that hold samples, where each begins in the block, the block), a bounded number of samples at once."""
    filled = np.flatnonzero(np.diff(bounds))
    at = 0
    while at < len(filled):
        begin = bounds[filled[at]]
        stop = max(int(np.searchsorted(bounds[filled + 1], begin + _BLOCK, side="right")), at + 1)
        chosen = filled[at:stop]
        block = track[int(begin) : int(bounds[chosen[-1] + 1])]
        yield chosen, bounds[chosen] - begin, as_float(block if channel is None else block[:, channel])
        at = stop


def _place(result: SyncResult, call_s: float, told_call_end_s: float | None) -> _Placed:
    told_s = result.told_call_end_s if told_call_end_s is None else told_call_end_s
    alignment = result.alignment
    if alignment is not None:
        return _Placed(alignment, "", call_s)
    if told_s is not None:
        return _Placed(Alignment(told_s - call_s), "as told", call_s)
    return _Placed(Alignment(0.0), "from the recording's start", call_s)


# The waveforms


def _draw_lane(ax: Axes, row: int, shape: Envelope, edges_s: Doubles, color: str, gid: str) -> None:
    scale = 0.46 / max(shape.peak, _QUIETEST_PEAK)
    middle_s = (edges_s[:-1] + edges_s[1:]) / 2
    ax.axhline(row, color=color, linewidth=0.5, alpha=0.5, zorder=1)
    if not shape.there.any():
        return
    ax.fill_between(
        middle_s,
        row + shape.low * scale,
        row + shape.high * scale,
        where=shape.there.tolist(),
        color=color,
        alpha=0.45,
        linewidth=0.6,
        zorder=3,
        gid=gid,
    )
    loud = np.minimum(shape.rms, np.maximum(shape.high, -shape.low)) * scale
    ax.fill_between(
        middle_s,
        row - loud,
        row + loud,
        where=shape.there.tolist(),
        color=color,
        linewidth=0.4,
        zorder=4,
        gid=f"{gid} rms",
    )


def _write_after_call(ax: Axes, end_s: float, recorded_s: float) -> None:
    """Why Connect's lanes are empty there."""
    begin_s, stop_s = ax.get_xlim()
    text = "after the call:\nrecording only"
    room = (recorded_s - end_s) / (stop_s - begin_s) * ax.bbox.width
    if room > _width_px("recording only", 9.5, ax) + 16:
        ax.text(
            (end_s + recorded_s) / 2,
            1.5,
            text,
            ha="center",
            va="center",
            fontsize=9.5,
            color=FAINT,
            zorder=6,
            bbox={"boxstyle": "square,pad=0.3", "facecolor": "white", "edgecolor": "none"},
        )


def _shade_unrecorded(ax: Axes, begin_s: float, recorded_s: float, end_s: float) -> None:
    """Where the call was already, or still, going on without the recording."""
    for from_s, to_s, text in ((begin_s, 0.0, "not\nrecording\nyet"), (recorded_s, end_s, "recording\nover")):
        if to_s - from_s <= (end_s - begin_s) * 0.001:
            continue
        ax.fill_between(
            [from_s, to_s],
            -0.5,
            0.5,
            facecolor="#EFEFEF",
            edgecolor="#BDBDBD",
            hatch="///",
            linewidth=0,
            zorder=1,
            gid="unrecorded",
        )
        if (to_s - from_s) / (end_s - begin_s) * ax.bbox.width > max(
            _width_px(part, 9.5, ax) for part in text.split("\n")
        ) + 8:
            ax.text(
                (from_s + to_s) / 2,
                0,
                text,
                ha="center",
                va="center",
                fontsize=9.5,
                color=INK,
                zorder=6,
                bbox={"boxstyle": "round,pad=0.2", "facecolor": "white", "edgecolor": "none"},
            )


@dataclass(frozen=True, slots=True)
class _Marker:
    at_s: float
    text: str
    color: str
    style: str
    side: str
    """Which way its text leans from its line, if there is room: left, right or center."""
    short: str = ""
    """What to say where there is no room for the text."""


def _markers(result: SyncResult, placed: _Placed, told_call_end_s: float | None) -> list[_Marker]:
    """In the order of who gets a place for its text first."""
    told_s = result.told_call_end_s if told_call_end_s is None else told_call_end_s
    word = {"": "call start", "as told": "told start"}.get(placed.word, "start unknown, drawn at")
    out = [_Marker(placed.start_s, f"{word} {_clock(placed.start_s, 3)}", INK, "--" if placed.word else "-", "right")]
    ends = []
    if not placed.word:
        ends.append(_Marker(placed.end_s, f"measured end {_clock(placed.end_s, 3)}", INK, "-", "right"))
    if told_s is not None:
        ends.append(_Marker(told_s, f"told end {_whole(told_s)}", TOLD_COLOR, "--", "right"))
    ends.sort(key=lambda m: m.at_s)
    # the earlier one's text leans away from the later one's line
    out.extend(replace(m, side="left") if k == 0 else m for k, m in enumerate(ends))
    if not placed.word:
        for j in sorted(result.jumps, key=lambda j: -abs(j.size_s)):
            at_s = placed.alignment.to_recording(j.call_s)
            text = f"jump {_ms(j.size_s)} at {_clock(at_s, 1)}"
            out.append(_Marker(at_s, text, JUMP_COLOR, "", "center", _ms(j.size_s)))
    if result.status == "ambiguous":
        color = STATUS_COLORS["ambiguous"]
        starts_s = [rival.offset_s for rival in result.rivals[:MOST_RIVALS]]
        out.extend(_Marker(at_s, f"or {_clock(at_s, 1)}?", color, ":", "center") for at_s in starts_s)
    return out


def _row_share(ax: Axes) -> float:
    """Height of a row of markers' texts, as a share of the axes'."""
    return _ROW_POINTS / 72 * ax.figure.dpi / ax.bbox.height


def _draw_markers(ax: Axes, markers: Sequence[_Marker], rows: int) -> None:
    """Lines at their places, texts above the axes in a few rows; a text that finds no room is left out."""
    begin_s, end_s = ax.get_xlim()
    taken: list[tuple[int, float, float]] = []
    row_share = _row_share(ax)
    for marker in markers:
        if not begin_s <= marker.at_s <= end_s:
            continue
        x = (marker.at_s - begin_s) / (end_s - begin_s) * ax.bbox.width
        for text in filter(None, (marker.text, marker.short)):
            width = _width_px(text, 10.0, ax, weight="bold")
            found = _room(taken, x, width, marker.side, ax.bbox.width, rows)
            if found is not None:
                break
        is_beside = found is not None and not found[1] < x < found[1] + width
        top = 1.0 if found is None else 1.0 + row_share * (found[0] + (0.9 if is_beside else 0.15))
        if marker.style:
            ax.plot(
                [marker.at_s, marker.at_s],
                [0.0, top],
                transform=ax.get_xaxis_transform(),
                color=marker.color,
                linestyle=marker.style,
                linewidth=1.5,
                clip_on=False,
                zorder=7,
                gid=marker.text,
            )
        elif found is not None:
            ax.plot(
                [marker.at_s, marker.at_s],
                [1.0, top],
                transform=ax.get_xaxis_transform(),
                color=marker.color,
                linewidth=1.2,
                clip_on=False,
                zorder=7,
            )
        if found is None:
            continue
        row, left = found
        taken.append((row, left - 7, left + width + 7))
        ax.annotate(
            text,
            (left / ax.bbox.width, 1.0 + row_share * (row + 0.2)),
            xycoords="axes fraction",
            fontsize=10,
            weight="bold",
            color=marker.color,
            va="bottom",
            ha="left",
            annotation_clip=False,
            parse_math=False,
        )


def _room(
    taken: Sequence[tuple[int, float, float]], x: float, width: float, side: str, total: float, rows: int
) -> tuple[int, float] | None:
    """(row, left edge) of the first free place for a text that belongs to `x`, all in pixels."""
    leaning = {"left": x - width - 7, "right": x + 4, "center": x - width / 2}
    for row in range(rows):
        for wish in (side, "left", "right") if side != "center" else ("center", "right", "left"):
            left = leaning[wish]
            fits = left >= -1 and left + width <= total + 12
            blocked = any(row == r and left < b and left + width > a for r, a, b in taken)
            # a line that rises to a higher row must not cross a text below it
            crossed = any(r < row and a + 5 < x < b - 5 for r, a, b in taken)
            if fits and not blocked and not crossed:
                return row, left
    return None


def _verticals(result: SyncResult, placed: _Placed, told_call_end_s: float | None) -> Iterator[tuple[float, str, str]]:
    for m in _markers(result, placed, told_call_end_s):
        if m.style and m.style != ":":
            yield m.at_s, m.color, m.style


def _mark_jumps(ax: Axes, result: SyncResult, placed: _Placed) -> None:
    """A line at each jump, and a shade over the span that it may lie in."""
    if placed.word:
        return
    for k, jump in enumerate(sorted(result.jumps, key=lambda j: j.call_s)):
        ax.axvspan(*placed.bracket(k, jump), color=JUMP_COLOR, alpha=0.22, linewidth=0, zorder=2, gid="bracket")
        ax.axvline(placed.alignment.to_recording(jump.call_s), color=JUMP_COLOR, linewidth=1.4, zorder=6, gid="jump")


# The lags


def _fitted(result: SyncResult, placed: _Placed) -> list[tuple[Doubles, Doubles, str, str]]:
    """(recording time, lag less the offset, line style, label) of each straight part of what was fitted, in seconds."""
    if placed.word or result.offset_s is None:
        if result.status == "ambiguous" and result.offset_s is not None:
            ends = np.array([placed.start_s, placed.end_s])
            return [(ends, np.zeros(2), "--", "best of the rivals")]
        return []
    out = []
    for piece in placed.pieces():
        call_s = np.array([piece.from_s, piece.to_s])
        time_s = piece.recording_s + (call_s - piece.from_s) * piece.rate
        out.append((time_s, time_s - call_s - result.offset_s, "-", "fitted alignment"))
    if result.lag_customer_s is None or result.lag_agent_s is None:
        return out
    extra_s = result.lag_customer_s - result.lag_agent_s
    if abs(extra_s) < 0.0005 and not result.customer_steps:
        return out
    steps = sorted(result.customer_steps, key=lambda s: s.call_s)
    for piece in placed.pieces():
        inside = [s.call_s for s in steps if piece.from_s < s.call_s < piece.to_s]
        for a, b in pairwise([piece.from_s, *inside, piece.to_s]):
            own_s = extra_s + sum(s.size_s for s in steps if s.call_s <= a)
            call_s = np.array([a, b])
            time_s = piece.recording_s + (call_s - piece.from_s) * piece.rate
            out.append((time_s, time_s - call_s - result.offset_s + own_s, ":", "customer's leg"))
    return out


def _lag_range(
    result: SyncResult,
    accepted: Sequence[Window],
    rejected: Sequence[Window],
    lines: Sequence[tuple[Doubles, Doubles, str, str]],
    zero_s: float,
) -> tuple[float, float]:
    """What the lag axis shows, in seconds: what was fitted and nearly all that was accepted, outliers or not."""
    is_fitted = result.status in ("aligned", "ambiguous")
    shown = accepted if is_fitted and accepted else [*accepted, *rejected]
    lags_s = np.array([w.lag_s - zero_s for w in shown])
    trim = 1.0 if is_fitted else 2.0
    seen = [0.0, *(float(v) for _, lag_s, _, _ in lines for v in lag_s)]
    if len(lags_s):
        seen.extend(float(v) for v in np.percentile(lags_s, [trim, 100.0 - trim]))
    if result.status == "ambiguous":
        seen.extend(r.offset_s - zero_s for r in result.rivals[:MOST_RIVALS])
    low, high = min(seen), max(seen)
    pad = max((high - low) * 0.12, (LEAST_SPAN_S - (high - low)) / 2)
    return low - pad, high + pad


def _draw_windows(
    ax: Axes, windows: Sequence[Window], placed: _Placed, zero_s: float, scale: float, look: dict[str, object]
) -> None:
    """One marker a window; those beyond the axis as ticks on its edge."""
    if not windows:
        return
    time_s = np.array([placed.alignment.to_recording(w.call_s) for w in windows])
    lags = np.array([(w.lag_s - zero_s) * scale for w in windows])
    low, high = ax.get_ylim()
    inside = (lags >= low) & (lags <= high)
    ax.plot(time_s[inside], lags[inside], linestyle="none", **look)  # type: ignore[arg-type]
    for beyond, edge in ((lags < low, 0.012), (lags > high, 0.988)):
        if beyond.any():
            ax.plot(
                time_s[beyond],
                np.full(np.count_nonzero(beyond), edge),
                linestyle="none",
                marker="|",
                markersize=7,
                color=str(look["color"]),
                alpha=0.5,
                transform=ax.get_xaxis_transform(),
                gid="beyond",
                zorder=3,
            )


def _mark_rivals(ax: Axes, result: SyncResult, zero_s: float, scale: float, unit: str) -> None:
    if result.status != "ambiguous":
        return
    color = STATUS_COLORS["ambiguous"]
    for k, rival in enumerate(result.rivals[:MOST_RIVALS]):
        lag = (rival.offset_s - zero_s) * scale
        ax.axhline(lag, color=color, linestyle=":", linewidth=1.4, zorder=4, gid="rival", label="_" if k else "rivals")
        ax.annotate(
            f"{_signed(lag, unit, 3)}: fits {rival.score:.0%} of the evidence as well",
            (0.995, lag),
            xycoords=ax.get_yaxis_transform(),
            xytext=(0, 2),
            textcoords="offset points",
            ha="right",
            va="bottom",
            fontsize=9.5,
            color=color,
            zorder=6,
            weight="bold",
        )


def _write_lag_notes(
    ax: Axes, result: SyncResult, placed: _Placed, accepted: Sequence[Window], rejected: Sequence[Window]
) -> None:
    paper = {"boxstyle": "round,pad=0.3", "facecolor": "white", "edgecolor": "none", "alpha": 0.85}
    if not accepted and not rejected:
        text = "No window could be measured: there is no common sound to compare"
        at = ax.transAxes
        ax.text(
            0.5, 0.5, text, ha="center", va="center", transform=at, fontsize=13, color=FAINT, gid="note", bbox=paper
        )
        return
    if result.status == "wrong_pair":
        ax.text(
            0.5,
            0.93,
            "No common lag: what agrees here agrees by chance or is a shared prompt",
            transform=ax.transAxes,
            ha="center",
            va="top",
            fontsize=11.5,
            color=STATUS_COLORS["wrong_pair"],
            weight="bold",
            gid="note",
            zorder=8,
            bbox=paper,
        )
    marked = [line for line in ax.lines if line.get_gid() == "beyond"]
    beyond = sum(len(np.asarray(line.get_xdata())) for line in marked)
    notes = [
        _scatter_text(accepted, placed),
        f"{beyond} window{'s' * (beyond > 1)} beyond this axis: ticks on its edges" if beyond else "",
    ]
    text = "\n".join(filter(None, notes))
    if text:
        x, y = _empty_corner(ax)
        ax.text(
            x,
            y,
            text,
            transform=ax.transAxes,
            ha="left" if x < 0.5 else "right",
            fontsize=9.5,
            color=INK,
            va="bottom" if y < 0.5 else "top",
            gid="note",
            zorder=8,
            linespacing=1.3,
            bbox=paper,
        )


def _empty_corner(ax: Axes) -> tuple[float, float]:
    """The corner of the axes that holds the fewest markers and lines, in shares of the axes."""
    (left, right), (low, high) = ax.get_xlim(), ax.get_ylim()
    points = [np.empty((0, 2))]
    for line in ax.lines:
        if line.get_transform() == ax.transData and line.get_gid() != "rival":
            xy = line.get_xydata()
            shares = (np.asarray(xy, float) - (left, low)) / (right - left, high - low)
            if line.get_gid() == "fit":
                shares = np.linspace(shares[0], shares[-1], 50)
            points.append(shares)
    x, y = np.concatenate(points).T
    corners = [(0.006, 0.05), (0.994, 0.05), (0.006, 0.95), (0.994, 0.95)]
    return min(corners, key=lambda c: int(np.count_nonzero((np.abs(x - c[0]) < 0.36) & (np.abs(y - c[1]) < 0.18))))


def _scatter_text(accepted: Sequence[Window], placed: _Placed) -> str:
    """How near to the fit the middle of the accepted windows lies."""
    if placed.word or not accepted:
        return ""
    own = [w for w in accepted if w.channel == "agent"] or accepted
    off_s = [abs(w.lag_s + w.call_s - placed.alignment.to_recording(w.call_s)) for w in own]
    return f"accepted windows: {_rounded(float(np.median(off_s)) * 1000)} ms off the fit (median)"


def _thinned(windows: Sequence[Window]) -> Sequence[Window]:
    return windows[:: max(math.ceil(len(windows) / MOST_POINTS), 1)]


def _count(windows: Sequence[Window], channel: str) -> int:
    return sum(w.channel == channel for w in windows)


# The words on top


def _write_header(
    figure: Figure, result: SyncResult, placed: _Placed, told_call_end_s: float | None, title: str
) -> None:
    color = STATUS_COLORS.get(result.status, INK)
    badge = result.status.replace("_", " ").upper()
    figure.text(
        0.018,
        0.96,
        badge,
        fontsize=16,
        weight="bold",
        color="white",
        va="center",
        gid="status",
        bbox={"boxstyle": "round,pad=0.35", "facecolor": color, "edgecolor": "none"},
    )
    badge_points = _width_points(badge, 16, "bold") + 24
    text = _headline(result, placed, told_call_end_s)
    room = figure.get_figwidth() * 72 * 0.93 - badge_points
    size = min(18.0, 18.0 * room / _width_points(text, 18, "bold"))
    figure.text(
        0.018 + badge_points / (figure.get_figwidth() * 72),
        0.96,
        text,
        fontsize=size,
        weight="bold",
        color=INK,
        va="center",
        gid="headline",
    )
    figure.text(
        0.982,
        0.994,
        _printable(title, 110),
        fontsize=10.5,
        color=FAINT,
        va="top",
        ha="right",
        gid="title",
        parse_math=False,
    )
    figure.text(
        0.018,
        0.923,
        _printable(_sentence(result.reason), 190),
        fontsize=11.5,
        color=INK,
        va="center",
        gid="reason",
        parse_math=False,
    )
    columns = (0.018, 0.165, 0.355, 0.54, 0.715, 0.86)
    for x, (name, value, note) in zip(columns, _facts(result, placed, told_call_end_s), strict=True):
        figure.text(x, 0.903, name, fontsize=10, color=FAINT, va="top")
        figure.text(x, 0.8855, value, fontsize=13.5, weight="bold", color=INK, va="top", gid=name)
        figure.text(x, 0.8605, note, fontsize=10, color=INK, va="top")


def _headline(result: SyncResult, placed: _Placed, told_call_end_s: float | None) -> str:
    text = HEADLINES.get(result.status, result.status)
    if result.status != "aligned" or result.drift_ci_ppm is None:
        return text
    found = []
    if result.jumps:
        total_s = sum(j.size_s for j in result.jumps)
        count = "one jump" if len(result.jumps) == 1 else f"{len(result.jumps)} jumps"
        found.append(f"{count}, {_ms(total_s)}" + (" in all" if len(result.jumps) > 1 else ""))
    if _is_drifting(result):
        found.append(f"{_signed(result.drift_ppm or 0.0, 'ppm', 1)} of drift")
    else:
        found.append("no drift" if result.jumps else "no drift, no jump")
    if placed.start_s < 0:
        found.append(f"the call began {_seconds(-placed.start_s)} before the recording")
    told_s = result.told_call_end_s if told_call_end_s is None else told_call_end_s
    if told_s is not None and abs(told_s - placed.end_s) > TOLD_WRONG_S:
        found.append(f"the told end is {_seconds(abs(told_s - placed.end_s))} too {_early(told_s - placed.end_s)}")
    return "The two belong together: " + ", ".join(found)


def _is_drifting(result: SyncResult) -> bool:
    """A drift that the evidence can tell from none."""
    return result.drift_ci_ppm is not None and (result.drift_ci_ppm[0] > 0.0 or result.drift_ci_ppm[1] < 0.0)


def _facts(result: SyncResult, placed: _Placed, told_call_end_s: float | None) -> tuple[tuple[str, str, str], ...]:
    """(name, value, note) six times."""
    told_s = result.told_call_end_s if told_call_end_s is None else told_call_end_s
    coverage = f"{result.coverage:.0%}"
    heard = SIDES.get(result.sides, result.sides)
    told = "not told" if told_s is None else _whole(told_s)
    if placed.word or result.offset_s is None:
        unknown = "undetermined"
        return (
            ("Offset (call start)", unknown, f"drawn {placed.word}: {_number(placed.start_s, 3)} s"),
            ("Clock drift", unknown, ""),
            ("Jumps", unknown, ""),
            ("Call end told", told, "not measured"),
            ("Agreement, voices heard", coverage, _rivals_text(result)),
            ("Heard in the recording", heard if result.status != "wrong_pair" else "another call", ""),
        )
    offset_ms = _half(result.offset_ci_s) * 1000
    drift, drift_half = result.drift_ppm or 0.0, _half(result.drift_ci_ppm)
    error_s = 0.0 if told_s is None else told_s - placed.end_s
    error = f"told {told}" + ("" if told_s is None else f": {_seconds(abs(error_s))} too {_early(error_s)}")
    extra = ""
    if result.lag_customer_s is not None and result.lag_agent_s is not None:
        extra = f"customer's leg {_ms(result.lag_customer_s - result.lag_agent_s)}"
    moved_s = drift * 1e-6 * placed.call_s
    return (
        ("Offset (call start)", f"{_number(result.offset_s, 4)} s", f"± {_rounded(offset_ms)} ms (95 %)"),
        (
            "Clock drift",
            f"{_signed(drift, 'ppm', 2)}" if _is_drifting(result) else "none",
            f"± {_rounded(drift_half)} ppm" + (f" · {_ms(moved_s)} by the end" if _is_drifting(result) else " (95 %)"),
        ),
        ("Jumps", *_jumps_text(result, placed)),
        ("Call end measured", _clock(placed.end_s, 3), error),
        ("Agreement, voices heard", coverage, _rivals_text(result)),
        ("Heard in the recording", heard, extra),
    )


def _jumps_text(result: SyncResult, placed: _Placed) -> tuple[str, str]:
    if not result.jumps:
        return "none", "nothing lost, nothing inserted"
    if len(result.jumps) == 1:
        jump = result.jumps[0]
        at = _clock(placed.alignment.to_recording(jump.call_s), 1)
        return _ms(jump.size_s), f"± {_rounded(_half(jump.size_ci_s) * 1000)} ms · at {at}"
    sizes = [j.size_s for j in result.jumps]
    if len(sizes) == 2:
        return f"{_ms(sizes[0])}, {_ms(sizes[1])}", f"{_ms(sum(sizes))} in all"
    return f"{len(sizes)} jumps", f"{_ms(min(sizes))} to {_ms(max(sizes))}"


def _rivals_text(result: SyncResult) -> str:
    if result.coverage <= 0:
        return "nothing agrees"
    if not result.rivals:
        return "fits nowhere else"
    best = result.rivals[0]
    return f"{best.score:.0%} of it also {_number(best.period_s, 2)} s away"


def _half(interval: tuple[float, float] | None) -> float:
    return 0.0 if interval is None else (interval[1] - interval[0]) / 2


def _early(error_s: float) -> str:
    return "late" if error_s > 0 else "early"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


# Numbers, times and texts


def _number(value: float, decimals: int) -> str:
    return f"{value + 0.0:.{decimals}f}".replace("-", "\N{MINUS SIGN}")


def _signed(value: float, unit: str, decimals: int) -> str:
    text = f"{abs(value):.{decimals}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    sign = "" if float(text) == 0 else "\N{MINUS SIGN}" if value < 0 else "+"
    return f"{sign}{text} {unit}".rstrip()


def _ms(seconds: float) -> str:
    return _signed(seconds, "s", 2) if abs(seconds) >= SECONDS_FROM_S else _signed(seconds * 1000, "ms", 1)


def _rounded(value: float) -> str:
    """Two digits, never an exponent."""
    if value < 0.01:
        return "0.01" if value > 0 else "0"
    return f"{value:.{max(0, 1 - math.floor(math.log10(value)))}f}"


def _seconds(value: float) -> str:
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.2f} s"


def _clock(seconds: float, decimals: int) -> str:
    """mm:ss, from an hour on h:mm:ss."""
    units = round(abs(seconds) * 10**decimals)
    whole, rest = divmod(units, 10**decimals)
    hours = f"{whole // 3600}:" if whole >= 3600 else ""
    fraction = f".{rest:0{decimals}d}" if decimals else ""
    sign = "\N{MINUS SIGN}" if seconds < 0 and units else ""
    return f"{sign}{hours}{whole // 60 % 60:02d}:{whole % 60:02d}{fraction}"


def _whole(seconds: float) -> str:
    return _clock(seconds, 3).removesuffix(".000")


def _mark_time(ax: Axes) -> None:
    begin_s, end_s = ax.get_xlim()
    step = next((s for s in _STEPS_S if (end_s - begin_s) / s <= 16), (end_s - begin_s) / 12)
    decimals = 0 if step >= 1 else 1
    ax.xaxis.set_major_locator(MultipleLocator(step))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _clock(value, decimals)))
    ax.tick_params(axis="x", labelsize=10)
    ax.set_xlabel(f"Recording clock ({'h:mm:ss' if end_s >= 3600 else 'mm:ss'})", fontsize=10.5, labelpad=2)
    ax.spines[["top", "right"]].set_visible(False)


def _peak_text(shape: Envelope) -> str:
    return "silent" if shape.peak <= 0 else f"{_number(20 * math.log10(shape.peak), 1)} dBFS"


@cache
def _text_to_path() -> TextToPath:
    return TextToPath()


def _width_points(text: str, size: float, weight: str = "normal") -> float:
    font = FontProperties(size=size, weight=weight)
    width: float = _text_to_path().get_text_width_height_descent(text, font, ismath=False)[0]
    return width


def _width_px(text: str, size: float, ax: Axes, weight: str = "normal") -> float:
    return _width_points(text, size, weight) / 72 * ax.figure.dpi


def _printable(text: str, most: int) -> str:
    """The text on one line, what the font lacks as a box, a middle that is too long left out."""
    known = get_font(findfont(FontProperties())).get_charmap()
    line = "".join(c if ord(c) in known else "\N{WHITE SQUARE}" for c in " ".join(text.split()))
    half = (most - 3) // 2
    return line if len(line) <= most else f"{line[:half]} … {line[-half:]}"
