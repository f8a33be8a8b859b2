"""The cells of `notebooks/process_recording.ipynb`: one recording, step by step through the pipeline."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from komorebi_qc.core.finding import counted
from komorebi_qc.core.samples import RATE
from komorebi_qc.core.timebase import clock_text
from komorebi_qc.desk.examination_progress import DRY_NAMES
from komorebi_qc.desk.notebooks.media_facts import audio_facts, file_facts, timing_facts, video_facts
from komorebi_qc.desk.notebooks.notebook_output import (
    NotebookOutput,
    audio_player,
    collapsed,
    combined,
    fact_table,
    figure_image,
    heading,
    image,
    paragraph,
    status_line,
    table,
)
from komorebi_qc.desk.notebooks.recording import masked_spans, no_result, verdict
from komorebi_qc.desk.notebooks.seams import seams
from komorebi_qc.desk.notebooks.stretches import left_out
from komorebi_qc.desk.plots.figure import new_figure
from komorebi_qc.desk.plots.splice import is_masked, plot_splice
from komorebi_qc.desk.plots.tracks import name_marks, plot_tracks
from komorebi_qc.desk.words.placement import PLACED_BY, bound_text
from komorebi_qc.findings.qc_document import item_summary
from komorebi_qc.pipeline.process import STEPS
from komorebi_qc.storage.protocols import CONTENT_TYPES

if TYPE_CHECKING:
    from komorebi_qc.core.timebase import Alignment
    from komorebi_qc.desk.session import AuditSession
    from komorebi_qc.findings.evidence import Placement

__all__ = [
    "after_call",
    "agent_recording",
    "audio_plan",
    "before_after",
    "call_audio",
    "item_read",
    "item_written",
    "published",
    "seams",
    "separated",
    "steps",
    "verdict",
]

_EXCERPT_S = 3.0
_MOST_ROWS = 20
_MOST_PIECES = 200


def steps(session: AuditSession) -> NotebookOutput:
    """The nine steps: their time, and the bytes that each read or wrote."""
    outcome = session.examined.outcome
    if outcome is None:
        stopped = STEPS[4]
        return combined(
            [
                status_line("fail", f"The run stopped in step 5, {stopped}: {session.examined.refused}"),
                paragraph(f"The nine steps: {', '.join(DRY_NAMES.get(name, name) for name in STEPS)}."),
            ]
        )
    rows = [
        (
            str(number),
            DRY_NAMES.get(step.name, step.name),
            f"{step.seconds:.2f} s",
            f"{step.bytes:,}" if step.bytes else "",
        )
        for number, step in enumerate(outcome.steps, 1)
    ]
    return table(("Step", "Name", "Time", "Bytes"), rows)


def item_read(session: AuditSession) -> NotebookOutput:
    """The item, and the reported call end."""
    reported = session.call_end
    order = [("Reported call end", f"{clock_text(reported.recording_s)}, resolution {reported.resolution_s:g} s")]
    if session.origin == "files":
        return combined(
            [paragraph("Local files have no item. The call end comes from the parameters."), fact_table(order)]
        )
    item = session.item
    rows = [
        ("videoID", item.recording_id),
        ("agentID", item.agent_id),
        ("creationDate", f"{item.created:%Y-%m-%d %H:%M:%S}"),
        ("isProcessed", "yes" if item.is_processed else "no"),
    ]
    source = (
        "The sample call, on an AWS inside this process." if session.origin == "demo" else "From the configured table."
    )
    return combined([paragraph(source), fact_table([*rows, *order])])


def call_audio(session: AuditSession) -> NotebookOutput:
    """The call audio: format, waveforms, and an excerpt."""
    info = session.examined.diagnosis.call
    rows = [
        ("Source", session.call_location),
        ("Container", info.container),
        *audio_facts(info.audio),
        *file_facts(info),
    ]
    call = np.asarray(session.examined.diagnosis.pair.call)
    if not len(call):
        return combined([fact_table(rows), paragraph("It holds no audio.")])
    figure, (ax,) = new_figure(12, 2.6)
    plot_tracks(ax, [("customer", call[:, 0]), ("agent", call[:, 1])], masked=masked_spans(session.examined, "call"))
    ax.set_xlabel("Call clock (mm:ss)")
    first = _loudest(call.astype(np.int32).sum(axis=1))
    label = f"{_EXCERPT_S:g} s from {clock_text(first / RATE)} of the call: customer left, agent right"
    return combined(
        [
            fact_table(rows),
            figure_image(figure, "Waveforms of the call's two channels."),
            audio_player(label, _excerpt(call, first)),
        ]
    )


def agent_recording(session: AuditSession) -> NotebookOutput:
    """The agent recording: format, and its timestamps."""
    info, timing = session.examined.diagnosis.recording, session.examined.diagnosis.pair.timing
    rows = [
        ("Source", session.recording_location),
        ("Container", info.container),
        *video_facts(info.video),
        *audio_facts(info.audio),
        *file_facts(info),
    ]
    parts = [fact_table(rows)]
    if timing is not None:
        parts += [heading("Timestamps"), fact_table(timing_facts(timing))]
        if timing.audio is not None and timing.audio.discontinuities:
            parts += _discontinuities(timing.audio.discontinuities)
    return combined(parts)


def _discontinuities(found: Any) -> list[NotebookOutput]:
    rows = [
        (clock_text(one.at_s), f"{1000 * one.size_s:+.1f} ms", "audio lost" if one.size_s > 0 else "audio overlaps")
        for one in found[:_MOST_ROWS]
    ]
    more = len(found) - len(rows)
    listed = table(("Recording clock", "Size", "Meaning"), rows)
    return [listed, paragraph(f"And {more} more.")] if more > 0 else [listed]


def separated(session: AuditSession) -> NotebookOutput:
    """Video and audio of the agent recording, apart."""
    examined = session.examined
    parts = []
    if examined.outcome is not None:
        codecs = examined.document["codecs"]
        verb = "is copied packet by packet" if codecs["video_copied"] else "is re-encoded"
        container = examined.document["container"].upper()
        masked = " Frames in masks are made anew." if codecs["video_copied"] and examined.masks.masks_picture else ""
        parts.append(paragraph(f"The video ({codecs['video_in'].upper()}) {verb} into {container}.{masked}"))
        thumbnail = examined.folder / "thumbnail.png"
        if thumbnail.is_file():
            parts.append(image(thumbnail.read_bytes(), "image/png", "Thumbnail: the frame at 1 s.", width="320px"))
    own = examined.diagnosis.pair.recording
    if not len(own):
        return combined([*parts, paragraph("The recording has no audio.")])
    figure, (ax,) = new_figure(12, 1.9)
    plot_tracks(ax, [("recording", own)], masked=masked_spans(session.examined, "recording"))
    ax.set_xlabel("Recording clock (mm:ss)")
    first = _loudest(own)
    label = f"The recording's own audio: {_EXCERPT_S:g} s from {clock_text(first / RATE)}"
    return combined(
        [
            *parts,
            figure_image(figure, "Waveform of the recording's own audio."),
            audio_player(label, _excerpt(own, first)),
        ]
    )


def after_call(session: AuditSession) -> NotebookOutput:
    """The call's place, its end, and the recording's own audio after it."""
    examined = session.examined
    if examined.outcome is None or examined.outcome.artifacts is None:
        return no_result(session)
    evidence = examined.outcome.artifacts.evidence
    cut_s, after_s = evidence.after_call.start_s, evidence.after_call.length_s
    reported_s = session.call_end.recording_s
    side = "after" if reported_s > cut_s else "before"
    rows = [
        ("The call is placed by", _basis(evidence.placement)),
        (_end_name(examined.alignment), f"{clock_text(cut_s)} on the recording clock"),
        ("Reported call end", f"{clock_text(reported_s)}, {abs(reported_s - cut_s):.3f} s {side} that"),
        ("After the call", f"{after_s:.3f} s of the recording's own audio"),
    ]
    shift_s = examined.alignment.output_shift_s
    figure, (ax,) = new_figure(12, 2.4)
    near_s = max(min(4.0, max(abs(reported_s - cut_s) * 1.5, 2.0)), 0.5)
    tracks = [("agent", examined.tracks.agent), ("recording", examined.tracks.recording)]
    word = "call end" if examined.alignment.part is None else "agent leaves"
    marks = [(cut_s + shift_s, word), (reported_s + shift_s, "reported")]
    from_s, to_s = max(cut_s + shift_s - near_s, 0.0), cut_s + shift_s + near_s
    plot_tracks(ax, tracks, from_s=from_s, to_s=to_s, marks=marks, masked=masked_spans(session.examined, "output"))
    name_marks(ax, marks)
    first = round((cut_s + shift_s) * RATE)
    parts = [fact_table(rows), figure_image(figure, "The agent's channel and the recording around the call's end.")]
    rest = examined.tracks.recording[first : first + round(5 * RATE)]
    if len(rest):
        parts.append(audio_player("The first seconds after the call, from the recording", rest))
    return combined(parts)


def _basis(placement: Placement) -> str:
    if placement.source == "measured" or placement.bound_s is None:
        return PLACED_BY[placement.source]
    bound = bound_text(placement.bound_s)
    return f"{PLACED_BY[placement.source]}; it may be {bound} off, or more if the reported end is wrong"


def _end_name(alignment: Alignment) -> str:
    return "The call ends at" if alignment.part is None else "The agent's part of the call ends at"


def audio_plan(session: AuditSession) -> NotebookOutput:
    """The audio plan, as a timeline and as a list."""
    examined = session.examined
    own = examined.diagnosis.recording.audio
    figure, (ax,) = new_figure(12, 3)
    plot_splice(
        ax,
        examined.timeline,
        call_s=examined.call_s,
        recording_s=examined.diagnosis.recording.end_s if own is None else own.span.end_s,
        reported_end_s=session.call_end.recording_s + examined.alignment.output_shift_s,
    )
    pieces = examined.timeline.pieces
    rows = [
        (
            clock_text(piece.output.start_s),
            clock_text(piece.output.end_s),
            f"{piece.source}, masked" if is_masked(examined.timeline, piece.output) else piece.source,
            clock_text(piece.source_start_s),
            "no seam: the clock's rate changes" if piece.continues else f"{piece.fade_in.length_s * 1000:.0f} ms",
        )
        for piece in pieces[:_MOST_PIECES]
    ]
    listed = collapsed(
        f"{counted(len(pieces), 'piece')} in numbers",
        table(("From (output clock)", "To", "Source", "From (source's clock)", "Crossfade"), rows),
    )
    notes = []
    if examined.refused is not None:
        basis = PLACED_BY[examined.placement.source]
        words = f"No recording was written. This is the plan if the call were placed by {basis}."
        notes.append(status_line("fail", words))
    parts = [*notes, figure_image(figure, "Timeline: both sources above the output."), listed]
    if examined.timeline.left_out_s > 0:
        parts.append(paragraph(f"{examined.timeline.left_out_s:.3f} s of the call don't fit into the recording."))
        parts.append(left_out(session))
    return combined(parts)


def before_after(session: AuditSession) -> NotebookOutput:
    """The recording's own audio before, and the unified recording's audio after."""
    examined = session.examined
    if examined.tracks.output is None:
        return no_result(session)
    figure, (ax,) = new_figure(12, 3)
    marks = [(seam_s, "seam") for seam_s in examined.timeline.seams_s]
    tracks = [("recording (before)", examined.tracks.recording), ("output (after)", examined.tracks.output)]
    plot_tracks(ax, tracks, marks=marks, masked=masked_spans(session.examined, "output"))
    first = _loudest(examined.tracks.output)
    return combined(
        [
            figure_image(figure, "Waveforms before and after; dashed lines are seams."),
            audio_player(
                f"Before: {_EXCERPT_S:g} s from {clock_text(first / RATE)}", _excerpt(examined.tracks.recording, first)
            ),
            audio_player("After: the same seconds", _excerpt(examined.tracks.output, first)),
        ]
    )


def published(session: AuditSession) -> NotebookOutput:
    """The files of this run, and their addresses in production."""
    outcome = session.examined.outcome
    if outcome is None:
        return no_result(session)
    files = {
        "video": outcome.published.video,
        "thumbnail": outcome.published.thumbnail,
        "findings": outcome.published.qc,
    }
    rows = []
    for name, text in files.items():
        if text is not None and (path := Path(text)).is_file():
            media_type = CONTENT_TYPES.get(path.suffix.removeprefix("."), "")
            size = f"{path.stat().st_size:,} bytes"
            rows.append((name, path.name, size, media_type, session.destinations.get(name, "")))
    words = (
        "The files are in the results folder."
        if session.origin == "files"
        else "An audit uploads nothing. Production would upload the files to these addresses."
    )
    return combined([paragraph(words), table(("Content", "File", "Size", "Type", "Address"), rows)])


def item_written(session: AuditSession) -> NotebookOutput:
    """The attributes that production would write into the item."""
    examined = session.examined
    if examined.outcome is None:
        return combined([no_result(session), paragraph("The item would stay unchanged.")])
    summary = item_summary(examined.document)
    rows = [("isProcessed", "true"), *((name, str(value)) for name, value in summary.items())]
    item = session.destinations.get("item", "local files have no item")
    words = f"Production would write these attributes ({item}). The item's other attributes stay unchanged."
    return combined([paragraph(words), fact_table(rows)])


def _loudest(samples: Any) -> int:
    """The first sample of an excerpt: of the first whole second whose excerpt is nearly as loud as the loudest."""
    if len(samples) <= round(_EXCERPT_S * RATE):
        return 0
    seconds = len(samples) // RATE
    power = np.square(np.asarray(samples[: seconds * RATE], np.float32)).reshape(seconds, RATE).mean(axis=1)
    smoothed = np.convolve(power, np.ones(min(round(_EXCERPT_S), seconds)), "valid")
    return int(np.flatnonzero(smoothed >= 0.5 * smoothed.max())[0]) * RATE


def _excerpt(samples: Any, first: int) -> Any:
    return np.asarray(samples[first : first + round(_EXCERPT_S * RATE)])
