"""How the steps of two channels become jumps of the clock, of one channel, or changes of the customer's delay."""

from __future__ import annotations

import numpy as np
import pytest

from komorebi_qc.sync.fit.combine import combine
from komorebi_qc.sync.fit.model import LagStep, Points

SIGMA_S = 1e-5
HALF_S = 0.5


def channel(time_s: np.ndarray, base_s: float, *steps: LagStep) -> Points:
    """The windows of a channel whose lag has steps in the middle of their limits."""
    lag_s = base_s + sum((np.where(time_s > (s.after_s + s.before_s) / 2, s.size_s, 0.0) for s in steps), np.zeros(1))
    return Points(time_s, np.broadcast_to(lag_s, time_s.shape).copy(), np.full(len(time_s), SIGMA_S), HALF_S)


def step(after_s: float, before_s: float, size_s: float) -> LagStep:
    """A step between two windows."""
    return LagStep(after_s, before_s, size_s, SIGMA_S)


def seconds(*spans: tuple[float, float]) -> np.ndarray:
    """A window each second of the spans, ends included."""
    return np.concatenate([np.arange(a, b + 0.5) for a, b in spans])


def limits(steps: list[LagStep]) -> list[tuple[float, float, float]]:
    """(after, before, size) of steps."""
    return [(s.after_s, s.before_s, s.size_s) for s in steps]


def test_a_step_of_both_is_one() -> None:
    """The jump has the agent's size, and the narrowest limits of both."""
    agent, customer = step(20, 26, 0.3), step(22, 30, 0.303)
    a, c = channel(seconds((0, 20), (26, 60)), 1.0, agent), channel(seconds((0, 22), (30, 60)), 1.1, customer)
    shared, private = combine([agent], [customer], c, a)
    assert limits(shared) == [(22, 26, 0.3)]
    assert not shared[0].agent_only
    assert not shared[0].customer_evidence_only
    assert private == []


def test_limits_that_cross_change_places() -> None:
    """The customer's step may seem to end before the agent's begins, by up to a window's length."""
    agent, customer = step(20, 21, 0.3), step(18.8, 19.4, 0.3)
    a, c = channel(seconds((0, 60)), 1.0, agent), channel(seconds((0, 60)), 1.1, customer)
    assert limits(combine([agent], [customer], c, a)[0]) == [(19.4, 20, 0.3)]
    far = step(17.0, 19.0, 0.3)
    shared, private = combine([agent], [far], channel(seconds((0, 60)), 1.1, far), a)
    assert limits(shared) == [(20, 21, 0.3)]
    assert limits(private) == [(17.0, 19.0, 0.3)]


@pytest.mark.parametrize(("size_s", "twins"), [(0.3055, True), (0.2945, True), (0.3065, False), (0.2935, False)])
def test_steps_of_one_size_are_twins(size_s: float, *, twins: bool) -> None:
    """Two channels' steps within 6 ms of each other are one; others are two."""
    agent, customer = step(20, 21, 0.3), step(20, 21, size_s)
    a, c = channel(seconds((0, 60)), 1.0, agent), channel(seconds((0, 60)), 1.1, customer)
    _, private = combine([agent], [customer], c, a)
    assert (private == []) is twins


def test_the_nearest_in_size_is_the_twin() -> None:
    """Of two candidates the one nearer in size is taken; the other stays the customer's own."""
    agent = step(20, 30, 0.3)
    near, other = step(26, 27, 0.301), step(22, 23, 0.305)
    a, c = channel(seconds((0, 20), (30, 60)), 1.0, agent), channel(seconds((0, 60)), 1.1, other, near)
    shared, private = combine([agent], [other, near], c, a)
    assert limits(shared) == [(26, 27, 0.3)]
    assert limits(private) == [(22, 23, 0.305)]


def test_several_of_the_customers_steps_are_the_agents_one() -> None:
    """Two steps while the agent was silent add up to the agent's: both are jumps, each in its own limits."""
    agent = step(20, 40, 0.5)
    first, second = step(24, 25, 0.2), step(34, 41, 0.3)
    a, c = channel(seconds((0, 20), (40, 60)), 1.0, agent), channel(seconds((0, 34), (41, 60)), 1.1, first, second)
    shared, private = combine([agent], [first, second], c, a)
    assert limits(shared) == [(24, 25, 0.2), (34, 40, 0.3)]
    assert private == []


@pytest.mark.parametrize(
    ("spans", "alone"),
    [(((0, 60),), True), (((18, 20), (22, 24)), True), (((19, 20), (22, 24)), False), (((0, 20), (22, 23)), False)],
    ids=["throughout", "three and three", "two before", "two after"],
)
def test_a_step_of_the_agent_alone(spans: tuple[tuple[float, float], ...], *, alone: bool) -> None:
    """The customer runs on across it, in three windows on either side: Connect moved the agent's voice alone."""
    agent = step(20, 22, 0.3)
    shared, private = combine([agent], [], channel(seconds(*spans), 1.1), channel(seconds((0, 60)), 1.0, agent))
    assert [s.agent_only for s in shared] == [alone]
    assert private == []


