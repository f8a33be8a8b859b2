"""The difference between two results of one recording: the move of the call, and the changed findings. Pure."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_EDGE_S = 1e-6
"""A jump is between the two sides of its moment."""
_SHOWN = ("source", "offset_s", "drift_ppm", "jumps")


def placed(document: Mapping[str, Any]) -> dict[str, Any]:
    """The alignment and the verdict of a ``qc.json``, in short."""
    alignment = document["alignment"]
    return {
        **{name: alignment.get(name) for name in _SHOWN},
        "verdict": document["verdict"],
        "correction": document.get("correction"),
    }


def moved(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, float] | None:
    """How far the call moved in the recording: at its start, at its end, and at most.

    Args:
        before: ``alignment`` of a ``qc.json``.
        after: the same of the later result.

    Returns:
        Seconds, positive if it is later now; None if one has no map.
    """
    maps = [one.get("segments") or [] for one in (before, after)]
    if not all(maps):
        return None
    edges = sorted({float(point["call_s"]) for points in maps for point in points})
    inner = [t for one, other in pairwise(edges) if other - one > 2 * _EDGE_S for t in (one + _EDGE_S, other - _EDGE_S)]
    if not inner:
        return None
    was, now = (_interpolated(points, inner) for points in maps)
    by: list[float] = [float(n - w) for w, n in zip(was, now, strict=True)]
    most_s: float = max(by, key=abs)
    return {"start_s": round(by[0], 4), "end_s": round(by[-1], 4), "most_s": round(most_s, 4)}


def _interpolated(points: Sequence[Mapping[str, float]], at_s: Sequence[float]) -> Sequence[float]:
    call, recording = ([float(point[name]) for point in points] for name in ("call_s", "recording_s"))
    return list(np.interp(at_s, call, recording))


def changed_findings(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The findings whose status changed, with both; a finding that one result lacks has null there."""
    was, now = ({one["name"]: one for one in document["findings"]} for document in (before, after))
    names = [*now, *(name for name in was if name not in now)]
    pairs = [(name, was.get(name, {}).get("status"), now.get(name, {}).get("status")) for name in names]
    return [
        {"name": name, "before": old, "after": new, "text": (now.get(name) or was[name])["text"]}
        for name, old, new in pairs
        if old != new
    ]
