"""One of several files of an agent recording, and its place among them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

from komorebi_qc.core.timebase import Span

if TYPE_CHECKING:
    from collections.abc import Sequence

    from komorebi_qc.core.media_info import MediaInfo
    from komorebi_qc.core.provenance.parts import FileDigest
    from komorebi_qc.core.timebase import Alignment
    from komorebi_qc.core.timestamps.timing import Timing

PlacedBy = Literal["sound", "few_words", "start_time"]
"""How a file was placed: by the sound that it shares with the call, by a few words of it, or by its own start time."""
AT_SEAM_S = 0.25
"""No audio packet is longer, so no gap between two files ends farther from the later one's begin."""
LEAST_GAP_S = 0.1
"""A shorter gap is no longer than a frame of a slow recorder, and shows no picture of its own."""


@dataclass(frozen=True, slots=True)
class Part:
    """One file of a recording that has several.

    Attributes:
        name: its name in messages: a path, or ``s3://bucket/key``.
        shift_s: joined time minus the file's own.
        used: the span in which it plays, on the joined clock.
        end_s: its own end on the joined clock; later than `used` if a later file takes over.
        placed_by: how it was placed.
        bound_s: how far off the place can be, either way.
        alignment: the call on the file's own clock, as it was measured alone; None without one.
        copies_video: whether its picture is copied; otherwise it is encoded again.
        missing_bytes: bytes that its structure declares but the file lacks.
        missing_s: length that its header declares but the file lacks; None if it declares no length.
        digest: of its content; None if it wasn't taken.
        etag: of the object; empty for a file on disk.
        version_id: of the object in a bucket with versions; empty without one.
    """

    name: str
    shift_s: float
    used: Span
    end_s: float
    placed_by: PlacedBy
    bound_s: float
    alignment: Alignment | None = None
    copies_video: bool = True
    missing_bytes: int = 0
    missing_s: float | None = None
    digest: FileDigest | None = None
    etag: str = ""
    version_id: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The part for JSON, on the recording clock; its location is with the inputs' digests."""
        own = self.alignment
        return {
            "recording_from_s": round(self.used.start_s, 6),
            "recording_to_s": round(self.used.end_s, 6),
            "shift_s": round(self.shift_s, 6),
            "placed_by": self.placed_by,
            "bound_s": round(self.bound_s, 6),
            "offset_s": None if own is None else round(own.offset_s, 6),
            "drift_ppm": None if own is None else round(own.drift_ppm, 4),
            "video_copied": self.copies_video,
        }


def gaps(parts: Sequence[Part]) -> tuple[Span, ...]:
    """The spans of the joined clock between two files, in which no recorder ran."""
    spans = (Span(before.used.end_s, max(before.used.end_s, after.used.start_s)) for before, after in pairwise(parts))
    return tuple(span for span in spans if span.length_s >= LEAST_GAP_S)


def call_gaps(parts: Sequence[Part], alignment: Alignment, call_s: float) -> tuple[Span, ...]:
    """The gaps that are within the call, on the recording clock."""
    call = Span(alignment.to_recording(0.0), max(alignment.to_recording(0.0), alignment.to_recording(call_s)))
    inside = (Span(max(g.start_s, call.start_s), min(g.end_s, call.end_s)) for g in gaps(parts) if g.overlap_s(call))
    return tuple(span for span in inside if span.length_s >= LEAST_GAP_S)


def with_losses(info: MediaInfo, parts: Sequence[Part]) -> MediaInfo:
    """A joined file's tracks, with its parts and with what they lack: the joined file itself lacks nothing."""
    if not parts:
        return info
    declared = [part.missing_s for part in parts if part.missing_s is not None]
    return replace(
        info,
        missing_bytes=info.missing_bytes + sum(part.missing_bytes for part in parts),
        missing_s=sum(declared) if declared else None,
        parts=tuple(parts),
    )


def within_parts(timing: Timing, parts: Sequence[Part]) -> Timing:
    """The timestamps without the gaps between files: no recorder ran in them, so no recorder lost that sound."""
    if not parts or timing.audio is None:
        return timing
    begins = [part.used.start_s for part in parts[1:]]
    kept = tuple(
        step
        for step in timing.audio.discontinuities
        if not any(step.at_s - step.size_s - AT_SEAM_S <= at_s <= step.at_s + AT_SEAM_S for at_s in begins)
    )
    return replace(timing, audio=replace(timing.audio, discontinuities=kept))
