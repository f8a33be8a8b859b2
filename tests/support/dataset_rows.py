"""Rows of a dataset for tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from komorebi_qc.batch.dataset.schema import SCHEMA_VERSION, WITH_DAY

if TYPE_CHECKING:
    from komorebi_qc.batch.dataset.dataset import Dataset

WHEN = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


def row(name: str, at: int = 0, day: str = "2026-11-24", **more: Any) -> dict[str, Any]:
    """A row made `at` seconds after nine."""
    filled = {
        "recording_id": name,
        "status": "done",
        "verdict": "pass",
        "work_key": f"{name}-{at}",
        "inputs_key": "same",
    }
    when = WHEN + timedelta(seconds=at)
    blank: dict[str, Any] = dict.fromkeys(WITH_DAY.names)
    return {**blank, **filled, "schema_version": SCHEMA_VERSION, "done_at": when, "day": day, **more}


def failure(name: str, at: int, **more: Any) -> dict[str, Any]:
    """A row of an attempt that failed `at` seconds after nine."""
    filled = {
        "status": "failed",
        "verdict": None,
        "action": "audit",
        "error_class": "Crash",
        "is_worth_a_retry": False,
    }
    return row(name, at, **{**filled, "error": f"crash at {at}", **more})


def plain(dataset: Dataset) -> list[dict[str, Any]]:
    """All rows of a dataset, without null values."""
    return [{k: v for k, v in found.items() if v is not None} for found in dataset.read().to_pylist()]
