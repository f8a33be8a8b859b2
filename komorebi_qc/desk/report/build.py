"""From an examined recording to the page's content: lanes, marks, stretches, moments, and what can be heard."""

from __future__ import annotations

from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from komorebi_qc.core.finding import counted
from komorebi_qc.core.timebase import clock_text
from komorebi_qc.desk.report.audio_tracks import embedded_tracks
from komorebi_qc.desk.report.clipping import clipped_spans
from komorebi_qc.desk.report.page import Lane, Mark, Moment, Page, Stretch, address, plain
from komorebi_qc.desk.report.proxy import proxy
from komorebi_qc.media.decode_8khz import RATE
from komorebi_qc.pipeline.examine import LOCAL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from komorebi_qc.core.timebase import Alignment, Span
    from komorebi_qc.measure.levels import ChannelLevels
    from komorebi_qc.pipeline.examine import Examined

_MOST_STRETCHES = 60
_SAME_MARK_S, _SAME_MOMENT_S = 0.001, 0.020
_PROXY_BYTES, _PROXY_TRACK_SHARE = 330_000, 0.3
_FEWEST_TRACK_BITS, _MOST_TRACK_BITS = 8_000, 16_000
_Placed = TypeVar("_Placed", Mark, Moment)
_CHANNELS_HEARD = 5
"""Of all tracks to listen to together."""


def page_of(
    examined: Examined,
    picture: bytes,
    picture_type: str,
    listen: Mapping[str, str] | None = None,
    *,
    embed_s: float | None = None,
) -> Page:
    """The page of an examined recording.

    Args:
        examined: what to show.
        picture: the still picture, an image file.
        picture_type: its media type.
        listen: addresses of tracks to listen to, by name, as `komorebi_qc.desk.report.audio_tracks.listen_tracks`
            gives them.
        embed_s: seconds of small video and sound round the worst finding to hold in the page itself, for one that
            is sent alone; None where the video lies beside it. Over 60 s the picture gets coarse.
    """
    lanes = examined.lanes
    shown = [
        Lane("customer", "Customer (Connect, left)", lanes.customer),
        Lane("agent", "Agent (Connect, right)", lanes.agent),
        Lane("recording", "Agent recording", lanes.recording),
    ]
    if lanes.output is not None:
        shown.append(Lane("output", "Unified recording", lanes.output))
    moments = tuple(_moments(examined))
    shift_s = examined.alignment.output_shift_s
    length_s = max(len(lanes.recording) / RATE, examined.diagnosis.recording.end_s + shift_s)
    # Where nothing was made, the video is the agent recording itself, on its own clock.
    video_start_s = 0.0 if examined.refused is None else shift_s
    video, heard, listen_start_s, length = address(examined.video.name), dict(listen or {}), 0.0, 0.0
    if embed_s is not None:
        start_s, length = _round_worst(examined, moments, embed_s, length_s)
        video, heard = _embedded(examined, start_s, length, video_start_s)
        video_start_s = listen_start_s = start_s
    return Page(
        title=_title(examined),
        document=examined.document,
        headline=_headline(examined),
        facts=tuple(_facts(examined)),
        lanes=shown,
        length_s=length_s,
        video=video,
        video_start_s=video_start_s,
        video_length_s=length,
        picture=picture,
        picture_type=picture_type,
        picture_said="Sound of the call and of the recording on one time axis, and the lag between them.",
        listen=heard,
        listen_start_s=listen_start_s,
        marks=tuple(_marks(examined)),
        stretches=tuple(_stretches(examined)),
        moments=moments,
        levels=_levels(examined),
        places=_places(examined),
    )


def to_output(alignment: Alignment, at: Mapping[str, Any]) -> float:
    """A finding's moment on the output clock."""
    if at["clock"] == "call":
        return alignment.to_output(at["s"])
    return float(at["s"]) + (alignment.output_shift_s if at["clock"] == "recording" else 0.0)


def _title(examined: Examined) -> str:
    """The recording's ID; where it has none, the names of the two files."""
    if examined.recording_id != LOCAL:
        return f"Recording {examined.recording_id}"
    return f"{Path(examined.diagnosis.recording.name).name} with {Path(examined.diagnosis.call.name).name}"