@pytest.mark.parametrize(
    ("spans", "expected"),
    [
        (((0, 25),), (25.0, 40.0)),
        (((35, 60),), (20.0, 35.0)),
        (((0, 18),), (20.0, 40.0)),
        (((28, 32),), (20.0, 40.0)),
        ((), (20.0, 40.0)),
    ],
    ids=["before it", "after it", "long before", "inside only", "silent"],
)
def test_the_customer_narrows_the_agents_step(
    spans: tuple[tuple[float, float], ...], expected: tuple[float, float]
) -> None:
    """A customer who speaks on one side of the step narrows its limits."""
    agent = step(20, 40, 0.3)
    time_s = seconds(*spans) if spans else np.zeros(0)
    shared, _ = combine([agent], [], channel(time_s, 1.1), channel(seconds((0, 20), (40, 60)), 1.0, agent))
    assert [(s.after_s, s.before_s) for s in shared] == [expected]
    assert not shared[0].agent_only


def test_a_step_of_the_customer_alone_is_private() -> None:
    """The agent runs on across it, in two windows on either side: the network's delay changed."""
    customer = step(20, 22, 0.3)
    shared, private = combine([], [customer], channel(seconds((0, 60)), 1.1, customer), channel(seconds((0, 60)), 1.0))
    assert shared == []
    assert limits(private) == [(20, 22, 0.3)]
    assert not private[0].customer_evidence_only


@pytest.mark.parametrize(("after_s", "spans"), [(20, ((0, 20),)), (20, ((0, 20), (30, 30)))], ids=["silent", "one"])
def test_a_step_after_the_agents_last_word_is_the_clocks(
    after_s: float, spans: tuple[tuple[float, float], ...]
) -> None:
    """If the agent doesn't speak on both sides, and no delay has changed before, it is an unsure clock jump."""
    customer = step(after_s, 24, 0.3)
    shared, private = combine([], [customer], channel(seconds((0, 60)), 1.1, customer), channel(seconds(*spans), 1.0))
    assert private == []
    assert [s.customer_evidence_only for s in shared] == [True]


@pytest.mark.parametrize(
    ("size_s", "private_too"),
    [(0.1, True), (0.4, True), (0.41, False), (-0.1, True), (-0.31, True), (-0.33, False)],
)
def test_a_last_step_like_the_earlier_ones_is_the_legs(size_s: float, *, private_too: bool) -> None:
    """The delay changed by 0.1 s before; up to four times that, and never to an impossible delay, it is the leg's."""
    known, last = step(20, 22, 0.1), step(50, 52, size_s)
    c = channel(seconds((0, 60)), 1.1, known, last)
    shared, private = combine([], [known, last], c, channel(seconds((0, 45)), 1.0))
    assert limits(private) == [(20, 22, 0.1)] + [(50, 52, size_s)] * private_too
    assert [s.customer_evidence_only for s in private] == [False] + [True] * private_too
    assert len(shared) == (not private_too)


def test_a_clock_that_jumped_as_often_is_as_likely() -> None:
    """With as many known jumps of the clock as changes of the delay, a last step is the clock's."""
    jump, known, last = step(10, 11, 0.5), step(20, 22, 0.1), step(50, 52, 0.1)
    c = channel(seconds((0, 60)), 1.1, jump, known, last)
    shared, private = combine([jump], [jump, known, last], c, channel(seconds((0, 45)), 1.0, jump))
    assert limits(private) == [(20, 22, 0.1)]
    assert limits(shared) == [(10, 11, 0.5), (50, 52, 0.1)]
    alone = step(10, 11, 0.05)
    c = channel(seconds((0, 60)), 1.1, known, last)
    shared, private = combine([alone], [known, last], c, channel(seconds((0, 45)), 1.0, alone))
    assert [s.agent_only for s in shared] == [True]
    assert len(private) == 2


@pytest.mark.parametrize(
    ("size_s", "is_unsure"),
    [(-0.3, False), (1.2, False), (0.3, True), (0.03, True), (-0.03, True)],
    ids=["before spoken", "too late", "a word's delay", "a small delay", "a little early"],
)
def test_there_and_back(size_s: float, *, is_unsure: bool) -> None:
    """Two steps in one silence that cancel out are the clock's; if a leg could do it, the customer alone shows it."""
    first, second = step(22, 26, size_s), step(34, 42, -size_s)
    c = channel(seconds((0, 22), (26, 34), (42, 60)), 1.05, first, second)
    a = channel(seconds((0, 25), (37, 60)), 1.0)
    shared, private = combine([], [first, second], c, a)
    assert limits(shared) == [(25, 26, size_s), (34, 37, -size_s)]
    assert [s.customer_evidence_only for s in shared] == [is_unsure, is_unsure]
    assert private == []


