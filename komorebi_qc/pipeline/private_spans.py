"""The spans of a call that were not to be recorded: suspensions and redactions, found once, in one place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from komorebi_qc.core.errors import NOTHING_PUBLISHED, MaskError
from komorebi_qc.core.limits import DEFAULT
from komorebi_qc.core.privacy.masks import masks
from komorebi_qc.core.privacy.suspensions import Witness, suspended_spans
from komorebi_qc.core.samples import RATE, length
from komorebi_qc.core.timebase import Jump, Span, clock_text
from komorebi_qc.findings.privacy.private_time import suspended_min_s
from komorebi_qc.media.malloc import return_freed_blocks
from komorebi_qc.sync.suspended import find_suspensions as suspensions_of_pair

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from komorebi_qc.core.limits import Limits
    from komorebi_qc.core.privacy.masks import Masks, PrivateSpan
    from komorebi_qc.core.samples import Track
    from komorebi_qc.core.timebase import Alignment
    from komorebi_qc.findings.evidence import Placement
    from komorebi_qc.pipeline.options import Options
    from komorebi_qc.sync import SyncResult

GIVEN_BOUND_S = 0.1
"""How far off an operator's offset can be: people read it from a display with tenths of a second."""
CRYSTAL = 100e-6
"""Clocks differ by up to this share of the time, if nobody measured by how much."""


def find_suspensions(
    call: Track, recording: NDArray[np.int16] | None, alignment: Alignment | None, limits: Limits = DEFAULT
) -> tuple[PrivateSpan, ...]:
    """The spans in which recording was suspended in Connect.

    Args:
        call: the call audio at 8 kHz, shape ``(n, 2)``.
        recording: the recording's own audio at 8 kHz, which is the witness where digital silence may have other
            reasons. Without it, everything that may be a suspension is one.
        alignment: of the call; None if it isn't placed.
        limits: the limits of the run; one of them is the shortest suspension.
    """
    least_s = suspended_min_s(limits)
    try:
        if recording is not None and len(recording):
            return suspensions_of_pair(call, recording, alignment, min_s=least_s)
        everywhere = Witness((Span(0.0, length(call) / RATE),))
        return suspended_spans(call, witness=lambda: everywhere, min_s=least_s)
    finally:
        return_freed_blocks()  # the video's index takes their place next


def suspensions_at(
    found: Iterable[PrivateSpan], call: Track, recording: NDArray[np.int16] | None, placement: Placement, limits: Limits
) -> set[PrivateSpan]:
    """The suspensions of a measurement, and those that the recording confirms at the place in use.

    A measurement that isn't sure of a place has no witness: only the edges of digital silence decide then.

    Args:
        found: by the measurement.
        call: the call audio at 8 kHz, shape ``(n, 2)``.
        recording: the recording's own audio at 8 kHz; None if it wasn't decoded.
        placement: of the call.
        limits: the limits of the run; one of them is the shortest suspension.
    """
    if placement.source == "measured":
        return set(found)
    return {*found, *find_suspensions(call, recording, placement.alignment, limits)}


def place_masks(private: Sequence[PrivateSpan], placement: Placement, call_s: float, options: Options) -> Masks:
    """The masks of a call's private spans.

    Args:
        private: the spans.
        placement: of the call.
        call_s: the call's length.
        options: the choice of masks and their margin.

    Raises:
        MaskError: the spans are to be masked, and their place in the recording isn't known.
    """
    if private and options.mask != "none" and (contradiction := _contradiction(placement)):
        raise MaskError(
            f"{_first(private)}, and its place in the recording isn't known, because {contradiction}"
            f"{NOTHING_PUBLISHED}. Give the call's place to `process` or `dlq release` by --offset, or choose "
            "--mask none"
        )
    return masks(
        private,
        placement.alignment,
        call_s=call_s,
        choice=options.mask,
        margin_s=options.mask_margin_s,
        bound_s=_bound_s(placement, call_s),
        between=_jumps_between(placement),
        delays_s=_delays_s(placement),
    )


def require_agreement(
    private: Sequence[PrivateSpan], placement: Placement, measured: SyncResult, call_s: float
) -> None:
    """Check a place that nobody measured against the audio: a wrong one would show what it is meant to mask.

    Args:
        private: the spans that are masked.
        placement: of the call, by an operator or by the reported call end.
        measured: the measurement of the same pair. If it isn't sure of a place, nothing is checked.
        call_s: the call's length.

    Raises:
        MaskError: the audio places a span elsewhere in the recording.
    """
    if measured.alignment is None:
        return
    edges = [at_s for span in private for at_s in (span.call.start_s, span.call.end_s)]
    off_s = max(abs(measured.alignment.to_recording(t) - placement.alignment.to_recording(t)) for t in edges)
    if off_s > _bound_s(placement, call_s):
        given = "the given alignment" if placement.source == "manual" else "the reported call end"
        raise MaskError(
            f"{_first(private)}, and {given} places it {off_s:.2f} s away from where the audio is in the recording"
            f"{NOTHING_PUBLISHED}. Let the place be measured, without --offset, --align or a correction; or choose "
            "--mask none"
        )


def _first(private: Sequence[PrivateSpan]) -> str:
    first = min(private, key=lambda span: span.call.start_s)
    times = f"{clock_text(first.call.start_s)} to {clock_text(first.call.end_s)}"
    return f"the call has {first.reason} audio, first from {times}"


def _contradiction(placement: Placement) -> str:
    """How the audio contradicts the reported call end, if nothing else places the call; empty if it doesn't."""
    measured = placement.measured
    if placement.source != "call_end" or measured is None:
        return ""
    if measured.status == "wrong_pair":
        return "the audio belongs to different calls"
    speaks_against = measured.belongs is not None and measured.belongs.speaks_against
    return "the audio contradicts the reported call end" if speaks_against else ""


def _bound_s(placement: Placement, call_s: float) -> float:
    """How far off any moment of the call can be."""
    known_s = GIVEN_BOUND_S if placement.bound_s is None else placement.bound_s
    has_drift = placement.source in ("measured", "candidate") or placement.alignment.drift_ppm != 0.0
    return known_s + (0.0 if has_drift else CRYSTAL * call_s)


def _jumps_between(placement: Placement) -> dict[Jump, Span]:
    """For each measured jump, the stretch of the call that contains it, such as a long pause."""
    measured = placement.measured
    if placement.source != "measured" or measured is None:
        return {}
    return {Jump(jump.call_s, jump.size_s): Span(*sorted(jump.between_s)) for jump in measured.jumps}


def _delays_s(placement: Placement) -> tuple[float, float]:
    """How much earlier (at most 0) and later (at least 0) than the call the customer can be in the recording."""
    measured = placement.measured
    if placement.source != "measured" or measured is None:
        return 0.0, 0.0
    if measured.lag_agent_s is None or measured.lag_customer_s is None:
        return 0.0, 0.0
    delay_s = measured.lag_customer_s - measured.lag_agent_s
    steps_s = [step.size_s for step in measured.customer_steps]
    earliest_s = delay_s + sum(min(0.0, step_s) for step_s in steps_s)
    latest_s = delay_s + sum(max(0.0, step_s) for step_s in steps_s)
    return min(0.0, earliest_s), max(0.0, latest_s)
