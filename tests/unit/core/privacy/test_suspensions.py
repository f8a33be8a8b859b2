"""Suspensions and what looks like them, by the edges of both channels and by the recording."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from komorebi_qc.core.privacy.suspensions import Witness, suspended_spans
from komorebi_qc.core.timebase import Span

if TYPE_CHECKING:
    from collections.abc import Sequence

RATE = 8000
EVERYTHING = (Span(0.0, 60.0),)
TALK = Witness(EVERYTHING, (EVERYTHING, EVERYTHING))
AGENT_ALONE = Witness(EVERYTHING, ((), EVERYTHING))
A_FEW_WORDS = Witness(EVERYTHING, ((Span(10.0, 13.0),), EVERYTHING))
HEADSET = Witness(EVERYTHING)
"""Nobody knows whose voice it is, and the customer isn't in the recording."""
BOTH_ALIKE = Witness(EVERYTHING, has_customer=True)


def call(*silent: tuple[int, float, float], seconds: float = 40.0, seed: int = 2) -> np.ndarray:
    """Noise on both channels, and digital silence: (channel, from, to); channel 2 is both."""
    rng = np.random.default_rng(seed)
    out = rng.normal(0, 300, (int(seconds * RATE), 2)).astype(np.int16)
    out[out == 0] = 1
    for channel, start, stop in silent:
        out[round(start * RATE) : round(stop * RATE), [channel] if channel < 2 else [0, 1]] = 0
    return out


def found(samples: np.ndarray, witness: Witness | None = None, min_s: float = 2.0) -> list[tuple[float, float]]:
    """The suspensions as (start, end)."""
    spans = suspended_spans(samples, witness=lambda: witness, min_s=min_s)
    assert {span.reason for span in spans} <= {"suspended"}
    return [(round(span.call.start_s, 4), round(span.call.end_s, 4)) for span in spans]


def dtx(channel: int, seed: int) -> list[tuple[int, float, float]]:
    """A telephone that sends nothing between words."""
    rng, at, out = np.random.default_rng(seed), 0.5, []
    while at < 39.0:
        long = float(rng.uniform(1.0, 4.0))
        out.append((channel, at, min(at + long, 39.5)))
        at += long + float(rng.uniform(0.5, 2.5))
    return out


@pytest.mark.parametrize("edges", [[(8.0, 12.0)], [(8.0123, 10.5), (20.0, 31.77)]])
def test_a_suspension_needs_no_witness(edges: list[tuple[float, float]]) -> None:
    """Both channels are cut at one sample, and both come back at one."""
    assert found(call(*((2, a, b) for a, b in edges))) == pytest.approx(np.array(edges), abs=2e-3)


def test_the_shortest_suspension_is_a_setting() -> None:
    """Shorter silence isn't called one."""
    samples = call((2, 8.0, 9.5))
    assert found(samples) == []
    assert len(found(samples, min_s=1.0)) == 1


@pytest.mark.parametrize(
    "silent",
    [
        [(1, 8.0, 14.0)],
        [(0, 8.0, 20.0), (1, 9.1, 22.0)],
        [(0, 8.0, 20.0), (1, 8.1, 19.9)],
        [(2, 0.0, 4.0)],
        [(2, 35.0, 40.0)],
        [(2, 0.0, 40.0)],
        [(1, 0.0, 40.0), (0, 10.0, 14.0)],
        [*dtx(0, 1), *dtx(1, 2)],
    ],
    ids=["mute", "hold", "hold_by_a_switch", "start", "end", "all", "dead", "dtx"],
)
def test_a_quiet_recording_is_no_witness(silent: list[tuple[int, float, float]]) -> None:
    """Digital silence whose edges don't agree, or aren't there, while nobody speaks in the recording."""
    assert found(call(*silent), Witness((), ((), ()))) == []
    assert found(call(*silent)) == []


def test_an_agent_who_speaks_alone_on_mute_is_no_suspension() -> None:
    """The customer's telephone sends nothing meanwhile, and the customer doesn't speak."""
    samples = call((1, 10.0, 20.0), *dtx(0, 7))
    assert found(samples, AGENT_ALONE) == []


@pytest.mark.parametrize("witness", [A_FEW_WORDS, HEADSET, BOTH_ALIKE], ids=["talk", "headset", "alike"])
def test_edges_that_disagree_are_hold(witness: Witness) -> None:
    """Neither channel is ever silent by itself, and they were silenced at different times."""
    assert found(call((0, 8.0, 20.0), (1, 9.1, 22.0)), witness) == []
    assert found(call((0, 8.0, 20.0), (1, 9.1, 19.0)), witness) == []


def test_a_customer_who_speaks_most_of_the_time_is_not_on_hold() -> None:
    """The edges don't matter: a quiet channel has zeros of its own beside a suspension."""
    assert found(call((0, 8.0, 20.0), (1, 8.12, 19.93)), TALK) == [(8.12, 19.93)]
    assert found(call((0, 8.0, 20.0), (1, 8.12, 19.93)), A_FEW_WORDS) == []


