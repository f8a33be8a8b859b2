"""All findings of a sync measurement: of a real one, and which ones there are without an alignment."""

from __future__ import annotations

import pytest
from made_sync import by_name, jump, result
from talkers import place as played_at
from talkers import talk

from komorebi_qc.core.limits import DEFAULT
from komorebi_qc.core.timebase import CallEnd
from komorebi_qc.findings.sync import sync_findings
from komorebi_qc.sync import Stretch, measure

CALL = talk(21, 60)
REPORTED = CallEnd(62.0, 1.0)


def test_a_real_measurement_has_all_findings() -> None:
    """A call 2.5 s into the recording, with a jump of 200 ms and a customer 180 ms late."""
    found = by_name(measure(CALL, played_at(CALL, 2.5, jumps=((30.0, 0.2),), customer_delay=1440)))
    assert found["sync_status"].value == "aligned"
    assert found["belonging"].status == "pass"
    assert found["jumps"].value == pytest.approx(0.2, abs=0.001)
    assert (found["jumps"].unit, found["jumps"].limit, found["jumps"].status) == ("s", 0.045, "warn")
    assert "The recording clock jumps: from 00:00:30" in found["jumps"].text
    assert "everything is 200.0 ms later in the recording than before" in found["jumps"].text
    assert found["customer_leg_delay"].value == pytest.approx(0.18, abs=0.001)
    assert found["customer_leg_delay"].status == "warn"
    assert abs(float(found["drift"].value)) < 2
    assert found["sides"].value == "both"
    assert (found["unexplained_speech"].value, found["unexplained_speech"].status) == (0.0, "pass")
    assert all(finding.text.endswith(".") for finding in found.values())
    assert all(finding.limit_name for name, finding in found.items() if name not in ("sync_status", "sides"))


def test_changed_limits_change_the_status() -> None:
    """A larger limit passes a jump, a smaller one fails a delay, and a limit that is off passes all."""
    limits = DEFAULT.changed_by("jumps=0.25, customer_leg_delay=0.05:0.1, coverage=off")
    unmatched = (Stretch(30.0, 50.0, 15.0),)
    found = by_name(result(jumps=(jump(0.2),), lag_customer_s=2.68, coverage=0.1, unmatched=unmatched), limits=limits)
    assert (found["jumps"].status, found["jumps"].limit) == ("pass", 0.25)
    assert (found["customer_leg_delay"].status, found["customer_leg_delay"].limit) == ("fail", 0.05)
    assert (found["coverage"].status, found["coverage"].limit) == ("pass", None)


@pytest.mark.parametrize(
    ("status", "verdict"), [("wrong_pair", "fail"), ("ambiguous", "warn"), ("insufficient", "warn")]
)
def test_without_an_alignment_there_are_only_status_and_belonging(status: str, verdict: str) -> None:
    """Nothing else was measured, so nothing else is compared with a limit."""
    found, belonging = sync_findings(result(status=status), REPORTED)
    assert (found.name, found.value, found.status) == ("sync_status", status, verdict)
    assert found.text.endswith("A reason.")
    assert (belonging.name, belonging.value, belonging.status) == ("belonging", "undetermined", verdict)


def test_two_different_calls_are_a_wrong_pair() -> None:
    """The measurement of two unrelated calls fails, and no other number is given."""
    measured = measure(CALL, played_at(talk(22, 60), 1.0))
    assert [(f.name, f.status) for f in sync_findings(measured, REPORTED)] == [
        ("sync_status", "fail"),
        ("belonging", "fail"),
    ]
