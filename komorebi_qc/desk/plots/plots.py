"""Every plot of the package: each function takes and returns an ``ax``, and each axis says its unit.

`plot_waveforms` and `plot_lags` draw what was measured (`komorebi_qc.desk.plots.waveforms`,
`komorebi_qc.desk.plots.lags`); here
are the splice, one window's correlation, spectrograms, a seam from near, levels against their limits, and before and
after. Notebooks, command line and report draw with the same functions. Nothing knows of pyplot: a figure comes from
`new_figure`, and leaves no state behind.
"""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MaxNLocator

from komorebi_qc.core.samples import RATE, as_float
from komorebi_qc.desk.plots.call_placement import Piece
from komorebi_qc.desk.plots.envelope import envelope
from komorebi_qc.desk.plots.formatting import clock_text, ms_text, number_text, signed_text
from komorebi_qc.desk.plots.lags import plot_lags
from komorebi_qc.desk.plots.style import (
    AGENT_COLOR,
    CUSTOMER_COLOR,
    FAINT,
    INK,
    JUMP_COLOR,
    RECORDING_COLOR,
    TOLD_COLOR,
    mark_time,
    width_px,
)
from komorebi_qc.desk.plots.waveforms import plot_waveforms

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from komorebi_qc.core.limits import Limit
    from komorebi_qc.core.splice import Splice
    from komorebi_qc.desk.plots.correlation import Correlation

__all__ = [
    "LevelRow",
    "image_of",
    "new_figure",
    "plot_correlation",
    "plot_counts",
    "plot_lags",
    "plot_levels",
    "plot_seam",
    "plot_side_lags",
    "plot_spectrogram",
    "plot_splice",
    "plot_tracks",
    "plot_waveforms",
]

DPI = 100
_CALL_COLOR = AGENT_COLOR
_SILENCE_COLOR = "#D0D0D0"
_SOURCE_LOOKS = {
    "call": (_CALL_COLOR, "", "Connect's audio"),
    "recording": ("#9A9A9A", "//", "the recording's own audio"),
    "silence": (_SILENCE_COLOR, "xx", "silence"),
}
_GOOD, _WARN, _FAIL = "#CFE8DF", "#FBE7B8", "#F3C9B5"
_STATUS_MARKS = {"pass": ("o", "#007A5A"), "warn": ("^", "#B57600"), "fail": ("X", "#B03A00")}
_FLOOR_DB, _TOP_DB = -110.0, -30.0
_WINDOW = 256


def new_figure(width: float = 12.0, height: float = 4.0, rows: int = 1) -> tuple[Figure, list[Axes]]:
    """A white figure of so many inches, with axes above each other."""
    figure = Figure(figsize=(width, height), dpi=DPI, facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)
    return figure, [figure.add_subplot(rows, 1, k + 1) for k in range(rows)]


def image_of(figure: Figure, kind: str = "png") -> bytes:
    """The figure as an image file: ``png`` or ``webp``."""
    held = io.BytesIO()
    figure.savefig(held, format=kind, dpi=figure.dpi)
    return held.getvalue()


# --- the splice


