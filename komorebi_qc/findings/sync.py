"""Findings about the sync measurement: offset, drift, jumps, sides, coverage. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from komorebi_qc.core.finding import At, Finding, Status
from komorebi_qc.core.limits import DEFAULT
from komorebi_qc.core.timebase import clock_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from komorebi_qc.core.limits import Limit, Limits
    from komorebi_qc.core.timebase import CallEnd
    from komorebi_qc.sync import FoundJump, Stretch, SyncResult

MOST_SHOWN = 5
"""Jumps or stretches that a sentence names; the document has them all."""
_STATUS: dict[str, Status] = {"aligned": "pass", "ambiguous": "warn", "insufficient": "warn", "wrong_pair": "fail"}
_STATUS_TEXT = {
    "aligned": "The call's position in the recording is certain.",
    "ambiguous": "The call fits the recording at several positions, and the audio can't decide between them.",
    "insufficient": "There is too little audio in common to measure the call's position.",
    "wrong_pair": "By their audio, the call and the recording belong to different calls.",
}
_SIDES_TEXT = {
    "both": "The recording has both customer and agent.",
    "agent": "The recording has only the agent.",
    "customer": "The recording has only the customer: the agent's microphone was not recorded.",
    "none": "The recording has neither customer nor agent.",
}
_CUSTOMER_ONLY = "only the customer channel shows it; a clock jump and a leg delay can't be told apart"
_AGENT_ONLY = (
    "only the agent channel shows it: a delay between the agent and the call audio, which the output doesn't follow"
)


def call_end_limit(reported: CallEnd, limits: Limits = DEFAULT) -> Limit:
    """The limit of a call end's error: a timestamp in whole seconds is cut off, so it may be up to 1 s early.

    Args:
        reported: the reported call end.
        limits: the limits to check against.
    """
    return limits.of("call_end_error").widened(reported.resolution_s, 0.0)


def call_end_finding(
    reported: CallEnd, aligned_s: float, limits: Limits = DEFAULT, *, is_measured: bool = True
) -> Finding:
    """Compare the reported call end with the alignment's.

    Args:
        reported: the reported call end.
        aligned_s: the call end by the alignment, on the recording clock.
        limits: the limits to check against.
        is_measured: whether the alignment was measured. A given offset doesn't prove the reported time wrong.
    """
    error_s = reported.recording_s - aligned_s
    comparison = (
        f"The reported call end {clock_text(reported.recording_s)} is {abs(error_s):.3f} s "
        f"{'after' if error_s > 0 else 'before'} the {'measured one' if is_measured else 'one by the given offset'} "
        f"({clock_text(aligned_s)})"
    )
    return call_end_limit(reported, limits).finding(
        "call_end_error",
        error_s,
        f"{comparison}. {'The reported time is wrong.' if is_measured else 'One of the two is wrong.'}",
        good=f"{comparison}, within its resolution.",
        at=At("recording", aligned_s),
    )


def sync_findings(result: SyncResult, reported: CallEnd, limits: Limits = DEFAULT) -> tuple[Finding, ...]:
    """All findings of a sync measurement; only its status unless the pair is aligned.

    Args:
        result: the sync measurement.
        reported: the reported call end.
        limits: the limits to check against.
    """
    return tuple(_findings(result, reported, limits))


def _findings(r: SyncResult, reported: CallEnd, limits: Limits) -> Iterator[Finding]:
    text = f"{_STATUS_TEXT[r.status]} {r.reason[:1].upper()}{r.reason[1:]}."
    yield Finding("sync_status", r.status, "", _STATUS[r.status], text)
    if r.status != "aligned" or r.offset_s is None:
        return
    if r.measured_call_end_s is not None:
        yield call_end_finding(reported, r.measured_call_end_s, limits)
    low, high = r.offset_ci_s or (r.offset_s, r.offset_s)
    half_s = (high - low) / 2
    yield limits.finding(
        "offset_uncertainty",
        half_s,
        f"The call begins at {r.offset_s:.4f} s of the recording, +-{half_s * 1000:.2f} ms (95 %)." + _later_part(r),
        at=At("call", 0.0),
    )
    drift = r.drift_ppm or 0.0
    yield limits.finding(
        "drift",
        drift,
        f"The recording clock runs {abs(drift):.2f} ppm {'faster' if drift >= 0 else 'slower'} than the call clock: "
        f"{abs(drift) * 3.6:.1f} ms an hour.",
        digits=3,
    )
    largest = max(r.jumps, key=lambda jump: abs(jump.size_s), default=None)
    yield limits.finding(
        "jumps",
        largest.size_s if largest else 0.0,
        _changes_text(
            r.jumps,
            none="No clock jumps found.",
            one="The recording clock jumps",
            moved="everything",
        ),
        at=At("call", largest.call_s) if largest else None,
    )
    yield from _sides(r, limits)
    yield _coverage(r, limits)


def _later_part(r: SyncResult) -> str:
    """A note that the offset doesn't hold for the call's first words, if they match nothing."""
    first = _first_unmatched(r)
    if first is None:
        return ""
    return (
        f" This holds from {clock_text(first.to_s)} of the call on. The part before matches nothing in the recording, "
        "so its position wasn't measured."
    )


def _first_unmatched(r: SyncResult) -> Stretch | None:
    return next((s for s in r.unmatched if s.from_s <= 0), None)


def _coverage(r: SyncResult, limits: Limits) -> Finding:
    text = f"{r.coverage:.0%} of the speech in the recorded channels matches the recording."
    if r.unmatched:
        shown = "; ".join(
            f"from {clock_text(s.from_s)} to {clock_text(s.to_s)} of the call, {s.speech_s:.0f} s of speech match "
            "nothing"
            for s in r.unmatched[:MOST_SHOWN]
        )
        text += f" {shown[:1].upper()}{shown[1:]}{'; and more' if len(r.unmatched) > MOST_SHOWN else ''}."
    limit = limits.of("coverage")
    longest = max(r.unmatched, key=lambda s: s.speech_s, default=None)
    found = limit.finding("coverage", r.coverage, text, digits=4, at=At("call", longest.from_s) if longest else None)
    # Most of a call may match while a part of it has a position that wasn't measured.
    return replace(found, status="warn") if longest and found.status == "pass" and not limit.is_off else found


def _sides(r: SyncResult, limits: Limits) -> Iterator[Finding]:
    yield Finding("sides", r.sides, "", "pass" if r.sides in ("both", "agent") else "warn", _SIDES_TEXT[r.sides])
    if r.lag_agent_s is None or r.lag_customer_s is None:
        return
    delay_s = r.lag_customer_s - r.lag_agent_s
    yield limits.finding(
        "customer_leg_delay",
        delay_s,
        f"In the recording, the customer is delayed by {abs(delay_s) * 1000:.1f} ms "
        f"{'more' if delay_s >= 0 else 'less'} than the agent, relative to the call audio. The network causes this "
        "delay.",
    )
    largest = max(r.customer_steps, key=lambda step: abs(step.size_s), default=None)
    yield limits.finding(
        "customer_leg_delay_changes",
        largest.size_s if largest else 0.0,
        _changes_text(
            r.customer_steps,
            none="The customer leg's delay doesn't change.",
            one="The customer leg's delay changes",
            moved="the customer",
        ),
        at=At("call", largest.call_s) if largest else None,
    )


def _changes_text(changes: tuple[FoundJump, ...], *, none: str, one: str, moved: str) -> str:
    """The sentence about jumps, or about changes of a delay; it names the first `MOST_SHOWN`."""
    if not changes:
        return none
    shown = "; ".join(
        f"from {clock_text(c.call_s)} of the call on, {'the agent' if c.agent_only else moved} is "
        f"{abs(c.size_s) * 1000:.1f} ms {'later' if c.size_s >= 0 else 'earlier'} in the recording than before"
        + (f" ({_AGENT_ONLY})" if c.agent_only else "")
        + (f" ({_CUSTOMER_ONLY})" if c.customer_evidence_only else "")
        for c in changes[:MOST_SHOWN]
    )
    times = f" {len(changes)} times" if len(changes) > 1 else ""
    return f"{one}{times}: {shown}{'; and more' if len(changes) > MOST_SHOWN else ''}."
