"""The evidence about one silence, rule by rule: each test has a case on either side of its rule."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from komorebi_qc.core.privacy.digital_silence import JointRun, SilentRun
from komorebi_qc.core.privacy.suspension_evidence import (
    AGENT,
    CUSTOMER,
    EXACT_S,
    LOSSY_S,
    Question,
    Recorded,
    Witness,
)
from komorebi_qc.core.timebase import Span

if TYPE_CHECKING:
    from collections.abc import Sequence

RATE, CALL_S = 8000, 120
PACKET = RATE // 50
CALL = np.ones((CALL_S * RATE, 2), np.int16)
"""Only the habits of edges read samples."""
START_S, STOP_S = 50.0, 60.0
ALWAYS = (Span(0.0, CALL_S),)
TALK, MONOLOGUE = Witness(ALWAYS, (ALWAYS, ALWAYS)), Witness(ALWAYS, ((), ALWAYS))
HEADSET, BOTH_ALIKE = Witness(ALWAYS), Witness(ALWAYS, has_customer=True)
QUIET = Witness((), ((), ()))
DIALOGUE = Witness(ALWAYS, ((Span(START_S + 1.0, START_S + 4.0),), ALWAYS))
"""A third of the speech is the customer's."""
Runs = tuple[tuple[float, float], ...]
WORDS: Runs = tuple((at, at + 0.5) for at in (5.0, 20.0, 80.0, 100.0))
"""Pauses of a telephone that sends nothing between words."""
AGENT_WORDS: Runs = tuple((at, at + 0.5) for at in (12.0, 30.0, 70.0, 90.0))
"""The same of the agent's telephone, at other times."""
SHORT_PAUSES: Runs = tuple((at, at + 0.2) for at in (7.0, 22.0, 82.0, 102.0))
"""Pauses that are too short for that."""
few = settings(max_examples=60, deadline=None)


def run(start_s: float, stop_s: float) -> SilentRun:
    """A run, in seconds."""
    return SilentRun(round(start_s * RATE), round(stop_s * RATE))


@dataclass(frozen=True, slots=True)
class Silence:
    """A silence in question, in seconds, with the other runs of both channels."""

    customer: tuple[float, float] = (START_S, STOP_S)
    agent: tuple[float, float] = (START_S, STOP_S)
    customer_pauses: Runs = ()
    agent_pauses: Runs = ()
    tolerance_s: float = EXACT_S
    call: np.ndarray | None = None

    def asked(self, witness: Witness | None) -> Question:
        """The question, with the recording's answer."""
        sides = [run(*side) for side in (self.customer, self.agent)]
        customer, agent = (
            sorted((mine, *(run(*pause) for pause in pauses)), key=lambda r: r.start)
            for mine, pauses in zip(sides, (self.customer_pauses, self.agent_pauses), strict=True)
        )
        call = CALL if self.call is None else self.call
        return Question(JointRun(*sides), (customer, agent), call, self.tolerance_s, Recorded(lambda: witness))

    def is_cut(self, witness: Witness | None = None) -> bool:
        """Whether the edges decide."""
        return self.asked(witness).is_cut()

    def is_confirmed(self, witness: Witness | None, *found: SilentRun) -> bool:
        """Whether the recording decides."""
        return self.asked(witness).is_confirmed(found)

    def swapped(self) -> Silence:
        """The same with the channels exchanged."""
        return replace(
            self,
            customer=self.agent,
            agent=self.customer,
            customer_pauses=self.agent_pauses,
            agent_pauses=self.customer_pauses,
        )

    def moved(self, by_s: float) -> Silence:
        """The same at another time."""
        (a, b), (c, d) = self.customer, self.agent
        pauses = (tuple((p + by_s, q + by_s) for p, q in one) for one in (self.customer_pauses, self.agent_pauses))
        return replace(self, customer=(a + by_s, b + by_s), agent=(c + by_s, d + by_s)).with_pauses(*pauses)

    def with_pauses(self, customer: Runs, agent: Runs) -> Silence:
        """The same with other runs beside it."""
        return replace(self, customer_pauses=customer, agent_pauses=agent)


def apart(start_s: float, stop_s: float) -> Silence:
    """The agent's edges are later by these times than the customer's."""
    return Silence(agent=(START_S + start_s, STOP_S + stop_s))


