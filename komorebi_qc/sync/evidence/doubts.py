"""The evidence against a pair: words of the call that the recording doesn't have, though it would have them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from komorebi_qc.sync.evidence.classify import MOST_CONTRADICTED

if TYPE_CHECKING:
    from komorebi_qc.sync.evidence.classify import Evidence
    from komorebi_qc.sync.evidence.spans import CallSpan

MOST_OF_IT = 0.6
"""Share of a side that agrees, if its sound is in the recording."""


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
