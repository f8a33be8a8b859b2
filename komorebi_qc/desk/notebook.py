"""What the notebooks call, one call a cell: each function takes a case and returns what is shown.

`notebooks/process_recording.ipynb` goes through the nine steps, `notebooks/sync_diagnostics.ipynb` through the
evidence; `komorebi_qc.desk.dead_letters` is for the third.
Nothing here knows of Jupyter: `Shown` tells it what to show.
"""

from __future__ import annotations

import base64
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from komorebi_qc.core.errors import InputError
from komorebi_qc.core.finding import counted
from komorebi_qc.core.limits import LIMITS
from komorebi_qc.core.timebase import clock_text, parse_call_end
from komorebi_qc.desk.case import AuditRequest, AuditSession, load, open_case
from komorebi_qc.desk.clip import ClipJob, write_clip
from komorebi_qc.desk.notebook_output import (
    Shown,
    all_of,
    facts,
    film,
    folded,
    headed,
    image,
    judged,
    picture,
    said,
    sound,
    table,
)
from komorebi_qc.desk.plots.correlation import chosen_window, correlate
from komorebi_qc.desk.plots.figure import diagnosis_figure
from komorebi_qc.desk.plots.plots import (
    LevelRow,
    image_of,
    new_figure,
    plot_correlation,
    plot_lags,
    plot_levels,
    plot_seam,
    plot_side_lags,
    plot_spectrogram,
    plot_splice,
    plot_tracks,
    plot_waveforms,
)
from komorebi_qc.desk.report.audio_tracks import embedded_tracks
from komorebi_qc.desk.report.build import page_of
from komorebi_qc.desk.report.page import report_fragment
from komorebi_qc.findings.qc_document import item_summary
from komorebi_qc.pipeline.process import STEPS
from komorebi_qc.storage.protocols import CONTENT_TYPES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from komorebi_qc.core.media_info import AudioInfo, MediaInfo, VideoInfo
    from komorebi_qc.pipeline.examine import Examined

RATE = 8_000
MOST_SEAMS = 8
"""So many are shown one by one: a recording with a hundred jumps has two hundred."""
MOST_FILMS = 2
_HEAR_S = 3.0
_LARGEST_EMBEDDED, _LONGEST_EMBEDDED_S = 12_000_000, 300.0
"""Bytes and seconds: up to here a video is put into the notebook as it is."""
_TRACK_BITS = 16_000
_LEVELS = (
    ("speech level", "speech_level", "speech_dbfs"),
    ("true peak", "true_peak", "true_peak_dbtp"),
    ("signal to noise", "snr", "snr_db"),
    ("bandwidth", "bandwidth", "bandwidth_hz"),
)
_UNITS = {"dBFS": "Level (dBFS; true peaks dBTP)", "dB": "Speech above noise (dB)", "Hz": "Speech reaches up to (Hz)"}
_TOLD = {"measured": "as measured", "told": "as told", "given": "as given"}


def open_recording(
    *,
    connect: str = "",
    recording: str = "",
    recording_id: str = "",
    call_end: str = "",
    out: str = "",
    examined: str = "",
) -> AuditSession:
    """Process a recording into a folder, with nothing published; what an audit has examined already is taken from it.

    Args:
        connect: Connect's audio, a file; with `recording`.
        recording: the agent recording, a file.
        recording_id: a recording of the configured table, instead of the two. Without either: the sample call.
        call_end: when the call ended, from the recording's start.
        out: the folder for the results; one of its own where none is named.
        examined: where an audit has kept what it found; passed over once that is gone.

    Raises:
        KomorebiError: see `komorebi_qc.pipeline.process.process` and `komorebi_qc.wiring`.
    """
    if examined and Path(examined).is_dir():
        return load(Path(examined))
    wish = AuditRequest(connect, recording, recording_id, call_end)
    if not isinstance(out, str):
        raise InputError(f"out is {out!r}: it is a text, so write it in quotes")
    return open_case(wish, Path(out) if out else Path(tempfile.mkdtemp(prefix="komorebi-desk-")))


# --- what both notebooks begin with


