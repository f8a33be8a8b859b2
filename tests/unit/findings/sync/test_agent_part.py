"""The agent's part of the call."""

from __future__ import annotations

import pytest
from made_sync import absent_from, result

from komorebi_qc.core.timebase import Span
from komorebi_qc.findings.sync.agent_part import coverage, in_part, part_end_s
from komorebi_qc.sync import CallSpan, Stretch


def test_the_end_of_a_part_is_on_the_recording_clock() -> None:
    """An agent who left has one, an agent who stayed has not."""
    assert part_end_s(result(agent_part=Span(0.0, 40.0), spans=absent_from(40.0))) == pytest.approx(42.5)
    assert part_end_s(result(spans=absent_from(40.0))) is None
    stayed = (CallSpan(0.0, 20.0, "absent", 10.0), CallSpan(20.0, 60.0, "agrees", 30.0))
    assert part_end_s(result(agent_part=Span(20.0, 60.0), spans=stayed)) is None
    assert part_end_s(result("insufficient", agent_part=Span(0.0, 40.0), spans=absent_from(40.0))) is None


def test_a_stretch_is_in_the_part_with_most_of_it() -> None:
    """Without a part, every stretch is."""
    left = result(agent_part=Span(0.0, 40.0))
    assert in_part(left, Stretch(30.0, 45.0, 5.0))
    assert not in_part(left, Stretch(35.0, 60.0, 5.0))
    assert in_part(result(), Stretch(35.0, 60.0, 5.0))


def test_coverage_without_a_part_is_the_measured_one() -> None:
    """So it is if no stretch of the part has speech."""
    assert coverage(result(coverage=0.7)) == 0.7
    assert coverage(result(coverage=0.7, agent_part=Span(0.0, 40.0), spans=())) == 0.7
    assert coverage(result(coverage=0.7, agent_part=Span(0.0, 40.0), spans=absent_from(40.0))) == 1.0
