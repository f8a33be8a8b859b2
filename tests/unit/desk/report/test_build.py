"""The content of a report page, from an examination."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from desk import wrong_session
from examinations import bent, held, in_parts, not_measured
from parsed_pages import ParsedPage, data_of
from report_pages import sample_report

from komorebi_qc.core.privacy.masks import Masks
from komorebi_qc.core.timebase import Span, clock_text
from komorebi_qc.desk.report.build import page_of
from komorebi_qc.desk.report.html import report_html
from komorebi_qc.desk.report.tables import exact_text

if TYPE_CHECKING:
    from pathlib import Path

    from komorebi_qc.findings.evidence import AlignmentSource
    from komorebi_qc.pipeline.examine import Examined

MOST_BYTES = 1_000_000


def test_the_top_has_the_documents_numbers(sample: tuple[Examined, str]) -> None:
    """Offset, call end and drift are those of qc.json, to the last digit, and the verdict comes first."""
    found, page = sample
    text = ParsedPage(page).text
    document = found.document
    for number in (
        document["alignment"]["offset_s"],
        document["call_end"]["measured_s"],
        document["alignment"]["drift_ppm"],
    ):
        assert exact_text(number) in text
    assert text.index("Usable, but look at it.") < text.index("The unified recording") < text.index("Findings")
    assert "The call and the recording are in sync." in text
    assert "No clock jumps found." in text
    assert clock_text(found.diagnosis.call_end.recording_s) in text


def test_a_page_sent_alone_holds_its_video(tmp_path: Path) -> None:
    """With `embed_s`, video and audio around the worst finding are in the page itself, which stays under 1 MB."""
    found, report = sample_report(tmp_path, embed_s=8.0)
    page = report.read_text(encoding="utf-8")
    assert len(page.encode()) <= MOST_BYTES
    assert found.video.name not in {str(tag[1].get("src")) for tag in ParsedPage(page).tags}
    data = data_of(page)
    assert set(data["audio"]) == {"result", "customer", "agent", "recording", "both"}
    assert all(source.startswith("data:") for name, source in data["audio"].items() if name != "result")
    worst = next(one for one in found.document["findings"] if one["status"] != "pass" and one["at"] is not None)
    assert data["video_start_s"] <= worst["at"]["s"] <= data["video_start_s"] + 8.0
    assert data["audio_start_s"] == data["video_start_s"]


def test_a_masked_copy_is_not_as_received() -> None:
    """The heading and the player's message say that the agent recording was masked."""
    found = replace(held(), masks=Masks("picture", output=(Span(1.0, 2.0),)))
    page = report_html(page_of(found, b"", "image/png"))
    assert "The agent recording, masked" in ParsedPage(page).text
    assert data_of(page)["audio_messages"]["result"].startswith("You hear the agent recording masked:")
    assert "as received" not in page


def test_a_wrong_pair_has_no_unified_recording() -> None:
    """The page states it first, shows the recording as received, and the call's position by its reported end."""
    found = wrong_session().examined
    page = report_html(page_of(found, b"", "image/png"))
    text = ParsedPage(page).text
    headline = text.index("Something is wrong. No unified recording was written: ")
    assert headline < text.index("The agent recording, as received")
    assert "published" not in text
    assert "The unified recording" not in text
    data = data_of(page)
    assert data["video_start_s"] == pytest.approx(found.alignment.output_shift_s)
    labels = [mark["label"] for mark in data["marks"]]
    assert labels == ["call start if as reported", "call end if as reported, reported end"]


@pytest.mark.parametrize("source", ["candidate", "call_end", "manual"])
def test_a_place_without_measurement_states_that(source: AlignmentSource) -> None:
    """Drift, jumps and the call end are "not measured", and the error of the place has a bound."""
    facts = dict(page_of(not_measured(source), b"", "image/png").facts)
    for name in ("Measured call end", "Jumps of the recording's clock", "Clock drift"):
        assert facts[name] == "not measured"
    assert facts["Call start"].startswith("not measured; ")
    assert " s after the recording's start, by " in facts["Call start"]
    assert facts["Largest error of that place"] == "5 ms, if the reported end is right"


def test_a_bend_has_both_rates_in_the_facts() -> None:
    """One number would be true nowhere."""
    facts = dict(page_of(bent(), b"", "image/png").facts)
    assert facts["Clock drift"] == "The clock's rate changes: from +50.0 to -60.0 ppm at 00:00:10 of the call."


def test_the_agents_part_is_a_fact() -> None:
    """Its end, on the recording clock."""
    found = in_parts()
    facts = dict(page_of(found, b"", "image/png").facts)
    assert facts["End of the agent's part"].startswith(clock_text(found.alignment.to_recording(15.0)))


def test_a_held_pair_is_a_failure_with_its_candidates() -> None:
    """It has no unified recording; the page names the decision that is open, and lists the places."""
    text = ParsedPage(report_html(page_of(held(), b"", "image/png"))).text
    assert "This pair is held: an operator has to decide. No unified recording was written: " in text
    assert "The audio fits at 3 places of the recording." in text
    assert "90.0 %" in text
