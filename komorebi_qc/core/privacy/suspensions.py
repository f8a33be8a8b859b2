"""Suspensions: stretches in which Connect was asked to stop recording, found as digital silence on both channels.

A suspension silences both channels at the same sample, and both come back at the same sample. Other digital silence
comes and goes on each channel by itself: a muted microphone, music on hold, discontinuous transmission (a telephone
that sends nothing between two words), lost packets, a dead channel. If the edges say nothing, the recording is the
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
_TRIM_S = 0.4
"""Speech this near to a span's edge may be the speech beside it: delays, rooms."""
_SPEAKS_S, _SPEAKS = 0.8, 0.12
"""Least speech of the recording within a span, in seconds and as a share of it."""
_DEAD = 0.98
"""A channel that is digitally silent for this share of the call is dead: its edges say nothing."""
_USUAL_S, _USUAL_RUNS = 0.4, 3
"""A channel with as many other runs of this length is silent between words: digital silence is usual in it."""


@dataclass(frozen=True, slots=True)
class Witness:
    """The recording's speech beside the call, on the call clock.

    Attributes:
        speech: when somebody speaks in it.
        voices: when the customer and the agent speak in it; None if the two can't be distinguished.
    """

    speech: Sequence[Span]
    voices: tuple[Sequence[Span], Sequence[Span]] | None = None


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
    """Digital silence on both channels: the run of each channel, and their common part."""

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
    """Return the stretches of a call in which recording was suspended in Connect, in order.

    Args:
        call: the call audio at 8 kHz, shape ``(n, 2)``: customer, agent.
        witness: returns the recording's speech; called at most once, and only if the edges don't decide.
            Without a witness, only the edges decide.
        min_s: the shortest suspension.
    """
    if len(call.shape) < 2 or call.shape[1] < 2:
        return ()
    ranges = frame_ranges(call)
    recorded = _Recorded(witness)
    found: list[Span] = []
    asked: list[SilentRun] = []
    for spread in SPREADS:
        runs = (silent_runs(call, ranges, 0, spread), silent_runs(call, ranges, 1, spread))
        tolerance_s = EXACT_S if spread == 0 else LOSSY_S
        for joint in _joint(runs[0], runs[1], min_s):
            shared = joint.shared
            span = Span(shared.start / RATE, shared.stop / RATE)
            # An edge that is as sharp at every spread passed no codec: it was judged as an exact one.
            if any(span.overlap_s(known) > 0 for known in found) or any(_is_same(shared, run) for run in asked):
                continue
            asked.append(shared)
            if _Question(joint, runs, ranges.samples, tolerance_s, recorded).answer():
                found.append(span)
    return tuple(PrivateSpan(span, "suspended") for span in merged(found))


def _is_same(one: SilentRun, other: SilentRun) -> bool:
    return max(abs(one.start - other.start), abs(one.stop - other.stop)) <= EXACT_S * RATE


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


@dataclass(frozen=True, slots=True)
class _Question:
    """Is this run a suspension?"""

    joint: _JointRun
    runs: tuple[Sequence[SilentRun], Sequence[SilentRun]]
    samples: int
    tolerance_s: float
    recorded: _Recorded

    def answer(self) -> bool:
        """Decide by the edges; if they don't, ask the recording."""
        shared = self.joint.shared
        is_first = shared.start <= _AT_EDGE_S * RATE
        is_last = shared.stop >= self.samples - _AT_EDGE_S * RATE
        dead = [sum(r.stop - r.start for r in side) >= _DEAD * self.samples for side in self.runs]
        if (is_first and is_last) or all(dead):
            return False
        usual = [sum(self._is_other(r) for r in side) >= _USUAL_RUNS for side in self.runs]
        if any(dead):
            alive = dead.index(False)
            return not usual[alive] and self._speaks() and self._has_voice(alive)
        starts = not is_first and self._is_near(self.joint.customer.start, self.joint.agent.start)
        stops = not is_last and self._is_near(self.joint.customer.stop, self.joint.agent.stop)
        if starts and stops:
            # Pauses of two telephones that send nothing between words begin and end together by chance, nearly.
            return self.tolerance_s <= EXACT_S or not all(usual) or self._speaks()
        if is_first:
            return stops and self._speaks() and self._has_voice(0, or_unknown=False)
        if starts or stops:
            return self._speaks() and (not is_last or self._has_voice(0))
        return not is_last and self._speaks() and self._is_cut_on_one(usual)

    def _is_cut_on_one(self, usual: Sequence[bool]) -> bool:
        """Return whether one channel was cut while the other one was silent by itself at both edges."""
        shared = self.joint.shared
        for inner, run in enumerate((self.joint.customer, self.joint.agent)):
            is_inner = self._is_near(run.start, shared.start) and self._is_near(run.stop, shared.stop)
            if is_inner and not usual[inner] and usual[1 - inner]:
                return self._has_voice(0)
        return all(usual) and self._has_voice(0, or_unknown=False)

    def _is_near(self, one: int, other: int) -> bool:
        return abs(one - other) <= round(self.tolerance_s * RATE)

    def _is_other(self, run: SilentRun) -> bool:
        return run.stop - run.start >= _USUAL_S * RATE and run.overlap(self.joint.shared) == 0

    def _speaks(self) -> bool:
        """Return whether somebody speaks in the recording while the call is digitally silent."""
        witness = self.recorded.witness()
        return witness is not None and self._is_enough(witness.speech)

    def _has_voice(self, side: int, *, or_unknown: bool = True) -> bool:
        """Return whether the customer (0) or the agent (1) does."""
        witness = self.recorded.witness()
        if witness is None or witness.voices is None:
            return or_unknown
        return self._is_enough(witness.voices[side])

    def _is_enough(self, speech: Sequence[Span]) -> bool:
        start_s, stop_s = (edge / RATE for edge in (self.joint.shared.start, self.joint.shared.stop))
        span = Span(start_s + _TRIM_S, max(stop_s - _TRIM_S, start_s + _TRIM_S))
        speech_s = sum(span.overlap_s(s) for s in speech)
        return speech_s >= max(_SPEAKS_S, _SPEAKS * span.length_s)
