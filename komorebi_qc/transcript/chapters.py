"""Chapters of the unified recording, on the output clock: from its start to its end, without gaps.

They say what an analyst looks for first: the call's start and end, music on hold, suspensions, and whether the call
goes on without the agent (a transfer). A chapter under a second isn't one, and belongs to the one before it.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from komorebi_qc.core.output import Chapter

if TYPE_CHECKING:
    from collections.abc import Iterable

    from komorebi_qc.core.output import ChapterKind
    from komorebi_qc.core.privacy.masks import PrivateSpan
    from komorebi_qc.core.splice import Splice
    from komorebi_qc.core.timebase import Span

__all__ = ["Chapter", "chapters_of"]

SHORTEST_S = 1.0
_TITLES: dict[ChapterKind, str] = {
    "before_call": "Before the call",
    "call": "Call",
    "hold": "On hold",
    "suspended": "Recording suspended",
    "transfer": "Transfer: the call without the agent",
    "after_call": "After-call work",
}


def chapters_of(
    splice: Splice, *, call_s: float, end_s: float, private: Iterable[PrivateSpan] = (), holds: Iterable[Span] = ()
) -> tuple[Chapter, ...]:
    """Return the chapters of an output.

    Args:
        splice: which source plays when.
        call_s: the call's length on its own clock.
        end_s: the output's end.
        private: the spans that were not to be recorded, on the call clock. Redactions are words, and have no chapters.
        holds: music on hold, on the call clock.
    """
    alignment, call, part = splice.alignment, splice.call, splice.alignment.part
    marks: list[tuple[float, float, ChapterKind]] = [(0.0, call.start_s, "before_call")]
    if part is not None and part.start_s > SHORTEST_S:
        marks.append((alignment.to_output(0.0), call.start_s, "transfer"))
    marks.append((call.start_s, call.end_s, "call"))
    inside: list[tuple[Span, ChapterKind]] = [(span, "hold") for span in holds]
    inside += [(one.call, "suspended") for one in private if one.reason == "suspended"]
    for span, kind in inside:
        from_s, to_s = alignment.to_output(span.start_s), alignment.to_output(min(span.end_s, call_s))
        marks.append((max(from_s, call.start_s), min(to_s, call.end_s), kind))
    if part is not None and part.end_s < call_s - SHORTEST_S:
        marks.append((call.end_s, alignment.to_output(call_s), "transfer"))
    return _chapters(marks, end_s)


def _chapters(marks: list[tuple[float, float, ChapterKind]], end_s: float) -> tuple[Chapter, ...]:
    """Paint the marks over each other, the later ones on top; the rest is after the call."""
    edges = sorted({0.0, end_s, *(min(max(s, 0.0), end_s) for mark in marks for s in mark[:2])})
    found: list[Chapter] = []
    for from_s, to_s in pairwise(edges):
        kinds = [kind for start_s, stop_s, kind in marks if start_s <= from_s and to_s <= stop_s]
        kind: ChapterKind = kinds[-1] if kinds else "after_call"
        last = found[-1] if found else None
        if last is not None and (last.kind == kind or to_s - from_s < SHORTEST_S):
            found[-1] = Chapter(last.from_s, to_s, last.kind, last.title)
        else:
            found.append(Chapter(from_s, to_s, kind, _TITLES[kind]))
    if len(found) > 1 and found[0].to_s - found[0].from_s < SHORTEST_S:
        second = found[1]
        found[:2] = [Chapter(0.0, second.to_s, second.kind, second.title)]
    return tuple(found)
