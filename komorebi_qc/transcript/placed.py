"""A transcript on the output clock, along the pieces of call audio that the output plays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from komorebi_qc.transcript.turns import Speaker, TranscriptSource


@dataclass(frozen=True, slots=True)
class PlacedTurn:
    """A turn on the output clock.

    Attributes:
        speaker: ``agent``, ``customer`` or ``unknown``.
        from_s: its start on the output clock.
        to_s: its end.
        text: plain text; empty if the words are masked.
        is_redacted: whether words are missing in the text: redacted by Contact Lens, or masked in the output.
    """

    speaker: Speaker
    from_s: float
    to_s: float
    text: str
    is_redacted: bool = False


@dataclass(frozen=True, slots=True)
class PlacedTranscript:
    """A transcript on the output clock.

    Attributes:
        turns: in the order of their starts; they may overlap.
        language: a language tag, such as ``en-US``; empty if it isn't known.
        source: the format it was read from.
        left_out: turns of the call that the output doesn't play.
    """

    turns: tuple[PlacedTurn, ...]
    language: str
    source: TranscriptSource
    left_out: int = 0
