"""Of several rows of a recording the one that counts: the newest, with what still holds of those before it. Pure.

Made from the same inputs, a failed try leaves the measured row as it is and is noted in it; and what wasn't measured
again stays: the levels with what was found in them, report and output, what the files tell of themselves.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from komorebi_qc.batch.dataset.schema import CARRIED, LAST_TRY, LEVELS
from komorebi_qc.core.limits import LIMITS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Row = dict[str, Any]
LEVEL_FINDINGS: Final = frozenset(
    f"{scope}_{limit.name}" for limit in LIMITS if "recording" in limit.scopes for scope in limit.scopes
)
"""What only those judge who measure levels."""
_NAMED = ("warnings", "failures")


def newest(rows: Sequence[Row]) -> Row:
    """The row that counts; of equally old ones the last."""
    first, *others = sorted(rows, key=age)
    for row in others:
        first = following(first, row)
    return first


def age(row: Mapping[str, Any]) -> datetime:
    """When it was made; of a row that doesn't tell, before all others."""
    when: datetime = row["done_at"] or datetime.min.replace(tzinfo=UTC)
    return when


def following(old: Row, new: Row) -> Row:
    """What counts where `new` was made after `old`."""
    if leaves_measured(old["status"], old["inputs_key"], new):
        # Without a key nothing was tried: the inputs weren't found, which the next run finds out for itself.
        return old if not new["work_key"] or _tried_after(old, new) else _noted(old, new)
    if not new["inputs_key"] or new["inputs_key"] != old["inputs_key"]:
        return new
    kept = {name: old.get(name) for name in CARRIED if new.get(name) is None}
    if not has_levels(new) and has_levels(old):
        kept |= {name: old[name] for name in LEVELS} | _judged(old, new)
    if new["status"] == "done" and _tried_after(old, new):  # it was written later, by another run
        kept |= {name: old[name] for name in LAST_TRY}
    return {**new, **kept}


def leaves_measured(status: str, inputs_key: str, failure: Mapping[str, Any]) -> bool:
    """Whether a row is a failure that doesn't take the place of one with this status, made from these inputs."""
    return failure["status"] == "failed" and status == "done" and failure["inputs_key"] in (None, "", inputs_key)


def has_levels(row: Mapping[str, Any]) -> bool:
    """Whether they were measured; of digital silence there are findings alone."""
    return any(row.get(name) is not None for name in LEVELS) or any(_on_levels(row).values())


def level_verdict(row: Mapping[str, Any]) -> str:
    """The worst of what its levels say; empty where none was measured."""
    return worst(**_on_levels(row)) if has_levels(row) else ""


def worst(warnings: Sequence[str], failures: Sequence[str]) -> str:
    """The verdict of these findings."""
    return "fail" if failures else "warn" if warnings else "pass"


def worse(one: str, other: str) -> str:
    """Of two verdicts; an empty one is none."""
    return max(one, other, key=("", "pass", "warn", "fail").index)


def _judged(old: Row, new: Row) -> Row:
    """The findings of both: of the older row's those on levels, as they were judged then."""
    if new["status"] != "done":
        return {}
    earlier = _on_levels(old)
    named = {name: [*(new.get(name) or ()), *earlier[name]] for name in _NAMED}
    counts = {"warn_count": len(named["warnings"]), "fail_count": len(named["failures"])}
    return {**named, **counts, "verdict": worse(new["verdict"] or "", level_verdict(old))}


def _on_levels(row: Mapping[str, Any]) -> dict[str, list[str]]:
    return {name: [one for one in row.get(name) or () if one in LEVEL_FINDINGS] for name in _NAMED}


def _tried_after(old: Row, new: Row) -> bool:
    tried_at = old.get("last_try_at")
    return tried_at is not None and tried_at > age(new)


def _noted(old: Row, failure: Row) -> Row:
    """The measured row, with the failure beside it."""
    return {
        **old,
        "report": old.get("report") or failure.get("report"),
        "last_try_do": failure["do"],
        "last_try_at": failure["done_at"],
        "last_try_key": failure["work_key"],
        "last_try_error_class": failure["error_class"],
        "last_try_error": failure["error"],
        "last_try_is_worth_a_retry": failure["is_worth_a_retry"],
    }
