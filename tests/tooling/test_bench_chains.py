"""The bench of chains: its plans, and a judge that can find fault."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from bench.chained.judge import OWN_LEAST, WINDOW_S, _agreement, _control
from bench.chained.media import CALL_RATE
from bench.chained.plan import FAULTS, Contact, make_plan
from bench.chained.world import AGENTS, names_of, record_of
from bench.chains import LEAST_MARGIN, chain_slips
from made import noise

from komorebi_qc.core.contact.chains.build import build_chain
from komorebi_qc.core.contact.parse import parse_contact


def test_every_fault_and_every_kind_of_step_is_planned() -> None:
    """Thirty chains have each fault three times, 2 to 5 contacts, and every kind of step."""
    plans = [make_plan(seed) for seed in range(30)]
    assert sorted(plan.fault for plan in plans) == sorted(FAULTS * 3)
    assert {len(plan.contacts) for plan in plans} == {2, 3, 4, 5}
    assert {step for plan in plans for step in plan.steps.split(", ")} == {"transfer", "warm transfer", "consult"}
    assert all(plan.faulty < len(plan.contacts) <= len(AGENTS) for plan in plans)


def test_a_plan_is_one_conversation() -> None:
    """Phases follow each other, and each contact's turns are within its time."""
    for seed in range(30):
        plan = make_plan(seed)
        assert all(one.to_s <= other.from_s for one, other in pairwise(plan.phases))
        for one in plan.contacts:
            edges = [at for _, *turn in one.turns for at in turn]
            assert edges == sorted(edges)
            assert (edges[0], edges[-1]) == (one.connected_s, one.left_s)


def test_all_records_are_read_as_planned() -> None:
    """The product's model finds the turns of all thirty plans, and reports their records' faults and no others."""
    for seed in range(30):
        plan, foreign = make_plan(seed), make_plan(seed + 1000)
        names, other = names_of(plan), names_of(foreign)
        records = [record_of(foreign, one, other, other.ids[0], "calls") for one in foreign.contacts]
        records += [
            record_of(plan, one, names, other.ids[-1], "calls")
            for one in plan.contacts
            if plan.fault != "no first record" or one.number
        ]
        chain = build_chain(map(parse_contact, records), names.ids[0])
        assert chain_slips(plan, names, chain) == []
        assert [one.contact_id for one in chain.members] == list(names.ids)


def call(seed: int) -> np.ndarray:
    """Ten seconds of two sides."""
    return np.stack([noise(10.0, CALL_RATE, seed), noise(10.0, CALL_RATE, seed + 100)], 1)


def test_the_judge_knows_another_sound_from_the_own() -> None:
    """A window of another call, of the other side, or of another second isn't the own one; silence isn't sound."""
    own, other = call(1), call(2)
    at_s = 2.0
    assert _agreement(own[:, 0], at_s, own[:, 0], at_s) > 0.99
    for wrong, when in (
        (other[:, 0], at_s),
        (own[:, 1], at_s),
        (own[:, 0], at_s + 2 * WINDOW_S),
        (own[:, 0] * 0, at_s),
    ):
        assert _agreement(wrong, when, own[:, 0], at_s) < OWN_LEAST


def test_the_control_finds_a_foreign_stretch() -> None:
    """If a video has another contact's call, the stretches agree more with that one than with the own."""
    contact = Contact(0, None, "first", 0, left_s=10, lead_s=0.0)
    own, other = call(1), call(2)
    control, margin = _control(own, contact, own, [other])
    assert (control < OWN_LEAST, margin > LEAST_MARGIN) == (True, True)
    control, margin = _control(other, contact, own, [other])
    assert (control > OWN_LEAST, margin < 0.0) == (True, True)
