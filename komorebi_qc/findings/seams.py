"""Findings about the written file's audio: seams, residual lags, timestamps. Pure.

A finding that can't be measured, such as a level in silence, has the value `UNDETERMINED` and passes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from komorebi_qc.core.finding import At, counted
from komorebi_qc.core.limits import DEFAULT, UNDETERMINED
from komorebi_qc.core.timebase import clock_text
from komorebi_qc.core.timestamps.timing import Discontinuity
from komorebi_qc.measure.seam import SHIFT_S, SeamCheck

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from komorebi_qc.core.finding import Finding
    from komorebi_qc.core.limits import Limits
    from komorebi_qc.measure.residual_lag import Residual
    from komorebi_qc.measure.result import ResultCheck

__all__ = ["UNDETERMINED", "seam_findings"]


def seam_findings(check: ResultCheck, limits: Limits = DEFAULT) -> tuple[Finding, ...]:
    """All findings of a result check, the passing ones too. Of several seams the worst one counts.

    Args:
        check: the measurements of the written file.
        limits: the limits to check against.
    """
    return (
        *(_seams(check.seams, limits) if check.seams else ()),
        *_residual("call", "The call audio", check.call, limits),
        *_residual("own_audio", "The recording's own audio", check.own, limits),
        _stamps(check.discontinuities, limits),
    )


def _ms(seconds: float) -> str:
    return f"{round(seconds * 1000, 1) + 0.0:.1f} ms"  # plus 0: no minus zero


def _seams(seams: Sequence[SeamCheck], limits: Limits) -> Iterator[Finding]:
    def of(
        name: str,
        measure: Callable[[SeamCheck], float | None],
        sentence: Callable[[SeamCheck, float], str],
        unknown: str,
        *,
        good: str = "",
        advice: str = "",
        digits: int = 2,
    ) -> Finding:
        """The finding of the worst seam by one measurement; its sentence continues the seam's time."""
        limit = limits.of(name)
        known = [(seam, value) for seam in seams if (value := measure(seam)) is not None]
        if not known:
            return limit.unknown(name, f"{unknown}.")
        sign = -1 if limit.direction == "below" else 1
        is_two_sided = limit.direction == "two-sided"
        seam, value = max(known, key=lambda pair: abs(pair[1]) if is_two_sided else sign * pair[1])
        place = f"At the seam at {clock_text(seam.output_s)}, {sentence(seam, value)}"
        count = f"{len(known)} of {counted(len(seams), 'seam')} could be measured."
        return limit.finding(
            name,
            value,
            f"{place}{advice and ': ' + advice}. {count}",
            good=f"{good or place + '.'} {count}",
            digits=digits,
            at=At("output", seam.output_s),
        )

    no_speech = "there is no speech on both sides of a seam"
    yield of(
        "seam_gap",
        lambda seam: seam.gap_s,
        _gap_text,
        "Gaps at the seams can't be measured: there is silence around them",
        good="No audio is missing or doubled at the seams.",
        digits=6,
    )
    yield of(
        "seam_level_step",
        lambda seam: seam.level_step_db,
        _step_text,
        f"The step in level can't be measured: {no_speech}",
    )
    yield of(
        "seam_level_added",
        lambda seam: seam.added_step_db,
        lambda _, added_db: f"joining added a step of {added_db:+.1f} dB",
        f"A level change by joining can't be measured: {no_speech}",
    )
    yield of(
        "seam_click",
        lambda seam: seam.click_db,
        lambda _, click_db: f"there is a click: its waveform bends {click_db:.1f} dB more sharply than around it",
        "Clicks at the seams can't be measured",
        good="No seam clicks.",
    )
    yield of(
        "seam_bandwidth",
        _narrower_hz,
        _bandwidth_text,
        f"The step in bandwidth can't be measured: {no_speech}",
        advice="the narrower side is muffled even for a telephone",
        digits=0,
    )


def _gap_text(seam: SeamCheck, gap_s: float) -> str:
    is_moved = seam.shift_s is not None and abs(seam.shift_s) > SHIFT_S
    if is_moved:
        return f"audio of {_ms(abs(gap_s))} {'was added' if gap_s > 0 else 'is missing or doubled'}"
    return f"the audio is silent for {_ms(gap_s)}"


def _step_text(seam: SeamCheck, step_db: float) -> str:
    own = seam.source_step_db
    return f"speech gets {abs(step_db):.1f} dB {'louder' if step_db > 0 else 'quieter'}" + (
        f" ({own:+.1f} dB between the sources themselves)" if own is not None else ""
    )


def _narrower_hz(seam: SeamCheck) -> float | None:
    """The bandwidth of the narrower side. The recording has more bandwidth than the call, so a step is normal."""
    before, after = seam.before.bandwidth_hz, seam.after.bandwidth_hz
    return None if before is None or after is None else min(before, after)


def _bandwidth_text(seam: SeamCheck, _: float) -> str:
    return f"the audio reaches {seam.before.bandwidth_hz:.0f} Hz before and {seam.after.bandwidth_hz:.0f} Hz after"


def _residual(name: str, whose: str, residual: Residual, limits: Limits) -> Iterator[Finding]:
    limit, missing = limits.of(f"{name}_residual"), limits.of(f"{name}_missing")
    p95_s, median_s = residual.p95_s, residual.median_s
    found, count = len(residual.found), len(residual.windows)
    if p95_s is None or median_s is None:
        why = "it is silent" if not count else "none of its active windows was found near the planned position"
        inside = whose[0].lower() + whose[1:]
        yield limit.unknown(f"{name}_residual", f"The residual lag of {inside} can't be measured: {why}.")
    else:
        yield limit.finding(
            f"{name}_residual",
            p95_s,
            f"{whose} is within {_ms(p95_s)} of its planned position in the output (95 % of "
            f"{counted(found, 'window')}; median {_ms(median_s)}).",
        )
    text = (
        f"{whose} was found near its planned position in {found} of {counted(count, 'active window')} of the output."
        if count
        else f"{whose} has no active window in the output."
    )
    # One or two windows are too few: both voices may speak at once there.
    yield (
        missing.finding(f"{name}_missing", residual.missing, text, digits=4)
        if count >= 3
        else missing.unknown(f"{name}_missing", text)
    )


def _stamps(stamps: Sequence[Discontinuity], limits: Limits) -> Finding:
    worst = max(stamps, key=lambda step: abs(step.size_s), default=Discontinuity(0.0, 0.0))
    return limits.finding(
        "output_audio_discontinuities",
        worst.size_s,
        f"The output's audio timestamps have {counted(len(stamps), 'gap or overlap', 'gaps or overlaps')}. The "
        f"largest, {_ms(worst.size_s)}, is at {clock_text(worst.at_s)}."
        if stamps
        else "The output's audio timestamps have no gaps or overlaps.",
        at=At("output", worst.at_s) if stamps else None,
    )
