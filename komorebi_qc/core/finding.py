"""Findings: one measurement each against its limit; and the verdict over all of them. Pure."""

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
    """A moment, and the clock it is told on."""

    clock: Clock
    s: float


@dataclass(frozen=True, slots=True)
class Finding:
    """One measurement.

    Attributes:
        name: what was measured, in snake_case, for machines.
        value: what was found.
        unit: of `value` and `limit`: ``s``, ``bytes``, ``frames``, ...
        status: pass, warn or fail.
        text: the sentence for a person: what it means and what to do.
        limit: up to where it passes; None where there is no such number.
        judged_by: the name of the limit, as `komorebi_qc.core.limits` lists it; None where no number is judged.
        at: where to look; None where it is about the whole.
    """

    name: str
    value: float | int | str
    unit: str
    status: Status
    text: str
    limit: float | None = None
    judged_by: str | None = None
    at: At | None = None


def verdict(findings: Iterable[Finding]) -> Status:
    """The worst status of all findings; pass where there are none."""
    return max((f.status for f in findings), key=_ORDER.index, default="pass")


def counted(count: int, one: str, many: str | None = None) -> str:
    """A count with its noun, in the singular or the plural: ``1 packet``, ``2 packets``, ``2 packets have``."""
    return f"{count} {one if count == 1 else many or one + 's'}"
