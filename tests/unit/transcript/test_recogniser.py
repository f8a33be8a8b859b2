"""A recogniser's words become turns: at pauses, and in long stretches without one at the next short pause."""

from __future__ import annotations

import pytest

from komorebi_qc.transcript.recogniser import turns_of
from komorebi_qc.transcript.turns import Word


def test_words_without_a_pause_are_one_turn() -> None:
    """Its text has the engine's own spaces, and its words keep their times."""
    words = [Word(1.0, 1.4, " Good"), Word(1.4, 1.9, " morning,"), Word(2.1, 2.3, " I"), Word(2.3, 2.5, "'m Ann.")]
    (turn,) = turns_of(words, "agent")
    assert (turn.speaker, turn.from_s, turn.to_s, turn.text) == ("agent", 1.0, 2.5, "Good morning, I'm Ann.")
    assert turn.words == tuple(words)


@pytest.mark.parametrize(("pause_s", "turns"), [(0.79, 1), (0.81, 2)])
def test_a_pause_ends_a_turn(pause_s: float, turns: int) -> None:
    """From 0.8 s on."""
    found = list(turns_of([Word(0.0, 1.0, " a"), Word(1.0 + pause_s, 3.0, " b")], "customer"))
    assert len(found) == turns
    assert " ".join(one.text for one in found) == "a b"


def test_a_long_turn_ends_at_a_short_pause() -> None:
    """Nobody reads a caption of half a minute."""
    words = [Word(float(at), at + 0.7, f" w{at}") for at in range(30)]
    found = list(turns_of(words, "agent"))
    assert [one.from_s for one in found] == [0.0, 13.0, 26.0]
    assert sum(len(one.words) for one in found) == 30


def test_without_words_there_are_no_turns() -> None:
    """A silent side."""
    assert list(turns_of([], "agent")) == []
