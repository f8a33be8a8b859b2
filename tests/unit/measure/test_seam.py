"""One seam, measured on made samples."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from made import noise

from komorebi_qc.core.samples import RATE
from komorebi_qc.core.splice import splice
from komorebi_qc.core.timebase import Alignment, Span
from komorebi_qc.core.timestamps.timing import Discontinuity
from komorebi_qc.measure.residual_lag import Block
from komorebi_qc.measure.seam import SHIFT_S, SIDE_S, SeamCheck, Side, check_seam

if TYPE_CHECKING:
    from collections.abc import Sequence

    from komorebi_qc.core.samples import Pcm

CALL_S, OFFSET_S = 20.0, 6.0
SEAM_S = OFFSET_S + CALL_S
PLANNED = splice(Alignment(OFFSET_S), call_s=CALL_S, recording_audio=Span(0.0, 34.0))
UNKNOWN = Side(None, None, None, None)
SEAM = SeamCheck(60.0, ("call", "recording"), UNKNOWN, UNKNOWN, None, 0.0, 0.0)


@pytest.fixture(scope="module")
def call() -> Pcm:
    """Both sides of a call."""
    return np.stack([noise(CALL_S, RATE, 1), noise(CALL_S, RATE, 2)], axis=1)


@pytest.fixture(scope="module")
def own() -> Pcm:
    """The recording's own audio."""
    mono = noise(34.0, RATE, 43)
    return np.stack([mono, mono], axis=1)


def joined(call: Pcm, own: Pcm, *, moved: int = 0, gain: float = 1.0) -> Pcm:
    """The output: the call up to the seam, then the recording, moved by so many samples and louder by a factor."""
    output = own.copy()
    seam, start = round(SEAM_S * RATE), round(OFFSET_S * RATE)
    output[seam:] = np.roll(own, moved, axis=0)[seam:] * np.float32(gain)
    output[start:seam] = call
    return output


def checked(output: Pcm, call: Pcm, own: Pcm, steps: Sequence[Discontinuity] = ()) -> SeamCheck:
    """Check the seam at the end of the call."""
    before, after = PLANNED.pieces[-2:]
    low, high = round((SEAM_S - SIDE_S - 0.3) * RATE), round((SEAM_S + SIDE_S + 0.3) * RATE)
    first, last = round((CALL_S - SIDE_S) * RATE), round((SEAM_S - 0.3) * RATE)
    return check_seam(
        before,
        after,
        Block(output[low:high], RATE, low / RATE),
        Block(call[first:], RATE, first / RATE),
        Block(own[last:high], RATE, last / RATE),
        steps,
    )


def test_a_seam_as_planned_has_no_fault(call: Pcm, own: Pcm) -> None:
    """Both sides are at their place, at the level of their sources."""
    seam = checked(joined(call, own), call, own)
    assert seam.sources == ("call", "recording")
    assert seam.output_s == SEAM_S
    assert seam.shift_s == pytest.approx(0.0, abs=1e-5)
    assert seam.gap_s == 0.0
    assert seam.added_step_db == pytest.approx(0.0, abs=0.01)


def test_faint_sound_beside_speech_moves_nothing(call: Pcm, own: Pcm) -> None:
    """Crosstalk at the end of a call fits at a place of its own; the speech before it is at its place."""
    faint, tail = call.copy(), round(1.4 * RATE)
    faint[-tail:] = np.roll(call, round(0.2 * RATE), axis=0)[-tail:] * np.float32(0.04)
    planned = call.copy()
    planned[-tail:] *= np.float32(0.04)
    seam = checked(joined(faint, own), planned, own)
    assert seam.before.lag_s == pytest.approx(0.0, abs=1e-4)


@pytest.mark.parametrize("moved_ms", [30.0, -30.0])
def test_a_moved_side_is_a_gap(call: Pcm, own: Pcm, moved_ms: float) -> None:
    """The recording 30 ms later, or earlier, to 0.1 ms."""
    seam = checked(joined(call, own, moved=round(moved_ms / 1000 * RATE)), call, own)
    assert seam.after.lag_s == pytest.approx(moved_ms / 1000, abs=1e-4)
    assert seam.gap_s == pytest.approx(moved_ms / 1000, abs=1e-4)


def test_a_louder_side_is_an_added_step(call: Pcm, own: Pcm) -> None:
    """Twice the amplitude is a step of 6 dB that the sources don't have."""
    seam = checked(joined(call, own, gain=2.0), call, own)
    assert seam.added_step_db == pytest.approx(6.02, abs=0.05)
    assert seam.level_step_db == pytest.approx(6.02 + (seam.source_step_db or 0.0), abs=0.05)


def test_only_near_steps_of_the_timestamps_belong_to_the_seam(call: Pcm, own: Pcm) -> None:
    """Steps within 150 ms are added up."""
    near = [Discontinuity(SEAM_S - 0.1, 0.064), Discontinuity(SEAM_S + 0.1, 0.02)]
    far = [Discontinuity(SEAM_S - 0.2, 1.0), Discontinuity(3.0, 1.0)]
    assert checked(joined(call, own), call, own, [*near, *far]).timestamp_gap_s == pytest.approx(0.084)


def test_a_silent_source_leaves_its_side_unknown(call: Pcm, own: Pcm) -> None:
    """Without a source there is no lag and no source level."""
    before, after = PLANNED.pieces[-2:]
    output = Block(joined(call, own)[: round((SEAM_S + 4.3) * RATE)], RATE, 0.0)
    seam = check_seam(before, after, output, None, None)
    assert seam.before.lag_s is seam.after.lag_s is None
    assert seam.before.source_level_db is None
    assert seam.shift_s is seam.hole_s is seam.gap_s is seam.added_step_db is None


def test_the_gap_is_the_shift_or_else_the_larger_of_hole_and_timestamps() -> None:
    """A shift below the threshold is noise; without any measurement the gap is unknown."""
    placed = Side(0.0, None, None, None)
    shifted = Side(2 * SHIFT_S, None, None, None)
    assert SEAM.gap_s is None
    assert replace(SEAM, after=shifted).gap_s == 2 * SHIFT_S
    assert replace(SEAM, before=placed, after=Side(SHIFT_S / 2, None, None, None)).gap_s == 0.0
    assert replace(SEAM, hole_s=0.03, timestamp_gap_s=-0.05).gap_s == 0.05
    assert replace(SEAM, hole_s=0.03, timestamp_gap_s=0.01).gap_s == 0.03
    assert replace(SEAM, timestamp_gap_s=-0.02).gap_s == 0.02
