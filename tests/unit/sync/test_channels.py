"""Both channels followed, and segments that too little supports."""

from __future__ import annotations

import numpy as np
import pytest
from talkers import RATE, place, talk

from komorebi_qc.sync.channels import follow_channels, is_present, presence, without_weakest_segment
from komorebi_qc.sync.fit.model import Fit, LagStep
from komorebi_qc.sync.lags.coarse import Course
from komorebi_qc.sync.lags.windows import Chain, Windows
from komorebi_qc.sync.vad import of_call


def chain(on: list[int], z: list[float] | float = 50.0, audible: list[int] | None = None) -> Chain:
    """Windows of a second with centres at 0, 1, 2 ... s."""
    n = len(on)
    peaks = np.broadcast_to(np.asarray(z, float), (n,)).copy()
    sounding = np.ones(n, bool) if audible is None else np.array(audible, bool)
    w = Windows(0, 1.0, np.arange(n, dtype=np.float64) - 0.5, np.ones(n), np.ones((n, 1)), peaks[:, None], sounding)
    return Chain(w, np.array(on, bool), np.zeros(n, np.intp))


@pytest.mark.parametrize(
    ("on", "z", "audible", "present"),
    [
        ([1, 1, 1] + [0] * 34, 9.0, None, True),
        ([1, 1, 1] + [0] * 35, 9.0, None, False),
        ([1, 1, 1] + [0] * 35, 9.0, [1] * 37 + [0], True),
        ([1, 1, 1, 0, 0, 0], 8.9, None, False),
        ([1, 1, 1, 0, 0, 0], [9, 9, 8.9, 50, 50, 50], None, False),
        ([1, 1, 0, 0], 9.0, None, True),
        ([1, 1, 0, 0, 0], 9.0, None, False),
        ([1, 0, 0, 0], 9.0, None, False),
        ([], 9.0, None, False),
    ],
)
def test_a_present_voice(on: list[int], z: list[float], audible: list[int] | None, *, present: bool) -> None:
    """Three sharp windows and 8 % of the audible ones; of up to four audible windows two are enough."""
    assert is_present(chain(on, z, audible)) is present


def windows(*spans: tuple[int, int]) -> list[int]:
    """Two hundred windows, of which those of the spans agree."""
    return [int(any(a <= k < b for a, b in spans)) for k in range(200)]


PART = windows((100, 114))
"""Present in fourteen windows: less than 8 %."""
LONGER = windows((96, 118))


@pytest.mark.parametrize(
    ("customer", "agent", "present"),
    [
        (LONGER, PART, [True, True]),
        (PART, LONGER, [True, True]),
        (windows((0, 22)), PART, [True, False]),
        (LONGER, windows((5, 6), (100, 114)), [True, False]),
        (LONGER, windows((100, 102), (108, 110), (116, 118)), [True, False]),
        (PART, PART, [False, False]),
    ],
    ids=["agent in the part", "customer in the part", "elsewhere", "also elsewhere", "sparse", "neither"],
)
def test_a_voice_in_a_part_of_the_call(customer: list[int], agent: list[int], present: list[bool]) -> None:
    """A voice that agrees with little of the call is present if it agrees where the other one does, and only there."""
    assert presence((chain(customer), chain(agent))) == present


@pytest.mark.parametrize(("word", "present"), [((104, 106), True), ((104, 105), False), ((120, 122), False)])
def test_a_word_between_two_turns_of_the_other_voice(word: tuple[int, int], *, present: bool) -> None:
    """An agent who says a word within the customer's turns is present. One window isn't enough."""
    audible = windows((90, 97), (104, 106), (120, 127))
    assert presence((chain(LONGER), chain(windows(word), audible=audible))) == [True, present]


def fitted(*steps: tuple[float, float]) -> Fit:
    """A fit with steps between two windows each."""
    return Fit(
        1.0,
        1e-5,
        0.0,
        0.1,
        tuple(LagStep(a, b, 0.3, 1e-5) for a, b in steps),
        (),
        (None, 1.0),
        (np.zeros(0, bool), np.zeros(0, bool)),
        1e-5,
    )


SILENT = chain([])


def pruned(
    on: list[int], *steps: tuple[float, float], z: list[float] | float = 50.0, audible: list[int] | None = None
) -> list[int] | None:
    """The agent's agreement after the weakest segment is gone, or None."""
    found = without_weakest_segment((SILENT, chain(on, z, audible)), [False, True], fitted(*steps))
    return None if found is None else found[1].on.astype(int).tolist()


def test_segments_that_hold_stay() -> None:
    """Every segment in which 40 % of the windows agree holds."""
    assert pruned([1] * 20, (9, 10)) is None
    assert pruned([1] * 10 + [1, 0, 1, 0, 0, 1, 0, 0, 1, 0], (9, 10)) is None
    assert pruned([1] * 10 + [1, 0, 1, 0, 0, 1, 0, 0, 0, 0], (9, 10)) == [1] * 10 + [0] * 10


