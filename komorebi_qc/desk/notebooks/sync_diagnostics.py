"""The cells of `notebooks/sync_diagnostics.ipynb`: the evidence for one recording's alignment, and its findings."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import TYPE_CHECKING

from komorebi_qc.core.finding import counted
from komorebi_qc.core.samples import RATE
from komorebi_qc.core.timebase import clock_text, parse_call_end
from komorebi_qc.desk.notebooks.explore import explore
from komorebi_qc.desk.notebooks.notebook_output import (
    NotebookOutput,
    collapsed,
    combined,
    figure_image,
    heading,
    paragraph,
    status_line,
    table,
)
from komorebi_qc.desk.notebooks.own_cells import own_data
from komorebi_qc.desk.notebooks.readable_errors import readable_errors
from komorebi_qc.desk.notebooks.recording import masked_spans, parameter_text, report_figure, sentence, verdict
from komorebi_qc.desk.notebooks.seams import spectrograms
from komorebi_qc.desk.notebooks.stretches import candidates, left_out, stretches
from komorebi_qc.desk.plots.call_placement import CallPlacement, place
from komorebi_qc.desk.plots.correlation import plot_correlation, plot_side_lags
from komorebi_qc.desk.plots.diagnosis.lags import plot_lags
from komorebi_qc.desk.plots.diagnosis.waveforms import plot_waveforms
from komorebi_qc.desk.plots.figure import new_figure
from komorebi_qc.desk.plots.levels import LevelRow, plot_levels
from komorebi_qc.desk.plots.window_correlation import chosen_window, correlate
from komorebi_qc.desk.report.audio_tracks import embedded_audio_tracks
from komorebi_qc.desk.report.build import page_of
from komorebi_qc.desk.report.html import report_fragment
from komorebi_qc.desk.words.placement import NOT_MEASURED
from komorebi_qc.desk.words.rates import rates_sentence
from komorebi_qc.storage.protocols import CONTENT_TYPES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from komorebi_qc.desk.session import AuditSession

__all__ = [
    "correlation",
    "explore",
    "findings",
    "lags",
    "left_out",
    "levels",
    "own_data",
    "player",
    "side_lags",
    "spectrograms",
    "stretches",
    "verdict",
    "waveforms",
]

CHANCE_Z = 9.0
"""A peak below this many sigma can be chance."""
_LARGEST_EMBEDDED, _LONGEST_EMBEDDED_S = 700_000, 60.0
"""Bytes and seconds: a video up to this size is embedded in the notebook unchanged."""
_TRACK_BITS = 16_000
_EMBEDDED_S = 60.0
_MOST_JUMPS = 20
_MOST_ALTERNATIVES = 10
_LEVELS = (
    ("speech level", "speech_level", "speech_dbfs"),
    ("true peak", "true_peak", "true_peak_dbtp"),
    ("signal to noise", "snr", "snr_db"),
    ("bandwidth", "bandwidth", "bandwidth_hz"),
)
_AXES = {
    "dBFS": "Level (dBFS; true peaks dBTP)",
    "dB": "Speech above noise (dB)",
    "Hz": "Upper edge of the speech band (Hz)",
}


def waveforms(session: AuditSession) -> NotebookOutput:
    """Call and recording above each other, with the call's start and its reported and measured end."""
    pair = session.examined.diagnosis.pair
    figure, (ax,) = new_figure(14, 5.2)
    figure.set_layout_engine("none")
    ax.set_position((0.105, 0.11, 0.88, 0.71))
    plot_waveforms(
        *(ax, pair.call, pair.recording, pair.result, _placed(session)),
        reported_call_end_s=session.call_end.recording_s,
        masked=masked_spans(session.examined, "recording"),
    )
    return figure_image(
        figure,
        "Customer, agent and recording on the recording clock, and a band with the stretches that agree.",
    )


def _placed(session: AuditSession) -> CallPlacement:
    examined = session.examined
    return place(examined.diagnosis.sync, examined.call_s, session.call_end, examined.placement)


def lags(session: AuditSession) -> NotebookOutput:
    """The lag of each window over time, with the fitted alignment."""
    pair = session.examined.diagnosis.pair
    figure, (ax,) = new_figure(14, 4.2)
    figure.set_layout_engine("none")
    ax.set_position((0.075, 0.14, 0.91, 0.74))
    plot_lags(ax, pair.result, _placed(session), reported_call_end_s=session.call_end.recording_s)
    return combined(
        [
            figure_image(figure, "Lag of each window over time, with the fitted alignment."),
            paragraph(_lag_text(session)),
        ]
    )


