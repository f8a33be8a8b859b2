"""The comparison's section of a report page."""

from __future__ import annotations

from parsed_pages import ParsedPage
from report_pages import made_page

from komorebi_qc.desk.report.comparison_html import comparison_html
from komorebi_qc.desk.report.content import Comparison, LeftOut, StretchRow

NASTY = "</script><b>&"


def test_a_page_without_a_comparison_has_no_section() -> None:
    """An empty section would claim a comparison."""
    assert comparison_html(made_page(2.0)) == ""


def test_every_part_is_shown_and_escaped() -> None:
    """Summary, stretches with links, candidates and players; a text can't end an element."""
    rows = [StretchRow(f"call, {n} {NASTY}", "agrees", "2.0 s", 1.5 if n else None) for n in range(8)]
    compared = Comparison(
        ("warn", "It isn't known."),
        f"Of 60 s {NASTY}",
        rows=rows,
        candidates=[("1.0 s (used)", "00:01:01.000", "90%", "70.0 %")],
        candidates_caption="The audio fits at 1 place.",
        left_out=[LeftOut("Left out 1", "audio/left_out_1.m4a"), LeftOut("Left out 2", "")],
    )
    page = ParsedPage(comparison_html(made_page(20.0, comparison=compared)))
    assert page.text.count(NASTY) == 9
    assert "2 more stretches" in page.text
    assert "70.0 %" in page.text
    assert [link["data-at"] for link in page.links] == ["1.5"] * 7
    assert page.links[0]["href"] == "recording.mp4#t=1.500"
    assert [given["src"] for tag, given in page.tags if tag == "audio"] == ["audio/left_out_1.m4a"]
    assert "Left out 2. This page has no room for its audio" in page.text
