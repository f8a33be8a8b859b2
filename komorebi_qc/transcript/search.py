"""Words found in transcripts, also as parts of longer ones. Case, accents and punctuation don't matter.

Parts count because Chinese, Japanese and Thai are written without spaces, and because a person types the first letters
of a word. The search in a report does the same.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from komorebi_qc.transcript.turns import Turn

_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class FoundTurn:
    """A turn with all of the words.

    Attributes:
        turn: the turn.
        is_phrase: whether it has the words one after the other, in their order.
    """

    turn: Turn
    is_phrase: bool


def words_of(text: str) -> list[str]:
    """Return the words of a text, without case and accents."""
    return _WORD.findall(_folded(text))


def may_have(words: Sequence[str], content: str) -> bool:
    """Return whether a file can have a turn with these words; much faster than reading its turns.

    Args:
        words: as `words_of` returns them.
        content: of a file that this package wrote: no markup is within its words.
    """
    plain = _folded(content)
    return all(word in plain for word in words)


def turns_with(words: Sequence[str], turns: Iterable[Turn]) -> Iterator[FoundTurn]:
    """Yield the turns that have all of the words.

    Args:
        words: as `words_of` returns them; not empty.
        turns: of a transcript.
    """
    phrase = " ".join(words)
    for turn in turns:
        there = " ".join(words_of(turn.text))
        if all(word in there for word in words):
            yield FoundTurn(turn, phrase in there)


def _folded(text: str) -> str:
    if text.isascii():
        return text.lower()
    plain = unicodedata.normalize("NFKD", text.casefold())
    # A text has few kinds of marks, and looking at each of its characters takes ten times as long.
    for mark in filter(unicodedata.combining, set(plain)):
        plain = plain.replace(mark, "")
    return plain
