"""The headline of four."""

from __future__ import annotations

from dataclasses import replace

import pytest
from desk import sample_session, wrong_session
from examinations import held, not_measured
from report_pages import finding, made_page

from komorebi_qc.desk.report.first_screen.summary import summary_html, summary_of


def test_a_good_pair_needs_nothing() -> None:
    """The next step is nothing, and the error of the place is named."""
    found = summary_of(sample_session().examined, None)
    assert (found.next_step, found.command) == ("Nothing needs to be done.", "")
    assert found.sure == "The offset is measured to within ±0.03 ms (95 % confidence)."


@pytest.mark.parametrize("examined", [held(), not_measured("candidate"), not_measured("call_end")])
def test_an_unsure_pair_is_to_be_heard(examined: object) -> None:
    """The probability of the best candidate is named, and the command applies a saved correction."""
    found = summary_of(examined, None)  # type: ignore[arg-type]
    assert found.sure == "The best of 3 places for the call has a probability of 90 %."
    assert found.next_step.startswith("Listen to each place")
    assert "--from correction.json" in found.command


def test_an_id_with_a_space_is_quoted() -> None:
    """The command can be pasted into a shell."""
    found = summary_of(replace(held(), recording_id="a b"), None)
    assert found.command == "komorebi-qc correct 'a b' --from correction.json --publish"


def test_a_manual_place_is_named() -> None:
    """It was not measured."""
    assert summary_of(not_measured("manual"), None).sure.startswith("The offset was given by hand.")


def test_a_wrong_pair_has_no_place() -> None:
    """Its certainty is the evidence that the files don't belong together, which has its own line."""
    assert summary_of(wrong_session().examined, None).sure == ""


@pytest.mark.parametrize(
    ("statuses", "text"),
    [
        (["pass", "pass"], "All 2 findings pass."),
        (["pass", "warn"], "Of 2 findings, 1 warns."),
        (["warn", "fail", "warn"], "Of 3 findings, 1 fails and 2 warn."),
        (["fail", "fail"], "Of 2 findings, 2 fail."),
    ],
)
def test_the_findings_are_counted_in_a_sentence(statuses: list[str], text: str) -> None:
    """Without labels such as "Positions: Nowhere."."""
    findings = [finding(f"one_{number}", 1.0, status) for number, status in enumerate(statuses)]
    page = made_page(3.0, document={"verdict": "warn", "findings": findings}, moments=[], places={})
    shown = summary_html(page)
    assert f"<p>{text}</p>" in shown
    assert "<dt>" not in shown
    assert ("<ul>" in shown) == (set(statuses) != {"pass"})
