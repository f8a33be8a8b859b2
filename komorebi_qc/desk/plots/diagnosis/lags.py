"""The lag between both sides: every window, the fitted alignment, and other offsets that fit."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import FuncFormatter, MaxNLocator

from komorebi_qc.desk.plots.diagnosis.markers import mark_jumps, mark_rate_changes, other_places, verticals
from komorebi_qc.desk.plots.formatting import SECONDS_FROM_S, ms_text, number_text, rounded_text, signed_text
from komorebi_qc.desk.plots.style import AGENT_COLOR, CUSTOMER_COLOR, FAINT, INK, STATUS_COLORS, mark_time

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from komorebi_qc.core.samples import Doubles
    from komorebi_qc.desk.plots.call_placement import CallPlacement
    from komorebi_qc.sync.result import SyncResult, Window

LEAST_SPAN_S = 0.004
"""Least span of the lag axis, so that the scatter of a good alignment (0.05 ms) doesn't look like a fault."""
MOST_POINTS = 3000
SAME_LAG_S = 0.05
"""Windows within this distance of a candidate were followed there."""


def plot_lags(ax: Axes, result: SyncResult, placed: CallPlacement, *, reported_call_end_s: float | None = None) -> Axes:
    """Draw each window's lag against time, with the fitted alignment through those that were accepted.

    Windows of a channel that isn't in the recording count as rejected. Lags outside the axis are ticks on its edge.
    """
    is_fitted = result.status in ("aligned", "ambiguous") and result.offset_s is not None
    is_placed = placed.source == "candidate"
    zero_s = result.offset_s if is_fitted and result.offset_s is not None and not is_placed else placed.start_s
    channels = {"both": ("customer", "agent"), "none": ()}.get(result.sides, (result.sides,))
    accepted = [w for w in result.windows if w.accepted and w.channel in channels]
    rejected = [w for w in result.windows if not (w.accepted and w.channel in channels)]
    lines = _fitted(result, placed)
    others = other_places(result, placed)
    low, high = _lag_range(result, accepted, rejected, lines, [at_s for at_s, _ in others], zero_s)
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
    _mark_alternatives(ax, others, zero_s, scale, unit)
    mark_jumps(ax, result, placed)
    mark_rate_changes(ax, placed, zero_s, scale)
    for x, color, style in verticals(result, placed, reported_call_end_s):
        ax.axvline(x, color=color, linestyle=style, linewidth=1.0, alpha=0.6, zorder=2)
    _write_lag_notes(ax, result, placed, accepted, rejected)
    reference = f"{number_text(zero_s, 3)} s"
    ax.set_ylabel(f"Lag minus {reference} ({unit})", fontsize=10.5)
    ax.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: signed_text(value, "", 6)))
    ax.tick_params(axis="y", labelsize=10)
    mark_time(ax)
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
    ax.set_title("Lag between recording and call", loc="left", fontsize=11.5, weight="bold", color=INK, pad=7)
    return ax


def _fitted(result: SyncResult, placed: CallPlacement) -> list[tuple[Doubles, Doubles, str, str]]:
    """(recording time, lag minus the offset, line style, label) of each straight part of the fit, in seconds."""
    if placed.assumption or result.offset_s is None:
        ends = np.array([placed.start_s, placed.end_s])
        if placed.source == "candidate":
            return [(ends, np.zeros(2), "--", "candidate in use")]
        if result.status == "ambiguous" and result.offset_s is not None:
            return [(ends, np.zeros(2), "--", "best offset")]
        return []
    out = []
    for piece in placed.part_pieces():
        call_s = np.array([piece.from_s, piece.to_s])
        time_s = piece.recording_s + (call_s - piece.from_s) * piece.rate
        out.append((time_s, time_s - call_s - result.offset_s, "-", "fitted alignment"))
    if result.lag_customer_s is None or result.lag_agent_s is None:
        return out
    extra_s = result.lag_customer_s - result.lag_agent_s
    if abs(extra_s) < 0.0005 and not result.customer_steps:
        return out
    steps = sorted(result.customer_steps, key=lambda s: s.call_s)
    for piece in placed.part_pieces():
        inside = [s.call_s for s in steps if piece.from_s < s.call_s < piece.to_s]
        for a, b in pairwise([piece.from_s, *inside, piece.to_s]):
            own_s = extra_s + sum(s.size_s for s in steps if s.call_s <= a)
            call_s = np.array([a, b])
            time_s = piece.recording_s + (call_s - piece.from_s) * piece.rate
            out.append((time_s, time_s - call_s - result.offset_s + own_s, ":", "customer leg"))
    return out


