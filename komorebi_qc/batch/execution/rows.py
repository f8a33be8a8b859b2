"""A row of the dataset from a recording's task and its outcome. Pure."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from komorebi_qc import __version__
from komorebi_qc.batch.dataset.row_merge import worst
from komorebi_qc.batch.dataset.schema import DAY, SCHEMA_VERSION, UNKNOWN_DAY, WITH_DAY
from komorebi_qc.batch.execution.work_keys import work_key
from komorebi_qc.core.errors import (
    AccessDeniedError,
    DoesNotFitError,
    HeldError,
    MissingMediaError,
    PassingError,
    SettingsError,
)
from komorebi_qc.core.limits import DEFAULT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from komorebi_qc.batch.execution.tasks import Task
    from komorebi_qc.batch.manifest.items import Item, RejectedRow
    from komorebi_qc.core.errors import KomorebiError

Row = dict[str, Any]
_FIXED_ELSEWHERE = (AccessDeniedError, DoesNotFitError, MissingMediaError, SettingsError)
"""Errors that end with a change that the row's keys don't cover."""
_MAX_CHARACTERS = 1000
"""Of an error in a row."""


def row_of(task: Task, outcome: Mapping[str, Any]) -> Row:
    """The row of a task; `outcome` has the columns that its work filled."""
    browser = task.item.browser or outcome.get("browser")
    return _row(
        {
            **_listed(task.item),
            "agent": task.agent or None,
            "call": task.call,
            "recording": task.recording,
            "analysis": task.item.analysis or None,
            "transcript": task.item.transcript or None,
            "call_etag": task.call_etag,
            "recording_etag": task.recording_etag,
            "action": task.request.action,
            "work_key": task.work_key,
            "inputs_key": task.inputs_key,
            DAY: task.day or UNKNOWN_DAY,
            **_correction(task),
            **outcome,
            "browser": browser or None,
        }
    )


def unresolved_row(item: Item, action: str, failure: Mapping[str, Any]) -> Row:
    """The row of an item whose media weren't found."""
    named = {"agent": item.agent or None, "call": item.connect or None, "recording": item.recording or None}
    named["analysis"] = item.analysis or None
    named["transcript"] = item.transcript or None
    browser = item.browser or None
    return _row(
        {**_listed(item), **named, "browser": browser, "action": action, DAY: item.day or UNKNOWN_DAY, **failure}
    )


def rejected_row(one: RejectedRow, action: str) -> Row:
    """The row of a list's row that can't be used."""
    failure = {**failed(one.error_class, one.reason), "status": "rejected"}
    key = work_key(one.listed_in, action, DEFAULT, one.reason)
    named = {"recording_id": one.listed_in, "listed_in": one.listed_in}
    return _row({**named, "action": action, "work_key": key, DAY: UNKNOWN_DAY, **failure})


def failed(error_class: str, error: str, *, is_worth_a_retry: bool = False) -> Row:
    """The columns of a failed task."""
    return {
        "status": "failed",
        "error_class": error_class,
        "error": error if len(error) <= _MAX_CHARACTERS else error[: _MAX_CHARACTERS - 3] + "...",
        "is_worth_a_retry": is_worth_a_retry,
    }


def failure_of(error: KomorebiError) -> Row:
    """The columns of a task that ended with a foreseen error."""
    is_worth_a_retry = isinstance(error, (PassingError, *_FIXED_ELSEWHERE))
    found = failed(type(error).__name__, str(error), is_worth_a_retry=is_worth_a_retry)
    return {**found, "publication": "held"} if isinstance(error, HeldError) else found