def plot_splice(
    ax: Axes,
    laid: Splice,
    *,
    call_s: float,
    recording_s: float,
    told_end_s: float | None = None,
) -> Axes:
    """Draw what plays when: both sources above the output, each piece where it comes from.

    Args:
        ax: where to draw.
        laid: the splice.
        call_s: the call's length, call clock.
        recording_s: where the recording's own audio ends, recording clock.
        told_end_s: the told call end, output clock.
    """
    alignment, shift_s = laid.alignment, laid.alignment.output_shift_s
    end_s = max(laid.output_end_s, recording_s + shift_s, alignment.to_output(call_s))
    ax.set_xlim(-end_s * 0.012, end_s * 1.012)
    ax.set_ylim(-0.62, 3.0)
    start_s = alignment.to_output(0.0)
    ax.barh(2, alignment.to_output(call_s) - start_s, 0.5, start_s, color=_CALL_COLOR, alpha=0.22, linewidth=0)
    ax.barh(1, recording_s, 0.5, shift_s, color="#9A9A9A", alpha=0.22, linewidth=0)
    rows = {"call": 2, "recording": 1}
    for piece in laid.pieces:
        color, hatch, _ = _SOURCE_LOOKS[piece.source]
        out = piece.output
        for row in (0, rows.get(piece.source)):
            if row is not None:
                ax.barh(
                    row,
                    out.length_s,
                    0.5,
                    out.start_s,
                    color=color,
                    hatch=hatch,
                    edgecolor="white",
                    linewidth=0.8,
                    gid=f"{piece.source} {row}",
                )
        if piece.source in rows and out.length_s > end_s * 0.004:
            for at_s in (out.start_s, out.end_s):
                ax.plot([at_s, at_s], [0.25, rows[piece.source] - 0.25], color=INK, linewidth=0.7, alpha=0.5, zorder=1)
        _write_inside(ax, (out.start_s + out.end_s) / 2, 0, clock_text(out.length_s, 1), out.length_s)
    _write_seams(ax, laid)
    for jump in alignment.jumps:
        at_s = alignment.to_output(jump.call_s)
        ax.plot(at_s, 2.36, marker="v", markersize=8, color=JUMP_COLOR, zorder=6, gid="jump")
        ax.annotate(
            f"jump {ms_text(jump.size_s)}", (at_s, 2.5), ha="center", fontsize=9.5, color=JUMP_COLOR, weight="bold"
        )
    if told_end_s is not None:
        ax.axvline(told_end_s, color=TOLD_COLOR, linestyle="--", linewidth=1.3, zorder=5, gid="told end")
        left = told_end_s > end_s * 0.8
        ax.annotate(
            f"told end {clock_text(told_end_s - shift_s, 3)}",
            (told_end_s, 2.72),
            xytext=(-5 if left else 5, 0),
            textcoords="offset points",
            ha="right" if left else "left",
            fontsize=9.5,
            color=TOLD_COLOR,
            weight="bold",
        )
    ax.set_yticks([2, 1, 0], ["Connect", "Recording", "Output"], fontsize=10.5)
    ax.tick_params(axis="y", length=0)
    ax.set_ylabel("Track")
    used = dict.fromkeys(piece.source for piece in laid.pieces)
    looks = [(_SOURCE_LOOKS[name], name) for name in used]
    handles = [Patch(facecolor=look[0], hatch=look[1], edgecolor="white", label=look[2]) for look, _ in looks]
    ax.legend(handles=handles, loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=3, frameon=False, fontsize=9.5)
    mark_time(ax)
    ax.set_xlabel(f"Output clock ({'h:mm:ss' if end_s >= 3600 else 'mm:ss'})", fontsize=10.5, labelpad=2)
    ax.set_title("What plays when", loc="left", fontsize=11.5, weight="bold", color=INK, pad=7)
    return ax


def _write_inside(ax: Axes, at_s: float, row: float, text: str, length_s: float) -> None:
    left, right = ax.get_xlim()
    if length_s / (right - left) * ax.bbox.width > width_px(text, 9.5, ax) + 12:
        paper = {"boxstyle": "round,pad=0.15", "facecolor": "white", "edgecolor": "none", "alpha": 0.9}
        ax.text(at_s, row, text, ha="center", va="center", fontsize=9.5, color=INK, zorder=6, bbox=paper)


def _write_seams(ax: Axes, laid: Splice) -> None:
    """Each seam's time under the output, where there is room for it."""
    left, right = ax.get_xlim()
    free = -math.inf
    for seam_s in laid.seams_s:
        ax.plot(seam_s, -0.32, marker="^", markersize=6, color=INK, zorder=6, gid="seam")
        text = f"seam {clock_text(seam_s, 3)}"
        wide = (width_px(text, 9, ax) + 10) / ax.bbox.width * (right - left)
        begin = min(max(seam_s - wide / 2, left), right - wide)
        if begin >= free:
            ax.text(begin + wide / 2, -0.4, text, ha="center", va="top", fontsize=9, color=INK)
            free = begin + wide