@pytest.mark.parametrize(("size_s", "second_s"), [(0.03, -0.033), (0.012, -0.012)], ids=["not quite", "a pitch period"])
def test_a_buffer_that_stretches_a_word_is_the_legs(size_s: float, second_s: float) -> None:
    """A leg may change its delay around a word by pitch periods, and it hardly returns to the same delay."""
    first, second = step(22, 26, size_s), step(34, 42, second_s)
    c = channel(seconds((0, 22), (26, 34), (42, 60)), 1.05, first, second)
    shared, private = combine([], [first, second], c, channel(seconds((0, 25), (37, 60)), 1.0))
    assert shared == []
    assert limits(private) == [(22, 26, size_s), (34, 42, second_s)]


def test_an_agent_who_speaks_right_after_a_word_shows_that_the_clock_is_back() -> None:
    """The agent's only words after it are within the second step's limits: they narrow it."""
    first, second = step(22, 26, 0.3), step(34, 60, -0.3)
    c = channel(seconds((0, 22), (26, 34), (60, 70)), 1.05, first, second)
    shared, private = combine([], [first, second], c, channel(seconds((0, 25), (36, 50)), 1.0))
    assert limits(shared) == [(25, 26, 0.3), (34, 36, -0.3)]
    assert private == []


@pytest.mark.parametrize(("size_s", "clock"), [(0.3, False), (-0.3, True)], ids=["a delay", "before spoken"])
def test_there_and_back_on_a_leg_that_changes(size_s: float, *, clock: bool) -> None:
    """A leg whose delay changes elsewhere, too, may delay a word; but it delivers no word before it was spoken."""
    first, second, other = step(22, 26, size_s), step(34, 42, -size_s), step(50, 51, 0.1)
    c = channel(seconds((0, 22), (26, 34), (42, 80)), 1.05, first, second, other)
    a = channel(seconds((0, 25), (37, 80)), 1.0)
    shared, private = combine([], [first, second, other], c, a)
    assert len(shared) == (2 if clock else 0)
    assert len(private) == (1 if clock else 3)


def test_a_word_of_the_agent_there_and_back() -> None:
    """The agent's steps cancel out while the customer is silent, who can't show them: the clock jumped both times."""
    first, second = step(22, 26, 0.3), step(34, 42, -0.3)
    a = channel(seconds((0, 22), (26, 34), (42, 60)), 1.0, first, second)
    shared, private = combine([first, second], [], channel(seconds((0, 21), (43, 60)), 1.05), a)
    assert [(s.size_s, s.agent_only) for s in shared] == [(0.3, False), (-0.3, False)]
    assert private == []


@pytest.mark.parametrize(
    ("second_s", "agent"),
    [(0.31, ((0, 22), (36, 60))), (0.3, ((0, 22), (30, 30), (36, 60))), (0.3, ((0, 22),)), (0.3, ((36, 60),))],
    ids=["other size", "the agent speaks between", "nothing after", "nothing before"],
)
def test_no_there_and_back(second_s: float, agent: tuple[tuple[float, float], ...]) -> None:
    """Steps that don't cancel, or that the agent speaks between or on one side of only, are no such pair."""
    first, second = step(22, 26, -0.3), step(34, 36, second_s)
    c = channel(seconds((0, 22), (26, 34), (36, 60)), 1.05, first, second)
    shared, private = combine([], [first, second], c, channel(seconds(*agent), 1.0))
    both_known = len(agent) > 1
    assert len(private) == (2 if both_known else 0)
    assert all(s.customer_evidence_only for s in shared)


def test_a_step_belongs_to_one_pair() -> None:
    """Of three steps in a silence that cancel in turn, the first two are a pair and the third isn't."""
    three = [step(22, 24, -0.3), step(28, 30, 0.3), step(34, 36, -0.3)]
    c = channel(seconds((0, 60)), 1.05, *three)
    shared, _ = combine([], three, c, channel(seconds((0, 20), (40, 60)), 1.0))
    assert [s.size_s for s in shared] == [-0.3, 0.3]


def test_all_are_in_order() -> None:
    """Jumps and changes of the delay come in the order of time."""
    first, second = step(30, 31, 0.3), step(10, 11, 0.2)
    a = channel(seconds((0, 60)), 1.0, first, second)
    shared, _ = combine([first, second], [], channel(np.zeros(0), 1.0), a)
    assert [s.before_s for s in shared] == [11, 31]
    _, private = combine([], [first, second], channel(seconds((0, 60)), 1.1), channel(seconds((0, 60)), 1.0))
    assert [s.before_s for s in private] == [11, 31]
