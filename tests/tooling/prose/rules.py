"""The style's rules, read from files in the rule format of Vale: `existence`, `substitution` and `occurrence`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import yaml  # type: ignore[import-untyped]

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAMES = frozenset({"test", "identifier"})
"""Kinds of passage that only rules with such a scope look at."""


@dataclass(frozen=True, slots=True)
class Match:
    """A place in a sentence: its start, its end, and the words that fill the rule's message."""

    start: int
    end: int
    words: tuple[str, ...]


class Check(Protocol):
    """A search for places that break a rule."""

    def find(self, sentence: str) -> Iterator[Match]:
        """Yield each place in a sentence."""


@dataclass(frozen=True, slots=True)
class Existence:
    """Finds a pattern."""

    pattern: re.Pattern[str]

    def find(self, sentence: str) -> Iterator[Match]:
        """Yield each place in a sentence."""
        for match in self.pattern.finditer(sentence):
            yield Match(match.start(), match.end(), (match.group().strip(" ,;:("),))


@dataclass(frozen=True, slots=True)
class Substitution:
    """Finds wrong words, each with a better one."""

    swaps: tuple[tuple[re.Pattern[str], str], ...]

    def find(self, sentence: str) -> Iterator[Match]:
        """Yield each place in a sentence."""
        for pattern, better in self.swaps:
            for match in pattern.finditer(sentence):
                yield Match(match.start(), match.end(), (better, match.group()))


@dataclass(frozen=True, slots=True)
class Occurrence:
    """Counts a pattern against the most that a sentence may have."""

    pattern: re.Pattern[str]
    most: int

    def find(self, sentence: str) -> Iterator[Match]:
        """Yield the whole sentence if it has too many."""
        count = len(self.pattern.findall(sentence))
        if count > self.most:
            yield Match(0, len(sentence), (str(count),))


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of the style.

    Attributes:
        name: The file's name without `.yml`.
        level: `error`, `warning` or `suggestion`.
        message: The advice, with `%s` for the words found.
        scopes: Kinds of passage to look at; with `~`, kinds to leave out.
        check: The search.
        exceptions: Places that overlap a match of this pattern are allowed.
    """

    name: str
    level: str
    message: str
    scopes: tuple[str, ...]
    check: Check
    exceptions: re.Pattern[str] | None

    def applies_to(self, kind: str) -> bool:
        """Whether the rule looks at passages of this kind."""
        if f"~{kind}" in self.scopes:
            return False
        wanted = [scope for scope in self.scopes if not scope.startswith("~")]
        return kind in wanted or (kind not in NAMES and (not wanted or "sentence" in wanted))

    def find(self, sentence: str) -> Iterator[Match]:
        """Yield the places in a sentence that break the rule."""
        matches = list(self.check.find(sentence))
        allowed = [each.span() for each in self.exceptions.finditer(sentence)] if matches and self.exceptions else []
        for match in matches:
            if not any(start < match.end and match.start < end for start, end in allowed):
                yield match


def load_rules(folder: Path) -> list[Rule]:
    """Read the rules of a folder, sorted by name.

    Raises:
        ValueError: A rule extends something other than `existence`, `substitution` or `occurrence`.
    """
    rules = []
    for path in sorted(folder.glob("*.yml")):
        fields: dict[str, Any] = yaml.safe_load(path.read_text("utf-8"))
        scope = fields.get("scope", [])
        scopes = (scope,) if isinstance(scope, str) else tuple(scope)
        exceptions = re.compile("|".join(fields["exceptions"]), _flags(fields)) if fields.get("exceptions") else None
        rules.append(Rule(path.stem, fields["level"], fields["message"], scopes, _check_of(fields), exceptions))
    return rules


def _check_of(fields: dict[str, Any]) -> Check:
    flags = _flags(fields)
    match fields["extends"]:
        case "existence":
            tokens = [rf"\b(?:{'|'.join(fields['tokens'])})\b"] if fields.get("tokens") else []
            return Existence(re.compile("|".join([*tokens, *fields.get("raw", [])]), flags))
        case "substitution":
            swaps = fields["swap"].items()
            return Substitution(tuple((re.compile(rf"\b(?:{wrong})\b", flags), better) for wrong, better in swaps))
        case "occurrence":
            return Occurrence(re.compile(fields["token"], flags), fields["max"])
        case other:
            message = f"a rule extends {other!r}: it must be existence, substitution or occurrence"
            raise ValueError(message)


def _flags(fields: dict[str, Any]) -> re.RegexFlag:
    return re.IGNORECASE if fields.get("ignorecase") else re.NOFLAG