def verdict(case: AuditSession) -> Shown:
    """The verdict in words, and what deserves a look, the worst first."""
    found = case.examined
    status = "fail" if found.refused is not None else str(found.document["verdict"])
    words = {"pass": "Nothing to complain of.", "warn": "Usable; something deserves a look."}
    bad = [f for kind in ("fail", "warn") for f in found.document["findings"] if f["status"] == kind]
    parts = [judged(status, found.refused or words.get(status, "Something is wrong."))]
    parts += [judged(f["status"], f["text"]) for f in bad]
    return all_of([*parts, facts(_summary(case))])


def _summary(case: AuditSession) -> Iterator[tuple[str, str]]:
    found = case.examined
    sync, end = found.document["sync"], found.document["call_end"]
    yield "recording", case.item.recording_id if case.origin != "files" else Path(case.recording_from).name
    if sync is not None:
        yield "sync", str(sync["status"]).replace("_", " ")
    if found.refused is None and sync is not None and sync["offset_s"] is not None:
        alignment = found.alignment
        yield "the call begins at", f"{alignment.offset_s:.4f} s of the recording"
        yield "drift", f"{alignment.drift_ppm + 0.0:.2f} ppm"
        yield "jumps", ", ".join(f"{1000 * j.size_s:+.1f} ms" for j in alignment.jumps) or "none"
    yield "told call end", clock_text(end["told_s"])
    measured = end["measured_s"]
    yield "measured call end", "undetermined" if measured is None else clock_text(measured)
    if end["error_s"] is not None:
        word = "late" if end["error_s"] > 0 else "early"
        yield "so it was told", f"{abs(end['error_s']):.3f} s too {word}"


# --- process_recording: the nine steps


def steps(case: AuditSession) -> Shown:
    """The nine steps, how long each took, and what it read or wrote."""
    outcome = case.examined.outcome
    if outcome is None:
        return all_of(
            [
                judged("fail", f"The run stopped at step 5: {case.examined.refused}"),
                said(f"The nine steps: {', '.join(STEPS)}."),
            ]
        )
    rows = [
        (str(number), step.name, f"{step.seconds:.2f} s", f"{step.bytes:,}" if step.bytes else "")
        for number, step in enumerate(outcome.steps, 1)
    ]
    return table(("Step", "What", "Time", "Bytes"), rows)


def item_read(case: AuditSession) -> Shown:
    """Step 1: the item, and the order."""
    told = case.call_end
    order = [("told call end", f"{clock_text(told.recording_s)}, in steps of {told.resolution_s:g} s")]
    if case.origin == "files":
        return all_of([said("Local files have no item; the order is the command's."), facts(order)])
    item = case.item
    rows = [
        ("videoID", item.recording_id),
        ("agentID", item.agent_id),
        ("creationDate", f"{item.created:%Y-%m-%d %H:%M:%S}"),
        ("isProcessed", "yes" if item.is_processed else "no"),
    ]
    where = "An AWS inside this process, with the sample call." if case.origin == "demo" else "The configured table."
    return all_of([said(where), facts([*rows, *order])])


def call_audio(case: AuditSession) -> Shown:
    """Step 2: Connect's audio: what it is, how it looks, and how it sounds."""
    found = case.examined
    info = found.diagnosis.call
    rows = [("from", case.call_from), ("container", info.container), *_audio_facts(info.audio), *_missing(info)]
    call = np.asarray(found.diagnosis.heard.call)
    if not len(call):
        return all_of([facts(rows), said("It holds no sound.")])
    figure, (ax,) = new_figure(12, 2.6)
    plot_tracks(ax, [("customer", call[:, 0]), ("agent", call[:, 1])])
    ax.set_xlabel("Call clock (mm:ss)")
    first = _loudest(call.astype(np.int32).sum(axis=1))
    return all_of(
        [
            facts(rows),
            picture(figure, "Outlines of Connect's two channels over the call's time."),
            sound(
                f"{_HEAR_S:g} s from {clock_text(first / RATE)} of the call: customer left, agent right",
                _part(call, first),
            ),
        ]
    )


