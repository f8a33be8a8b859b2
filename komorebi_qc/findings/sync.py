"""What the measurement of sync has to say: as findings, and as the JSON that `diagnose` and `qc.json` share. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from komorebi_qc.core.finding import At, Finding, Status
from komorebi_qc.core.limits import DEFAULT
from komorebi_qc.core.timebase import clock_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from komorebi_qc.core.limits import Limit, Limits
    from komorebi_qc.core.timebase import CallEnd
    from komorebi_qc.sync import FoundJump, Stretch, SyncResult

_STATUS: dict[str, Status] = {"aligned": "pass", "ambiguous": "warn", "insufficient": "warn", "wrong_pair": "fail"}


def call_end_limit(told: CallEnd, limits: Limits = DEFAULT) -> Limit:
    """What a told call end is judged by: a stamp in whole seconds is cut off, so it may be up to that much early."""
    return limits.of("call_end_error").widened(told.resolution_s, 0.0)


def call_end_finding(told: CallEnd, measured_s: float, limits: Limits = DEFAULT) -> Finding:
    """The told call end against the one that the alignment gives."""
    error_s = told.recording_s - measured_s
    place = (
        f"The told call end {clock_text(told.recording_s)} lies {abs(error_s):.3f} s "
        f"{'after' if error_s > 0 else 'before'} the measured one ({clock_text(measured_s)})"
    )
    return call_end_limit(told, limits).finding(
        "call_end_error",
        error_s,
        f"{place}: it was told wrongly.",
        good=f"{place}, within what it is told in.",
        at=At("recording", measured_s),
    )


def sync_findings(result: SyncResult, told: CallEnd, limits: Limits = DEFAULT) -> tuple[Finding, ...]:
    """Every finding of a measurement."""
    return tuple(_findings(result, told, limits))


def _findings(r: SyncResult, told: CallEnd, limits: Limits) -> Iterator[Finding]:
    yield Finding(
        "sync_status", r.status, "", _STATUS[r.status], f"{_SENTENCES[r.status]} {r.reason[:1].upper()}{r.reason[1:]}."
    )
    if r.status != "aligned" or r.offset_s is None:
        return
    if r.measured_call_end_s is not None:
        yield call_end_finding(told, r.measured_call_end_s, limits)
    low, high = r.offset_ci_s or (r.offset_s, r.offset_s)
    half_s = (high - low) / 2
    yield limits.finding(
        "offset_uncertainty",
        half_s,
        f"The call begins at {r.offset_s:.4f} s of the recording, give or take {half_s * 1000:.2f} ms (95 %)."
        + _later_part(r),
        at=At("call", 0.0),
    )
    drift = r.drift_ppm or 0.0
    yield limits.finding(
        "drift",
        drift,
        f"The recording's clock runs {abs(drift):.2f} ppm {'faster' if drift >= 0 else 'slower'} than the call's: "
        f"{abs(drift) * 3.6:.1f} ms an hour.",
        digits=3,
    )
    largest = max(r.jumps, key=lambda jump: abs(jump.size_s), default=None)
    yield limits.finding(
        "jumps",
        largest.size_s if largest else 0.0,
        _jumps_text(r.jumps),
        at=At("call", largest.call_s) if largest else None,
    )
    yield from _sides(r, limits)
    yield _coverage(r, limits)


def _later_part(r: SyncResult) -> str:
    """What the offset doesn't say, where the call's first words agree with nothing."""
    first = _first_unmatched(r)
    if first is None:
        return ""
    return (
        f" That is the offset of what comes after {clock_text(first.to_s)} of the call: what comes before it agrees "
        "with nothing, so where it lies wasn't measured."
    )


def _first_unmatched(r: SyncResult) -> Stretch | None:
    """The stretch that agrees with nothing and before which no agreement lies."""
    return next((s for s in r.unmatched if s.from_s <= 0), None)


def _coverage(r: SyncResult, limits: Limits) -> Finding:
    text = f"{r.coverage:.0%} of the speech of the channels that are heard agrees with the recording."
    if r.unmatched:
        shown = "; ".join(
            f"from {clock_text(s.from_s)} to {clock_text(s.to_s)} of the call, {s.speech_s:.0f} s of speech agree with "
            "nothing"
            for s in r.unmatched[:5]
        )
        text += f" {shown[:1].upper()}{shown[1:]}{'; and more' if len(r.unmatched) > 5 else ''}."
    row = limits.of("coverage")
    longest = max(r.unmatched, key=lambda s: s.speech_s, default=None)
    found = row.finding("coverage", r.coverage, text, digits=4, at=At("call", longest.from_s) if longest else None)
    # most of a call may agree and a part of it lie where nobody measured
    return replace(found, status="warn") if longest and found.status == "pass" and not row.is_off else found


def _sides(r: SyncResult, limits: Limits) -> Iterator[Finding]:
    heard = {
        "both": "Customer and agent are both heard in the recording.",
        "agent": "Only the agent is heard in the recording.",
        "customer": "Only the customer is heard in the recording: the agent's microphone was not recorded.",
        "none": "Neither side is heard in the recording.",
    }
    yield Finding("sides", r.sides, "", "pass" if r.sides in ("both", "agent") else "warn", heard[r.sides])
    if r.lag_agent_s is not None and r.lag_customer_s is not None:
        leg_s = r.lag_customer_s - r.lag_agent_s
        yield limits.finding(
            "customer_leg_delay",
            leg_s,
            f"The customer is heard {abs(leg_s) * 1000:.1f} ms {'later' if leg_s >= 0 else 'earlier'} in the recording "
            "than in Connect's audio, against the agent: the network's delay.",
        )
        steps = r.customer_steps
        largest = max(steps, key=lambda step: abs(step.size_s), default=None)
        yield limits.finding(
            "customer_leg_steps",
            largest.size_s if largest else 0.0,
            _leg_steps_text(steps),
            at=At("call", largest.call_s) if largest else None,
        )


def _jumps_text(jumps: tuple[FoundJump, ...]) -> str:
    if not jumps:
        return "Nothing jumps."
    shown = ", ".join(
        f"{j.size_s * 1000:+.1f} ms at {clock_text(j.call_s)} of the call"
        + (" (the agent alone: on the way to the recorder, not followed)" if j.agent_only else "")
        + (f" ({_CUSTOMER_ALONE})" if j.customer_alone_tells else "")
        for j in jumps[:5]
    )
    times = f" {len(jumps)} times" if len(jumps) > 1 else ""
    return f"The recording jumps against the call{times}: {shown}{' and more' if len(jumps) > 5 else ''}."


_CUSTOMER_ALONE = "the customer alone tells: the clock's or the leg's"


def _leg_steps_text(steps: tuple[FoundJump, ...]) -> str:
    if not steps:
        return "The customer leg's delay doesn't change."
    shown = ", ".join(
        f"{s.size_s * 1000:+.1f} ms at {clock_text(s.call_s)} of the call"
        + (f" ({_CUSTOMER_ALONE})" if s.customer_alone_tells else "")
        for s in steps[:5]
    )
    times = f" {len(steps)} times" if len(steps) > 1 else ""
    return f"The customer leg's delay changes{times}: {shown}{' and more' if len(steps) > 5 else ''}."


_SENTENCES = {
    "aligned": "The call's place in the recording is sure.",
    "ambiguous": "The call fits at several places, and which is the right one can't be told.",
    "insufficient": "There is too little to tell where the call lies.",
    "wrong_pair": "By the sound, the call and the recording belong to different calls.",
}


def sync_dict(r: SyncResult) -> dict[str, Any]:
    """The measurement for JSON. What is undetermined is null, and without an alignment no number is given for one."""
    sure = r.status == "aligned"
    return {
        "status": r.status,
        "reason": r.reason,
        "offset_s": _rounded(r.offset_s) if sure else None,
        "offset_ci_s": _pair(r.offset_ci_s) if sure else None,
        "drift_ppm": _rounded(r.drift_ppm, 4) if sure else None,
        "drift_ci_ppm": _pair(r.drift_ci_ppm, 4) if sure else None,
        "jumps": [{**_jump_dict(j), "agent_only": j.agent_only} for j in (r.jumps if sure else ())],
        "customer_steps": [_jump_dict(s) for s in (r.customer_steps if sure else ())],
        "unmatched": [
            {"from_s": _rounded(s.from_s), "to_s": _rounded(s.to_s), "speech_s": _rounded(s.speech_s, 3)}
            for s in r.unmatched
        ],
        "sides": r.sides,
        "lag_agent_s": _rounded(r.lag_agent_s) if sure else None,
        "lag_customer_s": _rounded(r.lag_customer_s) if sure else None,
        "coverage": _rounded(r.coverage, 4),
        "rivals": [
            {"offset_s": _rounded(v.offset_s), "period_s": _rounded(v.period_s), "score": _rounded(v.score, 3)}
            for v in r.rivals
        ],
    }


def _jump_dict(j: FoundJump) -> dict[str, Any]:
    return {
        "call_s": _rounded(j.call_s),
        "size_s": _rounded(j.size_s),
        "size_ci_s": _pair(j.size_ci_s),
        "between_s": _pair(j.between_s),
        "customer_alone_tells": j.customer_alone_tells,
    }


def call_end_dict(told: CallEnd, measured_s: float | None) -> dict[str, Any]:
    """Told, measured and the difference, for JSON."""
    return {
        "told_s": told.recording_s,
        "resolution_s": told.resolution_s,
        "measured_s": _rounded(measured_s),
        "error_s": None if measured_s is None else _rounded(told.recording_s - measured_s),
    }


def _rounded(value: float | None, digits: int = 6) -> float | None:
    return None if value is None else round(float(value), digits)


def _pair(values: tuple[float, float] | None, digits: int = 6) -> list[float | None] | None:
    return None if values is None else [_rounded(v, digits) for v in values]
