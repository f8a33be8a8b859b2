"""Findings about the measured place."""

from __future__ import annotations

import pytest
from made_sync import absent_from, by_name, result

from komorebi_qc.core.finding import At
from komorebi_qc.core.limits import DEFAULT
from komorebi_qc.core.timebase import CallEnd, Span
from komorebi_qc.findings.sync.place import call_end_finding
from komorebi_qc.sync import Stretch


@pytest.mark.parametrize(
    ("reported", "measured_s", "status", "limit_s"),
    [
        (CallEnd(60.0, 1.0), 60.4, "pass", -1.0),
        (CallEnd(60.0, 1.0), 61.0, "pass", -1.0),
        (CallEnd(60.0, 1.0), 61.5, "warn", -1.0),
        (CallEnd(60.0, 1.0), 59.97, "pass", 0.05),
        (CallEnd(60.0, 1.0), 59.0, "warn", 0.05),
        (CallEnd(60.25, 0.01), 60.5, "warn", -0.01),
        (CallEnd(60.0, 1.0), 500.0, "warn", -1.0),
        (CallEnd(500.0, 1.0), 60.0, "warn", 0.05),
    ],
)
def test_a_wrong_reported_end_is_a_warning_at_most(
    reported: CallEnd, measured_s: float, status: str, limit_s: float
) -> None:
    """Whole seconds are cut off, so one early passes. A time that is minutes off warns: the measured end is used."""
    found = call_end_finding(result(), measured_s, reported)
    assert (found.status, found.limit) == (status, limit_s)
    assert found.value == pytest.approx(reported.recording_s - measured_s)
    assert found.at == At("recording", measured_s)
    is_late = reported.recording_s > measured_s
    assert ("after the measured one" in found.text) is is_late
    if status == "warn":
        ends = "The call audio ends before the reported time."
        assert found.text.endswith(ends if is_late else "The call audio goes on after the reported time.")


@pytest.mark.parametrize(
    ("reported_s", "status", "at_s"),
    [(41.0, "pass", 42.5), (40.0, "pass", 42.5), (62.0, "pass", 62.5), (35.0, "warn", 42.5), (55.0, "warn", 42.5)],
)
def test_an_agent_who_left_has_two_ends(reported_s: float, status: str, at_s: float) -> None:
    """The reported end may be the end of the agent's part, which is known to a pause, or the end of the call."""
    left = result(agent_part=Span(0.0, 40.0), spans=absent_from(40.0))
    found = call_end_finding(left, 62.5, CallEnd(reported_s, 1.0))
    assert (found.status, found.at) == (status, At("recording", at_s))
    assert ("agent's part" in found.text) is (at_s == 42.5)
    assert found.value == pytest.approx(reported_s - at_s)


def test_half_the_offset_interval_is_its_uncertainty() -> None:
    """The interval's half is compared with the limit, in seconds: beyond 0.2 s the place is of no use."""
    found = by_name(result(offset_ci_s=(2.4, 2.5)))["offset_uncertainty"]
    assert found.value == pytest.approx(0.05)
    assert found.status == "warn"
    assert by_name(result(offset_ci_s=(2.0, 2.5)))["offset_uncertainty"].status == "fail"
    assert by_name(result(offset_ci_s=None))["offset_uncertainty"].value == "undetermined"


def test_an_unmatched_start_fails_the_offset() -> None:
    """The place of the call's first words wasn't measured, so it may be off by any amount."""
    found = by_name(result(unmatched=(Stretch(0.0, 20.0, 12.0), Stretch(30.0, 50.0, 15.0))))["offset_uncertainty"]
    assert (found.status, found.at) == ("fail", At("call", 0.0))
    assert "from 00:00:20.000 of the call on" in found.text
    later = by_name(result(unmatched=(Stretch(30.0, 50.0, 15.0),)))["offset_uncertainty"]
    assert later.status == "pass"
    assert "of the call on" not in later.text
    off = DEFAULT.changed_by("offset_uncertainty=off")
    assert by_name(result(unmatched=(Stretch(0.0, 20.0, 12.0),)), limits=off)["offset_uncertainty"].status == "pass"


def test_the_time_before_the_agent_came_is_no_unmatched_start() -> None:
    """An agent who joins late wasn't there for the first words."""
    late = result(agent_part=Span(20.0, 60.0), unmatched=(Stretch(0.0, 20.0, 12.0),))
    assert by_name(late)["offset_uncertainty"].status == "pass"
    lost = result(agent_part=Span(20.0, 60.0), unmatched=(Stretch(0.0, 20.0, 12.0), Stretch(20.0, 30.0, 5.0)))
    assert by_name(lost)["offset_uncertainty"].status == "fail"
