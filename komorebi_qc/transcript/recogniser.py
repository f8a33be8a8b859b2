"""A speech recogniser, as the pipeline uses it, and its words as turns. Pure."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Protocol

from komorebi_qc.transcript.checked import clean
from komorebi_qc.transcript.turns import Turn

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from komorebi_qc.transcript.turns import Speaker, TranscriptSource, Word

PAUSE_S = 0.8
"""A turn ends at a pause this long between two words."""
LONGEST_S = 12.0
"""A turn that is longer ends at its next pause of any length."""
_SHORT_PAUSE_S = 0.2


class Recogniser(Protocol):
    """An engine with its model, ready to use."""

    @property
    def source(self) -> TranscriptSource:
        """The engine."""
        ...

    @property
    def name(self) -> str:
        """Engine and model, for messages."""
        ...

    @property
    def language(self) -> str:
        """The language's tag; empty as long as it isn't known."""
        ...

    def words(self, samples: NDArray[np.int16]) -> Iterable[Word]:
        """Recognise the words of one speaker.

        Args:
            samples: mono audio at 8 kHz, at most 30 s.

        Returns:
            The words, in seconds from the first sample.
        """
        ...


def turns_of(words: Sequence[Word], speaker: Speaker) -> Iterator[Turn]:
    """Yield the turns of one speaker's words.

    Args:
        words: on the call clock, in order.
        speaker: of all of them.
    """
    first = 0
    for at, (word, following) in enumerate(pairwise(words), 1):
        pause_s = following.from_s - word.to_s
        is_long = word.to_s - words[first].from_s >= LONGEST_S
        if pause_s >= PAUSE_S or (is_long and pause_s >= _SHORT_PAUSE_S):
            yield _turn(words[first:at], speaker)
            first = at
    if words:
        yield _turn(words[first:], speaker)


def _turn(words: Sequence[Word], speaker: Speaker) -> Turn:
    text = clean("".join(word.text for word in words))
    return Turn(speaker, words[0].from_s, max(word.to_s for word in words), text, words=tuple(words))
