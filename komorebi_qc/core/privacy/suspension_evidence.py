"""The evidence about one digital silence of both channels: its edges, the recording, and the channels' own habits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from komorebi_qc.core.privacy.silence_habits import NEAR, EdgeHabits, alone, near, silent_share
from komorebi_qc.core.samples import RATE, length
from komorebi_qc.core.timebase import Span

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from komorebi_qc.core.privacy.digital_silence import JointRun, SilentRun
    from komorebi_qc.core.samples import Track

EXACT_S = 0.005
"""Both channels change within this time at the edge of a suspension: the last samples before it may be 0 as well."""
LOSSY_S = 0.045
"""The same after a codec that smears an edge."""
CUSTOMER, AGENT = 0, 1
_AT_EDGE_S = 0.3
"""Silence this near to the call's start or end touches it."""
_TRIM_S = 0.4
"""Speech this near to a span's edge may be the speech beside it: delays, rooms."""
_SPEAKS_S, _SPEAKS = 0.8, 0.12
"""Least speech of the recording within a span, in seconds and as a share of it."""
_VOICE_S, _VOICE = 0.5, 0.2
"""Least speech by one voice, in seconds and as a share of it."""
_ALONE_S = 10.0
"""An agent who speaks for so long without a word of the customer speaks to somebody else."""
_MOSTLY = 0.5
"""The customer's share of the speech that a mute or hold can't have, whatever the edges are."""
_DEAD = 0.98
"""A channel that is digitally silent for this share of the call is dead: its edges say nothing."""
_USUAL_S, _USUAL_RUNS = 0.4, 3
"""A channel with as many other runs of this length is silent between words."""
_BESIDE_S = 0.05
"""The quiet channel's edge may be this much inside of the cut one."""
_SHARP_S = 0.012
"""A codec that keeps time moves an edge by no more."""
_SAME_SAMPLE_S = 0.002
"""One edge is enough if both channels change within this time, and one of them is never silent by itself."""
_ALMOST_S, _PAUSE_S = 0.03, 0.06
"""Both edges of a suspension agree to this time; and if the longer channel has short pauses of its own, to the second
one."""
_BY_CHANCE, _BY_CHANCE_BESIDE = 0.05, 0.2
"""The share of the call's stretches of this length in which a telephone is silent by itself. If it is smaller, the
telephone didn't just happen to be silent. The second one holds if the agent's channel was cut at both edges, with the
customer's silence around it: then no word of the customer chose the length."""


@dataclass(frozen=True, slots=True)
class Witness:
    """The recording's speech beside the call, on the call clock.

    Attributes:
        speech: when somebody speaks in it.
        voices: when the customer and the agent speak in it; None if the two can't be distinguished.
        has_customer: whether the customer is in it at all.
    """

    speech: Sequence[Span]
    voices: tuple[Sequence[Span], Sequence[Span]] | None = None
    has_customer: bool = False


@dataclass(slots=True)
class Recorded:
    """The witness, asked once."""

    ask: Callable[[], Witness | None] | None
    answer: Witness | None = None
    is_asked: bool = False

    def witness(self) -> Witness | None:
        """Return it."""
        if self.ask is not None and not self.is_asked:
            self.answer, self.is_asked = self.ask(), True
        return self.answer


