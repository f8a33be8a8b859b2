"""Findings about the written file: the video's packets, damaged audio, and the result check. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from komorebi_qc.core.finding import Finding, counted
from komorebi_qc.core.limits import DEFAULT
from komorebi_qc.core.media_info import codec_text
from komorebi_qc.core.output import COPIED_INTO, Container, plan_container
from komorebi_qc.findings.seams import seam_findings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from komorebi_qc.core.limits import Limits
    from komorebi_qc.findings.evidence import Evidence


_CONTAINERS: dict[Container, str] = {"mp4": "MP4", "webm": "WebM"}
"""The containers' usual names."""


def output_findings(evidence: Evidence, limits: Limits = DEFAULT) -> Iterator[Finding]:
    """All findings about a written file; a diagnosis writes no file and has none of them.

    Args:
        evidence: the run.
        limits: the limits to check against.
    """
    failures = evidence.rendered.decode_failures
    yield limits.finding(
        "recording_audio_damage",
        failures,
        f"{counted(failures, 'audio packet')} of the recording can't be decoded, and "
        f"{'is' if failures == 1 else 'are'} silent in the output. The file is damaged."
        if failures
        else "All audio packets of the recording that were needed could be decoded.",
    )
    yield from _video(evidence, limits)
    if evidence.check is not None:
        yield from seam_findings(evidence.check, limits)


def _video(evidence: Evidence, limits: Limits) -> Iterator[Finding]:
    plan, video, rendered = evidence.plan, evidence.video, evidence.rendered
    yield limits.finding(
        "video_reencoded",
        0 if plan.copies_video else rendered.video_packets,
        _copied(evidence) if plan.copies_video else _reencoded(evidence),
    )
    lost = max(0, video.packets - rendered.video_packets)
    yield limits.finding(
        "video_frames_lost",
        lost,
        f"{lost} of {counted(video.packets, 'frame')} are missing in the output."
        if lost
        else f"{'The only frame is' if video.packets == 1 else f'All {video.packets} frames are'} in the output.",
    )


def _copied(evidence: Evidence) -> str:
    codec, rendered = codec_text(evidence.video.codec), evidence.rendered
    if not rendered.remade_frames:
        return f"The video's {codec} packets were copied unchanged."
    return (
        f"The video's {codec} packets were copied unchanged but for {counted(rendered.remade_frames, 'frame')} in and "
        f"after the masks. Those were encoded again; {rendered.masked_frames} of them show a plain picture."
    )


def _reencoded(evidence: Evidence) -> str:
    plan, video = evidence.plan, evidence.video
    if evidence.masks.masks_picture and video.codec in COPIED_INTO[plan.container]:
        form = "with timestamps that run back" if video.disordered else video.pixel_format or "of unknown pixel format"
        return (
            f"{codec_text(video.codec)} ({form}) can't be masked in place. "
            f"The whole video was re-encoded to {codec_text(plan.video_codec)}, frame by frame, because of the masks."
        )
    return (
        f"{_CONTAINERS[plan.container]} can't hold {codec_text(video.codec)}. The video was re-encoded to "
        f"{codec_text(plan.video_codec)}, frame by frame.{_copy_advice(video.codec)}"
    )


def _copy_advice(codec: str) -> str:
    """How to get a copy of the video; empty if no container holds its codec."""
    container, copies = plan_container(codec, None)
    if not copies:
        return ""
    return (
        f" A copy needs {_CONTAINERS[container]}: write --out without an extension or with .{container}, or set the "
        "container to `auto`."
    )