def _lag_text(session: AuditSession) -> str:
    result = session.examined.diagnosis.pair.result
    if result.status != "aligned" or result.drift_ppm is None or result.drift_ci_ppm is None:
        return f"There is no reliable fit: {result.reason}. Clock drift and jumps were {NOT_MEASURED}."
    half_ppm = (result.drift_ci_ppm[1] - result.drift_ci_ppm[0]) / 2
    drift = rates_sentence(_placed(session).rate_changes()) or (
        f"The lag grows by {result.drift_ppm:.2f} ± {half_ppm:.2f} ppm."
        if abs(result.drift_ppm) > half_ppm
        else f"No clock drift found (0 ± {half_ppm:.2f} ppm)."
    )
    jumps = " ".join(
        f"The recording's clock jumps by {jump.size_s * 1000:+.1f} ms at {clock_text(jump.call_s)} of the call"
        f"{' (agent channel only)' if jump.agent_only else ''}."
        for jump in result.jumps[:_MOST_JUMPS]
    )
    rejected = sum(not window.accepted for window in result.windows)
    of_windows = counted(len(result.windows), "window")
    return f"{drift} {jumps or 'No clock jumps found.'} {rejected} of {of_windows} rejected."


@readable_errors
def correlation(session: AuditSession, at: str | float = "", channel: str = "") -> NotebookOutput:
    """One window at every lag: one clear peak, or several candidates.

    Args:
        session: the recording.
        at: a moment of the call (``MM:SS`` or seconds); the middle of the evidence if it is empty.
        channel: ``customer`` or ``agent``; that of the nearest window if it is empty.

    Raises:
        InputError: `at` isn't a time of the call, or the channel doesn't exist.
    """
    pair = session.examined.diagnosis.pair
    moment = parameter_text("window_at", at)
    wanted_s = parse_call_end(moment).recording_s if moment else None
    window = chosen_window(pair.result, wanted_s)
    centre_s = wanted_s if wanted_s is not None else 0.0 if window is None else window.call_s
    side = channel or ("agent" if window is None else window.channel)
    alignment = pair.result.alignment
    fitted_s = None if alignment is None else alignment.to_recording(centre_s) - centre_s
    near_s = session.examined.alignment.offset_s if window is None else window.lag_s
    found = correlate(
        pair.call, pair.recording, side, centre_s=centre_s, lag_s=near_s if fitted_s is None else fitted_s
    )
    figure, (whole, near) = new_figure(14, 6.4, rows=2)
    plot_correlation(whole, found, fitted_s=fitted_s)
    plot_correlation(near, found, fitted_s=fitted_s, half_s=0.006)
    near.set_title("The same peak, enlarged", loc="left", fontsize=11)
    best_z = max((z for _, z in found.alternatives), default=0.0)
    share = f"{best_z / max(found.peak_z, 1e-9):.0%}"
    if found.peak_z < CHANCE_Z:
        words = "No peak rises above chance: this window gives no evidence of the call's place."
    elif alignment is None:
        words = f"This window has a clear peak, but the pair as a whole has no reliable fit: {pair.result.reason}."
    elif best_z > 0.5 * found.peak_z:
        words = f"Another lag reaches {share} of the best peak: this window alone can't decide."
    else:
        words = f"One clear peak, {found.peak_z:.0f} times chance; the next best lag reaches {share} of it."
    description = (
        f"Agreement of the {side}'s window at {clock_text(centre_s)} of the call with the recording, at every lag."
    )
    return combined([figure_image(figure, description), paragraph(words), _alternatives(session)])


def _alternatives(session: AuditSession) -> NotebookOutput:
    """Other offsets that fit the evidence as a whole."""
    listed = candidates(session)
    if listed is not None:
        return listed
    found = session.examined.diagnosis.pair.result.alternative_offsets
    if not found:
        return paragraph("The evidence as a whole fits no other offset.")
    rows = [
        (f"{one.offset_s:.4f} s", f"{one.period_s:.4f} s", f"{one.score:.0%}") for one in found[:_MOST_ALTERNATIVES]
    ]
    return combined(
        [
            heading("Other offsets that fit the evidence as a whole"),
            table(("Offset", "Distance to the chosen one", "Share of the evidence"), rows),
        ]
    )


def side_lags(session: AuditSession) -> NotebookOutput:
    """The lag of each channel alone: the difference is the delay of the customer's call leg."""
    result, alignment = session.examined.diagnosis.pair.result, session.examined.alignment
    if result.alignment is None:
        return paragraph(f"The channels' lags can't be measured without a fit: {result.reason}.")
    residuals = {
        side: [
            window.lag_s + window.call_s - alignment.to_recording(window.call_s)
            for window in result.windows
            if window.accepted and window.channel == side
        ]
        for side in ("customer", "agent")
    }
    figure, (ax,) = new_figure(12, 2.8)
    plot_side_lags(ax, residuals)
    agent_s, customer_s = result.lag_agent_s, result.lag_customer_s
    words = f"Channels found in the recording: {result.sides}."
    if agent_s is not None and customer_s is not None:
        delay_ms = (customer_s - agent_s) * 1000
        words += f" The customer's voice arrives {_delay_text(delay_ms)}."
    return combined([figure_image(figure, "Spread of both channels' lags around the fit."), paragraph(words)])


