"""Lines at the call's start, its reported and measured end, its jumps and other possible starts, with labels."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from komorebi_qc.desk.plots.formatting import clock_text, ms_text, signed_text, whole_text
from komorebi_qc.desk.plots.style import AGENT_COLOR, INK, JUMP_COLOR, REPORTED_COLOR, STATUS_COLORS, width_px
from komorebi_qc.desk.words.placement import is_used, shown_candidates

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from matplotlib.axes import Axes

    from komorebi_qc.desk.plots.call_placement import CallPlacement
    from komorebi_qc.desk.words.rates import RateChange
    from komorebi_qc.sync.result import SyncResult

MOST_ALTERNATIVES = 6
MOST_RATE_CHANGES = 4
"""More changes of rate have a sign each, without numbers."""
_START_WORDS = {
    "measured": "call start",
    "candidate": "candidate's start",
    "call_end": "reported start",
    "manual": "given start",
    "start": "start not measured, drawn at",
}
_ROW_POINTS = 15.0


@dataclass(frozen=True, slots=True)
class _Marker:
    at_s: float
    text: str
    color: str
    style: str
    side: str
    """Preferred side of its label: left, right or center."""
    short: str = ""
    """A shorter label, if there is no room for the text."""


def markers_of(result: SyncResult, placed: CallPlacement, reported_call_end_s: float | None) -> list[_Marker]:
    """The lines, those whose label matters most first."""
    reported_s = result.reported_call_end_s if reported_call_end_s is None else reported_call_end_s
    word = _START_WORDS[placed.source]
    out = [
        _Marker(
            placed.start_s, f"{word} {clock_text(placed.start_s, 3)}", INK, "--" if placed.assumption else "-", "right"
        )
    ]
    ends = []
    if not placed.assumption:
        ends.append(_Marker(placed.end_s, f"measured end {clock_text(placed.end_s, 3)}", INK, "-", "right"))
    if reported_s is not None:
        ends.append(_Marker(reported_s, f"reported end {whole_text(reported_s)}", REPORTED_COLOR, "--", "right"))
    ends.sort(key=lambda m: m.at_s)
    # the earlier label is on the far side of the later line
    out.extend(replace(m, side="left") if k == 0 else m for k, m in enumerate(ends))
    out.extend(_part_markers(placed))
    if not placed.assumption:
        for j in sorted(result.jumps, key=lambda j: -abs(j.size_s)):
            at_s = placed.alignment.to_recording(j.call_s)
            text = f"jump {ms_text(j.size_s)} at {clock_text(at_s, 1)}"
            out.append(_Marker(at_s, text, JUMP_COLOR, "", "center", ms_text(j.size_s)))
        for change in placed.rate_changes()[:MOST_RATE_CHANGES]:
            at_s, rates = placed.alignment.to_recording(change.call_s), rates_short(change)
            out.append(_Marker(at_s, f"rate {rates} at {clock_text(at_s, 1)}", JUMP_COLOR, ":", "center", rates))
    color = STATUS_COLORS["ambiguous"]
    for at_s, _ in other_places(result, placed):
        out.append(_Marker(at_s, f"or {clock_text(at_s, 1)}?", color, ":", "center"))
    return out


def _part_markers(placed: CallPlacement) -> Iterator[_Marker]:
    """The moments at which the agent joins and leaves a call."""
    part = placed.alignment.part
    if part is None:
        return
    for call_s, word in ((part.start_s, "agent joins"), (part.end_s, "agent leaves")):
        if 0.0 < call_s < placed.call_s:
            at_s = placed.alignment.to_recording(call_s)
            yield _Marker(at_s, f"{word} {clock_text(at_s, 1)}", AGENT_COLOR, "-.", "left", word)


def rates_short(change: RateChange) -> str:
    """A change of rate in a few characters."""
    return f"{signed_text(change.before_ppm, '', 1)} \N{RIGHTWARDS ARROW} {signed_text(change.after_ppm, 'ppm', 1)}"


def other_places(result: SyncResult, placed: CallPlacement) -> list[tuple[float, str]]:
    """Other places that the evidence allows: the call's start there, and a note."""
    if shown_candidates(result):
        others = [c for c in result.candidates if not is_used(c, placed.alignment)]
        found = [(c.offset_s, f"probability {c.probability:.1%}") for c in others]
    elif result.status == "ambiguous":
        found = [(o.offset_s, f"fits {o.score:.0%} of the evidence as well") for o in result.alternative_offsets]
    else:
        found = []
    return found[:MOST_ALTERNATIVES]


