"""Bandwidth, noise floor and SNR."""

from __future__ import annotations

import numpy as np
import pytest
from level_signals import levels, white


@pytest.mark.parametrize("snr", [10.0, 20.0, 30.0])
def test_snr_and_noise_floor_of_speech_in_noise(snr: float) -> None:
    """Noise of a known level under bursts of a known level is found to 1.5 dB."""
    bursts = np.concatenate([white(-20, 2), np.zeros(12000, np.float32)])
    pcm = np.tile(bursts, 6)
    pcm = pcm + white(-20 - snr, len(pcm) / 8000, seed=9)
    channel = levels(pcm)
    assert channel.noise_floor_dbfs == pytest.approx(-20 - snr, abs=1.0)
    assert channel.snr_db == pytest.approx(snr, abs=1.5 if snr > 15.9 else 3.0)


def test_snr_of_mere_noise_is_unknown() -> None:
    """Steady noise has no SNR."""
    assert levels(white(-30, 20)).snr_db is None


@pytest.mark.parametrize("edge", [2000, 3400, 7000])
def test_bandwidth_is_where_the_sound_ends(edge: int) -> None:
    """Noise with a hard upper edge has that bandwidth to 150 Hz."""
    rate = 16000
    spectrum = np.fft.rfft(white(-20, 10, rate))
    spectrum[int(edge * 10) :] = 0
    pcm = np.fft.irfft(spectrum).astype(np.float32)
    assert levels(pcm, rate).bandwidth_hz == pytest.approx(edge, abs=150)
