"""The analysis: it finds the two faults of the synthetic fleet, and nothing else."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from fleet_rows import NOWHERE, fleet, row

from komorebi_qc.core.errors import InputError
from komorebi_qc.fleet.dataset import fleet_of
from komorebi_qc.fleet.narrative.answers import answers
from komorebi_qc.fleet.report import fleet_named
from komorebi_qc.fleet.study.study import Study, study_of
from komorebi_qc.fleet.synthetic import (
    FIRST_DAY,
    MIXED_UP,
    SHIFT_S,
    SHIFTED,
    synthetic_rows,
)

SHIFT_DAY = FIRST_DAY + timedelta(days=43)
"""On which half of all agents have the faulty release."""


@pytest.fixture(scope="module")
def faulty() -> Study:
    """A synthetic fleet with a faulty release and a faulty agent."""
    return study_of(fleet_named("demo", 30_000))


def test_the_faulty_release_is_found(faulty: Study) -> None:
    """It is the only change: with its measure, its size, its day within a week, and the release as its cause."""
    ((change, found),) = faulty.changes
    assert change.measure == "offset_s"
    assert change.size == pytest.approx(SHIFT_S, abs=0.05)
    assert abs(change.day - SHIFT_DAY) <= timedelta(days=7)
    assert [one.name for one in found if one.explains] == [SHIFTED]


def test_the_faulty_agent_is_found(faulty: Study) -> None:
    """It is the only group that stands out, and the first one to look at."""
    (one,) = faulty.stand_outs
    assert (one.group.column, one.group.name, one.of) == ("agent", MIXED_UP, "fail")
    found = answers(faulty)
    assert MIXED_UP in found[2].short
    assert found[3].short == MIXED_UP


def test_chance_alone_seldom_raises_an_alarm() -> None:
    """Of six fleets without faults, at most one has a change or a group that stands out."""
    alarms = 0
    for seed in range(6):
        found = study_of(fleet_of(synthetic_rows(4_000, seed=seed, faults=False), NOWHERE, "even"))
        alarms += bool(found.changes or found.own_changes or found.stand_outs)
        assert found.stand_outs or "No group stands out" in [one.short for one in answers(found)]
    assert alarms <= 1


def test_counts_are_those_of_the_rows(faulty: Study) -> None:
    """Verdicts, days, agents and groups, compared with counts in Python."""
    rows = synthetic_rows(30_000).to_pylist()
    found = faulty.overview
    assert found.count == len(rows)
    assert found.fail == sum(one["verdict"] == "fail" for one in rows)
    assert found.unexamined == sum(one["status"] != "done" for one in rows)
    assert found.agents == len({one["agent"] for one in rows})
    assert (found.first, found.last) == (FIRST_DAY, FIRST_DAY + timedelta(days=91))
    for group in faulty.groups["agent"]:
        own = [one for one in rows if one["agent"] == group.name]
        offsets = [one["offset_s"] for one in own if one["sync_status"] == "aligned"]
        assert group.count == len(own)
        assert group.fail == sum(one["verdict"] == "fail" for one in own)
        assert group.offset_s == pytest.approx(np.median(offsets))
    assert sum(faulty.days.fail) == found.fail


@pytest.mark.parametrize("count", [-1, 201, 2.5, True, "ten"])
def test_the_number_of_the_worst_is_checked(count: Any) -> None:
    """It is a whole number from 0 to 200."""
    with pytest.raises(InputError, match="number of worst recordings"):
        study_of(fleet(row(0)), count)
