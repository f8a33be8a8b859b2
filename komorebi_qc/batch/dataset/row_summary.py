"""A short form of a row: enough to decide whether its work is done, for a hundred thousand rows in memory."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from komorebi_qc.batch.dataset.row_merge import keeps_measured, level_verdict, worse
from komorebi_qc.batch.dataset.schema import DAY, LAST_ATTEMPT, LEVELS
from komorebi_qc.core.errors import HeldError

if TYPE_CHECKING:
    from collections.abc import Mapping

COLUMNS = (
    *("recording_id", "work_key", "inputs_key", "done_at", "action", "status", "is_worth_a_retry", "error_class"),
    *("error", "verdict", "warnings", "failures", "listed_in", "publication", "call", "call_audio_by"),
    *(*LAST_ATTEMPT, *LEVELS, DAY),
)
"""The columns that `summary_of` and `komorebi_qc.batch.dataset.row_merge.newest` need."""


@dataclass(frozen=True, slots=True)
class LastAttempt:
    """A failed attempt beside a measured row: the dataset's columns ``last_attempt_*``."""

    key: str
    error: str
    is_worth_a_retry: bool
    error_class: str = ""

    @property
    def outcome(self) -> str:
        """``held``, or ``failed``."""
        return outcome_of("failed", self.error_class)


@dataclass(frozen=True, slots=True)
class RowSummary:
    """A row in short.

    Attributes:
        work_key: as in the dataset; empty if null.
        inputs_key: as in the dataset; empty if null.
        status: as in the dataset.
        is_worth_a_retry: as in the dataset.
        error: as in the dataset; empty if done.
        listed_in: as in the dataset; empty unless rejected.
        verdict: as in the dataset; empty unless done.
        level_verdict: the verdict of the levels alone; empty if they weren't measured.
        last_attempt: the failed attempt that the row notes.
        error_class: as in the dataset; empty if done.
        publication: as in the dataset; empty if null.
        call_by_record: the call audio, if the contact's record named it; else empty.
    """

    work_key: str
    inputs_key: str
    status: str
    is_worth_a_retry: bool
    error: str
    listed_in: str
    verdict: str
    level_verdict: str
    last_attempt: LastAttempt | None
    error_class: str = ""
    publication: str = ""
    call_by_record: str = ""

    @property
    def outcome(self) -> str:
        """The verdict, or the status; ``held`` for a failure that an operator decides about."""
        return self.verdict if self.status == "done" else outcome_of(self.status, self.error_class)


def outcome_of(status: str, error_class: str) -> str:
    """The status of a row that isn't done, with held recordings apart from those that failed."""
    return "held" if status == "failed" and error_class == HeldError.__name__ else status


def summary_of(row: Mapping[str, Any]) -> RowSummary:
    """The summary of a row with the columns `COLUMNS`."""
    status = row["status"] or ""
    key, error = row["last_attempt_key"] or "", row["last_attempt_error"] or ""
    last_class = sys.intern(row["last_attempt_error_class"] or "")
    last_attempt = LastAttempt(key, error, bool(row["last_attempt_is_worth_a_retry"]), last_class)
    return RowSummary(
        row["work_key"] or "",
        row["inputs_key"] or "",
        sys.intern(status),  # equal texts share their memory
        bool(row["is_worth_a_retry"]),
        (row["error"] or "") if status != "done" else "",
        (row["listed_in"] or "") if status == "rejected" else "",
        sys.intern(row["verdict"] or "") if status == "done" else "",
        level_verdict(row),
        last_attempt if row["last_attempt_at"] is not None else None,
        sys.intern(row["error_class"] or "") if status != "done" else "",
        sys.intern(row["publication"] or ""),
        (row["call"] or "") if row["call_audio_by"] == "record" else "",
    )


def merged_summary(before: RowSummary | None, row: Mapping[str, Any]) -> RowSummary:
    """As `komorebi_qc.batch.dataset.row_merge.merge_rows`, for summaries."""
    now = summary_of(row)
    if before is None:
        return now
    if keeps_measured(before.status, before.inputs_key, row):
        failure = LastAttempt(now.work_key, now.error, now.is_worth_a_retry, now.error_class)
        publication = before.publication or now.publication
        return replace(before, last_attempt=failure, publication=publication) if now.work_key else before
    if now.inputs_key and now.inputs_key == before.inputs_key and not now.publication:
        now = replace(now, publication=before.publication)
    if now.status == "done" and now.inputs_key == before.inputs_key and not now.level_verdict:
        verdict = worse(now.verdict, before.level_verdict)
        return replace(now, verdict=verdict, level_verdict=before.level_verdict)
    return now
