"""Who had the call when, of contact records."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from time import process_time
from typing import TYPE_CHECKING

import pytest
from chain_records import at, follower, record
from hypothesis import given
from hypothesis import strategies as st

from komorebi_qc.core.contact.chains.build import build_chain
from komorebi_qc.core.contact.record import ContactRecord

if TYPE_CHECKING:
    from random import Random

    from komorebi_qc.core.contact.chains.model import Chain

FIRST = record("a", (0, 60), hold_s=0.0)


def turns(chain: Chain) -> list[tuple[str, str, float, float]]:
    """All turns: contact, role, and the seconds from noon on."""
    return [
        (one.contact_id, turn.role, (turn.began_at - at(0)).total_seconds(), (turn.ended_at - at(0)).total_seconds())
        for one in chain.members
        for turn in one.turns
    ]


def kinds(chain: Chain) -> dict[str, str]:
    """The kind of each contact."""
    return {one.contact_id: one.kind for one in chain.members}


def test_a_cold_transfer_leaves_the_customer_waiting() -> None:
    """The second agent has the call from the connection on, and nobody has it before."""
    chain = build_chain([follower("b", (70, 100), "a"), FIRST], "a")
    assert turns(chain) == [("a", "call", 0, 60), ("b", "call", 70, 100)]
    assert kinds(chain) == {"a": "first", "b": "transfer"}
    assert [(w.began_at, w.ended_at) for w in chain.waits] == [(at(-5), at(0)), (at(60), at(70))]
    assert chain.problems == ()
    assert chain.span == (at(-5), at(100))


def test_a_warm_transfer_begins_with_a_consultation() -> None:
    """While the first agent is in the call, the second one has it not."""
    chain = build_chain([FIRST, follower("b", (40, 100), "a")], "a")
    assert turns(chain) == [("a", "call", 0, 60), ("b", "consult", 40, 60), ("b", "call", 60, 100)]
    assert kinds(chain)["b"] == "transfer"


@pytest.mark.parametrize(
    ("hold_s", "kind", "certainty"),
    [(21.0, "consult", 1), (18.0, "consult", 1), (5.0, "conference", 1), (None, "consult", 0)],
)
def test_the_hold_distinguishes_a_consultation_from_a_conference(
    hold_s: float | None, kind: str, certainty: int
) -> None:
    """An agent who leaves first was asked if the customer was on hold meanwhile, to two seconds."""
    chain = build_chain([replace(FIRST, hold_s=hold_s), follower("b", (20, 40), "a")], "a")
    assert (chain.members[1].kind, chain.members[1].is_certain) == (kind, bool(certainty))
    assert turns(chain)[1] == ("b", kind, 20, 40)


def test_one_hold_total_confirms_no_two_consultations() -> None:
    """A hold that covers either of two consultations, and not both, settles none of them."""
    both = [follower("b", (5, 25), "a"), follower("c", (30, 50), "a")]
    for hold_s, is_certain in ((22.0, False), (40.0, True)):
        chain = build_chain([replace(FIRST, hold_s=hold_s), *both], "a")
        assert [one.is_certain for one in chain.members[1:]] == [is_certain, is_certain]


def test_an_asked_agent_is_no_step_of_the_call() -> None:
    """A transfer after a consultation comes from the agent who had the call, also if the records name the other one."""
    chain = build_chain([replace(FIRST, hold_s=20.0), follower("b", (20, 40), "a"), follower("c", (55, 90), "b")], "a")
    assert turns(chain)[-2:] == [("c", "consult", 55, 60), ("c", "call", 60, 90)]


def test_a_contact_without_an_answer_has_no_turn() -> None:
    """A transfer that nobody took, and a supervisor who listened, are members without the call."""
    chain = build_chain(
        [
            FIRST,
            follower("b", None, "a", disconnected_at=at(50), initiated_at=at(30)),
            follower("c", (10, 20), "a", initiation_method="MONITOR"),
        ],
        "a",
    )
    assert kinds(chain) == {"a": "first", "c": "monitor", "b": "unanswered"}
    assert turns(chain) == [("a", "call", 0, 60)]


def test_a_first_contact_without_an_agent_is_a_wait() -> None:
    """If the automated interaction's contact had no agent, the transferred one begins the call."""
    first = record("a", None, initiated_at=at(-30), disconnected_at=at(90))
    chain = build_chain([first, follower("b", (0, 80), "a")], "a")
    assert turns(chain) == [("b", "call", 0, 80)]
    assert [w.length_s for w in chain.waits] == [30.0]