differences = st.floats(-0.1, 0.1).map(lambda s: round(s * RATE) / RATE)


# The recording's answer


def test_the_recording_is_asked_once() -> None:
    """Its answer is kept, also an empty one."""
    for answer in (TALK, None):
        asked: list[int] = []

        def ask(answer: Witness | None = answer, asked: list[int] = asked) -> Witness | None:
            asked.append(1)
            return answer

        recorded = Recorded(ask)
        assert (recorded.witness(), recorded.witness(), asked) == (answer, answer, [1])
    assert Recorded(None).witness() is None


# Edges


@few
@given(differences, differences)
@example(0.030, -0.030)
@example(0.031, 0.0)
@example(0.031, 0.002)
@example(0.031, 0.0021)
def test_edges_of_channels_that_are_never_silent(start_s: float, stop_s: float) -> None:
    """Both agree to 30 ms, or one of them to 2 ms; the recording isn't asked."""
    low, high = sorted((abs(start_s), abs(stop_s)))
    assert apart(start_s, stop_s).is_cut(QUIET) == (high <= 0.03 or low <= 0.002)


@few
@given(differences, differences)
@example(0.005, -0.005)
@example(0.0, 0.0055)
def test_edges_of_channels_that_are_both_silent_between_words(start_s: float, stop_s: float) -> None:
    """Both agree to 5 ms. Nothing less is enough: two telephones often stop together."""
    silence = apart(start_s, stop_s).with_pauses(WORDS, AGENT_WORDS)
    assert silence.is_cut(TALK) == (max(abs(start_s), abs(stop_s)) <= 0.005)


@pytest.mark.parametrize("pauses", [((), AGENT_WORDS), (WORDS, ())])
def test_one_channel_that_is_never_silent_is_enough_for_one_edge(pauses: tuple[Runs, Runs]) -> None:
    """A telephone that is silent between words doesn't cut the other channel at its own sample."""
    assert apart(0.0, 1.0).with_pauses(*pauses).is_cut()
    assert not apart(0.003, 1.0).with_pauses(*pauses).is_cut()


def test_short_pauses_are_no_silence_between_words() -> None:
    """Nor are two longer ones: 0.4 s, three times elsewhere."""
    short: Runs = tuple((a, a + 0.35) for a, _ in WORDS)
    for pauses in (short, WORDS[:2]):
        assert apart(0.0, 1.0).with_pauses(pauses, AGENT_WORDS).is_cut()
    assert not apart(0.0, 1.0).with_pauses(WORDS[:3], AGENT_WORDS).is_cut()


def test_both_legs_on_hold_by_a_switch_are_nearly_cut() -> None:
    """Both edges differ by 10 ms, or one is the same by chance, and only the agent speaks, to a colleague."""
    nearly_cut = replace(apart(0.01, 10.0 - 0.01), customer=(START_S, STOP_S + 10.0))
    one_edge = replace(apart(0.0, 11.0), customer=(START_S, STOP_S + 10.0))
    for nearly in (nearly_cut, one_edge):
        assert not nearly.is_cut(MONOLOGUE)
        assert not nearly.is_confirmed(MONOLOGUE)
        for witness in (TALK, HEADSET, QUIET, None):
            assert nearly.is_cut(witness)
    assert replace(nearly_cut, agent=(START_S, STOP_S + 10.0)).is_cut(MONOLOGUE)


@pytest.mark.parametrize(("speech_s", "is_suspended"), [(9.8, True), (10.2, False)])
def test_an_agent_may_speak_alone_for_some_seconds(speech_s: float, *, is_suspended: bool) -> None:
    """The customer types a number meanwhile. Without a word of the customer in 10 s, it is hold."""
    long = replace(apart(0.0, 1.0), customer=(START_S, START_S + 20.0), agent=(START_S, START_S + 22.0))
    words = (Span(START_S + 1.0, START_S + 1.0 + speech_s),)
    agent_alone = Witness(words, ((), words))
    assert long.is_cut(agent_alone) is is_suspended
    assert long.is_confirmed(agent_alone) is is_suspended


