"""True peak against FFmpeg's ebur128 and known sines."""

from __future__ import annotations

import math

import numpy as np
import pytest
from captures import CAPTURES
from level_signals import RATES, at_rate, ebur128, levels, metered, read_wav, sine


@pytest.mark.parametrize("rate", RATES)
def test_true_peak_of_voices_is_ffmpegs(rate: int) -> None:
    """True peaks of the sample call's channels are within 0.1 dB of FFmpeg's ebur128."""
    pcm, rate_in = read_wav(CAPTURES["sample"].call)
    pcm = at_rate(pcm, rate_in, rate)
    theirs = ebur128(pcm, rate)
    for number, channel in enumerate(metered(pcm, rate).result()):
        magnitude = theirs[f"true_peaks_ch{number}"]
        assert channel.true_peak_dbtp == pytest.approx(20 * math.log10(magnitude), abs=0.1)


@pytest.mark.parametrize("phase", [0.0, 0.4, math.pi / 4, 1.3])
@pytest.mark.parametrize("hertz", [500.0, 1000.0, 2000.0, 3000.0])
def test_true_peak_lies_between_samples(hertz: float, phase: float) -> None:
    """A sine's true peak is found to 0.7 dB under and 0.1 dB over, whatever its samples hit (BS.1770-5, annex 2)."""
    channel = levels(sine(-6, 2, 8000, hertz, phase))
    assert channel.true_peak_dbtp is not None
    fade_db = 20 * math.log10(math.cos(math.pi * hertz / 8000 / 4))  # the worst place between 4 points a sample
    # The sine begins and ends at once, which overshoots a little.
    assert -6 + fade_db - 0.1 <= channel.true_peak_dbtp <= -6 + 1.0


def test_true_peak_of_what_is_cut_into_blocks() -> None:
    """A peak between samples is found wherever the blocks and frames end, as by brute force."""
    for at in range(790, 811):
        pcm = np.zeros(2400, np.float32)
        pcm[at : at + 2] = 0.5
        found = levels(pcm, step=800).true_peak_dbtp
        assert found == pytest.approx(20 * math.log10(0.5 * 4 / math.pi), abs=0.25)
