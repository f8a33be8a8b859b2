"""Suspensions: stretches in which Connect was asked to stop recording, found as digital silence on both channels.

A suspension silences both channels at the same sample, and both come back at the same sample. Other digital silence
comes and goes on each channel by itself: a muted microphone, music on hold, discontinuous transmission (a telephone
that sends nothing between two words), lost packets, a dead channel. If the edges say nothing, the recording is the
witness: a conversation goes on in it while the call is digitally silent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from komorebi_qc.core.privacy.digital_silence import SilentRun, frame_ranges, silent_runs
from komorebi_qc.core.privacy.masks import PrivateSpan
from komorebi_qc.core.samples import RATE
from komorebi_qc.core.timebase import Span, merged

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from komorebi_qc.core.privacy.digital_silence import FrameRanges
    from komorebi_qc.core.samples import Track

SUSPENDED_MIN_S = 2.0
"""Shorter digital silence on both channels isn't called a suspension."""
EXACT_S = 0.005
"""Both channels change within this time at the edge of a suspension: the last samples before it may be 0 as well."""
LOSSY_S = 0.045
"""The same after a codec that smears an edge."""
_AT_EDGE_S = 0.3
"""Silence this near to the call's start or end touches it."""
_TRIM_S = 0.4
"""Speech this near to a span's edge may be the speech beside it: delays, rooms."""
_SPEAKS_S, _SPEAKS = 0.8, 0.12
"""Least speech of the recording within a span, in seconds and as a share of it."""
_VOICE_S, _VOICE = 0.5, 0.2
"""Least speech by one voice, in seconds and as a share of it."""
_RINGING_S = 0.35
"""A lossy codec's longest ringing at an edge."""
EXACT, LOSSY, RINGING = 0, 4, 16
"""Spreads of digital silence in 16-bit steps: exact; after a resampler or a lossy codec; at its edges."""
CUSTOMER, AGENT = 0, 1
_DEAD = 0.98
"""A channel that is digitally silent for this share of the call is dead: its edges say nothing."""
_USUAL_S, _USUAL_RUNS, _SOME_RUNS = 0.4, 3, 1
"""A channel with as many other runs of this length is silent between words: always, or at times."""
_BESIDE_S = 0.05
"""The quiet channel's edge may be this much inside of the cut one."""
_SHARP_S = 0.012
"""A codec that keeps time moves an edge by no more."""
_SAME_SAMPLE_S = 0.002
"""One edge is enough if both channels change within this time, and one of them is never silent by itself."""
_SHARP = 4
"""Samples by which an edge may differ within a wider spread, if it passed no codec."""
_SMEARED_S = 0.05
"""An edge that differs by this much passed a codec that rings."""


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
    questions: list[_Question] = []
    for spread, tolerance_s in ((EXACT, EXACT_S), (LOSSY, LOSSY_S)):
        runs = (silent_runs(call, ranges, 0, spread), silent_runs(call, ranges, 1, spread))
        for joint in _joint(runs[0], runs[1], min_s):
            # An edge that is as sharp within a wider spread passed no codec: it is judged as an exact one.
            if not any(_is_same(joint.shared, known.joint.shared) for known in questions):
                questions.append(_Question(joint, runs, ranges.samples, tolerance_s, recorded))
    found: list[SilentRun] = []
    # Edges first, of exact runs first; then the recording, about the runs that have a codec's residue as well.
    for question in (*questions, *reversed(questions)):
        if any(question.joint.shared.overlap(known) for known in found):
            continue
        if question.is_cut() or (question.was_asked and question.is_confirmed()):
            exact = [q.joint.shared for q in questions if q.tolerance_s <= EXACT_S]
            found.append(_sharpened(call, ranges, question, exact))
        question.was_asked = True
    spans = merged(Span(run.start / RATE, run.stop / RATE) for run in found)
    return tuple(PrivateSpan(span, "suspended") for span in spans)


def _sharpened(call: Track, ranges: FrameRanges, question: _Question, exact: Sequence[SilentRun]) -> SilentRun:
    """Return a suspension's run, without the ringing that a codec left at its edges."""
    shared = question.joint.shared
    smear = round(_SMEARED_S * RATE)
    if question.tolerance_s <= EXACT_S or any(_is_same(shared, run, smear) for run in exact):
        return shared
    sides = [silent_runs(call, ranges, channel, RINGING) for channel in (0, 1)]
    for joint in _joint(sides[0], sides[1], 0.0):
        wide = joint.shared
        if wide.overlap(shared) >= 0.5 * (shared.stop - shared.start):
            near = _RINGING_S * RATE
            start = wide.start if shared.start - near <= wide.start < shared.start else shared.start
            stop = wide.stop if shared.stop < wide.stop <= shared.stop + near else shared.stop
            return SilentRun(start, stop)
    return shared


def _is_same(one: SilentRun, other: SilentRun, within: int = _SHARP) -> bool:
    return max(abs(one.start - other.start), abs(one.stop - other.stop)) <= within


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


