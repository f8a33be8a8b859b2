"""Words found in transcripts. Case, accents and punctuation don't matter."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

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
    plain = unicodedata.normalize("NFKD", text.casefold())
    return _WORD.findall("".join(letter for letter in plain if not unicodedata.combining(letter)))


def turns_with(words: list[str], turns: Iterable[Turn]) -> Iterator[FoundTurn]:
    """Yield the turns that have all of the words.

    Args:
        words: as `words_of` returns them; not empty.
        turns: of a transcript.
    """
    for turn in turns:
        there = words_of(turn.text)
        if set(words) <= set(there):
            size = len(words)
            yield FoundTurn(turn, any(there[at : at + size] == words for at in range(len(there) - size + 1)))