def plot_tracks(
    ax: Axes,
    lanes: Sequence[tuple[str, NDArray[np.int16]]],
    *,
    from_s: float = 0.0,
    to_s: float | None = None,
    marks: Sequence[tuple[float, str]] = (),
) -> Axes:
    """Draw the outlines of tracks above each other, on the output clock.

    Args:
        ax: where to draw.
        lanes: names and samples at 8 kHz, sample ``i`` at ``i / 8000`` s, from top to bottom.
        from_s: from where.
        to_s: to where; None for the end of the longest.
        marks: (moment, word) to draw as lines through all of them.
    """
    longest_s = max((len(samples) / RATE for _, samples in lanes), default=0.0)
    end_s = max(longest_s if to_s is None else to_s, from_s + 0.01)
    ax.set_xlim(from_s, end_s)
    edges_s = np.linspace(from_s, end_s, int(min(max(ax.bbox.width, 200.0), 4000.0)) + 1)
    names = []
    for row, (name, samples) in zip(range(len(lanes) - 1, -1, -1), lanes, strict=True):
        shape = envelope(samples, None, [Piece(0.0, len(samples) / RATE, 0.0)], edges_s)
        scale = 0.45 / max(shape.peak, 0.001)
        color = _lane_color(name)
        middle_s = (edges_s[:-1] + edges_s[1:]) / 2
        ax.axhline(row, color=color, linewidth=0.5, alpha=0.5, zorder=1)
        ax.fill_between(
            middle_s,
            row + shape.low * scale,
            row + shape.high * scale,
            color=color,
            alpha=0.75,
            linewidth=0.4,
            gid=name,
        )
        names.append((row, f"{name}\n{_decibel_text(max(shape.peak, 1e-5))}"))
    for at_s, word in marks:
        if from_s <= at_s <= end_s:
            ax.axvline(at_s, color=INK, linewidth=1.0, linestyle="--", zorder=4, gid=word)
    ax.set_ylim(-0.55, len(lanes) - 0.45)
    ax.set_yticks([row for row, _ in names], [text for _, text in names], fontsize=9.5)
    ax.tick_params(axis="y", length=0)
    ax.set_ylabel("Amplitude\n(of the peak given)", fontsize=9)
    mark_time(ax)
    ax.set_xlabel(f"Output clock ({'h:mm:ss' if end_s >= 3600 else 'mm:ss'})", fontsize=10.5, labelpad=2)
    return ax


def _lane_color(name: str) -> str:
    known = {"customer": CUSTOMER_COLOR, "agent": AGENT_COLOR, "recording": RECORDING_COLOR}
    return next((color for word, color in known.items() if name.startswith(word)), INK)


# --- one window


