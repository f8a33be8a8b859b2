"""How a call is placed, in words: measured, by a candidate, by the reported call end, or by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from komorebi_qc.core.finding import counted
from komorebi_qc.core.timebase import clock_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from komorebi_qc.core.timebase import Alignment
    from komorebi_qc.findings.evidence import Placement
    from komorebi_qc.sync import Candidate, SyncResult

NOT_MEASURED = "not measured"
GIVEN = "The call is placed by a given offset."
UNMEASURED = "Its place was not measured."
CANDIDATE_HEAD = ("Call start", "Call end", "Share of the evidence", "Probability")
PLACED_BY = {
    "measured": "the measured alignment",
    "candidate": "the candidate that fits the reported call end",
    "call_end": "the reported call end",
    "manual": "a given offset",
}
_SAME_S = 0.02


def placement_sentence(placement: Placement) -> str:
    """Return one sentence or two: how the call is placed, and how far off it can be."""
    if placement.source == "measured":
        return "The call and the recording are in sync." + _part_sentence(placement.alignment)
    if placement.source == "manual":
        return f"{GIVEN} {UNMEASURED}"
    bound = "" if placement.bound_s is None else f" Audio and video may be {bound_text(placement.bound_s)} apart."
    if placement.source == "candidate" and placement.measured is not None:
        count = len(placement.measured.candidates)
        fits = (
            f"The audio fits at {count} places; the one that fits the reported end is used."
            if count > 1
            else "The audio fits at one place, but there is too little of it to be sure. That place is used."
        )
        return fits + bound
    by = "its end by the contact's record, in whole seconds" if placement.is_by_record else "its reported end"
    return f"The place of the call was not measured. The call is placed by {by}.{bound}"


def _part_sentence(alignment: Alignment) -> str:
    part = alignment.part
    if part is None:
        return ""
    return (
        f" The agent takes part in the call from {clock_text(part.start_s)} to {clock_text(part.end_s)}, and the video "
        "has the call audio of that part."
    )


def bound_text(bound_s: float) -> str:
    """Return how far off a place can be: below 0.1 s in milliseconds."""
    return f"{bound_s:.1f} s" if bound_s >= 0.1 else f"{bound_s * 1000:.0f} ms"


def shown_candidates(result: SyncResult) -> tuple[Candidate, ...]:
    """Return the candidates; a pair of different calls has no place."""
    return () if result.status == "wrong_pair" else result.candidates


def candidate_rows(result: SyncResult, alignment: Alignment) -> Iterator[tuple[str, str, str, str]]:
    """Yield the candidates, the most probable one first, under `CANDIDATE_HEAD`; the one in use is marked."""
    for candidate in shown_candidates(result):
        used = " (used)" if is_used(candidate, alignment) else ""
        yield (
            f"{candidate.offset_s:.4f} s{used}",
            clock_text(candidate.call_end_s),
            f"{candidate.score:.0%}",
            f"{candidate.probability * 100:.1f} %",
        )


def candidates_caption(result: SyncResult) -> str:
    """Return the caption of the list of candidates."""
    places = counted(len(result.candidates), "place", "places")
    return (
        f"The audio fits at {places} of the recording. Times are on the recording clock. The probabilities hold if "
        "both files belong to the same call."
    )


def is_used(candidate: Candidate, alignment: Alignment) -> bool:
    """Return whether a call is placed by this candidate."""
    return abs(candidate.offset_s - alignment.offset_s) <= _SAME_S
