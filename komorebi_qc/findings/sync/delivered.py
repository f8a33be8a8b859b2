"""Findings about a delivered file, as somebody else made it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from komorebi_qc.core.finding import At, counted
from komorebi_qc.core.limits import DEFAULT
from komorebi_qc.core.timebase import clock_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from komorebi_qc.core.finding import Finding
    from komorebi_qc.core.limits import Limits
    from komorebi_qc.measure.delivered import DeliveredMeasurement

_ALIGNMENT, _OTHER = "delivered_alignment", "delivered_other_sound"


def delivered_findings(measured: DeliveredMeasurement, limits: Limits = DEFAULT) -> Iterator[Finding]:
    """The findings about a delivered file.

    Args:
        measured: its measurement.
        limits: the limits to check against.
    """
    yield _alignment(measured, limits)
    other_s = measured.seconds_of("other")
    first = next((span.from_s for span in measured.spans if span.origin == "other"), None)
    yield limits.finding(
        _OTHER,
        other_s,
        f"{other_s:.0f} s of the delivered file have sound that is neither the call's nor the recording's, first at "
        f"{clock_text(first or 0.0)}.",
        good="All sound of the delivered file is the call's or the recording's." if not other_s else "",
        at=None if first is None else At("recording", first - measured.shift_s),
    )


def _alignment(measured: DeliveredMeasurement, limits: Limits) -> Finding:
    worst = measured.worst
    if worst is None:
        return limits.of(_ALIGNMENT).unknown(
            _ALIGNMENT, f"The call isn't located in the delivered file: {measured.reason}."
        )
    at_s, error_s = worst
    side = "late" if error_s > 0 else "early"
    start_s, drift_ppm = measured.offset_error_s or 0.0, measured.drift_error_ppm
    drift = "" if drift_ppm is None else f", with a drift error of {drift_ppm:+.1f} ppm"
    missing = counted(len(measured.missing_jumps), "jump")
    jumps = f". It doesn't follow {missing} of the recording's clock" if measured.missing_jumps else ""
    return limits.finding(
        _ALIGNMENT,
        abs(error_s),
        f"The delivered file has the call up to {abs(error_s):.3f} s too {side}, at {clock_text(at_s)} of the call; "
        f"{start_s:+.3f} s at its start{drift}{jumps}.",
        good=f"The delivered file has the call within {abs(error_s) * 1000:.1f} ms of its place.",
        at=At("call", at_s),
    )


def delivered_dict(measured: DeliveredMeasurement, findings: tuple[Finding, ...], name: str) -> dict[str, Any]:
    """The measurement of a delivered file for JSON; times are seconds.

    Args:
        measured: the measurement.
        findings: about it.
        name: of the file.
    """
    worst, place = measured.worst, measured.alignment
    return {
        "file": name,
        "status": measured.status,
        "reason": measured.reason,
        "offset_s": None if place is None else round(place.offset_s, 6),
        "drift_ppm": None if place is None else round(place.drift_ppm, 4),
        "jumps": [{"call_s": round(j.call_s, 6), "size_s": round(j.size_s, 6)} for j in measured.jumps],
        "missing_jumps": [{"call_s": round(j.call_s, 6), "size_s": round(j.size_s, 6)} for j in measured.missing_jumps],
        "shift_s": round(measured.shift_s, 6),
        "shift_from": measured.shift_from,
        "offset_error_s": None if measured.offset_error_s is None else round(measured.offset_error_s, 6),
        "drift_error_ppm": None if measured.drift_error_ppm is None else round(measured.drift_error_ppm, 4),
        "worst_error_s": None if worst is None else round(worst[1], 6),
        "worst_call_s": None if worst is None else round(worst[0], 3),
        "errors": [{"call_s": round(at_s, 3), "error_s": round(error_s, 6)} for at_s, error_s in measured.errors],
        "spans": [
            {"from_s": round(one.from_s, 3), "to_s": round(one.to_s, 3), "origin": one.origin} for one in measured.spans
        ],
        "findings": [
            {"name": one.name, "value": one.value, "unit": one.unit, "status": one.status, "text": one.text}
            for one in findings
        ],
    }
