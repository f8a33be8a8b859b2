"""The pages of an audit that went wrong."""

from __future__ import annotations

from komorebi_qc.desk.audit.pages import failure_page, with_alerts
from komorebi_qc.desk.audit.status import AuditStatus, FailedCell, NotebookStatus

REPORT = "<html><main><h1>Report</h1></main></html>"


def test_failed_notebooks_are_at_the_top_of_the_report() -> None:
    """Their sentences are escaped, and the report follows."""
    failed = NotebookStatus("bad", "bad.ipynb", "failed", 3, 1, failed=FailedCell(2, "Part 2", "f()", "E: <no & such>"))
    page = with_alerts(REPORT, AuditStatus(notebooks=[failed]))
    assert 'role="alert"' in page
    assert "code cell 2 of 3, under “Part 2” (f()): E: &lt;no &amp; such&gt;" in page
    assert page.index("alert") < page.index("<h1>Report</h1>")


def test_a_complete_audit_has_no_alert() -> None:
    """The report is unchanged."""
    done = NotebookStatus("good", "good.ipynb", "done", 3, 3)
    assert with_alerts(REPORT, AuditStatus(notebooks=[done])) == REPORT


def test_notes_that_cannot_be_used_are_reported() -> None:
    """Beside a failed notebook too; the file's name keeps its letters."""
    failed = NotebookStatus("bad", "bad.ipynb", "failed", 3, 1, failed=FailedCell(2, "", "f()", "E"))
    page = with_alerts(REPORT, AuditStatus(notebooks=[failed], unused_notes="s3://b/notes.json can't be used: <x>"))
    assert page.count('role="alert"') == 2
    assert "The earlier notes aren't in this report.</b> s3://b/notes.json can&#x27;t be used: &lt;x&gt;.</div>" in page


def test_a_failure_page_has_reason_and_step() -> None:
    """Everything is escaped, and the reason is a sentence."""
    status = AuditStatus(recording="a<b", step="fetch call audio", error="it's <broken>", error_kind="MediaError")
    page = failure_page(status)
    assert "<h1>The recording couldn't be examined</h1>" in page
    assert "<b>It&#x27;s &lt;broken&gt;.</b>" in page
    assert "<dt>Failed during</dt><dd>fetch call audio</dd>" in page
    assert "a&lt;b" in page


def test_a_stopped_audit_has_a_page_without_an_error() -> None:
    """A person who stops an audit learns nothing about the recording."""
    page = failure_page(AuditStatus(state="stopped", recording="one", step="write output"))
    assert "<h1>The audit was stopped</h1>" in page
    assert "<dt>Stopped during</dt><dd>write output</dd>" in page
    assert "couldn't be examined" not in page
    assert "Error" not in page
