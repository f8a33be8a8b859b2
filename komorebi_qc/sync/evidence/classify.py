"""The status of a measurement: may this alignment be used?

No single number detects a wrong pair. Two calls of the same people share prompts, greetings and hold music, and each
of these agrees perfectly. They don't share a conversation: many turns at one lag, with little disagreement between
them. Content that also fits at another offset (a loop, a repeated prompt) is no evidence, and isn't counted.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

LEAST_SPEECH_S = 2.0
CONVERSATION_S = 8.0
"""Speech of a conversation that is long enough to belong to one call only."""
CONVERSATION_TURNS = 4
"""Turns of both voices together."""
LEAST_ALTERNATIONS = 3
"""Changes of the speaker at one lag. Two calls may share an announcement and a script, but not who answers when."""
LONG_CONVERSATION_S = 20.0
"""A conversation needs no witness if it is longer than an announcement and a script."""
MANY_ALTERNATIONS = 5
"""Nor does one in which the speaker changes so often."""
MOST_OF_CALL = 0.5
"""Nor does one with this share of the call's speech."""
LEAST_BEFORE_S, LATER_ALTERNATIONS = 8.0, 4
"""Nor does one that begins so late and has so many changes: before it may be the announcement with which any call
begins."""
LAST_PART_TURNS, LAST_PART_ALTERNATIONS = 3, 2
"""Turns of a part that ends at the reported call end, and changes of the speaker."""
EARLY_S = 3.0
"""The agent's part may begin within a turn, this long after the turn's start."""
DISAGREES_S = 8.0
"""Speech of the call while the recording has other speech: another conversation."""
MOST_AGAINST_S, MOST_AGAINST = 2.0, 0.1
"""More speech than this, seconds and a share of what agrees, disagrees in no right pair without a conversation."""
UNKNOWN_TURNS = 3
"""As many turns at one place are more than chance: a script that two calls share, or a part of this call."""
FEW_TURNS, LEAST_TURN_S = 3, 1.0
"""Two calls may share so few turns. Then a turn of this length of which nothing agrees is too much, if the recording
has something else."""
OUTSIDE_SCRIPT_S, OUTSIDE_SCRIPT = 15.0, 1.3
"""Two calls may share a script of one voice. Then this much speech outside of it disagrees: seconds, and their share of
the script's."""
OTHER_AGENT_S = 5.0
"""The agent's speech while the recording has other speech, if nothing agrees anywhere."""
MOST_DISTINCT = 0.25
"""Share of it that may agree at one place by chance, or because two calls share a sentence."""
LEAST_EXPLAINED = 0.8
"""Matching pairs of the bench: 0.93 and more."""
MOST_CONTRADICTED = 0.25
"""Matching pairs of the bench: 0.0; a wrong pair with three shared sentences: 0.44."""


@dataclass(frozen=True, slots=True)
class Channel:
    """The evidence of one call channel: seconds of activity, and turns."""

    active_s: float
    """Activity while the recording has audio."""
    agreed_s: float
    distinct_s: float
    """Part of `agreed_s` that fits at no other offset."""
    turns: int
    agreed_turns: int
    distinct_turns: int
    span_support: float
    """Agreeing share between the first and the last agreeing window."""
    is_present: bool
    distinct_at_s: tuple[float, ...] = ()
    """Call clock: the starts of the distinct turns."""
    distinct_turns_s: float = 0.0
    """Speech of the distinct turns. Music isn't a turn."""
    missing_turns_s: float = 0.0
    """Speech of the turns of which nothing agrees, while the recording has audio."""

    @property
    def support(self) -> float:
        """Agreeing share, 0..1."""
        return self.agreed_s / self.active_s if self.active_s > 0 else 0.0

    @property
    def turn_support(self) -> float:
        """Share of the turns that agree, 0..1."""
        return self.agreed_turns / self.turns if self.turns else 0.0


