"""Limits in use: the table, changed by settings.

A setting is ``NAME=WARN`` or ``NAME=WARN:FAIL``, each part a number or a range ``LOW..HIGH``, in the limit's own unit.
``off`` for WARN switches the finding off; ``off`` for FAIL never fails.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from komorebi_qc.core.errors import InputError
from komorebi_qc.core.limits.limit import EVERYTHING, Limit, Range, above, below, beyond
from komorebi_qc.core.limits.table import LIMITS, RENAMED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from komorebi_qc.core.finding import At, Finding

_ROWS = {limit.name: limit for limit in LIMITS}
_SCOPED = {f"{scope}_{limit.name}": limit.name for limit in LIMITS for scope in limit.scopes}
_EXAMPLE = "NAME=WARN or NAME=WARN:FAIL, such as drift=50:200"
_NUMBER = r"[+-]?(?:\d{1,12}(?:\.\d{0,12})?|\.\d{1,12})"
_RANGE = re.compile(rf"({_NUMBER})\.\.({_NUMBER})", re.ASCII)
_SCALES = {("ms", "s"): 1000.0, ("%", "share"): 100.0, ("kHz", "Hz"): 0.001, ("min", "s"): 1 / 60}
_WITH_UNIT = re.compile(rf"({_NUMBER})\s*([A-Za-z%/]{{1,8}})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Limits:
    """The table of limits with the changes that settings made.

    Attributes:
        changes: rows that replace the table's. A later change replaces an earlier one.
    """

    changes: tuple[Limit, ...] = ()

    def of(self, name: str) -> Limit:
        """Return the limit of a finding: the change for the narrowest scope, else the table's row.

        Args:
            name: the finding's name: a row's name, or one with a track or channel in front (``call_customer_snr``).

        Raises:
            KeyError: there is no such row.
        """
        row = name
        while row not in _ROWS:
            row = row.partition("_")[2]
            if not row:
                raise KeyError(name)
        scope = name.removesuffix(row).removesuffix("_")
        changed = {limit.name: limit for limit in self.changes}
        while scope:
            if f"{scope}_{row}" in changed:
                return changed[f"{scope}_{row}"]
            scope = scope.rpartition("_")[0]
        return changed.get(row, _ROWS[row])

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
        """Compare a value with the limit of that name; see `Limit.finding`."""
        return self.of(name).finding(name, value, text, good=good, advice=advice, digits=digits, at=at)

    def changed_by(self, *texts: str) -> Limits:
        """Return the table with more changes: texts of ``NAME=WARN[:FAIL]``, separated by commas.

        Raises:
            InputError: there is no limit of that name, or a number is out of range.
        """
        limits = self
        for part in (part.strip() for text in texts for part in text.split(",")):
            if part:
                row = _changed(limits, part)
                limits = Limits((*(old for old in limits.changes if old.name != row.name), row))
        return limits

    def rows(self) -> Iterator[tuple[Limit, Limit]]:
        """Yield every row, changed and default; a change for one scope follows its row."""
        for row in LIMITS:
            yield self.of(row.name), row
            for scope in row.scopes:
                for changed in self.changes:
                    if changed.name == f"{scope}_{row.name}":
                        yield changed, replace(row, name=changed.name)

    def to_dict(self, findings: Iterable[Finding] | None = None) -> dict[str, Any]:
        """Return the limits of these findings and all changed ones, by name, for JSON; all limits without findings.

        A changed row has its default beside it.
        """
        names = {limit.name for limit in self.changes}
        wanted = None if findings is None else {*names, *(finding.limit_name for finding in findings)}
        found: dict[str, Any] = {}
        for row, was in self.rows():
            if wanted is None or row.name in wanted:
                found[row.name] = {**row.to_dict(), "changed": row.name in names}
                if row.name in names:
                    found[row.name]["default"] = {"warn": was.warn.to_list(), "fail": was.fail.to_list()}
        return found


DEFAULT = Limits()
"""The table without changes."""


def _changed(limits: Limits, text: str) -> Limit:
    """Return the row that one ``NAME=WARN[:FAIL]`` makes."""
    name, is_set, numbers = (part.strip() for part in text.partition("="))
    if not is_set or not name or not numbers:
        guess = ": numbers take a decimal point; a comma separates limits" if re.fullmatch(r"[\d.:]+", text) else ""
        raise InputError(f"the limit {_short(text)} isn't {_EXAMPLE}{guess}")
    row = _row(limits, name)
    warn_text, has_fail, fail_text = (part.strip() for part in numbers.partition(":"))
    if warn_text == "off":
        if has_fail:
            raise InputError(f"the limit {_short(text)} is off and has a FAIL number: leave one of them out")
        return replace(row, is_off=True)
    warn = _range(row, warn_text)
    if has_fail:
        fail = EVERYTHING if fail_text == "off" else _range(row, fail_text)
        if not fail.contains(warn):
            raise InputError(
                f"the limit {_short(text)} would fail before it warns: WARN comes first, and FAIL is beyond it"
            )
    elif row.fail == row.warn != EVERYTHING:
        fail = warn  # a row without a warning range keeps none
    else:
        fail = Range(min(row.fail.low, warn.low), max(row.fail.high, warn.high))
    return replace(row, warn=warn, fail=fail, is_off=False)


def _row(limits: Limits, name: str) -> Limit:
    name = RENAMED.get(name, name)
    if name in _ROWS:
        return limits.of(name)
    if name in _SCOPED:
        return replace(limits.of(name), name=name)
    near = difflib.get_close_matches(name.lower().replace("-", "_"), [*_ROWS, *_SCOPED], 1, 0.6)
    guess = f"did you mean {near[0]}?" if near else "`komorebi-qc limits` lists them all"
    raise InputError(f"there is no limit {_short(name)}: {guess}")


def _range(row: Limit, text: str) -> Range:
    """Read a number in the row's direction, or LOW..HIGH."""
    pair = _RANGE.fullmatch(text)
    if pair is not None:
        low, high = float(pair[1]), float(pair[2])
        if low > high:
            raise InputError(f"{row.name} can't be {_short(text)}: the smaller number comes first")
        return Range(low, high)
    value = _number(row, text)
    default = _ROWS[_SCOPED.get(row.name, row.name)]
    if default.direction == "above":
        return above(value)
    if default.direction == "below":
        return below(value)
    if default.direction == "two-sided" and default.warn.low == -default.warn.high:
        return beyond(value)
    raise InputError(
        f"{row.name} takes a range in {row.unit}, such as {_example(default)}, and not {_short(text)} alone"
    )


def _example(row: Limit) -> str:
    if row.direction == "informational":
        return f"{row.name}=-30..-16" if row.unit == "LUFS" else f"{row.name}=0..60"
    return f"{row.name}={row.warn.low:g}..{row.warn.high:g}"


def _number(row: Limit, text: str) -> float:
    if re.fullmatch(_NUMBER, text, re.ASCII) is None:
        with_unit = _WITH_UNIT.fullmatch(text)
        guess = ""
        if with_unit is not None:
            scale = _SCALES.get((with_unit[2], row.unit), 1.0)
            guess = f", such as {float(with_unit[1]) / scale:g}"
        raise InputError(f"{row.name} takes a number, in {row.unit}{guess}, and not {_short(text)}")
    value = float(text)
    if value < 0 and row.unit not in ("dB", "dBFS", "dBTP", "LUFS"):
        raise InputError(f"{row.name} can't be {_short(text)}: give its size, in {row.unit}")
    if value > 1 and row.unit == "share":
        raise InputError(f"{row.name} can't be {_short(text)}: it is a share, from 0 to 1")
    return value


def _short(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:37] + "...")
