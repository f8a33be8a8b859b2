"""The document `qc.json` beside every unified recording. Pure; `qc.schema.json` is its JSON Schema.

The first number of `SCHEMA` rises if a field is removed or changes its meaning, the second if one is added. Times are
seconds, on the clock that the field's description names. Unknown values are null.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from komorebi_qc import __version__
from komorebi_qc.core.finding import Finding, verdict
from komorebi_qc.core.output import AUDIO_CODEC
from komorebi_qc.core.timebase import Span
from komorebi_qc.findings.contact.screen import screen_dict, video_tracks_dict
from komorebi_qc.findings.joining.parts import parts_list
from komorebi_qc.findings.privacy.masks import masks_dict
from komorebi_qc.findings.privacy.private_time import redactions_list, suspensions_list
from komorebi_qc.findings.sync_document import call_end_dict, sync_dict
from komorebi_qc.findings.words.transcript import transcript_dict

if TYPE_CHECKING:
    from komorebi_qc.core.analyst.correction import Correction
    from komorebi_qc.core.limits import Limits
    from komorebi_qc.core.provenance.record import Provenance
    from komorebi_qc.core.splice import Splice
    from komorebi_qc.findings.evidence import Evidence, Placement

SCHEMA = "2.4"


def qc_document(
    recording_id: str,
    e: Evidence,
    findings: tuple[Finding, ...],
    limits: Limits,
    provenance: Provenance,
    correction: Correction | None = None,
) -> dict[str, Any]:
    """The inputs, the output, the alignment and all findings, for JSON; without the seal, which is added last.

    Args:
        recording_id: the recording's ID.
        e: the run.
        findings: all of its findings.
        limits: the limits they were checked against.
        provenance: the record of the run.
        correction: an analyst's correction, which placed the call; None without one.
    """
    alignment, measured = e.placement.alignment, e.placement.measured
    call_s = e.call_audio.span.end_s
    return {
        "schema": SCHEMA,
        "version": __version__,
        "recording_id": recording_id,
        "verdict": verdict(findings),
        "container": e.plan.container,
        "durations": {
            "call_s": round(call_s, 6),
            "recording_s": round(e.recording.end_s, 6),
            "after_call_s": round(e.after_call.length_s, 6),
            "output_s": round(max(e.splice.output_end_s, e.video.span.end_s + alignment.output_shift_s), 6),
        },
        "codecs": {
            "video": e.plan.video_codec,
            "video_in": e.video.codec,
            "video_copied": e.plan.copies_video,
            "audio": AUDIO_CODEC[e.plan.container],
            "audio_in": e.recording.audio.codec if e.recording.audio is not None else None,
            "call": e.call_audio.codec,
            "audio_rate_hz": e.plan.audio_rate,
            "audio_bit_rate": e.plan.audio_bit_rate,
        },
        "alignment": _alignment(e.placement, e.splice, call_s),
        "correction": None if correction is None else correction_dict(correction),
        "sync": None if measured is None else sync_dict(measured, call_s),
        "call_end": {**call_end_dict(e.call_end, measured), "used_s": round(alignment.end_s(call_s), 6)},
        "suspensions": suspensions_list(e.private, alignment, e.masks),
        "redactions": redactions_list(e.redactions, alignment, e.masks),
        "masks": masks_dict(e),
        "transcript": transcript_dict(e.transcript, e.placed, limits),
        "contact": None if e.contact is None else e.contact.to_dict(),
        "chapters": [
            {"from_s": round(one.from_s, 6), "to_s": round(one.to_s, 6), "kind": one.kind, "title": one.title}
            for one in e.chapters
        ],
        "recording_files": parts_list(e.recording.parts),
        "video_tracks": video_tracks_dict(e.recording.video_tracks),
        "screen_recording": screen_dict(e.recording),
        "findings": [asdict(finding) for finding in findings],
        "limits": limits.to_dict(findings),
        "provenance": provenance.to_dict(),
    }


def _alignment(placement: Placement, splice: Splice, call_s: float) -> dict[str, Any]:
    """The alignment in use. Drift and jumps that nobody measured or gave are null."""
    alignment = placement.alignment
    is_measured = placement.source == "measured"
    has_drift = is_measured or (placement.source == "manual" and alignment.drift_ppm != 0.0)
    has_jumps = is_measured or (placement.source == "manual" and alignment.jumps != ())
    return {
        "source": placement.source,
        "offset_s": round(alignment.offset_s, 6),
        "drift_ppm": round(alignment.drift_ppm, 4) if has_drift else None,
        "jumps": [{"call_s": round(j.call_s, 6), "size_s": round(j.size_s, 6)} for j in alignment.jumps]
        if has_jumps
        else None,
        "segments": [{"call_s": round(call, 6), "recording_s": round(at, 6)} for call, at in alignment.points(call_s)],
        "agent_part": None if alignment.part is None else _call_span(alignment.part),
        "left_out": [
            *({**_call_span(span), "reason": "lost_time"} for span in splice.left_out),
            *({**_call_span(span), "reason": "agent_absent"} for span in _without_agent(alignment.part, call_s)),
        ],
        "bound_s": None if placement.bound_s is None else round(placement.bound_s, 6),
        "output_shift_s": round(alignment.output_shift_s, 6),
    }


def correction_dict(correction: Correction) -> dict[str, str | None]:
    """Who corrected the alignment, when and why."""
    texts = {"by": correction.by, "at": correction.made_at, "why": correction.why, "software": correction.software}
    return {name: text or None for name, text in texts.items()}


def _call_span(span: Span) -> dict[str, float]:
    return {"call_from_s": round(span.start_s, 6), "call_to_s": round(span.end_s, 6)}


def _without_agent(part: Span | None, call_s: float) -> list[Span]:
    """The rest of the call beside the agent's part."""
    if part is None:
        return []
    rest = [Span(0.0, max(part.start_s, 0.0)), Span(min(part.end_s, call_s), call_s)]
    return [span for span in rest if span.length_s > 0.0]


def item_summary(document: dict[str, Any]) -> dict[str, str | int | float | bool]:
    """The attributes of the recording's item that a backend may list and filter by.

    Args:
        document: the content of ``qc.json``.
    """
    numbers = {
        "qcOffsetSeconds": document["alignment"]["offset_s"],
        "qcDriftPpm": document["alignment"]["drift_ppm"],
        "qcCallEndErrorSeconds": document["call_end"]["error_s"],
    }
    return {
        "outputContainer": document["container"],
        "qcVerdict": document["verdict"],
        "qcSyncStatus": "unmeasured" if document["sync"] is None else document["sync"]["status"],
        **{name: value for name, value in numbers.items() if value is not None},
    }
