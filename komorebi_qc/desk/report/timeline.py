"""The time axis of a report page: marks, marked spans, and moments to go to. All times are on the output clock."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from komorebi_qc.core.samples import RATE
from komorebi_qc.core.timebase import clock_text
from komorebi_qc.desk.report.content import Mark, Moment, Stretch
from komorebi_qc.desk.words.rates import rate_changes, size_text
from komorebi_qc.desk.words.suspensions import redacted_spans, suspended_spans
from komorebi_qc.measure.levels import clipped_spans

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from komorebi_qc.core.timebase import Alignment, Span
    from komorebi_qc.measure.levels.channel_levels import ChannelLevels
    from komorebi_qc.pipeline.examine import Examined

RATE_DASH = (1, 3)
"""Of the lines at changes of the clock's rate."""
_IF_PLACED = {"call_end": " if as reported", "candidate": " if at the candidate"}
_MOST_STRETCHES = 60
_SAME_MARK_S, _SAME_MOMENT_S = 0.001, 0.020
_Timed = TypeVar("_Timed", Mark, Moment)


def to_output(alignment: Alignment, at: Mapping[str, Any]) -> float:
    """A finding's moment on the output clock."""
    if at["clock"] == "call":
        return alignment.to_output(at["s"])
    return float(at["s"]) + (alignment.output_shift_s if at["clock"] == "recording" else 0.0)


def marks_of(examined: Examined) -> Iterator[Mark]:
    """The marks in time's order. Marks of one moment are merged; the most important label goes first."""
    found = sorted(_each_mark(examined), key=lambda mark: mark.at_s)
    for group in _grouped(found, _SAME_MARK_S):
        ranked = sorted(group, key=lambda mark: mark.rank)
        labels = dict.fromkeys(mark.label for mark in ranked)
        first = ranked[0]
        yield Mark(first.at_s, ", ".join(labels), first.colour, first.dash, first.rank)


def _each_mark(examined: Examined) -> Iterator[Mark]:
    alignment, plan, reported = examined.alignment, examined.timeline, examined.diagnosis.call_end
    call_s = examined.call_s
    has_output = examined.refused is None
    if examined.placement.source == "measured":
        for change in rate_changes(alignment, call_s):
            label = f"rate {change.before_ppm:+.1f} to {change.after_ppm:+.1f} ppm"
            yield Mark(alignment.to_output(change.call_s), label, "mark", RATE_DASH, 0)
    yield from _part_marks(alignment, call_s)
    for from_s, to_s in suspended_spans(examined.document):
        yield Mark(from_s, "recording suspended", "suspended", (2, 2), 1)
        yield Mark(to_s, "recording resumed", "suspended", (2, 2), 1)
    for from_s, to_s in redacted_spans(examined.document):
        yield Mark(from_s, "redacted", "suspended", (2, 2), 1)
        yield Mark(to_s, "end of redaction", "suspended", (2, 2), 1)
    for jump in alignment.jumps:
        yield Mark(alignment.to_output(jump.call_s), f"jump {size_text(jump.size_s)}", "mark", (8, 2), 0)
    if_so = "" if has_output else _IF_PLACED.get(examined.placement.source, "")
    yield Mark(alignment.to_output(0.0), f"call start{if_so}", "accent", (), 1)
    yield Mark(alignment.to_output(call_s), f"call end{if_so}", "accent", (), 1)
    yield Mark(reported.recording_s + alignment.output_shift_s, "reported end", "head", (6, 4), 2)
    if has_output:
        for seam_s in plan.seams_s:
            yield Mark(seam_s, "seam", "ink", (2, 3), 3)


def _part_marks(alignment: Alignment, call_s: float) -> Iterator[Mark]:
    """The moments at which the agent joins and leaves a call."""
    if alignment.part is None:
        return
    for at_s, label in ((alignment.part.start_s, "agent joins"), (alignment.part.end_s, "agent leaves")):
        if 0.0 < at_s < call_s:
            yield Mark(alignment.to_output(at_s), label, "accent", (4, 3), 1)


