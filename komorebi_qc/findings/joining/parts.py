"""Findings about a recording that was joined of several files: time without a recorder, and the files' places. Pure.

A recording of one file has none of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from komorebi_qc.core.finding import At, Finding, counted
from komorebi_qc.core.joining.part import call_gaps
from komorebi_qc.core.limits import DEFAULT
from komorebi_qc.core.timebase import clock_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from komorebi_qc.core.joining.part import Part, PlacedBy
    from komorebi_qc.core.limits import Limits
    from komorebi_qc.findings.evidence import PairEvidence

MOST_SHOWN = 5
_PLACED: dict[PlacedBy, str] = {
    "sound": "by the sound that it shares with the call",
    "few_words": "by a few words that it shares with the call",
    "start_time": "by the start time in its header alone",
}


def parts_findings(evidence: PairEvidence, limits: Limits = DEFAULT) -> Iterator[Finding]:
    """All findings about the files of a recording that has several; no finding for a single file.

    Args:
        evidence: the pair.
        limits: the limits to check against.
    """
    parts = evidence.recording.parts
    if not parts:
        return
    if evidence.placement is not None and evidence.call.audio is not None:
        yield _recorder_off(evidence, parts, limits)
    worst = max(parts, key=lambda part: part.bound_s)
    yield limits.finding(
        "file_placement",
        worst.bound_s,
        f"{worst.name} is placed {_PLACED[worst.placed_by]}, and its picture may be {worst.bound_s:.3f} s off.",
        good=f"All {len(parts)} files of the recording are placed to {worst.bound_s * 1000:.1f} ms.",
        at=At("recording", worst.used.start_s),
    )


def _recorder_off(evidence: PairEvidence, parts: Sequence[Part], limits: Limits) -> Finding:
    placement, audio = evidence.placement, evidence.call.audio
    call_s = 0.0 if audio is None else audio.span.end_s
    spans = () if placement is None else call_gaps(parts, placement.alignment, call_s)
    total_s = sum(span.length_s for span in spans)
    shown = "; ".join(f"{clock_text(s.start_s)} to {clock_text(s.end_s)}" for s in spans[:MOST_SHOWN])
    more = f"; and {counted(len(spans) - MOST_SHOWN, 'gap')} more" if len(spans) > MOST_SHOWN else ""
    return limits.finding(
        "recorder_off",
        total_s,
        f"The recording was joined of {len(parts)} files. For {total_s:.3f} s of the call no recorder ran: {shown} of "
        f"the recording{more}. The video has a plain picture there, and the call audio.",
        good=f"The recording was joined of {len(parts)} files, without a gap in the call.",
        at=At("recording", spans[0].start_s) if spans else None,
    )


def parts_list(parts: Sequence[Part]) -> list[dict[str, Any]] | None:
    """The files of a recording that has several, for JSON, in order of their places; None for a single file."""
    return [part.to_dict() for part in parts] if parts else None