@pytest.mark.parametrize(
    ("seconds", "witness", "is_found"),
    [(14.0, HEADSET, True), (2.5, HEADSET, False), (14.0, BOTH_ALIKE, True), (2.5, BOTH_ALIKE, False)],
)
def test_a_telephone_is_not_silent_for_longer_than_always(seconds: float, witness: Witness, *, is_found: bool) -> None:
    """The agent's channel is cut alone: a mute, unless the customer's telephone never is silent for so long."""
    until = 12.0 + seconds
    around = [(0, 0.5 + 5.5 * k, 5.0 + 5.5 * k) for k in range(7) if k < 2 or 5.5 * k > until]
    samples = call((1, 12.0, until), (0, 11.6, until + 0.3), *around)
    assert found(samples, witness) == ([(12.0, until)] if is_found else [])


@pytest.mark.parametrize(("beside_s", "is_found"), [(0.0, False), (0.0075, True)])
def test_a_telephone_that_was_cut_between_two_packets(beside_s: float, *, is_found: bool) -> None:
    """The agent speaks in the recording and is silent in the call, as in a mute, but the customer was cut as well."""
    packets = [(0, 1.0 + 4.0 * k, 3.6 + 4.0 * k) for k in range(9)]
    packets[3] = (0, 13.0 + beside_s, 15.6)
    samples = call(*packets, (1, 12.0, 15.2), *((1, 3.9 + 4.0 * k, 4.7 + 4.0 * k) for k in range(9)))
    assert found(samples, HEADSET) == ([(13.0 + beside_s, 15.2)] if is_found else [])


def test_a_pause_of_a_moment_beside_a_suspension() -> None:
    """Both edges agree but for 25 ms: a customer who had just stopped, and an agent who hadn't begun."""
    assert found(call((0, 10.0, 16.0), (1, 10.025, 15.98))) == [(10.025, 15.98)]
    assert found(call((0, 10.0, 16.0), (1, 10.1, 15.9))) == []


def test_a_suspension_of_a_telephone_that_was_silent_anyway() -> None:
    """Only the agent's channel is cut: the customer speaks in the recording, so it wasn't a mute."""
    silences = [(0, 2.0, 3.0), (0, 5.0, 6.0), (0, 9.5, 20.5), (0, 24.0, 25.0), (0, 30.0, 31.0)]
    samples = call((1, 10.0, 20.0), *silences)
    assert found(samples, TALK) == [(10.0, 20.0)]
    assert found(samples, AGENT_ALONE) == []


@pytest.mark.parametrize(("witness", "expected"), [(TALK, [(30.0, 40.0)]), (AGENT_ALONE, []), (None, [])])
def test_a_recording_that_was_never_resumed(witness: Witness | None, expected: list[tuple[float, float]]) -> None:
    """Both channels are cut, and the file ends: a suspension if the customer goes on in the recording."""
    assert found(call((2, 30.0, 40.0)), witness) == expected


@pytest.mark.parametrize(
    ("alive", "witness", "expected"),
    [
        (0, Witness(EVERYTHING, (EVERYTHING, ())), [(10.0, 16.0)]),
        (0, Witness(EVERYTHING, ((), EVERYTHING)), []),
        (1, Witness(EVERYTHING, ((), EVERYTHING)), [(10.0, 16.0)]),
    ],
)
def test_a_dead_channel_leaves_one_edge(alive: int, witness: Witness, expected: Sequence[tuple[float, float]]) -> None:
    """The other channel's own voice must go on in the recording: a muted one doesn't."""
    assert found(call((1 - alive, 0.0, 40.0), (alive, 10.0, 16.0)), witness) == expected


def test_one_edge_at_one_sample_is_enough() -> None:
    """The customer's telephone was silent before, and both channels come back at one sample; nobody needs to speak."""
    assert found(call((1, 10.0, 14.0), (0, 7.5, 14.0))) == [(10.0, 14.0)]
    assert found(call((1, 10.0, 14.0), (0, 7.5, 14.02))) == []


def test_a_codec_smears_the_edges() -> None:
    """The residue of 30 ms on one channel and the last bits' noise hide no suspension."""
    samples = call((2, 10.0, 16.0))
    samples[10 * RATE : 10 * RATE + 240, 0] = np.linspace(200, 0, 240)
    samples[10 * RATE + 240 : 16 * RATE] += (
        np.random.default_rng(1).integers(-1, 2, (6 * RATE - 240, 2)).astype(np.int16)
    )
    ((start_s, end_s),) = found(samples)
    assert start_s == pytest.approx(10.0, abs=0.05)
    assert end_s == pytest.approx(16.0, abs=0.05)


def test_a_codec_ends_its_decay_late() -> None:
    """On one channel the last steps end 0.15 s after the edge. Both channels change at the edge itself."""
    samples = call((2, 10.0, 16.0))
    samples[10 * RATE : round(10.15 * RATE), 1] = 3
    assert found(samples) == [(10.0, 16.0)]


def test_the_recording_is_asked_once_and_only_if_needed() -> None:
    """Reading it costs time."""
    asked: list[int] = []

    def witness() -> Witness:
        asked.append(1)
        return TALK

    suspended_spans(call((2, 10.0, 16.0)), witness=witness)
    assert asked == []
    suspended_spans(call((0, 10.0, 16.0), (1, 9.0, 17.0), (0, 20.0, 26.0), (1, 19.0, 27.0)), witness=witness)
    assert asked == [1]


def test_one_channel_has_no_edges_to_compare() -> None:
    """A call audio with a single channel is never said to be suspended."""
    assert suspended_spans(np.zeros((RATE * 5, 1), np.int16)) == ()
    assert suspended_spans(np.zeros(RATE * 5, np.int16)) == ()
