"""The band under the waveforms: the call's stretches by agreement, and speech that only the recording has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.patches import Patch

from komorebi_qc.core.timebase import Span
from komorebi_qc.desk.plots.call_placement import cut_pieces
from komorebi_qc.desk.plots.style import INK
from komorebi_qc.desk.words.stretches import ONLY_RECORDING, is_at_place, shown_spans, state_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from komorebi_qc.desk.plots.call_placement import CallPlacement
    from komorebi_qc.sync.result import SyncResult

_STYLES = {
    "agrees": ("#009E73", ""),
    "silent": ("#C9C9C9", "...."),
    "absent": ("#9BD3F5", "///"),
    "contradicts": ("#D55E00", "xxx"),
    "suspended": ("#7A6BD6", "+++"),
}
_OTHER_STYLE, _ONLY_STYLE = ("#F0E442", "|||"), ("#CC79A7", "\\\\\\")
_CALL_Y, _ONLY_Y, _HEIGHT = -0.68, -0.9, 0.17
BOTTOM, BOTTOM_WITH_BAND = -0.55, -1.34


def draw_stretches(ax: Axes, result: SyncResult, placed: CallPlacement) -> float:
    """Draw the band and its legend, and return the lower end of the axes; draw nothing if nothing was compared.

    Args:
        ax: the axes, on the recording clock.
        result: the sync measurement.
        placed: the call's place. The band is drawn only if the stretches were found there.
    """
    if not is_at_place(result, placed.alignment, placed.call_s):
        return BOTTOM
    handles: dict[str, Patch] = {}
    for span in shown_spans(result):
        style = _STYLES.get(span.state, _OTHER_STYLE)
        parts = cut_pieces(placed.pieces(), Span(span.from_s, span.to_s))
        for part in parts:
            _bar(ax, _CALL_Y, part.recording_s, part.recording_end_s, style, span.state)
        if not parts:
            continue
        handles.setdefault(span.state, _patch(style, state_text(span.state)))
    for only in result.recording_spans:
        _bar(ax, _ONLY_Y, only.from_s, only.to_s, _ONLY_STYLE, "only in the recording")
        handles.setdefault("only", _patch(_ONLY_STYLE, f"only in the recording: {ONLY_RECORDING}"))
    ax.legend(
        handles=list(handles.values()),
        loc="lower left",
        bbox_to_anchor=(0.0, 0.0),
        ncols=len(handles),
        frameon=False,
        fontsize=9.5,
        handlelength=1.6,
        columnspacing=1.4,
        borderaxespad=0.1,
    )
    return BOTTOM_WITH_BAND


def _bar(ax: Axes, y: float, from_s: float, to_s: float, style: tuple[str, str], gid: str) -> None:
    color, hatch = style
    ax.barh(
        y, to_s - from_s, _HEIGHT, from_s, color=color, hatch=hatch, edgecolor=INK, linewidth=0.4, gid=gid, zorder=5
    )


def _patch(style: tuple[str, str], label: str) -> Patch:
    return Patch(facecolor=style[0], hatch=style[1], edgecolor=INK, linewidth=0.4, label=label)