def plot_correlation(
    ax: Axes, found: Correlation, *, fitted_s: float | None = None, half_s: float | None = None
) -> Axes:
    """Draw how well one window fits at each lag: its peak, its rivals, and where the fit puts it.

    Args:
        ax: where to draw; the lag is told less the peak's, in ms, the height over what chance gives, in sigma.
        found: of one window.
        fitted_s: the lag that the fit gives it.
        half_s: how much to show of either side of the peak; None for all.
    """
    x = (found.lag_s - found.peak_s) * 1000
    color = CUSTOMER_COLOR if found.channel == "customer" else AGENT_COLOR
    ax.fill_between(x, 0.0, found.z, color=color, alpha=0.18, linewidth=0)
    ax.plot(x, found.z, color=color, linewidth=0.9, gid="correlation")
    left, right = (float(x[0]), float(x[-1])) if half_s is None else (-half_s * 1000, half_s * 1000)
    ax.set_xlim(left, right)
    ax.set_ylim(0.0, max(float(found.z.max()), 10.0) * 1.22)
    ax.axhspan(0.0, 6.5, color="#000000", alpha=0.05, linewidth=0, gid="chance")
    ax.text(left, 6.5, "  chance reaches up to here", fontsize=9, color=FAINT, va="bottom", ha="left")
    off = math.inf if fitted_s is None else (fitted_s - found.peak_s) * 1000
    if left <= off <= right:
        ax.axvline(off, color=INK, linestyle="--", linewidth=1.0, zorder=2, gid="fit")
        ax.annotate(
            f"fit: {signed_text(off, 'ms', 2)}",
            (off, 0.97),
            xycoords=ax.get_xaxis_transform(),
            xytext=(6, 0),
            textcoords="offset points",
            fontsize=9.5,
            color=INK,
            va="top",
        )
    ax.plot(0.0, found.peak_z, marker="o", markersize=7, color=color, zorder=5, gid="peak")
    ax.annotate(
        f"best fit: lag {number_text(found.peak_s, 4)} s, {found.peak_z:.0f} \N{GREEK SMALL LETTER SIGMA}",
        (0.0, found.peak_z),
        xytext=(-9, 3),
        textcoords="offset points",
        ha="right",
        fontsize=10,
        weight="bold",
        color=color if found.channel == "agent" else "#8A5F00",
    )
    for number, (lag_s, z) in enumerate(found.rivals, 1):
        at = (lag_s - found.peak_s) * 1000
        if not left <= at <= right:
            continue
        ax.plot(at, z, marker="D", markersize=5.5, color=TOLD_COLOR, zorder=5, gid="rival")
        ax.annotate(
            f"rival {number}: {signed_text(at, 'ms', 1)}, {z / max(found.peak_z, 1e-9):.0%}",
            (at, z),
            xytext=(0, 8 + 12 * ((number - 1) % 3)),
            textcoords="offset points",
            ha="center",
            fontsize=9,
            color=TOLD_COLOR,
        )
    ax.set_xlabel("Lag less the best one (ms)", fontsize=10.5)
    ax.set_ylabel("Agreement (\N{GREEK SMALL LETTER SIGMA} of chance)", fontsize=10.5)
    middle_s = found.start_s + found.length_s / 2
    ax.set_title(
        f"The {found.channel}'s window at {clock_text(middle_s, 2)} of the call ({found.length_s:g} s) at each lag",
        loc="left",
        fontsize=11.5,
        weight="bold",
        color=INK,
    )
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def plot_side_lags(ax: Axes, lags_s: Mapping[str, Sequence[float]]) -> Axes:
    """Draw how the lags of each channel's accepted windows are spread about their common middle, in ms.

    `lags_s` holds, by channel, each window's lag less that of the fit.
    """
    names = [name for name in ("customer", "agent") if len(lags_s.get(name, ()))]
    values = {name: np.asarray(lags_s[name], float) * 1000 for name in names}
    spread = np.concatenate([*values.values(), np.zeros(1)])
    low, high = np.percentile(spread, [1, 99])
    pad = max((high - low) * 0.15, 0.1)
    bins = np.linspace(low - pad, high + pad, 81)
    ax.set_xlim(float(bins[0]), float(bins[-1]))
    ax.set_xlabel("Lag less the fitted alignment's (ms)", fontsize=10.5)
    ax.set_ylabel("Windows (count)", fontsize=10.5)
    ax.set_title("Each channel's lag by itself", loc="left", fontsize=11.5, weight="bold", color=INK)
    ax.spines[["top", "right"]].set_visible(False)
    if not names:
        ax.text(0.5, 0.5, "No window was accepted", transform=ax.transAxes, ha="center", fontsize=13, color=FAINT)
        return ax
    for name in names:
        color, hatch = (CUSTOMER_COLOR, "//") if name == "customer" else (AGENT_COLOR, "")
        middle = float(np.median(values[name]))
        ax.hist(
            np.clip(values[name], bins[0], bins[-1]),
            bins=bins.tolist(),
            color=color,
            alpha=0.6,
            hatch=hatch,
            edgecolor="white",
            linewidth=0.3,
            gid=name,
            label=f"{name}: median {signed_text(middle, 'ms', 2)}, {len(values[name])} windows",
        )
        ax.axvline(middle, color=color, linewidth=1.6, linestyle="--", gid=f"{name} median")
    ax.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    ax.legend(frameon=False, fontsize=9.5)
    return ax


# --- seams


