"""All that a run knows when it is done: the input of its findings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from komorebi_qc.core.media_info import AudioInfo, MediaInfo, VideoInfo
    from komorebi_qc.core.output import Rendered, RenderPlan
    from komorebi_qc.core.splice import Splice
    from komorebi_qc.core.timebase import Alignment, CallEnd, Span
    from komorebi_qc.sync import SyncResult

AlignmentSource = Literal["measured", "told", "given"]


@dataclass(frozen=True, slots=True)
class Placement:
    """The alignment that is used.

    Attributes:
        alignment: where the call lies on the recording's clock.
        source: ``measured`` from the sound, ``told`` by the call end, or ``given`` by the caller.
        measured: what the measurement said, whether or not it was used; None where none was made.
    """

    alignment: Alignment
    source: AlignmentSource
    measured: SyncResult | None


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that a run knows when it is done.

    Attributes:
        call: Connect's audio.
        call_audio: its track.
        recording: the agent recording.
        video: its picture.
        call_end: as told.
        placed: the alignment that was used, and what was measured.
        splice: what plays when.
        after_call: what the recording's own audio holds after the call.
        plan: what was written.
        rendered: how much of it.
    """

    call: MediaInfo
    call_audio: AudioInfo
    recording: MediaInfo
    video: VideoInfo
    call_end: CallEnd
    placed: Placement
    splice: Splice
    after_call: Span
    plan: RenderPlan
    rendered: Rendered
