"""Masks: the spans of a call that was not to be recorded, on each clock, with a margin on both sides.

A suspended or redacted span of the call is known on the call clock. The recording goes on during it, so every sound and
every picture of the recording is masked there too. A mask covers all recording time that the span may be at: a jump
in the span or near it, and the bound of a placement that wasn't measured, make it longer.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
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
NEAR_JUMP_S = 10.0
"""A jump is found to within a pause, and a private span is a pause: a jump this near may be inside of the span."""


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
        choice: nothing, the sound, or the sound and the picture is masked.
        call: on the call clock.
        recording: on the recording clock.
        output: on the output clock.
        margin_s: by how much a mask is wider than its span, on both sides.
    """

    choice: MaskChoice = "none"
    call: tuple[Span, ...] = ()
    recording: tuple[Span, ...] = ()
    output: tuple[Span, ...] = ()
    margin_s: float = MASK_MARGIN_S

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

    A span outside of the agent's part of the call is masked as well: the part's edges are found in pauses, and a
    private span is one. A span before the output's start has no mask there.

    Args:
        private: on the call clock, in any order; they may overlap.
        alignment: of the call.
        call_s: the call's length on its own clock.
        choice: mask nothing, the sound, or the sound and the picture.
        margin_s: added on both sides.
        bound_s: how far off the alignment can be; added on both sides on the recording and output clocks.
    """
    shift_s, wider_s = alignment.output_shift_s, margin_s + bound_s
    spans = merged(span.call for span in private)
    call = [_within(span.start_s - margin_s, span.end_s + margin_s, 0.0, call_s) for span in spans]
    times = [time for span in spans for time in _recording_times(span, alignment)]
    recording = [_within(time.start_s - wider_s, time.end_s + wider_s, -shift_s, math.inf) for time in times]
    on_recording = merged(span for span in recording if span is not None)
    output = tuple(Span(max(0.0, span.start_s + shift_s), span.end_s + shift_s) for span in on_recording)
    on_call = tuple(merged(span for span in call if span is not None))
    return Masks(choice, on_call, tuple(on_recording), output, margin_s)


def _within(start_s: float, end_s: float, low_s: float, high_s: float) -> Span | None:
    """Return the part of a span between two limits; None if it has no length."""
    start_s, end_s = max(start_s, low_s), min(end_s, high_s)
    return Span(start_s, end_s) if start_s < end_s else None


def _recording_times(span: Span, alignment: Alignment) -> list[Span]:
    """Return all recording time that a span of the call can be at.

    A jump in the span or near it may be at any moment of the span. Time that such a jump inserted into the recording is
    in the span. Time that it took from the recording isn't there to be masked.
    """
    low_s, high_s = span.start_s - NEAR_JUMP_S, span.end_s + NEAR_JUMP_S
    near = [jump for jump in alignment.jumps if low_s <= jump.call_s <= high_s]
    straight = replace(alignment, jumps=())
    moved_s, from_s = sum(jump.size_s for jump in alignment.jumps if jump.call_s < low_s), span.start_s
    times = []
    for jump in [*near, None]:
        lost_s = 0.0 if jump is None else max(0.0, -jump.size_s)
        to_s = span.end_s if jump is None else min(span.end_s, jump.call_s + NEAR_JUMP_S - lost_s)
        if from_s <= to_s:
            bends_s = [knot.call_s for knot in alignment.knots if from_s < knot.call_s < to_s]
            at_s = [straight.to_recording(moment_s) + moved_s for moment_s in (from_s, *bends_s, to_s)]
            times.append(Span(min(at_s), max(at_s)))
        if jump is not None:
            moved_s, from_s = moved_s + jump.size_s, max(span.start_s, jump.call_s - NEAR_JUMP_S)
    if any(jump.size_s > 0.0 for jump in near) and times:
        return [Span(min(time.start_s for time in times), max(time.end_s for time in times))]
    return times
