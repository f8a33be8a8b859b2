"""One row from several rows of a recording: the newest, with older values that are still valid. Pure.

The rules, for rows made from the same inputs:

* a failed attempt doesn't replace a measured row; the row notes it in ``last_attempt_*``;
* values that weren't measured again stay: levels and their findings, report, output, and the media's properties.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from komorebi_qc.batch.dataset.schema import CARRIED, LAST_ATTEMPT, LEVELS
from komorebi_qc.core.limits import LIMITS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Row = dict[str, Any]
LEVEL_FINDINGS: Final = frozenset(
    f"{scope}_{limit.name}" for limit in LIMITS if "recording" in limit.scopes for scope in limit.scopes
)
"""Findings that need measured levels."""
_FINDINGS = ("warnings", "failures")


def newest(rows: Sequence[Row]) -> Row:
    """The merged row. Of rows with the same time, the later one in the sequence is newer."""
    first, *others = sorted(rows, key=made_at)
    for row in others:
        first = merge_rows(first, row)
    return first


def made_at(row: Mapping[str, Any]) -> datetime:
    """The time of a row; rows without a time are older than all others."""
    when: datetime = row["done_at"] or datetime.min.replace(tzinfo=UTC)
    return when


def merge_rows(old: Row, new: Row) -> Row:
    """The row that counts if `new` was made after `old`."""
    if keeps_measured(old["status"], old["inputs_key"], new):
        # Without a key nothing was attempted: the inputs are missing, and the next run finds that out by itself.
        return old if not new["work_key"] or _attempted_after(old, new) else _noted(old, new)
    if not new["inputs_key"] or new["inputs_key"] != old["inputs_key"]:
        return new
    kept = {name: old.get(name) for name in CARRIED if new.get(name) is None}
    if not has_levels(new) and has_levels(old):
        kept |= {name: old[name] for name in LEVELS} | _with_level_findings(old, new)
    if new["status"] == "done" and _attempted_after(old, new):  # another run failed after `new` was measured
        kept |= {name: old[name] for name in LAST_ATTEMPT}
    return {**new, **kept}


def keeps_measured(status: str, inputs_key: str, failure: Mapping[str, Any]) -> bool:
    """Whether a new row is a failure that doesn't replace a row with this status and these inputs."""
    return failure["status"] == "failed" and status == "done" and failure["inputs_key"] in (None, "", inputs_key)


def has_levels(row: Mapping[str, Any]) -> bool:
    """Whether levels were measured; digital silence has findings, but no levels."""
    return any(row.get(name) is not None for name in LEVELS) or any(_level_findings(row).values())


def level_verdict(row: Mapping[str, Any]) -> str:
    """The verdict of the level findings alone; empty if levels weren't measured."""
    return worst(**_level_findings(row)) if has_levels(row) else ""


def worst(warnings: Sequence[str], failures: Sequence[str]) -> str:
    """The verdict of these findings."""
    return "fail" if failures else "warn" if warnings else "pass"


def worse(one: str, other: str) -> str:
    """The worse of two verdicts; an empty one is the best."""
    return max(one, other, key=("", "pass", "warn", "fail").index)


def _with_level_findings(old: Row, new: Row) -> Row:
    """The new row's findings together with the old row's level findings."""
    if new["status"] != "done":
        return {}
    earlier = _level_findings(old)
    named = {name: [*(new.get(name) or ()), *earlier[name]] for name in _FINDINGS}
    counts = {"warn_count": len(named["warnings"]), "fail_count": len(named["failures"])}
    return {**named, **counts, "verdict": worse(new["verdict"] or "", level_verdict(old))}


def _level_findings(row: Mapping[str, Any]) -> dict[str, list[str]]:
    return {name: [one for one in row.get(name) or () if one in LEVEL_FINDINGS] for name in _FINDINGS}


def _attempted_after(old: Row, new: Row) -> bool:
    attempted_at = old.get("last_attempt_at")
    return attempted_at is not None and attempted_at > made_at(new)


def _noted(old: Row, failure: Row) -> Row:
    """The measured row, with the failed attempt beside it."""
    return {
        **old,
        "report": old.get("report") or failure.get("report"),
        "publication": old.get("publication") or failure.get("publication"),
        "last_attempt_action": failure["action"],
        "last_attempt_at": failure["done_at"],
        "last_attempt_key": failure["work_key"],
        "last_attempt_error_class": failure["error_class"],
        "last_attempt_error": failure["error"],
        "last_attempt_is_worth_a_retry": failure["is_worth_a_retry"],
    }
