"""Findings about the sync measurement."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from made_sync import result
from talkers import place as played_at
from talkers import talk

from komorebi_qc.core.finding import At, Finding
from komorebi_qc.core.limits import DEFAULT, Limits
from komorebi_qc.core.timebase import CallEnd
from komorebi_qc.findings.sync import MOST_SHOWN, call_end_finding, sync_findings
from komorebi_qc.sync import FoundJump, Stretch, SyncResult, measure

CALL = talk(21, 60)
REPORTED = CallEnd(62.0, 1.0)


def by_name(measured: SyncResult, limits: Limits = DEFAULT) -> dict[str, Finding]:
    """The findings of a measurement."""
    return {finding.name: finding for finding in sync_findings(measured, REPORTED, limits)}


def jump(size_s: float, call_s: float = 30.0, *, agent_only: bool = False, customer_only: bool = False) -> FoundJump:
    """A jump of a given size."""
    return FoundJump(
        call_s, size_s, (size_s - 0.001, size_s + 0.001), (call_s - 1, call_s + 1), agent_only, customer_only
    )


@pytest.mark.parametrize(
    ("reported", "measured_s", "status", "limit_s"),
    [
        (CallEnd(60.0, 1.0), 60.4, "pass", -1.0),
        (CallEnd(60.0, 1.0), 61.0, "pass", -1.0),
        (CallEnd(60.0, 1.0), 61.5, "warn", -1.0),
        (CallEnd(60.0, 1.0), 59.97, "pass", 0.05),
        (CallEnd(60.0, 1.0), 59.0, "warn", 0.05),
        (CallEnd(60.25, 0.01), 60.5, "warn", -0.01),
        (CallEnd(60.0, 1.0), 120.9, "warn", -1.0),
        (CallEnd(60.0, 1.0), 121.1, "fail", -1.0),
        (CallEnd(125.0, 1.0), 60.0, "fail", 0.05),
    ],
)
def test_a_reported_end_may_be_early_by_its_resolution(
    reported: CallEnd, measured_s: float, status: str, limit_s: float
) -> None:
    """Whole seconds are cut off: up to one early passes, half a second more warns, and over a minute fails."""
    found = call_end_finding(reported, measured_s)
    assert (found.status, found.limit) == (status, limit_s)
    assert found.value == pytest.approx(reported.recording_s - measured_s)
    assert found.at == At("recording", measured_s)
    assert ("after" in found.text) == (reported.recording_s > measured_s)


def test_a_real_measurement_has_all_findings() -> None:
    """A call 2.5 s into the recording, with a jump of 200 ms and a customer 180 ms late."""
    found = by_name(measure(CALL, played_at(CALL, 2.5, jumps=((30.0, 0.2),), customer_delay=1440)))
    assert found["sync_status"].value == "aligned"
    assert found["jumps"].value == pytest.approx(0.2, abs=0.001)
    assert (found["jumps"].unit, found["jumps"].limit, found["jumps"].status) == ("s", 0.045, "warn")
    assert "The recording clock jumps: from 00:00:30" in found["jumps"].text
    assert "everything is 200.0 ms later in the recording than before" in found["jumps"].text
    assert found["customer_leg_delay"].value == pytest.approx(0.18, abs=0.001)
    assert found["customer_leg_delay"].status == "warn"
    assert abs(float(found["drift"].value)) < 2
    assert found["sides"].value == "both"
    assert all(finding.text.endswith(".") for finding in found.values())
    assert all(finding.limit_name for name, finding in found.items() if name not in ("sync_status", "sides"))


def test_half_the_offset_interval_is_its_uncertainty() -> None:
    """The interval's half is compared with the limit, in seconds."""
    found = by_name(result(offset_ci_s=(2.4, 2.5)))["offset_uncertainty"]
    assert found.value == pytest.approx(0.05)
    assert found.status == "warn"
    assert by_name(result(offset_ci_s=None))["offset_uncertainty"].value == 0.0


@pytest.mark.parametrize(("drift_ppm", "word"), [(50.0, "faster"), (-50.0, "slower"), (0.0, "faster")])
def test_drift_names_the_faster_clock(drift_ppm: float, word: str) -> None:
    """A positive drift means a faster recording clock; 50 ppm are 180 ms an hour."""
    found = by_name(result(drift_ppm=drift_ppm))["drift"]
    assert found.value == drift_ppm
    assert word in found.text
    assert f"{abs(drift_ppm) * 3.6:.1f} ms an hour" in found.text


