"""Masks of the unified recording: their finding, and their part of ``qc.json``. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from komorebi_qc.core.finding import At, Finding, counted
from komorebi_qc.core.limits import DEFAULT
from komorebi_qc.core.timebase import clock_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from komorebi_qc.core.limits import Limits
    from komorebi_qc.core.timebase import Span
    from komorebi_qc.findings.evidence import Evidence

_NAME = "mask_level"
_MASKED = {"none": "Nothing is masked", "sound": "The sound is masked", "picture": "Sound and picture are masked"}


def mask_findings(evidence: Evidence, limits: Limits = DEFAULT) -> Iterator[Finding]:
    """The finding about the sound left in the masks, if the written file has any.

    Args:
        evidence: the run.
        limits: the limits to check against.
    """
    levels = evidence.mask_levels
    if not levels:
        return
    worst = max(levels, key=lambda level: level.level_db)
    total_s = sum(level.output.length_s for level in levels)
    spans = f"{counted(len(levels), 'span')} of the output, {total_s:.3f} s in all"
    yield limits.finding(
        _NAME,
        worst.level_db,
        f"{_MASKED[evidence.masks.choice]} in {spans}. The sound left there has {worst.level_db:.1f} dBFS from "
        f"{clock_text(worst.output.start_s)} to {clock_text(worst.output.end_s)}.",
        good=f"{_MASKED[evidence.masks.choice]} in {spans}. The written file is silent there.",
        digits=1,
        at=At("output", worst.output.start_s),
    )


def masks_dict(evidence: Evidence) -> dict[str, Any]:
    """The private spans and their masks, for JSON. A mask on the output has the level of the sound left in it."""
    masks, private = evidence.masks, evidence.private or ()
    levels: list[dict[str, float | None]] = [{"level_db": None} for _ in masks.output]
    for mask, shown in zip(masks.output, levels, strict=True):
        left = [level.level_db for level in evidence.mask_levels if level.output.start_s == mask.start_s]
        shown["level_db"] = round(left[0], 1) if left else None
    return {
        "choice": masks.choice,
        "margin_s": masks.margin_s,
        "private": [
            {"reason": span.reason, **place}
            for span, place in zip(private, _spans("call", [span.call for span in private]), strict=True)
        ],
        "call": _spans("call", masks.call),
        "recording": _spans("recording", masks.recording),
        "picture": _spans("recording", masks.of_picture),
        "output": [{**place, **level} for place, level in zip(_spans("output", masks.output), levels, strict=True)],
    }


def _spans(clock: str, spans: Sequence[Span]) -> list[dict[str, Any]]:
    return [{f"{clock}_from_s": round(s.start_s, 6), f"{clock}_to_s": round(s.end_s, 6)} for s in spans]
