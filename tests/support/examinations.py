"""Examinations of the sample call with another placement: by a candidate, bent, a part of the call, held."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from desk import sample_session

from komorebi_qc.core.splice import splice
from komorebi_qc.core.timebase import Alignment, Jump, Knot, Span
from komorebi_qc.findings.evidence import Placement
from komorebi_qc.sync import CallSpan, Candidate, RecordingSpan

if TYPE_CHECKING:
    from komorebi_qc.desk.session import AuditSession
    from komorebi_qc.findings.evidence import AlignmentSource
    from komorebi_qc.pipeline.examine import Examined
    from komorebi_qc.sync import SyncResult

HELD_TEXT = "the audio doesn't confirm the pair (too little). Nothing was published. Listen to both"


def session_of(examined: Examined) -> AuditSession:
    """The sample's session with another examination."""
    return replace(sample_session(), examined=examined)


def not_measured(source: AlignmentSource) -> Examined:
    """A placement by a candidate, by the reported call end, or by hand: 3 places fit, and the first one is used."""
    found = sample_session().examined
    at_s = round(found.alignment.offset_s, 4)
    places = ((at_s, 1.0, 0.9), (at_s + 8.2, 0.9, 0.07), (at_s - 8.2, 0.8, 0.03))
    candidates = tuple(
        Candidate(start_s, start_s + found.call_s, score, 10.0 * score, p) for start_s, score, p in places
    )
    result = replace(_result(found), status="ambiguous", reason="a loop", candidates=candidates)
    alignment = {**found.document["alignment"], "source": source, "offset_s": at_s, "drift_ppm": None, "jumps": None}
    document = {
        **found.document,
        "alignment": alignment,
        "sync": {**found.document["sync"], "status": "ambiguous", "reason": "a loop", "offset_s": None},
        "call_end": {**found.document["call_end"], "measured_s": None, "error_s": None},
    }
    return _placed(replace(found, document=document), Placement(Alignment(at_s), source, result, 0.005), result)


def bent() -> Examined:
    """The clock's rate changes from +50 to -60 ppm at 10 s of the call."""
    found = sample_session().examined
    offset_s, end_s = found.alignment.offset_s, found.call_s
    mean = (10.0 * 50.0 - (end_s - 10.0) * 60.0) / end_s
    knots = (Knot(0.0, 0.0), Knot(10.0, 10.0 * (50.0 - mean) * 1e-6), Knot(end_s, 0.0))
    placement = replace(found.placement, alignment=Alignment(offset_s, mean, knots=knots))
    return _placed(found, placement, _result(found))


def in_parts() -> Examined:
    """The agent leaves after 15 s, the recording lost 3 s at 10 s of the call, and has speech of its own."""
    found = sample_session().examined
    alignment = Alignment(found.alignment.offset_s, 0.0, (Jump(10.0, -3.0),), part=Span(0.0, 15.0))
    result = replace(
        _result(found),
        spans=(CallSpan(0.0, 7.0, "agrees", 5.0), CallSpan(7.0, 10.0, "silent", 2.0)),
        spans_alignment=alignment,
        recording_spans=(RecordingSpan(14.0, 16.5, "after", 2.25),),
        agent_part=Span(0.0, 15.0),
    )
    return _placed(found, replace(found.placement, alignment=alignment, measured=result), result)


def held() -> Examined:
    """A pair that an operator has to decide about."""
    found = not_measured("candidate")
    document = {name: part for name, part in found.document.items() if name != "alignment"}
    tracks = replace(found.tracks, output=None)
    return replace(found, document=document, tracks=tracks, outcome=None, refused=HELD_TEXT)


def _result(found: Examined) -> SyncResult:
    return found.diagnosis.sync


def _placed(found: Examined, placement: Placement, result: SyncResult) -> Examined:
    own = found.diagnosis.recording.audio
    timeline = splice(placement.alignment, call_s=found.call_s, recording_audio=None if own is None else own.span)
    pair: Any = replace(found.diagnosis.pair, result=result)
    diagnosis = replace(found.diagnosis, pair=pair)
    return replace(found, diagnosis=diagnosis, placement=placement, timeline=timeline)


def suspended(name: str = "suspensions") -> Examined:
    """The sample, suspended from 8 to 12 s of the call; or with the same span in the list of `redactions`."""
    found = sample_session().examined
    on_output = [found.alignment.to_output(at_s) for at_s in (8.0, 12.0)]
    suspension = {"call_from_s": 8.0, "call_to_s": 12.0, "output_from_s": on_output[0], "output_to_s": on_output[1]}
    return replace(found, document={**found.document, name: [suspension]})
