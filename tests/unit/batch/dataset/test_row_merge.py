"""Two rows of a recording become one: the newest, with older values that are still valid."""

from __future__ import annotations

from typing import Any

from dataset_rows import failure, row

from komorebi_qc.batch.dataset.row_merge import newest


def test_values_that_were_not_measured_again_are_kept() -> None:
    """Processing measures no levels: a diagnosis's levels stay with their findings if the inputs are the same."""
    found: dict[str, Any] = {"warnings": ["call_agent_snr", "drift"], "failures": ["call_agent_clipping"]}
    before = row("one", call_agent_snr_db=30.0, report="report.html", call_bytes=7, verdict="fail", **found)
    after = row("one", 1, output="unified.mp4", warnings=["coverage"], failures=[], verdict="warn")
    kept = newest([after, before])
    assert (kept["call_agent_snr_db"], kept["report"], kept["call_bytes"]) == (30.0, "report.html", 7)
    assert (kept["warnings"], kept["failures"]) == (["coverage", "call_agent_snr"], ["call_agent_clipping"])
    assert (kept["warn_count"], kept["fail_count"], kept["verdict"]) == (2, 1, "fail")
    assert newest([kept, after]) == kept


def test_values_of_other_inputs_are_dropped() -> None:
    """Other inputs, or newly measured levels, replace all of them."""
    before = row("one", call_agent_snr_db=30.0, report="report.html", warnings=["call_agent_snr"], verdict="fail")
    after = row("one", 1, warnings=["coverage"], failures=[], verdict="warn")
    others = newest([before, {**after, "inputs_key": "others"}])
    assert (others["call_agent_snr_db"], others["report"], others["verdict"]) == (None, None, "warn")
    measured = newest([before, {**after, "recording_snr_db": 10.0}])
    assert (measured["call_agent_snr_db"], measured["verdict"]) == (None, "warn")


def test_a_failed_attempt_is_noted_beside_the_measured_row() -> None:
    """The order of merging doesn't matter, and the newest failure is noted."""
    first, failed, later = row("one", 0, offset_s=1.0), failure("one", 5), failure("one", 7)
    kept = newest([failed, first])
    assert (kept["status"], kept["offset_s"], kept["done_at"]) == ("done", 1.0, first["done_at"])
    assert (kept["last_attempt_action"], kept["last_attempt_error"]) == ("audit", "crash at 5")
    assert kept["last_attempt_key"] == "one-5"
    assert newest([kept, failed]) == kept
    assert newest([kept, first, failed]) == kept
    assert newest([newest([first, later]), failed])["last_attempt_error"] == "crash at 7"


def test_a_later_success_clears_the_failed_attempt() -> None:
    """A row measured before that attempt, by another run, doesn't."""
    kept = newest([row("one", 0, offset_s=1.0), failure("one", 5)])
    earlier = newest([kept, row("one", 3, offset_s=3.0)])
    assert (earlier["offset_s"], earlier["last_attempt_error"]) == (3.0, "crash at 5")
    cleared = newest([kept, row("one", 9, offset_s=9.0)])
    assert (cleared["offset_s"], cleared["last_attempt_error"]) == (9.0, None)


def test_a_failure_of_other_inputs_replaces_the_row() -> None:
    """A failure without known inputs doesn't."""
    first = row("one", 0)
    assert newest([first, failure("one", 5, inputs_key="others")])["status"] == "failed"
    assert newest([first, failure("one", 5, inputs_key=None)])["status"] == "done"


def test_the_publication_stays_until_another_one() -> None:
    """A diagnosis or another failure says nothing about it; a held attempt doesn't unpublish a video."""
    published, held = row("one", publication="unconfirmed"), failure("one", 5, publication="held")
    assert newest([published, held])["publication"] == "unconfirmed"
    assert newest([row("one"), held])["publication"] == "held"
    assert newest([held, row("one", 7)])["publication"] == "held"
    assert newest([held, failure("one", 7)])["publication"] == "held"
    assert newest([held, row("one", 7, publication="confirmed")])["publication"] == "confirmed"
    assert newest([held, row("one", 7, inputs_key="others")])["publication"] is None
