"""Marks, spans and moments on the page's time axis."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from desk import sample_session
from examinations import bent, held, in_parts, suspended

from komorebi_qc.core.privacy.masks import Masks
from komorebi_qc.core.timebase import Alignment, Jump, Span
from komorebi_qc.desk.report.timeline import marks_of, moments_of, places_of, stretches_of, to_output

if TYPE_CHECKING:
    from komorebi_qc.core.privacy.masks import MaskChoice
    from komorebi_qc.pipeline.examine import Examined


def test_neighbours_are_one_moment(sample: tuple[Examined, str]) -> None:
    """A seam at the call's start is one mark, and no two moments are within 20 ms."""
    found, _ = sample
    assert [mark.label for mark in marks_of(found)] == ["call start, seam", "reported end", "call end, seam"]
    moments = list(moments_of(found, found.document["findings"]))
    assert all(later.at_s - earlier.at_s > 0.02 for earlier, later in pairwise(moments))
    assert any(moment.rows for moment in moments)


def test_a_finding_is_placed_on_the_output_clock() -> None:
    """A call time moves with offset and jumps, a recording time with the output's shift."""
    alignment = Alignment(-2.0, 0.0, (Jump(30.0, 0.5),))
    assert to_output(alignment, {"clock": "call", "s": 40.0}) == pytest.approx(40.5)
    assert to_output(alignment, {"clock": "recording", "s": 40.0}) == pytest.approx(42.0)
    assert to_output(alignment, {"clock": "output", "s": 40.0}) == 40.0


def test_every_finding_with_a_moment_has_a_place(sample: tuple[Examined, str]) -> None:
    """Findings without a moment have no place, and failed ones always keep theirs."""
    found, _ = sample
    findings = found.document["findings"]
    places = places_of(found, findings)
    assert set(places) == {row for row, one in enumerate(findings) if one["at"] is not None}


def test_silence_is_a_span_of_its_track() -> None:
    """The sample's silences are marked, on the output clock and within it."""
    found = sample_session().examined
    spans = [span for span in stretches_of(found) if span.kind == "silence"]
    assert {span.track for span in spans} >= {"customer", "agent"}
    expected = found.diagnosis.levels["call"]["customer"].silences
    assert sorted(span.from_s for span in spans if span.track == "customer") == [
        pytest.approx(found.alignment.to_output(silence.start_s)) for silence in expected
    ]


def test_a_bend_is_a_mark_and_no_seam() -> None:
    """The mark has both rates, and there are only the seams at the call's ends."""
    labels = [mark.label for mark in marks_of(bent())]
    assert labels == ["call start, seam", "rate +50.0 to -60.0 ppm", "reported end", "call end, seam"]


def test_the_agent_leaves_at_a_mark() -> None:
    """The moment is on the output clock."""
    found = in_parts()
    (leaves,) = [mark for mark in marks_of(found) if "agent leaves" in mark.label]
    assert leaves.at_s == pytest.approx(found.alignment.to_output(15.0))


def test_a_held_pair_is_shown_at_its_candidate() -> None:
    """The labels state that nothing is placed yet."""
    labels = " ".join(mark.label for mark in marks_of(held()))
    assert "call start if at the candidate" in labels
    assert "seam" not in labels


def test_a_suspension_is_a_span_of_all_tracks_between_two_marks() -> None:
    """On the output clock."""
    found = suspended()
    (span,) = [span for span in stretches_of(found) if span.kind == "suspended"]
    expected = (found.alignment.to_output(8.0), found.alignment.to_output(12.0))
    assert (span.from_s, span.to_s, span.track) == (*expected, None)
    marks = {mark.label: mark.at_s for mark in marks_of(found) if mark.colour == "suspended"}
    assert marks == {"recording suspended": expected[0], "recording resumed": expected[1]}


@pytest.mark.parametrize("choice", ["picture", "none"])
def test_a_mask_is_marked_with_its_margin(choice: MaskChoice) -> None:
    """It is longer than its span, so the silence of the tracks is explained. The choice `none` masks nothing."""
    found = replace(suspended(), masks=Masks(choice, output=(Span(9.0, 15.5),)))
    spans = [(span.from_s, span.to_s, span.track) for span in stretches_of(found) if span.kind == "masked"]
    assert spans == ([(9.0, 15.5, None)] if choice == "picture" else [])


def test_a_redaction_is_a_span_of_all_tracks_between_two_marks() -> None:
    """Contact Lens redacted it: no one suspended the recording."""
    found = suspended("redactions")
    (span,) = [span for span in stretches_of(found) if span.track is None]
    expected = (found.alignment.to_output(8.0), found.alignment.to_output(12.0))
    assert (span.from_s, span.to_s, span.kind) == (*expected, "redacted")
    marks = {mark.label: mark.at_s for mark in marks_of(found) if mark.colour == "suspended"}
    assert marks == {"redacted": expected[0], "end of redaction": expected[1]}
