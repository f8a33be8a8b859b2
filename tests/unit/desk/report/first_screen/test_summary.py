"""The headline of four."""

from __future__ import annotations

from dataclasses import replace

import pytest
from desk import sample_session
from examinations import held, not_measured

from komorebi_qc.desk.report.first_screen.summary import summary_of


def test_a_good_pair_needs_nothing() -> None:
    """The next step is nothing, and the error of the place is named."""
    found = summary_of(sample_session().examined, None)
    assert (found.next_step, found.command) == ("Nothing.", "")
    assert found.sure == "The place of the call is measured to 0.03 ms (95 %)."


@pytest.mark.parametrize("examined", [held(), not_measured("candidate"), not_measured("call_end")])
def test_an_unsure_pair_is_to_be_heard(examined: object) -> None:
    """The probability of the best candidate is named, and the command applies a saved correction."""
    found = summary_of(examined, None)  # type: ignore[arg-type]
    assert found.sure == "3 places fit. The best one has a probability of 90%."
    assert found.next_step.startswith("Listen to each place")
    assert "--from correction.json" in found.command


def test_an_id_with_a_space_is_quoted() -> None:
    """The command can be pasted into a shell."""
    found = summary_of(replace(held(), recording_id="a b"), None)
    assert found.command == "komorebi-qc correct 'a b' --from correction.json --publish"


def test_a_manual_place_is_named() -> None:
    """It was not measured."""
    assert summary_of(not_measured("manual"), None).sure.startswith("The place of the call was given by hand.")