def test_a_missing_previous_contact_is_found_by_the_next_one_or_by_time() -> None:
    """Without a usable `PreviousContactId` the other records, and then the times, give the contact before."""
    first = replace(FIRST, next_contact_id="b")
    chain = build_chain([first, follower("b", (70, 100), ""), follower("c", (110, 120), "")], "a")
    assert [(one.came_from, one.linked_by) for one in chain.members] == [("", ""), ("a", "next"), ("b", "time")]
    assert [problem.kind for problem in chain.problems] == ["unlinked"]


@pytest.mark.parametrize(("previous", "kind"), [("lost", "missing"), ("x", "other_chain")])
def test_a_wrong_previous_contact_is_reported(previous: str, kind: str) -> None:
    """A previous contact without a record, or of another chain, is named and replaced by the times."""
    other = record("x", (0, 30), initial_contact_id="x")
    chain = build_chain([FIRST, other, follower("b", (70, 100), previous)], "a")
    assert [one.contact_id for one in chain.members] == ["a", "b"]
    assert [problem.kind for problem in chain.problems] == [kind, "unlinked"]
    assert chain.members[1].came_from == "a"


def test_a_circle_of_previous_contacts_is_reported() -> None:
    """Two contacts that name each other are taken in the order of their times."""
    chain = build_chain([FIRST, follower("b", (70, 100), "c"), follower("c", (110, 120), "b")], "a")
    assert [one.contact_id for one in chain.members] == ["a", "b", "c"]
    assert {problem.kind for problem in chain.problems} == {"cycle", "later_previous", "unlinked"}


def test_the_first_contact_may_have_no_record() -> None:
    """A chain whose first record is missing still has its other members."""
    chain = build_chain([follower("b", (70, 100), "a"), follower("c", (90, 120), "b")], "a")
    assert kinds(chain) == {"a": "unknown", "b": "transfer", "c": "transfer"}
    assert [problem.kind for problem in chain.problems] == ["no_record"]
    assert not chain.members[1].is_certain


def test_a_later_contact_leads_to_its_chain() -> None:
    """The chain of a later contact is that of its first one."""
    chain = build_chain([FIRST, follower("b", (70, 100), "a")], "b")
    assert chain.initial_contact_id == "a"
    assert [problem.kind for problem in chain.problems] == ["not_first"]


def test_links_to_other_chains_take_none_of_their_calls() -> None:
    """A next contact that begins its own chain, or a contact of another chain that names ours, is no member."""
    first = replace(FIRST, next_contact_id="x")
    others = [record("x", (70, 90)), record("y", (70, 90), initial_contact_id="z", previous_contact_id="a")]
    chain = build_chain([first, *others, follower("b", (70, 100), "a")], "a")
    assert list(kinds(chain)) == ["a", "b"]
    assert [problem.kind for problem in chain.problems] == ["other_chain", "other_chain"]


def test_records_without_the_first_contact_are_found_by_their_links() -> None:
    """Without `InitialContactId` the previous, next and related contacts make the chain."""
    first = replace(FIRST, next_contact_id="b")
    loose = [
        record("b", (70, 80), initiation_method="TRANSFER"),
        record("c", (90, 95), previous_contact_id="b"),
        record("d", (99, 110), related_contact_id="c"),
    ]
    chain = build_chain([*loose, first, record("other", (70, 80))], "a")
    assert [(one.contact_id, one.linked_by) for one in chain.members] == [
        ("a", ""),
        ("b", "next"),
        ("c", "previous"),
        ("d", "related"),
    ]


def test_a_task_of_the_chain_is_no_call() -> None:
    """A task that was made of the call is named, and isn't a member."""
    chain = build_chain([FIRST, follower("t", None, "a", channel="TASK")], "a")
    assert list(kinds(chain)) == ["a"]
    assert [problem.kind for problem in chain.problems] == ["not_a_call"]


def test_contradicting_times_are_reported() -> None:
    """Two agents cannot have the call at once, and an agent cannot leave before the connection."""
    both = [follower("b", (60, 100), "a"), follower("c", (70, 120), "a")]
    chain = build_chain([FIRST, *both, follower("d", (200, 150), "c")], "a")
    assert [(problem.kind, problem.contact_id) for problem in chain.problems] == [("no_times", "d"), ("overlap", "c")]
    assert kinds(chain)["d"] == "unknown"


def test_the_newest_version_of_a_record_counts() -> None:
    """A record that was delivered again replaces the earlier one."""
    old = follower("b", (70, 71), "a", updated_at=at(100))
    new = follower("b", (70, 100), "a", updated_at=at(200))
    assert turns(build_chain([new, FIRST, old], "a"))[-1] == ("b", "call", 70, 100)


