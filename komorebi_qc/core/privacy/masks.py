"""Masks: the spans of a call that was not to be recorded, on each clock, with a margin on both sides.

A suspended or redacted span of the call is known on the call clock. The recording goes on during it, so every sound and
every picture of the recording is masked there too. A mask covers all recording time that the span may be at: a jump
in the span or near it, a delay of the customer's voice, and the bound of a placement that wasn't measured make it
longer.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from komorebi_qc.core.timebase import Span, merged

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from komorebi_qc.core.timebase import Alignment, Jump

MaskChoice = Literal["none", "sound", "picture"]
PrivateReason = Literal["suspended", "redacted"]
MASK_CHOICES: tuple[MaskChoice, ...] = ("none", "sound", "picture")
MASK_MARGIN_S = 0.5
"""Speech at the edges of a span: the agent suspends the recording by hand, a redaction's words are timed to 0.1 s."""
MOST_MARGIN_S = 60.0
"""A wider margin is a slip of the unit."""
NEAR_JUMP_S = 10.0
"""A jump is found to within a pause, and a private span is a pause: a jump this near may be inside of the span.

The pause may be longer than that. So a measured jump also brings the interval that contains it.
"""
SLIP_S = 5.0
"""A jump up to this size may be of the sound alone.

A busy browser records the sound late, and a change of the microphone loses some of it, while the picture keeps its
time. A longer jump is a pause of the recorder, which stops both.
"""


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
        recording: of the sound, on the recording clock.
        output: of the sound, on the output clock.
        margin_s: by how much a mask is wider than its span, on both sides.
        picture: of the picture, on the recording clock. They cover those of the sound, and are longer if jumps may be
            of the sound alone. Empty if they are the same.
    """

    choice: MaskChoice = "none"
    call: tuple[Span, ...] = ()
    recording: tuple[Span, ...] = ()
    output: tuple[Span, ...] = ()
    margin_s: float = MASK_MARGIN_S
    picture: tuple[Span, ...] = ()

    @property
    def masks_sound(self) -> bool:
        """Whether any sound is masked."""
        return self.choice != "none" and bool(self.output)

    @property
    def masks_picture(self) -> bool:
        """Whether any picture is masked."""
        return self.choice == "picture" and bool(self.output or self.picture)

    @property
    def of_picture(self) -> tuple[Span, ...]:
        """The masks of the picture, on the recording clock."""
        return self.picture or self.recording


UNMASKED = Masks()


def masks(
    private: Sequence[PrivateSpan],
    alignment: Alignment,
    *,
    call_s: float,
    choice: MaskChoice,
    margin_s: float = MASK_MARGIN_S,
    bound_s: float = 0.0,
    between: Mapping[Jump, Span] = MappingProxyType({}),
    delays_s: tuple[float, float] = (0.0, 0.0),
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
        between: the interval of the call that contains a jump, as far as it is known.
        delays_s: how much earlier (at most 0) and later (at least 0) than the alignment a voice of the call can be in
            the recording; added on the recording and output clocks.
    """
    shift_s, wider_s = alignment.output_shift_s, margin_s + bound_s
    spans = merged(span.call for span in private)
    call = [_within(span.start_s - margin_s, span.end_s + margin_s, 0.0, call_s) for span in spans]
    reaches = [_reach(jump, between.get(jump)) for jump in alignment.jumps]
    sound, picture = [], []
    for span in spans:
        early_s, late_s = _slips_s(span, alignment, reaches)
        for time in _recording_times(span, alignment, reaches):
            start_s, end_s = time.start_s - wider_s + delays_s[0], time.end_s + wider_s + delays_s[1]
            sound.append(_within(start_s, end_s, -shift_s, math.inf))
            picture.append(_within(start_s - early_s, end_s + late_s, -shift_s, math.inf))
    of_call, of_sound, of_picture = (
        tuple(merged(span for span in found if span is not None)) for found in (call, sound, picture)
    )
    output = tuple(Span(max(0.0, span.start_s + shift_s), span.end_s + shift_s) for span in of_sound)
    return Masks(choice, of_call, of_sound, output, margin_s, () if of_picture == of_sound else of_picture)


def _within(start_s: float, end_s: float, low_s: float, high_s: float) -> Span | None:
    """Return the part of a span between two limits; None if it has no length."""
    start_s, end_s = max(start_s, low_s), min(end_s, high_s)
    return Span(start_s, end_s) if start_s < end_s else None


def _reach(jump: Jump, between: Span | None) -> Span:
    """Return the moments of the call at which a jump may be."""
    start_s, end_s = jump.call_s - NEAR_JUMP_S, jump.call_s + NEAR_JUMP_S
    return Span(start_s, end_s) if between is None else Span(min(start_s, between.start_s), max(end_s, between.end_s))


def _recording_times(span: Span, alignment: Alignment, reaches: Sequence[Span]) -> list[Span]:
    """Return all recording time that a span of the call can be at.

    A jump that may be in the span may be at any moment of it. Time that such a jump inserted into the recording is in
    the span. Time that it took from the recording isn't there to be masked.

    Args:
        span: on the call clock.
        alignment: of the call.
        reaches: for each of its jumps, the moments of the call at which it may be.
    """
    jumps = alignment.jumps
    before = next((i for i, reach in enumerate(reaches) if reach.end_s >= span.start_s), len(jumps))
    behind = next((i for i in range(len(jumps), before, -1) if reaches[i - 1].start_s <= span.end_s), before)
    near = list(zip(jumps[before:behind], reaches[before:behind], strict=True))
    straight = replace(alignment, jumps=())
    moved_s, from_s = sum(jump.size_s for jump in jumps[:before]), span.start_s
    times = []
    for jump, reach in [*near, (None, span)]:
        lost_s = 0.0 if jump is None else max(0.0, -jump.size_s)
        to_s = min(span.end_s, reach.end_s - lost_s)
        if from_s <= to_s:
            bends_s = [knot.call_s for knot in alignment.knots if from_s < knot.call_s < to_s]
            at_s = [straight.to_recording(moment_s) + moved_s for moment_s in (from_s, *bends_s, to_s)]
            times.append(Span(min(at_s), max(at_s)))
        if jump is not None:
            moved_s, from_s = moved_s + jump.size_s, max(span.start_s, reach.start_s)
    if any(jump.size_s > 0.0 for jump, _ in near) and times:
        return [Span(min(time.start_s for time in times), max(time.end_s for time in times))]
    return times


def _slips_s(span: Span, alignment: Alignment, reaches: Sequence[Span]) -> tuple[float, float]:
    """Return how much earlier and how much later than its sound the picture of a span can be."""
    sizes_s = [
        jump.size_s
        for jump, reach in zip(alignment.jumps, reaches, strict=True)
        if reach.start_s <= span.end_s and abs(jump.size_s) <= SLIP_S
    ]
    return sum(max(0.0, size_s) for size_s in sizes_s), sum(max(0.0, -size_s) for size_s in sizes_s)
