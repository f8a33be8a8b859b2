"""The content of a report page, from an examination: facts, tracks, audio and video."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import numpy as np

from komorebi_qc.core.samples import RATE
from komorebi_qc.core.timebase import clock_text
from komorebi_qc.desk.picture_masks import picture_masks
from komorebi_qc.desk.report.audio_tracks import audio_levels, compared_tracks, embedded_audio_tracks
from komorebi_qc.desk.report.comparison import comparison_of
from komorebi_qc.desk.report.content import Page, PageTrack
from komorebi_qc.desk.report.embedded_video import embedded_video
from komorebi_qc.desk.report.first_screen.delivered import COMPARE, VERDICT, delivered_part
from komorebi_qc.desk.report.first_screen.sources import sources_of
from komorebi_qc.desk.report.first_screen.summary import summary_of
from komorebi_qc.desk.report.left_out import embedded_left_out
from komorebi_qc.desk.report.tables import exact_text
from komorebi_qc.desk.report.timeline import marks_of, moments_of, places_of, stretches_of
from komorebi_qc.desk.report.trial.places import trial_of
from komorebi_qc.desk.words.placement import NOT_MEASURED, bound_text
from komorebi_qc.desk.words.rates import rate_changes, rates_sentence
from komorebi_qc.desk.words.verdict import headline, is_held, shown_verdict, unmeasured_start, verdict_sentence
from komorebi_qc.pipeline.local import LOCAL_ID

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from komorebi_qc.core.notes import Notes
    from komorebi_qc.desk.report.content import Moment
    from komorebi_qc.pipeline.examine import Examined

_VIDEO_BYTES, _AUDIO_SHARE = 330_000, 0.3
_FEWEST_AUDIO_BITS, _MOST_AUDIO_BITS = 8_000, 16_000
_AUDIO_CHANNELS = 5
"""Of all audio tracks together."""


def page_of(
    examined: Examined,
    figure: bytes,
    figure_type: str,
    audio: Mapping[str, str] | None = None,
    left_out: Sequence[str] | None = None,
    *,
    trial_audio: str = "",
    notes: Notes | None = None,
    embed_s: float | None = None,
) -> Page:
    """The page of an examination.

    Args:
        examined: the examination.
        figure: the diagnosis figure, an image file.
        figure_type: its media type.
        audio: addresses of audio tracks by name, from `komorebi_qc.desk.report.audio_tracks.write_audio_tracks`.
        left_out: addresses of the audio that isn't in the video, from
            `komorebi_qc.desk.report.left_out.write_left_out`; None to embed it.
        trial_audio: address of the audio for other places of the call, from
            `komorebi_qc.desk.report.trial.tracks.write_trial_tracks`; empty without it.
        notes: of analysts, from `komorebi_qc.desk.notes.files.notes_beside`; None without a file of notes.
        embed_s: length of a video excerpt in low quality, around the worst finding, for a page that is sent alone; None
            if the video is beside the page. Over 60 s the excerpt becomes coarse.
    """
    aligned = examined.tracks
    tracks = [
        PageTrack("customer", "Customer (call audio, left)", aligned.customer),
        PageTrack("agent", "Agent (call audio, right)", aligned.agent),
        PageTrack("recording", "Agent recording", aligned.recording),
    ]
    if aligned.output is not None:
        tracks.append(PageTrack("output", "Unified recording", aligned.output))
    findings = examined.document["findings"]
    moments = tuple(moments_of(examined, findings))
    shift_s = examined.alignment.output_shift_s
    length_s = max(len(aligned.recording) / RATE, examined.diagnosis.recording.end_s + shift_s)
    # Without a unified recording, the video is the agent recording itself, on its own clock.
    video_start_s = 0.0 if examined.refused is None else shift_s
    video, addresses, audio_start_s, video_length_s = quote(examined.video.name), dict(audio or {}), 0.0, 0.0
    if embed_s is not None:
        start_s, video_length_s = _around_worst(examined, findings, moments, embed_s, length_s)
        video, addresses = _embedded_media(examined, start_s, video_length_s, video_start_s)
        video_start_s = audio_start_s = start_s
    omitted = embedded_left_out(examined) if left_out is None else left_out
    delivered = delivered_part(examined)
    status, verdict, answer = shown_verdict(examined), verdict_sentence(examined), headline(examined)
    summary = summary_of(examined, _worst_s(findings, moments))
    if delivered is not None and delivered.bad:
        # The question of such an audit is the delivered file.
        worst = delivered.bad[0]
        status = "fail" if "fail" in (status, worst["status"]) else "warn"
        verdict, answer = VERDICT, f"{worst['text']} The new result: {verdict} {answer}"
        summary = replace(summary, next_step=COMPARE, command="") if not summary.command else summary
    return Page(
        title=_title(examined),
        document=examined.document,
        status=status,
        verdict=verdict,
        headline=answer,
        facts=tuple(_facts(examined)),
        tracks=tracks,
        length_s=length_s,
        video=video,
        video_start_s=video_start_s,
        video_length_s=video_length_s,
        figure=figure,
        figure_type=figure_type,
        figure_alt="Waveforms of the call and of the recording on one time axis, and the lag between them.",
        audio=addresses,
        audio_start_s=audio_start_s,
        marks=tuple(marks_of(examined)),
        stretches=tuple(stretches_of(examined)),
        moments=moments,
        places=places_of(examined, findings),
        comparison=comparison_of(examined, omitted),
        is_masked=examined.masks.masks_sound,
        summary=summary,
        delivered=delivered,
        sources=tuple(sources_of(examined, omitted)),
        # A pair of different calls has no place that could be right.
        trial=trial_of(examined) if trial_audio and _may_fit(examined) else None,
        trial_audio=trial_audio,
        turns=() if examined.transcript is None else examined.transcript.turns,
        language="" if examined.transcript is None else examined.transcript.language,
        chapters=examined.chapters,
        notes=notes,
        recording_id=examined.recording_id,
        audio_levels=audio_levels(aligned, compared_tracks(examined)),
    )


def _may_fit(examined: Examined) -> bool:
    return examined.refused is None or is_held(examined)


def _title(examined: Examined) -> str:
    """The recording's ID, or the names of the two files."""
    if examined.recording_id != LOCAL_ID:
        return f"Recording {examined.recording_id}"
    return f"{Path(examined.diagnosis.recording.name).name} with {Path(examined.diagnosis.call.name).name}"