def test_pauses_beside_a_suspension_need_a_habit() -> None:
    """Both edges differ by 50 ms: the longer channel must have short pauses elsewhere too."""
    longer_customer = apart(0.05, -0.05)
    assert not longer_customer.is_cut(TALK)
    assert longer_customer.with_pauses(SHORT_PAUSES, ()).is_cut()
    assert not longer_customer.with_pauses((), SHORT_PAUSES).is_cut(TALK)
    assert not longer_customer.with_pauses(SHORT_PAUSES[:2], ()).is_cut(TALK)
    assert not apart(0.07, -0.05).with_pauses(SHORT_PAUSES, ()).is_cut(TALK)
    assert not apart(0.05, -0.07).with_pauses(SHORT_PAUSES, ()).is_cut(TALK)


def test_pauses_count_within_minutes() -> None:
    """Pauses an hour away are no habit of this silence."""
    far: Runs = tuple((at + 3600.0, at + 3600.2) for at in (7.0, 22.0, 82.0))
    longer_customer = replace(apart(0.05, -0.05), call=np.ones((3800 * RATE, 2), np.int8))
    assert longer_customer.with_pauses(SHORT_PAUSES, ()).is_cut()
    assert not longer_customer.with_pauses(far, ()).is_cut(TALK)


@pytest.mark.parametrize(
    ("edges", "is_cut"),
    [((0.2, 5.0), False), ((0.4, 5.0), True), ((115.0, 119.8), False), ((115.0, 119.6), True)],
    ids=["start", "after the start", "end", "before the end"],
)
def test_silence_at_the_calls_edge_has_one_edge(edges: tuple[float, float], *, is_cut: bool) -> None:
    """The call's own start or end, to 0.3 s, is no edge of a suspension."""
    assert Silence(edges, edges).is_cut(TALK) is is_cut


def test_a_dead_channel_has_no_edges() -> None:
    """Its silence around the other channel's is no agreement, wherever it ends."""
    dead = ((0.0, 50.0), (60.0, 120.0))
    assert not Silence(agent_pauses=dead).is_cut(TALK)
    assert not Silence(agent_pauses=dead).swapped().is_cut(TALK)
    assert Silence(agent_pauses=((0.0, 49.0), (62.0, 118.0))).is_cut(TALK)


@few
@given(start_s=differences, stop_s=differences, has_pauses=st.booleans())
def test_edges_say_the_same_of_either_channel(start_s: float, stop_s: float, *, has_pauses: bool) -> None:
    """With the channels exchanged they decide alike."""
    one = apart(start_s, stop_s).with_pauses(SHORT_PAUSES if has_pauses else (), ())
    assert one.is_cut(TALK) == one.swapped().is_cut(TALK)


