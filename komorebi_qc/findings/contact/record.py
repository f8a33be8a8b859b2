"""The findings about a contact's record: whether it names the call audio, and whether its times fit the call. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from komorebi_qc.core.finding import At
from komorebi_qc.core.timebase import clock_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from komorebi_qc.core.contact.choice import FoundContact
    from komorebi_qc.core.finding import Finding
    from komorebi_qc.core.limits import Limits
    from komorebi_qc.core.timebase import CallEnd
    from komorebi_qc.findings.evidence import PairEvidence


def contact_findings(evidence: PairEvidence, limits: Limits) -> Iterator[Finding]:
    """The findings about a contact's record; empty if records aren't used.

    Args:
        evidence: the pair.
        limits: the limits to check against.
    """
    contact = evidence.contact
    if contact is None:
        return
    yield _named(contact, limits)
    agent_s = None if contact.record is None else contact.record.agent_s
    if agent_s is not None and evidence.call.audio is not None:
        yield _times(evidence, agent_s, limits)


def _named(contact: FoundContact, limits: Limits) -> Finding:
    by_prefix = contact.call_audio_by == "prefix"
    return limits.finding(
        "call_audio_not_in_record",
        int(by_prefix),
        f"The call audio was found by its key's prefix: {contact.why}. Check that it is the agent's part of this call."
        if by_prefix
        else f"The call audio isn't the record's: {contact.why}."
        if contact.call_audio_by == "redacted"
        else f"The contact's record names the call audio: {contact.why}.",
    )


def _times(evidence: PairEvidence, agent_s: float, limits: Limits) -> Finding:
    """Compare the end by the record with the measured one, and describe the reported one."""
    call_s = 0.0 if evidence.call.audio is None else evidence.call.audio.span.end_s
    placement = evidence.placement
    if placement is None:
        away_s = agent_s - call_s
        size = "short" if away_s > 0 else "long"
        return limits.finding(
            "record_disagrees",
            away_s,
            f"The call audio is {abs(away_s):.1f} s too {size}: by the contact's record the agent was connected for "
            f"{clock_text(agent_s)}, and it has {clock_text(call_s)}. It may be another call's, or began late.",
            good=f"The call audio is as long as the agent was connected by the contact's record, within "
            f"{abs(away_s):.1f} s.",
        )
    alignment = placement.alignment
    part = alignment.part
    begins_s = alignment.to_recording(0.0 if part is None else max(0.0, part.start_s))
    ends_s, by_record_s = alignment.end_s(call_s), begins_s + agent_s
    away_s, reported = by_record_s - ends_s, evidence.call_end
    record = f"By the contact's record the call ended for the agent at {clock_text(by_record_s)} of the recording"
    side = "after" if away_s > 0 else "before"
    return limits.finding(
        "record_disagrees",
        away_s,
        f"{record}, {abs(away_s):.1f} s {side} the end of {_part_text(evidence)}, {clock_text(ends_s)}."
        f"{_reported_text(reported)} The call audio may have begun late, or be of another part.",
        good=f"{record}, {abs(away_s):.1f} s {side} the end of {_part_text(evidence)}."
        f"{_distance_text(reported, by_record_s)}",
        at=At("recording", ends_s),
    )


def _reported_text(reported: CallEnd | None) -> str:
    if reported is None or reported.source != "reported":
        return ""
    return f" The reported call end is {clock_text(reported.recording_s)}."


def _distance_text(reported: CallEnd | None, by_record_s: float) -> str:
    if reported is None or reported.source != "reported":
        return ""
    return f" The reported call end is {abs(reported.recording_s - by_record_s):.1f} s from the record's."


def _part_text(evidence: PairEvidence) -> str:
    placement = evidence.placement
    is_part = placement is not None and placement.alignment.part is not None
    return "the agent's part of the call audio" if is_part else "the call audio"