def _around_worst(
    examined: Examined,
    findings: Sequence[Mapping[str, Any]],
    moments: Sequence[Moment],
    embed_s: float,
    length_s: float,
) -> tuple[float, float]:
    """Start and length of the excerpt: around the worst finding, else the first jump, else the call's end."""
    worst_s = _worst_s(findings, moments)
    jumps = examined.alignment.jumps
    middle_s = (
        worst_s
        if worst_s is not None
        else examined.alignment.to_output(jumps[0].call_s)
        if jumps
        else min(examined.timeline.call.end_s, length_s)
    )
    excerpt_s = min(max(embed_s, 1.0), length_s)
    return round(min(max(0.0, middle_s - excerpt_s / 2), length_s - excerpt_s), 3), excerpt_s


def _worst_s(findings: Sequence[Mapping[str, Any]], moments: Sequence[Moment]) -> float | None:
    """Output time of the worst finding that doesn't pass; None if none of them has a position."""
    rank = {"fail": 0, "warn": 1, "pass": 2}
    ranked = [(rank[findings[row]["status"]], moment.at_s) for moment in moments for row in moment.rows]
    return min(ranked)[1] if ranked else None


def _embedded_media(
    examined: Examined, start_s: float, length_s: float, video_start_s: float
) -> tuple[str, dict[str, str]]:
    aligned = examined.tracks
    bits = int(_VIDEO_BYTES * _AUDIO_SHARE * 8 / length_s / _AUDIO_CHANNELS)
    bit_rate = min(max(bits, _FEWEST_AUDIO_BITS), _MOST_AUDIO_BITS)
    tracks = embedded_audio_tracks(aligned, start_s, length_s, bit_rate)
    source: NDArray[np.int16] = aligned.recording if aligned.output is None else aligned.output
    samples = np.zeros(round(length_s * RATE), np.int16)
    part = source[round(start_s * RATE) :][: len(samples)]
    samples[: len(part)] = part
    left = _VIDEO_BYTES - sum(len(track) for track in tracks.values()) * 3 // 4
    times = {"start_s": start_s, "video_start_s": video_start_s}
    return embedded_video(examined.video, samples, **times, size=left, masked=picture_masks(examined)), tracks