@dataclass(frozen=True, slots=True)
class Evidence:
    """All evidence for the status."""

    customer: Channel
    agent: Channel
    recording_active_s: float
    explained: float
    """Share of the recording's activity that agreeing windows cover, while the call is active.
    """
    contradicted: float
    """Share of seconds with sound in the recording while only an absent channel speaks."""
    alternative_offsets: int
    jumps: int = 0
    overlap: float = 1.0
    """Share of the call's speech for which the recording has audio."""
    unbroken_s: tuple[float, float] | None = None
    """Call clock: the longest part in which both voices agree at one lag without a break."""
    call_s: float = 0.0
    against_s: float = 0.0
    """Speech of the call while the recording has other speech, where the agent is part of the call."""
    against_turns: int = 0
    missing_s: float = 0.0
    """The part of `against_s` that is turns of which nothing agrees."""
    agent_against_s: float = 0.0
    """The agent's part of `against_s`, if nothing agrees: a headset keeps the customer out of a recording, and never
    the agent."""
    ends_as_reported: bool = False
    """The unbroken part ends at the reported call end."""

    @property
    def coverage(self) -> float:
        """Agreeing share of the speech of the voices that are present, 0..1."""
        present = [c for c in (self.customer, self.agent) if c.is_present]
        active_s = sum(c.active_s for c in present)
        return min(sum(c.agreed_s for c in present) / active_s, 1.0) if active_s > 0 else 0.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """Status and its reason."""

    status: str
    reason: str


def _turns(count: int) -> str:
    return f"{count} turn" if count == 1 else f"{count} turns"


def alternations(e: Evidence) -> int:
    """Return how often the speaker changes in the longest part that agrees without a break."""
    first, last = e.unbroken_s or (0.0, 0.0)
    return speaker_changes(e, first - EARLY_S, last)


def speaker_changes(e: Evidence, from_s: float = -math.inf, to_s: float = math.inf) -> int:
    """Return how often the speaker changes from one distinct turn to the next, between two moments of the call."""
    found = ((t, k) for k, c in enumerate((e.customer, e.agent)) for t in c.distinct_at_s)
    turns = sorted((t, k) for t, k in found if from_s <= t < to_s)
    return sum(a[1] != b[1] for a, b in pairwise(turns))


def _is_conversation(e: Evidence) -> bool:
    """Return whether a conversation agrees, not just a prompt that two calls share: then it is a part of this call."""
    distinct_s = e.customer.distinct_s + e.agent.distinct_s
    turns = e.customer.distinct_turns + e.agent.distinct_turns
    changes = alternations(e)
    is_enough = turns >= CONVERSATION_TURNS and distinct_s >= CONVERSATION_S and changes >= LEAST_ALTERNATIONS
    return is_enough and (distinct_s >= LONG_CONVERSATION_S or changes >= MANY_ALTERNATIONS or _has_a_witness(e))


def _has_a_witness(e: Evidence) -> bool:
    """Return whether more than an announcement and a script, which two calls may share, explains a short agreement."""
    agreed_s, speech_s = e.customer.agreed_s + e.agent.agreed_s, e.customer.active_s + e.agent.active_s
    begins_later = _begins_later(e) and alternations(e) >= LATER_ALTERNATIONS
    return e.ends_as_reported or begins_later or agreed_s >= MOST_OF_CALL * speech_s


def _begins_later(e: Evidence) -> bool:
    return e.unbroken_s is not None and e.unbroken_s[0] >= LEAST_BEFORE_S


def _is_last_part(e: Evidence) -> bool:
    """Return whether the agent joined late and said little: both voices agree, up to the reported call end.

    The reported end is a witness of its own. Two calls may share some sentences, but not where the agent left.
    """
    distinct_s = e.customer.distinct_s + e.agent.distinct_s
    turns = e.customer.distinct_turns + e.agent.distinct_turns
    is_enough = turns >= LAST_PART_TURNS and distinct_s >= CONVERSATION_S and alternations(e) >= LAST_PART_ALTERNATIONS
    return e.ends_as_reported and _begins_later(e) and is_enough


def _are_enough(turns: int, e: Evidence, present: Sequence[Channel]) -> bool:
    """Return whether so many turns at one place are more than two calls share."""
    # A muted voice is missing, too. It leaves silence, and not something else.
    missing_s, else_s = sum(c.missing_turns_s for c in present), (1.0 - e.explained) * e.recording_active_s
    if turns <= FEW_TURNS and min(missing_s, else_s) >= LEAST_TURN_S:
        return False
    # Each jump lets one more prompt fit by chance; so does a small overlap.
    needed = 3 + e.jumps + (3 if e.overlap < 0.5 else 0)
    return turns >= needed or (len(present) == 2 and turns >= 2 and needed == 3)


def _nothing_agrees(e: Evidence, speech: float) -> Verdict:
    """Return the status of a pair in which neither voice is found."""
    if e.agent_against_s >= OTHER_AGENT_S:
        return Verdict(
            "wrong_pair",
            f"{e.agent_against_s:.0f} s of the agent's speech are at places where the recording has other speech",
        )
    if speech >= 10.0 and e.recording_active_s >= 10.0:
        return Verdict(
            "wrong_pair",
            f"{speech:.0f} s of speech in the call and {e.recording_active_s:.0f} s of "
            "sound in the recording, no agreement",
        )
    return Verdict("insufficient", "nothing agrees, but there is too little speech to call it a wrong pair")


