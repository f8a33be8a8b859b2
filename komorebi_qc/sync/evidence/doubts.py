"""The evidence against a pair: words of the call that the recording doesn't have, though it would have them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from komorebi_qc.sync.evidence.candidates import SAME_S
from komorebi_qc.sync.evidence.classify import MOST_CONTRADICTED
from komorebi_qc.sync.evidence.gather import LONGEST_TURN_S
from komorebi_qc.sync.vad import FRAME_S

if TYPE_CHECKING:
    from komorebi_qc.sync.evidence.candidates import Followed
    from komorebi_qc.sync.evidence.classify import Channel, Evidence
    from komorebi_qc.sync.evidence.spans import CallSpan
    from komorebi_qc.sync.lags.windows import Chain
    from komorebi_qc.sync.vad import Activity

MOST_OF_IT = 0.6
"""Share of a side that agrees, if its sound is in the recording."""
AGREES = 0.4
"""Share of a turn's windows that agree, if the turn does."""


def against(stretches: tuple[CallSpan, ...], *, is_part: bool = True) -> dict[str, Any]:
    """Return the evidence against the pair: speech of the call while the recording has other speech.

    `is_part`: the agent may have left the call early, or joined it late, and done other work.
    """
    other = [
        s for s in stretches if s.state == "contradicts" or (not is_part and s.state == "absent" and s.has_other_speech)
    ]
    return {"against_s": sum(s.speech_s for s in other), "against_turns": len(other)}


def with_doubts(
    evidence: Evidence, stretches: tuple[CallSpan, ...], agent_s: float | None, other_s: float = 0.0
) -> Evidence:
    """Return the evidence of a pair that isn't aligned, with all that speaks against it.

    If music or one turn of a side is in the recording, its other words must be, too. If no words agree at all, those
    of both sides count, and the recording's own.

    Args:
        evidence: of the pair.
        stretches: of the call.
        agent_s: the agent's speech while the recording has other speech, if the agent's voice isn't there. A headset
            keeps the customer out of a recording, and never the agent.
        other_s: the recording's speech while the call is on and nobody speaks in it.
    """
    other = against(stretches, is_part=False)
    against_s = other["against_s"] + (agent_s or 0.0)
    if evidence.contradicted >= MOST_CONTRADICTED:
        missing_s = sum(c.active_s for c in (evidence.customer, evidence.agent) if not c.is_present)
        against_s += evidence.contradicted * missing_s
    both = (evidence.customer, evidence.agent)
    turns = sum(c.distinct_turns for c in both)
    if turns == 0:
        against_s += other_s
    missing_s = sum(
        c.missing_turns_s for c in both if turns == 0 or (c.is_present and (turns == 1 or c.support >= MOST_OF_IT))
    )
    missing_s = max(missing_s, agent_s or 0.0)
    against_s = max(against_s, missing_s)
    return replace(evidence, against_s=against_s, against_turns=other["against_turns"], missing_s=missing_s)


def at_place(
    evidence: Evidence, activities: tuple[Activity, Activity], used: Followed | None, best_s: float
) -> Evidence:
    """Return the evidence for and against the pair at the place that would be used.

    It may be another one than the best: nearer to the reported call end. Turns that agree at the best place, and not at
    this one, speak against it: the recording has these words, but at another time.

    Args:
        evidence: of the best place, with the doubts about the one that would be used.
        activities: of the customer and the agent.
        used: both channels at the place that would be used; None if there is no other place.
        best_s: the offset of the best place.
    """
    if used is None or abs(used.place.offset_s - best_s) <= SAME_S:
        return evidence
    out, elsewhere_s, elsewhere = [], 0.0, 0
    for k, channel in enumerate((evidence.customer, evidence.agent)):
        here, gone = _turns(channel, activities[k], used.chains[k], is_present=used.is_present[k])
        out.append(
            replace(
                channel,
                distinct_turns=len(here),
                distinct_at_s=tuple(start_s for start_s, _ in here),
                distinct_turns_s=sum(length_s for _, length_s in here),
            )
        )
        elsewhere_s += sum(gone)
        elsewhere += len(gone)
    return replace(
        evidence,
        customer=out[0],
        agent=out[1],
        against_s=evidence.against_s + elsewhere_s,
        against_turns=evidence.against_turns + elsewhere,
    )


def _turns(
    best: Channel, activity: Activity, chain: Chain, *, is_present: bool
) -> tuple[list[tuple[float, float]], list[float]]:
    """Return the turns (start, speech) that agree at this place alone, and the speech of those that agree elsewhere."""
    w = chain.windows
    here, gone = [], []
    for first, last in activity.turns:
        from_s, to_s = first * FRAME_S, last * FRAME_S
        inside = (w.centre_s >= from_s - w.size_s / 4) & (w.centre_s <= to_s + w.size_s / 4)
        agreed = inside & chain.on
        agrees = is_present and np.count_nonzero(agreed) >= AGREES * max(int(np.count_nonzero(inside)), 1)
        is_elsewhere = from_s in best.distinct_at_s
        if agrees and not is_elsewhere and to_s - from_s <= LONGEST_TURN_S:
            here.append((from_s, float(w.weight_s[agreed].sum())))
        elif is_elsewhere and not agrees:
            gone.append(to_s - from_s)
    return here, gone
