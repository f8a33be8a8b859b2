"""The first sentence about a recording."""

from __future__ import annotations

from dataclasses import replace

import pytest
from desk import sample_session, wrong_session
from examinations import bent, held, in_parts, not_measured

from komorebi_qc.desk.words.verdict import (
    HELD,
    belonging,
    headline,
    is_held,
    shown_verdict,
    unmeasured_start,
    verdict_sentence,
)


def test_only_a_measured_call_is_in_sync() -> None:
    """Every other placement states that it wasn't measured, or that several places fit."""
    assert headline(sample_session().examined) == "The call and the recording are in sync."
    assert "was not measured" in headline(not_measured("call_end"))
    assert headline(not_measured("manual")).startswith("The call is placed by a given offset. ")
    assert headline(not_measured("candidate")).startswith("The audio fits at 3 places; ")


@pytest.mark.parametrize(
    ("status", "value", "words"),
    [
        ("fail", 0.2, "The recording's own sound is 0.2 s away from it."),
        ("pass", 0.0012, "The recording's own sound is within 1 ms of it."),
        ("warn", "undetermined", "Its place was not measured."),
    ],
)
def test_the_headline_of_a_given_offset_has_the_check(status: str, value: float | str, words: str) -> None:
    """An analyst who gave an offset reads how far the recording's own sound is from it."""
    found = not_measured("manual")
    finding = {"name": "alignment_residual", "status": status, "value": value}
    checked = replace(found, document={**found.document, "findings": [finding]})
    assert headline(checked) == f"The call is placed by a given offset. {words}"


def test_bend_and_jump_are_in_the_first_sentence() -> None:
    """The rates on both sides of a bend, and the size of a jump."""
    assert "rate changes: from +50.0 to -60.0 ppm at 00:00:10 of the call." in headline(bent())
    assert "One jump of the recording's clock by 3.00 s was corrected." in headline(in_parts())


def test_a_held_pair_isnt_usable() -> None:
    """Its verdict is no other word than held, and the reason follows."""
    assert is_held(held())
    assert verdict_sentence(held()) == HELD
    assert shown_verdict(held()) == "fail"
    assert headline(held()) == ("No unified recording was written: the audio doesn't confirm the pair (too little).")
    assert unmeasured_start(held()).startswith("not measured; a release would use ")
    assert not is_held(wrong_session().examined)
    assert unmeasured_start(wrong_session().examined) == "not measured"


@pytest.mark.parametrize(("verdict", "words"), [("pass", "No problem"), ("warn", "Usable"), ("fail", "Something is")])
def test_the_documents_verdict_is_in_words(verdict: str, words: str) -> None:
    """Each verdict has its own first words."""
    found = sample_session().examined
    assert verdict_sentence(replace(found, document={**found.document, "verdict": verdict})).startswith(words)


def test_the_evidence_of_belonging_is_the_findings() -> None:
    """The sentence is the finding's; a run without a measurement states that."""
    found = sample_session().examined
    (finding,) = [one for one in found.document["findings"] if one["name"] == "belonging"]
    assert belonging(found) == (finding["status"], finding["text"])
    without = replace(found, document={**found.document, "findings": []})
    assert belonging(without) == ("warn", "It was not measured whether both files belong to the same call.")