def classify(e: Evidence) -> Verdict:
    """Return `aligned`, `ambiguous`, `wrong_pair` or `insufficient`, with the reason."""
    speech = e.customer.active_s + e.agent.active_s
    agreed = e.customer.agreed_s + e.agent.agreed_s
    distinct = e.customer.distinct_s + e.agent.distinct_s
    turns = e.customer.distinct_turns + e.agent.distinct_turns
    if speech < LEAST_SPEECH_S:
        return Verdict(
            "insufficient",
            f"the call holds {speech:.1f} s of speech where the recording has audio: too little to align",
        )
    present = [c for c in (e.agent, e.customer) if c.is_present]
    if not present and e.recording_active_s < LEAST_SPEECH_S:
        return Verdict(
            "insufficient", f"the recording holds {e.recording_active_s:.1f} s of sound during the call: muted or empty"
        )
    if not present:
        return _nothing_agrees(e, speech)
    if (_is_conversation(e) or _is_last_part(e)) and agreed < 0.7 * speech:
        return Verdict("aligned", f"{agreed:.0f} s of {speech:.0f} s of speech agree, all in one part of the call")
    is_other = e.against_s >= DISAGREES_S and distinct < MOST_DISTINCT * e.against_s
    is_script = e.against_s >= OUTSIDE_SCRIPT_S and e.against_s > OUTSIDE_SCRIPT * distinct
    if is_other or (is_script and alternations(e) < LEAST_ALTERNATIONS):
        return Verdict(
            "wrong_pair",
            f"{e.against_s:.0f} s of speech disagree, and {distinct:.0f} s agree at one place only",
        )
    if e.alternative_offsets and distinct < 0.25 * agreed and any(c.support >= 0.5 for c in present):
        return Verdict(
            "ambiguous",
            f"{agreed:.0f} s agree, but {agreed - distinct:.0f} s of it fit elsewhere as "
            "well: a loop or a repeated prompt",
        )
    full = any(c.support >= 0.7 and c.turn_support >= 0.6 for c in present)
    if e.agent.is_present and e.agent.support < 0.5:
        # Announcements and music reach the customer's side of any call. The agent's own voice must agree throughout, or
        # it is another call.
        full = False
    # Both voices agree in a stretch with little disagreement: a transfer, a mute, a recording of a part.
    part = (
        len(present) == 2
        and all(c.span_support >= 0.7 and c.agreed_turns >= 4 for c in present)
        and agreed >= 0.3 * speech
    )
    # An absent voice must leave silence. Other sound at its place is another person's.
    missing = [c for c in (e.agent, e.customer) if not c.is_present and c.active_s >= 4.0]
    foreign = bool(missing) and e.contradicted >= MOST_CONTRADICTED
    # An announcement and a script may be as far apart in two calls. Then other words around them disagree.
    in_turns_s = e.customer.distinct_turns_s + e.agent.distinct_turns_s
    shared = e.against_s >= MOST_AGAINST_S + MOST_AGAINST * in_turns_s and alternations(e) < LEAST_ALTERNATIONS
    if (full or part) and e.explained >= LEAST_EXPLAINED and not foreign and not shared:
        if _are_enough(turns, e, present) and distinct >= 2.5:
            return Verdict(
                "aligned",
                f"{agreed:.0f} s of {speech:.0f} s of speech agree, "
                f"in {_turns(e.customer.agreed_turns + e.agent.agreed_turns)}",
            )
        if e.alternative_offsets:
            return Verdict(
                "ambiguous",
                f"{agreed:.0f} s agree, but {agreed - distinct:.0f} s of it fit elsewhere as "
                "well: a loop or a repeated prompt",
            )
        return Verdict("insufficient", f"{_turns(turns)} and {distinct:.1f} s agree: too little to be sure")
    if _is_conversation(e):
        return Verdict("aligned", f"{agreed:.0f} s of {speech:.0f} s of speech agree")
    # A recording that is silent where the call doesn't agree says nothing about the pair.
    is_other = e.recording_active_s - agreed >= 10.0
    if turns < UNKNOWN_TURNS and agreed < 0.35 * speech and speech - agreed >= 10.0 and is_other:
        return Verdict("wrong_pair", f"only {agreed:.0f} s of {speech:.0f} s of speech agree")
    return Verdict(
        "insufficient", f"{agreed:.0f} s of {speech:.0f} s of speech agree: not enough to use, too much to rule it out"
    )