def plot_seam(
    ax: Axes,
    lanes: Sequence[tuple[str, NDArray[np.int16]]],
    *,
    at_s: float,
    half_s: float = 0.05,
    fade: tuple[float, float] | None = None,
    label: str = "seam",
) -> Axes:
    """Draw tracks from near, above each other, about one moment of the output clock.

    Args:
        ax: where to draw.
        lanes: names and samples at 8 kHz on the output clock, from top to bottom.
        at_s: the moment.
        half_s: how much of either side.
        fade: from where to where two sources are faded into each other.
        label: what is at the moment.
    """
    first, last = round((at_s - half_s) * RATE), round((at_s + half_s) * RATE)
    x_ms = (np.arange(first, last) / RATE - at_s) * 1000
    names = []
    for row, (name, samples) in zip(range(len(lanes) - 1, -1, -1), lanes, strict=True):
        block = _cut(samples, first, last)
        peak = max(float(np.abs(block).max(initial=0.0)), 0.001)
        color = _lane_color(name)
        ax.axhline(row, color="#DDDDDD", linewidth=0.6, zorder=1)
        ax.plot(x_ms, row + block / peak * 0.45, color=color, linewidth=1.0, zorder=3, gid=name)
        names.append((row, f"{name}\n{_decibel_text(peak)}"))
    if fade is not None and fade[1] > fade[0]:
        ax.axvspan(
            (fade[0] - at_s) * 1000, (fade[1] - at_s) * 1000, color=JUMP_COLOR, alpha=0.15, linewidth=0, gid="fade"
        )
    ax.axvline(0.0, color=INK, linewidth=1.2, linestyle="--", zorder=4, gid="seam")
    ax.set_xlim(-half_s * 1000, half_s * 1000)
    ax.set_ylim(-0.55, len(lanes) - 0.45)
    ax.set_yticks([row for row, _ in names], [text for _, text in names], fontsize=9.5)
    ax.set_ylabel("Amplitude (to the peak given)", fontsize=10)
    ax.set_xlabel(f"Time from {clock_text(at_s, 3)} of the output (ms)", fontsize=10.5)
    faded = f", faded over {(fade[1] - fade[0]) * 1000:.0f} ms" if fade is not None and fade[1] > fade[0] else ""
    ax.set_title(f"{label} at {clock_text(at_s, 3)}{faded}", loc="left", fontsize=11.5, weight="bold", color=INK)
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def plot_spectrogram(
    ax: Axes,
    samples: NDArray[np.int16],
    *,
    from_s: float,
    to_s: float,
    marks: Sequence[tuple[float, str]] = (),
    name: str = "",
) -> Axes:
    """Draw the spectrum of a stretch of a track over time, in kHz and dB of full scale.

    Args:
        ax: where to draw.
        samples: at 8 kHz, sample ``i`` at ``i / 8000`` s.
        from_s: from where; before 0 is silence.
        to_s: to where.
        marks: (moment, word) to draw as lines.
        name: the track's.
    """
    wide = max(ax.bbox.width, 200.0)
    hop = max(int((to_s - from_s) * RATE / wide), 16)
    first = round(from_s * RATE)
    starts = np.arange(0, max(round((to_s - from_s) * RATE), 1), hop)
    block = _cut(samples, first - _WINDOW // 2, first + int(starts[-1]) + _WINDOW)
    frames = block[starts[:, None] + np.arange(_WINDOW)] * np.hanning(_WINDOW)
    power = np.square(np.abs(np.fft.rfft(frames, axis=1)) * 2 / (_WINDOW / 2))
    shown = 10 * np.log10(np.maximum(power.T, 1e-12))
    image = ax.imshow(
        shown,
        origin="lower",
        aspect="auto",
        extent=(from_s, to_s, 0.0, RATE / 2000),
        cmap="cividis",
        vmin=_FLOOR_DB,
        vmax=_TOP_DB,
        interpolation="nearest",
        gid="spectrogram",
    )
    for at_s, word in marks:
        if from_s <= at_s <= to_s:
            ax.axvline(at_s, color="white", linewidth=1.3, linestyle="--", gid=word)
            ax.text(at_s, RATE / 2000 * 0.97, f" {word}", color="white", fontsize=9.5, va="top", weight="bold")
    bar = ax.figure.colorbar(image, ax=ax, pad=0.01, fraction=0.04)
    bar.set_label("Level (dBFS a bin)", fontsize=9.5)
    ax.set_ylabel("Frequency (kHz)", fontsize=10.5)
    ax.set_xlim(from_s, to_s)
    ax.set_title(name, loc="left", fontsize=10.5, weight="bold", color=INK)
    decimals = 2 if to_s - from_s < 4 else 1 if to_s - from_s < 20 else 0
    ax.xaxis.set_major_locator(MaxNLocator(9))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: clock_text(value, decimals)))
    ax.set_xlabel("Output clock (mm:ss)", fontsize=10.5)
    return ax


# --- levels


