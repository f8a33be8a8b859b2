"""Waveforms of customer, agent and recording above each other on the recording clock."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from komorebi_qc.core.samples import RATE, length
from komorebi_qc.core.timebase import Span
from komorebi_qc.desk.plots.call_placement import Piece
from komorebi_qc.desk.plots.columns import column_envelope
from komorebi_qc.desk.plots.diagnosis.markers import draw_markers, mark_jumps, markers_of, row_height
from komorebi_qc.desk.plots.diagnosis.stretches import draw_stretches
from komorebi_qc.desk.plots.formatting import number_text
from komorebi_qc.desk.plots.masks import draw_masks
from komorebi_qc.desk.plots.style import (
    AGENT_COLOR,
    CUSTOMER_COLOR,
    FAINT,
    INK,
    RECORDING_COLOR,
    REPORTED_COLOR,
    mark_time,
    width_px,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from komorebi_qc.core.samples import Doubles, Track
    from komorebi_qc.desk.plots.call_placement import CallPlacement
    from komorebi_qc.measure.envelope import Envelope
    from komorebi_qc.sync.result import SyncResult

_QUIETEST_PEAK = 10.0 ** (-60.0 / 20.0)
"""A quieter track isn't amplified further: line noise would look like speech."""
_ROWS = 3
_LANE = (-0.46, 0.46)
"""Of the recording's waveform."""


def plot_waveforms(
    ax: Axes,
    call: Track,
    recording: Track,
    result: SyncResult,
    placed: CallPlacement,
    *,
    reported_call_end_s: float | None = None,
    masked: Sequence[Span] = (),
    hidden: str = "",
) -> Axes:
    """Draw customer, agent and recording above each other, and a band with the stretches that agree.

    A note above the axes states the basis of the call's place if that wasn't measured.

    Args:
        ax: the axes, on the recording clock.
        call: at 8 kHz, ``(n, 2)``.
        recording: at 8 kHz, ``(m,)``.
        result: the sync measurement.
        placed: the call's place.
        reported_call_end_s: on the recording clock; None for that of the measurement.
        masked: the recording's masked spans, on its clock.
        hidden: why the recording's waveform isn't drawn at all; empty to draw it.
    """
    recorded_s = length(recording) / RATE
    begin_s, end_s = min(0.0, placed.start_s), max(recorded_s, placed.end_s, 0.1)
    margin_s = (end_s - begin_s) * 0.004
    ax.set_xlim(begin_s - margin_s, end_s + margin_s)
    ax.set_ylim(draw_stretches(ax, result, placed), 2.55)
    ax.axvspan(placed.start_s, placed.end_s, color=AGENT_COLOR, alpha=0.05, linewidth=0, gid="call")
    columns = int(min(max(ax.bbox.width, 200.0), 4000.0))
    edges_s = np.linspace(begin_s, end_s, columns + 1)
    own = [Piece(0.0, recorded_s, 0.0)]
    tracks = (
        ("Customer", CUSTOMER_COLOR, "customer", column_envelope(call, 0, placed.pieces(), edges_s)),
        ("Agent", AGENT_COLOR, "agent", column_envelope(call, 1, placed.pieces(), edges_s)),
        ("Recording", RECORDING_COLOR, "recording", column_envelope(recording, None, [] if hidden else own, edges_s)),
    )
    names = []
    for row, (name, color, gid, shape) in zip((2, 1, 0), tracks, strict=True):
        _draw_track(ax, row, shape, edges_s, color, gid)
        level = "not shown" if hidden and not row else _peak_text(shape)
        names.append(f"{name}\n{'call audio' if row else 'browser'}\n{level}")
    ax.set_yticks([2, 1, 0], names, fontsize=10)
    for label, color in zip(ax.get_yticklabels(), ("#8A5F00", AGENT_COLOR, "#404040"), strict=True):
        label.set_color(color)
        label.set_linespacing(1.35)
    ax.tick_params(axis="y", length=0)
    ax.set_ylabel("Amplitude (share of the peak)", fontsize=10.5)
    ax.yaxis.set_label_coords(-0.082, 0.5)
    ax.hlines([0.5, 1.5], *ax.get_xlim(), color="#C8C8C8", linewidth=0.7, zorder=1)
    _shade_unrecorded(ax, begin_s, recorded_s, end_s)
    if hidden:
        draw_masks(ax, [Span(0.0, recorded_s)], _LANE, text=hidden)
    else:
        draw_masks(ax, masked, _LANE)
    mark_jumps(ax, result, placed)
    draw_markers(ax, markers_of(result, placed, reported_call_end_s), rows=_ROWS - 1 if placed.assumption else _ROWS)
    if placed.assumption:
        ax.annotate(
            f"The call is placed {placed.assumption}, because {_reason(result, placed)}",
            (0.5, 1.0 + row_height(ax) * (_ROWS - 0.8)),
            xycoords="axes fraction",
            ha="center",
            va="bottom",
            fontsize=11,
            color=REPORTED_COLOR,
            weight="bold",
            annotation_clip=False,
            gid="assumption",
        )
    else:
        _write_after_call(ax, placed.end_s, recorded_s)
    mark_time(ax)
    return ax


def _reason(result: SyncResult, placed: CallPlacement) -> str:
    """Why the call isn't placed by a measurement."""
    if placed.source == "manual":
        return "the offset was given"
    if result.status == "wrong_pair":
        return "it belongs to another recording"
    if placed.source == "candidate" and len(result.candidates) > 1:
        return f"the audio fits at {len(result.candidates)} places"
    return "its position was not measured"


def _draw_track(ax: Axes, row: int, shape: Envelope, edges_s: Doubles, color: str, gid: str) -> None:
    scale = 0.46 / max(shape.peak, _QUIETEST_PEAK)
    middle_s = (edges_s[:-1] + edges_s[1:]) / 2
    ax.axhline(row, color=color, linewidth=0.5, alpha=0.5, zorder=1)
    if not shape.has_samples.any():
        return
    ax.fill_between(
        middle_s,
        row + shape.low * scale,
        row + shape.high * scale,
        where=shape.has_samples.tolist(),
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
        where=shape.has_samples.tolist(),
        color=color,
        linewidth=0.4,
        zorder=4,
        gid=f"{gid} rms",
    )


def _write_after_call(ax: Axes, end_s: float, recorded_s: float) -> None:
    """A note in the empty part after the call."""
    begin_s, stop_s = ax.get_xlim()
    text = "after the call:\nrecording only"
    room = (recorded_s - end_s) / (stop_s - begin_s) * ax.bbox.width
    if room > width_px("recording only", 9.5, ax) + 16:
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
    """Shade the parts of the call before and after the recording."""
    for from_s, to_s, text in ((begin_s, 0.0, "not\nrecording\nyet"), (recorded_s, end_s, "recording\nended")):
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
            width_px(part, 9.5, ax) for part in text.split("\n")
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


def _peak_text(shape: Envelope) -> str:
    return "silent" if shape.peak <= 0 else f"{number_text(20 * math.log10(shape.peak), 1)} dBFS"