def agent_recording(case: AuditSession) -> Shown:
    """Step 3: the agent recording: containers, codecs, and its time stamps."""
    info, timing = case.examined.diagnosis.recording, case.examined.diagnosis.heard.timing
    rows = [
        ("from", case.recording_from),
        ("container", info.container),
        *_video_facts(info.video),
        *_audio_facts(info.audio),
        *_missing(info),
    ]
    parts = [facts(rows)]
    if timing is not None:
        parts += [headed("Its time stamps"), facts(_timing_facts(timing))]
        if timing.audio is not None and timing.audio.discontinuities:
            shown = timing.audio.discontinuities[:20]
            more = len(timing.audio.discontinuities) - len(shown)
            lost = [
                (clock_text(s.at_s), f"{1000 * s.size_s:+.1f} ms", "lost" if s.size_s > 0 else "doubled") for s in shown
            ]
            parts.append(table(("At", "Size", "What"), lost))
            parts += [said(f"And {more} more.")] if more else []
    return all_of(parts)


def picture_and_sound(case: AuditSession) -> Shown:
    """Step 4: picture and sound apart: what becomes of the picture, and the recording's own sound."""
    found = case.examined
    parts = []
    if found.outcome is not None:
        codecs = found.document["codecs"]
        verb = (
            "is copied, packet for packet," if codecs["video_copied"] else "has to be encoded again, frame for frame,"
        )
        parts.append(
            said(f"The picture ({codecs['video_in'].upper()}) {verb} into {found.document['container'].upper()}.")
        )
        thumbnail = found.folder / "thumbnail.png"
        if thumbnail.is_file():
            parts.append(image(thumbnail.read_bytes(), "image/png", "The frame at 1 s: the thumbnail.", width="320px"))
    own = found.diagnosis.heard.recording
    if not len(own):
        return all_of([*parts, said("The recording has no sound of its own.")])
    figure, (ax,) = new_figure(12, 1.9)
    plot_tracks(ax, [("recording", own)])
    ax.set_xlabel("Recording clock (mm:ss)")
    first = _loudest(own)
    return all_of(
        [
            *parts,
            picture(figure, "Outline of the recording's own sound."),
            sound(f"The recording's own sound: {_HEAR_S:g} s from {clock_text(first / RATE)}", _part(own, first)),
        ]
    )


def after_call(case: AuditSession) -> Shown:
    """Step 5: the cut: where the call ends, by whose word, and what of the recording's own sound follows."""
    found = case.examined
    if found.outcome is None or found.outcome.kept is None:
        return _not_made(case)
    evidence = found.outcome.kept.evidence
    ends_s, follows = evidence.after_call.start_s, evidence.after_call.length_s
    told_s = case.call_end.recording_s
    rows = [
        ("the call is placed", _TOLD[evidence.placed.source]),
        ("the cut", f"{clock_text(ends_s)} of the recording"),
        (
            "told",
            f"{clock_text(told_s)}, {abs(told_s - ends_s):.3f} s {'after' if told_s > ends_s else 'before'} the cut",
        ),
        ("after the call", f"{follows:.3f} s of the recording's own sound"),
    ]
    shift_s = found.alignment.output_shift_s
    figure, (ax,) = new_figure(12, 2.4)
    near = max(min(4.0, max(abs(told_s - ends_s) * 1.5, 2.0)), 0.5)
    lanes = [("agent", found.lanes.agent), ("recording", found.lanes.recording)]
    marks = [(ends_s + shift_s, "cut"), (told_s + shift_s, "told")]
    begin_s = max(ends_s + shift_s - near, 0.0)
    plot_tracks(ax, lanes, from_s=begin_s, to_s=ends_s + shift_s + near, marks=marks)
    _name_marks(ax, marks)
    first = round((ends_s + shift_s) * RATE)
    parts = [facts(rows), picture(figure, "The agent's channel and the recording about the cut.")]
    rest = found.lanes.recording[first : first + round(5 * RATE)]
    if len(rest):
        parts.append(sound("The first seconds after the call, by the recording", rest))
    return all_of(parts)


