"""Facts about a media file, as names and values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from komorebi_qc.core.finding import counted
from komorebi_qc.core.timebase import clock_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from komorebi_qc.core.media_info import AudioInfo, MediaInfo, VideoInfo


def audio_facts(audio: AudioInfo | None) -> Iterator[tuple[str, str]]:
    """Codec, rate, channels and span of an audio track."""
    if audio is None:
        yield "Audio", "no audio track"
        return
    packets = "" if audio.packets is None else f", {counted(audio.packets, 'packet')}"
    yield "Audio", f"{audio.codec.upper()}, {audio.rate} Hz, {counted(audio.channels, 'channel')}{packets}"
    yield "Audio from, to", f"{clock_text(audio.span.start_s)} to {clock_text(audio.span.end_s)}"


def video_facts(video: VideoInfo | None) -> Iterator[tuple[str, str]]:
    """Codec, size, frames and span of a video track."""
    if video is None:
        yield "Video", "no video track"
        return
    yield "Video", f"{video.codec.upper()}, {video.width} x {video.height}, {counted(video.packets, 'frame')}"
    yield "Video from, to", f"{clock_text(video.span.start_s)} to {clock_text(video.span.end_s)}"


def file_facts(info: MediaInfo) -> Iterator[tuple[str, str]]:
    """Whether the file is complete, and its first timestamp."""
    yield "Complete", "no: the file is truncated" if info.is_truncated else "yes"
    if info.origin_s:
        yield "First timestamp", f"{clock_text(info.origin_s)}, subtracted from all times"


def timing_facts(timing: Any) -> Iterator[tuple[str, str]]:
    """Frame rate, freezes, gaps, overlaps and skew, from the packets' timestamps."""
    if timing.video is not None:
        yield "Frames", f"{timing.video.frames}, median rate {timing.video.median_fps:.1f} frames/s"
        frozen = timing.video.frozen
        yield "Longest time without a new frame", f"{frozen.length_s:.2f} s from {clock_text(frozen.start_s)}"
    if timing.audio is not None:
        gaps, overlaps = timing.audio.gaps, timing.audio.overlaps
        yield "Audio lost", f"{sum(gap.size_s for gap in gaps):.3f} s in {counted(len(gaps), 'gap')}"
        overlap_s = sum(-overlap.size_s for overlap in overlaps)
        yield "Audio overlapping", f"{overlap_s:.3f} s in {counted(len(overlaps), 'overlap')}"
    for name, skew_s in (
        ("Audio starts after the video by", timing.start_skew_s),
        ("Audio ends after the video by", timing.end_skew_s),
    ):
        if skew_s is not None:
            yield name, f"{skew_s * 1000:+.1f} ms"