def _round_worst(examined: Examined, moments: Sequence[Moment], embed_s: float, length_s: float) -> tuple[float, float]:
    """Start and length of the stretch to embed: round the worst finding, else the first jump, else the call's end."""
    rank = {"fail": 0, "warn": 1, "pass": 2}
    findings = _all_findings(examined)
    told = sorted((rank[findings[row]["status"]], moment.at_s) for moment in moments for row in moment.rows)
    jumps = examined.alignment.jumps
    middle_s = (
        told[0][1]
        if told
        else examined.alignment.to_output(jumps[0].call_s)
        if jumps
        else min(examined.laid.call.end_s, length_s)
    )
    length = min(max(embed_s, 1.0), length_s)
    return round(min(max(0.0, middle_s - length / 2), length_s - length), 3), length


def _embedded(examined: Examined, start_s: float, length_s: float, video_start_s: float) -> tuple[str, dict[str, str]]:
    lanes = examined.lanes
    bits = int(_PROXY_BYTES * _PROXY_TRACK_SHARE * 8 / length_s / _CHANNELS_HEARD)
    tracks = embedded_tracks(lanes, start_s, length_s, min(max(bits, _FEWEST_TRACK_BITS), _MOST_TRACK_BITS))
    heard: NDArray[np.int16] = lanes.recording if lanes.output is None else lanes.output
    sound = np.zeros(round(length_s * RATE), np.int16)
    piece = heard[round(start_s * RATE) :][: len(sound)]
    sound[: len(piece)] = piece
    left = _PROXY_BYTES - sum(len(track) for track in tracks.values()) * 3 // 4
    return proxy(examined.video, sound, start_s=start_s, video_start_s=video_start_s, size=left), tracks


def _headline(examined: Examined) -> str:
    """What the analyst asks first: whether the two are in sync."""
    if examined.refused is not None:
        why = examined.refused.partition(": nothing was published")[0]
        return f"Nothing was made: {why}."
    source = examined.document["alignment"]["source"]
    if source == "measured":
        jumps = len(examined.alignment.jumps)
        follows = f", {counted(jumps, 'jump')} of the recording's clock made good" if jumps else ""
        return f"Picture and call are in sync in the unified recording{follows}: the sound is sure where the call lies."
    if source == "told":
        return "The call is placed by the told call end alone: the sound could not tell where it lies."
    return "The call is placed where somebody said, not where the sound says."


def _facts(examined: Examined) -> Iterator[tuple[str, str]]:
    sync, end = examined.document["sync"], examined.document["call_end"]
    alignment = examined.document.get("alignment") or {}
    offset_s, drift, jumps = alignment.get("offset_s"), alignment.get("drift_ppm"), alignment.get("jumps")
    if offset_s is not None:
        where = (
            f"{plain(offset_s)} s into the recording" if offset_s >= 0 else f"{plain(-offset_s)} s before the recording"
        )
        yield "The call begins", where
    if end["measured_s"] is not None:
        yield "It ends", f"at {clock_text(end['measured_s'])} of the recording ({plain(end['measured_s'])} s)"
        error_s = end["error_s"]
        off = "exactly then" if error_s == 0 else f"{plain(abs(error_s))} s {'early' if error_s < 0 else 'late'}"
        yield "It was told to end", f"at {clock_text(end['told_s'])}: {off}"
    else:
        yield "It was told to end", f"at {clock_text(end['told_s'])} ({plain(end['told_s'])} s)"
    if jumps is not None:
        told = ", ".join(
            f"{'+' if jump['size_s'] > 0 else ''}{plain(jump['size_s'])} s at {clock_text(jump['call_s'])} of the call"
            for jump in jumps
        )
        yield "The recording's clock jumps", told or "nowhere"
    if drift is not None:
        yield "The clocks drift apart by", f"{plain(drift)} ppm ({_an_hour(drift)})"
    if sync is not None:
        yield "What the sound says", f"{sync['status'].replace('_', ' ')}: {sync['reason']}"


def _an_hour(drift_ppm: float) -> str:
    ms = abs(drift_ppm) * 3.6
    return "nothing to hear" if ms < 1 else f"{ms:.0f} ms an hour"


def _marks(examined: Examined) -> Iterator[Mark]:
    """The marks in time's order; those of one moment are one, the most telling first."""
    found = sorted(_each_mark(examined), key=lambda mark: mark.at_s)
    for group in _together(found, _SAME_MARK_S):
        ranked = sorted(group, key=lambda mark: mark.rank)
        labels = dict.fromkeys(mark.label for mark in ranked)
        first = ranked[0]
        yield Mark(first.at_s, ", ".join(labels), first.colour, first.dash, first.rank)


