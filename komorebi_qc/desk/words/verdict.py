"""The first sentence about an examined recording: the verdict and the call's placement, which agree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from komorebi_qc.core.errors import refusal_reason
from komorebi_qc.desk.words.placement import (
    GIVEN,
    NOT_MEASURED,
    PLACED_BY,
    UNMEASURED,
    bound_text,
    placement_sentence,
)
from komorebi_qc.desk.words.rates import rate_changes, rates_sentence, size_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from komorebi_qc.pipeline.examine import Examined

VERDICTS = {"pass": "No problem found.", "warn": "Usable, but look at it.", "fail": "Something is wrong."}
BELONGING = "belonging"
"""The name of the finding."""
RESIDUAL = "alignment_residual"
"""The name of the finding about the call in the output against the recording's own sound."""
HELD = "This pair is held: an operator has to decide."


def shown_verdict(examined: Examined) -> str:
    """Return ``pass``, ``warn`` or ``fail``: a pair without a unified recording fails."""
    return "fail" if examined.refused is not None else str(examined.document["verdict"])


def is_held(examined: Examined) -> bool:
    """Return whether nothing was written because nothing confirms that both files belong together."""
    return examined.refused is not None and examined.diagnosis.sync.status != "wrong_pair"


def unmeasured_start(examined: Examined) -> str:
    """Return where a call starts whose place wasn't measured, and the basis of that place."""
    if examined.refused is not None and not is_held(examined):
        return NOT_MEASURED
    offset_s, basis = examined.alignment.offset_s, PLACED_BY[examined.placement.source]
    start = f"{abs(offset_s):.3f} s {'after' if offset_s >= 0 else 'before'} the recording's start, by {basis}"
    return f"{NOT_MEASURED}; {'a release would use ' if is_held(examined) else ''}{start}"


def verdict_sentence(examined: Examined) -> str:
    """Return the verdict in words, such as "Usable, but look at it."."""
    return HELD if is_held(examined) else VERDICTS[shown_verdict(examined)]


def belonging(examined: Examined) -> tuple[str, str]:
    """Return the status and the sentence about whether both files belong to the same call, with the evidence."""
    for finding in examined.document["findings"]:
        if finding["name"] == BELONGING:
            return finding["status"], finding["text"]
    return "warn", "It was not measured whether both files belong to the same call."


def headline(examined: Examined) -> str:
    """Return the answer to an analyst's first question: whether both are in sync, or why nothing was written."""
    if examined.refused is not None:
        return f"No unified recording was written: {refusal_reason(examined.refused)}."
    parts = [placement_sentence(examined.placement)]
    if examined.placement.source == "manual":
        parts = [GIVEN, _residual_sentence(examined.document["findings"])]
    if examined.placement.source == "measured":
        alignment = examined.alignment
        parts += [_jump_sentence([jump.size_s for jump in alignment.jumps])]
        parts += [rates_sentence(rate_changes(alignment, examined.call_s))]
    return " ".join(part for part in parts if part)


def _residual_sentence(findings: Sequence[Mapping[str, Any]]) -> str:
    """Return how far the recording's own sound is from a given place. Nothing else measured that place."""
    for finding in findings:
        if finding["name"] == RESIDUAL and isinstance(finding["value"], float):
            size = bound_text(finding["value"])
            if finding["status"] == "pass":
                return f"The recording's own sound is within {size} of it."
            return f"The recording's own sound is {size} away from it."
    return UNMEASURED


def _jump_sentence(sizes_s: Sequence[float]) -> str:
    if not sizes_s:
        return ""
    if len(sizes_s) == 1:
        return f"One jump of the recording's clock by {size_text(sizes_s[0]).lstrip('+-')} was corrected."
    return f"{len(sizes_s)} jumps of the recording's clock were corrected."
