"""The finding about the call in the written file against the recording's own sound. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from komorebi_qc.core.finding import At, counted
from komorebi_qc.core.limits import DEFAULT
from komorebi_qc.core.timebase import clock_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from komorebi_qc.core.finding import Finding
    from komorebi_qc.core.limits import Limits
    from komorebi_qc.findings.evidence import Evidence
    from komorebi_qc.measure.alignment_residual import AlignmentResidual

_NAME = "alignment_residual"
MOST_MISSING = 0.5
"""Beyond this share of windows that aren't found, the ones that are found don't speak for the whole call."""


def alignment_residual_findings(evidence: Evidence, limits: Limits = DEFAULT) -> Iterator[Finding]:
    """The finding, if the written file was compared with the recording's own sound.

    Args:
        evidence: the run.
        limits: the limits to check against.
    """
    if evidence.check is None or evidence.check.alignment is None:
        return
    residual = _less_known_steps(evidence.check.alignment, evidence)
    found = _finding(residual, limits)
    is_lost = residual.missing > MOST_MISSING and not limits.of(_NAME).is_off
    yield replace(found, status="warn") if is_lost and found.status == "pass" else found


def _less_known_steps(residual: AlignmentResidual, evidence: Evidence) -> AlignmentResidual:
    """The residual less the steps that the sync measurement found in this voice alone: other findings report them."""
    placement = evidence.placement
    measured = placement.measured
    if measured is None or placement.source != "measured":
        return residual
    if residual.voice == "customer":
        return residual.without_steps([(step.call_s, step.size_s) for step in measured.customer_steps])
    steps = [(jump.call_s, jump.size_s) for jump in measured.jumps if jump.agent_only]
    return residual.without_steps(steps, measured.agent_shift_s)


def _finding(residual: AlignmentResidual, limits: Limits) -> Finding:
    limit = limits.of(_NAME)
    p95_s, worst, whose = residual.p95_s, residual.worst, f"the {residual.voice}'s voice"
    if p95_s is None or worst is None:
        return limit.unknown(_NAME, f"Not measured: {_why(residual)}.")
    delay = "" if residual.voice == "agent" else ", less its median delay"
    numbers = (
        f"{whose} is within {_ms(p95_s)} of it in 95 % of {counted(len(residual.lags), 'window')}{delay}, and "
        f"{_ms(abs(worst.lag_s))} off at worst."
    )
    good = f"The call follows the recording's own sound: {numbers}"
    if residual.missing > MOST_MISSING:
        lost = (
            f"The voice was found in only {len(residual.windows)} of the {residual.active} windows in which the "
            "recording has sound, so the alignment may be wrong in the others."
        )
        numbers, good = f"{numbers} {lost}", f"{lost} In the windows found, {numbers}"
    return limit.finding(
        _NAME,
        p95_s,
        f"The call doesn't follow the recording's own sound: {numbers} Audio and video are as far apart. Compare both "
        f"at {clock_text(worst.output_s)} of the output, and correct the alignment.",
        good=good,
        at=At("output", worst.output_s),
    )


def _why(residual: AlignmentResidual) -> str:
    whose = f"the {residual.voice}'s voice"
    if not residual.active:
        return "the call and the recording have no sound at the same time"
    if not residual.windows:
        return (
            f"{whose} isn't within 1.5 s of its place in the recording, in any of "
            f"{counted(residual.active, 'window')} in which both have sound"
        )
    return f"{whose} was found in only {counted(len(residual.windows), 'window')} of the recording's own sound"


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms"