@dataclass(slots=True)
class Question:
    """Is this run a suspension?

    Attributes:
        joint: the run of each channel.
        runs: all runs of both channels, at the same spread.
        call: the call audio.
        tolerance_s: how far the edges of two channels may be from each other.
        recorded: the recording's speech.
    """

    joint: JointRun
    runs: tuple[Sequence[SilentRun], Sequence[SilentRun]]
    call: Track
    tolerance_s: float
    recorded: Recorded

    def is_cut(self) -> bool:
        """Return whether both channels are cut at their edges. The recording is only asked if they don't agree well."""
        if any(self._dead()):
            return False
        if not self.is_cut_at_both():
            if not self.is_exact or self._is_first or self._is_last or all(self._usual()):
                return False
            return (self._is_at_one_sample() or self._is_almost_cut()) and not self._is_without_customer()
        if self.is_exact:
            return True
        # After a codec, hold on both channels, and pauses of two silent telephones, may look cut.
        is_sharp = self._starts(_SHARP_S) and self._stops(_SHARP_S)
        return self._speaks() if all(self._usual()) else is_sharp or self._has_voice(CUSTOMER, or_unknown=True)

    def is_cut_at_both(self) -> bool:
        """Return whether the channels agree at both edges."""
        return self._starts() and self._stops()

    def is_confirmed(self, found: Sequence[SilentRun]) -> bool:
        """Return whether the recording shows that the conversation goes on.

        Args:
            found: the suspensions that are known.
        """
        dead = self._dead()
        if (self._is_first and self._is_last) or all(dead) or not self._speaks():
            return False
        if any(dead):
            alive = dead.index(False)
            return not self._usual()[alive] and self._has_voice(alive)
        if self._is_first:
            return self._stops() and self._has_voice(CUSTOMER)
        if self._is_last and self._starts():
            return self._has_voice(CUSTOMER, or_unknown=True)
        return self._goes_on(found)

    def _goes_on(self, found: Sequence[SilentRun]) -> bool:
        """Return whether the speech of the recording belongs to the call's conversation."""
        if self._starts() or self._stops():
            # A lossy codec lets one channel leak into the other one, if that is digitally silent by itself.
            is_sharp = self._starts(_SHARP_S) or self._stops(_SHARP_S)
            if self.is_exact or (is_sharp and not any(self._usual())):
                return not self._is_without_customer()
        elif self._is_silenced_beside(found):
            return self._has_voice(CUSTOMER, share=_MOSTLY)
        witness = self.recorded.witness()
        if witness is None or witness.voices is not None:
            return self._has_voice(CUSTOMER)
        return self._is_no_pause(found, has_customer=witness.has_customer)

    @property
    def is_exact(self) -> bool:
        """Whether no codec moved the edges."""
        return self.tolerance_s <= EXACT_S

    @property
    def _is_first(self) -> bool:
        return self.joint.shared.start <= _AT_EDGE_S * RATE

    @property
    def _is_last(self) -> bool:
        return self.joint.shared.stop >= length(self.call) - _AT_EDGE_S * RATE

    def _dead(self) -> list[bool]:
        return [sum(r.stop - r.start for r in side) >= _DEAD * length(self.call) for side in self.runs]

    def _usual(self) -> list[bool]:
        """Return for each channel whether digital silence is usual in it."""
        return [self._others(side) >= _USUAL_RUNS for side in (CUSTOMER, AGENT)]

    def _others(self, side: int) -> int:
        """Return how often a channel is digitally silent elsewhere."""
        least = _USUAL_S * RATE
        return sum(r.stop - r.start >= least and not r.overlap(self.joint.shared) for r in self.runs[side])

    def _free(self, side: int, found: Sequence[SilentRun]) -> list[SilentRun]:
        """Return a channel's other runs near this one that touch no suspension."""
        known = (*found, self.joint.shared)
        return [run for run in near(self.runs[side], self.joint.shared) if not any(run.overlap(o) for o in known)]

    def _own(self, side: int, found: Sequence[SilentRun]) -> list[SilentRun]:
        """Return a channel's silence of its own near this one."""
        mine, others = (near(self.runs[s], self.joint.shared) for s in (side, 1 - side))
        return alone([run for run in mine if not run.overlap(self.joint.shared)], others, found)

    def _chance(self, runs: Sequence[SilentRun]) -> float:
        """Return the share of the stretches of this length, near this one, in which a channel is silent by itself."""
        shared = self.joint.shared
        samples = min(shared.stop + NEAR, length(self.call)) - max(shared.start - NEAR, 0)
        return silent_share(runs, shared.stop - shared.start, samples)

    def _starts(self, within_s: float | None = None) -> bool:
        return not self._is_first and self._is_near(self.joint.customer.start, self.joint.agent.start, within_s)

    def _stops(self, within_s: float | None = None) -> bool:
        return not self._is_last and self._is_near(self.joint.customer.stop, self.joint.agent.stop, within_s)

    def _is_near(self, one: int, other: int, within_s: float | None = None) -> bool:
        return abs(one - other) <= round((self.tolerance_s if within_s is None else within_s) * RATE)

    def _is_at_one_sample(self) -> bool:
        return self._starts(_SAME_SAMPLE_S) or self._stops(_SAME_SAMPLE_S)

    def _is_almost_cut(self) -> bool:
        """Return whether both edges agree but for a short pause."""
        if self._starts(_ALMOST_S) and self._stops(_ALMOST_S):
            return True
        sides = (self.joint.customer, self.joint.agent)
        longer = [side for side in (CUSTOMER, AGENT) if sides[side] != self.joint.shared]
        has_pauses = all(len(self._free(side, ())) >= _USUAL_RUNS for side in longer)
        return has_pauses and self._starts(_PAUSE_S) and self._stops(_PAUSE_S)

    def _reaches(self, side: int) -> tuple[bool, bool]:
        """Return whether the channel's run is longer than the common part: before it, and behind it."""
        run, shared, slack = (self.joint.customer, self.joint.agent)[side], self.joint.shared, _BESIDE_S * RATE
        return shared.start - run.start > slack, run.stop - shared.stop > slack

    def _is_silenced_beside(self, found: Sequence[SilentRun]) -> bool:
        """Return whether a channel that is never silent by itself was silenced at another time: a mute, or hold."""
        return any(any(self._reaches(side)) and not self._own(side, found) for side in (CUSTOMER, AGENT))

    def _is_no_pause(self, found: Sequence[SilentRun], *, has_customer: bool) -> bool:
        """Return whether the customer's telephone wasn't silent by itself, without knowing whose voice goes on.

        An agent may speak while the microphone is muted. Then the customer's channel isn't cut: it begins and ends its
        silence as always, and it is silent for no longer than always.
        """
        run = self.joint.customer
        before, behind = self._reaches(CUSTOMER)
        if not self._own(CUSTOMER, found):
            return not before and not behind
        free = self._free(CUSTOMER, found)
        habits = EdgeHabits(self.call, CUSTOMER, free, self.is_exact)
        is_unlike = habits.is_unlike_starts(run), habits.is_unlike_stops(run)
        if (before and is_unlike[0]) or (behind and is_unlike[1]):
            return False  # silenced at another time: hold
        if any(is_unlike) and not has_customer:
            return True
        chance = self._chance(free)
        is_beside = before and behind and not any(self._reaches(AGENT))
        if has_customer:
            return is_beside and chance <= 0.0
        return chance <= (_BY_CHANCE_BESIDE if is_beside else _BY_CHANCE)

    def _speaks(self) -> bool:
        """Return whether somebody speaks in the recording while the call is digitally silent."""
        witness = self.recorded.witness()
        if witness is None:
            return False
        speech_s, span_s = self._within(witness.speech)
        return speech_s >= max(_SPEAKS_S, _SPEAKS * span_s)

    def _has_voice(self, side: int, *, or_unknown: bool = False, share: float = _VOICE) -> bool:
        """Return whether the customer or the agent does, not just now and then."""
        witness = self.recorded.witness()
        if witness is None or witness.voices is None:
            return or_unknown
        speech_s, _ = self._within(witness.speech)
        voice_s, _ = self._within(witness.voices[side])
        return voice_s >= max(_VOICE_S, share * speech_s)

    def _is_without_customer(self) -> bool:
        """Return whether somebody speaks for long, and it isn't the customer: an agent with a colleague, during hold.

        For a shorter time an agent may speak alone while the customer types a number.
        """
        witness = self.recorded.witness()
        if witness is None or self._within(witness.speech)[0] < _ALONE_S:
            return False
        return not self._has_voice(CUSTOMER, or_unknown=True)

    def _within(self, speech: Sequence[Span]) -> tuple[float, float]:
        """Return the speech within the run, and the run's length, without its edges."""
        start_s, stop_s = (edge / RATE for edge in (self.joint.shared.start, self.joint.shared.stop))
        span = Span(start_s + _TRIM_S, max(stop_s - _TRIM_S, start_s + _TRIM_S))
        return sum(span.overlap_s(s) for s in speech), span.length_s