def _lag_range(
    result: SyncResult,
    accepted: Sequence[Window],
    rejected: Sequence[Window],
    lines: Sequence[tuple[Doubles, Doubles, str, str]],
    others_s: Sequence[float],
    zero_s: float,
) -> tuple[float, float]:
    """Range of the lag axis in seconds: the fit, and nearly all accepted windows."""
    is_fitted = result.status in ("aligned", "ambiguous")
    shown = accepted if is_fitted and accepted else [*accepted, *rejected]
    lags_s = np.array([w.lag_s - zero_s for w in shown])
    trim = 1.0 if is_fitted else 2.0
    seen = [0.0, *(float(v) for _, lag_s, _, _ in lines for v in lag_s)]
    if len(lags_s):
        seen.extend(float(v) for v in np.percentile(lags_s, [trim, 100.0 - trim]))
    seen.extend(at_s - zero_s for at_s in others_s)
    low, high = min(seen), max(seen)
    pad = max((high - low) * 0.12, (LEAST_SPAN_S - (high - low)) / 2)
    return low - pad, high + pad


def _draw_windows(
    ax: Axes, windows: Sequence[Window], placed: CallPlacement, zero_s: float, scale: float, style: dict[str, object]
) -> None:
    """One marker for each window. Windows outside the axis are ticks on its edge."""
    if not windows:
        return
    time_s = np.array([placed.alignment.to_recording(w.call_s) for w in windows])
    lags = np.array([(w.lag_s - zero_s) * scale for w in windows])
    low, high = ax.get_ylim()
    inside = (lags >= low) & (lags <= high)
    ax.plot(time_s[inside], lags[inside], linestyle="none", **style)  # type: ignore[arg-type]
    for beyond, edge in ((lags < low, 0.012), (lags > high, 0.988)):
        if beyond.any():
            ax.plot(
                time_s[beyond],
                np.full(np.count_nonzero(beyond), edge),
                linestyle="none",
                marker="|",
                markersize=7,
                color=str(style["color"]),
                alpha=0.5,
                transform=ax.get_xaxis_transform(),
                gid="beyond",
                zorder=3,
            )


def _mark_alternatives(ax: Axes, others: Sequence[tuple[float, str]], zero_s: float, scale: float, unit: str) -> None:
    color = STATUS_COLORS["ambiguous"]
    for k, (offset_s, note) in enumerate(others):
        lag = (offset_s - zero_s) * scale
        ax.axhline(
            lag,
            color=color,
            linestyle=":",
            linewidth=1.4,
            zorder=4,
            gid="alternative",
            label="_" if k else "other offsets",
        )
        ax.annotate(
            f"{signed_text(lag, unit, 3)}: {note}",
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
    ax: Axes, result: SyncResult, placed: CallPlacement, accepted: Sequence[Window], rejected: Sequence[Window]
) -> None:
    paper = {"boxstyle": "round,pad=0.3", "facecolor": "white", "edgecolor": "none", "alpha": 0.85}
    if not accepted and not rejected:
        text = "No window could be measured: the two files share no audio to compare"
        at = ax.transAxes
        ax.text(
            0.5, 0.5, text, ha="center", va="center", transform=at, fontsize=13, color=FAINT, gid="note", bbox=paper
        )
        return
    if result.status == "wrong_pair":
        ax.text(
            0.5,
            0.93,
            "No common lag: windows agree by chance, or through a shared prompt",
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
        f"{beyond} window{'s' * (beyond > 1)} outside this axis: ticks on its edges" if beyond else "",
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
        if line.get_transform() == ax.transData and line.get_gid() != "alternative":
            xy = line.get_xydata()
            shares = (np.asarray(xy, float) - (left, low)) / (right - left, high - low)
            if line.get_gid() == "fit":
                shares = np.linspace(shares[0], shares[-1], 50)
            points.append(shares)
    x, y = np.concatenate(points).T
    corners = [(0.006, 0.05), (0.994, 0.05), (0.006, 0.95), (0.994, 0.95)]
    return min(corners, key=lambda c: int(np.count_nonzero((np.abs(x - c[0]) < 0.36) & (np.abs(y - c[1]) < 0.18))))


def _scatter_text(accepted: Sequence[Window], placed: CallPlacement) -> str:
    """Median distance of the accepted windows from the fit."""
    if placed.source == "candidate" and accepted:
        lag_s = float(np.median([w.lag_s for w in accepted])) - placed.start_s
        return f"windows were followed at {ms_text(lag_s)}, which also fits" if abs(lag_s) > SAME_LAG_S else ""
    if placed.assumption or not accepted:
        return ""
    own = [w for w in accepted if w.channel == "agent"] or accepted
    off_s = [abs(w.lag_s + w.call_s - placed.alignment.to_recording(w.call_s)) for w in own]
    return f"accepted windows: {rounded_text(float(np.median(off_s)) * 1000)} ms from the fit (median)"


def _thinned(windows: Sequence[Window]) -> Sequence[Window]:
    return windows[:: max(math.ceil(len(windows) / MOST_POINTS), 1)]


def _count(windows: Sequence[Window], channel: str) -> int:
    return sum(w.channel == channel for w in windows)
