"""Integrated loudness against EBU's test signals and FFmpeg's ebur128."""

from __future__ import annotations

import numpy as np
import pytest
from captures import CAPTURES
from level_signals import RATES, at_rate, ebur128, metered, read_wav, sine

from komorebi_qc.measure.levels.loudness import k_weighting


@pytest.mark.parametrize("rate", RATES)
def test_r128_reference_tone(rate: int) -> None:
    """A stereo sine of 1 kHz whose peak is -23 dBFS has -23 LUFS (EBU Tech 3341, case 1), at each rate."""
    tone = np.repeat(sine(-23, 20, rate)[:, None], 2, axis=1)
    assert metered(tone, rate).loudness_lufs() == pytest.approx(-23.0, abs=0.1)


@pytest.mark.parametrize("rate", RATES)
def test_gates_follow_r128(rate: int) -> None:
    """Quiet parts 13 dB down and silence don't count (EBU Tech 3341, case 3)."""
    parts = [sine(-36, 10, rate), sine(-23, 60, rate), sine(-36, 10, rate)]
    tone = np.repeat(np.concatenate(parts)[:, None], 2, axis=1)
    assert metered(tone, rate, 9999).loudness_lufs() == pytest.approx(-23.0, abs=0.1)


def test_weighting_at_48_khz_is_the_standards() -> None:
    """The derived filters agree with the numbers that BS.1770 prints for 48 kHz."""
    (b, a), (_, a_high) = k_weighting(48000)
    assert b == pytest.approx((1.53512485958697, -2.69169618940638, 1.19839281085285), abs=1e-7)
    assert a == pytest.approx((-1.69065929318241, 0.73248077421585), abs=1e-7)
    assert a_high == pytest.approx((-1.99004745483398, 0.99007225036621), abs=1e-7)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("name", sorted(CAPTURES))
def test_loudness_of_voices_is_ffmpegs(name: str, rate: int) -> None:
    """Integrated loudness of the shipped calls is within 0.1 LU of FFmpeg's ebur128, at each rate."""
    pcm, rate_in = read_wav(CAPTURES[name].call)
    pcm = at_rate(pcm, rate_in, rate)
    assert metered(pcm, rate).loudness_lufs() == pytest.approx(ebur128(pcm, rate)["I"], abs=0.1)


@pytest.mark.parametrize("rate", [8000, 16000, 44100, 48000])
@pytest.mark.parametrize("hertz", [60.0, 440.0, 1000.0, 3000.0])
def test_loudness_of_tones_is_ffmpegs(rate: int, hertz: float) -> None:
    """Integrated loudness of tones over the band is within 0.1 LU of FFmpeg's ebur128."""
    tone = sine(-12, 6, rate, hertz)
    assert metered(tone, rate).loudness_lufs() == pytest.approx(ebur128(tone, rate)["I"], abs=0.1)
