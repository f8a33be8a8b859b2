"""The tables of findings."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING
from urllib.parse import unquote

import pytest
from parsed_pages import ParsedPage
from report_pages import finding, made_page

from komorebi_qc.core.timebase import clock_text
from komorebi_qc.desk.report.html import report_html
from komorebi_qc.desk.report.tables import exact_text
from komorebi_qc.desk.report.timeline import to_output

if TYPE_CHECKING:
    from komorebi_qc.pipeline.examine import Examined


def test_every_number_is_the_documents(sample: tuple[Examined, str]) -> None:
    """Each finding's value, limit, status and place are those of qc.json, to the last digit."""
    found, page = sample
    document = json.loads((found.folder / "recording.qc.json").read_text())
    rows = ParsedPage(page).rows
    assert len(rows) == len(document["findings"])
    for number, expected in enumerate(document["findings"]):
        status, name, value, limit, text, place = rows[number]
        assert (status, name) == (expected["status"], expected["name"].replace("_", " "))
        if isinstance(expected["value"], str):
            assert value == expected["value"].replace("_", " ")
        else:
            assert float(value.split()[0]) == expected["value"]
        if expected["limit"] is not None:
            assert float(limit.lstrip("≤≥ ").split()[0]) == expected["limit"]
        assert text.lower().replace("-0.0 ", "0.0 ") == expected["text"].lower().replace("-0.0 ", "0.0 ")
        at = expected["at"]
        assert place == ("" if at is None else clock_text(to_output(found.alignment, at)))


def test_links_lead_into_the_video(sample: tuple[Examined, str]) -> None:
    """Without scripts, each link opens the video at its finding's moment, to a millisecond."""
    found, page = sample
    findings = found.document["findings"]
    links = [link for link in ParsedPage(page).links if "data-of" in link]
    assert {int(str(link["data-of"])) for link in links} == {
        row for row, one in enumerate(findings) if one["at"] is not None
    }
    for link in links:
        name, _, fragment = str(link["href"]).partition("#t=")
        assert unquote(name) == found.video.name
        place_s = to_output(found.alignment, findings[int(str(link["data-of"]))]["at"])
        assert float(fragment) == pytest.approx(place_s, abs=0.0006)


def test_passing_findings_are_collapsed() -> None:
    """Findings that fail and warn are open, the worst first; the others are counted and collapsed."""
    page = report_html(made_page(5.0))
    fail, warn, collapsed = (page.index(f'data-row="{row}"') for row in (2, 1, 0))
    assert fail < warn < page.index('<details class="passing"><summary>1 finding passes</summary>') < collapsed
    assert "Of 3 findings, 1 fails and 1 warns." in page


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [(1, "channels", "1 channel"), (2, "channels", "2 channels"), (2.6e-05, "s", "0.000026 s"), (-0.0, "s", "0.0 s")],
)
def test_values_are_written_for_people(value: float, unit: str, expected: str) -> None:
    """Units have a singular, small numbers have no exponent, and a zero has no sign."""
    findings = [finding("some", value, "pass", unit=unit, limit=None, text="The median is -0.0 ms, -0.05 at most.")]
    page = made_page(3.0, document={"verdict": "pass", "findings": findings}, places={}, moments=())
    row = ParsedPage(report_html(page)).rows[0]
    assert row[2] == expected
    assert row[4] == "The median is 0.0 ms, -0.05 at most."


def test_exact_numbers_read_back_equal() -> None:
    """A number written without an exponent is the same number."""
    for number in (0.1 + 0.2, 2.6e-05, -0.0675, 122.349993, 1e-12, 3600.0):
        assert float(exact_text(number)) == number
        assert "e" not in exact_text(number)
    assert math.copysign(1, float(exact_text(-0.0))) == 1
