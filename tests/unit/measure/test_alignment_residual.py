"""The call in a file compared with the recording's own sound, on made samples."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from made import noise

from komorebi_qc.core.samples import RATE
from komorebi_qc.core.splice import splice
from komorebi_qc.core.timebase import Alignment, Span
from komorebi_qc.measure.alignment_residual import (
    FEWEST,
    MOST,
    SOUND,
    AlignmentResidual,
    OwnSound,
    VoiceLag,
    measure_voice,
    own_sound,
)
from komorebi_qc.measure.check_spans import followed_windows
from komorebi_qc.measure.residual_lag import BLOCK, Block

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from komorebi_qc.measure.alignment_residual import Voice

CALL_S, OFFSET_S, OWN_S = 40.0, 3.0, 50.0
CALL = np.stack([noise(CALL_S, RATE, 1), noise(CALL_S, RATE, 2)], axis=1)
PLANNED = splice(Alignment(OFFSET_S), call_s=CALL_S, recording_audio=Span(0.0, OWN_S))


def recorded(*channels: int, late_s: float = 0.0) -> NDArray[np.int16]:
    """A recording that has these voices of the call, later than planned."""
    out = np.zeros(round(OWN_S * RATE), np.float32)
    first = round((OFFSET_S + late_s) * RATE)
    out[first : first + len(CALL)] = CALL[:, list(channels)].sum(axis=1)
    return np.round(out * 32767).astype(np.int16)


def sounds_of(recording: NDArray[np.int16], voice: Voice = "agent") -> list[OwnSound]:
    """The recording's own sound around the windows of a voice."""
    return [s for s in own_sound(CALL, recording, followed_windows(PLANNED), PLANNED) if s.voice == voice]


def as_planned(sounds: list[OwnSound], late_s: Callable[[float], float] = lambda _: 0.0) -> list[Block]:
    """A file that plays the call where it was planned, or later by this at a moment of the output."""
    blocks = []
    for sound in sounds:
        first = round((sound.call_s - late_s(sound.output_s)) * RATE) - BLOCK // 2
        pcm = np.zeros((BLOCK, 2), np.float32)
        part = CALL[max(first, 0) : first + BLOCK]
        pcm[max(-first, 0) :][: len(part)] = part
        blocks.append(Block(pcm, RATE, sound.output_s - BLOCK / RATE / 2))
    return blocks


def measured(
    recording: NDArray[np.int16], voice: Voice = "agent", late_s: Callable[[float], float] = lambda _: 0.0
) -> AlignmentResidual:
    """The residual of a voice in a file, compared with a recording."""
    sounds = sounds_of(recording, voice)
    return measure_voice(voice, sounds, as_planned(sounds, late_s))


def test_a_right_alignment_leaves_nothing() -> None:
    """Nearly all active windows are found, under the customer's voice, too, each within a tenth of a millisecond."""
    residual = measured(recorded(0, 1))
    assert residual.active >= 20
    assert residual.is_measured
    assert residual.missing < 0.1
    assert residual.p95_s == pytest.approx(0.0, abs=1e-4)
    assert residual.worst is not None
    assert abs(residual.worst.lag_s) < 1e-4


@pytest.mark.parametrize("late_ms", [3.0, -30.0, 240.0, 700.0, -1400.0])
def test_a_wrong_offset_is_measured(late_ms: float) -> None:
    """The voice is later in the recording than in the file: each window shows it, far from its place as well."""
    residual = measured(recorded(0, 1, late_s=late_ms / 1000))
    assert residual.median_s == pytest.approx(late_ms / 1000, abs=1e-4)
    assert residual.p95_s == pytest.approx(abs(late_ms) / 1000, abs=1e-4)
    assert residual.missing < 0.2


def test_a_missed_bend_is_measured() -> None:
    """A file that goes late by 8 ms in the second half of the call: half of the windows are right, the worst isn't."""
    residual = measured(recorded(1), late_s=lambda output_s: 0.008 * max(0.0, (output_s - 23.0) / 20.0))
    assert residual.p95_s == pytest.approx(0.0075, abs=0.001)
    assert residual.worst is not None
    assert residual.worst.lag_s == pytest.approx(-0.0078, abs=5e-4)
    assert residual.worst.output_s > 40.0
    assert abs(residual.windows[0].lag_s) < 1e-4


def test_a_jump_that_was_missed_is_measured() -> None:
    """From the middle on, the file plays 0.6 s too early: no window there is near its place, and all are found."""
    residual = measured(recorded(0, 1), late_s=lambda output_s: -0.6 if output_s > 23.0 else 0.0)
    assert residual.missing < 0.2
    assert residual.p95_s == pytest.approx(0.6, abs=1e-4)
    assert {round(w.lag_s, 3) + 0.0 for w in residual.windows} == {0.0, 0.6}


