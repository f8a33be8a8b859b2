"""Do the two files belong to the same call? The evidence for and against, and a probability.

Place and belonging are two questions. Hold music fits at many places, and two calls may share it; a conversation fits
at one place, and no two calls share it. Speech of the call counts against the pair where the recording has other
speech. Silence, a muted microphone and a missing track say nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from komorebi_qc.sync.evidence.classify import Evidence

Answer = Literal["yes", "no", "unknown"]
SPEAKS_AGAINST_S, SPEAKS_AGAINST = 0.7, 0.03
"""Speech of the call while the recording has other speech: seconds, and a share of the speech that agrees at this place
only. Less may be noise. Music is no speech: any amount of it excuses nothing."""
_MOST_TURNS = 12


@dataclass(frozen=True, slots=True)
class Belonging:
    """Whether both files belong to the same call.

    Attributes:
        answer: ``yes``, ``no``, or ``unknown``.
        probability: that they belong together, 0..1, given the evidence and even odds before it.
        for_s: speech that agrees at this place only.
        for_turns: turns of both voices that agree at this place only.
        against_s: speech of the call while the recording has other speech.
        against_turns: turns of it.
        missing_s: turns of the call that the recording lacks, although a microphone has recorded that voice.
    """

    answer: Answer
    probability: float
    for_s: float
    for_turns: int
    against_s: float
    against_turns: int
    missing_s: float = 0.0

    @property
    def speaks_against(self) -> bool:
        """Whether something speaks against the pair."""
        noise_s = SPEAKS_AGAINST_S + SPEAKS_AGAINST * self.for_s
        return self.answer == "no" or self.against_s >= noise_s or self.missing_s >= SPEAKS_AGAINST_S


INTERCEPT, PER_TURN, PER_LOG_S_AGAINST, IF_NO = 1.10, 0.58, -2.01, -4.93
"""The logistic model: log-odds, for each turn, for the logarithm of 1 + the seconds against, and for the answer ``no``.

Fitted to 227 pairs of the bench's tuning seeds. docs/sync-accuracy.md shows how it does on others.
"""


def belonging(status: str, e: Evidence) -> Belonging:
    """Return the answer and the probability.

    Args:
        status: of the measurement.
        e: its evidence.
    """
    for_s = e.customer.distinct_turns_s + e.agent.distinct_turns_s
    turns = e.customer.distinct_turns + e.agent.distinct_turns
    against_s, against_turns = e.against_s, e.against_turns
    answer: Answer = "yes" if status == "aligned" else "no" if status == "wrong_pair" else "unknown"
    log_odds = INTERCEPT + PER_TURN * min(turns, _MOST_TURNS) + PER_LOG_S_AGAINST * math.log1p(against_s)
    log_odds += IF_NO if answer == "no" else 0.0
    probability = 1.0 / (1.0 + math.exp(-log_odds))
    return Belonging(answer, probability, for_s, turns, against_s, against_turns, e.missing_s)
