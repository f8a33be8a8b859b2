"""The difference between two results."""

from __future__ import annotations

from typing import Any

import pytest

from komorebi_qc.pipeline.correction.changes import changed_findings, moved, placed


def alignment(*points: tuple[float, float]) -> dict[str, Any]:
    """An alignment with a map."""
    return {"offset_s": points[0][1], "segments": [{"call_s": call, "recording_s": at} for call, at in points]}


def test_the_move_is_measured_over_the_whole_call() -> None:
    """At the start, at the end, and at most: a jump's two sides are told apart."""
    before = alignment((0.0, 2.0), (60.0, 62.0))
    after = alignment((0.0, 2.5), (30.0, 32.5), (30.0, 31.0), (50.0, 51.0), (50.0, 52.2), (60.0, 62.2))
    assert moved(before, after) == {"start_s": 0.5, "end_s": 0.2, "most_s": -1.0}
    assert moved(before, before) == {"start_s": 0.0, "end_s": 0.0, "most_s": 0.0}
    assert moved({"segments": []}, after) is None


def test_only_changed_findings_are_listed() -> None:
    """With both statuses; a status is null in the result that lacks the finding."""

    def document(**statuses: str) -> dict[str, Any]:
        return {"findings": [{"name": name, "status": status, "text": name} for name, status in statuses.items()]}

    found = changed_findings(document(a="pass", b="warn", d="fail"), document(a="pass", b="pass", c="fail"))
    assert [(one["name"], one["before"], one["after"]) for one in found] == [
        ("b", "warn", "pass"),
        ("c", None, "fail"),
        ("d", "fail", None),
    ]


def test_a_document_of_an_earlier_schema_has_a_place() -> None:
    """It has no key `correction`."""
    found = placed({"alignment": {"source": "measured", "offset_s": 2.0}, "verdict": "pass"})
    assert (found["offset_s"], found["drift_ppm"], found["correction"]) == (2.0, None, None)
    with pytest.raises(KeyError):
        placed({})
