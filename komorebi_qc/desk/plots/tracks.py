"""Waveforms of tracks above each other, over minutes or within milliseconds of a seam."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from komorebi_qc.core.samples import RATE, as_float
from komorebi_qc.desk.plots.call_placement import Piece
from komorebi_qc.desk.plots.columns import column_envelope
from komorebi_qc.desk.plots.formatting import clock_text, number_text
from komorebi_qc.desk.plots.masks import draw_masks
from komorebi_qc.desk.plots.style import (
    AGENT_COLOR,
    CUSTOMER_COLOR,
    INK,
    JUMP_COLOR,
    RECORDING_COLOR,
    mark_time,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from komorebi_qc.core.timebase import Span


def plot_tracks(
    ax: Axes,
    tracks: Sequence[tuple[str, NDArray[np.int16]]],
    *,
    from_s: float = 0.0,
    to_s: float | None = None,
    marks: Sequence[tuple[float, str]] = (),
    masked: Sequence[Span] = (),
) -> Axes:
    """Draw the waveforms of tracks above each other, on the output clock.

    Args:
        ax: the axes.
        tracks: names and samples at 8 kHz, sample ``i`` at ``i / 8000`` s, from top to bottom.
        from_s: start.
        to_s: end; None for the end of the longest track.
        marks: moments and labels of lines through all tracks.
        masked: spans whose sound is masked, on the tracks' clock.
    """
    longest_s = max((len(samples) / RATE for _, samples in tracks), default=0.0)
    end_s = max(longest_s if to_s is None else to_s, from_s + 0.01)
    ax.set_xlim(from_s, end_s)
    edges_s = np.linspace(from_s, end_s, int(min(max(ax.bbox.width, 200.0), 4000.0)) + 1)
    names = []
    for row, (name, samples) in zip(range(len(tracks) - 1, -1, -1), tracks, strict=True):
        shape = column_envelope(samples, None, [Piece(0.0, len(samples) / RATE, 0.0)], edges_s)
        scale = 0.45 / max(shape.peak, 0.001)
        color = _track_color(name)
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
    bottom, top = -0.55, len(tracks) - 0.45
    draw_masks(ax, masked, (bottom, top))
    for at_s, word in marks:
        if from_s <= at_s <= end_s:
            ax.axvline(at_s, color=INK, linewidth=1.0, linestyle="--", zorder=4, gid=word)
    ax.set_ylim(bottom, top)
    ax.set_yticks([row for row, _ in names], [text for _, text in names], fontsize=9.5)
    ax.tick_params(axis="y", length=0)
    ax.set_ylabel("Amplitude\n(share of the peak)", fontsize=9)
    mark_time(ax)
    ax.set_xlabel(f"Output clock ({'h:mm:ss' if end_s >= 3600 else 'mm:ss'})", fontsize=10.5, labelpad=2)
    return ax


def _track_color(name: str) -> str:
    known = {"customer": CUSTOMER_COLOR, "agent": AGENT_COLOR, "recording": RECORDING_COLOR}
    return next((color for word, color in known.items() if name.startswith(word)), INK)


def name_marks(ax: Axes, marks: Sequence[tuple[float, str]]) -> None:
    """Write the labels of the visible marks above the axes. The first label is to the left of its line."""
    left, right = ax.get_xlim()
    ordered = sorted((at_s, word) for at_s, word in marks if left <= at_s <= right)
    for k, (at_s, word) in enumerate(ordered):
        side = "right" if k == 0 and len(ordered) > 1 else "left"
        ax.annotate(
            f" {word} {clock_text(at_s, 3)} ",
            (at_s, 1.0),
            xycoords=ax.get_xaxis_transform(),
            ha=side,
            va="bottom",
            fontsize=9.5,
        )


def plot_seam(
    ax: Axes,
    tracks: Sequence[tuple[str, NDArray[np.int16]]],
    *,
    at_s: float,
    half_s: float = 0.05,
    fade: tuple[float, float] | None = None,
    label: str = "seam",
) -> Axes:
    """Draw tracks above each other within milliseconds of a moment of the output clock.

    Args:
        ax: the axes.
        tracks: names and samples at 8 kHz on the output clock, from top to bottom.
        at_s: the moment.
        half_s: range to each side.
        fade: start and end of the crossfade between two sources.
        label: name of the moment.
    """
    first, last = round((at_s - half_s) * RATE), round((at_s + half_s) * RATE)
    x_ms = (np.arange(first, last) / RATE - at_s) * 1000
    names = []
    for row, (name, samples) in zip(range(len(tracks) - 1, -1, -1), tracks, strict=True):
        block = padded_stretch(samples, first, last)
        peak = max(float(np.abs(block).max(initial=0.0)), 0.001)
        color = _track_color(name)
        ax.axhline(row, color="#DDDDDD", linewidth=0.6, zorder=1)
        ax.plot(x_ms, row + block / peak * 0.45, color=color, linewidth=1.0, zorder=3, gid=name)
        names.append((row, f"{name}\n{_decibel_text(peak)}"))
    if fade is not None and fade[1] > fade[0]:
        ax.axvspan(
            (fade[0] - at_s) * 1000, (fade[1] - at_s) * 1000, color=JUMP_COLOR, alpha=0.15, linewidth=0, gid="fade"
        )
    ax.axvline(0.0, color=INK, linewidth=1.2, linestyle="--", zorder=4, gid="seam")
    ax.set_xlim(-half_s * 1000, half_s * 1000)
    ax.set_ylim(-0.55, len(tracks) - 0.45)
    ax.set_yticks([row for row, _ in names], [text for _, text in names], fontsize=9.5)
    ax.set_ylabel("Amplitude (share of the peak)", fontsize=10)
    ax.set_xlabel(f"Time from {clock_text(at_s, 3)} on the output clock (ms)", fontsize=10.5)
    faded = (
        f" with a crossfade of {(fade[1] - fade[0]) * 1000:.0f} ms" if fade is not None and fade[1] > fade[0] else ""
    )
    ax.set_title(f"{label} at {clock_text(at_s, 3)}{faded}", loc="left", fontsize=11.5, weight="bold", color=INK)
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def _decibel_text(peak: float) -> str:
    return f"{number_text(20 * math.log10(peak), 1)} dBFS"


def padded_stretch(samples: NDArray[np.int16], first: int, last: int) -> NDArray[np.float64]:
    """Samples from first to last as floats of full scale 1, with silence beyond both ends."""
    out = np.zeros(max(last - first, 0))
    begin, end = max(first, 0), min(last, len(samples))
    if end > begin:
        out[begin - first : end - first] = as_float(samples[begin:end])
    return out