def measured(document: Mapping[str, Any]) -> Row:
    """The columns that a diagnosis (`Diagnosis.to_dict`) or a ``qc.json`` fills."""
    sync, end = document.get("sync") or {}, document["call_end"]
    offset, drift = sync.get("offset_ci_s") or (None, None), sync.get("drift_ci_ppm") or (None, None)
    jumps = [jump["size_s"] for jump in sync.get("jumps") or ()]
    named = {s: [f["name"] for f in document["findings"] if f["status"] == s] for s in ("warn", "fail")}
    durations, codecs = document.get("durations") or {}, document.get("codecs") or {}
    belongs = sync.get("belongs") or {}
    return {
        "status": "done",
        "is_worth_a_retry": False,
        "verdict": worst(named["warn"], named["fail"]),
        "warn_count": len(named["warn"]),
        "fail_count": len(named["fail"]),
        "warnings": named["warn"],
        "failures": named["fail"],
        "sync_status": sync.get("status"),
        "belongs": belongs.get("answer"),
        "belongs_probability": belongs.get("probability"),
        "offset_s": sync.get("offset_s"),
        "offset_low_s": offset[0],
        "offset_high_s": offset[1],
        "drift_ppm": sync.get("drift_ppm"),
        "drift_low_ppm": drift[0],
        "drift_high_ppm": drift[1],
        "jump_count": len(jumps) if sync.get("status") == "aligned" else None,
        "largest_jump_s": max(jumps, key=abs, default=None),
        **_private(document, sync),
        "call_end_reported_s": end["reported_s"],
        "call_end_error_s": end["error_s"],
        "coverage": sync.get("coverage"),
        "sides": sync.get("sides"),
        "duration_s": durations.get("recording_s"),
        "call_s": durations.get("call_s"),
        "video_codec": codecs.get("video_in"),
        "audio_codec": codecs.get("audio_in"),
        "call_codec": codecs.get("call"),
        **_files(document),
        **_contact(document),
        **_levels(document.get("levels") or {}),
    }


def _files(document: Mapping[str, Any]) -> Row:
    """The columns of a recording of several files; empty if the files weren't read as a whole."""
    if "recording_files" not in document:
        return {}
    off_s = next((f["value"] for f in document["findings"] if f["name"] == "recorder_off"), None)
    return {"recording_files": len(document["recording_files"] or ()) or 1, "recorder_off_s": off_s}


def _contact(document: Mapping[str, Any]) -> Row:
    """The columns of the contact's record; empty without one. `core.contact.record` names what is never kept."""
    contact = document.get("contact")
    if contact is None:
        return {}
    end_s = next((f["value"] for f in document["findings"] if f["name"] == "record_disagrees"), None)
    names = ("call_audio_by", "hold_s", "holds", "agent_quality", "customer_quality", "device")
    chain = ("initial_contact_id", "previous_contact_id", "related_contact_id")
    return {
        **{name: contact[name] for name in (*names, *chain)},
        "queue": contact["queue_id"],
        "team": contact["team_id"],
        "record_agent_s": contact["agent_s"],
        "record_call_end_error_s": end_s,
    }


def _private(document: Mapping[str, Any], sync: Mapping[str, Any]) -> Row:
    """The suspensions, and the conversation outside of the call audio; null if nobody looked."""
    suspensions = document.get("suspensions")
    outside = sync.get("outside") if sync.get("status") == "aligned" else None
    return {
        "suspended_count": None if suspensions is None else len(suspensions),
        "suspended_s": None if suspensions is None else _length_s(suspensions, "call"),
        "outside_call_s": None if outside is None else _length_s(outside, "recording"),
    }


def _length_s(spans: Sequence[Mapping[str, Any]], clock: str) -> float:
    return float(sum(span[f"{clock}_to_s"] - span[f"{clock}_from_s"] for span in spans))


def _levels(levels: Mapping[str, Any]) -> Row:
    call, own = levels.get("call", {}), levels.get("recording", {})
    tracks = {"call_customer": call.get("customer"), "call_agent": call.get("agent"), "recording": own.get("mixed")}
    names = ("speech_dbfs", "true_peak_dbtp", "noise_floor_dbfs", "snr_db")
    return {f"{track}_{name}": found[name] for track, found in tracks.items() if found for name in names}


def _correction(task: Task) -> Row:
    return dict(zip(("corrected_by", "corrected_at", "correction_why"), task.correction, strict=False))


def _listed(item: Item) -> Row:
    return {
        "recording_id": item.recording_id,
        "named_by": item.named_by,
        "call_end": item.call_end or None,
        "listed_in": item.listed_in,
    }


def _row(columns: Mapping[str, Any]) -> Row:
    whole = {
        "schema_version": SCHEMA_VERSION,
        "version": __version__,
        "done_at": datetime.now(UTC),
        **{name: _storable(value) for name, value in columns.items()},
    }
    return {name: whole.get(name) for name in WITH_DAY.names}


def _storable(value: Any) -> Any:
    """A value that Parquet takes: null for NaN and infinity, and an escape for half a character pair."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    return None if isinstance(value, float) and not math.isfinite(value) else value
