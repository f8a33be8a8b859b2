"""A chain in words: kinds and states, the turns of its agents, and how each contact is linked."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from komorebi_qc.core.finding import counted

if TYPE_CHECKING:
    from datetime import datetime

    from komorebi_qc.chain.result import ChainResult, MemberResult
    from komorebi_qc.core.contact.chains.model import ChainMember

KINDS: Final = {
    "first": "first contact",
    "transfer": "transfer",
    "consult": "consultation",
    "conference": "conference",
    "callback": "callback",
    "monitor": "supervisor who listened",
    "unanswered": "not answered",
    "unknown": "unknown",
}
ROLES: Final = {
    "call": "had the call",
    "consult": "spoke with another agent",
    "conference": "in the call of another agent",
}
STATES: Final = {
    "done": "made",
    "already_done": "made before",
    "not_expected": "no recording expected",
    "no_recording": "no recording",
    "held": "held",
    "failed": "failed",
    "listed": "to be made",
}
_LINKS: Final = {"next": "by the earlier record", "related": "by RelatedContactId", "time": "by the times alone"}


def duration_text(seconds: float) -> str:
    """Whole seconds as ``1:02:03``, or ``2:03`` below an hour."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def clock_of(moment: datetime) -> str:
    """The time of day, UTC."""
    return f"{moment:%H:%M:%S}"


def kind_text(member: ChainMember) -> str:
    """The kind of a contact, and whether the records settle it."""
    name = KINDS[member.kind]
    return name if member.is_certain or member.kind == "unknown" else f"{name}, uncertain"


def link_text(member: ChainMember) -> str:
    """How it is known from which contact one came; empty if its own record names it."""
    return _LINKS.get(member.linked_by, "")


def state_text(result: MemberResult) -> str:
    """The state of a recording, with its verdict."""
    return f"{result.verdict} ({STATES[result.state]})" if result.verdict else STATES[result.state]


def turn_sentences(result: ChainResult) -> list[str]:
    """Who had the call when, in the order of time."""
    found: list[tuple[datetime, str]] = []
    for member, one in result.pairs():
        for turn in member.turns:
            what = ROLES[turn.role]
            times = f"from {clock_of(turn.began_at)} to {clock_of(turn.ended_at)} ({duration_text(turn.length_s)})"
            found.append(
                (turn.began_at, f"Agent {one.agent} {'was ' if turn.role == 'conference' else ''}{what} {times}.")
            )
    for wait in result.chain.waits:
        times = f"from {clock_of(wait.began_at)} to {clock_of(wait.ended_at)} ({duration_text(wait.length_s)})"
        found.append((wait.began_at, f"No agent had the call {times}."))
    return [text for _, text in sorted(found)]


def headline(result: ChainResult) -> str:
    """The chain in a sentence: its contacts, its agents, and its recordings."""
    agents = len({one.agent for member, one in result.pairs() if member.turns or one.is_ready})
    ready, missing = sum(one.is_ready for one in result.members), sum(one.is_missing for one in result.members)
    verdicts = Counter(one.verdict for one in result.members)
    calls = f"{counted(len(result.members), 'contact')}, {counted(agents, 'agent')}"
    lost = f"; {missing} missing" if missing else ""
    if result.counts.get("listed"):
        return f"{calls}. {counted(result.counts['listed'], 'recording')} to make, {ready} made before{lost}."
    found = [f"{count} {name}{'s' if count == 1 else ''}" for name in ("fail", "warn") if (count := verdicts[name])]
    bad = f": {' and '.join(found)}" if found else ""
    return f"{calls}. {counted(ready, 'unified recording')}{lost}{bad}."


def worst_verdict(result: ChainResult) -> str:
    """``fail`` if a recording is missing or fails, else ``warn`` or ``pass``; empty if nothing was to be made."""
    if any(one.is_missing for one in result.members):
        return "fail"
    verdicts = {one.verdict for one in result.members}
    return next((name for name in ("fail", "warn", "pass") if name in verdicts), "")
