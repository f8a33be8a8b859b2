"""Speech level, bandwidth, holes and clicks of made samples."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from made import noise

from komorebi_qc.measure.seam_signal import bandwidth_hz, click_db, hole_s, level_db, speech_frames

if TYPE_CHECKING:
    from komorebi_qc.core.samples import Pcm

RATE = 16_000
FADE = slice(2 * RATE, 2 * RATE + 160)
"""A fade of 10 ms at the second second."""


def stereo(samples: Pcm) -> Pcm:
    """The same samples on both sides."""
    return np.stack([samples, samples], axis=1).astype(np.float32)


def steady(level: float = 0.1) -> Pcm:
    """Four seconds that alternate between two values: always sounding."""
    samples = np.full((4 * RATE, 2), level, np.float32)
    samples[::2] *= -1
    return samples


def test_level_and_bandwidth_are_those_of_the_speech() -> None:
    """Half the amplitude is 6 dB less; noise at 16 kHz reaches 7 kHz and more; low-passed noise ends at its edge."""
    speech = stereo(noise(4.0, RATE, 9))
    frames = speech_frames(speech, RATE)
    level, quieter = level_db(speech, frames, RATE), level_db(speech * np.float32(0.5), frames, RATE)
    assert level is not None
    assert quieter == pytest.approx(level - 6.02, abs=0.01)
    assert bandwidth_hz(speech, frames, RATE) == pytest.approx(7500, abs=500)
    spectrum = np.fft.rfft(speech, axis=0)
    spectrum[np.fft.rfftfreq(len(speech), 1 / RATE) > 2000] = 0.0
    narrow = np.fft.irfft(spectrum, len(speech), axis=0).astype(np.float32)
    assert bandwidth_hz(narrow, frames, RATE) == pytest.approx(2000, abs=250)


def test_steady_noise_and_short_audio_have_no_speech() -> None:
    """Without frames of speech nothing is measured."""
    for samples in (steady(), stereo(noise(4.0, RATE, 9))[:10], steady(0.0)):
        frames = speech_frames(samples, RATE)
        assert len(frames) == 0
        assert level_db(samples, frames, RATE) is bandwidth_hz(samples, frames, RATE) is None


def test_speech_is_the_second_nearest_to_the_front() -> None:
    """At most 50 frames of 20 ms, in order, each of them loud."""
    speech = stereo(noise(8.0, RATE, 9))
    frames = speech_frames(speech, RATE)
    assert len(frames) == 50
    assert (np.diff(frames) > 0).all()
    power = np.square(speech[: len(speech) // 320 * 320, 0]).reshape(-1, 320).mean(axis=1)
    assert power[frames].min() > 1e-4


@pytest.mark.parametrize("begin_s", [1.9, 2.0, 2.02, 2.1])
@pytest.mark.parametrize("length_s", [0.012, 0.030])
def test_a_hole_is_found_with_its_length(begin_s: float, length_s: float) -> None:
    """Before, on and after the fade, to 3 ms."""
    cut = steady()
    cut[round(begin_s * RATE) : round((begin_s + length_s) * RATE)] = 0.0
    assert hole_s(cut, steady(), steady(), FADE, RATE) == pytest.approx(length_s, abs=0.003)


def test_a_quiet_or_short_gap_is_not_a_hole() -> None:
    """A whole output, a quieter copy and a gap of 4 ms have no hole; silent sources can't show one."""
    whole = steady()
    assert hole_s(whole, whole, whole, FADE, RATE) == 0.0
    assert hole_s(whole * np.float32(0.03), whole, whole, FADE, RATE) == 0.0
    whole[FADE.start : FADE.start + 64] = 0.0
    assert hole_s(whole, steady(), steady(), FADE, RATE) == 0.0
    silence = steady(0.0)
    assert hole_s(silence, silence, silence, FADE, RATE) is None


def test_a_click_exceeds_the_bends_of_its_surroundings() -> None:
    """Speech as planned has no click. A sample of half of full scale is a click near the fade, not farther away."""
    speech = stereo(noise(4.0, RATE, 9))
    assert click_db(speech, speech, speech, FADE, RATE) < 1.0
    near, far = speech.copy(), speech.copy()
    near[FADE.start + 100] += 0.5
    far[FADE.start + RATE] += 0.5
    assert click_db(near, speech, speech, FADE, RATE) > 6.0
    assert click_db(far, speech, speech, FADE, RATE) < 1.0


def test_a_click_below_the_floor_is_inaudible() -> None:
    """A bend of less than -50 dBFS in silence stays below 0 dB."""
    silence = steady(0.0)
    ticking = silence.copy()
    ticking[FADE.start] = 0.001
    assert click_db(ticking, silence, silence, FADE, RATE) < 0.0
