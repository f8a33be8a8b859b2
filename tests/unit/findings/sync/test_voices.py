"""Findings about both voices."""

from __future__ import annotations

import numpy as np
import pytest
from made_sync import absent_from, by_name, evidence, result
from talkers import place as played_at
from talkers import talk

from komorebi_qc.core.finding import At
from komorebi_qc.core.timebase import Span
from komorebi_qc.sync import CallSpan, Stretch, measure


def test_a_delay_change_of_the_customer_leg_is_found() -> None:
    """The customer's audio moves by 300 ms and the clock doesn't: a warning with its moment."""
    call = talk(23, 120)
    late = call.copy()
    late[60 * 8000 :, 0] = np.roll(call[:, 0], 2400)[60 * 8000 :]
    found = by_name(measure(call, played_at(late, 1.5)))["customer_leg_delay_changes"]
    assert (found.status, found.limit) == ("warn", 0.15)
    assert found.value == pytest.approx(0.3, abs=0.001)
    assert found.at is not None
    assert found.at.clock == "call"
    assert "The delay between customer and agent changes: from 00:0" in found.text
    assert "the customer is 300.0 ms later in the recording than before" in found.text


@pytest.mark.parametrize(("customer_s", "word"), [(2.6, "later"), (2.4, "earlier")])
def test_the_customer_leg_delay_is_against_the_agent(customer_s: float, word: str) -> None:
    """The delay is the difference of both channels' lags, and the sentence names no cause."""
    found = by_name(result(lag_customer_s=customer_s))["customer_leg_delay"]
    assert found.value == pytest.approx(customer_s - 2.5)
    assert f"100.0 ms {word}" in found.text
    assert "network" not in found.text
    assert "customer_leg_delay" not in by_name(result(lag_customer_s=None))
    assert "customer_leg_delay" not in by_name(result(lag_agent_s=None))


@pytest.mark.parametrize(("customer_turns", "agent_turns"), [(2, 9), (9, 2)])
def test_a_delay_needs_turns_of_both_voices(customer_turns: int, agent_turns: int) -> None:
    """A delay from two turns of one voice isn't compared with a limit."""
    few = by_name(result(lag_customer_s=3.5, evidence=evidence(customer_turns, agent_turns)))
    for name in ("customer_leg_delay", "customer_leg_delay_changes"):
        assert (few[name].value, few[name].status) == ("undetermined", "pass")
        assert "wasn't measured" in few[name].text
    enough = by_name(result(lag_customer_s=3.5, evidence=evidence(3, 3)))
    assert enough["customer_leg_delay"].status == "fail"


@pytest.mark.parametrize(
    ("sides", "status"), [("both", "pass"), ("agent", "pass"), ("customer", "warn"), ("none", "warn")]
)
def test_a_missing_agent_is_a_warning(sides: str, status: str) -> None:
    """A recording without the agent's voice warns; one without the customer's is usual."""
    found = by_name(result(sides=sides))["sides"]
    assert (found.value, found.status) == (sides, status)


def test_unmatched_speech_warns() -> None:
    """The sentence names each part, and the largest one is where to look."""
    found = by_name(result(unmatched=(Stretch(0.0, 20.0, 12.0), Stretch(30.0, 50.0, 15.0))))["coverage"]
    assert found.status == "warn"
    assert found.at == At("call", 30.0)
    assert "From 00:00:00" in found.text
    assert "12 s of speech match nothing" in found.text


def test_low_coverage_warns() -> None:
    """Below the limit it warns by itself; full coverage passes."""
    assert by_name(result(coverage=0.5))["coverage"].status == "warn"
    assert by_name(result(coverage=0.98))["coverage"].status == "pass"


def test_coverage_is_that_of_the_agents_part() -> None:
    """Speech of a call that went on without the agent isn't missed in the recording."""
    left = result(
        coverage=0.6, agent_part=Span(0.0, 40.0), spans=absent_from(40.0), unmatched=(Stretch(40.0, 60.0, 15.0),)
    )
    found = by_name(left)["coverage"]
    assert (found.value, found.status, found.at) == (1.0, "pass", None)
    assert (
        found.text
        == "100% of the speech in the recorded channels, in the agent's part of the call, matches the recording."
    )
    missing = (
        CallSpan(0.0, 20.0, "agrees", 15.0),
        CallSpan(20.0, 40.0, "silent", 15.0),
        CallSpan(40.0, 60.0, "absent", 15.0),
    )
    unmatched = (Stretch(20.0, 40.0, 15.0), Stretch(40.0, 60.0, 15.0))
    found = by_name(result(agent_part=Span(0.0, 40.0), spans=missing, unmatched=unmatched))["coverage"]
    assert (found.value, found.status, found.at) == (0.5, "warn", At("call", 20.0))
    assert found.text.count("match nothing") == 1