def joined(case: AuditSession) -> Shown:
    """Step 6: the splice, as a drawn timeline and as a list."""
    found = case.examined
    call, own = found.diagnosis.call.audio, found.diagnosis.recording.audio
    figure, (ax,) = new_figure(12, 3)
    plot_splice(
        ax,
        found.laid,
        call_s=0.0 if call is None else call.span.end_s,
        recording_s=found.diagnosis.recording.end_s if own is None else own.span.end_s,
        told_end_s=case.call_end.recording_s + found.alignment.output_shift_s,
    )
    rows = [
        (
            clock_text(p.output.start_s),
            clock_text(p.output.end_s),
            p.source,
            clock_text(p.source_start_s),
            f"{p.fade_in.length_s * 1000:.0f} ms",
        )
        for p in found.laid.pieces[:200]
    ]
    drawn = picture(figure, "What plays when: both sources above the output.")
    listed = folded(
        f"{counted(len(found.laid.pieces), 'piece')} in figures",
        table(("From (output)", "To", "Source", "From its own", "Fade"), rows),
    )
    notes = []
    if found.refused is not None:
        notes.append(judged("fail", "Nothing was joined: this is what would play if the call were placed as told."))
    if found.laid.left_out_s > 0:
        notes.append(said(f"{found.laid.left_out_s:.3f} s of the call have no place in the recording's time."))
    return all_of([*notes, drawn, listed])


def before_after(case: AuditSession) -> Shown:
    """Step 7: the recording's own sound before, and the unified recording's after."""
    found = case.examined
    if found.lanes.output is None:
        return _not_made(case)
    figure, (ax,) = new_figure(12, 3)
    marks = [(seam_s, "seam") for seam_s in found.laid.seams_s]
    plot_tracks(
        ax, [("recording (before)", found.lanes.recording), ("output (after)", found.lanes.output)], marks=marks
    )
    first = _loudest(found.lanes.output)
    return all_of(
        [
            picture(figure, "Outlines of the recording before and the unified recording after; seams are dashed."),
            sound(f"Before: {_HEAR_S:g} s from {clock_text(first / RATE)}", _part(found.lanes.recording, first)),
            sound("After: the same seconds", _part(found.lanes.output, first)),
        ]
    )


def seams(case: AuditSession) -> Shown:
    """Step 7: each seam from near, playable, the first ones as video too."""
    found = case.examined
    if found.lanes.output is None:
        return _not_made(case)
    shown = found.laid.pieces[1 : MOST_SEAMS + 1]
    parts = [
        _seam(found, piece.output.start_s, (piece.fade_in.start_s, piece.fade_in.end_s), k)
        for k, piece in enumerate(shown)
    ]
    more = len(found.laid.seams_s) - len(shown)
    if more > 0:
        parts.append(said(f"And {counted(more, 'seam')} more: `komorebi-qc clip` shows any moment."))
    return all_of(parts) if parts else said("There is no seam: one source plays throughout.")


