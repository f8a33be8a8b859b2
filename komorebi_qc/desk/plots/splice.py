"""The audio plan as a timeline: both sources above the output."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from matplotlib.patches import Patch

from komorebi_qc.core.timebase import Span
from komorebi_qc.desk.plots.formatting import clock_text, ms_text
from komorebi_qc.desk.plots.masks import draw_masks
from komorebi_qc.desk.plots.style import (
    AGENT_COLOR,
    INK,
    JUMP_COLOR,
    REPORTED_COLOR,
    mark_time,
    width_px,
)
from komorebi_qc.desk.words.rates import rate_changes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from komorebi_qc.core.splice import Splice

_SOURCE_STYLES = {
    "call": (AGENT_COLOR, "", "call audio"),
    "recording": ("#9A9A9A", "//", "the recording's own audio"),
    "silence": ("#D0D0D0", "xx", "silence"),
}


def plot_splice(
    ax: Axes,
    plan: Splice,
    *,
    call_s: float,
    recording_s: float,
    reported_end_s: float | None = None,
) -> Axes:
    """Draw the audio plan: both sources above the output, and the source of each piece.

    Args:
        ax: the axes.
        plan: the audio plan.
        call_s: the call's length, call clock.
        recording_s: end of the recording's own audio, recording clock.
        reported_end_s: the reported call end, output clock.
    """
    alignment, shift_s = plan.alignment, plan.alignment.output_shift_s
    end_s = max(plan.output_end_s, recording_s + shift_s, alignment.to_output(call_s))
    ax.set_xlim(-end_s * 0.012, end_s * 1.012)
    ax.set_ylim(-0.72, 3.0)
    start_s = alignment.to_output(0.0)
    ax.barh(2, alignment.to_output(call_s) - start_s, 0.5, start_s, color=AGENT_COLOR, alpha=0.22, linewidth=0)
    ax.barh(1, recording_s, 0.5, shift_s, color="#9A9A9A", alpha=0.22, linewidth=0)
    rows = {"call": 2, "recording": 1}
    for source, out in _stretches(plan):
        color, hatch, _ = _SOURCE_STYLES[source]
        for row in (0, rows.get(source)):
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
                    gid=f"{source} {row}",
                )
        if source in rows and out.length_s > end_s * 0.004:
            for at_s in (out.start_s, out.end_s):
                ax.plot([at_s, at_s], [0.25, rows[source] - 0.25], color=INK, linewidth=0.7, alpha=0.5, zorder=1)
        if not is_masked(plan, out):
            _write_inside(ax, (out.start_s + out.end_s) / 2, 0, clock_text(out.length_s, 1), out.length_s)
    draw_masks(ax, plan.masked, (-0.25, 0.25))
    _write_seams(ax, plan)
    for change in rate_changes(alignment, call_s):
        at_s = alignment.to_output(change.call_s)
        ax.plot(at_s, 2, marker="D", markersize=7, color=JUMP_COLOR, zorder=6, gid="rate change")
        text = f"rate {change.before_ppm:+.1f} to {change.after_ppm:+.1f} ppm"
        ax.annotate(text, (at_s, 2.33), ha="center", fontsize=9.5, color=JUMP_COLOR, weight="bold")
    for jump in alignment.jumps:
        at_s = alignment.to_output(jump.call_s)
        ax.plot(at_s, 2.36, marker="v", markersize=8, color=JUMP_COLOR, zorder=6, gid="jump")
        ax.annotate(
            f"jump {ms_text(jump.size_s)}", (at_s, 2.5), ha="center", fontsize=9.5, color=JUMP_COLOR, weight="bold"
        )
    if reported_end_s is not None:
        ax.axvline(reported_end_s, color=REPORTED_COLOR, linestyle="--", linewidth=1.3, zorder=5, gid="reported end")
        left = reported_end_s > end_s * 0.8
        ax.annotate(
            f"reported end {clock_text(reported_end_s - shift_s, 3)}",
            (reported_end_s, 2.72),
            xytext=(-5 if left else 5, 0),
            textcoords="offset points",
            ha="right" if left else "left",
            fontsize=9.5,
            color=REPORTED_COLOR,
            weight="bold",
        )
    ax.set_yticks([2, 1, 0], ["Call audio", "Recording", "Output"], fontsize=10.5)
    ax.tick_params(axis="y", length=0)
    ax.set_ylabel("Track")
    used = dict.fromkeys(piece.source for piece in plan.pieces)
    styles = [(_SOURCE_STYLES[name], name) for name in used]
    handles = [Patch(facecolor=style[0], hatch=style[1], edgecolor="white", label=style[2]) for style, _ in styles]
    ax.legend(handles=handles, loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=3, frameon=False, fontsize=9.5)
    mark_time(ax)
    ax.set_xlabel(f"Output clock ({'h:mm:ss' if end_s >= 3600 else 'mm:ss'})", fontsize=10.5, labelpad=2)
    ax.set_title("Audio timeline", loc="left", fontsize=11.5, weight="bold", color=INK, pad=7)
    return ax


def is_masked(plan: Splice, output: Span) -> bool:
    """Whether a stretch of the output clock is silent because it is masked."""
    middle_s = (output.start_s + output.end_s) / 2
    return any(mask.start_s <= middle_s < mask.end_s for mask in plan.masked)


def _stretches(plan: Splice) -> list[tuple[str, Span]]:
    """The source of each stretch between two seams: a change of the clock's rate is no seam."""
    found: list[tuple[str, Span]] = []
    for piece in plan.pieces:
        if piece.continues and found:
            source, before = found.pop()
            found.append((source, Span(before.start_s, piece.output.end_s)))
        else:
            found.append((piece.source, piece.output))
    return found


def _write_inside(ax: Axes, at_s: float, row: float, text: str, length_s: float) -> None:
    left, right = ax.get_xlim()
    if length_s / (right - left) * ax.bbox.width > width_px(text, 9.5, ax) + 12:
        paper = {"boxstyle": "round,pad=0.15", "facecolor": "white", "edgecolor": "none", "alpha": 0.9}
        ax.text(at_s, row, text, ha="center", va="center", fontsize=9.5, color=INK, zorder=6, bbox=paper)


def _write_seams(ax: Axes, plan: Splice) -> None:
    """Each seam's time under the output, if there is room."""
    left, right = ax.get_xlim()
    free = -math.inf
    for seam_s in plan.seams_s:
        ax.plot(seam_s, -0.32, marker="^", markersize=6, color=INK, zorder=6, gid="seam")
        text = f"seam {clock_text(seam_s, 3)}"
        wide = (width_px(text, 9, ax) + 10) / ax.bbox.width * (right - left)
        begin = min(max(seam_s - wide / 2, left), right - wide)
        if begin >= free:
            paper = {"boxstyle": "square,pad=0.1", "facecolor": "white", "edgecolor": "none", "alpha": 0.9}
            ax.text(begin + wide / 2, -0.45, text, ha="center", va="top", fontsize=9, color=INK, zorder=6, bbox=paper)
            free = begin + wide