def _grouped(found: Sequence[_Timed], apart_s: float) -> Iterator[Sequence[_Timed]]:
    if not found:
        return
    cuts = [0, *(k + 1 for k, (a, b) in enumerate(pairwise(found)) if b.at_s - a.at_s > apart_s), len(found)]
    for first, last in pairwise(cuts):
        yield found[first:last]


def stretches_of(examined: Examined) -> Iterator[Stretch]:
    """Silence, hold music, dropouts and clipping of every input channel; masks, suspensions and redactions of all."""
    if examined.masks.masks_sound:
        for mask in examined.masks.output:
            yield Stretch(mask.start_s, mask.end_s, "masked", None)
    for from_s, to_s in suspended_spans(examined.document):
        yield Stretch(from_s, to_s, "suspended", None)
    for from_s, to_s in redacted_spans(examined.document):
        yield Stretch(from_s, to_s, "redacted", None)
    pair, to_output_s = examined.diagnosis.pair, examined.alignment.to_output
    call = np.asarray(pair.call[0 : pair.call.shape[0]])
    for number, (side, levels) in enumerate(examined.diagnosis.levels["call"].items()):
        yield from _of_channel(levels, clipped_spans(call[:, number], RATE), side, to_output_s)
    shift_s = examined.alignment.output_shift_s
    if examined.diagnosis.recording.audio is not None:
        for levels in examined.diagnosis.levels["recording"].values():
            clipped = clipped_spans(pair.recording, RATE)
            yield from _of_channel(levels, clipped, "recording", lambda s: s + shift_s)


def _of_channel(
    levels: ChannelLevels, clipped: Sequence[Span], track: str, to_output_s: Callable[[float], float]
) -> Iterator[Stretch]:
    kinds: dict[str, Sequence[Span]] = {
        "silence": sorted(levels.silences, key=lambda span: -span.length_s),
        "hold": [music.span for music in levels.hold_music],
        "dropout": levels.dropouts,
        "clipping": clipped,
    }
    for kind, spans in kinds.items():
        for span in spans[:_MOST_STRETCHES]:
            yield Stretch(to_output_s(span.start_s), to_output_s(span.end_s), kind, track)


def places_of(examined: Examined, findings: Sequence[Mapping[str, Any]]) -> dict[int, float]:
    """The output time of each finding that has one, by the finding's number."""
    placed = {
        row: to_output(examined.alignment, finding["at"])
        for row, finding in enumerate(findings)
        if finding["at"] is not None
    }
    return {row: at_s for row, at_s in placed.items() if at_s >= 0 or findings[row]["status"] != "pass"}


def moments_of(examined: Examined, findings: Sequence[Mapping[str, Any]]) -> Iterator[Moment]:
    """The marks, and the findings that don't pass. Neighbours within 20 ms are one moment."""
    found = [Moment(max(0.0, mark.at_s), mark.label) for mark in marks_of(examined)]
    for row, at_s in places_of(examined, findings).items():
        if findings[row]["status"] != "pass":
            found.append(Moment(max(0.0, at_s), findings[row]["text"], (row,)))
    for group in _grouped(sorted(found, key=lambda moment: moment.at_s), _SAME_MOMENT_S):
        rows = tuple(row for moment in group for row in moment.rows)
        at_s = next((moment.at_s for moment in group if moment.rows), group[0].at_s)
        texts = dict.fromkeys(moment.text for moment in sorted(group, key=lambda moment: bool(moment.rows)))
        labels = ", ".join(text for text in texts if not text.endswith("."))
        sentences = " ".join(text for text in texts if text.endswith("."))
        yield Moment(at_s, f"{clock_text(at_s)}: {f'{labels}. ' if labels and sentences else labels}{sentences}", rows)