def test_the_largest_jump_is_the_value() -> None:
    """Of several jumps the largest counts, whatever its sign, and the sentence names the first ones."""
    jumps = tuple(jump(size, 10.0 * k) for k, size in enumerate((0.05, -0.2, 0.1, 0.06, 0.07, 0.08), 1))
    found = by_name(result(jumps=jumps))["jumps"]
    assert found.value == -0.2
    assert found.at == At("call", 20.0)
    assert f"{len(jumps)} times" in found.text
    assert found.text.endswith("and more.")
    assert found.text.count(" ms later ") + found.text.count(" ms earlier ") == MOST_SHOWN
    assert by_name(result())["jumps"].value == 0.0
    assert by_name(result())["jumps"].text == "No clock jumps found."


def test_a_jump_of_one_channel_says_which() -> None:
    """A jump that one channel alone shows is described as such."""
    agent = by_name(result(jumps=(jump(0.1, agent_only=True),)))["jumps"]
    customer = by_name(result(jumps=(jump(0.1, customer_only=True),)))["jumps"]
    assert "only the agent channel shows it" in agent.text
    assert "only the customer channel shows it" in customer.text


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
    assert "delay changes: from 00:0" in found.text
    assert "the customer is 300.0 ms later in the recording than before" in found.text


@pytest.mark.parametrize(("customer_s", "word"), [(2.6, "more"), (2.4, "less")])
def test_the_customer_leg_delay_is_against_the_agent(customer_s: float, word: str) -> None:
    """The delay is the difference of both channels' lags."""
    found = by_name(result(lag_customer_s=customer_s))["customer_leg_delay"]
    assert found.value == pytest.approx(customer_s - 2.5)
    assert f"100.0 ms {word}" in found.text
    assert "customer_leg_delay" not in by_name(result(lag_customer_s=None))
    assert "customer_leg_delay" not in by_name(result(lag_agent_s=None))


@pytest.mark.parametrize(
    ("sides", "status"), [("both", "pass"), ("agent", "pass"), ("customer", "warn"), ("none", "warn")]
)
def test_a_missing_agent_is_a_warning(sides: str, status: str) -> None:
    """A recording without the agent's voice warns; one without the customer's is usual."""
    found = by_name(result(sides=sides))["sides"]
    assert (found.value, found.status) == (sides, status)


def test_an_unmatched_start_limits_the_offset() -> None:
    """Coverage warns and names the part, and the offset says from where on it holds."""
    found = by_name(result(unmatched=(Stretch(0.0, 20.0, 12.0), Stretch(30.0, 50.0, 15.0))))
    assert found["coverage"].status == "warn"
    assert found["coverage"].at == At("call", 30.0)
    assert "From 00:00:00" in found["coverage"].text
    assert "12 s of speech match nothing" in found["coverage"].text
    assert "from 00:00:20.000 of the call on" in found["offset_uncertainty"].text
    later = by_name(result(unmatched=(Stretch(30.0, 50.0, 15.0),)))
    assert "of the call on" not in later["offset_uncertainty"].text


def test_low_coverage_warns() -> None:
    """Below the limit it warns by itself; full coverage passes."""
    assert by_name(result(coverage=0.5))["coverage"].status == "warn"
    assert by_name(result(coverage=0.98))["coverage"].status == "pass"


def test_changed_limits_change_the_status() -> None:
    """A larger limit passes a jump, a smaller one fails a delay, and a limit that is off passes all."""
    limits = DEFAULT.changed_by("jumps=0.25, customer_leg_delay=0.05:0.1, coverage=off")
    measured = result(jumps=(jump(0.2),), lag_customer_s=2.68, coverage=0.1)
    found = by_name(replace(measured, unmatched=(Stretch(30.0, 50.0, 15.0),)), limits)
    assert (found["jumps"].status, found["jumps"].limit) == ("pass", 0.25)
    assert (found["customer_leg_delay"].status, found["customer_leg_delay"].limit) == ("fail", 0.05)
    assert (found["coverage"].status, found["coverage"].limit) == ("pass", None)


@pytest.mark.parametrize(
    ("status", "verdict"), [("wrong_pair", "fail"), ("ambiguous", "warn"), ("insufficient", "warn")]
)
def test_without_an_alignment_there_is_only_the_status(status: str, verdict: str) -> None:
    """Nothing else was measured, so nothing else is compared with a limit."""
    (found,) = sync_findings(result(status=status), REPORTED)
    assert (found.name, found.value, found.status) == ("sync_status", status, verdict)
    assert found.text.endswith("A reason.")


def test_two_different_calls_are_a_wrong_pair() -> None:
    """The measurement of two unrelated calls fails."""
    measured = measure(CALL, played_at(talk(22, 60), 1.0))
    assert [(f.name, f.status) for f in sync_findings(measured, REPORTED)] == [("sync_status", "fail")]
