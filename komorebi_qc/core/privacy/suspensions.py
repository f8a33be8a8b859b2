"""Suspensions: stretches in which Connect was asked to stop recording, found as digital silence on both channels.

A suspension silences both channels at the same sample, and both come back at the same sample. Other digital silence
comes and goes on each channel by itself: a muted microphone, music on hold, discontinuous transmission (a telephone
that sends nothing between two words), lost packets, a dead channel. Where the edges say nothing, the recording is the
witness: a conversation goes on in it while the call is digitally silent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from komorebi_qc.core.privacy.digital_silence import SPREADS, SilentRun, frame_ranges, silent_runs
from komorebi_qc.core.privacy.masks import PrivateSpan
from komorebi_qc.core.samples import RATE
from komorebi_qc.core.timebase import Span, merged

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from komorebi_qc.core.samples import Track

SUSPENDED_MIN_S = 2.0
"""Shorter digital silence on both channels isn't called a suspension."""
EXACT_S = 0.005
"""Both channels change within this time at the edge of a suspension: the last samples before it may be 0 as well."""
LOSSY_S = 0.045
"""The same after a codec that smears an edge."""
_AT_EDGE_S = 0.05
"""Silence this near to the call's start or end touches it."""
_WITNESS_S, _WITNESS_SHARE = 1.0, 0.2
"""Least speech of the recording within a span, in seconds and as a share of it, for a conversation that goes on."""
_TRIM_S = 0.5
"""Speech this near to a span's edge may be the speech beside it: delays, rooms."""
_DEAD_SHARE = 0.98
"""A channel that is digitally silent for this share of the call is dead: its edges say nothing."""
_USUAL_S = 0.4
"""A channel with other runs of this length is silent between words: digital silence is usual in it."""


@dataclass(frozen=True, slots=True)
class Witness:
    """What the recording has beside the call, on the call clock.

    Attributes:
        speech: when somebody speaks in it.
        customer: when the customer speaks in it; None if the two voices can't be distinguished.
    """

    speech: Sequence[Span]
    customer: Sequence[Span] | None = None


@dataclass(slots=True)
class _Recorded:
    """The witness, asked once."""

    ask: Callable[[], Witness | None] | None
    answer: Witness | None = None
    is_asked: bool = False

    def witness(self) -> Witness | None:
        if self.ask is not None and not self.is_asked:
            self.answer, self.is_asked = self.ask(), True
        return self.answer


@dataclass(frozen=True, slots=True)
class _JointRun:
    """Digital silence on both channels: the run of each channel, and what both share."""

    customer: SilentRun
    agent: SilentRun

    @property
    def shared(self) -> SilentRun:
        return SilentRun(max(self.customer.start, self.agent.start), min(self.customer.stop, self.agent.stop))


def suspended_spans(
    call: Track,
    *,
    witness: Callable[[], Witness | None] | None = None,
    min_s: float = SUSPENDED_MIN_S,
) -> tuple[PrivateSpan, ...]:
    """Return the stretches of a call in which Connect's recording was suspended, in order.

    Args:
        call: the call audio at 8 kHz, shape ``(n, 2)``: customer, agent.
        witness: returns what the recording has of the call; called at most once, and only if the edges don't decide.
            Without a witness, only the edges decide.
        min_s: the shortest suspension.
    """
    if len(call.shape) < 2 or call.shape[1] < 2:
        return ()
    ranges = frame_ranges(call)
    recorded = _Recorded(witness)
    found: list[Span] = []
    for spread in SPREADS:
        runs = [silent_runs(call, ranges, channel, spread) for channel in (0, 1)]
        tolerance_s = EXACT_S if spread == 0 else LOSSY_S
        for joint in _joint(runs[0], runs[1], min_s):
            span = Span(joint.shared.start / RATE, joint.shared.stop / RATE)
            if any(span.overlap_s(known) > 0 for known in found):
                continue
            if _is_suspension(joint, runs, ranges.samples, tolerance_s, recorded):
                found.append(span)
    return tuple(PrivateSpan(span, "suspended") for span in merged(found))


def _joint(customer: Sequence[SilentRun], agent: Sequence[SilentRun], min_s: float) -> list[_JointRun]:
    """Return the runs of both channels that share `min_s` or more."""
    out, i, j = [], 0, 0
    while i < len(customer) and j < len(agent):
        if customer[i].overlap(agent[j]) >= round(min_s * RATE):
            out.append(_JointRun(customer[i], agent[j]))
        if customer[i].stop <= agent[j].stop:
            i += 1
        else:
            j += 1
    return out


def _is_suspension(
    joint: _JointRun,
    runs: Sequence[Sequence[SilentRun]],
    samples: int,
    tolerance_s: float,
    recorded: _Recorded,
) -> bool:
    tolerance = round(tolerance_s * RATE)
    shared = joint.shared
    is_first = shared.start <= _AT_EDGE_S * RATE
    is_last = shared.stop >= samples - _AT_EDGE_S * RATE
    starts = not is_first and abs(joint.customer.start - joint.agent.start) <= tolerance
    stops = not is_last and abs(joint.customer.stop - joint.agent.stop) <= tolerance
    if is_first and is_last:
        return False
    if starts and stops:
        return True
    witness = _goes_on(shared, recorded.witness())
    if starts or stops:
        return witness
    dead = [_is_dead(r, samples) for r in runs]
    usual = [any(r.stop - r.start >= _USUAL_S * RATE and r.overlap(shared) == 0 for r in side) for side in runs]
    return witness and any(dead) and not any(u for u, d in zip(usual, dead, strict=True) if not d)


def _goes_on(shared: SilentRun, witness: Witness | None) -> bool:
    """Return whether a conversation goes on in the recording while the call is digitally silent."""
    if witness is None:
        return False
    span = Span(shared.start / RATE + _TRIM_S, max(shared.stop / RATE - _TRIM_S, shared.start / RATE + _TRIM_S))
    speech_s = sum(span.overlap_s(s) for s in witness.speech)
    return speech_s >= min(_WITNESS_S, span.length_s / 2) and speech_s >= _WITNESS_SHARE * span.length_s


def _is_dead(runs: Sequence[SilentRun], samples: int) -> bool:
    return sum(r.stop - r.start for r in runs) >= _DEAD_SHARE * samples
