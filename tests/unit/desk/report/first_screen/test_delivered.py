"""The delivered file in the report."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from desk import sample_session
from parsed_pages import ParsedPage
from report_pages import PICTURE, made_page

from komorebi_qc.desk.report.build import page_of
from komorebi_qc.desk.report.first_screen.delivered import COMPARE, VERDICT, DeliveredPart, delivered_part
from komorebi_qc.desk.report.html import report_html

LATE = "The delivered file has the call up to 0.476 s too early, at 00:00:00.000 of the call."


@dataclass
class _Delivered:
    """A delivered file that begins 2 s after the recording, and is 0.476 s early."""

    status: str = "fail"

    @property
    def audio(self) -> Any:
        """Its sound is that of the result."""
        return sample_session().examined.tracks.output

    def to_dict(self) -> dict[str, Any]:
        """As of a real one."""
        findings = [{"name": "delivered_alignment", "value": 0.5, "unit": "s", "status": self.status, "text": LATE}]
        spans = [{"from_s": 0.0, "to_s": 4.0, "origin": "call"}, {"from_s": 4.0, "to_s": 5.5, "origin": "other"}]
        return {"file": "a<b>.mp4", "shift_s": -2.0, "findings": findings, "spans": spans}


def _examined(status: str) -> Any:
    delivered: Any = _Delivered(status)
    return replace(sample_session().examined, delivered=delivered)


def test_its_fault_is_the_headline() -> None:
    """A finding that fails is the page's verdict, with the measurement and a next step."""
    page = page_of(_examined("fail"), PICTURE, "image/png")
    assert (page.status, page.verdict) == ("fail", VERDICT)
    assert page.headline.startswith(LATE)
    assert page.summary is not None
    assert page.summary.next_step == COMPARE
    text = ParsedPage(report_html(page)).text
    assert text.count(LATE) >= 3
    assert "a<b>.mp4" in text
    assert "00:00:04.000 to 00:00:05.500" in text
    assert "other sound" in text


def test_a_good_file_changes_no_verdict() -> None:
    """Its findings are in the page, and the verdict is the result's own."""
    page = page_of(_examined("pass"), PICTURE, "image/png")
    assert page.verdict != VERDICT
    assert "The delivered file passes" in ParsedPage(report_html(page)).text


def test_its_spans_are_on_the_output_clock() -> None:
    """By the shift between both files."""
    part = delivered_part(_examined("pass"))
    assert part is not None
    shift_s = sample_session().examined.alignment.output_shift_s
    assert [span[3] for span in part.spans] == [2.0 + shift_s, 6.0 + shift_s]
    assert delivered_part(sample_session().examined) is None


def test_a_page_without_it_has_no_section() -> None:
    """Most audits are without a delivered file."""
    assert "delivered file" not in report_html(made_page(3.0)).partition("<script")[0]
    assert DeliveredPart("x", ()).bad == []