def _delay_text(delay_ms: float) -> str:
    if abs(delay_ms) < 0.005:
        return "with the agent's"
    return f"{abs(delay_ms):.2f} ms {'later' if delay_ms > 0 else 'earlier'} than the agent's"


def levels(session: AuditSession) -> NotebookOutput:
    """The levels of every channel against their limits, and loudness."""
    diagnosis = session.examined.diagnosis
    channels = [
        (
            f"{track}_{side}" if track == "call" else track,
            f"{side}, call audio" if track == "call" else "recording",
            measured,
        )
        for track, sides in diagnosis.levels.items()
        for side, measured in sides.items()
    ]
    parts = []
    for unit, label in _AXES.items():
        rows = [
            LevelRow(f"{channel}: {name}", getattr(measured, field), diagnosis.limits.of(f"{scope}_{limit}"))
            for name, limit, field in _LEVELS
            if diagnosis.limits.of(f"call_{limit}").unit.replace("dBTP", "dBFS") == unit
            for scope, channel, measured in channels
        ]
        figure, (ax,) = new_figure(12, 0.9 + 0.36 * len(rows))
        plot_levels(ax, rows, unit=label)
        parts.append(figure_image(figure, f"{label} of each channel against its limits."))
    head = ("Channel", "Loudness", "RMS", "Noise floor", "Clipped", "Dropouts", "Silence over 2 s", "Hold music")
    rows_of_channels = [
        (
            channel,
            _value_text(measured.loudness_lufs, "LUFS"),
            _value_text(measured.rms_dbfs, "dBFS"),
            _value_text(measured.noise_floor_dbfs, "dBFS"),
            counted(measured.clipped_samples, "sample"),
            str(measured.dropout_count),
            f"{sum(silence.length_s for silence in measured.silences):.1f} s",
            f"{sum(music.span.length_s for music in measured.hold_music):.1f} s",
        )
        for _, channel, measured in channels
    ]
    return combined([*parts, table(head, rows_of_channels)])


def findings(session: AuditSession) -> NotebookOutput:
    """Every finding in a sentence, with its limit and the limit's source. Passing findings are collapsed."""
    rows: dict[str, list[Sequence[str]]] = {"fail": [], "warn": [], "pass": []}
    limits = session.examined.diagnosis.limits
    for finding in session.examined.document["findings"]:
        limit = None if finding["limit_name"] is None else limits.of(finding["limit_name"])
        value = f"{finding['value']} {finding['unit']}".strip()
        limit_text = "" if limit is None else f"{limit.judges()} ({limit.source})"
        name = finding["name"].replace("_", " ")
        rows[finding["status"]].append((finding["status"], name, value, sentence(finding["text"]), limit_text))
    head = ("Status", "Finding", "Value", "Meaning and next step", "Limit")
    bad = [*rows["fail"], *rows["warn"]]
    worst = table(head, bad, status=0) if bad else status_line("pass", "Every finding passes.")
    summary = counted(len(rows["pass"]), "finding passes", "findings pass")
    return combined([worst, collapsed(summary, table(head, rows["pass"], status=0))])


def player(session: AuditSession) -> NotebookOutput:
    """The report's player: the video with every audio track, alone or one in each ear.

    The media is embedded, so that the notebook can be sent alone: all of a short recording, or one minute around the
    worst finding of a longer one. The report beside the notebook plays the whole recording.
    """
    examined = session.examined
    length_s = len(examined.tracks.recording) / RATE
    if examined.video.stat().st_size <= _LARGEST_EMBEDDED and length_s <= _LONGEST_EMBEDDED_S:
        tracks = embedded_audio_tracks(examined.tracks, 0.0, length_s, _TRACK_BITS)
        page = page_of(examined, *report_figure(session), tracks)
        media_type = CONTENT_TYPES["webm" if examined.video.suffix == ".webm" else "mp4"]
        video = f"data:{media_type};base64,{base64.b64encode(examined.video.read_bytes()).decode()}"
        page = replace(page, video=video, video_length_s=page.length_s)
    else:
        page = page_of(examined, *report_figure(session), embed_s=_EMBEDDED_S)
    shown = NotebookOutput(report_fragment(page, name="komorebi-report"), f"[player: {examined.video.name}]")
    if page.video_length_s >= page.length_s:
        return shown
    words = "One minute is in this notebook. The whole recording plays in report.html, which an audit writes beside it."
    return combined([paragraph(words), shown])


def _value_text(value: float | None, unit: str) -> str:
    return NOT_MEASURED if value is None else f"{value:.1f} {unit}"