@dataclass(slots=True)
class _Question:
    """Is this run a suspension?"""

    joint: _JointRun
    runs: tuple[Sequence[SilentRun], Sequence[SilentRun]]
    samples: int
    tolerance_s: float
    recorded: _Recorded
    was_asked: bool = False

    def is_cut(self) -> bool:
        """Return whether both channels are cut at both edges, so that no witness is needed."""
        if any(self._dead()):
            return False
        if not (self._starts() and self._stops()):
            is_sharp = self._is_exact and not self._is_first and not self._is_last
            return is_sharp and not all(self._usual()) and self._is_at_one_sample()
        if self._is_exact:
            return True
        # After a codec, hold on both channels, and pauses of two silent telephones, may look cut.
        is_sharp = self._starts(_SHARP_S) and self._stops(_SHARP_S)
        return self._speaks() if all(self._usual()) else is_sharp or self._has_voice(CUSTOMER, or_unknown=True)

    def is_confirmed(self) -> bool:
        """Return whether the recording shows that the conversation goes on."""
        dead, usual = self._dead(), self._usual()
        if (self._is_first and self._is_last) or all(dead) or not self._speaks():
            return False
        if any(dead):
            alive = dead.index(False)
            return not usual[alive] and self._has_voice(alive)
        if self._is_first:
            return self._stops() and self._has_voice(CUSTOMER)
        if self._is_last:
            return self._starts() and self._has_voice(CUSTOMER, or_unknown=True)
        if self._starts() or self._stops():
            # A lossy codec lets one channel leak into the other one, if that is digitally silent by itself.
            is_sharp = self._starts(_SHARP_S) or self._stops(_SHARP_S)
            return self._is_exact or (is_sharp and not any(usual)) or self._has_voice(CUSTOMER)
        return self._is_cut_beside(usual)

    @property
    def _is_exact(self) -> bool:
        return self.tolerance_s <= EXACT_S

    @property
    def _is_first(self) -> bool:
        return self.joint.shared.start <= _AT_EDGE_S * RATE

    @property
    def _is_last(self) -> bool:
        return self.joint.shared.stop >= self.samples - _AT_EDGE_S * RATE

    def _dead(self) -> list[bool]:
        return [sum(r.stop - r.start for r in side) >= _DEAD * self.samples for side in self.runs]

    def _usual(self) -> list[bool]:
        """Return for each channel whether digital silence is usual in it."""
        return [self._others(side) >= _USUAL_RUNS for side in (CUSTOMER, AGENT)]

    def _others(self, side: int) -> int:
        """Return how often a channel is digitally silent elsewhere."""
        least = _USUAL_S * RATE
        return sum(r.stop - r.start >= least and not r.overlap(self.joint.shared) for r in self.runs[side])

    def _starts(self, within_s: float | None = None) -> bool:
        return not self._is_first and self._is_near(self.joint.customer.start, self.joint.agent.start, within_s)

    def _stops(self, within_s: float | None = None) -> bool:
        return not self._is_last and self._is_near(self.joint.customer.stop, self.joint.agent.stop, within_s)

    def _is_near(self, one: int, other: int, within_s: float | None = None) -> bool:
        return abs(one - other) <= round((self.tolerance_s if within_s is None else within_s) * RATE)

    def _is_at_one_sample(self) -> bool:
        return self._starts(_SAME_SAMPLE_S) or self._stops(_SAME_SAMPLE_S)

    def _is_cut_beside(self, usual: Sequence[bool]) -> bool:
        """Return whether one channel was cut while the other one was silent by itself at both edges.

        An agent's channel is cut by mute as well, a customer's by hold: the customer must go on in the recording. If
        the voices can't be distinguished, only a customer's channel beside an agent's usual silence was suspended.
        """
        shared = self.joint.shared
        for inner, run in ((CUSTOMER, self.joint.customer), (AGENT, self.joint.agent)):
            is_inner = self._is_near(run.start, shared.start, _BESIDE_S) and self._is_near(
                run.stop, shared.stop, _BESIDE_S
            )
            if is_inner and not usual[inner]:
                is_known_silence = inner == CUSTOMER and usual[AGENT]
                is_silent_at_times = self._others(1 - inner) >= _SOME_RUNS
                return is_silent_at_times and self._has_voice(CUSTOMER, or_unknown=is_known_silence)
        return self._has_voice(CUSTOMER)

    def _speaks(self) -> bool:
        """Return whether somebody speaks in the recording while the call is digitally silent."""
        witness = self.recorded.witness()
        if witness is None:
            return False
        speech_s, span_s = self._within(witness.speech)
        return speech_s >= max(_SPEAKS_S, _SPEAKS * span_s)

    def _has_voice(self, side: int, *, or_unknown: bool = False) -> bool:
        """Return whether the customer or the agent does, not just now and then."""
        witness = self.recorded.witness()
        if witness is None or witness.voices is None:
            return or_unknown
        speech_s, _ = self._within(witness.speech)
        voice_s, _ = self._within(witness.voices[side])
        return voice_s >= max(_VOICE_S, _VOICE * speech_s)

    def _within(self, speech: Sequence[Span]) -> tuple[float, float]:
        """Return the speech within the run, and the run's length, without its edges."""
        start_s, stop_s = (edge / RATE for edge in (self.joint.shared.start, self.joint.shared.stop))
        span = Span(start_s + _TRIM_S, max(stop_s - _TRIM_S, start_s + _TRIM_S))
        return sum(span.overlap_s(s) for s in speech), span.length_s
