"""How a call is placed, in words."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sync_results import candidates_result

from komorebi_qc.core.timebase import Alignment, Span
from komorebi_qc.desk.words.placement import candidate_rows, placement_sentence, shown_candidates
from komorebi_qc.findings.evidence import Placement

AT = Alignment(2.0)


@pytest.mark.parametrize(
    ("placement", "sentences"),
    [
        (Placement(AT, "measured", candidates_result(), 1e-5), ["The call and the recording are in sync."]),
        (
            Placement(AT, "candidate", candidates_result(), 0.005),
            [
                "The audio fits at 3 places; the one that fits the reported end is used.",
                "Audio and video may be 5 ms apart.",
            ],
        ),
        (
            Placement(AT, "call_end", None, 1.3),
            [
                "The place of the call was not measured.",
                "The call is placed by its reported end.",
                "Audio and video may be 1.3 s apart.",
            ],
        ),
        (
            Placement(AT, "call_end", None, 1.3, is_by_record=True),
            [
                "The place of the call was not measured.",
                "The call is placed by its end by the contact's record, in whole seconds.",
                "Audio and video may be 1.3 s apart.",
            ],
        ),
        (Placement(AT, "manual", None), ["The call is placed by a given offset.", "Its place was not measured."]),
    ],
)
def test_each_placement_has_its_sentence(placement: Placement, sentences: list[str]) -> None:
    """Only a measured one is in sync; the others state how far off they may be."""
    assert placement_sentence(placement) == " ".join(sentences)


def test_one_candidate_alone_is_too_little_evidence() -> None:
    """A single place isn't a choice between several."""
    result = replace(candidates_result(), candidates=candidates_result().candidates[:1])
    assert placement_sentence(Placement(AT, "candidate", result)).startswith("The audio fits at one place, but ")


def test_the_agents_part_is_named() -> None:
    """The sentence has both ends of the part, on the call clock."""
    placement = Placement(replace(AT, part=Span(0.0, 72.5)), "measured", candidates_result())
    assert "takes part in the call from 00:00:00.000 to 00:01:12.500" in placement_sentence(placement)


def test_candidates_are_listed_with_their_probability() -> None:
    """The one in use is marked; a pair of different calls has no candidates."""
    rows = list(candidate_rows(candidates_result(), AT))
    assert [row[0] for row in rows] == ["10.0000 s", "2.0000 s (used)", "-6.0000 s"]
    assert rows[1][1:] == ("00:01:02.000", "90%", "70.0 %")
    assert shown_candidates(replace(candidates_result(), status="wrong_pair")) == ()