def test_other_sound_is_not_found() -> None:
    """A recording of another call has none of the windows, and all are missing."""
    other = np.round(noise(OWN_S, RATE, 9) * 32767).astype(np.int16)
    residual = measured(other)
    assert (residual.windows, residual.is_measured, residual.p95_s, residual.worst) == ((), False, None, None)
    assert residual.missing == 1.0


def test_a_silent_recording_has_nothing_to_compare() -> None:
    """Without sound in the recording no window counts as missing."""
    residual = measured(np.zeros(round(OWN_S * RATE), np.int16))
    assert (residual.windows, residual.active, residual.missing) == ((), 0, 0.0)
    assert measure_voice("agent", [], []) == AlignmentResidual("agent", (), 0)


def test_the_customers_delay_is_no_residual() -> None:
    """The customer reaches the agent's ears 180 ms later: its median is subtracted, and a change remains."""
    late = measured(recorded(0, late_s=0.18), "customer")
    assert [w.lag_s for w in late.windows] == pytest.approx([0.18] * len(late.windows), abs=1e-4)
    assert late.p95_s == pytest.approx(0.0, abs=1e-4)
    bent = measured(recorded(0, late_s=0.18), "customer", lambda output_s: 0.01 * (output_s > 33.0))
    assert bent.worst is not None
    assert bent.worst.lag_s == pytest.approx(-0.01, abs=2e-4)


def test_an_isolated_lag_does_not_count() -> None:
    """A word that is found at another place once says nothing about the map."""
    sounds = sounds_of(recorded(1))
    outputs = as_planned(sounds)
    stray = as_planned([sounds[4]], lambda _: 0.12)[0]
    residual = measure_voice("agent", sounds, [*outputs[:4], stray, *outputs[5:]])
    assert len(residual.windows) == len(sounds) - 1
    assert residual.worst is not None
    assert abs(residual.worst.lag_s) < 1e-4


def test_windows_are_thinned_out_and_wide_enough() -> None:
    """At most 32 of the agent and 16 of the customer, each with 1.5 s of the recording's sound to either side."""
    sounds = own_sound(CALL, recorded(0, 1), followed_windows(PLANNED), PLANNED)
    for voice, most in MOST.items():
        own = [s for s in sounds if s.voice == voice]
        assert 10 <= len(own) <= most
        assert [s.output_s for s in own] == sorted(s.output_s for s in own)
    assert {len(s.pcm) for s in sounds} == {SOUND}
    for sound in sounds:
        middle_s = sound.start_s + SOUND / RATE / 2
        assert middle_s == pytest.approx(sound.output_s, abs=1 / RATE)


def test_the_sound_comes_from_the_place_in_the_file() -> None:
    """A call that began first moves the output clock: the recording's sound is found that much earlier on its own."""
    planned = splice(Alignment(-2.0), call_s=CALL_S, recording_audio=Span(0.0, OWN_S))
    recording = np.zeros(round(OWN_S * RATE), np.int16)
    recording[round(10.0 * RATE)] = 1000  # second 12 of the output
    (first, *_) = [s for s in own_sound(CALL, recording, followed_windows(planned), planned) if s.pcm.any()]
    (index,) = np.flatnonzero(first.pcm)
    assert first.start_s + index / RATE == pytest.approx(12.0, abs=1e-9)


def test_known_steps_of_one_voice_are_taken_off() -> None:
    """A step of the agent's voice alone is known: with what the alignment follows of it, nothing remains."""
    windows = tuple(VoiceLag(3.0 + t, t, 0.01 if t < 20 else -0.02) for t in (5.0, 10.0, 25.0, 30.0))
    residual = AlignmentResidual("agent", windows, len(windows))
    corrected = residual.without_steps([(20.0, -0.03)], -0.01)
    assert [w.lag_s for w in corrected.windows] == pytest.approx([0.0] * 4)
    assert residual.p95_s == pytest.approx(0.02)


def test_two_windows_are_no_measurement() -> None:
    """Fewer than three windows give no value."""
    windows = tuple(VoiceLag(t, t, 0.05) for t in (1.0, 2.0))
    few = AlignmentResidual("agent", windows, 10)
    assert len(windows) < FEWEST
    assert (few.p95_s, few.median_s, few.worst, few.lags) == (None, None, None, ())
    assert replace(few, active=2).missing == 0.0
