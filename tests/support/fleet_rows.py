"""Rows of a fleet for tests."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from komorebi_qc.batch.dataset.schema import SCHEMA_VERSION, WITH_DAY
from komorebi_qc.fleet.dataset import Fleet, fleet_of
from komorebi_qc.storage.object_store import Folder

NOWHERE = Folder(Path("/nowhere"))


def row(number: int, **fields: Any) -> dict[str, Any]:
    """A row of a recording that passes, changed by `fields`."""
    base = {
        "recording_id": f"recording-{number:05d}",
        "agent": f"agent-{number % 10}",
        "schema_version": SCHEMA_VERSION,
        "version": "1.0",
        "action": "diagnose",
        "done_at": datetime(2026, 3, 1, tzinfo=UTC),
        "status": "done",
        "is_worth_a_retry": False,
        "verdict": "pass",
        "warn_count": 0,
        "fail_count": 0,
        "warnings": [],
        "failures": [],
        "sync_status": "aligned",
        "offset_s": 1.5 + (number * 7919 % 100) / 1000,
        "drift_ppm": 0.5,
        "call_end_error_s": -0.5,
        "coverage": 0.98,
        "container": "webm",
        "video_codec": "vp8",
        "audio_codec": "opus",
        "browser": "Chrome/141.0.7390.54",
        "day": (date(2026, 3, 1) + timedelta(days=number % 40)).isoformat(),
    }
    return {**base, **fields}


def failing(**more: Any) -> dict[str, Any]:
    """The fields of a recording that fails."""
    return {"verdict": "fail", "fail_count": 1, "failures": ["sync_status"], "sync_status": "wrong_pair", **more}


def fleet(*rows: dict[str, Any]) -> Fleet:
    """A fleet of these rows."""
    return fleet_of(pa.Table.from_pylist(list(rows), schema=WITH_DAY), NOWHERE, "rows")
