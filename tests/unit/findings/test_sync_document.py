"""The sync measurement and the call end as JSON."""

from __future__ import annotations

import json

import pytest
from made_sync import result

from komorebi_qc.core.timebase import CallEnd
from komorebi_qc.findings.sync_document import call_end_dict, sync_dict
from komorebi_qc.sync import FoundJump, Stretch


def test_an_aligned_pair_gives_its_numbers() -> None:
    """Each value has its key, rounded to microseconds and to 0.0001 ppm."""
    step = FoundJump(30.12345678, 0.2, (0.199, 0.201), (29.0, 31.0), agent_only=False, customer_evidence_only=True)
    found = sync_dict(
        result(
            offset_s=2.12345678,
            drift_ppm=1.23456,
            jumps=(step,),
            customer_steps=(step,),
            unmatched=(Stretch(0.0, 20.0, 12.34567),),
        )
    )
    assert found["offset_s"] == 2.123457
    assert found["drift_ppm"] == 1.2346
    assert found["offset_ci_s"] == [2.499, 2.501]
    assert found["drift_ci_ppm"] == [-1.0, 1.0]
    assert (found["lag_agent_s"], found["lag_customer_s"]) == (2.5, 2.5)
    expected = {
        "call_s": 30.123457,
        "size_s": 0.2,
        "size_ci_s": [0.199, 0.201],
        "between_s": [29.0, 31.0],
        "customer_evidence_only": True,
    }
    assert found["customer_leg_delay_changes"] == [expected]
    assert found["jumps"] == [{**expected, "agent_only": False}]
    assert found["unmatched"] == [{"from_s": 0.0, "to_s": 20.0, "speech_s": 12.346}]
    assert json.loads(json.dumps(found, allow_nan=False)) == found


@pytest.mark.parametrize("status", ["wrong_pair", "ambiguous", "insufficient"])
def test_an_unaligned_pair_gives_no_number_to_use(status: str) -> None:
    """A number without an alignment would be taken for one, so it is null."""
    found = sync_dict(
        result(
            status=status,
            offset_s=1.0,
            offset_ci_s=(0.0, 2.0),
            drift_ppm=3.0,
            drift_ci_ppm=(1.0, 5.0),
            lag_agent_s=1.0,
            lag_customer_s=1.0,
            jumps=(FoundJump(1.0, 2.0, (1.0, 3.0), (0.0, 2.0)),),
            customer_steps=(FoundJump(1.0, 2.0, (1.0, 3.0), (0.0, 2.0)),),
        )
    )
    numbers = ("offset_s", "offset_ci_s", "drift_ppm", "drift_ci_ppm", "lag_agent_s", "lag_customer_s")
    assert [found[name] for name in numbers] == [None] * len(numbers)
    assert found["jumps"] == found["customer_leg_delay_changes"] == []
    assert found["status"] == status


def test_the_error_is_reported_minus_measured() -> None:
    """A call end that was reported late has a positive error; without a measurement the error is null."""
    assert call_end_dict(CallEnd(62.0, 1.0), 61.25) == {
        "reported_s": 62.0,
        "reported_resolution_s": 1.0,
        "measured_s": 61.25,
        "error_s": 0.75,
    }
    unmeasured = call_end_dict(CallEnd(62.0, 1.0), None)
    assert (unmeasured["measured_s"], unmeasured["error_s"]) == (None, None)
