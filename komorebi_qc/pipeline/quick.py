"""A quick diagnosis: the place of a call by a few pieces of both files. Nothing is written, and nothing is published.

A clean call is settled by the pieces. A call of up to `WHOLE_MOST_S` with doubts is measured whole. A longer one keeps
its place if only the clock is in doubt. With a doubt about its place it gets the status ``insufficient``:
`komorebi_qc.pipeline.diagnose.diagnose` settles it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, cast

from komorebi_qc import __version__
from komorebi_qc.core.finding import Finding, Status, verdict
from komorebi_qc.core.limits import DEFAULT, Limits
from komorebi_qc.findings.evidence import PairEvidence
from komorebi_qc.findings.families import pair_findings
from komorebi_qc.findings.qc_document import SCHEMA
from komorebi_qc.findings.sync_document import call_end_dict, sync_dict
from komorebi_qc.measure.quick.look import insufficient, look
from komorebi_qc.media.decode_8khz import decode_call_8khz
from komorebi_qc.media.plain_call.wav import is_plain, plain_call
from komorebi_qc.media.probe import probe_call
from komorebi_qc.media.ranges.blocks import BlockFile
from komorebi_qc.media.ranges.sparse_recording import sparse_recording
from komorebi_qc.pipeline.diagnose import length_s, usual_placement, usual_timeline
from komorebi_qc.pipeline.pair import decode_audio, measure_pair, read_recording, refuse_same_file

if TYPE_CHECKING:
    from typing import BinaryIO

    from komorebi_qc.core.media_info import MediaInfo
    from komorebi_qc.core.source import Source
    from komorebi_qc.core.timebase import CallEnd
    from komorebi_qc.sync import SyncResult

WHOLE_MOST_S = 900.0
"""The longest call that is measured whole if the pieces leave a doubt."""
LEFT_OUT = (
    "levels of both files",
    "suspensions, redactions and the transcript",
    "timestamps of the recording's packets",
    "speech of the recording that the call audio doesn't have",
    "opposite pairs of jumps between two pieces, and stretches between them that don't agree",
)
"""Left out of every quick diagnosis."""
OF_A_FILE_WITHOUT_INDEX = "the order of the recording's packets, and missing bytes"
_NOT_OF_PIECES = frozenset({"unexplained_speech"})
_NEEDS_INDEX = frozenset({"recording_missing", "recording_length_missing", "video_dts_non_monotonic"})

Measured = Literal["pieces", "whole"]


@dataclass(frozen=True, slots=True)
class QuickDiagnosis:
    """The measurements of a few pieces of a pair, and the findings that they allow.

    Attributes:
        call: the call audio.
        recording: the agent recording; of one without an index, as far as its first and last part show it.
        call_end: the reported call end.
        sync: the sync measurement.
        findings: in the order in which an analyst asks.
        limits: the limits of the findings.
        measured: ``pieces``, or ``whole`` if the pieces left a doubt, or don't serve.
        doubts: of the pieces about the place and the clock; empty if they settle the call.
        left_out: what a quick diagnosis can't know, in words.
        call_read_s: seconds of the call audio that were read for the pieces.
        recording_read_s: seconds of the recording's audio that were read for them.
        read_bytes: the bytes that were read of both files for them.
    """

    call: MediaInfo
    recording: MediaInfo
    call_end: CallEnd
    sync: SyncResult
    findings: tuple[Finding, ...]
    limits: Limits
    measured: Measured
    doubts: tuple[str, ...]
    left_out: tuple[str, ...]
    call_read_s: float = 0.0
    recording_read_s: float = 0.0
    read_bytes: int = 0

    @property
    def verdict(self) -> Status:
        """The worst status of all findings."""
        return verdict(self.findings)

    @property
    def is_settled(self) -> bool:
        """Whether the status is that of the whole call."""
        return self.measured == "whole" or not self.doubts

    def to_dict(self) -> dict[str, Any]:
        """The quick diagnosis for JSON: the fields of a diagnosis, null or empty if nobody looked, and ``quick``."""
        return {
            "schema": SCHEMA,
            "version": __version__,
            "verdict": self.verdict,
            "sync": sync_dict(self.sync, length_s(self.call)),
            "call_end": call_end_dict(self.call_end, self.sync),
            "suspensions": None,
            "redactions": None,
            "transcript": None,
            "levels": {},
            "findings": [asdict(finding) for finding in self.findings],
            "limits": self.limits.to_dict(self.findings),
            "quick": {
                "is_settled": self.is_settled,
                "measured": self.measured,
                "doubts": list(self.doubts),
                "left_out": list(self.left_out),
                "call_read_s": round(self.call_read_s, 3),
                "recording_read_s": round(self.recording_read_s, 3),
                "read_bytes": self.read_bytes,
            },
        }


def quick_diagnose(call: Source, recording: Source, call_end: CallEnd, limits: Limits = DEFAULT) -> QuickDiagnosis:
    """Look at a few pieces of a pair, and check what they show against the limits.

    Args:
        call: the call audio.
        recording: the agent recording.
        call_end: the reported call end.
        limits: the limits to check against.

    Raises:
        MediaError: one of the two isn't the media it should be.
        InputError: both are the same file.
    """
    refuse_same_file(call, recording)
    blocks = BlockFile(call)
    near = replace(call, file=cast("BinaryIO", blocks), open_again=None)
    call_info = probe_call(near.reopen())
    track = plain_call(near, call_info) if is_plain(near.reopen().file) else None
    with sparse_recording(recording) as parts:
        if parts is None:
            return _whole(call, call_info, recording, call_end, limits, "the recording can't be read in parts")
        if track is None:
            found = look(decode_call_8khz(near, call_info), parts, call_end)
        else:
            found = look(track, parts, call_end)
        if parts.trembles:
            found = replace(found, clock_doubts=(*found.clock_doubts, "the recording's timestamps tremble"))
        read_bytes = blocks.fetched_bytes + parts.fetched_bytes
        info, is_indexed = parts.info, parts.is_indexed
    doubts = (*found.doubts, *found.clock_doubts)
    if doubts and length_s(call_info) <= WHOLE_MOST_S:
        return _whole(call, call_info, recording, call_end, limits, *doubts)
    result = found.result
    if result is None or found.doubts:
        result = insufficient(found, call_end)
    return QuickDiagnosis(
        *(call_info, info, call_end, result),
        findings=_findings(call_info, info, call_end, result, limits, is_indexed=is_indexed),
        limits=limits,
        measured="pieces",
        doubts=doubts,
        left_out=LEFT_OUT if is_indexed else (*LEFT_OUT, OF_A_FILE_WITHOUT_INDEX),
        call_read_s=found.call_read_s,
        recording_read_s=found.recording_read_s,
        read_bytes=read_bytes,
    )


def _whole(
    call: Source, call_info: MediaInfo, recording: Source, call_end: CallEnd, limits: Limits, *doubts: str
) -> QuickDiagnosis:
    """Measure the whole call, without what a quick diagnosis leaves out."""
    probed = read_recording(recording)
    pair = measure_pair(decode_audio(call, call_info, recording, probed), call_end, limits=limits)
    findings = _findings(call_info, probed.info, call_end, pair.result, limits, is_indexed=True)
    both = call.size + recording.size
    return QuickDiagnosis(
        *(call_info, probed.info, call_end, pair.result, findings, limits, "whole", doubts, LEFT_OUT[:3]),
        call_read_s=length_s(call_info),
        recording_read_s=0.0 if probed.info.audio is None else probed.info.audio.span.length_s,
        read_bytes=both,
    )


def _findings(
    call: MediaInfo, info: MediaInfo, call_end: CallEnd, result: SyncResult, limits: Limits, *, is_indexed: bool
) -> tuple[Finding, ...]:
    placement = usual_placement(call, result, call_end, None)
    timeline = None if placement is None else usual_timeline(placement, call, info)
    evidence = PairEvidence(call, info, call_end, placement, result, timeline, timing=None, levels=None)
    left_out = _NOT_OF_PIECES if is_indexed else _NOT_OF_PIECES | _NEEDS_INDEX
    return tuple(finding for finding in pair_findings(evidence, limits) if finding.name not in left_out)
