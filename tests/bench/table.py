"""The bench's table: each measure with its goals, and whether it meets them."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

HEAD = "| row | minutes | what | must | aim | ours | against | ratio (of single runs) |  |"
RULE = "| --- " * 9 + "|"


@dataclass(frozen=True, slots=True)
class Goal:
    """A limit in its written form: ``<= 1/4.5``, ``>= 4.3``, ``<= 1.1x``, ``<= 200 MB``."""

    text: str

    def is_met_by(self, value: float) -> bool:
        """Whether a value, in the goal's own unit, is within it.

        Raises:
            ValueError: if the text isn't a limit.
        """
        sign, limit = self.text.split()[:2]
        if sign not in ("<=", ">="):
            raise ValueError(f"{self.text!r} begins neither with <= nor with >=")
        over, _, under = limit.removesuffix("x").partition("/")
        bound = float(over) / float(under or 1)
        return value <= bound if sign == "<=" else value >= bound


@dataclass(frozen=True, slots=True)
class Row:
    """One measure against its goals, if it has some.

    Attributes:
        row: the name that selects it.
        minutes: the recording's length.
        what: is measured, with its unit.
        ours: komorebi-qc's value, or the reason why it couldn't be measured.
        value: the value that the goals apply to; None if it couldn't be measured, or has no goal.
        must: the goal; None if the row has no goal.
        aim: a stricter goal, which may be missed.
        against: its counterpart's value.
        ratio: of the two, with the least and the greatest of the runs that followed each other.
    """

    row: str
    minutes: str
    what: str
    ours: str
    value: float | None = None
    must: Goal | None = None
    aim: Goal | None = None
    against: str = ""
    ratio: str = ""

    @property
    def is_met(self) -> bool | None:
        """Whether it meets `must`; None without a goal. A value that wasn't measured misses it."""
        if self.must is None:
            return None
        return self.value is not None and self.must.is_met_by(self.value)

    @property
    def verdict(self) -> Literal["", "met", "aim met", "MISSED", "NOT MEASURED"]:
        """In a word or two."""
        if self.must is None:
            return ""
        if self.value is None:
            return "NOT MEASURED"
        if not self.must.is_met_by(self.value):
            return "MISSED"
        return "aim met" if self.aim is not None and self.aim.is_met_by(self.value) else "met"

    def markdown(self) -> str:
        """A line of the table."""
        # A limit isn't broken over two lines.
        must, aim = (goal.text.replace(" ", "\u00a0") if goal is not None else "" for goal in (self.must, self.aim))
        cells = (self.row, self.minutes, self.what, must, aim, self.ours, self.against, self.ratio, self.verdict)
        return "| " + " | ".join(cell.replace("|", "/") for cell in cells) + " |"


def goals(must: str, aim: str = "") -> tuple[Goal | None, Goal | None]:
    """A row's goals from their texts: the aim lacks the sign, which is the must's."""
    sign = must.split(maxsplit=1)[0] if must else ""
    return Goal(must) if must else None, Goal(f"{sign} {aim}") if aim else None


def compared(
    row: str, minutes: float, what: str, ours: Sequence[float], others: Sequence[float], must: str = "", aim: str = ""
) -> Row:
    """Medians of runs that took turns, and their ratio, to which the goals apply.

    Raises:
        ValueError: if the two sides didn't run as often as each other.
    """
    ratio = median(ours) / median(others)
    pairs = [one / other for one, other in zip(ours, others, strict=True)]
    spread = f"{ratio:.3f} ({min(pairs):.3f} to {max(pairs):.3f})"
    return Row(
        row, f"{minutes:g}", what, f"{median(ours):.2f}", ratio, *goals(must, aim), f"{median(others):.2f}", spread
    )


def single(
    row: str, minutes: str, what: str, value: float, must: str = "", aim: str = "", *, digits: int = 1, note: str = ""
) -> Row:
    """One number with its own goals."""
    shown = f"{value:.{digits}f}"
    return Row(row, minutes, what, f"{shown} ({note})" if note else shown, value, *goals(must, aim))


def not_measured(row: str, minutes: str, what: str, why: object, must: str = "", aim: str = "") -> Row:
    """A measure that isn't available here: it misses its goal."""
    return Row(row, minutes, what, f"not measured: {why}", None, *goals(must, aim))


def table(rows: Sequence[Row]) -> str:
    """All rows, in Markdown."""
    return "\n".join([HEAD, RULE, *(row.markdown() for row in rows)])


def misses(rows: Sequence[Row]) -> str:
    """The missed goals, one per line."""
    missed = [row for row in rows if row.is_met is False]
    if not missed:
        return "Nothing is missed." if any(row.is_met for row in rows) else "No goal was checked."
    lines = []
    for row in missed:
        ratio = f", {row.ratio}" if row.ratio else ""
        must = row.must.text if row.must is not None else ""
        lines.append(f"- {row.verdict}: {row.row}, {row.minutes} min, {row.what}: {row.ours}{ratio}, must be {must}")
    return "\n".join(lines)
