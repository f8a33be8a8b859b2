"""Time that was not to be recorded: suspensions, redactions, and conversation outside of the call audio. Pure."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from komorebi_qc.core.finding import At, counted
from komorebi_qc.core.privacy.suspensions import SUSPENDED_MIN_S
from komorebi_qc.core.timebase import clock_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from komorebi_qc.core.finding import Finding
    from komorebi_qc.core.limits import Limits
    from komorebi_qc.core.privacy.masks import Masks, PrivateSpan
    from komorebi_qc.core.timebase import Alignment, Span
    from komorebi_qc.findings.evidence import PairEvidence
    from komorebi_qc.sync import OutsideSpan, SyncResult

MOST_SHOWN = 5
"""Spans that a sentence names; the document has them all."""
_MASKED = {
    "none": "The recording's sound and picture are not masked there.",
    "sound": "The recording's sound is masked there, its picture isn't.",
    "picture": "The recording's sound and picture are masked there.",
}


def private_findings(evidence: PairEvidence, limits: Limits) -> Iterator[Finding]:
    """The findings about suspensions, redactions, and the conversation outside of the call audio.

    Args:
        evidence: the pair.
        limits: the limits to check against.
    """
    if evidence.private is not None:
        yield _suspended(suspensions_of(evidence.private), evidence.masks, limits)
    if evidence.redactions is not None:
        yield _redacted(evidence.redactions, evidence.masks, limits)
    elif evidence.awaits_analysis:
        yield limits.of("redaction_pending").finding(
            "redaction_pending",
            1,
            "Redacted call audio is preferred, but Contact Lens' analysis wasn't found, so redactions aren't masked. "
            "Process the recording again once the analysis exists.",
        )
    if evidence.sync is not None and evidence.sync.status == "aligned":
        yield _outside(evidence.sync, limits)


def suspended_min_s(limits: Limits) -> float:
    """The shortest suspension, as the limits have it; a limit that is off leaves the length as it is.

    Args:
        limits: the limits of the run.
    """
    least_s = limits.of("recording_suspended").warn.high
    return least_s if 0.0 < least_s < math.inf else SUSPENDED_MIN_S


def suspensions_of(private: Sequence[PrivateSpan]) -> tuple[PrivateSpan, ...]:
    """The suspensions among the private spans."""
    return tuple(span for span in private if span.reason == "suspended")


def redactions_among(private: Sequence[PrivateSpan]) -> tuple[PrivateSpan, ...]:
    """The redactions among the private spans."""
    return tuple(span for span in private if span.reason == "redacted")


def _suspended(spans: Sequence[PrivateSpan], masks: Masks | None, limits: Limits) -> Finding:
    calls = [span.call for span in spans]
    limit = limits.of("recording_suspended")
    found = limit.finding(
        "recording_suspended",
        max((call.length_s for call in calls), default=0.0),
        f"Recording was suspended in Connect {counted(len(spans), 'time')}, {_places_text(calls)}{_masked_text(masks)}"
        if spans
        else "No suspension found.",
        digits=3,
        at=At("call", calls[0].start_s) if calls else None,
    )
    # A suspension of exactly the shortest length is one.
    return replace(found, status="warn") if spans and found.status == "pass" and not limit.is_off else found


def _redacted(spans: Sequence[PrivateSpan], masks: Masks | None, limits: Limits) -> Finding:
    calls = [span.call for span in spans]
    limit = limits.of("recording_redacted")
    found = limit.finding(
        "recording_redacted",
        sum(call.length_s for call in calls),
        f"Contact Lens redacted {counted(len(spans), 'span')} of the call, {_places_text(calls)}{_masked_text(masks)}"
        if spans
        else "Contact Lens redacted nothing of the call.",
        digits=3,
        at=At("call", calls[0].start_s) if calls else None,
    )
    # Redactions are usual. One that the output still shows isn't.
    is_shown = bool(spans) and masks is not None and masks.choice != "picture" and not limit.is_off
    return replace(found, status="warn") if is_shown and found.status == "pass" else found


def _places_text(calls: Sequence[Span]) -> str:
    """Length and places of spans on the call clock, the end of a sentence."""
    total_s = sum(call.length_s for call in calls)
    shown = "; ".join(
        f"from {clock_text(call.start_s)} to {clock_text(call.end_s)} of the call" for call in calls[:MOST_SHOWN]
    )
    more = f"; and {len(calls) - MOST_SHOWN} more" if len(calls) > MOST_SHOWN else ""
    return f"for {total_s:.1f} s in all: {shown}{more}."


def _masked_text(masks: Masks | None) -> str:
    """The sentence about the masks of a written file; empty without a file."""
    return "" if masks is None else f" {_MASKED[masks.choice]}"


def _outside(sync: SyncResult, limits: Limits) -> Finding:
    total_s = sum(span.to_s - span.from_s for span in sync.outside)
    shown = "; ".join(_outside_text(span) for span in sync.outside)
    return limits.finding(
        "conversation_outside_call",
        total_s,
        f"The recording has the same conversation outside of the call audio: {shown}."
        if sync.outside
        else "No conversation found that goes on outside of the call audio.",
        digits=3,
        at=At("recording", sync.outside[0].from_s) if sync.outside else None,
    )


def _outside_text(span: OutsideSpan) -> str:
    edge = "before the call audio begins" if span.part == "before" else "after the call audio ends"
    customer = "" if span.customer_s is None else f", {span.customer_s:.1f} s of it by the customer"
    return (
        f"{span.speech_s:.1f} s of speech {edge}{customer}, from {clock_text(span.from_s)} to "
        f"{clock_text(span.to_s)} of the recording"
    )


def suspensions_list(
    private: Sequence[PrivateSpan] | None, alignment: Alignment | None, masks: Masks | None
) -> list[dict[str, Any]] | None:
    """The suspensions for JSON, on all clocks; None if nobody looked.

    Args:
        private: the spans that were not to be recorded, on the call clock.
        alignment: the one in use; None if the call isn't placed: then the other clocks are null.
        masks: of the written file; None if no file is written.
    """
    if private is None:
        return None
    return [_on_all_clocks(span, alignment, masks) for span in suspensions_of(private)]


def redactions_list(
    redactions: Sequence[PrivateSpan] | None, alignment: Alignment | None, masks: Masks | None
) -> list[dict[str, Any]] | None:
    """The redactions for JSON, as the suspensions; None if no analysis was read.

    Args:
        redactions: the spans that Contact Lens redacted, on the call clock.
        alignment: the one in use; None if the call isn't placed: then the other clocks are null.
        masks: of the written file; None if no file is written.
    """
    return None if redactions is None else [_on_all_clocks(span, alignment, masks) for span in redactions]


def _on_all_clocks(span: PrivateSpan, alignment: Alignment | None, masks: Masks | None) -> dict[str, Any]:
    call = span.call
    on_recording: list[float | None] = [None, None]
    on_output: list[float | None] = [None, None]
    if alignment is not None:
        times = sorted((alignment.to_recording(call.start_s), alignment.to_recording(call.end_s)))
        on_recording = [round(t, 6) for t in times]
        on_output = [round(t + alignment.output_shift_s, 6) for t in times]
    return {
        "call_from_s": round(call.start_s, 6),
        "call_to_s": round(call.end_s, 6),
        "recording_from_s": on_recording[0],
        "recording_to_s": on_recording[1],
        "output_from_s": on_output[0],
        "output_to_s": on_output[1],
        "masked": None if masks is None else masks.choice,
    }
