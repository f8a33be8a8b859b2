"""Checks passages against the rules, sentence by sentence."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from prose.passage import Passage
    from prose.rules import Rule

_ABBREVIATIONS = r"(?<![ .(]e\.g\.)(?<![ .(]i\.e\.)(?<!\bvs\.)(?<!\bcf\.)"
_SENTENCE_END = re.compile(_ABBREVIATIONS + r"(?<=[.!?])([\"')\]]*)\s+(?=[\"'(\[]*[A-Z0-9])")


@dataclass(frozen=True, slots=True)
class Hit:
    """A place that breaks a rule.

    Attributes:
        line: Line number in the file, from 1.
        level: `error`, `warning` or `suggestion`.
        rule: The rule's name.
        message: The advice.
        excerpt: The words around the place.
    """

    line: int
    level: str
    rule: str
    message: str
    excerpt: str


def check_passages(passages: Iterable[Passage], rules: Sequence[Rule]) -> list[Hit]:
    """Return the places that break a rule, by line."""
    hits = []
    for passage in passages:
        wanted = [rule for rule in rules if rule.applies_to(passage.kind)]
        for position, sentence in sentences_of(passage.text) if wanted else ():
            for rule in wanted:
                for match in rule.find(sentence):
                    message = rule.message % match.words[: rule.message.count("%s")]
                    excerpt = _excerpt(sentence, match.start, match.end)
                    line = passage.line_at(position + match.start)
                    hits.append(Hit(line, rule.level, rule.name, message, excerpt))
    return sorted(hits, key=lambda hit: hit.line)


def sentences_of(text: str) -> Iterator[tuple[int, str]]:
    """Yield each sentence with its position."""
    start = 0
    for match in _SENTENCE_END.finditer(text):
        yield start, text[start : match.end(1)]
        start = match.end()
    yield start, text[start:]


def _excerpt(sentence: str, start: int, end: int) -> str:
    first, last = max(0, start - 30), min(len(sentence), max(end, start + 10) + 40)
    return ("…" if first else "") + sentence[first:last] + ("…" if last < len(sentence) else "")
