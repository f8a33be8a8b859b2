"""The seams of a unified recording: each from near, as waveform, audio, video and spectrogram."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from komorebi_qc.core.errors import InputError
from komorebi_qc.core.finding import counted
from komorebi_qc.core.samples import RATE
from komorebi_qc.core.timebase import clock_text
from komorebi_qc.desk.clip import ClipJob, write_clip
from komorebi_qc.desk.notebooks.notebook_output import (
    NotebookOutput,
    audio_player,
    combined,
    figure_image,
    heading,
    paragraph,
    video_player,
)
from komorebi_qc.desk.notebooks.recording import no_result
from komorebi_qc.desk.plots.figure import new_figure
from komorebi_qc.desk.plots.spectrogram import plot_spectrogram
from komorebi_qc.desk.plots.tracks import plot_seam
from komorebi_qc.desk.report.audio_tracks import mixed_call
from komorebi_qc.storage.protocols import CONTENT_TYPES
from komorebi_qc.storage.temporary_folder import temporary_folder

if TYPE_CHECKING:
    from komorebi_qc.desk.session import AuditSession
    from komorebi_qc.pipeline.examine import Examined

MOST_SEAMS = 8
"""Seams that are shown one by one: a recording with a hundred jumps has two hundred seams."""
MOST_VIDEOS = 2
_NO_SEAM = "There is no seam: one source plays throughout."


def seams(session: AuditSession) -> NotebookOutput:
    """Each seam as waveform and audio; the first ones as video too."""
    examined = session.examined
    if examined.tracks.output is None:
        return no_result(session)
    pieces = [piece for _, piece in examined.timeline.seams[:MOST_SEAMS]]
    parts = [
        _seam(examined, piece.output.start_s, (piece.fade_in.start_s, piece.fade_in.end_s), number)
        for number, piece in enumerate(pieces)
    ]
    more = len(examined.timeline.seams_s) - len(pieces)
    if more > 0:
        parts.append(paragraph(f"And {counted(more, 'seam')} more: `komorebi-qc clip` shows any moment."))
    return combined(parts) if parts else paragraph(_NO_SEAM)


def spectrograms(session: AuditSession) -> NotebookOutput:
    """Spectrograms around each seam: a click is a bright line, a dropout a dark bar, lost bandwidth a dark top."""
    examined = session.examined
    if examined.tracks.output is None:
        return no_result(session)
    parts = []
    for number, at_s in enumerate(examined.timeline.seams_s[:MOST_SEAMS], 1):
        figure, axes = new_figure(12, 4.6, rows=2)
        tracks = (("output", examined.tracks.output), ("recording", examined.tracks.recording))
        for ax, (name, samples) in zip(axes, tracks, strict=True):
            marks = [(seam_s, "seam") for seam_s in examined.timeline.seams_s if abs(seam_s - at_s) <= 1.0]
            plot_spectrogram(ax, samples, from_s=at_s - 1.0, to_s=at_s + 1.0, marks=marks, name=name)
        words = f"Spectrograms of output and recording around the seam at {clock_text(at_s)}."
        parts += [heading(f"Seam {number}, {clock_text(at_s)}"), figure_image(figure, words, kind="webp")]
    more = len(examined.timeline.seams_s) - MOST_SEAMS
    if more > 0:
        parts.append(paragraph(f"And {counted(more, 'seam')} more."))
    return combined(parts) if parts else paragraph(_NO_SEAM)


def _seam(examined: Examined, at_s: float, fade: tuple[float, float], number: int) -> NotebookOutput:
    aligned = examined.tracks
    output = aligned.recording if aligned.output is None else aligned.output
    figure, (ax,) = new_figure(12, 3.6)
    tracks = [
        ("customer", aligned.customer),
        ("agent", aligned.agent),
        ("recording", aligned.recording),
        ("output", output),
    ]
    plot_seam(ax, tracks, at_s=at_s, fade=fade, label=f"Seam {number + 1}")
    first, last = max(round((at_s - 2) * RATE), 0), round((at_s + 2) * RATE)
    sides = np.stack([mixed_call(aligned, first, last), aligned.recording[first:last]], axis=1)
    parts = [
        figure_image(figure, f"All tracks within 50 ms of the seam at {clock_text(at_s)}."),
        audio_player(f"The output, 2 s on each side of {clock_text(at_s)}", output[first:last]),
        audio_player("The same seconds: call audio left, recording right", sides),
    ]
    if number < MOST_VIDEOS:
        parts.append(_video(examined, at_s))
    return combined(parts)


def _video(examined: Examined, at_s: float) -> NotebookOutput:
    with temporary_folder("seam") as folder:
        path = folder / "seam.mp4"
        try:
            write_clip(examined, ClipJob(at_s, 4.0, width=640, height=480), path)
        except InputError as error:
            return paragraph(str(error))
        return video_player("Video with moving waveforms", path.read_bytes(), CONTENT_TYPES["mp4"])
