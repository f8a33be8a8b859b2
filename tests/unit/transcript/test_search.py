"""Words are found whatever their case, accents and punctuation; phrases are known as such."""

from __future__ import annotations

import pytest

from komorebi_qc.transcript.placed import PlacedTranscript, PlacedTurn
from komorebi_qc.transcript.read import read_transcript
from komorebi_qc.transcript.search import may_have, turns_with, words_of
from komorebi_qc.transcript.turns import Turn
from komorebi_qc.transcript.write_webvtt import captions_webvtt

TEXTS = ("My card number is 12.", "The number of my CARD?", "Pré-card: NUMBER!", "cards, numbers")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("card number", [(0, True), (1, False), (2, True), (3, False)]),
        ("number is", [(0, True)]),
        ("numb", [(0, True), (1, True), (2, True), (3, True)]),
        ("Pre CARD", [(2, True)]),
        ("nothing", []),
        ("12", [(0, True)]),
    ],
)
def test_a_turn_has_to_have_all_words(query: str, found: list[tuple[int, bool]]) -> None:
    """Also as parts of words, in any order; a phrase has them in theirs."""
    turns = [Turn("agent", float(n), n + 1.0, text) for n, text in enumerate(TEXTS)]
    hits = turns_with(words_of(query), turns)
    assert [(int(hit.turn.from_s), hit.is_phrase) for hit in hits] == found


def test_words_of_other_scripts_are_words() -> None:
    """Letters of any language."""
    (found,) = turns_with(words_of("日本 語"), [Turn("agent", 0.0, 1.0, "私は日本の語学を学ぶ")])
    assert not found.is_phrase
    assert words_of("Größe, ÉTÉ; 你好!") == ["grosse", "ete", "你好"]


@pytest.mark.parametrize("text", [*TEXTS, "Größe 12", "私は日本の語学を学ぶ", "e\u0301te\u0301"])
def test_a_file_that_can_not_have_the_words_is_known_without_its_turns(text: str) -> None:
    """And no file that has them is left out."""
    content = captions_webvtt(PlacedTranscript((PlacedTurn("agent", 0.0, 1.0, f"<a> & {text}"),), "en", "webvtt"))
    for query in ("card number", "Pre CARD", "numb", "12", "grösse", "日本", "été", "nothing"):
        words = words_of(query)
        has_words = bool(list(turns_with(words, read_transcript(content.encode(), "a.vtt").turns)))
        assert may_have(words, content) >= has_words
    assert not may_have(words_of("nothing"), content)
