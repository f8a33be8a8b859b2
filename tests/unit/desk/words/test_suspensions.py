"""Suspensions and redactions as the desk shows them."""

from __future__ import annotations

from typing import Any

from komorebi_qc.desk.words.suspensions import redacted_spans, suspended_spans


def suspension(output_from_s: float | None, output_to_s: float | None) -> dict[str, Any]:
    """An entry of the document."""
    return {"output_from_s": output_from_s, "output_to_s": output_to_s}


def test_placed_suspensions_are_shown_in_order() -> None:
    """Those without a place, or before the video starts, have no span to show."""
    found = [suspension(30.0, 34.0), suspension(-1.0, 4.0), suspension(None, None), suspension(-9.0, -2.0)]
    assert suspended_spans({"suspensions": found}) == [(0.0, 4.0), (30.0, 34.0)]


def test_a_document_that_nobody_searched_shows_nothing() -> None:
    """As one of an older version."""
    assert suspended_spans({"suspensions": None}) == []
    assert suspended_spans({}) == []


def test_redactions_are_apart_from_suspensions() -> None:
    """Each list has its own spans."""
    document = {"suspensions": [suspension(30.0, 34.0)], "redactions": [suspension(8.0, 9.0)]}
    assert (suspended_spans(document), redacted_spans(document)) == ([(30.0, 34.0)], [(8.0, 9.0)])
    assert redacted_spans({"redactions": None}) == []
