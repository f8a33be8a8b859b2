"""Whether a difference matters: a level against the limit of the finding that measures it."""

from __future__ import annotations

from typing import Final

from komorebi_qc.core.limits import DEFAULT
from komorebi_qc.fleet.narrative.text import value_text

_LIMITS: Final = {"drift_ppm": "drift", "call_end_error_s": "call_end_error", "coverage": "coverage"}
"""The finding's limit of each measure. The offset has no limit: any measured offset is corrected."""


def matter_text(measure: str, before: float, after: float) -> str:
    """Whether a change of a measure's median matters; empty for a share.

    Args:
        measure: one of `komorebi_qc.fleet.study.queries.MEASURES`, or a share.
        before: the level before the change.
        after: the level from then on.
    """
    if measure == "offset_s":
        return "The offset has no limit: any measured offset is corrected, so this change alone does no harm."
    if measure not in _LIMITS:
        return ""
    limit = DEFAULT.of(_LIMITS[measure])
    statuses = limit.status(before), limit.status(after)
    rule = f"{limit.name} {limit.judges()}"
    if statuses == ("pass", "pass"):
        return f"Both levels are within the limit ({rule}), so this change alone does no harm."
    if statuses[1] == "pass":
        return f"The new level, {value_text(measure, after)}, is within the limit ({rule})."
    return f"It matters: the new level, {value_text(measure, after)}, is beyond the limit ({rule})."
