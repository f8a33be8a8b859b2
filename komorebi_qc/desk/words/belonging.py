"""Whether both files belong to the same call, in a sentence with the evidence for and against."""

from __future__ import annotations

from typing import TYPE_CHECKING

from komorebi_qc.core.finding import counted

if TYPE_CHECKING:
    from komorebi_qc.sync import SyncResult
    from komorebi_qc.sync.belonging import Belonging

_ANSWERS = {
    "yes": "Both files belong to the same call",
    "no": "The two files belong to different calls",
    "unknown": "Nothing confirms that both files belong to the same call",
}
LEAST_S = 0.05
"""Less speech would be shown as 0.0 s."""


def belonging_sentence(result: SyncResult | None) -> str:
    """Return the answer, its probability, and the evidence for and against it.

    Args:
        result: the sync measurement; None if sync wasn't measured.
    """
    if result is None:
        return "It was not measured whether both files belong to the same call."
    found = result.belongs
    if found is None:
        answer = _ANSWERS["no" if result.status == "wrong_pair" else "unknown"]
        return f"{answer}. {result.reason[:1].upper()}{result.reason[1:]}."
    return f"{_ANSWERS[found.answer]} (probability of the same call: {_share(found.probability)}). {_evidence(found)}"


def _evidence(found: Belonging) -> str:
    agreed = "No speech agrees at one place only"
    if found.for_s >= LEAST_S:
        agreed = f"{found.for_s:.1f} s of speech in {counted(found.for_turns, 'turn')} agree at this place only"
    if found.against_s < LEAST_S:
        return f"{agreed}. No speech contradicts it."
    stretches = counted(found.against_turns, "stretch", "stretches")
    return f"{agreed}. {found.against_s:.1f} s of speech in {stretches} contradict it: the recording has other speech."


def _share(probability: float) -> str:
    """A probability in percent; never 0 or 100, which no evidence gives."""
    if probability >= 0.9995:
        return "over 99.9 %"
    if probability < 0.0005:
        return "under 0.1 %"
    return f"{probability * 100:.1f} %"
