"""Levels against their limits, and counts by cause."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from komorebi_qc.desk.plots.formatting import number_text
from komorebi_qc.desk.plots.style import (
    AGENT_COLOR,
    FAINT,
    INK,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from komorebi_qc.core.limits import Limit

_PASS_ZONE, _WARN_ZONE, _FAIL_ZONE = "#CFE8DF", "#FBE7B8", "#F3C9B5"
_STATUS_MARKS = {"pass": ("o", "#007A5A"), "warn": ("^", "#B57600"), "fail": ("X", "#B03A00")}


@dataclass(frozen=True, slots=True)
class LevelRow:
    """One level and its limit.

    Attributes:
        label: channel and measure.
        value: in the limit's unit; None if it couldn't be measured.
        limit: its limit.
    """

    label: str
    value: float | None
    limit: Limit


def plot_levels(ax: Axes, rows: Sequence[LevelRow], *, unit: str) -> Axes:
    """Draw levels of one unit against the zones of their limits: pass, warn and fail."""
    ends = [end for row in rows for part in (row.limit.warn, row.limit.fail) for end in (part.low, part.high)]
    known = [row.value for row in rows if row.value is not None]
    seen = [v for v in (*ends, *known) if math.isfinite(v)] or [0.0]
    pad = max((max(seen) - min(seen)) * 0.12, 1.0)
    low, high = min(seen) - pad, max(seen) + pad
    for number, row in enumerate(reversed(rows)):
        _draw_zones(ax, number, row.limit, low, high)
        if row.value is None:
            ax.text(low, number, "  not measured", va="center", fontsize=9.5, color=FAINT)
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
    zones = [Patch(facecolor=c, label=t) for c, t in ((_PASS_ZONE, "pass"), (_WARN_ZONE, "warn"), (_FAIL_ZONE, "fail"))]
    ax.legend(handles=zones, loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=3, frameon=False, fontsize=9)
    return ax


def plot_counts(ax: Axes, counts: Sequence[tuple[str, int]], *, unit: str) -> Axes:
    """Draw counts as bars, the first on top."""
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
    for part, color in ((None, _FAIL_ZONE), (limit.fail, _WARN_ZONE), (limit.warn, _PASS_ZONE)):
        begin = low if part is None else max(part.low, low)
        end = high if part is None else min(part.high, high)
        if limit.is_off:
            begin, end = low, high
        if end > begin:
            ax.barh(number, end - begin, 0.62, begin, color=color, linewidth=0, zorder=1)
