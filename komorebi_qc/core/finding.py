"""Findings: each compares one measurement with its limit. The verdict is the worst of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable

Status = Literal["pass", "warn", "fail"]
_ORDER: tuple[Status, ...] = ("pass", "warn", "fail")


Clock = Literal["call", "recording", "output"]


@dataclass(frozen=True, slots=True)
class At:
    """A moment on one of the clocks."""

    clock: Clock
    s: float


@dataclass(frozen=True, slots=True)
class Finding:
    """One measurement.

    Attributes:
        name: the measured quantity, in snake_case, for machines.
        value: the measurement.
        unit: of `value` and `limit`: ``s``, ``bytes``, ``frames``, ...
        status: pass, warn or fail.
        text: the sentence for a person: the meaning and the remedy.
        limit: the end of the passing range; None without a number.
        limit_name: the name of the limit, as `komorebi_qc.core.limits` lists it; None without a number.
        at: the moment to look at; None if the finding is about the whole recording.
    """

    name: str
    value: float | int | str
    unit: str
    status: Status
    text: str
    limit: float | None = None
    limit_name: str | None = None
    at: At | None = None


def worst_status(statuses: Iterable[Status]) -> Status:
    """Return the worst of some statuses; pass for an empty list."""
    return max(statuses, key=_ORDER.index, default="pass")


def verdict(findings: Iterable[Finding]) -> Status:
    """Return the worst status of all findings; pass for an empty list."""
    return worst_status(one.status for one in findings)


def counted(count: int, one: str, many: str | None = None) -> str:
    """Return a count with its noun, in the singular or the plural: ``1 packet``, ``2 packets``, ``2 packets have``."""
    return f"{count} {one if count == 1 else many or one + 's'}"
