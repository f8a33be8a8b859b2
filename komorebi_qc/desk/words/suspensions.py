"""Suspensions and redactions as the desk shows them: from the document of an examination."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SUSPENDED = "recording was suspended in Connect"
REDACTED = "redacted by Contact Lens"


def suspended_spans(document: Mapping[str, Any]) -> list[tuple[float, float]]:
    """Return the suspensions on the output clock as (start, end), in order; nothing of a call without a place.

    Args:
        document: the content of ``qc.json``, or a diagnosis.
    """
    return _on_output(document.get("suspensions"))


def redacted_spans(document: Mapping[str, Any]) -> list[tuple[float, float]]:
    """Return the redactions on the output clock, as `suspended_spans`."""
    return _on_output(document.get("redactions"))


def _on_output(found: Sequence[Mapping[str, Any]] | None) -> list[tuple[float, float]]:
    placed = [(s["output_from_s"], s["output_to_s"]) for s in found or () if s["output_from_s"] is not None]
    return sorted((max(0.0, from_s), to_s) for from_s, to_s in placed if to_s > 0.0)
