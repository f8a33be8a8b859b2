"""The head of the diagnosis figure: the status, its reason, and six facts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from komorebi_qc.desk.plots.diagnosis.markers import rates_short
from komorebi_qc.desk.plots.formatting import (
    clock_text,
    ms_text,
    number_text,
    rounded_text,
    seconds_text,
    signed_text,
    whole_text,
)
from komorebi_qc.desk.plots.style import FAINT, INK, STATUS_COLORS, printable, width_points
from komorebi_qc.desk.words.placement import NOT_MEASURED
from komorebi_qc.findings.sync.agent_part import coverage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure

    from komorebi_qc.core.timebase import Span
    from komorebi_qc.desk.plots.call_placement import CallPlacement
    from komorebi_qc.desk.words.rates import RateChange
    from komorebi_qc.sync.result import SyncResult

HEADLINES = {
    "aligned": "In sync",
    "ambiguous": "The call fits in several places, and the audio can't decide between them",
    "wrong_pair": "These two files belong to different calls",
    "insufficient": "Too little evidence to find the call's position",
}
SIDES = {"both": "both", "agent": "agent only", "customer": "customer only", "none": "neither channel"}
LARGE_ERROR_S = 1.0
"""A timestamp in whole seconds errs by less. A larger error belongs into the headline."""


def write_header(
    figure: Figure, result: SyncResult, placed: CallPlacement, reported_call_end_s: float | None, title: str
) -> None:
    """Write the head onto the figure."""
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
    badge_points = width_points(badge, 16, "bold") + 24
    text = _headline(result, placed, reported_call_end_s)
    room = figure.get_figwidth() * 72 * 0.93 - badge_points
    size = min(18.0, 18.0 * room / width_points(text, 18, "bold"))
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
        printable(title, 110),
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
        printable(_sentence(result.reason), 190),
        fontsize=11.5,
        color=INK,
        va="center",
        gid="reason",
        parse_math=False,
    )
    columns = (0.018, 0.165, 0.355, 0.54, 0.715, 0.86)
    for x, (name, value, note) in zip(columns, _facts(result, placed, reported_call_end_s), strict=True):
        figure.text(x, 0.903, name, fontsize=10, color=FAINT, va="top")
        figure.text(x, 0.8855, value, fontsize=13.5, weight="bold", color=INK, va="top", gid=name)
        figure.text(x, 0.8605, note, fontsize=10, color=INK, va="top")


def _headline(result: SyncResult, placed: CallPlacement, reported_call_end_s: float | None) -> str:
    text = HEADLINES.get(result.status, result.status)
    if result.status != "aligned" or result.drift_ci_ppm is None:
        return text
    found = []
    if result.jumps:
        total_s = sum(j.size_s for j in result.jumps)
        count = "one jump" if len(result.jumps) == 1 else f"{len(result.jumps)} jumps"
        found.append(f"{count}, {ms_text(total_s)}" + (" in all" if len(result.jumps) > 1 else ""))
    changes = placed.rate_changes()
    if len(changes) == 1:
        found.append(f"the clock's rate changes from {rates_short(changes[0])}")
    elif changes:
        found.append(f"the clock's rate changes {len(changes)} times")
    elif _is_drifting(result):
        found.append(f"{signed_text(result.drift_ppm or 0.0, 'ppm', 1)} of drift")
    else:
        found.append("no drift" if result.jumps else "no drift, no clock jump")
    if placed.start_s < 0:
        found.append(f"the call began {seconds_text(-placed.start_s)} before the recording")
    reported_s = result.reported_call_end_s if reported_call_end_s is None else reported_call_end_s
    if placed.alignment.part is not None:
        found.append(f"the agent takes part {_part_text(placed.alignment.part, placed.call_s)}")
    error_s = 0.0 if reported_s is None or placed.leaves_early else reported_s - placed.end_s
    if abs(error_s) > LARGE_ERROR_S:
        found.append(f"reported end {seconds_text(abs(error_s))} too {_early(error_s)}")
    return "In sync: " + ", ".join(found)


def _part_text(part: Span, call_s: float) -> str:
    start, end = clock_text(part.start_s, 1), clock_text(part.end_s, 1)
    if part.start_s <= 0.0:
        return f"until {end} of the call"
    return f"from {start} of the call on" if part.end_s >= call_s else f"from {start} to {end} of the call"


def _is_drifting(result: SyncResult) -> bool:
    """Whether the drift differs from zero by more than its uncertainty."""
    return result.drift_ci_ppm is not None and (result.drift_ci_ppm[0] > 0.0 or result.drift_ci_ppm[1] < 0.0)


def _facts(
    result: SyncResult, placed: CallPlacement, reported_call_end_s: float | None
) -> tuple[tuple[str, str, str], ...]:
    """(name, value, note) six times."""
    reported_s = result.reported_call_end_s if reported_call_end_s is None else reported_call_end_s
    # Without a window, neither was measured.
    share = f"{coverage(result):.0%}" if result.windows else NOT_MEASURED
    channels = SIDES.get(result.sides, result.sides) if result.windows else NOT_MEASURED
    reported = "not reported" if reported_s is None else whole_text(reported_s)
    if placed.assumption or result.offset_s is None:
        return (
            ("Offset (call start)", NOT_MEASURED, f"shown at {number_text(placed.start_s, 3)} s"),
            ("Clock drift", NOT_MEASURED, ""),
            ("Jumps", NOT_MEASURED, ""),
            ("Reported call end", reported, "the call end was not measured"),
            ("Speech that agrees", share, _agreement_note(result, placed)),
            ("Channels in the recording", channels if result.status != "wrong_pair" else "another call", ""),
        )
    offset_ms = _half(result.offset_ci_s) * 1000
    drift, drift_half = result.drift_ppm or 0.0, _half(result.drift_ci_ppm)
    error_s = 0.0 if reported_s is None else reported_s - placed.end_s
    error = f"reported {reported}" + (
        "" if reported_s is None or placed.leaves_early else f": {seconds_text(abs(error_s))} too {_early(error_s)}"
    )
    extra = ""
    if result.lag_customer_s is not None and result.lag_agent_s is not None:
        extra = f"customer leg {ms_text(result.lag_customer_s - result.lag_agent_s)}"
    moved_s = drift * 1e-6 * placed.call_s
    changes = placed.rate_changes()
    drift_fact = (
        f"{signed_text(drift, 'ppm', 2)}" if _is_drifting(result) else "none",
        f"± {rounded_text(drift_half)} ppm"
        + (f" · {ms_text(moved_s)} by the end" if _is_drifting(result) else " (95 %)"),
    )
    return (
        ("Offset (call start)", f"{number_text(result.offset_s, 4)} s", f"± {rounded_text(offset_ms)} ms (95 %)"),
        ("Clock drift", *(_rates_text(changes) if changes else drift_fact)),
        ("Jumps", *_jumps_text(result, placed)),
        (
            "Agent's part ends" if placed.leaves_early else "Measured call end",
            clock_text(placed.part_end_s, 3),
            error,
        ),
        ("Speech that agrees", share, _agreement_note(result, placed)),
        ("Channels in the recording", channels, extra),
    )


def _rates_text(changes: Sequence[RateChange]) -> tuple[str, str]:
    """Value and note of a drift whose rate changes."""
    if len(changes) == 1:
        return rates_short(changes[0]), f"the rate changes at {clock_text(changes[0].call_s, 1)} of the call"
    ends = f"{signed_text(changes[0].before_ppm, '', 1)} \N{RIGHTWARDS ARROW} "
    return f"{ends}{signed_text(changes[-1].after_ppm, 'ppm', 1)}", f"the rate changes {len(changes)} times"


def _jumps_text(result: SyncResult, placed: CallPlacement) -> tuple[str, str]:
    if not result.jumps:
        return "none", "no clock jumps found"
    if len(result.jumps) == 1:
        jump = result.jumps[0]
        at = clock_text(placed.alignment.to_recording(jump.call_s), 1)
        return ms_text(jump.size_s), f"± {rounded_text(_half(jump.size_ci_s) * 1000)} ms · at {at}"
    sizes = [j.size_s for j in result.jumps]
    if len(sizes) == 2:
        return f"{ms_text(sizes[0])}, {ms_text(sizes[1])}", f"{ms_text(sum(sizes))} in all"
    return f"{len(sizes)} jumps", f"{ms_text(min(sizes))} to {ms_text(max(sizes))}"


def _agreement_note(result: SyncResult, placed: CallPlacement) -> str:
    return _alternatives_text(result) if placed.alignment.part is None else "in the agent's part of the call"


def _alternatives_text(result: SyncResult) -> str:
    if result.coverage <= 0:
        return "no speech agrees" if result.windows else "no audio to compare"
    if not result.alternative_offsets:
        return "fits no other offset"
    best = result.alternative_offsets[0]
    return f"{best.score:.0%} of it also fits {number_text(best.period_s, 2)} s away"


def _half(interval: tuple[float, float] | None) -> float:
    return 0.0 if interval is None else (interval[1] - interval[0]) / 2


def _early(error_s: float) -> str:
    return "late" if error_s > 0 else "early"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
