"""A recogniser without a model: it finds a word in each half second of sound, and keeps the audio it was given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from komorebi_qc.transcript.turns import Word

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from komorebi_qc.transcript.turns import TranscriptSource

RATE = 8000
STEP = RATE // 2


class CountingRecogniser:
    """Its words are ``w1``, ``w2`` and so on, in the order in which they were recognised."""

    source: Final[TranscriptSource] = "vosk"
    name: Final = "a counted transcript"
    language: Final = "en"

    def __init__(self, *, late_s: float = 0.0) -> None:
        """Begin to count. `late_s` is by how much every word is late."""
        self.given: list[NDArray[np.int16]] = []
        self._count, self._late_s = 0, late_s

    def words(self, samples: NDArray[np.int16]) -> Iterator[Word]:
        """A word for each half second that isn't silent."""
        self.given.append(samples)
        for first in range(0, len(samples), STEP):
            at = np.flatnonzero(np.abs(samples[first : first + STEP].astype(np.int32)) > 300)
            if len(at):
                self._count += 1
                from_s, to_s = (first + at[0]) / RATE, (first + at[-1] + 1) / RATE
                yield Word(from_s + self._late_s, to_s + self._late_s, f" w{self._count}")
