"""One limit: the range in which a measurement passes, and its finding."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Literal

from komorebi_qc.core.finding import At, Finding, Status

Direction = Literal["above", "below", "two-sided", "informational"]
UNDETERMINED = "undetermined"
"""The value of a finding with nothing to measure."""


@dataclass(frozen=True, slots=True)
class Range:
    """An allowed range, ends included.

    Attributes:
        low: the smallest allowed value; minus infinity for no lower end.
        high: the largest allowed value; infinity for no upper end.
    """

    low: float = -math.inf
    high: float = math.inf

    def holds(self, value: float) -> bool:
        """Return whether the range includes a value."""
        return self.low <= value <= self.high

    def contains(self, other: Range) -> bool:
        """Return whether the range includes all of another one."""
        return self.low <= other.low and other.high <= self.high

    def widened(self, low_by: float, high_by: float) -> Range:
        """Return the range with its ends moved outwards."""
        return Range(self.low - low_by, self.high + high_by)

    def to_list(self) -> list[float | None] | None:
        """Return ``[low, high]`` for JSON, null for an open end; null if both are open."""
        ends = [None if math.isinf(end) else end for end in (self.low, self.high)]
        return None if ends == [None, None] else ends

    def __str__(self) -> str:
        if self.to_list() is None:
            return "off"
        if math.isinf(self.low):
            return f"above {self.high:g}"
        if math.isinf(self.high):
            return f"below {self.low:g}"
        if self.low == self.high:
            return f"other than {self.low:g}"
        return f"beyond +-{self.high:g}" if self.low == -self.high else f"outside {self.low:g}..{self.high:g}"


EVERYTHING = Range()


def above(value: float) -> Range:
    """Allow values up to `value`."""
    return Range(high=value)


def below(value: float) -> Range:
    """Allow values from `value` on."""
    return Range(low=value)


def beyond(value: float) -> Range:
    """Allow values within `value` of 0."""
    return Range(-value, value)


@dataclass(frozen=True, slots=True)
class Limit:
    """One row of the table of limits.

    Attributes:
        name: the finding's name, or the end of it if the row has `scopes`.
        warn: a value in this range passes.
        fail: a value in this range warns at most; `EVERYTHING` if it never fails.
        unit: of both ranges and of the finding's value.
        source: the standard behind it, or "project choice".
        meaning: the measured quantity, for a person.
        scopes: prefixes that change the limit for one track or channel: ``call``, ``call_agent``.
        marks: ranges from other standards, for the finding's sentence only.
        is_off: whether it was switched off; then every value passes.
    """

    name: str
    warn: Range
    fail: Range
    unit: str
    source: str
    meaning: str
    scopes: tuple[str, ...] = ()
    marks: tuple[tuple[Range, str], ...] = ()
    is_off: bool = False

    @property
    def direction(self) -> Direction:
        """The side on which values fail."""
        if self.warn == EVERYTHING:
            return "informational"
        return "above" if math.isinf(self.warn.low) else "below" if math.isinf(self.warn.high) else "two-sided"

    def judges(self) -> str:
        """Describe the limit for a person: ``warns above 1 s, fails above 600 s``."""
        if self.is_off:
            return "off"
        if self.direction == "informational":
            return f"reported only, in {self.unit}"
        if self.warn == self.fail:
            return f"fails {self.warn} {self.unit}"
        fails = f", fails {self.fail} {self.unit}" if self.fail != EVERYTHING else ""
        return f"warns {self.warn} {self.unit}{fails}"

    def status(self, value: float) -> Status:
        """Return the status of a value."""
        if self.is_off or self.warn.holds(value):
            return "pass"
        return "warn" if self.fail.holds(value) else "fail"

    def bound(self, value: float) -> float | None:
        """Return the end of the passing range on the value's side, or its size if both are equal; None without one."""
        low, high = self.warn.low, self.warn.high
        if self.is_off or self.direction == "informational":
            return None
        if self.direction == "two-sided" and low != -high:
            is_high = value >= 0 if low <= 0 <= high else value > (low + high) / 2
        else:
            is_high = self.direction != "below"
        return round(high if is_high else low, 6)

    def finding(
        self,
        name: str,
        value: float,
        text: str,
        *,
        good: str = "",
        advice: str = "",
        digits: int = 6,
        at: At | None = None,
    ) -> Finding:
        """Compare a value with the limit.

        Args:
            name: the finding's name.
            value: the measurement, in the limit's unit. It is rounded first, then compared.
            text: the sentence for a person.
            good: another sentence for a value that passes.
            advice: the end of the sentence for a value that doesn't pass: why it matters and what to do.
            digits: decimals of the value to keep.
            at: where to look.
        """
        rounded = round(value, digits) if digits else round(value)
        passes = self.warn.holds(rounded)
        says = good if passes and good else text
        if advice and not passes:
            says = f"{says.removesuffix('.')}: {advice}"
        if self.is_off:
            says += " Not judged: the limit is switched off."
        return Finding(name, rounded, self.unit, self.status(rounded), says, self.bound(rounded), self.name, at)

    def unknown(self, name: str, text: str) -> Finding:
        """Return a finding without a value: there was nothing to measure. It passes."""
        return Finding(name, UNDETERMINED, self.unit, "pass", text, self.bound(0.0), self.name)

    def widened(self, low_by: float, high_by: float) -> Limit:
        """Return the limit with its ends moved outwards, for a measurement of known coarseness."""
        return replace(self, warn=self.warn.widened(low_by, high_by), fail=self.fail.widened(low_by, high_by))

    def all_but(self, whole: float) -> Limit:
        """Return the limit for the rest of a whole, from the limit for the other part."""
        warn, fail = (Range(whole - part.high, whole - part.low) for part in (self.warn, self.fail))
        return replace(self, warn=warn, fail=fail)

    def to_dict(self) -> dict[str, Any]:
        """Return the limit for JSON; an open end is null."""
        return {
            "warn": None if self.is_off else self.warn.to_list(),
            "fail": None if self.is_off else self.fail.to_list(),
            "unit": self.unit,
            "direction": self.direction,
            "source": self.source,
        }
