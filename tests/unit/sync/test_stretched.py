"""A recording whose clock is far off: stretched onto the call's rate, measured, and put back on its own clock."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_sync import result
from talkers import RATE, place, talk

from komorebi_qc.core.timebase import Alignment, Jump, Knot
from komorebi_qc.sync import Candidate, FoundJump, RecordingSpan, SyncResult, Window, measure
from komorebi_qc.sync.evidence.alternative_offsets import AlternativeOffset
from komorebi_qc.sync.stretched import put_back, stretched


@pytest.mark.parametrize("drift", [1e-3, -1e-3, 4e-4, 0.0])
@pytest.mark.parametrize("seconds", [0.0, 0.5, 150.0])
def test_a_stretched_recording_is_as_long_as_the_call_takes(seconds: float, drift: float) -> None:
    """Blocks of it leave no hole: its length is that of the recording by the other clock, to a millisecond."""
    recording = np.zeros(int(seconds * RATE), np.int16)
    found = stretched(recording, drift)
    assert found.dtype == np.int16
    assert len(found) / RATE == pytest.approx(seconds / (1 + drift), abs=2e-3)


def test_a_stretched_sound_comes_at_its_time_on_the_other_clock() -> None:
    """A click near the end of a recording of two and a half minutes moves by the drift, to a sample."""
    recording = np.zeros(150 * RATE, np.int16)
    recording[140 * RATE] = 20_000
    for drift in (1e-3, -1e-3):
        assert np.argmax(np.abs(stretched(recording, drift))) / RATE == pytest.approx(140 / (1 + drift), abs=2 / RATE)


def measured_stretched() -> SyncResult:
    """A measurement of a stretched recording, with everything that has a recording time."""
    jump = FoundJump(30.0, 0.5, (0.499, 0.501), (29.0, 31.0))
    return result(
        offset_s=2.5,
        drift_ppm=3.0,
        jumps=(jump,),
        customer_steps=(FoundJump(40.0, 0.02, (0.019, 0.021), (39.0, 41.0)),),
        knots=(Knot(0.0, 0.0), Knot(20.0, 0.001), Knot(60.0, 0.0)),
        alternative_offsets=(AlternativeOffset(10.5, 8.0, 0.9),),
        windows=(Window(10.0, 2.5, "agent", 80.0, accepted=True),),
        recording_spans=(RecordingSpan(70.0, 80.0, "after", 5.0),),
        candidates=(Candidate(2.5, 62.5, 1.0, 30.0, 1.0),),
        spans_alignment=Alignment(2.5, 3.0, (Jump(30.0, 0.5),)),
    )


@settings(max_examples=30, deadline=None)
@given(st.floats(-2e-3, 2e-3), st.floats(0.0, 60.0))
def test_the_map_is_put_back_as_a_whole(drift: float, call_s: float) -> None:
    """Every moment of the call has its recording time on the recording's own clock: offset, jumps, bends and drift."""
    before = measured_stretched()
    after = put_back(before, drift, 62.0)
    assert before.alignment is not None
    assert after.alignment is not None
    expected_s = before.alignment.to_recording(call_s) * (1 + drift)
    assert after.alignment.to_recording(call_s) == pytest.approx(expected_s, abs=1e-9)


def test_all_recording_times_are_put_back_and_no_call_time() -> None:
    """A thousandth: the places, the call end, the windows' lags and the recording's speech move; the call's don't."""
    before = measured_stretched()
    r = put_back(before, 1e-3, 61.0)
    rate = 1.001
    assert r.reported_call_end_s == 61.0
    assert r.measured_call_end_s == pytest.approx(62.5 * rate)
    assert (r.lag_agent_s, r.lag_customer_s) == pytest.approx((2.5 * rate, 2.5 * rate))
    assert r.offset_ci_s == pytest.approx((2.499 * rate, 2.501 * rate))
    assert r.drift_ci_ppm is not None
    assert r.drift_ci_ppm == pytest.approx((999.0, 1001.0), abs=0.01)
    assert (r.candidates[0].offset_s, r.candidates[0].call_end_s) == pytest.approx((2.5 * rate, 62.5 * rate))
    assert (r.recording_spans[0].from_s, r.recording_spans[0].to_s) == pytest.approx((70.0 * rate, 80.0 * rate))
    assert r.alternative_offsets[0].offset_s == pytest.approx(10.5 * rate)
    assert r.windows[0].call_s + r.windows[0].lag_s == pytest.approx(12.5 * rate)
    assert r.spans_alignment is not None
    assert r.spans_alignment.to_recording(50.0) == pytest.approx((2.5 + 50 * (1 + 3e-6) + 0.5) * rate)
    assert [(j.call_s, j.between_s) for j in r.jumps] == [(j.call_s, j.between_s) for j in before.jumps]
    assert (r.status, r.coverage, r.sides) == (before.status, before.coverage, before.sides)


def test_a_result_without_numbers_stays_without() -> None:
    """Undetermined values are never scaled into numbers."""
    r = put_back(result(status="insufficient"), 1e-3, None)
    assert (r.offset_s, r.offset_ci_s, r.drift_ppm, r.drift_ci_ppm) == (None,) * 4
    assert (r.lag_agent_s, r.lag_customer_s, r.measured_call_end_s, r.reported_call_end_s) == (None,) * 4
    assert (r.alignment, r.spans_alignment, r.candidates) == (None, None, ())


@pytest.mark.parametrize("ppm", [600.0, -1000.0])
def test_a_clock_that_is_far_off_is_measured(ppm: float) -> None:
    """A thousandth is drift: no jump, no bend, and the map is right to a tenth of a millisecond to the call's end."""
    call = talk(401, 80)
    r = measure(call, place(call, 2.0, ppm, customer_delay=400), 82.0)
    assert r.status == "aligned"
    assert r.alignment is not None
    assert (r.jumps, r.knots, r.reported_call_end_s) == ((), (), 82.0)
    for call_s in (0.0, 40.0, 80.0):
        assert r.alignment.to_recording(call_s) == pytest.approx(2.0 + call_s * (1 + ppm * 1e-6), abs=1e-4)
    assert r.measured_call_end_s == pytest.approx(2.0 + 80.0 * (1 + ppm * 1e-6), abs=1e-4)
