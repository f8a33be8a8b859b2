"""The input of the findings: all facts and measurements of a run or a diagnosis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from komorebi_qc.core.privacy.masks import UNMASKED

if TYPE_CHECKING:
    from komorebi_qc.core.contact.choice import FoundContact
    from komorebi_qc.core.media_info import AudioInfo, MediaInfo, VideoInfo
    from komorebi_qc.core.output import Rendered, RenderPlan
    from komorebi_qc.core.privacy.masks import Masks, PrivateSpan
    from komorebi_qc.core.splice import Splice
    from komorebi_qc.core.timebase import Alignment, CallEnd, Span
    from komorebi_qc.core.timestamps.timing import Timing
    from komorebi_qc.findings.words.transcript import ComparedTranscript
    from komorebi_qc.measure.levels import ChannelLevels
    from komorebi_qc.measure.result import MaskLevel, ResultCheck
    from komorebi_qc.sync import SyncResult
    from komorebi_qc.transcript.chapters import Chapter
    from komorebi_qc.transcript.placed import PlacedTranscript

AlignmentSource = Literal["measured", "candidate", "call_end", "manual"]


@dataclass(frozen=True, slots=True)
class Placement:
    """The alignment in use.

    Attributes:
        alignment: the call's position on the recording clock.
        source: ``measured`` from the audio, ``candidate``: the one of several possible places that fits the reported
            call end best, ``call_end`` by the reported call end, or ``manual``, by the caller.
        measured: the sync measurement, used or not; None if sync wasn't measured.
        bound_s: how far off the place can be, either way, in 95 % of all cases; None if that isn't known.
        is_confirmed: whether the audio confirms that both files belong to the same call.
        is_by_record: whether the call end that places the call is the contact record's, not a reported one.
    """

    alignment: Alignment
    source: AlignmentSource
    measured: SyncResult | None
    bound_s: float | None = None
    is_confirmed: bool = True
    is_by_record: bool = False


@dataclass(frozen=True, slots=True)
class PairLevels:
    """The levels of both inputs, in the telephone band.

    Attributes:
        customer: the call audio's left channel.
        agent: the call audio's right channel.
        mixed: the recording's own audio; silence if it has no audio track.
        has_recording_audio: whether the recording has an audio track.
    """

    customer: ChannelLevels
    agent: ChannelLevels
    mixed: ChannelLevels
    has_recording_audio: bool

    def by_track(self) -> dict[str, dict[str, ChannelLevels]]:
        """The levels by track and channel, as `diagnose --json` prints them."""
        return {"call": {"customer": self.customer, "agent": self.agent}, "recording": {"mixed": self.mixed}}


@dataclass(frozen=True, slots=True)
class PairEvidence:
    """The two inputs, and how they fit together: `diagnose` and `process` both know this much.

    Attributes:
        call: the call audio.
        recording: the agent recording.
        call_end: the reported call end, or the contact record's; None if neither is known.
        placement: the alignment in use; None for a pair of different calls, which isn't placed.
        sync: the sync measurement; None if sync wasn't measured.
        splice: which source plays when; None if nothing is placed.
        timing: the recording's packet timestamps; None if they weren't read.
        levels: of both inputs; None if they weren't measured.
        private: the spans that were not to be recorded, on the call clock; None if nobody looked.
        masks: of these spans in the written file; None if no file is written.
        redactions: those by Contact Lens; None if no analysis was read.
        awaits_analysis: whether the settings expect an analysis, and no analysis was found.
        transcript: compared with the call's speech; None without one.
        contact: the contact's record; None if records aren't used.
    """

    call: MediaInfo
    recording: MediaInfo
    call_end: CallEnd | None
    placement: Placement | None
    sync: SyncResult | None
    splice: Splice | None
    timing: Timing | None
    levels: PairLevels | None
    private: tuple[PrivateSpan, ...] | None = None
    masks: Masks | None = None
    redactions: tuple[PrivateSpan, ...] | None = None
    awaits_analysis: bool = False
    transcript: ComparedTranscript | None = None
    contact: FoundContact | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that a run knows when its file is written.

    Attributes:
        call: the call audio.
        call_audio: its audio track.
        recording: the agent recording.
        video: its video track.
        call_end: the reported call end, or the contact record's; None if neither is known.
        placement: the alignment in use, and the sync measurement.
        splice: which source plays when.
        after_call: the recording's own audio from the call's end on, on the recording clock.
        plan: container and codecs of the output.
        rendered: the amount that was written.
        timing: the recording's packet timestamps; None if they weren't read.
        levels: of both inputs; None if they weren't measured.
        check: the measurements of the written file; None if it wasn't checked.
        private: the spans that were not to be recorded, on the call clock; None if nobody looked.
        masks: of these spans in the written file.
        mask_levels: the sound left in each mask of the file.
        redactions: the private spans by Contact Lens; None if no analysis was read.
        awaits_analysis: whether the settings expect an analysis, and no analysis was found.
        transcript: compared with the call's speech; None without one.
        placed: the same on the output clock; None if it isn't used.
        chapters: of the written file.
        contact: the contact's record; None if records aren't used.
    """

    call: MediaInfo
    call_audio: AudioInfo
    recording: MediaInfo
    video: VideoInfo
    call_end: CallEnd | None
    placement: Placement
    splice: Splice
    after_call: Span
    plan: RenderPlan
    rendered: Rendered
    timing: Timing | None = None
    levels: PairLevels | None = None
    check: ResultCheck | None = None
    private: tuple[PrivateSpan, ...] | None = None
    masks: Masks = UNMASKED
    mask_levels: tuple[MaskLevel, ...] = ()
    redactions: tuple[PrivateSpan, ...] | None = None
    awaits_analysis: bool = False
    transcript: ComparedTranscript | None = None
    placed: PlacedTranscript | None = None
    chapters: tuple[Chapter, ...] = ()
    contact: FoundContact | None = None

    @property
    def pair(self) -> PairEvidence:
        """The part that needs no written file."""
        return PairEvidence(
            self.call,
            self.recording,
            self.call_end,
            self.placement,
            self.placement.measured,
            self.splice,
            self.timing,
            self.levels,
            self.private,
            self.masks,
            self.redactions,
            self.awaits_analysis,
            self.transcript,
            self.contact,
        )