def row_height(ax: Axes) -> float:
    """Height of a row of labels, as a share of the axes."""
    return _ROW_POINTS / 72 * ax.figure.dpi / ax.bbox.height


def draw_markers(ax: Axes, markers: Sequence[_Marker], rows: int) -> None:
    """Draw lines, with labels above the axes in a few rows. A label without room is left out."""
    begin_s, end_s = ax.get_xlim()
    taken: list[tuple[int, float, float]] = []
    row_share = row_height(ax)
    for marker in markers:
        if not begin_s <= marker.at_s <= end_s:
            continue
        x = (marker.at_s - begin_s) / (end_s - begin_s) * ax.bbox.width
        for text in filter(None, (marker.text, marker.short)):
            width = width_px(text, 10.0, ax, weight="bold")
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
    """(row, left edge) of the first free place for a label at `x`, in pixels."""
    leaning = {"left": x - width - 7, "right": x + 4, "center": x - width / 2}
    for row in range(rows):
        for choice in (side, "left", "right") if side != "center" else ("center", "right", "left"):
            left = leaning[choice]
            fits = left >= -1 and left + width <= total + 12
            blocked = any(row == r and left < b and left + width > a for r, a, b in taken)
            # a line up to a higher row must not cross a label below it
            crossed = any(r < row and a + 5 < x < b - 5 for r, a, b in taken)
            if fits and not blocked and not crossed:
                return row, left
    return None


def verticals(
    result: SyncResult, placed: CallPlacement, reported_call_end_s: float | None
) -> Iterator[tuple[float, str, str]]:
    """(time, colour, line style) of the call's start and ends."""
    for m in markers_of(result, placed, reported_call_end_s):
        if m.style and m.style != ":":
            yield m.at_s, m.color, m.style


def mark_rate_changes(ax: Axes, placed: CallPlacement, zero_s: float, scale: float) -> None:
    """A diamond on the fitted line at each change of the clock's rate, with both rates.

    Args:
        ax: the axes of the lags.
        placed: the call's place.
        zero_s: the lag at 0 of the axis.
        scale: units of the axis per second.
    """
    if placed.assumption:
        return
    changes = placed.rate_changes()
    for change in changes:
        at_s = placed.alignment.to_recording(change.call_s)
        lag = (at_s - change.call_s - zero_s) * scale
        ax.plot(at_s, lag, marker="D", markersize=8, color=JUMP_COLOR, zorder=7, gid="rate change")
        if len(changes) <= MOST_RATE_CHANGES:
            ax.annotate(
                f"rate {rates_short(change)}",
                (at_s, lag),
                xytext=(0, 9 if change.after_ppm < change.before_ppm else -18),
                textcoords="offset points",
                ha="center",
                fontsize=9.5,
                weight="bold",
                color=JUMP_COLOR,
                zorder=8,
            )


def mark_jumps(ax: Axes, result: SyncResult, placed: CallPlacement) -> None:
    """A line at each jump, and a shade over its range of possible times."""
    if placed.assumption:
        return
    followed = [jump for jump in result.jumps if not jump.agent_only]
    for k, jump in enumerate(sorted(followed, key=lambda j: j.call_s)):
        ax.axvspan(*placed.bracket(k, jump), color=JUMP_COLOR, alpha=0.22, linewidth=0, zorder=2, gid="bracket")
        ax.axvline(placed.alignment.to_recording(jump.call_s), color=JUMP_COLOR, linewidth=1.4, zorder=6, gid="jump")
