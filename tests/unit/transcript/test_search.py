"""Words are found whatever their case, accents and punctuation; phrases are known as such."""

from __future__ import annotations

import pytest

from komorebi_qc.transcript.search import turns_with, words_of
from komorebi_qc.transcript.turns import Turn

TEXTS = ("My card number is 12.", "The number of my CARD?", "Pré-card: NUMBER!", "cards, numbers")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("card number", [(0, True), (1, False), (2, True)]),
        ("Pre CARD", [(2, True)]),
        ("nothing", []),
        ("12", [(0, True)]),
    ],
)
def test_a_turn_has_to_have_all_words(query: str, found: list[tuple[int, bool]]) -> None:
    """Whole words, in any order; a phrase has them in theirs."""
    turns = [Turn("agent", float(n), n + 1.0, text) for n, text in enumerate(TEXTS)]
    hits = turns_with(words_of(query), turns)
    assert [(int(hit.turn.from_s), hit.is_phrase) for hit in hits] == found


def test_words_of_other_scripts_are_words() -> None:
    """Letters of any language."""
    assert words_of("Größe, ÉTÉ; 你好!") == ["grosse", "ete", "你好"]