def test_the_same_agent_has_the_same_number() -> None:
    """Agents are numbered in the order of the call; a contact of an unknown agent has a number of its own."""
    members = [FIRST, follower("b", (70, 80), "a"), follower("c", (90, 99), "b"), follower("d", (100, 110), "c")]
    chain = build_chain(members, "a")
    assert chain.agents({"a": "erika", "b": "max", "c": "erika"}) == {"a": 1, "b": 2, "c": 1, "d": 3}
    assert "erika" not in str(chain.to_dict())


NAMES = "abcdef"
LINK = st.sampled_from(["", "lost", *NAMES])


def _record(
    name: str, links: tuple[str, str, str, str], kind: tuple[str, str], times: tuple[int, int, int]
) -> ContactRecord:
    began, length, start = times
    return ContactRecord(
        name,
        *kind,
        *links,
        updated_at=at(start),
        initiated_at=at(start) if start % 3 else None,
        connected_at=at(began) if began >= 0 else None,
        disconnected_at=at(began + length) if began >= -10 else None,
        hold_s=float(length) if length % 2 else None,
    )


KINDS = st.tuples(
    st.sampled_from(["VOICE", "VOICE", "TASK", ""]),
    st.sampled_from(["INBOUND", "TRANSFER", "MONITOR", "CALLBACK", ""]),
)
LINKS = st.tuples(st.sampled_from(["", "a", "a", "z", "b"]), LINK, LINK, LINK)
TIMES = st.tuples(st.integers(-20, 300), st.integers(-5, 120), st.integers(-60, 300))
RECORDS = st.lists(st.builds(_record, st.sampled_from(NAMES), LINKS, KINDS, TIMES), max_size=7)


@given(RECORDS, st.randoms(use_true_random=False))
def test_any_records_make_one_chain(found: list[ContactRecord], random: Random) -> None:
    """The order of the records doesn't matter, and each member is there once, after the contact that it came from."""
    chain = build_chain(found, "a")
    mixed = found[:]
    random.shuffle(mixed)
    assert build_chain(mixed, "a") == chain
    names = [one.contact_id for one in chain.members]
    assert len(set(names)) == len(names)
    assert names[0] == chain.initial_contact_id
    for at_, one in enumerate(chain.members):
        assert (one.came_from in names[:at_]) == (at_ > 0)
    named = {one.record.initial_contact_id for one in chain.members[1:] if one.record is not None}
    assert named <= {"", chain.initial_contact_id}


@given(RECORDS)
def test_no_turn_leaves_its_agents_time(found: list[ContactRecord]) -> None:
    """Turns of an agent follow each other within the record's times, and nobody has the call while it waits."""
    chain = build_chain(found, "a")
    for one in chain.members:
        edges = [moment for turn in one.turns for moment in (turn.began_at, turn.ended_at)]
        assert edges == sorted(edges)
        if edges:
            assert one.record is not None
            assert (edges[0], edges[-1]) == (one.record.connected_at, one.record.agent_left_at)
    for wait in chain.waits:
        assert wait.length_s > 0
        for one in chain.members:
            for turn in one.turns:
                if turn.role == "call":
                    assert turn.ended_at <= wait.began_at or turn.began_at >= wait.ended_at


@given(st.lists(st.tuples(st.integers(-20, 60), st.integers(21, 200)), min_size=1, max_size=6))
def test_a_sound_chain_of_transfers_is_read_without_a_gap(steps: list[tuple[int, int]]) -> None:
    """Of true transfers, warm or cold, the turns with the call cover all of it but the waits, once."""
    chain, left, previous = [record("c0", (0, 100))], 100, "c0"
    for number, (after, length) in enumerate(steps, 1):
        began = max(left + after, left - 20)
        own = {"initial_contact_id": "c0", "previous_contact_id": previous, "initiation_method": "TRANSFER"}
        chain.append(record(f"c{number}", (began, left + max(after, 0) + length), **own))
        left, previous = left + max(after, 0) + length, f"c{number}"
    found = build_chain(reversed(chain), "c0")
    assert found.problems == ()
    assert [one.kind for one in found.members[1:]] == ["transfer"] * len(steps)
    calls = [turn for one in found.members for turn in one.turns if turn.role == "call"]
    whole = sum((turn.ended_at - turn.began_at for turn in calls), timedelta())
    waited = sum((wait.ended_at - wait.began_at for wait in found.waits), timedelta())
    assert whole + waited == at(left) - at(-5)


def test_thousands_of_contacts_are_read_in_seconds() -> None:
    """The time grows with the square of their number at most: with its cube, 2000 of them took half a minute."""
    last = "a"
    records = [FIRST]
    for number in range(2000):
        records.append(follower(f"b{number}", (70 + number, 71 + number), last))
        last = f"b{number}"
    began_s = process_time()
    chain = build_chain(records, last)
    assert process_time() - began_s < 8.0
    assert len(chain.members) == 2001
    assert {one.linked_by for one in chain.members[1:]} == {"previous"}
