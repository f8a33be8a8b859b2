"""What the measurement of sync has to say: as findings, and as the JSON that `diagnose` and `qc.json` share. Pure.

Limits and their sources:

* 45 ms: sound early is detectable from there on (ITU-R BT.1359-1);
* 100 ppm: crystals keep within it (two clocks of 50 ppm each, the usual tolerance of computers' oscillators);
* 150 ms: one-way delay up to which conversation isn't disturbed; 400 ms: the most a network may plan for (ITU-T G.114);
* 0.75 of the speech has to agree: right pairs of the bench have 0.93 and more, wrong ones little.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from komorebi_qc.timebase import clock_text
from komorebi_qc.verdict import Finding, Status

if TYPE_CHECKING:
    from collections.abc import Iterator

    from komorebi_qc.sync import FoundJump, SyncResult
    from komorebi_qc.timebase import CallEnd

SYNC_LIMIT_S = 0.045
DRIFT_LIMIT_PPM = 100.0
LEG_WARN_S, LEG_FAIL_S = 0.150, 0.400
COVERAGE_LIMIT = 0.75
CALL_END_FAIL_S = 60.0
CALL_END_SLACK_S = 0.050
"""A backend stamps the end when it hears of it: so much later is no error."""
_STATUS: dict[str, Status] = {"aligned": "pass", "ambiguous": "warn", "insufficient": "warn", "wrong_pair": "fail"}


def call_end_error_s(told: CallEnd, measured_s: float) -> float:
    """How far the told call end is beyond what its resolution explains: 0 within, negative where it is too early.

    A stamp in whole seconds is cut off, so it may be up to that much early.
    """
    error_s = told.recording_s - measured_s
    if error_s > CALL_END_SLACK_S:
        return error_s
    return min(0.0, error_s + told.resolution_s)


def call_end_finding(told: CallEnd, measured_s: float) -> Finding:
    """The told call end against the one that the alignment gives."""
    error_s = round(told.recording_s - measured_s, 6)
    beyond_s = abs(call_end_error_s(told, measured_s))
    side = "after" if error_s > 0 else "before"
    return Finding(
        "call_end_error",
        error_s,
        "s",
        "pass" if beyond_s == 0 else "warn" if beyond_s <= CALL_END_FAIL_S else "fail",
        f"The told call end {clock_text(told.recording_s)} lies {abs(error_s):.3f} s {side} the measured one "
        f"({clock_text(measured_s)})" + (", within what it is told in." if beyond_s == 0 else ": it was told wrongly."),
        told.resolution_s,
    )


def sync_findings(result: SyncResult, told: CallEnd) -> tuple[Finding, ...]:
    """Every finding of a measurement."""
    return tuple(_findings(result, told))


def _findings(r: SyncResult, told: CallEnd) -> Iterator[Finding]:
    yield Finding(
        "sync_status", r.status, "", _STATUS[r.status], f"{_SENTENCES[r.status]} {r.reason[:1].upper()}{r.reason[1:]}."
    )
    if r.status != "aligned" or r.offset_s is None:
        return
    if r.measured_call_end_s is not None:
        yield call_end_finding(told, r.measured_call_end_s)
    low, high = r.offset_ci_s or (r.offset_s, r.offset_s)
    half_s = (high - low) / 2
    yield Finding(
        "offset_uncertainty",
        round(half_s, 6),
        "s",
        "pass" if half_s <= SYNC_LIMIT_S else "warn",
        f"The call begins at {r.offset_s:.4f} s of the recording, give or take {half_s * 1000:.2f} ms (95 %).",
        SYNC_LIMIT_S,
    )
    drift = r.drift_ppm or 0.0
    yield Finding(
        "drift",
        round(drift, 3),
        "ppm",
        "pass" if abs(drift) <= DRIFT_LIMIT_PPM else "warn",
        f"The recording's clock runs {abs(drift):.2f} ppm {'faster' if drift >= 0 else 'slower'} than the call's: "
        f"{abs(drift) * 3.6:.1f} ms an hour.",
        DRIFT_LIMIT_PPM,
    )
    largest_s = max((abs(j.size_s) for j in r.jumps), default=0.0)
    yield Finding(
        "jumps",
        len(r.jumps),
        "",
        "pass" if largest_s <= SYNC_LIMIT_S else "warn",
        _jumps_text(r.jumps),
        0,
    )
    yield from _sides(r)
    yield Finding(
        "coverage",
        round(r.coverage, 4),
        "",
        "pass" if r.coverage >= COVERAGE_LIMIT else "warn",
        f"{r.coverage:.0%} of the speech of the channels that are heard agrees with the recording.",
        COVERAGE_LIMIT,
    )


def _sides(r: SyncResult) -> Iterator[Finding]:
    heard = {
        "both": "Customer and agent are both heard in the recording.",
        "agent": "Only the agent is heard in the recording.",
        "customer": "Only the customer is heard in the recording: the agent's microphone was not recorded.",
        "none": "Neither side is heard in the recording.",
    }
    yield Finding("sides", r.sides, "", "pass" if r.sides in ("both", "agent") else "warn", heard[r.sides])
    if r.lag_agent_s is not None and r.lag_customer_s is not None:
        leg_s = r.lag_customer_s - r.lag_agent_s
        yield Finding(
            "customer_leg_delay",
            round(leg_s, 6),
            "s",
            "pass" if abs(leg_s) <= LEG_WARN_S else "warn" if abs(leg_s) <= LEG_FAIL_S else "fail",
            f"The customer is heard {abs(leg_s) * 1000:.1f} ms {'later' if leg_s >= 0 else 'earlier'} in the recording "
            "than in Connect's audio, against the agent: the network's delay.",
            LEG_WARN_S,
        )


def _jumps_text(jumps: tuple[FoundJump, ...]) -> str:
    if not jumps:
        return "Nothing jumps."
    shown = ", ".join(f"{j.size_s * 1000:+.1f} ms at {clock_text(j.call_s)} of the call" for j in jumps[:5])
    return f"The recording jumps against the call: {shown}{' and more' if len(jumps) > 5 else ''}."


_SENTENCES = {
    "aligned": "The call's place in the recording is sure.",
    "ambiguous": "The call fits at several places, and which is the right one can't be told.",
    "insufficient": "There is too little to tell where the call lies.",
    "wrong_pair": "The call and the recording belong to different calls.",
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
        "jumps": [
            {
                "call_s": _rounded(j.call_s),
                "size_s": _rounded(j.size_s),
                "size_ci_s": _pair(j.size_ci_s),
                "between_s": _pair(j.between_s),
            }
            for j in (r.jumps if sure else ())
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
