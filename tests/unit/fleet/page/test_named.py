"""The table of recordings by name."""

from __future__ import annotations

from fleet_rows import fleet, row

from komorebi_qc.fleet.page.named import named_table
from komorebi_qc.fleet.study.study import study_of


def test_a_correction_shows_who_when_and_why() -> None:
    """With a link to the report, if a browser can follow it; foreign text is escaped."""
    report = "_reports/1/report.html"
    corrected = {"corrected_by": "kei", "corrected_at": "2026-03-02T10:00:00Z", "correction_why": "<b>late</b>"}
    study = study_of(fleet(row(1, report=report, **corrected), row(2, publication="held")))
    page = named_table(study, {report: "../a%20b/report.html"})
    assert '<a href="../a%20b/report.html">recording-00001</a>' in page
    assert "Corrected by kei at 2026-03-02T10:00:00Z: &lt;b&gt;late&lt;/b&gt;" in page
    assert "<b>late" not in page
    assert "Corrected: 1, held: 1." in page


def test_without_any_there_is_a_sentence() -> None:
    """A fleet in which nothing was decided."""
    assert "No recording was corrected" in named_table(study_of(fleet(row(1))), {})
