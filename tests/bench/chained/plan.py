"""Plans of simulated chains: who speaks with whom and when, and which faults the records and files have. By seed."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

STEPS = ("cold", "warm", "consult")
FAULTS = (
    "none",
    "no recording",
    "deleted audio",
    "missing previous contact",
    "wrong previous contact",
    "previous contact of another chain",
    "circle of previous contacts",
    "same agent twice",
    "no call end",
    "no first record",
)
"""A chain has the one of its number. An agent who returns, and a call end that nobody reports, are no faults."""
CUSTOMER = -1


@dataclass(frozen=True, slots=True)
class Phase:
    """A stretch in which the same people speak.

    Attributes:
        from_s: seconds from the chain's start.
        to_s: seconds from the chain's start.
        people: contacts by their numbers, for their agents, and `CUSTOMER`.
    """

    from_s: int
    to_s: int
    people: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Contact:
    """A contact of a plan.

    Attributes:
        number: from 0 on.
        came_from: the number of the contact before it; None for the first.
        kind: ``first``, ``transfer`` or ``consult``, as the product names it.
        connected_s: seconds from the chain's start, whole as in records.
        left_s: likewise.
        turns: the stretches that the product has to find: role, from, to.
        hold_s: the customer's time on hold.
        agent: of the agents, from 0 on.
        lead_s: the recording's time before the call.
        after_s: its time after the call.
    """

    number: int
    came_from: int | None
    kind: str
    connected_s: int
    left_s: int = 0
    turns: tuple[tuple[str, int, int], ...] = ()
    hold_s: int = 0
    agent: int = 0
    lead_s: float = 3.0
    after_s: float = 5.0


@dataclass(frozen=True, slots=True)
class Plan:
    """A simulated chain.

    Attributes:
        seed: draws it.
        fault: one of `FAULTS`.
        faulty: the contact that the fault is about.
        contacts: in the order of connection.
        phases: of the conversation.
    """

    seed: int
    fault: str
    faulty: int
    contacts: tuple[Contact, ...]
    phases: tuple[Phase, ...]

    @property
    def steps(self) -> str:
        """Its kinds of contacts after the first."""
        return ", ".join("warm transfer" if len(one.turns) > 1 else one.kind for one in self.contacts[1:])


@dataclass(slots=True)
class _Draft:
    """A plan in progress.

    Attributes:
        rng: draws it.
        now: seconds from the chain's start.
        holder: the contact whose agent has the call.
        since: since when.
    """

    rng: np.random.Generator
    now: int = 0
    holder: int = 0
    since: int = 0
    contacts: list[Contact] = field(default_factory=lambda: [Contact(0, None, "first", 0)])
    phases: list[Phase] = field(default_factory=list)

    def talk(self, low: int, high: int, people: tuple[int, int]) -> int:
        """A phase of so many seconds; its length."""
        length = int(self.rng.integers(low, high + 1))
        self.phases.append(Phase(self.now, self.now + length, people))
        self.now += length
        return length

    def change(self, number: int, role: str, since: int, hold_s: int = 0) -> None:
        """Let a contact have a turn until now."""
        one = self.contacts[number]
        turns = (*one.turns, (role, since, self.now))
        self.contacts[number] = replace(one, turns=turns, left_s=self.now, hold_s=one.hold_s + hold_s)

    def step(self, name: str) -> None:
        """The customer speaks with the agent, who then asks another one or passes the call on."""
        self.talk(12, 18, (CUSTOMER, self.holder))
        before, number = self.holder, len(self.contacts)
        if name == "cold":
            self.change(before, "call", self.since)
            self.now += int(self.rng.integers(2, 10))
            self.contacts.append(Contact(number, before, "transfer", self.now))
        else:
            asked = self.now
            self.contacts.append(Contact(number, before, "consult" if name == "consult" else "transfer", asked))
            length = self.talk(8, 12, (before, number))
            self.change(number, "consult", asked)
            if name == "consult":
                self.contacts[before] = replace(self.contacts[before], hold_s=self.contacts[before].hold_s + length)
                return
            self.change(before, "call", self.since, length)
        self.holder, self.since = number, self.now

    def end(self) -> None:
        """The customer speaks with the last agent, and ends the call."""
        self.talk(12, 18, (CUSTOMER, self.holder))
        self.change(self.holder, "call", self.since)


def make_plan(seed: int) -> Plan:
    """Draw a chain of two to five contacts. The seed chooses the fault, so that each one comes in turn."""
    rng = np.random.default_rng(seed)
    count, fault = 2 + int(rng.integers(4)), FAULTS[seed % len(FAULTS)]
    if fault == "same agent twice":
        count = max(count, 3)
    draft = _Draft(rng)
    for name in rng.choice(STEPS, count - 1):
        draft.step(str(name))
    draft.end()
    returns = fault == "same agent twice"
    contacts = tuple(
        replace(
            one,
            agent=0 if returns and one.number == count - 1 else one.number,
            lead_s=round(float(rng.uniform(2.0, 5.0)), 3),
            after_s=round(float(rng.uniform(4.0, 7.0)), 3),
        )
        for one in draft.contacts
    )
    is_first = fault in ("circle of previous contacts", "no first record")
    return Plan(seed, fault, 0 if is_first else int(rng.integers(1, count)), contacts, tuple(draft.phases))