def _facts(examined: Examined) -> Iterator[tuple[str, str]]:
    sync, end, placement = examined.document["sync"], examined.document["call_end"], examined.placement
    is_measured = placement.source == "measured"
    reported_s = examined.diagnosis.call_end.recording_s
    reported = f"{clock_text(reported_s)} on the recording clock"
    if is_measured:
        # The document's number, unchanged.
        offset_s = examined.document["alignment"]["offset_s"]
        side = "after" if offset_s >= 0 else "before"
        yield "Call start", f"{exact_text(abs(offset_s))} s {side} the recording's start"
    else:
        yield "Call start", unmeasured_start(examined)
    if not is_measured and placement.bound_s is not None:
        yield "Largest error of that place", f"{bound_text(placement.bound_s)}, if the reported end is right"
    if end["measured_s"] is not None and is_measured:
        measured_s, error_s = end["measured_s"], end["error_s"]
        yield "Measured call end", f"{clock_text(measured_s)} on the recording clock ({exact_text(measured_s)} s)"
        if examined.alignment.part is not None:
            ends_s = examined.alignment.end_s(examined.call_s)
            yield "End of the agent's part", f"{clock_text(ends_s)} on the recording clock"
        side = "" if error_s is None else f": {_error_text(error_s)}"
        yield "Reported call end", f"{reported}{side}"
    else:
        yield "Measured call end", NOT_MEASURED
        yield "Reported call end", f"{reported} ({exact_text(reported_s)} s)"
    yield "Jumps of the recording's clock", _jumps_text(examined) if is_measured else NOT_MEASURED
    yield "Clock drift", _drift_fact(examined) if is_measured else NOT_MEASURED
    if (correction := examined.document.get("correction")) is not None:
        who = correction["by"] or "a person without a name"
        yield "Correction", f"by {who}, {correction['at'] or 'at an unknown time'}: {correction['why']}"
    if sync is not None:
        yield "Sync", f"{sync['status'].replace('_', ' ')}: {sync['reason']}"


def _error_text(error_s: float) -> str:
    return "exact" if error_s == 0 else f"{exact_text(abs(error_s))} s {'early' if error_s < 0 else 'late'}"


def _jumps_text(examined: Examined) -> str:
    sizes = ", ".join(
        f"{'+' if jump['size_s'] > 0 else ''}{exact_text(jump['size_s'])} s at {clock_text(jump['call_s'])} of the call"
        for jump in examined.document["alignment"]["jumps"]
    )
    return sizes or "No clock jumps found."


def _drift_fact(examined: Examined) -> str:
    changes = rate_changes(examined.alignment, examined.call_s)
    if changes:
        return rates_sentence(changes)
    drift_ppm = examined.document["alignment"]["drift_ppm"]
    return f"{exact_text(drift_ppm)} ppm ({_drift_text(drift_ppm)})"


def _drift_text(drift_ppm: float) -> str:
    ms = abs(drift_ppm) * 3.6
    return "less than 1 ms an hour" if ms < 1 else f"{ms:.0f} ms an hour"
