"""The results of the nine steps, each the input of the next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from komorebi_qc.core.privacy.masks import UNMASKED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from komorebi_qc.core.contact.choice import FoundContact
    from komorebi_qc.core.media_info import AudioInfo, MediaInfo, VideoInfo
    from komorebi_qc.core.output import CaptureSpans, Rendered, RenderPlan
    from komorebi_qc.core.privacy.masks import Masks, PrivateSpan
    from komorebi_qc.core.provenance.digest import InOrderDigest
    from komorebi_qc.core.provenance.record import Provenance
    from komorebi_qc.core.recording import Recording
    from komorebi_qc.core.samples import Track
    from komorebi_qc.core.source import Source
    from komorebi_qc.core.splice import Splice
    from komorebi_qc.core.timebase import CallEnd, Span
    from komorebi_qc.core.timestamps.timing import Timing
    from komorebi_qc.findings.evidence import PairLevels, Placement
    from komorebi_qc.findings.words.transcript import ComparedTranscript
    from komorebi_qc.measure.alignment_residual import OwnSound
    from komorebi_qc.measure.residual_lag import Block
    from komorebi_qc.measure.result import MaskLevel, ResultCheck
    from komorebi_qc.media.plain_call.wav import PlainPcm
    from komorebi_qc.pipeline.pair import DecodedAudio, DecodedPair
    from komorebi_qc.storage.protocols import Draft, Published
    from komorebi_qc.transcript.chapters import Chapter
    from komorebi_qc.transcript.placed import PlacedTranscript
    from komorebi_qc.transcript.turns import Transcript


@dataclass(frozen=True, slots=True)
class FetchedCall:
    """The call audio, open.

    Attributes:
        item: the recording's item in the table.
        source: the file.
        info: its tracks.
        audio: its audio track.
        digest: of all that is read of it.
        redactions: the spans that Contact Lens redacted, on the call clock; None if no analysis was read.
        analysis_version: the versions of its analyses, for the fingerprint.
        analyses: the analyses, in memory.
        transcript_file: the transcript's file, in memory; None if no file was named.
        transcript: the call's words; None without a transcript.
        contact: the contact's record; None if records aren't used.
    """

    item: Recording
    source: Source
    info: MediaInfo
    audio: AudioInfo
    digest: InOrderDigest
    redactions: tuple[PrivateSpan, ...] | None = None
    analysis_version: tuple[str, ...] = ()
    analyses: tuple[Source, ...] = ()
    transcript_file: Source | None = None
    transcript: Transcript | None = None
    contact: FoundContact | None = None

    @property
    def step_bytes(self) -> int:
        """The size of the file."""
        return self.source.size


@dataclass(frozen=True, slots=True)
class FetchedPair:
    """Both inputs, open.

    Attributes:
        call: the call audio.
        recording: the agent recording.
        fingerprint: a hash of the inputs' versions; see `inputs_fingerprint`.
        digest: of all that is read of the recording.
        call_end: the reported one, or the contact record's; None if neither is known.
    """

    call: FetchedCall
    recording: Source
    fingerprint: str
    digest: InOrderDigest
    call_end: CallEnd | None = None

    @property
    def step_bytes(self) -> int:
        """The size of the recording; the call was counted by its own step."""
        return self.recording.size


@dataclass(frozen=True, slots=True)
class SeparatedPair:
    """The tracks of both inputs.

    Attributes:
        fetched: both inputs.
        info: the recording's tracks.
        video: its video track.
        thumbnail: a PNG from its second 1.
        audio: both sides at 8 kHz; None if the plan doesn't measure the inputs, or once the audio was released.
        timing: the recording's packet timestamps; None if the plan doesn't measure the inputs.
        levels: of both sides; None if the plan doesn't measure the inputs.
        call_8khz: the call audio at 8 kHz; None if nobody needs it, or once the audio was released.
    """

    fetched: FetchedPair
    info: MediaInfo
    video: VideoInfo
    thumbnail: bytes
    audio: DecodedAudio | None
    timing: Timing | None
    levels: PairLevels | None
    call_8khz: Track | None = None

    @property
    def audio_span(self) -> Span | None:
        """The span of the recording's own audio on its clock; None without an audio track."""
        return None if self.info.audio is None else self.info.audio.span


@dataclass(frozen=True, slots=True)
class LocatedCall:
    """The call's position on the recording clock.

    Attributes:
        separated: the tracks of both inputs.
        pair: both sides at 8 kHz and the sync measurement; None if the plan doesn't measure sync.
        placement: the alignment in use.
        after_call: the recording's own audio from the call's end on.
        private: the spans that were not to be recorded, on the call clock.
        masks: their masks.
    """

    separated: SeparatedPair
    pair: DecodedPair | None
    placement: Placement
    after_call: Span
    private: tuple[PrivateSpan, ...] = ()
    masks: Masks = UNMASKED


@dataclass(frozen=True, slots=True)
class PlannedAudio:
    """Which source plays when, and all that writing it needs.

    Attributes:
        located: the call's position, without decoded audio unless the plan retains it.
        splice: which source plays when.
        samples: the call audio sample by sample; None if only a decoder can read it.
        capture: the spans to capture while the output is written; None if the plan doesn't check the output.
        own_blocks: the recording's own audio at those spans, decoded before.
        own_sound: the recording's own audio around the call's windows; None if it wasn't decoded.
        compared: the transcript, compared with the call's speech; None without one.
        placed: the same on the output clock; None if it isn't used.
        chapters: of the output.
    """

    located: LocatedCall
    splice: Splice
    samples: PlainPcm | None
    capture: CaptureSpans | None
    own_blocks: Sequence[Block]
    own_sound: Sequence[OwnSound] | None = None
    compared: ComparedTranscript | None = None
    placed: PlacedTranscript | None = None
    chapters: tuple[Chapter, ...] = ()

    @property
    def masks(self) -> Masks:
        """The masks of the output."""
        return self.located.masks


@dataclass(frozen=True, slots=True)
class WrittenOutput:
    """The unified recording, written but not published.

    Attributes:
        draft: the file.
        plan: container and codecs.
        rendered: the amount that was written.
        check: the measurements of the file; None if the plan doesn't check it.
        provenance: the record of the run.
        mask_levels: the sound left in each mask of the file.
        captions: the words as WebVTT; None without a transcript that is used.
    """

    draft: Draft
    plan: RenderPlan
    rendered: Rendered
    check: ResultCheck | None
    provenance: Provenance
    mask_levels: tuple[MaskLevel, ...] = ()
    captions: bytes | None = None

    @property
    def step_bytes(self) -> int:
        """The size of the file."""
        return self.rendered.size


@dataclass(frozen=True, slots=True)
class PublishedOutput:
    """The unified recording in its final place.

    Attributes:
        files: their paths or ``s3://`` names.
        document: the content of ``qc.json``, with its seal.
        document_sha256: SHA-256 of ``qc.json``, in hexadecimal.
    """

    files: Published
    document: dict[str, Any]
    document_sha256: str

    @property
    def step_bytes(self) -> int:
        """The size of video and thumbnail."""
        return self.files.video_bytes + self.files.thumbnail_bytes