@few
@given(differences, differences, st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_nearer_edges_are_never_less_of_a_suspension(a: float, b: float, nearer: float, also: float) -> None:
    """If a silence counts, then one whose channels agree better counts too."""
    if apart(a, b).is_cut():
        assert apart(a * nearer, b * also).is_cut()


# Edges after a codec


def lossy(start_s: float, stop_s: float) -> Silence:
    """The same after a lossy codec."""
    return replace(apart(start_s, stop_s), tolerance_s=LOSSY_S)


def test_sharp_edges_after_a_codec_decide() -> None:
    """Both agree to 12 ms, so nobody is asked."""
    assert lossy(0.012, -0.012).is_cut(None)
    assert lossy(0.012, -0.012).is_cut(MONOLOGUE)
    assert not lossy(0.013, 0.0).is_cut(MONOLOGUE)
    assert not lossy(0.0, 0.013).is_cut(MONOLOGUE)


def test_smeared_edges_need_the_customer() -> None:
    """To 45 ms they look cut. An agent who speaks alone is a mute beside a pause; unknown voices don't matter."""
    assert lossy(0.045, -0.045).is_cut(TALK)
    assert lossy(0.045, -0.045).is_cut(HEADSET)
    assert lossy(0.045, -0.045).is_cut(None)
    assert not lossy(0.045, -0.045).is_cut(MONOLOGUE)
    assert not lossy(0.046, 0.0).is_cut(TALK)
    assert not lossy(0.0, 0.046).is_cut(TALK)


def test_a_codec_and_two_telephones_that_send_nothing_need_speech() -> None:
    """However sharp the edges are."""
    both = lossy(0.0, 0.0).with_pauses(WORDS, AGENT_WORDS)
    assert both.is_cut(HEADSET)
    assert not both.is_cut(QUIET)
    assert not both.is_cut(None)
    assert lossy(0.0, 0.0).with_pauses(WORDS, ()).is_cut(QUIET)


# Speech in the recording

EDGES = Silence(agent=(START_S, STOP_S + 3.0)).with_pauses(WORDS, AGENT_WORDS)
"""One edge agrees, and both telephones send nothing between words: the recording decides."""


def speaking(*spans: tuple[float, float]) -> Witness:
    """Somebody speaks; nobody knows who."""
    return Witness(tuple(Span(a, b) for a, b in spans))


def test_one_edge_and_speech_are_enough() -> None:
    """They are with 9 s of speech by anybody; without speech, and without a recording, they aren't."""
    for edges in (EDGES, replace(EDGES, agent=(START_S - 3.0, STOP_S))):
        assert not edges.is_cut(TALK)
        assert edges.is_confirmed(HEADSET)
        assert edges.is_confirmed(DIALOGUE)
        assert edges.is_confirmed(MONOLOGUE)
        assert not edges.is_confirmed(QUIET)
        assert not edges.is_confirmed(None)


@pytest.mark.parametrize(
    ("spans", "is_confirmed"),
    [
        (((52.0, 53.2),), True),
        (((52.0, 53.0),), False),
        (((52.0, 52.6), (55.0, 55.6)), True),
        (((48.0, 50.39), (59.61, 70.0)), False),
        (((48.0, 51.45),), False),
        (((48.0, 51.6),), True),
    ],
    ids=["an eighth of it", "less", "in two parts", "beside it", "across its edge, too short", "across its edge"],
)
def test_how_much_speech_is_a_conversation(spans: Sequence[tuple[float, float]], *, is_confirmed: bool) -> None:
    """12 % of the 9.2 s between the 0.4 s at each edge, which may be an echo of the words beside it."""
    assert EDGES.is_confirmed(speaking(*spans)) is is_confirmed


def test_a_short_silence_needs_a_second_of_speech() -> None:
    """12 % of 2.2 s would be a cough."""
    short = replace(EDGES, customer=(START_S, START_S + 3.0), agent=(START_S, START_S + 5.0))
    assert short.is_confirmed(speaking((51.0, 51.85)))
    assert not short.is_confirmed(speaking((51.0, 51.75)))


@few
@given(differences, differences, st.sampled_from([EXACT_S, LOSSY_S]))
def test_a_silent_recording_confirms_nothing(one: float, two: float, tolerance_s: float) -> None:
    """The edges, and the speech before and after, don't matter."""
    outside = ((0.0, START_S - 0.2), (STOP_S + 0.2, float(CALL_S)))
    spans = tuple(Span(*span) for span in outside)
    for pauses in (((), ()), (WORDS, AGENT_WORDS), (WORDS, ()), ((), AGENT_WORDS)):
        silence = replace(apart(one, two), tolerance_s=tolerance_s).with_pauses(*pauses)
        assert not silence.is_confirmed(Witness(spans, (spans, spans)))
        assert not silence.is_confirmed(Witness(spans))


# Whose speech it is

UNCUT = Silence(agent=(START_S + 1.0, STOP_S - 1.0)).with_pauses(WORDS, AGENT_WORDS)
"""No edge agrees, and both telephones send nothing between words."""


def voices(customer: tuple[float, float], agent: tuple[float, float]) -> Witness:
    """Each of the two voices speaks in one span."""
    both = Span(*customer), Span(*agent)
    return Witness(both, ((both[0],), (both[1],)))


def test_the_customers_voice_decides_without_an_edge() -> None:
    """An agent who mutes the microphone and speaks with a colleague isn't a suspension."""
    assert UNCUT.is_confirmed(TALK)
    assert not UNCUT.is_confirmed(MONOLOGUE)
    assert not UNCUT.is_confirmed(Witness(ALWAYS, ((), ())))


@pytest.mark.parametrize(("customer_s", "is_confirmed"), [(0.45, False), (0.55, False), (0.8, True)])
def test_the_customer_speaks_more_than_now_and_then(customer_s: float, *, is_confirmed: bool) -> None:
    """A fifth of 3.5 s of speech."""
    assert UNCUT.is_confirmed(voices((52.0, 52.0 + customer_s), (54.0, 57.0))) is is_confirmed


def test_the_customer_speaks_for_half_a_second() -> None:
    """A fifth of 1 s would be a single syllable."""
    assert not UNCUT.is_confirmed(voices((52.0, 52.45), (54.0, 54.6)))
    assert UNCUT.is_confirmed(voices((52.0, 52.55), (54.0, 54.6)))


@few
@given(st.floats(0.0, 6.0), st.floats(0.0, 1.0), st.floats(0.0, 2.0))
def test_more_of_the_customer_never_speaks_against_a_suspension(
    agent_s: float, customer_s: float, more_s: float
) -> None:
    """Nor does less of the agent, as long as there is speech."""
    less = UNCUT.is_confirmed(voices((51.0, 51.0 + customer_s), (53.5, 53.5 + agent_s)))
    assert UNCUT.is_confirmed(voices((51.0, 51.0 + customer_s + more_s), (53.5, 53.5 + agent_s))) >= less


def test_one_edge_after_a_codec_needs_a_sharp_one_or_the_customer() -> None:
    """A lossy codec lets one channel leak into the other one, if that is digitally silent by itself."""
    for edge_s, pauses, witness, is_confirmed in (
        (0.012, (), HEADSET, True),
        (0.013, (), HEADSET, False),
        (0.012, (), MONOLOGUE, True),
        (0.013, (), MONOLOGUE, False),
        (0.013, (), TALK, True),
        (0.0, WORDS, MONOLOGUE, False),
        (0.0, WORDS, TALK, True),
    ):
        for silence in (lossy(edge_s, 3.0).swapped(), lossy(-3.0, edge_s).swapped()):
            assert silence.with_pauses(pauses, ()).is_confirmed(witness) is is_confirmed, (edge_s, bool(pauses))


# Silence of a whole channel, and at the call's start and end


def test_a_call_that_is_silent_throughout_was_not_suspended() -> None:
    """Neither all of it, nor two dead channels with a click."""
    assert not Silence((0.0, 120.0), (0.0, 120.0)).is_confirmed(TALK)
    clicks: tuple[Runs, Runs] = (((0.0, 49.9), (60.1, 120.0)), ((0.0, 49.5), (60.5, 120.0)))
    assert not Silence().with_pauses(*clicks).is_confirmed(TALK)


@pytest.mark.parametrize("alive", [CUSTOMER, AGENT])
def test_beside_a_dead_channel_the_other_ones_own_voice_must_go_on(alive: int) -> None:
    """A muted agent's voice goes on as well, but then it isn't the customer who is alive."""
    silence = Silence(agent=(0.0, float(CALL_S)))
    voice: Witness = Witness(ALWAYS, (ALWAYS, ()))
    other: Witness = Witness(ALWAYS, ((), ALWAYS))
    if alive == AGENT:
        silence, voice, other = silence.swapped(), other, voice
    assert silence.is_confirmed(voice)
    assert not silence.is_confirmed(other)
    assert not silence.is_confirmed(HEADSET)
    usual = silence.with_pauses(*((WORDS, ()) if alive == CUSTOMER else ((), WORDS)))
    assert not usual.is_confirmed(voice)


def test_silence_at_the_start_must_end_together_while_the_customer_speaks() -> None:
    """Connect's file often begins with silence, before the customer is connected."""
    together = Silence((0.0, 8.0), (0.0, 8.0))
    assert together.is_confirmed(TALK)
    assert not together.is_confirmed(MONOLOGUE)
    assert not together.is_confirmed(HEADSET)
    assert not Silence((0.0, 8.0), (0.0, 8.01)).is_confirmed(TALK)


def test_a_suspension_to_the_end_begins_together_and_the_customer_speaks() -> None:
    """If the voices aren't known, any speech counts; with known ones, an agent alone is after-call work."""
    together = Silence((110.0, 120.0), (110.0, 120.0))
    assert together.is_confirmed(TALK)
    assert together.is_confirmed(HEADSET)
    assert not together.is_confirmed(MONOLOGUE)
    apart_at_the_start = Silence((110.0, 120.0), (111.0, 120.0)).with_pauses(WORDS, AGENT_WORDS)
    assert apart_at_the_start.is_confirmed(TALK)
    assert not apart_at_the_start.is_confirmed(MONOLOGUE)
    hold = apart_at_the_start.with_pauses((), ())
    assert not hold.is_confirmed(HEADSET)


# A channel that was silenced at another time


def test_a_channel_that_is_never_silent_was_silenced_at_another_time() -> None:
    """It is a mute or hold, unless most speech is the customer's, which the channel of a customer on hold can't have.

    A telephone with pauses of its own may just have been silent.
    """
    for silence in (
        Silence((START_S - 1.0, STOP_S + 1.0), (START_S, STOP_S)),
        Silence((START_S, STOP_S), (START_S - 1.0, STOP_S + 1.0)),
    ):
        assert silence.is_confirmed(TALK)
        longer = (WORDS, ()) if silence.customer[0] < START_S else ((), AGENT_WORDS)
        for witness in (DIALOGUE, HEADSET):
            assert not silence.is_confirmed(witness)
            assert not silence.with_pauses(*longer[::-1]).is_confirmed(witness)
            assert silence.with_pauses(*longer).is_confirmed(witness)


def test_a_known_suspension_is_no_habit_of_a_channel() -> None:
    """All of its other silence is that of suspensions."""
    own = ((5.0, 9.0), (20.0, 24.0), (80.0, 84.0))
    silence = Silence((START_S - 1.0, STOP_S + 1.0), (START_S, STOP_S)).with_pauses(own, ())
    assert silence.is_confirmed(DIALOGUE)
    assert not silence.is_confirmed(DIALOGUE, *(run(*one) for one in own))


# Nobody knows the voices: the customer's telephone


def around(before_s: float, behind_s: float, pauses: Runs = WORDS, agent: Runs = ()) -> Silence:
    """The customer's channel is silent for longer than the agent's, which was cut."""
    return Silence((START_S - before_s, STOP_S + behind_s), (START_S, STOP_S)).with_pauses(pauses, agent)


def test_a_telephone_that_is_never_silent_was_cut() -> None:
    """Its silence is all that both share: the agent's telephone was silent around it."""
    inside = around(1.0, 1.0, pauses=WORDS).swapped()
    assert inside.is_confirmed(HEADSET)
    assert inside.is_confirmed(BOTH_ALIKE)
    sticks_out = Silence((START_S - 0.06, STOP_S), (START_S, STOP_S + 1.0)).with_pauses((), AGENT_WORDS)
    assert not sticks_out.is_confirmed(HEADSET)
    assert replace(sticks_out, customer=(START_S - 0.04, STOP_S)).is_confirmed(HEADSET)


@pytest.mark.parametrize(
    ("customer", "agent", "is_confirmed"),
    [
        ((50.0, 60.0), (49.0, 60.03), True),
        ((49.0, 60.0), (50.0, 60.03), False),
        ((50.0, 60.0), (50.03, 61.0), True),
        ((50.0, 61.0), (50.03, 60.0), False),
    ],
)
def test_after_a_codec_such_a_telephone_may_not_stick_out(
    customer: tuple[float, float], agent: tuple[float, float], *, is_confirmed: bool
) -> None:
    """The other edge agrees, but isn't sharp."""
    assert Silence(customer, agent, tolerance_s=LOSSY_S).is_confirmed(HEADSET) is is_confirmed


def test_the_agents_channel_must_be_cut_within_the_silence_at_both_edges() -> None:
    """Otherwise a word of the customer may have chosen the length: one in ten is too often then."""
    pauses = (*WORDS[:3], (85.0, 106.0))
    assert around(1.0, 1.0, pauses).is_confirmed(HEADSET)
    assert not Silence((50.0, 61.0), (49.98, 60.0), pauses, AGENT_WORDS).is_confirmed(HEADSET)
    assert not Silence((49.0, 60.0), (50.0, 60.02), pauses, AGENT_WORDS).is_confirmed(HEADSET)


@pytest.mark.parametrize(
    ("longest_s", "is_confirmed"), [(10.5, True), (26.0, True), (40.0, False)], ids=["rare", "a fifth", "often"]
)
def test_a_telephone_that_is_often_silent_for_so_long_was_not_cut(longest_s: float, *, is_confirmed: bool) -> None:
    """Of 110 places, one in five may be silent by itself, if the agent's channel was cut at both edges."""
    pauses = (*WORDS[:3], (61.5, 61.5 + longest_s))
    assert around(1.0, 1.0, pauses).is_confirmed(HEADSET) is is_confirmed


def test_without_both_edges_of_the_agent_it_must_be_rarer() -> None:
    """One in twenty: 14 s of silence elsewhere are 4 of 110 places, and 17 s are 7."""
    for longest_s, is_confirmed in ((14.0, True), (17.0, False)):
        pauses = (*WORDS[:3], (75.0, 75.0 + longest_s))
        before_only = Silence((START_S - 1.0, STOP_S), (START_S - 0.5, STOP_S + 1.0)).with_pauses(pauses, AGENT_WORDS)
        assert before_only.is_confirmed(HEADSET) is is_confirmed, longest_s


def test_a_customer_in_the_recording_makes_any_second_silence_speak_against_it() -> None:
    """If the voices are alike and the customer is in the recording, only a silence without a second one counts."""
    only = around(1.0, 1.0)
    assert only.is_confirmed(BOTH_ALIKE)
    again = around(1.0, 1.0, (*WORDS[:3], (80.0, 90.5)))
    assert again.is_confirmed(HEADSET)
    assert not again.is_confirmed(BOTH_ALIKE)
    not_beside = Silence((START_S - 1.0, STOP_S), (START_S - 0.5, STOP_S + 1.0)).with_pauses(WORDS, AGENT_WORDS)
    assert not_beside.is_confirmed(HEADSET)
    assert not not_beside.is_confirmed(BOTH_ALIKE)


PACKETS: Runs = tuple((at, at + 11.0) for at in (1.0, 13.0, 25.0, 37.0, 70.0, 82.0, 94.0, 106.0))
"""A telephone that is silent for 11 s again and again, from packet to packet: a silence of 10 s is its own."""
BETWEEN_S = 0.0075


@pytest.mark.parametrize(
    ("start_s", "stop_s", "is_confirmed"),
    [(50.0, 60.0, False), (50.0 + BETWEEN_S, 60.0, True), (50.0, 60.0 + BETWEEN_S, True)],
    ids=["on packets", "begins between two", "ends between two"],
)
def test_a_telephone_does_not_stop_between_two_packets(start_s: float, stop_s: float, *, is_confirmed: bool) -> None:
    """An edge within a packet was cut, if it is the edge of what both share."""
    silence = Silence((start_s, stop_s), (start_s - 0.5, stop_s + 0.5)).with_pauses(PACKETS, AGENT_WORDS)
    assert silence.is_confirmed(HEADSET) is is_confirmed
    assert not silence.is_confirmed(BOTH_ALIKE)


def test_a_telephone_that_was_cut_at_another_time_was_on_hold() -> None:
    """Its silence is longer than the agent's, and begins or ends between two packets."""
    rare: Runs = tuple((at, at + 1.0) for at, _ in PACKETS)
    assert around(1.0, 1.0, rare).is_confirmed(HEADSET)
    assert not around(1.0 + BETWEEN_S, 1.0, rare).is_confirmed(HEADSET)
    assert not around(1.0, 1.0 + BETWEEN_S, rare).is_confirmed(HEADSET)


# Any time


@few
@given(
    st.integers(-30, 40),
    differences,
    differences,
    st.sampled_from([((), ()), (SHORT_PAUSES, ()), (WORDS, ()), (WORDS, AGENT_WORDS)]),
    st.sampled_from([TALK, MONOLOGUE, HEADSET, BOTH_ALIKE]),
)
def test_time_does_not_matter(
    by_s: int, start_s: float, stop_s: float, pauses: tuple[Runs, Runs], witness: Witness
) -> None:
    """The same silence later in the call, with everything beside it, is the same."""
    one = apart(start_s, stop_s).with_pauses(*(tuple(p for p in side if 30.0 <= p[0] < 80.0) for side in pauses))
    assert one.is_cut(witness) == one.moved(by_s).is_cut(witness)
    assert one.is_confirmed(witness) == one.moved(by_s).is_confirmed(witness)
