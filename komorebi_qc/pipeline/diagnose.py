"""Whether a call and a recording belong together, and the call's position in the recording. Nothing is written."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from komorebi_qc import __version__
from komorebi_qc.core.contact.screen import call_end_on
from komorebi_qc.core.errors import InputError
from komorebi_qc.core.finding import Finding, Status, verdict
from komorebi_qc.core.limits import DEFAULT, Limits
from komorebi_qc.core.privacy.redactions import beeps_of, private_spans, redactions_of
from komorebi_qc.core.splice import splice
from komorebi_qc.findings.contact.screen import screen_dict, video_tracks_dict
from komorebi_qc.findings.evidence import PairEvidence, PairLevels, Placement
from komorebi_qc.findings.families import pair_findings
from komorebi_qc.findings.joining.parts import parts_list
from komorebi_qc.findings.privacy.private_time import redactions_among, redactions_list, suspensions_list
from komorebi_qc.findings.qc_document import SCHEMA
from komorebi_qc.findings.sync_document import call_end_dict, sync_dict
from komorebi_qc.findings.words.transcript import transcript_dict
from komorebi_qc.media.decode_8khz import buffer_in_memory
from komorebi_qc.media.probe import probe_call
from komorebi_qc.pipeline.captions.call_words import compare_words
from komorebi_qc.pipeline.options import Options
from komorebi_qc.pipeline.pair import (
    DecodedPair,
    decode_audio,
    measure_levels,
    measure_pair,
    read_recording,
    refuse_same_file,
)
from komorebi_qc.pipeline.placement import place
from komorebi_qc.pipeline.private_spans import suspensions_at

if TYPE_CHECKING:
    from collections.abc import Sequence

    from komorebi_qc.core.contact.choice import FoundContact
    from komorebi_qc.core.media_info import MediaInfo
    from komorebi_qc.core.privacy.masks import PrivateSpan
    from komorebi_qc.core.source import Source
    from komorebi_qc.core.splice import Splice
    from komorebi_qc.core.timebase import Alignment, CallEnd
    from komorebi_qc.findings.words.transcript import ComparedTranscript
    from komorebi_qc.measure.levels import ChannelLevels
    from komorebi_qc.pipeline.correction.given import GivenAlignment
    from komorebi_qc.sync import SyncResult
    from komorebi_qc.transcript.recogniser import Recogniser
    from komorebi_qc.transcript.turns import Transcript


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The measurements of a pair, and the findings about it.

    Attributes:
        call: the call audio.
        recording: the agent recording.
        call_end: the reported call end.
        pair: both sides' audio at 8 kHz, and the sync measurement.
        levels: by track and channel, in the telephone band.
        findings: in the order in which an analyst asks.
        limits: the limits of the findings.
        private: the spans that were not to be recorded, on the call clock: suspensions and redactions.
        has_analysis: whether an analysis of Contact Lens was read.
        transcript: compared with the call's speech; None without one.
        given: the alignment that a person gave; None if the measured one is used.
        contact: the contact's record; None if records aren't used.
    """

    call: MediaInfo
    recording: MediaInfo
    call_end: CallEnd
    pair: DecodedPair
    levels: dict[str, dict[str, ChannelLevels]]
    findings: tuple[Finding, ...]
    limits: Limits = DEFAULT
    private: tuple[PrivateSpan, ...] = ()
    has_analysis: bool = False
    transcript: ComparedTranscript | None = None
    given: Alignment | None = None
    contact: FoundContact | None = None

    @property
    def sync(self) -> SyncResult:
        """The sync measurement."""
        return self.pair.result

    @property
    def verdict(self) -> Status:
        """The worst status of all findings."""
        return verdict(self.findings)

    @property
    def placement(self) -> Placement | None:
        """The placement that `process` would use; None for a pair of different calls, which it refuses."""
        return usual_placement(self.call, self.sync, self.call_end, self.given)

    @property
    def measured_placement(self) -> Placement | None:
        """The placement without the alignment that a person gave; None for a pair of different calls."""
        return usual_placement(self.call, self.sync, self.call_end, None)

    def to_dict(self) -> dict[str, Any]:
        """The diagnosis for JSON."""
        result = self.pair.result
        placement = self.placement
        alignment = None if placement is None else placement.alignment
        return {
            "schema": SCHEMA,
            "version": __version__,
            "verdict": self.verdict,
            "sync": sync_dict(result, length_s(self.call)),
            "call_end": call_end_dict(self.call_end, result),
            "suspensions": suspensions_list(self.private, alignment, None),
            "redactions": redactions_list(redactions_among(self.private), alignment, None)
            if self.has_analysis
            else None,
            "transcript": transcript_dict(self.transcript, None, self.limits),
            "contact": None if self.contact is None else self.contact.to_dict(),
            "recording_files": parts_list(self.recording.parts),
            "video_tracks": video_tracks_dict(self.recording.video_tracks),
            "screen_recording": screen_dict(self.recording),
            "levels": {
                track: {side: asdict(levels) for side, levels in sides.items()} for track, sides in self.levels.items()
            },
            "findings": [asdict(finding) for finding in self.findings],
            "limits": self.limits.to_dict(self.findings),
        }


