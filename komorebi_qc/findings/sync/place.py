"""Findings about the measured place: its status, the reported call end, the offset's uncertainty. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from komorebi_qc.core.finding import At, Finding, Status
from komorebi_qc.core.limits import DEFAULT
from komorebi_qc.core.timebase import clock_text
from komorebi_qc.findings.sync.agent_part import in_part, part_end_s

if TYPE_CHECKING:
    from komorebi_qc.core.limits import Limit, Limits
    from komorebi_qc.core.timebase import CallEnd
    from komorebi_qc.sync import Stretch, SyncResult

PART_KNOWN_TO_S = 3.0
"""The agent's part ends in a pause between two words, which is seldom longer."""
_STATUS: dict[str, Status] = {"aligned": "pass", "ambiguous": "warn", "insufficient": "warn", "wrong_pair": "fail"}
_STATUS_TEXT = {
    "aligned": "The call's position in the recording is certain.",
    "ambiguous": "The call fits the recording at several positions, and the audio can't decide between them.",
    "insufficient": "There is too little audio in common to measure the call's position.",
    "wrong_pair": "By their audio, the call and the recording belong to different calls.",
}


def status_finding(r: SyncResult) -> Finding:
    """The status, with its reason."""
    text = f"{_STATUS_TEXT[r.status]} {r.reason[:1].upper()}{r.reason[1:]}."
    return Finding("sync_status", r.status, "", _STATUS[r.status], text)


def call_end_limit(reported: CallEnd, limits: Limits = DEFAULT) -> Limit:
    """The limit of a call end's error: a timestamp in whole seconds is cut off, so it may be up to 1 s early.

    Args:
        reported: the reported call end.
        limits: the limits to check against.
    """
    return limits.of("call_end_error").widened(reported.resolution_s, 0.0)


def call_end_finding(r: SyncResult, measured_s: float, reported: CallEnd | None, limits: Limits = DEFAULT) -> Finding:
    """Compare the reported call end with the measured one, or with the end of the agent's part.

    Args:
        r: the sync measurement.
        measured_s: the measured call end, on the recording clock.
        reported: the reported call end; None if it isn't known.
        limits: the limits to check against.
    """
    if reported is None:
        return limits.of("call_end_error").unknown(
            "call_end_error",
            f"No call end was reported. By the audio the call ends at {clock_text(measured_s)} of the recording.",
        )
    limit, error_s = call_end_limit(reported, limits), reported.recording_s - measured_s
    left_s = part_end_s(r)
    if left_s is not None and not limit.warn.holds(error_s):
        return _left_finding(reported, left_s, limit)
    side = "after" if error_s > 0 else "before"
    comparison = (
        f"The {reported.name} {clock_text(reported.recording_s)} is {abs(error_s):.3f} s {side} the measured one "
        f"({clock_text(measured_s)})"
    )
    meaning = "ends before" if error_s > 0 else "goes on after"
    return limit.finding(
        "call_end_error",
        error_s,
        f"{comparison}. The call audio {meaning} the reported time.",
        good=f"{comparison}, within its resolution.",
        at=At("recording", measured_s),
    )


def _left_finding(reported: CallEnd, left_s: float, limit: Limit) -> Finding:
    """Compare the reported call end with the end of the agent's part, which is known to a pause."""
    error_s = reported.recording_s - left_s
    side = "after" if error_s > 0 else "before"
    comparison = (
        f"The {reported.name} {clock_text(reported.recording_s)} is about {abs(error_s):.0f} s {side} the end of the "
        f"agent's part of the call, which is at about {clock_text(left_s)[:8]} of the recording"
    )
    return limit.widened(PART_KNOWN_TO_S, PART_KNOWN_TO_S).finding(
        "call_end_error",
        error_s,
        f"{comparison}.",
        good=f"{comparison}. It is known to {PART_KNOWN_TO_S:g} s, so the two agree.",
        digits=1,
        at=At("recording", left_s),
    )


def offset_finding(r: SyncResult, limits: Limits = DEFAULT) -> Finding:
    """The offset's uncertainty. It fails if the call's first words match nothing: their place wasn't measured."""
    limit = limits.of("offset_uncertainty")
    if r.offset_ci_s is None or r.offset_s is None:
        return limit.unknown("offset_uncertainty", "The offset's uncertainty wasn't measured.")
    low, high = r.offset_ci_s
    half_s = (high - low) / 2
    text = f"The call begins at {r.offset_s:.4f} s of the recording, +-{half_s * 1000:.2f} ms (95 %)."
    first = first_unmatched(r)
    if first is None:
        return limit.finding("offset_uncertainty", half_s, text, at=At("call", 0.0))
    later = (
        f"{text} This holds from {clock_text(first.to_s)} of the call on. The part before matches nothing in the "
        "recording, so its position wasn't measured."
    )
    found = limit.finding("offset_uncertainty", half_s, later, at=At("call", first.from_s))
    return found if limit.is_off else replace(found, status="fail")


def first_unmatched(r: SyncResult) -> Stretch | None:
    """The part of the call before its first matching word; None if the call matches from its start on."""
    from_s = 0.0 if r.agent_part is None else r.agent_part.start_s
    return next((s for s in r.unmatched if in_part(r, s) and s.from_s <= from_s), None)
