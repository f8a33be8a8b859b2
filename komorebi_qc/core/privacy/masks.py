"""Masks: the spans of a call that was not to be recorded, on each clock, with a margin on both sides.

A suspended or redacted span of the call is known on the call clock. The recording goes on during it, so every sound and
every picture of the recording is masked there too. A mask covers all recording time that the span may be at: a jump
inside of the span, and the bound of a placement that wasn't measured, make it longer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from komorebi_qc.core.timebase import Span, merged

if TYPE_CHECKING:
    from collections.abc import Sequence

    from komorebi_qc.core.timebase import Alignment

MaskChoice = Literal["none", "sound", "picture"]
PrivateReason = Literal["suspended", "redacted"]
MASK_CHOICES: tuple[MaskChoice, ...] = ("none", "sound", "picture")
MASK_MARGIN_S = 0.5
"""Speech at the edges of a span: the agent suspends the recording by hand, a redaction's words are timed to 0.1 s."""
MOST_MARGIN_S = 60.0
"""A wider margin is a slip of the unit."""


@dataclass(frozen=True, slots=True)
class PrivateSpan:
    """A stretch of the call that was not to be recorded.

    Attributes:
        call: as found, without a margin, on the call clock.
        reason: ``suspended`` (Connect's file is digitally silent) or ``redacted`` (by Contact Lens).
    """

    call: Span
    reason: PrivateReason


@dataclass(frozen=True, slots=True)
class Masks:
    """The masked spans, each with its margin, in order and without overlap.

    Attributes:
        choice: what is masked: nothing, the sound, or the sound and the picture.
        call: on the call clock.
        recording: on the recording clock.
        output: on the output clock.
    """

    choice: MaskChoice = "none"
    call: tuple[Span, ...] = ()
    recording: tuple[Span, ...] = ()
    output: tuple[Span, ...] = ()

    @property
    def masks_sound(self) -> bool:
        """Whether any sound is masked."""
        return self.choice != "none" and bool(self.output)

    @property
    def masks_picture(self) -> bool:
        """Whether any picture is masked."""
        return self.choice == "picture" and bool(self.output)


UNMASKED = Masks()


def masks(
    private: Sequence[PrivateSpan],
    alignment: Alignment,
    *,
    call_s: float,
    choice: MaskChoice,
    margin_s: float = MASK_MARGIN_S,
    bound_s: float = 0.0,
) -> Masks:
    """Return the masks of a call's private spans.

    Args:
        private: on the call clock.
        alignment: of the call.
        call_s: the call's length on its own clock.
        choice: what is masked.
        margin_s: added on both sides.
        bound_s: how far off the alignment can be; added on both sides on the recording and output clocks.
    """
    call = merged(Span(max(0.0, p.call.start_s - margin_s), min(call_s, p.call.end_s + margin_s)) for p in private)
    recording = merged(
        Span(first - margin_s - bound_s, last + margin_s + bound_s)
        for first, last in (_recording_time(p.call, alignment) for p in private)
    )
    recording = [Span(max(s.start_s, -alignment.output_shift_s), s.end_s) for s in recording]
    shift_s = alignment.output_shift_s
    output = tuple(Span(s.start_s + shift_s, s.end_s + shift_s) for s in recording if s.end_s + shift_s > 0.0)
    return Masks(choice, tuple(call), tuple(recording), output)


def _recording_time(call: Span, alignment: Alignment) -> tuple[float, float]:
    """Return the first and the last recording time that the span is at."""
    times = [alignment.to_recording(call.start_s), alignment.to_recording(call.end_s)]
    for edge_s in (j.call_s for j in alignment.jumps):
        if call.start_s <= edge_s <= call.end_s:
            before = alignment.to_recording(edge_s) - sum(j.size_s for j in alignment.jumps if j.call_s == edge_s)
            times += [before, alignment.to_recording(edge_s)]
    return min(times), max(times)