@dataclass(frozen=True, slots=True)
class LevelRow:
    """One level and its limit.

    Attributes:
        label: whose, and which.
        value: in the limit's unit; None where there was nothing to measure.
        limit: judges it.
    """

    label: str
    value: float | None
    limit: Limit


def plot_levels(ax: Axes, rows: Sequence[LevelRow], *, unit: str) -> Axes:
    """Draw levels of one unit against their limits: where they pass, are warned of, and fail, and where they lie."""
    ends = [end for row in rows for part in (row.limit.warn, row.limit.fail) for end in (part.low, part.high)]
    known = [row.value for row in rows if row.value is not None]
    seen = [v for v in (*ends, *known) if math.isfinite(v)] or [0.0]
    pad = max((max(seen) - min(seen)) * 0.12, 1.0)
    low, high = min(seen) - pad, max(seen) + pad
    for number, row in enumerate(reversed(rows)):
        _draw_zones(ax, number, row.limit, low, high)
        if row.value is None:
            ax.text(low, number, "  nothing to measure", va="center", fontsize=9.5, color=FAINT)
            continue
        status = row.limit.status(row.value)
        marker, color = _STATUS_MARKS[status]
        ax.plot(
            row.value,
            number,
            marker=marker,
            markersize=9,
            color=color,
            markeredgecolor="white",
            zorder=5,
            gid=f"{row.label} {status}",
        )
        flip = row.value > low + (high - low) * 0.8
        ax.annotate(
            f"{number_text(row.value, 0 if abs(row.value) >= 1000 else 1)}{'' if status == 'pass' else ' ' + status}",
            (row.value, number),
            xytext=(-9 if flip else 9, 0),
            textcoords="offset points",
            ha="right" if flip else "left",
            va="center",
            fontsize=10,
            weight="normal" if status == "pass" else "bold",
            color=INK,
        )
    ax.set_xlim(low, high)
    ax.set_ylim(-0.6, len(rows) - 0.4)
    ax.set_yticks(range(len(rows)), [row.label for row in reversed(rows)], fontsize=10)
    ax.tick_params(axis="y", length=0)
    ax.set_ylabel("Channel")
    ax.set_xlabel(unit, fontsize=10.5)
    ax.spines[["top", "right"]].set_visible(False)
    zones = [Patch(facecolor=c, label=t) for c, t in ((_GOOD, "passes"), (_WARN, "is warned of"), (_FAIL, "fails"))]
    ax.legend(handles=zones, loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=3, frameon=False, fontsize=9)
    return ax


def plot_counts(ax: Axes, counts: Sequence[tuple[str, int]], *, unit: str) -> Axes:
    """Draw how many there are of each, the first on top."""
    most = max((count for _, count in counts), default=1)
    for row, (name, count) in zip(range(len(counts) - 1, -1, -1), counts, strict=True):
        ax.barh(row, count, 0.6, color=AGENT_COLOR, gid=name)
        ax.text(count, row, f" {count}", va="center", fontsize=10.5, color=INK)
    ax.set_xlim(0, most * 1.08)
    ax.set_ylim(-0.6, len(counts) - 0.4)
    ax.set_yticks(range(len(counts)), [name for name, _ in reversed(counts)], fontsize=10)
    ax.tick_params(axis="y", length=0)
    ax.set_ylabel("Cause")
    ax.set_xlabel(unit, fontsize=10.5)
    ax.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def _draw_zones(ax: Axes, number: int, limit: Limit, low: float, high: float) -> None:
    for part, color in ((None, _FAIL), (limit.fail, _WARN), (limit.warn, _GOOD)):
        begin = low if part is None else max(part.low, low)
        end = high if part is None else min(part.high, high)
        if limit.is_off:
            begin, end = low, high
        if end > begin:
            ax.barh(number, end - begin, 0.62, begin, color=color, linewidth=0, zorder=1)


def _cut(samples: NDArray[np.int16], first: int, last: int) -> NDArray[np.float64]:
    """Samples from first to last, silence where there are none, full scale 1."""
    out = np.zeros(max(last - first, 0))
    begin, end = max(first, 0), min(last, len(samples))
    if end > begin:
        out[begin - first : end - first] = as_float(samples[begin:end])
    return out


def _decibel_text(peak: float) -> str:
    return f"{number_text(20 * math.log10(peak), 1)} dBFS"