def _seam(found: Examined, at_s: float, fade: tuple[float, float], number: int) -> Shown:
    lanes = found.lanes
    output = lanes.recording if lanes.output is None else lanes.output
    figure, (ax,) = new_figure(12, 3.6)
    named = [("customer", lanes.customer), ("agent", lanes.agent), ("recording", lanes.recording), ("output", output)]
    plot_seam(ax, named, at_s=at_s, fade=fade, label=f"Seam {number + 1}")
    first, last = max(round((at_s - 2) * RATE), 0), round((at_s + 2) * RATE)
    call = ((lanes.customer[first:last].astype(np.int32) + lanes.agent[first:last]) // 2).astype(np.int16)
    sides = np.stack([call, lanes.recording[first:last]], axis=1)
    parts = [
        picture(figure, f"All tracks within 50 ms of the seam at {clock_text(at_s)}."),
        sound(f"The output, 2 s either side of {clock_text(at_s)}", output[first:last]),
        sound("The same, Connect in the left ear and the recording in the right", sides),
    ]
    if number < MOST_FILMS:
        parts.append(_film(found, at_s))
    return all_of(parts)


def _film(found: Examined, at_s: float) -> Shown:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "seam.mp4"
        try:
            write_clip(found, ClipJob(at_s, 4.0, width=640, height=480), path)
        except InputError as error:
            return said(str(error))
        return film("Picture and moving waveforms", path.read_bytes(), CONTENT_TYPES["mp4"])


def published(case: AuditSession) -> Shown:
    """Step 8: what was written here, and where production would put it."""
    found = case.examined
    if found.outcome is None:
        return _not_made(case)
    made = found.outcome.published
    here = {"video": made.video, "thumbnail": made.thumbnail, "findings": made.qc}
    rows = []
    for name, path in here.items():
        if path is not None and Path(path).is_file():
            kind = Path(path).suffix.removeprefix(".")
            size = f"{Path(path).stat().st_size:,} bytes"
            rows.append((name, Path(path).name, size, CONTENT_TYPES.get(kind, ""), case.goes_to.get(name, "")))
    word = "An audit uploads nothing; these would go there." if case.origin != "files" else "Written beside each other."
    return all_of([said(word), table(("What", "File", "Size", "Type", "Goes to"), rows)])


def item_written(case: AuditSession) -> Shown:
    """Step 9: what would be written into the item, and that nothing else of it is touched."""
    found = case.examined
    if found.outcome is None:
        return all_of([_not_made(case), said("The item would stay as it is.")])
    rows = [("isProcessed", "true"), *((name, str(value)) for name, value in item_summary(found.document).items())]
    where = case.goes_to.get("item", "no item: local files have none")
    return all_of([said(f"Would be written ({where}); everything else in the item stays as it is."), facts(rows)])


def _not_made(case: AuditSession) -> Shown:
    why = str(case.examined.refused).partition(" (")[0].partition(":")[0]
    return judged("fail", f"Nothing was made: {why}.")


# --- sync_diagnostics


def waveforms(case: AuditSession) -> Shown:
    """Both sides above each other, with the call's start, its told and its measured end."""
    heard = case.examined.diagnosis.heard
    figure, (ax,) = new_figure(14, 4.6)
    figure.set_layout_engine("none")
    ax.set_position((0.105, 0.12, 0.88, 0.66))
    plot_waveforms(ax, heard.call, heard.recording, heard.result, told_call_end_s=case.call_end.recording_s)
    return picture(figure, "Customer, agent and recording on the recording's clock, with the call's start and ends.")


def lags(case: AuditSession) -> Shown:
    """The lag of each window against time: drift, jumps, and what was rejected."""
    heard = case.examined.diagnosis.heard
    figure, (ax,) = new_figure(14, 4.2)
    figure.set_layout_engine("none")
    ax.set_position((0.075, 0.14, 0.91, 0.74))
    call_s = len(np.asarray(heard.call)) / RATE
    plot_lags(ax, heard.result, call_s=call_s, told_call_end_s=case.call_end.recording_s)
    return all_of([picture(figure, "Lag of each window against time, with what was fitted."), said(_lag_words(case))])


def _lag_words(case: AuditSession) -> str:
    result = case.examined.diagnosis.heard.result
    if result.status != "aligned" or result.drift_ppm is None or result.drift_ci_ppm is None:
        return f"Nothing was fitted to rely on: {result.reason}."
    half = (result.drift_ci_ppm[1] - result.drift_ci_ppm[0]) / 2
    is_drift = abs(result.drift_ppm) > half
    drift = (
        f"The lag grows by {result.drift_ppm:.2f} ± {half:.2f} ppm."
        if is_drift
        else f"No drift can be told from none (± {half:.2f} ppm)."
    )
    jumps = " ".join(
        f"At {clock_text(j.call_s)} of the call it jumps by {j.size_s * 1000:+.1f} ms"
        f"{' (the channel of the agent alone)' if j.agent_only else ''}."
        for j in result.jumps[:20]
    )
    rejected = sum(not w.accepted for w in result.windows)
    return f"{drift} {jumps or 'There is no jump.'} {rejected} of {counted(len(result.windows), 'window')} rejected."


def correlation(case: AuditSession, at: str = "", channel: str = "") -> Shown:
    """One window at each lag: is its place beyond doubt, or would another do as well?

    Args:
        case: whose.
        at: a moment of the call (``MM:SS``); empty for the middle of the evidence.
        channel: ``customer`` or ``agent``; empty for the one of the nearest window.

    Raises:
        InputError: where the moment is none, or lies outside the call, or there is no such channel.
    """
    heard = case.examined.diagnosis.heard
    wanted_s = parse_call_end(at).recording_s if at else None
    window = chosen_window(heard.result, wanted_s)
    centre_s = wanted_s if wanted_s is not None else 0.0 if window is None else window.call_s
    side = channel or ("agent" if window is None else window.channel)
    alignment = heard.result.alignment
    fitted_s = None if alignment is None else alignment.to_recording(centre_s) - centre_s
    near_s = case.examined.alignment.offset_s if window is None else window.lag_s
    found = correlate(
        heard.call, heard.recording, side, centre_s=centre_s, lag_s=near_s if fitted_s is None else fitted_s
    )
    figure, (whole, near) = new_figure(14, 6.4, rows=2)
    plot_correlation(whole, found, fitted_s=fitted_s)
    plot_correlation(near, found, fitted_s=fitted_s, half_s=0.006)
    near.set_title("The same from near", loc="left", fontsize=11)
    best = max((z for _, z in found.rivals), default=0.0)
    if found.peak_z < 9:
        words = "Nothing here stands out of chance: the window says nothing about where the call lies."
    elif alignment is None:
        words = f"It agrees here; all in all there is nothing to rely on: {heard.result.reason}."
    elif best > 0.5 * found.peak_z:
        words = f"A rival reaches {best / found.peak_z:.0%} of the best fit: this window alone can't decide."
    else:
        words = f"One peak, {found.peak_z:.0f} times chance; the best rival reaches {best / found.peak_z:.0%} of it."
    wide = _rivals(case)
    meaning = f"Agreement of the {side}'s window at {clock_text(centre_s)} of the call with the recording, at each lag."
    return all_of([picture(figure, meaning), said(words), wide])


def _rivals(case: AuditSession) -> Shown:
    """Where else the whole of the evidence fits."""
    rivals = case.examined.diagnosis.heard.result.rivals
    if not rivals:
        return said("The evidence as a whole fits nowhere else.")
    rows = [(f"{r.offset_s:.4f} s", f"{r.period_s:.4f} s", f"{r.score:.0%}") for r in rivals[:10]]
    return all_of(
        [
            headed("Where else the whole of the evidence fits"),
            table(("Offset", "Away from the chosen one", "Share of it"), rows),
        ]
    )


def side_lags(case: AuditSession) -> Shown:
    """Each channel's lag by itself: what the customer's leg adds."""
    result, alignment = case.examined.diagnosis.heard.result, case.examined.alignment
    if result.alignment is None:
        return said(f"Nothing was fitted to tell the channels' lags from: {result.reason}.")
    spread = {
        side: [
            w.lag_s + w.call_s - alignment.to_recording(w.call_s)
            for w in result.windows
            if w.accepted and w.channel == side
        ]
        for side in ("customer", "agent")
    }
    figure, (ax,) = new_figure(12, 2.8)
    plot_side_lags(ax, spread)
    agent, customer = result.lag_agent_s, result.lag_customer_s
    words = f"Heard in the recording: {result.sides}."
    if agent is not None and customer is not None:
        word = "later" if customer >= agent else "earlier"
        words += f" The customer is heard {abs(customer - agent) * 1000:.2f} ms {word} than the agent."
    return all_of([picture(figure, "How the lags of both channels are spread about the fit."), said(words)])


def spectrograms(case: AuditSession) -> Shown:
    """Spectrograms round the seams: a click is a bright line, lost bandwidth a dark roof, a hole a dark bar."""
    found = case.examined
    if found.lanes.output is None:
        return _not_made(case)
    parts = []
    for number, at_s in enumerate(found.laid.seams_s[:MOST_SEAMS]):
        figure, axes = new_figure(12, 4.6, rows=2)
        for ax, name, lane in zip(
            axes, ("output", "recording"), (found.lanes.output, found.lanes.recording), strict=True
        ):
            marks = [(s, "seam") for s in found.laid.seams_s if abs(s - at_s) <= 1.0]
            plot_spectrogram(ax, lane, from_s=at_s - 1.0, to_s=at_s + 1.0, marks=marks, name=name)
        words = f"Spectrograms of output and recording round the seam at {clock_text(at_s)}."
        shown = picture(figure, words, kind="webp")
        parts += [headed(f"Seam {number + 1}, {clock_text(at_s)}"), shown]
    more = len(found.laid.seams_s) - MOST_SEAMS
    return (
        all_of([*parts, *([said(f"And {counted(more, 'seam')} more.")] if more > 0 else [])])
        if parts
        else said("There is no seam.")
    )


def levels(case: AuditSession) -> Shown:
    """Levels of every channel against their limits, and loudness."""
    found = case.examined.diagnosis
    channels = [
        (
            f"{track}_{side}" if track == "call" else track,
            f"{side}, Connect" if track == "call" else "recording",
            measured,
        )
        for track, sides in found.levels.items()
        for side, measured in sides.items()
    ]
    parts = []
    for unit, label in _UNITS.items():
        rows = [
            LevelRow(f"{who}: {name}", getattr(measured, field), found.limits.of(f"{scope}_{limit}"))
            for name, limit, field in _LEVELS
            if (found.limits.of(f"call_{limit}").unit.replace("dBTP", "dBFS")) == unit
            for scope, who, measured in channels
        ]
        figure, (ax,) = new_figure(12, 0.9 + 0.36 * len(rows))
        plot_levels(ax, rows, unit=label)
        parts.append(picture(figure, f"{label} of each channel against its limits."))
    head = ("Channel", "Loudness", "RMS", "Noise floor", "Clipped", "Dropouts", "Silence over 2 s", "Hold music")
    listed = [
        (
            who,
            _number(m.loudness_lufs, "LUFS"),
            _number(m.rms_dbfs, "dBFS"),
            _number(m.noise_floor_dbfs, "dBFS"),
            counted(m.clipped_samples, "sample"),
            str(m.dropout_count),
            f"{sum(s.length_s for s in m.silences):.1f} s",
            f"{sum(h.span.length_s for h in m.hold_music):.1f} s",
        )
        for _, who, m in channels
    ]
    return all_of([*parts, table(head, listed)])


def findings(case: AuditSession) -> Shown:
    """Each finding in a sentence, with what judged it and why; those that pass are folded away."""
    rows: dict[str, list[Sequence[str]]] = {"fail": [], "warn": [], "pass": []}
    known = {limit.name: limit for limit in LIMITS}
    for f in case.examined.document["findings"]:
        limit = known.get(_row_name(f.get("judged_by"), known))
        value = f"{f['value']} {f['unit']}".strip()
        judged_by = "" if limit is None else f"{limit.judges()} ({limit.source})"
        rows[f["status"]].append((f["status"], f["name"].replace("_", " "), value, f["text"], judged_by))
    head = ("Status", "Finding", "Value", "What it means, and what to do", "Judged by")
    bad = [*rows["fail"], *rows["warn"]]
    shown = table(head, bad, status=0) if bad else judged("pass", "Every finding passes.")
    passing = folded(
        f"{counted(len(rows['pass']), 'finding passes', 'findings pass')}", table(head, rows["pass"], status=0)
    )
    return all_of([shown, passing])


def _row_name(judged_by: object, known: dict[str, Any]) -> str:
    name = judged_by if isinstance(judged_by, str) else ""
    while name and name not in known:
        name = name.partition("_")[2]
    return name


def player(case: AuditSession) -> Shown:
    """The report's player: the video with every track, listened to alone or against each other.

    A notebook's output reaches no file beside it, so what is played lies in it: a short recording whole, of a longer
    one a minute round the worst finding.
    """
    found = case.examined
    length_s = len(found.lanes.recording) / RATE
    if found.video.stat().st_size <= _LARGEST_EMBEDDED and length_s <= _LONGEST_EMBEDDED_S:
        page = page_of(found, *report_picture(case), embedded_tracks(found.lanes, 0.0, length_s, _TRACK_BITS))
        kind = CONTENT_TYPES["webm" if found.video.suffix == ".webm" else "mp4"]
        video = f"data:{kind};base64,{base64.b64encode(found.video.read_bytes()).decode()}"
        page = replace(page, video=video, video_length_s=length_s)
    else:
        page = page_of(found, *report_picture(case), embed_s=60.0)
    return Shown(report_fragment(page, name="komorebi-report"), f"[player: {found.video.name}]")


def report_picture(case: AuditSession) -> tuple[bytes, str]:
    """The report's still picture, and its media type."""
    heard = case.examined.diagnosis.heard
    told_s = case.call_end.recording_s
    title = case.item.recording_id if case.origin != "files" else Path(case.recording_from).name
    figure = diagnosis_figure(heard.call, heard.recording, heard.result, told_call_end_s=told_s, title=title)
    return image_of(figure, "webp"), "image/webp"


# --- helpers


def _audio_facts(audio: AudioInfo | None) -> Iterator[tuple[str, str]]:
    if audio is None:
        yield "sound", "none"
        return
    packets = "" if audio.packets is None else f", {counted(audio.packets, 'packet')}"
    held = f"{counted(audio.channels, 'channel')}{packets}"
    yield "sound", f"{audio.codec.upper()}, {audio.rate} Hz, {held}"
    yield "sound from, to", f"{clock_text(audio.span.start_s)} to {clock_text(audio.span.end_s)}"


def _video_facts(video: VideoInfo | None) -> Iterator[tuple[str, str]]:
    if video is None:
        yield "picture", "none"
        return
    yield "picture", f"{video.codec.upper()}, {video.width} x {video.height}, {counted(video.packets, 'frame')}"
    yield "picture from, to", f"{clock_text(video.span.start_s)} to {clock_text(video.span.end_s)}"


def _missing(info: MediaInfo) -> Iterator[tuple[str, str]]:
    yield "complete", "no: it was cut off" if info.is_truncated else "yes"
    if info.origin_s:
        yield "time stamps begin at", f"{clock_text(info.origin_s)}, which was taken off"


def _timing_facts(timing: Any) -> Iterator[tuple[str, str]]:
    if timing.video is not None:
        yield "frames", f"{timing.video.frames}, {timing.video.median_fps:.1f} a second by the median"
        frozen = timing.video.frozen
        yield "longest without a new frame", f"{frozen.length_s:.2f} s from {clock_text(frozen.start_s)}"
    if timing.audio is not None:
        yield (
            "sound lost",
            f"{sum(s.size_s for s in timing.audio.gaps):.3f} s in {counted(len(timing.audio.gaps), 'gap')}",
        )
        doubled_s = sum(-s.size_s for s in timing.audio.overlaps)
        yield "sound doubled", f"{doubled_s:.3f} s in {counted(len(timing.audio.overlaps), 'overlap')}"
    for name, skew in (
        ("sound begins after picture", timing.start_skew_s),
        ("sound ends after picture", timing.end_skew_s),
    ):
        if skew is not None:
            yield name, f"{skew * 1000:+.1f} ms"


def _number(value: float | None, unit: str) -> str:
    return "undetermined" if value is None else f"{value:.1f} {unit}"


def _name_marks(ax: Any, marks: Sequence[tuple[float, str]]) -> None:
    """The words of marks above the axes, those to the left leaning left."""
    ordered = sorted(marks)
    for k, (at_s, word) in enumerate(ordered):
        side = "right" if k == 0 and len(ordered) > 1 else "left"
        ax.annotate(
            f" {word} {clock_text(at_s)} ",
            (at_s, 1.0),
            xycoords=ax.get_xaxis_transform(),
            ha=side,
            va="bottom",
            fontsize=9.5,
        )


def _loudest(samples: Any) -> int:
    """Where the seconds begin that are heard best: the first of those near the loudest."""
    size = round(_HEAR_S * RATE)
    if len(samples) <= size:
        return 0
    count = len(samples) // RATE
    power = np.square(np.asarray(samples[: count * RATE], np.float32)).reshape(count, RATE).mean(axis=1)
    held = np.convolve(power, np.ones(min(round(_HEAR_S), count)), "valid")
    return int(np.flatnonzero(held >= 0.5 * held.max())[0]) * RATE


def _part(samples: Any, first: int) -> Any:
    return np.asarray(samples[first : first + round(_HEAR_S * RATE)])
