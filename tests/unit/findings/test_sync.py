"""What the measurement has to say, and which alignment is used."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from talkers import place as heard_at
from talkers import talk

from komorebi_qc.core.errors import WrongPairError
from komorebi_qc.core.limits import DEFAULT
from komorebi_qc.core.timebase import Alignment, CallEnd
from komorebi_qc.findings.sync import call_end_finding, sync_dict, sync_findings
from komorebi_qc.pipeline.placement import place
from komorebi_qc.sync import Stretch, SyncResult, measure

CALL = talk(21, 60)
TOLD = CallEnd(62.0, 1.0)


def aligned() -> SyncResult:
    """A call that begins 2.5 s into the recording, with a jump and a customer who is heard 180 ms late."""
    return measure(CALL, heard_at(CALL, 2.5, jumps=((30.0, 0.2),), customer_delay=1440))


def wrong() -> SyncResult:
    """Two calls that have nothing to do with each other."""
    return measure(CALL, heard_at(talk(22, 60), 1.0))


@pytest.mark.parametrize(
    ("told", "measured_s", "status", "limit_s"),
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
def test_a_told_end_may_be_early_by_its_resolution(
    told: CallEnd, measured_s: float, status: str, limit_s: float
) -> None:
    """Whole seconds are cut off: up to one early is no error, half a second more is, and over a minute fails."""
    found = call_end_finding(told, measured_s)
    assert (found.status, found.limit) == (status, limit_s)


def test_each_number_has_its_finding() -> None:
    """Offset, drift, jumps, sides, the customer's leg and coverage: each with its value, limit and sentence."""
    found = {f.name: f for f in sync_findings(aligned(), TOLD)}
    assert found["sync_status"].value == "aligned"
    assert found["jumps"].value == pytest.approx(0.2, abs=0.001)
    assert (found["jumps"].unit, found["jumps"].limit) == ("s", 0.045)
    assert found["jumps"].status == "warn"
    assert "the call: +200.0 ms" in found["jumps"].text
    assert found["customer_leg_delay"].value == pytest.approx(0.18, abs=0.001)
    assert found["customer_leg_delay"].status == "warn"
    assert abs(float(found["drift"].value)) < 2
    assert found["sides"].value == "both"
    assert all(f.text.endswith(".") for f in found.values())
    assert all(f.judged_by for name, f in found.items() if name not in ("sync_status", "sides"))


def test_changes_of_the_customers_leg_are_told() -> None:
    """The customer's leg moves by 300 ms and the clock doesn't: a warning with its moment, in the JSON as well."""
    call = talk(23, 120)
    late = call.copy()
    late[60 * 8000 :, 0] = np.roll(call[:, 0], 2400)[60 * 8000 :]
    result = measure(call, heard_at(late, 1.5))
    found = {f.name: f for f in sync_findings(result, TOLD)}["customer_leg_steps"]
    assert (found.status, found.limit) == ("warn", 0.15)
    assert found.value == pytest.approx(0.3, abs=0.001)
    assert found.at is not None
    assert "delay changes: +300.0 ms at 00:0" in found.text
    assert [s["size_s"] for s in sync_dict(result)["customer_steps"]] == pytest.approx([0.3], abs=0.001)


def test_what_agrees_with_nothing_is_told() -> None:
    """A first part that wasn't measured: coverage warns and names it, and the offset says that it is the rest's."""
    result = replace(aligned(), unmatched=(Stretch(0.0, 20.0, 12.0),))
    found = {f.name: f for f in sync_findings(result, TOLD)}
    assert found["coverage"].status == "warn"
    assert "From 00:00:00" in found["coverage"].text
    assert "12 s of speech agree with nothing" in found["coverage"].text
    assert "what comes before it agrees with nothing" in found["offset_uncertainty"].text


def test_other_limits_judge_otherwise() -> None:
    """A jump that somebody puts up with passes, a delay that they don't fails, and what is off passes and says so."""
    limits = DEFAULT.changed_by("jumps=0.25, customer_leg_delay=0.05:0.1, coverage=off")
    found = {f.name: f for f in sync_findings(aligned(), TOLD, limits)}
    assert (found["jumps"].status, found["jumps"].limit) == ("pass", 0.25)
    assert (found["customer_leg_delay"].status, found["customer_leg_delay"].limit) == ("fail", 0.05)
    assert (found["coverage"].status, found["coverage"].limit) == ("pass", None)
    assert "Not judged" in found["coverage"].text


def test_a_wrong_pair_gives_no_number_to_use() -> None:
    """Its only finding fails, and the JSON has no offset that somebody might take for one."""
    result = wrong()
    assert result.status == "wrong_pair"
    assert [(f.name, f.status) for f in sync_findings(result, TOLD)] == [("sync_status", "fail")]
    found = json.loads(json.dumps(sync_dict(result), allow_nan=False))
    assert found["offset_s"] is None
    assert found["drift_ppm"] is None
    assert found["jumps"] == []


def test_the_sure_measurement_is_used() -> None:
    """Measured where it is aligned, given where the caller gives one, told where nothing is sure."""
    sure, unsure = aligned(), measure(CALL[:8000], heard_at(CALL, 2.5))
    assert place(TOLD, 60.0, given=None, measured=sure, force=False).source == "measured"
    assert place(TOLD, 60.0, given=Alignment(1.0), measured=None, force=False).source == "given"
    told = place(TOLD, 60.0, given=None, measured=unsure, force=False)
    assert unsure.status == "insufficient"
    assert (told.source, told.alignment.offset_s) == ("told", 2.0)
    assert place(TOLD, 60.0, given=None, measured=None, force=False).source == "told"


def test_a_wrong_pair_stops_everything_but_force() -> None:
    """It is a permanent error; forced, the call is placed as told."""
    with pytest.raises(WrongPairError, match="different calls"):
        place(TOLD, 60.0, given=None, measured=wrong(), force=False)
    assert place(TOLD, 60.0, given=None, measured=wrong(), force=True).source == "told"
