"""The outcome of a case, and a row of the tables."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

NOT_MEASURED = "not measured"


@dataclass(slots=True)
class Row:
    """One case's outcome."""

    family: str
    seed: int
    matches: bool
    status: str
    reason: str
    failures: list[str]
    numbers: dict[str, float] = field(default_factory=dict)
    evidence: str = ""
    published: str = ""
    """refused, held, or the source of the placement that is published."""
    would: str = ""
    """The placement, in words."""
    answer: str = ""
    """Whether the pair belongs together, by the measurement."""
    kind: str = ""


@dataclass(slots=True)
class Marks:
    """The missed limits, and the errors themselves."""

    failures: list[str] = field(default_factory=list)
    numbers: dict[str, float] = field(default_factory=dict)

    def worst(self, name: str, value: float) -> None:
        """Keep the larger one."""
        self.numbers[name] = max(self.numbers.get(name, 0.0), value)

    def count(self, name: str, add: int = 1) -> None:
        """Count another one."""
        self.numbers[name] = self.numbers.get(name, 0.0) + add


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the table."""

    what: str
    must: str
    aim: str
    measured: str
    is_met: bool | None
    is_aim_met: bool | None

    @property
    def verdict(self) -> str:
        """In a word."""
        if self.is_met is None:
            return NOT_MEASURED if self.must else ""
        if not self.is_met:
            return "MISSED"
        return "met, the aim too" if self.is_aim_met else "met"


def total(rows: Sequence[Row], name: str) -> int:
    """A count over all rows."""
    return round(sum(row.numbers.get(name, 0.0) for row in rows))
