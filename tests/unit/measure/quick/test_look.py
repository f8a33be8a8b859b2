"""A quick look at calls of known truth."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from spans_in_memory import ArrayReader
from talkers import RATE, place, talk

from komorebi_qc.core.timebase import CallEnd
from komorebi_qc.measure.quick.look import QuickLook, look
from komorebi_qc.measure.quick.places import CallView

CALL_S = 240.0


@cache
def call() -> np.ndarray:
    """A conversation."""
    return talk(11, CALL_S)


def quick_look(recording: np.ndarray, reported_s: float, ours: np.ndarray | None = None) -> QuickLook:
    """A look at a recording by a reported call end in whole seconds."""
    return look(call() if ours is None else ours, ArrayReader(recording), CallEnd(reported_s, 1.0))


@pytest.mark.parametrize(("offset_s", "drift_ppm"), [(3.217, 0.0), (-7.5, 60.0)])
def test_a_plain_call_is_clean_and_exact(offset_s: float, drift_ppm: float) -> None:
    """Offset and drift are right to 0.1 ms and 0.3 ppm, from a third of the recording."""
    recording = place(call(), offset_s, drift_ppm)
    found = quick_look(recording, float(int(offset_s + CALL_S)))
    assert found.is_clean, found
    assert found.result is not None
    assert found.result.offset_s == pytest.approx(offset_s, abs=1e-4)
    assert found.result.drift_ppm == pytest.approx(drift_ppm, abs=0.3)
    assert found.result.jumps == ()
    assert found.recording_read_s < CALL_S / 3


def test_a_jump_is_found_and_left_in_doubt() -> None:
    """The place is sure; whose jump it is needs more than pieces."""
    found = quick_look(place(call(), 2.0, jumps=((110.0, 0.35),)), 242.0)
    assert found.doubts == ()
    assert found.clock_doubts == ("1 jump of the clock",)
    assert found.result is not None
    (jump,) = found.result.jumps
    assert jump.size_s == pytest.approx(0.35, abs=1e-3)
    assert jump.call_s == pytest.approx(110.0, abs=8.0)


@pytest.mark.parametrize("at_s", [3.1, 6.4, CALL_S - 4.5])
def test_a_jump_near_an_end_is_found(at_s: float) -> None:
    """The first and the last seconds have pieces on both of its sides."""
    ours = talk(1, CALL_S)
    found = quick_look(place(ours, 2.0, jumps=((at_s, 0.25),)), 242.0, ours)
    assert "1 jump of the clock" in found.clock_doubts or found.doubts
    assert found.result is not None
    assert found.result.offset_s == pytest.approx(2.0, abs=1e-3)


def _doubts(found: QuickLook) -> str:
    return "; ".join(found.doubts)


def test_another_call_is_in_doubt() -> None:
    """Nothing of it agrees at the reported end."""
    found = quick_look(place(talk(12, CALL_S), 2.0), 242.0)
    assert not found.is_clean
    assert "nothing agrees" in _doubts(found) or "aren't in the recording" in _doubts(found)


def test_a_wrong_call_end_is_in_doubt() -> None:
    """A call that is elsewhere isn't searched in all of the recording."""
    found = quick_look(place(call(), 2.0), 262.0)
    assert found.result is None
    assert _doubts(found) == "nothing agrees at the reported call end"


def test_repeated_words_dont_end_the_search() -> None:
    """A few pieces of a long call also agree 12 s later, where a wrong call end places them: the others don't."""
    ours = talk(15, 1000.0)
    for piece in (found := CallView(ours).pieces())[0], found[8], found[16]:
        first, count = round(piece.span.start_s * RATE), round(piece.span.length_s * RATE)
        ours[first + 12 * RATE : first + 12 * RATE + count] = ours[first : first + count]
    look_at = quick_look(place(ours, 2.0), 1014.0, ours)
    assert look_at.is_clean, look_at
    assert look_at.result is not None
    assert look_at.result.offset_s == pytest.approx(2.0, abs=1e-3)


def test_an_agent_who_left_is_in_doubt() -> None:
    """The last words of the call aren't in the recording."""
    recording = place(call(), 2.0)
    recording[round(162.0 * RATE) : round(242.0 * RATE)] = place(talk(13, CALL_S), 2.0)[
        round(162.0 * RATE) : round(242.0 * RATE)
    ]
    assert "aren't in the recording" in _doubts(quick_look(recording, 242.0))


def _loop(seconds: float, period_s: float) -> np.ndarray:
    rng = np.random.default_rng(4)
    one = rng.normal(0, 2500, round(period_s * RATE))
    return np.resize(one, round(seconds * RATE)).astype(np.int16)


def test_music_alone_is_in_doubt() -> None:
    """A loop agrees at many places, and has no turns."""
    ours = np.stack([_loop(CALL_S, 9.0), np.zeros(round(CALL_S * RATE), np.int16)], axis=1)
    found = quick_look(place(ours, 2.0), 242.0, ours)
    assert not found.is_clean


def test_a_short_call_is_measured_whole() -> None:
    """Its pieces would be most of it."""
    short = talk(14, 60)
    assert "too short" in _doubts(quick_look(place(short, 2.0), 62.0, short))


@pytest.mark.parametrize("offset_s", [400.0, -500.0])
def test_a_call_that_is_reported_outside_of_the_recording(offset_s: float) -> None:
    """Nothing is read where the recording has nothing."""
    found = quick_look(place(call(), 2.0), offset_s + CALL_S)
    assert not found.is_clean
    assert found.recording_read_s < CALL_S / 3


def test_only_the_place_in_question_costs_more() -> None:
    """A late recording without the call's first minute is still settled by the rest."""
    recording = place(call(), 2.0)[round(60 * RATE) :]
    found = quick_look(recording, 182.0)
    assert found.is_clean, found
    assert found.result is not None
    assert found.result.offset_s == pytest.approx(-58.0, abs=1e-4)
    assert found.recording_read_s < CALL_S / 3
