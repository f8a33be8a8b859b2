"""The inputs of one output file, and the room that its index needs."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from komorebi_qc.core.privacy.masks import UNMASKED
from komorebi_qc.core.timebase import Span

if TYPE_CHECKING:
    from collections.abc import Sequence

    from av.container.core import Chapter as ChapterMark

    from komorebi_qc.core.media_info import MediaInfo, VideoInfo
    from komorebi_qc.core.output import CaptureSpans, Chapter, RenderPlan
    from komorebi_qc.core.privacy.masks import Masks
    from komorebi_qc.core.source import Source
    from komorebi_qc.core.splice import Splice
    from komorebi_qc.media.plain_call.wav import PlainPcm

_ROOM_S = 0.25
"""Room for a resampler's filter, which reads beyond the samples that it gives."""


@dataclass(frozen=True, slots=True)
class RenderJob:
    """Everything that one output file is made of.

    Attributes:
        splice: which source plays when.
        plan: container and codecs.
        call: the call audio.
        recording: the agent recording.
        info: the result of `probe_recording`.
        video: the recording's video track.
        call_pcm: the call audio sample for sample, if it is plain PCM (`exact_call`); otherwise it is decoded.
        capture: the spans of audio to capture while writing; None for no capture.
        masks: those of the picture; the splice holds the masks of the sound.
        run_id: the run, which the file names in its metadata; empty if it names no run.
        chapters: of the output.
    """

    splice: Splice
    plan: RenderPlan
    call: Source
    recording: Source
    info: MediaInfo
    video: VideoInfo
    call_pcm: PlainPcm | None = None
    capture: CaptureSpans | None = None
    masks: Masks = UNMASKED
    run_id: str = ""
    chapters: Sequence[Chapter] = ()

    def played_spans(self) -> list[Span]:
        """The spans of the recording's own audio that play, on the recording clock, with room for fades and filter."""
        return [
            Span(piece.source_s(piece.fade_in.start_s) - _ROOM_S, piece.source_s(piece.fade_out.end_s) + _ROOM_S)
            for piece in self.splice.pieces
            if piece.source == "recording"
        ]


def index_room(job: RenderJob) -> int:
    """Bytes to reserve for the index at the front of the file; a worst case.

    MP4 (ISO/IEC 14496-12): a video sample takes up to 44 bytes (size 4, decode and composition time 8 each, sync 4, and
    8 + 12 if it is a chunk of its own), an audio sample 24. WebM: a cue of about 40 bytes a second of video.
    """
    audio_s = job.splice.output_end_s
    if job.plan.container == "mp4":
        return round(64 * 1024 + 44 * job.video.packets + 24 * (audio_s * job.plan.audio_rate / 1024 + 8))
    longest_s = max(audio_s, job.video.span.end_s + job.splice.alignment.output_shift_s)
    return round(16 * 1024 + 40 * min(job.video.packets, 2 * longest_s))


def chapter_marks(chapters: Sequence[Chapter]) -> list[ChapterMark]:
    """Chapters as the muxer takes them, in milliseconds."""
    return [
        {
            "id": number,
            "start": round(one.from_s * 1000),
            "end": round(one.to_s * 1000),
            "time_base": Fraction(1, 1000),
            "metadata": {"title": one.title},
        }
        for number, one in enumerate(chapters, 1)
    ]