def _each_mark(examined: Examined) -> Iterator[Mark]:
    alignment, laid, end = examined.alignment, examined.laid, examined.diagnosis.call_end
    call = examined.diagnosis.call.audio
    call_s = 0.0 if call is None else call.span.end_s
    known = examined.refused is None
    for jump in alignment.jumps:
        yield Mark(alignment.to_output(jump.call_s), f"jump {jump.size_s * 1000:+.0f} ms", "mark", (8, 2), 0)
    yield Mark(alignment.to_output(0.0), "call starts" if known else "call would start", "accent", (), 1)
    yield Mark(alignment.to_output(call_s), "call ends" if known else "call would end", "accent", (), 1)
    yield Mark(end.recording_s + alignment.output_shift_s, "told end", "head", (6, 4), 2)
    if known:
        for seam_s in laid.seams_s:
            yield Mark(seam_s, "seam", "ink", (2, 3), 3)


def _together(found: Sequence[_Placed], apart_s: float) -> Iterator[Sequence[_Placed]]:
    if not found:
        return
    cuts = [0, *(k + 1 for k, (a, b) in enumerate(pairwise(found)) if b.at_s - a.at_s > apart_s), len(found)]
    for first, last in pairwise(cuts):
        yield found[first:last]


def _stretches(examined: Examined) -> Iterator[Stretch]:
    heard, to_output_s = examined.diagnosis.heard, examined.alignment.to_output
    call = np.asarray(heard.call[0 : heard.call.shape[0]])
    for number, (side, levels) in enumerate(examined.diagnosis.levels["call"].items()):
        yield from _of_channel(levels, clipped_spans(call[:, number], RATE), side, to_output_s)
    shift_s = examined.alignment.output_shift_s
    if examined.diagnosis.recording.audio is not None:
        for levels in examined.diagnosis.levels["recording"].values():
            clipped = clipped_spans(heard.recording, RATE)
            yield from _of_channel(levels, clipped, "recording", lambda s: s + shift_s)


def _of_channel(
    levels: ChannelLevels, clipped: Sequence[Span], lane: str, moved: Callable[[float], float]
) -> Iterator[Stretch]:
    kinds: dict[str, Sequence[Span]] = {
        "silence": sorted(levels.silences, key=lambda span: -span.length_s),
        "hold": [music.span for music in levels.hold_music],
        "dropout": levels.dropouts,
        "clipping": clipped,
    }
    for kind, spans in kinds.items():
        for span in spans[:_MOST_STRETCHES]:
            yield Stretch(moved(span.start_s), moved(span.end_s), kind, lane)


def _levels(examined: Examined) -> list[dict[str, Any]]:
    """What the diagnosis found beyond the document: how loud and how clean both inputs are."""
    known = {finding["name"] for finding in examined.document["findings"]}
    return [asdict(finding) for finding in examined.diagnosis.findings if finding.name not in known]


def _all_findings(examined: Examined) -> list[dict[str, Any]]:
    return [*examined.document["findings"], *_levels(examined)]


def _places(examined: Examined) -> dict[int, float]:
    """Where each finding that has a moment lies, by its row."""
    findings = _all_findings(examined)
    told = {
        row: to_output(examined.alignment, finding["at"])
        for row, finding in enumerate(findings)
        if finding["at"] is not None
    }
    return {row: at_s for row, at_s in told.items() if at_s >= 0 or findings[row]["status"] != "pass"}


def _moments(examined: Examined) -> Iterator[Moment]:
    """Where to jump to: the marks, and the findings that don't pass; what lies together is one moment."""
    findings = _all_findings(examined)
    found = [Moment(max(0.0, mark.at_s), mark.label) for mark in _marks(examined)]
    for row, at_s in _places(examined).items():
        if findings[row]["status"] != "pass":
            found.append(Moment(max(0.0, at_s), findings[row]["text"], (row,)))
    for group in _together(sorted(found, key=lambda moment: moment.at_s), _SAME_MOMENT_S):
        rows = tuple(row for moment in group for row in moment.rows)
        at_s = next((moment.at_s for moment in group if moment.rows), group[0].at_s)
        texts = dict.fromkeys(moment.text for moment in sorted(group, key=lambda moment: bool(moment.rows)))
        labels = ", ".join(text for text in texts if not text.endswith("."))
        sentences = " ".join(text for text in texts if text.endswith("."))
        yield Moment(at_s, f"{clock_text(at_s)}: {f'{labels}. ' if labels and sentences else labels}{sentences}", rows)
