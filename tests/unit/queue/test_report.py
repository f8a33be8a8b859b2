"""The result of a message, for the log and for metrics."""

from __future__ import annotations

import pytest

from komorebi_qc.queue.report import Metric, Report

FAILED = Report("passing", "m-1", "contact-1", 2, 0.5, "StorageError", "s3://in/2026/11/24/erika/c.mp4 is slow", 60)


def test_the_log_has_no_folder_of_a_key() -> None:
    """The folder names the agent; a debug log has it."""
    assert "erika" not in FAILED.fields()["detail"]
    assert "erika" in FAILED.fields(with_keys=True)["detail"]
    assert "deadLettered" not in FAILED.fields()


def test_a_failure_is_counted_by_its_cause() -> None:
    """It has one count of all failures, and one of its class."""
    assert FAILED.metrics() == [
        Metric("Failed", "Count", 1.0),
        Metric("FailedByCause", "Count", 1.0, {"cause": "StorageError"}),
    ]


@pytest.mark.parametrize(
    ("report", "level"),
    [
        (Report("skipped", "m-1", None, 1, 0.1), "INFO"),
        (FAILED, "WARNING"),
        (Report("passing", "m-1", None, 1, 0.1, "AccessDeniedError"), "ERROR"),
        (Report("passing", "m-1", None, 9, 0.1, "StorageError", is_dead_lettered=True), "ERROR"),
        (Report("held", "m-1", None, 1, 0.1, "HeldError", is_dead_lettered=True), "WARNING"),
        (Report("held", "m-1", None, 1, 0.1, "HeldError"), "ERROR"),
    ],
)
def test_an_operator_is_called_for_what_needs_one(report: Report, level: str) -> None:
    """A failure that is tried again is a warning; a dead letter and a missing permission are errors."""
    assert report.level == level
