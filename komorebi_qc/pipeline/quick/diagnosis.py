"""A quick diagnosis: the place of a call by a few pieces of both files. Nothing is written, and nothing is published.

A clean call is settled by the pieces. A short call with doubts is measured whole. A longer one keeps its place if only
the clock is in doubt; with a doubt about its place it gets the status ``insufficient``, and
`komorebi_qc.pipeline.diagnose.diagnose` settles it. See `komorebi_qc.measure.quick.settle`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, cast

from komorebi_qc import __version__
from komorebi_qc.core.errors import MediaError
from komorebi_qc.core.finding import Finding, Status, verdict
from komorebi_qc.core.limits import DEFAULT, Limits
from komorebi_qc.findings.contact.screen import screen_dict, video_tracks_dict
from komorebi_qc.findings.evidence import PairEvidence
from komorebi_qc.findings.families import pair_findings
from komorebi_qc.findings.joining.parts import parts_list
from komorebi_qc.findings.qc_document import SCHEMA
from komorebi_qc.findings.sync_document import call_end_dict, sync_dict
from komorebi_qc.measure.quick.settle import settle
from komorebi_qc.media.decode_8khz import decode_call_8khz
from komorebi_qc.media.plain_call.info import plain_info
from komorebi_qc.media.plain_call.wav import plain_call
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
    from komorebi_qc.measure.quick.settle import Measured
    from komorebi_qc.sync import SyncResult

LEFT_OUT = (
    "levels of both files",
    "suspensions, redactions and the transcript",
    "timestamps of the recording's packets",
    "other places at which the same speech also agrees, as in a call that repeats itself",
    "speech of the recording that the call audio doesn't have",
    "opposite pairs of jumps between two pieces, and stretches between them that don't agree",
)
OF_ANY_FILE = 3
"""So many of them are left out of every quick diagnosis, and the others only of one that reads pieces."""
OF_A_FILE_WITHOUT_INDEX = "the order of the recording's packets, and missing bytes"
_NOT_OF_PIECES = frozenset({"unexplained_speech"})
_NEEDS_INDEX = frozenset({"recording_missing", "recording_length_missing", "video_dts_non_monotonic"})


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
        left_out: the measurements and checks that are left out, in words.
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
            "contact": None,
            "recording_files": parts_list(self.recording.parts),
            "video_tracks": video_tracks_dict(self.recording.video_tracks),
            "screen_recording": screen_dict(self.recording),
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
    plain = plain_info(near.reopen())
    call_info = probe_call(call.reopen()) if plain is None else plain
    track = None if plain is None else plain_call(near, plain)
    pair = _Whole(call, call_info, recording, call_end, limits)
    with sparse_recording(recording) as parts:
        if parts is None:
            return pair.diagnosis("the recording can't be read in parts")
        try:
            found = settle(
                # All of another kind of file is decoded: it is read once, and not block by block.
                decode_call_8khz(call.reopen(), call_info) if track is None else track,
                length_s(call_info),
                parts,
                call_end,
                pair.measured,
                lambda: parts.trembles,
            )
        except MediaError:  # damage in the middle: the whole reading goes as far as the file does
            return pair.diagnosis("a part of the recording can't be read")
        read_bytes = (call.size if track is None else blocks.fetched_bytes) + parts.fetched_bytes
        info, is_indexed = parts.info, parts.is_indexed
    if found.measured == "whole":
        return pair.diagnosis(*found.doubts)
    return QuickDiagnosis(
        *(call_info, info, call_end, found.result),
        findings=_findings(call_info, info, call_end, found.result, limits, is_indexed=is_indexed),
        limits=limits,
        measured="pieces",
        doubts=found.doubts,
        left_out=LEFT_OUT if is_indexed else (*LEFT_OUT, OF_A_FILE_WITHOUT_INDEX),
        call_read_s=length_s(call_info) if track is None else found.look.call_read_s,
        recording_read_s=found.look.recording_read_s,
        read_bytes=read_bytes,
    )


class _Whole:
    """The whole call, measured at most once, without what a quick diagnosis leaves out."""

    def __init__(
        self, call: Source, call_info: MediaInfo, recording: Source, call_end: CallEnd, limits: Limits
    ) -> None:
        self._call, self._call_info, self._recording = call, call_info, recording
        self._call_end, self._limits = call_end, limits
        self._found: tuple[MediaInfo, SyncResult] | None = None

    def measured(self) -> SyncResult:
        """Measure it."""
        return self._measured()[1]

    def diagnosis(self, *doubts: str) -> QuickDiagnosis:
        """The diagnosis of the whole call; the doubts are those of its pieces."""
        info, result = self._measured()
        findings = _findings(self._call_info, info, self._call_end, result, self._limits, is_indexed=True)
        return QuickDiagnosis(
            *(self._call_info, info, self._call_end, result, findings, self._limits, "whole", doubts),
            left_out=LEFT_OUT[:OF_ANY_FILE],
            call_read_s=length_s(self._call_info),
            recording_read_s=0.0 if info.audio is None else info.audio.span.length_s,
            read_bytes=self._call.size + self._recording.size,
        )

    def _measured(self) -> tuple[MediaInfo, SyncResult]:
        if self._found is None:
            probed = read_recording(self._recording)
            audio = decode_audio(self._call, self._call_info, self._recording, probed)
            self._found = probed.info, measure_pair(audio, self._call_end, limits=self._limits).result
        return self._found


def _findings(
    call: MediaInfo, info: MediaInfo, call_end: CallEnd, result: SyncResult, limits: Limits, *, is_indexed: bool
) -> tuple[Finding, ...]:
    placement = usual_placement(call, result, call_end, None)
    timeline = None if placement is None else usual_timeline(placement, call, info)
    evidence = PairEvidence(call, info, call_end, placement, result, timeline, timing=None, levels=None)
    left_out = _NOT_OF_PIECES if is_indexed else _NOT_OF_PIECES | _NEEDS_INDEX
    return tuple(finding for finding in pair_findings(evidence, limits) if finding.name not in left_out)