def diagnose(
    call: Source,
    recording: Source,
    call_end: CallEnd,
    limits: Limits = DEFAULT,
    *,
    analyses: Sequence[Source] = (),
    words: Transcript | Recogniser | None = None,
    given: GivenAlignment | None = None,
    contact: FoundContact | None = None,
) -> Diagnosis:
    """Measure a pair, and check the measurements against the limits.

    Args:
        call: the call audio.
        recording: the agent recording.
        call_end: the reported call end.
        limits: the limits to check against.
        analyses: Contact Lens' analyses of the call.
        words: a transcript of the call, or the recogniser that makes it; None without either.
        given: the alignment in place of the measured one; None to use that.
        contact: the contact's record; None if records aren't used.

    Raises:
        MediaError: one of the two isn't the media it should be.
        InputError: both are the same file, or an analysis can't be used.
    """
    refuse_same_file(call, recording)
    record = None if contact is None else contact.record
    call_end = call_end_on(recording.screen, call_end, record, recording.name) or call_end
    call = buffer_in_memory(call)
    call_info = probe_call(call)
    redactions = redactions_of(call, length_s(call_info), analyses)
    probed = read_recording(recording)
    audio = decode_audio(call, call_info, recording, probed)
    pair = measure_pair(audio, call_end, limits=limits, beeps=beeps_of(call.name, redactions or ()))
    return diagnose_pair(
        *(call_info, probed.info, pair, call_end, limits),
        redactions=redactions,
        words=words,
        given=given,
        contact=contact,
    )


def diagnose_pair(
    call_info: MediaInfo,
    info: MediaInfo,
    pair: DecodedPair,
    call_end: CallEnd,
    limits: Limits,
    levels: PairLevels | None = None,
    redactions: tuple[PrivateSpan, ...] | None = None,
    words: Transcript | Recogniser | None = None,
    given: GivenAlignment | None = None,
    contact: FoundContact | None = None,
) -> Diagnosis:
    """Check a pair that is decoded and measured already.

    Args:
        call_info: the tracks of the call audio.
        info: the tracks of the agent recording.
        pair: both sides, and the sync measurement.
        call_end: the reported call end.
        limits: the limits to check against.
        levels: of both sides; None to measure them.
        redactions: the spans that Contact Lens redacted, on the call clock; None if no analysis was read.
        words: a transcript of the call, or the recogniser that makes it; None without either.
        given: the alignment in place of the measured one; None to use that.
        contact: the contact's record; None if records aren't used.
    """
    levels = measure_levels(pair, info) if levels is None else levels
    alignment = None
    if given is not None:
        given.check(length_s(call_info))
        alignment = given.alignment
    placement = usual_placement(call_info, pair.result, call_end, alignment)
    timeline = None if placement is None else usual_timeline(placement, call_info, info)
    suspensions = set(pair.result.suspended)
    if placement is not None:
        suspensions = suspensions_at(suspensions, pair.call, pair.recording, placement, limits)
    private = private_spans(suspensions, redactions or ())
    has_analysis = redactions is not None
    transcript = compare_words(words, pair.call, levels, private)
    evidence = PairEvidence(
        *(call_info, info, call_end, placement, pair.result, timeline, pair.timing, levels, private),
        redactions=redactions_among(private) if has_analysis else None,
        transcript=transcript,
        contact=contact,
    )
    findings, tracks = pair_findings(evidence, limits), levels.by_track()
    return Diagnosis(
        *(
            call_info,
            info,
            call_end,
            pair,
            tracks,
            findings,
            limits,
            private,
            has_analysis,
            transcript,
            alignment,
            contact,
        )
    )


def usual_placement(
    call_info: MediaInfo, result: SyncResult, call_end: CallEnd, given: Alignment | None
) -> Placement | None:
    """The alignment that `process` would use; None for a pair of different calls, which it refuses."""
    if result.status == "wrong_pair":
        return None
    return place(call_end, length_s(call_info), manual=given, measured=result, force=False)


def usual_timeline(placement: Placement, call_info: MediaInfo, info: MediaInfo) -> Splice | None:
    """Which source plays when by a placement; None if its jumps leave no place for the call."""
    own = info.audio
    try:
        return splice(
            placement.alignment,
            call_s=length_s(call_info),
            recording_audio=None if own is None else own.span,
            outside_call=Options().outside_call,
        )
    except InputError:  # the jumps leave no place for the call: `process` refuses it
        return None


def length_s(info: MediaInfo) -> float:
    """The length of a file's audio; 0 without audio."""
    return 0.0 if info.audio is None else info.audio.span.end_s