def test_the_weakest_segment_goes() -> None:
    """Of two weak segments the weaker one goes, and nothing else."""
    first, middle = [1, 0, 0, 1, 0, 1, 0, 0, 0, 0], [1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0]
    on = first + middle + [1] * 10
    assert pruned(on, (5, 10), (20, 25)) == first + [0] * 15 + [1] * 10


def test_a_gap_counts_against_both_neighbours() -> None:
    """Failed windows between two segments count for each; the one with most windows always stays."""
    assert pruned([1] * 10 + [0] * 5 + [1] * 3, (9, 15)) == [1] * 10 + [0] * 8
    assert pruned([1] * 10 + [0] * 4 + [1] * 3, (9, 14)) is None
    assert pruned([1] * 10 + [0] * 5 + [1] * 3, (9, 15), audible=[1] * 13 + [0] * 2 + [1] * 3) is None
    assert pruned([1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 1, 1], (11, 12)) is None


@pytest.mark.parametrize(("z", "goes"), [(50.0, False), ([50] * 10 + [25, 25], False), ([50] * 10 + [24, 24], True)])
def test_two_windows_have_to_be_sharp(z: list[float] | float, *, goes: bool) -> None:
    """A segment of two windows holds if they are half as sharp as the rest; one window never holds."""
    found = pruned([1] * 10 + [1, 1], (9, 10), z=z)
    assert found == ([1] * 10 + [0, 0] if goes else None)
    assert pruned([1] * 10 + [1], (9, 10)) == [1] * 10 + [0]


def test_a_segment_without_windows() -> None:
    """A segment in which nothing agrees can't be checked: nothing is removed."""
    assert pruned([1] * 10 + [0] * 5, (9, 12)) is None


def test_absent_channels_say_nothing() -> None:
    """A channel that isn't present neither supports a segment nor speaks against it; it loses its windows too."""
    absent = chain([0] * 10 + [1] * 10)
    agent = chain([1] * 10 + [1] + [0] * 9)
    found = without_weakest_segment((absent, agent), [False, True], fitted((9, 10)))
    assert found is not None
    assert found[1].on.tolist() == [True] * 10 + [False] * 10
    assert found[0].on.tolist() == [False] * 20
    both = without_weakest_segment((absent, agent), [True, True], fitted((9, 10)))
    assert both is None


@pytest.mark.parametrize("delay_s", [-0.1, 0.0, 0.95])
def test_both_voices_are_followed(delay_s: float) -> None:
    """Each voice has its own lag; the customer's may be up to 0.12 s before the agent's, or a second after it."""
    call = talk(63, 50)
    recording = place(call, 3.0, customer_delay=round(delay_s * RATE))
    course = Course(np.array([0.0]), np.array([3.0 + delay_s / 2]), 1.0)
    customer, agent = follow_channels(call, of_call(call), recording, course, 8192, 8192)
    for chain_, lag_s in ((customer, 3.0 + delay_s), (agent, 3.0)):
        inner = (chain_.windows.centre_s > 5) & (chain_.windows.centre_s < 45)
        assert chain_.on[inner].mean() > 0.9
        assert chain_.lag_s[chain_.on & inner] == pytest.approx(np.full((chain_.on & inner).sum(), lag_s), abs=1e-3)


def test_the_agents_lag_bounds_the_customers() -> None:
    """Short words of the customer 0.2 s before the agent's lag are left out, but in a long silence of the agent."""
    call = talk(66, 60)
    for start in range(0, 60 * RATE, 6 * RATE):
        call[start + RATE : start + 6 * RATE, 0] = 0
        call[start : start + int(1.2 * RATE), 1] = 0
    course = Course(np.array([0.0]), np.array([3.0]), 1.0)
    for delay_s, accepted in ((0.0, True), (-0.2, False)):
        recording = place(call, 3.0, customer_delay=round(delay_s * RATE))
        customer, agent = follow_channels(call, of_call(call), recording, course, 8192, 8192)
        assert agent.on.mean() > 0.8
        times = agent.windows.centre_s[agent.on]
        inner = (customer.windows.centre_s > times[0]) & (customer.windows.centre_s < times[-1])
        assert inner.sum() >= 3
        near = np.abs(customer.lag_s - 3.0 - delay_s) < 1e-3
        share = np.count_nonzero(customer.on & near & inner) / np.count_nonzero(inner)
        assert share > 0.8 if accepted else share < 0.4


def test_the_stronger_channel_leads() -> None:
    """Without the agent in the recording the customer leads, and no agent's window is far from it."""
    call = talk(64, 50)
    course = Course(np.array([0.0]), np.array([3.0]), 1.0)
    customer, agent = follow_channels(call, of_call(call), place(call, 3.0, gains=(1.0, 0.0)), course, 8192, 4096)
    assert customer.lag_s[customer.on] == pytest.approx(np.full(customer.on.sum(), 3.0), abs=1e-3)
    assert customer.on.mean() > 0.9
    assert is_present(customer)
    assert not is_present(agent)
