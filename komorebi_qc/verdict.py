"""Findings: one measurement each against its limit; and the verdict over all of them. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable

Status = Literal["pass", "warn", "fail"]
_ORDER: tuple[Status, ...] = ("pass", "warn", "fail")


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
    """

    name: str
    value: float | int | str
    unit: str
    status: Status
    text: str
    limit: float | None = None


def verdict(findings: Iterable[Finding]) -> Status:
    """The worst status of all findings; pass where there are none."""
    return max((f.status for f in findings), key=_ORDER.index, default="pass")
