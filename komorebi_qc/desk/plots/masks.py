"""Masked spans on a plot: a plain band with a word, in the place of the waveforms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from matplotlib.patches import Rectangle

from komorebi_qc.desk.plots.style import INK, width_px

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from komorebi_qc.core.timebase import Span

MASKED = "masked"
_GROUND, _EDGE = "#EFEDFB", "#B9B0EA"
_PADDING_PX = 12


def draw_masks(ax: Axes, spans: Sequence[Span], rows: tuple[float, float], *, text: str = MASKED) -> None:
    """Cover each span, as far as it is in view.

    Args:
        ax: the axes; their limits are set.
        spans: in seconds of the axes' clock.
        rows: the lower and the upper edge, in units of the axes.
        text: written into each span that has room for it.
    """
    left, right = ax.get_xlim()
    for span in spans:
        from_s, to_s = max(span.start_s, left), min(span.end_s, right)
        if from_s >= to_s:
            continue
        low, high = rows
        style: dict[str, Any] = {"facecolor": _GROUND, "edgecolor": _EDGE, "hatch": "++", "linewidth": 0.0}
        ax.add_patch(Rectangle((from_s, low), to_s - from_s, high - low, zorder=2, gid=MASKED, **style))
        if (to_s - from_s) / (right - left) * ax.bbox.width > width_px(text, 9, ax) + _PADDING_PX:
            paper = {"boxstyle": "round,pad=0.2", "facecolor": "white", "edgecolor": _EDGE}
            at = ((from_s + to_s) / 2, (low + high) / 2)
            ax.text(*at, text, ha="center", va="center", fontsize=9, color=INK, zorder=6, bbox=paper)
